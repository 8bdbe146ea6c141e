//! What holds for the whole way from a text to the compiled rules.

use std::fmt::Write;

use agentfirewall_sdk::{
    Access, Action, Detector, Event, NoConfig, PartKind, Plugin, PluginError, Scan, Sink, SinkError, Subject,
    ToolCall, register,
};
use proptest::prelude::*;

use super::*;
use crate::registry::Registry;

mod cached;
mod detection;
mod plugins;
mod texts;

struct Probe;

impl Plugin for Probe {
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, PluginError> {
        Ok(Self)
    }
}

impl Detector for Probe {
    fn detect(&self, _scan: &mut Scan<'_>) -> Result<(), PluginError> {
        Ok(())
    }
}

impl Sink for Probe {
    fn deliver(&self, _event: &Event) -> Result<(), SinkError> {
        Ok(())
    }
}

register! {
    detector Probe {
        id: "probe-detector", summary: "finds nothing", why: "tests", examples: [], negatives: ["x"],
        keywords: ["probe"], since: "0.2.0",
    }
}

register! {
    sink Probe {
        id: "probe-sink", summary: "tells nobody", why: "tests", examples: ["{}"], negatives: [],
        keywords: [], since: "0.2.0",
    }
}

fn registry() -> Registry {
    agentfirewall_plugins::link();
    Registry::from_linked().unwrap()
}

fn user(text: &str) -> Compiled {
    compile_text(text, LayerKind::User, &registry()).unwrap()
}

fn matches(plugin: &crate::registry::Entry, config: Patterns<'_>, texts: &[&str]) -> bool {
    let Patterns::Of(json) = config else { return true };
    let matcher = plugin.matcher(json).unwrap();
    let call = ToolCall::new("Bash", serde_json::json!({}));
    texts
        .iter()
        .any(|text| matcher.matches(&Subject::new(&call, PartKind::Command, text, Access::Unknown)).unwrap())
}

/// The rules that match when every rule is asked.
fn naive(layer: &Layer<'_>, names: &[&str], texts: &[&str]) -> Vec<u32> {
    let registry = registry();
    let plugin = registry.patterns().unwrap();
    (0..layer.rule_count())
        .filter(|id| {
            let rule = layer.rule(*id).unwrap();
            matches(plugin, rule.tools, names) && matches(plugin, rule.resources, texts)
        })
        .collect()
}

fn patterns() -> impl Strategy<Value = Option<Vec<String>>> {
    let element = prop_oneof![
        4 => "[abü ]{1,5}",
        1 => "[ab]{8,12}",
        2 => Just("*".to_owned()),
        1 => Just("?".to_owned()),
        1 => Just("[a-b]".to_owned()),
        1 => Just("[".to_owned()),
    ];
    let pattern = proptest::collection::vec(element, 0..4).prop_map(|parts| parts.concat());
    proptest::option::weighted(0.8, proptest::collection::vec(pattern, 1..4))
}

proptest! {
    #[test]
    fn candidates_never_miss_a_rule_that_matches(
        rules in proptest::collection::vec((patterns(), patterns()), 1..30),
        names in proptest::collection::vec("[abü\\[]{0,6}", 1..3),
        texts in proptest::collection::vec("[abü \\[]{0,24}", 0..4),
    ) {
        let mut yaml = String::from("rules:\n");
        for (at, (tools, resources)) in rules.iter().enumerate() {
            writeln!(yaml, "- name: r{at}").unwrap();
            for (key, list) in [("tools", tools), ("resources", resources)] {
                if let Some(list) = list {
                    writeln!(yaml, "  {key}: {}", serde_json::to_string(list).unwrap()).unwrap();
                }
            }
        }
        let compiled = user(&yaml);
        let layers = compiled.layers().unwrap();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let mut candidates = vec![99];
        layers[0].candidates(&names, &texts, &mut candidates);
        prop_assert!(candidates.is_sorted_by(|one, two| one < two));
        for id in naive(&layers[0], &names, &texts) {
            prop_assert!(candidates.contains(&id), "rule {id} of\n{yaml}");
        }
    }

    #[test]
    fn no_text_breaks_the_reader(text in "[a-z:\\-\\[\\]{}&*!|>'\"#%@ \n\t,?]{0,80}") {
        let checked = check(&text, LayerKind::Project, &registry());
        let errors = checked.diagnostics.iter().any(|problem| problem.severity == Severity::Error);
        prop_assert_eq!(checked.policy.is_none(), errors);
        for problem in checked.diagnostics {
            prop_assert!(text.get(problem.span.clone()).is_some(), "{:?}", problem);
            prop_assert!(problem.line >= 1 && problem.column >= 1 && !problem.message.contains('\n'));
        }
    }
}

fn many_rules(count: u32) -> String {
    let mut text = String::from("default_action: log\nrules:\n");
    for at in 0..count {
        writeln!(
            text,
            "- {{name: r{at}, tools: [Bash], resources: ['deploy-{at:04} *', '*/secret-{at:04}.key']}}"
        )
        .unwrap();
    }
    text
}

