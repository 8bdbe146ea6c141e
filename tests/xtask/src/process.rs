//! Running other programs: shown before they run, never with our standard input, their failure one clear line.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Result, say};

/// One program with its arguments.
#[derive(Debug)]
pub(crate) struct Run {
    command: Command,
    shown: String,
}

/// Which stream a caller wants to read while it is also shown.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Output,
    Error,
}

impl Run {
    /// A program by name or path.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self { command, shown: program.to_string_lossy().into_owned() }
    }

    /// The cargo that runs this task.
    pub(crate) fn cargo() -> Self {
        let mut run = Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        "cargo".clone_into(&mut run.shown);
        run
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.shown.push(' ');
        self.shown.push_str(&argument.as_ref().to_string_lossy());
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Starts with no environment variable but those given from here on.
    pub(crate) fn bare(mut self) -> Self {
        self.command.env_clear();
        self
    }

    /// Gives it a file as standard input.
    pub(crate) fn input(mut self, file: &Path) -> Result<Self> {
        let open = std::fs::File::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
        self.command.stdin(Stdio::from(open));
        Ok(self)
    }

    /// Runs it with its output on ours; a failure is an error.
    pub(crate) fn run(mut self) -> Result<()> {
        say::line(&format!("$ {}", self.shown));
        let status =
            self.command.status().map_err(|error| format!("cannot start `{}`: {error}", self.shown))?;
        if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status})", self.shown)) }
    }

    /// Runs it in silence and returns its standard output; a failure is an error that ends with what it said.
    pub(crate) fn read(mut self) -> Result<String> {
        let output =
            self.command.output().map_err(|error| format!("cannot start `{}`: {error}", self.shown))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        Err(format!("`{}` failed ({}): {}", self.shown, output.status, text(&output.stderr).trim()))
    }

    /// Runs it in silence to its end, whatever its exit code says.
    pub(crate) fn finish(mut self) -> Result<()> {
        let ended = self.command.output().map(drop);
        ended.map_err(|error| format!("cannot start `{}`: {error}", self.shown))
    }

    /// Runs it in silence for at most so long and says whether it succeeded; it is ended when its time is up.
    pub(crate) fn succeeds_within(mut self, limit: Duration) -> bool {
        let started = Instant::now();
        let Ok(mut child) = self.command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
            return false;
        };
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) if started.elapsed() < limit => std::thread::sleep(Duration::from_millis(50)),
                Ok(None) | Err(_) => {
                    // Already gone is as good as ended.
                    let _ended = child.kill().and_then(|()| child.wait());
                    return false;
                }
            }
        }
    }

    /// Runs it, shows one of its streams line by line and hands each line to `seen`. Returns whether it succeeded.
    pub(crate) fn watch(mut self, stream: Stream, mut seen: impl FnMut(&str)) -> Result<bool> {
        say::line(&format!("$ {}", self.shown));
        match stream {
            Stream::Output => self.command.stdout(Stdio::piped()),
            Stream::Error => self.command.stderr(Stdio::piped()),
        };
        let mut child =
            self.command.spawn().map_err(|error| format!("cannot start `{}`: {error}", self.shown))?;
        let reader: Option<Box<dyn Read>> = match stream {
            Stream::Output => child.stdout.take().map(|pipe| Box::new(pipe) as _),
            Stream::Error => child.stderr.take().map(|pipe| Box::new(pipe) as _),
        };
        for line in reader.into_iter().flat_map(|reader| BufReader::new(reader).split(b'\n')) {
            let line = line.map_err(|error| format!("cannot read from `{}`: {error}", self.shown))?;
            let line = String::from_utf8_lossy(&line);
            say::line(line.trim_end_matches('\r'));
            seen(&line);
        }
        let status = child.wait().map_err(|error| format!("cannot wait for `{}`: {error}", self.shown))?;
        Ok(status.success())
    }
}

/// Whether a program answers to `--version` (or another harmless argument).
pub(crate) fn answers(program: impl AsRef<OsStr>, arguments: &[&str]) -> bool {
    Run::new(program).args(arguments).succeeds_within(Duration::from_secs(30))
}
