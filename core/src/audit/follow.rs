//! Seeing records as they are written.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::error::AuditError;
use super::lines::{Lines, Next};
use super::{open_for_reading, same_file};

/// A place in a log from which new records are read, again and again. A log that is cut or replaced is read from its
/// beginning; one that does not exist (yet) has no records.
#[derive(Debug)]
pub struct Follow {
    log: PathBuf,
    file: Option<File>,
    offset: u64,
}

impl Follow {
    /// Follows a log from a byte offset on, such as the end that [`find`](super::find) saw.
    pub fn new(log: &Path, offset: u64) -> Self {
        Self { log: log.to_owned(), file: None, offset }
    }

    /// Calls back with every whole line written since the last time. Call it about four times a second.
    pub fn poll(&mut self, each: &mut dyn FnMut(&[u8])) -> Result<(), AuditError> {
        let current = match open_for_reading(&self.log) {
            Ok(file) => file,
            Err(AuditError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                self.file = None;
                self.offset = 0;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let io = |error| AuditError::io("read", &self.log, error);
        let metadata = current.metadata().map_err(io)?;
        let replaced = match &self.file {
            Some(before) => !same_file(&before.metadata().map_err(io)?, &metadata),
            None => false,
        };
        if replaced || metadata.len() < self.offset {
            self.offset = 0;
        }
        // The file stays open, so that its inode cannot be given to the next log meanwhile.
        let mut file = self.file.insert(current);
        file.seek(SeekFrom::Start(self.offset)).map_err(io)?;
        let unread = metadata.len() - self.offset;
        let mut lines = Lines::new(BufReader::new(Read::by_ref(&mut file).take(unread)), self.offset);
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
}
