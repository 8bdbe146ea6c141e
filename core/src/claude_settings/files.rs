//! The settings files of one project, read from the disk.

use std::io;
use std::path::{Path, PathBuf};

/// A settings file's place in the client's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `~/.claude/settings.json`
    User,
    /// `.claude/settings.json`
    Project,
    /// `.claude/settings.local.json`
    Local,
    /// The machine's, and the files of its drop-in folder.
    Managed,
}

impl Scope {
    /// The word used in messages and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Project => "project",
            Self::Local => "local",
            Self::Managed => "managed",
        }
    }
}

/// A settings file.
#[derive(Debug, Clone)]
pub struct SettingsFile {
    /// Its scope.
    pub scope: Scope,
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub content: Content,
}

/// What a settings file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// There is no such file: no settings.
    Missing,
    /// Its bytes.
    Bytes(Vec<u8>),
    /// It is there and cannot be read.
    Unreadable(String),
}

impl SettingsFile {
    /// Reads one file. No file is not an error; everything else that keeps it from being read is kept as such.
    pub fn read(scope: Scope, path: PathBuf) -> Self {
        let content = match std::fs::read(&path) {
            Ok(bytes) => Content::Bytes(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Content::Missing,
            // `.claude` is a file: there are no settings in it.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Content::Missing,
            Err(error) => Content::Unreadable(error.to_string()),
        };
        Self { scope, path, content }
    }

    /// The bytes to parse: none for a file that is missing or cannot be read.
    pub fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Bytes(bytes) => bytes,
            Content::Missing | Content::Unreadable(_) => &[],
        }
    }
}

/// The settings files that apply to a project, the client's weakest first.
#[derive(Debug, Clone, Default)]
pub struct SettingsFiles {
    /// The files.
    pub files: Vec<SettingsFile>,
}

impl SettingsFiles {
    /// Reads every scope. `client_config` is the client's `CLAUDE_CONFIG_DIR`, which replaces `~/.claude`.
    pub fn read(project: &Path, home: &Path, client_config: Option<&Path>) -> Self {
        Self::read_with_managed(project, home, client_config, &managed_folder())
    }

    /// As [`SettingsFiles::read`], with the folder of the managed settings.
    pub fn read_with_managed(
        project: &Path,
        home: &Path,
        client_config: Option<&Path>,
        managed: &Path,
    ) -> Self {
        let mut files: Vec<_> = [Scope::User, Scope::Project, Scope::Local]
            .into_iter()
            .map(|scope| {
                let path = path_of(scope, project, home, client_config);
                SettingsFile::read(scope, path)
            })
            .chain([SettingsFile::read(Scope::Managed, managed.join(MANAGED_FILE))])
            .collect();
        let mut drop_ins: Vec<_> = std::fs::read_dir(managed.join("managed-settings.d"))
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        drop_ins.sort();
        files.extend(drop_ins.into_iter().map(|path| SettingsFile::read(Scope::Managed, path)));
        Self { files }
    }
}

const MANAGED_FILE: &str = "managed-settings.json";

/// Where a scope's settings are.
pub fn path_of(scope: Scope, project: &Path, home: &Path, client_config: Option<&Path>) -> PathBuf {
    match scope {
        Scope::User => {
            client_config.map_or_else(|| home.join(".claude"), Path::to_owned).join("settings.json")
        }
        Scope::Project => project.join(".claude/settings.json"),
        Scope::Local => project.join(".claude/settings.local.json"),
        Scope::Managed => managed_folder().join(MANAGED_FILE),
    }
}

/// The folder of the client's managed settings.
pub fn managed_folder() -> PathBuf {
    if cfg!(target_os = "macos") {
        PathBuf::from("/Library/Application Support/ClaudeCode")
    } else if cfg!(windows) {
        PathBuf::from(r"C:\Program Files\ClaudeCode")
    } else {
        PathBuf::from("/etc/claude-code")
    }
}
