//! `agentfirewall plugins`: what judges and reports here, and who may bring more of it.

mod add;
mod check;
mod info;
mod list;
mod new;
mod state;
mod take;

pub(crate) use self::info::manifests;

use agentfirewall_core::places::Places;
use agentfirewall_core::store::Store;

use crate::args::{PluginsArgs, PluginsCommand};
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(args: PluginsArgs, ui: &Ui) -> Result<Exit, Failure> {
    match args.command {
        PluginsCommand::List(args) => list::run(&args, ui),
        PluginsCommand::Info(args) => info::run(&args, ui),
        PluginsCommand::New(args) => new::run(&args, ui),
        PluginsCommand::Check(args) => check::run(&args, ui),
        PluginsCommand::Add(args) => add::run(args, ui),
        PluginsCommand::Remove(args) => take::remove(&args, ui),
        PluginsCommand::Trust(args) => take::trust(&args, ui),
    }
}

/// The store that `--managed` chooses.
fn store(places: &Places, managed: bool) -> Store {
    if managed { Store::managed(places) } else { Store::user(places) }
}

/// A number and its noun.
fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
