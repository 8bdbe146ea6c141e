//! A binary whose author forgot to link the built-in plugins. It must refuse to work instead of letting all pass.

use std::process::ExitCode;

fn main() -> ExitCode {
    agentfirewall::run()
}
