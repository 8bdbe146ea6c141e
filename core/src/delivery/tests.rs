use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use agentfirewall_sdk::{Action, Event, SinkError};
use serde_json::Value;

use super::*;
use crate::audit::{Entry, EventType, append};

const NOW: i64 = 1_800_000_000;

/// A sink that answers as the test says, then takes everything.
#[derive(Clone, Default)]
struct Scripted {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    offered: Arc<Mutex<Vec<Event>>>,
}

#[derive(Clone)]
enum Answer {
    Take,
    Fail(SinkError),
    Panic,
}

impl Scripted {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() }
    }

    fn named(&self, name: &str) -> NamedSink {
        NamedSink {
            name: name.to_owned(),
            sink: Box::new(self.clone()),
            filter: Filter::of(vec![Action::Deny, Action::Alert]),
            format: Format::Native,
            group: None,
        }
    }

    fn sequences(&self) -> Vec<u64> {
        self.offered.lock().unwrap().iter().map(|event| event.sequence).collect()
    }
}

impl Sink for Scripted {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        self.offered.lock().unwrap().push(event.clone());
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Answer::Take);
        match answer {
            Answer::Take => Ok(()),
            Answer::Fail(error) => Err(error),
            Answer::Panic => panic!("on purpose"),
        }
    }
}

struct World {
    folder: tempfile::TempDir,
    log: PathBuf,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { log: folder.path().join("audit.jsonl"), folder }
    }

    /// A world with so many denied calls.
    fn with(calls: usize) -> Self {
        let world = Self::new();
        world.denied(calls);
        world
    }

    /// So many more denied calls.
    fn denied(&self, calls: usize) {
        for _ in 0..calls {
            self.append(Action::Deny, NOW);
        }
    }

    fn append(&self, action: Action, second: i64) -> String {
        let time = Timestamp::from_second(second).unwrap();
        let entry = Entry { action, tool: "Bash", ..Entry::new(EventType::PolicyCheck, time) };
        append(&self.log, &entry, Duration::from_secs(9)).unwrap().hash.to_string()
    }

    fn deliver(&self, sinks: &[NamedSink]) -> Vec<SinkOutcome> {
        self.deliver_with(sinks, &options())
    }

    fn deliver_with(&self, sinks: &[NamedSink], options: &Options) -> Vec<SinkOutcome> {
        match deliver(&self.log, self.folder.path(), sinks, options).unwrap() {
            Outcome::Done(outcomes) => outcomes,
            Outcome::Busy => panic!("busy"),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        state_folder(&self.log, self.folder.path()).join(name)
    }
}

fn options() -> Options {
    Options {
        now: || Timestamp::from_second(NOW).unwrap(),
        sleep: |_| (),
        respect_pauses: false,
        ..Options::default()
    }
}

#[test]
fn wanted_records_in_order_with_their_anchors_and_once() {
    let world = World::new();
    world.append(Action::Allow, NOW);
    let denied = world.append(Action::Deny, NOW);
    world.append(Action::Alert, NOW);
    let sink = Scripted::default();
    let outcome = world.deliver(&[sink.named("s")]);
    assert_eq!((outcome[0].delivered, &outcome[0].end), (2, &SinkEnd::Drained));
    assert_eq!(sink.sequences(), [2, 3]);
    let first = sink.offered.lock().unwrap()[0].clone();
    assert_eq!((first.id.as_str(), first.action), (denied.as_str(), Action::Deny));
    assert_eq!(first.record["_hash"], denied);
    assert_eq!(first.chain.len(), 32);
    assert_eq!(world.deliver(&[sink.named("s")])[0].delivered, 0);
    world.append(Action::Deny, NOW);
    assert_eq!(world.deliver(&[sink.named("s")])[0].delivered, 1);
    assert_eq!(sink.sequences(), [2, 3, 4]);
}

