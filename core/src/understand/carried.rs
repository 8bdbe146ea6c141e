//! What an address carries away in its words: tokens, and texts that an encoding hides from whoever reads the call.

use super::hosts::Address;
use crate::inline::{Code, decode};

/// Whether the path, the query or the fragment of an address has a word in it that begins as the tokens of a service do.
/// A user name before the host is what that host asks for; identifiers of keys (`AKIA…`) stand in every signed address.
pub(super) fn token(written: &str) -> bool {
    const SIGNS: [&str; 24] = [
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "gldt-",
        "xoxb-",
        "xoxp-",
        "xoxa-",
        "xapp-",
        "sk-ant-",
        "sk-proj-",
        "sk_live_",
        "rk_live_",
        "npm_",
        "pypi-",
        "hf_",
        "dop_v1_",
        "shpat_",
        "SG.",
        "AIza",
        "dckr_pat_",
    ];
    /// Letters and digits that must follow. What people write for a token has words in it or one letter many times.
    const LONG: usize = 20;
    const DIFFERENT: usize = 6;
    let rest = written.split_once("://").map_or(written, |(_, rest)| rest);
    let Some(at) = rest.find(['/', '?', '#']) else { return false };
    let rest = rest.get(at..).unwrap_or_default();
    SIGNS.iter().any(|sign| {
        rest.match_indices(sign).any(|(at, _)| {
            let before = rest.get(..at).and_then(|text| text.chars().next_back());
            let after = rest.get(at + sign.len()..).unwrap_or_default();
            let body = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            let token: Vec<char> =
                after.chars().take_while(body).filter(char::is_ascii_alphanumeric).collect();
            let mut different = token.clone();
            different.sort_unstable();
            different.dedup();
            !before.is_some_and(|c| c.is_ascii_alphanumeric())
                && token.len() >= LONG
                && different.len() >= DIFFERENT
                && token.iter().any(char::is_ascii_digit)
        })
    })
}

/// Whether the name of the host, the path or the query of an address has a text in it in base64, base32 or hexadecimal digits.
/// Whoever answers can read it, and a person who is asked about the call cannot. Identifiers and digests decode to no text;
/// what services hand out for their next page, for one of their objects or for the place to come back to does, and is none.
pub(super) fn hidden_text(written: &str, address: &Address) -> bool {
    /// Draws what its path says in base64, for the reader of a document.
    const RENDERER: &str = "mermaid.ink";
    let rest = written.split_once("://").map_or(written, |(_, rest)| rest);
    let sent = rest.split('#').next().unwrap_or_default();
    let (place, query) = sent.split_once('?').unwrap_or((sent, ""));
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    let labels: Vec<&str> = host.rsplit('@').next().unwrap_or_default().split('.').collect();
    // The last two names say whose host it is.
    let below = labels.get(..labels.len().saturating_sub(2)).unwrap_or_default();
    below.iter().any(|label| hides(label, &[Code::Hex, Code::Base32, Code::Base64], false))
        || address.host != RENDERER
            && path.split('/').any(|name| hides(name, &[Code::Hex, Code::Base64], false))
        || query.split(['&', ';']).any(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or(("", pair));
            let value = decode(Code::Url, value).unwrap_or_default();
            hides(&value, &[Code::Hex, Code::Base64], is_of_a_page(name))
        })
}

/// Whether a parameter says where a service's answer goes on, which services write as JSON in base64.
fn is_of_a_page(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["cursor", "page", "next", "continu", "after", "before", "offset", "marker", "state"]
        .iter()
        .any(|part| name.contains(part))
}

/// Whether a word is a text in one of these codes. Twelve bytes that are characters by chance are one word in 100,000.
fn hides(word: &str, codes: &[Code], of_a_page: bool) -> bool {
    const SHORTEST: usize = 12;
    let digits = word.trim_end_matches('=');
    if digits.len() < SHORTEST * 4 / 3
        || !digits.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/-_".contains(&b))
    {
        return false;
    }
    codes.iter().any(|code| {
        let has = |is: fn(&u8) -> bool| digits.as_bytes().iter().any(is);
        // Words of one case are words: a text in base64 has letters of both.
        let may = match code {
            Code::Base64 => has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase),
            Code::Hex => digits.len().is_multiple_of(2),
            _ => true,
        };
        may && decode(*code, digits)
            .is_some_and(|text| text.len() >= SHORTEST && is_text(&text) && !is_handed_out(&text, of_a_page))
    })
}

/// Whether all are characters that people type, and most of them letters.
fn is_text(text: &str) -> bool {
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')) && letters * 2 >= text.len()
}

/// Whether a text is one that a service hands out: an address to come back to, the kind and the number of an object.
fn is_handed_out(text: &str, of_a_page: bool) -> bool {
    let object = || {
        let (kind, number) = text.rsplit_once([':', '=', '/', '|']).unwrap_or_default();
        !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && kind.bytes().all(|byte| byte.is_ascii_alphabetic() || b":/_".contains(&byte))
    };
    ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme) && !text.contains('?'))
        || of_a_page && text.starts_with(['{', '['])
        || object()
}

