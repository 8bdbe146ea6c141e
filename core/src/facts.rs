//! What a call touches: its parts, for every tool alike.
//!
//! A part is judged on its own. `Primary` parts (a simple command, the file of a file tool, the call itself) are judged
//! by every rule and fall to the default action. `Mention` parts (a whole script, a pipeline, a path named by a
//! command, a string of an MCP call) can only make the answer stricter: deny, ask and alert rules look at them, and
//! they never fall to the default.

mod commands;
mod paths;
mod shell;

use std::path::{Path, PathBuf};

use agentfirewall_sdk::{Access, Fact, PartKind, ToolCall};
use serde_json::Value;

pub(crate) use commands::{base_name, is_shell, text};
pub(crate) use paths::{Resolved, Roots, canonical, lexical};
pub(crate) use shell::{Command, Word};

/// How many path operands of a script are looked up in the file system. The rest is judged by its lexical form.
const MAX_LOOKUPS: usize = 64;
/// How many strings of a call are parts of their own.
const MAX_LEAVES: usize = 2_000;

/// How a part takes part in the judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Judged by every rule; falls to the default action.
    Primary,
    /// Judged by deny, ask and alert rules alone.
    Mention,
}

/// One thing a call touches.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) kind: PartKind,
    pub(crate) access: Access,
    pub(crate) weight: Weight,
    /// Each reading with its spellings: a restrictive rule needs one spelling of one reading, a permissive one a
    /// spelling of every reading.
    pub(crate) readings: Vec<Vec<String>>,
    /// Spellings that only restrictive rules see, such as `rm -rf x` for `/bin/rm -rf x`.
    pub(crate) hints: Vec<String>,
    /// Whether its text says all it does. Patterns of permissive rules never match a part that does not.
    pub(crate) understood: bool,
    /// What is known of it, for matchers.
    pub(crate) fact: Option<Fact>,
}

/// A path a call touches, for the protection of the firewall's own files.
#[derive(Debug, Clone)]
pub(crate) struct TouchedPath {
    pub(crate) path: Resolved,
    pub(crate) access: Access,
}

/// Everything known of a call.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) parts: Vec<Part>,
    /// Files named by the parameters of file tools and MCP tools.
    pub(crate) paths: Vec<TouchedPath>,
    /// The simple commands of shell tools.
    pub(crate) commands: Vec<Command>,
    /// Why a script is over the limits of what can be understood, if it is.
    pub(crate) undecidable: Option<&'static str>,
}

/// Gathers the facts of a call.
pub(crate) fn of(call: &ToolCall, roots: &Roots<'_>) -> Facts {
    let mut facts = Facts::default();
    match call.tool.as_str() {
        "Bash" | "PowerShell" => facts.script(call.text("command").unwrap_or_default(), call, roots),
        "Monitor" => match (call.text("command"), call.input.pointer("/ws/url").and_then(Value::as_str)) {
            (Some(command), _) => facts.script(command, call, roots),
            (None, Some(url)) => facts.host(url),
            (None, None) => facts.leaves(call, roots),
        },
        "Read" => facts.file(call.text("file_path"), Access::Read, call, roots),
        "Write" | "Edit" => facts.file(call.text("file_path"), Access::Write, call, roots),
        "NotebookEdit" => facts.file(call.text("notebook_path"), Access::Write, call, roots),
        "Glob" | "Grep" => facts.search(call, roots),
        "WebFetch" => facts.host(call.text("url").unwrap_or_default()),
        "WebSearch" => facts.whole(call.text("query")),
        "Agent" => facts.whole(call.text("prompt")),
        _ => facts.leaves(call, roots),
    }
    facts
}

/// The folder a relative path of the call starts from.
pub(crate) fn folder<'a>(call: &'a ToolCall, roots: &Roots<'a>) -> &'a Path {
    if call.cwd.is_absolute() { &call.cwd } else { roots.project }
}

impl Facts {
    fn add(&mut self, kind: PartKind, access: Access, weight: Weight, readings: Vec<Vec<String>>) {
        self.parts.push(Part {
            kind,
            access,
            weight,
            readings,
            hints: Vec::new(),
            understood: true,
            fact: None,
        });
    }

    fn whole(&mut self, text: Option<&str>) {
        let text = text.unwrap_or_default().to_owned();
        self.add(PartKind::Call, Access::Unknown, Weight::Primary, vec![vec![text]]);
    }

    fn host(&mut self, url: &str) {
        let mut spellings = vec![url.to_owned()];
        if let Some(host) = host_of(url) {
            spellings.push(host);
        }
        self.add(PartKind::Host, Access::Unknown, Weight::Primary, vec![spellings]);
    }

    fn file(&mut self, path: Option<&str>, access: Access, call: &ToolCall, roots: &Roots<'_>) {
        match path {
            Some(path) => self.path(path, access, Weight::Primary, call, roots),
            None => self.leaves(call, roots),
        }
    }

