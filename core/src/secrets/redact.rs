//! Masks the secrets of a stream, whatever the pieces in which it comes.

use agentfirewall_sdk::{Confidence, Finding};

use super::decode;
use super::engine::{Engine, EngineError};
use super::salt::Salt;

/// How much is held back at most, in bytes. A longer line, or a longer stretch that could be one secret, goes out in parts.
const HELD: usize = 256 * 1024;
/// How much of what is held stays when a part goes out: more than the longest secret a detector knows.
const OVERLAP: usize = 64 * 1024;
/// How much of what went out is looked at again with what comes: a name may stand some lines before its value.
const BEFORE: usize = 1024;
/// A private key is not longer.
const KEY: usize = 16 * 1024;
const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";

/// Takes a stream in pieces and gives it back with tags in the place of secrets.
///
/// A line is given back as soon as it is complete and what follows could not belong to a secret in it. Bytes that are no
/// text are given back as they are.
#[derive(Debug)]
pub struct Redactor<'e> {
    engine: &'e Engine<'e>,
    salt: &'e Salt,
    least: Confidence,
    /// What was given back already (in its original form), and then what was not.
    bytes: Vec<u8>,
    /// Where the second part begins.
    done: usize,
    /// Where a search for the end of a line goes on.
    looked: usize,
}

impl<'e> Redactor<'e> {
    /// Masks what is found with at least this confidence.
    pub const fn new(engine: &'e Engine<'e>, salt: &'e Salt, least: Confidence) -> Self {
        Self { engine, salt, least, bytes: Vec::new(), done: 0, looked: 0 }
    }

    /// Takes the next piece, and appends what can be given back by now.
    ///
    /// # Errors
    ///
    /// A detector failed: what is held back was not judged and must not be given back.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), EngineError> {
        // A piece may be larger than what is to be held.
        for part in piece.chunks(HELD) {
            self.bytes.extend_from_slice(part);
            let ready = self.ready();
            if ready > self.done {
                self.give(ready, false, out)?;
            }
            while self.bytes.len() - self.done > HELD {
                self.give(self.bytes.len() - OVERLAP, true, out)?;
            }
        }
        Ok(())
    }

    /// Appends what is left at the end of the stream.
    ///
    /// # Errors
    ///
    /// As for [`Redactor::push`].
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), EngineError> {
        self.give(self.bytes.len(), false, out)
    }

    /// The end of the last line in which nothing can go on.
    fn ready(&mut self) -> usize {
        let new = self.bytes.get(self.looked.max(self.done)..).unwrap_or_default();
        if memchr::memchr(b'\n', new).is_none() {
            self.looked = self.bytes.len();
            return self.done;
        }
        self.looked = self.bytes.len();
        let held = self.bytes.get(self.done..).unwrap_or_default();
        let mut end = memchr::memrchr(b'\n', held).map_or(0, |at| at + 1);
        let recent = end.saturating_sub(KEY);
        let part = held.get(recent..end).unwrap_or_default();
        if let Some(begin) = memchr::memmem::rfind(part, BEGIN)
            && memchr::memmem::find(part.get(begin..).unwrap_or_default(), END).is_none()
        {
            // The whole line with the beginning waits: a number may stand before it.
            end =
                memchr::memrchr(b'\n', held.get(..recent + begin).unwrap_or_default()).map_or(0, |at| at + 1);
        }
        while let Some(line_end) = end.checked_sub(1) {
            let start =
                memchr::memrchr(b'\n', held.get(..line_end).unwrap_or_default()).map_or(0, |at| at + 1);
            if !decode::goes_on(held.get(start..line_end).unwrap_or_default()) {
                break;
            }
            end = start;
        }
        self.done + end
    }

    /// Gives back what lies before a place. `cut` says that the place is none at which a secret ends.
    fn give(&mut self, ready: usize, cut: bool, out: &mut Vec<u8>) -> Result<(), EngineError> {
        let text = of_equal_length(&self.bytes);
        let mut findings = self.engine.scan_text(&text)?.findings;
        findings.retain(|finding| finding.confidence >= self.least);
        let mut ready = ready;
        let mut done = self.done;
        for Finding { span, detector, .. } in &findings {
            if span.end <= done {
                continue;
            }
            if span.start >= ready {
                break;
            }
            // It may become longer yet. One that fills everything is masked as far as it goes.
            let unfinished = span.end > ready && (cut || span.end == text.len());
            if unfinished && span.start > done && ready < text.len() {
                ready = span.start;
                break;
            }
            out.extend_from_slice(self.bytes.get(done..span.start).unwrap_or_default());
            let secret = text.get(span.clone()).unwrap_or_default();
            out.extend_from_slice(self.salt.tag(detector, secret).as_bytes());
            done = span.end;
        }
        ready = ready.max(done);
        out.extend_from_slice(self.bytes.get(done..ready).unwrap_or_default());
        let from = ready.saturating_sub(BEFORE);
        self.bytes.drain(..from);
        self.done = ready - from;
        self.looked = self.looked.saturating_sub(from);
        Ok(())
    }
}

