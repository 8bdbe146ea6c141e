//! The scenarios of a peer, sent to our hook as Claude Code would. Its expectations are its own policy's: where they
//! differ from ours (it also follows what a session wrote or read), the number is a hint and no goal.

use crate::process::Run;
use crate::workshop::{Outcome, Workshop};
use crate::{Result, tools};

/// Builds the hook, installs the peer if need be, and prints its scorecard.
pub(crate) fn run(workshop: &Workshop, options: &[&str]) -> Result<Outcome> {
    let peer = match tools::OPENMOAT.find(workshop) {
        Ok(program) => program,
        Err(why) => return Ok(Outcome::LeftOut(why)),
    };
    Run::cargo()
        .args(["build", "--quiet", "--locked", "--package", "agentfirewall"])
        .folder(workshop.root())
        .run()?;
    let hook = workshop.target("debug").join(format!("agentfirewall{}", std::env::consts::EXE_SUFFIX));
    let line = format!("'{}' hook pre-tool-use", hook.display());
    Run::new(peer).args(["bench", "--host", "claude-code", "--hook", &line]).args(options).run()?;
    Ok(Outcome::Done)
}
