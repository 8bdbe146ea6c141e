//! Real servers, started by the test that needs them, and libraries that are not ours.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use agentfirewall_tests::sandbox::Sandbox;
use serde_json::Value;

use super::stand_in::{StandIn, say};
use super::{alerts, distinct, hashes, python, python_says, sandbox, there};

/// A process that ends with the test.
pub(super) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(super) fn start(command: &mut Command, port: u16) -> Server {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let server = Server(child);
    wait_for("the server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    server
}

/// Waits for something that happens by itself; how long it takes decides nothing.
pub(super) fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if there() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("never: {what}");
}

/// A certificate for 127.0.0.1 and the authority that made it.
pub(super) fn certificates(folder: &Path, days: &str) {
    let run = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    std::fs::write(
        folder.join("ext"),
        "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=critical,CA:false\n",
    )
    .unwrap();
    run(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "9",
        "-subj",
        "/CN=ca",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    ]);
    run(&[
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=127.0.0.1",
        "-keyout",
        "key.pem",
        "-out",
        "csr.pem",
    ]);
    run(&[
        "x509",
        "-req",
        "-in",
        "csr.pem",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        days,
        "-extfile",
        "ext",
        "-out",
        "cert.pem",
    ]);
}

/// The messages that rsyslog has written: hash and body of each, as its own parser found them.
fn received(file: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let record: Value = serde_json::from_str(line).ok()?;
            assert_eq!(record["app"], "agentfirewall");
            assert_eq!(record["facility"], "13", "{line}");
            let data = record["data"].as_str().unwrap();
            let hash = data.split("hash=\"").nth(1)?.split('"').next()?.to_owned();
            Some((hash, record["msg"].as_str().unwrap().to_owned()))
        })
        .collect()
}

#[test]
fn rsyslog_takes_udp_tcp_and_tls() {
    if !there("rsyslogd", "-v") || !there("openssl", "version") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    certificates(folder.path(), "9");
    let (plain, tls) = (free_port(), free_port());
    let configuration = format!(
        "global(workDirectory=\"{work}\" defaultNetstreamDriverCAFile=\"{ca}\" defaultNetstreamDriverCertFile=\"{cert}\" \
         defaultNetstreamDriverKeyFile=\"{key}\" maxMessageSize=\"64k\")\n\
         module(load=\"imudp\")\nmodule(load=\"imptcp\")\n\
         module(load=\"imtcp\" StreamDriver.Name=\"gtls\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"anon\")\n\
         template(name=\"json\" type=\"list\" option.jsonf=\"on\") {{\n\
           property(outname=\"app\" name=\"app-name\" format=\"jsonf\")\n\
           property(outname=\"facility\" name=\"syslogfacility\" format=\"jsonf\")\n\
           property(outname=\"data\" name=\"structured-data\" format=\"jsonf\")\n\
           property(outname=\"msg\" name=\"msg\" format=\"jsonf\")\n}}\n\
         ruleset(name=\"keep\") {{ action(type=\"omfile\" file=\"{out}\" template=\"json\") }}\n\
         input(type=\"imudp\" address=\"127.0.0.1\" port=\"{plain}\" ruleset=\"keep\")\n\
         input(type=\"imptcp\" address=\"127.0.0.1\" port=\"{plain}\" ruleset=\"keep\")\n\
         input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{tls}\" ruleset=\"keep\")\n",
        work = folder.path().display(),
        ca = at("ca.pem"),
        cert = at("cert.pem"),
        key = at("key.pem"),
        out = at("out.jsonl"),
    );
    std::fs::write(folder.path().join("rsyslog.conf"), configuration).unwrap();
    let mut command = Command::new("rsyslogd");
    command.args(["-n", "-f", &at("rsyslog.conf"), "-i", &at("pid")]);
    let _server = start(&mut command, tls);
    for (sink, format) in [
        (format!("server: \"udp://127.0.0.1:{plain}\""), "native"),
        (format!("server: \"tcp://127.0.0.1:{plain}\""), "native"),
        (format!("server: \"tls://127.0.0.1:{tls}\", tls: {{ca: \"{}\"}}", at("ca.pem")), "cef"),
    ] {
        let before = received(Path::new(&at("out.jsonl"))).len();
        let sandbox = sandbox(&format!("  - {{name: s, use: syslog, format: {format}, with: {{{sink}}}}}"));
        alerts(&sandbox, 3);
        sandbox.run(["check", "--record", "--tool", "Bash", "--command", "printf 'a\n] \" \\\\ b'"]).exits(0);
        sandbox.run(["deliver", "--once"]).exits(0);
        let mut got = Vec::new();
        wait_for("rsyslog has written all", || {
            got = received(Path::new(&at("out.jsonl"))).split_off(before);
            got.len() >= 4
        });
        let wanted = hashes(&sandbox);
        let mut seen = distinct(got.iter().map(|(hash, _)| hash.clone()));
        // Over UDP the order is not promised.
        if sink.starts_with("server: \"udp") {
            seen.sort_by_key(|hash| wanted.iter().position(|known| known == hash));
        }
        assert_eq!(seen, wanted, "{sink}");
        for (hash, body) in &got {
            let body = body.trim_start_matches('\u{feff}');
            if format == "cef" {
                assert!(body.contains("CEF:0|agentfirewall|") && body.contains(hash.as_str()), "{body}");
            } else {
                let record: Value =
                    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"));
                assert_eq!(record["_hash"], hash.as_str());
            }
        }
    }
}

