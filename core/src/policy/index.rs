//! The index that makes a thousand rules as cheap as twenty: from short pieces of literals to the rules that need them.
//!
//! A rule is worth asking only where one of its anchors occurs in a text. Of each anchor one piece (gram) of eight,
//! four or two bytes is kept, the one that is rarest in the policy, in an open-addressing table per length. A lookup
//! rolls over the text once per table. Everything lies in the blob as little-endian bytes and is read in place.
//!
//! A checksum of the whole index would cost more than all lookups of a hook, so each slot and each list carries its
//! own and is checked when it is visited. An index that fails a check hides nothing: every rule becomes a candidate.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Lengths of the pieces, longest first: a longer one occurs by chance less often.
const LENGTHS: [usize; 3] = [8, 4, 2];
/// A table's slot: from its low end a tag, the place of the rules' list, and the check of both.
const SLOT: usize = 8;
/// Bits of a tag and of a place. A policy of 256 KiB has far fewer anchors than places.
const FIELD: u32 = 24;
/// All bits of a field; as a place it marks a slot as empty.
const EMPTY: u32 = (1 << FIELD) - 1;
/// Odd, with its bits well mixed (the golden ratio of 64 bits).
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Where an index lies in its section of the blob. All numbers count from the section's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct IndexPlace {
    /// Number of slots of each table, by [`LENGTHS`]; the tables follow one another from 0.
    slots: [u32; 3],
    /// Number of four-byte words of the lists, which follow the tables.
    words: u32,
}

impl IndexPlace {
    /// The section's length in bytes, if it can be one.
    pub(super) fn bytes(&self) -> Option<usize> {
        let slots = self.slots.iter().try_fold(0_usize, |sum, slots| sum.checked_add(*slots as usize))?;
        slots.checked_mul(SLOT)?.checked_add((self.words as usize).checked_mul(4)?)
    }
}

/// Collects anchors and makes the index.
#[derive(Debug, Default)]
pub(super) struct IndexBuilder {
    anchors: Vec<(String, u32)>,
}

impl IndexBuilder {
    /// Says that a rule needs one of the literals, all of at least two bytes.
    pub(super) fn add(&mut self, rule: u32, literals: Vec<String>) {
        self.anchors.extend(literals.into_iter().map(|literal| (literal, rule)));
    }

    /// Appends the index to a blob.
    pub(super) fn write(self, blob: &mut Vec<u8>) -> IndexPlace {
        let mut frequency: HashMap<(usize, u64), u32> = HashMap::new();
        for (literal, _) in &self.anchors {
            if let Some(length) = usable(literal) {
                for gram in grams(literal.as_bytes(), length) {
                    *frequency.entry((length, gram)).or_default() += 1;
                }
            }
        }
        let mut lists: HashMap<(usize, u64), Vec<u32>> = HashMap::new();
        for (literal, rule) in &self.anchors {
            let Some(length) = usable(literal) else { continue };
            let rarest = grams(literal.as_bytes(), length)
                .min_by_key(|gram| frequency.get(&(length, *gram)).copied().unwrap_or(u32::MAX));
            if let Some(gram) = rarest {
                let list = lists.entry((length, gram)).or_default();
                if list.last() != Some(rule) {
                    list.push(*rule);
                }
            }
        }
        let mut words: Vec<u32> = Vec::new();
        let mut place = IndexPlace::default();
        for (length, slots) in LENGTHS.into_iter().zip(&mut place.slots) {
            let mut entries: Vec<_> = lists.iter().filter(|((of, _), _)| *of == length).collect();
            // The same policy makes the same blob.
            entries.sort_unstable();
            let count = entries.len() * 2;
            let mut table = vec![(0_u32, EMPTY); count];
            for ((_, gram), rules) in entries {
                let at = small(words.len());
                words.push(small(rules.len()));
                words.extend(rules);
                words.push(list_check(rules.iter().copied()));
                let mut slot = slot_of(*gram, small(count)) as usize;
                while let Some(entry) = table.get_mut(slot) {
                    if entry.1 == EMPTY {
                        *entry = (tag_of(*gram), at);
                        break;
                    }
                    slot = (slot + 1) % count;
                }
            }
            *slots = small(count);
            for (tag, at) in table {
                let fields = u64::from(tag) | (u64::from(at & EMPTY) << FIELD);
                blob.extend((fields | (slot_check(fields) << (2 * FIELD))).to_le_bytes());
            }
        }
        place.words = small(words.len());
        for word in words {
            blob.extend(word.to_le_bytes());
        }
        place
    }
}

