//! Vendors whose servers cannot be installed: payloads within the limits they document, and the meaning of their answers.

use agentfirewall_tests::sandbox::Sandbox;
use serde_json::{Value, json};

use super::stand_in::{Reply, Request, StandIn, say};
use super::{alerts, dead_letters, hashes, sandbox};

/// A sandbox with one sink that gets everything one by one, and whose secrets are in the environment.
fn with(sink: &str) -> Sandbox {
    let mut sandbox = sandbox(&format!("  - {{name: s, group: {{after: 0}}, {sink}}}"));
    sandbox.extra.push(("SINK_SECRET".into(), "s3cret-t0ken".into()));
    sandbox
}

fn deliver(sandbox: &Sandbox) -> String {
    sandbox.run(["deliver", "--once"]).stderr
}

/// A call whose every part is as long as it can be, full of what markup could be made of.
fn monster(sandbox: &Sandbox) {
    let command = format!("echo '<!channel> @everyone [x](http://evil) &amp; {}'", "🔥<&>*_".repeat(300));
    sandbox.run(["check", "--record", "--tool", "Bash", "--command", command.as_str()]).exits(0);
}

fn units(value: &Value) -> usize {
    value.as_str().unwrap().encode_utf16().count()
}

/// <https://docs.slack.dev/reference/block-kit/blocks>
fn slack_takes(message: &Value) -> Result<(), String> {
    let blocks = message["blocks"].as_array().ok_or("no blocks")?;
    let limit = |ok: bool, what: &str| if ok { Ok(()) } else { Err(what.to_owned()) };
    limit(blocks.len() <= 50, "50 blocks")?;
    limit(units(&message["text"]) <= 4_000, "text")?;
    for block in blocks {
        match block["type"].as_str() {
            Some("header") => {
                limit(
                    block["text"]["type"] == "plain_text"
                        && (1..=150).contains(&units(&block["text"]["text"])),
                    "header",
                )?;
            }
            Some("section") => {
                if let Some(fields) = block["fields"].as_array() {
                    limit((1..=10).contains(&fields.len()), "fields")?;
                    for field in fields {
                        limit(units(&field["text"]) <= 2_000, "field")?;
                    }
                } else {
                    limit((1..=3_000).contains(&units(&block["text"]["text"])), "section")?;
                }
            }
            other => return Err(format!("block {other:?}")),
        }
    }
    let text = message.to_string();
    limit(!text.contains("<!channel>"), "an escape is missing")
}

#[test]
fn slack_by_webhook_and_as_a_bot() {
    let server = StandIn::new(|_, request| {
        let message = request.json();
        match (request.path.as_str(), slack_takes(&message)) {
            (_, Err(why)) => say(400, format!("invalid_blocks {why}")),
            ("/services/T0/B0/x", Ok(())) => say(200, "ok"),
            ("/api/chat.postMessage", Ok(())) => {
                let login = request.header("authorization") == "Bearer s3cret-t0ken";
                let answer = if login && message["channel"] == "#agents" {
                    json!({"ok": true})
                } else {
                    json!({"ok": false, "error": "invalid_auth"})
                };
                say(200, answer.to_string())
            }
            _ => say(404, "no_service"),
        }
    });
    let url = server.url();
    for sink in [
        format!("use: slack, with: {{webhook: \"{url}services/T0/B0/x\"}}"),
        format!(
            "use: slack, with: {{token: {{env: SINK_SECRET}}, channel: \"#agents\", api: \"{url}api/chat.postMessage\"}}"
        ),
    ] {
        let sandbox = with(&sink);
        alerts(&sandbox, 2);
        monster(&sandbox);
        let said = deliver(&sandbox);
        assert!(
            said.contains("s: 3 delivered") && dead_letters(&sandbox).is_empty(),
            "{said} {:?}",
            dead_letters(&sandbox)
        );
    }
    // A wrong channel or token is put right some day: nothing is thrown away.
    let sandbox = with(&format!(
        "use: slack, with: {{token: {{env: SINK_SECRET}}, channel: \"#other\", api: \"{url}api/chat.postMessage\"}}"
    ));
    alerts(&sandbox, 1);
    let said = deliver(&sandbox);
    assert!(
        said.contains("invalid_auth") && !said.contains("s3cret") && dead_letters(&sandbox).is_empty(),
        "{said}"
    );
}

#[test]
fn discord_pings_nobody_and_stays_within_its_limits() {
    let server = StandIn::new(|_, request| {
        let message = request.json();
        let embed = &message["embeds"][0];
        let mut total = units(&embed["title"]) + units(&embed["description"]);
        let mut good = units(&message["content"]) <= 2_000
            && units(&embed["title"]) <= 256
            && units(&embed["description"]) <= 4_096
            && message["allowed_mentions"] == json!({"parse": []});
        for field in embed["fields"].as_array().unwrap() {
            total += units(&field["name"]) + units(&field["value"]);
            good &= units(&field["name"]) <= 256 && (1..=1_024).contains(&units(&field["value"]));
        }
        good &= total <= 6_000
            && embed["fields"].as_array().unwrap().len() <= 25
            && request.path.contains("wait=true");
        if good { say(200, "{}") } else { say(400, "{}") }
    });
    let sandbox = with(&format!("use: discord, with: {{webhook: \"{}api/webhooks/1/x\"}}", server.url()));
    monster(&sandbox);
    let said = deliver(&sandbox);
    assert!(said.contains("s: 1 delivered") && dead_letters(&sandbox).is_empty(), "{said}");
}

