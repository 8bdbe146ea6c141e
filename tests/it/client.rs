//! The real Claude Code client against the scripted model: what was blocked, what ran, and what the model was told.
//!
//! Every claim has two witnesses: a proof file on disk, and the tool result in the next request to the model. The
//! scenarios share sessions, because a session costs seconds.

mod classes;
mod plugin;

use std::path::{Path, PathBuf};
use std::time::Duration;

use agentfirewall_tests::client::{Client, Session};
use agentfirewall_tests::model::{self, Model, Request, Turn, bash, tool};
use agentfirewall_tests::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::samples;

/// What somebody does who comes from the Python original: its policy, and `install`, in an empty repository.
fn wired() -> Sandbox {
    wired_with("original")
}

/// `init` with a pack of rules and `install` in an empty repository.
fn wired_with(pack: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run(["init", "--extends", pack]).exits(0);
    sandbox.run(["install"]).exits(0);
    assert!(sandbox.has(".agentfirewall/policy.yaml") && sandbox.has(".claude/settings.local.json"));
    sandbox
}

/// An MCP server's configuration for the client, outside the project, and the file its tool touches.
fn mail_server(sandbox: &Sandbox, answer: &str) -> (String, PathBuf) {
    let (config, proof) = (sandbox.root().join("mcp.json"), sandbox.root().join("mail-was-sent"));
    let server = json!({
        "type": "stdio", "command": env!("CARGO_BIN_EXE_demo-mcp"), "args": [proof],
        "env": {"DEMO_MCP_ANSWER": answer},
    });
    std::fs::write(&config, json!({"mcpServers": {"demo": server}}).to_string()).unwrap();
    (config.to_str().unwrap().to_owned(), proof)
}

/// The audit record of a call's decision.
fn record(sandbox: &Sandbox, id: &str) -> Value {
    sandbox
        .log()
        .into_iter()
        .find(|record| record["event_type"] == "policy_check" && record["call_id"] == id)
        .unwrap_or_else(|| panic!("no decision is recorded for {id}:\n{}", sandbox.log_text()))
}

/// What the model was told about a call, which must be a refusal with the policy's reason and nothing of our command.
#[track_caller]
fn blocked(sandbox: &Sandbox, model: &Model, session: &Session, id: &str) -> String {
    let told =
        model.result_of(id).unwrap_or_else(|| panic!("the model was never told about {id}: {session}"));
    let decided = sandbox.log().iter().any(|record| record["call_id"] == id);
    assert!(decided, "{id} never reached the hook; the model was told {told:?}");
    let record = record(sandbox, id);
    assert_eq!(record["action_taken"], "deny", "{id}: {record}");
    let reason = record["reason"].as_str().unwrap_or_default();
    assert!(!reason.is_empty() && told.contains(reason), "{id}: the model was told {told:?}, not {reason:?}");
    let program = sandbox.program.to_str().unwrap();
    assert!(!told.contains(program), "{id}: the hook's command line leaked to the model: {told}");
    told
}

/// The session's calls were all recorded and the log is whole.
fn log_is_whole(sandbox: &Sandbox) {
    sandbox.run(["audit", "verify"]).exits(0);
}

