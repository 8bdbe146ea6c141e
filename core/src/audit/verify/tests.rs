use std::time::Duration;

use agentfirewall_sdk::Action;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::audit::line::{Place, hash_after, split};
use crate::audit::{Entry, EventType, Rotation, append, append_rotating, segments};

fn check(bytes: &[u8]) -> Report {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    verify(file.path(), &mut |_, _| {}).unwrap()
}

fn original() -> Vec<u8> {
    include_bytes!("../fixtures/original.jsonl").to_vec()
}

/// Records after the given bytes.
fn appended(start: &[u8], records: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    std::fs::write(&log, start).unwrap();
    for number in 0..records {
        let parameters = json!({"command": format!("echo {number}")});
        let entry = Entry {
            tool: "Bash",
            action: Action::Allow,
            reason: "fine",
            ..Entry::new(EventType::PolicyCheck, Timestamp::UNIX_EPOCH)
        };
        append(&log, &entry.with_parameters(&parameters), Duration::from_secs(9)).unwrap();
    }
    std::fs::read(&log).unwrap()
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

#[test]
fn the_original_s_log_verifies() {
    let report = check(&original());
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.records, report.original_records, report.lines), (4, 4, 4));
    assert_eq!(
        report.head.unwrap().as_str(),
        "88755c4f64ba2a52abcff8d0266c587ccbbe1cc0708a3afc7668d809faa7f502"
    );
}

#[test]
fn an_empty_log_is_intact() {
    let report = check(b"");
    assert!(report.is_intact());
    assert_eq!((report.records, report.head), (0, None));
}

#[test]
fn every_changed_byte_is_one_fault() {
    for bytes in [appended(b"", 4), original(), appended(&original(), 3)] {
        for at in 0..bytes.len() {
            for change in [1, 0x20, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                let report = check(&changed);
                assert_eq!(report.fault_count, 1, "byte {at} ^ {change}: {report:?}");
            }
        }
    }
}

#[test]
fn a_line_break_in_the_middle_is_one_fault() {
    let bytes = appended(b"", 3);
    for at in 0..bytes.len() - 1 {
        if bytes[at] != b'\n' {
            let mut changed = bytes.clone();
            changed[at] = b'\n';
            let report = check(&changed);
            assert_eq!(report.fault_count, 1, "byte {at}: {report:?}");
        }
    }
}

#[test]
fn a_removed_line_is_missing() {
    let bytes = appended(b"", 6);
    let all = lines(&bytes);
    for removed in 0..5 {
        let mut rest = all.clone();
        rest.remove(removed);
        let report = check(&rest.concat());
        assert_eq!(report.fault_count, 1, "{report:?}");
        assert_eq!(report.faults[0].kind, FaultKind::Missing);
        assert_eq!(report.faults[0].line, removed as u64 + 1);
    }
}

#[test]
fn cutting_the_tail_passes_and_the_report_s_limit_says_so() {
    let bytes = appended(b"", 6);
    let report = check(&lines(&bytes)[..4].concat());
    assert!(report.is_intact());
    assert_eq!(report.last.unwrap().1, 4);
    assert!(Report::LIMIT.contains("lost its newest records"));
}

#[test]
fn a_torn_end_is_named() {
    let bytes = appended(b"", 2);
    let report = check(&bytes[..bytes.len() - 5]);
    assert_eq!(report.fault_count, 1);
    assert_eq!(report.faults[0].kind, FaultKind::Torn);
}

#[test]
fn another_chain_in_the_middle_is_a_fault_even_if_it_is_linked() {
    let bytes = appended(b"", 2);
    let (body, _) = split(lines(&bytes)[1].strip_suffix(b"\n").unwrap()).unwrap();
    let first = Place::of(lines(&bytes)[0]).unwrap().chain.unwrap().to_owned();
    let body = String::from_utf8(body.to_vec()).unwrap();
    for forged in [body.replace(&first, &"0".repeat(32)), body.replace("\"seq\":2", "\"seq\":3")] {
        let prev = split(lines(&bytes)[0].strip_suffix(b"\n").unwrap()).unwrap().1;
        let hash = hash_after(&prev, forged.as_bytes());
        let line = format!("{forged},\"_hash\":\"{hash}\"}}\n");
        let report = check(&[lines(&bytes)[0], line.as_bytes()].concat());
        assert_eq!(report.fault_count, 1, "{report:?}");
        assert_eq!(report.faults[0].kind, FaultKind::Unlinked);
    }
}

