//! What a policy may say of installed plugins, and that saying it loads none.

use super::*;
use crate::registry::testing::with_absent;
use crate::tolerance::{OnFailure, PluginSetting};

const LAYERS: [LayerKind; 3] = [LayerKind::Managed, LayerKind::User, LayerKind::Project];

fn codes(text: &str, kind: LayerKind, registry: &Registry) -> Vec<&'static str> {
    check(text, kind, registry).diagnostics.into_iter().map(|problem| problem.code).collect()
}

/// The one problem: its code, message and help.
#[track_caller]
fn problem(text: &str, kind: LayerKind) -> (&'static str, String, String) {
    let checked = check(text, kind, &with_absent(&["acme", "corp-sinks"]));
    let [problem] = checked.diagnostics.as_slice() else { panic!("{text}: {:?}", checked.diagnostics) };
    (problem.code, problem.message.clone(), problem.help.clone().unwrap_or_default())
}

#[test]
fn a_list_and_a_mapping_name_plugins_in_every_layer() {
    let registry = with_absent(&["acme", "corp-sinks"]);
    for text in ["plugins: [acme, corp-sinks]\n", "plugins: {acme: , corp-sinks: {}}\n"] {
        for kind in LAYERS {
            assert_eq!(codes(text, kind, &registry), Vec::<&str>::new(), "{text} {kind:?}");
        }
        let compiled = compile_text(text, LayerKind::Project, &registry).unwrap();
        let standard = |name| PluginSetting { name, enabled: true, on_error: OnFailure::Deny };
        assert_eq!(compiled.layers().unwrap()[0].plugins, [standard("acme"), standard("corp-sinks")]);
    }
    let text = "plugins: {acme: {enabled: false, on_error: alert}, corp-sinks: {on_error: ignore}}\n";
    let compiled = compile_text(text, LayerKind::Managed, &registry).unwrap();
    assert_eq!(
        compiled.layers().unwrap()[0].plugins,
        [
            PluginSetting { name: "acme", enabled: false, on_error: OnFailure::Alert },
            PluginSetting { name: "corp-sinks", enabled: true, on_error: OnFailure::Ignore },
        ]
    );
    assert!(registry.libraries().iter().all(|library| !library.is_loaded()));
}

#[test]
fn an_unknown_name_is_an_error_with_what_was_meant() {
    for kind in LAYERS {
        let (code, message, help) = problem("plugins: [amce]\n", kind);
        assert_eq!((code, message.as_str()), ("AF008", "no plugin called `amce` is installed"));
        assert!(
            help.starts_with("did you mean `acme`? install it with `agentfirewall plugins add`"),
            "{help}"
        );
        let (code, _, help) = problem("plugins: {something-else: {}}\n", kind);
        assert_eq!(code, "AF008");
        assert!(
            help.starts_with("install it with") && help.contains("`agentfirewall plugins list`"),
            "{help}"
        );
    }
    let nothing = check("plugins: [acme]\n", LayerKind::User, &registry());
    assert_eq!(nothing.diagnostics[0].code, "AF008");
}

#[test]
fn what_is_built_in_or_only_a_part_of_a_plugin_is_not_named() {
    let (code, message, help) = problem("plugins: [probe-detector]\n", LayerKind::User);
    assert_eq!(code, "AF008");
    assert!(message.contains("built-in detector") && help.contains("always there"), "{message} {help}");
    let (code, message, help) = problem("plugins: [acme-token]\n", LayerKind::User);
    assert_eq!((code, help.as_str()), ("AF008", "write `acme`"));
    assert_eq!(message, "`acme-token` is a detector of the plugin `acme`");
}

#[test]
fn a_path_is_refused_as_a_path_in_every_layer() {
    for path in [
        "./libacme.so",
        "/opt/libacme.so",
        "plugins/acme",
        "C:\\acme",
        "libacme.so",
        "libacme.DYLIB",
        "acme.dll",
        ".acme",
        "~acme",
        "../acme",
    ] {
        for kind in LAYERS {
            for text in [format!("plugins: ['{path}']\n"), format!("plugins: {{'{path}': {{}}}}\n")] {
                let (code, message, help) = problem(&text, kind);
                assert_eq!(code, "AF014", "{path}");
                assert!(message.starts_with("a policy names an installed plugin, it does not bring one: "));
                assert!(message.contains(path) && !help.contains(path), "{message} {help}");
            }
        }
    }
}

#[test]
fn a_project_names_plugins_and_nothing_more() {
    let registry = with_absent(&["acme"]);
    for text in [
        "plugins: {acme: {enabled: true}}\n",
        "plugins: {acme: {enabled: false}}\n",
        "plugins: {acme: {on_error: deny}}\n",
        "plugins: {acme: {on_error: ignore}}\n",
    ] {
        assert_eq!(codes(text, LayerKind::Project, &registry), ["AF010"], "{text}");
        assert_eq!(codes(text, LayerKind::User, &registry), Vec::<&str>::new(), "{text}");
    }
    let (_, message, _) = problem("plugins: {acme: {on_error: alert}}\n", LayerKind::Project);
    assert_eq!(message, "`on_error` is not permitted in a project's policy");
}

