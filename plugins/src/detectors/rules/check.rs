//! What code has to say of a token: checksums and what stands inside.

use agentfirewall_sdk::Confidence;

use crate::detectors::encoded::decode;
use crate::detectors::text::{crc_base62_holds, dummy, variety};

/// The greatest confidence that a token may have; `None` if it is none.
type Check = fn(&[u8]) -> Option<Confidence>;

/// In the order of `CHECKS` in `build/write.rs`, behind the one of a rule without a check.
const CHECKS: [Check; 8] = [|_| Some(Confidence::High), crc, crc, luhn, jwt, base64_json, mod97, discord];

/// What the check of a number says of a token: the greatest confidence it may have, or that it is none.
pub(super) fn judge(number: u8, token: &[u8]) -> Option<Confidence> {
    CHECKS.get(usize::from(number)).and_then(|check| check(token))
}

/// The last six of the last 36 characters are the CRC-32 of those before in base 62: tokens of GitHub
/// (<https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/>) and npm. A wrong one was made up.
fn crc(token: &[u8]) -> Option<Confidence> {
    let (_, body) = token.split_last_chunk::<36>()?;
    Some(if crc_base62_holds(body) { Confidence::High } else { Confidence::Low })
}

/// The check digit of payment cards (ISO/IEC 7812-1).
fn luhn(token: &[u8]) -> Option<Confidence> {
    let digits = token.iter().rev().filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0'));
    let sum: u32 = digits
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10).then_some(Confidence::High)
}

/// The first part is the base64url of a JSON object (RFC 7519).
fn jwt(token: &[u8]) -> Option<Confidence> {
    base64_json(token.split(|byte| *byte == b'.').next()?)
}

/// What begins with the base64 of `{"`, or of `{` and a line break, wherever in the token.
fn base64_json(token: &[u8]) -> Option<Confidence> {
    token.windows(3).any(|window| matches!(window, b"eyJ" | b"ewo" | b"ew0")).then_some(Confidence::High)
}

/// The check digits of an IBAN (ISO 13616): with its first four characters last, letters as 10 to 35, the remainder by 97 is 1.
fn mod97(token: &[u8]) -> Option<Confidence> {
    let compact: Vec<u8> = token.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    let (head, body) = compact.split_at_checked(4)?;
    let rest = body.iter().chain(head).try_fold(0_u32, |rest, byte| {
        let value = char::from(*byte).to_digit(36)?;
        Some(if value < 10 { rest * 10 + value } else { rest * 100 + value } % 97)
    });
    (rest == Some(1)).then_some(Confidence::High)
}

/// The first part is the base64 of a number of 15 to 20 digits: a bot's snowflake
/// (<https://discord.com/developers/docs/reference#snowflakes>). With another first part it is medium: some tool made it.
fn discord(token: &[u8]) -> Option<Confidence> {
    let number = decode(token.split(|byte| *byte == b'.').next()?)?;
    let signed = token.rsplit(|byte| *byte == b'.').next()?;
    let known = (15..=20).contains(&number.len()) && number.iter().all(u8::is_ascii_digit);
    let drawn = variety(signed) >= 12 && !dummy(signed);
    drawn.then_some(if known { Confidence::High } else { Confidence::Medium })
}
