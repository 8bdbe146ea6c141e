//! Good and deliberately bad items, and what the kit says of each.

use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

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
fn bad_names_and_missing_words_are_told() {
    for id in [
        "",
        "Acme",
        "acme_token",
        "-acme",
        "acme-",
        "acme--token",
        "9acme",
        "äcme",
        "a\u{1b}[31m",
        &"a".repeat(65),
    ] {
        assert_eq!(complaints(detector(acme, |item| id.clone_into(&mut item.id))), ["!id"], "{id:?}");
    }
    for id in ["a", "acme2-3d-x", &"a".repeat(64)] {
        assert_eq!(complaints(detector(acme, |item| id.clone_into(&mut item.id))), NOTHING, "{id:?}");
    }
    assert_eq!(complaints(detector(acme, |item| item.summary = " ".to_owned())), ["!metadata"]);
    assert_eq!(complaints(detector(acme, |item| item.why = "two\nlines".to_owned())), ["!metadata"]);
    assert_eq!(complaints(detector(acme, |item| item.since.clear())), ["!metadata"]);
    assert_eq!(complaints(detector(acme, |item| item.examples.clear())), ["!metadata"]);
    assert_eq!(complaints(detector(acme, |item| item.negatives.clear())), ["!metadata"]);
    assert_eq!(complaints(sink(worded, |item| item.negatives.clear())), ["metadata"]);
}

#[test]
fn two_of_one_name_are_told_and_two_kinds_of_one_name_are_not() {
    let report = examine(&[detector(acme, |_| {}), detector(acme, |_| {})], &quick());
    assert_eq!(report.count(Outcome::Fail), 2, "{report:#}");
    let report = examine(&[detector(acme, |_| {}), matcher(itself, contains, |_| {})], &quick());
    assert!(report.passed(), "{report:#}");
}

#[test]
fn keywords_that_point_nowhere_are_told() {
    fn everywhere(scan: &mut Scan<'_>) -> Result<(), PluginError> {
        let starts: Vec<usize> = scan.text().match_indices("acme_").map(|(at, _)| at).collect();
        let mut findings = Vec::new();
        acme(&mut Scan::new(scan.text(), &starts, &mut findings))?;
        for finding in findings {
            scan.report(finding);
        }
        Ok(())
    }

    let keywords = |keywords: &'static [&str]| {
        complaints(detector(acme, |item| {
            item.keywords = keywords.iter().map(|text| (*text).to_owned()).collect();
        }))
    };
    assert_eq!(keywords(&["acme_", ""]), ["!keywords"]);
    assert_eq!(keywords(&["acme_", "ACME_"]), ["keywords"]);
    // Nobody would ask about any of the examples.
    assert_eq!(keywords(&["bcme_"]), ["!examples"]);
    let specimen = |keywords: &[&str]| {
        let keywords = keywords.iter().map(|text| (*text).to_owned()).collect();
        detector(everywhere, |item| {
            item.keywords = keywords;
            item.examples = vec!["acme_12345678".to_owned()];
        })
    };
    assert_eq!(complaints(specimen(&[])), ["keywords"]);
    assert_eq!(complaints(specimen(&["ac"])), ["keywords"]);
}

#[test]
fn a_configuration_that_takes_anything_is_told() {
    fn lax(config: &str) -> Result<(), PluginError> {
        match serde_json::from_str(config) {
            Ok(serde_json::Value::Object(members))
                if members.get("word").is_some_and(serde_json::Value::is_string) =>
            {
                Ok(())
            }
            _ => Err(PluginError::new("no `word`")),
        }
    }
    fn panicking(config: &str) -> Result<(), PluginError> {
        assert!(config != "null", "no configuration");
        worded(config)
    }
    fn chatty(config: &str) -> Result<(), PluginError> {
        worded(config).map_err(|_| PluginError::new("no. ".repeat(200)))
    }
    assert_eq!(complaints(sink(lax, |_| {})), ["!unknown-option"]);
    assert_eq!(complaints(sink(panicking, |_| {})), ["!odd-config"]);
    assert_eq!(complaints(sink(chatty, |_| {})), ["!default-config", "!odd-config"]);
    assert_eq!(complaints(sink(worded, |item| item.schema = json!({"type": "object"}))), ["!schema"]);
    assert_eq!(complaints(sink(worded, |item| item.schema = json!(null))), ["!schema"]);
}

#[test]
fn schemas_are_read_through_references_and_alternatives() {
    let closed = |schema: serde_json::Value| matches!(config::schema(&schema), Verdict::Pass(_));
    let strict = json!({"type": "object", "additionalProperties": false});
    assert!(closed(json!({"type": ["array", "string"]})));
    assert!(closed(json!({"anyOf": [{"type": "string"}, {"$ref": "#/$defs/A"}], "$defs": {"A": strict}})));
    assert!(!closed(
        json!({"anyOf": [{"type": "string"}, {"$ref": "#/$defs/A"}], "$defs": {"A": {"type": "object"}}})
    ));
    assert!(closed(json!({"oneOf": [{"const": "a"}, {"enum": ["b", 1]}, strict]})));
    assert!(!closed(json!({"oneOf": [{"const": "a"}, true]})));
    assert!(closed(json!({"allOf": [{"type": "object"}, strict]})));
    assert!(closed(json!({"type": "object", "unevaluatedProperties": false})));
    assert!(!closed(json!({"$ref": "#/$defs/Missing"})));
    assert!(!closed(json!({"$ref": "#"})));
    assert!(!closed(json!({"type": ["null", "object"]})));
    assert!(!closed(json!({})));
}