#[test]
fn nats_stores_each_record_once_even_if_it_comes_twice() {
    if !there("nats-server", "--help") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let configuration = format!(
        "listen: 127.0.0.1:{port}\njetstream {{ store_dir: \"{}\" }}\nauthorization {{ user: fw, password: s3cret-t0ken }}\n",
        folder.path().join("store").display()
    );
    std::fs::write(folder.path().join("nats.conf"), configuration).unwrap();
    let up = || start(Command::new("nats-server").arg("-c").arg(folder.path().join("nats.conf")), port);
    let server = up();
    let mut sandbox = sandbox(&format!(
        "  - {{name: s, use: nats, with: {{servers: [\"nats://127.0.0.1:{port}\"], user: fw, password: {{env: SINK_SECRET}}}}}}"
    ));
    sandbox.extra.push(("SINK_SECRET".into(), "s3cret-t0ken".into()));
    alerts(&sandbox, 3);
    // Without a stream nobody acknowledges: nothing is lost and the reason is said.
    let said = sandbox.run(["deliver", "--once"]).stderr;
    assert!(said.contains("no stream listens"), "{said}");
    let ask = |subject: &str, question: &str| nats_request(port, subject, question);
    ask("$JS.API.STREAM.CREATE.AUDIT", r#"{"name":"AUDIT","subjects":["agentfirewall.*"],"storage":"file"}"#);
    let messages = || ask("$JS.API.STREAM.INFO.AUDIT", "")["state"]["messages"].as_u64().unwrap();
    assert!(sandbox.run(["sinks", "test", "--check"]).stdout.contains("`AUDIT`"));
    sandbox.run(["deliver", "--once"]).exits(0);
    assert_eq!(messages(), 3);
    // The cursor is lost, as after a restored home: everything is published again, and the stream knows it.
    std::fs::remove_dir_all(sandbox.state().join("delivery")).unwrap();
    assert!(sandbox.run(["deliver", "--once"]).stderr.contains("s: 3 delivered"));
    assert_eq!(messages(), 3);
    // The server goes away in between and comes back.
    drop(server);
    alerts(&sandbox, 2);
    sandbox.run(["deliver", "--once"]).exits(74);
    let _server = up();
    sandbox.run(["deliver", "--once"]).exits(0);
    assert_eq!(messages(), 5);
}

/// Asks a NATS server something, in its protocol, until it answers.
pub(super) fn nats_request(port: u16, subject: &str, question: &str) -> Value {
    let mut answer = None;
    wait_for("the server answers", || {
        answer = nats_ask(port, subject, question).ok();
        answer.is_some()
    });
    answer.unwrap()
}

/// One question. While a cluster elects a leader nobody answers.
fn nats_ask(port: u16, subject: &str, question: &str) -> std::io::Result<Value> {
    use std::io::{BufRead, BufReader, Error, Read, Write};
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut reader = BufReader::new(&stream);
    let login = r#"{"user":"fw","pass":"s3cret-t0ken","verbose":false,"pedantic":false}"#;
    let text = format!(
        "CONNECT {login}\r\nSUB answers 1\r\nPUB {subject} answers {}\r\n{question}\r\n",
        question.len()
    );
    (&stream).write_all(text.as_bytes())?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(Error::other("closed"));
        }
        if let Some(rest) = line.strip_prefix("MSG ") {
            let mut body = vec![0; rest.trim().rsplit(' ').next().unwrap().parse().unwrap()];
            reader.read_exact(&mut body)?;
            return Ok(serde_json::from_slice(&body)?);
        }
        assert!(!line.starts_with("-ERR"), "{line}");
    }
}

