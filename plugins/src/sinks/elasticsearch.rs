//! `elasticsearch`: the `_bulk` API of Elasticsearch and OpenSearch.
//!
//! Every document is created under its record's hash, so a repetition is answered with 409 and counts as delivered. The answer is 200
//! even if single documents were refused: each has a status of its own.

use agentfirewall_sdk::{Event, Manner, Plugin, PluginError, Sink, SinkError, register};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Answer, Http, Receiver, authorization, secret_header};
use super::setting::{Secret, Setting};

/// Where to send.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The address, such as `https://search.example.com:9200`.
    url: Setting,
    /// The index or data stream.
    index: String,
    /// An API key, as the server gives it encoded.
    api_key: Option<Secret>,
    /// A user, with `password`.
    user: Option<String>,
    /// The user's password.
    password: Option<Secret>,
    /// The way to the receiver.
    #[serde(default)]
    http: Http,
}

struct Elasticsearch {
    receiver: Receiver,
    index: String,
    login: Login,
}

enum Login {
    None,
    Key(Secret),
    User(String, Secret),
}

impl Plugin for Elasticsearch {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let login = match (config.api_key, config.user, config.password) {
            (None, None, None) => Login::None,
            (Some(key), None, None) => Login::Key(key),
            (None, Some(user), Some(password)) => Login::User(user, password),
            _ => return Err(PluginError::new("give `api_key`, or `user` and `password`, or nothing")),
        };
        // The rules of the server: https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-create
        let index = config.index;
        let bad = |character: char| character.is_uppercase() || " \\/*?\"<>|,#:".contains(character);
        if index.is_empty() || index.len() > 255 || index.contains(bad) || index.starts_with(['-', '_', '+'])
        {
            return Err(PluginError::new("`index` cannot be the name of an index"));
        }
        Ok(Self { receiver: Receiver::new(config.url, config.http)?, index, login })
    }
}

impl Elasticsearch {
    fn headers(&self) -> Result<HeaderMap, SinkError> {
        match &self.login {
            Login::None => Ok(HeaderMap::new()),
            Login::Key(key) => authorization("ApiKey", key),
            Login::User(user, password) => {
                let password = password.resolve().map_err(SinkError::retry)?;
                let pair = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
                Ok(HeaderMap::from_iter([secret_header(AUTHORIZATION, &pair)?]))
            }
        }
    }
}

/// A document that a data stream takes: it needs `@timestamp`.
fn document(event: &Event) -> Value {
    match event.document() {
        Value::Object(members) => {
            let mut members = members.clone();
            if !members.contains_key("@timestamp") {
                members.insert(
                    "@timestamp".to_owned(),
                    event.record.get("timestamp").cloned().unwrap_or_default(),
                );
            }
            // A member that begins with `_` is the server's own.
            if let Some(hash) = members.shift_remove("_hash") {
                members.insert("hash".to_owned(), hash);
            }
            Value::Object(members)
        }
        other => json!({"@timestamp": event.record.get("timestamp"), "message": other}),
    }
}

fn item(answer: &Answer, item: &Value) -> Result<(), SinkError> {
    let status = item.pointer("/create/status").and_then(Value::as_u64).unwrap_or_default();
    match status {
        // 409: it was created before.
        200..=299 | 409 => Ok(()),
        429 | 500..=599 => Err(answer.retry(&format!("an item has the status {status}"))),
        401 | 403 | 404 => Err(answer.retry(&format!("an item has the status {status}"))),
        _ => Err(answer.reject(&format!("an item has the status {status}"))),
    }
}

impl Sink for Elasticsearch {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        self.deliver_batch(std::slice::from_ref(event))?.pop().unwrap_or(Ok(()))
    }

    fn manner(&self) -> Manner {
        Manner::batches(500, 4 << 20)
    }

    fn deliver_batch(&self, events: &[Event]) -> Result<Vec<Result<(), SinkError>>, SinkError> {
        let mut url = self.receiver.url()?;
        let path = format!("{}/{}/_bulk", url.path().trim_end_matches('/'), self.index);
        url.set_path(&path);
        let mut body = String::new();
        for event in events {
            body.push_str(&json!({"create": {"_id": event.id}}).to_string());
            body.push('\n');
            body.push_str(&document(event).to_string());
            body.push('\n');
        }
        let answer = self.receiver.post(&url, "application/x-ndjson", self.headers()?, body)?;
        answer.judge()?;
        let told = answer.json().unwrap_or_default();
        match told.get("items").and_then(Value::as_array) {
            Some(items) if items.len() == events.len() => {
                Ok(items.iter().map(|one| item(&answer, one)).collect())
            }
            _ if told.get("errors") == Some(&Value::Bool(false)) && told.get("items").is_none() => {
                Ok(events.iter().map(|_| Ok(())).collect())
            }
            _ => Err(answer.retry("the answer does not name every item")),
        }
    }

    fn check(&self) -> Result<String, SinkError> {
        let answer = self.receiver.get(&self.receiver.url()?, self.headers()?)?;
        answer.judge().map(|()| format!("the server answers (HTTP {})", answer.status))
    }
}

register! {
    sink Elasticsearch {
        id: "elasticsearch",
        summary: "Stores records in Elasticsearch or OpenSearch, each one once",
        why: "Search and dashboards over what agents did, in the store that is there already",
        examples: [
            r#"{"url": "https://search.example.com:9200", "index": "logs-agentfirewall-default", "api_key": {"env": "ES_KEY"}}"#,
            r#"{"url": "http://127.0.0.1:9200", "index": "agents"}"#,
            r#"{"url": "https://opensearch.example.com", "index": "agents", "user": "agents", "password": {"file": "/run/secrets/os"}}"#,
        ],
        negatives: [
            r#"{"url": "https://search.example.com:9200"}"#,
            r#"{"url": "https://search.example.com:9200", "index": "Agents"}"#,
            r#"{"url": "https://search.example.com:9200", "index": "a/_doc"}"#,
            r#"{"url": "https://search.example.com:9200", "index": "a", "user": "b"}"#,
        ],
        keywords: ["elasticsearch", "opensearch", "elastic", "bulk", "siem"],
        since: "0.3.0",
    }
}
