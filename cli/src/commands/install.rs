//! `agentfirewall install`

use std::path::{Path, PathBuf};

use agentfirewall_core::claude_settings::{
    Change, Request, Scope, Settings, State, Wiring, mirror, plan_install,
};
use agentfirewall_core::places::Places;
use agentfirewall_core::policy::{self, Compiled, Patterns, PolicyError};
use agentfirewall_core::registry::Registry;
use agentfirewall_sdk::{Access, Action, PartKind, Subject, ToolCall};
use serde_json::json;

use crate::args::WiringArgs;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::settings::{
    Expected, Program, Records, Surroundings, back_up, describe, diff, join, read, refused, replace,
    scope_of, this_program,
};
use crate::ui::Ui;

pub(crate) fn run(args: WiringArgs, ui: &Ui) -> Result<Exit, Failure> {
    let surroundings = Surroundings::find()?;
    let program = this_program(&surroundings.working_folder)?;
    let registry = composition::installed(&surroundings.places)?;
    let patterns = read_deny_patterns(&surroundings.places, &registry)?;
    let report = install(&surroundings, &program, &patterns, scope_of(args.scope), args.dry_run)?;
    report.print(ui, args.json);
    Ok(Exit::Success)
}

/// The path patterns that the policy here denies reading; they are mirrored into the client's own permission rules,
/// because the client reads `@file` mentions without asking a hook.
fn read_deny_patterns(places: &Places, registry: &Registry) -> Result<Vec<String>, Failure> {
    let invalid = |error: PolicyError| {
        Failure::new(Exit::Data, error.to_string())
            .help("run `agentfirewall validate`: with this policy the hook would block every call")
    };
    let compiled = policy::load(places, registry).map_err(invalid)?;
    read_denials(&compiled, registry).map_err(invalid)
}

/// The patterns of every enforced rule that denies the `Read` tool certain resources, whatever else holds.
fn read_denials(compiled: &Compiled, registry: &Registry) -> Result<Vec<String>, PolicyError> {
    let call = ToolCall::new("Read", json!({}));
    let read = Subject::new(&call, PartKind::Tool, "Read", Access::Read);
    let concerns_read = |tools: Patterns<'_>| match (tools, registry.patterns()) {
        (Patterns::Any, _) => true,
        (Patterns::Of(config), Ok(plugin)) => {
            plugin.matcher(config).and_then(|matcher| matcher.matches(&read)).unwrap_or(false)
        }
        (_, Err(_)) => false,
    };
    let mut patterns = Vec::new();
    for layer in compiled.layers()?.iter().filter(|layer| !layer.monitor) {
        for id in 0..layer.rule_count() {
            let rule = layer.rule(id)?;
            let always = rule.action == Action::Deny && !rule.monitor && rule.condition.is_none();
            if let Patterns::Of(config) = rule.resources
                && always
                && concerns_read(rule.tools)
            {
                let list: Vec<String> = serde_json::from_str(config).unwrap_or_default();
                // A command's pattern (`rm -rf *`) in a rule for every tool is no path.
                patterns.extend(list.into_iter().filter(|pattern| !pattern.contains(' ')));
            }
        }
    }
    Ok(patterns)
}

/// What was done, or would be.
#[derive(Debug)]
struct Report {
    file: PathBuf,
    scope: Scope,
    dry_run: bool,
    change: Change,
    diff: String,
    command: String,
    backup: Option<PathBuf>,
    rules: Vec<String>,
    warnings: Vec<String>,
}

