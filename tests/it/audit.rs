//! The audit log's files, what proves them, and what people read of them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agentfirewall_tests::sandbox::Sandbox;
use agentfirewall_tests::{say, skip, soak};
use serde_json::{Value, json};

/// A sandbox in which a new file is begun every hundred records, with 230 decisions.
fn rotated(retain: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run(["init"]).exits(0);
    user_policy(&sandbox, &format!("audit: {{rotate: {{records: 100}}{retain}}}\n"));
    // One in ten is written by the hook itself, the rest in one process, which is quicker.
    let rotation = agentfirewall_core::audit::Rotation { records: Some(100), ..Default::default() };
    for number in 0..230 {
        if number % 10 == 0 {
            sandbox.bash("echo hello");
            continue;
        }
        let entry = agentfirewall_core::audit::Entry::new(
            agentfirewall_core::audit::EventType::PolicyCheck,
            jiff::Timestamp::now(),
        );
        agentfirewall_core::audit::append_rotating(
            &sandbox.log_path(),
            &entry,
            Duration::from_secs(9),
            &rotation,
        )
        .unwrap();
    }
    sandbox
}

fn user_policy(sandbox: &Sandbox, keys: &str) {
    let folder = sandbox.home.join(".config/agentfirewall");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("policy.yaml"),
        format!("version: \"1.0\"\nname: u\ndefault_action: log\n{keys}"),
    )
    .unwrap();
}

fn segments(sandbox: &Sandbox) -> Vec<PathBuf> {
    let closed = agentfirewall_core::audit::segments(&sandbox.log_path()).unwrap();
    closed.into_iter().map(|segment| segment.path).collect()
}

fn outside(sandbox: &Sandbox, name: &str) -> PathBuf {
    sandbox.root().join(name)
}

#[test]
fn thirty_two_writers_that_are_killed_and_rotation_leave_one_whole_chain() {
    let program = Path::new(env!("CARGO_BIN_EXE_soak"));
    let seed = u64::from(std::process::id());
    say(format!("soak: seed {seed}"));
    for keep in [None, Some(3)] {
        let folder = tempfile::tempdir().unwrap();
        let soaked = soak::run(program, folder.path(), Duration::from_secs(3), seed, keep);
        assert!(soaked.report.is_intact(), "{:?}", soaked.report.faults);
        assert!(soaked.killed > 32 && soaked.report.files > 2, "this run shows little: {soaked:?}");
        assert_eq!(soaked.report.removed.is_some(), keep.is_some());
        if keep.is_none() {
            soak::tampering_is_found(&folder.path().join("audit.jsonl"), folder.path());
        }
    }
}

#[test]
fn the_hook_rotates_as_a_trusted_policy_says_and_every_command_sees_all_files() {
    let sandbox = rotated("");
    assert_eq!(segments(&sandbox).len(), 2);
    let report = sandbox.run(["audit", "verify", "--json"]).exits(0).json();
    assert_eq!(
        (&report["files"], &report["records"], &report["intact"]),
        (&json!(3), &json!(232), &json!(true))
    );
    let all = sandbox.run(["audit", "--json", "--tail", "1000"]);
    assert_eq!(all.exits(0).stdout.lines().count(), 232);
    let bash = sandbox.run(["audit", "--json", "--tail", "1000", "--tool", "Bash"]);
    assert_eq!(bash.exits(0).stdout.lines().count(), 23);
    std::fs::remove_file(&segments(&sandbox)[0]).unwrap();
    let missing = sandbox.run(["audit", "verify"]);
    missing.exits(1);
    assert!(missing.stdout.contains("file 1 is missing"), "{missing:?}");
}

#[test]
fn old_files_go_after_the_answer_and_the_rest_verifies() {
    let sandbox = rotated(", retain: {segments: 1}");
    // A detached process does it, so it may take a moment; without it the command does.
    sandbox.run(["audit", "prune"]).exits(0);
    assert_eq!(segments(&sandbox).len(), 1);
    let report = sandbox.run(["audit", "verify", "--json"]).exits(0).json();
    assert_eq!(report["removed"]["segment"], 1);
    // A project cannot make the log forget.
    let project = Sandbox::with_policy("version: \"1.0\"\nname: p\naudit: {retain: {segments: 1}}\n");
    let refused = project.bash("echo hello").denied();
    assert!(refused.contains("audit"), "{refused}");
}

