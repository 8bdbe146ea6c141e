//! What each layer makes of installed plugins: its own setting, or that of the trusted layers.

use agentfirewall_sdk::{Action, Decision, RuleRef};

use crate::policy::Layer;
use crate::tolerance::{Failure, PluginSetting};

/// What stands for a rule's name where a plugin failed and the policy goes on without it.
const PLUGINS: &str = "plugins";

/// For each layer what it makes of the plugins that a trusted layer names; of all others every failure is a denied
/// call.
///
/// A layer that names a plugin decides for itself, but for a project: it can only say that it needs the plugin. Where a
/// layer decides nothing, the strictest of those that do decides for it.
pub(super) fn settings<'c>(layers: &[Layer<'c>]) -> Vec<Vec<PluginSetting<'c>>> {
    let trusted = || layers.iter().filter(|layer| layer.kind.is_trusted()).flat_map(|layer| &layer.plugins);
    let mut common: Vec<PluginSetting<'c>> = Vec::new();
    for setting in trusted() {
        match common.iter_mut().find(|known| known.name == setting.name) {
            Some(known) => known.on_error = known.on_error.max(setting.on_error),
            None => common.push(PluginSetting { enabled: true, ..*setting }),
        }
    }
    let own = |layer: &Layer<'c>, name: &str| {
        layer.plugins.iter().filter(|_| layer.kind.is_trusted()).find(|setting| setting.name == name).copied()
    };
    layers
        .iter()
        .map(|layer| common.iter().map(|shared| own(layer, shared.name).unwrap_or(*shared)).collect())
        .collect()
}

/// What a layer says of failures that it goes on in spite of; `None` if it says nothing.
pub(super) fn alert(layer: &str, failures: &[Failure]) -> Option<Decision> {
    let mut alerting = failures.iter().filter(|failure| failure.alerts);
    let first = alerting.next()?;
    let more = match alerting.count() {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let reason = format!("the call was judged without a plugin that failed: {}{more}", first.message);
    Some(Decision::new(Action::Alert, RuleRef::new(layer, PLUGINS, 0), reason))
}
