use super::*;
use crate::audit::{FaultKind, Report, Rotation, append_rotating, verify};

const WAIT: Duration = Duration::from_secs(9);

fn log_of(folder: &Path, records: i64) -> std::path::PathBuf {
    let log = folder.join("audit.jsonl");
    write(&log, 0, records);
    log
}

fn write(log: &Path, from: i64, records: i64) {
    let rotation = Rotation { records: Some(5), ..Rotation::default() };
    for second in from..from + records {
        let entry = Entry::new(EventType::PolicyCheck, at(second));
        append_rotating(log, &entry, WAIT, &rotation).unwrap();
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn report(log: &Path) -> Report {
    verify(log, &mut |_, _| {}).unwrap()
}

fn numbers(log: &Path) -> Vec<u64> {
    segments(log).unwrap().iter().map(|segment| segment.number).collect()
}

#[test]
fn old_files_go_and_the_rest_verifies_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = log_of(folder.path(), 40);
    let keep = Retention { segments: Some(3), age: None, undelivered: None };
    let closed = numbers(&log).len() as u64;
    let pruned = prune(&log, &keep, at(50), WAIT).unwrap();
    assert_eq!(pruned.files, closed - 3);
    assert_eq!(prune(&log, &keep, at(50), WAIT).unwrap().files, 0);
    for round in 1..6 {
        let seen = report(&log);
        assert!(seen.is_intact(), "{seen:?}");
        assert_eq!(seen.removed.unwrap().segment + 1, numbers(&log)[0]);
        write(&log, 100 * round, 17);
        prune(&log, &keep, at(1000), WAIT).unwrap();
        assert_eq!(numbers(&log).len(), 3);
    }
    let kept = numbers(&log)[0];
    // Without the record of the removal the beginning is missing.
    let texts: Vec<_> = segments(&log).unwrap().into_iter().map(|s| s.path).chain([log.clone()]).collect();
    for path in texts {
        let text = std::fs::read_to_string(&path).unwrap();
        let rest: String = text
            .split_inclusive('\n')
            .filter(|line| !line.contains("\"event_type\":\"retention\""))
            .collect();
        std::fs::write(&path, rest).unwrap();
    }
    let seen = report(&log);
    assert!(kept > 1 && seen.faults.iter().any(|fault| fault.kind == FaultKind::Missing), "{seen:?}");
}

#[test]
fn age_counts_from_a_file_s_last_record_and_the_newest_closed_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let log = log_of(folder.path(), 20);
    let keep = Retention { segments: None, age: Some(10), undelivered: None };
    assert_eq!(prune(&log, &keep, at(12), WAIT).unwrap().files, 0);
    let before = numbers(&log).len() as u64;
    assert_eq!(prune(&log, &keep, at(1_000_000), WAIT).unwrap().files, before - 1);
    assert!(report(&log).is_intact());
    assert!(Retention::default().keeps_everything());
    assert_eq!(prune(&log, &Retention::default(), at(9_999_999), WAIT).unwrap().files, 0);
}

#[test]
fn a_removal_that_was_interrupted_anywhere_is_finished_and_verifies_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let log = log_of(folder.path(), 40);
    let keep = Retention { segments: Some(2), age: None, undelivered: None };
    let old: Vec<_> = segments(&log)
        .unwrap()
        .into_iter()
        .map(|segment| (segment.path.clone(), std::fs::read(&segment.path).unwrap()))
        .collect();
    prune(&log, &keep, at(50), WAIT).unwrap();
    let gone: Vec<_> = old.into_iter().filter(|(path, _)| !path.exists()).collect();
    for still_there in 0..=gone.len() {
        // The oldest go first.
        for (path, bytes) in &gone[gone.len() - still_there..] {
            std::fs::write(path, bytes).unwrap();
        }
        let seen = report(&log);
        assert!(seen.is_intact(), "{still_there}: {seen:?}");
        prune(&log, &keep, at(50), WAIT).unwrap();
        let left = gone.iter().filter(|(path, _)| path.exists()).count();
        assert!(left == 0 || still_there == gone.len(), "{still_there}: {left}");
        gone.iter().for_each(|(path, _)| drop(std::fs::remove_file(path)));
    }
}

#[test]
fn a_file_with_a_fault_is_evidence_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let log = log_of(folder.path(), 40);
    let first = segments(&log).unwrap()[0].path.clone();
    let text = std::fs::read_to_string(&first).unwrap();
    std::fs::write(&first, text.replacen("policy_check", "policy_shock", 1)).unwrap();
    let before = numbers(&log);
    let keep = Retention { segments: Some(2), age: None, undelivered: None };
    assert!(matches!(prune(&log, &keep, at(50), WAIT), Err(AuditError::Evidence { .. })));
    assert_eq!(numbers(&log), before);
}

/// A sink that has not received one record of these files.
fn waiting(numbers: &[u64]) -> Awaited {
    let span = |number: u64| Span { records: 1, first_seq: number * 10, last_seq: number * 10 };
    Awaited { sink: "siem".to_owned(), segments: numbers.iter().map(|at| (*at, span(*at))).collect() }
}

#[test]
fn what_a_sink_has_not_received_stays_and_all_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = log_of(folder.path(), 40);
    let keep = Retention { segments: Some(1), ..Retention::default() };
    let before = numbers(&log).len() as u64;
    let holds = Holds { awaited: vec![waiting(&[3, 5]), waiting(&[4])], force: false };
    let pruned = prune_held(&log, &keep, &holds, at(50), WAIT).unwrap();
    assert_eq!((pruned.files, pruned.held, pruned.lost), (2, before - 3, vec![]));
    assert_eq!(numbers(&log)[0], 3);
    // Nothing goes, nothing is written about it.
    let length = log.metadata().unwrap().len();
    assert_eq!(prune_held(&log, &keep, &holds, at(50), WAIT).unwrap().files, 0);
    assert_eq!(log.metadata().unwrap().len(), length);
    // Once the sink has it, the rest goes.
    assert_eq!(prune_held(&log, &keep, &Holds::default(), at(50), WAIT).unwrap().files, before - 3);
    assert!(report(&log).is_intact());
}

#[test]
fn what_goes_by_force_or_over_the_limit_is_an_alert_that_says_who_lost_what() {
    for force in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let log = log_of(folder.path(), 40);
        let size = segments(&log).unwrap()[5].path.metadata().unwrap().len();
        let undelivered = (!force).then_some(3 * size);
        let keep = Retention { segments: Some(1), undelivered, ..Retention::default() };
        let closed = numbers(&log);
        let holds = Holds { awaited: vec![waiting(&[2, 3, closed.len() as u64])], force };
        let pruned = prune_held(&log, &keep, &holds, at(50), WAIT).unwrap();
        assert!(pruned.files > 2 && (pruned.held == 0) == force, "{pruned:?}");
        let lost = Lost { sink: "siem".to_owned(), records: 2, first_seq: 20, last_seq: 30 };
        assert_eq!(pruned.lost, [lost]);
        let text = std::fs::read_to_string(&log).unwrap();
        let record = text.lines().find(|line| line.contains("\"event_type\":\"retention\"")).unwrap();
        assert!(record.contains("\"action_taken\":\"alert\""), "{record}");
        assert!(record.contains("sink `siem` never got 2 of the records 20 to 30"), "{record}");
        let seen = report(&log);
        assert!(seen.is_intact() && seen.removed.unwrap().lost == pruned.lost);
    }
}