#[test]
fn other_shapes_are_errors_at_their_place() {
    for (text, code) in [
        ("plugins: acme\n", "AF004"),
        ("plugins:\n", "AF004"),
        ("plugins: [{acme: {}}]\n", "AF004"),
        ("plugins: {acme: true}\n", "AF004"),
        ("plugins: {acme: {on_error: allow}}\n", "AF006"),
        ("plugins: {acme: {enabled: no}}\n", "AF004"),
        ("plugins: {acme: {on_eror: deny}}\n", "AF003"),
        ("plugins: [acme, acme]\n", "AF002"),
        ("plugins: {acme: , acme: }\n", "AF002"),
    ] {
        assert_eq!(problem(text, LayerKind::User).0, code, "{text}");
    }
}

#[test]
fn a_disabled_plugin_is_used_by_nothing_in_the_same_policy() {
    let registry = with_absent(&["acme"]);
    let off = "plugins: {acme: {enabled: false}}\n";
    for (rest, code) in [
        ("rules: [{name: a, match: {acme-match: {}}}]\n", "AF015"),
        ("rules: [{name: a, match: {not: {all: [{acme-match: {}}]}}}]\n", "AF015"),
        ("sinks: [{name: a, use: acme-sink}]\n", "AF015"),
    ] {
        let checked = check(&format!("{off}{rest}"), LayerKind::User, &registry);
        assert!(checked.policy.is_none());
        assert_eq!(checked.diagnostics.iter().map(|p| p.code).collect::<Vec<_>>(), [code], "{rest}");
    }
    let detectors =
        check(&format!("{off}detectors: {{acme-token: {{with: {{}}}}}}\n"), LayerKind::User, &registry);
    assert!(detectors.policy.is_some());
    assert_eq!(
        (detectors.diagnostics[0].code, detectors.diagnostics[0].severity),
        ("AF015", Severity::Warning)
    );
    let other = check(&format!("{off}sinks: [{{name: a, use: probe-sink}}]\n"), LayerKind::User, &registry);
    assert_eq!(other.diagnostics, []);
    assert!(!registry.library("acme").unwrap().is_loaded());
}

#[test]
fn only_what_is_configured_is_asked() {
    for text in [
        "plugins: [acme]\n",
        "plugins: {acme: {on_error: alert}}\ndetectors: {acme-token: {enabled: false}}\n",
        "detectors: {acme-token: {enabled: true}}\n",
    ] {
        let registry = with_absent(&["acme"]);
        assert_eq!(codes(text, LayerKind::User, &registry), Vec::<&str>::new(), "{text}");
        assert!(!registry.library("acme").unwrap().is_loaded(), "{text}");
    }
}

#[test]
fn a_library_that_cannot_be_loaded_is_a_mistake_only_of_a_policy_that_insists_on_it() {
    let asking = [
        "rules: [{name: a, match: {acme-match: {}}}]\n",
        "detectors: {acme-token: {with: {}}}\n",
        "sinks: [{name: a, use: acme-sink}]\n",
    ];
    for text in asking {
        for (before, code) in [
            ("", "AF009"),
            ("plugins: [acme]\n", "AF009"),
            ("plugins: {acme: {on_error: deny}}\n", "AF009"),
            ("plugins: {acme: {on_error: alert}}\n", "AF016"),
            ("plugins: {acme: {on_error: ignore}}\n", "AF016"),
        ] {
            let (found, message, _) = problem(&format!("{before}{text}"), LayerKind::User);
            assert_eq!(found, code, "{before}{text}");
            assert!(
                message.starts_with("plugin `acme` (") && message.contains("cannot be used: "),
                "{message}"
            );
        }
    }
    // What a failure becomes is nothing a project says.
    let checked = check(asking[0], LayerKind::Project, &with_absent(&["acme"]));
    assert!(checked.policy.is_some());
    assert_eq!(checked.diagnostics[0].code, "AF016");
}

#[test]
fn settings_of_plugins_survive_no_damage() {
    let registry = with_absent(&["acme"]);
    let text = "plugins: {acme: {enabled: false, on_error: alert}}\n";
    let original = compile_text(text, LayerKind::User, &registry).unwrap();
    let settings = |compiled: &Compiled| {
        let layers = compiled.layers()?;
        Ok::<_, PolicyError>(format!("{:?}", layers[0].plugins))
    };
    let expected = settings(&original).unwrap();
    let bytes = original.bytes().to_vec();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xff;
        if let Ok(seen) = Compiled::open(damaged, None).and_then(|compiled| settings(&compiled)) {
            assert_eq!(seen, expected, "byte {at}");
        }
    }
}
