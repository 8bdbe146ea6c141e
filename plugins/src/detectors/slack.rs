//! Slack: <https://api.slack.com/concepts/token-types> and incoming webhooks.

use super::text::{Shape, alphanumeric, digit, url_safe};
use agentfirewall_sdk::{Confidence, Severity};

/// `xoxb-` numbers of workspace and user `-` random part. Made-up ones have one of the parts at most.
fn judge(token: &[u8]) -> Option<Confidence> {
    let mut parts = token.split(|byte| *byte == b'-').skip(1);
    let first = parts.next()?;
    let last = token.rsplit(|byte| *byte == b'-').next()?;
    let numbered = first.len() >= 8 && first.iter().all(|byte| digit(*byte));
    let random =
        last.len() >= 18 && last.iter().any(u8::is_ascii_digit) && last.iter().any(u8::is_ascii_alphabetic);
    match (numbered, random) {
        (true, true) => Some(Confidence::High),
        (true, false) if last.len() >= 10 => Some(Confidence::Medium),
        (false, true) => Some(Confidence::Medium),
        _ => None,
    }
}

const fn path(byte: u8) -> bool {
    alphanumeric(byte) || byte == b'/'
}

/// `T`eam, `B`ot, secret.
fn webhook(token: &[u8]) -> Option<Confidence> {
    let mut parts = token.rsplit(|byte| *byte == b'/');
    let secret = parts.next()?;
    let bot = parts.next()?;
    let team = parts.next()?;
    let known = secret.len() >= 23 && bot.first() == Some(&b'B') && team.first() == Some(&b'T');
    known.then_some(Confidence::High)
}

const fn token(prefix: &'static str) -> Shape {
    Shape::sure(prefix, url_safe, (20, 400)).judged(judge)
}

tokens! {
    SlackToken {
        id: "slack-token",
        summary: "Slack bot, user, app, refresh and legacy tokens (xoxb-, xoxp-, xapp-, ...)",
        why: "the token reads the workspace's messages and files and writes in the name of its app or user",
        shapes: [
            token("xoxb-"), token("xoxp-"), token("xoxa-"), token("xoxo-"), token("xoxr-"), token("xoxs-"),
            token("xoxe-"), token("xoxc-"), token("xoxd-"), token("xoxe.xoxb-"), token("xoxe.xoxp-"),
            Shape::sure("xapp-", url_safe, (40, 200)).judged(|token| {
                (token.split(|byte| *byte == b'-').count() == 5).then_some(Confidence::High)
            }),
        ],
        examples: [
            concat!("xox", "b-781236542736-2364535789652-T8zbUra8tOBe9JwEqdFkCAle"),
            concat!("xap", "p-1-A05BQ4LFX1N-5364872361-b9102f29a422eb14ab2f2d0f0cc022238daceee2092f073ff80b9465aef7ac86"),
        ],
        negatives: ["xoxb-your-token-here", "xoxb-XXXXXXXXXXXX-XXXXXXXXXXXX-XXXXXXXXXXXXXXXXXXXXXXXX", "xoxb-abcdef-abcdef"],
        keywords: [
            "xoxb-", "xoxp-", "xoxa-", "xoxo-", "xoxr-", "xoxs-", "xoxe-", "xoxc-", "xoxd-", "xoxe.xox", "xapp-",
        ],
    }
}

tokens! {
    SlackWebhook {
        id: "slack-webhook",
        summary: "Slack incoming webhook and workflow addresses",
        why: "the address is the whole credential: anybody who has it posts into the channel",
        shapes: [
            Shape::sure("hooks.slack.com/services/", path, (40, 80)).judged(webhook).severity(Severity::Medium),
            Shape::likely("hooks.slack.com/workflows/", path, (40, 120)).severity(Severity::Medium),
            Shape::likely("hooks.slack.com/triggers/", path, (40, 120)).severity(Severity::Medium),
        ],
        examples: [concat!("https://hooks.sl", "ack.com/services/T02AB3CD4/B02EF5GH6/T8zbUra8tOBe9JwEqdFkCAle")],
        negatives: [
            "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
            "https://hooks.slack.com/services/...",
        ],
        keywords: ["hooks.slack.com/"],
    }
}