#[test]
fn a_copy_and_a_checkpoint_find_what_the_chain_alone_does_not() {
    let sandbox = rotated("");
    let (copy, checkpoint) = (outside(&sandbox, "copy.jsonl"), outside(&sandbox, "checkpoint"));
    let run = |arguments: &[&str]| sandbox.run(["audit"].iter().chain(arguments));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    run(&["export", "--output", &text(&copy)]).exits(0);
    run(&["checkpoint", "--output", &text(&checkpoint)]).exits(0);
    let against = |what: &str, file: &Path| run(&["verify", what, &text(file)]);
    against("--against", &copy).exits(0);
    against("--checkpoint", &checkpoint).exits(0);
    for format in ["ocsf", "ecs"] {
        let other = outside(&sandbox, format);
        run(&["export", "--format", format, "--output", &text(&other)]).exits(0);
        let report = run(&["verify", "--json", "--against", &text(&other)]).exits(0).json();
        assert_eq!(report["compared"], 232);
    }

    // Proofs hold for their record, with this key and no other.
    let proof = outside(&sandbox, "proof");
    run(&["prove", "7", "--checkpoint", &text(&checkpoint), "--output", &text(&proof)]).exits(0);
    let records = run(&["--json", "--tail", "1000"]).stdout;
    let hash = |at: usize| {
        let record: Value = serde_json::from_str(records.lines().nth(at).unwrap()).unwrap();
        record["_hash"].as_str().unwrap().to_owned()
    };
    run(&["verify", "--proof", &text(&proof), "--record", &hash(6)]).exits(0);
    run(&["verify", "--proof", &text(&proof), "--record", &hash(7)]).exits(1);
    let keys = outside(&sandbox, "keys");
    std::fs::write(&keys, run(&["key", "show"]).exits(0).stdout.clone()).unwrap();
    run(&["verify", "--checkpoint", &text(&checkpoint), "--key", &text(&keys)]).exits(0);
    std::fs::write(&keys, "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n").unwrap();
    run(&["verify", "--checkpoint", &text(&checkpoint), "--key", &text(&keys)]).exits(1);

    // A new key signs from now on, the log says so, and the old checkpoint still counts.
    run(&["key", "rotate"]).exits(0);
    assert_eq!(run(&["key", "show", "--json"]).json()["keys"].as_array().unwrap().len(), 2);
    assert!(sandbox.log_text().contains("\"event_type\":\"key\""));
    against("--checkpoint", &checkpoint).exits(0);
    let newer = outside(&sandbox, "newer");
    run(&["checkpoint", "--output", &text(&newer)]).exits(0);
    run(&["prove", "--checkpoint", &text(&newer), "--since", &text(&checkpoint)]).exits(0);

    // Cutting the end off is seen by both, and by nothing else.
    let log = sandbox.log_text();
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    sandbox.write(".agentfirewall/audit.jsonl", lines[..lines.len() - 5].concat());
    run(&["verify"]).exits(0);
    for (what, file) in [("--against", &copy), ("--checkpoint", &newer)] {
        let outcome = against(what, file);
        outcome.exits(1);
        assert!(outcome.stdout.contains("gone"), "{outcome:?}");
    }
}

#[test]
fn the_signing_key_is_made_at_init_for_the_user_alone_and_is_in_no_output() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.run(["init"]);
    outcome.exits(0);
    let key = sandbox.state().join("audit-keys/signing.key");
    let secret = std::fs::read_to_string(&key).unwrap();
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    sandbox.bash("echo hello");
    let shown = sandbox.run(["audit", "key", "show"]).stdout + &sandbox.run(["audit", "checkpoint"]).stdout;
    let seed = secret.trim().splitn(5, '+').last().unwrap();
    assert!(!shown.contains(seed) && !sandbox.log_text().contains(seed));
}

#[test]
fn stats_and_exports_count_what_is_there() {
    let sandbox = rotated("");
    sandbox.bash("rm -rf /").denied();
    let stats = sandbox.run(["audit", "stats", "--json"]).exits(0).json();
    assert_eq!(stats["records"], 233);
    assert_eq!((&stats["actions"]["deny"], &stats["tools"]["Bash"]["deny"]), (&json!(1), &json!(1)));
    let text = sandbox.run(["audit", "stats"]);
    assert!(text.exits(0).stdout.contains("By rule"), "{text:?}");
    let csv = sandbox.run(["audit", "export", "--format", "csv", "--action", "deny"]);
    assert_eq!(csv.exits(0).stdout.lines().count(), 2);
    for arguments in [
        &["export", "--output", ".agentfirewall/audit.jsonl"][..],
        &["report", "--html", ".agentfirewall/audit.jsonl"],
        &["checkpoint", "--output", ".agentfirewall/policy.yaml"],
    ] {
        let before = sandbox.log_text();
        let refused = sandbox.run(["audit"].iter().chain(arguments));
        assert!(refused.exits(74).stderr.contains("the firewall's own"), "{refused:?}");
        assert_eq!(sandbox.log_text(), before);
    }
    let cef = sandbox.run(["audit", "export", "--format", "cef", "--action", "deny"]);
    assert!(cef.exits(0).stdout.starts_with("CEF:0|agentfirewall|"), "{cef:?}");
}

