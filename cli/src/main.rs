//! The binary: the program with the built-in plugins linked in.
#![cfg_attr(all(target_os = "linux", target_env = "gnu"), no_main)]

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod entry;

/// The ordinary entry point, where the quick one was never tried.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() -> std::process::ExitCode {
    agentfirewall_plugins::link();
    agentfirewall::run()
}
