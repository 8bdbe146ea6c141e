//! GitLab: <https://docs.gitlab.com/security/tokens/#token-prefixes>.

use super::text::{Shape, alphanumeric, dotted, hex, url_safe};
use agentfirewall_sdk::{Confidence, Severity};

/// A routable token ends in `.`, two characters that say where, a point or not, and a checksum.
fn routable(token: &[u8]) -> Option<Confidence> {
    let point = token.iter().position(|byte| *byte == b'.')?;
    (token.len() - point >= 10).then_some(Confidence::High)
}

tokens! {
    GitLab {
        id: "gitlab-token",
        summary: "GitLab access, deploy, runner, trigger, feed and agent tokens (glpat-, gldt-, glrt-, ...)",
        why: "the token reads and pushes code, and a runner token receives the jobs and their secrets",
        shapes: [
            Shape::sure("glpat-", url_safe, (20, 22)).severity(Severity::Critical),
            Shape::sure("glpat-", dotted, (36, 320)).severity(Severity::Critical).judged(routable),
            Shape::sure("gldt-", url_safe, (20, 22)),
            Shape::sure("glrt-", url_safe, (20, 32)),
            Shape::sure("glrt-", dotted, (36, 320)).judged(routable),
            Shape::sure("glcbt-", url_safe, (20, 30)),
            Shape::sure("glptt-", hex, (40, 40)),
            Shape::sure("glft-", url_safe, (20, 26)).severity(Severity::Medium),
            Shape::sure("glimt-", url_safe, (25, 26)).severity(Severity::Medium),
            Shape::sure("glagent-", url_safe, (50, 64)),
            Shape::sure("gloas-", alphanumeric, (64, 64)),
            Shape::sure("glsoat-", url_safe, (20, 22)),
            Shape::sure("glffct-", url_safe, (20, 22)).severity(Severity::Medium),
            Shape::sure("GR1348941", url_safe, (20, 20)),
        ],
        examples: [concat!("glpat", "-G0ndLrIO445DbeF0cNNd"), concat!("GR", "1348941G0ndLrIO445DbeF0cNNd")],
        negatives: ["glpat-XXXXXXXXXXXXXXXXXXXX", "glpat-hellOWorld380 testin", "glrt-<token>"],
        keywords: [
            "glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "gloas-", "glsoat-",
            "glffct-", "GR1348941",
        ],
    }
}
