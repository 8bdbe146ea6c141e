//! GitHub. The classic and app tokens end in a checksum of their random part:
//! <https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/>.

use super::text::{Shape, alphanumeric, crc_base62_holds, shaped, word};
use agentfirewall_sdk::{Confidence, Severity};

/// The 36 characters behind `ghp_`: 30 random ones and the checksum. A wrong one was made up.
fn checked(token: &[u8]) -> Option<Confidence> {
    let (_, body) = token.split_last_chunk::<36>()?;
    Some(if crc_base62_holds(body) { Confidence::High } else { Confidence::Low })
}

const fn classic(prefix: &'static str) -> Shape {
    Shape::sure(prefix, alphanumeric, (36, 36)).judged(checked).severity(Severity::Critical)
}

const SHAPES: [Shape; 6] = [
    classic("ghp_"),
    classic("gho_"),
    classic("ghu_"),
    classic("ghs_"),
    classic("ghr_"),
    Shape::sure("github_pat_", word, (82, 82)).severity(Severity::Critical),
];

coded! {
    GitHub => |scan| shaped(scan, &SHAPES);
    id: "github-token",
    summary: "GitHub personal, OAuth, app and refresh tokens (ghp_, gho_, ghu_, ghs_, ghr_, github_pat_)",
    why: "the token pushes code, reads private repositories and starts workflows in its owner's name",
    examples: [
        concat!("token: ghp", "_StZsxnTSWsbCBpWUedoB6SJ95Ypuie0AKxrk"),
        concat!("https://oauth2:gho", "_2cPzSfldfAd0rX432CuFc1nTKSbrCX24ZUKK@github.com/o/r"),
        concat!("github", "_pat_IO4z1sh0DDxw3UOjPQ4aeC_nhHL5JL0zQmx78Fj603TpVBhZCSWCkn8QfO7PQD0HtpbJu1DBPscfa629DS"),
    ],
    negatives: ["ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "ghp_short", "github_pat_REPLACE_ME"],
    keywords: ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_checksum_is_of_low_confidence() {
        let right = concat!("ghp", "_StZsxnTSWsbCBpWUedoB6SJ95Ypuie0AKxrk");
        assert_eq!(checked(right.as_bytes()), Some(Confidence::High));
        let wrong = right.replace("Krk", "Kxr").replace("xrk", "xrz");
        assert_eq!(checked(wrong.as_bytes()), Some(Confidence::Low));
    }
}
