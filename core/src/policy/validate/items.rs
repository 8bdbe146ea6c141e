//! What a policy names of the plugins: detectors, sinks and matchers, and the proof that they take their configuration.

use agentfirewall_sdk::{Action, Kind, Severity};

use super::Reader;
use crate::delivery::{Filter, Format, Group};
use crate::guard::guarded;
use crate::policy::diagnostic::{Mark, advice, meant};
use crate::policy::keys;
use crate::policy::model::{OwnedDetector, OwnedSink};
use crate::policy::raw::{Fields, action, elements, entries, one_line, one_line_long};
use crate::policy::yaml::{Node, Value};
use crate::registry::Entry;

impl Reader<'_> {
    pub(super) fn detectors(&mut self, node: Option<&Node>) -> Vec<OwnedDetector> {
        let Some(node) = node else { return Vec::new() };
        let mut detectors = Vec::new();
        for (key, node) in entries(node, "`detectors`", self.problems) {
            let own = self.detection.contains(&key.text);
            if !own {
                self.known_item(Kind::Detector, &key.text, &key.at);
            }
            let what = format!("the detector `{}`", one_line(&key.text));
            let Some(fields) = Fields::open(node, &what, keys::DETECTOR, self.problems) else {
                continue;
            };
            let with = fields.get("with");
            let installed =
                self.registry.find(Kind::Detector, &key.text).is_some_and(|entry| entry.library().is_some());
            // Switching a detector off must not load its library, which may be what is wrong with it.
            let config = if with.is_none() && installed {
                "{}".to_owned()
            } else {
                if own && let Some((key, _)) = fields.entry("with") {
                    let message = "a detection rule has no configuration".to_owned();
                    self.problems.error("AF009", &key.at, message, Some("change the rule itself".to_owned()));
                }
                self.config(Kind::Detector, &key.text, with, &key.at)
            };
            let enabled = fields.flag("enabled", self.problems).unwrap_or(true);
            detectors.push(OwnedDetector { id: key.text.clone(), enabled, config });
        }
        detectors
    }

    pub(super) fn sinks(&mut self, node: Option<&Node>) -> Vec<OwnedSink> {
        let Some(node) = node else { return Vec::new() };
        let mut sinks: Vec<OwnedSink> = Vec::new();
        for node in elements(node, "`sinks`", self.problems) {
            let Some(fields) = Fields::open(node, "a sink", keys::SINK, self.problems) else { continue };
            let name = self.required(&fields, "a sink", "name");
            let plugin = self.required(&fields, "a sink", "use");
            let filter = Filter {
                actions: self.sink_actions(fields.get("actions")),
                severity: fields.word("severity", &keys::SEVERITY, self.problems).unwrap_or(Severity::Info),
                rules: fields.patterns("rules", self.problems).map(|(rules, _)| rules).unwrap_or_default(),
                tools: fields.patterns("tools", self.problems).map(|(tools, _)| tools).unwrap_or_default(),
            };
            let format = fields.word("format", &Format::WORDS, self.problems).unwrap_or_default();
            let group = self.group(fields.get("group"));
            let (Some(name), Some(plugin)) = (name, plugin) else { continue };
            if sinks.iter().any(|sink| sink.name == name) {
                let at = fields.get("name").map_or(fields.at, |node| &node.at);
                // A sink's name is the key of its delivery cursor.
                let message = format!("two sinks are called `{}`", one_line(&name));
                self.problems.error("AF011", at, message, Some("give each a name of its own".to_owned()));
            }
            let at = fields.get("use").map_or(fields.at, |node| &node.at);
            self.known_item(Kind::Sink, &plugin, at);
            let config = self.config(Kind::Sink, &plugin, fields.get("with"), at);
            sinks.push(OwnedSink { name, plugin, config, filter, format, group });
        }
        sinks
    }

    fn group(&mut self, node: Option<&Node>) -> Option<Group> {
        let fields = Fields::open(node?, "`group`", keys::GROUP, self.problems)?;
        let after = fields.number("after", 0, 1_000, self.problems);
        let seconds = fields.number("seconds", 1, 3_600, self.problems);
        Some(Group {
            after: after.unwrap_or(Group::PEOPLE.after),
            seconds: seconds.unwrap_or(Group::PEOPLE.seconds),
        })
    }

    fn sink_actions(&mut self, node: Option<&Node>) -> Vec<Action> {
        let Some(node) = node else { return vec![Action::Alert] };
        let nodes = match &node.value {
            Value::List(items) if items.is_empty() => {
                self.problems.error(
                    "AF007",
                    &node.at,
                    "`actions` is an empty list, so the sink would never be told anything".to_owned(),
                    Some("leave `actions` out for alerts only, or list actions".to_owned()),
                );
                return Vec::new();
            }
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut actions: Vec<_> =
            nodes.iter().filter_map(|node| action(node, "actions", &Action::ALL, self.problems)).collect();
        actions.sort_unstable();
        actions.dedup();
        actions
    }

    /// Refuses an id that nothing has, or that is of a plugin this policy disables.
    pub(super) fn known_item(&mut self, kind: Kind, id: &str, at: &Mark) {
        if let Some(entry) = self.registry.find(kind, id) {
            if let Some(plugin) = self.disabled(&entry) {
                let message = format!("the {} `{id}` is of the plugin `{plugin}`", kind.as_str());
                if kind == Kind::Detector {
                    let message = format!("{message}, which this policy disables: the setting has no effect");
                    self.problems.warning("AF015", at, message, None);
                } else {
                    let help = format!("remove `enabled: false` of `{plugin}` under `plugins:`, or this");
                    let message = format!("{message}, which this policy disables");
                    self.problems.error("AF015", at, message, Some(help));
                }
            }
            return;
        }
        let mut ids: Vec<_> = self.registry.of(kind).map(Entry::id).collect();
        if kind == Kind::Detector {
            ids.extend(self.detection.iter().map(String::as_str));
        }
        if kind == Kind::Matcher {
            ids.extend(keys::CONDITION);
        }
        // A long list helps nobody: the command prints it with what each plugin does.
        let help = meant(id, ids.iter().copied())
            .map(|candidate| format!("did you mean `{candidate}`?"))
            .or_else(|| if ids.len() <= 12 { advice(id, ids.iter().copied()) } else { None })
            .unwrap_or_else(|| "`agentfirewall plugins list` shows what there is".to_owned());
        let message = format!("no {} is called `{}`", kind.as_str(), one_line(id));
        self.problems.error("AF008", at, message, Some(help));
    }

    /// The configuration as JSON, proven to be acceptable by making the plugin once.
    pub(super) fn config(&mut self, kind: Kind, id: &str, node: Option<&Node>, fallback: &Mark) -> String {
        let json = match node {
            None | Some(Node { value: Value::Null, .. }) => "{}".to_owned(),
            Some(node) => node.to_json().to_string(),
        };
        if let Some(entry) = self.registry.find(kind, id)
            && self.disabled(&entry).is_none()
        {
            let at = node.map_or(fallback, |node| &node.at);
            self.build(&entry, &json, &format!("the {} `{id}`", kind.as_str()), at);
        }
        json
    }

    pub(super) fn build(&mut self, entry: &Entry, json: &str, what: &str, at: &Mark) {
        let Err(fault) = guarded(|| entry.accepts(json)) else { return };
        if self.broken(entry, &fault, at) {
            return;
        }
        let message = fault.message();
        // The position counts in the JSON made from the YAML, which nobody sees.
        let message = message.rsplit_once(" at line ").map_or(message, |(before, _)| before);
        self.problems.error("AF009", at, format!("{what} refuses this: {}", one_line_long(message)), None);
    }
}
