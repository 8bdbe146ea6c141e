use proptest::prelude::*;

use super::*;

fn detector(config: &str) -> AcmeToken {
    AcmeToken::new(serde_json::from_str(config).unwrap()).unwrap()
}

/// What a detector finds in a text, with the hits that the host's prefilter would give it.
fn findings(detector: &AcmeToken, text: &str) -> Vec<Finding> {
    let mut hits: Vec<usize> = ["acme_live_", "acme_test_"]
        .iter()
        .flat_map(|word| text.match_indices(word).map(|(at, _)| at))
        .collect();
    hits.sort_unstable();
    let mut findings = Vec::new();
    detector.detect(&mut Scan::new(text, &hits, &mut findings)).unwrap();
    findings
}

fn token(environment: &str, random: &str) -> String {
    let signed = format!("acme_{environment}_{random}");
    let digits = checksum::of(signed.as_bytes());
    format!("{signed}_{}", str::from_utf8(&digits).unwrap())
}

proptest! {
    #[test]
    fn a_token_is_found_wherever_it_stands(
        before in ".{0,40}",
        environment in "live|test",
        random in "[0-9A-Za-z]{24}",
        after in ".{0,40}",
    ) {
        let text = format!("{before}{}{after}", token(&environment, &random));
        let found = findings(&detector("{}"), &text);
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(&found[0].span, &(before.len()..before.len() + LENGTH));
        let expected = if environment == "live" { Confidence::High } else { Confidence::Medium };
        prop_assert_eq!(found[0].confidence, expected);
    }

    #[test]
    fn with_one_character_changed_it_is_none(
        random in "[0-9A-Za-z]{24}",
        at in 0..LENGTH,
        other in "[0-9A-Za-z_äß]",
    ) {
        let mut characters: Vec<String> = token("live", &random).chars().map(String::from).collect();
        prop_assume!(characters[at] != other);
        characters[at] = other;
        prop_assert_eq!(findings(&detector("{}"), &characters.concat()), []);
    }
}

#[test]
fn two_tokens_are_two_findings_and_a_cut_one_is_none() {
    let live = token("live", "4fQz0LxW9rTb2HnKc7VdYm3s");
    let cut = live.split_at(LENGTH - 1).0;
    let text = format!("{live},{live}{cut}");
    let spans: Vec<_> = findings(&detector("{}"), &text).into_iter().map(|finding| finding.span).collect();
    assert_eq!(spans, [0..LENGTH, LENGTH + 1..2 * LENGTH + 1]);
}

#[test]
fn test_tokens_can_be_ignored_and_live_ones_cannot() {
    let random = "4fQz0LxW9rTb2HnKc7VdYm3s";
    let detector = detector(r#"{"ignore_test": true}"#);
    assert_eq!(findings(&detector, &token("test", random)), []);
    assert_eq!(findings(&detector, &token("live", random)).len(), 1);
}

#[test]
fn a_known_token_is_no_secret_and_its_neighbour_still_is() {
    let known = token("live", "documentationdocumentati");
    let digest = Sha256::digest(&known).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let detector = detector(&format!(r#"{{"known": ["{digest}"]}}"#));
    let text = format!("{known} {}", token("live", "4fQz0LxW9rTb2HnKc7VdYm3s"));
    let found = findings(&detector, &text);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].span.start, LENGTH + 1);
}

#[test]
fn a_wrong_configuration_is_refused_with_what_is_wrong() {
    for known in ["", "abc", &"g".repeat(64), &"a".repeat(66)] {
        let config = Config { known: vec![known.to_owned()], ..Config::default() };
        let error = AcmeToken::new(config).err().unwrap().to_string();
        assert!(error.contains("64 hexadecimal digits"), "{error}");
    }
    assert!(serde_json::from_str::<Config>(r#"{"ignore_tests": true}"#).is_err());
}
