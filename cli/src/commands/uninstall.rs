//! `agentfirewall uninstall`

use std::path::{Path, PathBuf};

use agentfirewall_core::claude_settings::{Removal, Scope, plan_uninstall};
use serde_json::json;

use crate::args::WiringArgs;
use crate::failure::{Exit, Failure};
use crate::settings::{
    Expected, Records, Surroundings, back_up, diff, join, read, refused, replace, scope_of, this_program,
};
use crate::ui::Ui;

pub(crate) fn run(args: WiringArgs, ui: &Ui) -> Result<Exit, Failure> {
    let surroundings = Surroundings::find()?;
    let program = this_program(&surroundings.working_folder)?;
    let binary = Path::new(&program.command);
    let report = uninstall(&surroundings, Some(binary), scope_of(args.scope), args.dry_run)?;
    report.print(ui, args.json);
    Ok(Exit::Success)
}

/// What was done, or would be.
#[derive(Debug)]
pub(super) struct Report {
    file: PathBuf,
    scope: Scope,
    dry_run: bool,
    removal: Option<Removal>,
    diff: String,
    backup: Option<PathBuf>,
}

pub(super) fn uninstall(
    surroundings: &Surroundings,
    binary: Option<&Path>,
    scope: Scope,
    dry_run: bool,
) -> Result<Report, Failure> {
    let file = surroundings.settings_file(scope);
    let cannot = |what: &str| format!("`{}` cannot be {what}", file.display());
    let mut report =
        Report { file: file.clone(), scope, dry_run, removal: None, diff: String::new(), backup: None };
    let records = Records::of(&surroundings.places);
    let Some(before) = read(&file).map_err(|error| Failure::io(cannot("read"), &error))? else {
        return Ok(report);
    };
    let removal = plan_uninstall(&before, binary, records.load(&file).as_ref())
        .map_err(|error| refused(&file, &error))?;
    let old = String::from_utf8_lossy(&before);
    report.diff = diff(&file, &old, removal.text.as_deref().unwrap_or_default());
    let removal = report.removal.insert(removal);
    if dry_run {
        return Ok(report);
    }
    if removal.changed {
        let failed = |error: std::io::Error| Failure::io(cannot("written"), &error);
        report.backup =
            Some(back_up(&file, &before).map_err(|error| Failure::io(cannot("backed up"), &error))?);
        match &removal.text {
            Some(text) => {
                replace(&file, text.as_bytes(), Expected::Still(Some(&before)), 0o600).map_err(failed)?;
            }
            None => std::fs::remove_file(&file).map_err(failed)?,
        }
    }
    records
        .forget(&file)
        .map_err(|error| Failure::io("the record of the installation cannot be removed", &error))?;
    Ok(report)
}

impl Report {
    /// Whether there was anything to do.
    pub(super) fn changed(&self) -> bool {
        self.removal.as_ref().is_some_and(|removal| removal.changed)
    }

    fn print(&self, ui: &Ui, as_json: bool) {
        let handlers = self.removal.as_ref().map_or(0, |removal| removal.handlers);
        let rules = self.removal.as_ref().map(|removal| removal.deny_rules.clone()).unwrap_or_default();
        if as_json {
            let report = json!({
                "file": self.file, "scope": self.scope.as_str(), "dry_run": self.dry_run, "changed": self.changed(),
                "hooks_removed": handlers, "deny_rules_removed": rules, "backup": self.backup, "diff": self.diff,
            });
            return ui.line(report.to_string());
        }
        let file = self.file.display();
        if !self.changed() {
            return ui.line(format!("Nothing to do: {file} holds no hook of agentfirewall."));
        }
        if self.dry_run {
            ui.line(self.diff.trim_end());
            return ui.note("Nothing was written (--dry-run).");
        }
        ui.line(format!("Removed {handlers} hook(s) from {file}."));
        if !rules.is_empty() {
            ui.line(format!("  permissions.deny: {}", join(&rules)));
        }
        if let Some(backup) = &self.backup {
            ui.line(format!("  backup: {}", backup.display()));
        }
        ui.line("A client that is running keeps the hooks until it ends: the firewall does not let them go in between.");
    }
}
