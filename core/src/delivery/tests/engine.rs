//! Batches, floods, formats, status, another try, and sinks that hang.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use agentfirewall_sdk::{Manner, Severity};

use super::*;

/// A sink that takes batches and refuses what the test says.
#[derive(Clone)]
struct Bulk {
    manner: Manner,
    poison: Vec<u64>,
    /// What it fails over for ever, as a receiver does that answers with 500.
    stuck: Vec<u64>,
    whole: bool,
    calls: Arc<Mutex<Vec<Vec<u64>>>>,
    down: Arc<AtomicUsize>,
}

impl Bulk {
    fn new(events: usize) -> Self {
        Self {
            manner: Manner::batches(events, 1 << 20),
            poison: Vec::new(),
            stuck: Vec::new(),
            whole: false,
            calls: Arc::default(),
            down: Arc::default(),
        }
    }

    fn named(&self, name: &str) -> NamedSink {
        NamedSink { sink: Box::new(self.clone()), ..Scripted::default().named(name) }
    }

    fn calls(&self) -> Vec<Vec<u64>> {
        self.calls.lock().unwrap().clone()
    }
}

impl Sink for Bulk {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        self.deliver_batch(std::slice::from_ref(event))?.remove(0)
    }

    fn manner(&self) -> Manner {
        self.manner
    }

    fn deliver_batch(&self, events: &[Event]) -> Result<Vec<Result<(), SinkError>>, SinkError> {
        self.calls.lock().unwrap().push(events.iter().map(|event| event.sequence).collect());
        if self.down.load(Ordering::Relaxed) > 0 {
            self.down.fetch_sub(1, Ordering::Relaxed);
            return Err(SinkError::retry("503"));
        }
        let poisoned = |event: &Event| self.poison.contains(&event.sequence);
        if self.whole && events.iter().any(poisoned) {
            return Err(SinkError::reject("400 somewhere"));
        }
        let stuck = |event: &Event| self.stuck.contains(&event.sequence);
        if self.whole && events.iter().any(stuck) {
            return Err(SinkError::retry("500"));
        }
        let one = |event| match event {
            event if poisoned(event) => Err(SinkError::reject("400")),
            event if stuck(event) => Err(SinkError::retry("500")),
            _ => Ok(()),
        };
        Ok(events.iter().map(one).collect())
    }
}

fn dead(world: &World) -> Vec<u64> {
    let text = std::fs::read_to_string(world.file("s.dead.jsonl")).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["record"]["seq"].as_u64().unwrap())
        .collect()
}

#[test]
fn batches_are_full_in_order_and_the_rest_comes_last() {
    let world = World::new();
    for _ in 0..7 {
        world.append(Action::Deny, NOW);
        world.append(Action::Allow, NOW);
    }
    let sink = Bulk::new(3);
    let outcomes = world.deliver(&[sink.named("s")]);
    assert_eq!((outcomes[0].delivered, &outcomes[0].end), (7, &SinkEnd::Drained));
    assert_eq!(sink.calls(), [vec![1, 3, 5], vec![7, 9, 11], vec![13]]);
    assert_eq!(world.deliver(&[sink.named("s")])[0].delivered, 0);
}

#[test]
fn bytes_limit_a_batch_too() {
    let world = World::with(4);
    let sink = Bulk { manner: Manner::batches(100, 1), ..Bulk::new(1) };
    world.deliver(&[sink.named("s")]);
    assert_eq!(sink.calls(), [[1], [2], [3], [4]]);
}

#[test]
fn one_poisoned_event_of_a_batch_is_found_and_kept_and_the_rest_arrives() {
    for whole in [false, true] {
        let world = World::with(8);
        let sink = Bulk { poison: vec![3, 6], whole, ..Bulk::new(8) };
        let outcomes = world.deliver(&[sink.named("s")]);
        assert_eq!((outcomes[0].delivered, outcomes[0].rejected), (6, 2), "{:?}", sink.calls());
        assert_eq!(dead(&world), [3, 6]);
        assert_eq!(outcomes[0].end, SinkEnd::Drained);
    }
}

