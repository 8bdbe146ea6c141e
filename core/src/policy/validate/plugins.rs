//! `plugins:`: the installed plugins that a policy needs. It names them; bringing one is a person's decision, made
//! elsewhere.

use agentfirewall_sdk::Kind;

use super::Reader;
use crate::guard::{Fault, guarded};
use crate::policy::diagnostic::{Mark, meant};
use crate::policy::keys;
use crate::policy::layers::LayerKind;
use crate::policy::model::OwnedPlugin;
use crate::policy::raw::{Fields, one_line, one_line_long, text, wrong_type};
use crate::policy::yaml::{Node, Value};
use crate::registry::{Entry, Origin};
use crate::tolerance::OnFailure;

impl Reader<'_> {
    /// Reads the section. Nothing is loaded: being named is no reason to run a plugin's code.
    pub(super) fn plugins(&mut self, node: Option<&Node>) -> Vec<OwnedPlugin> {
        let Some(node) = node else { return Vec::new() };
        let mut plugins: Vec<OwnedPlugin> = Vec::new();
        match &node.value {
            Value::List(items) => {
                for item in items {
                    let Some(name) = text(item, "an element of `plugins`", self.problems) else { continue };
                    self.installed(&name, &item.at);
                    if plugins.iter().any(|plugin| plugin.name == name) {
                        let message = format!("the plugin `{}` stands here twice", one_line(&name));
                        self.problems.error("AF002", &item.at, message, Some("keep one of them".to_owned()));
                    }
                    plugins.push(OwnedPlugin { name, enabled: true, on_error: OnFailure::default() });
                }
            }
            Value::Map(entries) => {
                for (key, value) in entries {
                    self.installed(&key.text, &key.at);
                    plugins.push(self.plugin(&key.text, value));
                }
            }
            _ => wrong_type(node, "`plugins`", "a list of names or a mapping", None, self.problems),
        }
        plugins
    }

    fn plugin(&mut self, name: &str, node: &Node) -> OwnedPlugin {
        let mut plugin = OwnedPlugin { name: name.to_owned(), enabled: true, on_error: OnFailure::default() };
        if node.value == Value::Null {
            return plugin;
        }
        let what = format!("the plugin `{}`", one_line(name));
        let Some(fields) = Fields::open(node, &what, keys::PLUGIN, self.problems) else { return plugin };
        for key in keys::PLUGIN {
            self.not_in_project(fields.entry(key).map(|(key, _)| key));
        }
        plugin.enabled = fields.flag("enabled", self.problems).unwrap_or(true);
        plugin.on_error = fields.word("on_error", &keys::ON_FAILURE_WORDS, self.problems).unwrap_or_default();
        plugin
    }

    /// Refuses what is no name of an installed plugin.
    fn installed(&mut self, name: &str, at: &Mark) {
        if self.registry.library(name).is_some() {
            return;
        }
        if looks_like_a_path(name) {
            self.problems.error(
                "AF014",
                at,
                format!(
                    "a policy names an installed plugin, it does not bring one: `{}` looks like a path",
                    one_line(name)
                ),
                Some("write a name that `agentfirewall plugins list` shows".to_owned()),
            );
            return;
        }
        let item = [Kind::Matcher, Kind::Detector, Kind::Sink]
            .into_iter()
            .find_map(|kind| self.registry.find(kind, name));
        let (message, help) = match item.as_ref().map(|item| (item, item.origin())) {
            Some((item, Origin::BuiltIn | Origin::Host { .. } | Origin::Rule { .. })) => (
                format!(
                    "`{name}` is a built-in {}, and `plugins` names installed plugins",
                    item.kind().as_str()
                ),
                "remove it: what is built in is always there".to_owned(),
            ),
            Some((item, Origin::Plugin { name: plugin, .. })) => (
                format!("`{name}` is a {} of the plugin `{plugin}`", item.kind().as_str()),
                format!("write `{plugin}`"),
            ),
            None => {
                let names = self.registry.libraries().iter().map(|library| library.plugin.name);
                let likely = meant(name, names).map(|name| format!("did you mean `{name}`? "));
                let known = "install it with `agentfirewall plugins add`; `agentfirewall plugins list` shows what \
                             is installed";
                (
                    format!("no plugin called `{}` is installed", one_line(name)),
                    format!("{}{known}", likely.unwrap_or_default()),
                )
            }
        };
        self.problems.error("AF008", at, message, Some(help));
    }

    /// The plugin of an item, if this policy disables it.
    pub(super) fn disabled(&self, entry: &Entry) -> Option<String> {
        let library = entry.library()?;
        let plugin = self.plugins.iter().find(|plugin| plugin.name == library.plugin.name)?;
        (!plugin.enabled).then(|| plugin.name.clone())
    }

    /// Reports an installed plugin that cannot be asked what it thinks of its configuration. That is no mistake of a
    /// policy that does not insist on the plugin; nor of a project's, where a policy above says what a failure becomes.
    /// What needs the plugin is then decided call by call.
    pub(super) fn broken(&mut self, entry: &Entry, fault: &Fault, at: &Mark) -> bool {
        let Some(library) = entry.library() else { return false };
        let loaded = guarded(|| library.imported().map(drop)).is_ok();
        if loaded && matches!(fault, Fault::Failed(_)) {
            return false;
        }
        let own = self.plugins.iter().find(|plugin| plugin.name == library.plugin.name);
        let insists = self.kind != LayerKind::Project
            && own.map_or(OnFailure::Deny, |plugin| plugin.on_error) == OnFailure::Deny;
        let message = format!("{} cannot be used: {}", entry.label(), one_line_long(fault.message()));
        if insists {
            self.problems.error("AF009", at, message, None);
        } else {
            let help =
                "what a failure becomes is said by `on_error` under `plugins:` in the user or managed policy";
            self.problems.warning("AF016", at, message, Some(help.to_owned()));
        }
        true
    }
}

/// Whether somebody tries to bring a library instead of naming an installed one.
fn looks_like_a_path(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    name.contains(['/', '\\'])
        || name.starts_with(['.', '~'])
        || [".so", ".dylib", ".dll"].iter().any(|ending| lower.ends_with(ending))
}
