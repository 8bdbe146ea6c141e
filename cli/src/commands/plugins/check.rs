//! `agentfirewall plugins check`: examines a library as `plugins add` does, and installs nothing.

use std::path::Path;

use agentfirewall_core::guard::Guard;
use agentfirewall_core::registry::Registry;
use agentfirewall_core::store::{Library, check_manifest};
use agentfirewall_sdk::testing::{self, Options, Report, Specimen};
use agentfirewall_sdk::{Kind, Manifest};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::counted;
use crate::args::PluginsCheckArgs;
use crate::composition::{WATCH, end_of_command, inspect, label, unusable};
use crate::failure::{Exit, Failure};
use crate::supervise::Supervisor;
use crate::ui::Ui;

/// What an examination found, in the form in which a child tells its parent.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Examined {
    /// What the library says of itself.
    pub(super) manifest: Manifest,
    /// What is wrong with that, besides what the kit checks.
    pub(super) problems: Vec<String>,
    /// Whether the kit is content.
    pub(super) conforms: bool,
    /// The kit's report, for people.
    pub(super) report: String,
    /// The same without what is in order.
    pub(super) brief: String,
}

impl Examined {
    pub(super) fn passed(&self) -> bool {
        self.conforms && self.problems.is_empty()
    }
}

pub(super) fn run(args: &PluginsCheckArgs, ui: &Ui) -> Result<Exit, Failure> {
    let library = Library::read(&args.library).map_err(|error| unusable(&error))?;
    let names = vec![label(&args.library)];
    let guard = Supervisor::new(names, Vec::new(), WATCH, Box::new(end_of_command));
    let (examined, report) = examine(&args.library, &guard, args.quick)?;
    if args.json {
        let object = json!({
            "passed": examined.passed(),
            "sha256": library.sha256(),
            "size": library.size(),
            "glibc": library.file().glibc.map(|version| version.to_string()),
            "manifest": examined.manifest,
            "problems": examined.problems,
            "report": report,
        });
        ui.line(object.to_string());
    } else {
        let glibc =
            library.file().glibc.map(|version| format!(", needs glibc {version}")).unwrap_or_default();
        ui.line(format!(
            "{} {}: {}, {} bytes{glibc}, SHA-256 {}",
            examined.manifest.name,
            examined.manifest.version,
            counted(examined.manifest.items.len(), "item"),
            library.size(),
            library.sha256()
        ));
        ui.line(&examined.report);
        for problem in &examined.problems {
            ui.line(format!("FAIL  {problem}"));
        }
        ui.line(if examined.passed() { "The plugin conforms." } else { "The plugin does NOT conform." });
    }
    Ok(if examined.passed() { Exit::Success } else { Exit::Findings })
}

/// Loads a library with every check there is and lets the kit examine what is in it.
pub(super) fn examine(path: &Path, guard: &dyn Guard, quick: bool) -> Result<(Examined, Report), Failure> {
    let (imported, manifest) = inspect(path, 1, guard)?;
    let problems = problems(&manifest, &crate::composition::linked()?);
    let options = if quick { Options::default().quick() } else { Options::default() };
    guard.enter(1);
    let report = testing::examine(&Specimen::of(imported, &manifest), &options);
    guard.leave();
    let examined = Examined {
        problems,
        conforms: report.passed(),
        report: report.to_string(),
        brief: format!("{report:#}"),
        manifest,
    };
    Ok((examined, report))
}

/// What the host refuses of a manifest, whatever the kit says.
fn problems(manifest: &Manifest, linked: &Registry) -> Vec<String> {
    let refused = check_manifest(manifest).err().map(|why| format!("the plugin {why}"));
    let taken = manifest.items.iter().filter_map(|item| {
        let owner = taken(linked, item.kind, &item.id)?;
        Some(format!("the {} `{}` is taken: {owner} has that id", item.kind.as_str(), item.id))
    });
    refused.into_iter().chain(taken).collect()
}

/// Who has an id already, of the plugins that are part of the program.
pub(super) fn taken(linked: &Registry, kind: Kind, id: &str) -> Option<String> {
    linked.find(kind, id).map(|_| "a built-in plugin".to_owned())
}
