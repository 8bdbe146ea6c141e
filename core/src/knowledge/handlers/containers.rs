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
    // What is built comes out as files: `type=local,dest=FOLDER`, or the folder alone.
    for given in parsed.given("--output") {
        let Some(value) = &given.value else { continue };
        let named = value.text.split(',').find_map(|part| {
            ["dest=", "destination="].iter().find_map(|name| part.trim().strip_prefix(name))
        });
        let place = named.or_else(|| (!value.text.contains('=')).then_some(value.text.as_str()));
        if let Some(place) = place.filter(|place| !place.is_empty() && *place != "-") {
            let archive = [".tar", ".gz", ".tgz"].iter().any(|end| place.ends_with(end));
            let text = if archive { place.to_owned() } else { format!("{}/", place.trim_end_matches('/')) };
            touch(doing, &Word { text, ..value.clone() }, Access::Write, false, Content::Unused);
        }
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

/// `kubectl get secrets -o custom-columns=NAME:.metadata.name`: names and times, and nothing of what they hold.
pub(super) fn get(parsed: &Parsed<'_>, doing: &mut Doing) {
    let mut outputs = parsed.given("--output").map(|given| given.value.as_ref());
    let only_names = |word: &Word| {
        word.known()
            && word.text.strip_prefix("custom-columns=").is_some_and(|columns| {
                columns.split(',').all(|column| {
                    column
                        .split_once(':')
                        .is_some_and(|(_, path)| NAMES.contains(&path.trim_start_matches('.')))
                })
            })
    };
    if parsed.has("--output")
        && !["--raw", "--template", "--show-managed-fields"].iter().any(|option| parsed.has(option))
        && outputs.all(|value| value.is_some_and(only_names))
    {
        doing.effects.retain(|effect| effect.id != "cloud.secrets");
    }
}

/// What tells about an object but is no part of it. Annotations may hold all of it.
const NAMES: [&str; 8] = [
    "kind",
    "metadata.creationTimestamp",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.ownerReferences[0].name",
    "metadata.uid",
    "type",
];
