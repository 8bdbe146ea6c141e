//! Private keys in PEM (RFC 7468) and OpenPGP armour, as a block, in JSON with `\n`, or in one line.

use std::ops::Range;

use super::encoded::decode;
use super::text::{from, variety};
use agentfirewall_sdk::{Confidence, Finding, Scan, Severity};

/// A key of 16,384 bits is about 12,800 characters long.
const LONGEST: usize = 16 * 1024;
/// The shortest body of a real key: an Ed25519 key has 64 characters.
const SHORTEST: usize = 60;
/// How long a text may be, in bytes, that somebody repeats to fill a key that is none.
const MOST_REPEATED: usize = 24;
/// How every block begins.
pub(super) const BEGIN: &[u8] = b"-----BEGIN";
const DASHES: &[u8] = b"-----";

/// A private key in a text.
pub(super) struct Key {
    /// From the first to the last dash; to the end of the body where the last line is missing.
    pub span: Range<usize>,
    /// Whether it needs a passphrase.
    pub encrypted: bool,
}

/// The private key whose `-----BEGIN` stands here.
pub(super) fn key_at(bytes: &[u8], at: usize) -> Option<Key> {
    let rest = from(bytes, at).strip_prefix(BEGIN)?;
    let rest = rest.get(..LONGEST).unwrap_or(rest);
    let label_length = rest.iter().take(48).position(|byte| *byte == b'-')?;
    let (label, rest) = rest.split_at_checked(label_length)?;
    if !label.windows(11).any(|window| window == b"PRIVATE KEY") {
        return None;
    }
    let rest = rest.strip_prefix(DASHES)?;
    let start = at + BEGIN.len() + label_length + DASHES.len();

    let mut body = Body { bytes: Vec::with_capacity(SHORTEST), length: 0, line: Line::default() };
    let mut end = start;
    let mut escaped = false;
    for (offset, byte) in rest.iter().enumerate() {
        match byte {
            // The letter of `\n` or `\r` is no part of the key.
            b'n' | b'r' | b't' if escaped => {
                escaped = false;
                body.ends_line();
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => {
                escaped = false;
                body.push(*byte);
                end = start + offset + 1;
            }
            b'\\' => escaped = true,
            b'-' if from(rest, offset).starts_with(DASHES) => {
                let closing = from(rest, offset + DASHES.len());
                let label = closing.iter().take(64).position(|byte| *byte == b'-');
                if let Some(label) = label
                    && closing.starts_with(b"END")
                    && from(closing, label).starts_with(DASHES)
                {
                    end = start + offset + 2 * DASHES.len() + label;
                }
                break;
            }
            b'\n' | b'\r' | b' ' | b'\t' | b'"' => {
                escaped = false;
                body.ends_line();
            }
            b'-' | b'_' => {
                escaped = false;
                // Before a line it is the sign of a patch or of a list.
                body.line.joined |= body.line.length > 0;
            }
            b':' => {
                escaped = false;
                body.line.header = true;
            }
            // Line ends, headers (`DEK-Info: AES-256-CBC,0F3A`), string literals joined over lines, comment signs.
            b'\'' | b'`' | b',' | b'#' | b'*' | b'|' | b'>' | b';' | b'(' | b')' | b'@' => escaped = false,
            _ => break,
        }
    }
    // Real keys use nearly the whole alphabet; `AAAA...` and `MIIE...` with points do not get this far.
    body.ends_line();
    if body.length < SHORTEST || variety(&body.bytes) < 20 || repeats(&body.bytes) {
        return None;
    }
    let head = rest.get(..200).unwrap_or(rest);
    let encrypted = [label, head].iter().any(|part| part.windows(9).any(|window| window == b"ENCRYPTED"));
    Some(Key { span: at..end, encrypted })
}

/// The letters of a key, without those of lines that no key has.
struct Body {
    bytes: Vec<u8>,
    length: usize,
    line: Line,
}

/// How much the line has that is open, and what speaks against it.
#[derive(Default)]
struct Line {
    length: usize,
    kept: usize,
    /// The last was a mark of names or of prose, such as in `this-is-not-a-key`.
    joined: bool,
    broken: bool,
    /// `DEK-Info: AES-256-CBC,0F3A`
    header: bool,
}

impl Body {
    fn push(&mut self, byte: u8) {
        self.line.broken |= self.line.joined;
        self.line.length += 1;
        self.length += 1;
        if self.bytes.len() < 512 {
            self.line.kept += 1;
            self.bytes.push(byte);
        }
    }

    fn ends_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.broken && !line.header {
            self.length -= line.length;
            self.bytes.truncate(self.bytes.len() - line.kept);
        }
    }
}

