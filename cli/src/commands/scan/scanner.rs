//! One text: read in windows of bounded size, scanned, its findings told by line and column.

use std::io::{self, Read};
use std::sync::Arc;

use agentfirewall_core::secrets::{Engine, EngineError, Salt};
use agentfirewall_core::sha256::Sha256;
use agentfirewall_sdk::{Confidence, Finding, Severity};

use super::allow::Allowance;
use super::baseline::{Baseline, hex};
use super::encoding::text_of;
use super::found::{Commit, Found, Located, Tally};

/// A window's size in bytes: nearly every file is one window.
const WINDOW: usize = 1024 * 1024;
/// How much of a window is left to the next one, because what begins there may not end in it. More than the longest
/// secret a detector knows.
const OVERLAP: usize = 64 * 1024;
/// How much before that the next window shows again, so that a keyword before a secret and the comment above it are seen.
const LOOKBACK: usize = 4 * 1024;
/// How much of a line is shown before and after a secret, in bytes.
const AROUND: usize = 60;

/// Why a file was not scanned to its end.
#[derive(Debug)]
pub(super) enum ContentError {
    Read(io::Error),
    Engine(EngineError),
}

impl From<io::Error> for ContentError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// What is looked for and what is reported. Shared by all threads.
#[derive(Debug)]
pub(super) struct Scanner<'e> {
    pub engine: &'e Engine<'e>,
    pub salt: Salt,
    /// The lowest confidence that is reported. Less certain secrets are masked in the snippets all the same.
    pub least: Confidence,
    /// The lowest severity that is reported.
    pub least_severe: Severity,
    /// Whether comments beside a secret allow it.
    pub inline: bool,
    pub baseline: Option<Baseline>,
}

/// The sizes that tests make smaller.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    window: usize,
    overlap: usize,
    lookback: usize,
}

/// The one buffer that a thread reads all its files into.
#[derive(Debug)]
pub(super) struct Window {
    bytes: Vec<u8>,
    sizes: Sizes,
}

impl Window {
    pub(super) fn new() -> Self {
        Self::of(Sizes { window: WINDOW, overlap: OVERLAP, lookback: LOOKBACK })
    }

    fn of(sizes: Sizes) -> Self {
        // Zeroed memory of this size comes untouched from the system: a small file costs a page.
        Self { bytes: vec![0; sizes.window], sizes }
    }

    /// Reads from a stream until the window is full or the stream has ended.
    pub(super) fn fill(&mut self, stream: &mut dyn Read, mut filled: usize) -> io::Result<(usize, bool)> {
        loop {
            let Some(free) = self.bytes.get_mut(filled..).filter(|free| !free.is_empty()) else {
                return Ok((filled, false));
            };
            match stream.read(free) {
                Ok(0) => return Ok((filled, true)),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The first bytes.
    pub(super) fn filled(&self, filled: usize) -> &[u8] {
        self.bytes.get(..filled).unwrap_or_default()
    }
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
                line: self.line + line_ends(text.as_bytes()),
                column: 1 + text.get(last + 1..).unwrap_or_default().chars().count(),
            },
        }
    }
}

/// How many lines end in a text. Counted in bytes as long as they suffice, which the compiler does for sixteen places at once.
fn line_ends(text: &[u8]) -> usize {
    let few = |piece: &[u8]| piece.iter().fold(0_u8, |count, byte| count + u8::from(*byte == b'\n'));
    text.chunks(usize::from(u8::MAX)).map(|piece| usize::from(few(piece))).sum()
}

/// A text on its way through the window.
pub(super) struct Text<'s, 'e> {
    scanner: &'s Scanner<'e>,
    path: &'s str,
    /// The commit that added the text, in history.
    commit: Option<Arc<Commit>>,
    /// Where the window begins in the text.
    position: Position,
    /// What begins before this place of the window has been reported, or left out, already.
    fresh: usize,
    filled: usize,
    allowance: Allowance,
    found: Vec<Found>,
}

impl<'s, 'e> Text<'s, 'e> {
    pub(super) fn new(scanner: &'s Scanner<'e>, path: &'s str, commit: Option<Arc<Commit>>) -> Self {
        Self {
            scanner,
            path,
            commit,
            position: Position { line: 1, column: 1 },
            fresh: 0,
            filled: 0,
            allowance: Allowance::default(),
            found: Vec::new(),
        }
    }

    /// Scans a stream of which the beginning stands in the window already.
    pub(super) fn read(
        mut self,
        window: &mut Window,
        filled: usize,
        mut ended: bool,
        stream: &mut dyn Read,
        tally: &mut Tally,
    ) -> Result<Vec<Found>, ContentError> {
        self.filled = filled;
        loop {
            self.step(window, ended, tally)?;
            if ended {
                return Ok(self.found);
            }
            (self.filled, ended) = window.fill(stream, self.filled)?;
        }
    }

