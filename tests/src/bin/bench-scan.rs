//! What finding secrets costs: `scan` of a tree and of hostile files, the hook with large calls, the engine by the number of
//! its rules.
//!
//! `cargo run --release --package agentfirewall-tests --bin bench-scan [-- [--engine] FOLDER ...]`. Without a folder the sources of
//! all checked-out crates are scanned; with `--engine` the engine is measured and nothing else. The program measured is the release build of this workspace, or `AGENTFIREWALL_BIN`. With
//! `AGENTFIREWALL_KINGFISHER` naming that scanner, it is run on the same tree, in turns with ours.
//!
//! Processor time is what counts: it says more than the clock on a machine that does other things too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measuring program for engineers: a failure ends it"
)]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use agentfirewall_core::registry::Registry;
use agentfirewall_core::secrets::{DetectorSetting, Engine};
use agentfirewall_sdk::{Factory, registrations};
use agentfirewall_tests::payload::Payload;
use agentfirewall_tests::sandbox::{self, Sandbox};

/// How often the tree is scanned by each.
const TURNS: usize = 3;
/// How much of the tree is read into memory for the engine, in bytes.
const SAMPLE: usize = 96 << 20;

/// What a process took.
#[derive(Debug, Clone, Copy)]
struct Took {
    cpu: f64,
    wall: f64,
    /// The most memory it had at a time, in MiB.
    memory: u64,
}

fn main() {
    let mut folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let engine = folders.first().is_some_and(|first| first.as_os_str() == "--engine");
    folders.drain(..usize::from(engine));
    if folders.is_empty() {
        let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = || PathBuf::from(std::env::var_os("HOME").expect("a home folder")).join(".cargo");
        folders.push(cargo.unwrap_or_else(home).join("registry/src"));
    }
    if engine {
        return rules(&folders);
    }
    tree(&folders);
    start_up();
    hooks();
    hostile();
    rules(&folders);
}

fn tree(folders: &[PathBuf]) {
    let sandbox = Sandbox::new();
    let ours = || {
        let mut command = ours(&sandbox);
        command.args(["scan", "--json", "--no-archives", "--no-ignore"]).args(folders);
        command
    };
    let other = std::env::var_os("AGENTFIREWALL_KINGFISHER").map(|program| {
        move || {
            let mut command = Command::new(&program);
            command.arg("scan").args(folders).args(["--no-validate", "--quiet", "--format", "jsonl"]);
            command.args(["--git-history", "none", "--no-dedup", "--no-extract-archives"]);
            command
        }
    });
    let report = ours().output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).expect("a report in JSON");
    println!("tree: {}", report["summary"]);
    let row = |name: &str, took: &[Took]| {
        let mut sorted = took.to_vec();
        sorted.sort_by(|one, two| one.cpu.total_cmp(&two.cpu));
        let middle = sorted[sorted.len() / 2];
        println!(
            "{name:<28} {:>6.2} s of processor, {:>6.2} s, {:>4} MiB",
            middle.cpu, middle.wall, middle.memory
        );
        middle.cpu
    };
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        own.push(run(ours()));
        theirs.extend(other.as_ref().map(|other| run(other())));
    }
    let cpu = row("agentfirewall scan", &own);
    if theirs.is_empty() {
        println!("left out: kingfisher (AGENTFIREWALL_KINGFISHER names no program)");
    } else {
        let other = row("kingfisher scan", &theirs);
        println!("ratio {:.2}", other / cpu);
    }
}

/// A scan of one small file, from the start of the process to its end.
fn start_up() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.project.join("small.txt"), "name = example\nport = 8080\n# nothing else\n")
        .unwrap();
    let scan = || {
        let mut command = ours(&sandbox);
        command.args(["scan", "small.txt"]);
        command
    };
    println!("scan of one small file: {:.2} ms of processor", average(200, &scan) * 1e3);
}

/// The hook with harmless calls of several sizes.
fn hooks() {
    let sandbox = Sandbox::new();
    sandbox.run(["init"]).exits(0);
    let write =
        |length: usize| Payload::write(&sandbox.project, include_str!("bench-scan.rs"), length).bytes();
    let calls = [
        ("`git status`", Payload::bash(&sandbox.project, "git status").bytes()),
        ("Write of 20 KB", write(20_000)),
        ("Write of 1 MB", write(1_000_000)),
    ];
    let nothing = average(200, &|| Command::new("/bin/true"));
    println!("/bin/true: {:.2} ms of processor", nothing * 1e3);
    for (name, payload) in calls {
        let path = sandbox.root().join("payload.json");
        std::fs::write(&path, payload).unwrap();
        let hook = || {
            let mut command = ours(&sandbox);
            command.args(["hook", "pre-tool-use"]).stdin(File::open(&path).unwrap());
            command
        };
        let answer = hook().output().unwrap();
        assert!(answer.status.success() && answer.stdout.is_empty(), "{name}: {answer:?}");
        println!("hook, {name}: {:.2} ms of processor", average(200, &hook) * 1e3);
    }
}

