//! What the detectors share: runs of characters, boundaries, checksums, and how to tell a placeholder from a secret.
//!
//! Every helper looks at a bounded piece of the text, so that a detector stays linear however hostile the text is.

use agentfirewall_sdk::{Confidence, Finding, Scan, Severity, keywords};

/// A class of bytes.
pub(super) type Class = fn(u8) -> bool;

/// `0-9A-Za-z`
pub(super) const fn alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// `0-9A-Za-z_-`: base64url.
pub(super) const fn url_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// `0-9A-Za-z+/=`: base64 with its padding.
pub(super) const fn base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// `0-9a-f`
pub(super) const fn hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// `0-9A-Za-z_`
pub(super) const fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// `0-9`
pub(super) const fn digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

/// The bytes from a place on; empty past the end.
pub(super) fn from(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..).unwrap_or_default()
}

/// A piece of the bytes; empty where there is none.
pub(super) fn piece(bytes: &[u8], start: usize, end: usize) -> &[u8] {
    bytes.get(start..end).unwrap_or_default()
}

/// How many bytes of a class follow from a place on, at most `limit`.
pub(super) fn run(bytes: &[u8], at: usize, limit: usize, class: Class) -> usize {
    from(bytes, at).iter().take(limit).take_while(|byte| class(**byte)).count()
}

/// How many bytes of a class stand before a place, at most `limit`.
pub(super) fn run_back(bytes: &[u8], at: usize, limit: usize, class: Class) -> usize {
    bytes.get(..at).unwrap_or_default().iter().rev().take(limit).take_while(|byte| class(**byte)).count()
}

/// Whether a token can begin here: what stands before is no part of a longer word. The letter of an escape (`\n`,
/// `%3D`, `\u003d`) is no part of a word.
pub(super) fn begins(bytes: &[u8], at: usize) -> bool {
    let before = |distance: usize| at.checked_sub(distance).and_then(|at| bytes.get(at)).copied();
    // `box.ico-7a38` is a file's name.
    let name = before(1) == Some(b'.') && before(2).is_some_and(|byte: u8| byte.is_ascii_alphanumeric());
    keywords::begins(bytes, at) && !name
}

/// One form of a token: a literal, then a run of a class.
pub(super) struct Shape {
    /// The literal it begins with, in its true case.
    pub prefix: &'static str,
    /// What follows.
    pub class: Class,
    /// The least and the greatest length of what follows. The run must end within it.
    pub length: (usize, usize),
    /// How sure the shape alone makes it; the whole token is given. `None` is no finding.
    pub judge: fn(&[u8]) -> Option<Confidence>,
    /// How bad a leak is.
    pub severity: Severity,
}

impl Shape {
    /// A token that nothing else looks like.
    pub(super) const fn sure(prefix: &'static str, class: Class, length: (usize, usize)) -> Self {
        Self { prefix, class, length, judge: |_| Some(Confidence::High), severity: Severity::High }
    }

    /// The same shape with another severity.
    pub(super) const fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// The same shape with a check of the whole token.
    pub(super) const fn judged(self, judge: fn(&[u8]) -> Option<Confidence>) -> Self {
        Self { judge, ..self }
    }
}

/// Reports every token of one of the shapes that begins at a hit.
pub(super) fn shaped(scan: &mut Scan<'_>, shapes: &[Shape]) {
    let bytes = scan.text().as_bytes();
    for &at in scan.hits() {
        let here = from(bytes, at);
        for shape in shapes {
            if !here.starts_with(shape.prefix.as_bytes()) || !begins(bytes, at) {
                continue;
            }
            let start = at + shape.prefix.len();
            let (least, greatest) = shape.length;
            let length = run(bytes, start, greatest + 1, shape.class);
            if length < least || length > greatest {
                continue;
            }
            let end = start + length;
            // A letter outside the class belongs to a longer word of another kind.
            if bytes.get(end).is_some_and(|next| word(*next)) || dummy(piece(bytes, start, end)) {
                continue;
            }
            if let Some(confidence) = (shape.judge)(piece(bytes, at, end)) {
                scan.report(Finding::new(at..end, confidence, shape.severity));
                break;
            }
        }
    }
}

/// The table of the reflected CRC-32 of IEEE 802.3, made when the crate is compiled.
const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the counter stays below 256")]
        let mut value = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xEDB8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, the counter stays below 256")]
        {
            table[byte] = value;
        }
        byte += 1;
    }
    table
};

