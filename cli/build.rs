//! What the linker does for a process of a millisecond; `docs/src/speed.md` has the figures.
//!
//! A release build of the program has the C library inside, where its archive is at hand: half of what a hook took was the system's
//! loader, which maps that library and looks 150 functions up in it. Such a program cannot load libraries, so the same program with
//! the shared C library is built beside it (`src/host.rs`). `AGENTFIREWALL_LIBC=shared` builds one program that needs none beside it,
//! for a package whose files go to systems with other C libraries.
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
    println!("cargo::rerun-if-env-changed={LIBC}");
    println!("cargo::rustc-check-cfg=cfg(libc_inside)");
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
    if let Ok(map) = env::var(MAP) {
        println!("cargo::rustc-link-arg-bin={PROGRAM}=-Wl,-Map={map}");
    }
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let shared = env::var(LIBC).is_ok_and(|libc| libc == "shared");
    if release
        && !shared
        && let Some(options) = inside(&folder)
    {
        println!("cargo::rustc-cfg=libc_inside");
        for option in options {
            println!("cargo::rustc-link-arg-bin={PROGRAM}={option}");
        }
        // Both programs are of one build: its folder is called by all that went into it.
        let build = folder.parent().and_then(Path::file_name).unwrap_or_default();
        println!("cargo::rustc-env=AGENTFIREWALL_BUILD={}", build.display());
    }
}

/// The program that people call.
const PROGRAM: &str = "agentfirewall";

/// Whether the C library is shared, whatever there is.
const LIBC: &str = "AGENTFIREWALL_LIBC";

/// A linker script that adds one section to the linker's own layout.
const ORDER: &str = "hook.ld";

/// How constants and code come into one segment: with Rust's own linker, with GNU's, and not at all.
const TOGETHER: [&[&str]; 3] = [&["-Wl,--no-rosegment"], &["-Wl,-z,noseparate-code"], &[]];

/// Where `cargo xtask order` wants the linker's map.
const MAP: &str = "AGENTFIREWALL_LINK_MAP";

/// Where the C compiler has an archive.
fn archive(name: &str) -> Option<PathBuf> {
    let output = Command::new("cc").arg(format!("-print-file-name={name}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    path.is_absolute().then_some(path)
}

/// The options that put the C library into the program, where a program so linked starts. Rust asks for the shared form of
/// the library's parts, so these names lead to the archives.
fn inside(folder: &Path) -> Option<Vec<String>> {
    let archives: Option<Vec<PathBuf>> =
        ["libc.a", "libm.a", "libgcc_eh.a", "libgcc.a"].iter().map(|name| archive(name)).collect();
    let archives: Vec<String> = archives?.iter().map(|path| path.display().to_string()).collect();
    let parts = folder.join("inside");
    fs::create_dir_all(&parts).ok()?;
    for part in ["c", "m", "dl", "pthread", "rt", "util", "gcc_s"] {
        fs::write(parts.join(format!("lib{part}.so")), format!("GROUP({})\n", archives.join(" "))).ok()?;
    }
    let options = vec![format!("-L{}", parts.display()), "-static".to_owned(), "-no-pie".to_owned()];
    (links(folder, &options) && succeeds(&mut Command::new(folder.join("probe")))).then_some(options)
}

/// Whether a command ends well. What it says is nobody's business.
fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn write_script(folder: &Path) -> Option<()> {
    let (unwinder, runtime) = (archive("libgcc_eh.a")?, archive("libgcc.a")?);
    let script = format!("INPUT({} {})\n", unwinder.display(), runtime.display());
    fs::write(folder.join("libgcc_s.so"), script).ok()
}

/// The options that lay functions in order, where the linker takes them.
fn ordering(folder: &Path) -> Option<Vec<String>> {
    let order = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR")?).join(ORDER);
    // Commas divide the options of `-Wl`.
    let order = order.to_str().filter(|path| !path.contains(','))?;
    let options = [format!("-Wl,-T,{order}")];
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
    succeeds(rustc.arg(&source).arg("-o").arg(folder.join("probe")))
}