#[test]
fn a_table_of_columns_is_read_by_a_database_and_is_evidence_still() {
    let sandbox = rotated("");
    sandbox.bash("rm -rf /").denied();
    let (table, copy) = (outside(&sandbox, "audit.parquet"), outside(&sandbox, "out.jsonl"));
    let export = |more: &[&str]| sandbox.run(["audit", "export", "--format", "parquet"].iter().chain(more));
    assert!(export(&[]).exits(64).stderr.contains("--output"));
    export(&["--output", table.to_str().unwrap()]).exits(0);
    let Some(python) = crate::sinks::python() else { return };
    let script = "
import duckdb, sys
db = duckdb.connect()
print(db.execute('select count(*), count(distinct _hash), max(seq), '
                 \"count(*) filter (action_taken = 'deny'), count(*) filter (rule is null) > 0, \"
                 \"max(timestamp) between now() - interval 1 hour and now(), typeof(any_value(timestamp)) \"
                 'from read_parquet(?)', [sys.argv[1]]).fetchone())
db.execute(f\"copy (select record from '{sys.argv[1]}' order by hash(_hash)) to '{sys.argv[2]}' (format json)\")
";
    let said = crate::sinks::python_says(&python, script, &[table.to_str().unwrap(), copy.to_str().unwrap()]);
    assert_eq!(said.trim(), "(233, 233, 233, 1, True, True, 'TIMESTAMP WITH TIME ZONE')");
    let verified = sandbox.run(["audit", "verify", "--json", "--from", copy.to_str().unwrap()]);
    assert_eq!(verified.exits(0).json()["chains"][0]["recomputed"], 233);
}

#[test]
fn a_log_that_cannot_be_written_denies_unless_a_trusted_policy_says_otherwise() {
    let broken = |keys: &str| {
        let sandbox = Sandbox::with_policy(
            "version: \"1.0\"\nname: p\ndefault_action: log\nrules:\n  \
            - {name: no, tools: [Bash], resources: [\"rm *\"], action: deny, reason: kept}\n",
        );
        user_policy(&sandbox, keys);
        std::fs::create_dir_all(sandbox.log_path()).unwrap();
        sandbox
    };
    broken("").bash("git status").denied();
    broken("on_error: allow\non_audit_error: deny\n").bash("git status").denied();
    let lenient = broken("on_audit_error: allow\n");
    let passed = lenient.bash("git status");
    assert!(passed.exits(0).stdout.contains("without a record"), "{passed:?}");
    assert!(lenient.bash("rm x").denied().contains("kept"));
}

/// Debian's name of the browser, or that of others.
fn chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .map(|name| Path::new("/usr/bin").join(name))
        .find(|path| path.exists())
}

#[test]
fn a_browser_renders_the_report_and_its_filter_works_without_the_network() {
    let sandbox = rotated("");
    sandbox.bash("rm -rf / # <script>document.title='owned'</script>").denied();
    let page = outside(&sandbox, "report.html");
    sandbox.run(["audit", "report", "--html", page.to_str().unwrap()]).exits(0);
    let Some(browser) = chromium() else {
        return skip(
            "the report in a browser",
            "no chromium is installed (Debian: `apt-get install chromium`)",
        );
    };
    let mut command = sandbox.process(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", outside(&sandbox, "browser").display()));
    command.arg(format!("file://{}", page.display()));
    let outcome = agentfirewall_tests::sandbox::feed(&mut command, b"");
    let dom = &outcome.exits(0).stdout;
    // The script ran, as the policy in the page permits it; what a record holds did not.
    assert!(dom.contains("233 of 233 shown"), "{}", outcome.stderr);
    assert!(dom.contains("<title>agentfirewall: audit report</title>"));
    assert!(dom.contains("Intact") && dom.contains("&lt;script&gt;document.title"));
}
