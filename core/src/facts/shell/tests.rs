use super::*;

fn commands(source: &str) -> Vec<String> {
    split(source, 0)
        .commands
        .iter()
        .map(|command| command.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" "))
        .filter(|text| !text.is_empty())
        .collect()
}

#[test]
fn commands_are_found_wherever_they_stand() {
    for (source, expected) in [
        ("git status", vec!["git status"]),
        ("git status; rm -rf ~", vec!["git status", "rm -rf ~"]),
        ("cd /tmp && sudo ls || true & wait", vec!["cd /tmp", "sudo ls", "true", "wait"]),
        ("a | b |& c", vec!["a", "b", "c"]),
        ("echo $(rm x) `sudo y`", vec!["echo $(rm x) `sudo y`", "rm x", "sudo y"]),
        ("echo \"$(rm x)\"", vec!["echo $(rm x)", "rm x"]),
        ("cat <(rm x) > >(tee y)", vec!["cat <() >()", "rm x", "tee y"]),
        ("(rm x; (sudo y))", vec!["rm x", "sudo y"]),
        ("if true; then rm x; fi", vec!["true", "rm x"]),
        ("for f in a b; do rm $f; done", vec!["rm $f"]),
        ("f() { rm x; }; f", vec!["rm x", "f"]),
        ("function g { rm x; }", vec!["rm x"]),
        ("case $x in a) rm x;; b) sudo y;; esac", vec!["rm x", "sudo y"]),
        ("A=1 B=2 rm x", vec!["rm x"]),
        ("P=rm; $P -rf x", vec!["rm -rf x"]),
        ("r\\m 'x' \"y\"z", vec!["rm x yz"]),
        ("$'\\x72\\x6d' x", vec!["rm x"]),
        ("rm${IFS}-rf${IFS}x", vec!["rm -rf x"]),
        ("true\nrm x # sudo y\nls", vec!["true", "rm x", "ls"]),
        ("rm \\\n -rf x", vec!["rm -rf x"]),
        ("[[ a && b ]] && rm x", vec!["[[ a b ]]", "rm x"]),
        ("echo $((1 + $(rm x)))", vec!["echo $((1 + $(rm x)))", "rm x"]),
        ("echo ${A:-$(rm x)}", vec!["echo ${A:-$(rm x)}", "rm x"]),
        ("{ rm x; }", vec!["rm x"]),
        ("while read l; do sudo $l; done < f", vec!["read l", "sudo $l"]),
        ("a=(x $(rm y)); ls", vec!["x $(rm y)", "rm y", "ls"]),
    ] {
        assert_eq!(commands(source), expected, "{source}");
    }
}

#[test]
fn text_that_only_mentions_a_command_is_no_command() {
    for (source, expected) in [
        ("git commit -m \"remove; sudo ls\"", vec!["git commit -m remove; sudo ls"]),
        ("echo 'rm -rf / && sudo x'", vec!["echo rm -rf / && sudo x"]),
        ("cat > f <<'EOF'\nsudo ls; $(rm x)\nEOF\nls", vec!["cat", "ls"]),
        ("cat <<EOF\nrun sudo ls\nEOF", vec!["cat"]),
        ("grep 'a|sudo b' f", vec!["grep a|sudo b f"]),
        ("echo a\\;sudo", vec!["echo a;sudo"]),
    ] {
        assert_eq!(commands(source), expected, "{source}");
    }
}

#[test]
fn heredocs_keep_their_bodies_and_their_substitutions() {
    let script = split("cat <<A <<-'B'\n$(rm x)\nA\n\tsudo\n\tB\nls", 0);
    assert_eq!(script.commands.iter().filter(|c| c.raw == "ls").count(), 1);
    let cat = &script.commands[0];
    assert_eq!(cat.input, ["$(rm x)\n", "sudo\n"]);
    assert!(script.commands.iter().any(|command| command.raw == "rm x"));
}

#[test]
fn redirections_are_no_arguments() {
    let script = split("echo x > a 2>>b &>c <d 2>&1 >| e", 0);
    let command = &script.commands[0];
    assert_eq!(command.words.len(), 2);
    let files: Vec<_> = command.redirects.iter().map(|r| (r.writes, r.target.text.as_str())).collect();
    assert_eq!(files, [(true, "a"), (true, "b"), (true, "c"), (false, "d"), (true, "e")]);
}

#[test]
fn bombs_end_quickly_and_are_undecidable() {
    for bomb in [
        "$(".repeat(20_000),
        "(".repeat(20_000),
        "`".repeat(20_001),
        "${".repeat(20_000),
        "$((".repeat(20_000),
        "<(".repeat(20_000),
        "a;".repeat(20_000),
        "\"$(".repeat(20_000),
    ] {
        let script = split(&bomb, 0);
        assert!(
            script.undecidable.is_some() || bomb.starts_with('`'),
            "{}",
            bomb.chars().take(4).collect::<String>()
        );
    }
    for harmless in ["a ".repeat(20_000), "'".repeat(20_001), "<<A ".repeat(2_000), "{ ".repeat(20_000)] {
        split(&harmless, 0);
    }
}

#[test]
fn nothing_makes_it_panic() {
    let alphabet = [
        "$", "(", ")", "`", "'", "\"", "\\", "\n", "<<", "E", ">", "|", "&", ";", "{", "}", " ", "é", "[[",
        "=", "#",
    ];
    let mut seed = 7_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..12 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(alphabet[(seed >> 33) as usize % alphabet.len()]);
        }
        split(&text, 0);
    }
}
