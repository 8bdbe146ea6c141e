//! Libraries that cannot be loaded, or misbehave while they are, and calls that need none.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use super::{MISBEHAVING, denied_by, mode, silent, with_plugin, with_stored};

/// The library does harm before it has said anything.
pub(super) fn misbehaves_at_load(how: &str, cause: &str) {
    let mut sandbox = with_plugin(MISBEHAVING);
    sandbox.extra.push(("FIXTURE_AT_LOAD".into(), how.into()));
    denied_by(&sandbox, &sandbox.bash("echo mb-fine"), MISBEHAVING, cause);
    // A call without its words never loads it.
    silent(&sandbox.bash("git status"));
    silent(&sandbox.call("Read", serde_json::json!({"file_path": sandbox.project.join("x")})));
}

#[test]
fn abort_at_load() {
    misbehaves_at_load("abort", "crashed (SIGABRT");
}

#[test]
fn exit_at_load() {
    misbehaves_at_load("exit", "ended the process (exit code 0)");
}

#[test]
fn invalid_memory_at_load() {
    misbehaves_at_load("segv", "crashed (SIGSEGV");
}

/// Something happens to the library after it was added.
fn spoiled(spoil: fn(&Path), cause: &str) {
    let (sandbox, stored) = with_stored(MISBEHAVING);
    silent(&sandbox.bash("echo mb-fine"));
    let passed = sandbox.log_text();
    spoil(&stored);
    let outcome = sandbox.bash("echo mb-fine");
    let reason = outcome.denied();
    super::told(&reason, MISBEHAVING, cause);
    let log = sandbox.log();
    assert_eq!(log.len(), 2, "{log:?}");
    assert_eq!(log[1]["action_taken"], "deny");
    super::told(log[1]["reason"].as_str().unwrap(), MISBEHAVING, cause);
    assert!(sandbox.log_text().starts_with(&passed));
    sandbox.run(["audit", "verify"]).exits(0);
    silent(&sandbox.bash("git status"));
}

fn writable(stored: &Path) -> std::fs::File {
    mode(stored, 0o600);
    let file = OpenOptions::new().write(true).open(stored).unwrap();
    mode(stored, 0o400);
    file
}

#[test]
fn truncated_in_the_store() {
    spoiled(|stored| writable(stored).set_len(4096).unwrap(), "SHA-256");
}

#[test]
fn emptied_in_the_store() {
    spoiled(|stored| writable(stored).set_len(0).unwrap(), "SHA-256");
}

#[test]
fn one_byte_changed_in_the_store() {
    spoiled(
        |stored| {
            let middle = stored.metadata().unwrap().len() / 2;
            let byte = std::fs::read(stored).unwrap()[usize::try_from(middle).unwrap()];
            let mut file = writable(stored);
            file.seek(SeekFrom::Start(middle)).unwrap();
            file.write_all(&[byte ^ 1]).unwrap();
        },
        "SHA-256",
    );
}

#[test]
fn removed_from_the_store() {
    spoiled(|stored| std::fs::remove_file(stored).unwrap(), "plugins add");
}

#[test]
fn writable_by_the_group_in_the_store() {
    spoiled(|stored| mode(stored, 0o660), "can be written by other users");
}

#[test]
fn a_folder_that_everybody_can_write() {
    spoiled(|stored| mode(stored.parent().unwrap(), 0o777), "can be written by other users");
}

#[test]
fn replaced_by_another_plugin() {
    spoiled(
        |stored| {
            let other = agentfirewall_tests::fixtures::library("fixture-wire-v1");
            std::fs::remove_file(stored).unwrap();
            std::fs::copy(other, stored).unwrap();
            mode(stored, 0o400);
        },
        "SHA-256",
    );
}

#[test]
fn a_link_in_its_place() {
    spoiled(
        |stored| {
            let other = stored.with_file_name("other");
            std::fs::rename(stored, &other).unwrap();
            std::os::unix::fs::symlink(other, stored).unwrap();
        },
        "cannot be used",
    );
}

#[test]
fn a_lock_file_that_cannot_be_read_denies_every_call() {
    let sandbox = with_plugin(MISBEHAVING);
    let lock = agentfirewall_tests::fixtures::places(&sandbox).plugins_lock();
    std::fs::write(&lock, "{").unwrap();
    let reason = sandbox.bash("git status").denied();
    assert!(reason.contains("plugins.lock"), "{reason}");
}
