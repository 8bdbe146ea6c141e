use std::sync::Arc;

use agentfirewall_sdk::Action;
use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::audit::verify;

const WAIT: Duration = Duration::from_secs(30);

fn entry() -> Entry<'static> {
    Entry {
        tool: "Bash",
        action: Action::Allow,
        reason: "fine",
        ..Entry::new(EventType::PolicyCheck, Timestamp::UNIX_EPOCH)
    }
}

struct Log {
    _folder: tempfile::TempDir,
    path: std::path::PathBuf,
}

impl Log {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { path: folder.path().join("deep/state/audit.jsonl"), _folder: folder }
    }

    fn with(text: impl AsRef<[u8]>) -> Self {
        let log = Self::new();
        std::fs::create_dir_all(log.path.parent().unwrap()).unwrap();
        std::fs::write(&log.path, text).unwrap();
        log
    }

    fn append(&self, entry: &Entry<'_>) -> Appended {
        append(&self.path, entry, WAIT).unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).unwrap()
    }

    fn records(&self) -> Vec<Value> {
        let text = String::from_utf8(self.bytes()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn verify(&self) -> crate::audit::Report {
        verify(&self.path, &mut |_, _| {}).unwrap()
    }
}

#[test]
fn a_first_append_makes_a_private_log_with_a_chain() {
    let log = Log::new();
    let first = log.append(&entry());
    let second = log.append(&entry());
    assert_eq!((first.seq, second.seq), (1, 2));
    assert_eq!(first.chain, second.chain);
    assert_eq!(first.chain.len(), 32);
    let records = log.records();
    assert_eq!(records[0]["prev"], Hash::genesis().as_str());
    assert_eq!(records[1]["prev"], records[0]["_hash"]);
    assert_eq!(records[1]["_hash"], second.hash.as_str());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&log.path), 0o600);
        assert_eq!(mode(log.path.parent().unwrap()), 0o700);
    }
    assert_ne!(Log::new().append(&entry()).chain, first.chain);
}

#[test]
fn an_original_log_is_continued() {
    let log = Log::with(include_bytes!("../fixtures/original.jsonl"));
    let appended = log.append(&entry());
    assert_eq!(appended.seq, 1);
    assert_eq!(log.append(&entry()).seq, 2);
    let report = log.verify();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.records, report.original_records, report.chains), (6, 4, 1));
}

#[test]
fn records_longer_than_a_block_are_found_again() {
    let log = Log::new();
    for length in [0, 1, 5_000, 8_190, 20_000, 700_000, 3] {
        let parameters = json!({"content": "x".repeat(length)});
        log.append(&entry().with_parameters(&parameters));
    }
    let report = log.verify();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.last.unwrap().1, 7);
}

#[test]
fn every_torn_tail_is_repaired_and_recorded() {
    let whole = Log::new();
    for _ in 0..3 {
        whole.append(&entry());
    }
    let bytes = whole.bytes();
    let second_end = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + 1;
    for cut in second_end + 1..bytes.len() {
        let log = Log::with(&bytes[..cut]);
        let appended = log.append(&entry());
        assert_eq!(appended.seq, 4, "cut at {cut}");
        let records = log.records();
        assert_eq!(records[2]["event_type"], "recovery");
        let torn = &bytes[second_end..cut];
        assert_eq!(
            records[2]["metadata"],
            json!({"removed_bytes": torn.len(), "removed_sha256": Hash::of([torn]).as_str(), "last_good_seq": 2})
        );
        let report = log.verify();
        assert!(report.is_intact(), "{report:?}");
        assert_eq!((report.records, report.recoveries), (4, 1));
    }
}

#[test]
fn a_torn_tail_longer_than_its_repair_leaves_nothing_behind() {
    for tail in [vec![0; 100_000], b"{\"v\":1,".repeat(20_000), b"no record\nnor this\n".to_vec()] {
        let log = Log::new();
        log.append(&entry());
        let mut bytes = log.bytes();
        bytes.extend_from_slice(&tail);
        std::fs::write(&log.path, &bytes).unwrap();
        log.append(&entry());
        let report = log.verify();
        assert!(report.is_intact(), "{report:?}");
        assert_eq!((report.records, report.recoveries), (3, 1));
    }
}

#[test]
fn a_repair_interrupted_anywhere_is_repaired_again_and_the_fact_stays() {
    let log = Log::new();
    log.append(&entry());
    let good = log.bytes();
    let torn = b"{\"v\":1,\"timestamp\":\"2026".repeat(60);
    let damaged = [good.as_slice(), &torn].concat();
    std::fs::write(&log.path, &damaged).unwrap();
    log.append(&entry());
    let repaired = log.bytes();
    let lines = &repaired[good.len()..];
    // Power fails after any number of bytes of the repair, before the rest of the torn tail is cut off.
    for written in 1..lines.len() {
        let mut between = damaged.clone();
        between.resize(between.len().max(good.len() + written), 0);
        between[good.len()..good.len() + written].copy_from_slice(&lines[..written]);
        let log = Log::with(&between);
        log.append(&entry());
        let report = log.verify();
        assert!(report.is_intact(), "{written}: {report:?}");
        assert!(report.recoveries >= 1, "{written}");
    }
}

