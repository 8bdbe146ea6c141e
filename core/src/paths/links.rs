//! Where links lead. Each folder is asked for once a call: most paths of a call lie in the same few.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::place;

/// What is known of folders.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links(RefCell<HashMap<PathBuf, Known>>);

#[derive(Debug, Clone)]
struct Known {
    real: PathBuf,
    /// Whether it is not there: then nothing in it is.
    missing: bool,
}

impl Links {
    /// What is asked of a folder with its links resolved, as far as it exists.
    pub(super) fn with_folder<T>(&self, path: &Path, ask: impl FnOnce(&Path) -> T) -> T {
        if let Some(known) = self.0.borrow().get(path) {
            return ask(&known.real);
        }
        let known = self.find(path);
        let answer = ask(&known.real);
        self.0.borrow_mut().insert(path.to_owned(), known);
        answer
    }

    fn find(&self, path: &Path) -> Known {
        // Not only Unix has other ways to begin a path, and the system takes no longer ones.
        if !path.has_root() || cfg!(windows) || path.as_os_str().len() >= place::LONGEST {
            return Known { real: place::canonical(path), missing: false };
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Known { real: path.to_owned(), missing: false };
        };
        if let Some(above) = self.0.borrow().get(folder) {
            return above.with(name, path);
        }
        // From the root down, each folder once.
        let mut all = self.0.borrow_mut();
        let (mut known, mut at) = (Known { real: PathBuf::from("/"), missing: false }, PathBuf::from("/"));
        let mut names = path.components().skip(1);
        while let Some(component) = names.next() {
            let name = component.as_os_str();
            at.push(name);
            known = match all.get(&at) {
                Some(known) => known.clone(),
                None => {
                    let known = known.with(name, &at);
                    all.insert(at.clone(), known.clone());
                    known
                }
            };
            if known.missing {
                known.real.extend(names);
                break;
            }
        }
        known
    }

    /// A folder with its links resolved.
    pub(super) fn folder(&self, path: &Path) -> PathBuf {
        self.with_folder(path, Path::to_owned)
    }

    /// Any path with its links resolved: one look at the file system where its folder is known.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return self.folder(path) };
        if path.symlink_metadata().is_ok_and(|metadata| metadata.file_type().is_symlink()) {
            return place::canonical(path);
        }
        self.folder(folder).join(name)
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
    }
}
