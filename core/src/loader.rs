//! Loading a library: the one place where the core runs code it was not built with.
//!
//! The handshake is read before any other symbol is trusted. The full comparison of layouts takes most of a
//! millisecond, so it is made once, when a library is added; a hook loads only what was added and has not changed.
#![expect(unsafe_code, reason = "loading code is unsafe; what is checked before is said at each place")]

use std::fs::File;
use std::path::{Path, PathBuf};

use abi_stable::library::AbiHeaderRef;
use agentfirewall_sdk::wire::v1::PluginV1Ref;
use agentfirewall_sdk::wire::{ABI, HANDSHAKE_SYMBOL, Handshake, Imported, MAGIC, UNWINDS};

use crate::line::words;

/// The longest text of others in an error, in characters.
const LONGEST_CAUSE: usize = 240;

/// How far a library is compared with the wire before it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayoutCheck {
    /// Every type: for a library that nobody has looked at yet.
    Full,
    /// The handshake alone: for one whose content is known to have passed the full check.
    Done,
}

/// Why a library was not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The system's loader refuses it.
    #[error("the system cannot load it: {0}")]
    System(String),
    /// It has no handshake.
    #[error("it is no agentfirewall plugin: it has no symbol `{HANDSHAKE_SYMBOL}`; does it say `export!()`?")]
    NoPlugin,
    /// Its handshake is not one.
    #[error("its handshake is damaged")]
    Handshake,
    /// It speaks a newer wire.
    #[error(
        "it was built for plugin ABI {}.{} (SDK {sdk}) and this program understands {}.{}: update agentfirewall, or \
         build the plugin with an older SDK", found.0, found.1, ABI.0, ABI.1
    )]
    TooNew {
        /// Its version.
        found: (u32, u32),
        /// Its SDK.
        sdk: String,
    },
    /// It speaks an older wire that is understood no more.
    #[error(
        "it was built for plugin ABI {}.{} (SDK {sdk}) and this program understands {}.{}: build the plugin again with \
         the present SDK", found.0, found.1, ABI.0, ABI.1
    )]
    TooOld {
        /// Its version.
        found: (u32, u32),
        /// Its SDK.
        sdk: String,
    },
    /// Its panics cannot be caught.
    #[error("it was built with `panic = \"abort\"`: build it with the default, `unwind`")]
    Aborts,
    /// Its types are not those of the wire.
    #[error("its interface is not that of plugin ABI {}.{}: {message}", ABI.0, ABI.1)]
    Layout {
        /// The first difference.
        message: String,
    },
}

/// Loads a library for as long as the process lives: code that ran may have left threads and destructors behind, so it
/// is never unloaded.
///
/// On Linux the very file that was opened (and compared with its pin) is loaded; elsewhere the file at `path`.
pub fn load(file: &File, path: &Path, check: LayoutCheck) -> Result<Imported, LoadError> {
    let system = |error: std::io::Error| LoadError::System(error.to_string());
    // The loader of the C library knows what it has loaded by name. The number of a closed descriptor is given away
    // again, and the next library would be taken for this one, so this descriptor stays open for good.
    let file = std::mem::ManuallyDrop::new(file.try_clone().map_err(system)?);
    let library = open(&place(&file, path))?;
    let handshake = handshake(&library)?;
    judge(&handshake)?;
    // SAFETY: the handshake says that the library was made by `export!`, which gives this symbol this type.
    let header = unsafe { library.get::<AbiHeaderRef>(b"_1as_0lib_1header_0root_bmodule_bloader\0") };
    let header = *header.map_err(|_| LoadError::Layout { message: "it has no module header".to_owned() })?;
    // From here on the library's code is reachable through what is returned.
    std::mem::forget(library);
    let header = header.upgrade().map_err(|error| layout(&error.to_string()))?;
    let module: Result<PluginV1Ref, _> = match check {
        LayoutCheck::Full => header.init_root_module(),
        // SAFETY: the caller knows the content, and that the full check passed for it.
        LayoutCheck::Done => unsafe { header.init_root_module_with_unchecked_layout() },
    };
    module.map(Imported::new).map_err(|error| layout(&error.to_string()))
}

/// Where the loader finds the library: the opened file itself if the system has a name for it.
#[cfg(target_os = "linux")]
fn place(file: &File, path: &Path) -> PathBuf {
    use std::os::fd::AsRawFd;

    let opened = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    // Where /proc is not mounted (a bare container), the path has to do.
    if opened.symlink_metadata().is_ok() { opened } else { path.to_owned() }
}

