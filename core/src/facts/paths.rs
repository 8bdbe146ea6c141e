//! Paths as a policy sees them: one spelling is not enough.
//!
//! Every path has two readings: the lexical one (`..` and `.` removed, `~` and `$HOME` expanded) and the canonical one
//! (links resolved, as far as the path exists). A restrictive rule holds if either reading matches, a permissive one
//! only if both do. Each reading can be spelled absolute, relative to the project, relative to the home folder, and as
//! the bare file name.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

/// What a path is relative to.
#[derive(Debug, Clone)]
pub(crate) struct Roots<'a> {
    /// The project's root.
    pub(crate) project: &'a Path,
    /// The home folder.
    pub(crate) home: &'a Path,
}

/// A path in both readings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// Absolute, without `.` and `..`.
    pub(crate) lexical: PathBuf,
    /// With links resolved as far as the path exists.
    pub(crate) canonical: PathBuf,
}

impl Resolved {
    /// Resolves a path as it was written.
    pub(crate) fn new(written: &str, folder: &Path, roots: &Roots<'_>) -> Self {
        let lexical = lexical(&folder.join(expand(written, roots).as_ref()));
        let canonical = canonical(&lexical);
        Self { lexical, canonical }
    }

    /// The spellings of each reading.
    pub(crate) fn spellings(&self, written: &str, roots: &Roots<'_>) -> Vec<Vec<String>> {
        let mut lexical = spellings(&self.lexical, roots);
        if !lexical.iter().any(|spelling| spelling == written) {
            lexical.push(written.to_owned());
        }
        if self.canonical == self.lexical {
            vec![lexical]
        } else {
            vec![lexical, spellings(&self.canonical, roots)]
        }
    }
}

/// Home, project and `file://` in a path as it was written.
fn expand<'a>(written: &'a str, roots: &Roots<'_>) -> Cow<'a, Path> {
    let written = written.strip_prefix("file://").unwrap_or(written);
    for (prefix, root) in [
        ("~", roots.home),
        ("$HOME", roots.home),
        ("${HOME}", roots.home),
        ("$CLAUDE_PROJECT_DIR", roots.project),
        ("${CLAUDE_PROJECT_DIR}", roots.project),
    ] {
        if let Some(rest) = written.strip_prefix(prefix) {
            if rest.is_empty() {
                return Cow::Owned(root.to_owned());
            }
            if let Some(rest) = rest.strip_prefix('/') {
                return Cow::Owned(root.join(rest.trim_start_matches('/')));
            }
        }
    }
    if cfg!(windows) || !is_windows_style(written) {
        return Cow::Borrowed(Path::new(written));
    }
    Cow::Owned(PathBuf::from(windows_style(written)))
}

/// `C:\x`, `c:/x` or `\\server\share`: a Windows path in a payload that is judged elsewhere.
fn is_windows_style(path: &str) -> bool {
    let mut chars = path.chars();
    let drive = chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.next() == Some(':');
    (drive && matches!(chars.next(), Some('\\' | '/'))) || path.starts_with("\\\\")
}

/// One form for drives and separators: `C:\Users\x` becomes `/c:/Users/x`.
fn windows_style(path: &str) -> String {
    let slashed = path.replace('\\', "/");
    let slashed = slashed.trim_start_matches("//?/");
    match slashed.split_once(':') {
        Some((drive, rest)) => format!("/{}:{rest}", drive.to_ascii_lowercase()),
        None => slashed.to_owned(),
    }
}

/// Removes `.`, `..` and doubled separators without looking at the file system.
pub(crate) fn lexical(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    if clean.as_os_str().is_empty() { PathBuf::from("/") } else { clean }
}

