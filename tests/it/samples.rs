//! Secrets for tests, put together at run time so that no scanner, ours included, finds one in the sources.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A private key in PEM. It belongs to nobody.
pub fn private_key() -> String {
    let body: String = lines(12, 64, 7);
    format!("-----BEGIN OPENSSH {0}-----\n{body}-----END OPENSSH {0}-----\n", "PRIVATE KEY")
}

/// A piece of the middle of a key: what must be nowhere.
pub fn heart(key: &str) -> &str {
    key.lines().nth(5).unwrap()
}

/// One token for every way a result comes in.
pub struct Tokens {
    pub bash: String,
    pub read: String,
    pub grep: String,
    pub mcp: String,
}

impl Tokens {
    pub fn new() -> Self {
        Self { bash: github_token(1), read: github_token(2), grep: github_token(3), mcp: github_token(4) }
    }

    pub fn all(&self) -> [(&'static str, &str); 4] {
        [("Bash", &self.bash), ("Read", &self.read), ("Grep", &self.grep), ("MCP", &self.mcp)]
    }
}

/// A GitHub token as GitHub makes them: prefix, 30 characters, and their CRC-32 in base 62 as the last six.
pub fn github_token(seed: u64) -> String {
    let body = lines(1, 30, seed).trim_end().replace(['+', '/'], "x");
    let mut sum = crc32(body.as_bytes());
    let digits: Vec<char> = ('0'..='9').chain('A'..='Z').chain('a'..='z').collect();
    let mut check = String::new();
    for _ in 0..6 {
        check.insert(0, digits[(sum % 62) as usize]);
        sum /= 62;
    }
    format!("gh{}{body}{check}", "p_")
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// Lines of base64-looking text from a small generator (xorshift), so that every seed gives other ones.
fn lines(count: usize, width: usize, seed: u64) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut out = String::new();
    for _ in 0..count {
        for _ in 0..width {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            out.push(char::from(alphabet[usize::try_from(state >> 40).unwrap() % 64]));
        }
        out.push('\n');
    }
    out
}

/// Base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
