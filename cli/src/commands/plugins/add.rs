//! `agentfirewall plugins add`: examines a library in a process of its own, then copies and pins it.

use std::path::{Path, PathBuf};

use agentfirewall_core::places::Places;
use agentfirewall_core::registry::Registry;
use agentfirewall_core::store::{Added, Adding, Library};
use serde_json::json;
use tempfile::TempDir;

use super::check::{Examined, examine, taken};
use crate::args::PluginsAddArgs;
use crate::composition::{self, WATCH, label, unusable};
use crate::failure::{Exit, Failure};
use crate::supervise::{Death, Supervisor, Watch, send_if_child};
use crate::ui::Ui;

/// A library on its way into the store: a private copy, so that what is examined is what is added.
struct Candidate {
    args: PluginsAddArgs,
    places: Places,
    library: Library,
    copy: PathBuf,
    folder: TempDir,
}

pub(super) fn run(args: PluginsAddArgs, ui: &Ui) -> Result<Exit, Failure> {
    let places = super::super::places()?;
    let library = Library::read(&args.library).map_err(|error| unusable(&error))?;
    let folder = tempfile::Builder::new()
        .prefix("agentfirewall-")
        .tempdir()
        .map_err(|error| Failure::io(format!("`{}`", args.library.display()), &error))?;
    let copy = folder.path().join(args.library.file_name().unwrap_or_default());
    library.copy_to(&copy).map_err(|error| unusable(&error))?;
    let adding = Candidate { args, places, library, copy: copy.clone(), folder };
    let linked = composition::linked()?;
    // The examination runs the library's code; what comes back of it is a text.
    let watch = Watch { silent: true, ..WATCH };
    let names = vec![label(&copy)];
    let guard =
        Supervisor::new(names, Vec::new(), watch, Box::new(move |result| adding.end(result, &linked)));
    let examined = examine(&copy, &guard, false);
    send_if_child(|| told(&examined));
    // Only a failure before the child was made comes here.
    match examined {
        Ok(_) => Err(Failure::new(Exit::Internal, "the library was examined without a guard")),
        Err(failure) => {
            ui.note("nothing was installed");
            Err(failure)
        }
    }
}

/// What the child tells its parent.
fn told(examined: &Result<(Examined, agentfirewall_sdk::testing::Report), Failure>) -> Vec<u8> {
    let text = match examined {
        Ok((examined, _)) => serde_json::to_vec(&json!({ "examined": examined })),
        Err(failure) => serde_json::to_vec(&json!({ "failed": failure.message })),
    };
    text.unwrap_or_default()
}

impl Candidate {
    /// The parent's part.
    fn end(&self, result: Result<Vec<u8>, Death>, linked: &Registry) -> u8 {
        let outcome = match result {
            Ok(bytes) => self.install(&bytes, linked),
            Err(death) => Err(Failure::new(Exit::Data, death.to_string())),
        };
        // The process ends without destructors.
        let _left = std::fs::remove_dir_all(self.folder.path());
        match outcome {
            Ok(exit) => exit as u8,
            Err(failure) => composition::report(&failure.help("nothing was installed")),
        }
    }

    fn install(&self, told: &[u8], linked: &Registry) -> Result<Exit, Failure> {
        let garbled = || Failure::new(Exit::Internal, "the examination's result cannot be read");
        let mut told: serde_json::Value = serde_json::from_slice(told).map_err(|_| garbled())?;
        if let Some(message) = told.get("failed").and_then(serde_json::Value::as_str) {
            return Err(Failure::new(Exit::Data, original(message, &self.copy, &self.args.library)));
        }
        let examined = told.get_mut("examined").map(serde_json::Value::take).ok_or_else(garbled)?;
        let examined: Examined = serde_json::from_value(examined).map_err(|_| garbled())?;
        let ui = Ui;
        if !examined.passed() {
            ui.note(&examined.brief);
            let failure = Failure::new(Exit::Data, "the plugin does not conform");
            let failure = examined.problems.iter().fold(failure, Failure::help);
            return Err(failure.help("`agentfirewall plugins check` shows the whole report"));
        }
        let store = super::store(&self.places, self.args.managed);
        let taken = |kind, id: &str| taken(linked, kind, id);
        let adding = Adding { replace: self.args.replace, taken: &taken };
        let added =
            store.add(&self.library, &examined.manifest, &adding).map_err(|error| unusable(&error))?;
        let manifest = &examined.manifest;
        if self.args.json {
            ui.line(
                json!({
                    "name": manifest.name,
                    "version": manifest.version,
                    "sha256": self.library.sha256(),
                    "changed": added != Added::Unchanged,
                })
                .to_string(),
            );
            return Ok(Exit::Success);
        }
        let what = match &added {
            Added::New | Added::Completed => "installed".to_owned(),
            Added::Replaced { version, .. } => format!("installed in place of {version}"),
            Added::Unchanged => "is installed already".to_owned(),
        };
        ui.line(format!("{} {} {what} (SHA-256 {})", manifest.name, manifest.version, self.library.sha256()));
        if let Added::Replaced { dropped, .. } = &added
            && !dropped.is_empty()
        {
            ui.note(format!(
                "no longer pinned, because they were of the other version: {}",
                dropped.join(", ")
            ));
        }
        for item in &manifest.items {
            ui.line(format!("  {} {}: {}", item.kind.as_str(), item.id, item.summary));
        }
        Ok(Exit::Success)
    }
}

/// The message with the file that the person named.
fn original(message: &str, copy: &Path, named: &Path) -> String {
    message.replace(&copy.display().to_string(), &named.display().to_string())
}
