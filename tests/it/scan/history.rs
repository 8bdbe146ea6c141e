//! `--git` and `--staged`, on ordinary repositories and on hostile ones.

use super::*;

fn committed(sandbox: &Sandbox, files: &[(&str, String)], message: &str) {
    for (path, text) in files {
        sandbox.write(path, text);
    }
    git(sandbox, &["add", "-A"]);
    git(sandbox, &["commit", "-q", "-m", message]);
}

#[test]
fn history_tells_who_added_what_though_it_is_gone_now() {
    let sandbox = Sandbox::new();
    let (first, second) = (samples::github_token(1), samples::github_token(2));
    committed(&sandbox, &[("a.txt", format!("one\n{first}\n"))], "first");
    committed(
        &sandbox,
        &[("a.txt", "one\n".to_owned()), ("odd \"n\u{e9}\tame\".txt", format!("{second}\n"))],
        "second",
    );
    committed(&sandbox, &[("a.txt", format!("zero\none\n\n{first}\n"))], "again");
    git(&sandbox, &["mv", "odd \"n\u{e9}\tame\".txt", "moved.txt"]);
    git(&sandbox, &["commit", "-q", "-m", "moved"]);
    let (code, report) = scan(&sandbox, &["--git"]);
    assert_eq!(
        (code, places(&report)),
        (Some(1), vec!["a.txt:2".to_owned(), "odd \"n\u{e9}\tame\".txt:1".to_owned()])
    );
    let commit = &report["findings"][0]["commit"];
    assert_eq!((&commit["author"], &commit["email"]), (&"A. Author".into(), &"a@example.org".into()));
    let oldest = git(&sandbox, &["rev-list", "--max-parents=0", "HEAD"]);
    assert_eq!(commit["hash"], oldest.stdout.trim());
    assert_eq!(report["summary"]["commits"], 4);
    let text = sandbox.run(["scan", "--git"]);
    assert!(
        text.stdout.contains("of A. Author <a@example.org>") && !text.stdout.contains(&first),
        "{text:?}"
    );
    // Ranges.
    assert_eq!(places(&scan(&sandbox, &["--git", "--since", "HEAD~2"]).1), ["a.txt:4"]);
    assert_eq!(places(&scan(&sandbox, &["--git", "--since", "2999-01-01"]).1), [""; 0]);
    assert_eq!(places(&scan(&sandbox, &["--git", "--since", "7d"]).1).len(), 2);
    assert_eq!(sandbox.run(["scan", "--git", "--since", "no-such"]).code, Some(64));
    assert_eq!(sandbox.run(["scan", "--git", "--branch", "--output=x"]).code, Some(64));
    assert_eq!(sandbox.run(["scan", "--git", ".."]).code, Some(74));
}

#[test]
fn branches_merges_and_what_a_merge_itself_adds() {
    let sandbox = Sandbox::new();
    let tokens: Vec<String> = (1..=3).map(samples::github_token).collect();
    committed(&sandbox, &[("a.txt", "a\nb\nc\n".to_owned())], "base");
    git(&sandbox, &["checkout", "-q", "-b", "side"]);
    committed(&sandbox, &[("side.txt", tokens[0].clone())], "side");
    git(&sandbox, &["checkout", "-q", "-"]);
    committed(&sandbox, &[("main.txt", tokens[1].clone())], "main");
    let main = git(&sandbox, &["rev-parse", "--abbrev-ref", "HEAD"]).stdout.trim().to_owned();
    git(&sandbox, &["merge", "-q", "--no-ff", "--no-commit", "side"]);
    // A secret that only the merge brings in, in a file that both sides have.
    committed(&sandbox, &[("a.txt", format!("a\nb\n{}\nc\n", tokens[2]))], "merge");
    let (_, report) = scan(&sandbox, &["--git"]);
    assert_eq!(places(&report), ["a.txt:3", "main.txt:1", "side.txt:1"]);
    assert_eq!(places(&scan(&sandbox, &["--git", "--branch", "side"]).1), ["side.txt:1"]);
    assert_eq!(places(&scan(&sandbox, &["--git", "--branch", &main, "--exclude", "side*"]).1).len(), 2);
}