    /// Appends to a text that is not read from a stream.
    pub(super) fn push(
        &mut self,
        window: &mut Window,
        mut bytes: &[u8],
        tally: &mut Tally,
    ) -> Result<(), ContentError> {
        loop {
            (self.filled, _) = window.fill(&mut bytes, self.filled)?;
            if bytes.is_empty() {
                return Ok(());
            }
            self.step(window, false, tally)?;
        }
    }

    /// Ends such a text.
    pub(super) fn finish(
        mut self,
        window: &mut Window,
        tally: &mut Tally,
    ) -> Result<Vec<Found>, ContentError> {
        self.step(window, true, tally)?;
        Ok(self.found)
    }

    /// Scans what is in the window and keeps what the next one needs.
    fn step(&mut self, window: &mut Window, last: bool, tally: &mut Tally) -> Result<(), ContentError> {
        let Sizes { overlap, lookback, .. } = window.sizes;
        let bytes = window.bytes.get(..self.filled).unwrap_or_default();
        let text = text_of(bytes);
        let cut =
            if last { text.len() } else { text.floor_char_boundary(text.len().saturating_sub(overlap)) };
        let findings = self.scanner.engine.scan_text(&text).map_err(ContentError::Engine)?.findings;
        if !findings.is_empty() {
            self.report(&text, &findings, if last { usize::MAX } else { cut }, tally);
        }
        if last {
            tally.bytes += text.len() as u64;
            return Ok(());
        }
        let keep = text.floor_char_boundary(cut.saturating_sub(lookback));
        tally.bytes += keep as u64;
        self.position = self.position.after(text.get(..keep).unwrap_or_default());
        self.fresh = self.fresh.max(cut).saturating_sub(keep);
        self.allowance.forget();
        drop(text);
        window.bytes.copy_within(keep..self.filled, 0);
        self.filled -= keep;
        Ok(())
    }

    fn report(&mut self, text: &str, findings: &[Finding], cut: usize, tally: &mut Tally) {
        let scanner = self.scanner;
        let mut seen = 0;
        let mut here = self.position;
        for (index, finding) in findings.iter().enumerate() {
            let span = &finding.span;
            if span.start < self.fresh || span.start >= cut {
                continue;
            }
            let (Some(before), Some(secret)) = (text.get(seen..span.start), text.get(span.clone())) else {
                continue;
            };
            here = here.after(before);
            seen = span.start;
            // The next window may show the secret's end again, where it could pass for another.
            self.fresh = span.end;
            if finding.confidence < scanner.least || finding.severity < scanner.least_severe {
                continue;
            }
            if scanner.inline && self.allowance.allows(text, span.start, &finding.detector) {
                tally.allowed += 1;
                continue;
            }
            let end = here.after(secret);
            let (snippet, shape) = scanner.snippet(text, index, findings);
            self.found.push(Found {
                line: here.line,
                column: here.column,
                end_line: end.line,
                end_column: end.column,
                detector: finding.detector.clone(),
                severity: finding.severity,
                confidence: finding.confidence,
                fingerprint: scanner.salt.fingerprint(secret),
                commit: self.commit.clone(),
                message: None,
                advice: None,
                place: place(&finding.detector, self.path, &shape),
                snippet,
                mark: scanner
                    .baseline
                    .as_ref()
                    .and_then(|baseline| baseline.mark(self.path, &finding.detector, secret)),
            });
        }
    }
}

impl Scanner<'_> {
    /// The line around a finding with every secret in it replaced: by its tag, which is of this machine, and by the
    /// detector's name alone.
    fn snippet(&self, text: &str, index: usize, all: &[Finding]) -> (String, String) {
        let Some(finding) = all.get(index) else { return Default::default() };
        let from = line_start(text, finding.span.start, AROUND);
        let to = line_end(text, finding.span.end, AROUND);
        // They are in order and do not overlap.
        let first = all.partition_point(|other| other.span.end <= from);
        let mut shown = String::new();
        let mut shape = String::new();
        let mut done = from;
        for other in all.iter().skip(first).take_while(|other| other.span.start < to) {
            let before = text.get(done..other.span.start.max(done)).unwrap_or_default();
            shown.push_str(before);
            shape.push_str(before);
            let secret = text.get(other.span.clone()).unwrap_or_default();
            shown.push_str(&self.salt.tag(&other.detector, secret));
            shape.push_str(&other.detector);
            done = other.span.end.max(done);
        }
        let rest = text.get(done..to).unwrap_or_default();
        shown.push_str(rest);
        shape.push_str(rest);
        let shown = shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
        (shown.trim().to_owned(), shape.split_whitespace().collect())
    }
}