/// CRC-32 as in zlib.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        let [low, ..] = crc.to_le_bytes();
        let entry = CRC_TABLE.get(usize::from(low ^ byte)).copied().unwrap_or_default();
        entry ^ (crc >> 8)
    })
}

/// Whether the last six characters are the CRC-32 of the others in base 62 (`0-9A-Za-z`, padded with zeros): the
/// checksum of GitHub's and npm's tokens.
pub(super) fn crc_base62_holds(body: &[u8]) -> bool {
    let Some((random, checksum)) = body.split_last_chunk::<6>() else { return false };
    let value = checksum.iter().try_fold(0_u64, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        Some(value * 62 + u64::from(digit))
    });
    value == Some(u64::from(crc32(random)))
}

/// Shannon's entropy in bits per byte. Only the first 255 bytes count.
pub(super) fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0_u8; 256];
    let mut total = 0_u8;
    for byte in bytes.iter().take(255) {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
        total += 1;
    }
    let total = f32::from(total);
    counts.iter().filter(|count| **count > 0).fold(0.0, |sum, count| {
        let share = f32::from(*count) / total;
        sum - share * share.log2()
    })
}

/// How many different bytes there are.
pub(super) fn variety(bytes: &[u8]) -> u32 {
    let mut seen = [0_u64; 4];
    for byte in bytes {
        if let Some(word) = seen.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }
    seen.iter().map(|word| word.count_ones()).sum()
}

/// Whether one of the words stands in the bytes, whatever its ASCII case.
pub(super) fn has_word(bytes: &[u8], words: &[&str]) -> bool {
    // A bit for the lower five bits of what a word begins with, which a letter has in both cases: most places have none of them.
    let bit = |byte: u8| 1_u32 << (byte & 31);
    let firsts =
        words.iter().filter_map(|word| word.as_bytes().first()).fold(0, |all, byte| all | bit(*byte));
    bytes.iter().enumerate().filter(|(_, byte)| firsts & bit(**byte) != 0).any(|(at, byte)| {
        let here = from(bytes, at);
        words.iter().map(|word| word.as_bytes()).any(|word| {
            word.first().is_some_and(|first| bit(*first) == bit(*byte))
                && here.get(..word.len()).is_some_and(|here| here.eq_ignore_ascii_case(word))
        })
    })
}

/// Whether the random part of a token stands for one: a word that says so, or nothing but what people fill in (`xxxx`, `0000`).
pub(super) fn blank(body: &[u8]) -> bool {
    let filling = |byte: u8| matches!(byte, b'x' | b'X' | b'0' | b'*' | b'.' | b'-' | b'_' | b'/');
    let filled = body.iter().filter(|byte| filling(**byte)).count();
    filled * 5 >= body.len() * 4
        || has_word(body, &["example", "xxxxx", "changeme", "placeholder", "redacted", "your_", "your-"])
        || has_run(body, 26, |left, right| left.checked_add(1) == Some(right))
        || body.windows(8).any(|eight| eight.iter().all(|byte| *byte == b'0' || *byte == b'*'))
}

/// How many characters stand in stretches of at least six in order (`123456`, `aBcDeF`) or of one character.
pub(super) fn ordered(body: &[u8]) -> usize {
    let mut total = 0;
    let (mut same, mut rising) = (1, 1);
    let mut count = |run: usize| total += if run >= 6 { run } else { 0 };
    for pair in body.windows(2) {
        let &[left, right] = pair else { continue };
        let (left, right) = (left.to_ascii_lowercase(), right.to_ascii_lowercase());
        if left == right {
            same += 1;
        } else {
            count(same);
            same = 1;
        }
        if left.checked_add(1) == Some(right) {
            rising += 1;
        } else {
            count(rising);
            rising = 1;
        }
    }
    count(same);
    count(rising);
    total
}

/// Whether the random part of a token was typed, not drawn: few different characters, one character six times in a row, a
/// stretch of eight in order (`12345678`, `abcdefgh`).
pub(super) fn typed(body: &[u8]) -> bool {
    repeated(body) || has_run(body, 8, |left, right| left.checked_add(1) == Some(right))
}

