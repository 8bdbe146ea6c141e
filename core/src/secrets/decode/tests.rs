//! Laws of the whole chain, on random texts.

#![expect(clippy::string_slice, reason = "tests cut ASCII")]

use agentfirewall_sdk::{Confidence, Severity};
use proptest::prelude::*;

use super::*;

/// The texts of the pieces that a reader hands out.
pub(super) fn texts_of(
    read: impl FnOnce(&mut dyn FnMut(&Piece) -> Result<(), ()>) -> Result<(), ()>,
) -> Vec<String> {
    let mut texts = Vec::new();
    read(&mut |piece| {
        texts.push(piece.text.clone());
        Ok(())
    })
    .unwrap();
    texts
}

/// Finds `acme_` with sixteen hexadecimal digits, and counts what it was asked to look at.
#[derive(Default)]
struct Acme {
    looked: usize,
}

impl Look for Acme {
    type Error = std::convert::Infallible;

    fn look(&mut self, text: &str) -> Result<Vec<Finding>, Self::Error> {
        self.looked += text.len();
        let found = text.match_indices("acme_").filter_map(|(at, _)| {
            let body = text.get(at + 5..at + 21)?;
            let whole = body.bytes().all(|byte| byte.is_ascii_hexdigit());
            whole.then(|| Finding::new(at..at + 21, Confidence::High, Severity::High))
        });
        Ok(found.collect())
    }

    fn telling(&mut self, name: &str) -> bool {
        name.contains("acme")
    }
}

fn places(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut findings = Vec::new();
    through(text, &mut Acme::default(), &mut findings).unwrap();
    findings.into_iter().map(|finding| finding.span).collect()
}

/// The text with every finding blacked out.
fn masked(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for place in places(text) {
        assert!(text.is_char_boundary(place.start) && text.is_char_boundary(place.end));
        bytes[place].fill(b'.');
    }
    String::from_utf8(bytes).unwrap()
}

fn base64(text: &str, alphabet: &[u8; 64], width: usize, line_end: &str, padded: bool) -> String {
    let mut digits = String::new();
    for group in text.as_bytes().chunks(3) {
        let mut bits = 0_u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(group.get(at).copied().unwrap_or(0));
        }
        for at in 0..=group.len() {
            digits.push(char::from(alphabet[usize::try_from(bits >> (18 - 6 * at) & 63).unwrap()]));
        }
        if padded {
            digits.push_str(&"=".repeat(3 - group.len()));
        }
    }
    let lines: Vec<&str> =
        digits.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join(line_end)
}

const PLAIN: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const CODECS: usize = 16;

/// A text in an encoding.
pub(in crate::secrets) fn encoded(codec: usize, text: &str) -> String {
    let each = |form: &dyn Fn(u8) -> String| text.bytes().map(form).collect::<String>();
    match codec {
        0 => base64(text, PLAIN, usize::MAX, "", true),
        1 => base64(text, URL, usize::MAX, "", false),
        2 => base64(text, PLAIN, 24, "\n", true),
        3 => base64(text, PLAIN, 76, "\r\n  ", true),
        4 => each(&|byte| format!("{byte:02x}")),
        5 => each(&|byte| format!("{byte:02X}")),
        6 => each(&|byte| format!("\\x{byte:02x}")),
        7 => format!("{{ {} }}", each(&|byte| format!("0x{byte:02x}, "))),
        8 => each(&|byte| format!("%{byte:02X}")),
        9 => each(&|byte| format!("\\u{byte:04x}")),
        10 => each(&|byte| format!("\\U{byte:08X}")),
        11 => each(&|byte| format!("&#{byte};")),
        12 => each(&|byte| format!("&#x{byte:x};")),
        13 => each(&|byte| format!("\\{byte:03o}")),
        14 => {
            let (left, right) = text.split_at(text.len() / 2);
            format!("\"{left}\" +\n    \"{right}\"")
        }
        _ => each(&|byte| {
            if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
        }),
    }
}

fn around() -> impl Strategy<Value = (String, String)> {
    ("([a-z]{0,6}[ =:.é\n]){0,4}", "([ ,.é\n][a-z]{0,6}){0,4}")
}

