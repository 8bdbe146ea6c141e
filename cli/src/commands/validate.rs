//! `agentfirewall validate`: every problem of every policy that applies, and the rules of those that hold.

use std::path::{Path, PathBuf};

use agentfirewall_core::places::Places;
use agentfirewall_core::policy::{
    Checked, Diagnostic, LayerKind, Policy, PolicyError, Severity, Source, check_source, source, sources,
};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde_json::{Value, json};

use crate::args::ValidateArgs;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(args: ValidateArgs, ui: &Ui) -> Result<Exit, Failure> {
    let places = super::places()?;
    let registry = composition::with_plugins(&places, &args.plugin)?;
    let sources = match args.policy {
        Some(file) => vec![one(file, &places)?],
        None => sources(&places).map_err(unreadable)?,
    };
    let checked: Vec<_> = sources
        .into_iter()
        .map(|source| {
            let checked = check_source(&source, &registry);
            (source, checked)
        })
        .collect();
    let valid = checked.iter().all(|(_, checked)| checked.policy.is_some());
    if args.json {
        ui.line(report(&checked, valid).to_string());
    } else {
        for (source, checked) in &checked {
            print(source, checked, ui);
        }
    }
    Ok(if valid { Exit::Success } else { Exit::Data })
}

/// The file of `--policy`. It is read as the project's policy only if it is that very file.
fn one(file: PathBuf, places: &Places) -> Result<Source, Failure> {
    let same = |other: &Path| {
        file == other
            || matches!((file.canonicalize(), other.canonicalize()), (Ok(one), Ok(two)) if one == two)
    };
    let kind = if same(&places.project_policy()) { LayerKind::Project } else { LayerKind::User };
    match source(&file, kind).map_err(unreadable)? {
        Some(source) => Ok(source),
        None => Err(Failure::new(Exit::Io, format!("policy `{}` does not exist", file.display()))
            .help("run `agentfirewall init` to create .agentfirewall/policy.yaml")),
    }
}

fn unreadable(error: PolicyError) -> Failure {
    Failure::new(Exit::Io, error.to_string())
}

fn print(source: &Source, checked: &Checked, ui: &Ui) {
    let path = source.path.display().to_string();
    for problem in &checked.diagnostics {
        ui.note(snippet(problem, &source.text, &path));
    }
    let errors = checked.diagnostics.iter().filter(|problem| problem.severity == Severity::Error).count();
    let Some(policy) = &checked.policy else {
        let plural = if errors == 1 { "" } else { "s" };
        ui.note(format!("{path}: {errors} error{plural}. Policy is not valid."));
        return;
    };
    ui.line(format!("Policy: {} (v{})", policy.name, policy.version));
    ui.line(format!("Layer: {} ({path})", source.kind.as_str()));
    ui.line(format!("Description: {}", policy.description));
    ui.line(format!("Default action: {}", policy.default_action));
    if policy.monitor {
        ui.line("Mode: monitor (nothing is stopped by this policy)");
    }
    if !policy.detection.is_empty() {
        let imported = policy.detection.iter().filter(|own| own.file.is_some()).count();
        ui.line(format!("Detection rules: {} ({imported} imported)", policy.detection.len()));
    }
    ui.line(format!("Rules: {}", policy.rules.len()));
    for rule in &policy.rules {
        let tools = rule.tools.as_ref().map_or("*".to_owned(), |tools| tools.join(", "));
        let monitor = if rule.monitor { " (monitor)" } else { "" };
        ui.line(format!("  - {}: {} [{tools}]{monitor}", rule.name, rule.action));
    }
    ui.line("Policy is valid.");
}

fn snippet(problem: &Diagnostic, text: &str, path: &str) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    // A mark at the very end of the text needs a place that exists.
    let end = problem.span.end.min(text.len());
    let start = problem.span.start.min(end);
    let title = level.primary_title(problem.message.as_str()).id(problem.code);
    let source = Snippet::source(text).path(path).annotation(AnnotationKind::Primary.span(start..end));
    let mut group = title.element(source);
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    Renderer::styled().render(&[group])
}

fn report(checked: &[(Source, Checked)], valid: bool) -> Value {
    let policies: Vec<_> = checked
        .iter()
        .map(|(source, checked)| {
            let mut object =
                json!({"file": source.path, "layer": source.kind, "valid": checked.policy.is_some()});
            if let (Some(policy), Some(object)) = (&checked.policy, object.as_object_mut()) {
                object.extend(described(policy));
            }
            object
        })
        .collect();
    let diagnostics: Vec<_> = checked
        .iter()
        .flat_map(|(source, checked)| {
            checked.diagnostics.iter().map(move |problem| {
                json!({
                    "file": source.path,
                    "code": problem.code,
                    "severity": problem.severity,
                    "message": problem.message,
                    "line": problem.line,
                    "column": problem.column,
                    "span": {"start": problem.span.start, "end": problem.span.end},
                    "help": problem.help,
                })
            })
        })
        .collect();
    json!({"valid": valid, "policies": policies, "diagnostics": diagnostics})
}

fn described(policy: &Policy) -> serde_json::Map<String, Value> {
    let rules: Vec<_> = policy
        .rules
        .iter()
        .map(|rule| {
            json!({
                "name": rule.name,
                "action": rule.action,
                "tools": rule.tools,
                "resources": rule.resources,
                "conditional": rule.condition.is_some(),
                "reason": rule.reason,
                "suggest": rule.suggest,
                "approve": rule.approve,
                "monitor": rule.monitor,
                "line": rule.line,
            })
        })
        .collect();
    let described = json!({
        "name": policy.name,
        "version": policy.version,
        "description": policy.description,
        "default_action": policy.default_action,
        "monitor": policy.monitor,
        "detection_rules": policy.detection.iter().map(|own| &own.rule.id).collect::<Vec<_>>(),
        "rules": rules,
    });
    match described {
        Value::Object(object) => object,
        _ => serde_json::Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_shows_the_place_the_code_and_the_help() {
        let problem = Diagnostic {
            code: "AF003",
            severity: Severity::Error,
            message: "unknown key `nmae` in the policy".to_owned(),
            span: 11..15,
            line: 2,
            column: 1,
            help: Some("did you mean `name`?".to_owned()),
        };
        let shown = anstream::adapter::strip_str(&snippet(&problem, "version: 1\nnmae: x\n", "policy.yaml"))
            .to_string();
        for part in
            ["error[AF003]: unknown key `nmae`", "policy.yaml:2:1", "nmae: x", "^^^^", "did you mean `name`?"]
        {
            assert!(shown.contains(part), "{part}\n{shown}");
        }
        let end = Diagnostic { span: 40..90, ..problem };
        assert!(snippet(&end, "a: [", "p").contains("AF003"));
    }
}