#[test]
fn a_thousand_rules_leave_few_candidates() {
    let compiled = user(&many_rules(1000));
    let layers = compiled.layers().unwrap();
    let mut out = Vec::new();
    layers[0].candidates(&["Bash"], &["git status", "/home/me/project"], &mut out);
    assert!(out.is_empty(), "{out:?}");
    layers[0].candidates(&["Bash"], &["cat a/secret-0417.key"], &mut out);
    assert!(out.contains(&417) && out.len() < 20, "{out:?}");
}

#[test]
fn a_rule_is_found_by_what_its_condition_needs() {
    let compiled = user(
        "version: 1\ndefault_action: allow\nrules:\n\
         - {name: effect, match: {effect: [git.force-push, 'cloud.*']}, action: deny}\n\
         - {name: both, match: {all: [{regex: x}, {glob: ['deploy *']}]}, action: deny}\n\
         - {name: either, match: {any: [{glob: ['alpha *']}, {regex: x}]}, action: deny}\n\
         - {name: not, match: {not: {glob: ['beta *']}}, action: deny}\n\
         - {name: narrow, resources: ['gamma *'], match: {glob: ['delta *']}, action: deny}\n",
    );
    let layers = compiled.layers().unwrap();
    let candidates = |text: &str| {
        let mut out = Vec::new();
        layers[0].candidates(&["Bash"], &[text], &mut out);
        out
    };
    assert_eq!(candidates("ls"), [2, 3], "what may hold of any text is asked about every text");
    assert_eq!(candidates("git.force-push"), [0, 2, 3]);
    assert_eq!(candidates("cloud.delete"), [0, 2, 3]);
    assert_eq!(candidates("deploy now"), [1, 2, 3]);
    assert_eq!(candidates("gamma ray"), [2, 3, 4]);
}

/// What a damaged blob says: the rules and settings as text, and the candidates of a call that matches two rules.
fn told(compiled: &Compiled) -> Result<(Vec<String>, Vec<u32>), PolicyError> {
    let mut shown = Vec::new();
    let mut out = Vec::new();
    for layer in compiled.layers()? {
        layer.candidates(&["Bash"], &["deploy-0003 now", "x/secret-0011.key"], &mut out);
        shown.push(format!("{:?} {:?}", layer.default_action, layer.secrets));
        for id in 0..layer.rule_count() {
            shown.push(format!("{:?}", layer.rule(id)?));
        }
    }
    Ok((shown, out))
}

#[test]
fn a_flipped_byte_never_changes_or_hides_a_rule() {
    let text = many_rules(12) + "- {name: everything}\n- {name: tools, tools: [Bash]}\n";
    let original = user(&text);
    let (rules, candidates) = told(&original).unwrap();
    assert_eq!(candidates, [3, 11, 12, 13]);
    let bytes = original.bytes().to_vec();
    let mut refused = 0;
    for at in 0..bytes.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= mask;
            match Compiled::open(damaged, None).and_then(|compiled| told(&compiled)) {
                Ok((seen, found)) => {
                    assert_eq!(seen, rules, "byte {at} xor {mask}");
                    assert!(
                        candidates.iter().all(|id| found.contains(id)),
                        "byte {at} xor {mask}: {found:?}"
                    );
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > bytes.len() * 3 / 2, "{refused} of {}", bytes.len() * 3);
    for length in 0..bytes.len() {
        let cut = bytes[..length].to_vec();
        assert!(Compiled::open(cut, None).and_then(|compiled| told(&compiled)).is_err(), "cut at {length}");
    }
}

proptest! {
    #[test]
    fn a_damaged_region_never_changes_or_hides_a_rule(
        start in 0_usize..4000,
        garbage in proptest::collection::vec(prop_oneof![Just(0_u8), Just(0xff), any::<u8>()], 1..64),
    ) {
        let original = user(&many_rules(12));
        let (rules, candidates) = told(&original).unwrap();
        let mut bytes = original.bytes().to_vec();
        let start = start % bytes.len();
        for (byte, new) in bytes.iter_mut().skip(start).zip(&garbage) {
            *byte = *new;
        }
        if let Ok((seen, found)) = Compiled::open(bytes, None).and_then(|compiled| told(&compiled)) {
            prop_assert_eq!(seen, rules);
            prop_assert!(candidates.iter().all(|id| found.contains(id)), "{found:?}");
        }
    }
}

#[test]
fn a_condition_survives_the_way_through_the_blob() {
    let compiled = user(
        "rules:\n- name: a\n  match:\n    any:\n    - regex: x+\n    - not: {glob: [\"a*\"]}\n    regex: {pattern: y}\n",
    );
    let layers = compiled.layers().unwrap();
    let rule = layers[0].rule(0).unwrap();
    let regex = |config| Condition::Matcher { id: "regex", config };
    assert_eq!(
        rule.condition,
        Some(Condition::All(vec![
            Condition::Any(vec![
                regex("\"x+\""),
                Condition::Not(Box::new(Condition::Matcher { id: "glob", config: "[\"a*\"]" })),
            ]),
            regex("{\"pattern\":\"y\"}"),
        ]))
    );
    assert_eq!((rule.action, rule.line, rule.tools), (Action::Deny, 2, Patterns::Any));
    assert!(layers[0].rule(1).is_err());
}
