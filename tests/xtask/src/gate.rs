//! `cargo xtask gate`: everything a change must pass, in one command, on any machine with Rust.

use std::time::{Duration, Instant};

use crate::process::Run;
use crate::workshop::{Outcome, Workshop};
use crate::{Result, arch, budget, client, deny, docs, fuzz, openmoat, python, reference, say, suite};

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Workshop) -> Result<Outcome>,
}

/// Cheapest first, so that a wrong blank fails in a second and not after the tests.
const STEPS: [Step; 15] = [
    Step { name: "fmt", what: "formatting", run: fmt },
    Step { name: "arch", what: "the rules of ARCHITECTURE.md", run: arch::run },
    Step { name: "lint", what: "clippy, warnings are errors", run: lint },
    Step { name: "test", what: "unit and integration tests", run: suite::tests },
    Step { name: "doctest", what: "the examples in the documentation", run: suite::doctests },
    Step { name: "reference", what: "the generated pages are current", run: reference::check },
    Step { name: "docs", what: "API documentation, manual, internal links", run: docs::run },
    Step { name: "deny", what: "licences, duplicates, sources, advisories", run: deny::run },
    Step { name: "fuzz-build", what: "fuzz targets compile, their seeds pass", run: fuzz::build },
    Step { name: "budget", what: "instruction counts of one decision", run: budget_step },
    Step { name: "release", what: "what starts other processes, as it is released", run: suite::release },
    Step {
        name: "python",
        what: "the wheel on every Python there is, the agent frameworks",
        run: python_step,
    },
    Step { name: "client", what: "the real Claude Code, both versions", run: client::run },
    Step { name: "peer", what: "a peer's scenarios are stopped, its benign ones are not", run: peer_step },
    Step { name: "clean-tree", what: "the gate changed no committed file", run: clean_tree },
];

/// Runs the steps, or the ones named by `--only`, or lists them.
pub(crate) fn run(workshop: &Workshop, options: &[&str]) -> Result<Outcome> {
    let mut only = Vec::new();
    let mut rest = options.iter().copied();
    while let Some(option) = rest.next() {
        match option {
            "--list" => {
                for step in &STEPS {
                    say::line(&format!("{:<12} {}", step.name, step.what));
                }
                return Ok(Outcome::Done);
            }
            "--only" => only.push(rest.next().ok_or("`--only` takes the name of a step; see `--list`")?),
            other => {
                return Err(format!("unknown option `{other}`: the gate takes `--list` and `--only STEP`"));
            }
        }
    }
    if let Some(unknown) = only.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        return Err(format!("there is no step `{unknown}`; see `cargo xtask gate --list`"));
    }
    let chosen = STEPS.iter().filter(|step| only.is_empty() || only.contains(&step.name));
    let result = run_steps(workshop, chosen);
    let (passed, failed) = workshop.counted();
    // The line by which a reader of the log sees that tests ran. It stands alone, also after a failure.
    say::line(&format!("\n{passed} passed, {failed} failed"));
    result
}

fn run_steps<'a>(workshop: &Workshop, steps: impl Iterator<Item = &'a Step>) -> Result<Outcome> {
    let began = Instant::now();
    let mut left_out = Vec::new();
    for step in steps {
        say::heading(&format!("{}: {}", step.name, step.what));
        let started = Instant::now();
        let outcome = (step.run)(workshop);
        let took = seconds(started.elapsed());
        match outcome {
            Ok(Outcome::Done) => say::line(&format!("-- {} ok ({took})", step.name)),
            Ok(Outcome::LeftOut(why)) => {
                say::line(&format!("-- {} LEFT OUT ({took}): {why}", step.name));
                if Workshop::strict() {
                    return Err(format!(
                        "gate failed at `{}`: with CI set nothing may be left out",
                        step.name
                    ));
                }
                left_out.push(format!("{}: {why}", step.name));
            }
            Err(error) => return Err(format!("gate failed at `{}` after {took}: {error}", step.name)),
        }
    }
    say::heading(&format!("gate passed in {}", seconds(began.elapsed())));
    for line in &left_out {
        say::line(&format!("left out: {line}"));
    }
    Ok(Outcome::Done)
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn fmt(workshop: &Workshop) -> Result<Outcome> {
    Run::cargo().args(["fmt", "--all", "--check"]).folder(workshop.root()).run()?;
    Run::cargo()
        .args(["fmt", "--check", "--manifest-path"])
        .arg(workshop.path("tests/fuzz/Cargo.toml"))
        .folder(workshop.root())
        .run()?;
    Ok(Outcome::Done)
}

fn lint(workshop: &Workshop) -> Result<Outcome> {
    Run::cargo()
        .args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
        .folder(workshop.root())
        .run()?;
    Ok(Outcome::Done)
}

/// Runs as a task of its own, so that `cargo run -p xtask -- budget` is the same thing by hand.
fn budget_step(workshop: &Workshop) -> Result<Outcome> {
    budget::run(workshop)
}

/// With what is built here anyway; `cargo xtask python --release` has the size and the speed that count.
fn python_step(workshop: &Workshop) -> Result<Outcome> {
    python::run(workshop, &[])
}

fn peer_step(workshop: &Workshop) -> Result<Outcome> {
    openmoat::run(workshop, &[])
}

/// A test that rewrites a committed file (a snapshot, a generated page) must not pass unseen.
fn clean_tree(workshop: &Workshop) -> Result<Outcome> {
    if !workshop.path(".git").exists() {
        return Ok(Outcome::Done);
    }
    let changed = Run::new("git").args(["status", "--porcelain"]).folder(workshop.root()).read()?;
    // By hand the tree is dirty as a matter of course; in CI it starts clean.
    if Workshop::strict() && !changed.is_empty() {
        return Err(format!("these files changed while the gate ran:\n{changed}"));
    }
    Ok(Outcome::Done)
}
