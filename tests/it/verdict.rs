//! Properties of the verdict that hold for every policy and every call.

use std::path::Path;

use agentfirewall_core::interceptor::Interceptor;
use agentfirewall_core::places::Places;
use agentfirewall_core::policy::{self, LayerKind};
use agentfirewall_core::registry::Registry;
use agentfirewall_sdk::{Action, Decision, ToolCall};
use proptest::prelude::*;
use serde_json::{Value, json};

fn registry() -> Registry {
    agentfirewall_plugins::link();
    Registry::from_linked().unwrap()
}

/// A policy as YAML; JSON is YAML too.
fn text(default: Action, rules: &[Value]) -> String {
    json!({"version": "1.0", "name": "generated", "default_action": default.as_str(), "rules": rules})
        .to_string()
}

fn decide(policy: &str, call: &ToolCall) -> Decision {
    let registry = registry();
    let compiled = policy::compile_text(policy, LayerKind::Project, &registry)
        .unwrap_or_else(|error| panic!("{error}: {policy}"));
    Interceptor::new(&compiled, &registry, Path::new("/home/dev")).unwrap().check(call).unwrap()
}

fn action(policy: &str, call: &ToolCall) -> Action {
    decide(policy, call).action
}

fn call(tool: &str, input: Value) -> ToolCall {
    let mut call = ToolCall::new(tool, input);
    call.project = "/home/dev/project".into();
    call.cwd = call.project.clone();
    call
}

fn bash(command: &str) -> ToolCall {
    call("Bash", json!({"command": command}))
}

fn actions() -> impl Strategy<Value = Action> {
    proptest::sample::select(Action::ALL.to_vec())
}

/// Words that make rules and calls meet often.
const TOOLS: [&str; 8] = ["Bash", "Read", "Write", "mcp__demo__send", "mcp__*", "*", "B*", "Web[FS]*"];
const PATTERNS: [&str; 14] = [
    "rm *",
    "rm -rf *",
    "git *",
    "git status",
    "*",
    "sudo *",
    "*.env",
    "src/*",
    "*secret*",
    "ls",
    "curl *| sh",
    "echo ?",
    "/etc/*",
    "*example.org*",
];
const COMMANDS: [&str; 14] = [
    "git status",
    "rm -rf x",
    "rm x",
    "sudo ls",
    "ls",
    "echo a",
    "cat .env",
    "cat src/main.rs",
    "curl http://example.org",
    "touch secret.txt",
    "git push",
    "sudo rm -rf /etc/x",
    "grep -r rm .",
    "true",
];
const SEPARATORS: [&str; 7] = ["; ", " && ", " || ", " | ", " & ", "\n", ";"];

fn rules() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(rule(), 0..7)
}

fn rule() -> impl Strategy<Value = Value> {
    let some = |words: &'static [&'static str]| proptest::sample::subsequence(words.to_vec(), 1..4);
    (some(&TOOLS), proptest::option::of(some(&PATTERNS)), actions(), any::<u32>()).prop_map(
        |(tools, resources, action, number)| {
            let mut rule = json!({
                "name": format!("rule-{number}"), "tools": tools, "action": action.as_str(), "reason": "generated",
            });
            if let Some(resources) = resources {
                rule["resources"] = json!(resources);
            }
            rule
        },
    )
}

/// Names must be unique in a policy.
fn numbered(rules: &[Value]) -> Vec<Value> {
    let mut rules = rules.to_vec();
    for (index, rule) in rules.iter_mut().enumerate() {
        rule["name"] = json!(format!("rule-{index}"));
    }
    rules
}

fn command() -> impl Strategy<Value = String> {
    let one = || proptest::sample::select(COMMANDS.to_vec());
    let more = (proptest::sample::select(SEPARATORS.to_vec()), one());
    (one(), proptest::collection::vec(more, 0..3)).prop_map(|(first, more)| {
        more.into_iter().fold(first.to_owned(), |script, (separator, next)| script + separator + next)
    })
}

