//! A sparse index of closed files: which blocks of one can hold a filter's words.
//!
//! It is made by the first search that would read the whole file, lies in the private cache, and may be deleted at any
//! time. A block has a Bloom filter over the actions, rules, sessions and tools of its records: a block that is passed
//! over has no match; one that is not may have none. An index that does not fit its file (another length, another last
//! record) is made again, so that it never hides a record that was put there later.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::sha256::Sha256;

use super::hash::Hash;
use super::lines::{Lines, Next};
use super::view::View;
use crate::private;

/// The format; another one is made again.
const MAGIC: &[u8; 8] = b"AFWAIX01";
/// How many bytes of the file a block has, at least.
const BLOCK: u64 = 256 << 10;
/// The bytes of a block's filter: with some sixty words in it one search in thousands reads a block for nothing.
const FILTER: usize = 256;
/// How many bits a word sets.
const BITS: usize = 4;
/// What stands before the blocks: magic, the file's length and its last bytes, hashed.
const HEAD: usize = 8 + 8 + 32;

/// A kind of word, so that a rule called `deny` is not the action.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Action = 1,
    Rule = 2,
    Session = 3,
    Tool = 4,
}

/// A word that a wanted record has.
pub(super) type Word<'a> = (Kind, &'a str);

/// The blocks of a file, by offset, that can hold a record with all the words.
pub(super) fn blocks(
    cache: &Path,
    path: &Path,
    file: &File,
    words: &[Word<'_>],
) -> io::Result<Vec<(u64, u64)>> {
    let place = place(cache, path);
    let stamp = stamp(file)?;
    let known = private::read(cache, &place).filter(|index| index.get(..HEAD) == Some(stamp.as_slice()));
    let index = match known {
        Some(index) => index,
        None => {
            let index = build(file, &stamp)?;
            private::write(cache, &place, &index);
            index
        }
    };
    let (entries, _) = index.get(HEAD..).unwrap_or_default().as_chunks::<{ 8 + FILTER }>();
    let mut found = Vec::new();
    let mut start = 0;
    for entry in entries {
        let Some((end, filter)) = entry.split_first_chunk::<8>() else { break };
        let end = u64::from_le_bytes(*end);
        if words.iter().all(|word| {
            bits(*word).all(|bit| filter.get(bit / 8).is_some_and(|byte| byte & 1 << (bit % 8) != 0))
        }) {
            found.push((start, end));
        }
        start = end;
    }
    Ok(found)
}

/// Where the index of a file is: named after the file's path.
fn place(cache: &Path, path: &Path) -> PathBuf {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = Hash::of([real.as_os_str().as_encoded_bytes()]);
    cache.join(format!("audit-{}.index", name.as_str().get(..32).unwrap_or_default()))
}

/// What an index must begin with to fit the file.
fn stamp(mut file: &File) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    let mut end = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(4096)))?;
    file.take(4096).read_to_end(&mut end)?;
    let mut stamp = Vec::with_capacity(HEAD);
    stamp.extend_from_slice(MAGIC);
    stamp.extend_from_slice(&length.to_le_bytes());
    stamp.extend_from_slice(&Sha256::digest(&end));
    Ok(stamp)
}

fn build(mut file: &File, stamp: &[u8]) -> io::Result<Vec<u8>> {
    let mut index = stamp.to_vec();
    file.seek(SeekFrom::Start(0))?;
    let mut lines = Lines::new(BufReader::with_capacity(1 << 20, file), 0);
    let (mut line, mut filter, mut start) = (Vec::new(), [0_u8; FILTER], 0);
    loop {
        let next = lines.next(&mut line)?;
        match next {
            Next::Line | Next::Unfinished => {
                if let Some(view) = View::of(&line) {
                    let rule = view.rule.as_ref().map_or("", |rule| rule.name.as_ref());
                    let words = [
                        (Kind::Action, view.action_taken.as_ref()),
                        (Kind::Rule, rule),
                        (Kind::Session, view.session_id.as_ref()),
                        (Kind::Tool, view.tool_name.as_ref()),
                    ];
                    for bit in words.into_iter().flat_map(bits) {
                        if let Some(byte) = filter.get_mut(bit / 8) {
                            *byte |= 1 << (bit % 8);
                        }
                    }
                }
            }
            Next::TooLong | Next::End => {}
        }
        if lines.offset - start >= BLOCK || (next == Next::End && lines.offset > start) {
            index.extend_from_slice(&lines.offset.to_le_bytes());
            index.extend_from_slice(&filter);
            (filter, start) = ([0; FILTER], lines.offset);
        }
        if next == Next::End {
            return Ok(index);
        }
    }
}

/// The bits of a word.
fn bits((kind, word): Word<'_>) -> impl Iterator<Item = usize> {
    // FNV-1a, then mixed: the words are chosen by nobody who would gain from a collision but a slower search.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ kind as u64;
    for byte in word.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    (0..BITS).map(move |at| usize::try_from(hash >> (16 * at) & 0xffff).unwrap_or(0) % (FILTER * 8))
}
