//! Files of code that a call runs, as they are now: what an agent wrote earlier in its session and now runs is judged by what
//! it does, not by its name.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::paths::TEMPS;
use crate::understand::Script;

/// The largest file that is read, as large as a script may be.
const LONGEST: u64 = 64 * 1024;
/// How many files are read for one call.
const MOST: usize = 8;

/// Reads the files that one call runs, each once.
pub(crate) struct Scripts<'a> {
    project: &'a Path,
    folder: &'a Path,
    /// What is known of a file that is not there.
    recall: &'a dyn Fn(&Path) -> Option<Script>,
    read: RefCell<Vec<(PathBuf, Option<Script>)>>,
    /// How often it was asked.
    recalls: Cell<usize>,
}

impl<'a> Scripts<'a> {
    /// For a call of a project that starts in a folder.
    pub(crate) fn of(
        project: &'a Path,
        folder: &'a Path,
        recall: &'a dyn Fn(&Path) -> Option<Script>,
    ) -> Self {
        Self { project, folder, recall, read: RefCell::default(), recalls: Cell::new(0) }
    }

    /// A file of the project, of the call's folder or of the temporary folders; nothing for what is large, no text, no file,
    /// or elsewhere: the system's own programs are known by their names. The path has no links in it.
    pub(crate) fn script(&self, path: &Path) -> Option<Script> {
        let roots = || [self.project, self.folder].into_iter().chain(TEMPS.iter().map(Path::new));
        let ours = roots().any(|root| path.starts_with(root))
            // A folder may be named by a link.
            || roots().any(|root| root.canonicalize().is_ok_and(|root| path.starts_with(root)));
        if !ours {
            return None;
        }
        let mut read = self.read.borrow_mut();
        if let Some((_, script)) = read.iter().find(|(known, _)| known == path) {
            return script.clone();
        }
        let script = match path.metadata() {
            // Opening a pipe would wait for whoever writes to it. What cannot be run takes no other file's place.
            Ok(metadata) if !metadata.is_file() || metadata.len() > LONGEST || read.len() >= MOST => {
                return None;
            }
            Ok(_) => text_of(path).map(Script::Here),
            // To look into the calls before takes longer than to open a file.
            Err(error) if error.kind() == ErrorKind::NotFound && self.recalls.get() < MOST => {
                self.recalls.set(self.recalls.get() + 1);
                let script = (self.recall)(path);
                script.as_ref()?;
                script
            }
            Err(_) => return None,
        };
        read.push((path.to_owned(), script.clone()));
        script
    }
}

fn text_of(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    // It may have grown since.
    File::open(path).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap()
    }

    fn of<'a>(project: &'a Path, folder: &'a Path) -> Scripts<'a> {
        Scripts::of(project, folder, &|_| None)
    }

    impl Scripts<'_> {
        fn text(&self, path: &Path) -> Option<String> {
            match self.script(path)? {
                Script::Here(text) => Some(text),
                Script::Gone(_) => panic!("nothing is recalled"),
            }
        }
    }

    fn nowhere() -> &'static Path {
        Path::new("/nowhere")
    }

    #[test]
    fn a_file_of_the_project_or_the_calls_folder_is_read_and_no_other() {
        let folder = folder();
        let file = folder.path().join("x.sh");
        fs::write(&file, "rm -rf ~").unwrap();
        assert_eq!(of(folder.path(), nowhere()).text(&file).as_deref(), Some("rm -rf ~"));
        assert_eq!(of(nowhere(), folder.path()).text(&file).as_deref(), Some("rm -rf ~"));
        assert_eq!(of(nowhere(), nowhere()).text(&file), None, "another project's");
        assert_eq!(of(folder.path(), nowhere()).text(folder.path()), None, "a folder");
    }

    #[test]
    fn a_file_of_the_temporary_folders_is_read() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let file = folder.path().join("x.sh");
        fs::write(&file, "ls").unwrap();
        let file = file.canonicalize().unwrap();
        assert_eq!(of(nowhere(), nowhere()).text(&file).as_deref(), Some("ls"));
    }

    #[test]
    fn what_is_no_script_is_not_read() {
        let folder = folder();
        let file = folder.path().join("x.sh");
        let text = || of(folder.path(), nowhere()).text(&file);
        assert_eq!(text(), None, "no file");
        fs::write(&file, [0xff, 0xfe]).unwrap();
        assert_eq!(text(), None, "no text");
        fs::write(&file, "a\0b").unwrap();
        assert_eq!(text(), None, "a program");
        fs::write(&file, "x".repeat(70_000)).unwrap();
        assert_eq!(text(), None, "too large");
        fs::write(&file, "x".repeat(64 * 1024)).unwrap();
        assert!(text().is_some(), "as large as may be");
    }

    #[cfg(unix)]
    #[test]
    fn a_project_may_be_named_by_a_link_and_a_pipe_is_not_waited_for() {
        let folder = folder();
        let real = folder.path().join("real");
        fs::create_dir(&real).unwrap();
        fs::write(real.join("x.sh"), "ls").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let scripts = of(&link, nowhere());
        assert_eq!(scripts.text(&real.join("x.sh")).as_deref(), Some("ls"));
        let pipe = real.join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(scripts.text(&pipe), None);
    }

    #[test]
    fn one_call_reads_a_few_files_and_each_once() {
        let folder = folder();
        let file = |at: usize| folder.path().join(format!("{at}.sh"));
        (0..20).for_each(|at| fs::write(file(at), "ls").unwrap());
        let scripts = of(folder.path(), nowhere());
        // Names of no file do not keep the files from being read.
        (20..60).for_each(|at| assert_eq!(scripts.text(&file(at)), None));
        assert!((0..40).all(|_| scripts.text(&file(0)).is_some()));
        assert_eq!((0..20).filter(|at| scripts.text(&file(*at)).is_some()).count(), MOST);
        // It is the file that was judged first that counts, whatever became of it.
        fs::write(file(0), "pwd").unwrap();
        assert_eq!(scripts.text(&file(0)).as_deref(), Some("ls"));
    }
}
