//! Who may have written a file: the rules that a lock file, a library and their folders have to keep.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::error::StoreError;
use crate::private::create_folder;

/// Who, beside the owner, may have the right to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writers {
    /// Nobody.
    OwnerOnly,
    /// The owner's group: what compilers leave behind where the umask is 002.
    Group,
}

/// Refuses what another user could have written: owned by somebody else than this user or root, or writable by others.
#[cfg(unix)]
pub(super) fn check(path: &Path, metadata: &Metadata, writers: Writers) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt;

    const ROOT: u32 = 0;
    let refuse = |problem: &'static str, remedy: String| {
        Err(StoreError::Insecure { path: path.to_owned(), problem, remedy })
    };
    let owner = metadata.uid();
    if owner != ROOT && owner != rustix::process::geteuid().as_raw() {
        return refuse(
            "belongs to another user of this machine",
            format!("look at what is in it, then run `chown \"$(id -un)\" '{}'`", path.display()),
        );
    }
    let forbidden = match writers {
        Writers::OwnerOnly => 0o022,
        Writers::Group => 0o002,
    };
    if metadata.mode() & forbidden != 0 {
        return refuse(
            "can be written by other users of this machine",
            format!("look at what is in it, then run `chmod go-w '{}'`", path.display()),
        );
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn check(_path: &Path, _metadata: &Metadata, _writers: Writers) -> Result<(), StoreError> {
    Ok(())
}

/// The rules for the folder a file is in: whoever can write it can put another file there.
pub(super) fn check_folder_of(file: &Path) -> Result<(), StoreError> {
    let Some(folder) = file.parent() else { return Ok(()) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let metadata = fs::metadata(folder).map_err(|error| StoreError::io("look at", folder, error))?;
    check(folder, &metadata, Writers::OwnerOnly)
}

/// Whether a link may lead to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    Follow,
    Refuse,
}

/// Opens a regular file for reading, without waiting for the writer of a pipe. `None` if there is nothing.
pub(super) fn open(path: &Path, links: Links) -> Result<Option<(File, Metadata)>, StoreError> {
    let refuse = |problem: &'static str| StoreError::Insecure {
        path: path.to_owned(),
        problem,
        remedy: "a regular file must be there".to_owned(),
    };
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let follow = if links == Links::Refuse { libc::O_NOFOLLOW } else { 0 };
        options.custom_flags(follow | libc::O_NONBLOCK | libc::O_CLOEXEC);
    }
    let is_link = || path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    #[cfg(not(unix))]
    if links == Links::Refuse && is_link() {
        return Err(refuse("is a symbolic link"));
    }
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if is_link() {
                return Err(refuse("is a link that leads nowhere"));
            }
            return Ok(None);
        }
        Err(_) if links == Links::Refuse && is_link() => return Err(refuse("is a symbolic link")),
        Err(error) => return Err(StoreError::io("open", path, error)),
    };
    let metadata = file.metadata().map_err(|error| StoreError::io("look at", path, error))?;
    if !metadata.is_file() {
        return Err(refuse(if metadata.is_dir() { "is a folder" } else { "is not a regular file" }));
    }
    Ok(Some((file, metadata)))
}

/// Creates a folder and those above it with these rights, and refuses it if others can write it.
pub(super) fn make_folder(folder: &Path, mode: u32) -> Result<(), StoreError> {
    create_folder(folder, mode).map_err(|error| StoreError::io("create", folder, error))?;
    let metadata = fs::metadata(folder).map_err(|error| StoreError::io("look at", folder, error))?;
    check(folder, &metadata, Writers::OwnerOnly)
}

/// Puts a file into a folder in one step, with these rights.
pub(super) fn put(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut temporary = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder)?;
        io::Write::write_all(&mut temporary, bytes)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            temporary.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
        }
        #[cfg(not(unix))]
        let _ = mode;
        temporary.as_file().sync_all()?;
        temporary.persist(path).map_err(|error| error.error)?;
        // The name is on the disk when the folder is.
        #[cfg(unix)]
        File::open(folder)?.sync_all()?;
        Ok(())
    };
    write().map_err(|error| StoreError::io("write", path, error))
}

/// How the names of files begin that are not yet what they will be.
pub(super) const TEMPORARY: &str = ".new-";
