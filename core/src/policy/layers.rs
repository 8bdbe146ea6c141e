//! Which policy files apply: one a layer, and the embedded default where there is none.

use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::diagnostic::{PolicyError, PolicyErrorKind};
use super::yaml;
use crate::places::Places;

/// The policy of a machine that has none.
pub const DEFAULT_POLICY: &str = include_str!("default.yaml");
/// What holds beneath a project's policy where nobody of this machine has one: a repository brings its policy along, and must
/// not lift by it what would be denied without it.
pub(super) const FLOOR_POLICY: &str = include_str!("floor.yaml");
/// What stands for the file of that policy in messages and records.
pub const FLOOR_SOURCE: &str = "<built-in floor beneath a project's policy>";
/// What stands for the file of the embedded policy in messages and records.
pub const DEFAULT_SOURCE: &str = "<built-in default policy>";

/// Whose policy it is. Each layer decides alone and the strictest answer wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerKind {
    /// The administrator's.
    Managed,
    /// The user's.
    User,
    /// The project's, which can only tighten.
    Project,
    /// The embedded one, or the floor beneath a project's.
    Default,
}

impl LayerKind {
    /// Whether a person of this machine answers for it, so that it may loosen what a project may not.
    pub const fn is_trusted(self) -> bool {
        matches!(self, Self::Managed | Self::User)
    }

    /// The word used in decisions and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::User => "user",
            Self::Project => "project",
            Self::Default => "default",
        }
    }
}

/// One policy text that applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its layer.
    pub kind: LayerKind,
    /// Its file, or [`DEFAULT_SOURCE`].
    pub path: PathBuf,
    /// Its text, without a byte order mark.
    pub text: String,
}

/// Reads the policy files that apply, in the order managed, user, project. Without any, the embedded policy is the
/// one source. The floor beneath a project's is not among them: nobody can write it.
pub fn sources(places: &Places) -> Result<Vec<Source>, PolicyError> {
    let mut found = Vec::new();
    for (kind, path) in paths(places) {
        found.extend(source(&path, kind)?);
    }
    if found.is_empty() {
        found.push(embedded());
    }
    Ok(found)
}

/// Reads one policy file; `None` if there is none.
pub fn source(path: &Path, kind: LayerKind) -> Result<Option<Source>, PolicyError> {
    Ok(read(path, kind)?.map(|file| Source { kind, path: path.to_owned(), text: file.text }))
}

/// The embedded policy as a source.
fn embedded() -> Source {
    Source { kind: LayerKind::Default, path: PathBuf::from(DEFAULT_SOURCE), text: DEFAULT_POLICY.to_owned() }
}

/// The embedded policy that applies beside those that were found: the default where there is none, the floor where there is
/// only a project's, none where a person of this machine has decided.
pub(super) fn embedded_beside(found: &[Source]) -> Option<Source> {
    if found.iter().any(|source| source.kind.is_trusted()) {
        return None;
    }
    Some(if found.is_empty() {
        embedded()
    } else {
        let path = PathBuf::from(FLOOR_SOURCE);
        Source { kind: LayerKind::Default, path, text: FLOOR_POLICY.to_owned() }
    })
}

/// The files that can hold a layer's policy, whether they exist or not.
pub(super) fn paths(places: &Places) -> [(LayerKind, PathBuf); 3] {
    [
        (LayerKind::Managed, places.managed_policy()),
        (LayerKind::User, places.user_policy()),
        (LayerKind::Project, places.project_policy()),
    ]
}

/// A file's text and what it was when its reading began.
pub(super) struct ReadFile {
    pub(super) text: String,
    pub(super) metadata: Metadata,
}

/// What is at a path: nothing, or a file's metadata. A link that leads nowhere is an error, because somebody meant a
/// policy to be there.
pub(super) fn stat(path: &Path, kind: LayerKind) -> Result<Option<Metadata>, PolicyError> {
    // The link itself first: a layer without a file, as most have none, is one question then.
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Ok(link) if link.is_symlink() => match fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(PolicyError::unreadable(path, "it is a link that leads nowhere"));
            }
            followed => followed,
        },
        other => other,
    };
    let metadata = metadata.map_err(|error| PolicyError::unreadable(path, error))?;
    secure(path, &metadata, kind)?;
    Ok(Some(metadata))
}

/// Reads a policy file; `None` if there is none.
pub(super) fn read(path: &Path, kind: LayerKind) -> Result<Option<ReadFile>, PolicyError> {
    read_up_to(path, kind, yaml::MAX_BYTES)
}

/// The same with another limit, in bytes. Of a file that is larger comes a text that is larger.
pub(super) fn read_up_to(path: &Path, kind: LayerKind, most: usize) -> Result<Option<ReadFile>, PolicyError> {
    let Some(found) = stat(path, kind)? else { return Ok(None) };
    // Opening a pipe would wait for a writer, and a policy that never ends would never be judged.
    if !found.is_file() {
        let what = if found.is_dir() { "it is a folder" } else { "it is not a regular file" };
        return Err(PolicyError::unreadable(path, what));
    }
    let file = File::open(path).map_err(|error| PolicyError::unreadable(path, error))?;
    let metadata = file.metadata().map_err(|error| PolicyError::unreadable(path, error))?;
    let mut bytes = Vec::new();
    // One byte more than a policy may have is enough to say that it is too large.
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(4);
    file.take(limit).read_to_end(&mut bytes).map_err(|error| PolicyError::unreadable(path, error))?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        // The cut at the limit may go through a character; the size is what is wrong then.
        Err(error) if error.as_bytes().len() > most => " ".repeat(most + 1),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            return Err(PolicyError::unreadable(path, format!("it is not UTF-8 text (byte {at})")));
        }
    };
    Ok(Some(ReadFile { text: yaml::without_bom(&text).into_owned(), metadata }))
}

/// Refuses a user's or administrator's policy that anybody on the machine can rewrite. A project's policy comes with
/// the project and can only tighten.
#[cfg(unix)]
fn secure(path: &Path, file: &Metadata, kind: LayerKind) -> Result<(), PolicyError> {
    use std::os::unix::fs::PermissionsExt;

    const WRITABLE_BY_ALL: u32 = 0o002;
    if !kind.is_trusted() {
        return Ok(());
    }
    let refuse = |what: &str, fix: &Path| {
        let message =
            format!("{what} can be written by every user of this machine; run `chmod o-w {}`", fix.display());
        Err(PolicyError::new(PolicyErrorKind::Insecure, path, message))
    };
    if file.permissions().mode() & WRITABLE_BY_ALL != 0 {
        return refuse("the file", path);
    }
    let Some(folder) = path.parent() else { return Ok(()) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let metadata = fs::metadata(folder).map_err(|error| PolicyError::unreadable(path, error))?;
    if metadata.permissions().mode() & WRITABLE_BY_ALL != 0 {
        return refuse("its folder", folder);
    }
    Ok(())
}

#[cfg(not(unix))]
fn secure(_path: &Path, _file: &Metadata, _kind: LayerKind) -> Result<(), PolicyError> {
    Ok(())
}
