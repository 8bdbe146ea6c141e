//! What a policy takes in beside its own rules: built-in packs, and rows of the table of programs; and what its rules say
//! of effects.

use agentfirewall_sdk::Action;

use super::{Reader, Reading};
use crate::knowledge::{self, EFFECTS};
use crate::policy::diagnostic::{Problems, advice};
use crate::policy::layers::LayerKind;
use crate::policy::model::OwnedRule;
use crate::policy::packs::{self, ALL};
use crate::policy::raw::{Fields, elements, one_line, one_line_long, text};
use crate::policy::yaml::{self, Node, Value};

impl Reader<'_> {
    /// The names under `extends:`; a single one may stand alone.
    pub(super) fn extends(&mut self, node: Option<&Node>) -> Vec<String> {
        let Some(node) = node.filter(|node| node.value != Value::Null) else { return Vec::new() };
        let nodes = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut names: Vec<String> = Vec::new();
        for node in nodes {
            let Some(name) = text(node, "an element of `extends`", self.problems) else { continue };
            if packs::find(&name).is_none() {
                let help = advice(&name, ALL.iter().map(|pack| pack.name));
                self.problems.error(
                    "AF016",
                    &node.at,
                    format!("no pack is called `{}`", one_line(&name)),
                    help,
                );
            } else if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The rules of packs, each pack once.
    pub(super) fn rules_of_packs(&self, names: &[String]) -> Vec<OwnedRule> {
        let mut taken: Vec<(&str, bool)> = Vec::new();
        let mut rules = Vec::new();
        for (pack, only_deny) in names.iter().filter_map(|name| packs::find(name)).flat_map(packs::parts) {
            if taken.iter().any(|(name, less)| *name == pack.name && (!less || only_deny)) {
                continue;
            }
            taken.push((pack.name, only_deny));
            let mut problems = Problems::default();
            let Some(tree) = yaml::parse(pack.text, &mut problems) else { continue };
            let reading = Reading { kind: LayerKind::Default, folder: None, thorough: false };
            let mut reader = Reader::new(reading, self.registry, &mut problems);
            let nodes = match &tree.value {
                Value::Map(entries) => {
                    entries.iter().find(|(key, _)| key.text == "rules").map(|(_, node)| node)
                }
                _ => None,
            };
            let Some(nodes) = nodes else { continue };
            for node in elements(nodes, "`rules`", reader.problems) {
                if let Some((mut rule, _)) = reader.rule(node)
                    && (!only_deny || rule.action == Action::Deny)
                {
                    rule.pack = pack.name;
                    rules.push(rule);
                }
            }
        }
        rules
    }

    /// A rule's `effects`, each of which must be one or match some.
    pub(super) fn effects(&mut self, fields: &Fields<'_>) -> Option<Vec<String>> {
        let (patterns, at) = fields.patterns("effects", self.problems)?;
        if let Some((key, _)) = fields.entry("resources") {
            self.problems.error(
                "AF017",
                &key.at,
                "a rule is about `effects` or about `resources`, not both".to_owned(),
                Some(
                    "say with `match:` which commands, paths or hosts an effect has to come from".to_owned(),
                ),
            );
        }
        for pattern in &patterns {
            if !EFFECTS.iter().any(|effect| knowledge::matches(pattern, effect)) {
                let help = advice(pattern, EFFECTS.iter().copied());
                self.problems.error(
                    "AF016",
                    at,
                    format!("no effect is called `{}`", one_line(pattern)),
                    help,
                );
            }
        }
        Some(patterns)
    }

    /// Rows of the table of programs.
    pub(super) fn programs(&mut self, node: Option<&Node>) -> Vec<u8> {
        let Some(node) = node.filter(|node| node.value != Value::Null) else { return Vec::new() };
        match knowledge::parse_rows(&node.to_json()) {
            Ok(table) => table,
            Err(error) => {
                let message = format!("`programs` cannot be used: {}", one_line_long(&error));
                self.problems.error("AF009", &node.at, message, None);
                Vec::new()
            }
        }
    }
}
