//! Detection rules of a scan beside the built-in ones: those of the policies, and of the files that `--rules` names.

use std::path::PathBuf;

use agentfirewall_core::policy::{Layer, rules_of_file};
use agentfirewall_core::registry::Registry;

use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// The same plugins with these rules as detectors. What a file holds and cannot be taken over is said.
pub(crate) fn with_rules(
    mut registry: Registry,
    layers: &[Layer<'_>],
    files: &[PathBuf],
    ui: &Ui,
) -> Result<Registry, Failure> {
    let internal = |error: &dyn std::fmt::Display| Failure::new(Exit::Internal, error.to_string());
    for layer in layers.iter().filter(|layer| !layer.detection.is_empty()) {
        registry = registry.with_rules(&layer.detection).map_err(|error| internal(&error))?;
    }
    for file in files {
        let read = rules_of_file(file, &registry)
            .map_err(|error| Failure::new(Exit::Data, error.message_of_rules()))?;
        for note in &read.notes {
            ui.note(format!("{}: {note}", file.display()));
        }
        registry = registry.with_rules(&read.settings()).map_err(|error| internal(&error))?;
    }
    Ok(registry)
}
