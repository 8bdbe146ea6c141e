//! Which events a settings file wires to us, and whether the hook there can really stop something.

use std::path::Path;

use jsonc_parser::ast::{Object, Value};

use super::tree::{Settings, array_at, bool_at, get, object_at, problem_at, property, text_at};
use super::{EVENTS, Effect, Event, PROGRAM_NAMES, PYTHON_MODULE};

/// What one settings file does for us and against us. A file the client drops does neither.
#[derive(Debug, Default)]
pub struct Wiring {
    /// One entry an event of [`EVENTS`], in that order.
    pub events: Vec<EventWiring>,
    /// `disableAllHooks` is true.
    pub disable_all_hooks: bool,
    /// `allowManagedHooksOnly` is true, or `strictPluginOnlyCustomization` covers hooks: the hooks of the other files
    /// are ignored. Only a managed file can say so.
    pub managed_hooks_only: bool,
    /// Entries of `env` that could lead the hook elsewhere.
    pub redirects: Vec<Redirect>,
    /// How many hooks of the Python program are left; they only fail.
    pub python_hooks: usize,
}

/// An event and its hook.
#[derive(Debug, PartialEq, Eq)]
pub struct EventWiring {
    /// The event.
    pub event: &'static Event,
    /// Its state.
    pub state: State,
}

/// How an event is wired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// At full strength, with this program.
    Full {
        /// The program as the file names it.
        command: String,
    },
    /// Our hook is there, but it can be passed by; why, one phrase each.
    Weak(Vec<String>),
    /// No hook of ours.
    Absent,
}

/// An entry of `env` that could lead the hook elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The variable.
    pub name: String,
    /// The line, from 1.
    pub line: usize,
}

/// How a handler of ours looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Handler {
    /// Somebody else's.
    Foreign,
    /// The Python program's.
    Python,
    /// Ours; an empty list of faults is full strength.
    Ours { command: String, faults: Vec<String> },
}

impl Wiring {
    /// Reads the wiring. `binary` is a program path that is ours whatever its name; any other is ours by its file name.
    pub fn of(settings: &Settings<'_>, binary: Option<&Path>) -> Self {
        let absent = || EVENTS.iter().map(|event| EventWiring { event, state: State::Absent }).collect();
        let root = if settings.is_void() { None } else { settings.root() };
        let Some(Value::Object(root)) = &root else {
            return Self { events: absent(), ..Self::default() };
        };
        let hooks = object_at(root, "hooks");
        let events: Vec<_> = EVENTS
            .iter()
            .map(|event| EventWiring {
                event,
                state: hooks.map_or(State::Absent, |hooks| event_state(hooks, event, binary)),
            })
            .collect();
        let relative = events.iter().any(
            |wiring| matches!(&wiring.state, State::Full { command } if !Path::new(command).is_absolute()),
        );
        Self {
            events,
            disable_all_hooks: bool_at(root, "disableAllHooks") == Some(true),
            managed_hooks_only: bool_at(root, "allowManagedHooksOnly") == Some(true) || plugins_only(root),
            redirects: redirects(settings, root, relative),
            python_hooks: hooks.map_or(0, count_python),
        }
    }

    /// The state of one event by its name in the client.
    pub fn state(&self, event: &str) -> Option<&State> {
        self.events.iter().find(|wiring| wiring.event.name == event).map(|wiring| &wiring.state)
    }

    /// Whether every event is wired at full strength.
    pub fn is_full(&self) -> bool {
        !self.events.is_empty() && self.events.iter().all(|wiring| matches!(wiring.state, State::Full { .. }))
    }
}

fn plugins_only(root: &Object<'_>) -> bool {
    match get(root, "strictPluginOnlyCustomization") {
        Some(Value::BooleanLit(all)) => all.value,
        Some(Value::Array(kinds)) => {
            kinds.elements.iter().any(|kind| kind.as_string_lit().is_some_and(|kind| kind.value == "hooks"))
        }
        _ => false,
    }
}

fn count_python(hooks: &Object<'_>) -> usize {
    hooks
        .properties
        .iter()
        .filter_map(|event| event.value.as_array())
        .flat_map(|groups| &groups.elements)
        .filter_map(Value::as_object)
        .filter_map(|group| array_at(group, "hooks"))
        .flat_map(|handlers| &handlers.elements)
        .filter(|handler| is_python(handler))
        .count()
}

fn event_state(hooks: &Object<'_>, event: &'static Event, binary: Option<&Path>) -> State {
    let mut faults = None;
    for group in array_at(hooks, event.name).map(|groups| groups.elements.as_slice()).unwrap_or_default() {
        let Some(group) = group.as_object() else { continue };
        for handler in array_at(group, "hooks").map(|list| list.elements.as_slice()).unwrap_or_default() {
            match inspect(group, handler, event, binary) {
                Handler::Ours { command, faults } if faults.is_empty() => return State::Full { command },
                Handler::Ours { faults: found, .. } => {
                    faults.get_or_insert(found);
                }
                Handler::Foreign | Handler::Python => {}
            }
        }
    }
    faults.map_or(State::Absent, State::Weak)
}

