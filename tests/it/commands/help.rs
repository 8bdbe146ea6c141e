//! Help texts and usage errors.

mod scan;

use agentfirewall_tests::sandbox::Sandbox;
use insta::assert_snapshot;

use super::*;

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
      schema       Print the JSON Schema of a policy file, for editors
      packs        Show the built-in packs of rules that a policy can extend
      check        Decide one call given as flags or JSON (exit code: 0 passes, 2 deny, 3 ask)
      explain      Explain a call: what is understood, which rules decide (exit codes as for `check`)
      audit        Query, verify, count, export and sign the audit log
      scan         Scan files for secrets
      redact       Mask the secrets in what passes from standard input to standard output
      plugins      List, write, examine and install plugins
      deliver      Deliver audit records to the configured sinks (the hook starts this by itself)
      sinks        See how the sinks stand, test them, offer them again what they refused
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
          --extends <EXTENDS>  The built-in pack that the new policy extends; `agentfirewall packs`
                               lists them [default: recommended]
          --json               Print what was done as JSON
      -h, --help               Print help
      -V, --version            Print version
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
          --policy <FILE>       The policy file [default: every layer's policy that applies here]
          --plugin <NAME|FILE>  Use this plugin too: an installed one by its name, or a library file for
                                this run
          --json                Print rules and problems as JSON
      -h, --help                Print help
      -V, --version             Print version
    "#);
}

#[test]
fn help_of_packs() {
    let help = run(&Sandbox::new(), &["packs", "--help"]);
    for word in ["Show the built-in packs of rules", "[NAME]", "--effects", "--json"] {
        assert!(help.contains(word), "{help}");
    }
}

