//! A receiver of HTTP that is as strict as the vendors' documentation, and misbehaves when the test says so.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// Lower-case names.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Whether it was answered with a success.
    pub(super) taken: bool,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// What the stand-in does with a request.
pub(super) enum Reply {
    /// Status, headers, body.
    Say(u16, Vec<(&'static str, String)>, String),
    /// Says nothing and keeps the connection.
    Hang,
    /// Sends a byte of the answer now and then.
    Drip,
    /// Takes the request and closes without an answer.
    Close,
}

/// A plain answer.
pub(super) fn say(status: u16, body: impl Into<String>) -> Reply {
    Reply::Say(status, Vec::new(), body.into())
}

/// The answer of a server that has created every document of a `_bulk` request.
pub(super) fn created(request: &Request) -> Reply {
    let items: Vec<_> =
        request.text().lines().step_by(2).map(|_| json!({"create": {"status": 201}})).collect();
    say(200, json!({"errors": false, "items": items}).to_string())
}

/// One that is listening until it is dropped.
pub(super) struct StandIn {
    pub(super) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
}

impl StandIn {
    /// Answers each request by a function of how many came before and of what it is.
    pub(super) fn new(answer: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    pub(super) fn on(
        listener: TcpListener,
        answer: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let port = listener.local_addr().unwrap().port();
        let (requests, stop) = (Arc::<Mutex<Vec<Request>>>::default(), Arc::<AtomicBool>::default());
        let (kept, stopped, answer) = (Arc::clone(&requests), Arc::clone(&stop), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (kept, answer, stopped) = (Arc::clone(&kept), Arc::clone(&answer), Arc::clone(&stopped));
                std::thread::spawn(move || {
                    let stream = stream.unwrap();
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    while let Some(request) = read(&mut reader) {
                        let number = {
                            let mut kept = kept.lock().unwrap();
                            kept.push(request.clone());
                            kept.len() - 1
                        };
                        let answer = answer(number, &request);
                        let success = matches!(answer, Reply::Say(200..300, ..));
                        kept.lock().unwrap()[number].taken = success;
                        if !reply(&stream, answer, &stopped) {
                            return;
                        }
                    }
                });
            }
        });
        Self { port, requests, stop }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// What a store behind it has: the documents of the requests that were taken, in the order in which they came.
    pub(super) fn store(&self) -> String {
        let posts = self.posts();
        let lines = posts.iter().filter(|post| post.taken).flat_map(|post| {
            let bulk = post.path.ends_with("_bulk");
            post.text().lines().skip(usize::from(bulk)).step_by(if bulk { 2 } else { 1 })
        });
        lines.map(|line| format!("{line}\n")).collect()
    }

    /// The requests that brought something.
    pub(super) fn posts(&self) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.method == "POST").collect()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _wake = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, headers, body, taken: false })
}

/// Whether the connection goes on.
fn reply(mut stream: &TcpStream, reply: Reply, stopped: &AtomicBool) -> bool {
    match reply {
        Reply::Say(status, headers, body) => {
            let mut text = format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n", body.len());
            for (name, value) in headers {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
            text.push_str("\r\n");
            text.push_str(&body);
            stream.write_all(text.as_bytes()).is_ok()
        }
        Reply::Hang => {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
            }
            false
        }
        Reply::Drip => {
            let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
            while !stopped.load(Ordering::Relaxed) && stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(300));
            }
            false
        }
        Reply::Close => {
            let _closed = stream.shutdown(std::net::Shutdown::Both);
            false
        }
    }
}
