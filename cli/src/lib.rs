//! The program: the command line, the hook and everything that prints or exits.
//!
//! It is a library so that a team can link its own plugins into a binary of its own: depend on this crate, on
//! `agentfirewall-plugins` and on the crate with the plugins, and call [`run`].

mod args;
mod call;
mod commands;
mod composition;
mod failure;
mod hook;
mod host;
mod memory;
mod process;
mod settings;
#[doc(hidden)]
pub mod standin;
mod supervise;
mod ui;

use std::process::ExitCode;

use clap::Parser;

pub use crate::failure::{Exit, Failure};

/// Runs the program with the process's arguments and returns its exit code.
pub fn run() -> ExitCode {
    ExitCode::from(run_code())
}

/// Reads bytes as `scan` reads a file, for the fuzz targets.
#[doc(hidden)]
pub fn scan_bytes(data: &[u8]) {
    commands::scan::fuzzing::read(data);
}

/// As [`run`], for an entry point that is not Rust's own.
#[doc(hidden)]
pub fn run_code() -> u8 {
    let arguments = match host::arguments() {
        Ok(arguments) => arguments,
        Err(reason) => {
            composition::report(&Failure::new(Exit::Usage, reason));
            // Whatever the command: agents take every other code than this for a hook that is broken, and go on.
            return Exit::Deny as u8;
        }
    };
    if let [first, rest @ ..] = arguments.as_slice()
        && first == "hook"
        && !matches!(rest, [only] if only == "--help" || only == "-h")
    {
        return hook::run(rest);
    }
    if !host::is_this() {
        // Without its other half the program does all but load libraries, and says so when it is to load one.
        let _not_there = host::turn(&arguments);
    }
    let ui = ui::Ui;
    let name = std::env::args_os().next().unwrap_or_else(|| "agentfirewall".into());
    let cli = match args::Cli::try_parse_from(std::iter::once(name).chain(arguments)) {
        Ok(cli) => cli,
        Err(error) => {
            let usage = error.use_stderr();
            let _closed = error.print();
            return if usage { Exit::Usage } else { Exit::Success } as u8;
        }
    };
    let result = composition::linked().and_then(|_| commands::run(cli.command, &ui));
    let code = result.map_or_else(|failure| composition::report(&failure), |exit| exit as u8);
    // A child that loaded libraries has done the work; its parent ends with the same code.
    supervise::send_if_child(|| vec![code]);
    code
}
