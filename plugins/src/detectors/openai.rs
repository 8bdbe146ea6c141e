//! OpenAI: `sk-` keys carry `T3BlbkFJ`, which is "OpenAI" in base64, in the middle.

use super::text::{Shape, has_word, url_safe};
use agentfirewall_sdk::{Confidence, Severity};

fn judge(token: &[u8]) -> Option<Confidence> {
    let project = [b"sk-proj-".as_slice(), b"sk-svcacct-", b"sk-admin-", b"sk-None-"]
        .iter()
        .any(|prefix| token.starts_with(prefix));
    if token.windows(8).any(|window| window == b"T3BlbkFJ") {
        Some(Confidence::High)
    } else if project && token.len() >= 48 && !has_word(token, &["your-", "-here"]) {
        Some(Confidence::Medium)
    } else {
        None
    }
}

tokens! {
    OpenAi {
        id: "openai-key",
        summary: "OpenAI project, service account, admin and legacy user keys",
        why: "whoever has the key spends the organisation's budget and reads its stored files",
        shapes: [Shape::sure("sk-", url_safe, (40, 220)).severity(Severity::Critical).judged(judge)],
        examples: [
            concat!("sk-", "G0ndLrIO445DbeF0cNNdT3Blbk", "FJK6CQd1xG8in12C9E0hIK"),
            concat!("sk-proj", "-Fn9o3e7S6eYfepNz4hCCqUGBj0mUYj2BEHnMYiyXT3Blbk", "FJvE5QxvkO8STCeuw0OZafuWoqyLTKfD6k"),
        ],
        negatives: ["sk-proj-...", "disk-G0ndLrIO445DbeF0cNNdG0ndLrIO445DbeF0cNNd", "sk-proj-your-key-goes-here-your-key-goes-here-12"],
        keywords: ["sk-"],
    }
}
