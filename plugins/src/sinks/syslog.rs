//! `syslog`: RFC 5424 over UDP (RFC 5426), TCP with counted octets (RFC 6587) or TLS (RFC 5425).
//!
//! Nobody acknowledges in syslog: what was written to a connection that broke a moment later may be lost, and over UDP so may
//! everything. The structured data name chain, number and hash, so that a gap can be seen.

use std::io::Write;
use std::net::UdpSocket;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use agentfirewall_sdk::{Event, Manner, Plugin, PluginError, Severity, Sink, SinkError, register};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::message::{clip, host};
use super::stream::{Address, Stream, Tls};

/// The private enterprise number of examples (RFC 5612), since we have none of our own.
const SD_ID: &str = "agentfirewall@32473";
/// What every receiver of UDP has to take (RFC 5426, section 3.2, says SHOULD for 2,048).
const DATAGRAM: usize = 2048;

/// Where to send.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The server: `udp://host:514`, `tcp://host:601` or `tls://host:6514`.
    server: String,
    /// Permit `udp` and `tcp` to other machines: records cross the network in the clear.
    #[serde(default)]
    allow_plaintext: bool,
    /// The facility, from 0 to 23; 13 is "log audit", 16 to 23 are local.
    #[serde(default = "facility")]
    #[schemars(range(max = 23))]
    facility: u8,
    /// The name of the application.
    #[serde(default = "app_name")]
    app_name: String,
    /// The machine's name, where it is not the system's.
    hostname: Option<String>,
    /// Whom to trust and what to show for TLS.
    #[serde(default)]
    tls: Tls,
    /// How long to wait.
    #[serde(default = "timeout")]
    #[schemars(range(min = 1, max = 300))]
    timeout_seconds: u64,
}

const fn facility() -> u8 {
    13
}

fn app_name() -> String {
    "agentfirewall".to_owned()
}

const fn timeout() -> u64 {
    10
}

struct Syslog {
    address: Address,
    facility: u8,
    app_name: String,
    hostname: String,
    tls: Tls,
    timeout: Duration,
    connection: Mutex<Option<Stream>>,
}

impl Plugin for Syslog {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let schemes = [("udp", 514, false), ("tcp", 601, false), ("tls", 6514, true)];
        let address = Address::parse(&config.server, &schemes, config.allow_plaintext)?;
        if config.facility > 23 {
            return Err(PluginError::new("`facility` is a number from 0 to 23"));
        }
        if !(1..=300).contains(&config.timeout_seconds) {
            return Err(PluginError::new("`timeout_seconds` must be from 1 to 300"));
        }
        if config.tls.certificate.is_some() != config.tls.key.is_some() {
            return Err(PluginError::new("`certificate` and `key` belong together"));
        }
        Ok(Self {
            address,
            facility: config.facility,
            app_name: name(&config.app_name, 48),
            hostname: name(&config.hostname.unwrap_or_else(host), 255),
            tls: config.tls,
            timeout: Duration::from_secs(config.timeout_seconds),
            connection: Mutex::new(None),
        })
    }
}