#[test]
fn a_passing_failure_is_tried_again_at_once_and_order_kept() {
    let world = World::new();
    world.append(Action::Deny, NOW);
    world.append(Action::Deny, NOW);
    let sink = Scripted::new([Answer::Fail(SinkError::retry("503")), Answer::Fail(SinkError::retry("503"))]);
    assert_eq!(world.deliver(&[sink.named("s")])[0].delivered, 2);
    assert_eq!(sink.sequences(), [1, 1, 1, 2]);
}

#[test]
fn a_sink_that_is_down_stops_itself_only_and_goes_on_later() {
    let world = World::new();
    world.append(Action::Deny, NOW);
    world.append(Action::Deny, NOW);
    let down = Scripted::new(vec![Answer::Fail(SinkError::retry("connection refused")); 5]);
    let up = Scripted::default();
    let outcomes = world.deliver(&[down.named("down"), up.named("up")]);
    assert!(matches!(&outcomes[0].end, SinkEnd::Failing { message, .. } if message == "connection refused"));
    assert_eq!(outcomes[1].delivered, 2);
    assert_eq!(down.sequences(), [1; 5]);
    assert_eq!(world.deliver(&[down.named("down")])[0].delivered, 2);
    assert_eq!(down.sequences(), [1, 1, 1, 1, 1, 1, 2]);
}

#[test]
fn a_long_retry_after_is_left_to_a_later_run_that_waits_for_it() {
    let world = World::new();
    world.append(Action::Deny, NOW);
    let after = Some(Duration::from_mins(10));
    let sink = Scripted::new([Answer::Fail(SinkError::Retry { message: "429".to_owned(), after })]);
    let outcomes = world.deliver(&[sink.named("s")]);
    let SinkEnd::Failing { until, .. } = outcomes[0].end else { panic!("{outcomes:?}") };
    assert!(until >= Timestamp::from_second(NOW + 600).unwrap());
    assert_eq!(sink.sequences(), [1]);
    let patient = Options { respect_pauses: true, ..options() };
    assert_eq!(world.deliver_with(&[sink.named("s")], &patient)[0].end, SinkEnd::Paused { until });
    let later = Options { now: || Timestamp::from_second(NOW + 100_000).unwrap(), ..patient };
    assert_eq!(world.deliver_with(&[sink.named("s")], &later)[0].delivered, 1);
}

