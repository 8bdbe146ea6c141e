//! A comparison with `bash`: whatever construct it accepts, a command inside must be seen.

use std::process::{Command, Stdio};

use super::Random;
use super::machine::Machine;

/// A policy that stops one command only.
const POLICY: &str = r#"{"version": "1.0", "name": "differential", "default_action": "log",
"rules": [{"name": "zzq", "tools": ["Bash"], "resources": ["zzq", "zzq *"], "action": "deny", "reason": "found"}]}"#;

/// Constructs that run what stands in the place of `@`.
const AROUND: [&str; 50] = [
    "@; ls",
    "ls; @",
    "ls && @",
    "ls || @",
    "ls | @",
    "@ | ls",
    "@ & ls",
    "! @",
    "( @ )",
    "{ @; }",
    "if @; then ls; fi",
    "if ls; then @; fi",
    "if ls; then :; else @; fi",
    "if a; then b; elif @; then c; fi",
    "while @; do break; done",
    "until ls; do @; done",
    "for i in 1; do @; done",
    "for ((i=0;i<1;i++)); do @; done",
    "case x in x) @;; esac",
    "case x in y) ls;; *) @;; esac",
    "f() { @; }; f",
    "function g { @; }; g",
    "echo $( @ )",
    "echo \"$( @ )\"",
    "x=$( @ )",
    "x=$( @ ) ls",
    "cat <( @ )",
    "ls > >( @ )",
    "cat <<< \"$( @ )\"",
    "cat <<E\n$( @ )\nE",
    "[[ -n $( @ ) ]]",
    "[ -n \"$( @ )\" ]",
    "echo ${x:-$( @ )}",
    "echo $(( $( @ ) + 1 ))",
    "export X=$( @ )",
    "local_x=($( @ ))",
    "a[$( @ )]=1",
    "ls > $( @ )",
    "time @",
    "coproc { @; }",
    "# comment\n@",
    "ls \\\n -l; @",
    "ls # it's\n@",
    "echo 'a\nb'; @",
    "X=1 Y=2; @",
    "select i in a; do @; done",
    "echo $'it\\'s'; @",
    "for i in $( @ ); do ls; done",
    "case $( @ ) in x) ls;; esac",
    "trap 'ls' EXIT; @",
];

/// What the comparison found.
#[derive(Debug, Default)]
pub struct Outcome {
    pub accepted: usize,
    pub rejected: usize,
    /// Scripts that `bash` accepts and whose command was not seen.
    pub unseen: Vec<String>,
}

/// Compares so many scripts. `None` if the machine has no `bash`.
pub fn compare(count: usize, seed: u64) -> Option<Outcome> {
    accepts("true")?;
    let machine = Machine::with_policy(POLICY);
    let judge = machine.judge();
    let mut random = Random::new(seed);
    let mut outcome = Outcome::default();
    for number in 0..count {
        // Every construct alone first, then constructs in constructs.
        let depth = if number < AROUND.len() { 1 } else { 2 + random.below(3) };
        let script = (0..depth).fold("zzq 1".to_owned(), |inner, _| {
            let around = AROUND.get(number).filter(|_| depth == 1).unwrap_or_else(|| random.one(&AROUND));
            around.replace('@', &inner)
        });
        if !accepts(&script)? {
            outcome.rejected += 1;
            continue;
        }
        outcome.accepted += 1;
        if judge.script(&script).0.is_ok_and(|decision| !decision.action.stops()) {
            outcome.unseen.push(script);
        }
    }
    Some(outcome)
}

fn accepts(script: &str) -> Option<bool> {
    let status = Command::new("bash")
        .args(["-n", "-c", script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.ok().map(|status| status.success())
}
