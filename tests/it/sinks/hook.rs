//! The hook starts a delivery when a sink wants to hear of it, and never waits for one.

use std::time::Duration;

use super::stand_in::{Reply, StandIn, say};
use super::{Sandbox, hashes};
use agentfirewall_tests::payload::Payload;

fn with(policy: &str, url: &str, filter: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let folder = sandbox.home.join(".config/agentfirewall");
    std::fs::create_dir_all(&folder).unwrap();
    let sinks = format!("sinks:\n  - {{name: s, use: webhook, {filter}, with: {{url: \"{url}\"}}}}\n");
    std::fs::write(folder.join("policy.yaml"), format!("name: hook\n{policy}\n{sinks}")).unwrap();
    sandbox.run(["validate"]).exits(0);
    sandbox
}

fn wait_for(server: &StandIn, count: usize) -> Vec<String> {
    for _ in 0..1_000 {
        let ids: Vec<_> =
            server.posts().iter().map(|request| request.header("webhook-id").to_owned()).collect();
        if ids.len() >= count {
            return ids;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("never told: {:?}", server.requests());
}

#[test]
fn alert_ask_and_deny_are_told_by_the_hook_itself() {
    let policy = "default_action: allow\nrules:\n  - {name: no-a, tools: [Bash], resources: [\"aaa*\"], action: deny, reason: no}\n  \
                  - {name: ask-b, tools: [Bash], resources: [\"bbb*\"], action: ask, reason: ask}\n  \
                  - {name: alert-c, tools: [Bash], resources: [\"ccc*\"], action: alert, reason: see}";
    let server = StandIn::new(|_, _| say(200, ""));
    let sandbox = with(policy, &server.url(), "actions: [deny, ask, alert]");
    sandbox.bash("git status").passed();
    sandbox.bash("aaa 1").denied();
    sandbox.bash("bbb 1").exits(0);
    sandbox.bash("ccc 1").passed();
    let told = wait_for(&server, 3);
    let log = sandbox.log();
    let wanted: Vec<_> = log
        .iter()
        .filter(|record| ["deny", "ask", "alert"].contains(&record["action_taken"].as_str().unwrap()))
        .map(|record| record["_hash"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(told, wanted);
    assert_eq!(wanted.len(), 3);
}

#[test]
fn what_the_filter_leaves_out_starts_nothing_and_is_never_told() {
    let policy = "default_action: allow\nrules:\n  - {name: no-a, tools: [Bash], resources: [\"aaa*\"], action: deny, reason: no}\n  \
                  - {name: no-b, tools: [Bash], resources: [\"bbb*\"], action: deny, reason: no}";
    let server = StandIn::new(|_, _| say(200, ""));
    let sandbox = with(policy, &server.url(), "actions: [deny], rules: [\"no-b\"]");
    sandbox.bash("aaa 1").denied();
    assert!(!sandbox.state().join("delivery").exists(), "a delivery was started for nothing");
    sandbox.bash("bbb 1").denied();
    assert_eq!(wait_for(&server, 1), [sandbox.log().last().unwrap()["_hash"].as_str().unwrap()]);
}

#[test]
fn the_agent_does_not_wait_for_a_receiver_that_hangs() {
    let server = StandIn::new(|_, _| Reply::Hang);
    let sandbox = with("default_action: alert", &server.url(), "actions: [alert]");
    // `feed` reads until the end of both pipes, as an agent does: a delivery that held one would keep it until the receiver
    // answers, which it does when this test ends and not before.
    let outcome = sandbox.hook("pre-tool-use", Payload::bash(&sandbox.project, "echo 1"));
    outcome.passed();
    wait_for(&server, 1);
    assert_eq!(hashes(&sandbox).len(), 1);
}

#[test]
fn a_service_delivers_as_records_come_and_reads_a_changed_policy() {
    let first = StandIn::new(|_, _| say(200, ""));
    let second = StandIn::new(|_, _| say(200, ""));
    let sandbox = with("default_action: alert", &first.url(), "actions: [alert]");
    let mut command = sandbox.command(["deliver", "--follow"]);
    let null = std::process::Stdio::null;
    let mut service = command.stdin(null()).stdout(null()).stderr(null()).spawn().unwrap();
    super::alerts(&sandbox, 2);
    assert_eq!(wait_for(&first, 2), hashes(&sandbox));
    let policy = sandbox.home.join(".config/agentfirewall/policy.yaml");
    let text =
        std::fs::read_to_string(&policy).unwrap().replace(&first.url(), &format!("{}other", second.url()));
    std::fs::write(&policy, text).unwrap();
    for _ in 0..1_000 {
        super::alerts(&sandbox, 1);
        if !second.posts().is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(!second.posts().is_empty(), "the new policy was never read");
    service.kill().unwrap();
    service.wait().unwrap();
}

#[test]
fn the_unit_for_systemd_is_one() {
    let sandbox = with("default_action: alert", "http://127.0.0.1:1/", "actions: [alert]");
    let unit = sandbox.run(["deliver", "--unit"]);
    unit.exits(0);
    let program = sandbox.program.canonicalize().unwrap();
    assert!(
        unit.stdout.contains(&format!("ExecStart=\"{}\" deliver --follow --log \"", program.display())),
        "{unit:?}"
    );
    // Where systemd is installed, it says whether it understands every line.
    if std::process::Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        let file = sandbox.root().join("agentfirewall-deliver.service");
        std::fs::write(&file, &unit.stdout).unwrap();
        let judged = std::process::Command::new("systemd-analyze")
            .args(["--user", "verify"])
            .arg(&file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&judged.stderr).into_owned();
        assert!(!said.contains("Unknown") && !said.contains("Failed to parse"), "{said}");
    }
}
