//! `audit`, `scan` and `plugins`.

use agentfirewall_tests::sandbox::Sandbox;
use insta::assert_snapshot;
use serde_json::Value;

use super::*;

#[test]
fn audit_shows_the_records_and_filters_them() {
    let sandbox = lived_in();
    assert_snapshot!(run(&sandbox, &["audit"]), @r#"
    exit 0
    -- stdout
    Showing 4 of 4 events:
      [TIME]  log    Bash          default_action    git status  no rule of the project policy is about this Bash call
      [TIME]  deny   Bash          block-dangerous-bash  sudo ls  Dangerous shell commands blocked
      [TIME]  allow  Read          allow-read-operations  [PROJECT]/a.txt  Read operations are safe
      [TIME]  alert  mcp__demo__send_mail  alert-mcp-tools   {"to":"a@example.org"}  MCP tool calls flagged for review
    "#);
    let count = |arguments: &[&str]| {
        let outcome = sandbox.run(["audit", "--json"].iter().chain(arguments));
        outcome.exits(0);
        let records: Vec<Value> =
            outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        records.len()
    };
    assert_eq!(count(&[]), 4);
    assert_eq!(count(&["--tail", "2"]), 2);
    assert_eq!(count(&["--tool", "Bash"]), 2);
    assert_eq!(count(&["--tool", "mcp__*"]), 1);
    assert_eq!(count(&["--action", "deny"]), 1);
    assert_eq!(count(&["--tool", "Bash", "--action", "deny"]), 1);
    assert_eq!(count(&["--rule", "alert-mcp-tools"]), 1);
    assert_eq!(count(&["--session", "6ffbd2c5-5ea9-43a3-80f2-a98ab824d9b3"]), 4);
    assert_eq!(count(&["--session", "another"]), 0);
    assert_eq!(count(&["--since", "1h"]), 4);
    assert_eq!(count(&["--since", "2999-01-01"]), 0);
    assert_eq!(count(&["--until", "2001-01-01"]), 0);
    for wrong in [["--action", "forbid"], ["--since", "yesterdayish"]] {
        assert!(matches!(sandbox.run(["audit"].iter().chain(&wrong)).code, Some(64 | 65)), "{wrong:?}");
    }
}

#[test]
fn audit_verify_finds_what_was_changed() {
    let sandbox = lived_in();
    assert_snapshot!(run(&sandbox, &["audit", "verify"]), @r#"
    exit 0
    -- stdout
    intact: [PROJECT]/.agentfirewall/audit.jsonl
      4 records
      last: record 4 of chain [CHAIN]
      head: [HASH]
      a log that lost its newest records, or was rewritten as a whole, passes too: compare the head with what a sink outside this machine received
    "#);
    let report = sandbox.run(["audit", "verify", "--json"]).exits(0).json();
    assert!(report.is_object(), "{report}");
    let whole = sandbox.log_text();
    let lines: Vec<&str> = whole.lines().collect();
    let rejoin = |lines: &[&str]| lines.join("\n") + "\n";
    let tampered = [
        ("a word", whole.replacen("sudo", "sulo", 1)),
        ("a record taken out", rejoin(&[lines[0], lines[2], lines[3]])),
        ("two records swapped", rejoin(&[lines[0], lines[2], lines[1], lines[3]])),
        ("a record twice", rejoin(&[lines[0], lines[1], lines[1], lines[2], lines[3]])),
    ];
    for (what, text) in tampered {
        assert_ne!(text, whole);
        sandbox.write(".agentfirewall/audit.jsonl", &text);
        let outcome = sandbox.run(["audit", "verify"]);
        assert_eq!(outcome.code, Some(1), "{what} is not found: {outcome:?}");
        assert_eq!(sandbox.log_text(), text, "verify changed the log");
    }
    sandbox.write(".agentfirewall/audit.jsonl", whole.replacen("sudo", "sulo", 1));
    assert_snapshot!(run(&sandbox, &["audit", "verify"]), @r#"
    exit 1
    -- stdout
    1 fault: [PROJECT]/.agentfirewall/audit.jsonl
      line 2: the record was changed after it was written
      3 records
      last: record 4 of chain [CHAIN]
      head: [HASH]
      a log that lost its newest records, or was rewritten as a whole, passes too: compare the head with what a sink outside this machine received
    "#);
}

#[test]
fn scan_lists_findings_by_line_and_column() {
    let sandbox = Sandbox::new();
    sandbox.write("src/clean.txt", "nothing to see\n");
    sandbox.run(["scan"]).exits(0);
    let token = samples::github_token(9);
    sandbox.write("src/config.txt", format!("# a comment\n  token = \"{token}\"\n"));
    sandbox.write("ignored/config.txt", format!("token = {token}\n"));
    sandbox.write(".gitignore", "ignored/\n");
    let outcome = sandbox.run(["scan"]);
    outcome.exits(1);
    assert!(outcome.stdout.contains("src/config.txt:2:12"), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains(&token), "the scan shows the secret itself: {outcome:?}");
    assert!(!outcome.stdout.contains("ignored/"), "{outcome:?}");
    assert_snapshot!(shown(&sandbox, &outcome), @r#"
    exit 1
    -- stdout
    src/config.txt:2:12: github-token critical/high
        token = "[secret:github-token#[TAG]]"

    1 finding in 1 file (3 files scanned, 0 skipped)
    "#);
    let all = sandbox.run(["scan", "--no-ignore"]);
    assert!(all.exits(1).stdout.contains("ignored/config.txt:1:9"), "{all:?}");
    let json = sandbox.run(["scan", "--json"]);
    json.exits(1);
    assert!(!json.stdout.contains(&token));
    json.json();
    let piped = sandbox.run_with(["scan", "-"], format!("x\nkey {token}\n").as_bytes());
    assert!(piped.exits(1).stdout.contains(":2:5"), "{piped:?}");
    let missing = sandbox.run(["scan", "no-such-folder"]);
    assert_eq!(missing.code, Some(74), "{missing:?}");
}

#[test]
fn plugins_are_listed_by_kind() {
    let sandbox = Sandbox::new();
    let list = sandbox.run(["plugins", "list"]);
    list.exits(0);
    for word in ["glob", "matcher", "detector", "sink"] {
        assert!(list.stdout.contains(word), "{word}: {list:?}");
    }
    // A thousand detectors are rules: they stand there by family.
    assert!(list.stdout.lines().count() < 150 && list.stderr.contains("--detectors"), "{list:?}");
    assert!(sandbox.run(["plugins", "list", "--detectors"]).exits(0).stdout.lines().count() > 1000);
    let json = sandbox.run(["plugins", "list", "--json"]).exits(0).json();
    let plugins = json.as_array().or_else(|| json["plugins"].as_array()).unwrap();
    for kind in ["matcher", "detector", "sink"] {
        assert!(plugins.iter().any(|plugin| plugin["kind"] == kind), "{kind}: {json:#}");
    }
    for plugin in plugins {
        for key in ["id", "kind", "summary"] {
            assert!(plugin[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {plugin}");
        }
    }
}
