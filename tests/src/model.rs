//! A scripted stand-in for the model: the part of `/v1/messages` that the real client needs, on the loopback.
//!
//! A script turns a request (the conversation so far) into the assistant's next turn. Every request body is kept, so
//! that a test can say what the model was told about each of its tool calls.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// One block of an assistant's turn.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Prose.
    Text(String),
    /// A tool call.
    Tool {
        /// The call's identifier, unique in the session.
        id: String,
        /// The tool.
        name: String,
        /// Its parameters.
        input: Value,
    },
}

/// An assistant's turn; several tool blocks are a parallel batch.
pub type Turn = Vec<Block>;

/// A tool call for a turn.
pub fn tool(id: &str, name: &str, input: Value) -> Block {
    Block::Tool { id: id.to_owned(), name: name.to_owned(), input }
}

/// A `Bash` call for a turn.
pub fn bash(id: &str, command: &str) -> Block {
    tool(id, "Bash", json!({"command": command, "description": id}))
}

/// A closing word.
pub fn text(words: &str) -> Turn {
    vec![Block::Text(words.to_owned())]
}

/// One request of the client.
#[derive(Debug, Clone)]
pub struct Request {
    /// The body as it came.
    pub body: Value,
}

impl Request {
    /// The messages of the conversation.
    pub fn messages(&self) -> &[Value] {
        self.body["messages"].as_array().map_or(&[], Vec::as_slice)
    }

    /// How many turns with tool calls the assistant has taken in this conversation.
    pub fn tool_turns(&self) -> usize {
        self.messages()
            .iter()
            .filter(|message| message["role"] == "assistant")
            .filter(|message| blocks(message).any(|block| block["type"] == "tool_use"))
            .count()
    }

    /// Whether the conversation's own prompt, its first message, contains a mark: tells a subagent from its parent.
    pub fn prompt_has(&self, mark: &str) -> bool {
        self.messages().first().is_some_and(|message| message["content"].to_string().contains(mark))
    }

    /// The result of a call as the model sees it.
    pub fn result_of(&self, id: &str) -> Option<String> {
        self.messages()
            .iter()
            .flat_map(blocks)
            .find(|block| block["type"] == "tool_result" && block["tool_use_id"] == id)
            .map(|block| flatten(&block["content"]))
    }
}

fn blocks(message: &Value) -> impl Iterator<Item = &Value> {
    message["content"].as_array().into_iter().flatten()
}

fn flatten(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => blocks
            .iter()
            .map(|block| block["text"].as_str().unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n"),
        other => other.to_string(),
    }
}

type Script = dyn Fn(&Request) -> Turn + Send + Sync;

/// The running stand-in. It stops when it is dropped.
pub struct Model {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Model {
    /// Starts a stand-in with a script. Requests without tools (titles, summaries) never reach the script.
    pub fn start(script: impl Fn(&Request) -> Turn + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let script: Arc<Script> = Arc::new(script);
        let (kept, stopping) = (Arc::clone(&requests), Arc::clone(&stop));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopping.load(Ordering::SeqCst) {
                    break;
                }
                let (kept, script) = (Arc::clone(&kept), Arc::clone(&script));
                std::thread::spawn(move || serve(&stream, &kept, &*script));
            }
        });
        Self { address, requests, stop }
    }

    /// Starts a stand-in that takes one turn after the other and then says it is done.
    pub fn turns(turns: Vec<Turn>) -> Self {
        Self::start(move |request| turns.get(request.tool_turns()).cloned().unwrap_or_else(|| text("done")))
    }

    /// The value of `ANTHROPIC_BASE_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request to `/v1/messages` so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// What the model was told about a call, if it was told.
    pub fn result_of(&self, id: &str) -> Option<String> {
        self.requests().iter().rev().find_map(|request| request.result_of(id))
    }

    /// Whether a text occurs in anything the model was ever sent.
    pub fn was_sent(&self, text: &str) -> bool {
        self.requests().iter().any(|request| request.body.to_string().contains(text))
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread so that it sees the flag.
        let _closed = TcpStream::connect(self.address);
    }
}

