//! `docker run`, `docker exec`, `kubectl exec`: the command inside.

use super::super::parse::Parsed;
use crate::understand::{Doing, Run, Word};

/// What comes after the image, the container or the pod runs there.
pub(super) fn run(parsed: &Parsed<'_>, doing: &mut Doing) {
    let inner = parsed.operands.get(1..).unwrap_or_default();
    let inner: Vec<Word> = match inner.split_first() {
        Some((dashes, rest)) if dashes.text == "--" => rest.to_vec(),
        _ => inner.to_vec(),
    };
    let entry = parsed.value("--entrypoint").filter(|entry| !entry.text.is_empty());
    let argv: Vec<Word> = entry.into_iter().cloned().chain(inner).collect();
    if argv.is_empty() {
        return;
    }
    doing.runs.push(Run::Command {
        argv,
        more: false,
        elsewhere: true,
        folder: None,
        environment: Vec::new(),
    });
}
