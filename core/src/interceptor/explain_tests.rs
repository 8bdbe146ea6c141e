use std::fs;

use serde_json::json;

use super::*;
use crate::places::Places;
use crate::policy;
use crate::protection::Protection;
use crate::registry::Registry;

const POLICY: &str = r#"version: "1.0"
name: mine
default_action: log
rules:
  - name: permit-git
    tools: [Bash]
    resources: ["git *"]
    action: allow
  - name: watched
    tools: [Bash]
    resources: ["curl *"]
    action: deny
    mode: monitor
  - name: no-sudo
    tools: [Bash]
    resources: ["sudo *"]
    action: deny
  - name: pem
    tools: [Bash]
    match: {glob: ["*.pem"]}
    action: ask
  - name: no-writing
    tools: [Write]
    resources: ["*"]
    action: deny
"#;

fn with<T>(policy: &str, ask: impl FnOnce(&Interceptor<'_>) -> T) -> T {
    agentfirewall_plugins::link();
    let root = tempfile::tempdir().unwrap();
    let places = Places::inside(root.path());
    fs::create_dir_all(places.user_policy().parent().unwrap()).unwrap();
    fs::write(places.user_policy(), policy).unwrap();
    let registry = Registry::from_linked().unwrap();
    let compiled = policy::load(&places, &registry).unwrap();
    let interceptor = Interceptor::new(&compiled, &registry, &places.home).unwrap();
    ask(&interceptor.protecting(Protection::new(&places, None, &[])))
}

fn bash(command: &str) -> ToolCall {
    ToolCall::new("Bash", json!({"command": command}))
}

fn explained(command: &str) -> Explanation {
    with(POLICY, |interceptor| interceptor.explain(&bash(command)).unwrap())
}

fn part<'e>(explanation: &'e Explanation, text: &str) -> &'e PartExplained {
    let parts = &explanation.layers[0].parts;
    parts.iter().find(|part| part.text == text).unwrap_or_else(|| panic!("no `{text}` in {parts:#?}"))
}

fn answers(part: &PartExplained) -> Vec<(&str, Answer)> {
    part.asked.iter().map(|asked| (asked.rule.name.as_str(), asked.result)).collect()
}

#[test]
fn the_decision_is_that_of_a_check() {
    with(POLICY, |interceptor| {
        for command in
            ["git status", "sudo ls", "curl https://x.example", "ls a.pem; sudo ls", "eval \"$X\"", ""]
        {
            let call = bash(command);
            let checked = interceptor.check(&call).unwrap();
            let explanation = interceptor.explain(&call).unwrap();
            assert_eq!(explanation.decision, checked, "{command}");
            let deciding: Vec<_> = explanation.verdicts.iter().filter(|verdict| verdict.decides).collect();
            assert_eq!(deciding.len(), 1, "{command}");
            assert_eq!(deciding[0].rule, checked.rule, "{command}");
        }
    });
}

#[test]
fn a_part_names_its_rule_and_those_that_did_not_match() {
    let explanation = explained("git status; sudo ls");
    let sudo = part(&explanation, "sudo ls");
    assert!(sudo.decides);
    let rule = sudo.rule.as_ref().unwrap();
    assert_eq!((rule.name.as_str(), rule.line, rule.action), ("no-sudo", 14, Action::Deny));
    assert_eq!(sudo.action, Some(Action::Deny));
    assert!(answers(sudo).contains(&("permit-git", Answer::Resources)), "{sudo:#?}");
    assert!(answers(sudo).contains(&("no-sudo", Answer::Matches)), "{sudo:#?}");
    let layer = &explanation.layers[0];
    assert_eq!((layer.layer.as_str(), layer.policy.as_str(), layer.rules), ("user", "mine", 5));
    assert!(layer.file.ends_with("policy.yaml"), "{}", layer.file);
    assert_eq!(layer.default_action, Action::Log);
    assert_eq!(layer.parts.iter().filter(|part| part.decides).count(), 1);
}

#[test]
fn a_part_that_no_rule_is_about_says_so() {
    let explanation = explained("ls x.pem y");
    let ls = part(&explanation, "ls x.pem y");
    assert_eq!((ls.rule.as_ref(), ls.action), (None, Some(Action::Log)));
    assert!(answers(ls).iter().all(|(_, answer)| *answer != Answer::Matches));
    assert!(answers(ls).contains(&("pem", Answer::Match)), "{ls:#?}");
}