#[test]
fn everyday_work_runs_and_what_the_policy_forbids_is_blocked_with_its_reason() {
    for client in Client::all() {
        let sandbox = wired();
        sandbox.marker("marker-folder");
        std::fs::create_dir(sandbox.project.join("sub")).unwrap();
        let (mcp, mail) = mail_server(&sandbox, "");
        let key = samples::private_key();
        let (notes, id_rsa) = (sandbox.project.join("notes.txt"), sandbox.project.join("keys.txt"));
        let parent: Vec<Turn> = vec![
            vec![bash("toolu_rm", "rm -rf marker-folder")],
            vec![bash("toolu_sudo", "sudo touch sudo-ran")],
            vec![bash("toolu_status", "git status")],
            vec![tool("toolu_write", "Write", json!({"file_path": notes, "content": "a note\n"}))],
            vec![tool("toolu_key", "Write", json!({"file_path": id_rsa, "content": key}))],
            vec![
                bash("toolu_batch1", "touch batch-1"),
                bash("toolu_batch2", "rm -rf marker-folder"),
                bash("toolu_batch3", "touch batch-3"),
            ],
            vec![tool("toolu_mail", "mcp__demo__send_mail", json!({"to": "a@example.org", "body": "hello"}))],
            vec![tool(
                "toolu_agent",
                "Agent",
                json!({
                    "description": "sub", "prompt": "SUBAGENT-MARK do it", "subagent_type": "general-purpose",
                    "run_in_background": false,
                }),
            )],
            vec![tool(
                "toolu_monitor",
                "Monitor",
                json!({"command": "rm -rf marker-folder", "description": "watch", "timeout_ms": 2000}),
            )],
            // The client moves its own working folder and the hook's with it; the project must stay where it is.
            vec![bash("toolu_cd", "cd sub && touch moved")],
            vec![bash("toolu_moved", "sudo touch sudo-ran")],
        ];
        let subagent: Vec<Turn> = vec![
            vec![bash("toolu_sub_bad", "rm -rf marker-folder")],
            vec![bash("toolu_sub_good", "touch subagent-ran")],
        ];
        let model = Model::start(move |request: &Request| {
            let script = if request.prompt_has("SUBAGENT-MARK") { &subagent } else { &parent };
            script.get(request.tool_turns()).cloned().unwrap_or_else(|| model::text("done"))
        });
        let session = client.session(
            &sandbox,
            &model,
            &["--allowedTools", "Bash,Write,Agent,Monitor,mcp__demo__send_mail", "--mcp-config", &mcp]
                .into_iter()
                .chain(["--strict-mcp-config"])
                .collect::<Vec<_>>(),
        );
        let told = |id: &str| model.result_of(id).unwrap_or_else(|| panic!("no result of {id}: {session}"));

        for id in ["toolu_rm", "toolu_sudo", "toolu_batch2", "toolu_sub_bad", "toolu_moved"] {
            blocked(&sandbox, &model, &session, id);
        }
        assert!(sandbox.has("marker-folder/file.txt"), "rm -rf ran in {}", client.version);
        assert!(!sandbox.has("sudo-ran") && !sandbox.has("sub/sudo-ran"));
        assert!(
            sandbox.has("batch-1") && sandbox.has("batch-3"),
            "the batch lost its good members: {session}"
        );
        assert!(sandbox.has("subagent-ran"), "{}", told("toolu_sub_good"));
        assert!(sandbox.has("sub/moved"), "{}", told("toolu_cd"));
        assert!(record(&sandbox, "toolu_sub_bad")["subagent"]["kind"] == "general-purpose");

        assert!(told("toolu_status").contains("No commits yet"), "{}", told("toolu_status"));
        assert_eq!(sandbox.read("notes.txt"), "a note\n");

        blocked(&sandbox, &model, &session, "toolu_key");
        assert!(!id_rsa.exists(), "the private key was written");
        let body = samples::heart(&key);
        assert!(
            !String::from_utf8_lossy(&sandbox.everything_stored()).contains(body),
            "the private key is in the firewall's own files"
        );
        assert!(!session.stderr.contains(body) && !told("toolu_key").contains(body));

        assert!(mail.exists(), "the mail was not sent: {}", told("toolu_mail"));
        assert_eq!(record(&sandbox, "toolu_mail")["action_taken"], "alert");

        if told("toolu_monitor").contains("No such tool available") {
            // 2.1.197 has the tool but does not offer it in this mode.
            assert_eq!(client.version, "2.1.197", "{}", told("toolu_monitor"));
        } else {
            blocked(&sandbox, &model, &session, "toolu_monitor");
        }
        log_is_whole(&sandbox);
    }
}

