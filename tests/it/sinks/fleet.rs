//! Scale-out on an engine that exists: machines, a cluster of three, one of which dies, and a store out of which every
//! chain is verified.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use agentfirewall_tests::sandbox::Sandbox;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::servers::{Server, free_port, nats_request, start, wait_for};
use super::{python, python_says, sandbox, there};

const MACHINES: usize = 20;
const CALLS: usize = 15;

/// One node of the cluster.
fn node(folder: &Path, number: usize, ports: &[(u16, u16)]) -> Server {
    let (client, cluster) = ports[number];
    let routes: Vec<_> = ports.iter().map(|(_, port)| format!("\"nats://127.0.0.1:{port}\"")).collect();
    let configuration = format!(
        "server_name: n{number}\nlisten: 127.0.0.1:{client}\njetstream {{ store_dir: \"{}\" }}\n\
         cluster {{ name: fleet, listen: 127.0.0.1:{cluster}, routes: [{}] }}\n",
        folder.join(format!("store{number}")).display(),
        routes.join(", ")
    );
    let file = folder.join(format!("n{number}.conf"));
    std::fs::write(&file, configuration).unwrap();
    start(Command::new("nats-server").arg("-c").arg(file), client)
}

#[test]
fn three_hundred_hooks_of_twenty_machines_and_a_node_that_dies_leave_every_chain_whole() {
    if !there("nats-server", "--help") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ports: Vec<_> = (0..3).map(|_| (free_port(), free_port())).collect();
    let mut nodes: Vec<_> = (0..3).map(|number| Some(node(folder.path(), number, &ports))).collect();
    let create =
        json!({"name": "FLEET", "subjects": ["agentfirewall.*"], "storage": "file", "num_replicas": 3});
    // The cluster elects a leader first.
    wait_for("the stream is there", || {
        let answer = nats_request(ports[0].0, "$JS.API.STREAM.CREATE.FLEET", &create.to_string());
        answer["error"].is_null()
    });
    let servers: Vec<_> = ports.iter().map(|(port, _)| format!("\"nats://127.0.0.1:{port}\"")).collect();
    let sinks = format!(
        "  - {{name: s, use: nats, actions: [allow, log, alert, ask, deny], with: {{servers: [{}]}}}}",
        servers.join(", ")
    );
    let machines: Vec<Sandbox> = (0..MACHINES).map(|_| sandbox(&sinks)).collect();
    let (next, killed) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let info = |port: u16| nats_request(port, "$JS.API.STREAM.INFO.FLEET", "");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= MACHINES * CALLS {
                        return;
                    }
                    machines[number % MACHINES].bash(&format!("echo {number}")).passed();
                }
            });
        }
        // In the middle the node dies that leads the stream: kill -9.
        while next.load(Ordering::SeqCst) < MACHINES * CALLS / 2 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let leader = info(ports[0].0)["cluster"]["leader"].as_str().unwrap_or("n0").to_owned();
        let number: usize = leader.trim_start_matches('n').parse().unwrap();
        nodes[number] = None;
        killed.store(number, Ordering::SeqCst);
    });
    let alive = ports[(killed.load(Ordering::SeqCst) + 1) % 3].0;
    for machine in &machines {
        wait_for("a machine has delivered", || {
            machine.run(["deliver", "--once"]);
            machine.run(["sinks", "status", "--json"]).json()["sinks"][0]["waiting"] == 0
        });
    }
    let state = info(alive)["state"].clone();
    let (first, last) = (state["first_seq"].as_u64().unwrap(), state["last_seq"].as_u64().unwrap());
    let records: usize = machines.iter().map(|machine| machine.log().len()).sum();
    assert!(records >= MACHINES * CALLS);
    let mut messages = String::new();
    for number in first..=last {
        let ask = json!({"seq": number}).to_string();
        let answer = nats_request(alive, "$JS.API.STREAM.MSG.GET.FLEET", &ask);
        let data = answer["message"]["data"].as_str().unwrap_or_else(|| panic!("{number}: {answer}"));
        messages.push_str(&String::from_utf8(STANDARD.decode(data).unwrap()).unwrap());
        messages.push('\n');
    }
    let file = folder.path().join("messages.jsonl");
    std::fs::write(&file, messages).unwrap();
    every_chain_is_whole(&machines, &file, records);

    // The same out of a column store, in no order.
    let Some(python) = python() else { return };
    let out = folder.path().join("out.jsonl");
    let script = "
import duckdb, sys
db = duckdb.connect()
db.execute(\"create table raw as select json as record from read_json_objects(?, format='newline_delimited')\", [sys.argv[1]])
db.execute(\"create table decisions as select json_extract_string(record, '$.chain') as chain, \"
           \"cast(json_extract(record, '$.seq') as ubigint) as seq, json_extract_string(record, '$._hash') as hash, \"
           \"cast(record as varchar) as record from raw\")
gaps = db.execute('select count(*) from (select chain, max(seq) - min(seq) + 1 - count(distinct seq) as missing '
                  'from decisions group by chain) where missing > 0').fetchone()[0]
assert gaps == 0, gaps
db.execute(f\"copy (select chain, seq, record from decisions order by hash) to '{sys.argv[2]}' (format json)\")
print(db.execute('select count(distinct hash) from decisions').fetchone()[0])
";
    let count = python_says(&python, script, &[file.to_str().unwrap(), out.to_str().unwrap()]);
    assert_eq!(count.trim(), records.to_string());
    every_chain_is_whole(&machines, &out, records);
}

/// Every chain from its first record to the last of its machine's log, each record once after repetitions are left out.
fn every_chain_is_whole(machines: &[Sandbox], file: &Path, records: usize) {
    let said = machines[0].run(["audit", "verify", "--json", "--from", file.to_str().unwrap()]);
    let report = said.exits(0).json();
    assert_eq!(report["records"], records);
    let chains = report["chains"].as_array().unwrap();
    assert_eq!(chains.len(), machines.len());
    for machine in machines {
        let last = machine.log().pop().unwrap();
        let chain = chains.iter().find(|chain| chain["chain"] == last["chain"]).unwrap();
        let wanted: [&Value; 4] = [&1.into(), &last["seq"], &last["_hash"], &0.into()];
        assert_eq!([&chain["first"], &chain["last"], &chain["head"], &chain["missing"]], wanted);
        assert_eq!(chain["recomputed"], chain["records"]);
    }
}
