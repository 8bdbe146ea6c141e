//! Where the binary under test is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The `agentfirewall` binary: `AGENTFIREWALL_BIN` if it is set (a release build, a packaged one), else the one of this
/// workspace, built on the spot in the profile the tests run in, so that it is never an old one.
pub fn agentfirewall() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match std::env::var_os("AGENTFIREWALL_BIN") {
        Some(path) => {
            let path = PathBuf::from(path);
            std::fs::canonicalize(&path)
                .unwrap_or_else(|error| panic!("AGENTFIREWALL_BIN {}: {error}", path.display()))
        }
        None => build(),
    })
}

fn build() -> PathBuf {
    let folder = cargo_build(&["--package", "agentfirewall", "--bin", "agentfirewall"]);
    let program = folder.join(format!("agentfirewall{}", std::env::consts::EXE_SUFFIX));
    assert!(program.is_file(), "{} was not built", program.display());
    program
}

/// Builds something of this workspace in the profile the tests run in. Returns the folder with what was built.
pub(crate) fn cargo_build(what: &[&str]) -> PathBuf {
    let (mut command, folder) = cargo("build");
    let status = command.args(what).status().expect("cargo runs");
    assert!(status.success(), "cargo build {what:?} failed");
    folder
}

/// What the compiler says of the library of a package of this workspace, if it is given these options for it alone.
/// `None` if it has nothing against it.
pub fn refused_by_the_compiler(package: &str, options: &[&str]) -> Option<String> {
    let (mut command, _) = cargo("rustc");
    let output =
        command.args(["--package", package, "--lib", "--"]).args(options).output().expect("cargo runs");
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Cargo for this workspace with the profile and the target folder of the running tests, and the folder it builds into.
fn cargo(verb: &str) -> (Command, PathBuf) {
    // target/<profile>/deps/it-<hash>, or target/<triple>/<profile>/deps/...
    let executable = std::env::current_exe().unwrap();
    let folder = executable.ancestors().find(|folder| folder.join("deps").is_dir()).unwrap().to_owned();
    let profile = match folder.file_name().and_then(|name| name.to_str()).unwrap() {
        "debug" => "dev",
        other => other,
    };
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args([verb, "--quiet", "--locked", "--profile", profile]);
    let target = folder.parent().unwrap();
    if target.join("CACHEDIR.TAG").exists() {
        command.arg("--target-dir").arg(target);
    }
    (command, folder)
}

/// Whether the system's loader starts a program: whether its file names one (`PT_INTERP` of `elf(5)`, in 64 bits and with the low byte
/// first).
pub fn has_loader(program: &Path) -> bool {
    let file = std::fs::read(program).unwrap();
    let number = |at: usize, length: usize| {
        file[at..at + length].iter().rev().fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    let (table, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    (0..count).any(|header| number(table + header * size, 4) == 3)
}
