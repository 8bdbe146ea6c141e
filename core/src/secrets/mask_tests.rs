use crate::sha256::Sha256;
use agentfirewall_sdk::Severity;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn finding(span: std::ops::Range<usize>) -> Finding {
    let mut finding = Finding::new(span, Confidence::High, Severity::High);
    finding.detector = "acme".to_owned();
    finding
}

fn located(pointer: &str, span: std::ops::Range<usize>) -> LocatedFinding {
    LocatedFinding::new(pointer, finding(span))
}

#[test]
fn equal_secrets_get_equal_tags_and_repetitions_are_masked_too() {
    let salt = Salt::random();
    let text = "a SECRET99 b SECRET98 c SECRET99 é";
    let masked = mask_text(text, &[finding(13..21), finding(2..10)], &salt);
    let tag = salt.tag("acme", "SECRET99");
    let other = salt.tag("acme", "SECRET98");
    assert_eq!(masked, format!("a {tag} b {other} c {tag} é"));
    assert!(tag.starts_with("[secret:acme#") && tag.len() == "[secret:acme#0000]".len());
    assert_ne!(salt.tag("acme", "SECRET99"), Salt::random().tag("acme", "SECRET99x"));
}

#[test]
fn a_finding_that_does_not_fit_masks_the_whole_text_or_is_an_error() {
    let salt = Salt::random();
    assert!(mask_text("short secret", &[finding(6..99)], &salt).starts_with("[secret:unplaced#"));
    assert!(mask_text("é secret", &[finding(1..4)], &salt).starts_with("[secret:unplaced#"));
    for wrong in [located("/b", 0..1), located("/a/0", 0..1), located("a", 0..1), located("/#9/#name", 0..1)]
    {
        assert_eq!(mask_value(&mut json!({"a": "text"}), &[wrong], &salt), Err(MaskError::Place));
    }
    assert_eq!(mask_value(&mut json!({"a": "text"}), &[located("/a", 0..9)], &salt), Err(MaskError::Span));
    assert_eq!(mask_value(&mut json!({"a": 1}), &[located("/a", 0..1)], &salt), Err(MaskError::Place));
}

#[test]
fn names_and_values_are_masked_and_the_shape_stays() {
    let salt = Salt::random();
    let mut value = json!({
        "plain": {"x SECRET99": "SECRET97", "[]": ["SECRET99!", 1, null]},
        "SECRET99": true,
        "z": "echo SECRET97",
    });
    let found = [located("/plain/#0/#name", 2..10), located("/plain/#0", 0..8), located("/#1/#name", 0..8)];
    mask_value(&mut value, &found, &salt).unwrap();
    let (a, b) = (salt.tag("acme", "SECRET99"), salt.tag("acme", "SECRET97"));
    let expected = format!(r#"{{"plain":{{"x {a}":"{b}","[]":["{a}!",1,null]}},"{a}":true,"z":"echo {b}"}}"#);
    assert_eq!(value.to_string(), expected);
}

#[test]
fn a_secret_of_several_lines_is_masked_where_each_line_is_a_string() {
    let salt = Salt::random();
    let key = "-----BEGIN X-----\nabcdefghijklmnop1\nabcdefghijklmnop2\n-----END X-----";
    let mut value =
        json!({"file": format!("a\n{key}\nb"), "lines": [" a", "+abcdefghijklmnop1", "-abcdefghijklmnop2"]});
    mask_value(&mut value, &[located("/file", 2..2 + key.len())], &salt).unwrap();
    let tag = salt.tag("acme", key);
    assert_eq!(
        value,
        json!({"file": format!("a\n{tag}\nb"), "lines": [" a", format!("+{tag}"), format!("-{tag}")]})
    );
}

#[test]
fn two_names_that_become_one_tag_stay_two_members() {
    let salt = Salt::random();
    let tag = salt.tag("acme", "SECRET99");
    let mut value = json!({"SECRET99": 1});
    value[tag.as_str()] = json!(2);
    mask_value(&mut value, &[located("/#0/#name", 0..8)], &salt).unwrap();
    assert_eq!(value, json!({format!("{tag}~2"): 1, tag: 2}));
}

#[test]
fn long_strings_are_cut_at_a_character() {
    let mut value = json!({"a": "éééé", "b": ["short"], "longer name": 1});
    truncate_strings(&mut value, 5);
    let hash = hex(&Sha256::digest("éééé"), 8);
    assert_eq!(value["a"], format!("éé… (+4 bytes, sha256:{hash})"));
    assert_eq!(value["b"][0], "short");
    assert!(value.as_object().unwrap().keys().any(|name| name.starts_with("longe… (+6 bytes, sha256:")));
}

proptest! {
    #[test]
    fn nothing_of_a_secret_remains(
        before in "[ -`é]{0,20}", secret in "[a-z0-9]{6,60}", between in "[ -/é]{0,20}", after in "[ -/é]{0,20}",
    ) {
        let salt = Salt::random();
        let text = format!("{before}{secret}{between}{secret}{after}");
        let findings = [finding(before.len()..before.len() + secret.len())];
        let mut value = json!({"deep": [text.clone()]});
        mask_value(&mut value, &[located("/deep/0", findings[0].span.clone())], &salt).unwrap();
        prop_assert_eq!(value["deep"][0].as_str().unwrap(), mask_text(&text, &findings, &salt));
        let masked = value.to_string().replace(&salt.tag("acme", &secret), "");
        for run in secret.as_bytes().windows(6) {
            prop_assert!(!masked.contains(std::str::from_utf8(run).unwrap()));
        }
    }
}
