//! The sink with a real `nats-server`, made from its configuration as the host makes it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: a panic is how a test fails")]

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use agentfirewall_sdk::{Action, Event, Factory, Sink, SinkError, registrations};
use async_nats::jetstream::{self, stream};
use serde_json::{Value, json};

const SERVER: &str = "nats-server";
const OPENSSL: &str = "openssl";

/// Whether the programs are there. Where nothing may be left out, they have to be.
fn can_run(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| {
        let asked = Command::new(program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
        !asked.is_ok_and(|status| status.success())
    });
    let Some(missing) = missing else { return true };
    assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1"), "`{missing}` is not installed");
    // Not `eprintln!`, which the harness swallows when a test passes.
    let _closed = writeln!(std::io::stderr(), "left out: `{missing}` is not installed");
    false
}

/// A server of this test alone: its port, its folder, its process. It is killed when it goes out of scope.
struct Server {
    folder: tempfile::TempDir,
    port: u16,
    process: Option<Child>,
}

impl Server {
    /// Starts one with further lines in its configuration.
    fn start(configuration: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), configuration)
    }

    fn start_in(folder: tempfile::TempDir, configuration: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let text = format!(
            "listen: 127.0.0.1:{port}\njetstream {{ store_dir: \"{}\" }}\n{configuration}\n",
            folder.path().join("store").display()
        );
        std::fs::write(folder.path().join("server.conf"), text).unwrap();
        let mut server = Self { folder, port, process: None };
        server.up();
        server
    }

    fn up(&mut self) {
        let process = Command::new(SERVER)
            .arg("-c")
            .arg(self.folder.path().join("server.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(process);
        // It listens when it is ready.
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{SERVER} does not listen on port {}", self.port);
    }

    fn down(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Runs something with a client that is not the sink's.
    fn with<T>(&self, run: impl AsyncFnOnce(jetstream::Context) -> T) -> T {
        let options = async_nats::ConnectOptions::new();
        self.with_options(options, run)
    }

    fn with_options<T>(
        &self,
        options: async_nats::ConnectOptions,
        run: impl AsyncFnOnce(jetstream::Context) -> T,
    ) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = options.connect(self.url()).await.unwrap();
            run(jetstream::new(client)).await
        })
    }

    fn create_stream(&self, config: stream::Config) {
        self.with(async |context| context.create_stream(config).await.unwrap());
    }

    /// What a stream holds: subjects and payloads.
    fn stored(&self, stream: &str) -> Vec<(String, Value)> {
        self.with(async |context| {
            let stream = context.get_stream(stream).await.unwrap();
            let mut stored = Vec::new();
            for number in 1..=stream.get_info().await.unwrap().state.messages {
                let message = stream.get_raw_message(number).await.unwrap();
                stored.push((message.subject.to_string(), serde_json::from_slice(&message.payload).unwrap()));
            }
            stored
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.down();
    }
}

fn audit_stream() -> stream::Config {
    stream::Config {
        name: "AUDIT".to_owned(),
        subjects: vec!["agentfirewall.*".to_owned()],
        ..stream::Config::default()
    }
}

fn sink(config: Value) -> Box<dyn Sink> {
    nats_sink::link();
    let plugin = registrations().find(|plugin| plugin.meta.id == "nats-jetstream").unwrap();
    let Factory::Sink { build } = plugin.factory else { panic!("it is no sink") };
    build(&config.to_string()).unwrap()
}

fn event(sequence: u64, action: Action) -> Event {
    let record = json!({"seq": sequence, "tool_name": "Bash", "action": action, "text": "größer\u{1F600}"});
    Event::new(format!("hash-{sequence}"), "c0ffee", sequence, action, record)
}

#[track_caller]
fn retry(result: Result<impl std::fmt::Debug, SinkError>) -> String {
    match result {
        Err(SinkError::Retry { message, .. }) => message,
        other => panic!("not an error that may pass: {other:?}"),
    }
}

#[track_caller]
fn reject(result: Result<(), SinkError>) -> String {
    match result {
        Err(SinkError::Reject { message }) => message,
        other => panic!("not a refusal: {other:?}"),
    }
}

#[test]
fn each_event_is_stored_once_under_its_subject() {
    if !can_run(&[SERVER]) {
        return;
    }
    let server = Server::start("");
    server.create_stream(audit_stream());
    let sink = sink(json!({"servers": [server.url()], "stream": "AUDIT"}));
    let events = [event(1, Action::Deny), event(2, Action::Alert), event(3, Action::Deny)];
    for event in &events {
        sink.deliver(event).unwrap();
    }
    // As after a crash between the delivery and the note of it; from this process and from the next one.
    sink.deliver(&events[2]).unwrap();
    self::sink(json!({"servers": [server.url()]})).deliver(&events[0]).unwrap();
    let expected: Vec<_> = events
        .iter()
        .map(|event| (format!("agentfirewall.{}", event.action), event.record.clone()))
        .collect();
    assert_eq!(server.stored("AUDIT"), expected);
}

#[test]
fn events_wait_for_a_server_that_is_down_and_reach_it_when_it_is_back() {
    if !can_run(&[SERVER]) {
        return;
    }
    let mut server = Server::start("");
    server.create_stream(audit_stream());
    let sink = sink(json!({"servers": [server.url()], "timeout_seconds": 1}));
    sink.deliver(&event(1, Action::Deny)).unwrap();
    server.down();
    // The connection there was, and a new one.
    retry(sink.deliver(&event(2, Action::Deny)));
    let message = retry(sink.deliver(&event(2, Action::Deny)));
    assert!(message.contains("refused") && message.contains("127.0.0.1"), "{message}");
    server.up();
    sink.deliver(&event(2, Action::Deny)).unwrap();
    assert_eq!(server.stored("AUDIT").len(), 2);
}

#[test]
fn without_the_stream_events_wait_and_the_message_says_what_to_do() {
    if !can_run(&[SERVER]) {
        return;
    }
    let server = Server::start("");
    let any = sink(json!({"servers": [server.url()]}));
    let message = retry(any.deliver(&event(1, Action::Deny)));
    assert!(message.contains("no stream takes `agentfirewall.deny`: create one"), "{message}");
    assert!(retry(any.check()).contains("no stream takes the records"));

    server.create_stream(audit_stream());
    any.deliver(&event(1, Action::Deny)).unwrap();
    let other = sink(json!({"servers": [server.url()], "stream": "OTHER"}));
    let message = retry(other.deliver(&event(2, Action::Deny)));
    assert!(message.contains("`agentfirewall.deny` is taken by another stream than `OTHER`"), "{message}");
    assert!(retry(other.check()).contains("no stream `OTHER` takes the records"));
    assert_eq!(server.stored("AUDIT").len(), 1);
}

#[test]
fn a_check_says_where_records_go_and_leaves_nothing_there() {
    if !can_run(&[SERVER]) {
        return;
    }
    let server = Server::start("");
    server
        .create_stream(stream::Config { subjects: vec!["agentfirewall.deny".to_owned()], ..audit_stream() });
    let line = sink(json!({"servers": [server.url()]})).check().unwrap();
    assert!(line.contains("answers (NATS 2."), "{line}");
    assert!(line.contains("deny to `AUDIT`; no stream takes allow, log, alert, ask"), "{line}");
    assert_eq!(server.stored("AUDIT"), []);
}

#[test]
fn a_record_that_is_too_large_is_refused_for_good_and_the_next_one_passes() {
    if !can_run(&[SERVER]) {
        return;
    }
    let server = Server::start("max_payload: 100000");
    server.create_stream(stream::Config { max_message_size: 10_000, ..audit_stream() });
    let sink = sink(json!({"servers": [server.url()]}));
    let large = |size: usize| Event::new("large", "c", 1, Action::Deny, json!({"text": "x".repeat(size)}));
    let message = reject(sink.deliver(&large(200_000)));
    assert!(message.contains("larger than the server takes"), "{message}");
    let message = reject(sink.deliver(&large(20_000)));
    assert!(message.contains("larger than the stream takes"), "{message}");
    sink.deliver(&event(2, Action::Deny)).unwrap();
    assert_eq!(server.stored("AUDIT").len(), 1);
}

#[test]
fn a_wrong_login_and_a_missing_permission_are_named_and_the_password_is_not() {
    if !can_run(&[SERVER]) {
        return;
    }
    let server = Server::start(
        r#"authorization { users = [
            { user: admin, password: "the-admins" },
            { user: agents, password: "right-word", permissions: { publish: "agentfirewall.alert", subscribe: "_INBOX.>" } },
        ] }"#,
    );
    let admin =
        async_nats::ConnectOptions::new().user_and_password("admin".to_owned(), "the-admins".to_owned());
    server.with_options(admin, async |context| context.create_stream(audit_stream()).await.unwrap());
    let file = server.folder.path().join("password");
    let config = json!({
        "servers": [server.url()],
        "auth": {"user": "agents", "password": {"file": file}},
        "timeout_seconds": 1,
    });
    let sink = sink(config);
    assert!(retry(sink.deliver(&event(1, Action::Alert))).contains("cannot read"));
    std::fs::write(&file, "wrong-word").unwrap();
    let message = retry(sink.deliver(&event(1, Action::Alert)));
    assert!(message.to_lowercase().contains("authorization violation"), "{message}");
    assert!(!message.contains("wrong-word"), "{message}");
    // Put right without a new policy.
    std::fs::write(&file, "right-word\n").unwrap();
    sink.deliver(&event(1, Action::Alert)).unwrap();
    let message = retry(sink.deliver(&event(2, Action::Deny)));
    assert!(message.to_lowercase().contains("permissions violation"), "{message}");
    assert!(message.contains("agentfirewall.deny") && !message.contains("right-word"), "{message}");
}

