//! Many writers of one log, rotation all the time, and processes that are killed wherever they stand. Afterwards the log
//! verifies, and has every record exactly once whose writer was told that it is written.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use agentfirewall_core::audit::{
    Checkpoint, Checks, Copies, Entry, EventType, FaultKind, Follow, Report, Retention, Rotation,
    append_rotating, prune, segments, verify_with,
};
use agentfirewall_sdk::Action;
use jiff::Timestamp;

use crate::measure::Random;

/// How many processes write.
pub const WRITERS: usize = 32;
/// At how many records a new file is begun.
pub const RECORDS: u64 = 200;

/// What a run was.
#[derive(Debug)]
pub struct Soaked {
    /// How many writers were killed.
    pub killed: u64,
    /// How many records were acknowledged.
    pub acknowledged: u64,
    /// How many records the follower saw.
    pub followed: u64,
    /// What verification says.
    pub report: Report,
}

/// A writer: appends until it is killed, and notes each record after it was told that it is written.
pub fn write(log: &Path, notes: &Path) {
    let rotation = Rotation { records: Some(RECORDS), ..Rotation::default() };
    let mut notes = std::fs::File::options().append(true).create(true).open(notes).unwrap();
    for number in 0_u64.. {
        let parameters =
            serde_json::json!({"command": "x".repeat(usize::try_from(number * 37 % 900).unwrap())});
        let entry = Entry {
            tool: "Bash",
            action: if number % 97 == 0 { Action::Deny } else { Action::Allow },
            ..Entry::new(EventType::PolicyCheck, Timestamp::now())
        };
        let appended =
            append_rotating(log, &entry.with_parameters(&parameters), Duration::from_mins(1), &rotation);
        let appended = appended.unwrap_or_else(|error| panic!("a record was refused: {error}"));
        notes.write_all(format!("{}\n", appended.hash).as_bytes()).unwrap();
    }
}

/// Runs `program writer LOG NOTES` many times at once for so long, kills each after a while, and checks what is left.
/// With `keep`, old files are removed meanwhile.
pub fn run(program: &Path, folder: &Path, length: Duration, seed: u64, keep: Option<u64>) -> Soaked {
    let log = folder.join("audit.jsonl");
    let end = Instant::now() + length;
    let (mut random, mut killed) = (Random::new(seed), 0);
    let notes = |number: usize| folder.join(format!("notes.{number}"));
    let start = |number: usize| -> Child {
        let mut command = Command::new(program);
        command.arg("writer").arg(&log).arg(notes(number)).stdin(Stdio::null());
        command.spawn().unwrap()
    };
    let mut follow = Follow::new(&log, 0);
    let mut followed: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut see = |follow: &mut Follow| {
        let hash = |line: &[u8]| line[line.len() - 66..line.len() - 2].to_vec();
        let polled = follow.poll(&mut |line| *followed.entry(hash(line)).or_default() += 1);
        polled.unwrap();
    };
    // Before there is a log, so that all of it is new.
    see(&mut follow);
    let mut writers: Vec<(Child, Instant)> = Vec::new();
    for number in 0..WRITERS {
        writers.push((start(number), Instant::now()));
    }
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(2));
        for (number, (child, since)) in writers.iter_mut().enumerate() {
            // Each lives some ten milliseconds, and dies wherever it stands.
            if since.elapsed().as_millis() > 20 + random.below(300) as u128 {
                if let Some(status) = child.try_wait().unwrap() {
                    panic!("a writer ended by itself: {status}");
                }
                child.kill().unwrap();
                child.wait().unwrap();
                killed += 1;
                (*child, *since) = (start(number), Instant::now());
            }
        }
        see(&mut follow);
        if let Some(segments) = keep {
            let retention = Retention { segments: Some(segments), ..Retention::default() };
            prune(&log, &retention, Timestamp::now(), Duration::from_mins(1)).unwrap();
        }
    }
    for (child, _) in &mut writers {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // Repairs what the last one may have left half-written.
    let last = Entry::new(EventType::PolicyCheck, Timestamp::now());
    append_rotating(&log, &last, Duration::from_mins(1), &Rotation::default()).unwrap();
    see(&mut follow);
    let (report, _) = verify_with(&log, Checks::default(), &mut |_, _| {}).unwrap();
    let mut acknowledged = 0;
    for number in 0..WRITERS {
        let text = std::fs::read_to_string(notes(number)).unwrap_or_default();
        // The last note may be torn too.
        for hash in text
            .split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'))
            .filter(|hash| hash.len() == 64)
        {
            acknowledged += 1;
            // Retention may be quicker than a reader, as its policy says.
            assert!(
                followed.get(hash.as_bytes()) == Some(&1) || keep.is_some(),
                "the record {hash} was acknowledged"
            );
        }
    }
    assert!(followed.values().all(|count| *count == 1), "a record was seen twice");
    Soaked { killed, acknowledged, followed: followed.len() as u64, report }
}

/// Cuts and rewrites a log that was soaked, and says whether a copy and a checkpoint find it while the chain alone does
/// not.
pub fn tampering_is_found(log: &Path, folder: &Path) {
    let copy = folder.join("copy.jsonl");
    let files: Vec<PathBuf> =
        segments(log).unwrap().into_iter().map(|s| s.path).chain([log.to_owned()]).collect();
    let all: Vec<u8> = files.iter().flat_map(|file| std::fs::read(file).unwrap()).collect();
    std::fs::write(&copy, all).unwrap();
    let (report, tree) =
        verify_with(log, Checks { tree: true, ..Checks::default() }, &mut |_, _| {}).unwrap();
    let checkpoint = Checkpoint::of(&report, tree.as_ref(), Timestamp::now()).unwrap();
    let judge = || {
        let kinds = |report: Report| report.faults.iter().map(|fault| fault.kind).collect::<Vec<_>>();
        let checks = Checks { copies: Some(Copies::read(&copy).unwrap()), ..Checks::default() };
        let by_copy = kinds(verify_with(log, checks, &mut |_, _| {}).unwrap().0);
        let checks = Checks { checkpoint: Some(&checkpoint), ..Checks::default() };
        let by_checkpoint = kinds(verify_with(log, checks, &mut |_, _| {}).unwrap().0);
        let alone = kinds(verify_with(log, Checks::default(), &mut |_, _| {}).unwrap().0);
        (alone, by_copy, by_checkpoint)
    };
    assert_eq!(judge(), (vec![], vec![], vec![]), "the log as it was");
    // The newest records go.
    let text = std::fs::read(log).unwrap();
    let cut = text[..text.len() - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    std::fs::write(log, &text[..cut]).unwrap();
    assert_eq!(judge(), (vec![], vec![FaultKind::Truncated], vec![FaultKind::Truncated]));
    // All of it is written anew, with as many records and a chain that verifies.
    for file in &files {
        std::fs::remove_file(file).unwrap();
    }
    for _ in 0..=report.records {
        let entry = Entry::new(EventType::UserPrompt, Timestamp::now());
        append_rotating(log, &entry, Duration::from_mins(1), &Rotation::default()).unwrap();
    }
    assert_eq!(judge(), (vec![], vec![FaultKind::Forked], vec![FaultKind::Forked]));
}
