//! `kafka-rest`: a topic of Kafka through its REST proxy, in version 2 or 3 of its API.
//!
//! The key of a record is the chain, so that the records of one machine stay in one partition and in order. Version 2 takes many in
//! one request; version 3 as well, as JSON objects one after the other, and answers with one for each.

use agentfirewall_sdk::{Event, Manner, Plugin, PluginError, Sink, SinkError, register};
use reqwest::header::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Answer, Http, Receiver, authorization};
use super::setting::{Secret, Setting};

/// Where to send.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The proxy's address.
    url: Setting,
    /// The topic.
    topic: String,
    /// The cluster's id: with it version 3 of the API is spoken, without it version 2.
    cluster: Option<String>,
    /// A token for `Authorization: Bearer`.
    token: Option<Secret>,
    /// The way to the receiver.
    #[serde(default)]
    http: Http,
}

struct KafkaRest {
    receiver: Receiver,
    path: String,
    third: bool,
    token: Option<Secret>,
}

impl Plugin for KafkaRest {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let good = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if !good(&config.topic) || config.topic.len() > 249 || config.topic == "." || config.topic == ".." {
            return Err(PluginError::new("`topic` cannot be the name of a topic"));
        }
        if config.cluster.as_deref().is_some_and(|cluster| !good(cluster)) {
            return Err(PluginError::new("`cluster` cannot be the id of a cluster"));
        }
        let path = match &config.cluster {
            Some(cluster) => format!("v3/clusters/{cluster}/topics/{}/records", config.topic),
            None => format!("topics/{}", config.topic),
        };
        let receiver = Receiver::new(config.url, config.http)?;
        Ok(Self { receiver, path, third: config.cluster.is_some(), token: config.token })
    }
}

impl KafkaRest {
    fn headers(&self) -> Result<HeaderMap, SinkError> {
        self.token.as_ref().map_or_else(|| Ok(HeaderMap::new()), |token| authorization("Bearer", token))
    }

    fn second(&self, answer: &Answer, events: &[Event]) -> Result<Vec<Result<(), SinkError>>, SinkError> {
        let told = answer.json().unwrap_or_default();
        let Some(offsets) =
            told.get("offsets").and_then(Value::as_array).filter(|all| all.len() == events.len())
        else {
            return Err(answer.retry("the answer does not name every record"));
        };
        let one = |offset: &Value| match offset.get("error_code").and_then(Value::as_i64) {
            None => Ok(()),
            // 2 is an error of Kafka that may pass.
            Some(1) => Err(answer.reject("error code 1")),
            Some(code) => Err(answer.retry(&format!("error code {code}"))),
        };
        Ok(offsets.iter().map(one).collect())
    }

    fn third(answer: &Answer) -> Result<Vec<Result<(), SinkError>>, SinkError> {
        let told = serde_json::Deserializer::from_slice(&answer.body).into_iter::<Value>();
        let mut results = Vec::new();
        for one in told {
            let Ok(one) = one else { break };
            let result = match one.get("error_code").and_then(Value::as_i64) {
                None | Some(200) => Ok(()),
                Some(code @ (400 | 413 | 422 | 40_000..=42_999)) => {
                    Err(answer.reject(&format!("error code {code}")))
                }
                Some(code) => Err(answer.retry(&format!("error code {code}"))),
            };
            results.push(result);
        }
        // Records without an answer were not taken.
        Ok(results)
    }
}

impl Sink for KafkaRest {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        let results = self.deliver_batch(std::slice::from_ref(event))?.pop();
        results.unwrap_or_else(|| Err(SinkError::retry("the proxy said nothing of the record")))
    }

    fn manner(&self) -> Manner {
        Manner::batches(200, 1 << 20)
    }

    fn deliver_batch(&self, events: &[Event]) -> Result<Vec<Result<(), SinkError>>, SinkError> {
        let mut url = self.receiver.url()?;
        let path = format!("{}/{}", url.path().trim_end_matches('/'), self.path);
        url.set_path(&path);
        if self.third {
            let line = |event: &Event| {
                json!({
                    "key": {"type": "STRING", "data": event.chain},
                    "value": {"type": "JSON", "data": event.document()},
                    "headers": [],
                })
            };
            let body: String = events.iter().map(|event| format!("{}\n", line(event))).collect();
            let answer = self.receiver.post(&url, "application/json", self.headers()?, body)?;
            answer.judge()?;
            return Self::third(&answer);
        }
        let records: Vec<Value> =
            events.iter().map(|event| json!({"key": event.chain, "value": event.document()})).collect();
        let body = json!({"records": records}).to_string();
        let answer = self.receiver.post(&url, "application/vnd.kafka.json.v2+json", self.headers()?, body)?;
        answer.judge()?;
        self.second(&answer, events)
    }

    fn check(&self) -> Result<String, SinkError> {
        let mut url = self.receiver.url()?;
        let path = self.path.trim_end_matches("/records").to_owned();
        url.set_path(&path);
        let answer = self.receiver.get(&url, self.headers()?)?;
        answer.judge().map(|()| format!("the topic is there (HTTP {})", answer.status))
    }
}

register! {
    sink KafkaRest {
        id: "kafka-rest",
        summary: "Produces records to a topic of Kafka through its REST proxy",
        why: "A stream that many systems read; the order of a machine's records is kept",
        examples: [
            r#"{"url": "https://kafka-rest.example.com", "topic": "agents"}"#,
            r#"{"url": "https://pkc-1.example.com", "topic": "agents", "cluster": "lkc-a1b2", "token": {"env": "KAFKA_TOKEN"}}"#,
        ],
        negatives: [
            r#"{"url": "https://kafka-rest.example.com"}"#,
            r#"{"url": "https://kafka-rest.example.com", "topic": "a/b"}"#,
            r#"{"url": "https://kafka-rest.example.com", "topic": "a", "token": "in-the-policy"}"#,
        ],
        keywords: ["kafka", "rest proxy", "redpanda", "stream", "topic"],
        since: "0.3.0",
    }
}
