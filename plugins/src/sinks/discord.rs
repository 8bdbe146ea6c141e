//! `discord`: an embed through a webhook.
//!
//! Limits: <https://discord.com/developers/docs/resources/message#embed-object>: title 256, description 4,096, 25 fields with names of
//! 256 and values of 1,024, 6,000 together. Nobody is pinged: a command could hold `@everyone`.

use agentfirewall_sdk::{Event, Manner, Plugin, PluginError, Sink, SinkError, register};
use reqwest::header::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Http, Receiver};
use super::message::{Message, clip, colour};
use super::setting::Setting;

/// Where to send.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The address of the channel's webhook. It is a secret: better `{env: NAME}` or `{file: PATH}`.
    webhook: Setting,
    /// The way to the receiver.
    #[serde(default)]
    http: Http,
}

struct Discord(Receiver);

impl Plugin for Discord {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        Receiver::new(config.webhook, config.http).map(Self)
    }
}

fn payload(event: &Event) -> Value {
    let message = Message::of(event);
    let fields: Vec<Value> = message
        .fields
        .iter()
        .map(|(name, value)| json!({"name": name, "value": clip(value, 400), "inline": *name != "Call"}))
        .collect();
    json!({
        "content": clip(&message.title, 300),
        "allowed_mentions": {"parse": []},
        "embeds": [{
            "title": clip(&message.title, 256),
            "description": clip(&message.reason, 2000),
            "color": colour(message.severity),
            "fields": fields,
        }],
    })
}

impl Sink for Discord {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        let mut url = self.0.url()?;
        // Without it the answer comes before the message is stored.
        url.query_pairs_mut().append_pair("wait", "true");
        self.0.post(&url, "application/json", HeaderMap::new(), payload(event).to_string())?.judge()
    }

    fn manner(&self) -> Manner {
        Manner::people()
    }

    fn check(&self) -> Result<String, SinkError> {
        // A webhook's address answers with what it is, without leaving anything.
        let answer = self.0.get(&self.0.url()?, HeaderMap::new())?;
        answer.judge().map(|()| format!("the webhook answers (HTTP {})", answer.status))
    }
}

register! {
    sink Discord {
        id: "discord",
        summary: "Posts messages to a Discord channel through a webhook",
        why: "Teams that live in Discord are told there",
        examples: [r#"{"webhook": {"env": "DISCORD_WEBHOOK"}}"#, r#"{"webhook": {"file": "/run/secrets/discord"}}"#],
        negatives: ["{}", r#"{"webhook": "http://discord.com/api/webhooks/1/x"}"#, r#"{"url": {"env": "A"}}"#],
        keywords: ["discord", "chat", "message", "embed"],
        since: "0.3.0",
    }
}
