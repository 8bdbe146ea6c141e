//! The two halves of a release build (`cli/src/host.rs`): one has the C library inside and no loader, the other loads libraries. With a
//! build that is one program there is nothing to see; `cargo xtask gate --only release` runs these tests with a release build.

use std::path::PathBuf;
use std::process::Command;

use agentfirewall_tests::payload::Payload;
use agentfirewall_tests::program::{agentfirewall, has_loader};
use agentfirewall_tests::sandbox::{Outcome, Sandbox, feed};
use agentfirewall_tests::say;

use super::{MISBEHAVING, OPEN, denied_by, silent, with_plugin};

/// The half that loads libraries, if the program has the C library inside.
fn host() -> Option<PathBuf> {
    let program = agentfirewall();
    if !cfg!(target_os = "linux") || has_loader(program) {
        say("the program is one: nothing to see");
        return None;
    }
    Some(program.with_file_name("agentfirewall-host"))
}

/// A library whose constructor ends the process with success: loaded into a hook, it would let everything pass.
fn ends_processes(folder: &std::path::Path) -> PathBuf {
    let (source, library) = (folder.join("ends.c"), folder.join("libends.so"));
    let text = "#include <unistd.h>\n__attribute__((constructor)) static void now(void) { _exit(0); }\n";
    std::fs::write(&source, text).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    assert!(built.unwrap().success());
    library
}

/// `LD_PRELOAD` ends a program that has a loader, and has no say in a hook, whether it needs a plugin or not.
#[test]
fn a_library_of_the_environment_does_not_switch_the_hook_off() {
    if host().is_none() {
        return;
    }
    let mut sandbox = with_plugin(MISBEHAVING);
    sandbox
        .write(".agentfirewall/policy.yaml", OPEN.replace("rules: []", "extends: [recommended]\nrules: []"));
    let library = ends_processes(sandbox.root());
    sandbox.extra = vec![("LD_PRELOAD".into(), library.into())];
    assert_eq!(feed(&mut sandbox.process("/bin/ls"), b"").code, Some(0), "it does not even end `ls`");
    assert!(sandbox.bash("rm -rf ~").denied().contains("block-recursive-delete"));
    assert!(sandbox.bash("echo mb-fine:12345678").denied().contains("mb-fine"));
}

/// Alone the first half still judges; what needs a plugin is denied and says why.
#[test]
fn without_its_other_half_it_denies_what_needs_a_plugin() {
    if host().is_none() {
        return;
    }
    let sandbox = with_plugin(MISBEHAVING);
    let alone = sandbox.root().join("agentfirewall");
    std::fs::copy(agentfirewall(), &alone).unwrap();
    let hook = |command: &str| {
        let payload: Vec<u8> = Payload::bash(&sandbox.project, command).into();
        feed(sandbox.process(&alone).args(["hook", "pre-tool-use"]), &payload)
    };
    silent(&hook("git status"));
    denied_by_last(&sandbox, &hook("echo mb-fine:12345678"));
    let checked =
        feed(sandbox.process(&alone).args(["check", "--tool", "Bash", "--command", "git status"]), b"");
    checked.exits(0);
    let doctor = feed(sandbox.process(&alone).arg("doctor"), b"");
    assert!(doctor.stdout.contains("agentfirewall-host"), "{doctor:?}");
}

fn denied_by_last(sandbox: &Sandbox, outcome: &Outcome) {
    let reason = outcome.denied();
    assert!(reason.contains(MISBEHAVING) && reason.contains("agentfirewall-host"), "{reason}");
    let record = sandbox.log().pop().unwrap();
    assert_eq!(record["action_taken"], "deny", "{record}");
}

/// A half that does not start, as when a library of the system is gone, lets nothing pass.
#[test]
fn a_half_that_does_not_work_denies() {
    if host().is_none() {
        return;
    }
    for ending in ["exit 127", "exit 1", "kill -SEGV $$"] {
        let sandbox = with_plugin(MISBEHAVING);
        let program = sandbox.root().join("agentfirewall");
        std::fs::copy(agentfirewall(), &program).unwrap();
        let other = program.with_file_name("agentfirewall-host");
        std::fs::write(&other, format!("#!/bin/sh\n{ending}\n")).unwrap();
        make_executable(&other);
        let payload: Vec<u8> = Payload::bash(&sandbox.project, "echo mb-fine:12345678").into();
        denied_by_last(&sandbox, &feed(sandbox.process(&program).args(["hook", "pre-tool-use"]), &payload));
    }
}

#[cfg(unix)]
fn make_executable(file: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(not(unix))]
fn make_executable(_file: &std::path::Path) {}

/// Halves of different builds do not judge together.
#[test]
fn halves_of_different_builds_deny() {
    let Some(host) = host() else { return };
    let sandbox = with_plugin(MISBEHAVING);
    let payload: Vec<u8> = Payload::bash(&sandbox.project, "git status").into();
    let outcome = feed(sandbox.process(&host).args(["--of", "another", "hook", "pre-tool-use"]), &payload);
    outcome.exits(2);
    assert!(outcome.stderr.contains("of another build"), "{outcome:?}");
}

/// A call is judged once, by the half that can: one record, whatever its size.
#[test]
fn a_call_that_changes_halves_is_recorded_once() {
    if host().is_none() {
        return;
    }
    for length in [0, 300_000] {
        let sandbox = with_plugin(MISBEHAVING);
        let outcome = sandbox.bash(&format!("echo {} mb-error:1", "x".repeat(length)));
        denied_by(&sandbox, &outcome, MISBEHAVING, "failed");
    }
}
