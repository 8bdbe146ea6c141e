//! One file or stream: read in windows of bounded size, scanned, its findings told by line and column.

use std::borrow::Cow;
use std::io::{self, Read};

use agentfirewall_core::secrets::{Engine, EngineError, Salt};
use agentfirewall_sdk::{Confidence, Finding, Severity};
use serde::Serialize;

/// A window's size in bytes: nearly every file is one window.
const WINDOW: usize = 4 * 1024 * 1024;
/// How much of a window is looked at again with the next one. More than the longest secret a detector knows.
const OVERLAP: usize = 64 * 1024;
/// A NUL among this many first bytes makes a file binary, as in git.
const HEAD: usize = 8 * 1024;
/// A line with this text is not reported.
const ALLOW: &str = "agentfirewall:allow";
/// How much of a line is shown before and after a secret, in bytes.
const AROUND: usize = 60;

/// One secret in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Found {
    /// From 1.
    pub line: usize,
    /// The first character of the secret in its line, from 1.
    pub column: usize,
    /// The line in which the secret ends.
    pub end_line: usize,
    /// The first character after the secret in that line.
    pub end_column: usize,
    pub detector: String,
    pub severity: Severity,
    pub confidence: Confidence,
    /// The same for the same secret wherever it stands; says nothing about it.
    pub fingerprint: String,
    #[serde(skip)]
    pub snippet: String,
}

/// What a file turned out to be.
#[derive(Debug)]
pub(super) enum Outcome {
    Text(Vec<Found>),
    Binary,
}

/// Why a file was not scanned to its end.
#[derive(Debug)]
pub(super) enum ContentError {
    Read(io::Error),
    Engine(EngineError),
}

/// Scans one stream after the other.
#[derive(Debug)]
pub(super) struct Scanner<'e> {
    pub engine: &'e Engine<'e>,
    pub salt: Salt,
    /// The lowest confidence that is reported. Less certain secrets are masked in the snippets all the same.
    pub least: Confidence,
}

/// A place counted from the beginning of the stream.
#[derive(Debug, Clone, Copy)]
struct Position {
    line: usize,
    column: usize,
}

impl Position {
    fn after(self, text: &str) -> Self {
        match text.rfind('\n') {
            None => Self { line: self.line, column: self.column + text.chars().count() },
            Some(last) => Self {
                line: self.line + text.matches('\n').count(),
                column: 1 + text.get(last + 1..).unwrap_or_default().chars().count(),
            },
        }
    }
}

impl Scanner<'_> {
    pub(super) fn scan(&self, stream: &mut dyn Read) -> Result<Outcome, ContentError> {
        self.scan_windows(stream, WINDOW, OVERLAP)
    }

    fn scan_windows(
        &self,
        stream: &mut dyn Read,
        size: usize,
        overlap: usize,
    ) -> Result<Outcome, ContentError> {
        let mut bytes = Vec::new();
        let mut found = Vec::new();
        let mut position = Position { line: 1, column: 1 };
        // Where in the window the last reported secret ended.
        let mut done = 0;
        let mut first = true;
        loop {
            let missing = size.saturating_sub(bytes.len());
            let read =
                (&mut *stream).take(missing as u64).read_to_end(&mut bytes).map_err(ContentError::Read)?;
            let last = read < missing;
            if first && bytes.iter().take(HEAD).any(|byte| *byte == 0) {
                return Ok(Outcome::Binary);
            }
            first = false;
            let text = text_of(&bytes);
            // What begins behind the cut is left to the next window, which shows it whole.
            let cut =
                if last { text.len() } else { text.floor_char_boundary(text.len().saturating_sub(overlap)) };
            let findings = self.engine.scan_text(&text).map_err(ContentError::Engine)?.findings;
            let mut seen = 0;
            let mut here = position;
            for finding in &findings {
                let span = &finding.span;
                if span.start < done || span.start >= cut {
                    continue;
                }
                let (Some(before), Some(secret)) = (text.get(seen..span.start), text.get(span.clone()))
                else {
                    continue;
                };
                here = here.after(before);
                seen = span.start;
                done = span.end;
                if finding.confidence >= self.least && !allowed(&text, span.start) {
                    let end = here.after(secret);
                    found.push(Found {
                        line: here.line,
                        column: here.column,
                        end_line: end.line,
                        end_column: end.column,
                        detector: finding.detector.clone(),
                        severity: finding.severity,
                        confidence: finding.confidence,
                        fingerprint: self.salt.fingerprint(secret),
                        snippet: self.snippet(&text, finding, &findings),
                    });
                }
            }
            if last {
                return Ok(Outcome::Text(found));
            }
            position = position.after(text.get(..cut).unwrap_or_default());
            done = done.saturating_sub(cut);
            drop(text);
            bytes.drain(..cut);
        }
    }

    /// The line around a finding with every secret in it replaced by its tag.
    fn snippet(&self, text: &str, finding: &Finding, all: &[Finding]) -> String {
        let from = line_start(text, finding.span.start, AROUND);
        let to = line_end(text, finding.span.end, AROUND);
        let mut shown = String::new();
        let mut done = from;
        for other in all.iter().filter(|other| other.span.end > from && other.span.start < to) {
            shown.push_str(text.get(done..other.span.start.max(done)).unwrap_or_default());
            let secret = text.get(other.span.clone()).unwrap_or_default();
            shown.push_str(&self.salt.tag(&other.detector, secret));
            done = other.span.end.max(done);
        }
        shown.push_str(text.get(done..to).unwrap_or_default());
        shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
    }
}

