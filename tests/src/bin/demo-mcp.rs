//! An MCP server over standard input and output with one tool, `send_mail`. It touches the file named in its first
//! argument, as proof that the call ran, and repeats the mail's body in its answer.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a fixture: a panic is how a test fails")]

use std::io::{BufRead, Write};

use serde_json::{Value, json};

fn main() {
    let proof = std::env::args_os().nth(1).unwrap();
    let mut stdout = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let result = match request["method"].as_str().unwrap_or_default() {
            "initialize" => json!({
                "protocolVersion": request["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "demo", "version": "1"},
            }),
            "tools/list" => json!({"tools": [{
                "name": "send_mail",
                "description": "Sends a mail",
                "inputSchema": {
                    "type": "object",
                    "properties": {"to": {"type": "string"}, "body": {"type": "string"}},
                    "required": ["to"],
                },
            }]}),
            "tools/call" => {
                let arguments = &request["params"]["arguments"];
                std::fs::write(&proof, arguments["to"].as_str().unwrap_or_default()).unwrap();
                // The secret that a masking test looks for is made here, so that no parameter holds it.
                let extra = std::env::var("DEMO_MCP_ANSWER").unwrap_or_default();
                json!({"content": [{"type": "text", "text": format!("sent to {} {extra}", arguments["to"])}]})
            }
            _ => json!({}),
        };
        if let Some(id) = request.get("id") {
            let answer = json!({"jsonrpc": "2.0", "id": id, "result": result});
            stdout.write_all(format!("{answer}\n").as_bytes()).unwrap();
            stdout.flush().unwrap();
        }
    }
}