proptest! {
    #[test]
    fn every_encoding_is_seen_through_and_masked(
        digits in "[0-9a-f]{16}", (before, after) in around(), codec in 0..CODECS,
    ) {
        let secret = format!("acme_{digits}");
        let text = format!("{before}{}{after}", encoded(codec, &secret));
        prop_assert!(!places(&text).is_empty(), "{codec}: {text}");
        let left = masked(&text);
        prop_assert!(places(&left).is_empty(), "{left}");
        prop_assert!(!left.contains(&digits));
    }

    #[test]
    fn every_encoding_of_an_encoding_is_seen_through(
        digits in "[0-9a-f]{16}", (before, after) in around(), inner in 0..CODECS, outer in 0..CODECS,
    ) {
        // A literal is not cut inside of an escape, and a quoted text in quotes is another text.
        prop_assume!(outer != 14 || inner < 6);
        let secret = format!("the acme_{digits} of it");
        let text = format!("{before}{}{after}", encoded(outer, &encoded(inner, &secret)));
        prop_assert!(!places(&text).is_empty(), "{inner} in {outer}: {text}");
        prop_assert!(places(&masked(&text)).is_empty(), "{inner} in {outer}: {text}");
    }

    #[test]
    fn a_secret_inside_a_longer_encoded_text_is_masked_alone(
        digits in "[0-9a-f]{16}", head in "[a-z =\n]{30,60}", tail in "[a-z =\n]{30,60}", codec in 0..14_usize,
    ) {
        let text = encoded(codec, &format!("{head}acme_{digits}{tail}"));
        let found = places(&text);
        prop_assert_eq!(found.len(), 1, "{}: {}", codec, text);
        // Two groups of base64 more than the secret fills, at most, and the ends of lines inside.
        let share = text.len() / (head.len() + tail.len() + 21) + 1;
        prop_assert!(found[0].len() <= 21 * share + 20, "{codec}: {found:?} of {text}");
    }

    #[test]
    fn any_text_at_all_is_read_with_linear_work(text in any_text()) {
        let mut acme = Acme::default();
        let mut findings = Vec::new();
        through(&text, &mut acme, &mut findings).unwrap();
        prop_assert!(acme.looked <= 24 * text.len() + 4096, "{} bytes for {}", acme.looked, text.len());
        for finding in findings {
            prop_assert!(text.get(finding.span).is_some_and(|covered| !covered.is_empty()));
        }
    }
}

/// Texts made of what the chain looks for.
fn any_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "\\PC{0,8}",
        "[A-Za-f2-7+/]{0,40}",
        "[2-7][0-9a-f]{0,40}",
        Just("\\u0061".to_owned()),
        Just("%61".to_owned()),
        Just("\\x61\\".to_owned()),
        Just("\" + \"".to_owned()),
        Just("''".to_owned()),
        Just("&#97;".to_owned()),
        Just("0x61, ".to_owned()),
        Just("${'".to_owned()),
        Just("A=acme_0123;B=456789abcdef;".to_owned()),
        Just("$A$B".to_owned()),
        Just("-----BEGIN x-----\n".to_owned()),
        Just("a:1:-----BEGIN x-----\n".to_owned()),
        Just("YWNtZV9hY21lX2FjbWVf".to_owned()),
        Just("\n".to_owned()),
        Just("é".to_owned()),
    ];
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

#[test]
fn hostile_texts_cost_what_their_length_says() {
    for unit in [
        "YWNtZV8w",
        "61636d655f30",
        "%61",
        "%2561",
        "\\u0061",
        "\\\\u0061",
        "&#97;",
        "0x61, ",
        "\"a\" + ",
        "''",
        "\"\"",
        "a'b",
        "${'",
        "$A$A",
        "A=a;$A$A;",
        "A=acme_012;B=3456789abcdef;$A$B;",
        "\\\n",
        "a\\\n",
        "-----BEGIN",
        "a-----BEGIN\n",
        "1:-----BEGIN\n1:",
        "YWNtZV8wYWNtZV8w\n",
        "IIIIIIII",
        "ZZZZ",
        "  \"",
        "\" ",
        "\"                                                                                                                   ",
    ] {
        let mut looked = Vec::new();
        for size in [20_000, 40_000] {
            let mut acme = Acme::default();
            through(&unit.repeat(size / unit.len()), &mut acme, &mut Vec::new()).unwrap();
            looked.push(acme.looked);
        }
        assert!(looked[1] <= 2 * looked[0] + 20_000, "{unit}: {looked:?}");
        assert!(looked[1] <= 24 * 40_000, "{unit}: {looked:?}");
    }
}

#[test]
fn a_value_is_judged_beside_its_name() {
    struct Named;
    impl Look for Named {
        type Error = ();
        fn look(&mut self, text: &str) -> Result<Vec<Finding>, ()> {
            let found = text
                .strip_prefix("password=\"")
                .map(|rest| Finding::new(10..10 + rest.len() - 1, Confidence::Medium, Severity::Medium));
            Ok(found.into_iter().collect())
        }
        fn telling(&mut self, name: &str) -> bool {
            name == "password"
        }
    }
    for text in [
        "data:\n  password: c3VwZXItc2VjcmV0LTk3\n",
        "{\"password\": \"c3VwZXItc2VjcmV0LTk3\"}",
        "password=c3VwZXItc2VjcmV0LTk3",
    ] {
        let mut findings = Vec::new();
        through(text, &mut Named, &mut findings).unwrap();
        assert_eq!(findings.len(), 1, "{text}");
        assert_eq!(&text[findings[0].span.clone()], "c3VwZXItc2VjcmV0LTk3");
    }
}
