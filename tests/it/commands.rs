//! The commands as a person and a program see them: texts, JSON, exit codes, and what they leave on disk.

use agentfirewall_tests::sandbox::{Outcome, Sandbox};
use insta::assert_snapshot;
use regex::Regex;
use serde_json::{Value, json};

use crate::samples;

const PAGE: &str = include_str!("page.yaml");

/// A text without what changes from run to run: paths, times, hashes, counts of milliseconds.
fn plain(sandbox: &Sandbox, text: &str) -> String {
    let mut text = text.to_owned();
    let root = sandbox.home.parent().unwrap();
    let folder = sandbox.program.parent().unwrap();
    for (path, name) in [
        (sandbox.program.as_path(), "[PROGRAM]"),
        (folder, "[BIN]"),
        (&sandbox.project, "[PROJECT]"),
        (&sandbox.home, "[HOME]"),
        (root, "[ROOT]"),
    ] {
        text = text.replace(path.to_str().unwrap(), name);
    }
    for (pattern, name) in [
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?", "[TIME]"),
        (r"\b\d{8}T?-?\d{6}(-\d+)?\b", "[TIME]"),
        (r"\b[0-9a-f]{64}\b", "[HASH]"),
        (r"\b[0-9a-f]{32}\b", "[CHAIN]"),
        (r"\b\d+(\.\d+)? ?(ms|µs|us|s)\b", "[DURATION]"),
        (r"agentfirewall(\s+)\d+\.\d+\.\d+", "agentfirewall$1[VERSION]"),
        // Trailing blanks are invisible in a snapshot.
        (r"(?m)[ \t]+$", ""),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
    }
    text
}

/// Exit code and both streams as one text.
fn shown(sandbox: &Sandbox, outcome: &Outcome) -> String {
    let mut text =
        format!("exit {}\n", outcome.code.map_or("by a signal".to_owned(), |code| code.to_string()));
    for (name, stream) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        if !stream.is_empty() {
            text += &format!("-- {name}\n{stream}");
        }
    }
    plain(sandbox, &text)
}

fn run(sandbox: &Sandbox, arguments: &[&str]) -> String {
    shown(sandbox, &sandbox.run(arguments))
}

/// A sandbox after `init` and `install`, with a few records.
fn lived_in() -> Sandbox {
    let sandbox = Sandbox::with_policy(PAGE);
    sandbox.bash("git status").passed();
    sandbox.bash("sudo ls").denied();
    sandbox.call("Read", json!({"file_path": sandbox.project.join("a.txt")})).passed();
    sandbox.call("mcp__demo__send_mail", json!({"to": "a@example.org"})).passed();
    sandbox
}

#[test]
fn help_of_the_program() {
    assert_snapshot!(run(&Sandbox::new(), &["--help"]), @"");
}

#[test]
fn help_of_init() {
    assert_snapshot!(run(&Sandbox::new(), &["init", "--help"]), @"");
}

#[test]
fn help_of_install() {
    assert_snapshot!(run(&Sandbox::new(), &["install", "--help"]), @"");
}

#[test]
fn help_of_uninstall() {
    assert_snapshot!(run(&Sandbox::new(), &["uninstall", "--help"]), @"");
}

#[test]
fn help_of_doctor() {
    assert_snapshot!(run(&Sandbox::new(), &["doctor", "--help"]), @"");
}

#[test]
fn help_of_validate() {
    assert_snapshot!(run(&Sandbox::new(), &["validate", "--help"]), @"");
}

#[test]
fn help_of_check() {
    assert_snapshot!(run(&Sandbox::new(), &["check", "--help"]), @"");
}

#[test]
fn help_of_audit() {
    assert_snapshot!(run(&Sandbox::new(), &["audit", "--help"]), @"");
}

#[test]
fn help_of_audit_verify() {
    assert_snapshot!(run(&Sandbox::new(), &["audit", "verify", "--help"]), @"");
}

#[test]
fn help_of_scan() {
    assert_snapshot!(run(&Sandbox::new(), &["scan", "--help"]), @"");
}

#[test]
fn help_of_plugins() {
    assert_snapshot!(run(&Sandbox::new(), &["plugins", "--help"]), @"");
}

#[test]
fn help_of_plugins_list() {
    assert_snapshot!(run(&Sandbox::new(), &["plugins", "list", "--help"]), @"");
}

