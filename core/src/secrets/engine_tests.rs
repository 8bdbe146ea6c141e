use agentfirewall_sdk::{
    __private, Confidence, Factory, Meta, NoConfig, Plugin, PluginError, Registration, Severity,
};
use serde_json::json;

use super::*;

/// What the test detectors do at each hit, or with every text.
struct Acme<const KIND: u8>;

const TOKEN: u8 = 0;
const WIDE: u8 = 1;
const PANIC: u8 = 2;
const QUOTING_PANIC: u8 = 3;
const ERROR: u8 = 4;
const OUTSIDE: u8 = 5;
const INSIDE_CHARACTER: u8 = 6;
const EMPTY: u8 = 7;
const NAMED: u8 = 8;
const NO_KEYWORD: u8 = 9;
const REFUSING: u8 = 10;
const BOMB: u8 = 11;

/// A panic payload that panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the payload was dropped");
    }
}

impl<const KIND: u8> Plugin for Acme<KIND> {
    type Config = NoConfig;
    fn new(_: NoConfig) -> Result<Self, PluginError> {
        if KIND == REFUSING { Err(PluginError::new("not\nlike this")) } else { Ok(Self) }
    }
}

impl<const KIND: u8> Detector for Acme<KIND> {
    fn detect(&self, scan: &mut Scan<'_>) -> Result<(), PluginError> {
        let text = scan.text();
        if KIND == NO_KEYWORD {
            assert!(scan.hits().is_empty());
            for (at, _) in text.match_indices('%') {
                scan.report(Finding::new(at..at + 1, Confidence::Low, Severity::Low));
            }
            return Ok(());
        }
        for &at in scan.hits() {
            let confidence = if KIND == WIDE { Confidence::Low } else { Confidence::High };
            let span = match KIND {
                TOKEN => at..at + 9,
                WIDE => at.saturating_sub(2)..(at + 12).min(text.len()),
                PANIC => panic!("broken {}", 7),
                QUOTING_PANIC => panic!("cannot parse {text}"),
                BOMB => std::panic::panic_any(Bomb),
                ERROR => return Err(PluginError::new("no luck")),
                OUTSIDE => at..text.len() + 1,
                INSIDE_CHARACTER => at + 5..at + 6,
                EMPTY => at..at,
                _ => match text
                    .get(at..)
                    .and_then(|rest| rest.strip_prefix("acme-key=\""))
                    .and_then(|rest| rest.find('"'))
                {
                    Some(length) => at + 10..at + 10 + length,
                    None => continue,
                },
            };
            scan.report(Finding::new(span, confidence, Severity::High));
        }
        Ok(())
    }
}

fn registration<const KIND: u8>(
    id: &'static str,
    keywords: &'static [&'static str],
) -> &'static Registration {
    Box::leak(Box::new(Registration {
        meta: Meta { id, summary: "", why: "", examples: &[], negatives: &[], keywords, since: "0.2.0" },
        factory: Factory::Detector { build: __private::build_detector::<Acme<KIND>> },
        schema: __private::config_schema::<Acme<KIND>>,
    }))
}

fn engine(registrations: Vec<&'static Registration>) -> Engine<'static> {
    Engine::from_entries(registrations.into_iter(), &[]).unwrap()
}

fn token() -> &'static Registration {
    registration::<TOKEN>("acme", &["acme_", "ACME_"])
}

#[test]
fn finds_names_and_sorts() {
    let engine = engine(vec![token(), registration::<NO_KEYWORD>("percent", &[])]);
    let findings = engine.scan_text("% acme_1234 and acme_5678, 5 %").unwrap().findings;
    let seen: Vec<_> = findings.iter().map(|found| (found.detector.as_str(), found.span.clone())).collect();
    assert_eq!(seen, [("percent", 0..1), ("acme", 2..11), ("acme", 16..25), ("percent", 29..30)]);
    assert!(engine.scan_text("nothing here").unwrap().findings.is_empty());
}

#[test]
fn overlapping_findings_become_one_of_the_surest_that_covers_all() {
    let engine = engine(vec![registration::<WIDE>("wide", &["acme_"]), token()]);
    let findings = engine.scan_text("x=acme_1234567").unwrap().findings;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].detector, "acme");
    assert_eq!(findings[0].confidence, Confidence::High);
    assert_eq!(findings[0].span, 0..14);
}