#[cfg(not(target_os = "linux"))]
fn place(_file: &File, path: &Path) -> PathBuf {
    path.to_owned()
}

#[cfg(unix)]
fn open(path: &Path) -> Result<libloading::os::unix::Library, LoadError> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

    // All symbols now: one that is missing is an error here and not a crash in the middle of a judgement.
    // SAFETY: runs the library's initialisers. The caller decided to trust it, and a guard stands by.
    unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(|error| system(&error))
}

#[cfg(not(unix))]
fn open(path: &Path) -> Result<libloading::Library, LoadError> {
    // SAFETY: as above.
    unsafe { libloading::Library::new(path) }.map_err(|error| system(&error))
}

#[cfg(unix)]
type Loaded = libloading::os::unix::Library;
#[cfg(not(unix))]
type Loaded = libloading::Library;

fn handshake(library: &Loaded) -> Result<Handshake, LoadError> {
    let name = format!("{HANDSHAKE_SYMBOL}\0");
    // SAFETY: the symbol is only taken as an address; what is there is judged below.
    let at = unsafe { library.get::<*const Handshake>(name.as_bytes()) };
    let at: *const Handshake = *at.map_err(|_| LoadError::NoPlugin)?;
    if at.is_null() || !at.is_aligned() {
        return Err(LoadError::Handshake);
    }
    // SAFETY: a library that has the symbol has at least the magic and the size there, whatever its age.
    let (magic, size) = unsafe { ((*at).magic, (*at).size) };
    if magic != MAGIC || usize::try_from(size).is_ok_and(|size| size < size_of::<Handshake>()) {
        return Err(LoadError::Handshake);
    }
    // SAFETY: the size says that all of it is there.
    Ok(unsafe { *at })
}

/// Whether the library's wire is one that this program understands.
fn judge(handshake: &Handshake) -> Result<(), LoadError> {
    let found = (handshake.abi_major, handshake.abi_minor);
    if found > ABI {
        return Err(LoadError::TooNew { found, sdk: handshake.sdk() });
    }
    if found.0 < ABI.0 {
        return Err(LoadError::TooOld { found, sdk: handshake.sdk() });
    }
    if handshake.flags & UNWINDS == 0 {
        return Err(LoadError::Aborts);
    }
    Ok(())
}

/// The cause, which the error itself does not show, on one line.
fn system(error: &dyn std::error::Error) -> LoadError {
    let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    LoadError::System(words(&cause, LONGEST_CAUSE))
}

/// The last complaint of a text of tens of thousands of characters.
fn layout(text: &str) -> LoadError {
    let block = text.rsplit("Error:").next().unwrap_or(text);
    LoadError::Layout { message: words(block, LONGEST_CAUSE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plugin_is_refused_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        for content in [&b""[..], b"not a library", &[0x7f, b'E', b'L', b'F', 2, 1, 1]] {
            let path = folder.path().join("lib.so");
            std::fs::write(&path, content).unwrap();
            let error = load(&File::open(&path).unwrap(), &path, LayoutCheck::Full).unwrap_err();
            assert!(matches!(error, LoadError::System(_)), "{error}");
            assert!(!error.to_string().contains('\n') && error.to_string().len() < 400, "{error}");
        }
        let libm = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/libm.so.6"].map(Path::new);
        if let Some(path) = libm.into_iter().find(|path| path.exists()) {
            let error = load(&File::open(path).unwrap(), path, LayoutCheck::Full).unwrap_err();
            assert_eq!(error, LoadError::NoPlugin);
        }
    }

    #[test]
    fn only_a_wire_that_is_understood_is_spoken() {
        let judged = |major, minor, flags| {
            let handshake =
                Handshake { abi_major: major, abi_minor: minor, flags, ..Handshake::of_this_sdk() };
            judge(&handshake)
        };
        assert_eq!(judged(ABI.0, ABI.1, UNWINDS), Ok(()));
        assert!(matches!(judged(ABI.0, ABI.1 + 1, UNWINDS), Err(LoadError::TooNew { .. })));
        assert!(matches!(judged(ABI.0 + 1, 0, UNWINDS), Err(LoadError::TooNew { .. })));
        assert!(matches!(judged(0, 9, UNWINDS), Err(LoadError::TooOld { .. })));
        assert_eq!(judged(ABI.0, ABI.1, 0), Err(LoadError::Aborts));
        let message = judged(ABI.0, ABI.1 + 1, UNWINDS).unwrap_err().to_string();
        assert!(message.contains("ABI 1.1 (SDK 1.0.0)") && message.contains("understands 1.0"), "{message}");
    }
}
