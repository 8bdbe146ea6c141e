//! The built-in plugins: matchers, detectors and sinks, each in a file of its own, registered like any team's plugin; and what
//! turns rules that people write, or that another tool has, into detectors.
//!
//! They know nothing of policies, and the core knows none of them by name.

mod detectors;
mod matchers;
mod readers;
mod sinks;

#[cfg(test)]
mod conformance;

/// Links the built-in plugins into a binary. Registration happens before `main`, but the linker drops a crate that
/// nothing refers to: this is the reference.
pub fn link() {}