#[test]
fn a_broken_plugin_is_an_error_of_one_line_that_quotes_no_text() {
    let fails =
        |registration, text: &str| engine(vec![registration]).scan_text(text).unwrap_err().to_string();
    let key: &[&str] = &["acme_"];
    let secret = "acme_1234é 99aa77";
    assert_eq!(fails(registration::<PANIC>("p", key), secret), "plugin `p` panicked: broken 7");
    let quoting = fails(registration::<QUOTING_PANIC>("p", key), secret);
    assert_eq!(quoting, "plugin `p` panicked: its message quotes the text and is withheld");
    assert_eq!(fails(registration::<BOMB>("p", key), secret), "plugin `p` panicked: it gave no message");
    assert_eq!(fails(registration::<ERROR>("p", key), secret), "plugin `p` failed: no luck");
    assert_eq!(fails(registration::<REFUSING>("p", key), secret), "plugin `p` cannot be used: not like this");
    for broken in [
        registration::<OUTSIDE>("p", key),
        registration::<INSIDE_CHARACTER>("p", key),
        registration::<EMPTY>("p", key),
    ] {
        assert!(fails(broken, "acme_é").starts_with("plugin `p` reported a finding at bytes "));
    }
    assert!(engine(vec![registration::<PANIC>("p", key)]).scan_text("clean").unwrap().findings.is_empty());
}

#[test]
fn settings_disable_configure_and_are_checked() {
    let all = || vec![token(), registration::<REFUSING>("refusing", &["nothing"])].into_iter();
    let setting = |id, enabled, config| [DetectorSetting { id, enabled, config }];
    let off = Engine::from_entries(all(), &setting("acme", false, "")).unwrap();
    assert!(off.scan_text("acme_1234").unwrap().findings.is_empty());
    assert!(off.check().is_err());
    let typo = Engine::from_entries(all(), &setting("amce", true, "{}")).unwrap_err();
    assert_eq!(typo, EngineError::Unknown { id: "amce".to_owned(), nearest: Some("acme".to_owned()) });
    let wrong = Engine::from_entries(all(), &setting("acme", true, r#"{"colour":"red"}"#)).unwrap();
    assert!(
        matches!(wrong.scan_text("acme_1234"), Err(EngineError::Config { plugin, .. }) if plugin == "plugin `acme`")
    );
    assert!(wrong.scan_text("clean").unwrap().findings.is_empty());
}

#[test]
fn every_string_of_a_value_has_its_place_and_no_place_has_a_secret() {
    let engine = engine(vec![token()]);
    let value = json!({
        "a/b~c": ["x", {"y": "acme_1111"}],
        "key acme_2222": {"in": "acme_3333"},
        "#5": "acme_4444",
        "n": 7,
    });
    let mut seen: Vec<_> = engine.scan_value(&value).unwrap().findings;
    seen.sort_by(|left, right| left.pointer.cmp(&right.pointer));
    let places: Vec<_> = seen.iter().map(|located| located.pointer.as_str()).collect();
    assert_eq!(places, ["/#1/#name", "/#1/in", "/#2", "/a~1b~0c/1/y"]);
    assert_eq!(engine.scan_value(&json!("acme_1234")).unwrap().findings[0].pointer, "");
}

#[test]
fn a_value_is_seen_beside_its_name() {
    let engine = engine(vec![registration::<NAMED>("named", &["acme-key"])]);
    let found = engine.scan_value(&json!({"acme-key": "hunter2", "other": "hunter2"})).unwrap().findings;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].pointer.as_str(), found[0].finding.span.clone()), ("/acme-key", 0..7));
}

#[test]
fn a_very_deep_value_is_looked_at_to_the_bottom() {
    let engine = engine(vec![token()]);
    let depth = 50_000;
    let mut value = json!("acme_1234");
    for _ in 0..depth {
        value = Value::Array(vec![value]);
    }
    // Dropping the value would recurse.
    let value = std::mem::ManuallyDrop::new(value);
    let found = engine.scan_value(&value).unwrap().findings;
    assert_eq!(found[0].pointer.len(), depth * 2);
}
