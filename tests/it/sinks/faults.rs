//! The table of faults: afterwards every event is in the store exactly once after dedupe, in order, and what the store
//! has verifies as a chain without the log.

use std::collections::HashSet;
use std::net::TcpListener;

use agentfirewall_tests::sandbox::Sandbox;

use super::servers::free_port;
use super::stand_in::{Reply, StandIn, created, say};
use super::{alerts, dead_letters, distinct, hashes, sandbox};

fn webhook(url: &str, more: &str) -> Sandbox {
    sandbox(&format!("  - {{name: s, use: webhook, {ALL}, with: {{url: \"{url}\"{more}}}}}"))
}

/// A sink that is told of every record.
const ALL: &str = "actions: [allow, log, alert, ask, deny]";

/// What the receiver took, put together as it came, is the whole chain up to the log's last record.
fn copy_verifies(sandbox: &Sandbox, server: &StandIn) {
    let file = sandbox.root().join("store.jsonl");
    std::fs::write(&file, server.store()).unwrap();
    let said = sandbox.run(["audit", "verify", "--json", "--from", file.to_str().unwrap()]);
    let report = said.exits(0).json();
    let chains = report["chains"].as_array().unwrap();
    let last = sandbox.log().pop().unwrap();
    assert_eq!((chains.len(), &chains[0]["first"], &chains[0]["last"]), (1, &1.into(), &last["seq"]));
    assert_eq!((&chains[0]["head"], &chains[0]["chain"]), (&last["_hash"], &last["chain"]));
    assert_eq!(chains[0]["recomputed"], chains[0]["records"]);
}

fn stored(server: &StandIn) -> Vec<String> {
    server.posts().iter().map(|request| request.header("webhook-id").to_owned()).collect()
}

/// What the program says of a sink.
fn waiting(sandbox: &Sandbox) -> u64 {
    sandbox.run(["sinks", "status", "--json"]).json()["sinks"][0]["waiting"].as_u64().unwrap()
}

#[test]
fn down_for_the_whole_run_then_up() {
    let port = free_port();
    let sandbox = webhook(&format!("http://127.0.0.1:{port}/"), "");
    alerts(&sandbox, 3);
    let said = sandbox.run(["deliver", "--once"]);
    assert!(said.code == Some(74) && said.stderr.contains("failing"), "{said:?}");
    assert_eq!(waiting(&sandbox), 3);
    let server = StandIn::on(TcpListener::bind(("127.0.0.1", port)).unwrap(), |_, _| say(200, ""));
    sandbox.run(["deliver", "--once"]).exits(0);
    assert_eq!((stored(&server), waiting(&sandbox)), (hashes(&sandbox), 0));
    copy_verifies(&sandbox, &server);
}

#[test]
fn a_name_that_does_not_resolve_and_one_that_leads_inside() {
    let sandbox = webhook("https://agentfirewall.invalid/", ", timeout_seconds: 3");
    alerts(&sandbox, 1);
    sandbox.run(["deliver", "--once"]).exits(74);
    assert_eq!((waiting(&sandbox), dead_letters(&sandbox).len()), (1, 0));
    // The machine's own name leads to the machine: that is not the public network.
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let inside = hosts.lines().filter_map(|line| line.split('#').next()?.split_whitespace().nth(1));
    if let Some(name) =
        inside.into_iter().find(|name| *name != "localhost" && name.parse::<std::net::Ipv6Addr>().is_err())
    {
        let sandbox = webhook(&format!("https://{name}/"), "");
        let said = sandbox.run(["sinks", "test", "--check"]);
        assert!(said.stdout.contains("private network"), "{name}: {said:?}");
    }
}

#[test]
fn hanging_and_dripping_receivers_are_left_in_time() {
    let server = StandIn::new(|number, _| match number {
        0 => Reply::Hang,
        1 => Reply::Drip,
        _ => say(200, ""),
    });
    let sandbox = webhook(&server.url(), ", timeout_seconds: 1");
    alerts(&sandbox, 2);
    sandbox.run(["deliver", "--once"]).exits(0);
    assert_eq!(distinct(stored(&server)), hashes(&sandbox));
    copy_verifies(&sandbox, &server);
}

