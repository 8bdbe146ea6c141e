//! Four link options that a process of a millisecond feels; `docs/src/speed.md` has the figures.
//!
//! The unwinder is linked into the binary instead of loading `libgcc_s.so.1` at every start: the linker finds this
//! folder's `libgcc_s.so` first, a script that names the static archives.
//!
//! The executable is linked at a fixed address. As a position-independent one it has twelve thousand addresses to
//! relocate at every start, most of them in code the hook never reaches. The price is that the addresses of the program's
//! own code are not random (those of heap, stack and libraries still are); the code that reads hostile bytes is Rust
//! without `unsafe`.
//!
//! The functions that a hook runs through are laid side by side, as `hook.ld` says. Spread over all of the code, each brings
//! sixteen pages of neighbours into the process that nobody needs. `cargo xtask order` writes the file from a trace. Names
//! in it that this compiler does not make are passed over, and a linker that cannot read it goes without: the binary is
//! then the same, a little slower at its start.
//!
//! Constants are mapped together with the code: one mapping less to make, to fill and to take apart. The price is that constants
//! can be executed, as in every binary before linkers separated them; what can be written still cannot.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={ORDER}");
    println!("cargo::rerun-if-env-changed={MAP}");
    let gnu = env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|value| value == "gnu");
    let linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|value| value == "linux");
    let native = env::var("HOST") == env::var("TARGET");
    let Some(folder) = env::var_os("OUT_DIR").map(PathBuf::from) else { return };
    // Cross-compiling, the C compiler here is not the target's: the binary then loads the library as usual.
    if !(gnu && linux && native) {
        return;
    }
    if write_script(&folder).is_some() {
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
    if let Some(options) = ordering(&folder) {
        for option in options {
            println!("cargo::rustc-link-arg-bins={option}");
        }
    }
}

/// A linker script that adds one section to the linker's own layout.
const ORDER: &str = "hook.ld";

/// How constants and code come into one segment: with Rust's own linker, with GNU's, and not at all.
const TOGETHER: [&[&str]; 3] = [&["-Wl,--no-rosegment"], &["-Wl,-z,noseparate-code"], &[]];

/// Where `cargo xtask order` wants the linker's map.
const MAP: &str = "AGENTFIREWALL_LINK_MAP";

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

/// The options that lay functions in order, where the linker takes them.
fn ordering(folder: &Path) -> Option<Vec<String>> {
    let order = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR")?).join(ORDER);
    // Commas divide the options of `-Wl`.
    let order = order.to_str().filter(|path| !path.contains(','))?;
    let mut options = vec![format!("-Wl,-T,{order}")];
    if let Ok(map) = env::var(MAP) {
        options.push(format!("-Wl,-Map={map}"));
    }
    let with =
        |more: &[&str]| [&options[..], &more.iter().map(ToString::to_string).collect::<Vec<_>>()].concat();
    TOGETHER.iter().map(|more| with(more)).find(|options| links(folder, options))
}

/// Whether the smallest program links with the options: Rust's own linker and GNU's know them, others may not.
fn links(folder: &Path, options: &[String]) -> bool {
    let source = folder.join("probe.rs");
    if fs::write(&source, "fn main() {}\n").is_err() {
        return false;
    }
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    rustc.args(flags.split('\u{1f}').filter(|flag| !flag.is_empty()));
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = std::ffi::OsString::from("linker=");
        option.push(linker);
        rustc.arg("-C").arg(option);
    }
    for option in options {
        rustc.arg("-C").arg(format!("link-arg={option}"));
    }
    rustc.arg(&source).arg("-o").arg(folder.join("probe"));
    rustc.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
