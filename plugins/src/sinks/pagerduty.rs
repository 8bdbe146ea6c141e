//! `pagerduty`: an alert through the Events API v2.
//!
//! <https://developer.pagerduty.com/docs/send-alert-event>: `summary` of 1,024 characters, `dedup_key` of 255, an event of 512 KB.

use agentfirewall_sdk::{Event, Manner, Plugin, PluginError, Severity, Sink, SinkError, register};
use reqwest::header::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Http, Receiver};
use super::message::{Message, clip, host};
use super::setting::{Secret, Setting};

/// Whom to wake.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The integration key of a service.
    routing_key: Secret,
    /// What becomes one alert.
    #[serde(default)]
    one_alert: OneAlert,
    /// The address, where it is not the one of the United States: `https://events.eu.pagerduty.com/v2/enqueue`.
    url: Option<Setting>,
    /// The way to the receiver.
    #[serde(default)]
    http: Http,
}

/// What becomes one alert.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum OneAlert {
    /// Every event.
    #[default]
    Event,
    /// All events of a rule.
    Rule,
    /// All events of a session of an agent.
    Session,
}

struct PagerDuty {
    receiver: Receiver,
    routing_key: Secret,
    one_alert: OneAlert,
}

impl Plugin for PagerDuty {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let usual = || Setting::Text("https://events.pagerduty.com/v2/enqueue".to_owned());
        let receiver = Receiver::new(config.url.unwrap_or_else(usual), config.http)?;
        Ok(Self { receiver, routing_key: config.routing_key, one_alert: config.one_alert })
    }
}

impl PagerDuty {
    fn payload(&self, event: &Event, routing_key: &str) -> Value {
        let message = Message::of(event);
        let text = |pointer: &str| event.record.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let key = match self.one_alert {
            OneAlert::Event => event.id.clone(),
            OneAlert::Rule => format!("{}/{}/{}", event.chain, text("/rule/layer"), text("/rule/name")),
            OneAlert::Session => format!("{}/{}", event.chain, text("/session_id")),
        };
        let severity = match message.severity {
            Severity::Info | Severity::Low => "info",
            Severity::Medium => "warning",
            Severity::High => "error",
            Severity::Critical => "critical",
        };
        let mut details = event.document().clone();
        if details.to_string().len() > 400 << 10 {
            details = json!({"reason": message.reason, "_hash": event.id, "seq": event.sequence, "chain": event.chain});
        }
        json!({
            "routing_key": routing_key,
            "event_action": "trigger",
            "dedup_key": clip(&key, 255),
            "client": "agentfirewall",
            "payload": {
                "summary": clip(&format!("{}: {}", message.title, message.reason), 1024),
                "source": host(),
                "severity": severity,
                "timestamp": event.record.get("timestamp"),
                "component": text("/tool_name"),
                "group": text("/project"),
                "class": text("/rule/name"),
                "custom_details": details,
            },
        })
    }
}

impl Sink for PagerDuty {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        let url = self.receiver.url()?;
        let key = self.routing_key.resolve().map_err(SinkError::retry)?;
        let body = self.payload(event, &key).to_string();
        self.receiver.post(&url, "application/json", HeaderMap::new(), body)?.judge()
    }

    fn manner(&self) -> Manner {
        Manner::people()
    }

    fn check(&self) -> Result<String, SinkError> {
        self.routing_key.resolve().map_err(SinkError::retry)?;
        self.receiver.check(&self.receiver.url()?, HeaderMap::new())
    }
}

register! {
    sink PagerDuty {
        id: "pagerduty",
        summary: "Triggers alerts through the Events API v2 of PagerDuty",
        why: "What cannot wait until morning wakes whoever is on call",
        examples: [
            r#"{"routing_key": {"env": "PAGERDUTY_KEY"}}"#,
            r#"{"routing_key": {"file": "/run/secrets/pagerduty"}, "one_alert": "rule", "url": "https://events.eu.pagerduty.com/v2/enqueue"}"#,
        ],
        negatives: ["{}", r#"{"routing_key": "in-the-policy"}"#, r#"{"routing_key": {"env": "A"}, "one_alert": "day"}"#],
        keywords: ["pagerduty", "on call", "incident", "alert"],
        since: "0.3.0",
    }
}
