use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use std::time::Duration;

use agentfirewall_sdk::Action;

use super::*;

fn event() -> Event {
    let record = json!({"v": 1, "timestamp": "2026-11-03T09:30:01.250000Z", "seq": 7, "reason": "no"});
    Event::new("ab12", "c0ffee", 7, Action::Deny, record)
}

/// A receiver for one request, which it returns: the head and the body.
fn receiver_with(answer: &'static str) -> (u16, JoinHandle<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let handle = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let request = read_request(&stream);
        (&stream).write_all(answer.as_bytes()).unwrap();
        request
    });
    (port, handle)
}

fn read_request(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).unwrap();
    }
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

fn sink(config: &Value) -> Webhook {
    Webhook::new(serde_json::from_value(config.clone()).unwrap()).unwrap()
}

fn answered(answer: &'static str) -> Result<(), SinkError> {
    let (port, receiver) = receiver_with(answer);
    let result = sink(&json!({"url": format!("http://127.0.0.1:{port}/hook")})).deliver(&event());
    receiver.join().unwrap();
    result
}

#[test]
fn posts_the_record_with_its_key_and_the_configured_headers() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "Bearer t0ken\n").unwrap();
    let (port, receiver) = receiver_with("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let config = json!({
        "url": format!("http://localhost:{port}/hook?x=1"),
        "headers": {"Authorization": {"file": token}, "X-Team": "blue"},
    });
    sink(&config).deliver(&event()).unwrap();
    let (head, body) = receiver.join().unwrap();
    let head = head.to_lowercase();
    assert!(head.starts_with("post /hook?x=1 http/1.1\r\n"), "{head}");
    for header in
        ["content-type: application/json", "webhook-id: ab12", "authorization: bearer t0ken", "x-team: blue"]
    {
        assert!(head.contains(&format!("\r\n{header}\r\n")), "{header} in {head}");
    }
    assert!(head.contains("\r\nwebhook-timestamp: 1"));
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        body,
        json!({"type": "agentfirewall.decision", "timestamp": "2026-11-03T09:30:01.250000Z", "data": event().record})
    );
}

#[test]
fn every_2xx_is_taken() {
    answered("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").unwrap();
    answered("HTTP/1.1 204 No Content\r\n\r\n").unwrap();
}

#[test]
fn server_errors_and_limits_are_tried_again_when_the_receiver_says() {
    let retry = |answer| match answered(answer) {
        Err(SinkError::Retry { message, after }) => (message, after),
        other => panic!("{other:?}"),
    };
    let (message, after) = retry("HTTP/1.1 500 Oops\r\nContent-Length: 6\r\n\r\nsecret");
    assert_eq!((message.as_str(), after), ("127.0.0.1: HTTP 500 Internal Server Error", None));
    let (_, after) = retry("HTTP/1.1 429 Slow\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(after, Some(Duration::from_secs(17)));
    let (_, after) =
        retry("HTTP/1.1 503 Busy\r\nRetry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n");
    assert!(after.unwrap() > Duration::from_hours(24 * 365));
    let (_, after) =
        retry("HTTP/1.1 503 Busy\r\nRetry-After: Sat, 01 Jan 2000 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(after, Some(Duration::ZERO));
    retry("HTTP/1.1 408 Late\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n");
}

#[test]
fn what_will_never_be_taken_is_refused_and_redirects_are_not_followed() {
    for answer in [
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    ] {
        assert!(matches!(answered(answer), Err(SinkError::Reject { .. })), "{answer}");
    }
}

#[test]
fn a_receiver_that_says_nothing_is_left_after_the_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    let sink = sink(&json!({"url": url, "timeout_seconds": 1}));
    let Err(SinkError::Retry { message, .. }) = sink.deliver(&event()) else { panic!() };
    assert_eq!(message, "127.0.0.1: no answer within 1 s");
}

#[test]
fn no_error_repeats_a_secret_of_the_address_or_of_a_header() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = json!({
        "url": format!("http://s3cret-user:s3cret-word@127.0.0.1:{unused}/s3cret-path?key=s3cret-key"),
        "headers": {"Authorization": "s3cret-header"},
    });
    for result in [sink(&config).deliver(&event()), sink(&config).check().map(drop)] {
        let error = result.unwrap_err();
        assert!(matches!(error, SinkError::Retry { .. }));
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("127.0.0.1") && !shown.contains("s3cret"), "{shown}");
    }
    for url in ["http://s3cret.example.com/s3cret", "s3cret", "https://s3cret:99999/", "s3cret://x"] {
        let error = super::super::http::parse_url(url, false).unwrap_err();
        // A scheme is no secret.
        assert!(!error.replace("`s3cret:`", "").contains("s3cret"), "{error}");
    }
    let config = json!({"url": "https://h.example.com/", "headers": {"A": "s3cret\n"}});
    let error = Webhook::new(serde_json::from_value(config).unwrap()).err().unwrap().to_string();
    assert!(error.contains("`a`") && !error.contains("s3cret"), "{error}");
}

#[test]
fn a_secret_that_is_not_there_yet_lets_the_record_wait() {
    let sink = sink(&json!({"url": {"env": "AGENTFIREWALL_NOT_SET"}}));
    let Err(SinkError::Retry { message, .. }) = sink.deliver(&event()) else { panic!() };
    assert!(message.contains("AGENTFIREWALL_NOT_SET"));
}

#[test]
fn https_is_spoken() {
    // A receiver that does not speak TLS: the handshake must be tried, and fail without the record being sent.
    let (port, receiver) = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let handle = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut first = [0; 3];
            stream.read_exact(&mut first).unwrap();
            first
        });
        (port, handle)
    };
    let result = sink(&json!({"url": format!("https://127.0.0.1:{port}/")})).deliver(&event());
    assert!(matches!(result, Err(SinkError::Retry { .. })), "{result:?}");
    // A TLS handshake record, version 3.x.
    assert_eq!(receiver.join().unwrap()[..2], [22, 3]);
}

#[test]
fn check_asks_without_posting() {
    let (port, receiver) = receiver_with("HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n");
    let answer = sink(&json!({"url": format!("http://127.0.0.1:{port}/")})).check().unwrap();
    assert_eq!(answer, "127.0.0.1 answers (HTTP 405 Method Not Allowed)");
    assert!(receiver.join().unwrap().0.starts_with("HEAD / "));
}