    fn path(&mut self, written: &str, access: Access, weight: Weight, call: &ToolCall, roots: &Roots<'_>) {
        let resolved = Resolved::new(written, folder(call, roots), roots);
        self.add(PartKind::Path, access, weight, resolved.spellings(written, roots));
        self.paths.push(TouchedPath { path: resolved, access });
    }

    fn search(&mut self, call: &ToolCall, roots: &Roots<'_>) {
        let path = call.text("path").filter(|path| !path.is_empty()).unwrap_or(".");
        self.path(path, Access::Read, Weight::Primary, call, roots);
        for name in ["pattern", "glob"] {
            if let Some(text) = call.text(name) {
                self.add(PartKind::Call, Access::Read, Weight::Mention, vec![vec![text.to_owned()]]);
                if call.tool == "Glob" || name == "glob" {
                    let below = lexical(&folder(call, roots).join(path)).join(text.trim_start_matches("./"));
                    let spellings = vec![below.to_string_lossy().into_owned(), file_name(text).to_owned()];
                    self.add(PartKind::Path, Access::Read, Weight::Mention, vec![spellings]);
                }
            }
        }
    }

    /// A tool nobody knows: one part whose readings are all of its strings, and a mention for each that looks like a
    /// path.
    fn leaves(&mut self, call: &ToolCall, roots: &Roots<'_>) {
        let mut strings = Vec::new();
        collect(&call.input, &mut strings);
        let understood = strings.len() <= MAX_LEAVES;
        strings.truncate(MAX_LEAVES);
        for text in &strings {
            if looks_like_path(text) {
                self.path(text, Access::Unknown, Weight::Mention, call, roots);
            }
        }
        let mut readings: Vec<Vec<String>> = strings.into_iter().map(|text| vec![text.to_owned()]).collect();
        if readings.is_empty() {
            readings.push(vec![String::new()]);
        }
        self.add(PartKind::Call, Access::Unknown, Weight::Primary, readings);
        if let Some(part) = self.parts.last_mut() {
            part.understood = understood;
        }
    }

    fn script(&mut self, source: &str, call: &ToolCall, roots: &Roots<'_>) {
        let found = commands::of_script(source);
        let mut lookups = 0;
        let mut folders = vec![folder(call, roots).to_owned()];
        let mut runs = 0;
        for command in &found.list {
            for (word, access) in operands(command) {
                if lookups < MAX_LOOKUPS {
                    lookups += 1;
                    for folder in &folders {
                        let resolved = Resolved::new(&word.text, folder, roots);
                        let readings = resolved.spellings(&word.text, roots);
                        self.add(PartKind::Path, access, Weight::Mention, readings);
                    }
                } else {
                    self.add(PartKind::Path, access, Weight::Mention, vec![vec![word.text.clone()]]);
                }
            }
            change_folder(command, &mut folders, roots);
            if !command.words.is_empty() {
                runs += 1;
                self.parts.push(command_part(command, found.undecidable.is_none() && !found.opaque));
            }
        }
        let whole = source.trim();
        if runs == 0 {
            self.add(PartKind::Command, Access::Unknown, Weight::Primary, vec![vec![whole.to_owned()]]);
        } else if runs > 1 || found.list.iter().all(|command| command.raw != whole) {
            self.add(PartKind::Script, Access::Unknown, Weight::Mention, vec![vec![whole.to_owned()]]);
        }
        for pipeline in found.pipelines {
            self.add(PartKind::Script, Access::Unknown, Weight::Mention, vec![vec![pipeline]]);
        }
        self.undecidable = found.undecidable;
        self.commands = found.list;
    }
}

fn command_part(command: &Command, understood: bool) -> Part {
    let plain = text(&command.words);
    let mut readings = vec![vec![command.raw.clone()]];
    let mut hints = Vec::new();
    if let Some(program) = command.words.first() {
        let name = base_name(&program.text);
        if name.len() < program.text.len() {
            let arguments = plain.get(program.text.len()..).unwrap_or_default();
            hints.push(format!("{name}{arguments}"));
        }
    }
    if plain != command.raw {
        readings.push(vec![plain]);
    }
    let understood = understood && !command.words.first().is_some_and(|program| program.dynamic);
    Part {
        kind: PartKind::Command,
        access: Access::Unknown,
        weight: Weight::Primary,
        readings,
        hints,
        understood,
        fact: None,
    }
}

/// The words of a command that may be paths, and what the command does to them as far as its redirections tell.
fn operands(command: &Command) -> Vec<(&Word, Access)> {
    let mut found = Vec::new();
    let prints =
        command.words.first().is_some_and(|program| matches!(base_name(&program.text), "echo" | "printf"));
    if !prints {
        for word in command.words.iter().skip(1) {
            if may_be_path(&word.text) {
                found.push((word, Access::Unknown));
            }
        }
    }
    for redirect in &command.redirects {
        found.push((&redirect.target, if redirect.writes { Access::Write } else { Access::Read }));
    }
    found
}

