//! Texts to ask about, the same in every run.

use std::borrow::Cow;

use super::asking::hits;
use super::judging::example_texts;
use crate::{Item, Kind};

/// A generator of numbers that are always the same (SplitMix64, public domain by Sebastiano Vigna).
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of several; nothing of none.
    pub(super) fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let length = u64::try_from(all.len()).ok().filter(|length| *length > 0)?;
        all.get(usize::try_from(self.next() % length).ok()?)
    }
}

/// A text and what it is, for the report.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub what: Cow<'static, str>,
    pub text: Cow<'a, str>,
}

impl<'a> Text<'a> {
    fn new(what: impl Into<Cow<'static, str>>, text: impl Into<Cow<'a, str>>) -> Self {
        Self { what: what.into(), text: text.into() }
    }
}

/// What all items are asked about. Made once: the long texts take longer to make than to judge.
#[derive(Debug)]
pub(super) struct Corpus {
    /// The lengths, in bytes, at which time is measured: each sixteen times the one before.
    pub lengths: &'static [u32],
    /// Ordinary text of each of these lengths.
    pub ordinary: Vec<String>,
    hostile: Vec<Text<'static>>,
    thorough: bool,
}

impl Corpus {
    pub(super) fn new(thorough: bool) -> Self {
        let lengths: &[u32] = if thorough { &[4 << 10, 64 << 10, 1 << 20] } else { &[1 << 10, 16 << 10] };
        let ordinary = lengths.iter().map(|length| ordinary(*length as usize)).collect();
        let unit = if thorough { 1 << 20 } else { 4 << 10 };
        Self { lengths, ordinary, hostile: hostile(unit), thorough }
    }

    /// Texts that an item has to survive, with what it looks for in them.
    pub(super) fn against<'a>(&'a self, item: &'a Item) -> Vec<Text<'a>> {
        let mut texts: Vec<Text<'a>> =
            self.hostile.iter().map(|text| Text::new(text.what.clone(), text.text.as_ref())).collect();
        let triggers = triggers(item);
        if let Some(trigger) = triggers.first() {
            let behind = self.hostile.iter().map(|text| {
                Text::new(format!("{} behind a keyword", text.what), format!("{trigger}{}", text.text))
            });
            texts.extend(behind);
        }
        let soup_length = if self.thorough { 1 << 20 } else { 8 << 10 };
        texts.push(Text::new("keywords in disorder", soup(item, soup_length)));
        for trigger in triggers {
            neighbours(trigger, &mut texts);
        }
        for example in example_texts(item) {
            truncated(example, self.thorough, &mut texts);
            if item.kind == Kind::Detector {
                disturbed(example, &item.keywords, &mut texts);
            }
        }
        texts
    }

    /// A few short texts of each sort.
    pub(super) fn sample<'a>(&'a self, item: &'a Item) -> Vec<Text<'a>> {
        let mut texts = vec![Text::new("keywords in disorder", soup(item, 4 << 10))];
        texts.extend(self.ordinary.first().map(|text| Text::new("ordinary text", text.as_str())));
        texts.extend(example_texts(item).map(|text| Text::new("an example", text)));
        let negatives =
            item.negatives.iter().map(|case| Text::new("a negative", super::judging::text_of(item, case)));
        texts.extend(negatives);
        texts
    }
}

/// What makes the host ask about a text: a detector's keywords; the examples of what has none.
fn triggers(item: &Item) -> Vec<&str> {
    let keywords = item.keywords.iter().map(String::as_str).filter(|keyword| !keyword.is_empty());
    match item.kind {
        Kind::Detector if item.keywords.iter().any(|keyword| !keyword.is_empty()) => keywords.collect(),
        _ => example_texts(item).collect(),
    }
}

