//! `datadog`: the logs API v2.
//!
//! <https://docs.datadoghq.com/api/latest/logs/>: 1,000 logs and 5 MB a request, 1 MB a log, answered with 202.

use agentfirewall_sdk::{Event, Manner, Plugin, PluginError, Severity, Sink, SinkError, register};
use reqwest::header::{HeaderMap, HeaderName};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Http, Receiver, secret_header};
use super::message::{Message, host};
use super::setting::{Secret, Setting};

/// Where to send.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The API key.
    api_key: Secret,
    /// The site, such as `datadoghq.eu`.
    #[serde(default = "site")]
    site: String,
    /// The address, where it is no site of Datadog.
    url: Option<Setting>,
    /// The service that the logs are of.
    #[serde(default = "service")]
    service: String,
    /// Tags, such as `env:prod`.
    #[serde(default)]
    tags: Vec<String>,
    /// The way to the receiver.
    #[serde(default)]
    http: Http,
}

fn site() -> String {
    "datadoghq.com".to_owned()
}

fn service() -> String {
    "agentfirewall".to_owned()
}

struct Datadog {
    receiver: Receiver,
    api_key: Secret,
    service: String,
    tags: String,
}

impl Plugin for Datadog {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        if !config.site.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-') {
            return Err(PluginError::new("`site` is a name such as `datadoghq.eu`"));
        }
        let of_site = || Setting::Text(format!("https://http-intake.logs.{}/", config.site));
        let receiver = Receiver::new(config.url.unwrap_or_else(of_site), config.http)?;
        Ok(Self { receiver, api_key: config.api_key, service: config.service, tags: config.tags.join(",") })
    }
}

impl Datadog {
    fn headers(&self) -> Result<HeaderMap, SinkError> {
        let key = self.api_key.resolve().map_err(SinkError::retry)?;
        Ok(HeaderMap::from_iter([secret_header(HeaderName::from_static("dd-api-key"), &key)?]))
    }

    fn log(&self, event: &Event) -> Value {
        let message = Message::of(event);
        let status = match message.severity {
            Severity::Info => "info",
            Severity::Low => "notice",
            Severity::Medium => "warning",
            Severity::High => "error",
            Severity::Critical => "critical",
        };
        json!({
            "ddsource": "agentfirewall",
            "ddtags": self.tags,
            "hostname": host(),
            "service": self.service,
            "status": status,
            "timestamp": event.record.get("timestamp"),
            "message": format!("{}: {}", message.title, message.reason),
            "agentfirewall": event.document(),
        })
    }
}

impl Sink for Datadog {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        self.deliver_batch(std::slice::from_ref(event))?.pop().unwrap_or(Ok(()))
    }

    fn manner(&self) -> Manner {
        Manner::batches(500, 3 << 20)
    }

    fn deliver_batch(&self, events: &[Event]) -> Result<Vec<Result<(), SinkError>>, SinkError> {
        let url = self.receiver.url_with("/api/v2/logs")?;
        let body = Value::Array(events.iter().map(|event| self.log(event)).collect()).to_string();
        self.receiver.post(&url, "application/json", self.headers()?, body)?.judge()?;
        Ok(events.iter().map(|_| Ok(())).collect())
    }

    fn check(&self) -> Result<String, SinkError> {
        self.receiver.check(&self.receiver.url_with("/api/v2/logs")?, self.headers()?)
    }
}

register! {
    sink Datadog {
        id: "datadog",
        summary: "Sends records to the logs of Datadog",
        why: "Monitors and dashboards of Datadog over what agents did",
        examples: [
            r#"{"api_key": {"env": "DD_API_KEY"}}"#,
            r#"{"api_key": {"file": "/run/secrets/dd"}, "site": "datadoghq.eu", "service": "coding-agents", "tags": ["env:prod"]}"#,
        ],
        negatives: ["{}", r#"{"api_key": "in-the-policy"}"#, r#"{"api_key": {"env": "A"}, "site": "example.com/x"}"#],
        keywords: ["datadog", "logs", "siem", "monitoring"],
        since: "0.3.0",
    }
}
