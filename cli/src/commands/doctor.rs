//! `agentfirewall doctor`

use crate::args::DoctorArgs;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(_args: DoctorArgs, _ui: &Ui) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Internal, "not built yet"))
}