#[test]
fn a_torn_first_record_begins_a_chain_with_its_repair() {
    for torn in [b"{".as_slice(), b"{\"v\":1,\"timest", &[0; 4096]] {
        let log = Log::with(torn);
        assert_eq!(log.append(&entry()).seq, 2);
        let report = log.verify();
        assert!(report.is_intact(), "{report:?}");
        assert_eq!(report.recoveries, 1);
        assert_eq!(log.records()[0]["metadata"].get("last_good_seq"), None);
    }
}

#[test]
fn a_file_that_is_no_log_is_left_as_it_is() {
    for text in ["# Read me\n\nhello\n", "notes without a line break", "{\n  \"a\": 1\n}\n"] {
        let log = Log::with(text);
        let error = append(&log.path, &entry(), WAIT).unwrap_err();
        assert!(matches!(error, AuditError::NotALog { .. }), "{error}");
        assert_eq!(log.bytes(), text.as_bytes());
    }
}

#[test]
fn a_changed_last_record_is_evidence_and_stays() {
    let log = Log::new();
    log.append(&entry());
    log.append(&entry());
    let changed = String::from_utf8(log.bytes()).unwrap().replace("fine\"", "FINE\"");
    std::fs::write(&log.path, &changed).unwrap();
    assert_eq!(log.append(&entry()).seq, 3);
    assert!(String::from_utf8(log.bytes()).unwrap().starts_with(&changed));
    assert_eq!(log.verify().fault_count, 2);
}

#[cfg(unix)]
#[test]
fn links_folders_and_pipes_are_refused_without_hanging() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    std::fs::write(&target, "").unwrap();
    let link = folder.path().join("link.jsonl");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let pipe = folder.path().join("pipe.jsonl");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [link.as_path(), folder.path(), &pipe] {
        let error = append(path, &entry(), WAIT).unwrap_err();
        assert!(matches!(error, AuditError::NotAFile { .. }), "{error}");
    }
    assert_eq!(std::fs::read(&target).unwrap(), b"");
}

#[test]
fn a_lock_that_is_kept_is_an_error_not_a_hang() {
    let log = Log::new();
    log.append(&entry());
    let holder = File::open(&log.path).unwrap();
    holder.lock().unwrap();
    let error = append(&log.path, &entry(), Duration::from_millis(20)).unwrap_err();
    assert!(matches!(error, AuditError::Locked { .. }), "{error}");
    holder.unlock().unwrap();
    assert_eq!(log.append(&entry()).seq, 2);
}

#[test]
fn many_writers_make_one_chain() {
    let log = Arc::new(Log::new());
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let log = Arc::clone(&log);
            std::thread::spawn(move || {
                for round in 0..40 {
                    let action = if round % 10 == 0 { Action::Deny } else { Action::Allow };
                    log.append(&Entry { action, ..entry() });
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    let report = log.verify();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.records, report.chains, report.last.unwrap().1), (320, 1, 320));
}

#[cfg(unix)]
#[test]
fn a_log_that_is_replaced_while_the_lock_is_waited_for_is_not_written_any_more() {
    let log = Log::new();
    log.append(&entry());
    let holder = File::open(&log.path).unwrap();
    holder.lock().unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| log.append(&entry()));
        std::fs::rename(&log.path, log.path.with_extension("old")).unwrap();
        holder.unlock().unwrap();
        assert_eq!(writer.join().unwrap().seq, 1);
    });
    assert_eq!(log.verify().records, 1);
}

/// A disk with room for so many bytes.
struct Small {
    bytes: std::cell::RefCell<Vec<u8>>,
    at: usize,
    room: usize,
}

impl Small {
    fn new(bytes: &[u8], at: usize, room: usize) -> Self {
        Self { bytes: bytes.to_vec().into(), at, room }
    }
}

impl Write for Small {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let fits = data.len().min(self.room.saturating_sub(self.at));
        if fits == 0 && !data.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let bytes = self.bytes.get_mut();
        bytes.resize(bytes.len().max(self.at + fits), 0);
        bytes[self.at..self.at + fits].copy_from_slice(&data[..fits]);
        self.at += fits;
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Small {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Start(at) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        self.at = usize::try_from(at).unwrap();
        Ok(at)
    }
}

impl Device for Small {
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.bytes.borrow_mut().resize(usize::try_from(length).unwrap(), 0);
        Ok(())
    }
}

#[test]
fn a_full_disk_leaves_the_log_as_it_was() {
    let mut disk = Small::new(b"0123456789", 10, 15);
    let error = write_or_restore(&mut disk, 10, b"a record\n").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(disk.bytes.into_inner(), b"0123456789");

    let mut disk = Small::new(b"0123456789", 10, 15);
    replace_tail(&mut disk, 6, b"6789", b"a repair and a record\n").unwrap_err();
    assert_eq!(disk.bytes.into_inner(), b"0123456789");
}

#[test]
fn errors_are_one_line_that_names_file_and_cause() {
    let error = append(Path::new("/proc/none/audit.jsonl"), &entry(), WAIT).unwrap_err().to_string();
    assert!(error.contains("`/proc/none/audit.jsonl`") && error.contains("os error"), "{error}");
    assert_eq!(error.lines().count(), 1);
}
