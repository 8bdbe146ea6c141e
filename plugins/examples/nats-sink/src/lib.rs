//! `nats-jetstream`: publishes each record to NATS JetStream and waits for the acknowledgement. The example of a sink.
//!
//! Delivery is at least once, so a record can come twice. It is published under its hash as message id, and the stream
//! keeps one of the two.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use agentfirewall_sdk::{Event, Plugin, PluginError, Sink, SinkError, register};
use schemars::JsonSchema;
use serde::Deserialize;

mod auth;
mod connection;
mod subject;

use auth::Auth;
use connection::{Connection, server};
use subject::Template;

#[cfg(feature = "export")]
agentfirewall_sdk::export!();

/// For binaries and tests that link this crate: the linker drops a crate that nothing refers to.
pub fn link() {}

/// What a policy writes below `with:`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Servers of one cluster, such as `tls://nats.example.com:4222`; the first one that answers is used. `nats://`,
    /// without encryption, only for the machine itself.
    servers: Vec<String>,
    /// Permit `nats://` to other machines: records cross the network in the clear, unless something else encrypts it.
    #[serde(default)]
    allow_plaintext: bool,
    /// The subject of a record. `{action}` stands for what was decided (`deny`), `{chain}` for the log's identifier.
    #[serde(default = "default_subject")]
    subject: String,
    /// The stream that must take the records. Without it any stream may that listens to the subject.
    stream: Option<String>,
    /// How to log in. Without it: not at all.
    auth: Option<Auth>,
    /// Whom to trust and what to show for TLS.
    #[serde(default)]
    tls: Tls,
    /// How long to wait for a server, and for an acknowledgement.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 1, max = 300))]
    timeout_seconds: u64,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Tls {
    /// Certificates to trust, in a PEM file, instead of the system's.
    ca: Option<PathBuf>,
    /// The certificate to show, in a PEM file; with `key`.
    certificate: Option<PathBuf>,
    /// Its private key, in a PEM file.
    key: Option<PathBuf>,
}

fn default_subject() -> String {
    "agentfirewall.{action}".to_owned()
}

const fn default_timeout() -> u64 {
    10
}

/// A configuration that was checked.
struct Settings {
    servers: Vec<async_nats::ServerAddr>,
    subject: Template,
    stream: Option<String>,
    auth: Option<Auth>,
    tls: Tls,
    timeout: Duration,
}

struct NatsJetStream {
    settings: Settings,
    /// Made by the first delivery: a sink is also made by `validate`, which should not knock at any door.
    connection: Mutex<Option<Connection>>,
}

impl Plugin for NatsJetStream {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        if config.servers.is_empty() {
            return Err(PluginError::new("`servers` is empty"));
        }
        if !(1..=300).contains(&config.timeout_seconds) {
            return Err(PluginError::new("`timeout_seconds` must be from 1 to 300"));
        }
        if config.tls.certificate.is_some() != config.tls.key.is_some() {
            return Err(PluginError::new("`tls`: `certificate` and `key` belong together"));
        }
        if let Some(stream) = &config.stream
            && (stream.is_empty() || stream.contains(['.', '*', '>', '/', '\\', ' ']))
        {
            return Err(PluginError::new(format!("`stream`: `{stream}` cannot be the name of a stream")));
        }
        let servers = config.servers.iter().map(|text| server(text, config.allow_plaintext));
        let settings = Settings {
            servers: servers.collect::<Result<_, _>>().map_err(PluginError::new)?,
            subject: Template::new(&config.subject).map_err(PluginError::new)?,
            stream: config.stream,
            auth: config.auth,
            tls: config.tls,
            timeout: Duration::from_secs(config.timeout_seconds),
        };
        Ok(Self { settings, connection: Mutex::new(None) })
    }
}

impl NatsJetStream {
    /// Runs something on the connection of the last delivery, or on a new one.
    ///
    /// After a failure that may pass the connection is given up: whether it is what failed cannot be known, and the
    /// next attempt comes after a pause that is longer than connecting takes.
    fn connected<T>(
        &self,
        run: impl FnOnce(&Connection, &Settings) -> Result<T, SinkError>,
    ) -> Result<T, SinkError> {
        // What a panic left behind is no connection: it is taken out before anything runs.
        let mut kept = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match kept.take() {
            Some(connection) => connection,
            None => Connection::open(&self.settings)?,
        };
        let result = run(&connection, &self.settings);
        if !matches!(result, Err(SinkError::Retry { .. })) {
            *kept = Some(connection);
        }
        result
    }
}

impl Sink for NatsJetStream {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        self.connected(|connection, settings| connection.publish(settings, event))
    }

    fn check(&self) -> Result<String, SinkError> {
        self.connected(Connection::check)
    }
}

register! {
    sink NatsJetStream {
        id: "nats-jetstream",
        summary: "Publishes each record to NATS JetStream and waits for the acknowledgement",
        why: "Whatever listens to the company's message bus learns of decisions, each one once",
        examples: [
            r#"{"servers": ["tls://nats.example.com:4222"]}"#,
            r#"{"servers": ["tls://n1.example.com", "tls://n2.example.com"], "subject": "security.agents.{action}", "stream": "SECURITY", "auth": {"user": "agents", "password": {"env": "NATS_PASSWORD"}}, "timeout_seconds": 5}"#,
            r#"{"servers": ["nats://127.0.0.1:4222"], "auth": {"token": {"file": "/run/secrets/nats"}}}"#,
            r#"{"servers": ["tls://nats.internal"], "tls": {"ca": "/etc/ssl/company.pem", "certificate": "/etc/agents/cert.pem", "key": "/etc/agents/key.pem"}}"#,
            r#"{"servers": ["nats://nats.mesh:4222"], "allow_plaintext": true}"#,
        ],
        negatives: [
            r#"{"servers": []}"#,
            r#"{"servers": ["nats://nats.example.com:4222"]}"#,
            r#"{"servers": ["https://nats.example.com"]}"#,
            r#"{"servers": ["tls://user:word@nats.example.com"]}"#,
            r#"{"servers": ["tls://nats.example.com"], "auth": {"user": "agents", "password": "in the policy"}}"#,
            r#"{"servers": ["tls://nats.example.com"], "subject": "agents.*"}"#,
            r#"{"servers": ["tls://nats.example.com"], "subject": "agents.{tool}"}"#,
            r#"{"servers": ["tls://nats.example.com"], "stream": "A.B"}"#,
            r#"{"servers": ["tls://nats.example.com"], "tls": {"key": "/etc/agents/key.pem"}}"#,
            r#"{"servers": ["tls://nats.example.com"], "timeout_seconds": 0}"#,
        ],
        keywords: ["nats", "jetstream", "message bus", "queue", "stream"],
        since: "1.0.0",
    }
}
