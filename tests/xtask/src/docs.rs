//! Documentation that builds without a warning and whose links lead somewhere.

use crate::process::Run;
use crate::tools::MDBOOK;
use crate::workshop::{Outcome, Workshop};
use crate::{Result, links};

/// API documentation, internal links, the manual.
pub(crate) fn run(workshop: &Workshop) -> Result<Outcome> {
    Run::cargo()
        .args(["doc", "--workspace", "--locked", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .folder(workshop.root())
        .run()?;
    links::run(workshop)?;
    let mdbook = match MDBOOK.find(workshop) {
        Ok(program) => program,
        Err(why) => return Ok(Outcome::LeftOut(why)),
    };
    Run::new(mdbook)
        .arg("build")
        .arg(workshop.path("docs"))
        .arg("--dest-dir")
        .arg(workshop.target("book"))
        .run()?;
    Ok(Outcome::Done)
}