/// The deliverer is killed at its 1st, 2nd, 3rd... step, until one comes through.
#[cfg(all(debug_assertions, unix))]
#[test]
fn killed_at_every_step() {
    for sink in ["webhook", "elasticsearch"] {
        let server = StandIn::new(|_, request| created(request));
        let index = if sink == "elasticsearch" { ", index: a" } else { "" };
        let mut sandbox = sandbox(&format!(
            "  - {{name: s, use: {sink}, {ALL}, with: {{url: \"{}\"{index}}}}}",
            server.url()
        ));
        alerts(&sandbox, 3);
        let mut killed = 0;
        loop {
            sandbox.extra = vec![("AGENTFIREWALL_TEST_DIE_AT_STEP".into(), (killed + 1).to_string().into())];
            let outcome = sandbox.run(["deliver", "--once"]);
            if outcome.code.is_some() {
                assert_eq!(outcome.code, Some(0), "{outcome:?}");
                break;
            }
            killed += 1;
            if killed < 30 && killed % 3 == 0 {
                sandbox.extra.clear();
                alerts(&sandbox, 1);
            }
            assert!(killed < 200, "it never gets through");
        }
        assert!(killed >= 3, "nothing was killed");
        let ids: Vec<String> = server
            .posts()
            .iter()
            .flat_map(|request| match sink {
                "webhook" => vec![request.header("webhook-id").to_owned()],
                _ => request
                    .text()
                    .lines()
                    .step_by(2)
                    .map(|line| {
                        let action: serde_json::Value = serde_json::from_str(line).unwrap();
                        action["create"]["_id"].as_str().unwrap().to_owned()
                    })
                    .collect(),
            })
            .collect();
        assert_eq!(distinct(ids), hashes(&sandbox), "{sink}");
        copy_verifies(&sandbox, &server);
    }
}

#[test]
fn two_deliverers_at_once_tell_everything_once() {
    let server = StandIn::new(|_, _| {
        std::thread::sleep(std::time::Duration::from_millis(5));
        say(200, "")
    });
    let sandbox = webhook(&server.url(), "");
    alerts(&sandbox, 20);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| sandbox.run(["deliver", "--once"]).exits(0).clone());
        }
    });
    assert_eq!(stored(&server), hashes(&sandbox));
    copy_verifies(&sandbox, &server);
}

/// No file may grow: neither the cursor nor the dead letters can be written.
#[cfg(unix)]
#[test]
fn a_full_disk_stops_before_anything_is_told_twice() {
    let server = StandIn::new(|_, _| say(200, ""));
    let sandbox = webhook(&server.url(), "");
    alerts(&sandbox, 3);
    // As a limit of the process: the same error as from a full disk, without the rights to mount one.
    let limited = || {
        let mut command = sandbox.process("bash");
        command
            .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" deliver --once 2>/dev/null"])
            .arg(&sandbox.program);
        agentfirewall_tests::sandbox::feed(&mut command, b"")
    };
    for _ in 0..3 {
        assert_eq!(limited().code, Some(74));
    }
    assert!(stored(&server).is_empty(), "{:?}", stored(&server));
    sandbox.run(["deliver", "--once"]).exits(0);
    assert_eq!(stored(&server), hashes(&sandbox));
    copy_verifies(&sandbox, &server);
}

#[test]
fn a_receiver_that_restarts_in_the_middle_of_batches() {
    let server = StandIn::new(|number, request| {
        if number % 3 == 1 {
            return Reply::Close;
        }
        created(request)
    });
    let sandbox = sandbox(&format!(
        "  - {{name: s, use: elasticsearch, {ALL}, with: {{url: \"{}\", index: a}}}}",
        server.url()
    ));
    let mut before = HashSet::new();
    for _ in 0..4 {
        alerts(&sandbox, 3);
        sandbox.run(["deliver", "--once"]).exits(0);
        before.extend(hashes(&sandbox));
    }
    assert_eq!(waiting(&sandbox), 0);
    assert_eq!(before.len(), 12);
    copy_verifies(&sandbox, &server);
}