#[test]
fn a_batch_that_fails_for_now_is_offered_again_as_a_whole() {
    let world = World::with(3);
    let sink = Bulk::new(3);
    sink.down.store(2, Ordering::Relaxed);
    world.deliver(&[sink.named("s")]);
    assert_eq!(sink.calls(), [[1, 2, 3]; 3]);
    sink.down.store(99, Ordering::Relaxed);
    world.append(Action::Deny, NOW);
    assert!(matches!(world.deliver(&[sink.named("s")])[0].end, SinkEnd::Failing { .. }));
}

#[test]
fn refused_events_are_offered_again_when_somebody_asks() {
    let world = World::with(4);
    let sink = Bulk { poison: vec![2, 3], ..Bulk::new(1) };
    world.deliver(&[sink.named("s")]);
    assert_eq!(dead(&world), [2, 3]);
    let status = status(&world.log, world.folder.path(), &[sink.named("s")], &options()).unwrap();
    assert_eq!(
        (status[0].dead_letters, status[0].waiting, status[0].dead_reason.as_deref()),
        (2, 0, Some("400"))
    );
    let retry = |sink: &Bulk| {
        retry_letters(&world.log, world.folder.path(), &sink.named("s"), &options()).unwrap().unwrap()
    };
    let sink = Bulk { poison: vec![3], ..sink };
    assert_eq!(retry(&sink), Retried { delivered: 1, rejected: 1, ..Retried::default() });
    assert_eq!(dead(&world), [3]);
    sink.down.store(1, Ordering::Relaxed);
    let left = retry(&sink);
    assert_eq!((left.left, left.error.as_deref()), (1, Some("503")));
    let sink = Bulk { poison: Vec::new(), ..sink };
    assert_eq!(retry(&sink).delivered, 1);
    assert!(dead(&world).is_empty());
    assert_eq!(retry(&sink), Retried::default());
}

#[test]
fn status_says_how_far_a_sink_is_and_why_it_stopped() {
    let world = World::with(3);
    let sink = Bulk::new(1);
    let ask = || status(&world.log, world.folder.path(), &[sink.named("s")], &options()).unwrap().remove(0);
    assert_eq!((ask().offset, ask().waiting), (None, 3));
    sink.down.store(99, Ordering::Relaxed);
    world.deliver(&[sink.named("s")]);
    let failing = ask();
    assert_eq!((failing.waiting, failing.failures, failing.error.as_deref()), (3, 1, Some("503")));
    assert!(failing.until.is_some() && failing.oldest.is_some());
    sink.down.store(0, Ordering::Relaxed);
    world.deliver(&[sink.named("s")]);
    assert_eq!((ask().waiting, ask().failures, ask().error), (0, 0, None));
    assert_eq!(ask().offset, Some(std::fs::metadata(&world.log).unwrap().len()));
}

static CLOCK: AtomicI64 = AtomicI64::new(NOW * 1000);

fn ticking() -> Options {
    Options {
        now: || Timestamp::from_millisecond(CLOCK.load(Ordering::Relaxed)).unwrap(),
        sleep: |time| {
            CLOCK.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
        },
        ..options()
    }
}

