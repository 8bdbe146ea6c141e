//! The built-in policy on our own tables of cases, and scripts that are meant to break its judge.

use std::fmt::Write;

use agentfirewall_core::policy;
use agentfirewall_tests::measure::machine::Machine;
use agentfirewall_tests::measure::report::Report;
use agentfirewall_tests::measure::{Random, bombs, cases, differential, mutations};
use agentfirewall_tests::{say, skip};

/// How many mutations the gate tries; `cargo xtask bombs --mutations N` tries more.
const MUTATIONS: usize = 2_000;

#[test]
fn the_tables_are_large_and_have_no_case_twice() {
    let own = cases::own();
    let attacks = own.iter().filter(|case| case.expect == cases::Expect::Stopped).count();
    assert!(attacks >= 900 && own.len() - attacks >= 700, "{attacks} of {}", own.len());
    let mut lines: Vec<String> = own.iter().map(cases::Case::line).collect();
    lines.sort();
    let twice: Vec<_> = lines.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| &pair[0]).collect();
    assert!(twice.is_empty(), "these stand twice, or in both tables: {twice:?}");
}

#[test]
fn every_attack_is_stopped_and_every_everyday_call_goes_on_in_silence() {
    let machine = Machine::new();
    let report = Report::of(&machine.judge(), &cases::own());
    let mut gaps = cases::known_gaps();
    let mut wrong = String::new();
    for miss in &report.misses {
        if gaps.remove(&miss.line).is_none() {
            let _ = writeln!(wrong, "{:?} {} | {}\n    {}", miss.expect, miss.class, miss.line, miss.answer);
        }
    }
    for (case, _) in gaps {
        let _ = writeln!(wrong, "a gap that is none, or no case; take it out of known-gaps.yaml: {case}");
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert_eq!(report.approvals, 0, "the built-in policy approves nothing");
}

#[test]
fn hostile_scripts_end_in_a_decision_on_a_large_and_on_a_small_stack() {
    for stack in [8, 2] {
        let worker = std::thread::Builder::new().stack_size(stack << 20).spawn(|| {
            let machine = Machine::new();
            let judge = machine.judge();
            let mut slowest = (std::time::Duration::ZERO, String::new());
            for bomb in bombs::all(usize::MAX) {
                let (_decision, took) = judge.script(&bomb.script);
                slowest = slowest.max((took, bomb.name));
            }
            slowest
        });
        let (took, name) = worker.unwrap().join().unwrap();
        say(format!("bombs on {stack} MiB: slowest {:.1} ms: {name}", took.as_secs_f64() * 1000.0));
    }
}

/// Steps are there for whoever makes scripts to exhaust them, not for long scripts.
#[test]
fn the_longest_everyday_script_is_understood() {
    let machine = Machine::new();
    let judge = machine.judge();
    for size in [1, 16, 64] {
        let script = bombs::everyday(size << 10);
        let (decision, _took) = judge.script(&script);
        let decision = decision.unwrap();
        assert!(decision.action.is_permissive(), "{size} KiB: {decision:?}");
    }
}

#[test]
fn mutated_calls_end_in_a_decision() {
    let machine = Machine::new();
    let judge = machine.judge();
    let material = mutations::scripts();
    let mut random = Random::new(7);
    for _ in 0..MUTATIONS {
        let script = mutations::mutation(&mut random, &material);
        let decided = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| judge.script(&script)));
        assert!(decided.is_ok(), "this script made the judge panic: {script:?}");
    }
}

#[test]
fn what_bash_accepts_does_not_hide_a_command() {
    let Some(outcome) = differential::compare(600, 1) else {
        return skip("the comparison with bash", "this machine has none");
    };
    assert!(outcome.accepted > 100, "{outcome:?}");
    assert!(outcome.unseen.is_empty(), "{:#?}", outcome.unseen);
}

/// The numbers that the manual and the front page name are those of the tables and of the packs.
#[test]
fn the_manual_has_the_numbers_of_today() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let machine = Machine::new();
    let report = Report::of(&machine.judge(), &cases::own());
    let page = read("docs/src/what-it-stops.md");
    assert!(
        page.contains(report.markdown().trim()),
        "put the output of `cargo xtask corpus --markdown` into docs/src/what-it-stops.md"
    );
    let own = cases::own();
    let attacks = own.iter().filter(|case| case.expect == cases::Expect::Stopped).count();
    let pack = |name: &str| policy::pack(name).unwrap();
    let rules: usize = pack("recommended")
        .includes
        .iter()
        .map(|name| pack(name).text.lines().filter(|line| line.starts_with("  - name:")).count())
        .sum();
    let front = read("README.md");
    for (text, says) in [
        (&front, format!("{rules} rules about what a call *does*")),
        (&front, format!("Of our own tables' {} dangerous calls", thousands(attacks))),
        (&front, format!("of {} everyday calls none is disturbed", thousands(own.len() - attacks))),
        (&read("docs/src/speed.md"), format!("built-in default ({rules} rules of packs)")),
    ] {
        assert!(text.contains(&says), "`{says}` is not there");
    }
}

fn thousands(number: usize) -> String {
    format!("{},{:03}", number / 1_000, number % 1_000)
}
