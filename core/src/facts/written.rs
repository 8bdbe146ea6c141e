//! What a text that goes to a file means by where it goes: a workflow, a manifest, the settings of a package manager or of an
//! editor, a hook.

use agentfirewall_sdk::ToolCall;
use serde_json::Value;

use super::{registry, workflow};
use crate::shell::quoted;
use crate::understand::{Doing, Effect, Language, Origin, Run, Script, Understanding, Word, World};

/// What is seen of a file that something runs by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runs {
    /// Tasks of an editor: one may run when the folder is opened.
    Tasks,
    /// A container for development: one of its commands runs on this machine.
    Container,
    /// A hook that is a script of the project.
    Hook,
}

/// What the texts of a call mean that go to a file of that name.
pub(super) fn effects(path: &str, input: &Value) -> Vec<Effect> {
    let path = path.replace('\\', "/");
    let texts = texts(input);
    let mut found: Vec<Effect> = workflow::effects(&path, &texts).collect();
    found.extend(registry::effect(&path, &texts));
    found
}

/// What runs that is seen: a hook's script, and in a container its commands.
pub(super) fn runs(path: &str, input: &Value, doing: &mut Doing) {
    let texts = || brought(input).unwrap_or_default();
    match runs_of(path) {
        Some(Runs::Hook) => {
            doing.runs.extend(texts().iter().map(|text| Run::code(Language::Shell, Word::plain(*text))));
        }
        Some(Runs::Container) => {
            let commands = texts().into_iter().flat_map(container_commands).take(64);
            doing.runs.extend(commands.map(|command| {
                let (text, arguments) = (Word::plain(command), Vec::new());
                Run::Code { language: Language::Shell, text, arguments, elsewhere: true }
            }));
        }
        _ => {}
    }
}

/// The commands of a container for development, each a text, a list of words or several with names
/// (<https://containers.dev/implementors/json_reference/#lifecycle-scripts>). The file may have comments, so it is no JSON.
fn container_commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("Command\"") {
        let rest = text.get(at + "Command\"".len()..).unwrap_or_default().trim_start();
        let Some(value) = rest.strip_prefix(':').map(str::trim_start) else { continue };
        let mut values = serde_json::Deserializer::from_str(value).into_iter::<Value>();
        match values.next() {
            Some(Ok(Value::Object(named))) => found.extend(named.values().filter_map(line)),
            Some(Ok(value)) => found.extend(line(&value)),
            // With a comment in it: all of it, as one.
            _ => found.push(value.lines().next().unwrap_or_default().to_owned()),
        }
    }
    found
}

fn line(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => {
            Some(words.iter().filter_map(Value::as_str).map(quoted).collect::<Vec<_>>().join(" "))
        }
        _ => None,
    }
}

/// Takes back that something would run by itself, where all that is written is seen and says that it would not, or where
/// what would run has been judged as the script it is.
pub(super) fn settle(path: &str, call: &ToolCall, world: &World<'_>, seen: &mut Understanding) {
    let Some(runs) = runs_of(path) else { return };
    let Some(texts) = brought(&call.input) else { return };
    // Root of a container is not root of this machine.
    if runs == Runs::Container {
        seen.effects.retain(|(effect, _)| effect.id != "privilege.root");
    }
    // A link may lead to a file that git or an editor reads as well.
    let stays = seen.paths.first().is_some_and(|touched| {
        touched.placed.is_in("project") && runs_of(&touched.placed.canonical.to_string_lossy()) == Some(runs)
    });
    // Letters that are written by their numbers hide a name.
    let hidden = |text: &str| text.contains("\\u");
    let whole = ["content", "contents", "file_text"].iter().any(|name| call.text(name).is_some());
    // A piece goes into the file as it stands.
    let file = seen.paths.first().and_then(|touched| (world.scripts)(&touched.placed.canonical));
    let before = match &file {
        Some(Script::Here(text) | Script::Gone(Some(text))) => Some(text.as_str()),
        _ => None,
    };
    let says = |name: &str| {
        texts
            .iter()
            .copied()
            .chain(before.filter(|_| !whole))
            .any(|text| text.to_ascii_lowercase().contains(name) || hidden(text))
    };
    let id = match runs {
        Runs::Tasks if !says("folderopen") => "persistence.editor",
        Runs::Container if !says("initializecommand") => "persistence.editor",
        Runs::Hook => "persistence.git-hook",
        _ => return,
    };
    if stays {
        seen.effects.retain(|(effect, origin)| effect.id != id || *origin != Origin::Path(0));
    }
}

fn runs_of(path: &str) -> Option<Runs> {
    let path = path.replace('\\', "/");
    let mut names = path.rsplit('/');
    let name = names.next().unwrap_or_default();
    let folder = names.next().unwrap_or_default();
    match (folder, name) {
        (".vscode", "tasks.json") => Some(Runs::Tasks),
        (".devcontainer", "devcontainer.json") | (_, ".devcontainer.json") => Some(Runs::Container),
        (".husky", _) => Some(Runs::Hook),
        _ => None,
    }
}

/// The texts that a call writes: what was there before is none of them.
fn texts(input: &Value) -> Vec<&str> {
    fn strings(value: &Value) -> impl Iterator<Item = &str> {
        let members = value.as_object().into_iter().flatten();
        members.filter(|(name, _)| !name.starts_with("old")).filter_map(|(_, value)| value.as_str())
    }
    let edits = input.get("edits").and_then(Value::as_array).into_iter().flatten();
    strings(input).chain(edits.flat_map(strings)).collect()
}

/// The text of the whole file, or the pieces that an edit brings in; nothing where they are not seen.
fn brought(input: &Value) -> Option<Vec<&str>> {
    fn new(value: &Value) -> Option<&str> {
        let names = ["content", "contents", "file_text", "new_string", "new_str", "newText"];
        names.iter().find_map(|name| value.get(*name)?.as_str())
    }
    match input.get("edits").and_then(Value::as_array) {
        Some(edits) => edits.iter().map(new).collect(),
        None => new(input).map(|text| vec![text]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn commands_of_a_container_are_found() {
        let text = r#"{ // of the image
            "postCreateCommand": "npm ci", "postStartCommand": ["a", "b c"],
            "onCreateCommand": {"one": "x", "two": ["y", "z"]}, "remoteUser": "node",
        }"#;
        assert_eq!(container_commands(text), ["npm ci", "a 'b c'", "x", "y z"]);
    }

    #[test]
    fn all_pieces_of_an_edit_are_seen_or_none() {
        assert_eq!(brought(&json!({"content": "x"})), Some(vec!["x"]));
        assert_eq!(
            brought(&json!({"edits": [{"new_string": "a"}, {"new_string": "b"}]})),
            Some(vec!["a", "b"])
        );
        assert_eq!(brought(&json!({"edits": [{"new_string": "a"}, {"other": "b"}]})), None);
        assert_eq!(brought(&json!({"file_path": "x"})), None);
        assert_eq!(texts(&json!({"old_string": "a", "new_string": "b"})), ["b"]);
        assert_eq!(texts(&json!({"edits": [{"old_string": "a", "new_string": "b"}]})), ["b"]);
    }
}