#[test]
fn help_of_schema() {
    assert_snapshot!(run(&Sandbox::new(), &["schema", "--help"]), @r#"
    exit 0
    -- stdout
    Print the JSON Schema of a policy file, for editors

    Usage: agentfirewall schema [OPTIONS]

    Options:
          --compact  Print it on one line
      -h, --help     Print help
      -V, --version  Print version
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
          --tool <TOOL>         The tool, such as Bash, Write or mcp__server__tool; without it a call is
                                read as JSON from standard input
          --command <COMMAND>   The command of a shell tool
          --path <FILE>         The path of a file tool
          --input <JSON>        All parameters as a JSON object
          --policy <FILE>       Judge by this policy file alone
          --plugin <NAME|FILE>  Use this plugin too: an installed one by its name, or a library file for
                                this run
          --record              Write the decision to the audit log too
          --json                Print the decision as JSON
      -h, --help                Print help
      -V, --version             Print version
    "#);
}

#[test]
fn help_of_explain() {
    assert_snapshot!(run(&Sandbox::new(), &["explain", "--help"]), @r#"
    exit 0
    -- stdout
    Explain a call: what is understood, which rules decide (exit codes as for `check`)

    Usage: agentfirewall explain [OPTIONS] [SCRIPT]

    Arguments:
      [SCRIPT]  A shell script, as the command of a Bash call; `-` reads a call or a hook's payload as
                JSON from standard input

    Options:
          --tool <TOOL>         The tool, such as Bash, Write or mcp__server__tool; without it a call is
                                read as JSON from standard input
          --command <COMMAND>   The command of a shell tool
          --path <FILE>         The path of a file tool
          --input <JSON>        All parameters as a JSON object
          --hook <AGENT>        Read a recorded payload of an agent's hook from standard input; the
                                agent is claude-code
          --policy <FILE>       Judge by this policy file alone
          --plugin <NAME|FILE>  Use this plugin too: an installed one by its name, or a library file for
                                this run
          --all                 Show every part and every rule that was asked, not only those that
                                matter most
          --json                Print the explanation as JSON
      -h, --help                Print help
      -V, --version             Print version
    "#);
}

#[test]
fn help_of_audit() {
    assert_snapshot!(run(&Sandbox::new(), &["audit", "--help"]), @r#"
    exit 0
    -- stdout
    Query, verify, count, export and sign the audit log

    Usage: agentfirewall audit [OPTIONS]
           agentfirewall audit <COMMAND>

    Commands:
      verify      Check the hash chain from the first record to the last, and against copies and
                  checkpoints
      stats       Count decisions by rule, tool, action, agent and day
      export      Write records as JSON Lines, CSV, Parquet, OCSF, ECS or CEF
      report      Write a page for people, complete in one file
      checkpoint  Sign the log's state: a note to keep outside this machine
      prove       Prove that a record is in the log of a checkpoint, or that one checkpoint continues
                  another
      key         Show the keys that sign checkpoints, or make a new one
      prune       Remove the old files that the policy does not keep (the hook starts this by itself)
      help        Print this message or the help of the given subcommand(s)

    Options:
          --log <FILE>         The log [default: the project's]
          --tool <TOOL>        Only this tool; wildcards as in a policy
          --action <ACTION>    Only this action: allow, log, alert, ask or deny
          --rule <RULE>        Only records decided by this rule
          --session <SESSION>  Only records of this session
          --since <TIME>       Only records at or after this time: RFC 3339, a date, or an age such as
                               30m, 12h, 7d
          --until <TIME>       Only records before this time
          --tail <N>           How many of the newest matching records to show [default: 20]
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
    Check the hash chain from the first record to the last, and against copies and checkpoints

    Usage: agentfirewall audit verify [OPTIONS]

    Options:
          --log <FILE>         The log [default: the project's]
          --against <FILE>     Compare with a copy that left the machine: JSON Lines of records, sink
                               events, OCSF or ECS
          --from <FILE>        Check instead records that were collected elsewhere, of any number of
                               logs: JSON Lines, `-` for standard input
          --partial            With `--from`: the sink was told of some records only, so what is missing
                               between them is no fault
          --checkpoint <FILE>  Compare with a signed checkpoint
          --proof <FILE>       Check an inclusion proof instead of the log; `--record` says of which
                               record
          --record <HASH>      The `_hash` of the record that `--proof` is of
          --key <FILE>         Accept only the public keys in this file, one a line [default: this
                               installation's keys]
          --json               Print the report as JSON
      -h, --help               Print help
      -V, --version            Print version
    "#);
}

#[test]
fn help_of_plugins() {
    assert_snapshot!(run(&Sandbox::new(), &["plugins", "--help"]), @r#"
    exit 0
    -- stdout
    List, write, examine and install plugins

    Usage: agentfirewall plugins <COMMAND>

    Commands:
      list    Every matcher, detector and sink: where it comes from and whether it takes part
      info    All that is known of an installed plugin, or of one matcher, detector or sink
      new     Write a crate for a plugin of your own: it builds, passes its tests and can be loaded at
              once
      check   Examine a plugin library: ABI, metadata, examples, hostile input, speed; installs nothing
      add     Examine a plugin library, copy it into the private store and pin its content
      remove  Take a plugin out
      trust   Pin the SHA-256 of a library that is still to be added, here or on another machine
      help    Print this message or the help of the given subcommand(s)

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
    Every matcher, detector and sink: where it comes from and whether it takes part

    Usage: agentfirewall plugins list [OPTIONS]

    Options:
          --kind <KIND>
              Only this kind

              Possible values:
              - matcher:  Answers a condition of a rule
              - detector: Finds secrets
              - sink:     Delivers events

          --installed
              Only what came with installed plugins

          --detectors
              Every detector that is a rule of the program, in a line of its own instead of by family

          --json
              Print the list as JSON, every detector in it

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    "#);
}

#[test]
fn help_of_plugins_new() {
    assert_snapshot!(run(&Sandbox::new(), &["plugins", "new", "--help"]), @r#"
    exit 0
    -- stdout
    Write a crate for a plugin of your own: it builds, passes its tests and can be loaded at once

    Usage: agentfirewall plugins new [OPTIONS] <KIND> <NAME>

    Arguments:
      <KIND>
              What it is

              Possible values:
              - matcher:  Answers a condition of a rule
              - detector: Finds secrets
              - sink:     Delivers events

      <NAME>
              Its name: lower-case words joined by hyphens, such as acme-token

    Options:
          --path <DIR>
              The folder to write it into, new or empty [default: a new one with the plugin's name]

          --sdk <DIR>
              Build with the SDK in this folder instead of the registry's

          --json
              Print what was written as JSON

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
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
          --once        Deliver what is there now and end, without waiting for pauses or for the end of
                        a flood
          --follow      Stay and deliver records as they come, until it is ended: for a service
          --unit        Print a unit file of systemd for `deliver --follow` and end
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
        "packs",
        "schema",
        "check",
        "explain",
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
