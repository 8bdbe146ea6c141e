//! Looks behind encodings: what a text says in base64, in hexadecimal digits, behind escapes, or in pieces.
//!
//! Value first, because this runs on every clean text: two passes look for nothing but places at which an encoding could
//! hide a token, a run of 16 digits of base64 ([`runs`]) and an escape inside a run ([`rewrite`]). Only what reads as
//! text there is decoded, only decoded text in which the prefilter sees a keyword is judged, and what is decoded is
//! decoded again, [`DEPTH`] times in all. Nothing is allocated before a place passes the first test.
//!
//! There is no budget that a hostile text could use up to hide a secret behind it: a layer decodes each byte of the text a
//! fixed number of times, so work and memory are bounded by the length of the text alone.

mod base64;
mod entity;
mod escape;
mod hex;
mod join;
mod lines;
mod percent;
mod piece;
mod rewrite;
mod runs;
#[cfg(test)]
pub(super) mod tests;
mod variables;
#[cfg(test)]
mod wrappings;

use agentfirewall_sdk::Finding;

use self::piece::Piece;

/// How many encodings may lie around each other.
pub(super) const DEPTH: usize = 3;
/// No secret that a detector knows fits into less, in whatever encoding.
const SHORTEST: usize = 16;
/// The longest decoded value (in bytes) that is also judged beside the name it is given to.
const NAMED_LIMIT: usize = 512;

/// Who judges a decoded text.
pub(super) trait Look {
    /// Why a text could not be judged.
    type Error;
    /// The secrets in a text, without looking behind encodings.
    fn look(&mut self, text: &str) -> Result<Vec<Finding>, Self::Error>;
    /// Whether a keyword of a detector stands in a name.
    fn telling(&mut self, name: &str) -> bool;
}

/// Appends what the encoded parts of a text hold. Each finding's place is the smallest encoded part that covers the
/// secret.
pub(super) fn through<L: Look>(
    text: &str,
    look: &mut L,
    findings: &mut Vec<Finding>,
) -> Result<(), L::Error> {
    deeper(text, DEPTH, look, findings)
}

/// Whether what a line ends with may go on in the next one: a run of digits that are text, a literal, a backslash. A caller
/// who has a text line by line waits for the next one.
pub(super) fn goes_on(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    join::goes_on(line) || runs::goes_on(line)
}

fn deeper<L: Look>(
    text: &str,
    depth: usize,
    look: &mut L,
    findings: &mut Vec<Finding>,
) -> Result<(), L::Error> {
    if depth == 0 || text.len() < SHORTEST {
        return Ok(());
    }
    let mut each = |piece: &Piece| {
        let inner = judged(text, piece, depth, look)?;
        findings.extend(inner.into_iter().filter_map(|mut finding| {
            let span = piece.back(finding.span)?;
            // What lies outside the text or inside a character is no place in it.
            text.get(span.clone()).filter(|covered| !covered.is_empty())?;
            finding.span = span;
            Some(finding)
        }));
        Ok(())
    };
    rewrite::pieces(text, &mut each)?;
    lines::pieces(text, &mut each)?;
    variables::pieces(text, &mut each)?;
    runs::pieces(text, &mut each)
}

/// What a decoded piece holds: as it is, beside the name it is given to, and behind its own encodings.
fn judged<L: Look>(outer: &str, piece: &Piece, depth: usize, look: &mut L) -> Result<Vec<Finding>, L::Error> {
    let text = piece.text.as_str();
    let mut findings = look.look(text)?;
    if let Some(value) = piece.value()
        && value.len() <= NAMED_LIMIT
        && let Some(name) = piece.name(outer)
        && look.telling(name)
        && let Some(decoded) = text.get(value.clone())
    {
        let quote = ["\"", "'", "`"].into_iter().find(|quote| !decoded.contains(quote)).unwrap_or_default();
        let composed = format!("{name}={quote}{decoded}{quote}");
        let begin = name.len() + 1 + quote.len();
        for mut finding in look.look(&composed)? {
            if finding.span.start >= begin && finding.span.end <= begin + decoded.len() {
                finding.span =
                    finding.span.start - begin + value.start..finding.span.end - begin + value.start;
                findings.push(finding);
            }
        }
    }
    findings.retain(|finding| piece.counts(&finding.span));
    deeper(text, depth - 1, look, &mut findings)?;
    Ok(findings)
}