fn calls() -> impl Strategy<Value = ToolCall> {
    let path = proptest::sample::select(vec!["src/a.rs", ".env", "secret.txt", "/etc/passwd", "a/../.env"]);
    prop_oneof![
        3 => command().prop_map(|command| bash(&command)),
        1 => path.clone().prop_map(|path| call("Read", json!({"file_path": format!("/home/dev/project/{path}")}))),
        1 => path.prop_map(|path| call("Write", json!({"file_path": path, "content": "x"}))),
        1 => Just(call("mcp__demo__send", json!({"to": "a@example.org", "body": "rm -rf x"}))),
        1 => Just(call("WebFetch", json!({"url": "https://example.org/x", "prompt": "what"}))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_deny_in_front_never_loosens(rules in rules(), mut extra in rule(), default in actions(), call in calls()) {
        extra["action"] = json!("deny");
        let before = action(&text(default, &numbered(&rules)), &call);
        let mut more = vec![extra];
        more.extend(rules);
        let after = action(&text(default, &numbered(&more)), &call);
        prop_assert!(after >= before, "{before} became {after}");
    }

    #[test]
    fn a_deny_anywhere_never_loosens(
        rules in rules(), mut extra in rule(), at in any::<proptest::sample::Index>(), default in actions(), call in calls(),
    ) {
        extra["action"] = json!("deny");
        let before = action(&text(default, &numbered(&rules)), &call);
        let mut more = rules;
        more.insert(at.index(more.len() + 1), extra);
        prop_assert!(action(&text(default, &numbered(&more)), &call) >= before);
    }

    #[test]
    fn a_stricter_action_in_the_same_place_never_loosens(
        rules in rules(), at in any::<proptest::sample::Index>(), stricter in actions(), default in actions(), call in calls(),
    ) {
        prop_assume!(!rules.is_empty());
        let rules = numbered(&rules);
        let at = at.index(rules.len());
        let was: Action = rules[at]["action"].as_str().unwrap().parse().unwrap();
        prop_assume!(stricter >= was);
        let mut tightened = rules.clone();
        tightened[at]["action"] = json!(stricter.as_str());
        prop_assert!(action(&text(default, &tightened), &call) >= action(&text(default, &rules), &call));
    }

    #[test]
    fn a_script_is_never_judged_milder_than_its_worst_command(
        rules in rules(), default in actions(),
        first in proptest::sample::select(COMMANDS.to_vec()), second in proptest::sample::select(COMMANDS.to_vec()),
        separator in proptest::sample::select(SEPARATORS.to_vec()),
    ) {
        let policy = text(default, &numbered(&rules));
        let worst = action(&policy, &bash(first)).max(action(&policy, &bash(second)));
        let script = format!("{first}{separator}{second}");
        let whole = action(&policy, &bash(&script));
        prop_assert!(whole >= worst, "{script:?} is {whole}, its worst command {worst}");
    }

    #[test]
    fn the_order_of_commands_does_not_matter_to_patterns_of_one_command(
        rules in rules(), default in actions(),
        first in proptest::sample::select(COMMANDS.to_vec()), second in proptest::sample::select(COMMANDS.to_vec()),
        separator in proptest::sample::select(vec!["; ", " && ", "\n"]),
    ) {
        // A pattern with a wildcard can match the text of the whole script, where order counts (`curl * | sh`).
        let mut rules = numbered(&rules);
        for rule in &mut rules {
            rule["resources"] = match rule.get("resources") {
                Some(_) => json!(["rm -rf x", "git status", "sudo ls"]),
                None => continue,
            };
        }
        let policy = text(default, &rules);
        let [one, other] = [[first, second], [second, first]].map(|order| action(&policy, &bash(&order.join(separator))));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn the_order_inside_a_list_of_patterns_does_not_matter(rules in rules(), default in actions(), call in calls()) {
        let rules = numbered(&rules);
        let mut turned = rules.clone();
        for rule in &mut turned {
            for key in ["tools", "resources"] {
                if let Some(list) = rule.get_mut(key).and_then(Value::as_array_mut) {
                    list.reverse();
                }
            }
        }
        prop_assert_eq!(decide(&text(default, &rules), &call), decide(&text(default, &turned), &call));
    }

    #[test]
    fn a_rule_for_other_tools_changes_nothing(
        rules in rules(), at in any::<proptest::sample::Index>(), mut extra in rule(), default in actions(), call in calls(),
    ) {
        extra["tools"] = json!(["NoSuchTool", "mcp__other__*"]);
        let before = action(&text(default, &numbered(&rules)), &call);
        let mut more = rules;
        more.insert(at.index(more.len() + 1), extra);
        prop_assert_eq!(action(&text(default, &numbered(&more)), &call), before);
    }

    #[test]
    fn two_neighbours_with_the_same_action_can_change_places(rules in rules(), default in actions(), call in calls()) {
        let rules = numbered(&rules);
        for index in 1..rules.len() {
            if rules[index]["action"] == rules[index - 1]["action"] {
                let mut swapped = rules.clone();
                swapped.swap(index, index - 1);
                prop_assert_eq!(action(&text(default, &rules), &call), action(&text(default, &swapped), &call));
            }
        }
    }
}

/// The places of a machine of its own, with the given policies.
fn places(root: &Path, layers: &[(LayerKind, String)]) -> Places {
    let places = Places::inside(root);
    for (kind, text) in layers {
        let file = match kind {
            LayerKind::Managed => places.managed_policy(),
            LayerKind::User => places.user_policy(),
            _ => places.project_policy(),
        };
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    places
}

fn decide_layers(layers: &[(LayerKind, String)], call: &ToolCall) -> Action {
    let root = tempfile::tempdir().unwrap();
    let registry = registry();
    let compiled = policy::load(&places(root.path(), layers), &registry).unwrap();
    Interceptor::new(&compiled, &registry, &root.path().join("home")).unwrap().check(call).unwrap().action
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn layers_only_tighten_and_the_strictest_answers(
        managed in rules(), user in rules(), project in rules(), defaults in [actions(), actions(), actions()],
        call in calls(),
    ) {
        let [managed, user, project] = [(managed, defaults[0]), (user, defaults[1]), (project, defaults[2])]
            .map(|(rules, default)| text(default, &numbered(&rules)));
        let layers = [(LayerKind::Managed, managed), (LayerKind::User, user), (LayerKind::Project, project)];
        // The floor that a project's policy has where it is the only one can tighten, too.
        let on_floor = decide_layers(&layers[2..], &call);
        let alone: Vec<Action> = layers.iter().map(|(_, text)| action(text, &call)).collect();
        prop_assert!(on_floor >= alone[2]);
        let two = decide_layers(&layers[..2], &call);
        let all = decide_layers(&layers, &call);
        prop_assert!(all >= two && two >= alone[0]);
        prop_assert_eq!(all, alone.into_iter().max().unwrap());
    }
}

#[test]
fn first_match_wins_where_a_call_has_one_part() {
    let rules = [
        json!({"name": "git", "tools": ["Bash"], "resources": ["git *"], "action": "allow", "reason": "fine"}),
        json!({"name": "no-git", "tools": ["Bash"], "resources": ["git *", "rm *"], "action": "deny", "reason": "no"}),
    ];
    let policy = text(Action::Log, &rules);
    assert_eq!(decide(&policy, &bash("git status")).rule.name, "git");
    assert_eq!(action(&policy, &bash("git status")), Action::Allow);
    assert_eq!(action(&policy, &bash("rm x")), Action::Deny);
    assert_eq!(action(&policy, &bash("git status; rm x")), Action::Deny);
    assert_eq!(action(&policy, &bash("ls")), Action::Log);
}

#[test]
fn an_allow_of_a_path_does_not_cover_another_spelling_of_a_path_outside() {
    let rules = [
        json!({"name": "src", "tools": ["Read"], "resources": ["src/*"], "action": "allow", "reason": "fine"}),
        json!({"name": "rest", "tools": ["Read"], "action": "deny", "reason": "no"}),
    ];
    let policy = text(Action::Log, &rules);
    let read = |path: &str| action(&policy, &call("Read", json!({"file_path": path})));
    assert_eq!(read("/home/dev/project/src/main.rs"), Action::Allow);
    assert_eq!(read("/home/dev/project/src/../.env"), Action::Deny);
    assert_eq!(read("/home/dev/project/src/../../../../etc/passwd"), Action::Deny);
}

#[test]
fn a_rule_that_hits_only_the_name_of_a_link_does_not_hide_the_file_behind_it() {
    let root = tempfile::tempdir().unwrap();
    let project = root.path().canonicalize().unwrap();
    for folder in ["notes", "vault"] {
        std::fs::create_dir(project.join(folder)).unwrap();
    }
    std::fs::write(project.join("vault/key"), "x").unwrap();
    std::os::unix::fs::symlink("../vault/key", project.join("notes/link")).unwrap();
    std::fs::write(project.join("notes/plain"), "x").unwrap();
    for milder in Action::ALL {
        let rules = [
            json!({"name": "notes", "tools": ["Read"], "resources": ["notes/*"], "action": milder.as_str(), "reason": "n"}),
            json!({"name": "vault", "tools": ["*"], "resources": ["vault/*"], "action": "deny", "reason": "v"}),
        ];
        let policy = text(Action::Log, &rules);
        let read = |path: &str| {
            let mut call = call("Read", json!({"file_path": project.join(path)}));
            call.project = project.clone();
            call.cwd = project.clone();
            action(&policy, &call)
        };
        assert_eq!(read("notes/link"), Action::Deny, "{milder} in front");
        assert_eq!(read("notes/plain"), milder);
    }
}
