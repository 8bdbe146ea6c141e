//! Asks matchers and detectors as the host does, with a net below.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use super::specimen::{Maker, Specimen};
use super::told::{self, Past, Told};
use crate::{
    Access, Anchors, Confidence, Detector, Fact, History, Matcher, PartKind, PluginError, Scan, Severity,
    Subject, ToolCall,
};

/// Above this length (in bytes) a matcher is asked about a text as a command only, not as every kind of part.
pub(super) const LONG: usize = 64 * 1024;

/// What a plugin did instead of answering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It panicked, here or behind the border.
    Panic(String),
    /// It returned an error.
    Error(String),
    /// It reported a place that is empty, outside the text or inside a character.
    Place { start: usize, end: usize, length: usize },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic(message) => write!(f, "panics: {message}"),
            Self::Error(message) => write!(f, "returns the error `{message}`"),
            Self::Place { start, end, length } => {
                write!(f, "reports bytes {start}..{end} of {length}, which is no place in the text")
            }
        }
    }
}

/// Runs a plugin's code.
pub(super) fn guarded<T>(run: impl FnOnce() -> Result<T, PluginError>) -> Result<T, Trouble> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            let message = error.to_string();
            Err(match message.strip_prefix(PluginError::PANICKED) {
                Some(panic) => Trouble::Panic(panic.to_owned()),
                None => Trouble::Error(message),
            })
        }
        Err(payload) => Err(Trouble::Panic(PluginError::new(panic_message(payload)).to_string())),
    }
}

pub(super) fn panic_message(payload: Box<dyn Any + Send>) -> String {
    crate::plugin::panic_message(payload).unwrap_or_else(|| "without a message".to_owned())
}

/// A matcher or a detector that was made.
pub(super) enum Judge<'s> {
    Matcher { made: Box<dyn Matcher>, config: String },
    Detector { made: Box<dyn Detector>, keywords: &'s [String] },
}

/// What it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// One entry for each subject a text was shown as.
    Matches(Vec<bool>),
    /// Where secrets stand.
    Places(Vec<(usize, usize, Confidence, Severity)>),
}

impl Answer {
    /// How many matches or findings there are.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Matches(matches) => matches.iter().filter(|matched| **matched).count(),
            Self::Places(places) => places.len(),
        }
    }

    pub(super) fn is_yes(&self) -> bool {
        self.count() > 0
    }

    /// How many findings are sure enough to be told to somebody.
    pub(super) fn alarms(&self) -> usize {
        match self {
            Self::Matches(_) => 0,
            Self::Places(places) => places.iter().filter(|place| place.2 > Confidence::Low).count(),
        }
    }
}

/// A text as the host would put it. Made apart from the answer, so that the time of the answer is the plugin's.
#[derive(Debug)]
pub(super) struct Question<'t> {
    text: Cow<'t, str>,
    /// Where a detector's keywords begin; nothing where the host would not ask it at all.
    hits: Option<Vec<usize>>,
    subjects: Vec<Asked>,
}

/// What a text is shown as.
#[derive(Debug)]
struct Asked {
    number: u64,
    call: ToolCall,
    kind: PartKind,
    access: Access,
    fact: Option<Fact>,
    past: Option<Arc<Past>>,
}

impl<'s> Judge<'s> {
    pub(super) fn new(specimen: &'s Specimen, config: &str) -> Result<Self, Trouble> {
        guarded(|| match specimen.maker() {
            Maker::Matcher(make) => Ok(Self::Matcher { made: make(config)?, config: config.to_owned() }),
            Maker::Detector(make) => {
                Ok(Self::Detector { made: make(config)?, keywords: &specimen.item().keywords })
            }
            Maker::Sink(_) => Err(PluginError::new("a sink judges nothing")),
        })
    }

    /// The configuration that it was made from.
    pub(super) fn config(&self) -> &str {
        match self {
            Self::Matcher { config, .. } => config,
            Self::Detector { .. } => "{}",
        }
    }