fn serve(stream: &TcpStream, kept: &Mutex<Vec<Request>>, script: &Script) {
    let mut reader = BufReader::new(stream);
    while let Some((method, path, body)) = read_request(&mut reader) {
        let (kind, answer) = respond(&method, &path, &body, kept, script);
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nrequest-id: req_standin\r\n\r\n",
            answer.len()
        );
        let mut writer = stream;
        let head_only = method == "HEAD";
        if writer.write_all(head.as_bytes()).is_err()
            || (!head_only && writer.write_all(answer.as_bytes()).is_err())
        {
            return;
        }
    }
}

/// Reads one HTTP/1.1 request, with a length or in chunks. `None` at the end of the connection.
fn read_request(reader: &mut impl BufRead) -> Option<(String, String, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&length| length > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut chunked, mut waits) = (0_usize, false, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':')?;
        match (name, value.trim()) {
            ("content-length", value) => length = value.parse().ok()?,
            ("transfer-encoding", "chunked") => chunked = true,
            ("expect", _) => waits = true,
            _ => {}
        }
    }
    assert!(!waits, "the stand-in does not speak 100-continue");
    let mut body = Vec::new();
    if chunked {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).ok()?;
            chunk.truncate(size);
            body.extend_from_slice(&chunk);
            if size == 0 {
                break;
            }
        }
    } else {
        body.resize(length, 0);
        reader.read_exact(&mut body).ok()?;
    }
    Some((method, path, body))
}

fn respond(
    method: &str,
    path: &str,
    body: &[u8],
    kept: &Mutex<Vec<Request>>,
    script: &Script,
) -> (&'static str, String) {
    let path = path.split('?').next().unwrap_or_default();
    match (method, path) {
        ("POST", "/v1/messages") => {}
        ("POST", "/v1/messages/count_tokens") => {
            return ("application/json", json!({"input_tokens": 10}).to_string());
        }
        _ => return ("application/json", "{}".to_owned()),
    }
    let request = Request { body: serde_json::from_slice(body).expect("the client sends JSON") };
    kept.lock().unwrap().push(request.clone());
    let has_tools = request.body["tools"].as_array().is_some_and(|tools| !tools.is_empty());
    let turn = if has_tools { script(&request) } else { text("ok") };
    if request.body["stream"] == true {
        ("text/event-stream", stream(&request, &turn))
    } else {
        ("application/json", message(&request, &turn).to_string())
    }
}

fn stop_reason(turn: &Turn) -> &'static str {
    if turn.iter().any(|block| matches!(block, Block::Tool { .. })) { "tool_use" } else { "end_turn" }
}

fn message(request: &Request, turn: &Turn) -> Value {
    // The client folds neighbouring messages with the same identifier into one.
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let id = format!("msg_standin_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let content: Vec<Value> = turn
        .iter()
        .map(|block| match block {
            Block::Text(text) => json!({"type": "text", "text": text}),
            Block::Tool { id, name, input } => {
                json!({"type": "tool_use", "id": id, "name": name, "input": input})
            }
        })
        .collect();
    json!({
        "id": id, "type": "message", "role": "assistant", "model": request.body["model"],
        "content": content, "stop_reason": stop_reason(turn), "stop_sequence": null,
        "usage": {"input_tokens": 10, "output_tokens": 10},
    })
}

fn stream(request: &Request, turn: &Turn) -> String {
    let mut out = String::new();
    let mut send = |data: Value| {
        let name = data["type"].as_str().unwrap_or_default();
        out.push_str(&format!("event: {name}\ndata: {data}\n\n"));
    };
    let mut opening = message(request, &Vec::new());
    opening["stop_reason"] = Value::Null;
    send(json!({"type": "message_start", "message": opening}));
    for (index, block) in turn.iter().enumerate() {
        let (start, delta) = match block {
            Block::Text(text) => {
                (json!({"type": "text", "text": ""}), json!({"type": "text_delta", "text": text}))
            }
            Block::Tool { id, name, input } => (
                json!({"type": "tool_use", "id": id, "name": name, "input": {}}),
                json!({"type": "input_json_delta", "partial_json": input.to_string()}),
            ),
        };
        send(json!({"type": "content_block_start", "index": index, "content_block": start}));
        send(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        send(json!({"type": "content_block_stop", "index": index}));
    }
    send(json!({
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason(turn), "stop_sequence": null},
        "usage": {"output_tokens": 10},
    }));
    send(json!({"type": "message_stop"}));
    out
}
