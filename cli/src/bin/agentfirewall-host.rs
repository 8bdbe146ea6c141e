//! The program once more, with the shared C library, where `agentfirewall` has it inside: what loads libraries.
#![cfg_attr(libc_inside, no_main)]

#[cfg(libc_inside)]
#[path = "../entry.rs"]
mod entry;

/// Elsewhere `agentfirewall` loads them itself.
#[cfg(not(libc_inside))]
#[expect(clippy::print_stderr, reason = "all that it has to say")]
fn main() -> std::process::ExitCode {
    eprintln!("agentfirewall-host: not needed here, `agentfirewall` loads libraries itself");
    std::process::ExitCode::from(2)
}