/// An index in a blob.
#[derive(Debug, Clone, Copy)]
pub(super) struct Index<'a> {
    tables: [&'a [u8]; 3],
    words: &'a [u8],
}

impl<'a> Index<'a> {
    /// Splits a section as its place says; `None` if it is too short.
    pub(super) fn new(place: &IndexPlace, section: &'a [u8]) -> Option<Self> {
        let mut rest = section;
        let mut tables = [rest; 3];
        for (table, slots) in tables.iter_mut().zip(place.slots) {
            (*table, rest) = rest.split_at_checked((slots as usize).checked_mul(SLOT)?)?;
        }
        let (words, _) = rest.split_at_checked((place.words as usize).checked_mul(4)?)?;
        Some(Self { tables, words })
    }

    /// Marks every rule that needs something one of the texts contains. `false` if the index does not hold together:
    /// then every rule is a candidate.
    pub(super) fn look_up(&self, texts: &[&str], rules: &mut RuleSet) -> bool {
        let slots = self.tables.iter().map(|table| table.len() / SLOT).sum();
        if slots > 0 && texts.iter().map(|text| text.len()).sum::<usize>() > slots {
            return self.look_up_long(texts, rules);
        }
        let mut seen = BitSet::new(self.words.len() / 4);
        LENGTHS.into_iter().zip(self.tables).filter(|(_, table)| !table.is_empty()).all(|(length, table)| {
            let Ok(slots) = u32::try_from(table.len() / SLOT) else { return false };
            texts.iter().all(|text| {
                grams(text.as_bytes(), length).all(|gram| self.visit(gram, table, slots, &mut seen, rules))
            })
        })
    }

    /// As [`Self::look_up`], for texts that are worth a look at every slot first: a piece is only looked up where its last two
    /// bytes are those of one of the pieces.
    fn look_up_long(&self, texts: &[&str], rules: &mut RuleSet) -> bool {
        let Some(pairs) = self.pairs() else { return false };
        let tables: Vec<(usize, u64, &[u8], u32)> = LENGTHS
            .into_iter()
            .zip(self.tables)
            .filter(|(_, table)| !table.is_empty())
            .map(|(length, table)| (length, mask(length), table, small(table.len() / SLOT)))
            .collect();
        let mut seen = BitSet::new(self.words.len() / 4);
        for text in texts {
            let mut rolling = 0_u64;
            for (at, byte) in text.bytes().enumerate() {
                rolling = rolling << 8 | u64::from(byte);
                if !pairs.holds(rolling) {
                    continue;
                }
                let sound =
                    tables.iter().filter(|(length, ..)| at + 1 >= *length).all(|(_, mask, table, slots)| {
                        self.visit(rolling & mask, table, *slots, &mut seen, rules)
                    });
                if !sound {
                    return false;
                }
            }
        }
        true
    }

    /// The last two bytes of every piece; `None` if a slot is damaged.
    fn pairs(&self) -> Option<Pairs> {
        let mut pairs = Pairs([0; 256]);
        for table in self.tables {
            for slot in 0..small(table.len() / SLOT) {
                let (tag, at) = entry(table, slot)?;
                if at != EMPTY {
                    pairs.insert(u64::from(tag));
                }
            }
        }
        Some(pairs)
    }

