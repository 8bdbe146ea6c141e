//! `agentfirewall plugins info`: all that is known of an installed library, or of one matcher, detector or sink.

use agentfirewall_core::library::Library;
use agentfirewall_core::places::Places;
use agentfirewall_core::registry::{Entry, Registry};
use agentfirewall_core::secrets::{DetectorSetting, Engine};
use agentfirewall_core::store::{Lock, LockedPlugin, Store};
use agentfirewall_sdk::{Confidence, Item, Kind, Manifest, Severity};
use serde::Serialize;
use serde_json::{Value, json};

use super::state::{Uses, with_rules};
use crate::args::PluginsInfoArgs;
use crate::composition::{self, not_installed, unusable};
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// What a plugin says of itself, wherever it is.
pub(super) struct Detail {
    pub(super) summary: String,
    pub(super) why: String,
    pub(super) since: String,
    pub(super) schema: Value,
    pub(super) examples: Vec<String>,
}

impl Detail {
    /// Of a plugin of the program, or of an installed one as the lock file has it.
    pub(super) fn of(entry: &Entry, manifests: &[Manifest]) -> Self {
        let installed = || {
            let library = entry.library()?;
            let manifest = manifests.iter().find(|manifest| manifest.name == library.plugin.name)?;
            manifest.items.iter().find(|item| item.kind == entry.kind() && item.id == entry.id()).cloned()
        };
        if let Some(rule) = entry.rule() {
            return Self {
                summary: rule.summary,
                why: rule.why,
                since: String::new(),
                schema: Value::Null,
                examples: rule.examples,
            };
        }
        let item = entry.linked().map(Item::of).or_else(installed);
        match item {
            Some(Item { summary, why, since, schema, examples, .. }) => {
                Self { summary, why, since, schema, examples }
            }
            None => Self {
                summary: String::new(),
                why: String::new(),
                since: String::new(),
                schema: Value::Null,
                examples: Vec::new(),
            },
        }
    }
}

/// What is known of a detector as a person asks for it: whose secret, how bad, what to do.
#[derive(Debug, Default, Serialize)]
pub(super) struct Secret {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) family: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) severity: Option<Severity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) confidence: Option<Confidence>,
    #[serde(skip_serializing_if = "String::is_empty")]
    leaked: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    source: &'static str,
}

impl Secret {
    /// Of a row of the program's table, or of a policy's rule; of others nothing is known.
    pub(super) fn of(entry: &Entry) -> Self {
        if let Some(rule) = entry.rule() {
            return Self {
                severity: Some(rule.severity),
                confidence: Some(rule.confidence),
                leaked: rule.leaked,
                ..Self::default()
            };
        }
        let about = entry.about();
        Self {
            family: about.family,
            severity: about.severity,
            confidence: about.confidence,
            leaked: about.leaked.to_owned(),
            source: about.source,
        }
    }

    fn print(&self, ui: &Ui) {
        if !self.leaked.is_empty() {
            ui.line(format!("  Leaked:   {}", self.leaked));
        }
        if let (Some(severity), Some(confidence)) = (self.severity, self.confidence) {
            let (severity, confidence) = (severity.as_str(), confidence.as_str());
            ui.line(format!("  Severity: {severity}, confidence at most {confidence}"));
        }
        if !self.family.is_empty() {
            ui.line(format!("  Family:   {}", self.family));
        }
        if !self.source.is_empty() {
            ui.line(format!("  Source:   {}", self.source));
        }
    }
}

/// A detector's examples, each with the id where the secret stands: what is printed is copied, and found again.
fn masked(entry: &Entry, examples: Vec<String>) -> Vec<String> {
    if entry.kind() != Kind::Detector || entry.library().is_some() {
        return examples;
    }
    let on = [DetectorSetting { id: entry.id(), enabled: true, config: "" }];
    let Ok(engine) = Engine::from_entries(std::iter::once(entry.clone()), &on) else { return Vec::new() };
    let mask = |text: String| -> Option<String> {
        let mut masked = text.clone();
        for finding in engine.scan_text(&text).ok()?.findings.iter().rev() {
            masked.replace_range(finding.span.clone(), &format!("[{}]", entry.id()));
        }
        Some(masked)
    };
    examples.into_iter().filter_map(mask).collect()
}

/// What the lock files say, managed first.
fn locks(places: &Places) -> Result<Vec<Lock>, Failure> {
    let stores = [Store::managed(places), Store::user(places)];
    stores.iter().map(|store| store.lock().map_err(|error| unusable(&error))).collect()
}

/// What every installed library says of itself.
pub(crate) fn manifests(places: &Places) -> Result<Vec<Manifest>, Failure> {
    let plugins = locks(places)?.into_iter().flat_map(|lock| lock.plugins);
    Ok(plugins.map(|plugin| plugin.manifest).collect())
}