#[test]
fn over_tls_the_servers_certificate_has_to_be_trusted() {
    if !can_run(&[SERVER, OPENSSL]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let tls = format!(
        r#"tls {{ cert_file: "{}", key_file: "{}" }}"#,
        folder.path().join("server.pem").display(),
        folder.path().join("server.key").display()
    );
    let ca = folder.path().join("ca.pem");
    let server = Server::start_in(folder, &tls);
    let url = format!("tls://127.0.0.1:{}", server.port);
    let options = async_nats::ConnectOptions::new().add_root_certificates(ca.clone());
    server.with_options(options, async |context| context.create_stream(audit_stream()).await.unwrap());
    let stranger = sink(json!({"servers": [url]}));
    let message = retry(stranger.deliver(&event(1, Action::Deny)));
    assert!(message.contains("certificate"), "{message}");
    let line = sink(json!({"servers": [url], "tls": {"ca": ca}})).check().unwrap();
    assert!(line.contains("deny to `AUDIT`"), "{line}");
    sink(json!({"servers": [url], "tls": {"ca": ca}})).deliver(&event(1, Action::Deny)).unwrap();
}

/// A certificate authority and a certificate of it for 127.0.0.1.
fn certificate(folder: &Path) {
    let openssl = |arguments: &str| {
        let done =
            Command::new(OPENSSL).args(arguments.split_whitespace()).current_dir(folder).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    openssl(&format!("{key} -keyout ca.key -out ca.pem -subj /CN=ca"));
    openssl(&format!(
        "{key} -keyout server.key -out server.pem -subj /CN=server -CA ca.pem -CAkey ca.key \
         -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
    ));
}

#[test]
fn a_server_without_tls_gets_nothing_over_a_tls_address() {
    if !can_run(&[SERVER]) {
        return;
    }
    let server = Server::start("");
    server.create_stream(audit_stream());
    let url = format!("tls://127.0.0.1:{}", server.port);
    retry(sink(json!({"servers": [url], "timeout_seconds": 1})).deliver(&event(1, Action::Deny)));
    assert_eq!(server.stored("AUDIT"), []);
}