#[test]
fn nothing_that_the_agent_may_run_unasked_changes_the_settings_or_the_policy() {
    for client in Client::all() {
        let sandbox = wired();
        sandbox.marker("marker-folder");
        let settings = sandbox.read(".claude/settings.local.json");
        let policy = sandbox.read(".agentfirewall/policy.yaml");
        let off = r#"{"disableAllHooks": true}"#;
        let program = sandbox.program.to_str().unwrap();
        let path = |relative: &str| sandbox.project.join(relative);
        let edit = |old: &str, new: &str, file: &str| json!({"file_path": path(file), "old_string": old, "new_string": new, "replace_all": true});
        let attacks: Vec<(&str, model::Block)> = [
            tool("toolu_read1", "Read", json!({"file_path": path(".claude/settings.local.json")})),
            tool("toolu_read2", "Read", json!({"file_path": path(".agentfirewall/policy.yaml")})),
        ]
        .into_iter()
        .map(|block| ("read", block))
        .chain(
            [
                tool(
                    "toolu_a1",
                    "Write",
                    json!({"file_path": path(".claude/settings.local.json"), "content": off}),
                ),
                tool("toolu_a2", "Edit", edit(program, "/bin/true", ".claude/settings.local.json")),
                tool(
                    "toolu_a3",
                    "Write",
                    json!({"file_path": path(".claude/settings.json"), "content": off}),
                ),
                tool(
                    "toolu_a4",
                    "Write",
                    json!({"file_path": path(".agentfirewall/policy.yaml"), "content": "x"}),
                ),
                tool("toolu_a5", "Edit", edit("deny", "allow", ".agentfirewall/policy.yaml")),
                bash("toolu_a6", "echo '{}' > .claude/settings.local.json"),
                bash("toolu_a7", "cd .claude && echo '{}' > settings.local.json"),
                bash("toolu_a8", "rm .claude/settings.local.json"),
                bash("toolu_a9", "rm -f .agentfirewall/policy.yaml"),
                bash("toolu_a10", "sed -i s/deny/allow/ .agentfirewall/policy.yaml"),
                bash("toolu_a11", "mv .claude elsewhere"),
                bash("toolu_a12", "cp /dev/null .agentfirewall/audit.jsonl"),
                bash("toolu_a13", "rm -rf marker-folder"),
            ]
            .into_iter()
            .map(|block| ("blocked", block)),
        )
        .collect();
        let model = Model::turns(attacks.iter().map(|(_, block)| vec![block.clone()]).collect());
        let session = client.session(&sandbox, &model, &["--dangerously-skip-permissions"]);
        for (kind, block) in &attacks {
            let model::Block::Tool { id, .. } = block else { unreachable!() };
            if *kind == "blocked" {
                blocked(&sandbox, &model, &session, id);
            }
        }
        assert_eq!(sandbox.read(".claude/settings.local.json"), settings, "{}", client.version);
        assert_eq!(sandbox.read(".agentfirewall/policy.yaml"), policy, "{}", client.version);
        assert!(!sandbox.has(".claude/settings.json") && !sandbox.has("elsewhere"));
        assert!(sandbox.has("marker-folder/file.txt"));
        log_is_whole(&sandbox);
    }
}

/// A session in which something outside the agent's reach of rules changes the settings between two calls.
fn changed_behind_the_back(client: &Client, sandbox: &Sandbox) -> (Model, Session) {
    let folder = sandbox.project.join(".claude");
    let original = sandbox.read(".claude/settings.local.json");
    let change = move |step: usize, folder: &Path| {
        let off = r#"{"disableAllHooks": true}"#;
        match step {
            1 => std::fs::write(folder.join("settings.local.json"), off).unwrap(),
            2 => {
                std::fs::write(folder.join("settings.local.json"), &original).unwrap();
                std::fs::write(folder.join("settings.json"), off).unwrap();
            }
            3 => {
                std::fs::remove_file(folder.join("settings.json")).unwrap();
                std::fs::remove_file(folder.join("settings.local.json")).unwrap();
            }
            _ => return,
        }
        // The client watches the folder and debounces; its own watcher needs about a second.
        std::thread::sleep(Duration::from_millis(2500));
    };
    let model = Model::start(move |request| {
        let step = request.tool_turns();
        if step > 3 {
            return model::text("done");
        }
        change(step, &folder);
        vec![bash(&format!("toolu_behind{step}"), &format!("rm -rf marker-{step}"))]
    });
    for step in 0..4 {
        sandbox.marker(&format!("marker-{step}"));
    }
    let session = client.session(sandbox, &model, &["--dangerously-skip-permissions"]);
    (model, session)
}

#[test]
fn a_settings_file_changed_behind_the_clients_back_stays_without_effect() {
    for client in Client::all() {
        let sandbox = wired();
        let (model, session) = changed_behind_the_back(&client, &sandbox);
        for step in 0..4 {
            blocked(&sandbox, &model, &session, &format!("toolu_behind{step}"));
            assert!(
                sandbox.has(&format!("marker-{step}/file.txt")),
                "{} step {step}: {session}",
                client.version
            );
        }
        let changes = sandbox
            .log()
            .into_iter()
            .filter(|record| record["event_type"] == "config_change" && record["action_taken"] == "deny")
            .count();
        assert!(changes > 0, "no blocked change is recorded:\n{}", sandbox.log_text());
    }
}

