//! Whatever is wrong, the hook answers exit 2 with a reason of one line. One row of the table is one test.
//!
//! The rows are data so that the last test can print how long each takes beside an ordinary decision.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use agentfirewall_tests::payload::Payload;
use agentfirewall_tests::sandbox::{Outcome, Sandbox, feed, outcome};
use agentfirewall_tests::{say, skip};
use serde_json::json;

/// What a row leaves open for the answer.
#[derive(Clone, Copy, PartialEq)]
enum Out {
    /// Standard output is read: the deny object must be there, alone.
    Open,
    /// Nobody reads standard output: the exit code and the line on standard error are all there is.
    Gone,
}

struct Row {
    name: &'static str,
    out: Out,
    /// Makes the situation and returns the hook's outcome and how long its process took; `None` if the row had to be
    /// left out (the reason was printed).
    run: fn() -> Option<(Outcome, Duration)>,
}

fn timed(run: impl FnOnce() -> Outcome) -> Option<(Outcome, Duration)> {
    let start = Instant::now();
    let outcome = run();
    Some((outcome, start.elapsed()))
}

fn hook(sandbox: &Sandbox, input: impl Into<Vec<u8>>) -> Option<(Outcome, Duration)> {
    let input = input.into();
    timed(|| sandbox.hook("pre-tool-use", input))
}

/// An input that is wrong, with the default policy.
fn input(bytes: impl Into<Vec<u8>>) -> Option<(Outcome, Duration)> {
    hook(&Sandbox::new(), bytes)
}

/// A harmless call under a policy that is wrong.
fn policy(text: impl AsRef<[u8]>) -> Option<(Outcome, Duration)> {
    let sandbox = Sandbox::new();
    sandbox.write(".agentfirewall/policy.yaml", text);
    hook(&sandbox, status(&sandbox))
}

fn status(sandbox: &Sandbox) -> Payload {
    Payload::bash(&sandbox.project, "git status")
}

/// A call that every default policy denies.
fn forbidden(sandbox: &Sandbox) -> Payload {
    Payload::bash(&sandbox.project, "rm -rf ~")
}

/// Runs the program of this package that a team would have built, on a call with a word that one of its plugins sees.
fn panicking(policy: &str, word: &str) -> Option<(Outcome, Duration)> {
    let sandbox = Sandbox::for_program(Path::new(env!("CARGO_BIN_EXE_firewall-panicking")));
    sandbox.policy(policy);
    sandbox.bash("echo an ordinary word").passed();
    hook(&sandbox, Payload::bash(&sandbox.project, &format!("echo {word}")))
}

const PERMISSIVE: &str = "version: \"1.0\"\nname: open\ndefault_action: allow\nrules: []\n";
const WITH_MATCHER: &str = "version: \"1.0\"\nname: own\ndefault_action: allow\nrules:\n  - name: own-matcher\n    \
                            tools: [\"*\"]\n    match: {panicking: {}}\n    action: deny\n    reason: \"never\"\n";

/// Runs the hook through a shell line (`$HOOK` is the program with its arguments) fed with a payload.
fn through_shell(sandbox: &Sandbox, line: &str, payload: Payload) -> Outcome {
    let mut command = sandbox.process("/bin/sh");
    command.args(["-c", line]).env("HOOK", &sandbox.program);
    feed(&mut command, &payload.bytes())
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
}

