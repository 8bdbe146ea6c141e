//! `agentfirewall plugins`

use crate::args::PluginsArgs;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(_args: PluginsArgs, _ui: &Ui) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Internal, "not built yet"))
}
