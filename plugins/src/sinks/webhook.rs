//! `webhook`: each record as a JSON POST, in the manner of Standard Webhooks.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use agentfirewall_sdk::{Event, Plugin, PluginError, Sink, SinkError, register};
use jiff::Timestamp;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::setting::Setting;

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
    /// How long to wait for the answer.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 1, max = 300))]
    timeout_seconds: u64,
}

const fn default_timeout() -> u64 {
    10
}

struct Webhook {
    url: Setting,
    headers: Vec<(HeaderName, Setting)>,
    timeout: Duration,
    client: OnceLock<Result<Client, String>>,
}

impl Plugin for Webhook {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        if let Some(url) = config.url.literal() {
            parse_url(url).map_err(PluginError::new)?;
        }
        if !(1..=300).contains(&config.timeout_seconds) {
            return Err(PluginError::new("`timeout_seconds` must be from 1 to 300"));
        }
        let mut headers = Vec::with_capacity(config.headers.len());
        for (name, value) in config.headers {
            let parsed = HeaderName::try_from(&name)
                .map_err(|_| PluginError::new(format!("`{name}` cannot be the name of a header")))?;
            if let Some(text) = value.literal() {
                header_value(&parsed, text).map_err(PluginError::new)?;
            }
            headers.push((parsed, value));
        }
        let timeout = Duration::from_secs(config.timeout_seconds);
        Ok(Self { url: config.url, headers, timeout, client: OnceLock::new() })
    }
}

/// An address that may be used. The errors do not repeat it: it can hold a secret in every part.
fn parse_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`url` is not an address: {error}"))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => {
            Err("`url` must begin with `https://`: records would cross the network in the clear".to_owned())
        }
        scheme => Err(format!("`url` must begin with `https://`, not with `{scheme}:`")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn header_value(name: &HeaderName, text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| format!("the value of the header `{name}` has characters that a header cannot have"))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Webhook {
    /// Made at the first delivery: reading the root certificates takes time that validation need not spend.
    fn client(&self) -> Result<&Client, SinkError> {
        let client = self.client.get_or_init(|| {
            // An error means that another one is installed already, which serves as well.
            let _installed = rustls::crypto::ring::default_provider().install_default();
            Client::builder()
                .timeout(self.timeout)
                .connect_timeout(self.timeout)
                // A redirect can lead records, and the headers with them, to anyone.
                .redirect(Policy::none())
                .user_agent(concat!("agentfirewall/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| chain(&error.without_url()))
        });
        client.as_ref().map_err(|error| SinkError::retry(format!("cannot make an HTTP client: {error}")))
    }

    fn url(&self) -> Result<Url, SinkError> {
        // What comes from outside the policy can be put right without a new policy: the record waits.
        self.url.resolve().and_then(|url| parse_url(&url)).map_err(SinkError::retry)
    }

    fn send(&self, url: &Url, request: RequestBuilder) -> Result<Response, SinkError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let value =
                value.resolve().and_then(|text| header_value(name, &text)).map_err(SinkError::retry)?;
            headers.insert(name.clone(), value);
        }
        request.headers(headers).send().map_err(|error| {
            let what = if error.is_timeout() {
                format!("no answer within {} s", self.timeout.as_secs())
            } else {
                chain(&error.without_url())
            };
            SinkError::retry(format!("{}: {what}", receiver(url)))
        })
    }
}

/// The part of an address that is no secret.
fn receiver(url: &Url) -> String {
    url.host_str().unwrap_or("the receiver").to_owned()
}

/// An error with its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error: &&dyn Error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What an answer means. Its body is not repeated: it can echo what was sent.
fn judge(url: &Url, response: &Response) -> Result<(), SinkError> {
    let status = response.status();
    let message = format!("{}: HTTP {status}", receiver(url));
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Err(SinkError::Retry { message, after: retry_after(response.headers()) })
        }
        status if status.is_server_error() => {
            Err(SinkError::Retry { message, after: retry_after(response.headers()) })
        }
        status if status.is_redirection() => Err(SinkError::reject(format!(
            "{message}: redirects are not followed, configure the final address"
        ))),
        _ => Err(SinkError::reject(message)),
    }
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(Timestamp::now())).unwrap_or_default())
}

impl Sink for Webhook {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        let url = self.url()?;
        let timestamp = event.record.get("timestamp").unwrap_or(&Value::Null);
        let body = json!({"type": TYPE, "timestamp": timestamp, "data": event.record}).to_string();
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let request = self
            .client()?
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &event.id)
            .header("webhook-timestamp", seconds)
            .body(body);
        judge(&url, &self.send(&url, request)?)
    }

    fn check(&self) -> Result<String, SinkError> {
        let url = self.url()?;
        let response = self.send(&url, self.client()?.head(url.clone()))?;
        Ok(format!("{} answers (HTTP {})", receiver(&url), response.status()))
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
        ],
        negatives: [
            r#"{"url": "http://hooks.example.com/"}"#,
            r#"{"url": "ftp://hooks.example.com/"}"#,
            r#"{"url": "https://hooks.example.com/", "timeout_seconds": 0}"#,
            r#"{"url": "https://hooks.example.com/", "header": {}}"#,
        ],
        keywords: ["webhook", "http", "post", "siem", "standard webhooks"],
        since: "0.2.0",
    }
}

#[cfg(test)]
mod tests;
