//! What an item says of itself, and how it takes its configuration.

use super::*;

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