#[test]
fn help_of_deliver() {
    assert_snapshot!(run(&Sandbox::new(), &["deliver", "--help"]), @"");
}

#[test]
fn help_of_completions() {
    assert_snapshot!(run(&Sandbox::new(), &["completions", "--help"]), @"");
}

#[test]
fn help_of_man() {
    assert_snapshot!(run(&Sandbox::new(), &["man", "--help"]), @"");
}

#[test]
fn every_command_is_in_the_help_of_the_program_and_answers_help_itself() {
    let sandbox = Sandbox::new();
    let help = sandbox.run(["--help"]);
    for command in [
        "init",
        "install",
        "uninstall",
        "doctor",
        "validate",
        "check",
        "audit",
        "scan",
        "plugins",
        "deliver",
        "completions",
        "man",
        "hook",
    ] {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command}: {}", help.stdout);
        let own = sandbox.run([command, "--help"]);
        if command == "hook" {
            // Whatever follows `hook` is the hook's business, and nothing of it may let a call run.
            own.exits(2);
        } else {
            own.exits(0);
            assert!(own.stdout.contains("Usage: agentfirewall"), "{own:?}");
        }
    }
    assert!(sandbox.run(["--version"]).stdout.starts_with("agentfirewall 0."));
}

#[test]
fn wrong_arguments_are_a_usage_error_with_a_suggestion() {
    let sandbox = Sandbox::new();
    for arguments in [&["instal"][..], &["install", "--scope", "everywhere"], &["scan", "--jsn"], &[]] {
        let outcome = sandbox.run(arguments);
        assert!(outcome.code == Some(64), "{arguments:?}: {outcome:?}");
        assert!(outcome.stdout.is_empty() && !outcome.stderr.is_empty());
    }
    assert!(sandbox.run(["instal"]).stderr.contains("install"));
}

#[test]
fn init_in_an_empty_repository() {
    let sandbox = Sandbox::new();
    assert_snapshot!(run(&sandbox, &["init"]), @"");
    assert!(sandbox.has(".agentfirewall/policy.yaml"));
    assert_eq!(sandbox.read(".agentfirewall/audit.jsonl"), "", "the log is empty");
    sandbox.run(["validate"]).exits(0);
}

#[test]
fn init_again_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.run(["init"]).exits(0);
    sandbox.policy("version: \"1.0\"\nname: mine\ndefault_action: allow\nrules: []\n");
    sandbox.bash("ls").passed();
    let log = sandbox.log_text();
    assert_snapshot!(run(&sandbox, &["init"]), @"");
    assert!(sandbox.read(".agentfirewall/policy.yaml").contains("name: mine"));
    assert_eq!(sandbox.log_text(), log);
}

#[test]
fn validate_says_what_the_rules_are() {
    let sandbox = Sandbox::with_policy(PAGE);
    assert_snapshot!(run(&sandbox, &["validate"]), @"");
}

const FIVE_MISTAKES: &str = r#"version: "1.0"
name: five
defualt_action: log
rules:
  - name: first
    tools: ["Bash"]
    action: dney
    reason: "typo in the action"
  - name: second
    tool: ["Write"]
    action: deny
    reason: "typo in a key"
  - name: third
    tools: ["Bash"]
    resources: []
    action: deny
    reason: "an empty list never matches"
  - name: fourth
    tools: ["Bash"]
    match:
      globb: ["*.pem"]
    action: ask
    reason: "no such matcher"
"#;

#[test]
fn validate_names_all_five_mistakes_with_line_column_and_advice() {
    let sandbox = Sandbox::with_policy(FIVE_MISTAKES);
    let outcome = sandbox.run(["validate"]);
    outcome.exits(1);
    let text = shown(&sandbox, &outcome);
    for (line, column) in [(3, 1), (7, 13), (10, 5), (15, 16), (21, 7)] {
        assert!(text.contains(&format!(":{line}:{column}")), "{line}:{column} is not named in\n{text}");
    }
    assert_snapshot!(text, @"");
}

