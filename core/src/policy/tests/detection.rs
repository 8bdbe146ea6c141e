//! Detection rules of policies, from the text to what they find.

use std::fs;
use std::path::Path;

use super::*;
use crate::places::Places;
use crate::secrets::Engine;

const RULE: &str = "secrets:
  rules:
    - id: acme-badge
      summary: badges of Acme
      pattern: '\\bbadge_[0-9a-f]{16}\\b'
      confidence: high
      allow: {words: [dead]}
      examples: ['x badge_(+)0123456789abcdef']
      negatives: ['badge_0123']
    - id: acme-pin
      near: [initech]
      values: ['[0-9]{9}']
      severity: low
";

fn messages(text: &str) -> Vec<(String, u32, String)> {
    let checked = check(text, LayerKind::User, &registry());
    let told = checked.diagnostics.into_iter();
    told.map(|problem| (problem.code.to_owned(), problem.line, problem.message)).collect()
}

fn found(compiled: &Compiled, text: &str) -> Vec<(String, String)> {
    let registry = registry();
    let layers = compiled.layers().unwrap();
    let settings: Vec<_> = layers[0]
        .detectors
        .iter()
        .map(|one| crate::secrets::DetectorSetting { id: one.id, enabled: one.enabled, config: one.config })
        .collect();
    let engine = Engine::with_rules(&registry, &settings, &layers[0].detection).unwrap();
    let findings = engine.scan_text(text).unwrap().findings;
    findings.into_iter().map(|one| (one.detector, text.get(one.span).unwrap().to_owned())).collect()
}

#[test]
fn each_rule_is_a_detector_with_an_id_of_its_own() {
    assert_eq!(messages(RULE), []);
    let compiled = user(RULE);
    let badge = |text: &str| (String::from("acme-badge"), text.to_owned());
    let text = "a badge_00112233aabbccdd, initech_key: 402871936 and badge_deaddeaddeaddead.";
    let pin = (String::from("acme-pin"), String::from("402871936"));
    assert_eq!(found(&compiled, text), [badge("badge_00112233aabbccdd"), pin.clone()]);
    let off = user(&format!("{RULE}detectors: {{acme-badge: {{enabled: false}}}}\n"));
    assert_eq!(found(&off, text), [pin]);
}

#[test]
fn a_rule_of_a_policy_stops_a_call() {
    let registry = registry();
    let root = tempfile::tempdir().unwrap();
    let compiled = user(&format!("default_action: allow\n{RULE}"));
    let interceptor = crate::interceptor::Interceptor::new(&compiled, &registry, root.path()).unwrap();
    let decide = |text: &str| {
        let call = ToolCall::new("Bash", serde_json::json!({"command": format!("echo {text}")}));
        interceptor.check(&call).unwrap().action
    };
    assert_eq!(decide("badge_00112233aabbccdd"), Action::Deny);
    assert_eq!(decide("badge_0011223"), Action::Allow);
}

#[test]
fn mistakes_have_their_line_and_advice() {
    let rule = |rest: &str| format!("secrets:\n  rules:\n    - id: acme-badge\n{rest}");
    let list = |rest: &str| format!("secrets:\n  rules:\n{rest}");
    for (text, code, line, part) in [
        (rule("      patern: x\n"), "AF003", 4, "unknown key `patern`"),
        (rule("      pattern: 'badge_(?=x)'\n"), "AF009", 4, "look-around"),
        (rule("      pattern: badge_1\n      severity: hgih\n"), "AF006", 5, "`hgih`"),
        (rule("      pattern: badge_1\n      entropy: much\n"), "AF004", 5, "a number of bits"),
        (rule("      pattern: badge_1\n      allow: [{word: [x]}]\n"), "AF003", 5, "`word`"),
        (
            rule("      pattern: badge_1\n      examples:\n        - a badge_1\n        - b badge_2\n"),
            "AF018",
            7,
            "finds nothing",
        ),
        (rule("      pattern: badge_1\n      negatives: [a badge_1]\n"), "AF018", 5, "counter-example"),
        (rule("      pattern: '[0-9]{20}'\n"), "AF019", 4, "sees every text"),
        (rule("      near: [acme]\n"), "AF009", 4, "go together"),
        (list("    - pattern: badge_1\n"), "AF005", 3, "no `id`"),
        (list("    - {id: Acme, pattern: badge_1}\n"), "AF009", 3, "no id"),
        (list("    - {id: github-token, pattern: badge_1}\n"), "AF011", 3, "already"),
        (list("    - {id: a, pattern: badge_1}\n    - {id: a, pattern: badge_2}\n"), "AF011", 4, "two"),
        ("secrets:\n  import: [a.toml]\n".to_owned(), "AF009", 2, "in no file"),
    ] {
        let all = messages(&text);
        let first = all.first().unwrap_or_else(|| panic!("no problem: {text}"));
        assert!(first.0 == code && first.1 == line && first.2.contains(part), "{text}\n{all:?}");
    }
    let project = check(RULE, LayerKind::Project, &registry());
    assert_eq!(project.diagnostics.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["AF010"]);
}

