//! What rows cannot say: programs whose arguments are a language of their own.

use super::parse::Parsed;
use crate::understand::Doing;

/// The handlers that rows may name; the build script reads them from `knowledge/handlers.txt`.
pub(super) const NAMES: &[&str] = &["docker", "git", "kubectl"];

/// Adds what a handler knows.
pub(super) fn run(name: &str, parsed: &Parsed<'_>, doing: &mut Doing) {
    let _todo = (name, parsed, doing);
}
