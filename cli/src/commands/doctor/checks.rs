//! The checks that need no running client.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use agentfirewall_core::claude_settings::{
    Content, EVENTS, Effect, Scope, Settings, SettingsFile, SettingsFiles, State, Wiring,
};
use agentfirewall_core::policy::{self, Layer};
use agentfirewall_core::registry::Registry;

use super::{Check, Status};
use crate::composition;
use crate::process;
use crate::settings::{Program, Surroundings, describe, join};

/// How long a program may take to say its version.
const VERSION_LIMIT: Duration = Duration::from_secs(20);

/// Every settings file: is it there, does the client accept it, what does it wire, what speaks against it?
pub(super) fn settings(files: &SettingsFiles, program: &Program) -> Vec<Check> {
    files.files.iter().flat_map(|file| one_file(file, program)).collect()
}

fn one_file(file: &SettingsFile, program: &Program) -> Vec<Check> {
    let name = format!("settings ({})", file.scope.as_str());
    let path = file.path.display();
    match &file.content {
        Content::Missing => return vec![Check::ok(&name, format!("{path}: none"))],
        Content::Unreadable(error) => {
            return vec![Check::fail(&name, format!("{path} cannot be read: {error}"))];
        }
        Content::Bytes(_) => {}
    }
    let settings = Settings::parse(file.bytes());
    let problems = settings.problems();
    if settings.is_void() {
        let check =
            Check::fail(&name, format!("{path}: the client ignores this whole file, hooks and permissions"));
        return vec![
            problems.iter().fold(check, |check, problem| check.advise(describe(&file.path, problem))),
        ];
    }
    let wiring = Wiring::of(&settings, Some(Path::new(&program.command)));
    let full = wiring.events.iter().filter(|event| matches!(event.state, State::Full { .. })).count();
    let mut checks = Vec::new();
    let summary = match full {
        0 => format!("{path}: valid, not wired"),
        full if full == EVENTS.len() => format!("{path}: valid, every event wired"),
        full => format!("{path}: valid, {full} of {} events wired", EVENTS.len()),
    };
    let status = if problems.is_empty() { Status::Ok } else { Status::Warn };
    let check = Check::new(&name, status, summary);
    checks.push(problems.iter().fold(check, |check, problem| {
        let lost = if problem.effect == Effect::LosesEntry { "the client ignores this entry: " } else { "" };
        check.advise(format!("{lost}{}", describe(&file.path, problem)))
    }));
    for event in &wiring.events {
        if let State::Weak(faults) = &event.state {
            checks.push(
                Check::warn(
                    &name,
                    format!("the hook for {} can be passed by: {}", event.event.name, join(faults)),
                )
                .advise(format!("run `agentfirewall install --scope {}`", file.scope.as_str())),
            );
        }
    }
    if wiring.disable_all_hooks {
        checks.push(
            Check::fail(&name, format!("{path} sets `disableAllHooks`: no hook runs"))
                .advise("remove it, or install into the managed settings, which it does not reach"),
        );
    }
    if wiring.managed_hooks_only && file.scope == Scope::Managed {
        checks.push(
            Check::warn(&name, format!("{path} lets only managed hooks run"))
                .advise("install with `--scope managed`; hooks of the other files are ignored"),
        );
    }
    for entry in &wiring.redirects {
        checks.push(
            Check::fail(
                &name,
                format!(
                    "{path}:{}: `env` sets {}, which can lead the hook elsewhere",
                    entry.line, entry.name
                ),
            )
            .advise("remove it, or set it in the shell that starts the client"),
        );
    }
    if wiring.python_hooks > 0 {
        checks.push(
            Check::warn(
                &name,
                format!("{path} still holds {} hook(s) of the Python program", wiring.python_hooks),
            )
            .advise(format!(
                "run `agentfirewall install --scope {}`: it takes them out",
                file.scope.as_str()
            )),
        );
    }
    checks
}

