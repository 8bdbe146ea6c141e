//! `nats`: publishes to NATS JetStream and waits for the acknowledgements.
//!
//! The client protocol (<https://docs.nats.io/reference/reference-protocols/nats-protocol>) is lines of text; only publishing with headers and the
//! answers are needed here. Every record is published under its hash as `Nats-Msg-Id`, so that the stream keeps one of two.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use agentfirewall_sdk::{Event, Manner, Plugin, PluginError, Sink, SinkError, register};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::setting::Secret;
use super::stream::{Address, Stream, Tls};

/// The longest answer that is read.
const LONGEST: usize = 64 << 10;

/// Where to send.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Servers of one cluster, such as `tls://nats.example.com:4222`; the first one that answers is used. `nats://`, without
    /// encryption, only for the machine itself.
    servers: Vec<String>,
    /// Permit `nats://` to other machines: records cross the network in the clear.
    #[serde(default)]
    allow_plaintext: bool,
    /// The subject. `{action}` stands for what was decided, `{chain}` for the log's identifier.
    #[serde(default = "subject")]
    subject: String,
    /// A user, with `password`.
    user: Option<String>,
    /// The user's password.
    password: Option<Secret>,
    /// A token.
    token: Option<Secret>,
    /// Whom to trust and what to show for TLS.
    #[serde(default)]
    tls: Tls,
    /// How long to wait for a server, and for an acknowledgement.
    #[serde(default = "timeout")]
    #[schemars(range(min = 1, max = 300))]
    timeout_seconds: u64,
}

fn subject() -> String {
    "agentfirewall.{action}".to_owned()
}

const fn timeout() -> u64 {
    10
}

struct Nats {
    servers: Vec<Address>,
    subject: String,
    user: Option<(String, Secret)>,
    token: Option<Secret>,
    tls: Tls,
    timeout: Duration,
    connection: Mutex<Option<Connection>>,
}

impl Plugin for Nats {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        if config.servers.is_empty() {
            return Err(PluginError::new("`servers` is empty"));
        }
        let schemes = [("nats", 4222, false), ("tls", 4222, true)];
        let servers =
            config.servers.iter().map(|text| Address::parse(text, &schemes, config.allow_plaintext));
        let servers = servers.collect::<Result<Vec<_>, _>>()?;
        let user = match (config.user, config.password) {
            (None, None) => None,
            (Some(user), Some(password)) => Some((user, password)),
            _ => return Err(PluginError::new("`user` and `password` belong together")),
        };
        let filled = fill(&config.subject, "deny", "0");
        let bad = |character: char| {
            character.is_whitespace() || character.is_control() || "*>{}".contains(character)
        };
        if filled.contains(bad) || filled.starts_with('$') || filled.split('.').any(str::is_empty) {
            return Err(PluginError::new(
                "`subject` is words joined by dots, with `{action}` and `{chain}` at most",
            ));
        }
        if !(1..=300).contains(&config.timeout_seconds) {
            return Err(PluginError::new("`timeout_seconds` must be from 1 to 300"));
        }
        if config.tls.certificate.is_some() != config.tls.key.is_some() {
            return Err(PluginError::new("`certificate` and `key` belong together"));
        }
        Ok(Self {
            servers,
            subject: config.subject,
            user,
            token: config.token,
            tls: config.tls,
            timeout: Duration::from_secs(config.timeout_seconds),
            connection: Mutex::new(None),
        })
    }
}

fn fill(template: &str, action: &str, chain: &str) -> String {
    template.replace("{action}", action).replace("{chain}", chain)
}

/// A connection that has said hello.
struct Connection {
    stream: BufReader<Stream>,
    host: String,
    /// Where answers go: `PREFIX.N` for the N-th message.
    inbox: String,
    next: u64,
    timeout: Duration,
}

/// What a server sends.
enum Said {
    /// An answer to the message of this number.
    Answer(u64, Vec<u8>),
    /// Nothing that matters here.
    Other,
}

