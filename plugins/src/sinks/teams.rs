//! `teams`: an Adaptive Card to Microsoft Teams, through a workflow ("Send webhook alerts to a channel").
//!
//! The connectors of Office 365 that took other messages are retired. A workflow answers 202 and takes some 28 KB.

use agentfirewall_sdk::{Event, Manner, Plugin, PluginError, Sink, SinkError, register};
use reqwest::header::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Http, Receiver};
use super::message::{Message, clip};
use super::setting::Setting;

/// Where to send.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The address of the workflow. It is a secret: better `{env: NAME}` or `{file: PATH}`.
    workflow: Setting,
    /// The way to the receiver.
    #[serde(default)]
    http: Http,
}

struct Teams(Receiver);

impl Plugin for Teams {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        Receiver::new(config.workflow, config.http).map(Self)
    }
}

fn payload(event: &Event) -> Value {
    let message = Message::of(event);
    let facts: Vec<Value> = message
        .fields
        .iter()
        .map(|(name, value)| json!({"title": name, "value": plain(&clip(value, 1000))}))
        .collect();
    let style = if message.severity >= agentfirewall_sdk::Severity::High { "attention" } else { "warning" };
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": {"width": "Full"},
                "body": [
                    {"type": "TextBlock", "size": "medium", "weight": "bolder", "wrap": true, "color": style,
                     "text": plain(&clip(&message.title, 300))},
                    {"type": "TextBlock", "wrap": true, "text": plain(&clip(&message.reason, 2000))},
                    {"type": "FactSet", "facts": facts},
                ],
            },
        }],
    })
}

/// What a card would read as Markdown: a link that a command brings along must not become one.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '*' | '_' | '[' | ']' | '`' | '#') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

impl Sink for Teams {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        let url = self.0.url()?;
        self.0.post(&url, "application/json", HeaderMap::new(), payload(event).to_string())?.judge()
    }

    fn manner(&self) -> Manner {
        Manner::people()
    }

    fn check(&self) -> Result<String, SinkError> {
        self.0.check(&self.0.url()?, HeaderMap::new())
    }
}

register! {
    sink Teams {
        id: "teams",
        summary: "Posts Adaptive Cards to Microsoft Teams through a workflow",
        why: "Teams that live in Microsoft Teams are told there",
        examples: [r#"{"workflow": {"env": "TEAMS_WORKFLOW"}}"#, r#"{"workflow": {"file": "/run/secrets/teams"}}"#],
        negatives: ["{}", r#"{"workflow": "http://example.com/"}"#, r#"{"webhook": {"env": "A"}}"#],
        keywords: ["teams", "microsoft", "chat", "adaptive card", "workflow"],
        since: "0.3.0",
    }
}
