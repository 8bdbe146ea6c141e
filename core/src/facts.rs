//! What a call touches: its parts, for every tool alike.
//!
//! A part is judged on its own. `Primary` parts (a simple command, the file of a file tool, the call itself) are judged
//! by every rule and fall to the default action. `Mention` parts (a whole script, a pipeline, a path named by a
//! command, a string of an MCP call) can only make the answer stricter: deny, ask and alert rules look at them, and
//! they never fall to the default.

mod mcp;
mod notebook;
mod patch;
mod paths;
mod registry;
mod search;
mod tools;
mod workflow;
mod written;

use std::path::Path;

use agentfirewall_sdk::{Access, Fact, HostFact, PartKind, PathFact, ToolCall};
use serde_json::Value;

pub(crate) use paths::Roots;

use crate::understand::{Contacted, Left, Origin, Touched, Understanding, Understood, World, readable};
use tools::Subject;

/// How many strings of a call are parts of their own.
const MAX_LEAVES: usize = 2_000;
/// How many paths and hosts of a call are shown to the rules one by one.
const MAX_MENTIONS: usize = 512;

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
    /// What is shown of it in a reason; where there is none, its first spelling.
    pub(crate) shown: Option<String>,
    /// What is known of it, for matchers.
    pub(crate) fact: Option<Fact>,
}

/// Everything known of a call.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) parts: Vec<Part>,
    /// What was understood, of which the parts are made.
    pub(crate) seen: Understanding,
}

/// Gathers the facts of a call.
pub(crate) fn of(call: &ToolCall, world: &World<'_>) -> Facts {
    let (subject, seen) = tools::understood(call, world);
    let mut facts = Facts { parts: Vec::new(), seen };
    let roots = Roots { project: world.ground.project, home: world.ground.home };
    match &subject {
        Subject::Script(source) => facts.script(source),
        Subject::File => {}
        Subject::Host => {}
        Subject::Text(text) => facts.add(PartKind::Call, Weight::Primary, vec![vec![text.clone()]]),
        Subject::Strings => facts.strings(call),
    }
    let primary = |kind: &Subject, first: bool| {
        if first && subject == *kind { Weight::Primary } else { Weight::Mention }
    };
    let paths: Vec<Part> = facts
        .seen
        .paths
        .iter()
        .take(MAX_MENTIONS)
        .enumerate()
        .map(|(at, touched)| path_part(touched, primary(&Subject::File, at == 0), &roots))
        .collect();
    let hosts: Vec<Part> = facts
        .seen
        .hosts
        .iter()
        .take(MAX_MENTIONS)
        .enumerate()
        .map(|(at, contacted)| host_part(contacted, primary(&Subject::Host, at == 0)))
        .collect();
    let effects: Vec<Part> = facts.effect_parts();
    facts.parts.extend(paths);
    facts.parts.extend(hosts);
    facts.parts.extend(effects);
    if matches!(call.tool.as_str(), "Glob" | "Grep")
        && let Some(pattern) = call.text("pattern")
    {
        facts.add(PartKind::Call, Weight::Mention, vec![vec![pattern.to_owned()]]);
    }
    if !facts.parts.iter().any(|part| part.weight == Weight::Primary) {
        facts.strings(call);
    }
    facts
}

/// What a call of the past did to a file, by its path without links; nothing if it did not touch it.
pub(crate) fn left(call: &ToolCall, world: &World<'_>, path: &Path) -> Option<Left> {
    tools::left(call, world, path)
}

/// The folder a relative path of the call starts from.
pub(crate) fn folder<'a>(call: &'a ToolCall, project: &'a Path) -> &'a Path {
    if call.cwd.is_absolute() { &call.cwd } else { project }
}

impl Facts {
    fn add(&mut self, kind: PartKind, weight: Weight, readings: Vec<Vec<String>>) {
        self.parts.push(Part::new(kind, weight, readings));
    }

    /// A tool nobody knows: one part whose readings are all of its strings.
    fn strings(&mut self, call: &ToolCall) {
        let mut strings = Vec::new();
        collect(&call.input, &mut strings);
        let understood = strings.len() <= MAX_LEAVES;
        strings.truncate(MAX_LEAVES);
        let mut readings: Vec<Vec<String>> = strings.into_iter().map(|text| vec![text.to_owned()]).collect();
        if readings.is_empty() {
            readings.push(vec![String::new()]);
        }
        let mut part = Part::new(PartKind::Call, Weight::Primary, readings);
        part.understood = understood;
        self.parts.push(part);
    }

