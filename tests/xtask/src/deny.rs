//! What we depend on: licences, duplicate crates, sources, and known vulnerabilities.

use std::time::Duration;

use crate::process::Run;
use crate::tools::CARGO_DENY;
use crate::workshop::{Outcome, Workshop};
use crate::{Result, advisories, say};

/// All four checks. The live advisory database is preferred; the committed snapshot stands in where it is out of reach.
pub(crate) fn run(workshop: &Workshop) -> Result<Outcome> {
    let cargo_deny = match CARGO_DENY.find(workshop) {
        Ok(program) => program,
        Err(why) => return Ok(Outcome::LeftOut(why)),
    };
    // The checks below read the manifests of every platform's dependencies and fetch nothing themselves.
    Run::cargo().args(["fetch", "--locked", "--quiet"]).folder(workshop.root()).run()?;
    let deny = |arguments: &[&str]| {
        Run::new(&cargo_deny).args(["--locked", "--offline"]).args(arguments).folder(workshop.root())
    };
    deny(&["check", "licenses", "bans", "sources"]).run()?;
    let live = Run::new(&cargo_deny)
        .args(["fetch", "db"])
        .folder(workshop.root())
        // Asking for a password would wait for ever.
        .env("GIT_TERMINAL_PROMPT", "0")
        .succeeds_within(Duration::from_mins(2));
    if live {
        say::line("advisories: the live RustSec database");
        deny(&["check", "advisories"]).run()?;
        return Ok(Outcome::Done);
    }
    let report = advisories::check(workshop)?;
    say::line(&format!(
        "advisories: the live RustSec database cannot be fetched here, the committed snapshot of {} was used: \
         {} packages compared",
        report.date, report.packages
    ));
    if !report.affected.is_empty() {
        return Err(format!("open advisories:\n  {}", report.affected.join("\n  ")));
    }
    if !report.unknown.is_empty() {
        return Err(format!(
            "the snapshot of advisories does not cover: {} (tests/advisories/README.md says how to add them)",
            report.unknown.join(", ")
        ));
    }
    Ok(Outcome::Done)
}
