//! A stand-in for the model's API on the loopback: it answers an agent's requests by a script, so that the real client
//! can be driven without an account. Used by `doctor --live` and by tests.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// What the model does in one turn.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// It asks for tools: each a name and an input. The n-th use of a message has the id `toolu_<turn>_<n>`.
    ToolUses(Vec<(String, Value)>),
    /// It says something and is done.
    Text(String),
}

/// Decides the answer to a request of `POST /v1/messages`.
type Script = dyn Fn(&Value) -> Turn + Send + Sync;

struct Shared {
    script: Box<Script>,
    requests: Mutex<Vec<Value>>,
    stopping: AtomicBool,
}

/// A running stand-in. It ends with its value.
pub struct Model {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<thread::JoinHandle<()>>,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Model {
    /// Answers the n-th request of a conversation with the n-th turn of the script, and whatever comes after it, or
    /// offers no tools (titles, summaries), with `done`.
    pub fn start(script: Vec<Turn>) -> io::Result<Self> {
        Self::with(move |request| {
            let offers_tools = !list(request, "tools").is_empty();
            let turn = script.get(turns(request)).filter(|_| offers_tools);
            turn.cloned().unwrap_or_else(|| Turn::Text("done".into()))
        })
    }

    /// Answers each request by a function of it.
    pub fn with(script: impl Fn(&Value) -> Turn + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script: Box::new(script),
            requests: Mutex::new(Vec::new()),
            stopping: AtomicBool::new(false),
        });
        let server = Arc::clone(&shared);
        let acceptor = thread::spawn(move || {
            for stream in listener.incoming() {
                if server.stopping.load(Ordering::Acquire) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let server = Arc::clone(&server);
                // A client that hangs up spoils its own request alone.
                thread::spawn(move || serve(&stream, &server));
            }
        });
        Ok(Self { address, shared, acceptor: Some(acceptor) })
    }

    /// What to set `ANTHROPIC_BASE_URL` to.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bodies of the requests for a message so far, in order.
    pub fn requests(&self) -> Vec<Value> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        // Wakes the acceptor.
        let _woken = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(acceptor) = self.acceptor.take() {
            let _ended = acceptor.join();
        }
    }
}

/// How many turns of the model a request's conversation holds.
pub fn turns(request: &Value) -> usize {
    list(request, "messages").iter().filter(|message| text(message, "role") == "assistant").count()
}

/// The results of tools that a request reports: id, whether it is an error, and the text.
pub fn tool_results(request: &Value) -> Vec<(String, bool, String)> {
    list(request, "messages")
        .iter()
        .flat_map(|message| list(message, "content"))
        .filter(|block| text(block, "type") == "tool_result")
        .map(|block| {
            let said = match block.get("content") {
                Some(Value::Array(parts)) => parts.iter().map(|part| text(part, "text")).collect(),
                _ => text(block, "content").to_owned(),
            };
            (text(block, "tool_use_id").to_owned(), block.get("is_error") == Some(&Value::Bool(true)), said)
        })
        .collect()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let path = first.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
    let mut length = 0;
    let mut chunked = false;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        match name.trim().to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
            "transfer-encoding" => chunked = value.trim().eq_ignore_ascii_case("chunked"),
            _ => {}
        }
    }
    let mut body = Vec::new();
    if chunked {
        read_chunks(&mut reader, &mut body)?;
    } else {
        reader.take(length).read_to_end(&mut body)?;
    }
    let (status, kind, answer) = match (first.starts_with("POST "), path.as_str()) {
        (true, "/v1/messages") => {
            let request: Value = serde_json::from_slice(&body)?;
            shared.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
            let turn = (shared.script)(&request);
            if request.get("stream") == Some(&Value::Bool(true)) {
                ("200 OK", "text/event-stream", events(&request, turn))
            } else {
                ("200 OK", "application/json", message(&request, blocks(&request, turn)).to_string())
            }
        }
        (true, "/v1/messages/count_tokens") => {
            ("200 OK", "application/json", json!({"input_tokens": 1}).to_string())
        }
        _ => ("404 Not Found", "application/json", json!({"type": "error"}).to_string()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes())?;
    stream.write_all(answer.as_bytes())?;
    stream.flush()
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
        reader.by_ref().take(size).read_to_end(body)?;
        reader.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(());
        }
    }
}

