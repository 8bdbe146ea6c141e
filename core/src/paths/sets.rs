//! The named sets of paths: see `core/knowledge/paths.yaml`.

use std::borrow::Cow;
use std::path::Path;

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

use super::{Ground, Placed, pairs};
use crate::understand::UNKNOWN;

include!(concat!(env!("OUT_DIR"), "/sets.rs"));

/// The sets of which no content may be shown or sent.
pub(super) const SECRETS: [&str; 6] = [
    "private-keys",
    "cloud-credentials",
    "agent-credentials",
    "browser-data",
    "system-secrets",
    "team-secrets",
];

/// The folders that hold temporary files; each may have the name of the system before it.
pub(crate) const TEMPS: [&str; 6] =
    ["/tmp", "/var/tmp", "/private/tmp", "/private/var/tmp", "/dev/shm", "/var/folders"];

/// Adds the sets a path is in, by where it is written and by where it leads.
pub(super) fn fill(ground: &Ground<'_>, placed: &mut Placed) {
    let forms: Vec<String> = if placed.canonical == placed.lexical {
        vec![folded(&placed.lexical)]
    } else {
        vec![folded(&placed.lexical), folded(&placed.canonical)]
    };
    let home = folded(ground.home);
    for form in &forms {
        by_patterns(form, &home, placed.wild, &mut placed.sets);
    }
    let mut add = |set: &'static str, is: bool| {
        if is && !placed.sets.contains(&set) {
            placed.sets.push(set);
        }
    };
    let both = [placed.lexical.as_path(), placed.canonical.as_path()];
    // For what may be loosened, both forms have to be inside.
    add("project", both.iter().all(|form| is_below(ground, form, ground.project)));
    add("home", both.iter().any(|form| is_below(ground, form, ground.home)));
    add("temp", both.iter().all(|form| is_temporary(ground, form)));
}

/// Whether a path lies in a folder of temporary files. A home folder that itself lies in one (of a container, of a machine
/// for tests) holds what its owner keeps; one that has such a folder in it (`/`, `/tmp` itself) does not change it.
fn is_temporary(ground: &Ground<'_>, path: &Path) -> bool {
    let temps = || TEMPS.iter().map(Path::new);
    let kept =
        || is_below(ground, path, ground.home) && !temps().any(|temp| is_below(ground, temp, ground.home));
    temps().any(|temp| is_below(ground, path, temp)) && !kept()
}

/// Adds the sets that a path is in whatever its unknown parts are: `$X/.env`, `/proc/$PID/environ`.
pub(super) fn by_name(ground: &Ground<'_>, whole: Option<&Path>, placed: &mut Placed) {
    let Some(whole) = whole else { return };
    // A last name that is not known says nothing.
    if whole.file_name().is_some_and(|name| name.to_string_lossy() != UNKNOWN.to_string()) {
        by_patterns(&folded(whole), &folded(ground.home), placed.wild, &mut placed.sets);
    }
}

/// Whether a path is a folder or lies in it, also by where the folder leads.
pub(super) fn is_below(ground: &Ground<'_>, path: &Path, folder: &Path) -> bool {
    if starts_with(path, folder)
        || !path.as_os_str().is_empty() && ground.links.with_folder(folder, |real| starts_with(path, real))
    {
        return true;
    }
    if folder.as_os_str().as_encoded_bytes().is_ascii() {
        return false;
    }
    let (path, folder) = (path.to_string_lossy(), folder.to_string_lossy());
    Path::new(composed(&path).as_ref()).starts_with(composed(&folder).as_ref())
}

/// [`Path::starts_with`] for a path without `.`, `..` and doubled separators: by its bytes, where the folder's are as clean.
pub(super) fn starts_with(path: &Path, folder: &Path) -> bool {
    if cfg!(windows) {
        return path.starts_with(folder);
    }
    let (inside, above) = (path.as_os_str().as_encoded_bytes(), folder.as_os_str().as_encoded_bytes());
    match inside.iter().zip(above).position(|(inside, above)| inside != above) {
        // What one of them has there may be no part of its name.
        Some(at) if matches!(above.get(at), Some(b'/' | b'.')) || inside.get(at) == Some(&b'/') => {
            path.starts_with(folder)
        }
        Some(_) => false,
        None if above.len() <= inside.len() && above.last() != Some(&b'.') => {
            above.last().is_none_or(|last| *last == b'/')
                || matches!(inside.get(above.len()), None | Some(b'/'))
        }
        None => path.starts_with(folder),
    }
}

