//! A sink of a library that fails takes no other sink with it, and loses nothing.

use agentfirewall_tests::deliveries::{alerts, dead_letters};
use agentfirewall_tests::fixtures::{install, library};
use agentfirewall_tests::sandbox::Sandbox;

use super::MISBEHAVING;

/// A user's policy with two sinks: a library's, which does so, and one of the program.
fn with_sinks(does: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    install(&sandbox, &library(MISBEHAVING));
    let folder = sandbox.home.join(".config/agentfirewall");
    let (theirs, ours) = (sandbox.home.join("theirs.txt"), sandbox.home.join("ours.jsonl"));
    let policy = format!(
        "name: sinks\ndefault_action: alert\nsinks:\n  - {{name: theirs, use: mb-sink, with: {{does: \"{does}\", file: \
         \"{}\"}}}}\n  - {{name: ours, use: file, with: {{path: \"{}\"}}}}\n",
        theirs.display(),
        ours.display()
    );
    std::fs::write(folder.join("policy.yaml"), policy).unwrap();
    sandbox.run(["validate"]).exits(0);
    sandbox
}

fn lines(sandbox: &Sandbox, file: &str) -> usize {
    std::fs::read_to_string(sandbox.home.join(file)).map_or(0, |text| text.lines().count())
}

#[test]
fn a_sink_of_a_library_gets_what_every_sink_gets() {
    let sandbox = with_sinks("true");
    alerts(&sandbox, 3);
    let outcome = sandbox.run(["deliver"]);
    outcome.exits(0);
    assert!(outcome.stderr.contains("theirs: 3 delivered"), "{outcome:?}");
    assert_eq!((lines(&sandbox, "theirs.txt"), lines(&sandbox, "ours.jsonl")), (3, 3));
    sandbox.run(["deliver"]).exits(0);
    assert_eq!((lines(&sandbox, "theirs.txt"), lines(&sandbox, "ours.jsonl")), (3, 3));
}

#[test]
fn a_sink_that_crashes_loses_nothing_and_takes_no_other_with_it() {
    for does in ["abort", "segv", "exit"] {
        let sandbox = with_sinks(does);
        alerts(&sandbox, 2);
        let outcome = sandbox.run(["deliver"]);
        assert!(outcome.stderr.contains("ours: 2 delivered"), "{does}: {outcome:?}");
        assert_eq!(lines(&sandbox, "ours.jsonl"), 2, "{does}");
        // Each record was offered twice, to a process of its own each time, and is kept.
        let letters = dead_letters(&sandbox);
        assert_eq!(letters.len(), 2, "{does}: {letters:?} {outcome:?}");
        let reason = letters[0]["reason"].as_str().unwrap();
        assert!(reason.contains(&format!("plugin `{MISBEHAVING}` failed: its process ended")), "{reason}");
    }
}

#[test]
fn a_sink_that_panics_is_refused_by_name() {
    let sandbox = with_sinks("panic");
    alerts(&sandbox, 1);
    let outcome = sandbox.run(["deliver"]);
    assert!(outcome.stderr.contains("ours: 1 delivered"), "{outcome:?}");
    let letters = dead_letters(&sandbox);
    assert!(letters[0]["reason"].as_str().unwrap().contains("panicked"), "{letters:?}");
}