fn blocks(request: &Value, turn: Turn) -> Vec<Value> {
    match turn {
        Turn::Text(text) => vec![json!({"type": "text", "text": text})],
        Turn::ToolUses(uses) => {
            let turn = turns(request);
            let block = |(number, (name, input))| json!({"type": "tool_use", "id": format!("toolu_{turn}_{number}"), "name": name, "input": input});
            uses.into_iter().enumerate().map(block).collect()
        }
    }
}

fn message(request: &Value, content: Vec<Value>) -> Value {
    let reason = stop_reason(&content);
    json!({
        "id": "msg_standin", "type": "message", "role": "assistant", "model": text(request, "model"),
        "content": content, "stop_reason": reason, "stop_sequence": null,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    })
}

fn stop_reason(content: &[Value]) -> &'static str {
    let uses_tools = content.iter().any(|block| text(block, "type") == "tool_use");
    if uses_tools { "tool_use" } else { "end_turn" }
}

/// The message as the server-sent events of the API.
fn events(request: &Value, turn: Turn) -> String {
    let content = blocks(request, turn);
    let mut start = message(request, Vec::new());
    if let Some(start) = start.as_object_mut() {
        start.insert("stop_reason".into(), Value::Null);
    }
    let mut events = vec![json!({"type": "message_start", "message": start})];
    for (index, block) in content.iter().enumerate() {
        let (opening, delta) = match block.get("input") {
            Some(input) => (
                json!({"type": "tool_use", "id": text(block, "id"), "name": text(block, "name"), "input": {}}),
                json!({"type": "input_json_delta", "partial_json": input.to_string()}),
            ),
            None => (
                json!({"type": "text", "text": ""}),
                json!({"type": "text_delta", "text": text(block, "text")}),
            ),
        };
        events.push(json!({"type": "content_block_start", "index": index, "content_block": opening}));
        events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    events.push(json!({
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason(&content), "stop_sequence": null},
        "usage": {"output_tokens": 1},
    }));
    events.push(json!({"type": "message_stop"}));
    let mut stream = String::new();
    for event in &events {
        let frame = ["event: ", text(event, "type"), "\ndata: ", &event.to_string(), "\n\n"];
        stream.extend(frame);
    }
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(model: &Model, body: &Value) -> String {
        let mut stream = TcpStream::connect(model.address).unwrap();
        let body = body.to_string();
        write!(
            stream,
            "POST /v1/messages?beta=true HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn plays_its_script_by_the_turns_of_the_conversation() {
        let script = vec![Turn::ToolUses(vec![("Bash".into(), json!({"command": "ls"}))])];
        let model = Model::start(script).unwrap();
        let mut request =
            json!({"stream": true, "model": "m", "tools": [{}], "messages": [{"role": "user"}]});
        let answer = post(&model, &request);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains(r#""partial_json":"{\"command\":\"ls\"}""#) && answer.contains("toolu_0_0"));
        request["messages"] = json!([{"role": "user"}, {"role": "assistant"}, {"role": "user", "content":
            [{"type": "tool_result", "tool_use_id": "toolu_0_0", "is_error": true, "content": "no"}]}]);
        assert!(post(&model, &request).contains(r#""text":"done""#));
        let requests = model.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(tool_results(&requests[1]), [("toolu_0_0".to_owned(), true, "no".to_owned())]);
        request["stream"] = json!(false);
        assert!(post(&model, &request).contains(r#""stop_reason":"end_turn""#));
    }

    #[test]
    fn a_function_can_tell_conversations_apart() {
        let model =
            Model::with(|request| Turn::Text(request["model"].as_str().unwrap_or("?").into())).unwrap();
        assert!(post(&model, &json!({"stream": true, "model": "sub"})).contains(r#""text":"sub""#));
    }
}
