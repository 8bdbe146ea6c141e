//! Seeing records as they are written, across the files of a log.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::backwards::Backwards;
use super::error::AuditError;
use super::hash::Hash;
use super::line::split;
use super::lines::{Lines, Next};
use super::segment::{Files, number_of_written, open_written};
use super::view::View;
use super::{open_for_reading, same_file, settled_length};

/// How much is read at once.
const BLOCK: usize = 64 << 10;

/// A place in a log from which new records are read, again and again. A log that is rotated is read to the end of the
/// old file and on in those after it. One that is cut or replaced is read from its beginning; one that does not exist
/// (yet) has no records.
#[derive(Debug)]
pub struct Follow {
    log: PathBuf,
    file: Option<File>,
    offset: u64,
    /// Whether there was no log at the last look: then all of what comes is new.
    waited: bool,
}

impl Follow {
    /// Follows a log from a byte offset of the file that is written on, such as the end that [`find`](super::find) saw.
    pub fn new(log: &Path, offset: u64) -> Self {
        Self { log: log.to_owned(), file: None, offset, waited: false }
    }

    /// Calls back with every whole line written since the last time. Call it about four times a second.
    pub fn poll(&mut self, each: &mut dyn FnMut(&[u8])) -> Result<(), AuditError> {
        let Some(mut current) = open_written(&self.log)? else {
            // Between two files: what was written to the old one last is still there to be read.
            self.waited |= self.file.is_none();
            return self.rest(each);
        };
        let log = self.log.clone();
        let io = |error| AuditError::io("read", &log, error);
        // The number of the file that was read until now, if the log has gone on to another one.
        let left = match &self.file {
            Some(file) => {
                let before = file.metadata().map_err(io)?;
                let moved = !same_file(&before, &current.metadata().map_err(io)?);
                if moved { Some(number_of_written(file, &[]).map_err(io)?) } else { None }
            }
            None => std::mem::take(&mut self.waited).then_some(0),
        };
        if let Some(number) = left {
            self.rest(each)?;
            // The files that were begun and closed since the last look. By number, not by name: retention may have
            // removed the one that was read.
            let files = Files::of(&self.log)?;
            for segment in files.closed.iter().filter(|segment| segment.number > number) {
                let Some(file) = open_written(&segment.path)? else { continue };
                self.file = Some(file);
                self.offset = 0;
                self.rest(each)?;
            }
            // Between two files again: the place in the last closed one is kept.
            let Some(written) = files.written else { return Ok(()) };
            self.offset = 0;
            current = written;
        }
        if current.metadata().map_err(io)?.len() < self.offset {
            self.offset = 0;
        }
        // The file stays open, so that its inode cannot be given to the next log meanwhile.
        self.file = Some(current);
        self.rest(each)
    }

    /// The whole lines that the open file has after the offset.
    fn rest(&mut self, each: &mut dyn FnMut(&[u8])) -> Result<(), AuditError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let io = |error| AuditError::io("read", &self.log, error);
        let unread = file.metadata().map_err(io)?.len().saturating_sub(self.offset);
        file.seek(SeekFrom::Start(self.offset)).map_err(io)?;
        let mut lines = Lines::new(BufReader::new(file.take(unread)), self.offset);
        let mut line = Vec::new();
        loop {
            match lines.next(&mut line).map_err(io)? {
                Next::Line => each(&line),
                Next::TooLong => {}
                // A record is being written: it is read when it is whole.
                Next::Unfinished | Next::End => return Ok(()),
            }
            self.offset = lines.offset;
        }
    }
}

/// The whole lines of a log from a place on, as many as there are when it is opened, across its files. The place is that
/// of a record: the offset at which its line ends in its file, and its hash, which finds the file again after that was
/// closed and renamed.
#[derive(Debug)]
pub(crate) struct Onward {
    lines: Lines<BufReader<Take<File>>>,
    /// The number of the file that is read, if it is a closed one.
    segment: Option<u64>,
    /// The files that follow, the next one last.
    next: Vec<Opened>,
}

/// A file of a log, with its number if it is a closed one.
type Opened = (Option<u64>, File);

