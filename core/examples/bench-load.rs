//! What loading a library costs: run under an instruction counter, once with `nothing` and once with `load` or `check`.
//!
//! `bench-load nothing|load|check LIBRARY`, as `cargo xtask budget` calls it. `load` is what a hook does with a library that was checked when it was added,
//! `check` what `plugins add` does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a measuring program for engineers: a failure ends it")]

use std::fs::File;
use std::path::PathBuf;

use agentfirewall_core::loader::{LayoutCheck, load};

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let what = arguments.next().unwrap_or_default();
    let path = PathBuf::from(arguments.next().unwrap_or_default());
    let file = File::open(&path).unwrap();
    let check = match what.to_str() {
        Some("nothing") => return,
        Some("load") => LayoutCheck::Done,
        Some("check") => LayoutCheck::Full,
        _ => panic!("nothing, load or check"),
    };
    load(&file, &path, check).unwrap();
}