#[test]
fn a_flood_is_told_as_one_event_and_the_next_window_begins_anew() {
    let world = World::with(50);
    world.append(Action::Alert, NOW);
    let sink = Scripted::default();
    let grouped = || NamedSink { group: Some(Group { after: 3, seconds: 60 }), ..sink.named("s") };
    let outcomes = world.deliver_with(&[grouped()], &ticking());
    assert_eq!((outcomes[0].delivered, &outcomes[0].end), (51, &SinkEnd::Drained));
    assert_eq!(sink.sequences(), [1, 2, 3, 51]);
    let summary = sink.offered.lock().unwrap()[3].clone();
    assert_eq!((summary.count, summary.action), (48, Action::Deny));
    assert_eq!(summary.record["reason"], "48 more events: 47 deny, 1 alert");
    assert_eq!(summary.record["metadata"]["first"]["seq"], 4);
    // The window was waited for, so the next event is told at once.
    world.append(Action::Deny, NOW);
    world.deliver_with(&[grouped()], &ticking());
    assert_eq!(sink.sequences(), [1, 2, 3, 51, 52]);
    // A window is remembered from run to run.
    for _ in 0..9 {
        world.append(Action::Deny, NOW);
        world.deliver_with(&[grouped()], &Options { wait_for_windows: false, ..ticking() });
    }
    assert_eq!(sink.sequences().len(), 5 + 2 + 7);
}

#[test]
fn only_sinks_that_people_read_sum_up_by_themselves() {
    let world = World::with(20);
    let (machine, people) = (Bulk::new(1), Bulk { manner: Manner::people(), ..Bulk::new(1) });
    let hurry = Options { wait_for_windows: false, ..options() };
    world.deliver_with(&[machine.named("m"), people.named("p")], &hurry);
    assert_eq!((machine.calls().len(), people.calls().len()), (20, 6));
}

#[test]
fn a_sink_gets_what_its_filter_and_format_say() {
    let world = World::new();
    world.append(Action::Deny, NOW);
    world.append(Action::Alert, NOW);
    let sink = Scripted::default();
    let filter = Filter {
        severity: Severity::High,
        tools: vec!["Ba*".to_owned()],
        ..Filter::of(Action::ALL.to_vec())
    };
    world.deliver(&[NamedSink { filter, format: Format::Cef, ..sink.named("s") }]);
    assert_eq!(sink.sequences(), [1]);
    let text = sink.offered.lock().unwrap()[0].text().into_owned();
    assert!(text.starts_with("CEF:0|agentfirewall|") && !text.contains('\n'), "{text}");
}

/// A sink that hangs until the other one has the news.
struct Hanging(Arc<World>, Scripted);

