//! `init`, `validate` and `check`.

use agentfirewall_tests::sandbox::Sandbox;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::*;

#[test]
fn init_in_an_empty_repository() {
    let sandbox = Sandbox::new();
    assert_snapshot!(run(&sandbox, &["init"]), @r#"
    exit 0
    -- stdout
    Created .agentfirewall/policy.yaml
    Created .agentfirewall/audit.jsonl

    The audit log belongs to this machine. If you use git, ignore it:
      echo '.agentfirewall/audit.jsonl*' >> .gitignore
    Next: agentfirewall install
    "#);
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
    assert_snapshot!(run(&sandbox, &["init"]), @r#"
    exit 0
    -- stdout
    .agentfirewall/policy.yaml already exists
    .agentfirewall/audit.jsonl already exists

    The audit log belongs to this machine. If you use git, ignore it:
      echo '.agentfirewall/audit.jsonl*' >> .gitignore
    Next: agentfirewall install
    "#);
    assert!(sandbox.read(".agentfirewall/policy.yaml").contains("name: mine"));
    assert_eq!(sandbox.log_text(), log);
}

#[test]
fn validate_says_what_the_rules_are() {
    let sandbox = Sandbox::with_policy(PAGE);
    assert_snapshot!(run(&sandbox, &["validate"]), @r#"
    exit 0
    -- stdout
    Policy: my-policy (v1.0)
    Layer: project ([PROJECT]/.agentfirewall/policy.yaml)
    Description: Custom security policy
    Default action: log
    Rules: 4
      - allow-read-operations: allow [Read, Glob, Grep]
      - block-dangerous-bash: deny [Bash]
      - alert-mcp-tools: alert [mcp__*]
      - log-all-writes: log [Write, Edit]
    Policy is valid.
    "#);
}

pub(super) const FIVE_MISTAKES: &str = r#"version: "1.0"
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
    outcome.exits(65);
    let text = shown(&sandbox, &outcome);
    for (line, column) in [(3, 1), (7, 13), (10, 5), (15, 16), (21, 7)] {
        assert!(text.contains(&format!(":{line}:{column}")), "{line}:{column} is not named in\n{text}");
    }
    assert_snapshot!(text, @r#"
    exit 65
    -- stderr
    error[AF003]: unknown key `defualt_action` in the policy
     --> [PROJECT]/.agentfirewall/policy.yaml:3:1
      |
    3 | defualt_action: log
      | ^^^^^^^^^^^^^^
      |
      = help: did you mean `default_action`?
    error[AF006]: unknown value `dney` for `action`
     --> [PROJECT]/.agentfirewall/policy.yaml:7:13
      |
    7 |     action: dney
      |             ^^^^
      |
      = help: did you mean `deny`?
    error[AF003]: unknown key `tool` in a rule
      --> [PROJECT]/.agentfirewall/policy.yaml:10:5
       |
    10 |     tool: ["Write"]
       |     ^^^^
       |
       = help: did you mean `tools`?
    error[AF007]: `resources` is an empty list, so the rule can never match
      --> [PROJECT]/.agentfirewall/policy.yaml:15:16
       |
    15 |     resources: []
       |                ^
       |
       = help: leave `resources` out to match everything, or list patterns such as ["*"]
    error[AF008]: no matcher is called `globb`
      --> [PROJECT]/.agentfirewall/policy.yaml:21:7
       |
    21 |       globb: ["*.pem"]
       |       ^^^^^
       |
       = help: did you mean `glob`?
    [PROJECT]/.agentfirewall/policy.yaml: 5 errors. Policy is not valid.
    "#);
}

#[test]
fn validate_as_json_has_the_same_places() {
    let sandbox = Sandbox::with_policy(FIVE_MISTAKES);
    let outcome = sandbox.run(["validate", "--json"]);
    outcome.exits(65);
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
    assert_snapshot!(run(&sandbox, &["check", "--tool", "Bash", "--command", "git status"]), @r#"
    exit 0
    -- stdout
    log: no rule of the project policy is about this Bash call
      rule `default_action` of the project policy
    "#);
    assert_snapshot!(run(&sandbox, &["check", "--tool", "Bash", "--command", "sudo ls"]), @r#"
    exit 2
    -- stdout
    deny: not as root: `sudo ls`
      rule `no-sudo` of the project policy, line 5
      instead: ask a person
    "#);
    assert_snapshot!(run(&sandbox, &["check", "--tool", "Bash", "--command", "git push"]), @r#"
    exit 3
    -- stdout
    ask: a push is public
      rule `ask-push` of the project policy, line 11
    "#);
    assert_snapshot!(run(&sandbox, &["check", "--tool", "Write", "--path", "a.txt"]), @r#"
    exit 0
    -- stdout
    log: no rule of the project policy is about this Write call
      rule `default_action` of the project policy
    "#);
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
    assert_snapshot!(plain(&sandbox, &by_flag.exits(2).stdout), @r#"{"tool":"Bash","action":"deny","reason":"Dangerous shell commands blocked","part":"sudo ls","suggestion":null,"rule":{"layer":"project","name":"block-dangerous-bash","line":12},"findings":[],"would":null,"plugins":[],"plugin_failures":[],"approve":false}"#);
    for wrong in ["", "{", "[]", r#"{"input": {}}"#, r#"{"tool": "Bash", "input": "ls"}"#] {
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
fn a_secret_that_the_end_of_a_shown_part_would_cut_is_masked_whole() {
    let sandbox = Sandbox::with_policy(
        "default_action: log\nrules:\n  - {name: no-push, resources: ['git push *'], action: deny}\n",
    );
    let token = concat!("ghp", "_StZsxnTSWsbCBpWUedoB6SJ95Ypuie0AKxrk");
    for before in [85, 95, 105, 115] {
        let command = format!("git push {} {token} && ls", "x".repeat(before - 10));
        let outcome = sandbox.run(["check", "--tool", "Bash", "--command", &command, "--record"]);
        outcome.exits(2);
        assert!(!format!("{outcome:?}").contains("ghp_StZ"), "{outcome:?}");
        assert!(!sandbox.log_text().contains("ghp_StZ"), "{}", sandbox.log_text());
    }
}
