//! `webhook`: each record as a JSON POST, in the manner of Standard Webhooks.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use agentfirewall_sdk::{Event, Plugin, PluginError, Sink, SinkError, register};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderName, HeaderValue};
use ring::hmac;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Headers, Http, Receiver, header_value};
use super::setting::{Secret, Setting};

/// The `type` of every message.
const TYPE: &str = "agentfirewall.decision";

/// Where and how to send.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The address. Only `https`, but for the machine itself. Where it is a secret, as with most chat systems, give
    /// `{env: NAME}` or `{file: PATH}`.
    url: Setting,
    /// Headers to send, such as `Authorization: {env: TOKEN}`.
    #[serde(default)]
    headers: BTreeMap<String, Setting>,
    /// Keys to sign with, as Standard Webhooks has them: `whsec_` and Base64. With several, which is how one is
    /// replaced by the next, each gives a signature.
    #[serde(default)]
    signing: Vec<Secret>,
    /// How long to wait for the answer; the same as below `http`.
    #[schemars(range(min = 1, max = 300))]
    timeout_seconds: Option<u64>,
    /// The way to the receiver.
    #[serde(default)]
    http: Http,
}

struct Webhook {
    receiver: Receiver,
    headers: Headers,
    signing: Vec<Secret>,
}

impl Plugin for Webhook {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let mut http = config.http;
        http.timeout_seconds = http.timeout_seconds.or(config.timeout_seconds);
        let receiver = Receiver::new(config.url, http)?;
        Ok(Self { receiver, headers: Headers::new(config.headers)?, signing: config.signing })
    }
}

impl Webhook {
    /// `webhook-signature`: HMAC-SHA256 over `id.timestamp.body`, one for each key.
    fn signature(&self, id: &str, seconds: u64, body: &str) -> Result<Option<String>, SinkError> {
        let mut signatures = Vec::with_capacity(self.signing.len());
        for secret in &self.signing {
            let text = secret.resolve().map_err(SinkError::retry)?;
            let encoded = text.strip_prefix("whsec_").unwrap_or(&text);
            let key = STANDARD
                .decode(encoded)
                .map_err(|_| SinkError::retry("a key of `signing` is not `whsec_` and Base64"))?;
            let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
            let tag = hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
            signatures.push(format!("v1,{}", STANDARD.encode(tag.as_ref())));
        }
        Ok((!signatures.is_empty()).then(|| signatures.join(" ")))
    }
}

impl Sink for Webhook {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        let url = self.receiver.url()?;
        let timestamp = event.record.get("timestamp").unwrap_or(&Value::Null);
        let body = json!({"type": TYPE, "timestamp": timestamp, "data": event.document()}).to_string();
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut headers = self.headers.resolve()?;
        headers.insert("webhook-timestamp", HeaderValue::from(seconds));
        let mut add = |name: &'static str, text: &str| -> Result<(), SinkError> {
            let name = HeaderName::from_static(name);
            headers.insert(name.clone(), header_value(&name, text).map_err(SinkError::reject)?);
            Ok(())
        };
        add("webhook-id", &event.id)?;
        if let Some(signature) = self.signature(&event.id, seconds, &body)? {
            add("webhook-signature", &signature)?;
        }
        self.receiver.post(&url, "application/json", headers, body)?.judge()
    }

    fn check(&self) -> Result<String, SinkError> {
        self.receiver.check(&self.receiver.url()?, self.headers.resolve()?)
    }
}

register! {
    sink Webhook {
        id: "webhook",
        summary: "Posts each record as JSON to an address, with the headers of Standard Webhooks",
        why: "Tells any system that takes HTTP: a SIEM's collector, an automation, your own service",
        examples: [
            r#"{"url": "https://hooks.example.com/agentfirewall"}"#,
            r#"{"url": {"env": "HOOK_URL"}, "headers": {"Authorization": {"file": "/run/secrets/token"}}, "timeout_seconds": 5}"#,
            r#"{"url": "http://127.0.0.1:8080/"}"#,
            r#"{"url": "https://hooks.example.com/", "signing": [{"env": "HOOK_KEY"}], "http": {"proxy": "http://proxy.example.com:3128", "ca": "/etc/ssl/company.pem"}}"#,
        ],
        negatives: [
            r#"{"url": "http://hooks.example.com/"}"#,
            r#"{"url": "ftp://hooks.example.com/"}"#,
            r#"{"url": "https://hooks.example.com/", "timeout_seconds": 0}"#,
            r#"{"url": "https://hooks.example.com/", "header": {}}"#,
            r#"{"url": "https://10.0.0.7/"}"#,
            r#"{"url": "https://hooks.example.com/", "signing": ["whsec_in_the_policy"]}"#,
            r#"{"url": "https://hooks.example.com/", "http": {"key": "/etc/key.pem"}}"#,
        ],
        keywords: ["webhook", "http", "post", "siem", "standard webhooks"],
        since: "0.2.0",
    }
}

#[cfg(test)]
mod tests;
