//! `plugins new`: what it writes is a plugin before anybody has changed a line of it.

use std::fs::{self, File};

use agentfirewall_core::loader::{LayoutCheck, load};
use agentfirewall_tests::cargo;
use agentfirewall_tests::sandbox::feed;
use insta::assert_snapshot;

use super::*;

#[test]
fn every_kind_builds_keeps_its_promises_and_loads() {
    let mut sandbox = Sandbox::new();
    sandbox.extra = cargo::environment(&[]);
    sandbox.extra.push(("CARGO_TARGET_DIR".into(), cargo::target().into()));
    for (kind, name) in [("detector", "made-detector"), ("matcher", "made-matcher"), ("sink", "made-sink")] {
        let sdk = cargo::sdk();
        sandbox.run(["plugins", "new", kind, name, "--sdk", sdk.to_str().unwrap()]).exits(0);
        let folder = sandbox.project.join(name);
        cargo::lock(&folder);
        let tested = feed(sandbox.process("cargo").args(["test", "--quiet"]).current_dir(&folder), b"");
        tested.exits(0);
        assert!(!tested.stderr.contains("warning"), "{tested:?}");
        let ran = tested.stdout.lines().filter(|line| line.contains("1 passed; 0 failed")).count();
        assert_eq!(ran, 1, "the conformance test did not run: {tested:?}");
        feed(sandbox.process("cargo").args(["build", "--quiet"]).current_dir(&folder), b"").exits(0);

        let library = format!(
            "{}{}{}",
            std::env::consts::DLL_PREFIX,
            name.replace('-', "_"),
            std::env::consts::DLL_SUFFIX
        );
        let path = cargo::target().join("debug").join(library);
        let loaded = load(&File::open(&path).unwrap(), &path, LayoutCheck::Full).unwrap();
        let manifest = loaded.manifest().unwrap();
        assert_eq!((manifest.name.as_str(), manifest.version.as_str()), (name, "0.1.0"));
        assert!(!manifest.summary.is_empty());
        let [item] = manifest.items.as_slice() else { panic!("{manifest:?}") };
        assert_eq!((item.kind.as_str(), item.id.as_str()), (kind, name));
    }
}

#[test]
fn what_is_written_is_formatted_as_rustfmt_does_it() {
    let mut sandbox = Sandbox::new();
    sandbox.extra = cargo::environment(&[]);
    for kind in ["detector", "matcher", "sink"] {
        sandbox.run(["plugins", "new", kind, "acme-token", "--path", kind]).exits(0);
        let mut formatter = sandbox.process("rustfmt");
        let files = ["src/lib.rs", "tests/conformance.rs"];
        feed(
            formatter
                .args(["--check", "--edition", "2024"])
                .args(files)
                .current_dir(sandbox.project.join(kind)),
            b"",
        )
        .exits(0);
    }
}

#[test]
fn it_says_what_it_wrote_and_what_comes_next() {
    let sandbox = Sandbox::new();
    assert_snapshot!(run(&sandbox, &["plugins", "new", "detector", "acme-token"]), @r"
    exit 0
    -- stdout
    Created acme-token/Cargo.toml
    Created acme-token/src/lib.rs
    Created acme-token/tests/conformance.rs
    Created acme-token/README.md
    Created acme-token/.gitignore

    It works as it is: write your own rule into src/lib.rs. Next:
      cd acme-token
      cargo test
      cargo build --release
      agentfirewall plugins check target/release/libacme_token.so
      agentfirewall plugins add target/release/libacme_token.so
    ");
    let answer = sandbox.run(["plugins", "new", "sink", "acme-log", "--path", "x/y", "--json"]).json();
    assert_eq!(answer["name"], "acme-log");
    assert_eq!(answer["folder"], sandbox.project.join("x/y").to_str().unwrap());
    assert_eq!(answer["files"].as_array().unwrap().len(), 5);
    assert!(sandbox.read("x/y/Cargo.toml").contains("name = \"acme-log\""));
}

#[test]
fn a_name_that_cannot_be_one_is_answered_with_one_that_can() {
    let sandbox = Sandbox::new();
    assert_snapshot!(run(&sandbox, &["plugins", "new", "detector", "Acme_Token"]), @r"
    exit 64
    -- stderr
    error: `Acme_Token` cannot be a plugin's name: it does not begin with a lower-case letter
      help: try `acme-token`
    ");
    assert_snapshot!(run(&sandbox, &["plugins", "new", "matcher", "glob"]), @r"
    exit 64
    -- stderr
    error: `glob` is the id of a built-in matcher
      help: put your team's name before it: my-glob
    ");
    sandbox.run(["plugins", "new", "detector", "../escape"]).exits(64);
    sandbox.run(["plugins", "new", "reporter", "acme"]).exits(64);
    assert_eq!(fs::read_dir(&sandbox.project).unwrap().count(), 1, "something was written beside .git");
}

#[test]
fn nothing_of_the_authors_is_written_over() {
    let sandbox = Sandbox::new();
    sandbox.write("acme/notes.txt", "mine");
    assert_snapshot!(run(&sandbox, &["plugins", "new", "sink", "acme"]), @r"
    exit 74
    -- stderr
    error: `acme` is not empty
      help: name a folder that does not exist yet with --path
    ");
    assert!(!sandbox.has("acme/Cargo.toml"));
    fs::create_dir(sandbox.project.join("empty")).unwrap();
    sandbox.run(["plugins", "new", "sink", "acme", "--path", "empty"]).exits(0);
    sandbox.run(["plugins", "new", "sink", "acme", "--path", "acme/notes.txt"]).exits(74);
}

#[test]
fn a_folder_that_is_not_the_sdks_is_refused_before_anything_is_written() {
    let sandbox = Sandbox::new();
    assert_snapshot!(run(&sandbox, &["plugins", "new", "sink", "acme", "--sdk", ".git"]), @r"
    exit 64
    -- stderr
    error: `.git` is not the SDK's folder: Cargo.toml cannot be read: No such file or directory (os error 2)
      help: --sdk takes the folder `sdk` of a copy of agentfirewall's sources
    ");
    assert!(!sandbox.has("acme"));
}