/// What all the files come to: an event is guarded if any file that counts wires it.
pub(super) fn wiring(surroundings: &Surroundings, files: &SettingsFiles) -> Vec<Check> {
    let parsed: Vec<_> = files.files.iter().map(|file| (file.scope, Settings::parse(file.bytes()))).collect();
    let wirings: Vec<_> =
        parsed.iter().map(|(scope, settings)| (*scope, Wiring::of(settings, None))).collect();
    let managed_only =
        wirings.iter().any(|(scope, wiring)| *scope == Scope::Managed && wiring.managed_hooks_only);
    let mut scopes: BTreeMap<&str, Vec<Scope>> = BTreeMap::new();
    for (scope, wiring) in wirings.iter().filter(|(scope, _)| !managed_only || *scope == Scope::Managed) {
        for event in wiring.events.iter().filter(|event| matches!(event.state, State::Full { .. })) {
            scopes.entry(event.event.name).or_default().push(*scope);
        }
    }
    let missing: Vec<_> = EVENTS
        .iter()
        .map(|event| event.name)
        .filter(|name| !scopes.contains_key(name))
        .map(str::to_owned)
        .collect();
    let mut checks = vec![if missing.is_empty() {
        Check::ok("wiring", "every event reaches the firewall at full strength")
    } else {
        Check::fail("wiring", format!("nothing reaches the firewall for {}", join(&missing)))
            .advise("run `agentfirewall install` (or `--scope user` for every project)")
    }];
    let everywhere =
        |scopes: &Vec<Scope>| scopes.iter().any(|scope| matches!(scope, Scope::User | Scope::Managed));
    let elsewhere = surroundings.working_folder != surroundings.places.project;
    if missing.is_empty() && !scopes.values().all(everywhere) && !surroundings.has_git_root() {
        let project = surroundings.places.project.display();
        let message = format!(
            "without a git repository the client reads these settings only when started in {project} itself"
        );
        let check =
            if elsewhere { Check::fail("git root", message) } else { Check::warn("git root", message) };
        checks.push(check.advise("run `git init` there, or `agentfirewall install --scope user`"));
    }
    checks
}

/// The programs the hooks name: are they there, do they run, are they this version?
pub(super) fn programs(files: &SettingsFiles) -> Vec<Check> {
    let mut commands = Vec::new();
    for file in &files.files {
        let settings = Settings::parse(file.bytes());
        for event in Wiring::of(&settings, None).events {
            if let State::Full { command } = event.state
                && !commands.contains(&command)
            {
                commands.push(command);
            }
        }
    }
    let mut checks: Vec<_> = commands.iter().map(|command| one_program(command)).collect();
    if commands.len() > 1 {
        checks.push(
            Check::warn("program", format!("the hooks name different programs: {}", join(&commands))).advise(
                "each runs for every call; run `agentfirewall install` for each scope to make them one",
            ),
        );
    }
    checks
}

fn one_program(command: &str) -> Check {
    let fix = "run `agentfirewall install` with the program you want to use";
    match process::run(Command::new(command).arg("--version"), VERSION_LIMIT) {
        Err(error) => {
            Check::fail("program", format!("{command} does not run: {error}; the client blocks every call"))
                .advise(fix)
        }
        Ok(answer) if !answer.status.success() => {
            let said = answer.errors.lines().next().unwrap_or("nothing").to_owned();
            Check::fail("program", format!("{command} --version failed and said: {said}")).advise(fix)
        }
        Ok(answer) => {
            let said = answer.output.trim();
            let ours = concat!("agentfirewall ", env!("CARGO_PKG_VERSION"));
            if said == ours {
                Check::ok("program", format!("{command} is {said}"))
            } else if said.starts_with("agentfirewall ") {
                Check::warn("program", format!("{command} is {said}, this is {ours}")).advise(fix)
            } else {
                Check::fail("program", format!("{command} is not agentfirewall")).advise(fix)
            }
        }
    }
}

