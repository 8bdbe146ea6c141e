//! `otlp`: logs to an OpenTelemetry collector over HTTP.
//!
//! OTLP 1.x: <https://opentelemetry.io/docs/specs/otlp/#otlphttp>. 200 may still say in `partialSuccess` that records were refused,
//! without saying which.

mod wire;

use std::collections::BTreeMap;
use std::io::Write;

use agentfirewall_sdk::{Event, Manner, Plugin, PluginError, Sink, SinkError, register};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{CONTENT_ENCODING, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::http::{Answer, Headers, Http, Receiver};
use super::setting::Setting;

/// Where and how to send.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The collector's address, such as `https://otel.example.com:4318`; without a path it gets `/v1/logs`.
    url: Setting,
    /// The encoding.
    #[serde(default)]
    encoding: Encoding,
    /// Whether requests are compressed.
    #[serde(default = "yes")]
    gzip: bool,
    /// Headers to send, such as `Authorization: {env: TOKEN}`.
    #[serde(default)]
    headers: BTreeMap<String, Setting>,
    /// Attributes of the resource beside `service.name` and `host.name`.
    #[serde(default)]
    resource: BTreeMap<String, String>,
    /// The way to the receiver.
    #[serde(default)]
    http: Http,
}

/// How requests are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    /// Protocol Buffers.
    #[default]
    Protobuf,
    /// JSON.
    Json,
}

const fn yes() -> bool {
    true
}

struct Otlp {
    receiver: Receiver,
    encoding: Encoding,
    gzip: bool,
    headers: Headers,
    resource: BTreeMap<String, String>,
}

impl Plugin for Otlp {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let headers = Headers::new(config.headers)?;
        let receiver = Receiver::new(config.url, config.http)?;
        let mut resource = BTreeMap::from([
            ("service.name".to_owned(), "agentfirewall".to_owned()),
            ("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("host.name".to_owned(), super::message::host()),
        ]);
        resource.extend(config.resource);
        Ok(Self { receiver, encoding: config.encoding, gzip: config.gzip, headers, resource })
    }
}

impl Otlp {
    fn post(&self, events: &[Event]) -> Result<Answer, SinkError> {
        let url = self.receiver.url_with("/v1/logs")?;
        let request = wire::Request { resource: &self.resource, events };
        let (content_type, mut body) = match self.encoding {
            Encoding::Protobuf => ("application/x-protobuf", request.protobuf()),
            Encoding::Json => ("application/json", request.json().to_string().into_bytes()),
        };
        let mut headers = self.headers.resolve()?;
        if self.gzip {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            let packed = encoder.write_all(&body).and_then(|()| encoder.finish());
            body = packed.map_err(|error| SinkError::retry(format!("cannot compress: {error}")))?;
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        self.receiver.post(&url, content_type, headers, body)
    }

    /// How many records were refused by an answer that is a success.
    fn refused(&self, answer: &Answer) -> u64 {
        match self.encoding {
            Encoding::Protobuf => wire::refused(&answer.body),
            Encoding::Json => {
                let told = answer.json().unwrap_or_default();
                let count = told.pointer("/partialSuccess/rejectedLogRecords");
                let count = count.and_then(|count| count.as_u64().or_else(|| count.as_str()?.parse().ok()));
                count.unwrap_or_default()
            }
        }
    }
}

impl Sink for Otlp {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        self.deliver_batch(std::slice::from_ref(event))?.pop().unwrap_or(Ok(()))
    }

    fn manner(&self) -> Manner {
        Manner::batches(512, 2 << 20)
    }

    fn deliver_batch(&self, events: &[Event]) -> Result<Vec<Result<(), SinkError>>, SinkError> {
        let answer = self.post(events)?;
        answer.judge()?;
        match self.refused(&answer) {
            0 => Ok(events.iter().map(|_| Ok(())).collect()),
            count => {
                Err(answer.reject(&format!("the collector refused {count} of {} records", events.len())))
            }
        }
    }

    fn check(&self) -> Result<String, SinkError> {
        // A request without records is valid and leaves nothing.
        let answer = self.post(&[])?;
        answer.judge().map(|()| format!("the collector answers (HTTP {})", answer.status))
    }
}

/// The text of a value, for an attribute.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => (!text.is_empty()).then(|| text.clone()),
        other => Some(other.to_string()),
    }
}

register! {
    sink Otlp {
        id: "otlp",
        summary: "Sends records as logs to an OpenTelemetry collector over HTTP",
        why: "One collector carries them to whatever store there is, and to several",
        examples: [
            r#"{"url": "https://otel.example.com:4318"}"#,
            r#"{"url": "http://127.0.0.1:4318/v1/logs", "encoding": "json", "gzip": false}"#,
            r#"{"url": "https://otlp.example.com/otlp/v1/logs", "headers": {"Authorization": {"env": "OTLP_AUTH"}}, "resource": {"deployment.environment.name": "laptops"}}"#,
        ],
        negatives: [
            "{}",
            r#"{"url": "http://otel.example.com:4318"}"#,
            r#"{"url": "https://otel.example.com", "encoding": "grpc"}"#,
        ],
        keywords: ["opentelemetry", "otlp", "otel", "collector", "logs"],
        since: "0.3.0",
    }
}
