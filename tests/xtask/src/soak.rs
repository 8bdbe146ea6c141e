//! The audit log under many writers, rotation and kills, for longer than the gate has time.

use crate::Result;
use crate::process::Run;
use crate::workshop::{Outcome, Workshop};

/// Runs it for so many seconds, once with every file kept and once with old ones removed.
pub(crate) fn run(workshop: &Workshop, seconds: &str) -> Result<Outcome> {
    Run::cargo()
        .args([
            "run",
            "--quiet",
            "--locked",
            "--package",
            "agentfirewall-tests",
            "--bin",
            "soak",
            "--",
            seconds,
        ])
        .folder(workshop.root())
        .run()?;
    Ok(Outcome::Done)
}