/// Judges one handler of an event.
pub(crate) fn inspect(
    group: &Object<'_>,
    handler: &Value<'_>,
    event: &Event,
    binary: Option<&Path>,
) -> Handler {
    if is_python(handler) {
        return Handler::Python;
    }
    let Some((command, argument)) = ours(handler, binary) else { return Handler::Foreign };
    let Some(object) = handler.as_object() else { return Handler::Foreign };
    let mut faults = Vec::new();
    if argument != event.argument {
        faults.push(format!("it is called for `{argument}`"));
    }
    match get(group, "matcher") {
        None => {}
        Some(Value::StringLit(all)) if all.value.is_empty() || all.value == "*" => {}
        Some(_) => faults.push("its `matcher` leaves calls out".into()),
    }
    if property(object, "if").is_some() {
        faults.push("its `if` leaves calls out".into());
    }
    for (field, what) in [
        ("async", "it runs in the background"),
        ("asyncRewake", "it runs in the background"),
        ("once", "it runs only once"),
        ("holdsTools", "the client ignores its answer"),
    ] {
        if bool_at(object, field) == Some(true) {
            faults.push(format!("`{field}`: {what}"));
        }
    }
    if text_at(object, "shell") == Some("powershell") && property(object, "args").is_none() {
        faults.push("`shell`: it is not run by the shell its command is written for".into());
    }
    let seconds =
        get(object, "timeout").and_then(Value::as_number_lit).and_then(|n| n.value.parse::<f64>().ok());
    match seconds {
        Some(seconds) if seconds >= 1.0 => {}
        Some(_) => faults.push("its `timeout` is below one second".into()),
        None => faults.push("it has no `timeout`".into()),
    }
    if event.blocks_on_failure && text_at(object, "onFailure") != Some("block") {
        faults.push("it has no `\"onFailure\": \"block\"`: if it cannot run, the client goes ahead".into());
    }
    Handler::Ours { command, faults }
}

/// Whether a handler runs our `hook` command, whatever its strength: the program and the event it is called for.
pub(crate) fn ours(handler: &Value<'_>, binary: Option<&Path>) -> Option<(String, String)> {
    let object = handler.as_object()?;
    if text_at(object, "type") != Some("command") {
        return None;
    }
    let command = text_at(object, "command")?;
    let words = match get(object, "args") {
        Some(args) => {
            let args = args.as_array()?.elements.iter();
            let args: Option<Vec<_>> =
                args.map(|arg| arg.as_string_lit().map(|arg| arg.value.to_string())).collect();
            [vec![command.to_owned()], args?].concat()
        }
        None => shell_words(command)?,
    };
    let [program, hook, argument] = words.as_slice() else { return None };
    (hook == "hook" && names_us(program, binary)).then(|| (program.clone(), argument.clone()))
}

fn names_us(program: &str, binary: Option<&Path>) -> bool {
    // Both separators: a file written on Windows is read the same everywhere.
    let file = program.rsplit(['/', '\\']).next().unwrap_or(program);
    PROGRAM_NAMES.contains(&file) || binary.is_some_and(|binary| Path::new(program) == binary)
}

/// Whether a handler is one of the Python program's.
pub(crate) fn is_python(handler: &Value<'_>) -> bool {
    handler
        .as_object()
        .and_then(|object| text_at(object, "command"))
        .is_some_and(|command| command.contains(PYTHON_MODULE))
}

