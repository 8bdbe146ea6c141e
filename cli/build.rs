//! Two link options that a process of a millisecond feels; `docs/src/speed.md` has the figures.
//!
//! The unwinder is linked into the binary instead of loading `libgcc_s.so.1` at every start: the linker finds this
//! folder's `libgcc_s.so` first, a script that names the static archives.
//!
//! The executable is linked at a fixed address. As a position-independent one it has twelve thousand addresses to
//! relocate at every start, most of them in code the hook never reaches. The price is that the addresses of the program's
//! own code are not random (those of heap, stack and libraries still are); the code that reads hostile bytes is Rust
//! without `unsafe`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let gnu = env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|value| value == "gnu");
    let linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|value| value == "linux");
    let native = env::var("HOST") == env::var("TARGET");
    let Some(folder) = env::var_os("OUT_DIR").map(PathBuf::from) else { return };
    // Cross-compiling, the C compiler here is not the target's: the binary then loads the library as usual.
    if gnu && linux && native && write_script(&folder).is_some() {
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}

fn write_script(folder: &Path) -> Option<()> {
    let archive = |name: &str| {
        let output = Command::new("cc").arg(format!("-print-file-name={name}")).output().ok()?;
        let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
        path.is_absolute().then_some(path)
    };
    let (unwinder, runtime) = (archive("libgcc_eh.a")?, archive("libgcc.a")?);
    let script = format!("INPUT({} {})\n", unwinder.display(), runtime.display());
    fs::write(folder.join("libgcc_s.so"), script).ok()
}
