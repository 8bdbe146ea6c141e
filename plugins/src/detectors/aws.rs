//! Amazon Web Services: access key identifiers and the secret keys beside them.

use super::assignment::assignment;
use super::text::{blank, dummy, entropy, from, hex, piece, run, typed, variety};
use agentfirewall_sdk::{Confidence, Finding, Scan, Severity};

/// The random part of an identifier.
const LENGTH: usize = 16;

const fn base32(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'2'..=b'7')
}

const fn capital(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'0'..=b'9')
}

const fn base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// The account that is written into the first ten characters of an identifier issued since 2019: bits 1 to 40 of
/// their base-32 value. It has twelve decimal digits.
fn account(random: &[u8]) -> Option<u64> {
    let bits = random.iter().take(10).try_fold(0_u64, |bits, byte| {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return None,
        };
        Some(bits << 5 | u64::from(digit))
    })?;
    // Ten characters are 50 bits: one mark, 40 of the account, nine of the key's own number.
    Some(bits >> 9 & 0xFF_FFFF_FFFF)
}

/// Newer identifiers set the mark and hold a possible account; older ones begin with I or J.
fn issued(random: &[u8]) -> bool {
    match random.first() {
        Some(b'I' | b'J') => true,
        Some(b'Q'..=b'Z' | b'2'..=b'7') => account(random).is_some_and(|account| account < 1_000_000_000_000),
        _ => false,
    }
}

fn access_key(scan: &mut Scan<'_>) {
    let bytes = scan.text().as_bytes();
    for &at in scan.hits() {
        let kind = matches!(
            from(bytes, at),
            [b'A', b'K' | b'S' | b'B', b'I', b'A', ..]
                | [b'A', b'C', b'C', b'A', ..]
                | [b'A', b'3', b'T', ..]
        );
        if !kind {
            continue;
        }
        let start = at + 4;
        let end = start + LENGTH;
        let random = piece(bytes, start, end);
        // Inside base64 these four letters are an accident.
        let inside =
            at.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(|byte| base64(*byte) && *byte != b'/')
                || bytes.get(end).is_some_and(|byte| base64(*byte) && *byte != b'/');
        // A digit that base 32 does not have is in no identifier that AWS issues today; nothing is sure of one that has it.
        let kept = run(bytes, start, LENGTH, base32) == LENGTH;
        if inside
            || run(bytes, start, LENGTH, capital) < LENGTH
            || !(kept || from(bytes, at).starts_with(b"AKIA"))
            || blank(random)
            || (typed(random) && variety(random) > 1)
        {
            continue;
        }
        let confidence =
            if kept && issued(random) && !typed(random) { Confidence::High } else { Confidence::Medium };
        scan.report(Finding::new(at..end, confidence, Severity::High));
    }
}

coded! {
    AccessKey => access_key;
    id: "aws-access-key",
    summary: "AWS access key identifiers (AKIA..., ASIA..., ABIA..., ACCA..., A3T...)",
    why: "the identifier names the account and stands beside its secret key more often than not",
    examples: [
        concat!("aws_access_key_id = AK", "IAWP7G7HQM3BY2KNNN"),
        concat!("\"aws_access_key\": \"AK", "IAQ95C81LWRT6V0648\""),
    ],
    negatives: ["AKIAIOSFODNN7EXAMPLE", "AKIAXXXXXXXXXXXXXXXX", "akiawp7g7hqm3by2knnn", "xAKIAWP7G7HQM3BY2KNNN"],
    keywords: ["AKIA", "ASIA", "ABIA", "ACCA", "A3T"],
}

const SECRET_NAMES: [&str; 5] =
    ["secret_access_key", "secretaccesskey", "secret-access-key", "aws_secret", "secretkey"];

fn secret_key(scan: &mut Scan<'_>) {
    let bytes = scan.text().as_bytes();
    for &at in scan.hits() {
        let here = from(bytes, at);
        let Some(word) = SECRET_NAMES.iter().find(|word| {
            here.get(..word.len()).is_some_and(|here| here.eq_ignore_ascii_case(word.as_bytes()))
        }) else {
            continue;
        };
        let Some(found) = assignment(bytes, at..at + word.len()) else { continue };
        let value = piece(bytes, found.value.start, found.value.end);
        let drawn = value.len() == 40 && value.iter().all(|byte| base64(*byte)) && entropy(value) > 4.0;
        if drawn && !dummy(value) && !value.iter().all(|byte| hex(*byte)) {
            let aws = *word != "secretkey";
            let confidence = if aws { Confidence::High } else { Confidence::Medium };
            scan.report(Finding::new(found.value, confidence, Severity::Critical));
        }
    }
}

coded! {
    SecretKey => secret_key;
    id: "aws-secret-key",
    summary: "AWS secret access keys beside their name",
    why: "with its identifier it is a login to the account",
    examples: [
        concat!("AWS_SECRET_ACCESS_KEY=eRppmwCuDOEbwKD88VMrvs2j4y", "HqA7SUHxDrQOeX"),
        concat!(r#""SecretAccessKey": "eRppmwCuDOEbwKD88VMrvs2j4y"#, r#"HqA7SUHxDrQOeX""#),
    ],
    negatives: [
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_SECRET_ACCESS_KEY=${{ secrets.AWS_SECRET_ACCESS_KEY }}",
        "aws_secret_access_key = da39a3ee5e6b4b0d3255bfef95601890afd80709",
    ],
    keywords: ["secret_access_key", "secretaccesskey", "secret-access-key", "aws_secret", "secretkey"],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_read_from_the_identifier() {
        // The published worked examples of the encoding, without their prefix.
        assert_eq!(account(b"QNZGKIQY56JQ7WML"), Some(29_608_264_753));
        assert_eq!(account(b"Y34FZKBOKMUTVV7A"), Some(609_629_065_308));
        assert!(issued(b"QNZGKIQY56JQ7WML"));
        assert!(!issued(b"BNZGKIQY56JQ7WML"));
    }
}
