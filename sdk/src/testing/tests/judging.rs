//! What an item finds and matches, how it stands hostile texts, and how long it takes.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

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
        for (at, word) in scan.text().match_indices("cargo test") {
            scan.report(found(at..at + word.len()));
        }
        Ok(())
    }

    assert_eq!(complaints(detector(refusing, |_| {})), ["robust"]);
    assert_eq!(complaints(matcher(itself, short, |_| {})), ["!ordinary"]);
    let change = |item: &mut Item| {
        item.keywords = vec!["cargo".to_owned()];
        item.examples = vec!["cargo test".to_owned()];
    };
    assert_eq!(complaints(detector(alarmed, change)), ["ordinary"]);
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
