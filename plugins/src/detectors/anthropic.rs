//! Anthropic: `sk-ant-`, the kind of key with its version, then base64url.

use super::text::{Shape, url_safe};
use agentfirewall_sdk::Severity;

tokens! {
    Anthropic {
        id: "anthropic-key",
        summary: "Anthropic API, admin, OAuth and session keys (sk-ant-...)",
        why: "whoever has the key spends the organisation's budget and reads its files and batches",
        shapes: [
            Shape::sure("sk-ant-api", url_safe, (80, 140)).severity(Severity::Critical),
            Shape::sure("sk-ant-admin", url_safe, (80, 140)).severity(Severity::Critical),
            Shape::sure("sk-ant-oat", url_safe, (80, 140)).severity(Severity::Critical),
            Shape::sure("sk-ant-ort", url_safe, (80, 140)).severity(Severity::Critical),
            Shape::sure("sk-ant-sid", url_safe, (80, 140)).severity(Severity::Critical),
            Shape::likely("sk-ant-", url_safe, (32, 160)),
        ],
        examples: [concat!(
            "sk-ant", "-api03-XrhiSyuVbyi5mESXZIrkZeAXWrwZGJgOzstvdDJs9zYXHaVCQY7W0cO1Y2XwPYpa7V5iA4xYTQwzpxPHFUV8LRvqxvwUXAA"
        )],
        negatives: ["sk-ant-api03-...", "sk-ant-api03-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "sk-ant-your-key-here"],
        keywords: ["sk-ant-"],
    }
}
