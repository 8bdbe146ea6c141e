//! `agentfirewall validate`

use crate::args::ValidateArgs;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(_args: ValidateArgs, _ui: &Ui) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Internal, "not built yet"))
}