#[test]
fn a_monitored_rule_is_named_and_decides_nothing() {
    let explanation = explained("curl https://x.example");
    let curl = part(&explanation, "curl https://x.example");
    assert!(answers(curl).contains(&("watched", Answer::Monitored)), "{curl:#?}");
    assert_eq!(explanation.decision.action, Action::Log);
    assert_eq!(explanation.verdicts[0].would, Some(Action::Deny));
}

#[test]
fn what_is_not_understood_is_not_permitted_by_a_pattern() {
    let explanation = explained("git status; eval \"$X\"");
    let asked: Vec<_> = explanation.layers[0].parts.iter().flat_map(|part| answers(part)).collect();
    assert!(asked.contains(&("permit-git", Answer::NotUnderstood)), "{asked:?}");
}

#[test]
fn commands_paths_hosts_and_effects_are_told() {
    let explanation = explained("git push -f; cat ../x.pem > out; curl https://x.example:8443/$Y");
    let seen = &explanation.understood;
    let push = &seen.commands[0];
    assert_eq!((push.program.as_str(), push.subcommand.as_slice()), ("git", &["push".to_owned()][..]));
    assert!(push.options.iter().any(|option| option.name == "--force"), "{push:?}");
    assert!(push.known && push.clear && !push.elsewhere);
    assert!(seen.commands.iter().any(|command| !command.known), "{seen:#?}");
    assert!(seen.paths.iter().any(|path| path.written == "out" && path.access == "write"), "{seen:#?}");
    assert!(seen.hosts.iter().any(|host| host.host == "x.example" && host.port == Some(8443)), "{seen:#?}");
    let effect = seen.effects.iter().find(|effect| effect.id == "git.force-push").unwrap();
    assert_eq!(effect.by, By::Command(0));
    let text = serde_json::to_string(&explanation).unwrap();
    assert!(!text.contains([UNKNOWN, HOLE]), "{text}");
}

#[test]
fn no_secret_of_the_call_is_left() {
    let secret = format!("ghp_{}", "16C7e42F292c6912E7710c838347Ae178B4a");
    let command = format!(
        "sudo curl -H 'Authorization: Bearer {secret}' --user bot:{secret} https://x.example/{secret} > {secret}; \
         echo {} {secret}",
        "x".repeat(110)
    );
    with(POLICY, |interceptor| {
        let call = bash(&command);
        let explanation = interceptor.explain(&call).unwrap();
        assert!(serde_json::to_string(&explanation).unwrap().contains(&secret));
        let masked = explanation.clone().masked(&call, interceptor, &Salt::random()).unwrap();
        let text = serde_json::to_string(&masked).unwrap();
        // Not even the beginning of it, which is all that is left of it where a text was cut.
        assert!(!text.contains(secret.get(..12).unwrap()), "{text}");
        assert!(text.contains("[secret:"), "{text}");
        assert_eq!(masked.decision.findings, explanation.decision.findings);
        assert_eq!(masked.decision.action, explanation.decision.action);
    });
}

#[test]
fn protection_is_a_verdict_of_its_own() {
    with(POLICY, |interceptor| {
        let call =
            ToolCall::new("Edit", json!({"file_path": interceptor.home.join(".claude/settings.json")}));
        let explanation = interceptor.explain(&call).unwrap();
        let last = explanation.verdicts.last().unwrap();
        assert_eq!(
            (last.rule.name.as_str(), last.action, last.decides),
            ("self-protection", Action::Deny, true)
        );
        assert!(explanation.layers[0].other_tools.iter().all(|rule| rule.name != "no-sudo"));
    });
}

#[test]
fn a_rule_for_other_tools_is_named() {
    let explanation = explained("ls");
    assert!(
        explanation.layers[0].other_tools.iter().all(|rule| rule.name == "no-writing"),
        "{:?}",
        explanation.layers[0].other_tools
    );
    assert!(
        !explanation.layers[0]
            .parts
            .iter()
            .any(|part| answers(part).iter().any(|(name, _)| *name == "no-writing"))
    );
}
