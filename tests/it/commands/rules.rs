//! Detection rules of a team, in a policy, in a file, from another tool: found, denied, listed, and tried by `validate`.

use agentfirewall_tests::payload::Payload;
use agentfirewall_tests::sandbox::Sandbox;

const POLICY: &str = "default_action: allow
secrets:
  rules:
    - id: acme-badge
      summary: badges of Acme
      why: a badge opens every door
      leaked: block it in the door system
      pattern: '\\bbadge_[0-9a-f]{16}\\b'
      confidence: high
      examples: ['BADGE=badge_(+)00a1b2c3d4e5f607']
      negatives: ['badge_1234']
  import: gitleaks.toml
";
const GITLEAKS: &str = "[[rules]]
id = \"acme-tag\"
description = \"tags of Acme\"
regex = '''\\btag_[0-9]{12}\\b'''
path = '''env$'''
keywords = [\"tag_\"]
";
const BADGE: &str = "badge_00112233aabbccdd";
const TAG: &str = "tag_401928377465";

/// A sandbox whose user has these policy and import.
fn sandbox(policy: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let folder = sandbox.home.join(".config/agentfirewall");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("policy.yaml"), policy).unwrap();
    std::fs::write(folder.join("gitleaks.toml"), GITLEAKS).unwrap();
    sandbox
}

#[test]
fn a_rule_of_the_users_policy_stops_a_call_and_names_itself() {
    let sandbox = sandbox(POLICY);
    let ask = |command: &str| sandbox.hook("pre-tool-use", Payload::bash(&sandbox.project, command).bytes());
    let denied = ask(&format!("deploy {BADGE}")).denied();
    assert!(denied.contains("acme-badge") && !denied.contains(BADGE), "{denied}");
    ask("echo badge_00112233").passed();
    assert!(!String::from_utf8_lossy(&sandbox.everything_stored()).contains(BADGE));
}

#[test]
fn validate_tries_examples_and_says_what_an_import_leaves_out() {
    let sandbox = sandbox(POLICY);
    let good = sandbox.run(["validate"]);
    good.exits(0);
    assert!(good.stdout.contains("Detection rules: 2 (1 imported)"), "{good:?}");
    assert!(good.stderr.contains("AF019") && good.stderr.contains("its `path` is not looked at"), "{good:?}");
    let wrong = POLICY.replace("00a1b2c3d4e5f607", "00a1");
    let bad = self::sandbox(&wrong).run(["validate"]);
    bad.exits(65);
    assert!(bad.stderr.contains("AF018") && bad.stderr.contains("policy.yaml:10:18"), "{bad:?}");
}

#[test]
fn rules_are_listed_like_every_detector() {
    let sandbox = sandbox(POLICY);
    let list = sandbox.run(["plugins", "list"]);
    assert!(
        list.exits(0).stdout.contains("acme-badge") && list.stdout.contains("badges of Acme"),
        "{list:?}"
    );
    let info = sandbox.run(["plugins", "info", "acme-badge"]);
    for part in ["a badge opens every door", "block it in the door system", "BADGE=[acme-badge]", "rule of"] {
        assert!(info.exits(0).stdout.contains(part), "{part}: {info:?}");
    }
    let built_in = sandbox.run(["plugins", "info", "github-token"]);
    assert!(built_in.exits(0).stdout.contains("[github-token]"), "{built_in:?}");
    let row = sandbox.run(["plugins", "info", "digitalocean-token"]);
    for part in ["Leaked:", "Severity:", "Family:", "Source:   https://"] {
        assert!(row.exits(0).stdout.contains(part), "{part}: {row:?}");
    }
}

#[test]
fn scan_takes_rules_of_policies_and_of_files() {
    let sandbox = sandbox(POLICY);
    sandbox.write("a.txt", format!("x {BADGE}\ny {TAG}\nz seal-0815-4711\n"));
    let ids = |arguments: &[&str]| -> Vec<String> {
        let outcome = sandbox.run(arguments);
        let json = outcome.exits(1).json();
        let findings = json["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["detector"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&["scan", "--json"]), ["acme-badge", "acme-tag"]);
    let file = sandbox.write("seals.yaml", "rules:\n  - {id: seal, pattern: 'seal-[0-9]{4}-[0-9]{4}'}\n");
    let file = file.to_str().unwrap();
    assert_eq!(ids(&["scan", "a.txt", "--json", "--rules", file]), ["acme-badge", "acme-tag", "seal"]);
    let toml = sandbox.write(
        "leaks.toml",
        GITLEAKS.replace("tag", "seal").replace("_[0-9]{12}", "-[0-9]{4}").replace("_\"]", "-\"]"),
    );
    let outcome = sandbox.run(["scan", "a.txt", "--rules", toml.to_str().unwrap()]);
    assert!(outcome.exits(1).stdout.contains("acme-seal"), "{outcome:?}");
    assert!(outcome.stderr.contains("its `path` is not looked at"), "{outcome:?}");
    let broken = sandbox.write("broken.yaml", "rules:\n  - {id: seal, patern: x}\n");
    let outcome = sandbox.run(["scan", "a.txt", "--rules", broken.to_str().unwrap()]);
    assert!(outcome.exits(65).one_line().contains("did you mean `pattern`?"), "{outcome:?}");
}

#[test]
fn a_projects_policy_brings_no_rules() {
    let sandbox = Sandbox::with_policy(POLICY);
    let outcome = sandbox.run(["validate"]);
    assert!(outcome.exits(65).stderr.contains("AF010"), "{outcome:?}");
}