impl Onward {
    /// Opens a log after the record whose line ends at `offset` and has this hash. `None` if no file of the log has it
    /// there: then the log is another one, or retention has removed the file.
    pub(crate) fn after(log: &Path, offset: u64, hash: &str) -> Result<Option<Self>, AuditError> {
        let mut files = Self::files(log)?;
        let io = |error| AuditError::io("read", log, error);
        // The newest first: that is where a reader nearly always is.
        for at in (0..files.len()).rev() {
            let Some((_, file)) = files.get_mut(at) else { continue };
            if ends_a_record(file, offset, hash).map_err(io)? {
                return Self::of(log, files.split_off(at), offset).map(Some);
            }
        }
        Ok(None)
    }

    /// Opens a log at its oldest record.
    pub(crate) fn from_the_beginning(log: &Path) -> Result<Self, AuditError> {
        Self::of(log, Self::files(log)?, 0)
    }

    /// Opens a log at the first of its newest records that are all not older than a time. Gives the place before it
    /// too, as [`after`](Self::after) takes it: nothing at the beginning of the log.
    pub(crate) fn since(log: &Path, earliest: Timestamp) -> Result<(Self, Option<(u64, Hash)>), AuditError> {
        let mut files = Self::files(log)?;
        for at in (0..files.len()).rev() {
            let Some((_, file)) = files.get(at) else { continue };
            let place = last_before(file, log, earliest)?;
            if let Some((offset, hash)) = place {
                return Ok((Self::of(log, files.split_off(at), offset)?, Some((offset, hash))));
            }
        }
        Ok((Self::of(log, files, 0)?, None))
    }