/// The client on the `PATH`.
pub(super) fn find_client() -> Option<PathBuf> {
    let names: &[&str] = if cfg!(windows) { &["claude.exe", "claude.cmd"] } else { &["claude"] };
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

/// Whether the program can load libraries. Only where it cannot there is something to say.
pub(super) fn host() -> Option<Check> {
    let lost = "`agentfirewall-host` is not beside the program: a call that needs a plugin is denied";
    (!crate::host::is_this()).then(|| Check::warn("plugins", lost).advise("install both programs together"))
}

/// The client's version decides what it honours.
pub(super) fn client(client: Option<&Path>) -> Check {
    let Some(path) = client else {
        return Check::warn("client", "`claude` is not on the PATH")
            .advise("nothing to guard, or it is started another way");
    };
    let answer = match process::run(Command::new(path).arg("--version"), VERSION_LIMIT) {
        Ok(answer) => answer.output,
        Err(error) => return Check::warn("client", format!("{} does not run: {error}", path.display())),
    };
    judge_client(&path.display().to_string(), answer.trim())
}

fn judge_client(path: &str, said: &str) -> Check {
    let version = said.split_whitespace().next().unwrap_or_default();
    let parts: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    let message = format!("{path} is {said}");
    match parts.as_slice() {
        // `args` came with 2.1.139: before it the client ignores them and runs the program without its arguments.
        [major, minor, patch] if (*major, *minor, *patch) < (2, 1, 139) => {
            Check::fail("client", format!("{message}: too old, it does not pass arguments to hooks"))
                .advise("update it to 2.1.295 or later")
        }
        [major, minor, patch] if (*major, *minor, *patch) < (2, 1, 295) => Check::warn(
            "client",
            format!("{message}: if the hook cannot run, this version goes ahead with the call"),
        )
        .advise("update it to 2.1.295 or later, which honours `onFailure`"),
        [_, _, _] => Check::ok("client", message),
        _ => Check::warn("client", format!("{path} says `{said}`, which is no version")),
    }
}

/// The policies: which apply, and whether they load as the hook loads them.
pub(super) fn policy_state(surroundings: &Surroundings) -> Vec<Check> {
    let broken = |message: String| {
        vec![Check::fail("policy", message).advise(
            "every call is denied until it is put right; `agentfirewall validate` shows every problem",
        )]
    };
    let registry = match composition::installed(&surroundings.places) {
        Ok(registry) => registry,
        Err(failure) => return broken(failure.message),
    };
    let compiled = match policy::load(&surroundings.places, &registry) {
        Ok(compiled) => compiled,
        Err(error) => return broken(error.to_string()),
    };
    match compiled.layers() {
        Ok(layers) => layers.iter().map(layer_state).chain(libraries(&registry)).collect(),
        Err(error) => broken(error.to_string()),
    }
}

/// The installed plugins, and whether each may be loaded.
fn libraries(registry: &Registry) -> impl Iterator<Item = Check> {
    registry.libraries().iter().map(|library| {
        let plugin = &library.plugin;
        let name = format!("plugin ({})", plugin.name);
        match plugin.open() {
            Ok(_) => Check::ok(&name, format!("{} is installed and unchanged", plugin.version)),
            Err(error) => Check::fail(&name, error.to_string())
                .advise("calls that need it are denied until it is put right"),
        }
    })
}

fn layer_state(layer: &Layer<'_>) -> Check {
    let name = format!("policy ({})", layer.kind.as_str());
    let message = format!("{}: {} rules, else {}", layer.source, layer.rule_count(), layer.default_action);
    if layer.monitor {
        Check::warn(&name, format!("{message}; monitor mode: nothing is stopped"))
            .advise("say `mode: enforce` in it when you have seen enough")
    } else {
        Check::ok(&name, message)
    }
}

/// The places the hook writes to.
pub(super) fn folders(surroundings: &Surroundings) -> Vec<Check> {
    let log = surroundings.places.audit_log();
    let state = &surroundings.places.state;
    vec![
        match appendable(&log) {
            Ok(()) => Check::ok("audit log", log.display().to_string()),
            Err(error) => Check::fail("audit log", format!("{} cannot be written: {error}", log.display()))
                .advise("every call is denied while the log cannot be written"),
        },
        match writable(state) {
            Ok(()) => Check::ok("state", state.display().to_string()),
            Err(error) => Check::fail("state", format!("{} cannot be written: {error}", state.display())),
        },
    ]
}

fn appendable(file: &Path) -> std::io::Result<()> {
    match OpenOptions::new().append(true).open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => writable(file.parent().unwrap_or(file)),
        Err(error) => Err(error),
    }
}

/// Whether files can be made in a folder, or in the nearest one above it that exists.
fn writable(folder: &Path) -> std::io::Result<()> {
    let existing = folder.ancestors().find(|folder| folder.symlink_metadata().is_ok()).unwrap_or(folder);
    tempfile::tempfile_in(existing).map(|_| ())
}