#[test]
fn garbage_is_one_fault_and_bounded() {
    let mut bytes = appended(b"", 2);
    bytes.extend_from_slice(&b"garbage\n".repeat(100_000));
    let report = check(&bytes);
    assert_eq!(report.fault_count, 1);
    assert_eq!(report.faults[0].lines, 100_000);
    let many =
        b"x\n{\"a\":1,\"_hash\":\"0000000000000000000000000000000000000000000000000000000000000000\"}\n";
    assert!(check(&many.repeat(5000)).faults.len() <= LISTED_FAULTS);
}

proptest! {
    #[test]
    fn appended_logs_always_verify(texts in proptest::collection::vec(".*", 1..8), cut in 0_usize..3000) {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let write = |text: &str| {
            let parameters = json!({"command": text});
            let entry = Entry { tool: text, reason: text, session: text, ..Entry::new(EventType::UserPrompt, Timestamp::UNIX_EPOCH) };
            append(&log, &entry.with_parameters(&parameters), Duration::from_secs(9)).unwrap();
        };
        for text in &texts {
            write(text);
        }
        // Whatever a crash leaves of the end, the next record makes the log whole.
        let length = std::fs::metadata(&log).unwrap().len();
        std::fs::File::options().write(true).open(&log).unwrap()
            .set_len(length.saturating_sub(cut as u64)).unwrap();
        write("after");
        let report = verify(&log, &mut |_, _| {}).unwrap();
        prop_assert!(report.is_intact(), "{:?}", report);
    }

    #[test]
    fn every_reordering_repetition_and_removal_is_found(
        order in proptest::collection::vec(0_usize..6, 1..8),
        plain in any::<bool>(),
    ) {
        let bytes = if plain { [original(), appended(&original(), 2)[original().len()..].to_vec()].concat() } else { appended(b"", 6) };
        let all = lines(&bytes);
        let report = check(&order.iter().map(|at| all[*at]).collect::<Vec<_>>().concat());
        let is_beginning = order.iter().copied().eq(0..order.len());
        prop_assert_eq!(report.is_intact(), is_beginning, "{:?}", report);
    }
}

/// A log of several files, and its folder.
fn rotated(records: u32) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.jsonl");
    for _ in 0..records {
        let entry = Entry::new(EventType::PolicyCheck, Timestamp::UNIX_EPOCH);
        let rotation = Rotation { records: Some(5), ..Rotation::default() };
        append_rotating(&log, &entry, Duration::from_secs(9), &rotation).unwrap();
    }
    (folder, log)
}

fn report(log: &Path) -> Report {
    verify(log, &mut |_, _| {}).unwrap()
}

fn kinds(report: &Report) -> Vec<FaultKind> {
    report.faults.iter().map(|fault| fault.kind).collect()
}

#[test]
fn the_files_of_a_log_are_one_chain() {
    let (_folder, log) = rotated(23);
    let report = report(&log);
    assert!(report.is_intact(), "{report:?}");
    let files = segments(&log).unwrap().len() as u64 + 1;
    assert!(files > 4);
    assert_eq!((report.files, report.chains), (files, 1));
    // Each later file begins with a record of its own.
    assert_eq!(report.records, 23 + files - 1);
    assert_eq!(report.last.unwrap().1, report.records);
}

#[test]
fn a_missing_a_changed_and_a_moved_file_are_named() {
    let (_folder, log) = rotated(23);
    let second = &segments(&log).unwrap()[1].path;
    let text = std::fs::read_to_string(second).unwrap();
    std::fs::write(second, text.replacen("policy_check", "policy_shock", 1)).unwrap();
    let seen = report(&log);
    assert_eq!(kinds(&seen), [FaultKind::Modified]);
    assert_eq!((seen.faults[0].file.as_str(), seen.faults[0].line), ("audit.jsonl.000002", 2));
    std::fs::remove_file(second).unwrap();
    let seen = report(&log);
    assert_eq!(kinds(&seen), [FaultKind::Missing]);
    assert!(seen.faults[0].detail.contains("(file 2 is missing)"), "{seen:?}");
    std::fs::remove_file(&segments(&log).unwrap()[0].path).unwrap();
    let seen = report(&log);
    assert_eq!(kinds(&seen), [FaultKind::Missing]);
    assert!(seen.faults[0].detail.starts_with("files 1 to 2 are missing"), "{seen:?}");
}

