//! `--staged`: what the next commit would add.

use std::io::BufReader;
use std::path::Path;
use std::process::Stdio;

use super::command::{PATCH, check, git, line, refusal, spawn};
use super::diff::Patches;
use super::history::fault;
use crate::commands::scan::found::Tally;
use crate::commands::scan::scanner::Window;
use crate::failure::Failure;

/// Scans the lines that the index adds to the current commit.
pub(in crate::commands::scan) fn staged(folder: &Path, patches: &Patches<'_, '_>) -> Result<Tally, Failure> {
    check(folder)?;
    let verified = line(git(folder).args(["rev-parse", "--verify", "--quiet", "HEAD"]))?;
    let base = match verified {
        Some(commit) => commit,
        // Before the first commit everything is new: the empty tree, in whichever hash the repository uses.
        None => line(git(folder).args(["hash-object", "-t", "tree", "/dev/null"]))?.unwrap_or_default(),
    };
    let mut command = git(folder);
    command.args(["diff-index", "--cached"]).args(PATCH).arg(base).stdout(Stdio::piped());
    // What git has to say is little, and is read at the end.
    let mut child = spawn(&mut command)?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        let mut stream = BufReader::with_capacity(64 * 1024, stdout);
        patches
            .read(&mut stream, &mut Window::new(), &mut tally, &mut || {})
            .map_err(|error| fault(&error))?;
    }
    let output = child.wait_with_output().map_err(|error| Failure::io("git", &error))?;
    if output.status.success() { Ok(tally) } else { Err(refusal(&output)) }
}
