//! Where a path leads.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use super::{Ground, Placed, sets};
use crate::understand::{UNKNOWN, Word};

pub(super) fn place(ground: &Ground<'_>, word: &Word, folder: &Path) -> Placed {
    let text = visible(&word.text);
    let whole = text.contains(UNKNOWN).then(|| lexical(&folder.join(expand(&text, ground).as_ref())));
    let (text, known) = match text.split_once(UNKNOWN) {
        // What comes after an unknown part may lead anywhere up, but what is before its folder is where it starts.
        Some((before, _)) => match before.rfind('/') {
            Some(at) => (Cow::Owned(before.get(..=at).unwrap_or_default().to_owned()), false),
            None if before.is_empty() || before == "file:" => {
                let mut placed = Placed::default();
                sets::by_name(ground, whole.as_deref(), &mut placed);
                return placed;
            }
            None => (Cow::Borrowed("."), false),
        },
        None => (text, true),
    };
    let lexical = lexical(&folder.join(expand(&text, ground).as_ref()));
    let wild = word.wild && lexical.to_string_lossy().contains(['*', '?', '[']);
    let canonical = if wild { wild_canonical(ground, &lexical) } else { ground.links.path(&lexical) };
    let mut placed = Placed { lexical, canonical, known, wild, sets: Vec::new() };
    sets::fill(ground, &mut placed);
    sets::by_name(ground, whole.as_deref(), &mut placed);
    placed
}

/// The text without characters that do not show: they name the same file on some systems, and hide it from people.
fn visible(text: &str) -> Cow<'_, str> {
    let hidden = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}' | '\0');
    if text.contains(hidden) { Cow::Owned(text.replace(hidden, "")) } else { Cow::Borrowed(text) }
}

/// Home, project and `file://` in a path as it was written, and the forms of other systems.
fn expand<'t>(written: &'t str, ground: &Ground<'_>) -> Cow<'t, Path> {
    let written: Cow<'t, str> = match written.strip_prefix("file://") {
        Some(rest) => Cow::Owned(decoded(rest.strip_prefix("localhost").unwrap_or(rest))),
        // What stands behind `?` is for SQLite (https://www.sqlite.org/uri.html).
        None => match written.strip_prefix("file:") {
            Some(rest) => Cow::Owned(decoded(rest.split('?').next().unwrap_or(rest))),
            None => Cow::Borrowed(written),
        },
    };
    let temp = Path::new("/tmp");
    for (prefix, root) in [
        ("~", ground.home),
        ("$HOME", ground.home),
        ("${HOME}", ground.home),
        ("%USERPROFILE%", ground.home),
        ("$env:USERPROFILE", ground.home),
        ("$CLAUDE_PROJECT_DIR", ground.project),
        ("${CLAUDE_PROJECT_DIR}", ground.project),
        ("$PWD", ground.project),
        ("${PWD}", ground.project),
        ("$TMPDIR", temp),
        ("${TMPDIR}", temp),
    ] {
        if let Some(rest) = written.strip_prefix(prefix) {
            if rest.is_empty() {
                return Cow::Owned(root.to_owned());
            }
            if let Some(rest) = rest.strip_prefix(['/', '\\']) {
                return Cow::Owned(root.join(rest.replace('\\', "/").trim_start_matches('/')));
            }
        }
    }
    // `~user`: beside this home, but for the administrator's.
    if let Some(rest) = written.strip_prefix('~')
        && rest.starts_with(|c: char| c.is_ascii_alphabetic())
    {
        let (user, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let home = match (user, ground.home.parent()) {
            ("root", _) => PathBuf::from("/root"),
            (user, _) if Some(user) == ground.user => ground.home.to_owned(),
            (user, Some(homes)) => homes.join(user),
            (user, None) => Path::new("/home").join(user),
        };
        return Cow::Owned(if rest.is_empty() { home } else { home.join(rest) });
    }
    if !cfg!(windows) && is_windows_style(&written) {
        return Cow::Owned(PathBuf::from(windows_style(&written)));
    }
    match written {
        Cow::Borrowed(text) => Cow::Borrowed(Path::new(text)),
        Cow::Owned(text) => Cow::Owned(PathBuf::from(text)),
    }
}

