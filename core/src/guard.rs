//! Running code that is not ours: a panic becomes an error, and somebody stands by for what is worse.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use agentfirewall_sdk::__private::panic_message;

use crate::line::one_line;
use agentfirewall_sdk::PluginError;

/// Stands by while the code of a loaded library runs.
///
/// A library can do what no `catch_unwind` survives: abort, overflow its stack, exit, loop for ever. Whoever runs the
/// firewall as a process decides what then happens; the core only says when foreign code begins and ends.
pub trait Guard: Send + Sync + Debug {
    /// Called before a library is loaded, which already runs code of it. An error refuses the library.
    fn before_load(&self, number: u32, plugin: &str) -> Result<(), PluginError>;

    /// The library with this number runs now, on this thread.
    fn enter(&self, _number: u32) {}

    /// It has returned.
    fn leave(&self) {}
}

/// Nobody stands by: for programs that link the core and answer for the libraries they load.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unguarded;

impl Guard for Unguarded {
    fn before_load(&self, _number: u32, _plugin: &str) -> Result<(), PluginError> {
        Ok(())
    }
}

/// How a plugin failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It returned an error.
    Failed(String),
    /// It panicked.
    Panicked(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(message) => write!(f, "failed: {message}"),
            Self::Panicked(message) => write!(f, "panicked: {message}"),
        }
    }
}

impl Fault {
    /// What the plugin said.
    pub(crate) fn message(&self) -> &str {
        let (Self::Failed(message) | Self::Panicked(message)) = self;
        message
    }

    /// The same fault with what may be told of its message.
    pub(crate) fn tellable(self, judged: &[&str]) -> Self {
        match self {
            Self::Failed(message) => Self::Failed(tellable(&message, judged)),
            Self::Panicked(message) => Self::Panicked(tellable(&message, judged)),
        }
    }
}

/// Runs a plugin's code. A panic is an error, whether it was caught here or by the library that it happened in.
pub(crate) fn guarded<T>(run: impl FnOnce() -> Result<T, PluginError>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            let message = error.to_string();
            Err(match message.strip_prefix(PluginError::PANICKED) {
                Some(panic) => Fault::Panicked(panic.to_owned()),
                None => Fault::Failed(message),
            })
        }
        Err(payload) => {
            let message = panic_message(payload).unwrap_or_else(|| "it gave no message".to_owned());
            Err(Fault::Panicked(PluginError::new(message).to_string()))
        }
    }
}

/// What of a plugin's message may be told: one line of it, unless it quotes what was judged, which could be a secret.
/// Eight bytes in a row that one of the texts has too count as a quotation.
fn tellable(message: &str, judged: &[&str]) -> String {
    const QUOTE: usize = 8;
    const LONGEST: usize = 400;
    let line = one_line(message, LONGEST);
    let quotes = line.as_bytes().windows(QUOTE).any(|window| {
        std::str::from_utf8(window).is_ok_and(|window| judged.iter().any(|text| text.contains(window)))
            && window.iter().any(|byte| !byte.is_ascii_alphabetic() && *byte != b' ')
    });
    if quotes { "its message quotes the text and is withheld".to_owned() } else { line }
}
