//! The table of odd files, and the properties of an edit.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

const COMMAND: &str = "/opt/bin/agentfirewall";

fn install(before: &str) -> Change {
    install_with(before, COMMAND, &[], None)
}

fn install_with(before: &str, command: &str, deny: &[&str], record: Option<&Record>) -> Change {
    let rules: Vec<_> = deny.iter().map(|rule| (*rule).to_owned()).collect();
    plan_install(Some(before.as_bytes()), &Request { command, deny_rules: &rules }, record).unwrap()
}

fn uninstall(before: &str, record: Option<&Record>) -> Removal {
    plan_uninstall(before.as_bytes(), Some(Path::new(COMMAND)), record).unwrap()
}

fn value(text: &str) -> Json {
    serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap()
}

const GOOD: &str = r#"{"type":"command","command":"x"}"#;

/// Every case was run against the real client (2.1.197 and 2.1.330).
#[test]
fn what_voids_a_file() {
    for (text, place) in [
        ("{\n  // no\n}", "2:3"),
        (r#"{"a": 1,}"#, "1:8"),
        ("{'a': 1}", "1:2"),
        ("{\"a\": 1", "1:1"),
        ("[]", "1:1"),
        (r#"{"model":5}"#, "1:10"),
        (r#"{"env":"x"}"#, "1:8"),
        (r#"{"disableAllHooks":"true"}"#, "1:20"),
        (r#"{"disableAllHooks":null}"#, "1:20"),
        (r#"{"permissions":"x"}"#, "1:16"),
        (r#"{"permissions":{"deny":"Bash"}}"#, "1:24"),
        (r#"{"permissions":{"deny":null}}"#, "1:24"),
        (r#"{"permissions":{"defaultMode":"zz"}}"#, "1:31"),
        (r#"{"permissions":{"additionalDirectories":"x"}}"#, "1:41"),
        (r#"{"statusLine":{"type":"command"}}"#, "1:15"),
        (r#"{"sandbox":"x"}"#, "1:12"),
        (r#"{"PreToolUse":[{"hooks":[]}]}"#, "1:2"),
        (r#"{"foo":{"PreToolUse":[{"hooks":[]}]}}"#, "1:2"),
        (r#"{"hooks":[{"type":"command","event":"PreToolUse","command":"x"}]}"#, "1:10"),
        (r#"{"hooks":{"matcher":"*","hooks":[{}]}}"#, "1:10"),
        (r#"{"hooks":{"PreToolUse":"x"}}"#, "1:24"),
        (r#"{"hooks":{"preToolUse":[{"PreToolUse":[1]}]}}"#, "1:24"),
        (r#"{"hooks":{"PreToolUse":[{"type":"command","command":"x"}]}}"#, "1:25"),
        (r#"{"hooks":{"PreToolUse":[{"matcher":5,"hooks":[]}]}}"#, "1:36"),
        (r#"{"hooks":{"PreToolUse":[{"hooks":[{"type":"command"}]}]}}"#, "1:35"),
        (r#"{"hooks":{"PreToolUse":[{"hooks":[{"type":"shell","command":"x"}]}]}}"#, "1:35"),
        (r#"{"hooks":{"PreToolUse":[{"hooks":[{"type":"http","url":"nope"}]}]}}"#, "1:56"),
        (r#"{"hooks":{"PermissionRequest":[{"hooks":[{"type":"prompt"}]}]}}"#, "1:42"),
    ] {
        let settings = Settings::parse(text.as_bytes());
        let problem = settings.problems().iter().find(|problem| problem.voids_file());
        let problem = problem.unwrap_or_else(|| panic!("{text} passes"));
        assert_eq!(format!("{}:{}", problem.line, problem.column), place, "{text}: {}", problem.message);
        assert!(matches!(
            plan_install(Some(text.as_bytes()), &Request { command: COMMAND, deny_rules: &[] }, None),
            Err(EditError::Rejected(_) | EditError::ForeignList)
        ));
    }
    for field in [
        r#""timeout":0"#,
        r#""timeout":"10""#,
        r#""timeout":null"#,
        r#""onFailure":"deny""#,
        r#""args":"x""#,
        r#""shell":"zsh""#,
        r#""once":"x""#,
        r#""async":1"#,
    ] {
        let text = format!(
            r#"{{"hooks":{{"PreToolUse":[{{"hooks":[{GOOD},{{"type":"command","command":"x",{field}}}]}}]}}}}"#
        );
        assert!(Settings::parse(text.as_bytes()).is_void(), "{field}");
        // The same fault under an event that guards nothing costs only the entry.
        let text = text.replace("PreToolUse", "Stop");
        let settings = Settings::parse(text.as_bytes());
        assert!(!settings.is_void() && settings.problems().len() == 1, "{field}: {:?}", settings.problems());
    }
}

/// Files the client accepts, each run against it.
#[test]
fn what_does_not_void_a_file() {
    for (text, problems) in [
        ("", 0),
        ("  \n", 0),
        ("\u{feff}{}", 0),
        (r#"{"zzz":5,"env":{"A":5}}"#, 0),
        (r#"{"permissions":{"deny":[5,"Bash("]}}"#, 0),
        (r#"{"hooks":{"PreToolUse":[]}}"#, 0),
        (r#"{"hooks":{"PreToolUse":[{"hooks":[{"type":"command","command":"","extra":1}]}]}}"#, 0),
        (r#"{"x":"\ud83d\ude00"}"#, 0),
        (r#"{"mcpServers":{"a":{"PreToolUse":[1]}}}"#, 0),
        (r#"{"hooks":null}"#, 1),
        (r#"{"hooks":[]}"#, 1),
        (r#"{"hooks":{"Stop":"x"}}"#, 1),
        (r#"{"hooks":{"PermissionRequest":null}}"#, 1),
        (r#"{"hooks":{"Nope":[]}}"#, 1),
        (r#"{"a":1,"a":2}"#, 1),
        (r#"{"x":"\ud800"}"#, 1),
    ] {
        let settings = Settings::parse(text.as_bytes());
        assert!(!settings.is_void(), "{text}: {:?}", settings.problems());
        assert_eq!(settings.problems().len(), problems, "{text}: {:?}", settings.problems());
    }
}

#[test]
fn duplicates_and_foreign_bytes_are_not_edited() {
    for text in [&br#"{"hooks":{},"hooks":{}}"#[..], b"{\"x\":\"\xff\"}", br#"{"x":"\ud800"}"#] {
        let request = Request { command: COMMAND, deny_rules: &[] };
        assert!(matches!(plan_install(Some(text), &request, None), Err(EditError::Rejected(_))));
    }
}

#[test]
fn our_hooks_leave_a_file_that_is_void_for_a_reason_of_its_own() {
    let full = install("{}").text;
    let void = full.replacen('{', "{\"model\": 5,", 1);
    assert_eq!(value(&uninstall(&void, None).text.unwrap()), json!({"model": 5}));
    let malformed = plan_uninstall(b"{,}", None, None);
    assert!(matches!(malformed, Err(EditError::Rejected(problems)) if problems.len() == 1));
}

#[test]
fn a_new_file_is_what_the_client_documents() {
    let change =
        plan_install(None, &Request { command: COMMAND, deny_rules: &["Read(./.env)".into()] }, None)
            .unwrap();
    let start = r#"{
  "hooks": {
    "PreToolUse": [
      {
        "matcher": "*",
        "hooks": [
          {
            "type": "command",
            "command": "/opt/bin/agentfirewall",
            "args": ["hook", "pre-tool-use"],
            "timeout": 30,
            "onFailure": "block"
          }
        ]
      }
    ],
"#;
    assert!(change.text.starts_with(start), "{}", change.text);
    assert!(
        change.text.ends_with("  \"permissions\": {\n    \"deny\": [\"Read(./.env)\"]\n  }\n}\n"),
        "{}",
        change.text
    );
    assert!(change.record.created_file);
    assert_eq!(uninstall(&change.text, Some(&change.record)).text, None);
}

#[test]
fn what_was_there_keeps_its_bytes() {
    let before =
        "{\r\n\t\"model\":   \"opus\",\r\n\t\"hooks\": {\r\n\t\t\"Stop\": [ { \"hooks\": [] } ]\r\n\t}\r\n}";
    let after = install(before).text;
    let (head, tail) = before.split_once(" ]\r\n\t}").unwrap();
    assert!(after.starts_with(&format!("{head} ],\r\n\t\t\"PreToolUse\": [\r\n\t\t\t{{")), "{after}");
    assert!(after.ends_with(tail) && !after.replace("\r\n", "").contains('\n'));
    let one_line = install(r#"{"model":"opus"}"#).text;
    assert!(one_line.starts_with(r#"{"model":"opus", "hooks": {"#) && !one_line.contains('\n'), "{one_line}");
}

#[test]
fn the_python_programs_hooks_go_in_both_forms() {
    let command = "python3 -c 'from agentfirewall.hooks import pretool_hook; pretool_hook()'";
    let old = json!({"type": "command", "event": "PreToolUse", "command": command});
    let list = json!({"model": "opus", "hooks": [old, old]}).to_string();
    let change = install(&list);
    assert_eq!(change.python_hooks, 2);
    assert!(!change.text.contains("python3"));
    let back = uninstall(&change.text, Some(&change.record)).text.unwrap();
    assert_eq!(value(&back), json!({"model": "opus"}));
    assert_eq!(value(&uninstall(&list, None).text.unwrap()), json!({"model": "opus"}));

    let keep = json!({"type": "command", "command": "lint"});
    let object = json!({"hooks": {"Stop": [{"hooks": [old]}], "PreToolUse": [{"matcher": "*", "hooks": [old, keep]}]}});
    let change = install(&object.to_string());
    assert_eq!(change.python_hooks, 2);
    let after = value(&change.text);
    assert_eq!(after["hooks"]["PreToolUse"][0]["hooks"], json!([keep]));
    assert_eq!(after["hooks"].get("Stop"), None);

    let foreign = json!({"hooks": [old, keep]}).to_string();
    let request = Request { command: COMMAND, deny_rules: &[] };
    assert_eq!(plan_install(Some(foreign.as_bytes()), &request, None), Err(EditError::ForeignList));
}

#[test]
fn a_weak_or_moved_hook_is_written_anew_in_its_place() {
    let full = install("{}").text;
    for (from, to) in [
        ("\"timeout\": 30,", ""),
        ("\"*\"", "\"Bash\""),
        ("/opt/bin/", "/old/bin/"),
        ("\"onFailure\": \"block\"", "\"onFailure\": \"continue\""),
    ] {
        let change = install(&full.replace(from, to));
        assert!(change.changed);
        assert_eq!(change.text, full, "{from}");
        assert_eq!(value(&uninstall(&change.text, Some(&change.record)).text.unwrap()), json!({}));
    }
    // A longer time-out is the user's choice.
    assert!(!install(&full.replace("30", "60")).changed);
}

#[test]
fn a_hook_beside_foreign_ones_is_taken_out_alone() {
    let ours = value(&install("{}").text)["hooks"]["PreToolUse"][0]["hooks"][0].clone();
    let lint = json!({"type": "command", "command": "lint"});
    let text =
        json!({"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [lint, ours, lint]}]}}).to_string();
    let after = value(&install(&text).text);
    assert_eq!(after["hooks"]["PreToolUse"][0], json!({"matcher": "Bash", "hooks": [lint, lint]}));
    assert_eq!(after["hooks"]["PreToolUse"][1]["hooks"], json!([ours]));
    let back = uninstall(&text, None);
    assert_eq!(
        (back.handlers, value(&back.text.unwrap())),
        (1, json!({"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [lint, lint]}]}}))
    );
}

#[test]
fn permission_rules_come_and_go_exactly() {
    let before = r#"{"permissions": {"deny": ["Bash(rm *)", "Read(./.env)"]}}"#;
    let change = install_with(before, COMMAND, &["Read(./.env)", "Read(./**/.env)"], None);
    assert_eq!(change.record.deny_rules, ["Read(./**/.env)"]);
    // The user edits the file, so the way back is closed; still only our rule goes.
    let edited = change.text.replacen('{', "{\"model\": \"opus\", ", 1);
    let removal = uninstall(&edited, Some(&change.record));
    assert_eq!(removal.deny_rules, ["Read(./**/.env)"]);
    assert_eq!(
        value(&removal.text.unwrap()),
        json!({"model": "opus", "permissions": {"deny": ["Bash(rm *)", "Read(./.env)"]}})
    );
    // A second installation adds a rule; the first one's is still known.
    let again = install_with(&edited, COMMAND, &["Read(./**/.env)", "Read(./x)"], Some(&change.record));
    assert_eq!(again.record.deny_rules, ["Read(./**/.env)", "Read(./x)"]);
    let again = install_with(&change.text, COMMAND, &["Read(./x)"], Some(&change.record));
    assert_eq!(uninstall(&again.text, Some(&again.record)).text.as_deref(), Some(before));
}

/// JSON in many dresses: random white space, escapes, nesting, with the keys that matter to us.
fn json_text() -> impl Strategy<Value = String> {
    let space = prop_oneof![Just(""), Just(" "), Just("\n  "), Just("\r\n\t"), Just("\n\n    ")];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?[1-9][0-9]{0,3}(\\.[0-9]{1,2})?(e[0-9])?",
        "\"[a-zA-Z \\u{e9}\\u{1f600}]{0,6}\"",
        Just("\"\\u00e9\\n\\\"\"".to_owned()),
    ];
    let value = leaf.prop_recursive(3, 24, 4, move |inner| {
        let gap = prop_oneof![Just(""), Just(" "), Just("\n  ")];
        prop_oneof![
            (gap.clone(), prop::collection::vec(inner.clone(), 0..4))
                .prop_map(|(gap, items)| format!("[{gap}{}{gap}]", items.join(&format!(",{gap}")))),
            (gap, prop::collection::btree_map("[a-z]{1,4}", inner, 0..4)).prop_map(|(gap, fields)| {
                let fields: Vec<_> =
                    fields.iter().map(|(name, value)| format!("\"{name}\":{gap}{value}")).collect();
                format!("{{{gap}{}{gap}}}", fields.join(&format!(",{gap}")))
            }),
        ]
    });
    let handler = prop_oneof![Just(GOOD), Just(r#"{ "type": "command", "command": "lint", "timeout": 5 }"#)];
    let group = (space.clone(), prop::collection::vec(handler, 0..3)).prop_map(|(gap, handlers)| {
        format!(
            "{{{gap}\"matcher\": \"Bash\", \"hooks\":{gap}[{gap}{}{gap}]}}",
            handlers.join(&format!(", {gap}"))
        )
    });
    let groups = (space.clone(), prop::collection::vec(group, 0..3))
        .prop_map(|(gap, groups)| format!("[{gap}{}{gap}]", groups.join(&format!(",{gap}"))));
    let event = prop::sample::select(vec!["PreToolUse", "PostToolUse", "ConfigChange", "Stop", "SessionEnd"]);
    let hooks =
        (space.clone(), prop::collection::btree_map(event, groups, 0..4)).prop_map(|(gap, events)| {
            let events: Vec<_> =
                events.iter().map(|(name, groups)| format!("\"{name}\":{gap}{groups}")).collect();
            format!("{{{gap}{}{gap}}}", events.join(&format!(",{gap}")))
        });
    let hooks = prop_oneof![6 => hooks, 1 => Just("null".to_owned()), 1 => Just("[ ]".to_owned())];
    let permissions = prop_oneof![
        Just("{}".to_owned()),
        Just("{ \"allow\": [] }".to_owned()),
        Just("{\"deny\": [ ]}".to_owned()),
        Just("{\n \"deny\": [\n  \"Bash(rm *)\"\n ]\n}".to_owned()),
    ];
    let fields = prop::collection::btree_map("z[a-z]{1,4}", value, 0..4);
    (
        any::<bool>(),
        space.clone(),
        space,
        fields,
        prop::option::of(hooks),
        prop::option::of(permissions),
        any::<bool>(),
    )
        .prop_map(|(bom, gap, tail, fields, hooks, permissions, hooks_last)| {
            let mut parts: Vec<_> =
                fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
            parts.extend(permissions.map(|value| format!("\"permissions\":{gap}{value}")));
            if let Some(hooks) = hooks {
                let at = if hooks_last { parts.len() } else { 0 };
                parts.insert(at, format!("\"hooks\" : {hooks}"));
            }
            let bom = if bom { "\u{feff}" } else { "" };
            format!("{bom}{{{gap}{}{gap}}}{tail}", parts.join(&format!(",{gap}")))
        })
}

/// The value without our entries, without empty containers: what an installation must not change.
fn essence(text: &str) -> Json {
    let mut root = value(text);
    let fields = root.as_object_mut().unwrap();
    if let Some(hooks) = fields.get_mut("hooks").and_then(Json::as_object_mut) {
        for groups in hooks.values_mut().filter_map(Json::as_array_mut) {
            groups.retain(|group| !group.to_string().contains(COMMAND));
        }
        hooks.retain(|_, groups| groups != &json!([]));
    }
    if let Some(permissions) = fields.get_mut("permissions").and_then(Json::as_object_mut) {
        if let Some(deny) = permissions.get_mut("deny").and_then(Json::as_array_mut) {
            deny.retain(|rule| !rule.to_string().contains("mirrored"));
        }
        permissions.retain(|_, value| value != &json!([]));
    }
    fields.retain(|_, value| value != &json!({}) && value != &json!([]) && !value.is_null());
    root
}

proptest! {
    #[test]
    fn an_installation_can_be_taken_back_to_the_byte(before in json_text(), deny in any::<bool>()) {
        let deny: &[&str] = if deny { &["Read(./mirrored)", "Read(./**/mirrored)"] } else { &[] };
        let change = install_with(&before, COMMAND, deny, None);
        let settings = Settings::parse(change.text.as_bytes());
        prop_assert!(Wiring::of(&settings, None).is_full() && !settings.is_void());
        prop_assert_eq!(essence(&change.text), essence(&before));

        let again = install_with(&change.text, COMMAND, deny, Some(&change.record));
        prop_assert!(!again.changed && again.text == change.text && again.record == change.record);
        let again = install_with(&change.text, COMMAND, deny, None);
        prop_assert!(!again.changed && again.text == change.text);

        let removal = uninstall(&change.text, Some(&change.record));
        prop_assert_eq!(removal.text.as_deref(), Some(before.as_str()));
        let moved = install_with(&change.text, "/new/agentfirewall", deny, Some(&change.record));
        let removal = uninstall(&moved.text, Some(&moved.record));
        prop_assert_eq!(removal.text.as_deref(), Some(before.as_str()));
    }

    #[test]
    fn an_uninstallation_without_the_way_back_leaves_everything_else(before in json_text()) {
        let change = install_with(&before, COMMAND, &["Read(./mirrored)"], None);
        let edited = format!("{}\n", change.text);
        for record in [Some(&change.record), None] {
            let text = uninstall(&edited, record).text.unwrap();
            prop_assert!(!text.contains(COMMAND));
            prop_assert_eq!(essence(&text), essence(&before));
            prop_assert!(!uninstall(&text, None).changed);
        }
    }

    #[test]
    fn parsing_never_fails(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "[\\[\\]{}\",:a1 ]{0,40}") {
        let _ = Settings::parse(&bytes).problems().len();
        let _ = Settings::parse(text.as_bytes()).problems().len();
    }
}
