//! Replacing a file so that at every moment either the old or the new one is there, whole.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What must be in the place that is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected<'a> {
    /// Whatever it is.
    Anything,
    /// Still these bytes (none: no file); else somebody else has changed it meanwhile, and nothing is written.
    Still(Option<&'a [u8]>),
}

/// Replaces a file's content: a temporary file beside it, flushed to the disk, renamed over it. A link is followed to
/// its target; the target keeps its mode and owner, a new file gets `mode`.
pub(crate) fn replace(path: &Path, content: &[u8], expected: Expected<'_>, mode: u32) -> io::Result<()> {
    let target = resolve(path)?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".agentfirewall-").tempfile_in(folder)?;
    file.write_all(content)?;
    take_after(file.as_file(), &target, mode)?;
    file.as_file().sync_all()?;
    if let Expected::Still(expected) = expected
        && read(&target)?.as_deref() != expected
    {
        return Err(io::Error::other("another program has just changed it; run the command again"));
    }
    file.persist(&target).map_err(|error| error.error)?;
    // The rename itself is durable once the folder is. Where a folder cannot be flushed, the rename is still atomic.
    #[cfg(unix)]
    let _unsupported = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// A file's content; none if there is no such file.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Copies what a settings file holds to `<file>.agentfirewall-backup`, readable by its owner alone. The first backup
/// stays for good; later ones carry a time. Returns where it is.
pub(crate) fn back_up(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let named = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(".agentfirewall-backup");
        name.push(suffix);
        PathBuf::from(name)
    };
    let time = jiff::Timestamp::now().strftime("-%Y%m%dT%H%M%S%.6fZ").to_string();
    for suffix in ["", time.as_str()] {
        let backup = named(suffix);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&backup) {
            Ok(mut file) => {
                file.write_all(content)?;
                file.sync_all()?;
                return Ok(backup);
            }
            // The same content is backed up already.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if read(&backup)?.as_deref() == Some(content) {
                    return Ok(backup);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "two backups at the same moment"))
}

/// Follows links to the file that is to be written, whether it exists or not.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    // The kernel's own limit.
    for _ in 0..40 {
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() => {
                let target = std::fs::read_link(&path)?;
                path = path.parent().unwrap_or(Path::new("/")).join(target);
            }
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many links"))
}

#[cfg(unix)]
fn take_after(file: &File, target: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let mode = match target.metadata() {
        Ok(old) => {
            let new = file.metadata()?;
            if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
                fchown(file, Some(old.uid()), Some(old.gid()))?;
            }
            old.permissions().mode() & 0o7777
        }
        Err(_) => mode,
    };
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn take_after(_: &File, _: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_link_stays_a_link_and_its_target_keeps_its_mode() {
        let root = tempfile::tempdir().unwrap();
        let (link, target) = (root.path().join("settings.json"), root.path().join("dotfiles/real.json"));
        std::fs::create_dir_all(root.path().join("dotfiles")).unwrap();
        symlink("dotfiles/real.json", &link).unwrap();
        replace(&link, b"1", Expected::Still(None), 0o640).unwrap();
        assert_eq!((std::fs::read(&target).unwrap(), mode(&target)), (b"1".to_vec(), 0o640));
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o604)).unwrap();
        replace(&link, b"2", Expected::Still(Some(b"1")), 0o600).unwrap();
        assert_eq!((std::fs::read(&target).unwrap(), mode(&target)), (b"2".to_vec(), 0o604));
        assert!(link.symlink_metadata().unwrap().is_symlink());
        // Nothing is left beside the two.
        assert_eq!(std::fs::read_dir(root.path().join("dotfiles")).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("a/settings.json");
        replace(&file, b"1", Expected::Still(None), 0o600).unwrap();
        assert!(replace(&file, b"2", Expected::Still(None), 0o600).is_err());
        assert!(replace(&file, b"2", Expected::Still(Some(b"0")), 0o600).is_err());
        assert_eq!(std::fs::read(&file).unwrap(), b"1");
        symlink("loop", root.path().join("loop")).unwrap();
        assert!(replace(&root.path().join("loop"), b"1", Expected::Anything, 0o600).is_err());
    }

    #[test]
    fn the_first_backup_stays_and_none_is_readable_by_others() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("settings.json");
        let first = back_up(&file, b"1").unwrap();
        assert_eq!(first, root.path().join("settings.json.agentfirewall-backup"));
        assert_eq!(back_up(&file, b"1").unwrap(), first);
        let second = back_up(&file, b"2").unwrap();
        assert_ne!(first, second);
        assert_eq!(std::fs::read(&first).unwrap(), b"1");
        assert_eq!(std::fs::read(&second).unwrap(), b"2");
        assert_eq!((mode(&first), mode(&second)), (0o600, 0o600));
    }
}