impl Sink for Hanging {
    fn deliver(&self, _: &Event) -> Result<(), SinkError> {
        if self.1.sequences().len() < 2 {
            self.0.append(Action::Deny, NOW);
        }
        for _ in 0..1000 {
            if self.1.sequences().len() >= 2 {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the other sink never got what came meanwhile");
    }
}

#[test]
fn a_sink_that_hangs_does_not_keep_the_news_from_the_others() {
    let world = Arc::new(World::new());
    world.append(Action::Deny, NOW);
    let other = Scripted::default();
    let hanging =
        NamedSink { sink: Box::new(Hanging(Arc::clone(&world), other.clone())), ..other.named("hangs") };
    let outcomes = world
        .deliver_with(&[hanging, other.named("works")], &Options { sleep: std::thread::sleep, ..options() });
    assert_eq!(outcomes[0].rejected, 0, "{outcomes:?}");
    assert!(other.sequences().len() >= 2);
}

#[test]
fn a_clock_that_was_put_back_neither_stops_a_sink_nor_loses_an_event() {
    let world = World::new();
    world.append(Action::Deny, NOW);
    let sink = Scripted::new(vec![Answer::Fail(SinkError::retry("down")); 5]);
    let future = Options {
        now: || Timestamp::from_second(NOW + 86_400 * 365).unwrap(),
        backlog: SignedDuration::from_hours(24 * 999),
        ..options()
    };
    world.deliver_with(&[sink.named("s")], &future);
    let now = Options { respect_pauses: true, ..options() };
    let outcomes = world.deliver_with(&[sink.named("s")], &now);
    assert_eq!((outcomes[0].delivered, &outcomes[0].end), (1, &SinkEnd::Drained));
}

static FOLLOWED: AtomicI64 = AtomicI64::new(NOW * 1000);

#[test]
fn following_delivers_what_comes_and_tries_again_by_itself() {
    let world = Arc::new(World::new());
    let sink = Scripted::new(vec![Answer::Fail(SinkError::retry("down")); 6]);
    let rounds = AtomicUsize::new(0);
    let go_on = || {
        match rounds.fetch_add(1, Ordering::Relaxed) {
            // The log comes into being while it is followed.
            3 => drop(world.append(Action::Deny, NOW)),
            9 => drop(world.append(Action::Deny, NOW)),
            _ => {}
        }
        let seen = sink.sequences();
        assert!(rounds.load(Ordering::Relaxed) < 200_000, "{seen:?}");
        seen.last() != Some(&2)
    };
    let options = Options {
        now: || Timestamp::from_millisecond(FOLLOWED.load(Ordering::Relaxed)).unwrap(),
        sleep: |time| {
            FOLLOWED.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
        },
        backlog: SignedDuration::from_hours(999),
        ..options()
    };
    let outcome = follow(&world.log, world.folder.path(), &[sink.named("s")], &options, &go_on).unwrap();
    let Outcome::Done(outcomes) = outcome else { panic!() };
    assert_eq!(outcomes[0].delivered, 2, "{:?}", sink.sequences());
}

/// Runs until one is not failing, at most so often; how many failed.
fn runs(world: &World, sink: &NamedSink, most: u32) -> u32 {
    (0..most).find(|_| world.deliver(std::slice::from_ref(sink))[0].end == SinkEnd::Drained).unwrap_or(most)
}

/// The events that were taken, in order: those of a batch up to the first it fails over.
fn taken(sink: &Bulk) -> Vec<u64> {
    let bad = |seq: &u64| sink.stuck.contains(seq);
    let calls = sink.calls();
    let took = calls.iter().filter(|call| !(sink.whole && call.iter().any(bad)));
    took.flat_map(|call| call.iter().copied().take_while(|seq| !bad(seq)).collect::<Vec<_>>()).collect()
}

#[test]
fn an_event_that_a_receiver_fails_over_for_ever_is_put_aside_and_the_rest_goes_on() {
    // Alone, in batches that fail as a whole, and in batches that say which event it was.
    for (events, whole) in [(1, false), (4, true), (4, false), (500, true)] {
        let world = World::with(9);
        // Two in a row, and one that is the last of a batch.
        let sink = Bulk { stuck: vec![2, 3, 8], whole, ..Bulk::new(events) };
        let named = sink.named("s");
        let failed = runs(&world, &named, 40);
        assert!((3..20).contains(&failed), "{events} {whole}: {failed}");
        assert_eq!(dead(&world), [2, 3, 8], "{events} {whole}");
        let mut all = taken(&sink);
        all.sort_unstable();
        assert_eq!(all, [1, 4, 5, 6, 7, 9], "{events} {whole}: each once");
        let text = std::fs::read_to_string(world.file("s.dead.jsonl")).unwrap();
        assert!(text.contains("500 (4 runs failed over this record, and a later one was taken)"), "{text}");
    }
}

#[test]
fn a_receiver_that_is_down_is_waited_for_however_long() {
    for events in [1, 4] {
        let world = World::with(6);
        let sink = Bulk::new(events);
        sink.down.store(usize::MAX / 2, Ordering::Relaxed);
        let named = sink.named("s");
        assert_eq!(runs(&world, &named, 20), 20);
        assert_eq!(dead(&world), [0; 0]);
        sink.calls.lock().unwrap().clear();
        sink.down.store(0, Ordering::Relaxed);
        assert_eq!(runs(&world, &named, 1), 0);
        assert_eq!(sink.calls().concat(), [1, 2, 3, 4, 5, 6], "{events}");
    }
}

#[test]
fn an_event_with_nothing_behind_it_waits_until_there_is_something_to_compare_with() {
    let world = World::new();
    world.append(Action::Deny, NOW);
    let sink = Bulk { stuck: vec![1], ..Bulk::new(1) };
    let named = sink.named("s");
    assert_eq!((runs(&world, &named, 10), dead(&world)), (10, vec![]));
    world.append(Action::Deny, NOW);
    assert_eq!((runs(&world, &named, 10), dead(&world)), (0, vec![1]));
    assert_eq!(taken(&sink), [2]);
}

#[test]
fn a_receiver_that_comes_back_between_two_tries_loses_nothing() {
    let world = World::with(4);
    let sink = Bulk::new(1);
    let named = sink.named("s");
    sink.down.store(usize::MAX / 2, Ordering::Relaxed);
    assert_eq!(runs(&world, &named, 5), 5);
    sink.calls.lock().unwrap().clear();
    // The first try and a probe fail, then it is there.
    sink.down.store(2, Ordering::Relaxed);
    assert_eq!(runs(&world, &named, 1), 0);
    assert_eq!((sink.calls().concat(), dead(&world)), (vec![1, 2, 3, 1, 2, 4], vec![]));
}

#[test]
fn a_receiver_that_says_when_to_come_back_is_never_suspected() {
    let world = World::new();
    world.append(Action::Deny, NOW);
    world.append(Action::Deny, NOW);
    let busy = SinkError::Retry { message: "429".to_owned(), after: Some(Duration::from_hours(1)) };
    let sink = Scripted::new(vec![Answer::Fail(busy); 12]);
    let named = sink.named("s");
    assert_eq!((runs(&world, &named, 12), dead(&world)), (12, vec![]));
    assert_eq!(sink.sequences(), [1; 12]);
    assert_eq!(runs(&world, &named, 1), 0);
}

#[test]
fn a_flood_in_batches_is_summed_up_at_the_same_event_as_one_by_one() {
    for events in [1, 50] {
        let world = World::with(20);
        let sink = Bulk::new(events);
        let named = NamedSink { group: Some(Group { after: 5, seconds: 60 }), ..sink.named("s") };
        let options = Options { wait_for_windows: false, ..options() };
        world.deliver_with(&[named], &options);
        // Five, and the sum of the others under the last one's number.
        assert_eq!(sink.calls().concat(), [1, 2, 3, 4, 5, 20], "{events}");
    }
}

#[test]
fn retention_knows_what_each_sink_waits_for() {
    let world = World::new();
    let rotation = crate::audit::Rotation { records: Some(4), ..Default::default() };
    for number in 0..20 {
        let action = if number == 3 || number > 9 { Action::Deny } else { Action::Allow };
        let time = Timestamp::from_second(NOW).unwrap();
        let entry = Entry { action, tool: "Bash", ..Entry::new(EventType::PolicyCheck, time) };
        crate::audit::append_rotating(&world.log, &entry, Duration::from_secs(9), &rotation).unwrap();
    }
    let (up, down) = (Bulk::new(1), Bulk::new(1));
    down.down.store(usize::MAX / 2, Ordering::Relaxed);
    world.deliver(&[up.named("up"), down.named("down")]);
    let filter = Filter::of(vec![Action::Deny]);
    let none = Filter::of(vec![Action::Ask]);
    let sinks = [("up", &filter), ("down", &filter), ("none", &none), ("new", &filter)];
    let awaited = awaited(&world.log, world.folder.path(), &sinks, &options()).unwrap();
    let names: Vec<_> = awaited.iter().map(|awaited| awaited.sink.as_str()).collect();
    assert_eq!(names, ["down", "new"]);
    let records: u64 = awaited[0].segments.values().map(|span| span.records).sum();
    assert!(awaited[0].segments.contains_key(&1) && !awaited[0].segments.contains_key(&2), "{awaited:?}");
    let closed: Vec<_> = crate::audit::segments(&world.log).unwrap();
    let text: String = closed.iter().map(|segment| std::fs::read_to_string(&segment.path).unwrap()).collect();
    assert_eq!(records, text.matches("\"action_taken\":\"deny\"").count() as u64);
}
