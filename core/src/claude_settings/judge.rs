//! May the client adopt settings that have just changed on the disk? Asked by the ConfigChange hook: refusing keeps
//! the hooks of the running session as they were.

use std::path::Path;

use super::EVENTS;
use super::files::{Content, Scope, SettingsFile, SettingsFiles};
use super::tree::Settings;
use super::wiring::{Redirect, State, Wiring};

/// Refuses a change that would leave the next call of this session unguarded. `changed` and `source` are the payload's
/// `file_path` and `source`; `binary` is the program that runs this very hook, and only hooks that run the same file
/// count. A settings file that was deleted counts as empty. Skills cannot carry settings hooks, so they pass.
///
/// The error is one line for the person and the model.
pub fn judge_config_change(
    changed: Option<&Path>,
    source: &str,
    files: &SettingsFiles,
    binary: &Path,
) -> Result<(), String> {
    if source == "skills" {
        return Ok(());
    }
    // A source we do not know may be any of them.
    let known = SOURCES.iter().any(|(_, name)| *name == source);
    let is_changed = |file: &SettingsFile| {
        !known || changed == Some(&file.path) || SOURCES.contains(&(file.scope, source))
    };
    let parsed: Vec<_> = files.files.iter().map(|file| (file, Settings::parse(file.bytes()))).collect();
    let mut wirings = Vec::new();
    for (file, settings) in &parsed {
        let path = file.path.display();
        if is_changed(file)
            && let Content::Unreadable(error) = &file.content
        {
            return Err(refusal(&format!("`{path}` cannot be read ({error})")));
        }
        if is_changed(file)
            && let Some(problem) = settings.problems().iter().find(|problem| problem.voids_file())
        {
            let place = format!("{path}:{}:{}", problem.line, problem.column);
            return Err(refusal(&format!("the client would ignore all of `{place}`: {}", problem.message)));
        }
        let wiring = Wiring::of(settings, Some(binary));
        if wiring.disable_all_hooks {
            return Err(refusal(&format!("`{path}` sets disableAllHooks")));
        }
        if let Some(entry) = wiring.redirects.first() {
            let Redirect { name, line } = entry;
            return Err(refusal(&format!(
                "`{path}:{line}` sets {name} in `env`, which leads the hook elsewhere"
            )));
        }
        wirings.push((file.scope, wiring));
    }
    let managed_only =
        wirings.iter().any(|(scope, wiring)| *scope == Scope::Managed && wiring.managed_hooks_only);
    for event in &EVENTS {
        let wired = wirings.iter().filter(|(scope, _)| !managed_only || *scope == Scope::Managed).any(|(_, wiring)| {
            matches!(wiring.state(event.name), Some(State::Full { command }) if is_binary(command, binary))
        });
        if !wired {
            return Err(refusal(&format!("no settings file would wire the firewall to {}", event.name)));
        }
    }
    Ok(())
}

fn refusal(what: &str) -> String {
    format!(
        "agentfirewall: this change of the settings is not adopted, because {what}; a person can undo it or run \
         `agentfirewall install`"
    )
}

const SOURCES: [(Scope, &str); 4] = [
    (Scope::User, "user_settings"),
    (Scope::Project, "project_settings"),
    (Scope::Local, "local_settings"),
    (Scope::Managed, "policy_settings"),
];

