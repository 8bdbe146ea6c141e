//! The program once more, with the shared C library, where `agentfirewall` has it inside: what loads libraries.
#![cfg_attr(libc_inside, no_main)]

#[cfg(libc_inside)]
#[path = "../entry.rs"]
mod entry;

/// Elsewhere `agentfirewall` loads them itself.
#[cfg(not(libc_inside))]
fn main() -> std::io::Result<()> {
    Err(std::io::Error::other("not needed here: `agentfirewall` loads libraries itself"))
}