/// A name for the place of a finding that is the same on every machine and needs nothing of the secret.
pub(super) fn place(detector: &str, path: &str, shape: &str) -> String {
    let mut digest = Sha256::new();
    for part in [detector, path, shape] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    hex(digest.finalize().get(..8).unwrap_or_default())
}

/// Puts the findings of a text under its path.
pub(super) fn locate(path: &str, found: Vec<Found>, tally: &mut Tally) {
    tally.findings.extend(found.into_iter().map(|found| Located { path: path.to_owned(), found }));
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

#[cfg(test)]
mod tests {
    use agentfirewall_sdk::{Factory, registrations};

    use super::*;

    const TOKEN: &str = concat!("ghp", "_StZsxnTSWsbCBpWUedoB6SJ95Ypuie0AKxrk");

    #[test]
    fn every_end_of_a_line_counts() {
        for (text, count) in [("", 0), ("a", 0), ("a\nb\n", 2), ("\n\n\n", 3)] {
            assert_eq!(line_ends(text.as_bytes()), count, "{text:?}");
        }
        for length in [254, 255, 256, 510, 511, 2000] {
            assert_eq!(line_ends(&vec![b'\n'; length]), length);
        }
    }

    fn scanned(bytes: &[u8], sizes: Sizes, push: bool) -> Vec<Found> {
        agentfirewall_plugins::link();
        let detectors = registrations().filter(|plugin| matches!(plugin.factory, Factory::Detector { .. }));
        let engine = Engine::from_entries(detectors, &[]).unwrap();
        let scanner = Scanner {
            engine: &engine,
            salt: Salt::random(),
            least: Confidence::Medium,
            least_severe: Severity::Info,
            inline: true,
            baseline: None,
        };
        let mut window = Window::of(sizes);
        let mut tally = Tally::default();
        let mut text = Text::new(&scanner, "a", None);
        if push {
            for piece in bytes.chunks(7) {
                text.push(&mut window, piece, &mut tally).unwrap();
            }
            return text.finish(&mut window, &mut tally).unwrap();
        }
        let mut stream = bytes;
        let (filled, ended) = window.fill(&mut stream, 0).unwrap();
        let found = text.read(&mut window, filled, ended, &mut stream, &mut tally).unwrap();
        assert_eq!(tally.bytes, bytes.len() as u64);
        found
    }

    fn small(window: usize) -> Sizes {
        Sizes { window, overlap: 128, lookback: 64 }
    }

    fn places(text: &str, window: usize) -> Vec<(usize, usize, usize)> {
        let found = scanned(text.as_bytes(), small(window), false);
        let places = |found: &[Found]| -> Vec<_> {
            found.iter().map(|found| (found.line, found.column, found.end_column)).collect()
        };
        let pushed = scanned(text.as_bytes(), small(window), true);
        assert_eq!(places(&pushed), places(&found));
        places(&found)
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
    fn a_keyword_and_a_comment_before_the_border_of_a_window_count() {
        // Wherever the border falls, the value beside its name is found once, and the allowed one never.
        let value = format!("{}=\"{}\"", "api_key", concat!("G0ndLrIO445D", "beF0cNNd"));
        for padding in 0..200 {
            let text =
                format!("{}\n{value}\n# agentfirewall:allow-next-line\n{value}\n", "é ".repeat(padding));
            assert_eq!(places(&text, 256).len(), 1, "{padding}");
        }
    }

    #[test]
    fn snippets_show_the_line_and_no_secret() {
        let text = format!("before\nexport A={TOKEN} B=\x1b[31m {TOKEN} # end\nafter");
        let found = scanned(text.as_bytes(), small(WINDOW), false);
        assert_eq!(found.len(), 2);
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
    fn places_are_the_same_for_every_machine_and_secret_and_move_with_the_line() {
        let place = |text: &str| scanned(text.as_bytes(), small(WINDOW), false)[0].place.clone();
        let first = place(&format!("a = {TOKEN} # x"));
        assert_eq!(first, place(&format!("\n\n  a = {TOKEN} # x\n")));
        assert_ne!(first, place(&format!("b = {TOKEN} # x")));
    }

    #[test]
    fn a_comment_allows_its_own_line_alone() {
        let text = format!("{TOKEN} # agentfirewall:allow\n{TOKEN}\n");
        assert_eq!(places(&text, WINDOW), [(2, 1, 41)]);
    }

    #[test]
    fn broken_text_is_text() {
        let mut bytes = b"\xff\xfe\xe2\x82 ".to_vec();
        bytes.extend(TOKEN.as_bytes());
        let found = scanned(&bytes, small(WINDOW), false);
        assert_eq!((found.len(), found[0].column), (1, 6));
        assert_eq!(scanned(b"", small(WINDOW), false), Vec::new());
    }
}
