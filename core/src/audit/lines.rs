//! Reading a log's lines forwards in bounded memory.

use std::io::{self, BufRead, Read};

use super::MAX_LINE;

/// What the next line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// A line that ends with a line break.
    Line,
    /// The last bytes, without a line break.
    Unfinished,
    /// A line that is too long to be held; its beginning is in the buffer, its bytes are counted.
    TooLong,
    /// Nothing more.
    End,
}

/// The lines of a stream.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: R,
    /// The bytes read so far.
    pub(crate) offset: u64,
}

impl<R: BufRead> Lines<R> {
    /// Lines from a reader that stands at `offset` of its file.
    pub(crate) const fn new(reader: R, offset: u64) -> Self {
        Self { reader, offset }
    }

    /// Reads the next line, without its line break, into `line`.
    pub(crate) fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Next> {
        line.clear();
        let read = (&mut self.reader).take(MAX_LINE as u64).read_until(b'\n', line)?;
        self.offset += read as u64;
        if line.pop_if(|byte| *byte == b'\n').is_some() {
            return Ok(Next::Line);
        }
        if read < MAX_LINE {
            return Ok(if read == 0 { Next::End } else { Next::Unfinished });
        }
        self.skip_line()?;
        Ok(Next::TooLong)
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.reader.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(buffer.len(), |at| at + 1);
            let over = end.is_some() || buffer.is_empty();
            self.reader.consume(used);
            self.offset += used as u64;
            if over {
                return Ok(());
            }
        }
    }
}
