//! Claude Code's settings files on the disk: reading, backing up, replacing, and the records of what was installed.

mod program;
mod records;
mod write;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use agentfirewall_core::claude_settings::files::path_of;
use agentfirewall_core::claude_settings::{EditError, Problem, Scope};
use agentfirewall_core::places::Places;

use crate::args;
use crate::failure::{Exit, Failure};

pub(crate) use program::{Program, this_program};
pub(crate) use records::Records;
pub(crate) use write::{Expected, back_up, read, replace};

/// Where this process looks for settings.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// The firewall's places.
    pub places: Places,
    /// The working folder.
    pub working_folder: PathBuf,
    /// The client's `CLAUDE_CONFIG_DIR`.
    pub client_config: Option<PathBuf>,
}

impl Surroundings {
    /// Reads the process's environment.
    pub fn find() -> Result<Self, Failure> {
        let working_folder = std::env::current_dir()
            .map_err(|error| Failure::io("the working folder cannot be used", &error))?;
        Ok(Self::with(&|name| std::env::var_os(name), working_folder))
    }

    fn with(environment: &dyn Fn(&str) -> Option<OsString>, working_folder: PathBuf) -> Self {
        Self {
            places: Places::discover(environment, &working_folder),
            client_config: environment("CLAUDE_CONFIG_DIR")
                .filter(|folder| !folder.is_empty())
                .map(PathBuf::from),
            working_folder,
        }
    }

    /// The settings file of a scope.
    pub fn settings_file(&self, scope: Scope) -> PathBuf {
        path_of(scope, &self.places.project, &self.places.home, self.client_config.as_deref())
    }

    /// Whether the project is inside a git work tree. Outside one, the client reads the project's settings only when it
    /// is started in exactly the folder that holds `.claude`.
    pub fn has_git_root(&self) -> bool {
        self.places.project.ancestors().any(|folder| folder.join(".git").symlink_metadata().is_ok())
    }
}

/// The scope named on the command line.
pub(crate) fn scope_of(scope: args::Scope) -> Scope {
    match scope {
        args::Scope::User => Scope::User,
        args::Scope::Project => Scope::Project,
        args::Scope::Local => Scope::Local,
        args::Scope::Managed => Scope::Managed,
    }
}

/// Why a settings file was not edited, with every problem and what to do about it.
pub(crate) fn refused(file: &Path, error: &EditError) -> Failure {
    let failure = Failure::new(Exit::Data, format!("`{}` was left as it is: {error}", file.display()));
    match error {
        EditError::Rejected(problems) => {
            problems.iter().fold(failure, |failure, problem| failure.help(describe(file, problem)))
        }
        EditError::ForeignList => failure.help(
            "move each entry under its event: `\"hooks\": { \"PreToolUse\": [ { \"hooks\": [ ... ] } ] }`",
        ),
        EditError::Internal(_) => {
            failure.help("please report this with the file, without what is private in it")
        }
    }
}

/// A problem on one line.
pub(crate) fn describe(file: &Path, problem: &Problem) -> String {
    let cost = if problem.voids_file() { " (the client ignores the whole file)" } else { "" };
    let Problem { line, column, message, advice, .. } = problem;
    format!("{}:{line}:{column}: {message}{cost}; {advice}", file.display())
}

/// The change as a unified diff.
pub(crate) fn diff(file: &Path, before: &str, after: &str) -> String {
    let name = file.display().to_string();
    similar::TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(3)
        .header(&name, &name)
        .to_string()
}

/// Names in a row.
pub(crate) fn join(names: &[String]) -> String {
    names.iter().fold(String::new(), |mut line, name| {
        let comma = if line.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(line, "{comma}{name}");
        line
    })
}