impl Connection {
    fn open(sink: &Nats, address: &Address) -> io::Result<Self> {
        let stream = Stream::connect(address, sink.timeout)?;
        let mut plain = BufReader::new(stream);
        let info = line(&mut plain)?;
        let info = info.strip_prefix("INFO ").ok_or_else(|| io::Error::other("this is no NATS server"))?;
        let info: Value = serde_json::from_str(info.trim())?;
        let wants_tls = info.get("tls_required") == Some(&Value::Bool(true));
        let mut stream = plain;
        if address.scheme == "tls" || wants_tls {
            stream = BufReader::new(stream.into_inner().secure(&address.host, &sink.tls)?);
        }
        if info.get("headers") != Some(&Value::Bool(true)) {
            return Err(io::Error::other("the server knows no headers"));
        }
        let mut connect = json!({
            "verbose": false, "pedantic": false, "tls_required": address.scheme == "tls", "headers": true,
            "no_responders": true, "lang": "rust", "name": "agentfirewall", "version": env!("CARGO_PKG_VERSION"),
            "protocol": 1,
        });
        if let Some(options) = connect.as_object_mut() {
            let secret = |secret: &Secret| secret.resolve().map_err(io::Error::other);
            if let Some((user, password)) = &sink.user {
                options.insert("user".to_owned(), user.as_str().into());
                options.insert("pass".to_owned(), secret(password)?.into());
            }
            if let Some(token) = &sink.token {
                options.insert("auth_token".to_owned(), secret(token)?.into());
            }
        }
        let mut random = [0; 12];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut random)
            .map_err(|_| io::Error::other("no random numbers"))?;
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let inbox = format!("_INBOX.{name}");
        let hello = format!("CONNECT {connect}\r\nSUB {inbox}.* 1\r\nPING\r\n");
        stream.get_mut().write_all(hello.as_bytes())?;
        stream.get_mut().flush()?;
        // An error of the login comes before the answer to the ping.
        let until = Instant::now() + sink.timeout;
        while !matches!(line_of(&mut stream, until)?.as_str(), "PONG") {}
        Ok(Self { stream, host: address.host.clone(), inbox, next: 0, timeout: sink.timeout })
    }

    /// Asks something of which one answer comes.
    fn request(&mut self, subject: &str, payload: &[u8]) -> io::Result<Value> {
        self.next += 1;
        let number = self.next;
        let mut bytes = format!("PUB {subject} {}.{number} {}\r\n", self.inbox, payload.len()).into_bytes();
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(b"\r\n");
        self.stream.get_mut().write_all(&bytes)?;
        self.stream.get_mut().flush()?;
        let until = Instant::now() + self.timeout;
        loop {
            if let Said::Answer(answered, body) = self.said(until)?
                && answered == number
            {
                return Ok(serde_json::from_slice(&body).unwrap_or_default());
            }
        }
    }

    /// Publishes all, then reads the acknowledgements: one for each, in whichever order.
    fn publish(&mut self, sink: &Nats, events: &[Event]) -> io::Result<Vec<Value>> {
        let first = self.next + 1;
        let mut bytes = Vec::new();
        for event in events {
            self.next += 1;
            let header = format!("NATS/1.0\r\nNats-Msg-Id: {}\r\n\r\n", event.id);
            let (payload, subject) = (event.text(), fill(&sink.subject, event.action.as_str(), &event.chain));
            let sizes = format!("{} {}", header.len(), header.len() + payload.len());
            bytes.extend_from_slice(
                format!("HPUB {subject} {}.{} {sizes}\r\n", self.inbox, self.next).as_bytes(),
            );
            bytes.extend_from_slice(header.as_bytes());
            bytes.extend_from_slice(payload.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&bytes)?;
        self.stream.get_mut().flush()?;
        let mut answers: HashMap<u64, Value> = HashMap::new();
        let until = Instant::now() + self.timeout;
        while answers.len() < events.len() {
            if let Said::Answer(number, body) = self.said(until)?
                && number >= first
            {
                answers.insert(number, serde_json::from_slice(&body).unwrap_or_default());
            }
        }
        Ok((first..=self.next).map(|number| answers.remove(&number).unwrap_or_default()).collect())
    }

    fn said(&mut self, until: Instant) -> io::Result<Said> {
        let text = line_of(&mut self.stream, until)?;
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let (subject, header, total) = match words.as_slice() {
            ["MSG", subject, _, .., total] => (*subject, "0", *total),
            ["HMSG", subject, _, .., header, total] => (*subject, *header, *total),
            _ => return Ok(Said::Other),
        };
        let wrong = || io::Error::other("the server's answer cannot be read");
        let (header, total): (usize, usize) =
            (header.parse().map_err(|_| wrong())?, total.parse().map_err(|_| wrong())?);
        if total > LONGEST || header > total {
            return Err(wrong());
        }
        let mut body = vec![0; total + 2];
        self.stream.read_exact(&mut body)?;
        let number = subject.rsplit('.').next().and_then(|number| number.parse().ok());
        if body.starts_with(b"NATS/1.0 503") {
            return Err(io::Error::other("no stream listens to the subject"));
        }
        let body = body.get(header..total).unwrap_or_default().to_vec();
        Ok(number.map_or(Said::Other, |number| Said::Answer(number, body)))
    }
}

