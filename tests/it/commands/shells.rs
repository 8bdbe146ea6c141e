//! Completions, manual pages, colours.

use agentfirewall_tests::sandbox::Sandbox;
use insta::assert_snapshot;

use super::judging::FIVE_MISTAKES;

#[test]
fn completions_are_scripts_that_their_shells_accept() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = sandbox.run(["completions", shell]);
        script.exits(0);
        for word in ["install", "audit", "verify"] {
            assert!(script.stdout.contains(word), "{shell} does not complete {word}");
        }
        let file = sandbox.write(&format!("completions.{shell}"), &script.stdout);
        match sandbox.process(shell).arg("-n").arg(&file).output() {
            Ok(output) => {
                assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
            }
            Err(_) => {
                agentfirewall_tests::say(format!(
                    "{shell} is not installed: its completions were not parsed"
                ));
            }
        }
    }
    sandbox.run(["completions", "tcsh"]).exits(64);
}

#[test]
fn manual_pages_are_written_one_a_command() {
    let sandbox = Sandbox::new();
    let folder = sandbox.project.join("man");
    sandbox.run(["man", "man"]).exits(0);
    let mut pages: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    assert_snapshot!(pages.join("\n"), @r#"
    agentfirewall-audit-checkpoint.1
    agentfirewall-audit-export.1
    agentfirewall-audit-key-rotate.1
    agentfirewall-audit-key-show.1
    agentfirewall-audit-key.1
    agentfirewall-audit-prove.1
    agentfirewall-audit-prune.1
    agentfirewall-audit-report.1
    agentfirewall-audit-stats.1
    agentfirewall-audit-verify.1
    agentfirewall-audit.1
    agentfirewall-check.1
    agentfirewall-completions.1
    agentfirewall-deliver.1
    agentfirewall-doctor.1
    agentfirewall-explain.1
    agentfirewall-hook.1
    agentfirewall-init.1
    agentfirewall-install.1
    agentfirewall-man.1
    agentfirewall-packs.1
    agentfirewall-plugins-add.1
    agentfirewall-plugins-check.1
    agentfirewall-plugins-info.1
    agentfirewall-plugins-list.1
    agentfirewall-plugins-new.1
    agentfirewall-plugins-remove.1
    agentfirewall-plugins-trust.1
    agentfirewall-plugins.1
    agentfirewall-redact.1
    agentfirewall-scan.1
    agentfirewall-schema.1
    agentfirewall-sinks-retry.1
    agentfirewall-sinks-status.1
    agentfirewall-sinks-test.1
    agentfirewall-sinks.1
    agentfirewall-uninstall.1
    agentfirewall-validate.1
    agentfirewall.1
    "#);
    let page = sandbox.read("man/agentfirewall-install.1");
    assert!(page.starts_with(".ie") || page.contains(".TH"), "{page}");
    let missing = sandbox.run(["man", "/proc/nowhere"]);
    assert_eq!(missing.code, Some(74), "{missing:?}");
}

#[test]
fn colours_are_for_terminals() {
    let sandbox = Sandbox::with_policy(FIVE_MISTAKES);
    for arguments in [&["validate"][..], &["--help"], &["doctor"], &["audit"]] {
        let outcome = sandbox.run(arguments);
        assert!(
            !outcome.stdout.contains('\u{1b}') && !outcome.stderr.contains('\u{1b}'),
            "{arguments:?}: {outcome:?}"
        );
    }
}