#[test]
fn what_is_refused_or_makes_a_sink_panic_is_kept_and_the_rest_goes_on() {
    let world = World::with(3);
    let sink =
        Scripted::new([Answer::Take, Answer::Fail(SinkError::reject("400 bad\u{1b}[2J")), Answer::Panic]);
    let outcomes = world.deliver(&[sink.named("a b")]);
    assert_eq!((outcomes[0].delivered, outcomes[0].rejected, &outcomes[0].end), (1, 2, &SinkEnd::Drained));
    let letters = world.file("a%20b.dead.jsonl");
    let text = std::fs::read_to_string(&letters).unwrap();
    let letters_read: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(letters_read.len(), 2);
    assert_eq!(letters_read[0]["reason"], "400 bad\u{1b}[2J");
    assert_eq!(letters_read[0]["record"]["seq"], 2);
    assert_eq!(letters_read[1]["reason"], "the sink panicked");
    assert!(!text.contains('\u{1b}'));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(letters.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let cursor = world.file("a%20b.cursor");
        assert_eq!(cursor.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_new_sink_gets_recent_records_and_not_the_history() {
    let world = World::new();
    world.append(Action::Deny, NOW - 90_000);
    world.append(Action::Deny, NOW - 7_200);
    world.append(Action::Deny, NOW - 60);
    world.append(Action::Deny, NOW);
    let sink = Scripted::default();
    world.deliver(&[sink.named("s")]);
    assert_eq!(sink.sequences(), [3, 4]);
}

#[test]
fn a_new_sink_that_is_down_keeps_its_place() {
    let world = World::new();
    world.append(Action::Deny, NOW);
    let sink = Scripted::new(vec![Answer::Fail(SinkError::retry("down")); 5]);
    world.deliver(&[sink.named("s")]);
    let next_day = Options { now: || Timestamp::from_second(NOW + 90_000).unwrap(), ..options() };
    assert_eq!(world.deliver_with(&[sink.named("s")], &next_day)[0].delivered, 1);
}

#[test]
fn a_replaced_or_cut_log_is_delivered_from_its_beginning() {
    for records in [1, 9] {
        let world = World::with(5);
        let sink = Scripted::default();
        world.deliver(&[sink.named("s")]);
        std::fs::remove_file(&world.log).unwrap();
        for _ in 0..records {
            world.append(Action::Deny, NOW - 90_000);
        }
        assert_eq!(world.deliver(&[sink.named("s")])[0].delivered, records);
    }
}

#[test]
fn lines_that_are_no_records_are_passed_over_and_a_torn_end_waits() {
    let world = World::new();
    world.append(Action::Deny, NOW);
    let mut bytes = std::fs::read(&world.log).unwrap();
    let first = bytes.clone();
    bytes.extend_from_slice(b"garbage\n");
    bytes.extend_from_slice(&first);
    bytes.extend_from_slice(&first[..50]);
    std::fs::write(&world.log, bytes).unwrap();
    let sink = Scripted::default();
    let outcomes = world.deliver(&[sink.named("s")]);
    assert_eq!((outcomes[0].delivered, outcomes[0].unreadable), (2, 1));
    // The next writer replaces the torn end; the sink goes on behind it.
    world.append(Action::Deny, NOW);
    assert_eq!(world.deliver(&[sink.named("s")])[0].delivered, 1);
}

#[test]
fn an_original_log_is_delivered_too() {
    let world = World::new();
    std::fs::write(&world.log, include_bytes!("../audit/fixtures/original.jsonl")).unwrap();
    let sink = Scripted::default();
    let before = Options { now: || Timestamp::from_second(1_793_698_210).unwrap(), ..options() };
    assert_eq!(world.deliver_with(&[sink.named("s")], &before)[0].delivered, 2);
    assert_eq!(sink.offered.lock().unwrap()[0].id.len(), 64);
}

/// A sink that appends to the log while it is called, as hooks do, and tries to start another delivery.
struct Busy {
    world: Arc<World>,
    outcome: Arc<Mutex<Vec<Outcome>>>,
}

impl Sink for Busy {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        if event.sequence < 4 {
            self.world.append(Action::Deny, NOW);
            let other = deliver(&self.world.log, self.world.folder.path(), &[], &options()).unwrap();
            self.outcome.lock().unwrap().push(other);
        }
        Ok(())
    }
}

#[test]
fn one_delivery_at_a_time_and_nothing_is_left_behind() {
    let world = Arc::new(World::new());
    world.append(Action::Deny, NOW);
    let outcome = Arc::new(Mutex::new(Vec::new()));
    let sink = NamedSink {
        name: "s".to_owned(),
        sink: Box::new(Busy { world: Arc::clone(&world), outcome: Arc::clone(&outcome) }),
        filter: Filter::of(vec![Action::Deny]),
        format: Format::Native,
        group: None,
    };
    assert_eq!(world.deliver(&[sink])[0].delivered, 4);
    assert_eq!(*outcome.lock().unwrap(), vec![Outcome::Busy; 3]);
}

#[test]
fn two_sinks_of_one_name_are_refused() {
    let world = World::new();
    let sink = Scripted::default();
    let error = deliver(&world.log, world.folder.path(), &[sink.named("s"), sink.named("s")], &options());
    assert!(matches!(error, Err(DeliveryError::SameName(_))));
}

#[test]
fn a_log_that_does_not_exist_is_a_broken_end_not_a_panic() {
    let world = World::new();
    let outcomes = world.deliver(&[Scripted::default().named("s")]);
    assert!(matches!(&outcomes[0].end, SinkEnd::Broken(message) if message.contains("cannot open")));
}

mod engine;
