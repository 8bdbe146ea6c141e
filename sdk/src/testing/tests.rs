//! Good and deliberately bad items, and what the kit says of each.

mod judging;
mod saying;

use std::ops::Range;

use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::{
    Anchors, Confidence, Detector, Event, Finding, Item, Matcher, NoConfig, PartKind, Plugin, PluginError,
    Scan, Severity, Sink, SinkError, Subject, register,
};

type Detect = fn(&mut Scan<'_>) -> Result<(), PluginError>;

struct Coded(Detect);

impl Detector for Coded {
    fn detect(&self, scan: &mut Scan<'_>) -> Result<(), PluginError> {
        (self.0)(scan)
    }
}

fn found(span: Range<usize>) -> Finding {
    Finding::new(span, Confidence::High, Severity::High)
}

/// `acme_` and eight digits.
fn acme(scan: &mut Scan<'_>) -> Result<(), PluginError> {
    for &at in scan.hits() {
        if scan.text().bytes().skip(at + 5).take_while(u8::is_ascii_digit).count() == 8 {
            scan.report(found(at..at + 13));
        }
    }
    Ok(())
}

fn item(kind: Kind) -> Item {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let (examples, negatives) = match kind {
        Kind::Detector => {
            (["acme_12345678", "ACME_00000001 and acme_00000002"], ["acme_1234567", "acme_token"])
        }
        Kind::Matcher => (
            [r#"{"word": "push"} => git push"#, r#"{"word": " => "} => a => b"#],
            [r#"{"word": "push"} => git pull"#; 2],
        ),
        Kind::Sink => ([r#"{"word": "a"}"#, r#"{"word": "b"}"#], ["{}", r#"{"word": 1}"#]),
    };
    Item {
        kind,
        id: "acme-thing".to_owned(),
        summary: "Acme's things".to_owned(),
        why: "They matter".to_owned(),
        examples: texts(&examples),
        negatives: texts(&negatives),
        keywords: texts(&["acme_"]),
        since: "1.0.0".to_owned(),
        patterns: false,
        schema: match kind {
            Kind::Detector => schemars::schema_for!(NoConfig).to_value(),
            Kind::Matcher | Kind::Sink => schemars::schema_for!(Word).to_value(),
        },
    }
}

fn strict(config: &str) -> Result<(), PluginError> {
    serde_json::from_str::<NoConfig>(config).map(drop).map_err(|error| PluginError::new(error.to_string()))
}

fn detector(detect: Detect, change: impl FnOnce(&mut Item)) -> Specimen {
    let mut item = item(Kind::Detector);
    change(&mut item);
    Specimen::new(
        item,
        Maker::Detector(Box::new(move |config| {
            strict(config)?;
            Ok(Box::new(Coded(detect)))
        })),
    )
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Word {
    word: String,
}

fn word(config: &str) -> Result<String, PluginError> {
    serde_json::from_str::<Word>(config)
        .map(|word| word.word)
        .map_err(|error| PluginError::new(error.to_string()))
}

struct Judged {
    word: String,
    anchors: fn(&str) -> Anchors,
    matches: fn(&str, &Subject<'_>) -> Result<bool, PluginError>,
}

impl Matcher for Judged {
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        (self.matches)(&self.word, subject)
    }

    fn anchors(&self) -> Anchors {
        (self.anchors)(&self.word)
    }
}

fn matcher(
    anchors: fn(&str) -> Anchors,
    matches: fn(&str, &Subject<'_>) -> Result<bool, PluginError>,
    change: impl FnOnce(&mut Item),
) -> Specimen {
    let mut item = item(Kind::Matcher);
    change(&mut item);
    Specimen::new(
        item,
        Maker::Matcher(Box::new(move |config| {
            Ok(Box::new(Judged { word: word(config)?, anchors, matches }))
        })),
    )
}

fn contains(word: &str, subject: &Subject<'_>) -> Result<bool, PluginError> {
    Ok(subject.text.contains(word))
}

fn itself(word: &str) -> Anchors {
    Anchors::AnyOf(vec![word.to_owned()])
}

struct Nowhere;

impl Sink for Nowhere {
    fn deliver(&self, _: &Event) -> Result<(), SinkError> {
        panic!("the kit must not deliver")
    }

    fn check(&self) -> Result<String, SinkError> {
        panic!("the kit must not ask a receiver")
    }
}

fn sink(make: fn(&str) -> Result<(), PluginError>, change: impl FnOnce(&mut Item)) -> Specimen {
    let mut item = item(Kind::Sink);
    change(&mut item);
    Specimen::new(
        item,
        Maker::Sink(Box::new(move |config| {
            make(config)?;
            Ok(Box::new(Nowhere))
        })),
    )
}

fn worded(config: &str) -> Result<(), PluginError> {
    word(config).map(drop)
}

fn quick() -> Options {
    Options::default().quick().with_clock(|| Duration::ZERO)
}

/// The names of the checks that did not pass, with `!` before those that failed.
fn complaints(specimen: Specimen) -> Vec<String> {
    complaints_with(specimen, &quick())
}

fn complaints_with(specimen: Specimen, options: &Options) -> Vec<String> {
    let report = examine(&[specimen], options);
    let checks = report.items.iter().flat_map(|item| &item.checks);
    checks
        .filter(|check| check.outcome != Outcome::Pass)
        .map(|check| format!("{}{}", if check.outcome == Outcome::Fail { "!" } else { "" }, check.name))
        .collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn good_items_pass_every_check_without_a_warning() {
    let all = [detector(acme, |_| {}), matcher(itself, contains, |_| {}), sink(worded, |_| {})];
    let report = examine(&all, &quick());
    assert!(report.passed() && report.count(Outcome::Warn) == 0, "{report:#}");
    let names = |at: usize| report.items[at].checks.iter().map(|check| check.name).collect::<Vec<_>>();
    let common = [
        "id",
        "metadata",
        "keywords",
        "schema",
        "unknown-option",
        "default-config",
        "odd-config",
        "examples",
        "negatives",
    ];
    let judged = ["ordinary", "time", "linear", "robust", "deterministic"];
    assert_eq!(names(0), [&common[..], &["embedded"], &judged].concat());
    assert_eq!(names(1), [&common[..], &["anchors"], &judged].concat());
    assert_eq!(names(2), common);
}

#[test]
fn nothing_to_examine_is_no_success() {
    let report = examine(&[], &quick());
    assert!(!report.passed());
    assert!(report.to_string().contains("nothing to examine"));
}

#[test]
fn a_report_is_one_clean_line_a_check_and_json() {
    let specimen = detector(acme, |item| item.id = "a\u{1b}[31m\u{202e}".to_owned());
    let report = examine(&[specimen], &quick());
    let text = report.to_string();
    assert!(text.starts_with("detector a\\u{1b}[31m\\u{202e} (given)\n  FAIL  id"), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    assert!(text.ends_with("1 item examined, 15 checks: 1 failed, 0 warnings"), "{text}");
    assert_eq!(format!("{report:#}").lines().count(), 3, "{report:#}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json.pointer("/items/0/checks/0/outcome"), Some(&json!("fail")));
    assert_eq!(json.pointer("/items/0/kind"), Some(&json!("detector")));
}

struct Registered;

impl Plugin for Registered {
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, PluginError> {
        Ok(Self)
    }
}

impl Detector for Registered {
    fn detect(&self, scan: &mut Scan<'_>) -> Result<(), PluginError> {
        acme(scan)
    }
}

register! {
    detector Registered {
        id: "registered",
        summary: "Acme's access tokens",
        why: "The kit examines what is registered",
        examples: ["acme_12345678"],
        negatives: ["acme_1234"],
        keywords: ["acme_"],
        since: "1.0.0",
    }
}

#[test]
fn what_is_registered_is_examined_on_both_sides_of_the_border() {
    let report = examine_registered(&quick());
    assert!(report.passed(), "{report:#}");
    assert_eq!(
        report.items.iter().map(|item| item.way).collect::<Vec<_>>(),
        ["registered", "through the wire"]
    );
    assert_eq!(report.items[0].checks.last().map(|check| check.name), Some("round-trip"));
}

#[test]
fn ways_that_answer_differently_are_told() {
    fn silent(_: &mut Scan<'_>) -> Result<(), PluginError> {
        Ok(())
    }
    fn paths(word: &str, subject: &Subject<'_>) -> Result<bool, PluginError> {
        Ok(subject.kind != PartKind::Path && subject.text.contains(word))
    }

    let corpus = Corpus::new(false);
    let differs = |one: Specimen, other: Specimen| {
        matches!(robust::same_answers(&one, &other, &corpus), Verdict::Fail(_))
    };
    assert!(!differs(detector(acme, |_| {}), detector(acme, |_| {})));
    assert!(differs(detector(acme, |_| {}), detector(silent, |_| {})));
    assert!(differs(detector(acme, |_| {}), detector(acme, |item| item.why.push('!'))));
    assert!(differs(matcher(itself, contains, |_| {}), matcher(|_| Anchors::Always, contains, |_| {})));
    assert!(!differs(matcher(itself, contains, |_| {}), matcher(itself, contains, |_| {})));
    assert!(differs(matcher(itself, contains, |_| {}), matcher(itself, paths, |_| {})));
}

#[test]
fn hits_are_where_keywords_begin_in_any_case_and_order() {
    let keywords = ["key_", "KEY", "é="].map(str::to_owned);
    assert_eq!(asking::hits("Key_ é= kEyring ké", &keywords), [0, 5, 9]);
    assert_eq!(asking::hits("key", &[String::new()]), [0_usize; 0]);
}