#[test]
fn without_the_config_change_hook_the_same_change_does_switch_the_firewall_off() {
    // The control of the test above: it shows that the client really took the change up.
    let Some(client) = Client::all().into_iter().next() else { return };
    let sandbox = wired();
    let mut settings: Value = serde_json::from_str(&sandbox.read(".claude/settings.local.json")).unwrap();
    settings["hooks"]
        .as_object_mut()
        .unwrap()
        .remove("ConfigChange")
        .expect("install writes a ConfigChange hook");
    sandbox.write(".claude/settings.local.json", settings.to_string());
    let (_, session) = changed_behind_the_back(&client, &sandbox);
    assert!(sandbox.has("marker-0/file.txt"), "{session}");
    assert!(
        !sandbox.has("marker-1"),
        "the change had no effect, so the test of the hook proves nothing: {session}"
    );
}

#[test]
fn a_secret_in_a_result_never_reaches_the_model() {
    for client in Client::all() {
        let sandbox = wired();
        let secrets = samples::Tokens::new();
        let (mcp, mail) = mail_server(&sandbox, &secrets.mcp);
        let file = |name: &str, secret: &str| {
            sandbox.write(name, format!("# settings\ntoken: {secret}\nlast line\n"))
        };
        file("by-bash.txt", &secrets.bash);
        let by_read = file("by-read.txt", &secrets.read);
        file("by-grep.txt", &secrets.grep);
        let model = Model::turns(vec![
            vec![bash("toolu_m1", "cat by-bash.txt")],
            vec![tool("toolu_m2", "Read", json!({"file_path": by_read}))],
            vec![tool(
                "toolu_m3",
                "Grep",
                json!({"pattern": "token|last", "glob": "by-grep.txt", "output_mode": "content"}),
            )],
            vec![tool("toolu_m4", "mcp__demo__send_mail", json!({"to": "a@example.org", "body": "hello"}))],
        ]);
        let session = client.session(
            &sandbox,
            &model,
            &[
                "--allowedTools",
                "Bash,Read,Grep,mcp__demo__send_mail",
                "--mcp-config",
                &mcp,
                "--strict-mcp-config",
            ],
        );
        for (id, kept) in [
            ("toolu_m1", "last line"),
            ("toolu_m2", "last line"),
            ("toolu_m3", "last line"),
            ("toolu_m4", "sent to"),
        ] {
            let told = model.result_of(id).unwrap_or_else(|| panic!("no result of {id}: {session}"));
            assert!(told.contains(kept), "{} {id}: the rest of the result is lost: {told}", client.version);
        }
        assert!(mail.exists());
        let stored = String::from_utf8_lossy(&sandbox.everything_stored()).into_owned();
        for (name, secret) in secrets.all() {
            assert!(
                !model.was_sent(secret),
                "{}: the secret of {name} reached the model: {session}",
                client.version
            );
            assert!(!stored.contains(secret), "{}: the secret of {name} is in our files", client.version);
        }
        log_is_whole(&sandbox);
    }
}

/// A secret in every form in which it could still be read.
fn readable(secret: &str) -> Vec<String> {
    let mut forms: Vec<String> = crate::masking::forms(secret).into_iter().map(|(_, form)| form).collect();
    // A base64 of a text around it looks otherwise at each of three offsets.
    for offset in 0..3 {
        let digits = samples::base64(format!("{}{secret}", "x".repeat(offset)).as_bytes());
        forms.push(digits.get(4..48).unwrap().to_owned());
    }
    forms
}

