//! Reading git's patches: which lines were added, to which file, by which commit.
//!
//! A patch is read as it comes, a piece of a line at a time where the line is long. What stands in a hunk is told from what
//! stands around it by the numbers in the hunk's header, never by what a line looks like.

use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use crate::commands::scan::found::{Commit, Found, Tally};
use crate::commands::scan::rules::PathRules;
use crate::commands::scan::scanner::{ContentError, Scanner, Text, Window, locate};

/// How much of a line that is not added content is kept.
const LONGEST_HEADER: usize = 64 * 1024;
/// A NUL among this many first bytes makes the added lines of a file binary.
const HEAD: usize = 8 * 1024;

/// The marks before a commit's line in our format, see [`FORMAT`].
const COMMIT: u8 = 0;
/// Hash, author, address and date, each ended by a NUL, behind one that no patch has at the start of a line.
pub(super) const FORMAT: &str = "--format=%x00%H%x00%an%x00%ae%x00%aI";

/// What reads patches.
pub(in crate::commands::scan) struct Patches<'p, 'e> {
    pub scanner: &'p Scanner<'e>,
    pub rules: &'p PathRules,
}

/// The added lines of one file in one commit.
struct Addition<'p, 'e> {
    text: Text<'p, 'e>,
    /// Line of the text, line of the file: one for each hunk.
    lines: Vec<(usize, usize)>,
    next: usize,
    seen: usize,
    binary: bool,
}

/// Where in a patch the reading is.
#[derive(Default)]
struct Hunk {
    /// Lines that are still to come: of each parent, and of the result.
    parents: Vec<usize>,
    result: usize,
}

impl Hunk {
    fn is_over(&self) -> bool {
        self.result == 0 && self.parents.iter().all(|left| *left == 0)
    }
}

impl Patches<'_, '_> {
    /// Reads patches to the end of the stream. `step` is told of every commit.
    pub fn read(
        &self,
        stream: &mut dyn BufRead,
        window: &mut Window,
        tally: &mut Tally,
        step: &mut dyn FnMut(),
    ) -> Result<(), ContentError> {
        let mut commit: Option<Arc<Commit>> = None;
        let mut path: Option<String> = None;
        let mut hunk = Hunk::default();
        let mut first_line = 0;
        while let Some(line) = header(stream)? {
            if line.first() == Some(&COMMIT) {
                commit = parse_commit(&line);
                path = None;
                tally.commits += 1;
                step();
            } else if line.starts_with(b"diff --") {
                path = None;
            } else if let Some(name) = line.strip_prefix(b"+++ ") {
                path = file_name(name).filter(|path| self.rules.wants(Path::new(path)));
            } else if line.starts_with(b"@@") {
                (hunk, first_line) = parse_hunk(&line).unwrap_or_default();
            }
            if hunk.is_over() {
                continue;
            }
            // All hunks of a file are one text.
            let Some(name) = path.take() else {
                skip(stream, &mut hunk)?;
                continue;
            };
            let mut addition = Addition {
                text: Text::new(self.scanner, &name, commit.clone()),
                lines: Vec::new(),
                next: 1,
                seen: 0,
                binary: false,
            };
            loop {
                addition.lines.push((addition.next, first_line));
                addition.read(stream, &mut hunk, window, tally)?;
                // A gap, so that nothing is found across hunks.
                addition.add(b"\n", window, tally)?;
                addition.next += 1;
                if stream.fill_buf()?.starts_with(b"\\") {
                    header(stream)?;
                }
                if !stream.fill_buf()?.starts_with(b"@@") {
                    break;
                }
                let Some(line) = header(stream)? else { break };
                (hunk, first_line) = parse_hunk(&line).unwrap_or_default();
            }
            let (lines, binary) = (addition.lines, addition.binary);
            let found = addition.text.finish(window, tally)?;
            if binary {
                tally.skipped += 1;
            } else {
                tally.scanned += 1;
                locate(&name, found.into_iter().map(|found| placed(found, &lines)).collect(), tally);
            }
        }
        Ok(())
    }
}

impl Addition<'_, '_> {
    /// Reads a hunk's lines.
    fn read(
        &mut self,
        stream: &mut dyn BufRead,
        hunk: &mut Hunk,
        window: &mut Window,
        tally: &mut Tally,
    ) -> Result<(), ContentError> {
        while !hunk.is_over() {
            let added = begin_line(stream, hunk)?;
            let Some(added) = added else { return Ok(()) };
            loop {
                let piece = stream.fill_buf()?;
                if piece.is_empty() {
                    return Ok(());
                }
                let end = piece.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
                let used = end.unwrap_or(piece.len());
                if added {
                    let piece = piece.get(..used).unwrap_or_default();
                    self.add(piece, window, tally)?;
                }
                stream.consume(used);
                if end.is_some() {
                    break;
                }
            }
            self.next += usize::from(added);
        }
        Ok(())
    }

    fn add(&mut self, bytes: &[u8], window: &mut Window, tally: &mut Tally) -> Result<(), ContentError> {
        if self.seen < HEAD {
            self.binary |= bytes.contains(&0);
            self.seen += bytes.len();
        }
        if self.binary { Ok(()) } else { self.text.push(window, bytes, tally) }
    }
}