#[cfg(test)]
mod tests {
    use agentfirewall_core::claude_settings::{Request, plan_install};
    use agentfirewall_core::places::Places;

    use super::*;

    fn surroundings(project: &Path) -> Surroundings {
        let places = Places::discover(&|name| (name == "HOME").then(|| project.into()), project);
        Surroundings { places, working_folder: project.to_owned(), client_config: None }
    }

    fn file(scope: Scope, text: &str) -> SettingsFile {
        SettingsFile { scope, path: "/s.json".into(), content: Content::Bytes(text.as_bytes().to_vec()) }
    }

    fn installed(before: &str) -> String {
        let request = Request { command: "/opt/agentfirewall", deny_rules: &[] };
        plan_install(Some(before.as_bytes()), &request, None).unwrap().text
    }

    fn failures(checks: &[Check]) -> Vec<&str> {
        checks
            .iter()
            .filter(|check| check.status == Status::Fail)
            .map(|check| check.message.as_str())
            .collect()
    }

    #[test]
    fn each_way_to_be_unprotected_fails_and_a_full_installation_does_not() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(".git")).unwrap();
        let surroundings = surroundings(root.path());
        let program = Program { command: "/opt/agentfirewall".into(), warning: None };
        let all = |files: Vec<SettingsFile>| {
            let files = SettingsFiles { files };
            [settings(&files, &program), wiring(&surroundings, &files)].concat()
        };
        let full = installed(r#"{"model":"opus"}"#);
        assert_eq!(failures(&all(vec![file(Scope::User, &full)])), [""; 0]);
        for (files, expected) in [
            (vec![], "nothing reaches"),
            (vec![file(Scope::Local, &full.replace("opus\"", "opus\","))], "ignores this whole file"),
            (
                vec![file(Scope::User, &full), file(Scope::Local, r#"{"disableAllHooks":true}"#)],
                "disableAllHooks",
            ),
            (vec![file(Scope::User, &full), file(Scope::Local, r#"{"env":{"HOME":"/x"}}"#)], "HOME"),
            (
                vec![file(Scope::User, &full), file(Scope::Managed, r#"{"allowManagedHooksOnly":true}"#)],
                "nothing reaches",
            ),
            (vec![file(Scope::User, &full.replace("ConfigChange", "Stop"))], "for ConfigChange"),
        ] {
            let checks = all(files);
            assert!(
                failures(&checks).iter().any(|message| message.contains(expected)),
                "{expected}: {checks:?}"
            );
        }
    }

    #[test]
    fn without_git_a_project_installation_holds_in_its_own_folder_only() {
        let root = tempfile::tempdir().unwrap();
        let mut here = surroundings(root.path());
        let local = SettingsFiles { files: vec![file(Scope::Local, &installed("{}"))] };
        let user = SettingsFiles { files: vec![file(Scope::User, &installed("{}"))] };
        let status = |here: &Surroundings, files| {
            wiring(here, files).iter().find(|check| check.name == "git root").map(|check| check.status)
        };
        assert_eq!(status(&here, &local), Some(Status::Warn));
        assert_eq!(status(&here, &user), None);
        here.working_folder = root.path().join("below");
        assert_eq!(status(&here, &local), Some(Status::Fail));
    }

    #[test]
    fn versions_of_the_client() {
        for (said, status) in [
            ("2.1.330 (Claude Code)", Status::Ok),
            ("3.0.0", Status::Ok),
            ("2.1.197 (Claude Code)", Status::Warn),
            ("2.1.138 (Claude Code)", Status::Fail),
            ("1.9.999", Status::Fail),
            ("hello", Status::Warn),
        ] {
            assert_eq!(judge_client("claude", said).status, status, "{said}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_named_program_must_run_and_be_ours() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let script = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            one_program(path.to_str().unwrap()).status
        };
        assert_eq!(script("same", concat!("echo agentfirewall ", env!("CARGO_PKG_VERSION"))), Status::Ok);
        assert_eq!(script("older", "echo agentfirewall 0.0.1"), Status::Warn);
        assert_eq!(script("foreign", "echo hello"), Status::Fail);
        assert_eq!(script("broken", "exit 1"), Status::Fail);
        assert_eq!(one_program("/nowhere/agentfirewall").status, Status::Fail);
    }
}
