//! Where links lead. Each folder is asked for once a call: most paths of a call lie in the same few.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
#[cfg(unix)]
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::place;

/// What is known of folders, by their paths as they are written: absolute, without `.` and `..`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links(RefCell<HashMap<OsString, Known>>);

#[derive(Debug, Clone)]
struct Known {
    real: PathBuf,
    /// Whether it is not there: then nothing in it is.
    missing: bool,
}

impl Links {
    /// What is asked of a folder with its links resolved, as far as it exists.
    pub(super) fn with_folder<T>(&self, path: &Path, ask: impl FnOnce(&Path) -> T) -> T {
        self.with(path, |known| ask(&known.real))
    }

    fn with<T>(&self, path: &Path, ask: impl FnOnce(&Known) -> T) -> T {
        if let Some(known) = self.0.borrow().get(path.as_os_str()) {
            return ask(known);
        }
        let known = self.find(path);
        let answer = ask(&known);
        self.0.borrow_mut().insert(path.as_os_str().to_owned(), known);
        answer
    }

    fn find(&self, path: &Path) -> Known {
        // The system takes no longer ones.
        if path.as_os_str().len() >= place::LONGEST {
            return Known { real: place::canonical(path), missing: false };
        }
        let Some((folder, name)) = split(path) else {
            return Known { real: place::canonical(path), missing: false };
        };
        if let Some(above) = self.0.borrow().get(folder.as_os_str()) {
            return above.with(name, path);
        }
        // From the root down to the folder, each once.
        let mut all = self.0.borrow_mut();
        let mut known = Known { real: PathBuf::from("/"), missing: false };
        let mut steps = steps(folder);
        while let Some((at, name)) = steps.next() {
            known = match all.get(at.as_os_str()) {
                Some(known) => known.clone(),
                None => {
                    let known = known.with(name, at);
                    all.insert(at.as_os_str().to_owned(), known.clone());
                    known
                }
            };
            if known.missing {
                known.real.extend(steps.map(|(_, name)| name));
                break;
            }
        }
        known.with(name, path)
    }

    /// A folder with its links resolved.
    pub(super) fn folder(&self, path: &Path) -> PathBuf {
        self.with_folder(path, Path::to_owned)
    }

    /// Any path with its links resolved: one look at the file system where its folder is known, and none where that is missing.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        let Some((folder, name)) = split(path) else { return self.folder(path) };
        self.with(folder, |known| known.with(name, path).real)
    }
}

impl Known {
    /// What is so called in this folder, as the path to it is written.
    fn with(&self, name: &OsStr, path: &Path) -> Self {
        let real = self.real.join(name);
        if self.missing {
            return Self { real, missing: true };
        }
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() => Self { real: place::canonical(path), missing: false },
            Ok(_) => Self { real, missing: false },
            Err(_) => Self { real, missing: true },
        }
    }
}

/// The folder and the name of an absolute path, told by its bytes: a call has dozens of paths, and to take one apart by its components
/// takes as long as to ask the system about it. `None` for what has no name.
#[cfg(unix)]
fn split(path: &Path) -> Option<(&Path, &OsStr)> {
    let bytes = path.as_os_str().as_bytes();
    let slash = bytes.iter().rposition(|byte| *byte == b'/').filter(|_| bytes.first() == Some(&b'/'))?;
    let (folder, name) = (bytes.get(..slash.max(1))?, bytes.get(slash + 1..)?);
    (!matches!(name, b"" | b"." | b".."))
        .then_some((Path::new(OsStr::from_bytes(folder)), OsStr::from_bytes(name)))
}

/// Each folder on the way to a path and the path itself, with its name.
#[cfg(unix)]
fn steps(path: &Path) -> impl Iterator<Item = (&Path, &OsStr)> {
    let bytes = path.as_os_str().as_bytes();
    let ends = bytes.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    ends.chain([bytes.len()]).filter_map(|end| {
        let path = Path::new(OsStr::from_bytes(bytes.get(..end)?));
        Some((path, split(path)?.1))
    })
}

/// Other systems have other ways to begin a path: they are asked the long way.
#[cfg(not(unix))]
fn split(_path: &Path) -> Option<(&Path, &OsStr)> {
    None
}

#[cfg(not(unix))]
fn steps(_path: &Path) -> impl Iterator<Item = (&Path, &OsStr)> {
    std::iter::empty()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_long_way() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().canonicalize().unwrap();
        std::fs::create_dir_all(base.join("real/sub")).unwrap();
        std::fs::write(base.join("real/file"), "").unwrap();
        std::os::unix::fs::symlink(base.join("real"), base.join("link")).unwrap();
        std::os::unix::fs::symlink(base.join("real/file"), base.join("real/sub/other")).unwrap();
        std::os::unix::fs::symlink(base.join("gone"), base.join("dangling")).unwrap();
        let links = Links::default();
        for path in [
            "link",
            "link/file",
            "link/sub/other",
            "real/new",
            "new/newer",
            "new/newer/newest",
            "dangling",
            "dangling/x",
            ".",
        ] {
            let path = base.join(path);
            for _ in 0..2 {
                assert_eq!(links.path(&path), place::canonical(&path), "{}", path.display());
            }
            assert_eq!(Links::default().folder(&path), place::canonical(&path), "{}", path.display());
        }
        assert_eq!(links.path(Path::new("/")), Path::new("/"));
        let all: Vec<_> =
            steps(Path::new("/a/b/c")).map(|(path, name)| (path.to_str(), name.to_str())).collect();
        assert_eq!(
            all,
            [("/a", "a"), ("/a/b", "b"), ("/a/b/c", "c")].map(|(path, name)| (Some(path), Some(name)))
        );
        assert_eq!(split(Path::new("/a")), Some((Path::new("/"), OsStr::new("a"))));
        for path in ["/", "a/b", "", "/a/.", "/a/.."] {
            assert_eq!(split(Path::new(path)), None, "{path}");
        }
    }
}