    /// Every file, the oldest first.
    fn files(log: &Path) -> Result<Vec<Opened>, AuditError> {
        let files = Files::of(log)?;
        let mut opened = Vec::with_capacity(files.closed.len() + 1);
        for segment in &files.closed {
            match open_for_reading(&segment.path) {
                Ok(file) => opened.push((Some(segment.number), file)),
                // Retention was quicker.
                Err(AuditError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        opened.extend(files.written.map(|file| (None, file)));
        Ok(opened)
    }

    fn of(log: &Path, mut files: Vec<Opened>, offset: u64) -> Result<Self, AuditError> {
        files.reverse();
        let Some((segment, first)) = files.pop() else {
            return Self::of(log, vec![(None, open_for_reading(log)?)], offset);
        };
        let lines = lines_of(log, first, offset)?;
        Ok(Self { lines, segment, next: files })
    }

    /// Reads the next whole line, without its line break, into `line`. What is being written now counts as the end.
    pub(crate) fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Next> {
        loop {
            match self.lines.next(line)? {
                Next::Unfinished | Next::End => {}
                read => return Ok(read),
            }
            let Some((segment, mut file)) = self.next.pop() else { return Ok(Next::End) };
            self.segment = segment;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(0))?;
            self.lines = Lines::new(BufReader::with_capacity(BLOCK, file.take(length)), 0);
        }
    }

    /// The number of the file that the line that was read last is in; `None` for the one that is written.
    pub(crate) const fn segment(&self) -> Option<u64> {
        self.segment
    }

    /// The offset, in its file, at which the line that was read last ends.
    pub(crate) const fn offset(&self) -> u64 {
        self.lines.offset
    }
}

fn lines_of(log: &Path, mut file: File, offset: u64) -> Result<Lines<BufReader<Take<File>>>, AuditError> {
    let io = |error| AuditError::io("read", log, error);
    let length = settled_length(&file, log)?;
    file.seek(SeekFrom::Start(offset)).map_err(io)?;
    let reader = BufReader::with_capacity(BLOCK, file.take(length.saturating_sub(offset)));
    Ok(Lines::new(reader, offset))
}

/// Whether a line that ends at this offset of a file has this hash.
fn ends_a_record(file: &mut File, offset: u64, hash: &str) -> io::Result<bool> {
    let end = format!("{hash}\"}}\n");
    let Some(start) = offset.checked_sub(end.len() as u64) else { return Ok(false) };
    if offset > file.metadata()?.len() {
        return Ok(false);
    }
    let mut bytes = vec![0; end.len()];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes == end.as_bytes())
}

/// The newest record of a file that is older than a time: the offset at which its line ends, and its hash.
fn last_before(file: &File, log: &Path, earliest: Timestamp) -> Result<Option<(u64, Hash)>, AuditError> {
    let io = |error| AuditError::io("read", log, error);
    let mut lines = Backwards::new(file, settled_length(file, log)?, BLOCK);
    while let Some((offset, line)) = lines.next().map_err(io)? {
        let Some(text) = line.strip_suffix(b"\n") else { continue };
        let Some((_, hash)) = split(text) else { continue };
        if View::of(text).and_then(|view| view.time()).is_some_and(|time| time < earliest) {
            return Ok(Some((offset + line.len() as u64, hash)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn news(follow: &mut Follow) -> Vec<String> {
        let mut seen = Vec::new();
        follow.poll(&mut |line| seen.push(String::from_utf8(line.to_vec()).unwrap())).unwrap();
        seen
    }

    #[test]
    fn whole_lines_once_then_from_the_start_after_a_cut_or_replacement() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut follow = Follow::new(&log, 0);
        assert!(news(&mut follow).is_empty());
        let mut file = File::create(&log).unwrap();
        file.write_all(b"a\nb\nhal").unwrap();
        assert_eq!(news(&mut follow), ["a", "b"]);
        file.write_all(b"f\n").unwrap();
        assert_eq!(news(&mut follow), ["half"]);
        assert!(news(&mut follow).is_empty());
        std::fs::write(&log, "cut\n").unwrap();
        assert_eq!(news(&mut follow), ["cut"]);
        #[cfg(unix)]
        {
            std::fs::write(folder.path().join("new"), "longer than before\n").unwrap();
            std::fs::rename(folder.path().join("new"), &log).unwrap();
            assert_eq!(news(&mut follow), ["longer than before"]);
        }
        std::fs::remove_file(&log).unwrap();
        assert!(news(&mut follow).is_empty());
    }

    mod rotated {
        use std::time::Duration;

        use jiff::Timestamp;

        use super::*;
        use crate::audit::{Entry, EventType, Rotation, append_rotating};

        fn write(log: &Path, records: u32) {
            let rotation = Rotation { records: Some(4), ..Rotation::default() };
            for _ in 0..records {
                let entry = Entry::new(EventType::PolicyCheck, Timestamp::UNIX_EPOCH);
                append_rotating(log, &entry, Duration::from_secs(9), &rotation).unwrap();
            }
        }

        fn numbers(lines: &[String]) -> Vec<u64> {
            let seq =
                |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_u64();
            lines.iter().map(|line| seq(line).unwrap()).collect()
        }

        #[test]
        fn a_follower_misses_nothing_however_often_the_log_was_rotated_in_between() {
            let folder = tempfile::tempdir().unwrap();
            let log = folder.path().join("audit.jsonl");
            let mut follow = Follow::new(&log, 0);
            let mut seen = Vec::new();
            for records in [1, 3, 0, 2, 14, 1] {
                write(&log, records);
                seen.extend(news(&mut follow));
            }
            // As it is between two files.
            write(&log, 1);
            let next = crate::audit::segments(&log).unwrap().len() + 1;
            std::fs::rename(&log, folder.path().join(format!("audit.jsonl.{next:06}"))).unwrap();
            seen.extend(news(&mut follow));
            write(&log, 1);
            seen.extend(news(&mut follow));
            assert_eq!(numbers(&seen), (1..=seen.len() as u64).collect::<Vec<_>>());
            assert!(seen.len() > 23);
        }

        #[test]
        fn reading_goes_on_after_any_record_of_any_file() {
            let folder = tempfile::tempdir().unwrap();
            let log = folder.path().join("audit.jsonl");
            write(&log, 17);
            let read = |onward: &mut Onward| {
                let (mut line, mut lines) = (Vec::new(), Vec::new());
                while onward.next(&mut line).unwrap() == Next::Line {
                    lines.push((String::from_utf8(line.clone()).unwrap(), onward.offset()));
                }
                lines
            };
            let all = read(&mut Onward::from_the_beginning(&log).unwrap());
            let last = all.len() as u64;
            assert!(last > 20);
            for (at, (line, offset)) in all.iter().enumerate() {
                let hash = line.get(line.len() - 66..line.len() - 2).unwrap();
                let rest = read(&mut Onward::after(&log, *offset, hash).unwrap().unwrap());
                let rest: Vec<String> = rest.into_iter().map(|(line, _)| line).collect();
                assert_eq!(numbers(&rest), (at as u64 + 2..=last).collect::<Vec<_>>());
            }
            assert!(Onward::after(&log, all[3].1, &"0".repeat(64)).unwrap().is_none());
        }
    }
}
