//! `agentfirewall plugins list`: every matcher, detector and sink, where it comes from, and whether it takes part.

use agentfirewall_core::registry::{Entry, Origin};
use agentfirewall_sdk::Manifest;
use anstyle::Style;
use serde::Serialize;
use serde_json::Value;

use super::info::{Detail, manifests};
use super::state::{State, Uses};
use crate::args::PluginsListArgs;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

#[derive(Debug, Serialize)]
struct Listed {
    kind: &'static str,
    id: String,
    summary: String,
    why: String,
    since: String,
    /// `built-in`, or the name of the library.
    origin: String,
    version: String,
    state: State,
    /// Why it is in that state.
    because: String,
    /// Whether a matcher serves `tools:` and `resources:` too.
    patterns: bool,
    keywords: Vec<String>,
    /// The JSON Schema of its configuration.
    config: Value,
}

impl Listed {
    fn new(entry: &Entry, uses: &Uses, manifests: &[Manifest]) -> Self {
        let detail = Detail::of(entry, manifests);
        let (state, because) = uses.of(entry);
        let (origin, version) = match entry.origin() {
            Origin::BuiltIn => ("built-in", env!("CARGO_PKG_VERSION")),
            Origin::Plugin { name, version } => (name, version),
        };
        Self {
            kind: entry.kind().as_str(),
            id: entry.id().to_owned(),
            summary: detail.summary,
            why: detail.why,
            since: detail.since,
            origin: origin.to_owned(),
            version: version.to_owned(),
            state,
            because,
            patterns: entry.serves_patterns(),
            keywords: entry.keywords().map(str::to_owned).collect(),
            config: detail.schema,
        }
    }
}

pub(super) fn run(args: &PluginsListArgs, ui: &Ui) -> Result<Exit, Failure> {
    let places = super::super::places()?;
    let registry = composition::installed(&places)?;
    let uses = Uses::read(&places, &registry);
    let manifests = manifests(&places)?;
    let kind = args.kind.map(agentfirewall_sdk::Kind::from);
    let listed: Vec<Listed> = registry
        .all()
        .iter()
        .filter(|entry| kind.is_none_or(|kind| entry.kind() == kind))
        .filter(|entry| !args.installed || entry.library().is_some())
        .map(|entry| Listed::new(entry, &uses, &manifests))
        .collect();
    if args.json {
        let text = serde_json::to_string_pretty(&listed)
            .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
        ui.line(text);
        return Ok(Exit::Success);
    }
    if listed.is_empty() {
        ui.note("no plugin is installed; `agentfirewall plugins add LIBRARY` installs one");
        return Ok(Exit::Success);
    }
    for line in table(&listed) {
        ui.line(line);
    }
    // What is broken denies calls, so it is said in full.
    let mut said: Vec<&str> = Vec::new();
    for plugin in listed.iter().filter(|plugin| matches!(plugin.state, State::Broken | State::Unknown)) {
        if !said.contains(&plugin.because.as_str()) {
            said.push(&plugin.because);
            ui.note(format!("{}: {}", plugin.state.as_str(), plugin.because));
        }
    }
    Ok(Exit::Success)
}

/// The summary comes last: it is the one column that may be wider than the terminal.
fn table(plugins: &[Listed]) -> Vec<String> {
    let bold = Style::new().bold();
    let width = |cell: fn(&Listed) -> &str, title: &str| {
        plugins.iter().map(|plugin| cell(plugin).len()).chain([title.len()]).max().unwrap_or_default()
    };
    let kind = width(|plugin| plugin.kind, "KIND");
    let id = width(|plugin| &plugin.id, "ID");
    let version = width(|plugin| &plugin.version, "VERSION");
    let origin = width(|plugin| &plugin.origin, "ORIGIN");
    let state = width(|plugin| plugin.state.as_str(), "STATE");
    let row = |cells: [&str; 6]| {
        let [first, second, third, fourth, fifth, last] = cells;
        format!("{first:kind$}  {second:id$}  {third:version$}  {fourth:origin$}  {fifth:state$}  {last}")
    };
    let title = row(["KIND", "ID", "VERSION", "ORIGIN", "STATE", "SUMMARY"]);
    std::iter::once(format!("{bold}{title}{bold:#}"))
        .chain(plugins.iter().map(|plugin| {
            row([
                plugin.kind,
                &plugin.id,
                &plugin.version,
                &plugin.origin,
                plugin.state.as_str(),
                &plugin.summary,
            ])
        }))
        .collect()
}
