//! The tasks of this repository: `cargo xtask gate` before every push, and what the gate is made of.
//!
//! One file a task. A task takes what it needs from [`Workshop`], says what it does through [`say`], and answers with
//! an [`Outcome`]; only `main` decides about the exit code. Nothing here is part of the product.

mod advisories;
mod arch;
mod budget;
mod client;
mod deny;
mod docs;
mod fuzz;
mod gate;
mod links;
mod measure;
mod openmoat;
mod order;
mod process;
mod python;
mod reference;
mod say;
mod soak;
mod suite;
mod tools;
mod version;
mod workshop;

use std::process::ExitCode;

use crate::workshop::{Outcome, Workshop};

/// What goes wrong in a task, as one line for the person at the terminal.
pub(crate) type Result<T> = std::result::Result<T, String>;

const USAGE: &str = "\
Usage: cargo xtask TASK

  gate [--list] [--only STEP]...   everything a change must pass, in order; stops at the first failure
  setup                            install the tools the gate uses, without running it
  gen [--check]                    write the generated pages of the manual, or say which are out of date
  docs                             build the API documentation and the manual, follow every internal link
  deny                             licences, duplicate crates, sources and security advisories
  arch                             the rules of ARCHITECTURE.md
  budget                           instruction counts of one decision
  order                            lay the functions of a hook side by side: writes cli/hook.ld from a trace
  fuzz TARGET [SECONDS]            look for a crash (needs a nightly toolchain and cargo-fuzz); 60 seconds by default
  corpus [--corpus FILE.jsonl]... [--show-misses | --gaps] [--json | --markdown]
                                   what the built-in policy makes of our own cases, by class
  bombs [--mutations N] [--seed N] [--size N] [--only NAME] [--release] [--trace]
                                   hostile scripts and mutated cases, the slowest in ms of a processor
  differential [N]                 whether a command is seen in whatever `bash` accepts
  openmoat [OPTION]...             the scenarios of OpenMoat, sent to our hook
  soak [SECONDS]                   the audit log under 32 writers, rotation and kills, twice; 60 seconds by default
  python [--release] [--bench] [--quick]
                                   the wheel: built, installed, its types checked, tested on every Python there is
  client                           the tests against the real Claude Code";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::LeftOut(why)) => {
            say::problem(&format!("left out: {why}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            say::problem(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<Outcome> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let workshop = Workshop::here()?;
    match arguments.as_slice() {
        ["gate", options @ ..] => gate::run(&workshop, options),
        ["setup"] => tools::setup(&workshop),
        ["gen"] => reference::write(&workshop),
        ["gen", "--check"] => reference::check(&workshop),
        ["docs"] => docs::run(&workshop),
        ["deny"] => deny::run(&workshop),
        ["arch"] => arch::run(&workshop),
        ["budget"] => budget::run(&workshop),
        ["order"] => order::run(&workshop),
        ["client"] => client::run(&workshop),
        [task @ ("corpus" | "bombs" | "differential"), options @ ..] => {
            measure::run(&workshop, task, options)
        }
        ["python", options @ ..] => python::run(&workshop, options),
        ["soak"] => soak::run(&workshop, "60"),
        ["soak", seconds] => soak::run(&workshop, seconds),
        ["openmoat", options @ ..] => openmoat::run(&workshop, options),
        ["fuzz", target] => fuzz::run(&workshop, target, "60"),
        ["fuzz", target, seconds] => fuzz::run(&workshop, target, seconds),
        [] | ["help" | "-h" | "--help"] => {
            say::line(USAGE);
            Ok(Outcome::Done)
        }
        [other, ..] => Err(format!("unknown task or wrong arguments: `{other}`\n\n{USAGE}")),
    }
}