/// Letters with their accents as one character each: file systems of macOS take both spellings for the same name, and people
/// see no difference on any.
pub(crate) fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

/// The other spelling: letters and accents apart.
pub(crate) fn decomposed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    DecomposingNormalizerBorrowed::new_nfd().normalize(text)
}

/// In lower case, with `/` between names and without what does not tell names apart.
pub(super) fn folded(path: &Path) -> String {
    let text = path.to_string_lossy();
    if is_folded(text.as_bytes()) {
        return text.into_owned();
    }
    let text = composed(&text).to_lowercase();
    text.split('/')
        .map(|name| if name.trim_matches('.').is_empty() { name } else { name.trim_end_matches(['.', ' ']) })
        .collect::<Vec<_>>()
        .join("/")
}

/// Whether there is nothing to fold, as in most paths.
fn is_folded(text: &[u8]) -> bool {
    let dropped = |byte| matches!(byte, b'.' | b' ');
    let mut before = b'/';
    for byte in text.iter().copied() {
        if !byte.is_ascii() || byte.is_ascii_uppercase() || byte == b'/' && dropped(before) {
            return false;
        }
        before = byte;
    }
    !dropped(before)
}

fn by_patterns(path: &str, home: &str, wild: bool, sets: &mut Vec<&'static str>) {
    let mut names: Option<Vec<&str>> = None;
    let pairs = pairs::of(path);
    // The table of what they need is small, and most of the patterns themselves are never looked at.
    let worth = |need: &u128| wild || pairs & need == *need;
    for (_, (number, out, pattern, key)) in NEEDS.iter().zip(PATTERNS).filter(|(need, _)| worth(need)) {
        let Some((set, _)) = NAMES.get(usize::from(*number)) else { continue };
        let is_in = sets.contains(set);
        // A name that is out of the set stays out, whatever other form it has.
        if is_in != *out || !(wild || path.contains(key)) {
            continue;
        }
        let names = names.get_or_insert_with(|| path.split('/').filter(|name| !name.is_empty()).collect());
        let hit = if *out && wild {
            // What a pattern may name is not taken out because one of its names would be.
            let sample = sample(path);
            let names: Vec<&str> = sample.split('/').filter(|name| !name.is_empty()).collect();
            matches(pattern, &names, &sample, home, false)
        } else {
            matches(pattern, names, path, home, wild)
        };
        if hit {
            if *out {
                sets.retain(|other| other != set);
            } else {
                sets.push(set);
            }
        }
    }
}

fn matches(pattern: &str, names: &[&str], path: &str, home: &str, wild: bool) -> bool {
    if let Some(rest) = pattern.strip_prefix("~/") {
        let Some(below) = path.strip_prefix(home).and_then(|below| below.strip_prefix('/')) else {
            return false;
        };
        let below: Vec<&str> = below.split('/').filter(|name| !name.is_empty()).collect();
        let rest: Vec<&str> = rest.split('/').collect();
        return sequence(&rest, &below, wild);
    }
    if let Some(rest) = pattern.strip_prefix('/') {
        let rest: Vec<&str> = rest.split('/').collect();
        return sequence(&rest, names, wild);
    }
    if let Some(rest) = pattern.strip_prefix("**/") {
        let rest: Vec<&str> = rest.split('/').collect();
        return (0..names.len())
            .any(|from| names.get(from..).is_some_and(|names| sequence(&rest, names, wild)));
    }
    names.last().is_some_and(|name| name_matches(pattern, name, wild))
}

/// Whether names follow a pattern, where `**` is any number of them.
fn sequence(pattern: &[&str], names: &[&str], wild: bool) -> bool {
    match (pattern.split_first(), names.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => {
            // At the end it stands for at least the folder itself.
            rest.is_empty()
                || (0..=names.len())
                    .any(|from| names.get(from..).is_some_and(|names| sequence(rest, names, wild)))
        }
        (Some((piece, rest)), Some((name, names))) => {
            name_matches(piece, name, wild) && sequence(rest, names, wild)
        }
        _ => false,
    }
}