/// Files that would not fit into memory, or have no line ends to read by.
fn hostile() {
    let sandbox = Sandbox::new();
    let line = b"2026-01-01T00:00:00Z INFO request served in 12 ms, status 200, path /v1/items/81723\n";
    let file = |name: &str, piece: &[u8], size: usize| {
        let path = sandbox.project.join(name);
        let mut out = BufWriter::new(File::create(&path).unwrap());
        (0..size / piece.len()).for_each(|_| out.write_all(piece).unwrap());
        out.flush().unwrap();
        path
    };
    for (name, path) in [
        ("a file of 1 GB", file("large.log", line, 1_000_000_000)),
        ("one line of 100 MB", file("line.js", b"var a=b(1);", 100_000_000)),
        ("100 MB of digits of base64", file("digits.txt", b"QUJDREVGR0hJSktMTU5P", 100_000_000)),
    ] {
        let mut command = ours(&sandbox);
        command.args(["scan", "--json"]).arg(&path);
        let took = run(command);
        println!("{name}: {:.2} s of processor, {} MiB", took.cpu, took.memory);
        std::fs::remove_file(path).unwrap();
    }
}

/// The engine alone, in one thread, with ever more of the rules.
fn rules(folders: &[PathBuf]) {
    agentfirewall_plugins::link();
    let mut texts = Vec::new();
    let mut size = 0;
    folders.iter().for_each(|folder| texts_in(folder, &mut texts, &mut size));
    let megabytes = size as f64 / 1e6;
    let registry = Registry::from_linked().unwrap();
    let rows: Vec<_> =
        registrations().filter(|plugin| matches!(plugin.factory, Factory::Row { .. })).collect();
    let all = rows.len();
    for count in [100, 300, 1_000] {
        // Coded detectors always, and rules taken evenly from all families; a policy disables the others.
        let others = rows.iter().enumerate().filter(|(number, _)| number * count % all >= count);
        let disabled: Vec<_> = others
            .map(|(_, plugin)| DetectorSetting { id: plugin.meta.id, enabled: false, config: "" })
            .collect();
        let seconds = judged(&Engine::new(&registry, &disabled).unwrap(), &texts);
        println!("engine, {count} rules: {:.0} MB/s", megabytes / seconds);
    }
    let seconds = judged(&Engine::new(&registry, &[]).unwrap(), &texts);
    println!("engine as it is, {all} rules: {:.0} MB/s of {megabytes:.0} MB", megabytes / seconds);
}

fn judged(engine: &Engine<'_>, texts: &[String]) -> f64 {
    let once = || {
        let start = thread_time();
        let found: usize = texts.iter().map(|text| engine.scan_text(text).unwrap().findings.len()).sum();
        std::hint::black_box(found);
        thread_time() - start
    };
    (0..TURNS).map(|_| once()).fold(f64::MAX, f64::min)
}

fn texts_in(folder: &Path, texts: &mut Vec<String>, size: &mut usize) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        if *size >= SAMPLE {
            return;
        }
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            texts_in(&entry.path(), texts, size);
        } else if kind.is_file()
            && let Ok(text) = std::fs::read_to_string(entry.path())
            && !text.contains('\0')
        {
            *size += text.len();
            texts.push(text);
        }
    }
}

fn ours(sandbox: &Sandbox) -> Command {
    let mut command = Command::new(&sandbox.program);
    command
        .current_dir(&sandbox.project)
        .env_clear()
        .env("HOME", &sandbox.home)
        .env("PATH", sandbox::path())
        .env("CLAUDE_PROJECT_DIR", &sandbox.project);
    command
}

/// Seconds of processor for one process, from many of them.
fn average(count: u32, make: &dyn Fn() -> Command) -> f64 {
    let quiet = || make().stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    (0..10).for_each(|_| {
        quiet();
    });
    let before = children();
    (0..count).for_each(|_| {
        quiet();
    });
    (children() - before) / f64::from(count)
}

fn run(mut command: Command) -> Took {
    let (before, start) = (children(), Instant::now());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut memory = 0;
    while child.try_wait().unwrap().is_none() {
        let peak = std::fs::read_to_string(&status).ok().and_then(|text| peak(&text));
        memory = memory.max(peak.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    }
    Took { cpu: children() - before, wall: start.elapsed().as_secs_f64(), memory: memory / 1024 }
}

/// The most memory that a process ever had, in KiB (proc_pid_status(5)).
fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The processor time of all children that have ended, in seconds (proc_pid_stat(5)). The kernel adds it up exactly and shows it
/// in hundredths.
fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("a system with /proc");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    // Fields 16 and 17, counted from 1; what stands behind the name begins with the third.
    [13, 14].iter().map(|field| fields[*field].parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

/// The processor time of this thread, in seconds.
fn thread_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a system with /proc");
    text.split_whitespace().next().and_then(|time| time.parse::<f64>().ok()).expect("nanoseconds") / 1e9
}
