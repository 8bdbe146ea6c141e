//! Finding the newest records that match, without reading the log from its beginning.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use memchr::memmem::Finder;

use super::backwards::Backwards;
use super::error::AuditError;
use super::index::{Kind, Word, blocks};
use super::line::Place;
use super::lines::{Lines, Next};
use super::moment::boundary;
use super::segment::{Files, open_written};
use super::view::View;
use super::{open_for_reading, settled_length};

/// How much is read from the end at once.
const BLOCK: usize = 64 << 10;

/// How much is read at once where everything is read.
const FORWARD_BLOCK: usize = 1 << 20;

/// Records are written in the order of their time, but for clocks that are set back and calls that wait for each other:
/// the search for old records ends at one that is older by this much.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_hours(24);

/// Which records are wanted. The default wants all.
#[derive(Default)]
pub struct Filter<'a> {
    /// Whether a tool's name is wanted.
    pub tool: Option<&'a dyn Fn(&str) -> bool>,
    /// The tool's whole name, where that is known: it is found quicker than by [`tool`](Self::tool).
    pub exact_tool: Option<&'a str>,
    /// The action.
    pub action: Option<&'a str>,
    /// The rule's name.
    pub rule: Option<&'a str>,
    /// The session.
    pub session: Option<&'a str>,
    /// The earliest time.
    pub since: Option<Timestamp>,
    /// The time before which it was.
    pub until: Option<Timestamp>,
}

impl std::fmt::Debug for Filter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filter")
            .field("tool", &self.tool.is_some())
            .field("exact_tool", &self.exact_tool)
            .field("action", &self.action)
            .field("rule", &self.rule)
            .field("session", &self.session)
            .field("since", &self.since)
            .field("until", &self.until)
            .finish()
    }
}

impl Filter<'_> {
    /// Whether every record is wanted.
    pub fn is_empty(&self) -> bool {
        self.tool.is_none()
            && self.exact_tool.is_none()
            && self.action.is_none()
            && self.rule.is_none()
            && self.session.is_none()
            && self.since.is_none()
            && self.until.is_none()
    }

    /// Whether a record is wanted. One without a readable time passes no filter of time.
    pub fn wants(&self, view: &View<'_>) -> bool {
        self.tool.is_none_or(|wanted| wanted(&view.tool_name))
            && self.exact_tool.is_none_or(|tool| tool == view.tool_name)
            && self.action.is_none_or(|action| action == view.action_taken)
            && self.rule.is_none_or(|name| view.rule.as_ref().is_some_and(|rule| rule.name == name))
            && self.session.is_none_or(|session| session == view.session_id)
            && (self.since.is_none() && self.until.is_none() || self.wants_time(view))
    }

    fn wants_time(&self, view: &View<'_>) -> bool {
        view.time().is_some_and(|time| {
            self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
        })
    }

    /// Texts that every wanted line has somewhere, so that most others need not be parsed.
    fn needles(&self) -> Vec<Finder<'static>> {
        // Other writers may escape what need not be: only what nobody escapes is looked for.
        let plain =
            |text: &&str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\/<>&'".contains(&byte));
        let wanted =
            [self.action, self.rule, self.session, self.exact_tool].into_iter().flatten().filter(plain);
        wanted.map(|text| Finder::new(&format!("\"{text}\"")).into_owned()).collect()
    }

    /// The words by which the index of a closed file finds blocks.
    fn words(&self) -> Vec<Word<'_>> {
        let all = [
            (Kind::Action, self.action),
            (Kind::Rule, self.rule),
            (Kind::Session, self.session),
            (Kind::Tool, self.exact_tool),
        ];
        all.into_iter().filter_map(|(kind, word)| Some((kind, word?))).collect()
    }

    /// Whether no older record than this one can be wanted.
    fn ends_before(&self, view: &View<'_>) -> bool {
        let Some(earliest) = self.since.and_then(|since| since.checked_sub(CLOCK_SLACK).ok()) else {
            return false;
        };
        view.time().is_some_and(|time| time < earliest)
    }
}

