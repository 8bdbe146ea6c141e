//! Paths as a policy sees them: one spelling is not enough.
//!
//! Every path has two readings: the lexical one (`..` and `.` removed, `~` and `$HOME` expanded) and the canonical one
//! (links resolved, as far as the path exists). A restrictive rule holds if either reading matches, a permissive one
//! only if both do. Each reading can be spelled absolute, relative to the project, relative to the home folder, and as
//! the bare file name.

use std::path::Path;

use crate::paths::{Placed, composed, decomposed};
use crate::understand::UNKNOWN;

/// What a path is relative to.
#[derive(Debug, Clone)]
pub(crate) struct Roots<'a> {
    /// The project's root.
    pub(crate) project: &'a Path,
    /// The home folder.
    pub(crate) home: &'a Path,
}

/// The spellings of each reading of a path.
pub(crate) fn spellings(written: &str, placed: &Placed, roots: &Roots<'_>) -> Vec<Vec<String>> {
    let written = written.replace(UNKNOWN, "…");
    if !placed.known {
        return vec![vec![written]];
    }
    let mut lexical = spelled(&placed.lexical, roots);
    if !lexical.contains(&written) {
        lexical.push(written);
    }
    if placed.canonical == placed.lexical {
        vec![lexical]
    } else {
        vec![lexical, spelled(&placed.canonical, roots)]
    }
}

fn spelled(path: &Path, roots: &Roots<'_>) -> Vec<String> {
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
    // A pattern may be written either way.
    for at in 0..all.len() {
        let Some(text) = all.get(at).filter(|text| !text.is_ascii()) else { continue };
        let forms = [composed(text).into_owned(), decomposed(text).into_owned()];
        all.extend(forms);
    }
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_name_with_an_accent_is_spelled_both_ways() {
        let roots = Roots { project: Path::new("/p"), home: Path::new("/home/u") };
        let (joined, apart) = ("/p/caf\u{e9}", "/p/cafe\u{301}");
        for path in [joined, apart] {
            let all = spelled(Path::new(path), &roots);
            assert!(all.iter().any(|text| text == joined) && all.iter().any(|text| text == apart), "{all:?}");
        }
    }

    #[test]
    fn a_file_in_the_project_is_spelled_in_every_usual_way() {
        let roots = Roots { project: Path::new("/home/u/p"), home: Path::new("/home/u") };
        let path = PathBuf::from("/home/u/p/a/.env");
        let placed = Placed { canonical: path.clone(), lexical: path, known: true, ..Placed::default() };
        let spellings = &spellings("a/.env", &placed, &roots)[0];
        for expected in ["/home/u/p/a/.env", "a/.env", "./a/.env", "~/p/a/.env", ".env"] {
            assert!(spellings.iter().any(|spelling| spelling == expected), "{expected} in {spellings:?}");
        }
    }

    #[test]
    fn a_link_has_two_readings() {
        let roots = Roots { project: Path::new("/p"), home: Path::new("/h") };
        let placed = Placed {
            lexical: "/p/link".into(),
            canonical: "/etc/passwd".into(),
            known: true,
            ..Placed::default()
        };
        assert_eq!(spellings("link", &placed, &roots).len(), 2);
    }
}
