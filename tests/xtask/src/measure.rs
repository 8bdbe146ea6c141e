//! What the built-in policy makes of our own cases, of hostile scripts and of what `bash` accepts. The work is done by
//! the binary `measure` of the tests, so that this crate stays quick to compile.

use crate::Result;
use crate::process::Run;
use crate::workshop::{Outcome, Workshop};

/// Runs one of its tasks with these options.
pub(crate) fn run(workshop: &Workshop, task: &str, options: &[&str]) -> Result<Outcome> {
    let (build, options): (Vec<&str>, Vec<&str>) =
        options.iter().copied().partition(|option| *option == "--release");
    // Paths among the options are those of the person who typed them, so the folder stays where it is.
    Run::cargo()
        .args(["run", "--quiet", "--locked", "--package", "agentfirewall-tests", "--bin", "measure"])
        .args(build)
        .arg("--manifest-path")
        .arg(workshop.path("Cargo.toml"))
        .args(["--", task])
        .args(options)
        .run()?;
    Ok(Outcome::Done)
}