/// Triggers over and over, in any case and with anything in between.
pub(super) fn soup(item: &Item, length: usize) -> String {
    const BETWEEN: [&str; 16] =
        ["", "", " ", "\n", "=", ":", "\"", "'", ": \"", "_", "-", "/", "a", "0", "é", "A1b2C3d4E5f6G7h8"];
    let triggers = triggers(item);
    let mut random = Random::new(7);
    let mut soup = String::with_capacity(length + 128);
    while soup.len() < length {
        let Some(trigger) = random.pick(&triggers) else { break };
        match random.next() % 4 {
            0 => soup.push_str(&trigger.to_ascii_uppercase()),
            1 => soup.push_str(&trigger.to_ascii_lowercase()),
            _ => soup.push_str(trigger),
        }
        soup.push_str(random.pick(&BETWEEN).copied().unwrap_or_default());
    }
    cut(soup, length)
}

fn neighbours<'a>(trigger: &'a str, texts: &mut Vec<Text<'a>>) {
    const NEIGHBOURS: [&str; 16] = [
        "é",
        "漢",
        "🦀",
        "\u{301}",
        "\u{0}",
        "\u{feff}",
        "\u{10ffff}",
        "\"",
        "=",
        "\n",
        "\r\n",
        " ",
        "-",
        "_",
        "0",
        "\\",
    ];
    texts.push(Text::new("a keyword alone", trigger));
    texts.push(Text::new("a keyword in upper case", trigger.to_ascii_uppercase()));
    for beside in NEIGHBOURS {
        for text in [
            format!("{trigger}{beside}"),
            format!("{beside}{trigger}"),
            format!("{beside}{trigger}{beside}{trigger}{beside}"),
            format!("{trigger}{}", beside.repeat(300)),
        ] {
            texts.push(Text::new(format!("a keyword beside `{}`", beside.escape_default()), text));
        }
    }
}

/// Every beginning and every end of an example, or some of each.
fn truncated<'a>(example: &'a str, thorough: bool, texts: &mut Vec<Text<'a>>) {
    let most = if thorough { 4096 } else { 48 };
    let places: Vec<usize> = example.char_indices().map(|(at, _)| at).collect();
    let step = places.len().div_ceil(most).max(1);
    for at in places.into_iter().step_by(step) {
        if let Some((begin, end)) = example.split_at_checked(at) {
            texts.push(Text::new("a truncated example", begin));
            texts.push(Text::new("the end of an example", end));
        }
    }
}

/// An example with characters of several bytes at its keywords.
fn disturbed(example: &str, keywords: &[String], texts: &mut Vec<Text<'_>>) {
    for mark in ["é", "🦀", "\u{301}"] {
        let (mut before, mut after, mut rest) = (String::new(), String::new(), 0);
        for at in hits(example, keywords) {
            let piece = example.get(rest..at).unwrap_or_default();
            before.push_str(piece);
            before.push_str(mark);
            let mut characters = piece.chars();
            after.extend(characters.next());
            if rest > 0 {
                after.push_str(mark);
            }
            after.push_str(characters.as_str());
            rest = at;
        }
        let tail = example.get(rest..).unwrap_or_default();
        before.push_str(tail);
        let mut characters = tail.chars();
        after.extend(characters.next());
        after.push_str(mark);
        after.push_str(characters.as_str());
        texts.push(Text::new("an example with wide characters before its keywords", before));
        texts.push(Text::new("an example with wide characters inside its keywords", after));
    }
}

fn hostile(unit: usize) -> Vec<Text<'static>> {
    let few = unit / 16;
    let long_line: String = ordinary(unit / 2).chars().map(|c| if c == '\n' { ' ' } else { c }).collect();
    let controls: String = (0..32_u8).chain([127]).map(char::from).collect();
    let mut texts = vec![
        Text::new("the empty text", ""),
        Text::new("one character", "a"),
        Text::new("one character over and over", "a".repeat(unit)),
        Text::new("random characters", noise(4 * unit)),
        Text::new("a very long line", long_line),
        Text::new("control characters", controls.repeat(few / 33 + 1)),
        Text::new(
            "characters at the edge of Unicode",
            "\u{10ffff}\u{fffd}\u{fffe}\u{d7ff}\u{e000}".repeat(few / 16 + 1),
        ),
        Text::new("emoji", "👩‍👩‍👧‍👦🏳️‍🌈🦀".repeat(few / 40 + 1)),
        Text::new("combining marks", format!("e{}", "\u{301}".repeat(few / 2))),
        Text::new("writing from right to left", "\u{202e}שלום\u{202c} ".repeat(few / 16 + 1)),
        Text::new("open brackets and quotes", "{[(<\"'`".repeat(few / 7 + 1)),
        Text::new("line breaks of every kind", "\r\n\n\r\u{2028}\u{85}".repeat(few / 8 + 1)),
    ];
    let repeated =
        ["A", "0", "é", "漢", " ", "\n", "\t", "\u{0}", "\"", "\\", "=", "-", "/", ".", "{", "%41", "=\""];
    for character in repeated {
        let what = format!("`{}` over and over", character.escape_default());
        texts.push(Text::new(what, character.repeat(few / character.len())));
    }
    texts
}

