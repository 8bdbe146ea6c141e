//! The firewall's own files, and the settings that wire it into the agents.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use agentfirewall_sdk::Access;

use super::{Links, Placed, sets};
use crate::places::PROJECT_FOLDER;
use crate::understand::{Content, Touch};

/// What is protected on this machine, for this project.
///
/// Resolving the paths takes system calls that most calls do not need, so it waits for the first question.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    paths: Vec<PathBuf>,
    /// Says which other paths there are.
    others: Option<fn() -> Vec<PathBuf>>,
    /// Files and folders, folded; a folder protects all that is in it. With the path, to see whether it may exist.
    protected: OnceLock<Vec<(PathBuf, PathBuf)>>,
    /// (device, inode) of the protected files that exist, for hard links.
    identities: OnceLock<Vec<(u64, u64)>>,
}

impl Own {
    pub(crate) fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths, others: None, protected: OnceLock::new(), identities: OnceLock::new() }
    }

    /// The same with paths that are asked for at the first question.
    pub(crate) fn with(self, others: fn() -> Vec<PathBuf>) -> Self {
        Self { others: Some(others), ..self }
    }

    fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let others = self.others.map(|others| others()).unwrap_or_default();
        self.paths.iter().cloned().chain(others)
    }

    fn protected(&self, links: &Links) -> &[(PathBuf, PathBuf)] {
        self.protected.get_or_init(|| {
            let mut protected: Vec<(PathBuf, PathBuf)> = Vec::new();
            for path in self.paths() {
                for path in [links.path(&path), path] {
                    let folded = PathBuf::from(sets::folded(&path));
                    if !protected.iter().any(|(other, _)| other.as_os_str() == folded.as_os_str()) {
                        protected.push((folded, path));
                    }
                }
            }
            protected
        })
    }

    fn identities(&self) -> &[(u64, u64)] {
        self.identities.get_or_init(|| self.paths().filter_map(|path| identity(&path)).collect())
    }

    /// Whether touching a path changes or removes what is protected.
    pub(super) fn tampers(&self, touch: &Touch, placed: &Placed, links: &Links) -> bool {
        let changes = match touch.access {
            Access::Write | Access::Delete | Access::Unknown => true,
            _ => touch.content == Content::Linked,
        };
        if !changes || placed.lexical.as_os_str().is_empty() {
            return false;
        }
        // To change the mode of all in a folder of settings takes them away; in a project it is everyday work.
        let wires = placed.lexical.file_name().is_some_and(|name| {
            matches!(name.to_string_lossy().as_ref(), ".claude" | ".cursor" | ".codex" | ".gemini" | ".qwen")
        });
        let removes =
            touch.access == Access::Delete || (touch.access == Access::Write && touch.tree && wires);
        let forms = [&placed.lexical, &placed.canonical].map(|form| PathBuf::from(sets::folded(form)));
        forms.iter().any(|form| {
            (placed.known && is_protected_by_name(form))
                || placed.wild && by_wild_name(form)
                || self.protected(links).iter().any(|(protected, path)| {
                    (placed.known && sets::starts_with(form, protected))
                        || (placed.wild && wild_hits(form, path, removes))
                        || (removes
                            && touch.tree
                            && form.components().count() > 1
                            && protected.starts_with(form)
                            && placed.known
                            && may_exist(path))
                        || (removes
                            && placed.known
                            && !touch.tree
                            && protected.starts_with(form)
                            && path.exists())
                })
        }) || self.is_hard_link(&placed.lexical)
    }

    #[cfg(unix)]
    fn is_hard_link(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        path.metadata().is_ok_and(|metadata| {
            metadata.nlink() > 1
                && metadata.is_file()
                && self.identities().contains(&(metadata.dev(), metadata.ino()))
        })
    }

    #[cfg(not(unix))]
    fn is_hard_link(&self, _path: &Path) -> bool {
        // Windows: the standard library does not give the file index; the names alone are protected.
        let _ = self.identities();
        false
    }
}

fn may_exist(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = path.metadata().ok()?;
    metadata.is_file().then(|| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_path: &Path) -> Option<(u64, u64)> {
    None
}

/// Names that are protected wherever they stand: any project's firewall folder, any agent's settings that hold hooks, and
/// a program that would be found in place of ours.
fn is_protected_by_name(folded: &Path) -> bool {
    let folded = folded.to_string_lossy();
    // The folded form has `/` between names, on every system.
    let names = || folded.split('/').filter(|name| !name.is_empty());
    let mut before = "";
    for name in names() {
        if name == PROJECT_FOLDER {
            return true;
        }
        let wired = match before {
            ".claude" => {
                matches!(name, "settings.json" | "settings.local.json" | "managed-settings.json")
            }
            ".cursor" | ".codex" | ".factory" | ".windsurf" => name == "hooks.json",
            ".gemini" | ".qwen" => name == "settings.json",
            _ => false,
        };
        if wired {
            return true;
        }
        before = name;
    }
    matches!(before, "agentfirewall" | "agentfirewall.exe" | "agentfirewall-host")
        && names().any(|name| matches!(name, "bin" | "sbin" | "scripts" | ".bin"))
}

/// Whether a pattern can name one of them.
fn by_wild_name(pattern: &Path) -> bool {
    let names: Vec<String> =
        pattern.components().map(|name| name.as_os_str().to_string_lossy().into_owned()).collect();
    names.iter().any(|name| means_our_folder(name))
        || names.windows(2).any(|pair| match pair {
            [folder, file] => {
                (folder.contains(['*', '?', '[']) || file.contains(['*', '?', '[']))
                    && folder.starts_with(['.', '?', '['])
                    && crate::knowledge::matches(&without_brackets(folder), ".claude")
                    && ["settings.json", "settings.local.json"]
                        .iter()
                        .any(|name| crate::knowledge::matches(&without_brackets(file), name))
            }
            _ => false,
        })
}

/// Whether somebody who writes a pattern for a name means the firewall's folder: what it spells out is not little.
fn means_our_folder(name: &str) -> bool {
    let pattern = without_brackets(name);
    let spelled = pattern.chars().filter(char::is_ascii_alphabetic).count();
    pattern.contains(['*', '?']) && spelled >= 5 && crate::knowledge::matches(&pattern, PROJECT_FOLDER)
}

/// Whether a pattern names something protected or, for what removes, a folder around it.
fn wild_hits(pattern: &Path, protected: &Path, removes: bool) -> bool {
    protected.ancestors().enumerate().any(|(up, form)| {
        (up == 0 || removes)
            && form.components().count() > 1
            && wild_path(pattern, Path::new(&sets::folded(form)))
            && form.symlink_metadata().is_ok()
    })
}

fn wild_path(pattern: &Path, path: &Path) -> bool {
    let (mut left, mut right) = (pattern.components(), path.components());
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(pattern), Some(name)) => {
                let pattern = without_brackets(&pattern.as_os_str().to_string_lossy());
                let name = name.as_os_str().to_string_lossy();
                // The shell's wildcards do not match a leading dot.
                let hidden = name.starts_with('.') && pattern.starts_with(['*', '?']);
                if hidden || !(pattern == *name || crate::knowledge::matches(&pattern, &name)) {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// `[abc]` as `?`: what it may name is a little more, never less.
fn without_brackets(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        if let Some((_, after)) = after.split_once(']') {
            out.push('?');
            rest = after;
        } else {
            out.push('[');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}
