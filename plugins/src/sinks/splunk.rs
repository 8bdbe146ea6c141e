//! `splunk`: the HTTP Event Collector.
//!
//! A request is JSON objects one after the other. 200 with `code` 0 means that they look valid to the collector; an error names the
//! first event it does not like (`invalid-event-number`).

use agentfirewall_sdk::{Event, Manner, Plugin, PluginError, Sink, SinkError, register};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::http::{Http, Receiver, authorization};
use super::message::{host, nanoseconds};
use super::setting::{Secret, Setting};

/// Where to send.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The address, such as `https://splunk.example.com:8088`.
    url: Setting,
    /// The collector's token.
    token: Secret,
    /// The index, where it is not the token's.
    index: Option<String>,
    /// The source type.
    #[serde(default = "sourcetype")]
    sourcetype: String,
    /// The way to the receiver.
    #[serde(default)]
    http: Http,
}

fn sourcetype() -> String {
    "agentfirewall:decision".to_owned()
}

struct Splunk {
    receiver: Receiver,
    token: Secret,
    index: Option<String>,
    sourcetype: String,
}

impl Plugin for Splunk {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let receiver = Receiver::new(config.url, config.http)?;
        Ok(Self { receiver, token: config.token, index: config.index, sourcetype: config.sourcetype })
    }
}

impl Splunk {
    fn envelope(&self, event: &Event) -> Value {
        let milliseconds = nanoseconds(event) / 1_000_000;
        let mut envelope = Map::new();
        envelope
            .insert("time".to_owned(), format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000).into());
        envelope.insert("host".to_owned(), host().into());
        envelope.insert("source".to_owned(), "agentfirewall".into());
        envelope.insert("sourcetype".to_owned(), self.sourcetype.as_str().into());
        if let Some(index) = &self.index {
            envelope.insert("index".to_owned(), index.as_str().into());
        }
        envelope.insert("event".to_owned(), event.document().clone());
        // Indexed, so that gaps and repetitions are found without reading the events.
        let fields = json!({"chain": event.chain, "seq": event.sequence.to_string(), "hash": event.id, "action": event.action});
        envelope.insert("fields".to_owned(), fields);
        Value::Object(envelope)
    }
}

impl Sink for Splunk {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        self.deliver_batch(std::slice::from_ref(event))?.pop().unwrap_or(Ok(()))
    }

    fn manner(&self) -> Manner {
        Manner::batches(200, 900 << 10)
    }

    fn deliver_batch(&self, events: &[Event]) -> Result<Vec<Result<(), SinkError>>, SinkError> {
        let url = self.receiver.url_with("/services/collector/event")?;
        let body: String = events.iter().map(|event| format!("{}\n", self.envelope(event))).collect();
        let answer =
            self.receiver.post(&url, "application/json", authorization("Splunk", &self.token)?, body)?;
        let told = answer.json().unwrap_or_default();
        let code = told.get("code").and_then(Value::as_i64);
        if answer.status.is_success() {
            return match code {
                Some(0) => Ok(events.iter().map(|_| Ok(())).collect()),
                _ => Err(answer.retry("the answer is not the collector's")),
            };
        }
        // Codes: https://help.splunk.com/en/splunk-enterprise/get-data-in "Troubleshoot HTTP Event Collector".
        match (code, told.get("invalid-event-number").and_then(Value::as_u64)) {
            // Of the configuration, not of an event: token, index, channel, server busy, shutting down.
            (Some(code @ (1..=4 | 7..=11 | 14 | 16 | 18..=20 | 23..=27)), _) => {
                Err(answer.retry(&format!("code {code}")))
            }
            // What stands before the bad one is not taken either: it comes again, without the bad one.
            (Some(code), Some(number))
                if usize::try_from(number).is_ok_and(|number| number < events.len()) =>
            {
                let error = answer.reject(&format!("code {code}"));
                if number == 0 { Ok(vec![Err(error)]) } else { Err(error) }
            }
            _ => answer.judge().map(|()| Vec::new()),
        }
    }

    fn check(&self) -> Result<String, SinkError> {
        let mut url = self.receiver.url()?;
        url.set_path("/services/collector/health");
        let answer = self.receiver.get(&url, authorization("Splunk", &self.token)?)?;
        answer.judge().map(|()| format!("the collector is healthy (HTTP {})", answer.status))
    }
}

register! {
    sink Splunk {
        id: "splunk",
        summary: "Sends records to the HTTP Event Collector of Splunk",
        why: "Whoever searches in Splunk finds the agents' calls beside everything else",
        examples: [
            r#"{"url": "https://splunk.example.com:8088", "token": {"env": "SPLUNK_TOKEN"}}"#,
            r#"{"url": "https://http-inputs-acme.splunkcloud.com", "token": {"file": "/run/secrets/hec"}, "index": "agents"}"#,
        ],
        negatives: [
            r#"{"url": "https://splunk.example.com:8088"}"#,
            r#"{"url": "https://splunk.example.com:8088", "token": "in-the-policy"}"#,
            r#"{"url": "http://splunk.example.com:8088", "token": {"env": "A"}}"#,
        ],
        keywords: ["splunk", "hec", "siem", "event collector"],
        since: "0.3.0",
    }
}
