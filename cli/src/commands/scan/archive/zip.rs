//! Zip archives (PKWARE's APPNOTE 6.3): jar, whl, docx, xlsx, apk and others are zips.
//!
//! The directory at the end says what there is, as it does for every program that opens the file. It is read in pieces.

use std::io::{self, BufReader, Read, SeekFrom};

use flate2::bufread::DeflateDecoder;

use super::budget::Metered;
use crate::commands::scan::content::{Job, ReadSeek};
use crate::commands::scan::found::ProblemKind;
use crate::commands::scan::printable;
use crate::commands::scan::scanner::ContentError;

/// The record at the end, without its comment (4.3.16), and how long a comment can be.
const END: usize = 22;
const LONGEST_COMMENT: usize = 0xffff;
/// The pointer to the 64-bit record (4.3.15), right before the record at the end.
const LOCATOR: usize = 20;
/// A header of the directory (4.3.12) and one before an entry's bytes (4.3.7), without what has no fixed length.
const CENTRAL: usize = 46;
const LOCAL: usize = 30;
/// How much of the directory is read at a time: more than the longest header.
const PIECE: usize = 256 * 1024;
/// How much compressed data is read at a time.
const CHUNK: usize = 32 * 1024;

/// Where the directory is.
struct Directory {
    at: u64,
    /// The end of it.
    end: u64,
    /// What stands before the archive in the file, such as a start script: offsets do not count it.
    before: u64,
}

/// An entry, as the directory has it.
struct Entry {
    name: Vec<u8>,
    encrypted: bool,
    method: u16,
    compressed: u64,
    at: u64,
}

/// Looks into a zip archive.
pub(in crate::commands::scan) fn zip(
    job: &mut Job<'_, '_, '_>,
    file: &mut dyn ReadSeek,
) -> Result<(), ContentError> {
    let directory = find_directory(file)?;
    let mut at = directory.at;
    let mut piece = Vec::new();
    // Encrypted entries, and those that are compressed in a way that is not known here.
    let (mut encrypted, mut unknown, mut damaged_entries) = (0_usize, 0_usize, 0_usize);
    while at < directory.end {
        let length = (directory.end - at).min(PIECE as u64);
        read_at(file, at, length, &mut piece)?;
        let mut rest = piece.as_slice();
        while let Some((entry, length)) = entry(rest)? {
            rest = rest.get(length..).unwrap_or_default();
            at += length as u64;
            job.budget.open()?;
            let name = String::from_utf8_lossy(&entry.name);
            if name.ends_with('/') {
            } else if entry.encrypted {
                encrypted += 1;
            } else if !matches!(entry.method, 0 | 8) {
                unknown += 1;
            } else if let Some(start) = data_of(file, &entry, &directory)? {
                file.seek(SeekFrom::Start(start))?;
                read_entry(job, &name, &entry, file)?;
            } else {
                damaged_entries += 1;
            }
        }
        if rest.len() == piece.len() {
            return Err(damaged("its directory ends too early").into());
        }
    }
    for (count, what) in [
        (encrypted, "encrypted"),
        (unknown, "compressed in a way that is not known here"),
        (damaged_entries, "damaged"),
    ] {
        if count > 0 {
            let message = format!("{count} of its entries: {what}");
            job.tally.problem(printable(job.name.path), ProblemKind::Unsupported, message);
        }
    }
    Ok(())
}

fn read_entry(
    job: &mut Job<'_, '_, '_>,
    name: &str,
    entry: &Entry,
    file: &mut dyn ReadSeek,
) -> Result<(), ContentError> {
    let raw = Read::take(file, entry.compressed);
    let budget = job.budget;
    if entry.method == 0 {
        return job.entry(name, &mut Metered::new(raw, budget));
    }
    let decoder = DeflateDecoder::new(BufReader::with_capacity(CHUNK, raw));
    job.entry(name, &mut Metered::new(decoder, budget))
}

/// Where an entry's bytes begin, behind its own header.
fn data_of(file: &mut dyn ReadSeek, entry: &Entry, directory: &Directory) -> io::Result<Option<u64>> {
    let Some(at) = directory.before.checked_add(entry.at) else { return Ok(None) };
    let mut header = Vec::new();
    if read_at(file, at, LOCAL as u64, &mut header).is_err() || !header.starts_with(b"PK\x03\x04") {
        return Ok(None);
    }
    let (Some(name), Some(extra)) = (u16_at(&header, 26), u16_at(&header, 28)) else { return Ok(None) };
    Ok(at.checked_add(LOCAL as u64 + u64::from(name) + u64::from(extra)))
}

