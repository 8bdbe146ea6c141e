//! What the bytes of a file are: text, text in UTF-16, an archive, or something else.

use std::borrow::Cow;
use std::io::{self, Read};

/// A NUL among this many first bytes makes a file binary, as in git.
pub(super) const HEAD: usize = 8 * 1024;
/// How many bytes of UTF-16 are turned into UTF-8 at a time.
const CHUNK: usize = 16 * 1024;
/// How many pairs of bytes are looked at before a text without a mark counts as UTF-16.
const ENOUGH: usize = 8;

/// The order of bytes in UTF-16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endian {
    Little,
    Big,
}

/// What a file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// UTF-8, or an encoding that agrees with it in ASCII.
    Text,
    Utf16(Endian),
    /// PKZIP: zip, jar, whl, docx, xlsx, apk.
    Zip,
    /// RFC 1952.
    Gzip,
    /// ustar, GNU or pax.
    Tar,
    Binary,
}

/// Looks at the first bytes, at least [`HEAD`] of them where there are so many.
pub(super) fn classify(bytes: &[u8]) -> Content {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    match head {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => return Content::Zip,
        [0x1f, 0x8b, 8, ..] => return Content::Gzip,
        // A text in UTF-32 begins with the mark of UTF-16 and goes on with NULs.
        [0xff, 0xfe, 0, 0, ..] => return Content::Binary,
        [0xff, 0xfe, ..] if plausible(head.get(2..).unwrap_or_default(), Endian::Little) => {
            return Content::Utf16(Endian::Little);
        }
        [0xfe, 0xff, ..] if plausible(head.get(2..).unwrap_or_default(), Endian::Big) => {
            return Content::Utf16(Endian::Big);
        }
        _ => {}
    }
    // The library looks for a byte many at a time.
    if !head.contains(&0) {
        return Content::Text;
    }
    if super::archive::is_tar(head) {
        return Content::Tar;
    }
    unmarked(head).map_or(Content::Binary, Content::Utf16)
}

/// Whether what follows a mark can be UTF-16: `fe ff` alone begins many other things.
fn plausible(bytes: &[u8], endian: Endian) -> bool {
    if bytes.len() < 2 {
        return false;
    }
    let units = bytes.chunks_exact(2).filter_map(<[u8]>::first_chunk::<2>).map(|pair| unit(*pair, endian));
    !units.into_iter().any(|unit| unit == 0 || unit == 0xffff || unit == 0xfffe)
}

/// UTF-16 without a mark: nearly every second byte is a NUL and nearly no other is.
fn unmarked(head: &[u8]) -> Option<Endian> {
    let pairs = head.len() / 2;
    if pairs < ENOUGH {
        return None;
    }
    let (mut even, mut odd, mut controls) = (0, 0, 0);
    for pair in head.chunks_exact(2) {
        let [first, second] = pair else { continue };
        even += usize::from(*first == 0);
        odd += usize::from(*second == 0);
        controls += usize::from((*first | *second) < 9);
    }
    let most = |count: usize| count * 10 >= pairs * 7;
    let few = |count: usize| count * 50 <= pairs;
    match (most(even), most(odd)) {
        _ if !few(controls) => None,
        (false, true) if few(even) => Some(Endian::Little),
        (true, false) if few(odd) => Some(Endian::Big),
        _ => None,
    }
}

fn unit(pair: [u8; 2], endian: Endian) -> u16 {
    match endian {
        Endian::Little => u16::from_le_bytes(pair),
        Endian::Big => u16::from_be_bytes(pair),
    }
}

