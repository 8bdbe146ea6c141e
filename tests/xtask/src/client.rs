//! The tests against the real Claude Code: installs the pinned versions and hands their paths to the tests.

use std::path::PathBuf;

use crate::process::{Run, Stream, answers};
use crate::workshop::{Outcome, Workshop};
use crate::{Result, suite};

/// The newest version the contract was measured on, and the oldest.
pub(crate) const VERSIONS: [&str; 2] = ["2.1.330", "2.1.197"];

/// Installs both clients and runs every test with `client` in its path.
pub(crate) fn run(workshop: &Workshop) -> Result<Outcome> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(Outcome::LeftOut(
            "the client tests know the Linux x86-64 package of Claude Code only".to_owned(),
        ));
    }
    let mut run = Run::cargo().args(["test", "--locked", "--package", "agentfirewall-tests", "--test", "it"]);
    for version in VERSIONS {
        match install(workshop, version) {
            Ok(program) => run = run.env(&variable(version), program),
            Err(why) => return Ok(Outcome::LeftOut(why)),
        }
    }
    // The sessions share two cores with a model stand-in: one after the other they are quicker and do not time out.
    suite::counted(workshop, run.args(["--", "client", "--test-threads=1"]), Stream::Output)
}

/// The client's binary, installed from npm unless it is there already.
pub(crate) fn install(workshop: &Workshop, version: &str) -> Result<PathBuf> {
    let folder = workshop.target("clients").join(version);
    let program = folder.join("node_modules/@anthropic-ai/claude-code-linux-x64/claude");
    // The version is asked of the binary itself: a half-finished install must not count.
    let installed =
        || Run::new(&program).arg("--version").read().is_ok_and(|answer| answer.trim().starts_with(version));
    if installed() {
        return Ok(program);
    }
    if !answers("npm", &["--version"]) {
        return Err(format!("Claude Code {version} cannot be installed: npm is missing"));
    }
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Run::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--no-save", "--loglevel=error", "--prefix"])
        .arg(&folder)
        // An exact version: a bare name gives whatever suits the Node that is there.
        .arg(format!("@anthropic-ai/claude-code@{version}"))
        .run()
        .map_err(|error| format!("Claude Code {version} cannot be installed: {error}"))?;
    if installed() {
        Ok(program)
    } else {
        Err(format!("Claude Code {version} was installed and does not run"))
    }
}

/// `AGENTFIREWALL_CLAUDE_330` for 2.1.330.
fn variable(version: &str) -> String {
    format!("AGENTFIREWALL_CLAUDE_{}", version.rsplit('.').next().unwrap_or(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_the_ones_the_tests_read() {
        assert_eq!(VERSIONS.map(variable), ["AGENTFIREWALL_CLAUDE_330", "AGENTFIREWALL_CLAUDE_197"]);
    }
}
