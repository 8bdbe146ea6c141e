use std::collections::BTreeSet;

use super::*;

#[test]
fn there_are_hundreds_of_kinds_and_each_has_its_own_id() {
    let ids: BTreeSet<&str> = ROWS.iter().map(|row| row.id.text()).collect();
    assert_eq!(ids.len(), ROWS.len());
    assert!(ROWS.windows(2).all(|pair| pair[0].id.text() < pair[1].id.text()));
}

#[test]
fn every_rule_says_what_to_do_when_it_leaks_and_where_its_form_is_from() {
    for row in ROWS {
        let id = row.id.text();
        assert!(!row.leaked.text().is_empty() && !row.source.text().is_empty(), "{id}");
        assert!(!row.summary.text().ends_with('.') && row.summary.text().len() <= 120, "{id}");
    }
}

#[test]
fn every_row_is_found_by_its_id_and_nothing_else_is() {
    for number in 0..RULES.count() {
        assert_eq!(RULES.row(RULES.id(number)), Some(number), "{}", RULES.id(number));
        assert_eq!(RULES.row(&format!("{}-", RULES.id(number))), None);
    }
    for unknown in ["", "a", "zzzzzzzzzzzz", "generic-secret-of-nobody"] {
        assert_eq!(RULES.row(unknown), None, "{unknown}");
    }
}

#[test]
fn the_index_holds_every_keyword_of_every_rule_that_is_on() {
    let mut indexed: Vec<(u16, &str)> = RULES.index().unwrap().keywords().collect();
    let mut listed: Vec<(u16, &str)> = (0..RULES.count())
        .filter(|row| !RULES.off(*row))
        .flat_map(|row| (0..).map_while(move |number| Some((row, RULES.keyword(row, number)?))))
        .collect();
    indexed.sort_unstable();
    listed.sort_unstable();
    assert_eq!(indexed, listed);
    assert!(listed.len() > ROWS.len());
}

#[test]
fn the_filter_lets_through_the_keywords_of_every_built_in_detector() {
    let index = RULES.index().unwrap();
    let coded = agentfirewall_sdk::registrations()
        .filter(|plugin| matches!(plugin.factory, agentfirewall_sdk::Factory::Detector { .. }));
    let keywords: Vec<&str> = coded.flat_map(|plugin| plugin.meta.keywords).copied().collect();
    let missing: Vec<_> = keywords.iter().filter(|keyword| !index.lets_through(keyword)).collect();
    assert!(missing.is_empty() && keywords.len() > 50, "not in `BESIDE`: {missing:?}");
}

#[test]
fn examples_are_found_by_their_rule_and_negatives_are_not() {
    let mut faults = Vec::new();
    for (number, row) in (0..).zip(ROWS) {
        let rule = RULES.build(number).unwrap();
        let found = |text: &str| {
            let keywords: Vec<&str> = row.keywords().collect();
            let lower = text.to_ascii_lowercase();
            let mut hits: Vec<usize> =
                keywords.iter().flat_map(|word| lower.match_indices(word).map(|(at, _)| at)).collect();
            hits.sort_unstable();
            hits.dedup();
            let mut findings = Vec::new();
            rule.detect(&mut Scan::new(text, &hits, &mut findings)).unwrap();
            !findings.is_empty()
        };
        faults.extend(
            row.examples
                .words()
                .filter(|text| !found(text))
                .map(|text| format!("{}: misses {text}", row.id.text())),
        );
        faults.extend(
            row.negatives
                .words()
                .filter(|text| found(text))
                .map(|text| format!("{}: finds {text}", row.id.text())),
        );
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