/// Whether it says one short text again and again, which chance does not do.
fn repeats(body: &[u8]) -> bool {
    let bytes = decode(body).unwrap_or_default();
    (1..=MOST_REPEATED.min(bytes.len() / 3))
        .any(|period| bytes.iter().zip(from(&bytes, period)).all(|(one, two)| one == two))
}

fn detect(scan: &mut Scan<'_>) {
    let bytes = scan.text().as_bytes();
    for &at in scan.hits() {
        if let Some(key) = key_at(bytes, at) {
            let (confidence, severity) = if key.encrypted {
                (Confidence::Medium, Severity::High)
            } else {
                (Confidence::High, Severity::Critical)
            };
            scan.report(Finding::new(key.span, confidence, severity));
        }
    }
}

coded! {
    PrivateKey => detect;
    id: "private-key",
    summary: "private keys in PEM or OpenPGP armour: RSA, EC, DSA, OpenSSH, PKCS#8, PGP",
    why: "a private key is an identity: a login, a signature, a server's certificate",
    examples: [
        concat!("-----BEGIN OPENSSH PRIVATE", " KEY-----\noLjEw/A+whi386pTh/8QZIeuinc/ZSttd9vpg8gcxVoTzhluoiPINRGJ1plGBIdf\n-----END OPENSSH PRIVATE KEY-----\n"),
        concat!("-----BEGIN RSA PRIVATE", r" KEY-----\noLjEw/A+whi386pTh/8QZIeuinc/ZSttd9vpg8gcxVoTzhluoiPINRGJ1plGBIdf\n-----END RSA PRIVATE KEY-----\n"),
        concat!("key=-----BEGIN EC PRIVATE", " KEY----- oLjEw/A+whi386pTh/8QZIeuinc/ZSttd9vpg8gcxVoTzhluoiPINRGJ1plGBIdf"),
        concat!("-----BEGIN PGP PRIVATE", " KEY BLOCK-----\nVersion: 2\n\noLjEw/A+whi386pTh/8QZIeuinc/ZSttd9vpg8gcxVoTzhluoiPINRGJ1plGBIdf\n-----END PGP PRIVATE KEY BLOCK-----"),
    ],
    negatives: [
        "-----BEGIN PUBLIC KEY-----\noLjEw/A+whi386pTh/8QZIeuinc/ZSttd9vpg8gcxVoTzhluoiPINRGJ1plGBIdf\n-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----\noLjEw/A+whi386pTh/8QZIeuinc/ZSttd9vpg8gcxVoTzhluoiPINRGJ1plGBIdf\n-----END CERTIFICATE-----",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqh...\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nthis-is-no-key_only-a-sample-for-the-tests-of-our-parser-0123456789-ABCDEFGHIJ\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nc2FtcGxlIGtleSBzYW1wbGUga2V5IHNhbXBsZSBrZXkgc2FtcGxlIGtleSBzYW1wbGUga2V5IHNhbXBsZSBrZXkg\n-----END PRIVATE KEY-----",
        "if line.startswith(\"-----BEGIN RSA PRIVATE KEY-----\"): return parse_the_private_key_of_the_file(line, password=None)",
    ],
    keywords: ["-----BEGIN"],
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "oLjEw/A+whi386pTh/8QZIeuinc/ZSttd9vpg8gcxVoTzhluoiPINRGJ1plGBIdf";

    #[test]
    fn the_whole_block_is_the_secret_and_nothing_after_it() {
        let text =
            format!("x -----BEGIN PRIVATE KEY-----\\n{BODY}\\n-----END PRIVATE KEY-----\\n\", \"y\": 1");
        let key = key_at(text.as_bytes(), 2).unwrap();
        let block = text.get(key.span).unwrap();
        assert!(block.starts_with("-----BEGIN") && block.ends_with("-----END PRIVATE KEY-----"));
    }

    #[test]
    fn encrypted_keys_are_known() {
        for text in [
            format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{BODY}"),
            format!(
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0F3A\n\n{BODY}"
            ),
        ] {
            assert!(key_at(text.as_bytes(), 0).unwrap().encrypted, "{text}");
        }
        assert!(!key_at(format!("-----BEGIN PRIVATE KEY-----\n{BODY}").as_bytes(), 0).unwrap().encrypted);
    }
}