/// Percent signs of an address.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (byte, hex(after.first()), hex(after.get(1))) {
            bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*byte);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `C:\x`, `c:/x` or `\\server\share`: a Windows path in a payload that is judged elsewhere.
fn is_windows_style(path: &str) -> bool {
    let mut chars = path.chars();
    let drive = chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.next() == Some(':');
    (drive && matches!(chars.next(), Some('\\' | '/') | None)) || path.starts_with("\\\\")
}

/// A name that Windows gives to something that is no path of a drive, or that it takes as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Namespace {
    /// `\\host\share`: a folder of another machine.
    Share,
    /// `\\?\…`: nothing is taken out of what follows, so that it may lead elsewhere than it reads.
    Verbatim,
    /// `\\.\…`: a device.
    Device,
}

/// The namespace of Windows that a path as it is written is in.
pub(super) fn namespace(written: &str) -> Option<Namespace> {
    let path = written.trim_start().replace('/', "\\");
    let backslashed = written.trim_start().starts_with("\\\\");
    let drive = |rest: &str| rest.get(1..2) == Some(":");
    if let Some(rest) = path.strip_prefix(r"\\?\") {
        let share = rest.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("UNC\\"));
        return Some(if share { Namespace::Share } else { Namespace::Verbatim });
    }
    if let Some(rest) = path.strip_prefix(r"\\.\") {
        // With slashes it is a path of other systems, but for these names.
        let named = drive(rest) || rest.to_ascii_lowercase().starts_with("physicaldrive");
        let nothing = rest.eq_ignore_ascii_case("nul");
        return ((backslashed || named) && !nothing).then_some(Namespace::Device);
    }
    let (host, share) = path.strip_prefix(r"\\")?.split_once('\\')?;
    (backslashed && !host.is_empty() && !share.is_empty()).then_some(Namespace::Share)
}

/// One form for drives and separators: `C:\Users\x` becomes `/c:/Users/x`. A stream of a file is the file.
fn windows_style(path: &str) -> String {
    let slashed = path.replace('\\', "/");
    let slashed = slashed.trim_start_matches("//?/").trim_start_matches("//./");
    match slashed.split_once(':') {
        Some((drive, rest)) if drive.len() == 1 => {
            let rest = rest.split(':').next().unwrap_or(rest);
            let rest: Vec<&str> = rest.split('/').map(|name| name.trim_end_matches(['.', ' '])).collect();
            format!("/{}:{}", drive.to_ascii_lowercase(), rest.join("/"))
        }
        _ => slashed.to_owned(),
    }
}

/// Removes `.`, `..` and doubled separators without looking at the file system.
pub(super) fn lexical(path: &Path) -> PathBuf {
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

/// The bytes that a path may have on Linux (`PATH_MAX`), the most of the systems.
pub(super) const LONGEST: usize = 4_096;

/// Resolves the links of the longest part that exists and appends the rest.
pub(crate) fn canonical(lexical_path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    for ancestor in lexical_path.ancestors() {
        // The system takes no longer ones; to ask it about each folder of thousands takes longer than all else.
        if ancestor.as_os_str().len() < LONGEST && ancestor.symlink_metadata().is_ok() {
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

/// The same for a pattern: what is before the first wildcard is resolved.
fn wild_canonical(ground: &Ground<'_>, path: &Path) -> PathBuf {
    let mut folder = PathBuf::new();
    let mut components = path.components().peekable();
    while let Some(component) =
        components.next_if(|component| !component.as_os_str().to_string_lossy().contains(['*', '?', '[']))
    {
        folder.push(component);
    }
    let mut real = ground.links.folder(&folder);
    real.extend(components);
    real
}