pub(super) fn run(args: &PluginsInfoArgs, ui: &Ui) -> Result<Exit, Failure> {
    let places = super::super::places()?;
    let registry = with_rules(&places, composition::installed(&places)?);
    let locks = locks(&places)?;
    let uses = Uses::read(&places, &registry);
    let locked = locks.iter().flat_map(|lock| &lock.plugins).find(|plugin| plugin.name == args.name);
    if let (Some(locked), Some(library)) = (locked, registry.library(&args.name)) {
        let entries: Vec<&Entry> = registry
            .all()
            .iter()
            .filter(|entry| entry.library().is_some_and(|other| other.plugin.name == args.name))
            .collect();
        if args.json {
            ui.line(described(locked, library, &entries, &uses).to_string());
        } else {
            print(locked, library, &entries, &uses, ui);
        }
        return Ok(Exit::Success);
    }
    let manifests: Vec<Manifest> =
        locks.into_iter().flat_map(|lock| lock.plugins).map(|plugin| plugin.manifest).collect();
    let entries: Vec<&Entry> = registry.all().iter().filter(|entry| entry.id() == args.name).collect();
    if entries.is_empty() {
        return Err(unknown(&args.name, &registry));
    }
    for entry in entries {
        let mut detail = Detail::of(entry, &manifests);
        detail.examples = masked(entry, detail.examples);
        if args.json {
            ui.line(item(entry, &detail, &uses).to_string());
            continue;
        }
        let (state, because) = uses.of(entry);
        ui.line(format!("{} {} ({})", entry.kind().as_str(), entry.id(), entry.origin()));
        ui.line(format!("  {}", detail.summary));
        if !detail.why.is_empty() {
            ui.line(format!("  Why:      {}", detail.why));
        }
        Secret::of(entry).print(ui);
        ui.line(format!("  State:    {}: {because}", state.as_str()));
        let keywords: Vec<&str> = entry.keywords().collect();
        if !keywords.is_empty() {
            ui.line(format!("  Keywords: {}", keywords.join(", ")));
        }
        options(&detail.schema, ui);
        for example in &detail.examples {
            ui.line(format!("  Example:  {}", on_one_line(example)));
        }
    }
    Ok(Exit::Success)
}

fn unknown(name: &str, registry: &Registry) -> Failure {
    let known: Vec<&str> = registry.libraries().iter().map(|library| library.plugin.name).collect();
    not_installed(name, &known).help("nor has a built-in plugin this id: see `agentfirewall plugins list`")
}

fn item(entry: &Entry, detail: &Detail, uses: &Uses) -> Value {
    let (state, because) = uses.of(entry);
    let mut item = json!({
        "kind": entry.kind(),
        "id": entry.id(),
        "origin": entry.origin().to_string(),
        "summary": detail.summary,
        "why": detail.why,
        "since": detail.since,
        "state": state,
        "because": because,
        "keywords": entry.keywords().collect::<Vec<_>>(),
        "examples": detail.examples,
        "config": detail.schema,
    });
    if let (Some(members), Ok(Value::Object(secret))) =
        (item.as_object_mut(), serde_json::to_value(Secret::of(entry)))
    {
        members.extend(secret);
    }
    item
}

fn described(locked: &LockedPlugin, library: &Library, entries: &[&Entry], uses: &Uses) -> Value {
    let manifests = [locked.manifest.clone()];
    let items: Vec<Value> =
        entries.iter().map(|entry| item(entry, &Detail::of(entry, &manifests), uses)).collect();
    json!({
        "name": locked.name,
        "version": locked.version,
        "summary": locked.manifest.summary,
        "sdk": locked.manifest.sdk,
        "scope": library.plugin.scope,
        "added": locked.added,
        "from": locked.from,
        "library": library.plugin.path(),
        "libraries": locked.libraries,
        "trusted": locked.trusted,
        "loadable": uses.broken(library).is_none(),
        "items": items,
    })
}

fn print(locked: &LockedPlugin, library: &Library, entries: &[&Entry], uses: &Uses, ui: &Ui) {
    ui.line(format!("{} {}", locked.name, locked.version));
    if !locked.manifest.summary.is_empty() {
        ui.line(format!("  {}", locked.manifest.summary));
    }
    ui.line(format!("  Added:    {} from {} ({})", locked.added, locked.from, library.plugin.scope.as_str()));
    ui.line(format!("  Built:    with SDK {}", locked.manifest.sdk));
    for (triple, pinned) in &locked.libraries {
        ui.line(format!("  Pinned:   {triple}  {}  {} bytes", pinned.sha256, pinned.size));
    }
    for (triple, sha256) in &locked.trusted {
        ui.line(format!("  Trusted:  {triple}  {sha256}  (not added yet)"));
    }
    ui.line(format!("  Library:  {}", library.plugin.path().display()));
    if let Some(why) = uses.broken(library) {
        ui.line(format!("  BROKEN:   {why}"));
    }
    let manifests = [locked.manifest.clone()];
    for entry in entries {
        let (state, because) = uses.of(entry);
        let detail = Detail::of(entry, &manifests);
        ui.line(format!("  {} {}: {}", entry.kind().as_str(), entry.id(), detail.summary));
        ui.line(format!("    {}: {because}", state.as_str()));
        options(&detail.schema, ui);
    }
}

/// A text with what a terminal would not show as itself written out.
fn on_one_line(text: &str) -> String {
    text.chars()
        .map(
            |letter| if letter.is_control() { letter.escape_debug().to_string() } else { letter.to_string() },
        )
        .collect()
}

/// A plugin's options as its schema names them.
fn options(schema: &Value, ui: &Ui) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    for (name, property) in properties {
        let text = property.get("description").and_then(Value::as_str).unwrap_or_default();
        let must = if required.contains(&name.as_str()) { " (required)" } else { "" };
        ui.line(format!("    option `{name}`{must}: {}", text.split('\n').next().unwrap_or_default()));
    }
}
