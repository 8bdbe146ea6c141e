//! The built-in plugins under the kit that every team's plugins are examined with.

use std::time::Duration;

use agentfirewall_sdk::Kind;
use agentfirewall_sdk::testing::{Options, Outcome, Specimen, examine_registered};

#[test]
fn every_built_in_plugin_conforms_here_and_through_the_border_of_a_library() {
    // A test must not depend on how busy the machine is: the clock stands still.
    let report = examine_registered(&Options::default().quick().with_clock(|| Duration::ZERO));
    // What an author is warned of would be paid for by every call.
    assert!(report.passed() && report.count(Outcome::Warn) == 0, "{report:#}");
    for (kind, least) in [(Kind::Matcher, 2), (Kind::Detector, 25), (Kind::Sink, 3)] {
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