#[test]
fn the_collector_rotel_takes_every_encoding() {
    let Some(python) = python() else { return };
    let library = python_says(&python, "import rotel; print(rotel.__path__[0])", &[]);
    let agent = Path::new(library.trim()).join("rotel-agent");
    let [grpc, http] = [free_port(), free_port()];
    let mut command = Command::new(&agent);
    command.args([
        "start",
        "--otlp-grpc-endpoint",
        &format!("127.0.0.1:{grpc}"),
        "--otlp-http-endpoint",
        &format!("127.0.0.1:{http}"),
        "--exporter",
        "blackhole",
    ]);
    let _server = start(&mut command, http);
    for (encoding, gzip) in [("protobuf", true), ("protobuf", false), ("json", true), ("json", false)] {
        let sandbox = sandbox(&format!(
            "  - {{name: s, use: otlp, with: {{url: \"http://127.0.0.1:{http}\", encoding: {encoding}, gzip: {gzip}}}}}"
        ));
        alerts(&sandbox, 3);
        let said = sandbox.run(["deliver", "--once"]).stderr;
        assert!(said.contains("s: 3 delivered"), "{encoding} {gzip}: {said}");
        let said = sandbox.run(["sinks", "test"]).stdout;
        assert!(said.contains("the test event was taken"), "{said}");
    }
}

#[test]
fn opentelemetry_proto_reads_what_we_write() {
    let Some(python) = python() else { return };
    let server = StandIn::new(|_, _| say(200, ""));
    let sandbox = sandbox(&format!("  - {{name: s, use: otlp, with: {{url: \"{}\"}}}}", server.url()));
    alerts(&sandbox, 4);
    sandbox.run(["deliver", "--once"]).exits(0);
    let file = sandbox.root().join("request");
    let post = server.posts().remove(0);
    assert_eq!((post.path.as_str(), post.header("content-encoding")), ("/v1/logs", "gzip"));
    std::fs::write(&file, &post.body).unwrap();
    let script = "
import gzip, json, sys
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
request = ExportLogsServiceRequest()
request.ParseFromString(gzip.decompress(open(sys.argv[1], 'rb').read()))
resource = {a.key: a.value.string_value for a in request.resource_logs[0].resource.attributes}
assert resource['service.name'] == 'agentfirewall', resource
for record in request.resource_logs[0].scope_logs[0].log_records:
    attributes = {a.key: a.value.string_value for a in record.attributes}
    body = json.loads(record.body.string_value)
    assert attributes['log.record.uid'] == body['_hash'], attributes
    assert record.severity_number == 13 and record.severity_text == 'WARN', record
    assert record.time_unix_nano > 1.6e18 and record.event_name == 'agentfirewall.decision'
    print(body['_hash'])
";
    let seen: Vec<String> =
        python_says(&python, script, &[file.to_str().unwrap()]).lines().map(str::to_owned).collect();
    assert_eq!(seen, hashes(&sandbox));
}

/// What `sinks.md` says of the bytes on the wire.
#[test]
fn gzip_leaves_about_a_seventh_of_a_full_batch() {
    use std::io::Read;
    let server = StandIn::new(|_, _| say(200, ""));
    let sandbox = sandbox(&format!(
        "  - {{name: s, use: otlp, actions: [allow], with: {{url: \"{}\"}}}}",
        server.url()
    ));
    // Words of commands in some order, as people and agents write them: neither all alike nor noise.
    let words: Vec<&str> = "cargo test npm run build git status diff log src lib main config docker compose exec python \
        pytest unit make lint fmt check release target grep find sed curl example internal api users kubectl get pods"
        .split_whitespace()
        .collect();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 20).unwrap() % below
    };
    for _ in 0..512 {
        let command: Vec<_> = (0..3 + next(12)).map(|_| words[next(words.len())]).collect();
        let call = format!("toolu_{:012x}{:012x}", next(1 << 43), next(1 << 43));
        let parameters =
            serde_json::json!({"command": command.join(" "), "description": "Run what is needed"});
        let entry = agentfirewall_core::audit::Entry {
            tool: "Bash",
            action: agentfirewall_sdk::Action::Allow,
            reason: "no rule of the project policy is about this Bash call",
            session: "6ffbd2c5-5ea9-43a3-80f2-a98ab824d9b3",
            call_id: &call,
            agent: "claude-code",
            project: "/home/dev/project".into(),
            ..agentfirewall_core::audit::Entry::new(
                agentfirewall_core::audit::EventType::PolicyCheck,
                jiff::Timestamp::now(),
            )
        };
        let entry = entry.with_parameters(&parameters);
        agentfirewall_core::audit::append(&sandbox.log_path(), &entry, Duration::from_secs(9)).unwrap();
    }
    sandbox.run(["deliver", "--once"]).exits(0);
    let posts = server.posts();
    let plain = |body: &[u8]| {
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(body).read_to_end(&mut text).unwrap();
        text.len()
    };
    let whole: usize = posts.iter().map(|post| plain(&post.body)).sum();
    let wire: usize = posts.iter().map(|post| post.body.len()).sum();
    let log = sandbox.log_text().len();
    agentfirewall_tests::say(format!("otlp: {wire} bytes on the wire of {whole}, of a log of {log}"));
    assert!(wire * 6 < whole && whole < wire * 10, "{wire} of {whole}");
    assert!(wire * 3 < log, "{wire} of {log}");
}

