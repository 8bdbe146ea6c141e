//! Where a task works: the repository, the folder for what it makes, and what it counts.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use crate::Result;

/// How a task ended that did not fail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything was done.
    Done,
    /// Something could not be done on this machine: what, and why.
    LeftOut(String),
}

/// The repository and the counters of one run.
#[derive(Debug)]
pub(crate) struct Workshop {
    root: PathBuf,
    target: PathBuf,
    passed: Cell<u64>,
    failed: Cell<u64>,
}

impl Workshop {
    /// The repository these sources were compiled from.
    pub(crate) fn here() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .filter(|folder| folder.join("Cargo.toml").is_file())
            .ok_or("the repository was moved after xtask was built: run it through `cargo xtask`")?
            .to_owned();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let target = if target.is_absolute() { target } else { root.join(target) };
        Ok(Self { root, target, passed: Cell::new(0), failed: Cell::new(0) })
    }

    /// The top folder of the repository.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path inside the repository.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// A path in cargo's target folder, which no commit takes in.
    pub(crate) fn target(&self, inside: &str) -> PathBuf {
        self.target.join(inside)
    }

    /// Adds to the tests that ran.
    pub(crate) fn count(&self, passed: u64, failed: u64) {
        self.passed.set(self.passed.get() + passed);
        self.failed.set(self.failed.get() + failed);
    }

    /// The tests that passed and that failed so far.
    pub(crate) fn counted(&self) -> (u64, u64) {
        (self.passed.get(), self.failed.get())
    }

    /// Whether the run may leave nothing out.
    pub(crate) fn strict() -> bool {
        std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
    }
}

/// Reads a text file, naming it in the error.
pub(crate) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Every file below a folder whose name ends so, in a stable order. Leaves out hidden folders and what tools build.
pub(crate) fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            let path = entry.map_err(|error| format!("{}: {error}", folder.display()))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !path.is_symlink() {
                if !name.starts_with('.') && !["target", "node_modules", "book"].contains(&name.as_str()) {
                    open.push(path);
                }
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
