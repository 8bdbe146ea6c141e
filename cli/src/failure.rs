//! How a command ends when it cannot do its work. The hook does not use this: there every failure is a deny.

use std::fmt;

/// Exit codes of the human commands. They are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Success = 0,
    /// `scan` has findings, `validate`, `audit verify` or `doctor` found problems.
    Findings = 1,
    /// `check` and `hook`: the call is denied.
    Deny = 2,
    /// `check`: the call needs a person.
    Ask = 3,
    /// Wrong arguments (`EX_USAGE` of sysexits.h).
    Usage = 64,
    /// A policy, a settings file or other input is not valid (`EX_DATAERR`).
    Data = 65,
    /// A fault of the program (`EX_SOFTWARE`).
    Internal = 70,
    /// A file cannot be read or written (`EX_IOERR`).
    Io = 74,
}

/// A command that failed: one line saying what, more saying what to do.
#[derive(Debug)]
pub struct Failure {
    /// The process's exit code.
    pub exit: Exit,
    /// What is wrong, as a lower-case fragment without a full stop.
    pub message: String,
    /// What to do about it, one line each, phrased as something to type or change.
    pub help: Vec<String>,
}

impl Failure {
    /// A failure with its exit code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), help: Vec::new() }
    }

    /// A file or folder that cannot be used.
    pub fn io(what: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::new(Exit::Io, format!("{what}: {error}"))
    }

    /// Adds a line of advice.
    pub fn help(mut self, line: impl Into<String>) -> Self {
        self.help.push(line.into());
        self
    }
}