#[test]
fn a_detector_must_work_with_its_defaults() {
    let specimen = Specimen::new(
        item(Kind::Detector),
        Maker::Detector(Box::new(|_| Err(PluginError::new("`word` is missing")))),
    );
    let complaints = complaints(specimen);
    assert!(complaints.contains(&"!default-config".to_owned()), "{complaints:?}");
}

#[test]
fn examples_that_are_none_are_told() {
    let example = |text: &str| complaints(detector(acme, |item| item.examples.push(text.to_owned())));
    assert_eq!(example("acme_123"), ["!examples"]);
    assert_eq!(example("nothing at all"), ["!examples"]);
    let negative = |text: &str| complaints(detector(acme, |item| item.negatives.push(text.to_owned())));
    assert_eq!(negative("see acme_12345678"), ["!negatives"]);
    assert_eq!(
        complaints(matcher(itself, contains, |item| item.examples.push("no JSON => x".to_owned()))),
        ["!examples"]
    );
    assert_eq!(
        complaints(matcher(itself, contains, |item| item.examples.push(r#"{"word": "x"} => y"#.to_owned()))),
        ["!examples"]
    );
    assert_eq!(
        complaints(matcher(itself, contains, |item| item
            .negatives
            .push(r#"{"word": "x"} => xy"#.to_owned()))),
        ["!negatives"]
    );
    assert_eq!(complaints(sink(worded, |item| item.examples.push("{}".to_owned()))), ["!examples"]);
    assert_eq!(
        complaints(sink(worded, |item| item.negatives.push(r#"{"word": "c"}"#.to_owned()))),
        ["!negatives"]
    );
}

#[test]
fn an_example_may_be_a_whole_call() {
    fn headless(_: &str, subject: &Subject<'_>) -> Result<bool, PluginError> {
        Ok(subject.call.headless && subject.call.tool == "Bash" && subject.text == "ls")
    }
    let change = |item: &mut Item| {
        item.examples = vec![
            r#"{"word": "a"} => {"tool": "Bash", "input": {"command": "ls"}, "headless": true}"#.to_owned(),
        ];
        item.negatives = vec![
            r#"{"word": "a"} => {"tool": "Bash", "input": {"command": "ls"}, "headless": false}"#.to_owned(),
        ];
    };
    assert_eq!(complaints(matcher(|_| Anchors::Always, headless, change)), NOTHING);
}

#[test]
fn a_detector_that_looks_only_at_the_beginning_is_told() {
    fn first(scan: &mut Scan<'_>) -> Result<(), PluginError> {
        if scan.hits().first() == Some(&0) { acme(scan) } else { Ok(()) }
    }
    assert_eq!(complaints(detector(first, |_| {})), ["!embedded"]);
}

#[test]
fn a_detector_that_stops_at_the_first_find_is_warned() {
    fn one(scan: &mut Scan<'_>) -> Result<(), PluginError> {
        let mut findings = Vec::new();
        acme(&mut Scan::new(scan.text(), scan.hits(), &mut findings))?;
        findings.into_iter().take(2).for_each(|finding| scan.report(finding));
        Ok(())
    }
    assert_eq!(complaints(detector(one, |_| {})), ["embedded"]);
}

#[test]
fn anchors_that_are_not_in_the_text_are_told() {
    assert_eq!(
        complaints(matcher(|_| Anchors::AnyOf(vec!["pusher".to_owned()]), contains, |_| {})),
        ["!anchors"]
    );
    assert_eq!(complaints(matcher(|_| Anchors::AnyOf(Vec::new()), contains, |_| {})), ["!anchors"]);
    assert_eq!(complaints(matcher(|_| panic!("no anchors"), contains, |_| {})), ["!anchors"]);
    // The host does not use one that short.
    assert_eq!(complaints(matcher(|_| Anchors::AnyOf(vec!["\0".to_owned()]), contains, |_| {})), NOTHING);
    assert_eq!(complaints(matcher(|_| Anchors::Always, contains, |_| {})), NOTHING);
}

#[test]
fn panics_on_odd_texts_are_told_and_stop_nothing() {
    fn slicing(scan: &mut Scan<'_>) -> Result<(), PluginError> {
        for &at in scan.hits() {
            // Eight bytes behind the keyword, which are not there or end inside a character.
            let rest = scan.text().get(at + 5..).unwrap();
            if rest.len() >= 8 && rest.split_at(8).0.bytes().all(|byte| byte.is_ascii_digit()) {
                scan.report(found(at..at + 13));
            }
        }
        Ok(())
    }
    fn zero(_: &str, subject: &Subject<'_>) -> Result<bool, PluginError> {
        assert!(!subject.text.contains('\0'));
        contains("push", subject)
    }

    let report = examine(&[detector(slicing, |_| {})], &quick());
    let failed: Vec<_> =
        report.items[0].checks.iter().filter(|check| check.outcome == Outcome::Fail).collect();
    assert_eq!(failed.iter().map(|check| check.name).collect::<Vec<_>>(), ["robust"], "{report}");
    assert!(failed[0].detail.contains("panics: ") && failed[0].detail.contains("char boundary"), "{report}");
    let change = |item: &mut Item| drop(item.examples.pop());
    assert_eq!(complaints(matcher(itself, zero, change)), ["!robust"]);
}

#[test]
fn places_outside_the_text_are_told() {
    fn too_long(scan: &mut Scan<'_>) -> Result<(), PluginError> {
        for &at in scan.hits() {
            let digits = scan.text().bytes().skip(at + 5).take_while(u8::is_ascii_digit).count();
            let ends = at + 5 + digits == scan.text().len();
            if digits == 8 || (ends && digits == 7 && at > 0) {
                scan.report(found(at..at + 13));
            }
        }
        Ok(())
    }
    fn empty(scan: &mut Scan<'_>) -> Result<(), PluginError> {
        if scan.text().contains('\u{301}') {
            scan.report(found(0..0));
        }
        acme(scan)
    }

    assert_eq!(complaints(detector(too_long, |_| {})), ["!robust"]);
    assert_eq!(complaints(detector(empty, |_| {})), ["!robust"]);
}

#[test]
fn errors_stop_calls_and_are_told_by_how_ordinary_the_text_is() {
    fn refusing(scan: &mut Scan<'_>) -> Result<(), PluginError> {
        if scan.text().contains('\0') { Err(PluginError::new("a zero")) } else { acme(scan) }
    }
    fn short(word: &str, subject: &Subject<'_>) -> Result<bool, PluginError> {
        if subject.text.len() == 16 << 10 {
            Err(PluginError::new("too long"))
        } else {
            contains(word, subject)
        }
    }
    fn alarmed(scan: &mut Scan<'_>) -> Result<(), PluginError> {
        if let Some(at) = scan.text().find("cargo test") {
            scan.report(found(at..at + 10));
        }
        acme(&mut Scan::new(scan.text(), scan.hits(), &mut Vec::new()))?;
        Ok(())
    }

    assert_eq!(complaints(detector(refusing, |_| {})), ["robust"]);
    assert_eq!(complaints(matcher(itself, short, |_| {})), ["!ordinary"]);
    let change = |item: &mut Item| {
        item.keywords = vec!["cargo".to_owned()];
        item.examples = vec!["cargo test".to_owned()];
    };
    let said = complaints(detector(alarmed, change));
    assert!(said.contains(&"ordinary".to_owned()), "{said:?}");
}

#[test]
fn answers_that_change_are_told() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    fn fickle(scan: &mut Scan<'_>) -> Result<(), PluginError> {
        let sure = if CALLS.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) {
            Confidence::High
        } else {
            Confidence::Low
        };
        let mut findings = Vec::new();
        acme(&mut Scan::new(scan.text(), scan.hits(), &mut findings))?;
        for finding in findings {
            scan.report(Finding::new(finding.span, sure, Severity::Low));
        }
        Ok(())
    }
    assert_eq!(complaints(detector(fickle, |_| {})), ["!deterministic"]);
}

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Nanoseconds for a length.
type Costs = fn(u64) -> u64;

/// A detector that takes as long as it says, on a clock of its own.
fn taking(nanoseconds: Costs) -> Vec<String> {
    static COSTS: std::sync::Mutex<Option<Costs>> = std::sync::Mutex::new(None);
    fn slow(scan: &mut Scan<'_>) -> Result<(), PluginError> {
        let costs = COSTS.lock().unwrap().unwrap();
        let length = u64::try_from(scan.text().len()).unwrap();
        NOW.set(NOW.get() + Duration::from_nanos(costs(length)));
        acme(scan)
    }
    *COSTS.lock().unwrap() = Some(nanoseconds);
    complaints_with(
        detector(slow, |item| drop(item.keywords.pop())),
        &Options::default().quick().with_clock(|| NOW.get()),
    )
    .into_iter()
    .filter(|name| !name.ends_with("keywords") && !name.ends_with("examples"))
    .collect()
}

#[test]
fn time_is_judged_by_its_amount_and_by_its_growth() {
    const { assert!(cfg!(debug_assertions), "the limits below are those of a build without optimisation") };
    // For each byte: 1 ms, 600 ms and 12 s a MiB.
    assert_eq!(taking(|length| length), NOTHING);
    assert_eq!(taking(|length| length * 573), ["time"]);
    assert_eq!(taking(|length| length * 11_445), ["!time"]);
    // 6 ms for 16 KiB, but 256 times what 1 KiB takes.
    assert_eq!(taking(|length| length * length * 6_000_000 / (16 << 10) / (16 << 10)), ["!linear"]);
    // A cost that is not the text's is no growth.
    assert_eq!(taking(|_| 7_000_000), NOTHING);
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