#[test]
fn a_second_record_after_the_same_one_is_a_fork() {
    let bytes = appended(b"", 3);
    let all = lines(&bytes);
    let other = appended(&all[..2].concat(), 2);
    let forked = [bytes.as_slice(), lines(&other)[2], lines(&other)[3]].concat();
    // The other writer's clock or command differs.
    let mut changed = forked.clone();
    let report = check(&changed);
    if lines(&other)[2] == all[2] {
        // Equal to the last byte: then it is a repetition.
        changed = [bytes.as_slice(), all[2]].concat();
        assert_eq!(check(&changed).fault_count, 1);
    } else {
        assert_eq!(report.faults[0].kind, FaultKind::Forked, "{report:?}");
    }
}

#[test]
fn a_copy_finds_what_was_cut_off_rewritten_or_begun_anew() {
    let (_folder, log) = rotated(12);
    let all: Vec<u8> = segments(&log)
        .unwrap()
        .iter()
        .map(|segment| segment.path.clone())
        .chain([log.clone()])
        .flat_map(|path| std::fs::read(path).unwrap())
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    // As sinks deliver: out of order, twice, in other forms.
    let mut delivered: Vec<String> =
        String::from_utf8(all.clone()).unwrap().lines().rev().map(str::to_owned).collect();
    delivered.push(delivered[3].clone());
    let event = crate::formats::event(delivered[2].as_bytes()).unwrap();
    delivered[2] = serde_json::to_string(&event).unwrap();
    let event = crate::formats::event(delivered[4].as_bytes()).unwrap();
    delivered[4] = crate::formats::ocsf::document(&event).to_string();
    let event = crate::formats::event(delivered[5].as_bytes()).unwrap();
    delivered[5] = crate::formats::ecs::document(&event).to_string();
    std::fs::write(&copy, delivered.join("\n")).unwrap();
    let against = |log: &Path| {
        let copies = Copies::read(&copy).unwrap();
        assert_eq!(copies.unreadable, 0);
        let checks = Checks { copies: Some(copies), ..Checks::default() };
        verify_with(log, checks, &mut |_, _| {}).unwrap().0
    };
    let whole = against(&log);
    assert!(whole.is_intact(), "{whole:?}");
    assert_eq!(whole.compared, whole.records);

    // The newest records are cut off: the chain alone shows nothing.
    let text = std::fs::read(&log).unwrap();
    std::fs::write(&log, lines(&text)[..lines(&text).len() - 1].concat()).unwrap();
    assert!(report(&log).is_intact());
    assert_eq!(kinds(&against(&log)), [FaultKind::Truncated]);

    // The end is written again with something else in it.
    append(&log, &Entry::new(EventType::UserPrompt, Timestamp::UNIX_EPOCH), Duration::from_secs(9)).unwrap();
    assert!(report(&log).is_intact());
    let seen = against(&log);
    assert_eq!(kinds(&seen), [FaultKind::Forked], "{seen:?}");

    // All of it is written again.
    let (_other, anew) = rotated(12);
    assert!(report(&anew).is_intact());
    let seen = against(&anew);
    assert_eq!(kinds(&seen), [FaultKind::Forked], "{seen:?}");
}

#[test]
fn the_head_of_a_line_is_read_without_a_parser_as_with_one() {
    for line in lines(&appended(&original(), 4)) {
        let line = line.strip_suffix(b"\n").unwrap();
        let place = Place::of(line).unwrap();
        match crate::audit::line::Prefix::of(line) {
            Some(prefix) => {
                assert_eq!(place.position(), Some((prefix.chain, prefix.seq)));
                assert_eq!(place.prev, Some(prefix.prev.as_str()));
                assert_eq!(place.event_type.map(str::as_bytes), Some(prefix.event_type));
            }
            None => assert_eq!(place.position(), None),
        }
    }
}
