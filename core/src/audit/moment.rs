//! Finding a time in a file whose records are in the order of their times.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use jiff::Timestamp;

use super::line::Prefix;
use super::lines::{Lines, Next};
use super::view::View;

/// How small a part is read line by line.
const BLOCK: u64 = 64 << 10;

/// The offset of a line before which nothing is newer than a time, and after which nothing older, as far as records are
/// in the order of their times. Found by halving, so that it costs the same in a file of any length.
pub(super) fn boundary(file: &File, length: u64, time: Timestamp) -> io::Result<u64> {
    let (mut low, mut high) = (0, length);
    while high - low > BLOCK {
        let middle = low + (high - low) / 2;
        match first_time_after(file, middle, high)? {
            Some((_, at)) if at <= time => low = middle,
            Some((start, _)) if start < high => high = start,
            // One line, or no record, up to the end: the rest is read as it is.
            _ => break,
        }
    }
    // What is left is looked at line by line from its first whole line on.
    let mut file = file;
    let mut start = low;
    if low > 0 {
        file.seek(SeekFrom::Start(low))?;
        let mut skipped = Vec::new();
        BufReader::new(file.take(high - low)).read_until(b'\n', &mut skipped)?;
        start += skipped.len() as u64;
    }
    file.seek(SeekFrom::Start(start))?;
    let mut lines = Lines::new(BufReader::new(file.take(high.saturating_sub(start))), start);
    let mut line = Vec::new();
    loop {
        let before = lines.offset;
        match lines.next(&mut line)? {
            Next::Line | Next::Unfinished if time_of(&line).is_some_and(|at| at > time) => return Ok(before),
            Next::End => return Ok(high),
            _ => {}
        }
    }
}

/// The first line that begins after an offset and has a time: where it begins, and that time.
fn first_time_after(mut file: &File, offset: u64, end: u64) -> io::Result<Option<(u64, Timestamp)>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut reader = BufReader::new(file.take(end - offset));
    let mut skipped = Vec::new();
    reader.read_until(b'\n', &mut skipped)?;
    let mut lines = Lines::new(reader, offset + skipped.len() as u64);
    let mut line = Vec::new();
    loop {
        let start = lines.offset;
        match lines.next(&mut line)? {
            Next::Line => {
                if let Some(time) = time_of(&line) {
                    return Ok(Some((start, time)));
                }
            }
            Next::TooLong => {}
            Next::Unfinished | Next::End => return Ok(None),
        }
    }
}

fn time_of(line: &[u8]) -> Option<Timestamp> {
    match Prefix::of(line) {
        Some(prefix) => std::str::from_utf8(prefix.timestamp).ok()?.parse().ok(),
        None => View::of(line)?.time(),
    }
}
