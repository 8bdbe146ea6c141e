//! A plugin that somebody wrote after the tutorial, in front of the real client.

use super::*;
use crate::docs::tutorial;

#[test]
fn the_tutorials_detector_blocks_a_call_of_the_real_client_and_lets_others_pass() {
    for client in Client::all() {
        let sandbox = tutorial::followed_to("## What is already there");
        let (secret, plain) = (sandbox.project.join("secret.toml"), sandbox.project.join("plain.toml"));
        // Not the one of the examples, which are in the library and thus in the store.
        let token = concat!("acme_", "0123456789abcdefc0");
        let write = |id: &str, path: &Path, content: &str| {
            tool(id, "Write", json!({"file_path": path, "content": content}))
        };
        let turns: Vec<Turn> = vec![
            vec![write("toolu_token", &secret, &format!("token = \"{token}\"\n"))],
            vec![write("toolu_name", &plain, "token = \"acme_token\"\n")],
        ];
        let model = Model::start(move |request: &Request| {
            turns.get(request.tool_turns()).cloned().unwrap_or_else(|| model::text("done"))
        });
        let session = client.session(&sandbox, &model, &["--allowedTools", "Write"]);

        let told = blocked(&sandbox, &model, &session, "toolu_token");
        assert!(told.contains("acme-token") && !told.contains(token), "{told}");
        assert!(!secret.exists(), "the token was written");
        assert!(plain.exists(), "what is no token was stopped: {session}");
        let stored = sandbox.everything_stored();
        assert!(
            !String::from_utf8_lossy(&stored).contains(token),
            "the token is in the firewall's own files"
        );
        log_is_whole(&sandbox);
    }
}