#[test]
fn validate_as_json_has_the_same_places() {
    let sandbox = Sandbox::with_policy(FIVE_MISTAKES);
    let outcome = sandbox.run(["validate", "--json"]);
    outcome.exits(1);
    let report = outcome.json();
    let places: Vec<(u64, u64)> = problems(&report)
        .iter()
        .map(|problem| (problem["line"].as_u64().unwrap(), problem["column"].as_u64().unwrap()))
        .collect();
    assert_eq!(places, [(3, 1), (7, 13), (10, 5), (15, 16), (21, 7)], "{report:#}");
    let advised = problems(&report)
        .into_iter()
        .filter(|problem| problem["help"].as_str().is_some_and(|help| !help.is_empty()));
    assert_eq!(advised.count(), 5, "{report:#}");
    Sandbox::with_policy(PAGE).run(["validate", "--json"]).exits(0).json();
}

/// Every object of a report that says a line.
fn problems(report: &Value) -> Vec<&Value> {
    match report {
        Value::Object(map) if map.contains_key("line") && map.contains_key("message") => vec![report],
        Value::Object(map) => map.values().flat_map(problems).collect(),
        Value::Array(items) => items.iter().flat_map(problems).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn check_answers_with_its_exit_code() {
    let sandbox = Sandbox::with_policy(
        "version: \"1.0\"\nname: c\ndefault_action: log\nrules:\n  - name: no-sudo\n    tools: [\"Bash\"]\n    \
         resources: [\"sudo *\"]\n    action: deny\n    reason: \"not as root\"\n    suggest: \"ask a person\"\n  - name: \
         ask-push\n    tools: [\"Bash\"]\n    resources: [\"git push*\"]\n    action: ask\n    reason: \"a push is public\"\n",
    );
    assert_snapshot!(run(&sandbox, &["check", "--tool", "Bash", "--command", "git status"]), @"");
    assert_snapshot!(run(&sandbox, &["check", "--tool", "Bash", "--command", "sudo ls"]), @"");
    assert_snapshot!(run(&sandbox, &["check", "--tool", "Bash", "--command", "git push"]), @"");
    assert_snapshot!(run(&sandbox, &["check", "--tool", "Write", "--path", "a.txt"]), @"");
    assert_eq!(sandbox.log_text(), "", "check records nothing unless asked to");
    sandbox.run(["check", "--tool", "Bash", "--command", "sudo ls", "--record"]).exits(2);
    assert_eq!(sandbox.log().len(), 1);
}

#[test]
fn check_reads_a_call_as_json_and_answers_in_json() {
    let sandbox = Sandbox::with_policy(PAGE);
    for (call, code, action) in [
        (json!({"tool": "Bash", "input": {"command": "git status"}}), 0, "log"),
        (json!({"tool": "Bash", "input": {"command": "sudo ls"}}), 2, "deny"),
        (json!({"tool_name": "Bash", "tool_input": {"command": "sudo ls"}}), 2, "deny"),
    ] {
        let outcome = sandbox.run_with(["check", "--json"], call.to_string().as_bytes());
        outcome.exits(code);
        assert_eq!(outcome.json()["action"], action, "{call}: {outcome:?}");
    }
    let by_flag = sandbox.run(["check", "--json", "--tool", "Bash", "--input", r#"{"command": "sudo ls"}"#]);
    assert_snapshot!(plain(&sandbox, &by_flag.exits(2).stdout), @"");
    for wrong in ["", "{", "[]", r#"{"tool": "Bash"}"#, r#"{"tool": "Bash", "input": "ls"}"#] {
        let outcome = sandbox.run_with(["check"], wrong.as_bytes());
        assert!(matches!(outcome.code, Some(64 | 65)), "{wrong:?}: {outcome:?}");
    }
}

#[test]
fn check_by_one_policy_file_alone() {
    let sandbox = Sandbox::with_policy(PAGE);
    sandbox.write("other.yaml", "version: \"1.0\"\nname: other\ndefault_action: deny\nrules: []\n");
    sandbox.run(["check", "--tool", "Read", "--path", "a.txt"]).exits(0);
    sandbox.run(["check", "--tool", "Read", "--path", "a.txt", "--policy", "other.yaml"]).exits(2);
    let missing = sandbox.run(["check", "--tool", "Read", "--path", "a.txt", "--policy", "none.yaml"]);
    assert!(matches!(missing.code, Some(65 | 74)), "{missing:?}");
}

#[test]
fn audit_shows_the_records_and_filters_them() {
    let sandbox = lived_in();
    assert_snapshot!(run(&sandbox, &["audit"]), @"");
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
    assert_snapshot!(run(&sandbox, &["audit", "verify"]), @"");
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
    assert_snapshot!(run(&sandbox, &["audit", "verify"]), @"");
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
    assert_snapshot!(shown(&sandbox, &outcome), @"");
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

#[test]
fn install_shows_its_change_first_and_then_makes_it_once() {
    let sandbox = Sandbox::new();
    sandbox.run(["init"]).exits(0);
    assert_snapshot!(run(&sandbox, &["install", "--dry-run"]), @"");
    assert!(!sandbox.has(".claude"), "a dry run writes nothing");
    assert_snapshot!(run(&sandbox, &["install"]), @"");
    let settings = sandbox.read(".claude/settings.local.json");
    assert_snapshot!(plain(&sandbox, &settings), @"");
    assert_snapshot!(run(&sandbox, &["install"]), @"");
    assert_eq!(sandbox.read(".claude/settings.local.json"), settings, "the second install changed the file");
    assert_snapshot!(run(&sandbox, &["uninstall"]), @"");
    let left = if sandbox.has(".claude/settings.local.json") {
        sandbox.read(".claude/settings.local.json")
    } else {
        String::new()
    };
    assert!(!left.contains("agentfirewall"), "{left}");
}

#[test]
fn install_keeps_what_a_person_wrote_and_uninstall_restores_it() {
    let sandbox = Sandbox::new();
    let before = "{\n  \"zebra\": 1,\n  \"permissions\": {\n    \"allow\": [\"Bash(ls:*)\"]\n  },\n  \"hooks\": {\n    \
                  \"PreToolUse\": [\n      {\"matcher\": \"Bash\", \"hooks\": [{\"type\": \"command\", \"command\": \"true\"}]}\n    ]\n  },\n  \
                  \"apple\": 2.50\n}\n";
    sandbox.write(".claude/settings.local.json", before);
    sandbox.run(["install"]).exits(0);
    let after = sandbox.read(".claude/settings.local.json");
    let parsed: Value = serde_json::from_str(&after).unwrap();
    assert_eq!(parsed["hooks"]["PreToolUse"][0]["hooks"][0]["command"], "true");
    assert_eq!(parsed["permissions"]["allow"], json!(["Bash(ls:*)"]));
    assert!(after.find("zebra").unwrap() < after.find("apple").unwrap() && after.contains("2.50"), "{after}");
    assert!(after.contains("\"onFailure\": \"block\""), "{after}");
    sandbox.run(["uninstall"]).exits(0);
    assert_eq!(sandbox.read(".claude/settings.local.json"), before);
}

#[test]
fn install_refuses_a_file_that_the_client_would_reject_and_loses_nothing() {
    for wrong in [
        "{\n  // a comment\n  \"hooks\": {}\n}\n",
        "{\"hooks\": {},}\n",
        "{\"hooks\": {\"PreToolUse\": [{\"hooks\": [{\"type\": \"command\"}]}]}}\n",
        "{\"hooks\":",
        "[]",
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(".claude/settings.local.json", wrong);
        let outcome = sandbox.run(["install"]);
        assert_eq!(outcome.code, Some(65), "{wrong:?}: {outcome:?}");
        assert!(outcome.stderr.contains("settings.local.json"), "{outcome:?}");
        assert_eq!(sandbox.read(".claude/settings.local.json"), wrong);
    }
}

#[test]
fn doctor_says_what_is_missing_and_then_that_all_is_well() {
    let sandbox = Sandbox::new();
    let before = sandbox.run(["doctor", "--json"]);
    before.exits(1);
    before.json();
    sandbox.run(["init"]).exits(0);
    sandbox.run(["install"]).exits(0);
    let after = sandbox.run(["doctor"]);
    after.exits(0);
    let report = sandbox.run(["doctor", "--json"]).exits(0).json();
    let mut keys: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_snapshot!(keys.join(" "), @"");
    sandbox.write(".claude/settings.json", r#"{"disableAllHooks": true}"#);
    let off = sandbox.run(["doctor"]);
    off.exits(1);
    assert!(off.stdout.contains("disableAllHooks") || off.stderr.contains("disableAllHooks"), "{off:?}");
}

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
                assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr))
            }
            Err(_) => {
                agentfirewall_tests::say(format!("{shell} is not installed: its completions were not parsed"))
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
    assert_snapshot!(pages.join("\n"), @"");
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