/// A call while the file system of the log is full: a tiny tmpfs over the project's folder, in a mount namespace of
/// its own so that nobody else sees it. `records` are written before it fills up.
fn disk_full(records: usize) -> Option<(Outcome, Duration)> {
    let can = |arguments: &[&str]| {
        Command::new("unshare").args(arguments).arg("true").output().is_ok_and(|out| out.status.success())
    };
    let namespace: &[&str] = if is_root() { &["-m"] } else { &["-r", "-m"] };
    if !can(namespace) {
        skip("the disk-full row", "a private mount namespace (unshare -m) is not allowed here");
        return None;
    }
    let sandbox = Sandbox::new();
    sandbox.policy(PERMISSIVE);
    // The compiled policy goes into the cache before, so that the log is the only thing left to write.
    sandbox.bash("echo warm").passed();
    let payload = sandbox.write("payload.json", status(&sandbox).bytes());
    let report = sandbox.root().join("verify.txt");
    let script = r#"
        set -e
        mount -t tmpfs -o size=32k tmpfs .agentfirewall
        printf '%s' "$POLICY" > .agentfirewall/policy.yaml
        for record in $(seq $RECORDS); do "$HOOK" hook pre-tool-use < "$PAYLOAD"; done
        dd if=/dev/zero of=.agentfirewall/fill bs=1k 2> /dev/null || true
        # The last page of the log may have room left.
        for attempt in $(seq 40); do
            set +e
            out=$("$HOOK" hook pre-tool-use < "$PAYLOAD" 2> "$ERRORS"); code=$?
            set -e
            [ $code = 0 ] || break
        done
        rm .agentfirewall/fill
        "$HOOK" audit verify > "$REPORT" 2>&1 || echo "verify failed: $?" >> "$REPORT"
        printf '%s' "$out"
        cat "$ERRORS" >&2
        exit $code
    "#;
    let mut command = sandbox.process("unshare");
    command
        .args(namespace)
        .args(["sh", "-c", script])
        .env("HOOK", &sandbox.program)
        .env("PAYLOAD", payload)
        .env("POLICY", PERMISSIVE)
        .env("RECORDS", records.to_string())
        .env("ERRORS", sandbox.root().join("errors.txt"))
        .env("REPORT", &report);
    let timed = timed(|| feed(&mut command, b""));
    let report = std::fs::read_to_string(report).unwrap_or_default();
    assert!(!report.contains("verify failed"), "a full disk broke the log: {report}\n{timed:?}");
    timed
}

/// A call by an unprivileged user whose state folder root owns, or in whose place a file stands.
fn state_not_writable(how: fn(&Sandbox)) -> Option<(Outcome, Duration)> {
    let sandbox = Sandbox::new();
    how(&sandbox);
    hook(&sandbox, status(&sandbox))
}

/// Runs the hook as a user without privileges: root may read and write everything, whatever the modes say.
fn unprivileged(sandbox: &Sandbox, payload: Payload) -> Option<(Outcome, Duration)> {
    let mut command = if is_root() {
        let mut command = sandbox.process("setpriv");
        command
            .args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--inh-caps=-all",
                "--bounding-set=-all",
            ])
            .arg(&sandbox.program);
        command
    } else {
        sandbox.process(&sandbox.program)
    };
    command.args(["hook", "pre-tool-use"]);
    timed(|| feed(&mut command, &payload.bytes()))
}

/// A copy of the program where an unprivileged user may run it, and a sandbox that belongs to that user.
fn for_nobody() -> Option<Sandbox> {
    if is_root() && Command::new("setpriv").arg("--version").output().is_err() {
        skip("the rows of an unprivileged user", "setpriv is not installed");
        return None;
    }
    let mut sandbox = Sandbox::new();
    let copy = sandbox.root().join("agentfirewall");
    std::fs::copy(&sandbox.program, &copy).unwrap();
    sandbox.program = copy;
    mode(sandbox.root(), 0o755);
    if is_root() {
        own(sandbox.root());
    }
    Some(sandbox)
}