fn install(
    surroundings: &Surroundings,
    program: &Program,
    patterns: &[String],
    scope: Scope,
    dry_run: bool,
) -> Result<Report, Failure> {
    let file = surroundings.settings_file(scope);
    let cannot = |what: &str| format!("`{}` cannot be {what}", file.display());
    let before = read(&file).map_err(|error| Failure::io(cannot("read"), &error))?;
    let records = Records::of(&surroundings.places);
    let record = records.load(&file);
    let deny_rules = mirror::read_rules_of(patterns);
    let request = Request { command: &program.command, deny_rules: &deny_rules };
    let change =
        plan_install(before.as_deref(), &request, record.as_ref()).map_err(|error| refused(&file, &error))?;
    let old = String::from_utf8_lossy(before.as_deref().unwrap_or_default());
    let mut report = Report {
        diff: diff(&file, &old, &change.text),
        warnings: warnings(surroundings, program, scope, &change, &file),
        rules: change.record.deny_rules.clone(),
        file: file.clone(),
        scope,
        dry_run,
        change,
        command: program.command.clone(),
        backup: None,
    };
    if dry_run || !report.change.changed {
        return Ok(report);
    }
    if let Some(before) = &before {
        let backup = back_up(&file, before).map_err(|error| Failure::io(cannot("backed up"), &error))?;
        report.backup = Some(backup);
    }
    // The record first: a record without its installation does no harm, an installation without its record would be
    // taken back less exactly.
    records
        .save(&file, &report.change.record)
        .map_err(|error| Failure::io("the record of the installation cannot be kept", &error))?;
    replace(&file, report.change.text.as_bytes(), Expected::Still(before.as_deref()), mode(scope)).map_err(
        |error| {
            let failure = Failure::io(cannot("written"), &error);
            if scope == Scope::Managed {
                failure.help("managed settings are the administrator's: use sudo")
            } else {
                failure
            }
        },
    )?;
    verify(&file, &program.command)?;
    Ok(report)
}

/// Settings of one person are readable by that person; shared ones by everybody who must obey them.
fn mode(scope: Scope) -> u32 {
    match scope {
        Scope::User | Scope::Local => 0o600,
        Scope::Project | Scope::Managed => 0o644,
    }
}

/// Reads the file back and asks what the client will: every event, at full strength, with this program.
fn verify(file: &Path, command: &str) -> Result<(), Failure> {
    let unwired = |why: String| {
        Failure::new(Exit::Internal, format!("`{}` was written, but {why}", file.display())).help(
            "see what `agentfirewall doctor` says; the backup beside the file holds what was there before",
        )
    };
    let bytes = read(file)
        .map_err(|error| Failure::io("the written file cannot be read", &error))?
        .ok_or_else(|| unwired("it is gone again".into()))?;
    let settings = Settings::parse(&bytes);
    if let Some(problem) = settings.problems().iter().find(|problem| problem.voids_file()) {
        return Err(unwired(describe(file, problem)));
    }
    for wiring in Wiring::of(&settings, Some(Path::new(command))).events {
        if !matches!(&wiring.state, State::Full { command: wired } if wired == command) {
            return Err(unwired(format!("{} is not wired", wiring.event.name)));
        }
    }
    Ok(())
}

fn warnings(
    surroundings: &Surroundings,
    program: &Program,
    scope: Scope,
    change: &Change,
    file: &Path,
) -> Vec<String> {
    let mut warnings: Vec<_> = program.warning.iter().cloned().collect();
    let in_project = matches!(scope, Scope::Project | Scope::Local);
    if in_project && !surroundings.has_git_root() {
        warnings.push(format!(
            "there is no git repository here: the client reads these settings only when it is started in `{}` itself, \
             not in a folder below; `git init` or `install --scope user` closes the gap",
            surroundings.places.project.display()
        ));
    }
    if scope == Scope::Local && !ignores_local_settings(&surroundings.places.project) {
        warnings.push(
            "settings.local.json is yours alone: add `.claude/settings.local.json` and \
             `.claude/*.agentfirewall-backup*` to .gitignore"
                .into(),
        );
    }
    if scope == Scope::Project {
        warnings.push(format!(
            "everybody who works on this project needs the program at `{}`; where it is missing, every call is blocked",
            program.command
        ));
    }
    let settings = Settings::parse(change.text.as_bytes());
    let wiring = Wiring::of(&settings, Some(Path::new(&program.command)));
    if wiring.disable_all_hooks {
        warnings.push("this file sets `disableAllHooks`: no hook runs until that is removed".into());
    }
    for entry in &wiring.redirects {
        warnings.push(format!(
            "`env` sets {} in line {}: it can lead the hook elsewhere",
            entry.name, entry.line
        ));
    }
    warnings.extend(change.warnings.iter().map(|problem| describe(file, problem)));
    warnings
}

