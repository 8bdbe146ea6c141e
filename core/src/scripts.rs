//! Files of code that a call runs, as they are now: what an agent wrote earlier in its session and now runs is judged by what
//! it does, not by its name.

use std::cell::Cell;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest file that is read, as large as a script may be.
const LONGEST: u64 = 64 * 1024;
/// How many files are read for one call.
const MOST: u32 = 8;

/// Reads the files that one call runs.
pub(crate) struct Scripts<'a> {
    project: &'a Path,
    left: Cell<u32>,
}

impl<'a> Scripts<'a> {
    pub(crate) fn of(project: &'a Path) -> Self {
        Self { project, left: Cell::new(MOST) }
    }

    /// The text of a file of the project or of the temporary folders; nothing for what is large, no text, no file, or
    /// elsewhere: the system's own programs are known by their names.
    pub(crate) fn text(&self, path: &Path) -> Option<String> {
        let ours = path.starts_with(self.project)
            || ["/tmp", "/var/tmp", "/dev/shm", "/private/tmp"].iter().any(|temp| path.starts_with(temp));
        if !ours {
            return None;
        }
        self.left.set(self.left.get().checked_sub(1)?);
        // Opening a pipe would wait for whoever writes to it.
        let metadata =
            path.metadata().ok().filter(|metadata| metadata.is_file() && metadata.len() <= LONGEST)?;
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).ok()?);
        File::open(path).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
        String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_project_is_read_and_no_other() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let file = folder.path().join("x.sh");
        std::fs::write(&file, "rm -rf ~").unwrap();
        let scripts = Scripts::of(folder.path());
        assert_eq!(scripts.text(&file).as_deref(), Some("rm -rf ~"));
        assert_eq!(scripts.text(folder.path()), None, "a folder");
        assert_eq!(Scripts::of(Path::new("/nowhere")).text(&file), None, "another project's");
        std::fs::write(&file, [0xff, 0xfe]).unwrap();
        assert_eq!(scripts.text(&file), None, "no text");
        std::fs::write(&file, "x".repeat(70_000)).unwrap();
        assert_eq!(scripts.text(&file), None, "too large");
    }

    #[test]
    fn one_call_reads_a_few_files() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let file = folder.path().join("x.sh");
        std::fs::write(&file, "ls").unwrap();
        let scripts = Scripts::of(folder.path());
        assert_eq!((0..20).filter(|_| scripts.text(&file).is_some()).count(), MOST as usize);
    }
}
