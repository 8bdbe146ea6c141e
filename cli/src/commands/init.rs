//! `agentfirewall init`: a project's own policy and an empty audit log.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use agentfirewall_core::audit::KeyRing;
use agentfirewall_core::places::{LOG_FILE, POLICY_FILE, PROJECT_FOLDER};
use agentfirewall_core::policy;
use serde_json::json;

use crate::args::InitArgs;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// Explains the keys before the policy itself.
const HEADER: &str = "\
# The policy of this project. Check it after every change: agentfirewall validate
#
# The first rule that matches decides about each part of a call (a command of a script, a path, a host), and the
# strictest part decides about the call. A managed or user policy can be stricter than this one, never milder; without one,
# what the pack `minimal` denies stays denied whatever stands here.
#
# Actions, strictest first:
#   deny    block the call                     ask     put it before a person
#   alert   let it pass and tell the sinks     log     let it pass and mark it in the audit log
#   allow   let it pass
#
# Rules of your own come first and win; then come the ones of the built-in packs under `extends`:
#   agentfirewall packs             lists them, `agentfirewall packs git` shows the rules of one
#   agentfirewall explain 'CMD'     says what a command does and which rule is about it
#
# Keys of the policy: version, name, description, default_action, extends, rules, and
#   mode: monitor                   stop nothing, only record what would have been stopped
#   ask: {headless: deny, bypass: deny}   what an ask becomes where no person can answer it
#
# Keys of a rule: name, action, reason, and
#   tools: [\"Bash\", \"mcp__*\"]       names of tools; left out it is every tool
#   resources: [\"rm -rf *\"]         commands, paths, hosts; left out it is everything
#   effects: [\"git.force-push\"]    what the call does, instead of what it names; `agentfirewall packs --effects`
#   suggest: \"...\"                  what the model is told to do instead
#   mode: monitor                   record what this rule would have done
#   match: {regex: \"...\"}           a further condition; `agentfirewall plugins list` shows the matchers,
#                                   `all: [...]`, `any: [...]` and `not: {...}` combine them
# Wildcards: * any run of characters, ? one character, [abc] or [!abc] one of a set.

";

/// The policy itself.
const BODY: &str = "\
version: \"1.0\"
name: project
description: What agents may do in this project
default_action: log          # allow | log | alert | ask | deny
extends: [PACK]

rules: []
# - name: let-me-force-push-my-branches
#   effects: [git.force-push]
#   match: {command: {operands: [\"feature/*\"]}}
#   action: allow
#   reason: \"Branches of features are mine\"
";

pub(crate) fn run(args: InitArgs, ui: &Ui) -> Result<Exit, Failure> {
    let working_folder =
        std::env::current_dir().map_err(|error| Failure::io("the working folder", &error))?;
    if policy::pack(&args.extends).is_none() {
        return Err(super::packs::unknown(&args.extends));
    }
    let made = init(&working_folder, &args.extends)?;
    // So that the first checkpoint is not the first use of a key nobody has noted.
    KeyRing::new(&super::places()?.state)
        .signer_or_new(jiff::Timestamp::now())
        .map_err(|error| Failure::new(Exit::Io, error.to_string()))?;
    if args.json {
        let files: Vec<_> = made
            .iter()
            .map(|(name, created)| json!({"file": working_folder.join(name), "created": created}))
            .collect();
        ui.line(json!({"files": files}).to_string());
        return Ok(Exit::Success);
    }
    for (name, created) in &made {
        ui.line(if *created { format!("Created {name}") } else { format!("{name} already exists") });
    }
    ui.line("");
    ui.line("The audit log belongs to this machine. If you use git, ignore it:");
    ui.line(format!("  echo '{PROJECT_FOLDER}/{LOG_FILE}*' >> .gitignore"));
    ui.line("Next: agentfirewall install");
    Ok(Exit::Success)
}

/// Creates what is missing and says for each file whether it was.
fn init(project: &Path, extends: &str) -> Result<Vec<(String, bool)>, Failure> {
    let folder = project.join(PROJECT_FOLDER);
    create_folder(&folder)?;
    let policy = format!("{HEADER}{}", BODY.replace("PACK", extends));
    let mut made = Vec::new();
    for (name, text, mode) in [(POLICY_FILE, policy.as_str(), 0o644), (LOG_FILE, "", 0o600)] {
        let created = create(&folder, name, text, mode)?;
        made.push((format!("{PROJECT_FOLDER}/{name}"), created));
    }
    Ok(made)
}

fn create_folder(folder: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
    match builder.create(folder) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(Failure::new(Exit::Io, format!("`{}` exists and is no folder", folder.display()))
                .help("move it away and run `agentfirewall init` again"))
        }
        Err(error) => Err(Failure::io(format!("`{}` cannot be created", folder.display()), &error)),
    }
}

/// Puts a whole file into place in one step, unless something is there already.
fn create(folder: &Path, name: &str, text: &str, mode: u32) -> Result<bool, Failure> {
    let path = folder.join(name);
    let failed =
        |error: &std::io::Error| Failure::io(format!("`{}` cannot be created", path.display()), error);
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
    file.write_all(text.as_bytes())
        .and_then(|()| set_mode(file.as_file(), mode))
        .map_err(|error| failed(&error))?;
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(&error.error)),
    }
}

#[cfg(unix)]
fn set_mode(file: &fs::File, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_file: &fs::File, _mode: u32) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creates_what_is_missing_and_overwrites_nothing() {
        let project = tempfile::tempdir().unwrap();
        let made = init(project.path(), "strict").unwrap();
        assert!(made.iter().all(|(_, created)| *created));
        let policy = project.path().join(".agentfirewall/policy.yaml");
        let text = fs::read_to_string(&policy).unwrap();
        assert!(text.starts_with('#') && text.contains("extends: [strict]"));
        assert_eq!(fs::read_to_string(project.path().join(".agentfirewall/audit.jsonl")).unwrap(), "");
        fs::write(&policy, "mine").unwrap();
        let again = init(project.path(), "strict").unwrap();
        assert!(again.iter().all(|(_, created)| !*created));
        assert_eq!(fs::read_to_string(&policy).unwrap(), "mine");
        let left: Vec<_> = fs::read_dir(project.path().join(".agentfirewall")).unwrap().collect();
        assert_eq!(left.len(), 2, "no temporary file is left");
    }

    #[cfg(unix)]
    #[test]
    fn the_log_is_private_and_the_policy_is_for_everyone_on_the_team() {
        use std::os::unix::fs::PermissionsExt;

        let project = tempfile::tempdir().unwrap();
        init(project.path(), "strict").unwrap();
        let mode = |name: &str| {
            fs::metadata(project.path().join(".agentfirewall").join(name)).unwrap().permissions().mode()
                & 0o777
        };
        assert_eq!((mode("policy.yaml"), mode("audit.jsonl")), (0o644, 0o600));
    }

    #[test]
    fn a_file_in_the_folders_place_is_told() {
        let project = tempfile::tempdir().unwrap();
        fs::write(project.path().join(".agentfirewall"), "x").unwrap();
        assert_eq!(init(project.path(), "strict").unwrap_err().exit, Exit::Io);
    }
}
