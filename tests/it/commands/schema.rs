//! The printed JSON Schema: an independent validator finds it sound and of one mind with `validate`.

use std::path::Path;
use std::sync::Arc;

use agentfirewall_core::guard::{Guard, Unguarded};
use agentfirewall_core::policy::{DEFAULT_POLICY, LayerKind, check, schema};
use agentfirewall_core::registry::Registry;
use agentfirewall_core::store::InstalledPlugin;
use agentfirewall_sdk::{Item, Kind, Manifest};
use agentfirewall_tests::sandbox::Sandbox;
use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::{Value, json};

use super::PAGE;

/// A compiled schema.
struct Judge {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Judge {
    /// Compiling checks the schema against that of the draft it names.
    fn new(schema: &Value) -> Self {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.add_resource("policy.json", schema.clone()).unwrap();
        let index = compiler.compile("policy.json", &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
        Self { schemas, index }
    }

    fn accepts(&self, yaml: &str) -> Result<(), String> {
        // As the reader and the editors do: `yes` is a word.
        let options = serde_yaml::options! { strict_booleans: true };
        let policy: Value =
            serde_yaml::from_str_with_options(yaml, options).map_err(|error| error.to_string())?;
        self.schemas.validate(&policy, self.index).map_err(|error| format!("{error:#}"))
    }
}

/// What an installed item says of itself.
fn item(kind: Kind, id: &str, schema: Value) -> Item {
    let item = json!({"kind": kind, "id": id, "summary": "knows the hosts of Acme", "schema": schema});
    serde_json::from_value(item).unwrap()
}

/// The built-in plugins and an installed one. Its library is not there, so nothing may configure it here.
fn registry() -> (Registry, Value) {
    agentfirewall_plugins::link();
    let options = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Config",
        "type": "object",
        "properties": {"hosts": {"type": "array", "items": {"$ref": "#/$defs/Host"}}},
        "required": ["hosts"],
        "additionalProperties": false,
        "$defs": {"Host": {"type": "string", "minLength": 1}},
    });
    let manifest: Manifest = serde_json::from_value(json!({"name": "acme", "version": "1.2.3", "items": [
        {"kind": "matcher", "id": "acme-host", "summary": "knows the hosts of Acme"},
        {"kind": "detector", "id": "acme-token", "summary": "finds tokens of Acme", "keywords": ["acme_"]},
    ]}))
    .unwrap();
    let guard: Arc<dyn Guard> = Arc::new(Unguarded);
    let plugin = InstalledPlugin::unpinned(Path::new("/nonexistent/libacme.so"), &manifest);
    (Registry::from_linked().unwrap().with_library(plugin, &guard).unwrap(), options)
}

#[test]
fn the_command_prints_a_sound_schema_and_the_documented_policies_satisfy_it() {
    let sandbox = Sandbox::new();
    let pretty = sandbox.run(["schema"]);
    let compact = sandbox.run(["schema", "--compact"]);
    pretty.exits(0);
    compact.exits(0);
    assert_eq!(compact.stdout.lines().count(), 1);
    assert!(pretty.stdout.lines().count() > 100);
    assert_eq!(pretty.json(), compact.json());
    let judge = Judge::new(&pretty.json());
    for policy in [PAGE, DEFAULT_POLICY] {
        judge.accepts(policy).unwrap();
    }
    sandbox.run(["init"]).exits(0);
    let written = std::fs::read_to_string(sandbox.project.join(".agentfirewall/policy.yaml")).unwrap();
    judge.accepts(&written).unwrap();
}