    #[inline]
    fn visit(&self, gram: u64, table: &[u8], slots: u32, seen: &mut BitSet, rules: &mut RuleSet) -> bool {
        let tag = tag_of(gram);
        let mut slot = slot_of(gram, slots);
        // A table is at most half full; only a damaged one has no end.
        for _ in 0..slots {
            let Some((found, at)) = entry(table, slot) else { return false };
            if at == EMPTY {
                return true;
            }
            // Another piece may have the same tag: both lists count, a candidate too many is no fault.
            if found == tag && seen.insert(at) && !self.list(at, rules) {
                return false;
            }
            slot += 1;
            if slot == slots {
                slot = 0;
            }
        }
        false
    }

    fn list(&self, at: u32, rules: &mut RuleSet) -> bool {
        let Some(list) = (at as usize).checked_mul(4).and_then(|at| self.words.get(at..)) else {
            return false;
        };
        let Some(count) = list.get(..4).map(word) else { return false };
        let Some((list, check)) = list.get(4..).and_then(|list| list.split_at_checked((count as usize) * 4))
        else {
            return false;
        };
        let list = list.chunks_exact(4).map(word);
        if check.get(..4).map(word) != Some(list_check(list.clone())) {
            return false;
        }
        for rule in list {
            rules.insert(rule);
        }
        rules.is_sound()
    }
}

/// Pairs of bytes, as bits by the lower seven bits of each.
struct Pairs([u64; 256]);

impl Pairs {
    /// The word and the bit of the lower two bytes.
    #[inline]
    const fn place(gram: u64) -> (usize, u64) {
        let pair = (gram >> 1 & 0x3f80) | (gram & 0x7f);
        ((pair >> 6) as usize, 1 << (pair & 63))
    }

