//! Where links lead. Each folder is asked for once a call: most paths of a call lie in the same few.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::place;

/// What is known of folders.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links(RefCell<HashMap<PathBuf, PathBuf>>);

impl Links {
    /// What is asked of a folder with its links resolved, as far as it exists.
    pub(super) fn with_folder<T>(&self, path: &Path, ask: impl FnOnce(&Path) -> T) -> T {
        if let Some(known) = self.0.borrow().get(path) {
            return ask(known);
        }
        // What is not there lies in its folder: thousands of those in one another are not walked up again and again.
        let above = path.parent().and_then(|parent| self.0.borrow().get(parent).cloned());
        let real = match (above, path.file_name()) {
            (Some(above), Some(name)) if path.symlink_metadata().is_err() => above.join(name),
            _ => place::canonical(path),
        };
        let answer = ask(&real);
        self.0.borrow_mut().insert(path.to_owned(), real);
        answer
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
        for path in
            ["link", "link/file", "link/sub/other", "real/new", "new/newer", "dangling", "dangling/x", "."]
        {
            let path = base.join(path);
            for _ in 0..2 {
                assert_eq!(links.path(&path), place::canonical(&path), "{}", path.display());
            }
        }
        assert_eq!(links.path(Path::new("/")), Path::new("/"));
    }
}