/// Random bytes, of which those that are no UTF-8 became U+FFFD.
fn noise(length: usize) -> String {
    let mut random = Random::new(3);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    cut(String::from_utf8_lossy(&bytes).into_owned(), length)
}

/// Source code, data and prose as an agent reads and writes them. No line looks like a secret.
fn ordinary(length: usize) -> String {
    const LINES: [&str; 30] = [
        "use crate::@::{@, @};",
        "    let @ = self.@.iter().filter(|@| @.len() > #).collect::<Vec<_>>();",
        "pub fn @(&self, @: &str, token: usize) -> Result<@, Error> {",
        "    // The key of the map is the @'s name, and @ comes first.",
        "}",
        "",
        "def @(self, @: str = None, key=lambda @: @.@):",
        "    \"\"\"Return the @ of every @, or #.\"\"\"",
        "    return [@ for @ in self.@ if @ is not None]",
        "import { @, @ } from './@/@';",
        "export const @ = async ({ @, @ }) => await fetch(`/api/@/${@}?page=#`);",
        "{\"id\": #, \"name\": \"@ @\", \"@\": [#, #, #], \"enabled\": true, \"@\": null}",
        "- name: @",
        "  run: cargo test --package @ -- --test-threads #",
        "  with: { path: ~/.cache/@, key: \"${{ runner.os }}-@-${{ hashFiles('**/*.lock') }}\" }",
        "[@.@]",
        "version = \"1.#.#\"",
        "2026-01-02T03:04:05Z INFO @: @ finished in # ms, # of # done",
        "ERROR @/@.rs:#:# cannot find value `@` in this scope",
        "## @ and @",
        "The @ reads the @ before the @ is opened; see [@](https://docs.example.com/@/@.html#@).",
        "SELECT @.id, @.@ FROM @ JOIN @ ON @.id = @.@_id WHERE @.count > # ORDER BY @;",
        "$ git log --oneline -# -- @/@ && ls -la @ | grep -v @ > /tmp/@.txt",
        "<div class=\"@ @\" id=\"@-#\"><a href=\"/@/#\">@</a></div>",
        "  password: ${{ inputs.@ }}",
        "static int @_@(struct @ *@, size_t @) { return @->@ + #; }",
        "größer, naïve, 漢字 und 🦀: @ → @",
        "@@ -#,# +#,# @@",
        "a3f5c1d4e7b8 @ refactor the @ of @ (#)",
        "expect(@.@).toEqual({ @: '@', @: # });",
    ];
    const WORDS: [&str; 32] = [
        "buffer", "index", "parser", "config", "request", "response", "handler", "user", "session", "value",
        "node", "tree", "cache", "queue", "worker", "stream", "path", "file", "name", "kind", "state",
        "event", "policy", "rule", "report", "item", "error", "result", "table", "line", "word", "client",
    ];
    let mut random = Random::new(1);
    let mut text = String::with_capacity(length + 256);
    while text.len() < length {
        let line = random.pick(&LINES).copied().unwrap_or_default();
        for character in line.chars() {
            match character {
                '@' => text.push_str(random.pick(&WORDS).copied().unwrap_or_default()),
                '#' => text.push_str(&(random.next() % 1000).to_string()),
                other => text.push(other),
            }
        }
        text.push('\n');
    }
    cut(text, length)
}

/// At most so many bytes, at the end of a character.
fn cut(mut text: String, length: usize) -> String {
    let mut at = length.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    text.truncate(at);
    text
}
