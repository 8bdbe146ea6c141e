//! `agentfirewall plugins remove` and `plugins trust`: who is trusted, without running anything.

use agentfirewall_core::store::this_triple;

use crate::args::{PluginsRemoveArgs, PluginsTrustArgs};
use crate::composition::unusable;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

pub(super) fn remove(args: &PluginsRemoveArgs, ui: &Ui) -> Result<Exit, Failure> {
    let places = super::super::places()?;
    let removed = super::store(&places, args.managed).remove(&args.name).map_err(|error| unusable(&error))?;
    let plugin = &removed.plugin;
    ui.line(format!("{} {} removed", plugin.name, plugin.version));
    ui.note("policies that name it are invalid from now on, and deny every call: `agentfirewall validate`");
    Ok(Exit::Success)
}

pub(super) fn trust(args: &PluginsTrustArgs, ui: &Ui) -> Result<Exit, Failure> {
    let places = super::super::places()?;
    let triple = args.target.as_deref().unwrap_or_else(|| this_triple());
    let sha256 = args.sha256.to_ascii_lowercase();
    super::store(&places, args.managed)
        .trust(&args.name, triple, &sha256)
        .map_err(|error| unusable(&error))?;
    ui.line(format!("{}: the library with SHA-256 {sha256} is trusted on {triple}", args.name));
    ui.note("`agentfirewall plugins add LIBRARY` installs it; any other library of this name is refused");
    Ok(Exit::Success)
}