/// The next line that is no question; questions are answered.
fn line_of(stream: &mut BufReader<Stream>, until: Instant) -> io::Result<String> {
    loop {
        if Instant::now() > until {
            return Err(io::Error::other("no answer in time"));
        }
        let text = line(stream)?;
        match text.trim_end() {
            "PING" => {
                stream.get_mut().write_all(b"PONG\r\n")?;
                stream.get_mut().flush()?;
            }
            error if error.starts_with("-ERR") => {
                // The words of the server, of which there are few; they name subjects, no contents.
                let words: String =
                    error.chars().filter(|character| !character.is_control()).take(200).collect();
                return Err(io::Error::other(words));
            }
            other => return Ok(other.to_owned()),
        }
    }
}

fn line(stream: &mut BufReader<Stream>) -> io::Result<String> {
    let mut text = String::new();
    if stream.take(LONGEST as u64).read_line(&mut text)? == 0 {
        return Err(io::Error::other("the server closed the connection"));
    }
    Ok(text)
}

impl Nats {
    fn open(&self) -> Result<Connection, SinkError> {
        let mut failures = Vec::new();
        for address in &self.servers {
            match Connection::open(self, address) {
                Ok(connection) => return Ok(connection),
                Err(error) => failures.push(format!("{}:{}: {error}", address.host, address.port)),
            }
        }
        Err(SinkError::retry(failures.join("; ")))
    }

    /// Runs something on the connection of the last delivery, or on a new one. After a failure it is given up.
    fn connected<T>(&self, run: impl FnOnce(&mut Connection) -> io::Result<T>) -> Result<T, SinkError> {
        // What a panic left behind is no connection: it is taken out before anything runs.
        let mut kept = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => self.open()?,
        };
        match run(&mut connection) {
            Ok(value) => {
                *kept = Some(connection);
                Ok(value)
            }
            Err(error) => Err(SinkError::retry(format!("{}: {error}", connection.host))),
        }
    }
}

/// What an acknowledgement says.
fn judge(answer: &Value) -> Result<(), SinkError> {
    if answer.get("stream").and_then(Value::as_str).is_some() && answer.get("seq").is_some() {
        return Ok(());
    }
    let code = answer.pointer("/error/err_code").and_then(Value::as_u64).unwrap_or_default();
    // 10054: the message is larger than the stream takes. Everything else is of the stream.
    if code == 10_054 {
        return Err(SinkError::reject("the record is larger than the stream takes"));
    }
    Err(SinkError::retry(format!("the stream did not take the record (error {code})")))
}

impl Sink for Nats {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        self.deliver_batch(std::slice::from_ref(event))?.pop().unwrap_or(Ok(()))
    }

    fn manner(&self) -> Manner {
        Manner::batches(100, 1 << 20)
    }

    fn deliver_batch(&self, events: &[Event]) -> Result<Vec<Result<(), SinkError>>, SinkError> {
        let answers = self.connected(|connection| connection.publish(self, events))?;
        Ok(answers.iter().map(judge).collect())
    }

    fn check(&self) -> Result<String, SinkError> {
        let subject = fill(&self.subject, "deny", "0");
        let question = json!({"subject": subject}).to_string();
        let (host, answer) = self.connected(|connection| {
            let answer = connection.request("$JS.API.STREAM.NAMES", question.as_bytes())?;
            Ok((connection.host.clone(), answer))
        })?;
        match answer.pointer("/streams/0").and_then(Value::as_str) {
            Some(stream) => Ok(format!("{host}: the stream `{stream}` takes `{subject}`")),
            None => Err(SinkError::retry(format!("{host}: no stream takes `{subject}`"))),
        }
    }
}

register! {
    sink Nats {
        id: "nats",
        summary: "Publishes records to NATS JetStream, each one once, and waits for the acknowledgements",
        why: "A message bus that stores, repeats and forwards, with nothing between it and the machine",
        examples: [
            r#"{"servers": ["tls://nats.example.com:4222"]}"#,
            r#"{"servers": ["tls://n1.example.com", "tls://n2.example.com"], "subject": "security.{chain}.{action}", "user": "agents", "password": {"env": "NATS_PASSWORD"}}"#,
            r#"{"servers": ["nats://127.0.0.1:4222"], "token": {"file": "/run/secrets/nats"}}"#,
        ],
        negatives: [
            r#"{"servers": []}"#,
            r#"{"servers": ["nats://nats.example.com"]}"#,
            r#"{"servers": ["tls://nats.example.com"], "subject": "a.*"}"#,
            r#"{"servers": ["tls://nats.example.com"], "subject": "a.{tool}"}"#,
            r#"{"servers": ["tls://nats.example.com"], "user": "a"}"#,
        ],
        keywords: ["nats", "jetstream", "message bus", "queue", "stream"],
        since: "0.3.0",
    }
}