fn may_be_path(text: &str) -> bool {
    !text.is_empty() && text.len() <= 4_096 && !text.starts_with('-') && !text.contains(['\n', ' ', '\t'])
}

/// Follows `cd` and `pushd`. A subshell may or may not have left the folder again, so the old ones stay possible.
pub(crate) fn change_folder(command: &Command, folders: &mut Vec<PathBuf>, roots: &Roots<'_>) {
    let mut words = command.words.iter();
    if !words.next().is_some_and(|program| matches!(program.text.as_str(), "cd" | "pushd")) {
        return;
    }
    let target = words.find(|word| !word.text.starts_with('-')).map_or("~", |word| word.text.as_str());
    let moved: Vec<PathBuf> =
        folders.iter().map(|folder| Resolved::new(target, folder, roots).lexical).collect();
    for folder in moved {
        if folders.len() < 4 && !folders.contains(&folder) {
            folders.push(folder);
        }
    }
}

fn collect<'a>(value: &'a Value, strings: &mut Vec<&'a str>) {
    // The parser bounds the nesting, so recursion is bounded too.
    match value {
        Value::String(text) => strings.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, strings)),
        Value::Object(members) => members.values().for_each(|member| collect(member, strings)),
        _ => {}
    }
}

fn looks_like_path(text: &str) -> bool {
    may_be_path(text)
        && !text.contains("://")
        && (text.contains(['/', '\\']) || text.starts_with(['~', '.', '$']) || text.starts_with("file:"))
        || text.starts_with("file://")
}

fn file_name(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

/// The host of a URL, without user, port and trailing dot, in lower case.
fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => host.split(':').next()?,
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(tool: &str, input: Value) -> Facts {
        let call = ToolCall::new(tool, input);
        of(&call, &Roots { project: Path::new("/p"), home: Path::new("/home/u") })
    }

    fn mentions(facts: &Facts, kind: PartKind, text: &str) -> bool {
        facts.parts.iter().any(|part| {
            part.kind == kind
                && part.readings.iter().flatten().chain(&part.hints).any(|spelling| spelling == text)
        })
    }

    #[test]
    fn one_command_is_one_primary_part() {
        let facts = facts("Bash", serde_json::json!({"command": "git status"}));
        let primary: Vec<_> = facts.parts.iter().filter(|part| part.weight == Weight::Primary).collect();
        assert_eq!(primary.len(), 1);
        assert_eq!(primary[0].readings, [["git status"]]);
        assert!(!facts.parts.iter().any(|part| part.kind == PartKind::Script));
    }

    #[test]
    fn an_env_file_is_a_path_for_every_tool() {
        for (tool, input) in [
            ("Read", serde_json::json!({"file_path": "/p/.env"})),
            ("Edit", serde_json::json!({"file_path": "/p/x/../.env"})),
            ("NotebookEdit", serde_json::json!({"notebook_path": ".env"})),
            ("Grep", serde_json::json!({"pattern": "x", "path": ".env"})),
            ("Glob", serde_json::json!({"pattern": ".env"})),
            ("Bash", serde_json::json!({"command": "cat .env"})),
            ("Bash", serde_json::json!({"command": "echo x > .env"})),
            ("Bash", serde_json::json!({"command": "cd sub && cat ../.env"})),
            ("mcp__files__read", serde_json::json!({"args": {"paths": ["./.env"]}})),
        ] {
            let facts = facts(tool, input.clone());
            assert!(mentions(&facts, PartKind::Path, "/p/.env"), "{tool} {input}: {:?}", facts.parts);
        }
    }

    #[test]
    fn a_program_named_with_its_path_is_known_by_its_name_to_restrictive_rules_alone() {
        let facts = facts("Bash", serde_json::json!({"command": "/bin/rm -rf x"}));
        let part = &facts.parts.iter().find(|part| part.kind == PartKind::Command).unwrap();
        assert_eq!(part.hints, ["rm -rf x"]);
        assert_eq!(part.readings, [["/bin/rm -rf x"]]);
    }

    #[test]
    fn what_is_made_while_it_runs_is_not_understood() {
        for command in ["$X status", "eval \"$X\"", "git status; bash -c \"$Y\""] {
            let facts = facts("Bash", serde_json::json!({"command": command}));
            assert!(facts.parts.iter().any(|part| !part.understood), "{command}");
        }
        assert!(
            facts("Bash", serde_json::json!({"command": "git log $X"}))
                .parts
                .iter()
                .all(|part| part.understood)
        );
    }

    #[test]
    fn hosts_are_taken_from_urls_as_a_browser_would() {
        for (url, host) in [
            ("https://Example.com./x", Some("example.com")),
            ("http://good.com@evil.com:80/", Some("evil.com")),
            ("http://[::1]:8080/x", Some("::1")),
            ("nonsense", None),
        ] {
            assert_eq!(host_of(url).as_deref(), host, "{url}");
        }
    }
}
