//! One file or stream, whatever it turns out to be: text, text in UTF-16, an archive with more of them in it.
//!
//! Nothing is ever written: a name in an archive is a label in a report, so it does not matter where it would lead.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Mutex;

use super::archive::{self, BoundReached, Bounds, Budget};
use super::encoding::{Content, Utf16Reader, classify};
use super::found::{ProblemKind, Tally};
use super::printable;
use super::rules::PathRules;
use super::scanner::{ContentError, Scanner, Text, Window, locate};

/// What can be read from the start again.
pub(super) trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// Where bytes come from.
pub(super) enum Input<'i> {
    Seekable(&'i mut dyn ReadSeek),
    Stream(&'i mut dyn Read),
}

impl Input<'_> {
    fn reader(&mut self) -> &mut dyn Read {
        match self {
            Self::Seekable(input) => input,
            Self::Stream(input) => input,
        }
    }
}

/// Reads and scans. Shared by all threads.
#[derive(Debug)]
pub(super) struct Reader<'e> {
    pub scanner: &'e Scanner<'e>,
    /// Paths in archives obey the same patterns.
    pub rules: &'e PathRules,
    /// Whether archives are looked into.
    pub archives: bool,
    pub bounds: Bounds,
    /// Held by the one archive that has a part of itself in memory.
    pub memory: Mutex<()>,
}

/// What is read: by which name it is reported, and how deep in other archives it lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'p> {
    pub path: &'p str,
    /// The name if it turns out to be a tar archive: `a.tar.gz` is one archive for people.
    pub archive: &'p str,
    pub depth: u32,
}

impl<'p> Name<'p> {
    pub fn top(path: &'p str) -> Self {
        Self { path, archive: path, depth: 0 }
    }
}

impl Reader<'_> {
    /// Scans a file, or a stream that is no part of an archive.
    pub(super) fn scan(
        &self,
        path: &str,
        input: Input<'_>,
        size: Option<u64>,
        window: &mut Window,
        tally: &mut Tally,
    ) -> Result<(), ContentError> {
        let budget = Budget::new(&self.bounds, size, &self.memory);
        self.look(Name::top(path), input, &budget, window, tally)
    }

    /// Scans what may be a part of an archive. Errors of reading are returned only for what is none.
    pub(super) fn look(
        &self,
        name: Name<'_>,
        mut input: Input<'_>,
        budget: &Budget<'_>,
        window: &mut Window,
        tally: &mut Tally,
    ) -> Result<(), ContentError> {
        let (filled, ended) = window.fill(input.reader(), 0)?;
        let content = classify(window.filled(filled));
        match content {
            Content::Text => {
                let text = Text::new(self.scanner, name.path, None);
                let found = text.read(window, filled, ended, input.reader(), tally)?;
                tally.scanned += 1;
                locate(name.path, found, tally);
                Ok(())
            }
            Content::Utf16(endian) => {
                let head = Cursor::new(window.filled(filled).to_vec());
                let mut stream = Utf16Reader::new(head.chain(input.reader()), endian);
                let (filled, ended) = window.fill(&mut stream, 0)?;
                let text = Text::new(self.scanner, name.path, None);
                let found = text.read(window, filled, ended, &mut stream, tally)?;
                tally.scanned += 1;
                locate(name.path, found, tally);
                Ok(())
            }
            Content::Binary => {
                tally.skipped += 1;
                Ok(())
            }
            Content::Zip | Content::Gzip | Content::Tar if !self.archives => {
                tally.skipped += 1;
                Ok(())
            }
            Content::Zip | Content::Gzip | Content::Tar => {
                let mut job = Job { reader: self, name, budget, window, tally };
                job.unpack(content, filled, input)
            }
        }
    }
}

/// An archive that is being looked into, and all that this takes.
pub(super) struct Job<'j, 'b, 'e> {
    pub reader: &'j Reader<'e>,
    pub name: Name<'j>,
    pub budget: &'j Budget<'b>,
    pub window: &'j mut Window,
    pub tally: &'j mut Tally,
}

impl Job<'_, '_, '_> {
    fn unpack(&mut self, content: Content, filled: usize, mut input: Input<'_>) -> Result<(), ContentError> {
        let path = self.name.path;
        if self.name.depth >= self.reader.bounds.depth {
            let message = format!("archives are looked into {} deep", self.reader.bounds.depth);
            self.tally.problem(printable(path), ProblemKind::Bounded, message);
            return Ok(());
        }
        self.tally.archives += 1;
        let result = match (content, &mut input) {
            (Content::Zip, Input::Seekable(file)) => archive::zip(self, *file),
            (Content::Zip, Input::Stream(stream)) => {
                // The directory of a zip stands at its end, so all of it has to be there.
                let head = self.window.filled(filled).to_vec();
                match self.budget.hold(head, *stream) {
                    Ok(bytes) => {
                        let held = bytes.len();
                        let result = archive::zip(self, &mut Cursor::new(bytes));
                        self.budget.release(held);
                        result
                    }
                    Err(error) => Err(error.into()),
                }
            }
            (_, Input::Seekable(file)) => file
                .seek(SeekFrom::Start(0))
                .map_err(ContentError::Read)
                .and_then(|_| self.streamed(content, &mut **file)),
            (_, Input::Stream(stream)) => {
                let head = Cursor::new(self.window.filled(filled).to_vec());
                self.streamed(content, &mut head.chain(&mut **stream))
            }
        };
        match result {
            Err(ContentError::Read(error)) => {
                self.refused(path, &error);
                // A bound is one of the whole archive: whoever holds this one has to stop too.
                if self.name.depth > 0 && is_bound(&error) { Err(error.into()) } else { Ok(()) }
            }
            other => other,
        }
    }

    fn streamed(&mut self, content: Content, stream: &mut dyn Read) -> Result<(), ContentError> {
        if content == Content::Gzip { archive::gzip(self, stream) } else { archive::tar(self, stream) }
    }

    /// Scans one entry. What is wrong with it is noted; an error is one of the engine, or a bound.
    pub(super) fn entry(&mut self, inner: &str, stream: &mut dyn Read) -> Result<(), ContentError> {
        if self.reader.rules.excludes(Path::new(inner), false) {
            return Ok(());
        }
        let path = format!("{}!{inner}", self.name.archive);
        let name = Name { path: &path, archive: &path, depth: self.name.depth + 1 };
        let result = self.reader.look(name, Input::Stream(stream), self.budget, self.window, self.tally);
        match result {
            Err(ContentError::Read(error)) if !is_bound(&error) => {
                self.refused(&path, &error);
                Ok(())
            }
            other => other,
        }
    }

    /// Notes why an archive, or a part of one, was not looked at to its end.
    fn refused(&mut self, path: &str, error: &io::Error) {
        if is_bound(error) {
            // Once for an archive, not once for each layer of it.
            if self.name.depth == 0 {
                self.tally.problem(printable(path), ProblemKind::Bounded, error.to_string());
            }
        } else {
            let message = format!("damaged archive: {error}");
            self.tally.problem(printable(path), ProblemKind::Unsupported, message);
        }
    }
}

fn is_bound(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<BoundReached>)
}
