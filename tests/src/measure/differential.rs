//! A comparison with `bash`: whatever construct it accepts, a command inside must be seen.

use std::process::{Command, Stdio};

use super::Random;
use super::machine::Machine;

/// A policy that stops one command only.
const POLICY: &str = r#"{"version": "1.0", "name": "differential", "default_action": "log",
"rules": [{"name": "zzq", "tools": ["Bash"], "resources": ["zzq", "zzq *"], "action": "deny", "reason": "found"}]}"#;

/// Constructs that run what stands in the place of `@`.
const AROUND: [&str; 104] = [
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
    "cat <<E\n$( @ )\nE\n",
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
    "[[ a =~ $( @ ) ]]",
    "[[ a && ( b || -n \"$( @ )\" ) ]]",
    "echo ${x/$( @ )/}",
    "echo \"${x:-\"$( @ )\"}\"",
    "echo \"${x:-'$( @ )'}\"",
    "echo ${x:$(( $( @ ) ))}",
    "echo \"a\"$( @ )'b'",
    "echo 'it'\\''s' $( @ )",
    "((x=$( @ )))",
    "a=([1]=$( @ ) b)",
    "echo {a,$( @ )}",
    "case x in $( @ )) ls;; esac",
    "case x in (a|b) ls;& (x) @;; esac",
    "f() ( @ ); f",
    "time -p @",
    "if [[ a ]]; then for x in b; do case $x in b) @;; esac; done; fi",
    "cat <<-E\n\t$( @ )\n\tE\n",
    "cat <<'E' ; @\n$( it's )\nE\n",
    "cat <<\"E\" | ls; @\n`it's`\nE\n",
    "ls 2>&1 >$( @ )",
    "x=1; x+=$( @ )",
    "echo $\"a $( @ )\"",
    "declare -A m=([k]=\"$( @ )\")",
    "cat < <( @ )",
    "a=([$( @ )]=x)",
    "((a[$( @ )]=1))",
    "((a[$( @ )]++))",
    "((++a[$( @ )]))",
    "echo ${a[$( @ )]}",
    "echo ${#a[$( @ )]}",
    "echo ${a[@]:$( @ )}",
    "echo ${x:+$( @ )}",
    "echo ${x:=$( @ )}",
    "echo ${x:?$( @ )}",
    "echo ${x#$( @ )}",
    "echo ${x%%$( @ )*}",
    "echo ${x//a/$( @ )}",
    "echo \"${x#'a'$( @ )}\"",
    "let x=$( @ )",
    "declare x=$( @ )",
    "f() { local x=$( @ ); }; f",
    "readonly y=$( @ )",
    "exec 3> $( @ )",
    "{ ls; } > $( @ )",
    "while read x; do ls; done < <( @ )",
    "while ls; do ls; done < $( @ )",
    "if ( @ ) then ls; fi",
    "@ |& ls",
    "for x in a; do ls; done; @",
    "f() { ls; }; f $( @ )",
    "echo $(( x[$( @ )] ))",
    "echo $(( 1 + `@` ))",
    "echo `@`",
    "x=a; case $x in a) ;; *) ;; esac; @",
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
            // What is put there must not end in the here-document of its line, nor be another text within backquotes.
            let torn = around.contains("<<")
                && inner.contains('\n')
                && !around.contains("\n$( @")
                && !around.contains("\n\t$( @");
            let unquoted = around.contains('`') && inner.contains(['`', '\\', '$', '#']);
            if torn || unquoted { inner } else { around.replace('@', &inner) }
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
