//! Running git on a repository that somebody else may have prepared.
//!
//! A repository's configuration can name programs: for differences, conversions, watching files, fetching what is missing.
//! Only git's plumbing is called, which shows the fewest of them, and each of the rest is switched off.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::commands::scan::printable;
use crate::failure::{Exit, Failure};

/// What overrides the repository's own configuration.
const CONFIGURATION: [&str; 6] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "core.untrackedCache=false",
    "protocol.allow=never",
    "log.showSignature=false",
];

/// What a patch is made with: no program of others, attributes that cannot hide a file, exact renames alone.
pub(super) const PATCH: [&str; 11] = [
    "-p",
    "-r",
    "-U0",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--text",
    "--find-renames=100%",
    "--ignore-submodules",
    "--src-prefix=a/",
    "--dst-prefix=b/",
];

/// A git command in a folder.
pub(super) fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("--no-pager").arg("-C").arg(folder);
    for setting in CONFIGURATION {
        command.args(["-c", setting]);
    }
    for (name, _) in std::env::vars_os() {
        // A commit of chosen files has an index of its own, which the pre-commit hook learns by this name.
        if name.to_string_lossy().starts_with("GIT_") && name != "GIT_INDEX_FILE" {
            command.env_remove(name);
        }
    }
    command
        .env("GIT_ALLOW_PROTOCOL", "none")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Starts a command.
pub(super) fn spawn(command: &mut Command) -> Result<Child, Failure> {
    command.spawn().map_err(|error| {
        Failure::io("git cannot be started", &error).help("scanning a repository needs git in PATH")
    })
}

/// Runs a command that answers with a line. `None` if git says no.
pub(super) fn line(command: &mut Command) -> Result<Option<String>, Failure> {
    let output = spawn(command.stdout(Stdio::piped()))?
        .wait_with_output()
        .map_err(|error| Failure::io("git", &error))?;
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned()))
}

/// Whether there is a repository, and if not, why not.
pub(super) fn check(folder: &Path) -> Result<(), Failure> {
    let output = spawn(git(folder).args(["rev-parse", "--git-dir"]).stdout(Stdio::piped()))?
        .wait_with_output()
        .map_err(|error| Failure::io("git", &error))?;
    if output.status.success() { Ok(()) } else { Err(refusal(&output)) }
}

/// The folder of a repository's files, or the folder itself where it has none.
pub(in crate::commands::scan) fn top(folder: &Path) -> Result<PathBuf, Failure> {
    let top = line(git(folder).args(["rev-parse", "--show-toplevel"]))?;
    Ok(top.filter(|top| !top.is_empty()).map_or_else(|| folder.to_path_buf(), PathBuf::from))
}

/// What git said when it refused.
pub(super) fn refusal(output: &Output) -> Failure {
    let text = String::from_utf8_lossy(&output.stderr);
    let first = text.lines().next().unwrap_or("git failed");
    let failure = Failure::new(Exit::Io, format!("git: {}", printable(first)));
    if text.contains("safe.directory") {
        return failure
            .help("the repository belongs to another user; see `git help config` on safe.directory");
    }
    failure
}
