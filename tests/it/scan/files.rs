//! Files, folders and standard input: what is read, what is left out, and how a scan says what it could not read.

use super::*;

#[test]
fn several_paths_and_standard_input_in_one_run() {
    let sandbox = Sandbox::new();
    for (number, path) in ["a/one.txt", "b/two.txt", "c/three.txt"].iter().enumerate() {
        sandbox.write(path, samples::github_token(number as u64 + 1));
    }
    let (code, report) = scan(&sandbox, &["b", "a/one.txt"]);
    assert_eq!((code, places(&report)), (Some(1), vec!["a/one.txt:1".to_owned(), "b/two.txt:1".to_owned()]));
    let outcome =
        sandbox.run_with(["scan", "--json", "-", "a"], format!("\n{}", samples::github_token(9)).as_bytes());
    assert_eq!(places(&outcome.json()), ["-:2", "a/one.txt:1"]);
}

#[test]
fn patterns_and_ignore_files_choose_paths() {
    let sandbox = Sandbox::new();
    for path in ["src/a.py", "src/a.rs", "tests/data/a.py", "gen/a.py", "kept.py"] {
        sandbox.write(path, samples::github_token(1));
    }
    let found = |arguments: &[&str]| places(&scan(&sandbox, arguments).1);
    assert_eq!(
        found(&["--include", "*.py", "--exclude", "tests/"]),
        ["gen/a.py:1", "kept.py:1", "src/a.py:1"]
    );
    assert_eq!(found(&["--exclude", "*.py", "src/a.py", "src/a.rs"]), ["src/a.rs:1"]);
    sandbox.write(".agentfirewallignore", "gen/\n*.rs\n!tests\n");
    assert_eq!(found(&[]), ["kept.py:1", "src/a.py:1", "tests/data/a.py:1"]);
    assert_eq!(found(&["--no-ignore"]).len(), 5);
    assert_eq!(sandbox.run(["scan", "--exclude", "a{b"]).code, Some(64));
}

#[test]
fn a_project_that_hides_from_the_scan_does_not_hide_from_the_hook() {
    let sandbox = Sandbox::new();
    sandbox.write(".agentfirewallignore", "*\n");
    let call =
        serde_json::json!({"file_path": sandbox.project.join("a.txt"), "content": samples::github_token(1)});
    sandbox.call("Write", call).denied();
}

#[test]
fn comments_allow_and_the_count_of_them_is_told() {
    let sandbox = Sandbox::new();
    let token = samples::github_token(1);
    let lines = [
        format!("a = '{token}' # agentfirewall:allow"),
        format!("b = '{token}' # agentfirewall:allow github-token"),
        format!("c = '{token}' # agentfirewall:allow aws-access-key"),
        format!("d = '{token}' # gitleaks:allow"),
        "# pragma: allowlist nextline secret".to_owned(),
        format!("e = '{token}'"),
        format!("f = '{token}'"),
    ];
    sandbox.write("a.py", lines.join("\n"));
    let (_, report) = scan(&sandbox, &[]);
    assert_eq!(places(&report), ["a.py:3", "a.py:7"]);
    assert_eq!(report["summary"]["allowed"], 4);
    assert_eq!(places(&scan(&sandbox, &["--no-inline-ignore"]).1).len(), 6);
}

#[test]
fn utf16_is_text_and_binary_files_are_counted() {
    let sandbox = Sandbox::new();
    let text = format!("# é\r\ntoken = {}\r\n", samples::github_token(1));
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect();
    sandbox.write("little.txt", little);
    sandbox.write("big.txt", big);
    sandbox.write("program.bin", [b"\x7fELF\x02\0\0\0", text.as_bytes()].concat());
    let (_, report) = scan(&sandbox, &[]);
    assert_eq!(places(&report), ["big.txt:2", "little.txt:2"]);
    assert_eq!(report["findings"][0]["column"], 9);
    assert_eq!(report["summary"]["files_skipped"], 1);
}

#[test]
fn thresholds_decide_what_is_reported_and_what_fails() {
    let sandbox = Sandbox::new();
    sandbox.write("a.txt", samples::github_token(1));
    assert_eq!(sandbox.run(["scan", "--severity", "critical"]).code, Some(1));
    assert_eq!(sandbox.run(["scan", "--confidence", "high"]).code, Some(1));
    let outcome = sandbox.run(["scan", "--fail-on", "none"]);
    assert!(outcome.exits(0).stdout.contains("a.txt:1:1"), "{outcome:?}");
    sandbox.write("a.txt", format!("api_key = \"{}{}\"", "G0ndLrIO445D", "beF0cNNd"));
    assert_eq!(sandbox.run(["scan"]).code, Some(1));
    assert_eq!(sandbox.run(["scan", "--confidence", "high"]).code, Some(0));
    assert_eq!(sandbox.run(["scan", "--severity", "critical"]).code, Some(0));
    assert_eq!(sandbox.run(["scan", "--fail-on", "critical"]).code, Some(0));
}

#[cfg(unix)]
#[test]
fn links_pipes_and_loops_are_not_followed_and_what_is_unreadable_is_told() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let sandbox = Sandbox::new();
    sandbox.write("a/secret.txt", samples::github_token(1));
    symlink(sandbox.project.join("a"), sandbox.project.join("a/loop")).unwrap();
    symlink("nowhere", sandbox.project.join("dangling")).unwrap();
    symlink("a/secret.txt", sandbox.project.join("link.txt")).unwrap();
    // Opening it would wait for a writer for ever.
    sandbox.process("mkfifo").arg("pipe").status().unwrap();
    let (code, report) = scan(&sandbox, &[]);
    assert_eq!((code, places(&report)), (Some(1), vec!["a/secret.txt:1".to_owned()]));
    // A link that is named is followed; a pipe that is named is refused.
    assert_eq!(places(&scan(&sandbox, &["link.txt"]).1), ["link.txt:1"]);
    let refused = sandbox.run(["scan", "pipe"]);
    assert_eq!(refused.code, Some(74), "{refused:?}");

    let locked = sandbox.write("locked/x.txt", "x");
    std::fs::remove_file(sandbox.project.join("a/secret.txt")).unwrap();
    let folder = locked.parent().unwrap();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o000)).unwrap();
    let outcome = sandbox.run(["scan"]);
    let readable = std::fs::read_dir(folder).is_ok();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    // Nothing is locked for root.
    if !readable {
        assert_eq!(outcome.code, Some(74), "{outcome:?}");
        assert!(outcome.stderr.contains("locked"), "{outcome:?}");
    }
}

#[test]
fn a_long_line_and_a_large_file_are_read_to_their_end() {
    let sandbox = Sandbox::new();
    let token = samples::github_token(1);
    let mut text = "x ".repeat(3 * 1024 * 1024);
    text.push_str(&token);
    sandbox.write("line.js", &text);
    let lines = "an ordinary line of text\n".repeat(200_000);
    sandbox.write("log.txt", format!("{lines}{token}\n"));
    let (_, report) = scan(&sandbox, &[]);
    assert_eq!(places(&report), ["line.js:1", "log.txt:200001"]);
    assert_eq!(report["findings"][0]["column"], 6 * 1024 * 1024 + 1);
}
