//! Values given to names that say "secret", where no vendor's format is known.
//!
//! The name alone proves nothing (`token = parse(line)`), the value alone neither (`sha256:...`): it takes both, and
//! still the confidence never rises above medium.

use super::assignment::{Assignment, assignment};
use super::text::{entropy, from, has_word, hex, ordered, piece, placeholder};
use super::wordlike::{surprise, wordy};
use super::{public, rules};
use agentfirewall_sdk::{Confidence, Finding, Scan, Severity};

/// Words that make a name a secret's, the more telling ones first.
const KEYWORDS: [&str; 18] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "credential",
    "auth_key",
    "access_key",
    "_pass",
    "private",
    "bearer",
    "access",
    "auth",
    "key",
];

/// What a name with one of the words can be about instead of the secret itself.
const OTHER: [&str; 51] = [
    "websocket",
    "url",
    "uri",
    "path",
    "file",
    "name",
    "type",
    "length",
    "size",
    "count",
    "expir",
    "ttl",
    "limit",
    "field",
    "label",
    "policy",
    "arn",
    "version",
    "regex",
    "pattern",
    "prefix",
    "provider",
    "format",
    "public",
    "pubkey",
    "primary",
    "foreign",
    "sort",
    "partition",
    "cache",
    "index",
    "column",
    "keyword",
    "keyboard",
    "hotkey",
    "monkey",
    "turkey",
    "keys",
    "keyid",
    "key_id",
    "key-id",
    "fingerprint",
    "checksum",
    "digest",
    "hash",
    "integrity",
    "placeholder",
    "tokeniz",
    "dir",
    "idempotency",
    "publishable",
];

const fn plain(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~')
        && !matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b'{' | b'}' | b'(' | b')' | b'\\')
}

/// How many characters follow one of another class, of lower-case, upper-case, digits and the rest. Random text changes
/// all the time, words and numbers do not.
fn transitions(value: &[u8]) -> usize {
    let class = |byte: u8| match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    value.windows(2).filter(|pair| matches!(pair, [left, right] if class(*left) != class(*right))).count()
}

/// Whether a value looks drawn at random rather than written: digits and letters change all the time, or letters follow each
/// other that follow each other in no word.
pub(super) fn drawn(value: &[u8]) -> bool {
    if !value.iter().all(|byte| plain(*byte)) {
        return false;
    }
    if !value.iter().all(|byte| hex(byte.to_ascii_lowercase()) || *byte == b'-') && wordy(value) {
        return false;
    }
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let needed = if value.iter().all(|byte| hex(*byte)) { 2.8 } else { 3.2 };
    if value.len() >= 16
        && digits >= 2
        && letters >= 2
        && transitions(value) * 5 >= value.len()
        && entropy(value) >= needed
    {
        return true;
    }
    let strange = if value.len() < 16 { 5.3 } else { 5.0 };
    value.len() >= 12 && letters >= 3 && entropy(value) >= 2.8 && surprise(value) >= strange
}

/// A path, an address, a version or an expression is no secret.
fn structural(value: &[u8]) -> bool {
    let slashes = value.split(|byte| *byte == b'/').count() - 1;
    let points = value.split(|byte| *byte == b'.').count() - 1;
    value.starts_with(b"/")
        || value.starts_with(b"./")
        || value.starts_with(b"arn:")
        || value.starts_with(b"urn:")
        // Public tokens of Mapbox (https://docs.mapbox.com/help/dive-deeper/access-tokens/).
        || value.starts_with(b"pk.eyJ")
        // The base64 of `-----BEGIN`: what such a block is, its own detectors say.
        || value.starts_with(b"LS0tLS1CRUdJTi")
        || value.starts_with(b"tag:")
        || value.windows(3).any(|window| window == b"://")
        || value.windows(2).any(|window| {
            matches!(window, b"::" | b"==" | b"&&" | b"||" | b"->" | b"=>") && !value.ends_with(window)
        })
        || slashes >= 3 && value.len() < 40
        || points >= 3
        || value.starts_with(b"sha256-")
        || value.starts_with(b"sha384-")
        || value.starts_with(b"sha512-")
        || value.starts_with(b"sha1-")
        || value.starts_with(b"sha256:")
        || value.starts_with(b"rgb")
        || value.starts_with(b"0x")
}

/// Whether a value is hexadecimal and of an odd length: keys are bytes, and have two digits each.
fn cut_hex(value: &[u8]) -> bool {
    value.len() > 30
        && !value.len().is_multiple_of(2)
        && value.iter().all(|byte| hex(byte.to_ascii_lowercase()))
        && value.iter().any(u8::is_ascii_alphabetic)
}

/// Whether a value was typed from one end of the keyboard or the alphabet to the other.
fn ordered_for_the_most(value: &[u8]) -> bool {
    let ordered = ordered(value);
    let uuid = value.len() == 36 && value.split(|byte| *byte == b'-').count() == 5;
    ordered * 3 >= value.len() || (ordered > 0 && (uuid || value.len() < 32))
}

/// Whether what stands behind a value without quotes makes it an expression: a call, a path, a body.
fn expression(rest: &[u8]) -> bool {
    // `<password>...</password>`
    if rest.starts_with(b"</") {
        return false;
    }
    matches!(rest, [b'(' | b'<' | b'[', ..] | [b':', b':', ..] | [b'-', b'>', ..] | [b' ', b'{' | b'(', ..])
}