#[test]
fn the_schema_and_the_reader_agree() {
    let (registry, options) = registry();
    let judge = Judge::new(&schema(&registry, &|kind, id| Some(item(kind, id, options.clone()))));
    let good = [
        "{}",
        "version: 1.0\nname: 7\ndescription:\nrules:\n",
        "mode: monitor\nask: {headless: alert, bypass: log}\non_error: allow\ndefault_action: ask\n",
        "ask: {}\nsecrets: {parameters: ask, results: log, prompts: alert}\n",
        "secrets: {}\nplugins: [acme]\n",
        "plugins: []\ndetectors: {}\nsinks: []\n",
        "secrets: {rules: , import: }\n",
        "secrets: {rules: [{id: a-b, pattern: 'badge_[0-9]{9}', summary: , entropy: 2.5, severity: info, examples: badge_123456789}]}\n",
        "secrets: {rules: [{id: a, near: acme, values: ['[0-9]{9}'], allow: {words: x}, confidence: low}]}\n",
        "secrets: {rules: [{id: a, pattern: '(b)adge', secret_group: 1, allow: [{patterns: [x], target: line}]}]}\n",
        "plugins: {acme: }\n",
        "plugins: {acme: {enabled: false, on_error: ignore}}\n",
        "detectors: {acme-token: {enabled: false}, jwt: {with: {}}, generic-assignment: {with: }}\n",
        "sinks: [{name: a, use: stdout}, {name: b, use: file, with: {path: /tmp/x}, actions: deny}]\n",
        "sinks: [{name: w, use: webhook, with: {url: {env: HOOK}, headers: {X-A: b}}, actions: [ask, deny]}]\n",
        "rules: [{name: a, tools: Bash, resources: ['x', 7], action: allow, approve: true, reason: , suggest: b}]\n",
        "rules: [{name: a, approve: false, mode: enforce}]\n",
        "rules: [{name: a, match: {regex: x}}, {name: b, match: {regex: {pattern: x, ignore_case: true}}}]\n",
        "rules: [{name: a, match: {all: [{regex: x}], any: [{not: {glob: ['a*']}}], not: {glob: [b]}}}]\n",
    ];
    for policy in good {
        let checked = check(policy, LayerKind::User, &registry);
        assert!(checked.policy.is_some(), "{policy}: {:?}", checked.diagnostics);
        judge.accepts(policy).unwrap_or_else(|error| panic!("{policy}: {error}"));
    }
    let bad = [
        "[]",
        "7",
        "nmae: x\n",
        "name: [x]\n",
        "name:\n",
        "default_action: block\n",
        "default_action: true\n",
        "mode: off\n",
        "ask: {headless: ask}\n",
        "ask: deny\n",
        "ask: {headles: deny}\n",
        "on_error: alert\n",
        "secrets: {parameters: allow}\n",
        "secrets: {results: deny}\n",
        "secrets: {prompts: ask}\n",
        "secrets: {rules: {id: a}}\n",
        "secrets: {rules: [{pattern: badge}]}\n",
        "secrets: {rules: [{id: a, patern: badge}]}\n",
        "secrets: {rules: [{id: a, pattern: }]}\n",
        "secrets: {rules: [{id: a, pattern: badge, severity: grave}]}\n",
        "secrets: {rules: [{id: a, pattern: badge, entropy: high}]}\n",
        "secrets: {rules: [{id: a, pattern: badge, allow: {word: x}}]}\n",
        "secrets: {rules: [{id: a, pattern: badge, allow: [{words: x, target: file}]}]}\n",
        "secrets: {import: {file: x}}\n",
        "plugins: acme\n",
        "plugins:\n",
        "plugins: [amce]\n",
        "plugins: [./libacme.so]\n",
        "plugins: [jwt]\n",
        "plugins: [acme, acme]\n",
        "plugins: {amce: {}}\n",
        "plugins: {acme: {on_error: allow}}\n",
        "plugins: {acme: {enabled: yes}}\n",
        "plugins: {acme: {path: /x}}\n",
        "detectors: [jwt]\n",
        "detectors: {jtw: {}}\n",
        "detectors: {jwt: }\n",
        "detectors: {jwt: {enabled: 1}}\n",
        "detectors: {jwt: {with: {colour: red}}}\n",
        "sinks: {name: a}\n",
        "sinks: [{use: stdout}]\n",
        "sinks: [{name: ' ', use: stdout}]\n",
        "sinks: [{name: a}]\n",
        "sinks: [{name: a, use: sdtout}]\n",
        "sinks: [{name: a, use: stdout, with: {path: /x}}]\n",
        "sinks: [{name: a, use: file}]\n",
        "sinks: [{name: a, use: file, with: {}}]\n",
        "sinks: [{name: a, use: file, with: {path: 7}}]\n",
        "sinks: [{name: a, use: webhook, with: {url: 'https://x.example', timeout_seconds: 0}}]\n",
        "sinks: [{name: a, use: stdout, actions: []}]\n",
        "sinks: [{name: a, use: stdout, actions: [block]}]\n",
        "rules: {name: a}\n",
        "rules: [a]\n",
        "rules: [{action: deny}]\n",
        "rules: [{name: ''}]\n",
        "rules: [{name: a, tool: Bash}]\n",
        "rules: [{name: a, tools: []}]\n",
        "rules: [{name: a, resources: [[x]]}]\n",
        "rules: [{name: a, resources: }]\n",
        "rules: [{name: a, action: dney}]\n",
        "rules: [{name: a, approve: true}]\n",
        "rules: [{name: a, approve: true, action: log}]\n",
        "rules: [{name: a, approve: yes, action: allow}]\n",
        "rules: [{name: a, match: {}}]\n",
        "rules: [{name: a, match: [{regex: x}]}]\n",
        "rules: [{name: a, match: {regxe: x}}]\n",
        "rules: [{name: a, match: {regex: {patern: x}}}]\n",
        "rules: [{name: a, match: {all: []}}]\n",
        "rules: [{name: a, match: {all: {regex: x}}}]\n",
        "rules: [{name: a, match: {not: {all: [{any: [{regxe: x}]}]}}}]\n",
    ];
    for policy in bad {
        assert!(check(policy, LayerKind::User, &registry).policy.is_none(), "the reader takes {policy}");
        assert!(judge.accepts(policy).is_err(), "the schema takes {policy}");
    }
}

#[test]
fn an_installed_plugins_options_are_its_own() {
    let (registry, options) = registry();
    let judge = Judge::new(&schema(&registry, &|kind, id| Some(item(kind, id, options.clone()))));
    judge.accepts("rules: [{name: a, match: {acme-host: {hosts: [x]}}}]\n").unwrap();
    for wrong in ["{hosts: ['']}", "{hosts: x}", "{hosts: [x], more: 1}", "{}", ""] {
        let policy = format!("rules: [{{name: a, match: {{acme-host: {wrong}}}}}]\n");
        assert!(judge.accepts(&policy).is_err(), "{policy}");
    }
    // Without a schema nothing is said about them.
    for nothing in [None, Some(Value::Null)] {
        let judge =
            Judge::new(&schema(&registry, &|kind, id| nothing.clone().map(|schema| item(kind, id, schema))));
        judge.accepts("rules: [{name: a, match: {acme-host: {anything: [1]}}}]\n").unwrap();
    }
    let text = schema(&registry, &|kind, id| Some(item(kind, id, options.clone()))).to_string();
    assert!(
        text.contains("Version 1.2.3")
            && text.contains("knows the hosts of Acme")
            && text.contains("from the plugin acme 1.2.3")
    );
}