    fn script(&mut self, source: &str) {
        let clear = self.seen.undecidable.is_none()
            && !self.seen.effects.iter().any(|(effect, _)| effect.id == "remote-code.eval");
        let commands: Vec<Part> =
            self.seen.commands.iter().map(|command| command_part(command, clear)).collect();
        let whole = source.trim();
        let runs = commands.iter().filter(|part| part.weight == Weight::Primary).count();
        let is_whole = self.seen.commands.iter().any(|command| command.raw == whole);
        self.parts.extend(commands);
        if runs == 0 {
            self.add(PartKind::Command, Weight::Primary, vec![vec![whole.to_owned()]]);
        } else if runs > 1 || !is_whole {
            self.add(PartKind::Script, Weight::Mention, vec![vec![whole.to_owned()]]);
        }
        for pipeline in self.seen.pipelines.clone() {
            self.add(PartKind::Script, Weight::Mention, vec![vec![pipeline]]);
        }
    }

    fn effect_parts(&self) -> Vec<Part> {
        let seen = &self.seen;
        seen.effects
            .iter()
            .map(|(effect, origin)| {
                let by = match origin {
                    Origin::Command(at) => {
                        seen.commands.get(*at).map(|command| Fact::Command(command.fact.clone()))
                    }
                    Origin::Path(at) => seen.paths.get(*at).map(|touched| Fact::Path(path_fact(touched))),
                    Origin::Host(at) => seen.hosts.get(*at).map(|contacted| Fact::Host(host_fact(contacted))),
                    Origin::Call => None,
                };
                let mut part = Part::new(PartKind::Effect, Weight::Mention, vec![vec![effect.id.clone()]]);
                part.shown = Some(
                    match origin {
                        Origin::Command(at) => seen.commands.get(*at).map(|command| command.raw.clone()),
                        Origin::Path(at) => seen
                            .paths
                            .get(*at)
                            .map(|touched| readable(std::slice::from_ref(&touched.written))),
                        Origin::Host(at) => seen.hosts.get(*at).map(|contacted| contacted.written.clone()),
                        Origin::Call => None,
                    }
                    .unwrap_or_else(|| effect.detail.clone()),
                );
                part.fact = Some(Fact::Effect { detail: effect.detail.clone(), by: by.map(Box::new) });
                part
            })
            .collect()
    }
}

impl Part {
    fn new(kind: PartKind, weight: Weight, readings: Vec<Vec<String>>) -> Self {
        Self {
            kind,
            access: Access::Unknown,
            weight,
            readings,
            hints: Vec::new(),
            understood: true,
            shown: None,
            fact: None,
        }
    }
}

fn command_part(command: &Understood, clear: bool) -> Part {
    let plain = readable(&command.argv);
    let mut readings = vec![vec![command.raw.clone()]];
    let mut hints = Vec::new();
    if let Some(program) = command.argv.first() {
        let name = program.text.rsplit('/').next().unwrap_or_default();
        if name.len() < program.text.len() {
            let arguments = plain.get(program.text.len()..).unwrap_or_default();
            hints.push(format!("{name}{arguments}"));
        }
    }
    if plain != command.raw {
        readings.push(vec![plain]);
    }
    let weight = if command.mention { Weight::Mention } else { Weight::Primary };
    let mut part = Part::new(PartKind::Command, weight, readings);
    part.hints = hints;
    part.understood = clear && command.clear;
    part.fact = Some(Fact::Command(command.fact.clone()));
    part
}

fn path_part(touched: &Touched, weight: Weight, roots: &Roots<'_>) -> Part {
    let readings = paths::spellings(&touched.written.text, &touched.placed, roots);
    let mut part = Part::new(PartKind::Path, weight, readings);
    part.access = touched.access;
    part.fact = Some(Fact::Path(path_fact(touched)));
    part
}

fn path_fact(touched: &Touched) -> PathFact {
    let mut fact = PathFact::default();
    fact.lexical.clone_from(&touched.placed.lexical);
    fact.canonical.clone_from(&touched.placed.canonical);
    fact.sets = touched.placed.sets.iter().map(|set| (*set).to_owned()).collect();
    fact.tree = touched.tree;
    fact
}

fn host_part(contacted: &Contacted, weight: Weight) -> Part {
    let mut spellings = vec![contacted.written.clone()];
    if !contacted.host.is_empty() && contacted.host != contacted.written {
        spellings.push(contacted.host.clone());
    }
    let mut part = Part::new(PartKind::Host, weight, vec![spellings]);
    part.fact = Some(Fact::Host(host_fact(contacted)));
    part
}

fn host_fact(contacted: &Contacted) -> HostFact {
    let mut fact = HostFact::default();
    fact.host.clone_from(&contacted.host);
    fact.port = contacted.port;
    fact.direction = contacted.direction;
    fact
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::{Ground, Links};

    fn facts(tool: &str, input: Value) -> Facts {
        let call = ToolCall::new(tool, input);
        let knowledge = crate::knowledge::Knowledge::default();
        let world = World {
            knowledge: &knowledge,
            ground: Ground {
                project: Path::new("/p"),
                home: Path::new("/home/u"),
                user: None,
                own: None,
                links: Links::default(),
            },
            folder: Path::new("/p"),
            scripts: &|_| None,
        };
        of(&call, &world)
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
}