#[test]
fn staged_lines_count_and_others_do_not() {
    let sandbox = Sandbox::new();
    let tokens: Vec<String> = (1..=3).map(samples::github_token).collect();
    // Before the first commit.
    sandbox.write("a.txt", format!("{}\n", tokens[0]));
    assert_eq!(sandbox.run(["scan", "--staged"]).code, Some(0));
    git(&sandbox, &["add", "a.txt"]);
    assert_eq!(places(&scan(&sandbox, &["--staged"]).1), ["a.txt:1"]);
    git(&sandbox, &["commit", "-q", "-m", "x"]);
    assert_eq!(sandbox.run(["scan", "--staged"]).code, Some(0));
    // What is in the index counts, not what is in the file now; and only what is new.
    sandbox.write("a.txt", format!("{}\n\n\n{}\n", tokens[0], tokens[1]));
    git(&sandbox, &["add", "a.txt"]);
    sandbox.write("a.txt", format!("clean\n{}\n", tokens[2]));
    let (code, report) = scan(&sandbox, &["--staged"]);
    assert_eq!((code, places(&report)), (Some(1), vec!["a.txt:4".to_owned()]));
    // A comment and a project's ignore file count here too.
    sandbox.write(".agentfirewallignore", "a.*\n");
    assert_eq!(sandbox.run(["scan", "--staged"]).code, Some(0));
    assert_eq!(sandbox.run(["scan", "--staged", "--no-ignore"]).code, Some(1));
}

#[test]
fn a_hostile_repository_runs_nothing_and_hides_nothing() {
    let sandbox = Sandbox::new();
    let marker = sandbox.root().join("ran");
    let run = format!("touch {}", marker.display());
    committed(&sandbox, &[("a.env", format!("{}\n", samples::github_token(1)))], "x");
    sandbox.write("b.env", format!("{}\n", samples::github_token(2)));
    git(&sandbox, &["add", "b.env"]);
    sandbox.write(".gitattributes", "* binary\n*.env -diff\n*.env diff=evil filter=evil\n");
    for (name, value) in [
        ("core.fsmonitor", run.as_str()),
        ("diff.external", &run),
        ("diff.evil.command", &run),
        ("diff.evil.textconv", &run),
        ("filter.evil.smudge", &run),
        ("filter.evil.clean", &run),
        ("core.pager", &run),
        ("core.sshCommand", &run),
        ("gpg.program", &run),
        ("log.showSignature", "true"),
        ("core.alternateRefsCommand", &run),
        ("diff.noprefix", "true"),
        ("diff.mnemonicPrefix", "true"),
        ("color.ui", "always"),
    ] {
        git(&sandbox, &["config", name, value]);
    }
    // Setting them up may have run one of them.
    let _none = std::fs::remove_file(&marker);
    assert_eq!(places(&scan(&sandbox, &["--git"]).1), ["a.env:1"]);
    assert_eq!(places(&scan(&sandbox, &["--staged"]).1), ["b.env:1"]);
    assert!(!marker.exists(), "the repository ran a program");
    // The trap is one: git on its own falls into it.
    let mut plain = sandbox.process("git");
    agentfirewall_tests::sandbox::feed(plain.args(["diff", "HEAD", "--", "a.env"]), b"");
    agentfirewall_tests::sandbox::feed(sandbox.process("git").arg("status"), b"");
    assert!(marker.exists(), "the test's trap does not work");
}

#[test]
fn content_that_looks_like_a_patch_is_content() {
    let sandbox = Sandbox::new();
    let token = samples::github_token(1);
    let text =
        format!("diff --git a/x b/x\n+++ b/other\n@@ -0,0 +1 @@\n\\ No newline at end of file\n{token}");
    committed(&sandbox, &[("a.txt", text)], "x");
    committed(&sandbox, &[("b.txt", "++ b/c\n".to_owned())], "y");
    assert_eq!(places(&scan(&sandbox, &["--git"]).1), ["a.txt:5"]);
}