/// Reads a line's marks, one for each parent, and counts the line. `Some(true)` if every parent lacks it; `None` at the end.
fn begin_line(stream: &mut dyn BufRead, hunk: &mut Hunk) -> Result<Option<bool>, ContentError> {
    let mut marks = Vec::with_capacity(hunk.parents.len());
    while marks.len() < hunk.parents.len() {
        let Some(mark) = stream.fill_buf()?.first().copied() else { return Ok(None) };
        // "\\ No newline at end of file" is no line.
        if mark == b'\\' && marks.is_empty() {
            header(stream)?;
            continue;
        }
        stream.consume(1);
        marks.push(mark);
    }
    let removed = marks.contains(&b'-');
    for (left, mark) in hunk.parents.iter_mut().zip(&marks) {
        // A parent has a line that was removed from it; of a line that stays, those have it that do not gain it.
        let has = if removed { *mark == b'-' } else { *mark == b' ' };
        *left = left.saturating_sub(usize::from(has));
    }
    if removed {
        return Ok(Some(false));
    }
    hunk.result = hunk.result.saturating_sub(1);
    Ok(Some(marks.iter().all(|mark| *mark == b'+')))
}

/// Reads over a hunk that nobody wants.
fn skip(stream: &mut dyn BufRead, hunk: &mut Hunk) -> Result<(), ContentError> {
    while !hunk.is_over() {
        if begin_line(stream, hunk)?.is_none() {
            return Ok(());
        }
        stream.skip_until(b'\n')?;
    }
    Ok(())
}

/// One line without its end, cut where it is absurdly long. `None` at the end of the stream.
fn header(stream: &mut dyn BufRead) -> Result<Option<Vec<u8>>, ContentError> {
    let mut line = Vec::new();
    loop {
        let piece = stream.fill_buf()?;
        if piece.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        let end = piece.iter().position(|byte| *byte == b'\n');
        let used = end.unwrap_or(piece.len());
        let room = LONGEST_HEADER.saturating_sub(line.len()).min(used);
        line.extend_from_slice(piece.get(..room).unwrap_or_default());
        stream.consume(end.map_or(used, |end| end + 1));
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

fn parse_commit(line: &[u8]) -> Option<Arc<Commit>> {
    let mut parts =
        line.split(|byte| *byte == 0).skip(1).map(|part| String::from_utf8_lossy(part).into_owned());
    Some(Arc::new(Commit {
        hash: parts.next()?,
        author: parts.next()?,
        email: parts.next()?,
        date: parts.next()?,
    }))
}

/// `@@ -1,2 +3,4 @@`, or for a merge with a range for each parent and more marks: the counts, and the result's first line.
fn parse_hunk(line: &[u8]) -> Option<(Hunk, usize)> {
    let text = String::from_utf8_lossy(line);
    let mut hunk = Hunk::default();
    for word in text.split(' ').skip(1) {
        let range = |word: &str| -> Option<(usize, usize)> {
            let (first, count) = word.split_once(',').unwrap_or((word, "1"));
            Some((first.parse().ok()?, count.parse().ok()?))
        };
        if let Some(parent) = word.strip_prefix('-') {
            hunk.parents.push(range(parent)?.1);
        } else if let Some(result) = word.strip_prefix('+') {
            let (first, count) = range(result)?;
            hunk.result = count;
            return Some((hunk, first));
        } else {
            return None;
        }
    }
    None
}

/// The name behind `+++ `: after `b/`, quoted as in C where it has odd characters, with a tabulator behind it where it has
/// blanks. `None` for a file that is gone.
fn file_name(text: &[u8]) -> Option<String> {
    let text = text.strip_suffix(b"\t").unwrap_or(text);
    let unquoted = match text {
        [b'"', inner @ .., b'"'] => unquote(inner),
        plain => plain.to_vec(),
    };
    unquoted.strip_prefix(b"b/").map(|name| String::from_utf8_lossy(name).into_owned())
}

fn unquote(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => plain.push(b'\n'),
            Some(b't') => plain.push(b'\t'),
            Some(b'r') => plain.push(b'\r'),
            Some(b'a') => plain.push(7),
            Some(b'b') => plain.push(8),
            Some(b'f') => plain.push(12),
            Some(b'v') => plain.push(11),
            Some(digit @ b'0'..=b'7') => {
                let mut value = u32::from(digit - b'0');
                for _ in 0..2 {
                    if let Some(digit @ b'0'..=b'7') = bytes.peek().copied() {
                        bytes.next();
                        value = value * 8 + u32::from(digit - b'0');
                    }
                }
                plain.push(u8::try_from(value).unwrap_or(b'?'));
            }
            Some(other) => plain.push(other),
            None => plain.push(b'\\'),
        }
    }
    plain
}

/// The finding with the line of the file in the place of that of the added text.
fn placed(mut found: Found, lines: &[(usize, usize)]) -> Found {
    let of_file = |line: usize| {
        let hunk = lines.partition_point(|(first, _)| *first <= line).checked_sub(1);
        let (text, file) = hunk.and_then(|hunk| lines.get(hunk)).copied().unwrap_or((1, 1));
        file + line.saturating_sub(text)
    };
    (found.line, found.end_line) = (of_file(found.line), of_file(found.end_line));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files() {
        for (text, name) in [
            ("b/src/a.rs", Some("src/a.rs")),
            ("b/with blank\t", Some("with blank")),
            ("\"b/a\\tb\\\"c\\303\\251\"", Some("a\tb\"cé")),
            ("/dev/null", None),
        ] {
            assert_eq!(file_name(text.as_bytes()).as_deref(), name, "{text}");
        }
    }

    #[test]
    fn hunks_of_one_parent_and_of_two() {
        let (hunk, first) = parse_hunk(b"@@ -1,2 +3 @@ fn x() -9,9 +9,9").unwrap();
        assert_eq!((hunk.parents, hunk.result, first), (vec![2], 1, 3));
        let (hunk, first) = parse_hunk(b"@@@ -1,2 -4,0 +5,6 @@@").unwrap();
        assert_eq!((hunk.parents, hunk.result, first), (vec![2, 0], 6, 5));
        assert!(parse_hunk(b"@@ what").is_none());
    }
}