/// Resolves the links of the longest part that exists and appends the rest.
pub(crate) fn canonical(lexical_path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    for ancestor in lexical_path.ancestors() {
        if ancestor.symlink_metadata().is_ok() {
            let real = ancestor.canonicalize().or_else(|_| {
                // A dangling link does not resolve, but what is written through it lands at its target.
                let folder = ancestor.parent().unwrap_or(ancestor);
                ancestor.read_link().map(|target| lexical(&folder.join(target)))
            });
            let Ok(mut real) = real else { break };
            real.extend(missing.iter().rev());
            return real;
        }
        match ancestor.file_name() {
            Some(name) => missing.push(name.to_owned()),
            None => break,
        }
    }
    lexical_path.to_owned()
}

fn spellings(path: &Path, roots: &Roots<'_>) -> Vec<String> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut all = vec![text(path)];
    if let Ok(inside) = path.strip_prefix(roots.project)
        && !inside.as_os_str().is_empty()
    {
        all.push(text(inside));
        all.push(format!("./{}", inside.to_string_lossy()));
    }
    if let Ok(inside) = path.strip_prefix(roots.home) {
        all.push(format!("~/{}", inside.to_string_lossy()));
    }
    if let Some(name) = path.file_name() {
        all.push(name.to_string_lossy().into_owned());
    }
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots<'a>(project: &'a Path, home: &'a Path) -> Roots<'a> {
        Roots { project, home }
    }

    #[test]
    fn one_file_has_the_same_absolute_spelling_however_it_is_written() {
        let (project, home) = (Path::new("/srv/p"), Path::new("/home/u"));
        for (written, folder, expected) in [
            (".env", "/srv/p", "/srv/p/.env"),
            ("./a/../.env", "/srv/p", "/srv/p/.env"),
            ("../.env", "/srv/p/sub", "/srv/p/.env"),
            ("/srv//p/./.env", "/", "/srv/p/.env"),
            ("~/.ssh/id", "/x", "/home/u/.ssh/id"),
            ("$HOME/.ssh/id", "/x", "/home/u/.ssh/id"),
            ("${HOME}/.ssh/id", "/x", "/home/u/.ssh/id"),
            ("file:///etc/passwd", "/x", "/etc/passwd"),
            ("/../../etc", "/x", "/etc"),
        ] {
            let resolved = Resolved::new(written, Path::new(folder), &roots(project, home));
            assert_eq!(resolved.lexical, Path::new(expected), "{written}");
        }
    }

    #[test]
    fn a_file_in_the_project_is_spelled_in_every_usual_way() {
        let (project, home) = (Path::new("/home/u/p"), Path::new("/home/u"));
        let resolved = Resolved::new("a/.env", project, &roots(project, home));
        let spellings = &resolved.spellings("a/.env", &roots(project, home))[0];
        for expected in ["/home/u/p/a/.env", "a/.env", "./a/.env", "~/p/a/.env", ".env"] {
            assert!(spellings.iter().any(|spelling| spelling == expected), "{expected} in {spellings:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_resolved_even_where_the_file_does_not_exist_yet() {
        let root = tempfile::tempdir().unwrap();
        let real = root.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("secret")).unwrap();
        std::os::unix::fs::symlink(real.join("secret"), real.join("link")).unwrap();
        std::os::unix::fs::symlink("nowhere/yet", real.join("dangling")).unwrap();
        let around = roots(&real, &real);
        assert_eq!(Resolved::new("link/new", &real, &around).canonical, real.join("secret/new"));
        assert_eq!(Resolved::new("dangling", &real, &around).canonical, real.join("nowhere/yet"));
        assert_eq!(Resolved::new("link/new", &real, &around).spellings("link/new", &around).len(), 2);
    }

    #[test]
    fn windows_paths_have_one_form() {
        if cfg!(windows) {
            return;
        }
        let around = roots(Path::new("/p"), Path::new("/h"));
        for written in [r"C:\Users\x\.env", "c:/Users/x/.env", r"\\?\C:\Users\x\.env"] {
            let resolved = Resolved::new(written, Path::new("/p"), &around);
            assert_eq!(resolved.lexical, Path::new("/c:/Users/x/.env"), "{written}");
        }
    }
}
