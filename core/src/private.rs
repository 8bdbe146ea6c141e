//! Files that carry the program's own notes from one run to the next, and that nobody but this user can have written.
//!
//! They are caches: what cannot be trusted is not there, and what cannot be written is made again at the next run.

use std::fs::{self, Metadata};
use std::io::{self, Read, Write};
use std::path::Path;

/// The rights of a folder that only its owner can enter.
pub const OWNER_ONLY: u32 = 0o700;

/// Creates a folder and those above it, with these rights where the system knows them. One that is there stays as it is.
pub fn create_folder(folder: &Path, rights: u32) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, rights);
    #[cfg(not(unix))]
    let _ = rights;
    builder.create(folder)
}

/// A file's bytes, if nobody but this user can have written them.
pub(crate) fn read(folder: &Path, file: &Path) -> Option<Vec<u8>> {
    if !is_private(&fs::symlink_metadata(folder).ok()?) {
        return None;
    }
    let metadata = fs::symlink_metadata(file).ok()?;
    // The folder is private: what stands there now is what will be opened.
    if !metadata.is_file() || !is_private(&metadata) {
        return None;
    }
    // As long as it was: what is another file by now fails its checksum, and nothing is asked twice.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).ok()?);
    fs::File::open(file).ok()?.take(metadata.len()).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Whether a file or folder is this user's and nobody else may write it.
#[cfg(unix)]
pub(crate) fn is_private(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    const WRITABLE_BY_OTHERS: u32 = 0o022;
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & WRITABLE_BY_OTHERS == 0
}

/// Whether a file or folder is this user's and nobody else may write it.
#[cfg(not(unix))]
pub(crate) fn is_private(_metadata: &Metadata) -> bool {
    true
}

/// Puts bytes into a private folder in one step. Whatever prevents it, the next run makes them again.
pub(crate) fn write(folder: &Path, file: &Path, bytes: &[u8]) {
    let _next_time = try_write(folder, file, bytes);
}

fn try_write(folder: &Path, file: &Path, bytes: &[u8]) -> io::Result<()> {
    create_folder(folder, OWNER_ONLY)?;
    if !is_private(&fs::symlink_metadata(folder)?) {
        return Ok(());
    }
    // Temporary files are made with mode 0600.
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(bytes)?;
    temporary.persist(file).map_err(|error| error.error)?;
    Ok(())
}

/// A checksum against damage, not against a forger: the cache lies in a folder only its owner can write. Four lanes,
/// so that the multiplications do not wait for each other.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut lanes = [1_u64, 2, 3, 4];
    let (blocks, rest) = bytes.as_chunks::<32>();
    for block in blocks {
        for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane = (lane.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
        }
    }
    let mut sum =
        rest.iter().fold(bytes.len() as u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(FACTOR));
    for lane in lanes {
        sum = (sum.rotate_left(29) ^ lane).wrapping_mul(FACTOR);
    }
    sum ^ sum >> 32
}
