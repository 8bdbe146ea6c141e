//! One record as bytes: rendering, sealing with its hash, and taking a sealed line apart.

use std::io;

use agentfirewall_sdk::LocatedFinding;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

use super::entry::Entry;
use super::error::AuditError;
use super::hash::{Hash, is_hex};

/// The longest record that is written, in bytes. A longer one loses its parameters.
pub const MAX_RECORD: usize = 1 << 20;

const SEAL_START: &[u8] = br#","_hash":""#;
const SEAL_END: &[u8] = br#""}"#;
/// The length of `,"_hash":"<64 digits>"}`.
pub(crate) const SEAL: usize = SEAL_START.len() + 64 + SEAL_END.len();

/// The members of a record in the order in which they are written, without the hash.
pub(crate) const MEMBERS: [&str; 21] = [
    "v",
    "timestamp",
    "event_type",
    "chain",
    "seq",
    "prev",
    "tool_name",
    "action_taken",
    "rule",
    "reason",
    "suggestion",
    "would",
    "violations",
    "parameters",
    "session_id",
    "call_id",
    "agent",
    "subagent",
    "mode",
    "project",
    "metadata",
];

/// Where a record stands: its chain, its number and what is before it.
#[derive(Debug, Clone)]
pub(crate) struct Position {
    pub(crate) chain: String,
    pub(crate) seq: u64,
    pub(crate) prev: Hash,
}

/// The members before and after those that depend on the end of the log, so that the lock is held for nothing else.
#[derive(Debug)]
pub(crate) struct Rendered {
    front: Vec<u8>,
    back: Vec<u8>,
}

impl Rendered {
    /// Renders an entry, without its parameters if the record would be too long with them.
    pub(crate) fn new(entry: &Entry<'_>) -> Result<Self, AuditError> {
        let rendered = Self::with(entry, None)?;
        if rendered.len() <= MAX_RECORD {
            return Ok(rendered);
        }
        let mut parameters = Vec::new();
        json(&mut parameters, &entry.parameters)?;
        let rendered = Self::with(entry, Some(parameters.len()))?;
        if rendered.len() <= MAX_RECORD {
            return Ok(rendered);
        }
        Err(AuditError::TooLong { bytes: rendered.len() })
    }

    /// An upper bound of the line's length.
    fn len(&self) -> usize {
        // chain, seq and prev take at most 160 bytes with their names.
        self.front.len() + self.back.len() + 160 + SEAL
    }

