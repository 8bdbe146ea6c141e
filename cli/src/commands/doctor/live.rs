//! The proof: the real client, a scripted model, a call that must not run.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::Check;
use crate::process;
use crate::settings::Surroundings;
use crate::standin::{Model, Turn, tool_results};

/// A call that a policy is expected to deny and that does nothing if it does run.
const COMMAND: &str = "sudo -n true # agentfirewall live check";

/// How long the client may take. It answers in two to seven seconds.
const LIMIT: Duration = Duration::from_secs(90);

/// Variables that would send the client elsewhere than to the stand-in, or make it a child of another session.
const DROPPED: [&str; 14] = [
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BEDROCK_BASE_URL",
    "ANTHROPIC_VERTEX_BASE_URL",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_PROJECT_DIR",
    "CLAUDECODE",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SESSION_ID",
    "CLAUDE_CODE_CHILD_SESSION",
    "HTTP_PROXY",
    "http_proxy",
];

pub(super) fn check(surroundings: &Surroundings, client: Option<&Path>) -> Check {
    let name = "live";
    let Some(client) = client else {
        return Check::fail(name, "`claude` is not on the PATH, so nothing could be proved");
    };
    let script = vec![Turn::ToolUses(vec![("Bash".into(), json!({ "command": COMMAND }))])];
    let model = match Model::start(script) {
        Ok(model) => model,
        Err(error) => {
            return Check::fail(name, format!("the stand-in for the model does not start: {error}"));
        }
    };
    let mut command = Command::new(client);
    command
        .args(["-p", "agentfirewall live check", "--output-format", "stream-json", "--verbose"])
        // Allowed by the client, so that nothing but the hook can stop the call.
        .args(["--allowedTools", "Bash"])
        .current_dir(&surroundings.places.project)
        .env("ANTHROPIC_BASE_URL", model.base_url())
        .env("ANTHROPIC_API_KEY", "dummy")
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .env("DISABLE_AUTOUPDATER", "1")
        .env("DISABLE_TELEMETRY", "1")
        .env("DISABLE_ERROR_REPORTING", "1")
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    for variable in DROPPED {
        command.env_remove(variable);
    }
    let answer = match process::run(&mut command, LIMIT) {
        Ok(answer) => answer,
        Err(error) => return Check::fail(name, format!("{} does not run: {error}", client.display())),
    };
    let result = model.requests().iter().rev().find_map(|request| {
        tool_results(request)
            .into_iter()
            .find(|(id, _, _)| id == "toolu_0_0")
            .map(|(_, error, text)| (error, text))
    });
    if let Some((is_error, text)) = result {
        return judge(is_error, &text);
    }
    let said = answer.errors.lines().chain(answer.output.lines().rev()).next().unwrap_or("nothing");
    let said: String = said.chars().take(300).collect();
    Check::fail(name, format!("the client asked for no tool; it said: {said}"))
}

/// What the model was told about its call.
fn judge(is_error: bool, text: &str) -> Check {
    let name = "live";
    let first: String = text.lines().next().unwrap_or_default().chars().take(300).collect();
    let hook = ["agentfirewall", "hook error", "Blocked by hook"].iter().any(|sign| text.contains(sign));
    if is_error && hook {
        Check::ok(name, format!("the client let the firewall block `{COMMAND}`: {first}"))
    } else if is_error && text.contains("ermission") {
        Check::warn(name, format!("the client's own permission rules refused the call first: {first}"))
            .advise("nothing is proved about the hook; try again without that rule")
    } else {
        Check::fail(name, format!("`{COMMAND}` ran: {first}"))
            .advise("see the other checks; or your policy allows it: `agentfirewall check --tool Bash --command \"sudo -n true\"`")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn only_the_hooks_own_refusal_is_proof() {
        for (is_error, text, status) in [
            (true, "PreToolUse:Bash hook error: agentfirewall: sudo is denied", Status::Ok),
            (true, "agentfirewall: sudo is denied", Status::Ok),
            (true, "Permission to use Bash with command sudo has been denied.", Status::Warn),
            (true, "Exit code 1\nsudo: a password is required", Status::Fail),
            (true, "/bin/bash: line 1: sudo: command not found", Status::Fail),
            (false, "agentfirewall", Status::Fail),
        ] {
            assert_eq!(judge(is_error, text).status, status, "{text}");
        }
    }
}