/// Whether a .gitignore on the way covers the local settings. Only the usual spellings are looked for: a warning too
/// many does no harm.
fn ignores_local_settings(project: &Path) -> bool {
    let covers = |line: &str| {
        let line = line.trim().trim_start_matches('/').trim_end_matches('/');
        let line = line.trim_start_matches("**/").trim_start_matches(".claude/");
        [".claude", "settings.local.json", "*.local.json", "settings.local.*", "*", "**"].contains(&line)
    };
    [".gitignore", ".claude/.gitignore", ".git/info/exclude"]
        .iter()
        .any(|name| std::fs::read_to_string(project.join(name)).is_ok_and(|text| text.lines().any(covers)))
}

impl Report {
    fn print(&self, ui: &Ui, as_json: bool) {
        let settings = Settings::parse(self.change.text.as_bytes());
        let wiring = Wiring::of(&settings, Some(Path::new(&self.command)));
        if as_json {
            let events: Vec<_> = wiring.events.iter().map(|wiring| wiring.event.name).collect();
            let report = json!({
                "file": self.file, "scope": self.scope.as_str(), "dry_run": self.dry_run,
                "changed": self.change.changed, "command": self.command, "events": events,
                "deny_rules": self.rules, "python_hooks_removed": self.change.python_hooks,
                "backup": self.backup, "diff": self.diff, "warnings": self.warnings,
            });
            return ui.line(report.to_string());
        }
        let file = self.file.display();
        if self.dry_run {
            if self.change.changed {
                ui.line(self.diff.trim_end());
                ui.note("Nothing was written (--dry-run).");
            } else {
                ui.line(format!("{file} would stay as it is: everything is in place."));
            }
        } else {
            ui.line(if self.change.changed {
                format!("Installed into {file} ({} settings).", self.scope.as_str())
            } else {
                format!("{file} stays as it is: everything is in place.")
            });
            ui.line(format!("  program: {} hook <event>", self.command));
            for wiring in &wiring.events {
                let strength =
                    if wiring.event.blocks_on_failure { ", blocks if the hook itself fails" } else { "" };
                ui.line(format!("  wired:   {}{strength}", wiring.event.name));
            }
            if !self.rules.is_empty() {
                ui.line(format!("  permissions.deny: {}", join(&self.rules)));
            }
            if self.change.python_hooks > 0 {
                ui.line(format!("  removed: {} hook(s) of the Python program", self.change.python_hooks));
            }
            if let Some(backup) = &self.backup {
                ui.line(format!("  backup:  {}", backup.display()));
            }
            ui.line("Check it with `agentfirewall doctor`; a client that is running picks it up by itself.");
        }
        for warning in &self.warnings {
            ui.note(format!("warning: {warning}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, Surroundings) {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home");
        let project = root.path().join("project");
        std::fs::create_dir_all(project.join(".git")).unwrap();
        std::fs::create_dir_all(&home).unwrap();
        let home = home.into_os_string();
        let places = Places::discover(&|name| (name == "HOME").then(|| home.clone()), &project);
        let surroundings = Surroundings { places, working_folder: project, client_config: None };
        (root, surroundings)
    }

    fn program() -> Program {
        Program { command: "/opt/agentfirewall".into(), warning: None }
    }

    fn rules() -> Vec<String> {
        vec![".env".into()]
    }

    #[test]
    fn what_the_policy_forbids_to_read_is_mirrored_and_nothing_else() {
        agentfirewall_plugins::link();
        let registry = Registry::from_linked().unwrap();
        let text = r#"
version: "1.0"
name: x
rules:
  - {name: secrets, tools: ["Read", "Edit"], resources: [".env", "~/.ssh/*"], action: deny}
  - {name: everywhere, resources: ["*.pem", "rm -rf *"], action: deny}
  - {name: asked, tools: ["Read"], resources: ["asked"], action: ask}
  - {name: written, tools: ["Write"], resources: ["written"], action: deny}
  - {name: watched, tools: ["Read"], resources: ["watched"], action: deny, mode: monitor}
  - {name: all, tools: ["Read"], action: deny}
"#;
        let compiled = policy::compile_text(text, policy::LayerKind::User, &registry).unwrap();
        assert_eq!(read_denials(&compiled, &registry).unwrap(), [".env", "~/.ssh/*", "*.pem"]);
    }

    #[test]
    fn installs_once_and_takes_everything_back() {
        let (_root, surroundings) = place();
        let file = surroundings.settings_file(Scope::Local);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let before = "{ \"model\": \"opus\" }\n";
        std::fs::write(&file, before).unwrap();

        let dry = install(&surroundings, &program(), &rules(), Scope::Local, true).unwrap();
        assert!(dry.diff.contains("\n+") && dry.backup.is_none());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), before);

        let first = install(&surroundings, &program(), &rules(), Scope::Local, false).unwrap();
        let installed = std::fs::read_to_string(&file).unwrap();
        assert_eq!(installed, dry.change.text);
        assert_eq!(std::fs::read_to_string(first.backup.unwrap()).unwrap(), before);
        assert_eq!(first.rules, ["Read(./.env)", "Read(./**/.env)"]);
        let second = install(&surroundings, &program(), &rules(), Scope::Local, false).unwrap();
        assert!(!second.change.changed && second.backup.is_none());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), installed);

        let removal = super::super::uninstall::uninstall(&surroundings, None, Scope::Local, false).unwrap();
        assert!(removal.changed());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
        assert!(
            !super::super::uninstall::uninstall(&surroundings, None, Scope::Local, false).unwrap().changed()
        );
    }

    #[test]
    fn a_file_that_was_made_is_removed_again() {
        let (_root, surroundings) = place();
        install(&surroundings, &program(), &[], Scope::User, false).unwrap();
        let file = surroundings.settings_file(Scope::User);
        assert!(file.exists());
        super::super::uninstall::uninstall(&surroundings, None, Scope::User, false).unwrap();
        assert!(!file.exists());
    }

    #[test]
    fn a_file_the_client_rejects_is_refused_with_every_problem() {
        let (_root, surroundings) = place();
        let file = surroundings.settings_file(Scope::Project);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let text = r#"{"model":5,"hooks":{"PreToolUse":[{"hooks":[{"type":"command"}]}]}}"#;
        std::fs::write(&file, text).unwrap();
        let failure = install(&surroundings, &program(), &[], Scope::Project, false).unwrap_err();
        assert_eq!((failure.exit, failure.help.len()), (Exit::Data, 2));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }

    #[test]
    fn warns_where_the_client_would_not_look() {
        let (_root, surroundings) = place();
        let report = install(&surroundings, &program(), &[], Scope::Local, true).unwrap();
        assert_eq!(report.warnings.len(), 1, "{:?}", report.warnings);
        std::fs::remove_dir(surroundings.places.project.join(".git")).unwrap();
        std::fs::write(surroundings.places.project.join(".gitignore"), "/.claude/\n").unwrap();
        let report = install(&surroundings, &program(), &[], Scope::Local, true).unwrap();
        assert!(
            report.warnings.len() == 1 && report.warnings[0].contains("git repository"),
            "{:?}",
            report.warnings
        );
    }
}
