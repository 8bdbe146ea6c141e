//! npm: <https://github.blog/2021-09-23-announcing-npms-new-access-token-format/>.

use super::text::{Shape, alphanumeric, crc_base62_holds};
use agentfirewall_sdk::{Confidence, Severity};

fn checked(token: &[u8]) -> Option<Confidence> {
    let (_, body) = token.split_last_chunk::<36>()?;
    Some(if crc_base62_holds(body) { Confidence::High } else { Confidence::Low })
}

tokens! {
    Npm {
        id: "npm-token",
        summary: "npm access tokens (npm_ and a checksum)",
        why: "the token publishes packages that others install",
        shapes: [Shape::sure("npm_", alphanumeric, (36, 36)).judged(checked).severity(Severity::Critical)],
        examples: [concat!("//registry.npmjs.org/:_authToken=npm", "_EeIV0g5TfHQZxr5jGKmEWI14an6P6s0Im6Bv")],
        negatives: ["npm_config_registry", "npm_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "${npm_token}"],
        keywords: ["npm_"],
    }
}
