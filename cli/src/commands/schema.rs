//! `agentfirewall schema`: a policy file as a JSON Schema, with the options of every plugin that is there.

use agentfirewall_core::places::Places;
use agentfirewall_core::policy;
use agentfirewall_sdk::Kind;
use serde_json::Value;

use crate::args::SchemaArgs;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(args: SchemaArgs, ui: &Ui) -> Result<Exit, Failure> {
    let registry = super::registry()?;
    let places = super::places()?;
    let schema = policy::schema(&registry, &|kind, id| installed_schema(&places, kind, id));
    if args.compact {
        ui.line(schema.to_string());
        return Ok(Exit::Success);
    }
    let text = serde_json::to_string_pretty(&schema)
        .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    ui.line(text);
    Ok(Exit::Success)
}

fn installed_schema(_places: &Places, _kind: Kind, _id: &str) -> Option<Value> {
    None
}
