//! `scan --help`.

use super::*;

#[test]
fn help_of_scan() {
    assert_snapshot!(run(&Sandbox::new(), &["scan", "--help"]), @r#"
    exit 0
    -- stdout
    Scan files for secrets

    Usage: agentfirewall scan [OPTIONS] [PATH]...

    Arguments:
      [PATH]...
              Files and folders; `-` reads standard input [default: the working folder]

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Sources:
          --staged
              Scan the lines that are added in git's index, for a pre-commit hook

          --git
              Scan the lines that any commit of the repository added; PATH is the repository

          --since <REV|TIME>
              With --git: only commits after this commit, tag or branch, or since this time (a date, or
              an age such as 7d)

          --branch <NAME>
              With --git: only commits of this branch [default: every branch and tag]

          --mcp
              Audit the configuration files of coding agents and their MCP servers: of a project, and of
              the user if no PATH is given

              [alias: --agent-config]

    Selection:
          --confidence <LEVEL>
              The lowest confidence that is reported

              Possible values:
              - low:    Everything
              - medium: What looks like a secret
              - high:   What its structure proves

              [default: medium]

          --severity <LEVEL>
              The lowest severity that is reported

              Possible values:
              - info:     Everything
              - low:      A little harm
              - medium:   Harm in the wrong hands
              - high:     Access to data or money
              - critical: Control of an account or a system

              [default: info]

          --exclude <GLOB>
              Leave out paths that match this pattern (as in a .gitignore); may be repeated

          --include <GLOB>
              Scan only paths that match one of these patterns (as in a .gitignore)

          --no-ignore
              Look into files that .gitignore, .ignore and .agentfirewallignore leave out too

          --no-inline-ignore
              Report findings that a comment such as `agentfirewall:allow` allows, too

          --no-archives
              Do not look into archives and compressed files

          --max-unpacked <MIB>
              How many MiB may be unpacked of one archive

              [default: 1024]

          --plugin <NAME|FILE>
              Use this plugin's detectors, whatever the policy says: an installed one by its name, or a
              library file for this run

          --policy <FILE>
              Take detectors' settings from this policy file [default: every layer's policy that applies
              here]

          --rules <FILE>
              Find what these detection rules describe, too: a file in the form of a policy's `secrets:
              {rules: ...}`, or a configuration of gitleaks (TOML)

    Baseline:
          --baseline <FILE>
              Findings that are listed in this file are known and not reported

          --update-baseline
              Write what is found to the baseline and report nothing

    Output:
          --format <FORMAT>
              How the findings are printed

              Possible values:
              - text:   For people
              - json:   One JSON document
              - jsonl:  One JSON object a line: the findings, then the summary
              - sarif:  SARIF 2.1.0, for code scanning
              - junit:  JUnit XML, for test reports
              - csv:    Comma-separated values, for tables
              - github: Annotations of GitHub Actions

              [default: text]

      -o, --output <FILE>
              Print to this file instead of standard output

          --json
              Print the findings as JSON; the same as --format json

          --fail-on <LEVEL>
              End with exit code 1 only for findings of at least this severity; `none`: for no finding

              Possible values:
              - info:     Every reported finding
              - low:      Low and above
              - medium:   Medium and above
              - high:     High and above
              - critical: Critical alone
              - none:     No finding

              [default: info]
    "#);
}
