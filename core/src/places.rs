//! Where things are: the project, the policy layers, the log and the private state.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::private::{OWNER_ONLY, create_folder};

/// The folder inside a project that holds its policy and its audit log.
pub const PROJECT_FOLDER: &str = ".agentfirewall";
/// The policy's file name in every layer.
pub const POLICY_FILE: &str = "policy.yaml";
/// The audit log's file name.
pub const LOG_FILE: &str = "audit.jsonl";
/// The file that says which plugin libraries are installed, in the user's and in the managed configuration.
pub const PLUGINS_LOCK_FILE: &str = "plugins.lock";

/// Every folder the firewall reads or writes. Made once per process from the environment; a test makes its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The project's root.
    pub project: PathBuf,
    /// The home folder.
    pub home: PathBuf,
    /// The user's configuration: `$XDG_CONFIG_HOME/agentfirewall` or `~/.config/agentfirewall`.
    pub config: PathBuf,
    /// The private state (cache, cursors, the log of projects without a folder of their own):
    /// `$XDG_STATE_HOME/agentfirewall` or `~/.local/state/agentfirewall`.
    pub state: PathBuf,
    /// The managed configuration, which only the machine's administrator writes.
    pub managed: PathBuf,
}

impl Places {
    /// Makes the private state folder, if it is not there. Without it masks would change from run to run and nothing could be
    /// delivered.
    ///
    /// # Errors
    ///
    /// One line that names the folder and the cause.
    pub fn make_state(&self) -> Result<(), String> {
        if self.state.is_dir() {
            return Ok(());
        }
        create_folder(&self.state, OWNER_ONLY)
            .map_err(|error| format!("the state folder {} cannot be made: {error}", self.state.display()))
    }

    /// Finds the places. The project is `CLAUDE_PROJECT_DIR` if it is set, else the working folder of the process;
    /// from there upwards the nearest folder that holds `.agentfirewall`, else the nearest that holds `.git`, else the
    /// starting folder itself. The payload's `cwd` plays no part: the model can move it.
    pub fn discover(environment: &dyn Fn(&str) -> Option<OsString>, working_folder: &Path) -> Self {
        let set = |name: &str| environment(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = set("HOME").or_else(|| set("USERPROFILE")).unwrap_or_else(|| PathBuf::from("/"));
        let absolute = |name: &str| set(name).filter(|path| path.is_absolute());
        let start = absolute("CLAUDE_PROJECT_DIR").unwrap_or_else(|| working_folder.to_owned());
        Self {
            project: project_root(&start),
            config: absolute("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join("agentfirewall"),
            state: absolute("XDG_STATE_HOME")
                .unwrap_or_else(|| home.join(".local/state"))
                .join("agentfirewall"),
            managed: managed_folder(),
            home,
        }
    }

    /// Places that all lie in one folder, laid out as on a machine: for tests, and for programs that keep everything
    /// together.
    pub fn inside(root: &Path) -> Self {
        let home = root.join("home");
        Self {
            project: root.join("project"),
            config: home.join(".config/agentfirewall"),
            state: home.join(".local/state/agentfirewall"),
            managed: root.join("etc/agentfirewall"),
            home,
        }
    }

    /// The project's own folder, whether it exists or not.
    pub fn project_folder(&self) -> PathBuf {
        self.project.join(PROJECT_FOLDER)
    }

    /// The policy file of the managed layer.
    pub fn managed_policy(&self) -> PathBuf {
        self.managed.join(POLICY_FILE)
    }

    /// The policy file of the user layer.
    pub fn user_policy(&self) -> PathBuf {
        self.config.join(POLICY_FILE)
    }

    /// The policy file of the project layer.
    pub fn project_policy(&self) -> PathBuf {
        self.project_folder().join(POLICY_FILE)
    }

    /// The audit log: inside the project if it has an `.agentfirewall` folder, else in the private state.
    pub fn audit_log(&self) -> PathBuf {
        let folder = self.project_folder();
        if folder.is_dir() { folder.join(LOG_FILE) } else { self.state.join(LOG_FILE) }
    }

    /// The lock file of the plugins that the user installed.
    pub fn plugins_lock(&self) -> PathBuf {
        self.config.join(PLUGINS_LOCK_FILE)
    }

    /// The folder of the libraries that the user installed, named by their content.
    pub fn plugins_store(&self) -> PathBuf {
        self.state.join("plugins")
    }

    /// The lock file of the plugins that the administrator installed.
    pub fn managed_plugins_lock(&self) -> PathBuf {
        self.managed.join(PLUGINS_LOCK_FILE)
    }

    /// The folder of the libraries that the administrator installed.
    pub fn managed_plugins_store(&self) -> PathBuf {
        self.managed.join("plugins")
    }

    /// The folder of compiled policies and of the index of the installed plugins.
    pub fn cache(&self) -> PathBuf {
        self.state.join("cache")
    }
}

fn project_root(start: &Path) -> PathBuf {
    let holding = |name: &str| start.ancestors().find(|folder| folder.join(name).symlink_metadata().is_ok());
    holding(PROJECT_FOLDER).or_else(|| holding(".git")).unwrap_or(start).to_owned()
}

fn managed_folder() -> PathBuf {
    if cfg!(target_os = "macos") {
        PathBuf::from("/Library/Application Support/agentfirewall")
    } else if cfg!(windows) {
        PathBuf::from(r"C:\ProgramData\agentfirewall")
    } else {
        PathBuf::from("/etc/agentfirewall")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_comes_from_the_environment_then_upwards_never_further_than_a_marker() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("repo/src/deep");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::create_dir_all(root.path().join("repo/.git")).unwrap();
        let none = |_: &str| None;
        assert_eq!(Places::discover(&none, &inner).project, root.path().join("repo"));
        std::fs::create_dir_all(root.path().join("repo/src/.agentfirewall")).unwrap();
        assert_eq!(Places::discover(&none, &inner).project, root.path().join("repo/src"));
        let other = root.path().join("other");
        std::fs::create_dir_all(other.join(".git")).unwrap();
        let named = |name: &str| (name == "CLAUDE_PROJECT_DIR").then(|| other.clone().into_os_string());
        assert_eq!(Places::discover(&named, &inner).project, other);
    }
}
