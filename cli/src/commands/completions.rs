//! `agentfirewall completions`

use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs};
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(args: CompletionsArgs, ui: &Ui) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "agentfirewall", &mut script);
    ui.line(String::from_utf8_lossy(&script).trim_end());
    Ok(Exit::Success)
}