#[test]
fn the_log_is_rotated_under_the_delivery() {
    let server = StandIn::new(|number, _| if number % 5 == 4 { say(503, "") } else { say(200, "") });
    let sandbox = webhook(&server.url(), "");
    let policy = sandbox.home.join(".config/agentfirewall/policy.yaml");
    let text = std::fs::read_to_string(&policy).unwrap();
    std::fs::write(&policy, format!("{text}\naudit: {{rotate: {{records: 100}}}}\n")).unwrap();
    sandbox.run(["validate"]).exits(0);
    for number in 0..125 {
        sandbox.bash(&format!("echo {number}")).passed();
        if number % 30 == 0 {
            sandbox.run(["deliver", "--once"]);
        }
    }
    // The hooks have started deliveries too: while one of them pauses, another one has nothing to do.
    for _ in 0..1_000 {
        sandbox.run(["deliver", "--once"]);
        if waiting(&sandbox) == 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let told = distinct(stored(&server));
    assert!(told.len() > 125, "{}", told.len());
    // In the order of the log, across its files.
    let mut files: Vec<_> = std::fs::read_dir(sandbox.log_path().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("audit.jsonl."));
    files.sort();
    assert!(!files.is_empty(), "{files:?}");
    files.push(sandbox.log_path());
    let lines: String = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let wanted: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|record| record["_hash"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(told, wanted);
    copy_verifies(&sandbox, &server);
}

/// Retention waits for a sink that is down, and says so loudly where somebody insists.
#[test]
fn old_files_stay_until_a_sink_that_was_down_has_them() {
    let port = free_port();
    let sandbox = webhook(&format!("http://127.0.0.1:{port}/"), "");
    let policy = sandbox.home.join(".config/agentfirewall/policy.yaml");
    let text = std::fs::read_to_string(&policy).unwrap();
    let audit = "audit: {rotate: {records: 100}, retain: {segments: 1}}";
    std::fs::write(&policy, format!("{text}\n{audit}\n")).unwrap();
    alerts(&sandbox, 1);
    sandbox.run(["deliver", "--once"]).exits(74);
    sandbox.records(350);
    let files = || agentfirewall_core::audit::segments(&sandbox.log_path()).unwrap().len();
    let before = files();
    let kept = sandbox.run(["audit", "prune"]);
    assert!(kept.exits(0).stderr.contains("s has not received what is in them"), "{kept:?}");
    assert_eq!(files(), before);
    let server = StandIn::on(TcpListener::bind(("127.0.0.1", port)).unwrap(), |_, _| say(200, ""));
    sandbox.run(["deliver", "--once"]).exits(0);
    let gone = sandbox.run(["audit", "prune"]);
    assert!(gone.exits(0).stdout.contains("removed") && gone.stderr.is_empty(), "{gone:?}");
    assert_eq!(files(), 1);
    // The sink has all of it, the record of the removal included.
    sandbox.run(["deliver", "--once"]).exits(0);
    copy_verifies(&sandbox, &server);
    sandbox.run(["audit", "verify"]).exits(0);

    drop(server);
    sandbox.records(350);
    let forced = sandbox.run(["audit", "prune", "--force"]);
    assert!(forced.exits(0).stderr.contains("WARNING: sink s will never get"), "{forced:?}");
    assert_eq!(files(), 1);
    let last = sandbox.log().pop().unwrap();
    assert_eq!((&last["event_type"], &last["action_taken"]), (&"retention".into(), &"alert".into()));
    assert!(last["metadata"]["lost"][0]["records"].as_u64().unwrap() > 100, "{last}");
    sandbox.run(["audit", "verify"]).exits(0);
    // What the sink gets from now on shows the gap.
    let server = StandIn::on(TcpListener::bind(("127.0.0.1", port)).unwrap(), |_, _| say(200, ""));
    sandbox.run(["deliver", "--once"]).exits(0);
    let file = sandbox.root().join("store.jsonl");
    let store = format!("{}{}", std::fs::read_to_string(&file).unwrap(), server.store());
    std::fs::write(&file, store).unwrap();
    let said = sandbox.run(["audit", "verify", "--from", file.to_str().unwrap()]);
    assert!(said.exits(1).stdout.contains("are missing"), "{said:?}");
}

/// A receiver that answers 500 to one event for ever.
#[test]
fn an_event_that_is_always_answered_with_500_goes_to_the_dead_letters_and_the_rest_arrives() {
    let server = StandIn::new(|_, request| {
        let poison = request.json()["data"]["parameters"]["command"] == "echo 2";
        if poison { say(500, "") } else { say(200, "") }
    });
    let sandbox = webhook(&server.url(), "");
    alerts(&sandbox, 6);
    for _ in 0..3 {
        sandbox.run(["deliver", "--once"]).exits(74);
        assert!(dead_letters(&sandbox).is_empty());
    }
    sandbox.run(["deliver", "--once"]).exits(0);
    let letters = dead_letters(&sandbox);
    assert_eq!((letters.len(), &letters[0]["record"]["seq"]), (1, &3.into()));
    assert!(letters[0]["reason"].as_str().unwrap().contains("500"), "{letters:?}");
    let taken: Vec<_> = server.posts().into_iter().filter(|post| post.taken).collect();
    assert_eq!(taken.len(), 5);
    assert_eq!(waiting(&sandbox), 0);
}
