//! Whole hook processes against `/bin/true`, in pairs (A B A B ...), so that what else the machine does hits both.
//!
//! `cargo run --release --package agentfirewall-tests --bin bench-hook [-- PAIRS]`. The program measured is the release
//! build of this workspace, or `AGENTFIREWALL_BIN`. With `AGENTFIREWALL_ORIGINAL_PYTHON` naming a Python that has
//! `agentsec-firewall` installed, the original is a row of the table.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measuring program for engineers: a failure ends it"
)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use agentfirewall_tests::fixtures::{add, library, manifest};
use agentfirewall_tests::payload::Payload;
use agentfirewall_tests::rules;
use agentfirewall_tests::sandbox::Sandbox;

/// One row: what is run, fed with a payload from a file.
struct Row {
    name: String,
    sandbox: Sandbox,
    program: PathBuf,
    arguments: Vec<String>,
    payload: PathBuf,
    may_deny: bool,
}

impl Row {
    fn hook(name: &str, policy: Option<&str>, command: &str) -> Self {
        let sandbox = Sandbox::new();
        match policy {
            Some(policy) => sandbox.policy(policy),
            None => {
                sandbox.run(["init"]).exits(0);
            }
        }
        let program = sandbox.program.clone();
        Self::new(name, sandbox, program, &["hook", "pre-tool-use"], command)
    }

    fn new(name: &str, sandbox: Sandbox, program: PathBuf, arguments: &[&str], command: &str) -> Self {
        let payload = sandbox.root().join("payload.json");
        std::fs::write(&payload, Payload::bash(&sandbox.project, command).bytes()).unwrap();
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { name: name.to_owned(), sandbox, program, arguments, payload, may_deny: false }
    }

    /// One process from its start to its end, without the opening of its input.
    fn once(&self) -> Duration {
        let mut command = self.command();
        command.stdin(File::open(&self.payload).unwrap()).stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let status = command.status().unwrap();
        let took = start.elapsed();
        assert!(status.success() || (self.may_deny && status.code() == Some(2)), "{}: {status}", self.name);
        took
    }

    fn command(&self) -> Command {
        // An absolute program, no closure before exec: std starts it with posix_spawn.
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .current_dir(&self.sandbox.project)
            .env_clear()
            .env("HOME", &self.sandbox.home)
            .env("PATH", agentfirewall_tests::sandbox::path())
            .env("CLAUDE_PROJECT_DIR", &self.sandbox.project);
        command
    }
}

fn rows() -> Vec<Row> {
    let mut rows = vec![
        Row::hook("hook, default policy, `git status`", None, "git status"),
        Row::hook("hook, 20 rules", Some(&rules::policy(20)), "git status"),
        Row::hook("hook, 1,000 rules", Some(&rules::policy(1_000)), "git status"),
        writing("hook, default policy, Write of 20 KB", 20_000),
        with_plugins("hook, 10 plugins that it does not need", 10, "git status"),
        with_plugins("hook, 1 plugin that it needs", 1, "echo acme_live_0"),
    ];
    match std::env::var_os("AGENTFIREWALL_ORIGINAL_PYTHON").map(PathBuf::from) {
        Some(python) => rows.extend(original(&python)),
        None => {
            println!("left out: the original (AGENTFIREWALL_ORIGINAL_PYTHON names no Python that has it)");
        }
    }
    rows
}

/// The default policy, and a file of so many bytes of source code that is written.
fn writing(name: &str, length: usize) -> Row {
    let row = Row::hook(name, None, "");
    let payload = Payload::write(&row.sandbox.project, include_str!("bench-hook.rs"), length);
    std::fs::write(&row.payload, payload.bytes()).unwrap();
    row
}

/// How long a deliverer that a hook left running may take, before the next process is measured.
const SETTLE: Duration = Duration::from_millis(30);

