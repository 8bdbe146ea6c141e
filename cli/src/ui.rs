//! The only printer: standard output and error of the human commands, colours only on a terminal.

use std::io::{IsTerminal, Write};

use agentfirewall_sdk::Action;
use anstyle::{AnsiColor, Style};

use crate::failure::Failure;

/// Where a command prints. A closed pipe ends the printing, not the command.
#[derive(Debug, Default)]
pub struct Ui;

impl Ui {
    /// A line on standard output. Style it with `anstyle`; the codes are dropped where the output is no terminal.
    pub fn line(&self, text: impl AsRef<str>) {
        write_line(&mut anstream::stdout().lock(), text.as_ref());
    }

    /// Bytes on standard output as they are, at once. Unlike a line they are the command's whole work, so the caller has to
    /// know when nobody reads them.
    pub fn bytes(&self, bytes: &[u8]) -> std::io::Result<()> {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    }

    /// A line on standard error.
    pub fn note(&self, text: impl AsRef<str>) {
        write_line(&mut anstream::stderr().lock(), text.as_ref());
    }

    /// Why a command failed and what to do about it.
    pub fn failure(&self, failure: &Failure) {
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        self.note(format!("{red}error{red:#}: {}", failure.message));
        for line in &failure.help {
            self.note(format!("  help: {line}"));
        }
    }

    /// Whether standard error is a terminal: the condition for progress bars.
    pub fn progress(&self) -> bool {
        std::io::stderr().is_terminal()
    }
}

fn write_line(stream: &mut impl Write, text: &str) {
    // A reader that went away (`| head`) is not a failure of the command.
    let _closed = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.write_all(b"\n"))
        .and_then(|()| stream.flush());
}

/// The colour of an action: the stricter, the warmer.
pub(crate) fn style_of(action: Action) -> Style {
    let colour = match action {
        Action::Allow => AnsiColor::Green,
        Action::Log => AnsiColor::Cyan,
        Action::Alert => AnsiColor::Yellow,
        Action::Ask => AnsiColor::Magenta,
        Action::Deny => AnsiColor::Red,
    };
    Style::new().bold().fg_color(Some(colour.into()))
}