/// Where the newest matching records are. Nothing of them is held in memory.
#[derive(Debug)]
pub struct Found {
    log: PathBuf,
    /// The parts of files that have them, the oldest first.
    parts: Vec<Part>,
    /// How long the file was that is written: where [`Follow`](super::Follow) goes on.
    pub end: u64,
    /// How many records match, at most as many as were asked for.
    pub count: usize,
    /// Whether older records match too.
    pub more: bool,
    /// How many records the whole log has, where that is known without reading it and no filter was given.
    pub total: Option<u64>,
    /// How many lines were passed over because they are no records.
    pub unreadable: u64,
}

#[derive(Debug)]
struct Part {
    /// Where a closed file is.
    closed: Option<PathBuf>,
    file: File,
    start: u64,
    end: u64,
}

/// Opens every file of a log, the oldest first, each with its length. The last one is the one that is written.
fn open_all(log: &Path) -> Result<(Vec<Part>, u64), AuditError> {
    let files = Files::of(log)?;
    let mut parts = Vec::with_capacity(files.closed.len() + 1);
    for segment in &files.closed {
        let Some(file) = open_written(&segment.path)? else { continue };
        let end = file.metadata().map_err(|error| AuditError::io("read", &segment.path, error))?.len();
        parts.push(Part { closed: Some(segment.path.clone()), file, start: 0, end });
    }
    let mut end = 0;
    if let Some(file) = files.written {
        end = settled_length(&file, log)?;
        parts.push(Part { closed: None, file, start: 0, end });
    } else if parts.is_empty() {
        // Says why it cannot be opened.
        open_for_reading(log)?;
    }
    Ok((parts, end))
}

/// Finds the newest matching records, reading the log backwards in blocks, only as far as needed.
pub fn find(log: &Path, filter: &Filter<'_>, newest: usize) -> Result<Found, AuditError> {
    find_indexed(log, filter, newest, None)
}

/// Finds records as [`find`] does, with an index of each closed file in a private folder. It is made where a search would
/// read a whole file, and is worth nothing: who deletes it waits once.
pub fn find_indexed(
    log: &Path,
    filter: &Filter<'_>,
    newest: usize,
    cache: Option<&Path>,
) -> Result<Found, AuditError> {
    let io = |error| AuditError::io("read", log, error);
    let (mut parts, end) = open_all(log)?;
    let latest = filter.until.and_then(|until| until.checked_add(CLOCK_SLACK).ok());
    let found = Found {
        log: log.to_owned(),
        parts: Vec::new(),
        end,
        count: 0,
        more: false,
        total: None,
        unreadable: 0,
    };
    let words = filter.words();
    let mut search = Search { filter, needles: filter.needles(), newest, found, any: false, last: None };
    let oldest = parts.first().and_then(|part| part.file.try_clone().ok());
    while let Some(mut part) = parts.pop() {
        if let Some(latest) = latest {
            part.end = boundary(&part.file, part.end, latest).map_err(io)?;
        }
        let blocks = match (&part.closed, cache) {
            (Some(path), Some(cache)) if !words.is_empty() => {
                blocks(cache, path, &part.file, &words).map_err(io)?
            }
            _ => vec![(0, part.end)],
        };
        let mut over = false;
        for (start, end) in blocks.into_iter().rev() {
            let end = end.min(part.end);
            if start < end && search.block(&part.file, start, end).map_err(io)? {
                over = true;
                break;
            }
        }
        if over {
            break;
        }
    }
    let Search { mut found, last, .. } = search;
    found.parts.reverse();
    found.total = match oldest {
        _ if !filter.is_empty() => None,
        Some(oldest) if found.more => total(&oldest, last).map_err(io)?,
        _ => Some(found.count as u64),
    };
    Ok(found)
}

/// A search from the newest record on.
struct Search<'a, 'f> {
    filter: &'a Filter<'f>,
    needles: Vec<Finder<'static>>,
    newest: usize,
    found: Found,
    /// Whether a record was seen.
    any: bool,
    /// Where the newest record stands in its chain, if it has a place in one.
    last: Option<(String, u64)>,
}