#[test]
fn what_a_hook_loads_has_no_example_tried() {
    let text = "secrets:\n  rules:\n    - {id: a, pattern: badge_1, examples: [nothing]}\n";
    assert_eq!(messages(text).len(), 1);
    assert_eq!(found(&user(text), "badge_1").len(), 1);
}

const GITLEAKS: &str = "[[rules]]
id = \"acme-badge\"
regex = '''badge_([0-9a-f]{16})'''
path = '''env'''
[[rules]]
id = \"look\"
regex = '''(?=a)b'''
[[rules]]
id = \"github-token\"
regex = '''ghx_[0-9]{10}'''
";

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

#[test]
fn files_are_imported_watched_and_told_of() {
    let root = tempfile::tempdir().unwrap();
    let places = Places::inside(root.path());
    fs::create_dir_all(&places.config).unwrap();
    let toml = places.config.join("gitleaks.toml");
    write(&toml, GITLEAKS);
    write(&places.config.join("more.yaml"), "- {id: team-tag, pattern: 'tag_[0-9]{8}'}\n");
    write(&places.user_policy(), "secrets: {import: [gitleaks.toml, ./more.yaml]}\n");
    let loaded = || load(&places, &registry()).unwrap();
    let ids = |compiled: &Compiled| -> Vec<String> {
        compiled.layers().unwrap()[0].detection.iter().map(|rule| rule.id.to_owned()).collect()
    };
    assert_eq!(ids(&loaded()), ["acme-badge", "gitleaks-github-token", "team-tag"]);
    assert_eq!(ids(&loaded()), ["acme-badge", "gitleaks-github-token", "team-tag"], "from the cache");
    assert_eq!(loaded().sources().unwrap().len(), 5);
    assert_eq!(found(&loaded(), "badge_0123456789abcdef tag_00000001").len(), 2);
    let source = source(&places.user_policy(), LayerKind::User).unwrap().unwrap();
    let told = check_source(&source, &registry()).diagnostics;
    let told: Vec<&str> = told.iter().map(|problem| problem.message.as_str()).collect();
    assert!(
        told.len() == 2 && told[0].contains("its `path`") && told[1].contains("`look` is left out"),
        "{told:?}"
    );
    // A change of an imported file is a change of the policy.
    write(&toml, "[[rules]]\nid = \"other\"\nregex = '''other_[0-9]+'''\n");
    assert_eq!(ids(&loaded()), ["other", "team-tag"]);
    fs::remove_file(&toml).unwrap();
    let error = load(&places, &registry()).unwrap_err();
    assert!(error.to_string().contains("no such file"), "{error}");
}

#[test]
fn only_what_lies_beside_the_policy_is_imported() {
    let root = tempfile::tempdir().unwrap();
    let places = Places::inside(root.path());
    fs::create_dir_all(&places.config).unwrap();
    write(&root.path().join("out.toml"), GITLEAKS);
    write(&places.config.join("broken.toml"), "[[rules]]\nid = \n");
    write(&places.config.join("broken.yaml"), "rules:\n  - {id: a, patern: b}\n");
    for (written, part) in [
        ("../out.toml", "not in the folder"),
        ("/out.toml", "not in the folder"),
        ("none.toml", "no such file"),
        ("broken.toml", "line 2"),
        ("broken.yaml", "unknown key `patern`"),
    ] {
        write(&places.user_policy(), &format!("secrets: {{import: [{written}]}}\n"));
        let source = source(&places.user_policy(), LayerKind::User).unwrap().unwrap();
        let problems = check_source(&source, &registry()).diagnostics;
        assert!(problems.len() == 1 && problems[0].message.contains(part), "{written}: {problems:?}");
        assert!(load(&places, &registry()).is_err(), "{written}");
    }
}

#[test]
fn a_file_builds_upon_files_beside_it() {
    let root = tempfile::tempdir().unwrap();
    let file = |name: &str, next: &str| {
        let extend = if next.is_empty() { String::new() } else { format!("[extend]\npath = \"{next}\"\n") };
        let rule = format!("[[rules]]\nid = \"{name}\"\nregex = '''{name}_[0-9]+'''\n");
        write(&root.path().join(name), &format!("{extend}{rule}"));
    };
    file("one", "two");
    file("two", "three");
    file("three", "four");
    let read = rules_of_file(&root.path().join("one"), &registry()).unwrap();
    let ids: Vec<&str> = read.rules.iter().map(|own| own.rule.id.as_str()).collect();
    assert_eq!(ids, ["one", "two", "three"]);
    assert!(read.notes.len() == 1 && read.notes[0].contains("`four` is not read"), "{:?}", read.notes);
    assert_eq!(read.settings().len(), 3);
}