/// Whether a token's random part is of few different characters, or has one six times in a row.
pub(super) fn repeated(body: &[u8]) -> bool {
    let needed = if body.len() >= 16 { 5 } else { 3 };
    variety(body) < needed || has_run(body, 6, |left, right| left == right)
}

fn has_run(body: &[u8], least: usize, goes_on: fn(u8, u8) -> bool) -> bool {
    let mut length = 1;
    body.windows(2).any(|pair| {
        let &[left, right] = pair else { return false };
        length = if goes_on(left, right) { length + 1 } else { 1 };
        length >= least
    })
}

/// Whether the random part of a token was typed or stands for one.
pub(super) fn dummy(body: &[u8]) -> bool {
    blank(body) || typed(body)
}

/// Whether a value stands for a secret that is elsewhere, or for none: a reference, a template, a name, a hint.
pub(super) fn placeholder(value: &[u8]) -> bool {
    const WORDS: [&str; 27] = [
        "example",
        "xxxx",
        "****",
        "....",
        "change",
        "placeholder",
        "redacted",
        "your",
        "dummy",
        "sample",
        "insert",
        "replace",
        "todo",
        "fake",
        "secret:",
        "none",
        "null",
        "undefined",
        "test",
        "foobar",
        "not-a-",
        "notreal",
        "hidden",
        "masked",
        "removed",
        "<",
        ">",
    ];
    value.is_empty()
        || value
            .first()
            .is_some_and(|byte| matches!(byte, b'$' | b'{' | b'%' | b'<' | b'[' | b'(' | b'@' | b'!' | b'&'))
        || blank(value)
        || value.windows(2).any(|pair| matches!(pair, b"${" | b"{{" | b"$(" | b"#{" | b"}}"))
        || has_word(value, &WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_agree_with_the_published_values() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert!(crc_base62_holds(b"M7H4jxUDDWHP4kZ6A4dxlQYsQIWJuq11T4V4"));
        assert!(!crc_base62_holds(b"M7H4jxUDDWHP4kZ6A4dxlQYsQIWJuq11T4V5"));
        assert!(!crc_base62_holds(b"short"));
    }

    #[test]
    fn tokens_begin_after_what_is_no_word() {
        for (text, at) in
            [("ghp", 0), ("=ghp", 1), ("_ghp", 1), ("\\nghp", 2), ("%3Dghp", 3), ("\\u003dghp", 6)]
        {
            assert!(begins(text.as_bytes(), at), "{text}");
        }
        for (text, at) in [("aghp", 1), ("nghp", 1), ("3Dghp", 2), ("x3dghp", 3)] {
            assert!(!begins(text.as_bytes(), at), "{text}");
        }
    }

    #[test]
    fn dummies_are_told_from_random_text() {
        for body in
            ["xxxxxxxxxxxxxxxxxxxx", "12345678901234567890", "abcdefghijklmnopqrst", "0000000000aB3dE5fG7h"]
        {
            assert!(dummy(body.as_bytes()), "{body}");
        }
        for body in ["G0ndLrIO445DbeF0cNNd", "f95247f2866028de71159b42b4ea410f"] {
            assert!(!dummy(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn words_are_found_as_a_plain_search_finds_them() {
        // Texts and words of a few signs, some of which have their lower bits in common.
        let signs = ["a", "A", "<", "é", "\u{1}", "!", "b"];
        let word = |mut number: usize, length: usize| {
            let mut text = String::new();
            for _ in 0..length {
                text.push_str(signs[number % signs.len()]);
                number /= signs.len();
            }
            text
        };
        for number in 0..signs.len().pow(4) {
            let text = word(number, 4);
            for other in 0..signs.len().pow(2) {
                let words = [word(other, 1), word(other, 2), word(other * 31, 3)];
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let plain = words.iter().any(|word| {
                    text.as_bytes().windows(word.len()).any(|here| here.eq_ignore_ascii_case(word.as_bytes()))
                });
                assert_eq!(has_word(text.as_bytes(), &words), plain, "{text:?} {words:?}");
            }
        }
        assert!(!has_word(b"text", &[]));
    }

    #[test]
    fn entropy_of_known_distributions() {
        assert!(entropy(b"aaaa").abs() < 1e-6);
        assert!((entropy(b"abab") - 1.0).abs() < 1e-6);
        assert!((entropy(b"abcdefgh") - 3.0).abs() < 1e-6);
    }
}
