//! A decoded text that knows where each of its bytes came from.

use std::ops::Range;

/// How far from an edit (in decoded bytes) a finding may stand and still be owed to it: a keyword stands before its value.
const BEFORE: usize = 128;
const AFTER: usize = 16;
/// The longest name (in bytes) that is looked for before an encoded value.
const NAME: usize = 64;

/// How the bytes of a decoded text lie in the outer one.
#[derive(Debug)]
enum Map {
    /// Stretches of copied bytes, and replacements that stand for a whole place.
    Edits(Vec<Stretch>),
    /// Groups of digits.
    Digits(Digits),
}

#[derive(Debug)]
struct Stretch {
    /// Where it begins in the decoded text.
    at: usize,
    /// What it is in the outer text.
    outer: Range<usize>,
    /// Whether the decoded bytes are the outer ones.
    copied: bool,
}

/// A run of digits, maybe over several lines, that was decoded group by group.
#[derive(Debug)]
pub(super) struct Digits {
    /// For each line the number of its first digit and the place of that digit in the outer text, ascending.
    pub lines: Vec<(usize, usize)>,
    /// How many digits the run has, signs that fill it up not counted.
    pub count: usize,
    /// How many signs that fill it up (`=`) follow the last digit.
    pub filled: usize,
    /// The number of the first decoded digit.
    pub first: usize,
    /// How many digits make a group, and how many bytes it decodes to.
    pub group: (usize, usize),
}

impl Digits {
    fn place(&self, number: usize) -> Option<usize> {
        let line = self.lines.partition_point(|(first, _)| *first <= number).checked_sub(1)?;
        let (first, at) = self.lines.get(line)?;
        Some(at + (number - first))
    }

    /// Whole groups: half of one would still tell a part of the secret.
    fn back(&self, span: &Range<usize>) -> Option<Range<usize>> {
        let (digits, bytes) = self.group;
        let start = self.first + span.start / bytes * digits;
        let end = (self.first + span.end.div_ceil(bytes) * digits).min(self.count);
        let last = self.place(end.checked_sub(1)?)? + 1;
        let filled = if end == self.count { self.filled } else { 0 };
        Some(self.place(start)?..last + filled)
    }
}

/// A decoded text.
#[derive(Debug)]
pub(super) struct Piece {
    /// What it says.
    pub text: String,
    map: Map,
    /// Whether text was cut off at the start and at the end, so that a finding there is a part of something longer.
    cut: (bool, bool),
}

impl Piece {
    /// Decoded digits. What is no ASCII must have been replaced: it would have no place of its own.
    pub(super) const fn of_digits(text: String, digits: Digits) -> Self {
        Self { text, map: Map::Digits(digits), cut: (false, false) }
    }

    /// An empty piece of edited text, to be filled.
    pub(super) const fn edited() -> Self {
        Self { text: String::new(), map: Map::Edits(Vec::new()), cut: (false, false) }
    }

    /// Appends outer text as it is.
    pub(super) fn copy(&mut self, outer: &str, place: Range<usize>) {
        if let Some(text) = outer.get(place.clone()).filter(|text| !text.is_empty()) {
            self.stretch(place, true);
            self.text.push_str(text);
        }
    }

    /// Appends what a place of the outer text stands for.
    pub(super) fn replace(&mut self, place: Range<usize>, with: char) {
        self.stretch(place, false);
        self.text.push(with);
    }

    fn stretch(&mut self, outer: Range<usize>, copied: bool) {
        let at = self.text.len();
        if let Map::Edits(stretches) = &mut self.map {
            stretches.push(Stretch { at, outer, copied });
        }
    }

    /// Says that there is more of the same before or behind.
    pub(super) const fn cut(&mut self, before: bool, behind: bool) {
        self.cut = (before, behind);
    }

    /// The place in the outer text of a part of this one.
    pub(super) fn back(&self, span: Range<usize>) -> Option<Range<usize>> {
        if span.is_empty() {
            return None;
        }
        match &self.map {
            Map::Digits(digits) => digits.back(&span),
            Map::Edits(stretches) => {
                let of = |at: usize| {
                    stretches.get(stretches.partition_point(|stretch| stretch.at <= at).checked_sub(1)?)
                };
                let (first, last) = (of(span.start)?, of(span.end - 1)?);
                let start = first.outer.start + if first.copied { span.start - first.at } else { 0 };
                let end = if last.copied { last.outer.start + (span.end - last.at) } else { last.outer.end };
                Some(start..end)
            }
        }
    }

    /// Whether a finding here is owed to the decoding and complete.
    pub(super) fn counts(&self, span: &Range<usize>) -> bool {
        let whole = !(self.cut.0 && span.start == 0 || self.cut.1 && span.end == self.text.len());
        let Map::Edits(stretches) = &self.map else { return whole };
        let from = stretches.partition_point(|stretch| stretch.at + BEFORE < span.start);
        // Where one stretch ends and another begins, something was edited.
        let edited = stretches.iter().skip(from.max(1)).take_while(|stretch| stretch.at <= span.end + AFTER);
        whole && (edited.count() > 0 || stretches.first().is_some_and(|first| !first.copied))
    }

    /// The part that may be one value: decoded digits without what is no part of them.
    pub(super) fn value(&self) -> Option<Range<usize>> {
        let Map::Digits(_) = &self.map else { return None };
        let inner =
            self.text.trim_matches(|sign: char| sign.is_ascii_control() || sign.is_ascii_whitespace());
        let start = self.text.len()
            - self
                .text
                .trim_start_matches(|sign: char| sign.is_ascii_control() || sign.is_ascii_whitespace())
                .len();
        let single = !inner.is_empty() && !inner.bytes().any(|byte| byte.is_ascii_control());
        single.then_some(start..start + inner.len())
    }

    /// The name that decoded digits are given to: `name: "..."`, `"name" = ...`.
    pub(super) fn name<'t>(&self, outer: &'t str) -> Option<&'t str> {
        let Map::Digits(digits) = &self.map else { return None };
        let before = outer.get(..digits.place(0)?)?;
        let quote = |sign: char| matches!(sign, '"' | '\'' | '`' | '\\');
        let before = before.trim_end_matches(quote).trim_end_matches([' ', '\t']);
        let before = before.strip_suffix("=>").or_else(|| before.strip_suffix([':', '=']))?;
        let before = before.trim_end_matches([' ', '\t']).trim_end_matches(quote);
        let named = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let length = before.bytes().rev().take(NAME).take_while(named).count();
        before.get(before.len() - length..).filter(|name| !name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edited_piece_leads_back_to_what_was_replaced() {
        let outer = "ab%63d";
        let mut piece = Piece::edited();
        piece.copy(outer, 0..2);
        piece.replace(2..5, 'c');
        piece.copy(outer, 5..6);
        assert_eq!(piece.text, "abcd");
        for (span, place) in [(0..4, 0..6), (1..2, 1..2), (2..3, 2..5), (3..4, 5..6), (1..3, 1..5)] {
            assert_eq!(piece.back(span), Some(place));
        }
        assert_eq!(piece.back(2..2), None);
    }

    #[test]
    fn digits_lead_back_in_whole_groups_over_lines() {
        let lines = vec![(0, 10), (8, 30)];
        let digits = Digits { lines, count: 11, filled: 1, first: 0, group: (4, 3) };
        let piece = Piece::of_digits("abcdefgh".to_owned(), digits);
        assert_eq!(piece.back(0..3), Some(10..14));
        assert_eq!(piece.back(2..4), Some(10..18));
        assert_eq!(piece.back(5..7), Some(14..34));
    }
}
