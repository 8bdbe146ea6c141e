//! The detectors that are data: `data/rules/*.yaml`, compiled into tables when the crate is built.
//!
//! A rule has forms that are recognised alone, by an automaton where one of their literals begins, or forms of a value that
//! is recognised beside a name, or both. No regular expression is compiled in a process, and the work for one keyword in a
//! text has a bound.

mod automaton;
mod check;
pub(super) mod near;

use agentfirewall_sdk::keywords::{self, Keyword, KeywordIndex, KeywordTable};
use agentfirewall_sdk::{
    About, Confidence, Detector, Finding, Meta, PluginError, Rows, Scan, Severity, register_table,
};

use self::automaton::Automaton;
use super::public;
use super::text::{begins, blank, entropy, from, has_word, piece, repeated, typed, variety, word};

/// A piece of one of the tables: where it begins, and its length.
#[derive(Debug, Clone, Copy)]
struct Span(u32, u32);

/// One rule. Its fields are those of the file; see `data/rules/README.md`.
#[derive(Debug)]
struct Row {
    id: Span,
    /// Of [`WORDS`]: what begins a token.
    literals: Span,
    near: Span,
    /// How many of `near`, the first ones, are not among the literals.
    new: u32,
    with: Span,
    /// Whether `with` is the rule's own.
    narrowed: bool,
    /// Whether a value of another form beside the name is none of the vendor's.
    strict: bool,
    /// Words beside it that make it one for everybody.
    public: Span,
    /// The length of the shortest of its forms, in bytes.
    shortest: u16,
    token: Span,
    value: Span,
    /// Bits a character; 0 for the usual.
    entropy: f32,
    /// The number of a check, from 1; 0 for none.
    check: u8,
    off: bool,
    severity: Severity,
    confidence: Confidence,
    family: Span,
    summary: Span,
    why: Span,
    leaked: Span,
    source: Span,
    examples: Span,
    negatives: Span,
}

include!(concat!(env!("OUT_DIR"), "/rules.rs"));
static TEXT: &str = include_str!(concat!(env!("OUT_DIR"), "/rules.txt"));
static AUTOMATA: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rules.bin"));

impl Span {
    const fn range(self) -> std::ops::Range<usize> {
        self.0 as usize..self.0 as usize + self.1 as usize
    }

    fn text(self) -> &'static str {
        TEXT.get(self.range()).unwrap_or_default()
    }

    fn words(self) -> impl ExactSizeIterator<Item = &'static str> + Clone {
        self.placed().map(|(word, _)| word)
    }

    /// Words, each with its distance from the beginning of a match.
    fn placed(self) -> impl ExactSizeIterator<Item = (&'static str, usize)> + Clone {
        let words = WORDS.get(self.range()).unwrap_or_default().iter();
        words.map(|(word, distance)| (word.text(), usize::from(*distance)))
    }

    /// The same as a slice that stays: for the pages and the tests, which ask once.
    fn leaked(self) -> &'static [&'static str] {
        self.words().collect::<Vec<_>>().leak()
    }

    fn automaton(self) -> Option<Automaton<'static>> {
        AUTOMATA.get(self.range()).and_then(Automaton::new)
    }
}

/// How many keywords all rules have together that are not off.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, in the bounds of its loop")]
const KEYWORDS: usize = {
    let (mut count, mut number) = (0, 0);
    while number < ROWS.len() {
        if !ROWS[number].off {
            count += (ROWS[number].literals.1 + ROWS[number].new) as usize;
        }
        number += 1;
    }
    count
};

