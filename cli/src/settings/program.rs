//! The path under which the hook is written down.
//!
//! It must survive upgrades: package managers replace what a stable name points to (`~/.cargo/bin/agentfirewall`,
//! `/usr/local/bin/agentfirewall` -> a folder with a version in it), so the name found through `PATH` is kept as it is
//! and its links are not followed. Only if no such name leads to this very program is the program's own path taken.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use agentfirewall_core::claude_settings::PROGRAM_NAMES;

use crate::failure::{Exit, Failure};

/// The program as the hook will name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// The absolute path, with forward slashes on Windows too: a shell there eats backslashes.
    pub command: String,
    /// Why the path may not last.
    pub warning: Option<String>,
}

/// Finds the path of this program.
pub(crate) fn this_program(working_folder: &Path) -> Result<Program, Failure> {
    let own = crate::host::program()
        .map_err(|error| Failure::io("this program's own path is not known", &error))?;
    let called = std::env::args_os().next();
    let path = std::env::var_os("PATH");
    let found = stable_path(called.as_deref(), path.as_deref(), working_folder, &own);
    let command = found.to_str().ok_or_else(|| {
        Failure::new(Exit::Data, "this program's path is not UTF-8, so JSON cannot hold it")
    })?;
    let command = if cfg!(windows) { command.replace('\\', "/") } else { command.to_owned() };
    let warning = short_lived(&found, &std::env::temp_dir()).then(|| {
        format!(
            "`{command}` looks like a build or temporary file; when it is gone, the client blocks every call"
        )
    });
    Ok(Program { command, warning })
}

fn stable_path(called: Option<&OsStr>, path: Option<&OsStr>, working_folder: &Path, own: &Path) -> PathBuf {
    let real = own.canonicalize().unwrap_or_else(|_| own.to_owned());
    let is_this = |candidate: &PathBuf| candidate.canonicalize().is_ok_and(|found| found == real);
    let in_path = path
        .into_iter()
        .flat_map(std::env::split_paths)
        .filter(|folder| folder.is_absolute())
        .flat_map(|folder| PROGRAM_NAMES.map(|name| folder.join(name)));
    let as_called = called.map(Path::new).filter(|called| called.components().count() > 1).map(|called| {
        // `./x` and `../x` are made absolute by their parts; links inside stay.
        let mut absolute = PathBuf::new();
        for part in working_folder.join(called).components() {
            match part {
                std::path::Component::CurDir => {}
                std::path::Component::ParentDir => {
                    absolute.pop();
                }
                part => absolute.push(part),
            }
        }
        absolute
    });
    in_path.chain(as_called).find(is_this).unwrap_or_else(|| own.to_owned())
}

fn short_lived(path: &Path, temporary: &Path) -> bool {
    let parts: Vec<_> = path.components().map(std::path::Component::as_os_str).collect();
    let built = parts.windows(2).any(|pair| {
        matches!(pair, [target, profile] if *target == "target"
            && ["debug", "release"].iter().any(|name| profile == name))
    });
    built || path.starts_with(temporary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_stable_name_in_the_path_wins_over_what_it_points_to() {
        let root = tempfile::tempdir().unwrap();
        let [bin, cellar, other] = ["bin", "cellar/1.2.3", "other"].map(|name| root.path().join(name));
        for folder in [&bin, &cellar, &other] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let own = cellar.join("agentfirewall");
        std::fs::write(&own, "x").unwrap();
        std::fs::write(other.join("agentfirewall"), "another program").unwrap();
        std::os::unix::fs::symlink(&own, bin.join("agentfirewall")).unwrap();

        let path = std::env::join_paths([&other, &bin]).unwrap();
        let called = OsStr::new("agentfirewall");
        assert_eq!(stable_path(Some(called), Some(&path), root.path(), &own), bin.join("agentfirewall"));
        let called = OsStr::new("./other/../bin/agentfirewall");
        assert_eq!(stable_path(Some(called), None, root.path(), &own), bin.join("agentfirewall"));
        assert_eq!(stable_path(Some(called), Some(other.as_os_str()), &other, &own), own);
        assert_eq!(stable_path(None, None, root.path(), &own), own);
    }

    #[test]
    fn build_folders_are_short_lived() {
        let tmp = Path::new("/tmp");
        assert!(short_lived(Path::new("/home/me/x/target/debug/agentfirewall"), tmp));
        assert!(short_lived(Path::new("/tmp/x/agentfirewall"), tmp));
        assert!(!short_lived(Path::new("/home/me/target/agentfirewall"), tmp));
        assert!(!short_lived(Path::new("/usr/bin/agentfirewall"), tmp));
    }
}
