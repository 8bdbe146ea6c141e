//! Cargo for crates that are no members of this workspace, such as those that `plugins new` writes: offline, with the
//! workspace's lock file, and with a target folder that stays, so that what they depend on is compiled once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folder of the SDK in this workspace.
pub fn sdk() -> PathBuf {
    top().join("sdk")
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The target folder of all such crates: `scaffold` beside the profile the tests run in.
pub fn target() -> PathBuf {
    // target/<profile>/deps/it-<hash>, or target/<triple>/<profile>/deps/...
    let executable = std::env::current_exe().unwrap();
    let profile = executable.ancestors().find(|folder| folder.join("deps").is_dir()).unwrap();
    let folder = profile.parent().unwrap().join("scaffold");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Makes a crate resolve to the very versions of this workspace, all of which are on this machine.
pub fn lock(folder: &Path) {
    std::fs::copy(top().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
}

/// What a scrubbed environment lacks for cargo to run. `first` are folders that come first in the search path.
pub fn environment(first: &[&Path]) -> Vec<(OsString, OsString)> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = std::env::home_dir().unwrap();
    let mut variables: Vec<(OsString, OsString)> = vec![
        ("CARGO_HOME".into(), set("CARGO_HOME").unwrap_or_else(|| home.join(".cargo").into())),
        ("CARGO_NET_OFFLINE".into(), "true".into()),
        ("CARGO_TERM_COLOR".into(), "never".into()),
        // Nobody debugs them, and they are built from scratch.
        ("CARGO_INCREMENTAL".into(), "0".into()),
        ("CARGO_PROFILE_DEV_DEBUG".into(), "0".into()),
    ];
    // Cargo itself may be the one of a toolchain, or rustup's.
    let rustup = set("RUSTUP_HOME").map_or_else(|| home.join(".rustup"), PathBuf::from);
    if rustup.is_dir() {
        variables.push(("RUSTUP_HOME".into(), rustup.into()));
    }
    if let Some(toolchain) = set("RUSTUP_TOOLCHAIN") {
        variables.push(("RUSTUP_TOOLCHAIN".into(), toolchain));
    }
    let cargo = set("CARGO").map(PathBuf::from);
    let tools = cargo.as_deref().and_then(Path::parent).filter(|folder| folder.is_absolute());
    let caller = set("PATH").unwrap_or_default();
    let rest: Vec<PathBuf> = match tools {
        Some(tools) => vec![tools.to_owned()],
        None => std::env::split_paths(&caller).collect(),
    };
    let system = crate::sandbox::path();
    let folders =
        first.iter().map(|folder| (*folder).to_owned()).chain(rest).chain(std::env::split_paths(&system));
    variables.push(("PATH".into(), std::env::join_paths(folders).unwrap()));
    variables
}
