//! `docker run`, `docker exec`, `kubectl exec`: the command inside.

use agentfirewall_sdk::Access;

use super::super::parse::Parsed;
use super::super::words::Content;
use super::{effect, touch};
use crate::understand::{Doing, Run, Word};

/// `docker build --secret id=x,src=FILE`.
pub(super) fn build(parsed: &Parsed<'_>, doing: &mut Doing) {
    // All that is in its folder may end in the image.
    if let Some(context) = parsed.operands.first().filter(|context| !context.text.contains("://")) {
        touch(doing, context, Access::Read, true, Content::Stored);
    }
    for given in parsed.given("--secret") {
        let Some(value) = &given.value else { continue };
        let file = value
            .text
            .split(',')
            .find_map(|part| part.strip_prefix("source=").or_else(|| part.strip_prefix("src=")));
        if let Some(file) = file {
            touch(
                doing,
                &Word { text: file.to_owned(), ..value.clone() },
                Access::Read,
                false,
                Content::Stored,
            );
        }
    }
}

/// What of this machine a container gets to see: `--volume SOURCE:TARGET`, `--mount type=bind,src=SOURCE,…`.
fn mounts(parsed: &Parsed<'_>, doing: &mut Doing) {
    for given in parsed.given("--volume") {
        let Some(value) = &given.value else { continue };
        let source = value.text.split(':').next().unwrap_or_default();
        // A name without a slash is a volume.
        if source.starts_with(['/', '~', '.']) {
            seen_inside(source, value, doing);
        }
    }
    for given in parsed.given("--mount") {
        let Some(value) = &given.value else { continue };
        let source = value
            .text
            .split(',')
            .find_map(|part| part.strip_prefix("source=").or_else(|| part.strip_prefix("src=")));
        if let Some(source) = source.filter(|source| source.starts_with(['/', '~', '.'])) {
            seen_inside(source, value, doing);
        }
    }
}

fn seen_inside(source: &str, value: &Word, doing: &mut Doing) {
    // A home folder as a whole.
    let home = ["/home/", "/Users/", "/var/home/"]
        .iter()
        .find_map(|folder| source.strip_prefix(folder))
        .is_some_and(|name| !name.trim_end_matches('/').contains('/'));
    if home || matches!(source.trim_end_matches('/'), "~" | "/root") {
        effect(doing, "container.escape", "the home folder");
    }
    let source = Word { text: source.to_owned(), ..value.clone() };
    touch(doing, &source, Access::Read, true, Content::Stored);
}

/// What comes after the image, the container or the pod runs there.
pub(super) fn run(parsed: &Parsed<'_>, doing: &mut Doing) {
    mounts(parsed, doing);
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
    doing.runs.push(Run::command(argv).elsewhere(true));
}