/// Whether one name matches; if the name is a pattern itself, whether there is a name that both match.
fn name_matches(pattern: &str, name: &str, wild: bool) -> bool {
    if wild && name.contains(['*', '?', '[']) {
        return names_some(pattern, name);
    }
    if !pattern.contains(['*', '?']) {
        return pattern == name;
    }
    crate::knowledge::matches(pattern, name)
}

/// Whether somebody who writes a pattern means names of a set. A pattern that begins with `*` does if all its names are in
/// the set (`*.pem`, not `*.md`, which some key may be called); any other if the two begin alike and have a name in common.
fn names_some(set: &str, pattern: &str) -> bool {
    let start = |text: &str| text.find(['*', '?', '[']).unwrap_or(text.len());
    if pattern.starts_with('*') {
        let sample = sample(pattern);
        return !pattern.chars().all(|c| c == '*')
            && !sample.contains('[')
            && crate::knowledge::matches(set, &sample);
    }
    if start(pattern) > 0 && start(set) == 0 {
        return set != "*" && crate::knowledge::matches(set, &sample(pattern));
    }
    overlap(set.as_bytes(), pattern.as_bytes())
}

/// A name that a pattern matches and that is nothing special.
fn sample(pattern: &str) -> String {
    pattern.replace(['*', '?'], "x")
}

/// Whether two patterns have a name in common.
fn overlap(left: &[u8], right: &[u8]) -> bool {
    // Short names: the two are walked together, and each star tries every length.
    let mut open = vec![(0_usize, 0_usize)];
    let mut seen = std::collections::HashSet::new();
    while let Some((l, r)) = open.pop() {
        if seen.len() > 4_096 {
            return true;
        }
        if !seen.insert((l, r)) {
            continue;
        }
        match (left.get(l), right.get(r)) {
            (None, None) => return true,
            (Some(b'*'), other) => {
                open.push((l + 1, r));
                if other.is_some() {
                    open.push((l, next(right, r)));
                }
            }
            (other, Some(b'*')) => {
                open.push((l, r + 1));
                if other.is_some() {
                    open.push((next(left, l), r));
                }
            }
            (Some(a), Some(b)) if a == b || matches!(a, b'?') || matches!(b, b'?' | b'[') => {
                open.push((next(left, l), next(right, r)));
            }
            _ => {}
        }
    }
    false
}

/// The place after one character or one bracket expression.
fn next(pattern: &[u8], at: usize) -> usize {
    if pattern.get(at) == Some(&b'[')
        && let Some(end) = pattern.iter().skip(at + 1).position(|byte| *byte == b']')
    {
        return at + end + 2;
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_is_what_the_standard_library_says() {
        let paths = ["/", "/a", "/a/b", "/a/b/c", "/a/.b", "/ab", "/a//b", "/a/bc", "/.", "/a.", ""];
        let folders = [
            "/", "/a", "/a/", "/a//", "/a/.", "/a//b", "/a/./b", "/a/b/", "/a/..", "/./a", "", "a",
            "/a/b/c/d",
        ];
        for path in paths {
            for folder in folders {
                let (path, folder) = (Path::new(path), Path::new(folder));
                assert_eq!(starts_with(path, folder), path.starts_with(folder), "{path:?} {folder:?}");
            }
        }
    }

    #[test]
    fn the_short_way_folds_as_the_long_one() {
        for (path, folded) in [
            ("/a/b", "/a/b"),
            ("/a/.b.c", "/a/.b.c"),
            ("/A/b", "/a/b"),
            ("/a./b ", "/a/b"),
            ("/a/..", "/a/.."),
            ("/É", "/é"),
            ("/a b/c", "/a b/c"),
        ] {
            assert_eq!(super::folded(Path::new(path)), folded);
            assert_eq!(is_folded(path.as_bytes()), path == folded && !path.ends_with(".."), "{path}");
        }
    }

    #[test]
    fn a_pattern_needs_the_pairs_of_its_key() {
        assert_eq!(NEEDS.len(), PATTERNS.len());
        for (need, (.., key)) in NEEDS.iter().zip(PATTERNS) {
            assert_eq!(pairs::of(&format!("/x{key}y")) & need, *need, "{key}");
        }
    }
}