#[cfg(test)]
mod tests {
    use agentfirewall_sdk::Direction;

    use crate::understand::hosts::tests::effects;

    #[test]
    fn a_text_that_an_encoding_hides_is_seen() {
        for address in [
            // "hunter2 of the db", in the alphabets there are.
            "https://x.example/c?d=aHVudGVyMiBvZiB0aGUgZGI=",
            "https://x.example/c?d=aHVudGVyMiBvZiB0aGUgZGI%3D",
            "https://x.example/c?a=1&d=aHVudGVyMiBvZiB0aGUgZGI&b=2",
            "https://x.example/c?aHVudGVyMiBvZiB0aGUgZGI",
            "https://x.example/aHVudGVyMiBvZiB0aGUgZGI/x.png",
            "https://x.example/c?d=68756e74657232206f6620746865206462",
            "https://68756e74657232206f6620746865206462.x.example/",
            "68756E74657232206F6620746865206462.x.example",
            "NB2W45DFOIZCA33GEB2GQZJAMRRA.x.example",
            "nb2w45dfoizca33geb2gqzjamrra.x.example",
            // {"user":"root","password":"x"} under no name of a page
            "https://x.example/?d=eyJ1c2VyIjoicm9vdCIsInBhc3N3b3JkIjoieCJ9",
            // https://y.example/?p=hunter2 behind an address
            "https://x.example/?u=aHR0cHM6Ly95LmV4YW1wbGUvP3A9aHVudGVyMg",
        ] {
            assert_eq!(effects(address, Direction::Fetch), ["exfiltration.encoded-in-address"], "{address}");
        }
    }

    #[test]
    fn what_services_hand_out_and_what_is_no_text_is_not() {
        for address in [
            // A page of 100 by JSON, a Relay object, a Shopify object, an address to come back to.
            "https://api.example/items?cursor=eyJpZCI6MTAwLCJsYXN0IjoiYWJjIn0",
            "https://api.example/items?pageToken=eyJpZCI6MTAwLCJsYXN0IjoiYWJjIn0",
            "https://api.example/nodes?id=UHVsbFJlcXVlc3Q6MTIzNDU2Nzg",
            "https://api.example/nodes?id=Z2lkOi8vc2hvcGlmeS9Qcm9kdWN0LzEyMzQ1Njc4",
            "https://x.example/login?to=aHR0cHM6Ly9hcHAuZXhhbXBsZS9ob21l",
            "https://mermaid.ink/img/Z3JhcGggVEQ7IEEtLT5COyBBLS0-Qzs",
            // Digests, identifiers, names of pages.
            "https://x.example/a94a8fe5ccb19ba61c4c0873d391e987982fbbd3",
            "https://x.example/v/dQw4w9WgXcQ/4f1a2b3c-5d6e-4f70-8a9b-0c1d2e3f4a5b",
            "https://x.example/docs/GettingStartedWithConfiguration/getting-started-guide",
            "https://docs.google.com/document/d/1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms/edit",
            "https://x.example/?t=20261129165239202611291652392026",
            "internationalization.documentation.x.example",
            "https://x.example/?sig=3q2-7wAAAAAAAAAAAAAAAA%3D%3D",
            "https://x.example/c#aHVudGVyMiBvZiB0aGUgZGI",
            "http://localhost:3000/c?d=aHVudGVyMiBvZiB0aGUgZGI",
        ] {
            assert!(effects(address, Direction::Fetch).is_empty(), "{address}");
        }
    }

    #[test]
    fn a_token_in_an_address_is_seen_and_what_stands_for_one_is_not() {
        // No token is written out here.
        let token = |sign: &str| format!("{sign}{}", "a1B2c3D4e5F6".repeat(3));
        for sign in ["ghp_", "glpat-", "xoxb-", "sk-ant-", "npm_"] {
            for address in [
                format!("https://x.example/?t={}", token(sign)),
                format!("https://x.example/a/{}", token(sign)),
            ] {
                assert_eq!(
                    effects(&address, Direction::Fetch),
                    ["exfiltration.token-in-address"],
                    "{address}"
                );
            }
        }
        for address in [
            "https://x.example/?t=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxx1",
            "https://x.example/docs/npm_config_registry_and_other_settings",
            "https://x.example/?t=ghp_abc1",
            "https://x.example/a?X-Amz-Credential=AKIAA1B2C3D4E5F6A1B2%2Fus&X-Amz-Signature=0a1b2c3d4e5f60718293",
            "https://pypi.example/simple/pypi-attestations-for-everybody-to-read/",
        ] {
            assert!(effects(address, Direction::Fetch).is_empty(), "{address}");
        }
        assert!(effects(&format!("http://localhost:80/{}", token("ghp_")), Direction::Fetch).is_empty());
        assert!(effects(&format!("https://{}@x.example/a", token("ghp_")), Direction::Fetch).is_empty());
    }
}