/// Turns a stream of UTF-16 into UTF-8. What is none becomes the replacement character.
pub(super) struct Utf16Reader<R> {
    stream: R,
    endian: Endian,
    /// Bytes that have been read and are not used yet: half a unit, half a pair.
    raw: Vec<u8>,
    text: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: Read> Utf16Reader<R> {
    pub(super) fn new(stream: R, endian: Endian) -> Self {
        Self { stream, endian, raw: Vec::with_capacity(CHUNK), text: Vec::new(), at: 0, ended: false }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.at = 0;
        while self.text.is_empty() && !self.ended {
            let wanted = CHUNK.saturating_sub(self.raw.len()) as u64;
            let read = (&mut self.stream).take(wanted).read_to_end(&mut self.raw)?;
            self.ended = read == 0;
            let units: Vec<u16> = self
                .raw
                .chunks_exact(2)
                .filter_map(<[u8]>::first_chunk::<2>)
                .map(|pair| unit(*pair, self.endian))
                .collect();
            // The first half of a pair waits for the second.
            let whole = match units.last() {
                Some(0xd800..=0xdbff) if !self.ended => units.len() - 1,
                _ => units.len(),
            };
            let used = units.get(..whole).unwrap_or_default();
            for decoded in char::decode_utf16(used.iter().copied()) {
                let mut bytes = [0; 4];
                let character = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
                if character != '\u{feff}' {
                    self.text.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
                }
            }
            self.raw.drain(..(whole * 2).min(self.raw.len()));
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf16Reader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.text.len() {
            self.refill()?;
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let count = rest.len().min(into.len());
        for (to, from) in into.iter_mut().zip(rest) {
            *to = *from;
        }
        self.at += count;
        Ok(count)
    }
}

/// A text of the same length: bytes that are no UTF-8 become question marks, so that every place stays where it is.
pub(super) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, endian: Endian) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| match endian {
                Endian::Little => unit.to_le_bytes(),
                Endian::Big => unit.to_be_bytes(),
            })
            .collect()
    }

    #[test]
    fn what_files_are() {
        assert_eq!(classify(b""), Content::Text);
        assert_eq!(classify("é text".as_bytes()), Content::Text);
        assert_eq!(classify(b"\xff\xfea"), Content::Text);
        assert_eq!(classify(b"abc\0def"), Content::Binary);
        assert_eq!(classify(b"PK\x03\x04...."), Content::Zip);
        assert_eq!(classify(b"\x1f\x8b\x08\0"), Content::Gzip);
        assert_eq!(classify(b"\xff\xfe\0\0a\0\0\0"), Content::Binary);
        assert_eq!(classify(&[&[0x7f], &b"ELF"[..], &[2, 0, 1, 0].repeat(300)].concat()), Content::Binary);
        for endian in [Endian::Little, Endian::Big] {
            assert_eq!(classify(&utf16("\u{feff}key = 1 é", endian)), Content::Utf16(endian));
            assert_eq!(classify(&utf16("token = \"of some length\"\r\n", endian)), Content::Utf16(endian));
        }
        // 32-bit numbers are no text.
        let numbers: Vec<u8> = (0..500_u32).flat_map(u32::to_le_bytes).collect();
        assert_eq!(classify(&numbers), Content::Binary);
    }

    /// Gives a byte at a time, as a slow pipe does.
    struct Drip<'b>(&'b [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let mut one = self.0.get(..1.min(into.len())).unwrap_or_default();
            let read = one.read(into)?;
            self.0 = &self.0[read..];
            Ok(read)
        }
    }

    #[test]
    fn utf16_becomes_utf8_whatever_the_pieces() {
        let text = "ghp 😀 é\r\nline ".repeat(3000);
        for endian in [Endian::Little, Endian::Big] {
            let bytes = utf16(&format!("\u{feff}{text}"), endian);
            let mut read = String::new();
            Utf16Reader::new(Drip(&bytes), endian).read_to_string(&mut read).unwrap();
            assert_eq!(read, text);
        }
        // Half a pair, and half a unit at the end.
        let mut broken = String::new();
        Utf16Reader::new(&[0x3d, 0xd8, 0x41, 0, 0x42][..], Endian::Little)
            .read_to_string(&mut broken)
            .unwrap();
        assert_eq!(broken, "\u{fffd}A");
    }
}