#[test]
fn standardwebhooks_verifies_our_signatures() {
    let Some(python) = python() else { return };
    let server = StandIn::new(|_, _| say(200, ""));
    let mut sandbox = sandbox(&format!(
        "  - {{name: s, use: webhook, with: {{url: \"{}\", signing: [{{env: NEW_KEY}}, {{env: OLD_KEY}}]}}}}",
        server.url()
    ));
    // 24 and 32 bytes of Base64.
    let keys = [
        concat!("whsec_", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"),
        concat!("whsec_", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="),
    ];
    sandbox.extra.push(("NEW_KEY".into(), keys[0].into()));
    sandbox.extra.push(("OLD_KEY".into(), keys[1].into()));
    alerts(&sandbox, 2);
    sandbox.run(["deliver", "--once"]).exits(0);
    let script = "
import sys
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
key, body, id, time, signature = sys.argv[1:]
headers = {'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signature}
print(Webhook(key).verify(body, headers)['data']['_hash'])
for wrong in [(body + ' ', headers), (body, {**headers, 'webhook-id': 'other'})]:
    try:
        Webhook(key).verify(*wrong)
        raise SystemExit('a change was not seen')
    except WebhookVerificationError:
        pass
";
    for (post, hash) in server.posts().iter().zip(hashes(&sandbox)) {
        for key in keys {
            let [id, time, signature] =
                ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| post.header(name));
            assert_eq!(id, hash);
            let seen = python_says(&python, script, &[key, post.text(), id, time, signature]);
            assert_eq!(seen.trim(), hash);
        }
    }
}

/// Kept here because it needs the certificates: a receiver over TLS whose certificate has expired is not talked to.
#[test]
fn an_expired_certificate_and_an_unknown_authority_are_refused_and_nothing_is_lost() {
    if !there("openssl", "version") {
        return;
    }
    for (days, ca, wanted) in [("-1", true, false), ("9", false, false), ("9", true, true)] {
        let folder = tempfile::tempdir().unwrap();
        certificates(folder.path(), days);
        let port = free_port();
        let mut command = Command::new("openssl");
        command.args([
            "s_server",
            "-accept",
            &format!("127.0.0.1:{port}"),
            "-cert",
            "cert.pem",
            "-key",
            "key.pem",
            "-www",
            "-quiet",
        ]);
        let _server = start(command.current_dir(folder.path()), port);
        let trust = if ca {
            format!(", http: {{ca: \"{}\"}}", folder.path().join("ca.pem").display())
        } else {
            String::new()
        };
        let sandbox: Sandbox = sandbox(&format!(
            "  - {{name: s, use: discord, with: {{webhook: \"https://127.0.0.1:{port}/\"{trust}}}}}"
        ));
        alerts(&sandbox, 1);
        // Only the handshake is asked about: the server answers GET alone, which is how this sink asks.
        let said = sandbox.run(["sinks", "test", "--check"]);
        assert_eq!(said.code == Some(0), wanted, "{days} {ca}: {said:?}");
        if !wanted {
            assert!(said.stdout.to_lowercase().contains("certificate"), "{said:?}");
            sandbox.run(["deliver", "--once"]).exits(74);
            assert_eq!(sandbox.run(["sinks", "status", "--json"]).json()["sinks"][0]["waiting"], 1);
        }
    }
}
