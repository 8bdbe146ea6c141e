//! `agentfirewall scan`

use crate::args::ScanArgs;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(_args: ScanArgs, _ui: &Ui) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Internal, "not built yet"))
}
