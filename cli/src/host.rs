//! The program's other half, where it has the C library inside (`build.rs`).
//!
//! A process that has its own C library starts without the system's loader, which takes as long as the rest of a hook's decision, and
//! `LD_PRELOAD` and its like have no say in it. But it has nobody to load a library, or a module that knows the addresses of hosts.
//! So the same program is there a second time, with the shared C library. A hook asks it when the call turns out to need a plugin,
//! everything else becomes it at its start.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// What the other half is called; it lies beside the program.
#[cfg(libc_inside)]
const NAME: &str = "agentfirewall-host";

/// What stands before the arguments of the other half, with the build it has to be of.
#[cfg(libc_inside)]
const OF: &str = "--of";

/// One name for all that both halves were made of.
#[cfg(libc_inside)]
const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), " ", env!("AGENTFIREWALL_BUILD"));

/// The path of the program that people call, whichever half this is.
pub(crate) fn program() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    #[cfg(libc_inside)]
    if own.file_name().is_some_and(|name| name == NAME) {
        return Ok(own.with_file_name("agentfirewall"));
    }
    Ok(own)
}

/// The files that the program consists of.
pub(crate) fn files() -> Vec<PathBuf> {
    let own: Vec<PathBuf> = program().into_iter().collect();
    #[cfg(libc_inside)]
    let own = own.iter().map(|program| program.with_file_name(NAME)).chain(own.clone()).collect();
    own
}

/// The arguments behind the program's name.
///
/// # Errors
///
/// The halves are of different builds: the reason, in one line.
#[cfg(libc_inside)]
pub(crate) fn arguments() -> Result<Vec<OsString>, String> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [of, build, rest @ ..] if of == OF => {
            let same = build == BUILD;
            let reason =
                || format!("`{NAME}` is of another build than `agentfirewall`: install both together");
            same.then(|| rest.to_vec()).ok_or_else(reason)
        }
        _ => Ok(arguments),
    }
}

/// As above, where there is one half only.
#[cfg(not(libc_inside))]
#[expect(clippy::unnecessary_wraps, reason = "as where there are two")]
pub(crate) fn arguments() -> Result<Vec<OsString>, String> {
    Ok(std::env::args_os().skip(1).collect())
}

/// Whether this process can load libraries.
#[cfg(not(libc_inside))]
pub(crate) const fn is_this() -> bool {
    true
}

/// Whether this process can load libraries: whether the system's loader has started it.
#[cfg(libc_inside)]
pub(crate) fn is_this() -> bool {
    #![expect(unsafe_code, reason = "what the kernel says of a process has no safe interface")]
    // SAFETY: reads a number that the kernel has put there (getauxval(3)): the address of the loader, 0 without one.
    unsafe { libc::getauxval(libc::AT_BASE) != 0 }
}

/// Why a library cannot be loaded here, as what follows the plugin's name.
pub(crate) fn missing(error: &io::Error) -> String {
    format!("cannot be loaded: `agentfirewall-host` beside the program does not work: {error}")
}

/// The other half with these arguments.
#[cfg(libc_inside)]
fn command(arguments: &[OsString]) -> io::Result<std::process::Command> {
    use std::os::unix::process::CommandExt;

    let mut command = std::process::Command::new(program()?.with_file_name(NAME));
    // The name it was called by says how the hook is written down.
    if let Some(name) = std::env::args_os().next() {
        command.arg0(name);
    }
    command.arg(OF).arg(BUILD).args(arguments);
    Ok(command)
}

/// Becomes the other half. Returns only where it cannot.
#[cfg(libc_inside)]
pub(crate) fn turn(arguments: &[OsString]) -> io::Error {
    use std::os::unix::process::CommandExt;

    command(arguments).map_or_else(|error| error, |mut command| command.exec())
}

/// Has the other half answer a hook with this payload, and gives its exit code. It is waited for: should it not even start, as when a
/// system has lost a library, somebody must be there to deny.
#[cfg(libc_inside)]
pub(crate) fn answer(arguments: &[OsString], payload: &[u8]) -> io::Result<u8> {
    let mut command = command(arguments)?;
    // A hook has no use for what these bring, and its environment may be the agent's.
    command.env_remove("LD_PRELOAD").env_remove("LD_AUDIT");
    let status = command.stdin(in_memory(payload)?).status()?;
    match status.code() {
        Some(0) => Ok(0),
        Some(2) => Ok(2),
        _ => Err(io::Error::other(status.to_string())),
    }
}

/// As above, where there is one half only.
#[cfg(not(libc_inside))]
pub(crate) fn turn(_arguments: &[OsString]) -> io::Error {
    io::Error::from(io::ErrorKind::Unsupported)
}

/// As above, where there is one half only.
#[cfg(not(libc_inside))]
pub(crate) fn answer(_arguments: &[OsString], _payload: &[u8]) -> io::Result<u8> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// A file of no folder, with what is read from it: a payload may hold secrets, which belong on no disk.
#[cfg(libc_inside)]
fn in_memory(content: &[u8]) -> io::Result<std::fs::File> {
    #![expect(unsafe_code, reason = "a file in memory has no safe interface")]
    use std::io::{Seek, Write};
    use std::os::fd::{FromRawFd, OwnedFd};

    // SAFETY: a string that ends in NUL and a plain value.
    let descriptor = unsafe { libc::memfd_create(c"payload".as_ptr(), libc::MFD_CLOEXEC) };
    if descriptor == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was opened above and is nobody else's.
    let mut file = std::fs::File::from(unsafe { OwnedFd::from_raw_fd(descriptor) });
    file.write_all(content)?;
    file.rewind()?;
    Ok(file)
}