fn judge(keyword: &str, name: &[u8], found: &Assignment, value: &[u8]) -> Option<Confidence> {
    if value.len() < 8
        || cut_hex(value)
        || placeholder(value)
        || ordered_for_the_most(value)
        || structural(value)
        || has_word(name, &OTHER)
    {
        return None;
    }
    let password = matches!(keyword, "password" | "passwd" | "passphrase" | "pwd" | "_pass");
    let random = drawn(value);
    let vague = matches!(keyword, "key" | "private" | "access" | "auth" | "bearer");
    if random && (!vague || name.len() > 4) {
        return Some(Confidence::Medium);
    }
    let digits = value.iter().any(u8::is_ascii_digit);
    let letters = value.iter().any(u8::is_ascii_alphabetic);
    let symbols = value.iter().any(u8::is_ascii_punctuation);
    let both = value.iter().any(u8::is_ascii_lowercase) && value.iter().any(u8::is_ascii_uppercase);
    let varied = digits && letters && entropy(value) >= 2.7 && value.iter().all(|byte| plain(*byte));
    if password && found.quoted && varied && (symbols || both) && (value.len() >= 10 || symbols && both) {
        return Some(Confidence::Medium);
    }
    // A key of a framework in quotes may hold brackets: it is long, and no word.
    if found.quoted
        && !vague
        && value.len() >= 32
        && !value.contains(&b' ')
        && digits
        && letters
        && symbols
        && entropy(value) >= 4.0
        && surprise(value) >= 5.5
    {
        return Some(Confidence::Medium);
    }
    let assigned = found.quoted || varied;
    (!vague && assigned && varied).then_some(Confidence::Low)
}

fn detect(scan: &mut Scan<'_>) {
    let bytes = scan.text().as_bytes();
    let mut last = None;
    for &at in scan.hits() {
        let Some(keyword) = KEYWORDS.iter().find(|keyword| {
            bytes
                .get(at..at + keyword.len())
                .is_some_and(|here| here.eq_ignore_ascii_case(keyword.as_bytes()))
        }) else {
            continue;
        };
        let Some(found) = assignment(bytes, at..at + keyword.len()) else { continue };
        // Several keywords may stand in one name, and a part of a URN (`arn:aws:...:secret:x`) is no name.
        let urn = found.name.start.checked_sub(1).and_then(|at| bytes.get(at)) == Some(&b':');
        if urn || last == Some(found.value.start) {
            continue;
        }
        let name = piece(bytes, found.name.start, found.name.end);
        let value = piece(bytes, found.value.start, found.value.end);
        if !found.quoted && expression(from(bytes, found.value.end)) {
            continue;
        }
        if let Some(confidence) = judge(keyword, name, &found, value)
            && !rules::disowned(name, value)
            && !public::of_widget(bytes, found.name.clone())
        {
            last = Some(found.value.start);
            scan.report(Finding::new(found.value, confidence, Severity::Medium));
        }
    }
}

coded! {
    GenericAssignment => detect;
    id: "generic-assignment",
    summary: "random-looking values of names such as password, secret, token or api_key",
    why: "most internal systems have keys without any recognisable format",
    examples: [
        concat!("internal_api_key = \"G0ndLrIO445D", "beF0cNNd\""),
        concat!("DB_PASSWORD='s4lt&P", "epper9'"),
        concat!("{\"client_secret\": \"f95247f2866028de71159b42", "b4ea410f\"}"),
        concat!("new Gitalk({ id: 7 }); const app = { clientSecret: 'b5d93f11a2c84e0796af0d", "87960af15315319f8a' }"),
        concat!("gitalk:\n  enable: true\nclient_secret: b5d93f11a2c84e0796af0d", "87960af15315319f8a"),
        concat!("<server><password>G0ndLrIO445D", "beF0cNNd</password></server>"),
    ],
    negatives: [
        "password = os.environ[\"DB_PASSWORD\"]", "token = get_token(user)", "api_key: ${API_KEY}", "secret: changeme",
        "api_key = \"your-api-key-here\"", "\"key\": \"ctrl+shift+down\"", "password = \"<password>\"", "token_count: 18446744073709551615",
        "token_url = \"https://login.acme.io/oauth2/v2.0/token\"", "\"integrity\": \"sha512-oLjEw/A+whi386pTh/8QZIeuinc/ZSttd9vpg8gcxVo==\"",
        "primary_key = \"f95247f2866028de71159b42b4ea410f\"", "secret_name: prod/db/password-v2", "max_tokens=4096",
        "certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JS28M/wBreZjl19MRYRHAxsaXhVcH3XhNlf0M9jAYCvpJtG59LQSJQ1olCJWJS1",
        "key = \"MainWindow.toolbar2\"", "if (keyTag === 'tag:yaml.org,2002:merge') {",
        "client_secret: \"ca6819a54657af0d87960af15315319f8a628a5\"",
        "var talk = new Gitalk({ clientID: '1c0ffee7b9895e3eede6', clientSecret: 'b5d93f11a2c84e0796af0d87960af15315319f8a' })",
        "gitalk:\n  enable: true\n  client_secret: b5d93f11a2c84e0796af0d87960af15315319f8a\n",
        "docsearch({ apiKey: '7b1e04c93d5a4f2e8c6d0b1a3f5e7d9c', indexName: 'guide' })",
    ],
    keywords: [
        "password", "passwd", "passphrase", "pwd", "secret", "token", "apikey", "api_key", "api-key", "credential",
        "auth_key", "access_key", "_pass", "private", "bearer", "access", "auth", "key",
    ],
}