/// Finds the record at the end, which may have a comment behind it, and what it points to.
fn find_directory(file: &mut dyn ReadSeek) -> io::Result<Directory> {
    let size = file.seek(SeekFrom::End(0))?;
    let tail = size.min((END + LONGEST_COMMENT + LOCATOR) as u64);
    let mut bytes = Vec::new();
    read_at(file, size - tail, tail, &mut bytes)?;
    let end = (0..=bytes.len().saturating_sub(END))
        .rev()
        .find(|at| {
            let record = bytes.get(*at..).unwrap_or_default();
            record.starts_with(b"PK\x05\x06")
                && u16_at(record, 20).is_some_and(|comment| END + usize::from(comment) <= record.len())
        })
        .ok_or_else(|| damaged("it has no directory"))?;
    let record = bytes.get(end..).unwrap_or_default();
    let missing = || damaged("the record at its end is cut off");
    let mut length = u64::from(u32_at(record, 12).ok_or_else(missing)?);
    let mut offset = u64::from(u32_at(record, 16).ok_or_else(missing)?);
    let mut behind = size - tail + end as u64;
    let locator = end.checked_sub(LOCATOR).and_then(|at| bytes.get(at..end)).unwrap_or_default();
    if (length == 0xffff_ffff || offset == 0xffff_ffff || u16_at(record, 10) == Some(0xffff))
        && locator.starts_with(b"PK\x06\x07")
        && let Some(at) = u64_at(locator, 8)
    {
        // 4.3.14.
        let mut large = Vec::new();
        read_at(file, at, 56, &mut large)?;
        if !large.starts_with(b"PK\x06\x06") {
            return Err(damaged("its 64-bit record is not where it should be"));
        }
        length = u64_at(&large, 40).ok_or_else(missing)?;
        offset = u64_at(&large, 48).ok_or_else(missing)?;
        behind = at;
    }
    let at = behind.checked_sub(length).ok_or_else(|| damaged("its directory is larger than the file"))?;
    let before = at.checked_sub(offset).ok_or_else(|| damaged("its directory is not where it should be"))?;
    Ok(Directory { at, end: behind, before })
}

/// The first entry of a piece of the directory, and how long its header is. `None` if it is not there as a whole.
fn entry(bytes: &[u8]) -> io::Result<Option<(Entry, usize)>> {
    if bytes.len() < CENTRAL {
        return Ok(None);
    }
    if !bytes.starts_with(b"PK\x01\x02") {
        return Err(damaged("its directory has an entry that is none"));
    }
    let short = |at: usize| u16_at(bytes, at).unwrap_or(0);
    let long = |at: usize| u32_at(bytes, at).unwrap_or(0);
    let (name, extra, comment) = (usize::from(short(28)), usize::from(short(30)), usize::from(short(32)));
    let length = CENTRAL + name + extra + comment;
    if bytes.len() < length {
        return Ok(None);
    }
    let extra = bytes.get(CENTRAL + name..CENTRAL + name + extra).unwrap_or_default();
    let (compressed, at) = large_numbers(extra, long(24), long(20), long(42));
    Ok(Some((
        Entry {
            name: bytes.get(CENTRAL..CENTRAL + name).unwrap_or_default().to_vec(),
            encrypted: short(8) & 1 != 0,
            method: short(10),
            compressed,
            at,
        },
        length,
    )))
}

/// The compressed size and the offset, which stand in an extra field where 32 bits do not hold them (4.5.3).
fn large_numbers(mut extra: &[u8], size: u32, compressed: u32, offset: u32) -> (u64, u64) {
    let mut field: &[u8] = &[];
    while let (Some(id), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let end = 4 + usize::from(length);
        if id == 1 {
            field = extra.get(4..end).unwrap_or_default();
            break;
        }
        extra = extra.get(end..).unwrap_or_default();
    }
    // Only those are there, in this order, that are all ones in the header.
    let mut next = |value: u32| {
        if value != u32::MAX {
            return u64::from(value);
        }
        let large = u64_at(field, 0).unwrap_or(u64::from(value));
        field = field.get(8..).unwrap_or_default();
        large
    };
    next(size);
    let compressed = next(compressed);
    (compressed, next(offset))
}

/// Reads exactly so many bytes from a place.
fn read_at(file: &mut dyn ReadSeek, at: u64, length: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.clear();
    file.seek(SeekFrom::Start(at))?;
    let read = Read::take(file, length).read_to_end(bytes)?;
    if (read as u64) < length { Err(damaged("it is cut off")) } else { Ok(()) }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