    fn insert(&mut self, gram: u64) {
        let (word, bit) = Self::place(gram);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    #[inline]
    fn holds(&self, gram: u64) -> bool {
        let (word, bit) = Self::place(gram);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}

/// What follows a list, so that no other list passes for it. It depends on the length, too.
fn list_check(rules: impl Iterator<Item = u32>) -> u32 {
    rules.fold(0x811c_9dc5, |hash, rule| (hash ^ rule).wrapping_mul(0x0100_0193).rotate_left(7))
}

/// The check in a slot's upper sixteen bits. Neither a block of zeros nor one of ones passes.
#[inline]
const fn slot_check(fields: u64) -> u64 {
    (fields ^ 0x5bd1_e995_97f4_a7c1).wrapping_mul(FACTOR) >> (2 * FIELD)
}

/// A set of rules that comes out sorted.
#[derive(Debug)]
pub(super) struct RuleSet {
    bits: BitSet,
    count: u32,
    overflow: bool,
}

impl RuleSet {
    /// The empty set over the rules 0 up to a count.
    pub(super) fn new(count: u32) -> Self {
        Self { bits: BitSet::new(count as usize), count, overflow: false }
    }

    pub(super) fn insert(&mut self, rule: u32) {
        if rule < self.count {
            self.bits.insert(rule);
        } else {
            self.overflow = true;
        }
    }

    /// Whether only rules that exist were inserted.
    pub(super) const fn is_sound(&self) -> bool {
        !self.overflow
    }

    pub(super) fn write(&self, out: &mut Vec<u32>) {
        for (base, word) in (0_u32..).step_by(64).zip(&self.bits.0) {
            let mut left = *word;
            while left != 0 {
                out.push(base + left.trailing_zeros());
                left &= left - 1;
            }
        }
    }
}

#[derive(Debug)]
struct BitSet(Vec<u64>);

impl BitSet {
    fn new(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    /// Whether the number is new. One outside the set is always new: whoever uses it finds the fault.
    fn insert(&mut self, at: u32) -> bool {
        let Some(word) = self.0.get_mut(at as usize / 64) else { return true };
        let bit = 1 << (at % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

/// The length of the pieces a literal is known by; `None` if it is too short for any.
fn usable(literal: &str) -> Option<usize> {
    LENGTHS.into_iter().find(|length| literal.len() >= *length)
}

/// Every piece of the given length as a number.
#[inline]
fn grams(bytes: &[u8], length: usize) -> impl Iterator<Item = u64> {
    let mask = mask(length);
    let mut rolling = 0_u64;
    bytes
        .iter()
        .map(move |byte| {
            rolling = (rolling << 8 | u64::from(*byte)) & mask;
            rolling
        })
        .skip(length - 1)
}

/// The bits of a piece of so many bytes.
#[inline]
const fn mask(length: usize) -> u64 {
    if length == 8 { u64::MAX } else { (1 << (8 * length)) - 1 }
}

/// The slot where the search for a piece begins.
#[inline]
const fn slot_of(gram: u64, slots: u32) -> u32 {
    let hash = (gram ^ (gram >> 29)).wrapping_mul(FACTOR) >> 32;
    // Both factors are below 2^32, so the product's upper half is below `slots`.
    ((hash * slots as u64) >> 32) as u32
}

/// What tells pieces in neighbouring slots apart: the last two bytes, and eight bits of the others.
#[inline]
const fn tag_of(gram: u64) -> u32 {
    let (last, others) = ((gram & 0xffff) as u32, ((gram >> 16).wrapping_mul(FACTOR) >> 56) as u32);
    last | others << 16
}

#[inline]
fn entry(table: &[u8], slot: u32) -> Option<(u32, u32)> {
    let at = slot as usize * SLOT;
    let bytes: [u8; SLOT] = table.get(at..at + SLOT)?.try_into().ok()?;
    let slot = u64::from_le_bytes(bytes);
    let fields = slot & ((1 << (2 * FIELD)) - 1);
    if slot >> (2 * FIELD) != slot_check(fields) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "two fields of 24 bits")]
    let parts = (fields as u32 & EMPTY, (fields >> FIELD) as u32);
    Some(parts)
}

#[inline]
fn word(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(u32::MAX, u32::from_le_bytes)
}

/// Counts of a policy of at most 256 KiB fit 32 bits.
fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_of_long_texts_finds_what_the_way_of_short_ones_finds() {
        let literals = ["rm", "sudo", "/etc", "terraform destroy", "é", "ab", "--force-with-lease", "curl "];
        let mut builder = IndexBuilder::default();
        for (rule, literal) in literals.iter().enumerate() {
            builder.add(small(rule), vec![(*literal).to_owned()]);
        }
        let mut blob = Vec::new();
        let place = builder.write(&mut blob);
        let index = Index::new(&place, &blob).unwrap();
        let found = |texts: &[&str], long: bool| {
            let mut rules = RuleSet::new(small(literals.len()));
            assert!(if long {
                index.look_up_long(texts, &mut rules)
            } else {
                index.look_up(texts, &mut rules)
            });
            let mut out = Vec::new();
            rules.write(&mut out);
            out
        };
        let all = literals.join("|");
        for at in 0..all.len() {
            if let (Some(start), Some(end)) = (all.get(..at), all.get(at..)) {
                for text in [start, end, &start.repeat(9), &end.repeat(9)] {
                    // Each of the pieces is shorter than the table, so that it is looked up by itself.
                    let mut short: Vec<u32> =
                        text.split('|').flat_map(|text| found(&[text], false)).collect();
                    short.sort_unstable();
                    short.dedup();
                    let long: Vec<&str> = text.split('|').collect();
                    assert_eq!(found(&long, true), short, "{text}");
                }
            }
        }
        assert_eq!(found(&[&all.repeat(9)], false).len(), literals.len());
    }

    #[test]
    fn a_damaged_slot_hides_nothing_from_long_texts() {
        let mut builder = IndexBuilder::default();
        builder.add(0, vec!["sudo".to_owned()]);
        let mut blob = Vec::new();
        let place = builder.write(&mut blob);
        for at in 0..blob.len() - 4 {
            let mut damaged = blob.clone();
            damaged[at] ^= 0x10;
            let index = Index::new(&place, &damaged).unwrap();
            let mut rules = RuleSet::new(1);
            let sound = index.look_up(&["echo x; sudo make me a sandwich".repeat(9).as_str()], &mut rules);
            let mut out = Vec::new();
            rules.write(&mut out);
            assert!(!sound || out == [0], "{at}");
        }
    }
}