/// The bytes as text, one sign that belongs to no secret for each byte that is none, so that places stay the same.
fn of_equal_length(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{1}'));
    }
    text
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "tests cut ASCII")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::registry::Registry;

    fn engine() -> &'static Engine<'static> {
        static ENGINE: std::sync::OnceLock<Engine<'static>> = std::sync::OnceLock::new();
        ENGINE.get_or_init(|| {
            agentfirewall_plugins::link();
            Engine::new(&Registry::from_linked().unwrap(), &[]).unwrap()
        })
    }

    fn salt() -> &'static Salt {
        static SALT: std::sync::OnceLock<Salt> = std::sync::OnceLock::new();
        SALT.get_or_init(Salt::random)
    }

    fn redacted<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> Vec<u8> {
        let mut redactor = Redactor::new(engine(), salt(), Confidence::Medium);
        let mut out = Vec::new();
        for piece in pieces {
            redactor.push(piece, &mut out).unwrap();
            assert!(redactor.bytes.len() <= 2 * HELD + BEFORE, "{} bytes are held", redactor.bytes.len());
        }
        redactor.finish(&mut out).unwrap();
        out
    }

    const TOKEN: &str = concat!("ghp", "_StZsxnTSWsbCBpWUedoB6SJ95Ypuie0AKxrk");
    const BODY: &str = "oLjEw/A+whi386pTh/8QZIeuinc/ZSttd9vpg8gcxVoTzhluoiPINRGJ1plGBIdf";

    fn key() -> String {
        let line = format!("{BODY}\n");
        format!("-----BEGIN RSA PRIVATE KEY-----\n{}-----END RSA PRIVATE KEY-----\n", line.repeat(20))
    }

    fn holds(out: &[u8], part: &str) -> bool {
        memchr::memmem::find(out, part.as_bytes()).is_some()
    }

    #[test]
    fn a_line_is_out_once_nothing_in_it_can_go_on() {
        let mut redactor = Redactor::new(engine(), salt(), Confidence::Medium);
        let mut step = |piece: &str| {
            let mut out = Vec::new();
            redactor.push(piece.as_bytes(), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(step("a first line\n"), "a first line\n");
        assert_eq!(step("half of a"), "");
        assert_eq!(step(" line\nand"), "half of a line\n");
        let tag = salt().tag("github-token", TOKEN);
        assert_eq!(step(&format!(" token={}", &TOKEN[..20])), "");
        assert_eq!(step(&format!("{} end\n", &TOKEN[20..])), format!("and token={tag} end\n"));
        assert_eq!(step(&format!("7: -----BEGIN RSA {} KEY-----\n", "PRIVATE")), "");
        assert_eq!(step(&format!("8: {BODY}\n")), "");
        assert!(
            step(&format!("9: -----END RSA {} KEY-----\n", "PRIVATE")).starts_with("7: [secret:private-key#")
        );
        assert_eq!(step("\"joined\" +\n"), "");
        assert_eq!(step("  other\n"), "\"joined\" +\n  other\n");
    }

    #[test]
    fn bytes_that_are_no_text_stay_as_they_are() {
        let mut bytes: Vec<u8> = (0..=255).collect();
        bytes.extend_from_slice(TOKEN.as_bytes());
        bytes.extend((0..=255).rev());
        let out = redacted(bytes.chunks(7));
        let tag = salt().tag("github-token", TOKEN);
        let expected: Vec<u8> = (0..=255).chain(tag.bytes()).chain((0..=255).rev()).collect();
        assert_eq!(out, expected);
    }

    #[test]
    fn a_line_without_an_end_is_given_back_in_parts_and_masked_at_every_place() {
        let unit = format!("{}{TOKEN},", "filler, ".repeat(4000));
        let text = unit.repeat(40);
        let out = redacted(text.as_bytes().chunks(9973));
        assert!(!holds(&out, &TOKEN[4..]));
        assert_eq!(String::from_utf8(out).unwrap().matches("[secret:github-token#").count(), 40);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_comes_out_never_holds_the_secret_whatever_the_pieces(
            parts in prop::collection::vec(0..9_usize, 1..12), sizes in prop::collection::vec(1..200_usize, 1..40),
        ) {
            let text: String = parts.iter().map(|part| match part {
                0 => format!("token: {TOKEN}\n"),
                1 => key(),
                2 => key().lines().zip(1..).map(|(line, number)| format!("{number:6}\t{line}\n")).collect(),
                3 => format!("a = \"{}\" + \\\n   \"{}\"\n", &TOKEN[..14], &TOKEN[14..]),
                4 => decode::tests::encoded(2, &format!("x = {TOKEN}\n")) + "\n",
                5 => decode::tests::encoded(8, TOKEN) + "\n",
                6 => "an ordinary line\n".repeat(9),
                7 => "é no end of line, ".to_owned(),
                _ => format!("T={}\\\n{}\n", &TOKEN[..9], &TOKEN[9..]),
            }).collect();
            let mut rest = text.as_bytes();
            let mut sizes = sizes.iter().cycle();
            let out = redacted(std::iter::from_fn(|| {
                let (piece, behind) = rest.split_at((*sizes.next()?).min(rest.len()));
                rest = behind;
                (!piece.is_empty()).then_some(piece)
            }));
            prop_assert!(!holds(&out, &TOKEN[4..]) && !holds(&out, &TOKEN[14..]) && !holds(&out, &BODY[3..]));
            let again = engine().scan_text(&String::from_utf8_lossy(&out)).unwrap().findings;
            prop_assert!(!again.iter().any(|finding| finding.confidence == Confidence::High), "{}", String::from_utf8_lossy(&out));
            let whole = redacted(std::iter::once(text.as_bytes()));
            prop_assert_eq!(String::from_utf8(out).unwrap(), String::from_utf8(whole).unwrap());
        }
    }
}
