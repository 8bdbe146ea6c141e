//! `agentfirewall man`

use clap::CommandFactory;

use crate::args::{Cli, ManArgs};
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(args: ManArgs, ui: &Ui) -> Result<Exit, Failure> {
    std::fs::create_dir_all(&args.folder).map_err(|error| Failure::io(args.folder.display(), &error))?;
    clap_mangen::generate_to(Cli::command(), &args.folder)
        .map_err(|error| Failure::io(args.folder.display(), &error))?;
    ui.line(format!("manual pages written to {}", args.folder.display()));
    Ok(Exit::Success)
}
