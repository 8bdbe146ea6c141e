//! `agentfirewall audit`

use crate::args::AuditArgs;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(_args: AuditArgs, _ui: &Ui) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Internal, "not built yet"))
}
