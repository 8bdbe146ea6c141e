//! One file a command; this dispatches.

mod audit;
mod check;
mod completions;
mod deliver;
mod doctor;
mod explain;
mod init;
mod install;
mod man;
mod packs;
mod plugins;
mod scan;
mod schema;
mod sinks;
mod uninstall;
mod validate;

use agentfirewall_core::places::Places;

use crate::args::Command;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// The places as the environment and the working folder say.
fn places() -> Result<Places, Failure> {
    let folder = std::env::current_dir().map_err(|error| Failure::io("the working folder", &error))?;
    Ok(Places::discover(&|name| std::env::var_os(name), &folder))
}

pub(crate) fn run(command: Command, ui: &Ui) -> Result<Exit, Failure> {
    match command {
        Command::Init(args) => init::run(args, ui),
        Command::Install(args) => install::run(args, ui),
        Command::Uninstall(args) => uninstall::run(args, ui),
        Command::Doctor(args) => doctor::run(args, ui),
        Command::Validate(args) => validate::run(args, ui),
        Command::Schema(args) => schema::run(args, ui),
        Command::Packs(args) => packs::run(args, ui),
        Command::Check(args) => check::run(args, ui),
        Command::Explain(args) => explain::run(args, ui),
        Command::Audit(args) => audit::run(*args, ui),
        Command::Scan(args) => scan::run(args, ui),
        Command::Plugins(args) => plugins::run(args, ui),
        Command::Deliver(args) => deliver::run(args, ui),
        Command::Sinks(args) => sinks::run(args, ui),
        Command::Completions(args) => completions::run(args, ui),
        Command::Man(args) => man::run(args, ui),
        // Dispatched before the command line is parsed; reached only through an argument the dispatch does not see.
        Command::Hook(_) => Err(Failure::new(Exit::Deny, "`hook` takes an event and nothing else")),
    }
}