/// Their keywords, as [`Row::keywords`] gives them.
#[expect(
    clippy::cast_possible_truncation,
    reason = "lengths and numbers of rows are small; the index proves it"
)]
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, in the bounds of its loops")]
static LISTED: [Keyword; KEYWORDS] = {
    let mut listed = [(0, 0, 0, false); KEYWORDS];
    let (mut at, mut number) = (0, 0);
    while number < ROWS.len() {
        let row = &ROWS[number];
        let spans = [row.literals, Span(row.near.0, row.new)];
        let mut which = 0;
        while !row.off && which < spans.len() {
            let mut word = spans[which].0 as usize;
            while word < spans[which].range().end {
                let (Span(begin, length), distance) = WORDS[word];
                // What a token begins with says nothing inside another word, unless it is a name beside a value too.
                let mut anywhere = which == 1 || distance > 0;
                let mut name = row.near.0 as usize;
                while name < row.near.range().end {
                    let (Span(other, _), _) = WORDS[name];
                    anywhere = anywhere || other == begin;
                    name += 1;
                }
                listed[at] = (begin, length as u16, number as u16, anywhere);
                at += 1;
                word += 1;
            }
            which += 1;
        }
        number += 1;
    }
    listed
};

/// The keywords of the detectors that are code. With them the table's filter is that of all built-in detectors, and no process makes
/// one of its own.
const BESIDE: [&[&str]; 13] = [
    super::aws::AccessKey::KEYWORDS,
    super::aws::SecretKey::KEYWORDS,
    super::azure::ClientSecret::KEYWORDS,
    super::chat::DiscordBot::KEYWORDS,
    super::chat::Telegram::KEYWORDS,
    super::connection::ConnectionString::KEYWORDS,
    super::generic::GenericAssignment::KEYWORDS,
    super::github::GitHub::KEYWORDS,
    super::google::ServiceAccount::KEYWORDS,
    super::header::AuthorizationHeader::KEYWORDS,
    super::jwt::Jwt::KEYWORDS,
    super::private_key::PrivateKey::KEYWORDS,
    super::twilio::Twilio::KEYWORDS,
];

static INDEX: KeywordTable<KEYWORDS> = KeywordTable::of(&LISTED, TEXT).and_let_through(&BESIDE);

/// The first eight bytes of every id and a hash of the others, side by side: an id is looked for in a few lines of the cache, and one
/// that no row has is told from all that begin alike without reading rows.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, in the bounds of its loops")]
static STARTS: [(u64, u64); ROWS.len()] = {
    let mut starts = [(0, 0); ROWS.len()];
    let mut number = 0;
    while number < ROWS.len() {
        starts[number] = start(TEXT.as_bytes(), ROWS[number].id);
        number += 1;
    }
    starts
};

/// The first eight bytes of a piece, as a number that compares as they do, and the FNV-1a hash of the others.
#[expect(clippy::indexing_slicing, reason = "a piece is in its text")]
const fn start(text: &[u8], piece: Span) -> (u64, u64) {
    let (mut number, mut hash, mut at) = (0, 0xcbf2_9ce4_8422_2325_u64, 0);
    while at < 8 || at < piece.1 as usize {
        let byte = if at < piece.1 as usize { text[piece.0 as usize + at] } else { 0 };
        if at < 8 {
            number = number << 8 | byte as u64;
        } else {
            hash = (hash ^ byte as u64).wrapping_mul(0x100_0000_01b3);
        }
        at += 1;
    }
    (number, hash)
}

impl Row {
    /// What is found. A key for everybody is recorded and stops nothing.
    fn finding(&self, bytes: &[u8], found: std::ops::Range<usize>, confidence: Confidence) -> Finding {
        let words: Vec<&str> = self.public.words().collect();
        if public::beside(bytes, found.start, found.end, &words) {
            return Finding::new(found, confidence.min(Confidence::Low), Severity::Info);
        }
        Finding::new(found, confidence, self.severity)
    }

    fn keywords(&self) -> impl Iterator<Item = &'static str> {
        self.literals.words().chain(Span(self.near.0, self.new).words())
    }
}

/// All rules.
#[derive(Debug)]
struct Rules;

static RULES: Rules = Rules;

register_table! { RULES }

fn row(number: u16) -> Option<&'static Row> {
    ROWS.get(usize::from(number))
}

impl Rows for Rules {
    fn count(&self) -> u16 {
        u16::try_from(ROWS.len()).unwrap_or(u16::MAX)
    }

