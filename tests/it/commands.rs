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
        (r"#[0-9a-f]{4}\]", "#[TAG]]"),
        // True of a binary under test, not of an installed one.
        (r"(?m)^warning: `\[PROGRAM\]` looks like a build .*\n", ""),
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
    assert_snapshot!(run(&Sandbox::new(), &["--help"]), @r#"
    exit 0
    -- stdout
    A policy-enforced firewall for the tool calls of AI agents

    Usage: agentfirewall <COMMAND>

    Commands:
      init         Create .agentfirewall/ with a default policy and an empty audit log
      install      Add the firewall's hooks to Claude Code's settings
      uninstall    Remove the firewall's hooks from Claude Code's settings
      doctor       Check whether the hooks are really wired and will run
      validate     Validate a policy file and print its rules
      check        Decide one call given as flags or JSON (exit code: 0 passes, 2 deny, 3 ask)
      audit        Query or verify the audit log
      scan         Scan files for secrets
      plugins      List the plugins this binary is made of
      deliver      Deliver audit records to the configured sinks (the hook starts this by itself)
      completions  Print a completion script for a shell
      man          Write the manual pages into a folder
      hook         Answer an agent's hook: reads the payload from standard input (installed by
                   `install`)
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Start here:  agentfirewall init  &&  agentfirewall install  &&  agentfirewall doctor
    "#);
}

