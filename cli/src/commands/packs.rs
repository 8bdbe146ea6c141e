//! `agentfirewall packs`: the built-in rules, and the effects that they are about.

use agentfirewall_core::policy::{self, LayerKind, OwnedRule, PACKS, Pack};
use agentfirewall_core::registry::Registry;
use serde_json::{Value, json};

use crate::args::PacksArgs;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(args: PacksArgs, ui: &Ui) -> Result<Exit, Failure> {
    let registry = composition::installed(&super::places()?)?;
    if args.effects {
        let effects: Vec<_> = policy::effects().collect();
        if args.json {
            let effects: Vec<Value> =
                effects.iter().map(|(id, about)| json!({"id": id, "about": about})).collect();
            ui.line(json!({"effects": effects}).to_string());
        } else {
            let width = effects.iter().map(|(id, _)| id.len()).max().unwrap_or_default();
            for (id, about) in effects {
                ui.line(format!("{id:width$}  {about}"));
            }
        }
        return Ok(Exit::Success);
    }
    let Some(name) = &args.name else {
        if args.json {
            let packs: Vec<Value> = PACKS.iter().map(|pack| described(pack, &registry)).collect();
            ui.line(json!({"packs": packs}).to_string());
        } else {
            for pack in PACKS {
                ui.line(format!("{:20} {:3} rules  {}", pack.name, rules(pack, &registry).len(), pack.about));
            }
        }
        return Ok(Exit::Success);
    };
    let pack = policy::pack(name).ok_or_else(|| unknown(name))?;
    if args.json {
        ui.line(described(pack, &registry).to_string());
        return Ok(Exit::Success);
    }
    ui.line(format!("{}: {}", pack.name, pack.about));
    for rule in rules(pack, &registry) {
        ui.line(String::new());
        ui.line(format!("{:5} {} ({}, line {})", rule.action.as_str(), rule.name, rule.pack, rule.line));
        if let Some(effects) = &rule.effects {
            ui.line(format!("      effects: {}", effects.join(", ")));
        }
        if let Some(resources) = &rule.resources {
            ui.line(format!("      resources: {}", resources.join(", ")));
        }
        ui.line(format!("      {}", rule.reason));
        if let Some(suggest) = &rule.suggest {
            ui.line(format!("      instead: {suggest}"));
        }
    }
    Ok(Exit::Success)
}

/// The refusal of a name that no pack has.
pub(super) fn unknown(name: &str) -> Failure {
    let names: Vec<&str> = PACKS.iter().map(|pack| pack.name).collect();
    Failure::new(Exit::Usage, format!("no pack is called `{}`", name.escape_debug()))
        .help(format!("there are {}", names.join(", ")))
}

/// The rules that a policy gets which extends a pack.
fn rules(pack: &Pack, registry: &Registry) -> Vec<OwnedRule> {
    let text = format!("extends: {}\n", pack.name);
    policy::check(&text, LayerKind::User, registry).policy.map(|policy| policy.rules).unwrap_or_default()
}

fn described(pack: &Pack, registry: &Registry) -> Value {
    let rules: Vec<Value> = rules(pack, registry)
        .into_iter()
        .map(|rule| {
            json!({
                "name": rule.name, "action": rule.action.as_str(), "pack": rule.pack, "line": rule.line,
                "tools": rule.tools, "effects": rule.effects, "resources": rule.resources,
                "reason": rule.reason, "suggest": rule.suggest,
            })
        })
        .collect();
    json!({"name": pack.name, "about": pack.about, "includes": pack.includes, "rules": rules})
}
