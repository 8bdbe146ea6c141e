use std::time::Duration;

use agentfirewall_sdk::Action;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::audit::{Entry, EventType, append};

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
