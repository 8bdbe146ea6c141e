//! Tar archives: ustar (POSIX.1-1988), pax (POSIX.1-2001), GNU's long names and sparse files, and the old form before.

use std::io::{self, Read};

use crate::commands::scan::content::Job;
use crate::commands::scan::scanner::ContentError;

const BLOCK: usize = 512;
/// Where the magic stands: `ustar`, then NUL and `00` (POSIX) or two blanks (GNU).
const MAGIC: std::ops::Range<usize> = 257..262;
const CHECKSUM: std::ops::Range<usize> = 148..156;
/// No name is longer than this, however long the archive says it is.
const LONGEST_NAME: u64 = 64 * 1024;

type Header = [u8; BLOCK];

/// Whether bytes begin with a header of a tar archive.
pub(in crate::commands::scan) fn is_tar(head: &[u8]) -> bool {
    head.first_chunk::<BLOCK>()
        .is_some_and(|header| header.get(MAGIC) == Some(b"ustar") && checksum_fits(header))
}

/// The sum of all bytes, those of the sum itself counted as blanks. Old programs counted signed bytes.
fn checksum_fits(header: &Header) -> bool {
    let Some(stated) = header.get(CHECKSUM).and_then(number) else { return false };
    let bytes =
        || header.iter().enumerate().map(|(at, byte)| if CHECKSUM.contains(&at) { b' ' } else { *byte });
    let unsigned: u64 = bytes().map(u64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    stated == unsigned || i64::try_from(stated) == Ok(signed)
}

/// A number in octal, or in base 256 if the highest bit is set (GNU).
fn number(field: &[u8]) -> Option<u64> {
    if let [first, rest @ ..] = field
        && first & 0x80 != 0
    {
        return rest.iter().try_fold(u64::from(first & 0x3f), |sum, byte| {
            sum.checked_mul(256)?.checked_add(u64::from(*byte))
        });
    }
    let digits = field.iter().skip_while(|byte| **byte == b' ').take_while(|byte| byte.is_ascii_digit());
    digits.copied().try_fold(0_u64, |sum, digit| {
        let digit = u64::from(digit.checked_sub(b'0')?);
        (digit < 8).then_some(())?;
        sum.checked_mul(8)?.checked_add(digit)
    })
}

/// Looks into a tar archive.
pub(in crate::commands::scan) fn tar(
    job: &mut Job<'_, '_, '_>,
    stream: &mut dyn Read,
) -> Result<(), ContentError> {
    let mut long_name: Option<Vec<u8>> = None;
    let mut pax = Pax::default();
    while let Some(header) = header(stream)? {
        let stated = header.get(124..136).and_then(number).ok_or_else(|| damaged("a size is no number"))?;
        let size = pax.size.unwrap_or(stated);
        let kind = header.get(156).copied().unwrap_or(0);
        let padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
        if kind == b'S' {
            skip_sparse_map(&header, stream)?;
        }
        let mut content = Read::take(&mut *stream, size);
        match kind {
            b'L' => long_name = Some(text_of(&mut content)?),
            b'x' => pax = Pax::read(&text_of(&mut content)?),
            b'0' | 0 | b'7' | b'S' => {
                job.budget.open()?;
                let name = pax.path.take().or_else(|| long_name.take()).unwrap_or_else(|| name_of(&header));
                let name = String::from_utf8_lossy(&name);
                if !name.ends_with('/') {
                    job.entry(&name, &mut content)?;
                }
                (long_name, pax) = (None, Pax::default());
            }
            // Links, folders, devices, labels, global headers: nothing in them to read. A long link's name is about the
            // next header too, which a pax header or a long name must outlive.
            b'K' | b'g' => {}
            _ => (long_name, pax) = (None, Pax::default()),
        }
        let rest = content.limit();
        skip(stream, rest.saturating_add(padding))?;
    }
    Ok(())
}

/// The next header. `None` at the end: a block of zeros, or no block any more.
fn header(stream: &mut dyn Read) -> io::Result<Option<Header>> {
    let mut header = [0; BLOCK];
    let mut filled = 0;
    while let Some(free) = header.get_mut(filled..).filter(|free| !free.is_empty()) {
        match stream.read(free) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(damaged("it ends in the middle of a header")),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if header.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    if !checksum_fits(&header) {
        return Err(damaged("the checksum of a header is wrong"));
    }
    Ok(Some(header))
}

/// A sparse file's map may go on in blocks of its own, which its size does not count.
fn skip_sparse_map(header: &Header, stream: &mut dyn Read) -> io::Result<()> {
    let mut more = header.get(482).is_some_and(|flag| *flag != 0);
    while more {
        let mut block = [0; BLOCK];
        stream.read_exact(&mut block)?;
        more = block.get(504).is_some_and(|flag| *flag != 0);
    }
    Ok(())
}

fn name_of(header: &Header) -> Vec<u8> {
    let until_nul = |range: std::ops::Range<usize>| {
        let field = header.get(range).unwrap_or_default();
        field.split(|byte| *byte == 0).next().unwrap_or_default()
    };
    let name = until_nul(0..100);
    // GNU has other things in the place of the prefix.
    let prefix = if header.get(257..263) == Some(b"ustar\0") { until_nul(345..500) } else { &[] };
    if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
}

/// The content of an entry that is a name or a list of properties.
fn text_of(content: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    content.take(LONGEST_NAME).read_to_end(&mut text)?;
    while text.last() == Some(&0) {
        text.pop();
    }
    Ok(text)
}

/// What a pax header says of the next entry: lines `LENGTH KEY=VALUE`.
#[derive(Default)]
struct Pax {
    path: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Pax {
    fn read(mut text: &[u8]) -> Self {
        let mut pax = Self::default();
        while let Some(blank) = text.iter().position(|byte| *byte == b' ') {
            let length =
                text.get(..blank).and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<usize>().ok());
            let Some(length) = length.filter(|length| *length > blank) else { break };
            let Some((record, rest)) = text.split_at_checked(length.min(text.len())) else { break };
            text = rest;
            let record = record.get(blank + 1..).unwrap_or_default();
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            if let Some(path) = record.strip_prefix(b"path=") {
                pax.path = Some(path.to_vec());
            } else if let Some(size) = record.strip_prefix(b"size=") {
                pax.size = std::str::from_utf8(size).ok().and_then(|size| size.parse().ok());
            }
        }
        pax
    }
}

/// Reads on over what nobody wants.
fn skip(stream: &mut dyn Read, bytes: u64) -> io::Result<()> {
    io::copy(&mut Read::take(stream, bytes), &mut io::sink()).map(drop)
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
