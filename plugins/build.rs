//! Compiles the detection rules (`data/rules/*.yaml`) into tables without a pointer in them: a process that needs none of
//! them does not pay for them.

#![allow(
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::exit,
    reason = "this runs where the crate is built: what goes wrong stops the build"
)]

use std::error::Error;
use std::path::PathBuf;

#[path = "build/automaton.rs"]
mod automaton;
#[path = "build/pattern.rs"]
mod pattern;
#[path = "build/rule.rs"]
mod rule;
#[path = "build/write.rs"]
mod write;

fn main() {
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=data/rules");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    let folder = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("data/rules");
    let rules = rule::read_all(&folder)?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    write::tables(&rules, &out)
}
