//! `slack`: messages of Block Kit, through an incoming webhook or as an app.
//!
//! Limits: <https://docs.slack.dev/reference/block-kit/blocks/>: a header of 150 characters, a section's text of 3,000, 10 fields
//! of 2,000, 50 blocks.

use agentfirewall_sdk::{Event, Manner, Plugin, PluginError, Sink, SinkError, register};
use reqwest::header::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Answer, Http, Receiver, authorization};
use super::message::{Message, clip};
use super::setting::{Secret, Setting};

/// Where to send: either `webhook`, or `token` and `channel`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The address of an incoming webhook. It is a secret: better `{env: NAME}` or `{file: PATH}`.
    webhook: Option<Setting>,
    /// The token of a bot with the scope `chat:write`.
    token: Option<Secret>,
    /// The channel that the bot writes to: its id, or its name with `#`.
    channel: Option<String>,
    /// The address of the method, where it is not Slack's own.
    api: Option<String>,
    /// The way to the receiver.
    #[serde(default)]
    http: Http,
}

struct Slack {
    receiver: Receiver,
    bot: Option<(Secret, String)>,
}

impl Plugin for Slack {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let (url, bot) = match (config.webhook, config.token, config.channel) {
            (Some(webhook), None, None) if config.api.is_none() => (webhook, None),
            (None, Some(token), Some(channel)) if !channel.is_empty() => {
                let api = config.api.unwrap_or_else(|| "https://slack.com/api/chat.postMessage".to_owned());
                (Setting::Text(api), Some((token, channel)))
            }
            _ => return Err(PluginError::new("give `webhook`, or `token` and `channel`")),
        };
        Ok(Self { receiver: Receiver::new(url, config.http)?, bot })
    }
}

/// What Slack would read as markup.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Escaped and cut: the escapes count, and one that is cut in two is none.
fn fit(text: &str, most: usize) -> String {
    let mut length = most;
    loop {
        let escaped = escape(&clip(text, length));
        let over = escaped.encode_utf16().count().saturating_sub(most);
        if over == 0 || length <= 1 {
            return escaped;
        }
        length = length.saturating_sub(over.div_ceil(4).max(1)).max(1);
    }
}

fn payload(event: &Event) -> Value {
    let message = Message::of(event);
    let mut blocks = vec![json!({
        "type": "header", "text": {"type": "plain_text", "text": clip(&message.title, 150), "emoji": false},
    })];
    if !message.reason.is_empty() {
        let text = fit(&message.reason, 3000);
        blocks.push(json!({"type": "section", "text": {"type": "mrkdwn", "text": text}}));
    }
    let fields: Vec<Value> = message
        .fields
        .iter()
        .take(10)
        .map(|(name, value)| json!({"type": "mrkdwn", "text": format!("*{name}*\n{}", fit(value, 1900))}))
        .collect();
    if !fields.is_empty() {
        blocks.push(json!({"type": "section", "fields": fields}));
    }
    json!({"text": fit(&format!("{} {}", message.title, message.reason), 3000), "blocks": blocks})
}

/// `chat.postMessage` answers 200 to everything and says in the body what happened.
fn judge_method(answer: &Answer) -> Result<(), SinkError> {
    answer.judge()?;
    let Some(body) = answer.json() else { return Err(answer.retry("the answer is not JSON")) };
    if body.get("ok") == Some(&Value::Bool(true)) {
        return Ok(());
    }
    match body.get("error").and_then(Value::as_str).unwrap_or_default() {
        // Of the message; everything else is of the token, the channel or the moment.
        "invalid_blocks" => Err(answer.reject("invalid_blocks")),
        "invalid_blocks_format" => Err(answer.reject("invalid_blocks_format")),
        "msg_too_long" => Err(answer.reject("msg_too_long")),
        "no_text" => Err(answer.reject("no_text")),
        error => {
            let known = [
                "ratelimited",
                "invalid_auth",
                "not_authed",
                "account_inactive",
                "token_expired",
                "token_revoked",
                "missing_scope",
                "channel_not_found",
                "not_in_channel",
                "is_archived",
                "restricted_action",
            ];
            let word = known.into_iter().find(|word| *word == error).unwrap_or("the method refused");
            Err(answer.retry(word))
        }
    }
}

impl Sink for Slack {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        let url = self.receiver.url()?;
        let mut body = payload(event);
        let Some((token, channel)) = &self.bot else {
            let answer = self.receiver.post(&url, "application/json", HeaderMap::new(), body.to_string())?;
            return answer.judge();
        };
        if let Some(body) = body.as_object_mut() {
            body.insert("channel".to_owned(), channel.as_str().into());
        }
        let headers = authorization("Bearer", token)?;
        judge_method(&self.receiver.post(
            &url,
            "application/json; charset=utf-8",
            headers,
            body.to_string(),
        )?)
    }

    fn manner(&self) -> Manner {
        Manner::people()
    }

    fn check(&self) -> Result<String, SinkError> {
        self.receiver.check(&self.receiver.url()?, HeaderMap::new())
    }
}

register! {
    sink Slack {
        id: "slack",
        summary: "Posts messages to a Slack channel, through an incoming webhook or as a bot",
        why: "The people who look after agents learn of what was stopped while they can still ask",
        examples: [
            r#"{"webhook": {"env": "SLACK_WEBHOOK"}}"#,
            r##"{"token": {"file": "/run/secrets/slack"}, "channel": "#agents"}"##,
        ],
        negatives: [
            "{}",
            r##"{"token": "in-the-policy", "channel": "#agents"}"##,
            r#"{"token": {"env": "SLACK_TOKEN"}}"#,
            r#"{"webhook": "http://hooks.slack.com/services/x"}"#,
        ],
        keywords: ["slack", "chat", "message", "block kit"],
        since: "0.3.0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_whole_and_within_the_limit() {
        for most in 1..40 {
            let text = fit(&"<&>äb".repeat(20), most);
            assert!(text.encode_utf16().count() <= most.max(5), "{text} {most}");
            let rest = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
            assert!(!rest.contains(['&', '<', '>', ';']), "{text}");
        }
    }
}