#[test]
fn help_of_init() {
    assert_snapshot!(run(&Sandbox::new(), &["init", "--help"]), @r#"
    exit 0
    -- stdout
    Create .agentfirewall/ with a default policy and an empty audit log

    Usage: agentfirewall init [OPTIONS]

    Options:
          --json     Print what was done as JSON
      -h, --help     Print help
      -V, --version  Print version
    "#);
}

#[test]
fn help_of_install() {
    assert_snapshot!(run(&Sandbox::new(), &["install", "--help"]), @r#"
    exit 0
    -- stdout
    Add the firewall's hooks to Claude Code's settings

    Usage: agentfirewall install [OPTIONS]

    Options:
          --scope <SCOPE>
              Which settings file to change

              Possible values:
              - user:    ~/.claude/settings.json: every project of this user
              - project: .claude/settings.json: everyone who works on this project
              - local:   .claude/settings.local.json: this project, for you alone
              - managed: The machine's managed settings: cannot be switched off by a user

              [default: local]

          --dry-run
              Show the change and write nothing

          --json
              Print the result as JSON

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[test]
fn help_of_uninstall() {
    assert_snapshot!(run(&Sandbox::new(), &["uninstall", "--help"]), @r#"
    exit 0
    -- stdout
    Remove the firewall's hooks from Claude Code's settings

    Usage: agentfirewall uninstall [OPTIONS]

    Options:
          --scope <SCOPE>
              Which settings file to change

              Possible values:
              - user:    ~/.claude/settings.json: every project of this user
              - project: .claude/settings.json: everyone who works on this project
              - local:   .claude/settings.local.json: this project, for you alone
              - managed: The machine's managed settings: cannot be switched off by a user

              [default: local]

          --dry-run
              Show the change and write nothing

          --json
              Print the result as JSON

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[test]
fn help_of_doctor() {
    assert_snapshot!(run(&Sandbox::new(), &["doctor", "--help"]), @r#"
    exit 0
    -- stdout
    Check whether the hooks are really wired and will run

    Usage: agentfirewall doctor [OPTIONS]

    Options:
          --live     Prove it: run the real client against a scripted model on the loopback and see a
                     call blocked
          --json     Print the report as JSON
      -h, --help     Print help
      -V, --version  Print version
    "#);
}

#[test]
fn help_of_validate() {
    assert_snapshot!(run(&Sandbox::new(), &["validate", "--help"]), @r#"
    exit 0
    -- stdout
    Validate a policy file and print its rules

    Usage: agentfirewall validate [OPTIONS]

    Options:
          --policy <FILE>  The policy file [default: every layer's policy that applies here]
          --json           Print rules and problems as JSON
      -h, --help           Print help
      -V, --version        Print version
    "#);
}

#[test]
fn help_of_check() {
    assert_snapshot!(run(&Sandbox::new(), &["check", "--help"]), @r#"
    exit 0
    -- stdout
    Decide one call given as flags or JSON (exit code: 0 passes, 2 deny, 3 ask)

    Usage: agentfirewall check [OPTIONS]

    Options:
          --tool <TOOL>        The tool, such as Bash, Write or mcp__server__tool; without it a call is
                               read as JSON from standard input
          --command <COMMAND>  The command of a shell tool
          --path <FILE>        The path of a file tool
          --input <JSON>       All parameters as a JSON object
          --policy <FILE>      Judge by this policy file alone
          --record             Write the decision to the audit log too
          --json               Print the decision as JSON
      -h, --help               Print help
      -V, --version            Print version
    "#);
}

#[test]
fn help_of_audit() {
    assert_snapshot!(run(&Sandbox::new(), &["audit", "--help"]), @r#"
    exit 0
    -- stdout
    Query or verify the audit log

    Usage: agentfirewall audit [OPTIONS]
           agentfirewall audit <COMMAND>

    Commands:
      verify  Check the hash chain from the first record to the last
      help    Print this message or the help of the given subcommand(s)

    Options:
          --log <FILE>         The log [default: the project's]
          --tail <N>           How many of the newest matching records to show [default: 20]
          --tool <TOOL>        Only this tool; wildcards as in a policy
          --action <ACTION>    Only this action: allow, log, alert, ask or deny
          --rule <RULE>        Only records decided by this rule
          --session <SESSION>  Only records of this session
          --since <TIME>       Only records at or after this time: RFC 3339, a date, or an age such as
                               30m, 12h, 7d
          --until <TIME>       Only records before this time
      -f, --follow             Keep printing records as they are written
          --json               Print the records as JSON Lines
      -h, --help               Print help
      -V, --version            Print version
    "#);
}

#[test]
fn help_of_audit_verify() {
    assert_snapshot!(run(&Sandbox::new(), &["audit", "verify", "--help"]), @r#"
    exit 0
    -- stdout
    Check the hash chain from the first record to the last

    Usage: agentfirewall audit verify [OPTIONS]

    Options:
          --log <FILE>  The log [default: the project's]
          --json        Print the report as JSON
      -h, --help        Print help
      -V, --version     Print version
    "#);
}

#[test]
fn help_of_scan() {
    assert_snapshot!(run(&Sandbox::new(), &["scan", "--help"]), @r#"
    exit 0
    -- stdout
    Scan files for secrets

    Usage: agentfirewall scan [OPTIONS] [PATH]

    Arguments:
      [PATH]
              The file or folder; `-` reads standard input

              [default: .]

    Options:
          --confidence <CONFIDENCE>
              The lowest confidence that is reported

              Possible values:
              - low:    Everything
              - medium: What looks like a secret
              - high:   What its structure proves

              [default: medium]

          --no-ignore
              Look into files that .gitignore and .ignore leave out too

          --json
              Print the findings as JSON

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[test]
fn help_of_plugins() {
    assert_snapshot!(run(&Sandbox::new(), &["plugins", "--help"]), @r#"
    exit 0
    -- stdout
    List the plugins this binary is made of

    Usage: agentfirewall plugins <COMMAND>

    Commands:
      list  Every matcher, detector and sink
      help  Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version
    "#);
}

#[test]
fn help_of_plugins_list() {
    assert_snapshot!(run(&Sandbox::new(), &["plugins", "list", "--help"]), @r#"
    exit 0
    -- stdout
    Every matcher, detector and sink

    Usage: agentfirewall plugins list [OPTIONS]

    Options:
          --json     Print the list as JSON
      -h, --help     Print help
      -V, --version  Print version
    "#);
}

#[test]
fn help_of_deliver() {
    assert_snapshot!(run(&Sandbox::new(), &["deliver", "--help"]), @r#"
    exit 0
    -- stdout
    Deliver audit records to the configured sinks (the hook starts this by itself)

    Usage: agentfirewall deliver [OPTIONS]

    Options:
          --log <FILE>  The log to deliver from [default: the project's]
      -h, --help        Print help
      -V, --version     Print version
    "#);
}

#[test]
fn help_of_completions() {
    assert_snapshot!(run(&Sandbox::new(), &["completions", "--help"]), @r#"
    exit 0
    -- stdout
    Print a completion script for a shell

    Usage: agentfirewall completions <SHELL>

    Arguments:
      <SHELL>  The shell [possible values: bash, elvish, fish, powershell, zsh]

    Options:
      -h, --help     Print help
      -V, --version  Print version
    "#);
}

#[test]
fn help_of_man() {
    assert_snapshot!(run(&Sandbox::new(), &["man", "--help"]), @r#"
    exit 0
    -- stdout
    Write the manual pages into a folder

    Usage: agentfirewall man <FOLDER>

    Arguments:
      <FOLDER>  The folder

    Options:
      -h, --help     Print help
      -V, --version  Print version
    "#);
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
        own.exits(0);
        assert!(own.stdout.contains("Usage: agentfirewall"), "{own:?}");
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
    ask: a push is public: `git push`
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
    assert_snapshot!(plain(&sandbox, &by_flag.exits(2).stdout), @r#"{"tool":"Bash","action":"deny","reason":"Dangerous shell commands blocked","part":"sudo ls","suggestion":null,"rule":{"layer":"project","name":"block-dangerous-bash","line":12},"findings":[],"would":null,"approve":false}"#);
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
    assert_snapshot!(run(&sandbox, &["install", "--dry-run"]), @r#"
    exit 0
    -- stdout
    --- [PROJECT]/.claude/settings.local.json
    +++ [PROJECT]/.claude/settings.local.json
    @@ -0,0 +1,82 @@
    +{
    +  "hooks": {
    +    "PreToolUse": [
    +      {
    +        "matcher": "*",
    +        "hooks": [
    +          {
    +            "type": "command",
    +            "command": "[PROGRAM]",
    +            "args": ["hook", "pre-tool-use"],
    +            "timeout": 30,
    +            "onFailure": "block"
    +          }
    +        ]
    +      }
    +    ],
    +    "PostToolUse": [
    +      {
    +        "matcher": "*",
    +        "hooks": [
    +          {
    +            "type": "command",
    +            "command": "[PROGRAM]",
    +            "args": ["hook", "post-tool-use"],
    +            "timeout": 30
    +          }
    +        ]
    +      }
    +    ],
    +    "PostToolUseFailure": [
    +      {
    +        "matcher": "*",
    +        "hooks": [
    +          {
    +            "type": "command",
    +            "command": "[PROGRAM]",
    +            "args": ["hook", "post-tool-use-failure"],
    +            "timeout": 30
    +          }
    +        ]
    +      }
    +    ],
    +    "UserPromptSubmit": [
    +      {
    +        "hooks": [
    +          {
    +            "type": "command",
    +            "command": "[PROGRAM]",
    +            "args": ["hook", "user-prompt-submit"],
    +            "timeout": 30,
    +            "onFailure": "block"
    +          }
    +        ]
    +      }
    +    ],
    +    "SessionStart": [
    +      {
    +        "hooks": [
    +          {
    +            "type": "command",
    +            "command": "[PROGRAM]",
    +            "args": ["hook", "session-start"],
    +            "timeout": 30
    +          }
    +        ]
    +      }
    +    ],
    +    "ConfigChange": [
    +      {
    +        "hooks": [
    +          {
    +            "type": "command",
    +            "command": "[PROGRAM]",
    +            "args": ["hook", "config-change"],
    +            "timeout": 30,
    +            "onFailure": "block"
    +          }
    +        ]
    +      }
    +    ]
    +  }
    +}
    -- stderr
    Nothing was written (--dry-run).
    warning: settings.local.json is yours alone: add `.claude/settings.local.json` and `.claude/*.agentfirewall-backup*` to .gitignore
    "#);
    assert!(!sandbox.has(".claude"), "a dry run writes nothing");
    assert_snapshot!(run(&sandbox, &["install"]), @r#"
    exit 0
    -- stdout
    Installed into [PROJECT]/.claude/settings.local.json (local settings).
      program: [PROGRAM] hook <event>
      wired:   PreToolUse, blocks if the hook itself fails
      wired:   PostToolUse
      wired:   PostToolUseFailure
      wired:   UserPromptSubmit, blocks if the hook itself fails
      wired:   SessionStart
      wired:   ConfigChange, blocks if the hook itself fails
    Check it with `agentfirewall doctor`; a client that is running picks it up by itself.
    -- stderr
    warning: settings.local.json is yours alone: add `.claude/settings.local.json` and `.claude/*.agentfirewall-backup*` to .gitignore
    "#);
    let settings = sandbox.read(".claude/settings.local.json");
    assert_snapshot!(plain(&sandbox, &settings), @r#"
    {
      "hooks": {
        "PreToolUse": [
          {
            "matcher": "*",
            "hooks": [
              {
                "type": "command",
                "command": "[PROGRAM]",
                "args": ["hook", "pre-tool-use"],
                "timeout": 30,
                "onFailure": "block"
              }
            ]
          }
        ],
        "PostToolUse": [
          {
            "matcher": "*",
            "hooks": [
              {
                "type": "command",
                "command": "[PROGRAM]",
                "args": ["hook", "post-tool-use"],
                "timeout": 30
              }
            ]
          }
        ],
        "PostToolUseFailure": [
          {
            "matcher": "*",
            "hooks": [
              {
                "type": "command",
                "command": "[PROGRAM]",
                "args": ["hook", "post-tool-use-failure"],
                "timeout": 30
              }
            ]
          }
        ],
        "UserPromptSubmit": [
          {
            "hooks": [
              {
                "type": "command",
                "command": "[PROGRAM]",
                "args": ["hook", "user-prompt-submit"],
                "timeout": 30,
                "onFailure": "block"
              }
            ]
          }
        ],
        "SessionStart": [
          {
            "hooks": [
              {
                "type": "command",
                "command": "[PROGRAM]",
                "args": ["hook", "session-start"],
                "timeout": 30
              }
            ]
          }
        ],
        "ConfigChange": [
          {
            "hooks": [
              {
                "type": "command",
                "command": "[PROGRAM]",
                "args": ["hook", "config-change"],
                "timeout": 30,
                "onFailure": "block"
              }
            ]
          }
        ]
      }
    }
    "#);
    assert_snapshot!(run(&sandbox, &["install"]), @r#"
    exit 0
    -- stdout
    [PROJECT]/.claude/settings.local.json stays as it is: everything is in place.
      program: [PROGRAM] hook <event>
      wired:   PreToolUse, blocks if the hook itself fails
      wired:   PostToolUse
      wired:   PostToolUseFailure
      wired:   UserPromptSubmit, blocks if the hook itself fails
      wired:   SessionStart
      wired:   ConfigChange, blocks if the hook itself fails
    Check it with `agentfirewall doctor`; a client that is running picks it up by itself.
    -- stderr
    warning: settings.local.json is yours alone: add `.claude/settings.local.json` and `.claude/*.agentfirewall-backup*` to .gitignore
    "#);
    assert_eq!(sandbox.read(".claude/settings.local.json"), settings, "the second install changed the file");
    assert_snapshot!(run(&sandbox, &["uninstall"]), @r#"
    exit 0
    -- stdout
    Removed 6 hook(s) from [PROJECT]/.claude/settings.local.json.
      backup: [PROJECT]/.claude/settings.local.json.agentfirewall-backup
    A client that is running keeps the hooks until it ends: the firewall does not let them go in between.
    "#);
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
    assert_snapshot!(keys.join(" "), @"checks protected");
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
    agentfirewall-audit-verify.1
    agentfirewall-audit.1
    agentfirewall-check.1
    agentfirewall-completions.1
    agentfirewall-deliver.1
    agentfirewall-doctor.1
    agentfirewall-hook.1
    agentfirewall-init.1
    agentfirewall-install.1
    agentfirewall-man.1
    agentfirewall-plugins-list.1
    agentfirewall-plugins.1
    agentfirewall-scan.1
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