fn own(folder: &Path) {
    std::os::unix::fs::lchown(folder, Some(65534), Some(65534)).unwrap();
    if folder.is_dir() {
        for entry in std::fs::read_dir(folder).unwrap() {
            own(&entry.unwrap().path());
        }
    }
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

fn alias_bomb() -> String {
    let mut text =
        String::from("version: \"1.0\"\nname: bomb\na0: &a0 [\"lol\",\"lol\",\"lol\",\"lol\",\"lol\"]\n");
    for level in 1..30 {
        let alias = format!("*a{}", level - 1);
        text += &format!("a{level}: &a{level} [{}]\n", vec![alias; 9].join(","));
    }
    text + "rules: *a29\n"
}

fn nested(levels: usize) -> Vec<u8> {
    let payload = Payload::pre(Path::new("/p"), "Bash", json!("HERE")).bytes();
    let text = String::from_utf8(payload).unwrap();
    let deep = format!("{{\"command\":\"ls\",\"x\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    text.replace("\"HERE\"", &deep).into_bytes()
}

fn garbage(length: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

macro_rules! rows {
    ($($test:ident, $name:literal, $out:ident, $run:expr;)*) => {
        const ROWS: &[Row] = &[$(Row { name: $name, out: Out::$out, run: $run },)*];
        $(#[test]
        fn $test() {
            judge(&Row { name: $name, out: Out::$out, run: $run });
        })*
    };
}

/// The outcome of a row is a deny, and never one of the codes that let the call run.
fn judge(row: &Row) -> Option<Duration> {
    let (outcome, took) = (row.run)()?;
    assert_eq!(outcome.code, Some(2), "{}: {outcome:?}", row.name);
    let line = outcome.one_line();
    assert!(line.len() < 1000, "{}: the reason is no line for a person: {line}", row.name);
    match row.out {
        Out::Open => {
            let reason = outcome.denied();
            assert!(reason.len() < 1000, "{}: {reason}", row.name);
        }
        Out::Gone => assert_eq!(outcome.stdout, "", "{}", row.name),
    }
    Some(took)
}

rows! {
    no_event, "no event", Open, || timed(|| Sandbox::new().run(["hook"]));
    unknown_event, "unknown event", Open, || timed(|| Sandbox::new().run(["hook", "pre-tool-abuse"]));
    event_and_more, "an argument too many", Open, || timed(|| Sandbox::new().run(["hook", "pre-tool-use", "--help"]));
    argument_not_utf8, "an argument that is no UTF-8", Open, || {
        let sandbox = Sandbox::new();
        let odd: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"pre-\xff");
        timed(|| sandbox.run(["hook".as_ref(), odd]))
    };
    empty_stdin, "empty input", Open, || input("");
    closed_stdin, "closed input", Open, || {
        let sandbox = Sandbox::new();
        timed(|| through_shell(&sandbox, r#"exec "$HOOK" hook pre-tool-use <&-"#, status(&sandbox)))
    };
    blank_stdin, "blank input", Open, || input(" \n\t\n");
    garbage_of_10_mb, "10 MB of garbage", Open, || input(garbage(10 << 20));
    text_of_10_mb, "10 MB of text", Open, || input("a".repeat(10 << 20));
    truncated, "truncated JSON", Open, || {
        let sandbox = Sandbox::new();
        let mut bytes = status(&sandbox).bytes();
        bytes.truncate(bytes.len() - 30);
        hook(&sandbox, bytes)
    };
    trailing, "a second value after the JSON", Open, || {
        let sandbox = Sandbox::new();
        let mut bytes = status(&sandbox).bytes();
        bytes.extend_from_slice(b"{}");
        hook(&sandbox, bytes)
    };
    not_an_object, "JSON that is no object", Open, || input("[1, 2]");
    no_tool, "no tool name", Open, || input(Payload::event("PreToolUse", Path::new("/p")).bytes());
    input_is_a_string, "tool_input is a string", Open, || {
        input(Payload::pre(Path::new("/p"), "Bash", json!("rm -rf ~")).bytes())
    };
    input_is_missing, "tool_input is null", Open, || input(Payload::pre(Path::new("/p"), "Bash", json!(null)).bytes());
    command_is_a_number, "the command is no string", Open, || {
        input(Payload::pre(Path::new("/p"), "Bash", json!({"command": 7})).bytes())
    };
    nesting, "100,000 levels of JSON", Open, || input(nested(100_000));
    invalid_utf8, "invalid UTF-8", Open, || {
        let bytes = Payload::bash(Path::new("/p"), "echo PLACE").bytes();
        let at = bytes.windows(5).position(|window| window == b"PLACE").unwrap();
        let mut bytes = bytes;
        bytes[at] = 0xff;
        input(bytes)
    };
    another_event, "the payload's event is another one", Open, || {
        let sandbox = Sandbox::new();
        hook(&sandbox, status(&sandbox).with("hook_event_name", json!("PostToolUse")))
    };
    policy_is_a_folder, "the policy is a folder", Open, || {
        let sandbox = Sandbox::new();
        std::fs::create_dir_all(sandbox.project.join(".agentfirewall/policy.yaml")).unwrap();
        hook(&sandbox, status(&sandbox))
    };
    policy_unreadable, "the policy may not be read", Open, || {
        let sandbox = for_nobody()?;
        sandbox.policy(PERMISSIVE);
        own(sandbox.root());
        unprivileged(&sandbox, status(&sandbox))?.0.passed();
        mode(&sandbox.project.join(".agentfirewall/policy.yaml"), 0o000);
        unprivileged(&sandbox, status(&sandbox))
    };
    policy_dangling, "the policy is a dangling link", Open, || {
        let sandbox = Sandbox::new();
        sandbox.write(".agentfirewall/other", "");
        std::os::unix::fs::symlink("nowhere.yaml", sandbox.project.join(".agentfirewall/policy.yaml")).unwrap();
        hook(&sandbox, status(&sandbox))
    };
    policy_is_a_pipe, "the policy is a pipe that nobody writes", Open, || {
        let sandbox = Sandbox::new();
        let pipe = sandbox.write(".agentfirewall/other", "").with_file_name("policy.yaml");
        assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
        hook(&sandbox, status(&sandbox))
    };
    policy_invalid, "an invalid policy", Open, || policy("version: \"1.0\"\nname: x\ndefault_action: perhaps\n");
    policy_no_yaml, "a policy that is no YAML", Open, || policy("name: [unclosed\nrules: }\n");
    policy_no_utf8, "a policy that is no UTF-8", Open, || policy(b"name: \"\xff\xfe\"\n");
    policy_empty, "an empty policy", Open, || policy("");
    policy_brackets, "a policy of 16 KB of `[`", Open, || policy("[".repeat(16 << 10));
    policy_of_400_kb, "a policy of 400 KB of nonsense", Open, || policy("- a: [b, {c: d}]\n".repeat(400 * 1024 / 17));
    policy_bomb, "an alias bomb", Open, || policy(alias_bomb());
    state_is_a_file, "a file in the state folder's place", Open, || state_not_writable(|sandbox| {
        std::fs::create_dir_all(sandbox.home.join(".local/state")).unwrap();
        std::fs::write(sandbox.state(), "").unwrap();
    });
    state_read_only, "the state folder is read-only", Open, || {
        let sandbox = for_nobody()?;
        std::fs::create_dir_all(sandbox.state()).unwrap();
        own(&sandbox.home);
        mode(&sandbox.state(), 0o555);
        unprivileged(&sandbox, status(&sandbox))
    };
    log_is_a_folder, "the log is a folder", Open, || {
        let sandbox = Sandbox::with_policy(PERMISSIVE);
        std::fs::create_dir(sandbox.log_path()).unwrap();
        hook(&sandbox, status(&sandbox))
    };
    log_full, "the log's disk is full", Open, || disk_full(0);
    log_full_later, "the log's disk is full after some records", Open, || disk_full(3);
    stdout_closed, "closed output", Gone, || {
        let sandbox = Sandbox::new();
        timed(|| through_shell(&sandbox, r#"exec "$HOOK" hook pre-tool-use >&-"#, forbidden(&sandbox)))
    };
    stdout_full, "output on a full device", Gone, || {
        let sandbox = Sandbox::new();
        timed(|| through_shell(&sandbox, r#"exec "$HOOK" hook pre-tool-use > /dev/full"#, forbidden(&sandbox)))
    };
    sigpipe, "output that nobody reads any more", Gone, || {
        let sandbox = Sandbox::new();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = sandbox.command(["hook", "pre-tool-use"]);
        command.stdin(Stdio::piped()).stdout(writer).stderr(Stdio::piped());
        let start = Instant::now();
        let mut child = command.spawn().unwrap();
        drop(command);
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &forbidden(&sandbox).bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        Some((outcome(output.status, &output.stdout, &output.stderr), start.elapsed()))
    };
    detector_panics, "a detector panics", Open, || panicking(PERMISSIVE, "detector-must-panic");
    detector_fails, "a detector fails", Open, || panicking(PERMISSIVE, "detector-must-fail");
    matcher_panics, "a matcher panics", Open, || panicking(WITH_MATCHER, "matcher-must-panic");
    matcher_fails, "a matcher fails", Open, || panicking(WITH_MATCHER, "matcher-must-fail");
    plugins_missing, "a binary without the built-in plugins", Open, || {
        let sandbox = Sandbox::for_program(Path::new(env!("CARGO_BIN_EXE_firewall-empty")));
        hook(&sandbox, status(&sandbox))
    };
    plugin_unknown, "a policy that names an unknown plugin", Open, || {
        policy(WITH_MATCHER)
    };
}

#[test]
fn closed_error_output_is_still_a_deny() {
    let sandbox = Sandbox::new();
    let outcome = through_shell(&sandbox, r#"exec "$HOOK" hook pre-tool-use 2>&-"#, forbidden(&sandbox));
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    let all = through_shell(&sandbox, r#"exec "$HOOK" hook pre-tool-use >&- 2>&-"#, forbidden(&sandbox));
    assert_eq!(all.code, Some(2), "{all:?}");
    assert!(outcome.json()["hookSpecificOutput"]["permissionDecision"] == "deny");
}

#[test]
fn the_ordinary_call_that_the_rows_spoil_does_pass() {
    // The control of the whole table: without the fault there is no deny.
    let sandbox = Sandbox::new();
    sandbox.hook("pre-tool-use", status(&sandbox)).passed();
    sandbox.policy(PERMISSIVE);
    sandbox.hook("pre-tool-use", status(&sandbox)).passed();
    sandbox.hook("pre-tool-use", nested(20)).passed();
    let nobody = for_nobody();
    if let Some(sandbox) = nobody {
        unprivileged(&sandbox, status(&sandbox)).unwrap().0.passed();
    }
}

#[test]
fn a_binary_without_plugins_refuses_every_command() {
    let sandbox = Sandbox::for_program(Path::new(env!("CARGO_BIN_EXE_firewall-empty")));
    for arguments in
        [&["check", "--tool", "Bash", "--command", "ls"][..], &["validate"], &["init"], &["plugins", "list"]]
    {
        let outcome = sandbox.run(arguments);
        outcome.exits(70);
        assert!(outcome.stderr.contains("built without the built-in plugins"), "{arguments:?}: {outcome:?}");
    }
    assert!(!sandbox.has(".agentfirewall"));
}

#[test]
fn other_events_say_what_is_wrong_and_never_crash() {
    for event in
        ["post-tool-use", "post-tool-use-failure", "user-prompt-submit", "session-start", "config-change"]
    {
        for bytes in [Vec::new(), b"{".to_vec(), garbage(1 << 10)] {
            let outcome = Sandbox::new().hook(event, bytes);
            assert_eq!(outcome.code, Some(2), "{event}: {outcome:?}");
            outcome.one_line();
        }
    }
}

#[test]
fn a_result_that_nobody_could_look_at_is_withheld_in_its_own_shape() {
    let sandbox = Sandbox::with_policy("rules: [");
    let response = json!({"stdout": "token", "stderr": "", "interrupted": false, "isImage": false});
    let payload = Payload::post(&sandbox.project, "Bash", json!({"command": "cat x"}), response);
    let outcome = sandbox.hook("post-tool-use", payload.bytes());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let result = outcome.json()["hookSpecificOutput"]["updatedToolOutput"].clone();
    assert!(result["stdout"].as_str().unwrap().starts_with("[withheld by agentfirewall: "), "{outcome:?}");
    assert_eq!(result["interrupted"], json!(false));
    assert!(!outcome.stdout.contains("token"), "{outcome:?}");
    outcome.one_line();
}

#[test]
fn a_call_that_a_plugin_failed_on_is_recorded_without_its_secrets() {
    let secret = concat!("AKIA", "QYLPMN5HHHFPZAM2");
    for (policy, word) in [
        (PERMISSIVE, "detector-must-panic"),
        (PERMISSIVE, "detector-must-fail"),
        (WITH_MATCHER, "matcher-must-panic"),
        (WITH_MATCHER, "matcher-must-fail"),
    ] {
        let sandbox = Sandbox::for_program(Path::new(env!("CARGO_BIN_EXE_firewall-panicking")));
        sandbox.policy(policy);
        let outcome = sandbox.bash(&format!("echo {word} {secret}"));
        outcome.denied();
        let stored = String::from_utf8_lossy(&sandbox.everything_stored()).into_owned();
        assert!(!stored.contains(secret), "{word}: the log holds the secret");
        assert!(!outcome.stdout.contains(secret) && !outcome.stderr.contains(secret), "{word}: {outcome:?}");
        let record = sandbox.log().pop().unwrap();
        assert!(record["reason"].as_str().unwrap().contains("panicking"), "{record}");
    }
}

#[test]
fn how_long_every_row_takes_is_printed() {
    let mut table = format!("\n{:<44} {:>9} {:>9} {:>9}\n", "fail-closed row", "ms", "ordinary", "more");
    for row in ROWS {
        let (mut times, mut ordinary) = (Vec::new(), Vec::new());
        // In pairs, so that whatever else the machine does hits both.
        for _ in 0..3 {
            let Some(took) = judge(row) else { continue };
            times.push(took);
            let sandbox = Sandbox::new();
            ordinary.extend(hook(&sandbox, status(&sandbox)).map(|(_, took)| took));
        }
        if times.is_empty() {
            table += &format!("{:<44} {:>9}\n", row.name, "left out");
            continue;
        }
        let (took, ordinary) = (median(times), median(ordinary));
        table += &format!("{:<44} {took:>9.2} {ordinary:>9.2} {:>+9.2}\n", row.name, took - ordinary);
    }
    say(table);
}

/// In milliseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

/// A killed or refused write leaves no temporary files in the project.
#[test]
fn refusals_leave_nothing_behind() {
    let sandbox = Sandbox::new();
    sandbox.hook("pre-tool-use", "{").denied();
    let left: Vec<PathBuf> = std::fs::read_dir(&sandbox.project)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name != ".git"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn only_a_trusted_policy_relaxes_failures_and_never_what_was_stopped() {
    let log_is_a_folder = |user: &str, project: &str| {
        let sandbox = Sandbox::with_policy(project);
        let folder = sandbox.home.join(".config/agentfirewall");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("policy.yaml"), user).unwrap();
        std::fs::create_dir_all(sandbox.log_path()).unwrap();
        sandbox
    };
    let rules = "version: \"1.0\"\nname: x\ndefault_action: log\nrules:\n  \
                 - {name: no, tools: [Bash], resources: [\"rm *\"], action: deny, reason: kept}\n";
    let relaxed = log_is_a_folder(&format!("{rules}on_error: allow\n"), rules);
    let passed = relaxed.bash("git status");
    assert_eq!(passed.code, Some(0), "{passed:?}");
    assert!(passed.json()["systemMessage"].as_str().unwrap().contains("let this pass"), "{passed:?}");
    let stopped = relaxed.bash("rm x");
    assert!(stopped.denied().contains("kept"), "{stopped:?}");
    // Without the trusted word for it, and with a project that says it itself, every call is denied.
    log_is_a_folder(rules, rules).bash("git status").denied();
    log_is_a_folder(rules, &format!("{rules}on_error: allow\n")).bash("git status").denied();
}
