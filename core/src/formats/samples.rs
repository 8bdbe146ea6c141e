//! Events that the tests of every format use.

use agentfirewall_sdk::Event;
use serde_json::{Value, json};

pub(super) const HASH: &str = "88755c4f64ba2a52abcff8d0266c587ccbbe1cc0708a3afc7668d809faa7f502";

/// A denied command in which a secret was found.
pub(super) fn denied() -> Event {
    of(json!({
        "v": 1, "timestamp": "2026-11-18T11:06:40.000042Z", "event_type": "policy_check",
        "chain": "0123456789abcdef0123456789abcdef", "seq": 7, "prev": "ab".repeat(32),
        "tool_name": "Bash", "action_taken": "deny",
        "rule": {"layer": "user", "name": "no-push", "line": 12},
        "reason": "no push | to = main\nplease", "suggestion": "open a request",
        "violations": [{"detector": "aws-key", "pointer": "/command", "severity": "critical", "confidence": "high"}],
        "parameters": {"command": "git push"}, "session_id": "s-1", "call_id": "c-1", "agent": "claude-code",
        "subagent": {"id": "a1", "kind": "general-purpose"}, "mode": "plan", "project": "/srv/app",
        "metadata": {"mcp_server": "github"}, "_hash": HASH,
    }))
}

/// An event of any record.
pub(super) fn of(record: Value) -> Event {
    super::event(record.to_string().as_bytes()).unwrap()
}

/// A record of the original, which has nearly nothing.
pub(super) fn original() -> Event {
    let log = include_bytes!("../audit/fixtures/original.jsonl");
    super::event(log.split(|byte| *byte == b'\n').next().unwrap()).unwrap()
}