#[test]
fn an_encoded_secret_in_a_result_never_reaches_the_model_either() {
    for client in Client::all() {
        let sandbox = wired();
        let secret = samples::github_token(51);
        let text: String = crate::masking::forms(&secret)
            .into_iter()
            .map(|(name, form)| format!("{name}: {form}\n"))
            .chain(["last line\n".to_owned()])
            .collect();
        let file = sandbox.write("forms.txt", &text);
        let key = samples::private_key();
        sandbox.write("keys.txt", &key);
        let (mcp, mail) = mail_server(&sandbox, &text);
        let written = sandbox.project.join("written.txt");
        let model = Model::turns(vec![
            vec![bash("toolu_e1", "cat forms.txt")],
            vec![bash("toolu_e2", "base64 -w 60 forms.txt; echo last line")],
            vec![tool("toolu_e3", "Read", json!({"file_path": file}))],
            vec![tool(
                "toolu_e4",
                "Grep",
                json!({"pattern": ".", "glob": "*.txt", "output_mode": "content", "-n": true}),
            )],
            vec![tool("toolu_e5", "mcp__demo__send_mail", json!({"to": "a@example.org", "body": "hello"}))],
            vec![bash("toolu_e6", "cat -n keys.txt; echo last line")],
        ]);
        let session = client.session(
            &sandbox,
            &model,
            &[
                "--allowedTools",
                "Bash,Read,Grep,Write,mcp__demo__send_mail",
                "--mcp-config",
                &mcp,
                "--strict-mcp-config",
            ],
        );
        for number in 1..=6 {
            let id = format!("toolu_e{number}");
            let told = model.result_of(&id).unwrap_or_else(|| panic!("no result of {id}: {session}"));
            assert!(told.contains("[secret:"), "{} {id}: {told}", client.version);
            assert!(number == 2 || told.contains("last line"), "{} {id}: {told}", client.version);
        }
        assert!(mail.exists());
        let stored = String::from_utf8_lossy(&sandbox.everything_stored()).into_owned();
        for form in readable(&secret).into_iter().chain(key.lines().skip(1).take(10).map(str::to_owned)) {
            // What the model was sent is JSON, so a text in it is escaped.
            let escaped = Value::from(form.as_str()).to_string();
            for form in [form.as_str(), escaped.trim_matches('"')] {
                assert!(!model.was_sent(form), "{}: {form} reached the model: {session}", client.version);
                assert!(!stored.contains(form), "{}: {form} is in our files", client.version);
                assert!(!session.stderr.contains(form), "{}: {form} is on stderr", client.version);
            }
        }

        // The model has the secret from somewhere and writes it down in base64.
        let content = format!("key = \"{}\"\n", samples::base64(secret.as_bytes()));
        let model = Model::turns(vec![vec![tool(
            "toolu_w",
            "Write",
            json!({"file_path": written, "content": content}),
        )]]);
        let session = client.session(&sandbox, &model, &["--allowedTools", "Write"]);
        blocked(&sandbox, &model, &session, "toolu_w");
        assert!(!written.exists(), "{session}");
        let stored = String::from_utf8_lossy(&sandbox.everything_stored()).into_owned();
        assert!(!stored.contains(&samples::base64(secret.as_bytes())));
        log_is_whole(&sandbox);
    }
}

#[test]
fn a_session_from_a_subfolder_of_the_repository_is_covered() {
    for client in Client::all() {
        let sandbox = wired();
        if client.version == "2.1.197" {
            // It reads a project's settings only where it is started; the user's hold everywhere.
            sandbox.run(["install", "--scope", "user"]).exits(0);
        }
        sandbox.marker("deep/inside/marker-folder");
        let folder = sandbox.project.join("deep/inside");
        let model = Model::turns(vec![vec![bash("toolu_deep", "rm -rf marker-folder")]]);
        let session = client.session_in(&folder, &sandbox, &model, &["--dangerously-skip-permissions"]);
        blocked(&sandbox, &model, &session, "toolu_deep");
        assert!(folder.join("marker-folder/file.txt").exists());
    }
}

#[test]
fn a_file_that_may_not_be_read_is_not_read_through_a_mention() {
    for client in Client::all() {
        let sandbox = Sandbox::new();
        sandbox.run(["init"]).exits(0);
        sandbox.policy(
            "version: \"1.0\"\nname: mentions\ndefault_action: allow\nrules:\n  - name: no-plans\n    tools: [\"*\"]\n    \
             resources: [\"plans.txt\"]\n    action: deny\n    reason: \"the plans stay private\"\n",
        );
        sandbox.run(["install"]).exits(0);
        sandbox.write("plans.txt", "MENTIONED-CONTENT\n");
        sandbox.write("open.txt", "OPEN-CONTENT\n");
        let model = Model::turns(Vec::new());
        let session = client.prompt("see @plans.txt and @open.txt", &sandbox, &model, &[]);
        assert!(model.was_sent("OPEN-CONTENT"), "the control: mentions are expanded: {session}");
        assert!(!model.was_sent("MENTIONED-CONTENT"), "{}: {session}", client.version);
    }
}
