//! Reading a log's lines from the newest to the oldest, in blocks from the end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::MAX_LINE;

/// The lines before a byte offset, last first.
#[derive(Debug)]
pub(crate) struct Backwards<'f> {
    file: &'f File,
    /// The bytes of the file from `start` on; those from `end` on were given out already.
    buffer: Vec<u8>,
    start: u64,
    end: usize,
    block: usize,
    first_block: usize,
}

impl<'f> Backwards<'f> {
    /// Reads backwards from `length`, at first `block` bytes at once.
    pub(crate) fn new(file: &'f File, length: u64, block: usize) -> Self {
        Self { file, buffer: Vec::new(), start: length, end: 0, block, first_block: block }
    }

    /// The next older line with its line break (the file's last one may have none), and the offset at which it begins.
    /// A line longer than [`MAX_LINE`] is an error: it is not held in memory.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        // A line ends with its own line break; the one looked for ends the line before.
        let mut unsearched = self.end.saturating_sub(1);
        let begin = loop {
            let candidates = self.buffer.get(..unsearched).unwrap_or_default();
            if let Some(at) = candidates.iter().rposition(|byte| *byte == b'\n') {
                break at + 1;
            }
            if self.start == 0 {
                if self.end == 0 {
                    return Ok(None);
                }
                break 0;
            }
            if self.end > MAX_LINE {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long for a record"));
            }
            let had = self.end;
            let read = self.read_block()?;
            unsearched = if had == 0 { read - 1 } else { read };
        };
        let end = std::mem::replace(&mut self.end, begin);
        self.block = self.first_block;
        let offset = self.start + begin as u64;
        Ok(Some((offset, self.buffer.get(begin..end).unwrap_or_default())))
    }

    /// Puts the block before `start` in front of what is not given out yet. Blocks double while one line goes on, so
    /// that a long line is copied a bounded number of times.
    fn read_block(&mut self) -> io::Result<usize> {
        let size = usize::try_from(self.start).unwrap_or(usize::MAX).min(self.block);
        self.start -= size as u64;
        let mut buffer = Vec::with_capacity(size + self.end);
        let mut file = self.file;
        file.seek(SeekFrom::Start(self.start))?;
        // Unlike `read_exact` this needs no zeroed memory, which would cost more than the rest.
        if file.take(size as u64).read_to_end(&mut buffer)? != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer.extend_from_slice(self.buffer.get(..self.end).unwrap_or_default());
        self.buffer = buffer;
        self.end += size;
        self.block = self.block.saturating_mul(2);
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    proptest! {
        #[test]
        fn gives_the_same_lines_as_forward_reading(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'a'), Just(b'b')], 0..200),
            block in 1_usize..20,
        ) {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&text).unwrap();
            let mut lines = Backwards::new(&file, text.len() as u64, block);
            let mut found = Vec::new();
            while let Some((offset, line)) = lines.next().unwrap() {
                prop_assert_eq!(&text[usize::try_from(offset).unwrap()..][..line.len()], line);
                found.push(line.to_vec());
            }
            found.reverse();
            let expected: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