impl Search<'_, '_> {
    /// Looks at the lines of a part of a file, the newest first. Whether that is enough.
    fn block(&mut self, file: &File, start: u64, end: u64) -> io::Result<bool> {
        let mut lines = Backwards::new(file, end, BLOCK);
        let (mut first, mut over) = (end, false);
        while let Some((offset, line)) = lines.next()? {
            if offset < start {
                break;
            }
            if self.needles.iter().any(|needle| needle.find(line).is_none()) {
                continue;
            }
            let Some(view) = View::of(line) else {
                self.found.unreadable += 1;
                continue;
            };
            if !self.any {
                self.any = true;
                self.last = position(line);
            }
            if self.filter.wants(&view) {
                if self.found.count == self.newest {
                    self.found.more = true;
                    over = true;
                    break;
                }
                first = offset;
                self.found.count += 1;
            }
            if self.filter.ends_before(&view) {
                over = true;
                break;
            }
        }
        if first < end {
            self.found.parts.push(Part { closed: None, file: file.try_clone()?, start: first, end });
        }
        Ok(over)
    }
}

impl Found {
    /// Calls back with every record, the oldest first.
    pub fn each(
        &mut self,
        filter: &Filter<'_>,
        each: &mut dyn FnMut(&[u8], &View<'_>),
    ) -> Result<(), AuditError> {
        let needles = filter.needles();
        for part in &mut self.parts {
            read_part(part, filter, &needles, each, &mut |_| {})
                .map_err(|error| AuditError::io("read", &self.log, error))?;
        }
        Ok(())
    }
}

/// Calls back with every matching record of a log, the oldest first, reading only the files and parts of files that can
/// have some. `progress` is told now and then how many of how many bytes are done.
pub fn scan(
    log: &Path,
    filter: &Filter<'_>,
    progress: &mut dyn FnMut(u64, u64),
    each: &mut dyn FnMut(&[u8], &View<'_>),
) -> Result<(), AuditError> {
    let io = |error| AuditError::io("read", log, error);
    let (mut parts, _) = open_all(log)?;
    let earliest = filter.since.and_then(|since| since.checked_sub(CLOCK_SLACK).ok());
    let latest = filter.until.and_then(|until| until.checked_add(CLOCK_SLACK).ok());
    for part in &mut parts {
        if let Some(earliest) = earliest {
            part.start = boundary(&part.file, part.end, earliest).map_err(io)?;
        }
        if let Some(latest) = latest {
            part.end = boundary(&part.file, part.end, latest).map_err(io)?;
        }
    }
    let needles = filter.needles();
    let all = parts.iter().map(|part| part.end.saturating_sub(part.start)).sum();
    let mut done = 0;
    for mut part in parts {
        read_part(&mut part, filter, &needles, each, &mut |at| progress(done + at, all)).map_err(io)?;
        done += part.end.saturating_sub(part.start);
    }
    progress(all, all);
    Ok(())
}

fn read_part(
    part: &mut Part,
    filter: &Filter<'_>,
    needles: &[Finder<'_>],
    each: &mut dyn FnMut(&[u8], &View<'_>),
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    part.file.seek(SeekFrom::Start(part.start))?;
    let length = part.end.saturating_sub(part.start);
    let reader = BufReader::with_capacity(FORWARD_BLOCK, Read::by_ref(&mut part.file).take(length));
    let mut lines = Lines::new(reader, 0);
    let (mut line, mut count) = (Vec::new(), 0_u32);
    loop {
        match lines.next(&mut line)? {
            Next::Line | Next::Unfinished => {}
            Next::TooLong => continue,
            Next::End => return Ok(()),
        }
        count += 1;
        if count.is_multiple_of(8192) {
            progress(lines.offset);
        }
        if needles.iter().all(|needle| needle.find(&line).is_some())
            && let Some(view) = View::of(&line)
            && filter.wants(&view)
        {
            each(&line, &view);
        }
    }
}

fn position(line: &[u8]) -> Option<(String, u64)> {
    let place = Place::of(line)?;
    place.position().map(|(chain, seq)| (chain.to_owned(), seq))
}

/// How many records a log has in which every one is of the newest one's chain: that one's number, then.
fn total(mut file: &File, newest: Option<(String, u64)>) -> std::io::Result<Option<u64>> {
    let Some((chain, seq)) = newest else { return Ok(None) };
    file.seek(SeekFrom::Start(0))?;
    let mut first = Vec::new();
    Lines::new(BufReader::new(file), 0).next(&mut first)?;
    Ok(position(&first).filter(|first| first.0 == chain && first.1 == 1).map(|_| seq))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Entry, EventType, append};
    use agentfirewall_sdk::{Action, RuleRef};
    use std::time::Duration;

    fn log(folder: &Path, start: &[u8]) -> PathBuf {
        let log = folder.join("log");
        std::fs::write(&log, start).unwrap();
        let rule = RuleRef::new("project", "no-push", 3);
        for number in 0..50 {
            let deny = number % 5 == 0;
            let entry = Entry {
                tool: if number % 2 == 0 { "Bash" } else { "mcp__x__y" },
                action: if deny { Action::Deny } else { Action::Allow },
                rule: deny.then_some(&rule),
                session: if number < 25 { "one" } else { "two" },
                ..Entry::new(EventType::PolicyCheck, Timestamp::from_second(1_800_000_000 + number).unwrap())
            };
            append(&log, &entry, Duration::from_secs(9)).unwrap();
        }
        log
    }

    fn seconds(log: &Path, filter: &Filter<'_>, newest: usize) -> (Vec<i64>, Found) {
        let mut found = find(log, filter, newest).unwrap();
        let mut times = Vec::new();
        found
            .each(filter, &mut |_, view| times.push(view.time().unwrap().as_second() - 1_800_000_000))
            .unwrap();
        (times, found)
    }

    #[test]
    fn newest_records_in_their_order_with_what_is_known_of_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path(), b"");
        let (times, found) = seconds(&log, &Filter::default(), 3);
        assert_eq!(times, [47, 48, 49]);
        assert_eq!((found.count, found.more, found.total), (3, true, Some(50)));
        let (times, found) = seconds(&log, &Filter::default(), 100);
        assert_eq!((times.len(), found.more, found.total), (50, false, Some(50)));
        assert_eq!(seconds(&log, &Filter::default(), 0).1.count, 0);
    }

    #[test]
    fn every_filter_filters() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path(), b"");
        let count = |filter: Filter<'_>| seconds(&log, &filter, 100).0.len();
        let time = |second: i64| Some(Timestamp::from_second(1_800_000_000 + second).unwrap());
        assert_eq!(count(Filter { tool: Some(&|tool| tool.starts_with("mcp")), ..Filter::default() }), 25);
        assert_eq!(count(Filter { action: Some("deny"), ..Filter::default() }), 10);
        assert_eq!(count(Filter { rule: Some("no-push"), ..Filter::default() }), 10);
        assert_eq!(count(Filter { rule: Some("other"), ..Filter::default() }), 0);
        assert_eq!(count(Filter { session: Some("two"), action: Some("deny"), ..Filter::default() }), 5);
        assert_eq!(count(Filter { since: time(10), until: time(12), ..Filter::default() }), 2);
    }

    #[test]
    fn the_original_s_records_are_found_and_lines_that_are_none_counted() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path(), include_bytes!("fixtures/original.jsonl"));
        let alert = Filter { action: Some("alert"), ..Filter::default() };
        assert_eq!(seconds(&log, &alert, 9).0.len(), 1);
        assert_eq!(seconds(&log, &Filter::default(), 9).1.total, None);
        let mut bytes = std::fs::read(&log).unwrap();
        bytes.extend_from_slice(b"garbage\n{\"torn\":");
        std::fs::write(&log, bytes).unwrap();
        let (times, found) = seconds(&log, &Filter::default(), 1000);
        assert_eq!((times.len(), found.unreadable), (54, 2));
    }

    #[test]
    fn a_time_filter_does_not_read_the_whole_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        for second in [0, 200_000, 300_000, 300_001] {
            let entry = Entry::new(EventType::PolicyCheck, Timestamp::from_second(second).unwrap());
            append(&log, &entry, Duration::from_secs(9)).unwrap();
        }
        let mut bytes = std::fs::read(&log).unwrap();
        bytes.splice(0..0, b"garbage\n".iter().copied());
        std::fs::write(&log, bytes).unwrap();
        let since = Filter { since: Timestamp::from_second(300_000).ok(), ..Filter::default() };
        let found = find(&log, &since, 100).unwrap();
        assert_eq!((found.count, found.unreadable), (2, 0), "the search stopped before the first line");
    }

    #[test]
    fn records_are_found_across_the_files_of_a_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("audit.jsonl");
        for second in 0..2000 {
            let action = if second % 100 == 0 { Action::Deny } else { Action::Allow };
            let entry = Entry { action, ..Entry::new(EventType::PolicyCheck, at(second * 3600)) };
            let rotation = crate::audit::Rotation { records: Some(300), ..Default::default() };
            crate::audit::append_rotating(&log, &entry, Duration::from_secs(9), &rotation).unwrap();
        }
        let cache = folder.path().join("cache");
        let times = |filter: &Filter<'_>, newest: usize| {
            let (mut found, mut scanned) = (Vec::new(), Vec::new());
            let hour = |view: &View<'_>| view.time().unwrap().as_second() / 3600;
            find(&log, filter, newest).unwrap().each(filter, &mut |_, view| found.push(hour(view))).unwrap();
            // Twice: the index is made, then read.
            for _ in 0..2 {
                let mut indexed = Vec::new();
                let mut seen = find_indexed(&log, filter, newest, Some(&cache)).unwrap();
                seen.each(filter, &mut |_, view| indexed.push(hour(view))).unwrap();
                assert_eq!(indexed, found);
            }
            scan(&log, filter, &mut |_, _| {}, &mut |_, view| scanned.push(hour(view))).unwrap();
            assert_eq!(found, scanned[scanned.len().saturating_sub(newest)..]);
            found
        };
        let deny = Filter { action: Some("deny"), ..Filter::default() };
        assert_eq!(times(&deny, 3), [1700, 1800, 1900]);
        assert_eq!(times(&deny, 1000).len(), 20);
        let some = Filter { since: Some(at(700 * 3600)), until: Some(at(1100 * 3600)), ..deny };
        assert_eq!(times(&some, 9), [700, 800, 900, 1000]);
        let short = Filter { since: Some(at(950 * 3600)), until: Some(at(960 * 3600)), ..Filter::default() };
        assert_eq!(times(&short, 99), (950..960).collect::<Vec<_>>());
        let found = find(&log, &Filter::default(), 5).unwrap();
        assert_eq!(found.total, Some(2000 + crate::audit::segments(&log).unwrap().len() as u64));
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_index_passes_over_blocks_and_is_made_again_for_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let log = folder.path().join("log");
        for number in 0..1500 {
            let session = format!("session-{}", number / 100);
            let parameters = serde_json::json!({"command": "x".repeat(700)});
            let entry = Entry { session: &session, ..Entry::new(EventType::PolicyCheck, at(number)) };
            append(&log, &entry.with_parameters(&parameters), Duration::from_secs(9)).unwrap();
        }
        let file = File::open(&log).unwrap();
        let all = blocks(&cache, &log, &file, &[]).unwrap();
        assert!(all.len() > 3 && all.last().unwrap().1 == file.metadata().unwrap().len());
        let some = blocks(&cache, &log, &file, &[(Kind::Session, "session-7")]).unwrap();
        assert!(!some.is_empty() && some.len() < all.len(), "{some:?} of {all:?}");
        assert!(blocks(&cache, &log, &file, &[(Kind::Rule, "session-7")]).unwrap().is_empty());
        append(
            &log,
            &Entry { session: "new", ..Entry::new(EventType::PolicyCheck, at(0)) },
            Duration::from_secs(9),
        )
        .unwrap();
        assert_eq!(blocks(&cache, &log, &file, &[(Kind::Session, "new")]).unwrap().len(), 1);
    }
}