    fn id(&self, number: u16) -> &'static str {
        row(number).map_or("", |row| row.id.text())
    }

    fn row(&self, id: &str) -> Option<u16> {
        let length = u32::try_from(id.len()).ok()?;
        let wanted = start(id.as_bytes(), Span(0, length));
        let first = STARTS.partition_point(|start| start.0 < wanted.0);
        let alike = STARTS.iter().enumerate().skip(first).take_while(|(_, start)| start.0 == wanted.0);
        let mut found = alike.filter(|(_, start)| **start == wanted);
        found.find_map(|(at, _)| u16::try_from(at).ok().filter(|number| self.id(*number) == id))
    }

    fn keyword(&self, number: u16, index: usize) -> Option<&'static str> {
        let row = row(number)?;
        row.keywords().nth(index)
    }

    fn index(&self) -> Option<KeywordIndex> {
        Some(INDEX.index(TEXT))
    }

    fn off(&self, number: u16) -> bool {
        row(number).is_some_and(|row| row.off)
    }

    fn meta(&self, number: u16) -> Meta {
        let Some(row) = row(number) else {
            return Meta {
                id: "",
                summary: "",
                why: "",
                examples: &[],
                negatives: &[],
                keywords: &[],
                since: "",
            };
        };
        Meta {
            id: row.id.text(),
            summary: row.summary.text(),
            why: row.why.text(),
            examples: row.examples.leaked(),
            negatives: row.negatives.leaked(),
            keywords: row.keywords().collect::<Vec<_>>().leak(),
            since: "0.2.0",
        }
    }

    fn about(&self, number: u16) -> About {
        let Some(row) = row(number) else { return About::default() };
        let mut about = About::of_family(row.family.text());
        about.leaked = row.leaked.text();
        about.source = row.source.text();
        about.severity = Some(row.severity);
        about.confidence = Some(if row.token.1 == 0 { near::CONFIDENCE } else { row.confidence });
        about
    }

    fn build(&self, number: u16) -> Result<Box<dyn Detector>, PluginError> {
        Ok(Box::new(Rule::of(number)?))
    }

    fn detect(&self, number: u16, scan: &mut Scan<'_>) -> Result<(), PluginError> {
        Rule::of(number)?.detect(scan)
    }

    fn fingerprint(&self) -> u64 {
        FINGERPRINT
    }
}

/// The detector of one rule.
struct Rule {
    row: &'static Row,
    value: Option<Automaton<'static>>,
}

impl Detector for Rule {
    fn detect(&self, scan: &mut Scan<'_>) -> Result<(), PluginError> {
        let bytes = scan.text().as_bytes();
        // Words of one name lead to one value.
        let mut done = 0;
        for &at in scan.hits() {
            if let Some(finding) = self.token(bytes, at) {
                scan.report(finding);
                continue;
            }
            let Some(value) = &self.value else { continue };
            for name in self.row.near.words().filter(|name| stands(bytes, at, name)) {
                let Some(found) = near::find(bytes, at..at + name.len(), &Listed { row: self.row, value })
                else {
                    continue;
                };
                if found.start >= done {
                    done = found.end;
                    scan.report(self.row.finding(bytes, found, near::CONFIDENCE));
                }
                break;
            }
        }
        Ok(())
    }
}

impl Rule {
    fn of(number: u16) -> Result<Self, PluginError> {
        let row = row(number).ok_or_else(|| PluginError::new("the table has no such row"))?;
        Ok(Self { row, value: row.value.automaton() })
    }