    /// The host's question about a text.
    pub(super) fn question<'t>(&self, text: &'t str) -> Question<'t> {
        match self {
            Self::Matcher { .. } => Question { text: shown(text), hits: None, subjects: subjects(text) },
            Self::Detector { keywords, .. } => {
                let asked_always = keywords.iter().all(String::is_empty);
                let hits = hits(text, keywords);
                let hits = (asked_always || !hits.is_empty()).then_some(hits);
                Question { text: Cow::Borrowed(text), hits, subjects: Vec::new() }
            }
        }
    }

    /// The same, about the first subject only: that is what one question costs.
    pub(super) fn single<'t>(&self, text: &'t str) -> Question<'t> {
        let mut question = self.question(text);
        question.subjects.truncate(1);
        question
    }

    pub(super) fn answer(&self, question: &Question<'_>) -> Result<Answer, Trouble> {
        let text = question.text.as_ref();
        match self {
            Self::Matcher { made, .. } => guarded(|| {
                question
                    .subjects
                    .iter()
                    .map(|asked| {
                        let subject = Subject::new(&asked.call, asked.kind, text, asked.access);
                        let history = asked.past.as_deref().map(|past| past as &dyn History);
                        let subject = subject.with_fact(asked.fact.as_ref()).with_history(history);
                        made.matches(&subject.numbered(asked.number))
                    })
                    .collect::<Result<_, _>>()
                    .map(Answer::Matches)
            }),
            Self::Detector { made, .. } => {
                let mut findings = Vec::new();
                if let Some(hits) = &question.hits {
                    guarded(|| made.detect(&mut Scan::new(text, hits, &mut findings)))?;
                }
                let places = findings.into_iter().map(|finding| {
                    let (start, end) = (finding.span.start, finding.span.end);
                    if text.get(finding.span).is_none_or(str::is_empty) {
                        return Err(Trouble::Place { start, end, length: text.len() });
                    }
                    Ok((start, end, finding.confidence, finding.severity))
                });
                places.collect::<Result<_, _>>().map(Answer::Places)
            }
        }
    }

    pub(super) fn ask(&self, text: &str) -> Result<Answer, Trouble> {
        self.answer(&self.question(text))
    }

    /// The literals of which a matcher promises one in every match; nothing if it promises nothing.
    pub(super) fn anchors(&self) -> Result<Option<Vec<String>>, Trouble> {
        let Self::Matcher { made, .. } = self else { return Ok(None) };
        guarded(|| {
            Ok(match made.anchors() {
                Anchors::Always => None,
                // The host takes no anchor that short.
                Anchors::AnyOf(literals) if literals.iter().any(|literal| literal.len() < 2) => None,
                Anchors::AnyOf(literals) => Some(literals),
            })
        })
    }
}

/// Where any of the keywords begins, in ascending order, without ASCII case.
pub(super) fn hits(text: &str, keywords: &[String]) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut begins = [false; 256];
    for first in keywords.iter().filter_map(|keyword| keyword.bytes().next()) {
        for byte in [first.to_ascii_lowercase(), first.to_ascii_uppercase()] {
            if let Some(mark) = begins.get_mut(usize::from(byte)) {
                *mark = true;
            }
        }
    }
    let begins_here = |at: usize| {
        keywords.iter().any(|keyword| {
            !keyword.is_empty()
                && bytes
                    .get(at..at + keyword.len())
                    .is_some_and(|here| here.eq_ignore_ascii_case(keyword.as_bytes()))
        })
    };
    let mut hits = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        if begins.get(usize::from(*byte)).is_some_and(|mark| *mark) && begins_here(at) {
            hits.push(at);
        }
    }
    hits
}

/// The text a matcher is shown: where an example is a whole call, its most telling parameter; where it is a fact, the
/// text of the part that the fact is of.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    match told::of(text) {
        None => Cow::Borrowed(text),
        Some(Told::Call(call, _)) => {
            let telling =
                ["command", "file_path", "path", "url"].into_iter().find_map(|name| call.text(name));
            Cow::Owned(telling.unwrap_or(&call.tool).to_owned())
        }
        Some(Told::Part(part)) => Cow::Owned(part.text),
    }
}

/// A text as every kind of part that has a text.
fn subjects(text: &str) -> Vec<Asked> {
    const ACCESSES: [Access; 5] =
        [Access::Unknown, Access::Read, Access::Write, Access::Delete, Access::Execute];
    static NUMBER: AtomicU64 = AtomicU64::new(1);

    let next = || NUMBER.fetch_add(1, Ordering::Relaxed);
    let (whole, past) = match told::of(text) {
        Some(Told::Part(part)) => {
            return vec![Asked {
                number: next(),
                call: part.call,
                kind: part.kind,
                access: part.access,
                fact: Some(part.fact),
                past: None,
            }];
        }
        Some(Told::Call(call, past)) => (Some(*call), past.map(Arc::new)),
        None => (None, None),
    };
    let asked = |number, call: &ToolCall, kind, access| Asked {
        number,
        call: call.clone(),
        kind,
        access,
        fact: None,
        past: past.clone(),
    };
    let call = |made: ToolCall| (next(), whole.clone().unwrap_or(made));
    let (number, command) = call(ToolCall::new("Bash", json!({"command": text})));
    let mut subjects = vec![asked(number, &command, PartKind::Command, Access::Unknown)];
    if text.len() > LONG {
        return subjects;
    }
    subjects.push(asked(number, &command, PartKind::Script, Access::Unknown));
    for (tool, parameter, kind) in [
        (text, "text", PartKind::Tool),
        ("mcp__server__tool", "text", PartKind::Call),
        ("WebFetch", "url", PartKind::Host),
    ] {
        let (number, made) = call(ToolCall::new(tool, json!({parameter: text})));
        subjects.push(asked(number, &made, kind, Access::Unknown));
    }
    let (number, file) = call(ToolCall::new("Write", json!({"file_path": text, "content": ""})));
    subjects.extend(ACCESSES.map(|access| asked(number, &file, PartKind::Path, access)));
    subjects
}