/// A name in the header: printable ASCII without blanks, `-` for none.
fn name(text: &str, most: usize) -> String {
    let name: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

/// A parameter of the structured data (RFC 5424, section 6.3.3): `"`, `\` and `]` are escaped.
fn parameter(out: &mut String, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    for character in value.chars() {
        if matches!(character, '"' | '\\' | ']') {
            out.push('\\');
        }
        out.push(if character.is_control() { ' ' } else { character });
    }
    out.push('"');
}

impl Syslog {
    fn message(&self, event: &Event, limit: Option<usize>) -> Vec<u8> {
        let text = |pointer: &str| event.record.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let level = match event.severity() {
            Severity::Critical => 2,
            Severity::High => 3,
            Severity::Medium => 4,
            Severity::Low => 5,
            Severity::Info => 6,
        };
        let time = text("/timestamp").parse::<jiff::Timestamp>();
        let time = time.map_or_else(|_| "-".to_owned(), |time| format!("{time:.6}"));
        let mut out = format!(
            "<{}>1 {time} {} {} {} {} [{SD_ID}",
            u16::from(self.facility) * 8 + level,
            self.hostname,
            self.app_name,
            std::process::id(),
            name(text("/event_type"), 32),
        );
        for (name, value) in [
            ("chain", event.chain.as_str()),
            ("seq", &event.sequence.to_string()),
            ("hash", &event.id),
            ("prev", text("/prev")),
            ("action", event.action.as_str()),
            ("tool", &clip(text("/tool_name"), 100)),
            ("rule", &clip(text("/rule/name"), 100)),
        ] {
            parameter(&mut out, name, value);
        }
        out.push_str("] \u{feff}");
        let mut body = event.text().into_owned();
        if let Some(limit) = limit
            && out.len() + body.len() > limit
        {
            // Half a document is none: the reason is what a person needs, and the hash says where the rest is.
            body = text("/reason").to_owned();
            while out.len() + body.len() > limit && body.pop().is_some() {}
        }
        out.push_str(&body);
        out.into_bytes()
    }

    fn open(&self) -> std::io::Result<Stream> {
        let stream = Stream::connect(&self.address, self.timeout)?;
        if self.address.scheme == "tls" { stream.secure(&self.address.host, &self.tls) } else { Ok(stream) }
    }

    fn failure(&self, error: &std::io::Error) -> SinkError {
        SinkError::retry(format!("{}:{}: {error}", self.address.host, self.address.port))
    }

    fn send(&self, events: &[Event]) -> std::io::Result<()> {
        if self.address.scheme == "udp" {
            let any = if self.address.host.contains(':') { "[::]:0" } else { "0.0.0.0:0" };
            let socket = UdpSocket::bind(any)?;
            socket.connect((self.address.host.as_str(), self.address.port))?;
            for event in events {
                socket.send(&self.message(event, Some(DATAGRAM)))?;
            }
            return Ok(());
        }
        let mut bytes = Vec::new();
        for event in events {
            let message = self.message(event, None);
            bytes.extend_from_slice(format!("{} ", message.len()).as_bytes());
            bytes.extend_from_slice(&message);
        }
        // What a panic left behind is no connection: it is taken out before anything is written.
        let mut kept = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let usable = kept.take().and_then(|mut stream| (!stream.is_stale()).then_some(stream));
        let mut stream = usable.map_or_else(|| self.open(), Ok)?;
        stream.write_all(&bytes)?;
        stream.flush()?;
        *kept = Some(stream);
        Ok(())
    }
}

impl Sink for Syslog {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        self.send(std::slice::from_ref(event)).map_err(|error| self.failure(&error))
    }

    fn manner(&self) -> Manner {
        Manner::batches(100, 256 << 10)
    }

    fn deliver_batch(&self, events: &[Event]) -> Result<Vec<Result<(), SinkError>>, SinkError> {
        self.send(events).map_err(|error| self.failure(&error))?;
        Ok(events.iter().map(|_| Ok(())).collect())
    }

    fn check(&self) -> Result<String, SinkError> {
        let place = format!("{}:{}", self.address.host, self.address.port);
        if self.address.scheme == "udp" {
            return Ok(format!("{place}: nobody answers over UDP, so this cannot be checked"));
        }
        self.open().map_err(|error| self.failure(&error)).map(|_| format!("{place} takes connections"))
    }
}

register! {
    sink Syslog {
        id: "syslog",
        summary: "Sends records to a syslog server: RFC 5424 over UDP, TCP or TLS",
        why: "The log server that is there already, and an anchor for the chain on another machine",
        examples: [
            r#"{"server": "tls://logs.example.com:6514"}"#,
            r#"{"server": "udp://127.0.0.1:514", "facility": 16}"#,
            r#"{"server": "tls://logs.internal", "tls": {"ca": "/etc/ssl/company.pem", "certificate": "/etc/agents/cert.pem", "key": "/etc/agents/key.pem"}}"#,
            r#"{"server": "tcp://relay.mesh:601", "allow_plaintext": true}"#,
        ],
        negatives: [
            r#"{"server": "logs.example.com"}"#,
            r#"{"server": "tcp://logs.example.com"}"#,
            r#"{"server": "tls://user:word@logs.example.com"}"#,
            r#"{"server": "tls://logs.example.com", "facility": 24}"#,
        ],
        keywords: ["syslog", "rsyslog", "rfc 5424", "siem", "cef"],
        since: "0.3.0",
    }
}
