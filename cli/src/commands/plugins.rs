//! `agentfirewall plugins`: what this binary is made of.

mod new;

use agentfirewall_core::registry::Entry;
use agentfirewall_sdk::{Factory, Registration, Role};
use anstyle::Style;
use serde::Serialize;
use serde_json::Value;

use crate::args::{PluginsArgs, PluginsCommand, PluginsListArgs};
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// Where every plugin of this version comes from.
const ORIGIN: &str = "built-in";

#[derive(Debug, Serialize)]
struct Listed {
    kind: &'static str,
    id: &'static str,
    summary: &'static str,
    why: &'static str,
    since: &'static str,
    origin: &'static str,
    /// Whether a matcher serves `tools:` and `resources:` too.
    patterns: bool,
    keywords: &'static [&'static str],
    /// The JSON Schema of its configuration.
    config: Value,
}

impl Listed {
    fn new(plugin: &'static Registration) -> Self {
        Self {
            kind: plugin.factory.kind().as_str(),
            id: plugin.meta.id,
            summary: plugin.meta.summary,
            why: plugin.meta.why,
            since: plugin.meta.since,
            origin: ORIGIN,
            patterns: matches!(plugin.factory, Factory::Matcher { role: Role::Patterns, .. }),
            keywords: plugin.meta.keywords,
            config: (plugin.schema)().to_value(),
        }
    }
}

pub(crate) fn run(args: PluginsArgs, ui: &Ui) -> Result<Exit, Failure> {
    match args.command {
        PluginsCommand::List(args) => list(&args, ui),
        PluginsCommand::New(args) => new::run(&args, ui),
    }
}

fn list(args: &PluginsListArgs, ui: &Ui) -> Result<Exit, Failure> {
    let registry = super::registry()?;
    if args.json {
        let listed: Vec<Listed> = registry.all().iter().filter_map(Entry::linked).map(Listed::new).collect();
        let text = serde_json::to_string_pretty(&listed)
            .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
        ui.line(text);
        return Ok(Exit::Success);
    }
    let linked: Vec<_> = registry.all().iter().filter_map(Entry::linked).collect();
    for line in table(&linked) {
        ui.line(line);
    }
    Ok(Exit::Success)
}

/// The summary comes last: it is the one column that may be wider than the terminal.
fn table(plugins: &[&'static Registration]) -> Vec<String> {
    let bold = Style::new().bold();
    let width = |cell: fn(&Registration) -> &str, title: &str| {
        plugins.iter().map(|plugin| cell(plugin).len()).chain([title.len()]).max().unwrap_or_default()
    };
    let kind = width(|plugin| plugin.factory.kind().as_str(), "KIND");
    let id = width(|plugin| plugin.meta.id, "ID");
    let since = width(|plugin| plugin.meta.since, "SINCE");
    let origin = ORIGIN.len();
    let title = format!("{:kind$}  {:id$}  {:since$}  {:origin$}  SUMMARY", "KIND", "ID", "SINCE", "ORIGIN");
    std::iter::once(format!("{bold}{title}{bold:#}"))
        .chain(plugins.iter().map(|plugin| {
            format!(
                "{:kind$}  {:id$}  {:since$}  {ORIGIN:origin$}  {}",
                plugin.factory.kind().as_str(),
                plugin.meta.id,
                plugin.meta.since,
                plugin.meta.summary,
            )
        }))
        .collect()
}
