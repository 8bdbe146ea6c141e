//! The binary: the program with the built-in plugins linked in.

use std::process::ExitCode;

fn main() -> ExitCode {
    agentfirewall_plugins::link();
    agentfirewall::run()
}
