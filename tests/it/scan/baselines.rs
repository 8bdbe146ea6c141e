//! Baselines: known findings are not told again, new ones are, and the file gives nothing away.

use super::*;

#[test]
fn known_findings_are_quiet_wherever_their_line_moves_and_new_ones_are_not() {
    let sandbox = Sandbox::new();
    let (known, new) = (samples::github_token(1), samples::github_token(2));
    sandbox.write("a.txt", format!("{known}\n"));
    sandbox.write("gone.txt", samples::github_token(3));
    sandbox.run(["scan", "--baseline", "b.json", "--update-baseline"]).exits(0);
    let file = sandbox.read("b.json");
    assert!(!file.contains(known.get(4..20).unwrap()), "{file}");
    assert_eq!(sandbox.run(["scan", "--baseline", "b.json"]).code, Some(0));

    sandbox.write("a.txt", format!("# moved\n\n    {known}\n{new}\n"));
    std::fs::remove_file(sandbox.project.join("gone.txt")).unwrap();
    let (code, report) = scan(&sandbox, &["--baseline", "b.json"]);
    assert_eq!((code, places(&report)), (Some(1), vec!["a.txt:4".to_owned()]));
    assert_eq!((&report["summary"]["baselined"], &report["summary"]["stale"]), (&1.into(), &1.into()));
    // Another file with a known secret is another finding.
    sandbox.write("copy.txt", &known);
    assert_eq!(places(&scan(&sandbox, &["--baseline", "b.json"]).1), ["a.txt:4", "copy.txt:1"]);

    // A part that is scanned alone leaves the rest of the baseline as it is.
    sandbox.run(["scan", "copy.txt", "--baseline", "b.json", "--update-baseline"]).exits(0);
    let (_, report) = scan(&sandbox, &["--baseline", "b.json"]);
    assert_eq!((places(&report), &report["summary"]["stale"]), (vec!["a.txt:4".to_owned()], &1.into()));
    sandbox.run(["scan", "--baseline", "b.json", "--update-baseline"]).exits(0);
    let (code, report) = scan(&sandbox, &["--baseline", "b.json"]);
    assert_eq!((code, &report["summary"]["stale"]), (Some(0), &0.into()));
}

#[test]
fn another_machine_reads_the_same_baseline() {
    let (one, other) = (Sandbox::new(), Sandbox::new());
    let token = samples::github_token(1);
    one.write("a.txt", &token);
    other.write("a.txt", &token);
    one.run(["scan", "--baseline", "b.json", "--update-baseline"]).exits(0);
    other.write("b.json", one.read("b.json"));
    other.run(["scan", "--baseline", "b.json"]).exits(0);
    // And two baselines of the same findings say nothing of one another.
    other.run(["scan", "--baseline", "c.json", "--update-baseline"]).exits(0);
    let mark =
        |text: String| serde_json::from_str::<Value>(&text).unwrap()["findings"][0]["fingerprint"].clone();
    assert_ne!(mark(one.read("b.json")), mark(other.read("c.json")));
}

#[test]
fn a_baseline_that_is_missing_or_damaged_is_an_error() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(["scan", "--baseline", "b.json"]).code, Some(65));
    sandbox.write("b.json", "{}");
    assert_eq!(sandbox.run(["scan", "--baseline", "b.json", "--update-baseline"]).code, Some(65));
    assert_eq!(sandbox.read("b.json"), "{}");
}
