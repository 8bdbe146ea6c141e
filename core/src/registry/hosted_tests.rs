use agentfirewall_sdk::{Action, Confidence, Finding, Scan, Severity, Subject, ToolCall};
use serde_json::json;

use super::*;
use crate::interceptor::Interceptor;
use crate::policy::{LayerKind, compile_text};
use crate::registry::Registry;

/// Does what its id says.
#[derive(Debug)]
struct Script;

struct Works;
struct Fails;

impl Detector for Works {
    fn detect(&self, scan: &mut Scan<'_>) -> Result<(), PluginError> {
        for &at in scan.hits() {
            scan.report(Finding::new(at..at + 9, Confidence::High, Severity::High));
        }
        Ok(())
    }
}

impl Matcher for Works {
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        Ok(subject.text.contains("here"))
    }
}

impl Matcher for Fails {
    fn matches(&self, _: &Subject<'_>) -> Result<bool, PluginError> {
        Err(PluginError::new("the script failed"))
    }
}

impl Host for Script {
    fn matcher(&self, config: &str) -> Result<Box<dyn Matcher>, PluginError> {
        Ok(if config.contains("fail") { Box::new(Fails) } else { Box::new(Works) })
    }

    fn detector(&self, _: &str) -> Result<Box<dyn Detector>, PluginError> {
        Ok(Box::new(Works))
    }
}

fn hosted(kind: Kind, id: &str, keywords: &[&str]) -> &'static Hosted {
    let keywords = keywords.iter().map(|&keyword| keyword.to_owned()).collect();
    Box::leak(Box::new(Hosted { kind, id: id.to_owned(), keywords, host: "Script", maker: Box::new(Script) }))
}

fn linked() -> Registry {
    agentfirewall_plugins::link();
    Registry::from_linked().unwrap()
}

fn judged(policy: &str, command: &str) -> Result<Action, String> {
    let plugins =
        [hosted(Kind::Detector, "script-token", &["script_"]), hosted(Kind::Matcher, "script-place", &[])];
    let registry = linked().with_hosted(plugins).unwrap();
    let compiled = compile_text(policy, LayerKind::User, &registry).map_err(|error| error.to_string())?;
    let interceptor = Interceptor::new(&compiled, &registry, "/home/a".as_ref()).unwrap();
    let call = ToolCall::new("Bash", json!({"command": command}));
    interceptor.check(&call).map(|decision| decision.action).map_err(|error| error.to_string())
}

#[test]
fn a_hosted_detector_and_a_hosted_matcher_take_part() {
    assert_eq!(judged("default_action: allow", "echo script_12"), Ok(Action::Deny));
    assert_eq!(judged("default_action: allow", "echo other"), Ok(Action::Allow));
    let rule = "default_action: allow\nrules:\n- {name: a, tools: [Bash], match: {script-place: {}}, action: deny}\n";
    assert_eq!(judged(rule, "ls here"), Ok(Action::Deny));
    assert_eq!(judged(rule, "ls"), Ok(Action::Allow));
}

#[test]
fn a_hosted_plugin_that_fails_is_an_error_that_names_it() {
    let rule = "default_action: allow\nrules:\n- {name: a, tools: [Bash], match: {script-place: {how: fail}}, action: deny}\n";
    let error = judged(rule, "ls").unwrap_err();
    assert!(
        error.contains("Script matcher `script-place`") && error.contains("the script failed"),
        "{error}"
    );
}

#[test]
fn a_hosted_plugin_takes_nobodys_place_and_changes_the_fingerprint() {
    let registry = linked();
    let taken = registry.of(Kind::Detector).find(|entry| !entry.is_row()).unwrap().id().to_owned();
    let error = linked().with_hosted([hosted(Kind::Detector, &taken, &[])]).unwrap_err().to_string();
    assert!(error.contains(&taken) && error.contains("of this program (Script)"), "{error}");
    let twice = [hosted(Kind::Sink, "a", &[]), hosted(Kind::Sink, "a", &[])];
    assert!(linked().with_hosted(twice).is_err());
    let other = linked().with_hosted([hosted(Kind::Matcher, "script-place", &[])]).unwrap();
    assert_ne!(registry.fingerprint(), other.fingerprint());
    assert!(other.find(Kind::Matcher, "script-place").unwrap().sink("{}").is_err());
}
