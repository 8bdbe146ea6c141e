//! The C entry point, without the set-up of Rust's own.
//!
//! A hook is a process of about a millisecond, of which Rust's start-up (it reads the memory map and installs a signal
//! stack) was a tenth. What a firewall needs of that start-up is done here: a closed pipe and a full file must be errors
//! to handle and not signals that kill, and a closed standard stream must not become the audit log's descriptor.
#![expect(unsafe_code, reason = "an entry point and five calls of the C library")]

use std::ffi::{c_char, c_int};
use std::io::Write;
use std::panic::catch_unwind;

/// Called by the C library. The arguments are read through `std::env`, which glibc fills before this.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    if !prepare() {
        return 2;
    }
    agentfirewall_plugins::link();
    // A panic must not unwind into C. The hook catches its own; this is the last net, and it denies.
    let code = catch_unwind(agentfirewall::run_code).unwrap_or(2);
    let _closed = std::io::stdout().flush();
    c_int::from(code)
}

/// The functions of the C library's `libm.so` that anything in the program uses (progress bars, entropies, the sizes of
/// dictionaries in Parquet). Having them here, the loader need not map another library at every start;
/// `cargo xtask budget` fails when another function brings it back.
#[unsafe(no_mangle)]
extern "C" fn pow(base: f64, exponent: f64) -> f64 {
    libm::pow(base, exponent)
}

/// As [`pow`].
#[unsafe(no_mangle)]
extern "C" fn log2f(value: f32) -> f32 {
    libm::log2f(value)
}

/// As [`pow`].
#[unsafe(no_mangle)]
extern "C" fn log(value: f64) -> f64 {
    libm::log(value)
}

/// As [`pow`].
#[unsafe(no_mangle)]
extern "C" fn log10(value: f64) -> f64 {
    libm::log10(value)
}

/// What Rust's start-up would have done and this program relies on.
fn prepare() -> bool {
    // SAFETY: the calls take plain values and a string that ends in NUL; nothing else runs in the process yet.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        // A file that may not grow (`ulimit -f`) is an error to handle too: agents take a process that a signal ended
        // for a broken hook, and go on without it.
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        for descriptor in 0..=2 {
            // An answer that nobody can read is no answer: a closed standard output fails when it is written to.
            let stand_in = if descriptor == 1 { c"/dev/full" } else { c"/dev/null" };
            if libc::fcntl(descriptor, libc::F_GETFD) == -1
                && libc::open(stand_in.as_ptr(), libc::O_RDWR) == -1
            {
                return false;
            }
        }
    }
    true
}
