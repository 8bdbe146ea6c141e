//! `agentfirewall plugins list`: every matcher, detector and sink, where it comes from, and whether it takes part.

use std::collections::BTreeMap;

use agentfirewall_core::registry::{Entry, Origin};
use agentfirewall_sdk::{Kind, Manifest};
use anstyle::Style;
use serde::Serialize;
use serde_json::Value;

use super::info::{Detail, Secret, manifests};
use super::state::{State, Uses, with_rules};
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
    #[serde(flatten)]
    secret: Secret,
    /// The JSON Schema of its configuration.
    config: Value,
}

impl Listed {
    fn new(entry: &Entry, uses: &Uses, manifests: &[Manifest]) -> Self {
        let detail = Detail::of(entry, manifests);
        let (state, because) = uses.of(entry);
        let (origin, version) = match entry.origin() {
            Origin::BuiltIn => ("built-in", env!("CARGO_PKG_VERSION")),
            Origin::Host { host } => (host, ""),
            Origin::Rule { file } => (file, ""),
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
            secret: Secret::of(entry),
            config: detail.schema,
        }
    }
}

pub(super) fn run(args: &PluginsListArgs, ui: &Ui) -> Result<Exit, Failure> {
    let places = super::super::places()?;
    let registry = with_rules(&places, composition::installed(&places)?);
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
    let (single, rows): (Vec<Listed>, Vec<Listed>) =
        listed.into_iter().partition(|plugin| args.detectors || plugin.secret.family.is_empty());
    let listed: Vec<Listed> = if rows.is_empty() { single } else { with_families(single, &rows) };
    for line in table(&listed) {
        ui.line(line);
    }
    if !rows.is_empty() {
        ui.note(format!(
            "{} detectors are shown by family; `--detectors` lists each, `plugins info ID` tells of one",
            rows.len()
        ));
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

/// A line for each family of detectors, among the others where detectors stand.
fn with_families(mut listed: Vec<Listed>, rows: &[Listed]) -> Vec<Listed> {
    let mut families: BTreeMap<&str, Vec<&Listed>> = BTreeMap::new();
    for row in rows {
        families.entry(row.secret.family).or_default().push(row);
    }
    let lines = families.into_iter().filter_map(|(family, rows)| {
        let first = rows.first()?;
        let names: Vec<&str> =
            rows.iter().map(|row| row.id.as_str()).step_by(rows.len().div_ceil(3)).collect();
        let off = rows.iter().filter(|row| row.state == State::Off).count();
        let state = if off == rows.len() { State::Off } else { first.state };
        let but = if off > 0 && off < rows.len() { format!(" ({off} of them off)") } else { String::new() };
        Some(Listed {
            kind: first.kind,
            id: format!("{family}: {}", rows.len()),
            summary: format!("{}, ...{but}", names.join(", ")),
            why: String::new(),
            since: first.since.clone(),
            origin: first.origin.clone(),
            version: first.version.clone(),
            state,
            because: first.because.clone(),
            patterns: false,
            keywords: Vec::new(),
            secret: Secret::default(),
            config: Value::Null,
        })
    });
    let lines: Vec<Listed> = lines.collect();
    let at = listed
        .iter()
        .rposition(|plugin| plugin.kind == Kind::Detector.as_str())
        .map_or(listed.len(), |at| at + 1);
    listed.splice(at..at, lines);
    listed
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
