use agentfirewall_sdk::{Action, Event};
use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::audit::{Entry, EventType, append};
use crate::formats::{ecs, ocsf};

/// The lines of a log with this many records, some with what is written in another way by other programs.
fn lines(records: u32) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.jsonl");
    for number in 0..records {
        let parameters = json!({
            "z": number, "a": {"y": 0.1, "x": 1.797_693_134_862_315_7e308, "w": 5e-324, "v": -0.0, "big": u64::MAX},
            "hidden": "\u{202e}\u{1b}[2J\u{7f} é \u{1F600}/\"",
        });
        let entry = Entry {
            tool: "Bash",
            action: Action::Alert,
            reason: "because",
            ..Entry::new(EventType::PolicyCheck, Timestamp::UNIX_EPOCH)
        };
        let wait = std::time::Duration::from_secs(9);
        append(&log, &entry.with_parameters(&parameters), wait).unwrap();
    }
    std::fs::read_to_string(&log).unwrap().lines().map(str::to_owned).collect()
}

fn verify(lines: &[String]) -> CollectedReport {
    verify_as(lines, false)
}

fn verify_as(lines: &[String], partial: bool) -> CollectedReport {
    let text = lines.join("\n");
    Collected::read(text.as_bytes(), Path::new("-"), &mut |_| {}).unwrap().verify(partial, None)
}

fn kinds(report: &CollectedReport) -> Vec<(FaultKind, u64, u64)> {
    report.faults.iter().map(|fault| (fault.kind, fault.from, fault.to)).collect()
}

/// What the line is in whatever a sink or a store makes of it.
fn dressed(line: &str, how: usize) -> String {
    let record: Value = serde_json::from_str(line).unwrap();
    let mut members = record.as_object().unwrap().clone();
    let (chain, seq) = (record["chain"].as_str().unwrap(), record["seq"].as_u64().unwrap());
    let id = record["_hash"].as_str().unwrap();
    let event = Event::new(id, chain, seq, Action::Alert, record.clone());
    match how {
        0 => line.to_owned(),
        1 => serde_json::to_string_pretty(&record).unwrap().replace('\n', " "),
        2 => json!({"type": "agentfirewall.decision", "data": record}).to_string(),
        3 => json!({"time": "1.0", "event": record, "fields": {"chain": chain, "hash": id}}).to_string(),
        4 => json!({"Timestamp": 1, "Body": record.to_string()}).to_string(),
        5 => {
            members.shift_remove("_hash");
            members.insert("@timestamp".to_owned(), "1970-01-01T00:00:00Z".into());
            members.insert("hash".to_owned(), id.into());
            json!({"_index": "a", "_source": members}).to_string()
        }
        // A column store that sorts the members and adds its own.
        6 => {
            members.insert("host".to_owned(), "box".into());
            members.sort_keys();
            // It sorts those inside too only where they were sorted: nothing can put that right.
            Value::Object(members).to_string()
        }
        7 => json!([record]).to_string(),
        8 => serde_json::to_string(&event).unwrap(),
        9 => ocsf::document(&event).to_string(),
        _ => ecs::document(&event).to_string(),
    }
}

#[test]
fn records_are_found_and_recomputed_in_what_sinks_and_stores_put_around_them() {
    let lines = lines(3);
    for how in 0..=10 {
        let dressed: Vec<_> = lines.iter().map(|line| dressed(line, how)).collect();
        let report = verify(&dressed);
        assert!(report.is_intact(), "{how}: {:?} {}", report.faults, dressed[0]);
        let chain = &report.chains[0];
        assert_eq!((chain.records, chain.first, chain.last), (3, 1, 3), "{how}");
        // Documents of other schemas do not have the content.
        assert_eq!(chain.recomputed, if how < 9 { 3 } else { 0 }, "{how}");
        assert!(lines[2].contains(chain.head.as_str()));
    }
}