/// Twenty rules, and so many sinks that are told of calls with this action; the call is logged.
fn with_sinks(name: &str, count: u32, action: &str) -> Row {
    let row = Row::hook(name, Some(&rules::policy(20)), "git status");
    let folder = row.sandbox.home.join(".config/agentfirewall");
    std::fs::create_dir_all(&folder).unwrap();
    let sink = |number: u32| {
        let path = row.sandbox.home.join(format!("told{number}.jsonl"));
        format!(
            "  - {{name: s{number}, use: file, actions: [{action}], with: {{path: \"{}\"}}}}\n",
            path.display()
        )
    };
    let sinks: String = (0..count).map(sink).collect();
    let sinks = if count == 0 { String::new() } else { format!("sinks:\n{sinks}") };
    let policy = format!("name: bench\ndefault_action: log\n{sinks}");
    std::fs::write(folder.join("policy.yaml"), policy).unwrap();
    row
}

/// The default policy and the example of a detector, under as many names.
fn with_plugins(name: &str, count: usize, command: &str) -> Row {
    let row = Row::hook(name, None, command);
    let path = library("acme-token");
    let one = serde_json::to_string(&manifest(&path)).unwrap();
    for number in 0..count {
        let team = if number == 0 { "acme".to_owned() } else { format!("team{number}") };
        let manifest = serde_json::from_str(&one.replace("acme", &team)).unwrap();
        add(&row.sandbox, &path, &manifest).unwrap();
    }
    // A lock file that changed in the last two seconds is compared by its content.
    std::thread::sleep(Duration::from_millis(2_200));
    row
}

/// The original's own hook, the way its `install` writes it, with the policy of its own `init`.
fn original(python: &Path) -> Vec<Row> {
    const HOOK: &str = "from agentfirewall.hooks import pretool_hook; pretool_hook()";
    let sandbox = Sandbox::new();
    let init = sandbox.process(python).args(["-m", "agentfirewall", "init"]).output().unwrap();
    assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
    let mut row = Row::new(
        "the original (Python), its own policy",
        sandbox,
        python.to_owned(),
        &["-c", HOOK],
        "git status",
    );
    // It denies every `Bash` call, whatever the rule's resources say.
    row.may_deny = true;
    vec![row]
}

fn main() {
    let pairs: usize = std::env::args().nth(1).map_or(400, |count| count.parse().expect("a number of pairs"));
    let nothing = Row::new("/bin/true", Sandbox::new(), "/bin/true".into(), &[], "git status");
    heading("whole process, median", "true, us");
    for row in rows() {
        let pairs = if row.program.ends_with("agentfirewall") { pairs } else { pairs.min(40) };
        compare(&row, &nothing, pairs, Duration::ZERO);
    }
    // A machine that has just slept is slower, so what is waited for is waited for before both of a pair.
    println!();
    heading("each after a pause of 30 ms", "none, us");
    let none = with_sinks("hook, 20 rules, no sink", 0, "log");
    compare(&with_sinks("hook, 20 rules, 3 sinks, nothing to tell", 3, "alert"), &none, pairs, SETTLE);
    compare(&with_sinks("hook, 20 rules, 3 sinks, delivery started", 3, "log"), &none, pairs, SETTLE);
}

fn heading(what: &str, against: &str) {
    println!("{what:<42} {:>8} {against:>9} {:>7} {:>9} {:>7}", "us", "ratio", "more, us", "p95 us");
}

/// Runs both in turn and prints their medians, the ratio and the difference of these.
fn compare(row: &Row, against: &Row, pairs: usize, pause: Duration) {
    let timed = |row: &Row| {
        std::thread::sleep(pause);
        row.once()
    };
    for _ in 0..10 {
        timed(row);
        timed(against);
    }
    let (mut own, mut base): (Vec<_>, Vec<_>) = (0..pairs).map(|_| (timed(row), timed(against))).unzip();
    own.sort();
    base.sort();
    let (median, floor) = (micros(own[own.len() / 2]), micros(base[base.len() / 2]));
    println!(
        "{:<42} {median:>8.0} {floor:>9.0} {:>7.2} {:>9.0} {:>7.0}",
        row.name,
        median / floor,
        median - floor,
        micros(own[own.len() * 95 / 100])
    );
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
