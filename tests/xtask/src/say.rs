//! The only printer of these tasks.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task runner talks to the person who started it"
)]

/// A line of progress.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// The heading of a step.
pub(crate) fn heading(text: &str) {
    println!("\n== {text}");
}

/// Why a task failed.
pub(crate) fn problem(text: &str) {
    eprintln!("xtask: {text}");
}