/// Splits a shell command that is nothing but words; none if it holds anything a shell would act on.
fn shell_words(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"'), '$' | '`' | '\\' | '!') => return None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, c) if c.is_alphanumeric() || "/._-+@:,%".contains(c) => {
                word.get_or_insert_default().push(c);
            }
            (None, _) => return None,
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// Variables that would send the hook to another policy, another project or another program. `PATH` counts only for a
/// hook that is named without its folder.
fn redirects(settings: &Settings<'_>, root: &Object<'_>, relative: bool) -> Vec<Redirect> {
    const NAMES: [&str; 11] = [
        "HOME",
        "USERPROFILE",
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
        "CLAUDE_PROJECT_DIR",
        "CLAUDE_CONFIG_DIR",
        "CLAUDE_CODE_SIMPLE",
        "CLAUDE_CODE_SHELL_PREFIX",
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "LD_AUDIT",
    ];
    let Some(environment) = object_at(root, "env") else { return Vec::new() };
    environment
        .properties
        .iter()
        .filter(|entry| {
            let name = entry.name.as_str();
            NAMES.contains(&name)
                || name.starts_with("AGENTFIREWALL")
                || name.starts_with("DYLD_")
                || relative && name == "PATH"
        })
        .map(|entry| Redirect {
            name: entry.name.as_str().to_owned(),
            line: problem_at(&settings.text, entry.range.start, Effect::LosesEntry, String::new(), "").line,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#""type":"command","command":"/opt/agentfirewall","args":["hook","pre-tool-use"],"timeout":30,"onFailure":"block""#;

    fn pre_tool_use(group: &str) -> State {
        let text = format!(r#"{{"hooks":{{"PreToolUse":[{group}]}}}}"#);
        let settings = Settings::parse(text.as_bytes());
        assert!(!settings.is_void(), "{group}: {:?}", settings.problems());
        Wiring::of(&settings, Some(Path::new("/opt/other-name"))).state("PreToolUse").unwrap().clone()
    }

    #[test]
    fn full_strength_in_every_spelling_the_client_runs_the_same_way() {
        let handler = |command: &str| {
            format!(
                r#"{{"hooks":[{{"type":"command","command":{command},"timeout":1,"onFailure":"block"}}]}}"#
            )
        };
        for group in [
            format!(r#"{{"hooks":[{{{FULL}}}]}}"#),
            format!(r#"{{"matcher":"*","hooks":[{{{FULL},"id":"x"}}]}}"#),
            format!(r#"{{"matcher":"","hooks":[{{"type":"command","command":"ls"}},{{{FULL}}}]}}"#),
            handler(r#""/opt/agentfirewall hook pre-tool-use""#),
            handler(r#""'/opt/my tools/agentfirewall' hook pre-tool-use""#),
            handler(r#""/opt/other-name hook pre-tool-use""#),
            handler(r#""\"C:/x y/agentfirewall.exe\" hook pre-tool-use""#),
        ] {
            assert!(
                matches!(pre_tool_use(&group), State::Full { .. }),
                "{group}: {:?}",
                pre_tool_use(&group)
            );
        }
    }

    #[test]
    fn whatever_lets_a_call_pass_by_is_weak() {
        for group in [
            format!(r#"{{"matcher":"Bash","hooks":[{{{FULL}}}]}}"#),
            format!(r#"{{"matcher":".*","hooks":[{{{FULL}}}]}}"#),
            format!(r#"{{"hooks":[{{{FULL},"if":"Bash(git *)"}}]}}"#),
            format!(r#"{{"hooks":[{{{FULL},"async":true}}]}}"#),
            format!(r#"{{"hooks":[{{{FULL},"asyncRewake":true}}]}}"#),
            format!(r#"{{"hooks":[{{{FULL},"once":true}}]}}"#),
            format!(r#"{{"hooks":[{{{}}}]}}"#, FULL.replace("pre-tool-use", "post-tool-use")),
            format!(r#"{{"hooks":[{{{}}}]}}"#, FULL.replace(r#""timeout":30,"#, "")),
            format!(r#"{{"hooks":[{{{}}}]}}"#, FULL.replace("30", "0.5")),
            format!(
                r#"{{"hooks":[{{{}}}]}}"#,
                FULL.replace(r#""onFailure":"block""#, r#""onFailure":"continue""#)
            ),
        ] {
            assert!(matches!(pre_tool_use(&group), State::Weak(_)), "{group}: {:?}", pre_tool_use(&group));
        }
    }

    #[test]
    fn a_command_that_only_mentions_us_is_not_our_hook() {
        for command in [
            "/opt/agentfirewall hook pre-tool-use || true",
            "/opt/agentfirewall hook pre-tool-use; exit 0",
            "$HOME/agentfirewall hook pre-tool-use",
            "sh -c '/opt/agentfirewall hook pre-tool-use'",
            "/opt/not-agentfirewall hook pre-tool-use",
            "/opt/agentfirewall check",
            "/opt/agentfirewall hook pre-tool-use > /dev/null",
        ] {
            let group = format!(
                r#"{{"hooks":[{{"type":"command","command":"{command}","timeout":9,"onFailure":"block"}}]}}"#
            );
            assert_eq!(pre_tool_use(&group), State::Absent, "{command}");
        }
    }

    #[test]
    fn the_environment_and_the_switches_are_seen() {
        let text = r#"{"env":{"FOO":"1","HOME":"/x",
            "AGENTFIREWALL_MODE":"off","PATH":"/y"},"disableAllHooks":true,"strictPluginOnlyCustomization":["hooks"]}"#;
        let settings = Settings::parse(text.as_bytes());
        let wiring = Wiring::of(&settings, None);
        let names: Vec<_> = wiring.redirects.iter().map(|entry| (entry.name.as_str(), entry.line)).collect();
        assert_eq!(names, [("HOME", 1), ("AGENTFIREWALL_MODE", 2)]);
        assert!(wiring.disable_all_hooks && wiring.managed_hooks_only);
    }
}