    fn with(entry: &Entry<'_>, omitted: Option<usize>) -> Result<Self, AuditError> {
        let mut front = Vec::with_capacity(96);
        front.extend_from_slice(br#"{"v":1,"timestamp":""#);
        front.extend_from_slice(format!("{:.6}", entry.timestamp).as_bytes());
        front.extend_from_slice(br#"","event_type":""#);
        front.extend_from_slice(entry.event_type.as_str().as_bytes());
        front.push(b'"');

        let mut back = Members(Vec::with_capacity(1024));
        back.text("tool_name", entry.tool)?;
        back.text("action_taken", entry.action.as_str())?;
        back.member("rule", entry.rule)?;
        back.text("reason", entry.reason)?;
        back.text("suggestion", entry.suggestion.unwrap_or_default())?;
        back.text("would", entry.would.map_or("", |action| action.as_str()))?;
        let violations: Vec<_> = entry.findings.iter().map(Violation::from).collect();
        back.member("violations", (!violations.is_empty()).then_some(&violations))?;
        match omitted {
            Some(omitted) => back.member("parameters", Some(&Omitted { omitted }))?,
            None => back.member("parameters", entry.parameters)?,
        }
        back.text("session_id", entry.session)?;
        back.text("call_id", entry.call_id)?;
        back.text("agent", entry.agent)?;
        back.member("subagent", entry.subagent)?;
        back.text("mode", entry.mode)?;
        back.text("project", &entry.project)?;
        back.member("metadata", entry.metadata.filter(|metadata| !metadata.is_empty()))?;
        Ok(Self { front, back: back.0 })
    }

    /// Writes the whole line with its line break, and says its hash.
    pub(crate) fn seal(&self, position: &Position, out: &mut Vec<u8>) -> Hash {
        out.reserve(self.len());
        let start = out.len();
        out.extend_from_slice(&self.front);
        out.extend_from_slice(br#","chain":""#);
        out.extend_from_slice(position.chain.as_bytes());
        out.extend_from_slice(br#"","seq":"#);
        out.extend_from_slice(position.seq.to_string().as_bytes());
        out.extend_from_slice(br#","prev":""#);
        out.extend_from_slice(position.prev.bytes());
        out.push(b'"');
        out.extend_from_slice(&self.back);
        let body = out.get(start..).unwrap_or_default();
        let hash = Hash::of([position.prev.bytes(), body, b"}"]);
        out.extend_from_slice(SEAL_START);
        out.extend_from_slice(hash.bytes());
        out.extend_from_slice(SEAL_END);
        out.push(b'\n');
        hash
    }
}

/// A line without its line break, taken apart: what was hashed, up to its closing brace, and the stored hash. `None`
/// if it does not even have the outer form of a record.
pub(crate) fn split(line: &[u8]) -> Option<(&[u8], Hash)> {
    if line.first() != Some(&b'{') {
        return None;
    }
    let (body, seal) = line.split_at_checked(line.len().checked_sub(SEAL)?)?;
    Some((body, seal_hash(seal)?))
}

/// The hash in the last [`SEAL`] bytes of a line.
pub(crate) fn seal_hash(seal: &[u8]) -> Option<Hash> {
    Hash::parse(seal.strip_prefix(SEAL_START)?.strip_suffix(SEAL_END)?)
}

/// The hash that a body has after a previous hash.
pub(crate) fn hash_after(prev: &Hash, body: &[u8]) -> Hash {
    Hash::of([prev.bytes(), body, b"}"])
}

/// The members that place a record; the original's records have none of them.
#[derive(Debug, Deserialize)]
pub(crate) struct Place<'a> {
    #[serde(borrow, default)]
    pub(crate) chain: Option<&'a str>,
    #[serde(default)]
    pub(crate) seq: Option<u64>,
    #[serde(borrow, default)]
    pub(crate) prev: Option<&'a str>,
    #[serde(borrow, default)]
    pub(crate) event_type: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// Reads them; `None` if the line is not JSON or a member has another form than this version writes.
    pub(crate) fn of(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// The chain and the number, where both have the form this version writes.
    pub(crate) fn position(&self) -> Option<(&'a str, u64)> {
        let chain = self.chain.filter(|chain| chain.len() == 32 && chain.bytes().all(is_hex))?;
        Some((chain, self.seq?))
    }
}

/// The members before all others, as this version writes them, read without a JSON parser: where a record stands costs
/// the same however long it is. A record of another form (the original's) has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefix<'a> {
    pub(crate) timestamp: &'a [u8],
    pub(crate) event_type: &'a [u8],
    pub(crate) chain: &'a str,
    pub(crate) seq: u64,
    pub(crate) prev: Hash,
}

impl<'a> Prefix<'a> {
    /// Reads them from the beginning of a line.
    pub(crate) fn of(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_prefix(br#"{"v":1,"timestamp":""#)?;
        let (timestamp, rest) = plain(rest)?;
        let (event_type, rest) = plain(rest.strip_prefix(br#","event_type":""#)?)?;
        let (chain, rest) = plain(rest.strip_prefix(br#","chain":""#)?)?;
        if chain.len() != 32 || !chain.iter().copied().all(is_hex) {
            return None;
        }
        let rest = rest.strip_prefix(br#","seq":"#)?;
        let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
        let (seq, rest) = rest.split_at_checked(digits)?;
        let seq = std::str::from_utf8(seq).ok()?.parse().ok()?;
        let (prev, _) = rest.strip_prefix(br#","prev":""#)?.split_at_checked(64)?;
        let chain = std::str::from_utf8(chain).ok()?;
        Some(Self { timestamp, event_type, chain, seq, prev: Hash::parse(prev)? })
    }
}

/// A short text without escapes up to its quotation mark, and what follows that.
fn plain(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().take(64).position(|byte| matches!(byte, b'"' | b'\\'))?;
    let (text, rest) = text.split_at_checked(end)?;
    Some((text, rest.strip_prefix(b"\"")?))
}

struct Members(Vec<u8>);

impl Members {
    fn text(&mut self, name: &str, value: &str) -> Result<(), AuditError> {
        self.member(name, (!value.is_empty()).then_some(value))
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: Option<&T>) -> Result<(), AuditError> {
        let Some(value) = value else { return Ok(()) };
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
        json(&mut self.0, value)?;
        Ok(())
    }
}

#[derive(Serialize)]
struct Omitted {
    omitted: usize,
}

#[derive(Serialize)]
struct Violation<'a> {
    detector: &'a str,
    pointer: &'a str,
    severity: agentfirewall_sdk::Severity,
    confidence: agentfirewall_sdk::Confidence,
}

impl<'a> From<&'a LocatedFinding> for Violation<'a> {
    fn from(located: &'a LocatedFinding) -> Self {
        Self {
            detector: &located.finding.detector,
            pointer: &located.pointer,
            severity: located.finding.severity,
            confidence: located.finding.confidence,
        }
    }
}

/// An object of these members as the log writes one.
pub(crate) fn visible(members: &[(&String, &Value)]) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = vec![b'{'];
    for (name, value) in members {
        if out.len() > 1 {
            out.push(b',');
        }
        json(&mut out, name)?;
        out.push(b':');
        json(&mut out, value)?;
    }
    out.push(b'}');
    Ok(out)
}

fn json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), serde_json::Error> {
    value.serialize(&mut Serializer::with_formatter(out, Visible))
}

/// Whether a character controls a terminal, is invisible or changes the order in which others are shown.
pub const fn is_hidden(character: char) -> bool {
    matches!(character,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// Compact JSON in which every character that a terminal would act upon is escaped.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Below DEL nothing is left to escape: the serializer has done it. This is nearly every text.
        if fragment.bytes().all(|byte| byte < 0x7f) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut units = [0; 2];
        let mut utf8 = [0; 4];
        for character in fragment.chars() {
            if is_hidden(character) {
                for unit in character.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            } else {
                writer.write_all(character.encode_utf8(&mut utf8).as_bytes())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::EventType;
    use agentfirewall_sdk::{Action, AgentInfo, Confidence, Finding, RuleRef, Severity};
    use jiff::Timestamp;
    use serde_json::{Value, json};

    fn position() -> Position {
        Position { chain: "0123456789abcdef0123456789abcdef".to_owned(), seq: 7, prev: Hash::genesis() }
    }

    fn line_of(entry: &Entry<'_>) -> String {
        let mut out = Vec::new();
        Rendered::new(entry).unwrap().seal(&position(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_member_stands_where_the_format_says() {
        let rule = RuleRef::new("project", "no-push", 12);
        let mut finding = Finding::new(0..4, Confidence::High, Severity::Critical);
        finding.detector = "aws-key".to_owned();
        let findings = [LocatedFinding::new("/command", finding)];
        let parameters = json!({"command": "git push", "n": 1.5});
        let metadata = json!({"k": "v"});
        let subagent = AgentInfo { id: "a1".to_owned(), kind: "general-purpose".to_owned() };
        let entry = Entry {
            tool: "Bash",
            action: Action::Deny,
            rule: Some(&rule),
            reason: "no \"push\"",
            suggestion: Some("open a request"),
            would: Some(Action::Ask),
            findings: &findings,
            parameters: Some(&parameters),
            session: "s",
            call_id: "c",
            agent: "claude-code",
            subagent: Some(&subagent),
            mode: "plan",
            project: "/srv/app".into(),
            metadata: metadata.as_object(),
            ..Entry::new(EventType::PolicyCheck, Timestamp::new(1_795_000_000, 42_000).unwrap())
        };
        let line = line_of(&entry);
        let expected = concat!(
            r#"{"v":1,"timestamp":"2026-11-18T11:06:40.000042Z","event_type":"policy_check","#,
            r#""chain":"0123456789abcdef0123456789abcdef","seq":7,"#,
            r#""prev":"aeebad4a796fcc2e15dc4c6061b45ed9b373f26adfc798ca7d2d8cc58182718e","#,
            r#""tool_name":"Bash","action_taken":"deny","rule":{"layer":"project","name":"no-push","line":12},"#,
            r#""reason":"no \"push\"","suggestion":"open a request","would":"ask","#,
            r#""violations":[{"detector":"aws-key","pointer":"/command","severity":"critical","confidence":"high"}],"#,
            r#""parameters":{"command":"git push","n":1.5},"session_id":"s","call_id":"c","agent":"claude-code","#,
            r#""subagent":{"id":"a1","kind":"general-purpose"},"mode":"plan","project":"/srv/app","#,
            r#""metadata":{"k":"v"},"_hash":""#
        );
        assert_eq!(line.split_at(line.len() - 67).0, expected);
        let (body, stored) = split(line.trim_end().as_bytes()).unwrap();
        assert_eq!(hash_after(&Hash::genesis(), body), stored);
        // The list by which a store's copy is put in order again has them all.
        let record: Value = serde_json::from_str(&line).unwrap();
        let names: Vec<_> = record.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names.split_last(), Some((&"_hash", &MEMBERS[..])));
    }

    #[test]
    fn empty_members_are_left_out() {
        let line = line_of(&Entry::new(EventType::SessionStart, Timestamp::UNIX_EPOCH));
        let record: Value = serde_json::from_str(&line).unwrap();
        let names: Vec<_> = record.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["v", "timestamp", "event_type", "chain", "seq", "prev", "action_taken", "_hash"]);
    }

    #[test]
    fn text_that_drives_a_terminal_is_escaped_and_comes_back_whole() {
        let text = "ok é 你 \u{1b}[2J \u{9b}31m \u{202e}evil \u{7f} \u{e0041} \n end";
        let entry = Entry { reason: text, ..Entry::new(EventType::PolicyCheck, Timestamp::UNIX_EPOCH) };
        let line = line_of(&entry);
        assert!(!line.trim_end_matches('\n').chars().any(is_hidden), "{line}");
        assert!(line.contains("é 你"));
        let record: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(record["reason"], text);
    }

    #[test]
    fn a_record_that_is_too_long_loses_its_parameters_and_nothing_else() {
        let parameters = json!({"content": "x".repeat(MAX_RECORD)});
        let entry = Entry { reason: "kept", ..Entry::new(EventType::PolicyCheck, Timestamp::UNIX_EPOCH) }
            .with_parameters(&parameters);
        let line = line_of(&entry);
        let record: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(record["parameters"], json!({"omitted": MAX_RECORD + 14}));
        assert_eq!(record["reason"], "kept");
        let reason = "x".repeat(MAX_RECORD);
        let entry = Entry { reason: &reason, ..Entry::new(EventType::PolicyCheck, Timestamp::UNIX_EPOCH) };
        assert!(matches!(Rendered::new(&entry), Err(AuditError::TooLong { .. })));
    }

    #[test]
    fn only_a_sealed_line_is_taken_apart() {
        let line = line_of(&Entry::new(EventType::PolicyCheck, Timestamp::UNIX_EPOCH));
        let line = line.trim_end();
        assert!(split(line.as_bytes()).is_some());
        assert!(split(line.split_at(line.len() - 1).0.as_bytes()).is_none());
        assert!(split(line.split_at(1).1.as_bytes()).is_none());
        assert!(split(b"").is_none());
        assert!(split(b"{}").is_none());
    }
}
