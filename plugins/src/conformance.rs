//! The built-in plugins under the kit that every team's plugins are examined with.

use std::time::Duration;

use agentfirewall_sdk::testing::{ItemReport, Options, Outcome, Specimen, examine_registered};
use agentfirewall_sdk::{Kind, tables};

/// Of so many rows of the table of rules one goes through everything: they are one type and differ in data, whose examples and
/// counter-examples all run.
const ONE_ROW_IN: usize = 16;

#[test]
fn every_built_in_plugin_conforms_here_and_through_the_border_of_a_library() {
    // A test must not depend on how busy the machine is: the clock stands still.
    let options = Options::default().quick().with_clock(|| Duration::ZERO).with_one_row_in(ONE_ROW_IN);
    let report = examine_registered(&options);
    // What an author is warned of would be paid for by every call.
    assert!(report.passed() && report.count(Outcome::Warn) == 0, "{report:#}");
    let rows: usize = tables().map(|rows| usize::from(rows.count())).sum();
    let of_rows =
        |item: &&ItemReport| tables().any(|rows| (0..rows.count()).any(|row| rows.id(row) == item.id));
    let crossed: Vec<&ItemReport> =
        report.items.iter().filter(|item| item.kind == Kind::Detector && item.way != "registered").collect();
    assert!(
        crossed.iter().copied().filter(|item| of_rows(item)).count() >= rows / ONE_ROW_IN,
        "of {rows} rows"
    );
    assert!(report.items.iter().filter(|item| item.way == "registered").count() > rows);
    for (kind, least) in [(Kind::Matcher, 2), (Kind::Detector, 20), (Kind::Sink, 3)] {
        for way in ["registered", "through the wire"] {
            let linked = report.items.iter().filter(|item| item.kind == kind && item.way == way).count();
            assert!(linked >= least, "only {linked} of {kind:?} {way}");
        }
    }
}

#[test]
fn summaries_fit_into_a_listing() {
    let all = Specimen::registered();
    assert!(!all.is_empty());
    for item in all.iter().map(Specimen::item) {
        assert!(!item.summary.ends_with('.') && item.summary.len() <= 120, "{}: {}", item.id, item.summary);
    }
}