#[test]
fn teams_gets_a_card_of_less_than_28_kilobytes() {
    let server = StandIn::new(|_, request| {
        let card = request.json();
        let attachment = &card["attachments"][0];
        let good = card["type"] == "message"
            && attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
            && attachment["content"]["type"] == "AdaptiveCard"
            && attachment["content"]["version"] == "1.4"
            && !request.text().contains("[x](http")
            && request.body.len() < 28 << 10;
        if good { say(202, "") } else { say(400, "") }
    });
    let sandbox = with(&format!("use: teams, with: {{workflow: \"{}workflows/x?sig=y\"}}", server.url()));
    monster(&sandbox);
    let said = deliver(&sandbox);
    assert!(said.contains("s: 1 delivered") && dead_letters(&sandbox).is_empty(), "{said}");
}

#[test]
fn pagerduty_gets_one_alert_for_one_event() {
    let server = StandIn::new(|_, request| {
        let event = request.json();
        let payload = &event["payload"];
        let good = event["routing_key"] == "s3cret-t0ken"
            && event["event_action"] == "trigger"
            && (1..=255).contains(&units(&event["dedup_key"]))
            && (1..=1_024).contains(&units(&payload["summary"]))
            && !payload["source"].as_str().unwrap().is_empty()
            && ["critical", "error", "warning", "info"].contains(&payload["severity"].as_str().unwrap())
            && request.body.len() < 512 << 10;
        if good {
            say(202, json!({"status": "success", "dedup_key": event["dedup_key"]}).to_string())
        } else {
            say(400, "{}")
        }
    });
    let sandbox = with(&format!(
        "use: pagerduty, with: {{routing_key: {{env: SINK_SECRET}}, url: \"{}v2/enqueue\"}}",
        server.url()
    ));
    alerts(&sandbox, 2);
    monster(&sandbox);
    assert!(deliver(&sandbox).contains("s: 3 delivered"), "{:?}", dead_letters(&sandbox));
    let keys: Vec<_> = server
        .posts()
        .iter()
        .map(|request| request.json()["dedup_key"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(keys, hashes(&sandbox));
}

fn objects(request: &Request) -> Vec<Value> {
    serde_json::Deserializer::from_slice(&request.body).into_iter().map(Result::unwrap).collect()
}

#[test]
fn splunk_says_which_event_it_does_not_like() {
    // The second event that comes is one it never takes.
    let server = StandIn::new(|_, request| {
        if request.header("authorization") != "Splunk s3cret-t0ken"
            || request.path != "/services/collector/event"
        {
            return say(403, r#"{"text":"Invalid token","code":4}"#);
        }
        for (number, event) in objects(request).iter().enumerate() {
            assert!(event["time"].as_str().unwrap().parse::<f64>().unwrap() > 1.6e9, "{event}");
            assert!(event["fields"].as_object().unwrap().values().all(Value::is_string));
            if event["event"]["parameters"]["command"] == "echo 1" {
                let answer =
                    json!({"text": "Invalid data format", "code": 6, "invalid-event-number": number});
                return say(400, answer.to_string());
            }
        }
        say(200, r#"{"text":"Success","code":0}"#)
    });
    let sandbox =
        with(&format!("use: splunk, with: {{url: \"{}\", token: {{env: SINK_SECRET}}}}", server.url()));
    alerts(&sandbox, 5);
    let said = deliver(&sandbox);
    assert!(said.contains("s: 4 delivered, 1 refused"), "{said}");
    assert_eq!(dead_letters(&sandbox)[0]["record"]["parameters"]["command"], "echo 1");
    let sandbox =
        with(&format!("use: splunk, with: {{url: \"{}other\", token: {{env: SINK_SECRET}}}}", server.url()));
    alerts(&sandbox, 1);
    assert!(deliver(&sandbox).contains("code 4") && dead_letters(&sandbox).is_empty());
}

#[test]
fn elasticsearch_is_asked_about_every_item() {
    let server = StandIn::new(|number, request| {
        assert_eq!(
            (request.path.as_str(), request.header("content-type")),
            ("/agents/_bulk", "application/x-ndjson")
        );
        assert!(request.text().ends_with('\n'));
        let lines = objects(request);
        let mut items = Vec::new();
        for pair in lines.chunks(2) {
            assert_eq!(pair[0]["create"]["_id"], pair[1]["hash"]);
            assert!(
                pair[1]["@timestamp"].is_string()
                    && pair[1].as_object().unwrap().keys().all(|key| !key.starts_with('_'))
            );
            let command = pair[1]["parameters"]["command"].as_str().unwrap();
            let status = match (number, command) {
                (_, "echo 1") => 400,
                (0, "echo 3") => 429,
                (0, _) => 201,
                // What was stored by the first request.
                _ if command != "echo 3" => 409,
                _ => 201,
            };
            items.push(json!({"create": {"_id": pair[0]["create"]["_id"], "status": status}}));
        }
        say(200, json!({"errors": true, "items": items}).to_string())
    });
    let sandbox = with(&format!("use: elasticsearch, with: {{url: \"{}\", index: agents}}", server.url()));
    alerts(&sandbox, 6);
    let said = deliver(&sandbox);
    assert!(said.contains("s: 5 delivered, 1 refused"), "{said}");
    assert_eq!(dead_letters(&sandbox).len(), 1);
    assert_eq!(server.posts().len(), 2);
}

#[test]
fn datadog_and_both_kafka_proxies_get_batches() {
    let datadog = StandIn::new(|_, request| {
        let logs = request.json();
        let good = request.path == "/api/v2/logs"
            && request.header("dd-api-key") == "s3cret-t0ken"
            && logs.as_array().unwrap().len() <= 1_000
            && logs
                .as_array()
                .unwrap()
                .iter()
                .all(|log| log["ddsource"] == "agentfirewall" && log["message"].is_string());
        if good { say(202, "{}") } else { say(400, "{}") }
    });
    let sandbox =
        with(&format!("use: datadog, with: {{url: \"{}\", api_key: {{env: SINK_SECRET}}}}", datadog.url()));
    alerts(&sandbox, 5);
    assert!(deliver(&sandbox).contains("s: 5 delivered"));
    assert_eq!(datadog.posts().len(), 1);

    let kafka = StandIn::new(|number, request| match request.path.as_str() {
        "/topics/agents" => {
            assert_eq!(request.header("content-type"), "application/vnd.kafka.json.v2+json");
            let records = request.json()["records"].as_array().unwrap().len();
            // A leader that is being elected, once.
            let code = if number == 0 { json!(2) } else { Value::Null };
            let offsets: Vec<Value> = (0..records)
                .map(|at| json!({"partition": 0, "offset": at, "error_code": code, "error": null}))
                .collect();
            say(200, json!({"offsets": offsets}).to_string())
        }
        "/v3/clusters/lkc-1/topics/agents/records" => {
            let answers: Vec<String> = objects(request)
                .iter()
                .map(|record| {
                    assert_eq!(record["key"]["type"], "STRING");
                    let code = if record["value"]["data"]["parameters"]["command"] == "echo 2" {
                        40_002
                    } else {
                        200
                    };
                    json!({"error_code": code, "topic_name": "agents"}).to_string()
                })
                .collect();
            say(200, answers.join("\r\n"))
        }
        _ => say(404, "{}"),
    });
    let sandbox = with(&format!("use: kafka-rest, with: {{url: \"{}\", topic: agents}}", kafka.url()));
    alerts(&sandbox, 3);
    assert!(deliver(&sandbox).contains("s: 3 delivered"), "{:?}", kafka.requests());
    let sandbox =
        with(&format!("use: kafka-rest, with: {{url: \"{}\", topic: agents, cluster: lkc-1}}", kafka.url()));
    alerts(&sandbox, 4);
    assert!(deliver(&sandbox).contains("s: 3 delivered, 1 refused"));
}

#[test]
fn limits_outages_and_half_answers_lose_nothing_and_no_secret_is_told() {
    let server = StandIn::new(|number, _| match number {
        0 => Reply::Say(429, vec![("Retry-After", "1".to_owned())], "s3cret-body".to_owned()),
        1 => say(503, "s3cret-body"),
        2 => Reply::Close,
        3 => say(500, ""),
        _ => say(200, ""),
    });
    let sandbox = with(&format!("use: webhook, with: {{url: \"{}s3cret-path\"}}", server.url()));
    alerts(&sandbox, 3);
    let said = deliver(&sandbox);
    assert!(said.contains("s: 3 delivered"), "{said}");
    let ids: Vec<_> = server.posts().iter().map(|request| request.header("webhook-id").to_owned()).collect();
    assert_eq!(super::distinct(ids), hashes(&sandbox));

    let gone = StandIn::new(|number, _| {
        if number == 0 {
            say(410, "")
        } else {
            Reply::Say(302, vec![("Location", "http://127.0.0.1:1/".to_owned())], String::new())
        }
    });
    let sandbox = with(&format!("use: webhook, with: {{url: \"{}s3cret-path\"}}", gone.url()));
    alerts(&sandbox, 2);
    let said = deliver(&sandbox);
    assert!(said.contains("2 refused") && !said.contains("s3cret"), "{said}");
    let letters = dead_letters(&sandbox);
    assert!(
        letters[0]["reason"].as_str().unwrap().contains("410")
            && letters[1]["reason"].as_str().unwrap().contains("redirect")
    );
    // `sinks` shows them, and offers them again when the receiver is there again.
    let status = sandbox.run(["sinks", "status", "--json"]);
    assert_eq!(status.json()["sinks"][0]["dead_letters"], 2);
    assert_eq!(status.code, Some(74));
}
