//! The one integration binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "tests: a panic is how a test fails"
)]

mod attacks;
mod audit;
mod client;
mod commands;
mod docs;
mod fail_closed;
mod formats;
mod masking;
mod page;
mod plugins;
mod providers;
mod samples;
mod scan;
mod sinks;
mod storm;
mod understanding;
mod verdict;