/// A text of the same length: bytes that are no UTF-8 become question marks, so that every place stays where it is.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    Cow::Owned(text)
}

/// Where the line around a place begins, or the place `limit` bytes before if that is nearer.
fn line_start(text: &str, at: usize, limit: usize) -> usize {
    let nearest = text.ceil_char_boundary(at.saturating_sub(limit)).min(at);
    let before = text.get(nearest..at).unwrap_or_default();
    before.rfind('\n').map_or(nearest, |line| nearest + line + 1)
}

/// Where the line around a place ends, or the place `limit` bytes behind if that is nearer.
fn line_end(text: &str, at: usize, limit: usize) -> usize {
    let furthest = text.floor_char_boundary(at.saturating_add(limit).min(text.len())).max(at);
    let behind = text.get(at..furthest).unwrap_or_default();
    behind.find('\n').map_or(furthest, |line| at + line)
}

/// Whether the line in which a secret begins says that it may stand there.
fn allowed(text: &str, at: usize) -> bool {
    text.get(line_start(text, at, usize::MAX)..line_end(text, at, usize::MAX))
        .is_some_and(|line| line.contains(ALLOW))
}

#[cfg(test)]
mod tests {
    use agentfirewall_sdk::{Factory, registrations};

    use super::*;

    const TOKEN: &str = concat!("ghp", "_StZsxnTSWsbCBpWUedoB6SJ95Ypuie0AKxrk");

    fn scanned(bytes: &[u8], size: usize, overlap: usize) -> Option<Vec<Found>> {
        agentfirewall_plugins::link();
        let detectors = registrations().filter(|plugin| matches!(plugin.factory, Factory::Detector { .. }));
        let engine = Engine::from_entries(detectors, &[]).unwrap();
        let scanner = Scanner { engine: &engine, salt: Salt::random(), least: Confidence::Medium };
        match scanner.scan_windows(&mut &bytes[..], size, overlap).unwrap() {
            Outcome::Text(found) => Some(found),
            Outcome::Binary => None,
        }
    }

    fn places(text: &str, size: usize) -> Vec<(usize, usize, usize)> {
        let found = scanned(text.as_bytes(), size, 128).unwrap();
        found.iter().map(|found| (found.line, found.column, found.end_column)).collect()
    }

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        assert_eq!(places(&format!("\n\né {TOKEN}\n{TOKEN}"), WINDOW), [(3, 3, 43), (4, 1, 41)]);
    }

    #[test]
    fn windows_find_what_one_pass_finds() {
        let text: String = (0..40)
            .flat_map(|line| [format!("{line} é "), "é ".repeat(line * 7), format!("{TOKEN}\n")])
            .collect();
        let whole = places(&text, WINDOW);
        assert_eq!(whole.len(), 40);
        for size in [256, 301, 777, 4096] {
            assert_eq!(places(&text, size), whole, "{size}");
        }
    }

    #[test]
    fn snippets_show_the_line_and_no_secret() {
        let text = format!("before\nexport A={TOKEN} B=\x1b[31m {TOKEN} # end\nafter");
        let found = scanned(text.as_bytes(), WINDOW, OVERLAP).unwrap();
        for found in found {
            assert!(
                !found.snippet.contains("StZsxn") && !found.snippet.contains('\x1b'),
                "{}",
                found.snippet
            );
            assert!(found.snippet.contains("[secret:github-token#"), "{}", found.snippet);
            assert!(!found.snippet.contains("before") && !found.snippet.contains("after"));
            assert!(!TOKEN.contains(&found.fingerprint));
        }
    }

    #[test]
    fn a_comment_allows_its_own_line_alone() {
        let text = format!("{TOKEN} # agentfirewall:allow\n{TOKEN}\n");
        assert_eq!(places(&text, WINDOW), [(2, 1, 41)]);
    }

    #[test]
    fn binary_files_are_left_alone_and_broken_text_is_not() {
        assert_eq!(scanned(format!("\0 {TOKEN}").as_bytes(), WINDOW, OVERLAP), None);
        let mut bytes = b"\xff\xfe\xe2\x82 ".to_vec();
        bytes.extend(TOKEN.as_bytes());
        let found = scanned(&bytes, WINDOW, OVERLAP).unwrap();
        assert_eq!((found.len(), found[0].column), (1, 6));
        assert_eq!(scanned(b"", WINDOW, OVERLAP), Some(Vec::new()));
    }
}