    /// A form that is recognised alone, one of whose literals is here.
    fn token(&self, bytes: &[u8], here: usize) -> Option<Finding> {
        let mut literals = self.row.literals.placed().filter(|(word, _)| stands(bytes, here, word));
        // Of literals of which one begins another the longer one says what is drawn at random.
        let (mut literal, distance) = literals.next()?;
        for (word, same) in literals {
            literal = if same == distance && word.len() > literal.len() { word } else { literal };
        }
        let at = here.checked_sub(distance)?;
        let begun = begins(bytes, at);
        if !begun && !subdomain(bytes, at) {
            return None;
        }
        let end = at + self.row.token.automaton()?.longest(from(bytes, at))?;
        let token = piece(bytes, at, end);
        if !(begun || is_address(token)) || bytes.get(end).is_some_and(|next| word(*next)) {
            return None;
        }
        let drawn = token.get(distance + literal.len()..).unwrap_or_default();
        let body = without_numbers(if drawn.len() >= 8 { drawn } else { token });
        // Of one character throughout somebody means it as a specimen; stretches of one between others are a masked token.
        let typed = typed(body);
        if repeated(body) && variety(body) > 3 {
            return None;
        }
        // What was typed behind an unmistakable literal is reported, and stops nothing.
        if blank(body)
            || (typed && self.row.confidence < Confidence::High)
            || (self.row.entropy > 0.0 && entropy(body) < self.row.entropy)
        {
            return None;
        }
        let most = if typed { Confidence::Medium } else { self.row.confidence };
        let confidence = check::judge(self.row.check, token)?.min(most);
        Some(self.row.finding(bytes, at..end, confidence))
    }
}

/// Whether a token begins with the name of a host and goes on with a path.
fn is_address(token: &[u8]) -> bool {
    let host = token.split(|byte| *byte == b'/').next().unwrap_or_default();
    host.len() < token.len() && host.contains(&b'.')
}

/// Whether a token that begins here belongs to the name of a host before it: `acme.` of `acme.webhook.office.com`.
fn subdomain(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(2).map(|start| piece(bytes, start, at));
    matches!(before, Some([byte, b'.']) if byte.is_ascii_alphanumeric())
}

/// What is drawn at random of a token in which numbers of accounts stand first: `2-511111111-31111111111-` of a Slack token
/// says nothing of what follows.
fn without_numbers(body: &[u8]) -> &[u8] {
    let mut rest = body;
    while let Some(end) = rest.iter().position(|byte| *byte == b'-') {
        let (number, behind) = rest.split_at_checked(end + 1).unwrap_or((rest, &[]));
        if behind.len() < 12 || !number.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-') {
            break;
        }
        rest = behind;
    }
    rest
}

/// The form of a row's values.
struct Listed<'r> {
    row: &'static Row,
    value: &'r Automaton<'static>,
}

impl near::Form for Listed<'_> {
    fn longest(&self, bytes: &[u8]) -> Option<usize> {
        self.value.longest(bytes)
    }

    fn next(&self, bytes: &[u8], at: usize, limit: usize) -> Option<usize> {
        self.value.next(bytes, at, limit)
    }

    fn entropy(&self) -> f32 {
        self.row.entropy
    }

    fn accepts(&self, value: &[u8]) -> bool {
        check::judge(self.row.check, value).is_some()
    }

    fn telling(&self, context: &[u8]) -> Option<bool> {
        let mut words = self.row.with.words();
        self.row.narrowed.then(|| words.len() == 0 || words.any(|word| has_word(context, &[word])))
    }
}

/// Whether a word stands at a place, whatever its ASCII case.
pub(super) fn stands(bytes: &[u8], at: usize, word: &str) -> bool {
    keywords::stands(bytes, at, word.as_bytes())
}

/// Whether a value is none of the secrets that it looks like or that its name asks for: it begins as a vendor's token does and
/// is too short for one, or its name is that of a vendor whose secrets all have a form and it has none.
pub(super) fn disowned(name: &[u8], value: &[u8]) -> bool {
    let has_form = |row: &Row| {
        let whole = |span: Span| span.automaton().and_then(|forms| forms.longest(value)) == Some(value.len());
        whole(row.value) || whole(row.token)
    };
    let mut malformed = false;
    for row in ROWS {
        let named = row.near.words().any(|word| has_word(name, &[word]));
        let begun = row.literals.placed().any(|(literal, distance)| {
            distance == 0 && (literal.len() >= LITERAL || named) && stands(value, 0, literal)
        });
        let short = value.len() < usize::from(row.shortest);
        if (named && row.strict) || (begun && short) {
            if has_form(row) {
                return false;
            }
            malformed = true;
        }
    }
    malformed
}

/// The length from which on a literal is nobody's but its vendor's.
const LITERAL: usize = 4;

#[cfg(test)]
mod tests;
