//! The tools the gate uses and does not build itself: found on `PATH` in any version, else installed.
//!
//! Cargo's tools go to `target/tools`, so that nothing outside the repository changes and a new clone starts clean. A
//! tool that can neither be found nor installed is not an error here: the step that needs it says what it leaves out.

use std::path::PathBuf;

use crate::process::{Run, answers};
use crate::workshop::{Outcome, Workshop};
use crate::{Result, client, say};

/// A program from the crate registry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CargoTool {
    /// The package and the binary.
    name: &'static str,
    /// What is installed where none is found.
    version: &'static str,
}

/// Builds the manual.
pub(crate) const MDBOOK: CargoTool = CargoTool { name: "mdbook", version: "0.5.4" };
/// Checks licences, duplicates, sources and advisories.
pub(crate) const CARGO_DENY: CargoTool = CargoTool { name: "cargo-deny", version: "0.20.2" };

/// A peer whose scenarios can be sent to any hook.
pub(crate) const OPENMOAT: CargoTool = CargoTool { name: "openmoat", version: "0.12.1" };

impl CargoTool {
    /// The program, installed if need be; the error says why it cannot be had.
    pub(crate) fn find(self, workshop: &Workshop) -> Result<PathBuf> {
        if answers(self.name, &["--version"]) {
            return Ok(PathBuf::from(self.name));
        }
        let folder = workshop.target("tools");
        let program = folder.join("bin").join(format!("{}{}", self.name, std::env::consts::EXE_SUFFIX));
        if answers(&program, &["--version"]) {
            return Ok(program);
        }
        say::line(&format!("{} is not on PATH: installing it into {}", self.name, folder.display()));
        Run::cargo()
            .args(["install", "--locked", "--quiet", self.name, "--version", self.version])
            // What runs for a moment takes longer to optimise than to run.
            .args(["--debug", "--root"])
            .arg(&folder)
            .run()
            .map_err(|error| format!("{} cannot be installed: {error}", self.name))?;
        if answers(&program, &["--version"]) {
            Ok(program)
        } else {
            Err(format!("{} was installed and does not run", self.name))
        }
    }
}

/// Valgrind, from the system's packages where we may install them.
pub(crate) fn valgrind() -> Result<PathBuf> {
    system("valgrind")
}

/// The shells besides bash whose parsers check our completions.
pub(crate) fn shells() -> Result<()> {
    ["zsh", "fish"].into_iter().try_for_each(|shell| system(shell).map(drop))
}

/// The servers that sinks are tested with, and what makes certificates for them.
pub(crate) fn servers(workshop: &Workshop) -> Result<()> {
    ["nats-server", "openssl"].into_iter().try_for_each(|program| system(program).map(drop))?;
    if !answers("rsyslogd", &["-v"]) {
        apt(&["rsyslog", "rsyslog-gnutls"])?;
    }
    python(workshop)
}

/// The browser that the audit report is opened with.
pub(crate) fn browser() -> Result<()> {
    if ["chromium", "chromium-browser", "google-chrome"].into_iter().any(|name| answers(name, &["--version"]))
    {
        return Ok(());
    }
    apt(&["chromium"])
}

/// What judges the sinks' requests, as packages of Python: a collector, a verifier of signatures, a decoder, a store.
const PYTHON: [&str; 4] =
    ["rotel==0.0.1a15", "standardwebhooks==1.1.0", "opentelemetry-proto==1.45.2", "duckdb==2.0.1"];

/// An environment of Python with these packages, in `target/python/sinks`.
fn python(workshop: &Workshop) -> Result<()> {
    let folder = workshop.target("python/sinks");
    let python = folder.join("bin/python3");
    let ready = || {
        answers(
            &python,
            &[
                "-c",
                "import duckdb, rotel, standardwebhooks, opentelemetry.proto.collector.logs.v1.logs_service_pb2",
            ],
        )
    };
    if ready() {
        return Ok(());
    }
    Run::new("python3")
        .args(["-m", "venv"])
        .arg(&folder)
        .run()
        .map_err(|error| format!("python3 cannot make an environment: {error}"))?;
    Run::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(PYTHON)
        .run()
        .map_err(|error| format!("the packages of Python cannot be installed: {error}"))?;
    if ready() {
        Ok(())
    } else {
        Err("the packages of Python were installed and cannot be imported".to_owned())
    }
}

/// A program of the system's package of the same name.
fn system(name: &str) -> Result<PathBuf> {
    // Not `--version`, which `openssl` does not know.
    let there = || answers(name, &["--help"]);
    if there() {
        return Ok(PathBuf::from(name));
    }
    apt(&[name])?;
    if there() { Ok(PathBuf::from(name)) } else { Err(format!("{name} was installed and does not run")) }
}

/// Installs packages of the system, where we may.
fn apt(packages: &[&str]) -> Result<()> {
    let root = Run::new("id").arg("-u").read().is_ok_and(|id| id.trim() == "0");
    if !root || !answers("apt-get", &["--version"]) {
        let names = packages.join(", ");
        return Err(format!("{names} not installed: installing system packages takes root and apt-get"));
    }
    let apt = || Run::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
    apt().args(["-qq", "update"]).run()?;
    apt().args(["-qq", "install", "--yes", "--no-install-recommends"]).args(packages.iter().copied()).run()
}

/// Installs everything the gate may need and says what cannot be had.
pub(crate) fn setup(workshop: &Workshop) -> Result<Outcome> {
    let mut missing = Vec::new();
    for tool in [MDBOOK, CARGO_DENY, OPENMOAT] {
        match tool.find(workshop) {
            Ok(program) => say::line(&format!("{}: {}", tool.name, program.display())),
            Err(error) => missing.push(error),
        }
    }
    match valgrind() {
        Ok(program) => say::line(&format!("valgrind: {}", program.display())),
        Err(error) => missing.push(error),
    }
    missing.extend([shells(), servers(workshop), browser()].into_iter().filter_map(std::result::Result::err));
    for version in client::VERSIONS {
        match client::install(workshop, version) {
            Ok(program) => say::line(&format!("claude {version}: {}", program.display())),
            Err(error) => missing.push(error),
        }
    }
    if missing.is_empty() { Ok(Outcome::Done) } else { Ok(Outcome::LeftOut(missing.join("; "))) }
}
