//! Many processes at once, some of them killed: the log stays one chain with a record of every finished decision.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use agentfirewall_tests::payload::Payload;
use agentfirewall_tests::sandbox::Sandbox;
use agentfirewall_tests::say;
use serde_json::Value;

const WRITERS: u64 = 64;
const DECISIONS: u64 = 50;

fn start(sandbox: &Sandbox, id: &str) -> Child {
    let payload = Payload::bash(&sandbox.project, &format!("echo {id}")).id(id);
    let mut command = sandbox.command(["hook", "pre-tool-use"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&payload.bytes()).unwrap();
    child
}

/// A small generator, so that a failing run can be repeated: the seed is printed.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % below
    }
}

/// Counts a writer down, also when it panics.
struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn seed() -> u64 {
    let seed = std::env::var("AGENTFIREWALL_STORM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()) << 20 | 0x9E37);
    say(format!("storm: AGENTFIREWALL_STORM_SEED={seed} repeats this run"));
    seed
}

fn records_by_call(records: &[Value]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for record in records {
        if let Some(id) = record["call_id"].as_str().filter(|id| !id.is_empty()) {
            *counts.entry(id).or_default() += 1;
        }
    }
    counts
}

#[test]
fn sixty_four_writers_and_random_kills_leave_one_whole_chain() {
    let sandbox = Sandbox::new();
    sandbox.run(["init"]).exits(0);
    let seed = seed();
    let finished = Mutex::new(Vec::new());
    let killed = Mutex::new(0_usize);
    let writing = AtomicUsize::new(usize::try_from(WRITERS).unwrap());
    let torn = std::thread::scope(|scope| {
        let tearing = scope.spawn(|| {
            let (mut random, mut torn) = (Random(seed | 1), 0);
            while writing.load(Ordering::SeqCst) > 0 {
                std::thread::sleep(Duration::from_millis(150));
                torn += usize::from(sandbox.log_path().exists() && tear(&sandbox, &mut random));
            }
            torn
        });
        for writer in 0..WRITERS {
            let (sandbox, finished, killed, writing) = (&sandbox, &finished, &killed, &writing);
            scope.spawn(move || {
                let _done = Done(writing);
                let mut random = Random((seed ^ writer.wrapping_mul(0x9E37_79B9_7F4A_7C15)) | 1);
                for decision in 0..DECISIONS {
                    let id = format!("toolu_{writer}_{decision}");
                    let mut child = start(sandbox, &id);
                    if random.next(8) == 0 {
                        // Anywhere in the life of the process, and after it.
                        std::thread::sleep(Duration::from_micros(random.next(40_000)));
                        let _may_be_over = child.kill();
                    }
                    let output = child.wait_with_output().unwrap();
                    match output.status.code() {
                        Some(0) => finished.lock().unwrap().push(id),
                        None => *killed.lock().unwrap() += 1,
                        Some(code) => {
                            panic!("{id} exited with {code}: {}", String::from_utf8_lossy(&output.stderr))
                        }
                    }
                }
            });
        }
        tearing.join().unwrap()
    });
    let (finished, killed) = (finished.into_inner().unwrap(), killed.into_inner().unwrap());
    assert!(killed > 20, "only {killed} processes died: this run shows little");

    // The next decision repairs what the last killed writer may have left half-written.
    sandbox.bash("echo after").passed();
    let verified = sandbox.run(["audit", "verify"]);
    verified.exits(0);
    let records = sandbox.log();
    let counts = records_by_call(&records);
    for id in &finished {
        assert_eq!(
            counts.get(id.as_str()),
            Some(&1),
            "{id} finished; its records: {:?}",
            counts.get(id.as_str())
        );
    }
    let recoveries = recoveries(&records);
    assert!(
        (torn..=torn + killed).contains(&recoveries),
        "{torn} tails were torn, {recoveries} repairs recorded"
    );
    let (finished, records) = (finished.len(), records.len());
    say(format!("storm: {finished} finished, {killed} killed, {torn} tails torn, {records} records"));
}

#[test]
fn a_torn_tail_is_repaired_and_recorded() {
    let sandbox = Sandbox::new();
    sandbox.run(["init"]).exits(0);
    let mut random = Random(seed() | 1);
    let mut torn = 0;
    let mut expected = Vec::new();
    for round in 0..12 {
        let id = format!("toolu_whole_{round}");
        let payload = Payload::bash(&sandbox.project, "echo whole").id(&id);
        sandbox.hook("pre-tool-use", payload).passed();
        expected.push(id);
        // What a writer leaves that lost its power in the middle of a line.
        let line = sandbox.log_text().lines().last().unwrap().to_owned();
        let length = 1 + usize::try_from(random.next(line.len() as u64 - 1)).unwrap();
        let mut log = OpenOptions::new().append(true).open(sandbox.log_path()).unwrap();
        log.write_all(&line.as_bytes()[..length]).unwrap();
        torn += 1;
    }
    sandbox.bash("echo last").passed();
    sandbox.run(["audit", "verify"]).exits(0);
    let records = sandbox.log();
    let counts = records_by_call(&records);
    for id in &expected {
        assert_eq!(counts.get(id.as_str()), Some(&1), "{id}");
    }
    assert_eq!(recoveries(&records), torn, "every torn tail is recorded as such:\n{}", sandbox.log_text());
}

fn recoveries(records: &[Value]) -> usize {
    records.iter().filter(|record| record["event_type"] == "recovery").count()
}

/// Leaves half a record at the end of the log, as a writer does that is killed between two parts of a write, which a
/// kill alone hits once in many thousand runs. `false` if the tail is torn already.
fn tear(sandbox: &Sandbox, random: &mut Random) -> bool {
    let mut log = OpenOptions::new().read(true).append(true).open(sandbox.log_path()).unwrap();
    log.lock().unwrap();
    let text = std::fs::read(sandbox.log_path()).unwrap();
    let Some(whole) = text.strip_suffix(b"\n") else { return false };
    let last = whole.rsplit(|&byte| byte == b'\n').next().unwrap();
    let length = 1 + usize::try_from(random.next(last.len() as u64 - 1)).unwrap();
    log.write_all(&last[..length]).unwrap();
    true
}