/// Whether a hook's command is the running program. A name alone would let a program of the same name take our place,
/// so the same path or the same file is asked for.
fn is_binary(command: &str, binary: &Path) -> bool {
    let command = Path::new(command);
    if !command.is_absolute() {
        return false;
    }
    command == binary
        || matches!((command.canonicalize(), binary.canonicalize()), (Ok(theirs), Ok(ours)) if theirs == ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claude_settings::edit::{Request, plan_install};

    const BINARY: &str = "/opt/agentfirewall";

    fn installed(before: &str, command: &str) -> String {
        plan_install(Some(before.as_bytes()), &Request { command, deny_rules: &[] }, None).unwrap().text
    }

    fn judge(user: Option<&str>, local: Option<&str>, source: &str) -> Result<(), String> {
        let file = |scope, path: &str, text: Option<&str>| SettingsFile {
            scope,
            path: path.into(),
            content: text.map_or(Content::Missing, |text| Content::Bytes(text.as_bytes().to_vec())),
        };
        let files = SettingsFiles {
            files: vec![
                file(Scope::User, "/home/me/.claude/settings.json", user),
                file(Scope::Local, "/p/.claude/settings.local.json", local),
            ],
        };
        judge_config_change(None, source, &files, Path::new(BINARY))
    }

    #[test]
    fn harmless_changes_pass() {
        let full = installed(r#"{"model":"opus"}"#, BINARY);
        assert_eq!(judge(None, Some(&full), "local_settings"), Ok(()));
        assert_eq!(judge(Some(&full), None, "local_settings"), Ok(()));
        assert_eq!(
            judge(Some(&full), Some(r#"{"env":{"DEBUG":"1","PATH":"/x"}}"#), "local_settings"),
            Ok(())
        );
        assert_eq!(judge(None, None, "skills"), Ok(()));
        // Broken before this session and still broken: not this change's fault, and the hooks are elsewhere.
        assert_eq!(judge(Some(&full), Some("{,}"), "user_settings"), Ok(()));
    }

    #[test]
    fn changes_that_open_the_door_are_refused_with_their_reason() {
        let full = installed("{}", BINARY);
        for (local, reason) in [
            (Some(String::from("{}")), "PreToolUse"),
            (None, "PreToolUse"),
            (Some(format!("{full},")), "would ignore all"),
            (Some(full.replace("\"hooks\": {", "// hi\n\"hooks\": {")), "comments"),
            (Some(full.replacen('{', "{\"disableAllHooks\": true,", 1)), "disableAllHooks"),
            (Some(full.replacen('{', "{\"env\": {\"XDG_CONFIG_HOME\":\"/tmp\"},", 1)), "XDG_CONFIG_HOME"),
            (Some(full.replacen('{', "{\"model\": 5,", 1)), "model"),
            (Some(full.replace("\"onFailure\": \"block\"", "\"x\": 1")), "PreToolUse"),
            (Some(full.replace("ConfigChange", "Stop")), "ConfigChange"),
            (Some(full.replace("\"*\"", "\"Nope\"")), "PreToolUse"),
            (Some(installed("{}", "/tmp/evil/agentfirewall")), "PreToolUse"),
        ] {
            let error = judge(None, local.as_deref(), "local_settings").unwrap_err();
            assert!(error.contains(reason) && !error.contains('\n'), "{error} / {reason}");
        }
        let off = Some(r#"{"disableAllHooks":true}"#);
        assert!(judge(Some(&full), off, "local_settings").is_err());
        assert!(judge(Some(&full), Some("{,}"), "local_settings").is_err());
        assert!(judge(Some(&full), Some("{,}"), "some_new_settings").is_err());
    }

    #[test]
    fn a_managed_file_that_allows_only_managed_hooks_shuts_ours_out() {
        let full = installed("{}", BINARY);
        let file = |scope, path: &str, text: String| SettingsFile {
            scope,
            path: path.into(),
            content: Content::Bytes(text.into_bytes()),
        };
        let only = installed(r#"{"allowManagedHooksOnly":true}"#, BINARY);
        let with = |managed: &str| SettingsFiles {
            files: vec![
                file(Scope::User, "/u", full.clone()),
                file(Scope::Managed, "/m", managed.to_owned()),
            ],
        };
        let judge = |files| judge_config_change(None, "policy_settings", &files, Path::new(BINARY));
        assert!(judge(with(r#"{"allowManagedHooksOnly":true}"#)).is_err());
        assert_eq!(judge(with(&only)), Ok(()));
    }

    #[test]
    fn an_unreadable_file_is_not_an_empty_one() {
        let mut files = SettingsFiles {
            files: vec![SettingsFile {
                scope: Scope::User,
                path: "/u".into(),
                content: Content::Bytes(installed("{}", BINARY).into_bytes()),
            }],
        };
        let judge = |files: &SettingsFiles| {
            judge_config_change(Some(Path::new("/l")), "local_settings", files, Path::new(BINARY))
        };
        assert_eq!(judge(&files), Ok(()));
        files.files.push(SettingsFile {
            scope: Scope::Local,
            path: "/l".into(),
            content: Content::Unreadable("permission denied".into()),
        });
        assert!(judge(&files).is_err());
    }
}
