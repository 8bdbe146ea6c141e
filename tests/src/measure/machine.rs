//! A machine laid out in a folder: a home with what homes hold, a project with what projects hold, and the built-in
//! policy that judges calls there.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use agentfirewall_core::interceptor::{CheckError, Interceptor};
use agentfirewall_core::places::Places;
use agentfirewall_core::policy::{self, Compiled, LayerKind};
use agentfirewall_core::protection::Protection;
use agentfirewall_core::registry::Registry;
use agentfirewall_sdk::{Decision, ToolCall};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::cases::Case;
use crate::sandbox::git_init;

const PROJECT_FILES: [&str; 16] = [
    "README.md",
    "Cargo.toml",
    "Makefile",
    "package.json",
    "src/main.rs",
    "src/lib.rs",
    "src/a.rs",
    "tests/test_api.py",
    "docs/index.md",
    "scripts/build.sh",
    "build/out.o",
    "dist/app.js",
    "node_modules/left-pad/index.js",
    ".env",
    ".env.example",
    "certs/server.key",
];
const HOME_FILES: [&str; 14] = [
    ".bashrc",
    ".zshrc",
    ".profile",
    ".gitconfig",
    ".netrc",
    ".npmrc",
    ".ssh/id_rsa",
    ".ssh/id_ed25519",
    ".ssh/id_ed25519.pub",
    ".ssh/config",
    ".aws/credentials",
    ".kube/config",
    ".docker/config.json",
    "Documents/letter.txt",
];

/// The laid-out machine.
#[derive(Debug)]
pub struct Machine {
    _root: TempDir,
    pub places: Places,
    registry: Registry,
    compiled: Compiled,
}

impl Machine {
    /// A machine without a policy of its own, so that the built-in one applies.
    pub fn new() -> Self {
        Self::with(None)
    }

    /// A machine with this policy of the user alone.
    pub fn with_policy(text: &str) -> Self {
        Self::with(Some(text))
    }

    fn with(text: Option<&str>) -> Self {
        let root = tempfile::Builder::new().prefix("machine-").tempdir_in(ground()).unwrap();
        let places = Places::inside(&root.path().canonicalize().unwrap());
        git_init(&places.project);
        lay_out(&places.project, &PROJECT_FILES);
        lay_out(&places.home, &HOME_FILES);
        #[cfg(unix)]
        for (target, link) in [(Path::new("/etc"), "linked-etc"), (&places.home, "linked-home")] {
            std::os::unix::fs::symlink(target, places.project.join(link)).unwrap();
        }
        agentfirewall_plugins::link();
        let registry = Registry::from_linked().unwrap();
        let compiled = match text {
            Some(text) => policy::compile_text(text, LayerKind::User, &registry),
            None => policy::load(&places, &registry),
        }
        .unwrap();
        Self { _root: root, places, registry, compiled }
    }

    /// The judge of calls on this machine, composed as the hook composes it.
    pub fn judge(&self) -> Judge<'_> {
        let binary = self.places.home.join(".cargo/bin/agentfirewall");
        let interceptor = Interceptor::new(&self.compiled, &self.registry, &self.places.home)
            .unwrap()
            .protecting(Protection::new(&self.places, None, &[binary]));
        Judge { interceptor, places: &self.places }
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

/// Judges calls.
#[derive(Debug)]
pub struct Judge<'m> {
    interceptor: Interceptor<'m>,
    places: &'m Places,
}

impl Judge<'_> {
    /// The decision about a case, and the time it took.
    ///
    /// # Errors
    ///
    /// The call could not be judged, which the hook turns into a deny.
    pub fn case(&self, case: &Case) -> (Result<Decision, CheckError>, Duration) {
        self.call(&case.tool, placed(&case.input, self.places))
    }

    /// The decision about a script.
    ///
    /// # Errors
    ///
    /// As for a case.
    pub fn script(&self, script: &str) -> (Result<Decision, CheckError>, Duration) {
        self.call("Bash", json!({"command": script}))
    }

    /// The decision about any call from the project's folder.
    ///
    /// # Errors
    ///
    /// As for a case.
    pub fn call(&self, tool: &str, input: Value) -> (Result<Decision, CheckError>, Duration) {
        let mut call = ToolCall::new(tool, input);
        call.project.clone_from(&self.places.project);
        call.cwd.clone_from(&self.places.project);
        let began = Instant::now();
        let decision = self.interceptor.check(&call);
        (decision, began.elapsed())
    }
}

fn lay_out(folder: &Path, files: &[&str]) {
    for file in files {
        let path = folder.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x\n").unwrap();
    }
}

/// Where machines are laid out. Not below the temporary folders: what lies there may be removed, and a neighbour of the
/// project would count as such.
fn ground() -> PathBuf {
    let temporary = |path: &Path| path.starts_with("/tmp") || path.starts_with("/var/tmp");
    let target = std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned));
    let cache = std::env::home_dir().map(|home| home.join(".cache"));
    let found = [target, cache]
        .into_iter()
        .flatten()
        .find(|path| !temporary(path) && std::fs::create_dir_all(path).is_ok() && writable(path));
    found.unwrap_or_else(std::env::temp_dir)
}

fn writable(folder: &Path) -> bool {
    tempfile::tempfile_in(folder).is_ok()
}

/// An input with its placeholders filled in.
fn placed(input: &Value, places: &Places) -> Value {
    match input {
        Value::String(text) => Value::String(
            text.replace("@PROJECT@", &places.project.to_string_lossy())
                .replace("@HOME@", &places.home.to_string_lossy()),
        ),
        Value::Array(items) => items.iter().map(|item| placed(item, places)).collect(),
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), placed(value, places))).collect(),
        other => other.clone(),
    }
}