#[test]
fn disorder_and_repetitions_of_many_chains_are_no_faults_and_are_told() {
    let (one, two) = (lines(5), lines(4));
    let mut all = vec![one[4].clone(), two[1].clone(), one[0].clone(), one[2].clone(), two[0].clone()];
    all.extend([&one[..], &two[..]].concat());
    all.push(json!({"seq": 0, "chain": "test", "event_type": "test", "_hash": "test-1"}).to_string());
    let report = verify(&all);
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.records, report.chains.len(), report.others), (9, 2, 1));
    let repeated: u64 = report.chains.iter().map(|chain| chain.repeated).sum();
    assert_eq!(repeated, 5);
    assert!(report.chains.iter().all(|chain| chain.out_of_order > 0));
}

#[test]
fn what_is_missing_changed_forked_or_of_another_log_is_named() {
    let lines = lines(7);
    let without = |numbers: &[usize]| -> Vec<String> {
        let kept = lines.iter().enumerate().filter(|(at, _)| !numbers.contains(at));
        kept.map(|(_, line)| line.clone()).collect()
    };
    assert_eq!(kinds(&verify(&without(&[2, 3]))), [(FaultKind::Missing, 3, 4)]);
    let partial = verify_as(&without(&[2, 3]), true);
    assert_eq!((partial.is_intact(), partial.chains[0].missing), (true, 2));
    // The first and the last cannot be known to be missing; the numbers say what is there.
    let ends = verify(&without(&[0, 6]));
    assert_eq!((ends.is_intact(), ends.chains[0].first, ends.chains[0].last), (true, 2, 6));

    let mut changed = lines.clone();
    changed[3] = changed[3].replacen("because", "because?", 1);
    assert_eq!(kinds(&verify(&changed)), [(FaultKind::Modified, 4, 4)]);
    // Beside the true one it is a fault too.
    changed.push(lines[3].clone());
    assert_eq!(kinds(&verify(&changed)), [(FaultKind::Modified, 4, 4)]);

    // A record made up with a hash that fits, in place of the true one and beside it.
    let (body, _) = split(lines[3].as_bytes()).unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap().replacen("because", "forged", 1);
    let prev = Prefix::of(lines[3].as_bytes()).unwrap().prev;
    let forged = format!("{body},\"_hash\":\"{}\"}}", hash_after(&prev, body.as_bytes()));
    let mut replaced = lines.clone();
    replaced[3] = forged.clone();
    assert_eq!(kinds(&verify(&replaced)), [(FaultKind::Unlinked, 4, 5)]);
    let mut beside = lines.clone();
    beside.push(forged);
    assert_eq!(kinds(&verify(&beside)), [(FaultKind::Forked, 4, 4)]);

    let mut junk = lines.clone();
    junk.insert(1, "no JSON".to_owned());
    junk.push("{\"a\":1}".to_owned());
    assert_eq!(kinds(&verify(&junk)), [(FaultKind::Unreadable, 0, 0); 2]);
    assert!(verify(&[]).chains.is_empty());
}

#[test]
fn a_checkpoint_finds_what_a_copy_lost_at_its_end_and_a_log_that_was_written_anew() {
    let lines = lines(5);
    let chain = Prefix::of(lines[0].as_bytes()).unwrap().chain.to_owned();
    let head = split(lines[4].as_bytes()).unwrap().1;
    let checkpoint = Checkpoint { chain, size: 5, root: [0; 32], head: Some(head), time: None };
    let with = |lines: &[String], checkpoint: &Checkpoint| {
        let text = lines.join("\n");
        let read = Collected::read(text.as_bytes(), Path::new("-"), &mut |_| {}).unwrap();
        read.verify(false, Some(checkpoint))
    };
    assert_eq!(with(&lines, &checkpoint).checkpoint, Some(5));
    assert_eq!(kinds(&with(&lines[..4], &checkpoint)), [(FaultKind::Truncated, 5, 5)]);
    let other = Checkpoint { head: Some(Hash::genesis()), ..checkpoint };
    assert_eq!(kinds(&with(&lines, &other)), [(FaultKind::Forked, 5, 5)]);
}
