//! `agentfirewall schema`: a policy file as a JSON Schema, with the options of every plugin that is there.

use agentfirewall_core::policy;

use super::plugins::manifests;
use crate::args::SchemaArgs;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(args: SchemaArgs, ui: &Ui) -> Result<Exit, Failure> {
    let places = super::places()?;
    let registry = composition::installed(&places)?;
    let manifests = manifests(&places)?;
    let schema = policy::schema(&registry, &|kind, id| {
        let mut items = manifests.iter().flat_map(|manifest| &manifest.items);
        items.find(|item| item.kind == kind && item.id == id).cloned()
    });
    if args.compact {
        ui.line(schema.to_string());
        return Ok(Exit::Success);
    }
    let text = serde_json::to_string_pretty(&schema)
        .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    ui.line(text);
    Ok(Exit::Success)
}
