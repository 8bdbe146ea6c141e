//! What the fuzz targets do: one function a target, which must come back for any bytes at all.
//!
//! They live in a library, so that the committed seeds run through them as ordinary tests on every toolchain. None of
//! them looks at the answer beyond its own laws: the property is that there is one, and that it comes without a panic,
//! an endless loop or memory without bound.

use std::path::Path;
use std::sync::OnceLock;

use agentfirewall_core::agents::{Surroundings, claude_code};
use agentfirewall_core::audit;
use agentfirewall_core::interceptor::Interceptor;
use agentfirewall_core::places::Places;
use agentfirewall_core::policy::{Compiled, DEFAULT_POLICY, LayerKind, compile_text, rules_of_file};
use agentfirewall_core::protection::Protection;
use agentfirewall_core::registry::Registry;
use agentfirewall_core::secrets::{Engine, EngineError, Redactor, Salt};
use agentfirewall_core::store::{Lock, inspect};
use agentfirewall_sdk::{Confidence, Finding, HookEvent, ToolCall};
use serde_json::{Value, json};

/// An agent's payload on standard input. The first byte chooses the event.
pub fn hook_stdin(data: &[u8]) {
    let Some((first, payload)) = data.split_first() else { return };
    let event = HookEvent::ALL[usize::from(*first) % HookEvent::ALL.len()];
    let _answer = claude_code::parse(event, payload, &Surroundings::default());
}

/// A policy file.
pub fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _answer = compile_text(text, LayerKind::User, registry());
}

/// An audit log that somebody else wrote, and a verification that must not believe it without reason.
pub fn audit_log(data: &[u8]) {
    let Ok(file) = tempfile::NamedTempFile::new() else { return };
    if std::fs::write(file.path(), data).is_err() {
        return;
    }
    let _answer = audit::verify(file.path(), &mut |_, _| {});
    // The same bytes as a copy, and as what a store collected.
    let copies = audit::Copies::read(file.path()).ok();
    let checks = audit::Checks { copies, ..audit::Checks::default() };
    let _compared = audit::verify_with(file.path(), checks, &mut |_, _| {});
    if let Ok(collected) = audit::Collected::read(data, Path::new("-"), &mut |_| {}) {
        let report = collected.verify(false, None);
        assert!(report.faults.len() as u64 <= report.fault_count, "no fault is listed that is not counted");
    }
}

/// A signed note, a checkpoint, a proof or a key from elsewhere; and a line of a log as formats and exports read it.
pub fn note(data: &[u8]) {
    let _event = agentfirewall_core::formats::event(data).map(|event| {
        use agentfirewall_core::formats::{cef, csv, ecs, ocsf};
        let texts = [cef::line(&event), csv::line(&event)];
        assert!(!texts[0].contains(['\n', '\r']), "CEF is one line");
        (texts, ecs::document(&event), ocsf::document(&event))
    });
    let Ok(text) = std::str::from_utf8(data) else { return };
    let key =
        audit::note::PublicKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
    let keys: Vec<_> = key.into_iter().chain(audit::note::PublicKey::parse(text)).collect();
    if let Ok((signed, _)) = audit::note::open(text, &keys) {
        assert!(text.starts_with(signed) && signed.ends_with('\n'), "the text is a part of the note");
    }
    let _parts = audit::note::take_apart(text);
    if let Ok(checkpoint) = audit::Checkpoint::parse(text) {
        assert_eq!(
            audit::Checkpoint::parse(&checkpoint.text()).ok(),
            Some(checkpoint),
            "what is read is written alike"
        );
    }
    let _shown = audit::verify_inclusion(text, &audit::Hash::genesis(), &keys);
}

/// A file that somebody wants to add as a plugin library, before it is loaded.
pub fn plugin_library(data: &[u8]) {
    let _answer = inspect(data);
}

/// A lock file of installed plugins, shared by somebody.
pub fn plugins_lock(data: &[u8]) {
    let Ok(file) = tempfile::NamedTempFile::new() else { return };
    if std::fs::write(file.path(), data).is_err() {
        return;
    }
    let _answer = Lock::load(file.path());
}

/// A script that somebody wants to run, judged by the built-in policy.
pub fn shell(data: &[u8]) {
    judge("Bash", json!({"command": String::from_utf8_lossy(data)}));
}

/// A call of any tool: its name on the first line, its input as JSON after it.
pub fn call(data: &[u8]) {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else { return };
    let (name, input) = data.split_at(end);
    let Ok(input) = serde_json::from_slice::<Value>(input) else { return };
    judge(&String::from_utf8_lossy(name), input);
}

/// A text with whatever encodings, for the detectors. The first byte says in pieces of which size it is filtered.
pub fn decode(data: &[u8]) {
    static ENGINE: OnceLock<Engine<'static>> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| Engine::new(registry(), &[]).expect("every detector is known"));
    let Some((size, data)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(data);
    let scanned = engine.scan_text(&text).expect("no detector fails");
    let mut last = 0;
    for finding in &scanned.findings {
        let whole = text.get(finding.span.clone()).is_some_and(|secret| !secret.is_empty());
        assert!(
            whole && finding.span.start >= last,
            "a finding is no place in the text, or not behind the last"
        );
        last = finding.span.end;
    }
    let salt = Salt::random();
    let mut redactor = Redactor::new(engine, &salt, Confidence::High);
    let mut out = Vec::new();
    for piece in data.chunks(usize::from(*size) + 1) {
        redactor.push(piece, &mut out).expect("no detector fails");
    }
    redactor.finish(&mut out).expect("no detector fails");
    let certain = |finding: &Finding| finding.confidence == Confidence::High;
    if !scanned.findings.iter().any(certain) && std::str::from_utf8(data).is_ok() {
        assert!(out == data, "a text without secrets comes out as it went in");
    }
}

/// A file of detection rules, in the form of a policy or of gitleaks, and the detectors that its rules become: they are asked
/// about the file itself.
pub fn detection_rules(data: &[u8]) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join("rules");
    if std::fs::write(&path, data).is_err() {
        return;
    }
    let Ok(rules) = rules_of_file(&path, registry()) else { return };
    let settings = rules.settings();
    let Ok(own) = registry().entries_of_rules(&settings) else { return };
    let Ok(engine) = Engine::from_entries(own.into_iter(), &[]) else { return };
    let text = String::from_utf8_lossy(data);
    match engine.scan_text(&text) {
        Ok(scanned) => {
            for finding in &scanned.findings {
                assert!(text.get(finding.span.clone()).is_some_and(|secret| !secret.is_empty()));
            }
        }
        // A pattern that cannot be compiled is told as such.
        Err(error) => assert!(matches!(error, EngineError::Config { .. }), "{error}"),
    }
}

/// A file that `scan` reads: a zip, a tar, something compressed, a text in whatever encoding.
pub fn archive(data: &[u8]) {
    agentfirewall_plugins::link();
    agentfirewall::scan_bytes(data);
}

fn judge(tool: &str, input: Value) {
    static COMPILED: OnceLock<Compiled> = OnceLock::new();
    static JUDGE: OnceLock<Interceptor<'static>> = OnceLock::new();
    let judge = JUDGE.get_or_init(|| {
        let compiled = COMPILED.get_or_init(|| {
            compile_text(DEFAULT_POLICY, LayerKind::Default, registry())
                .expect("the built-in policy is valid")
        });
        Interceptor::new(compiled, registry(), Path::new("/home/dev"))
            .expect("the built-in policy can be used")
            .protecting(Protection::new(&Places::inside(Path::new("/home/dev/machine")), None, &[]))
    });
    let mut call = ToolCall::new(tool, input);
    call.project = "/home/dev/project".into();
    call.cwd.clone_from(&call.project);
    let answer = judge.check(&call);
    assert!(!answer.is_ok_and(|decision| decision.approve), "the built-in policy approves nothing");
}

fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        agentfirewall_plugins::link();
        Registry::from_linked().expect("the built-in plugins are linked")
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Runs every seed of a target, and cuts and flips of it, which is where parsers go wrong first.
    fn replay(target: &str, run: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
        let mut seeds = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let seed = std::fs::read(entry.unwrap().path()).unwrap();
            run(&seed);
            for at in 0..seed.len().min(2048) {
                run(&seed[..at]);
                let mut flipped = seed.clone();
                flipped[at] ^= 0x24;
                run(&flipped);
            }
            seeds += 1;
        }
        assert!(seeds >= 5, "{target} has {seeds} seeds");
    }

    #[test]
    fn hook_stdin() {
        replay("hook_stdin", super::hook_stdin);
    }

    #[test]
    fn policy() {
        replay("policy", super::policy);
    }

    #[test]
    fn note() {
        replay("note", super::note);
    }

    #[test]
    fn audit_log() {
        replay("audit_log", super::audit_log);
    }

    #[test]
    fn plugin_library() {
        replay("plugin_library", super::plugin_library);
    }

    #[test]
    fn shell() {
        replay("shell", super::shell);
    }

    #[test]
    fn decode() {
        replay("decode", super::decode);
    }

    #[test]
    fn call() {
        replay("call", super::call);
    }

    #[test]
    fn archive() {
        replay("archive", super::archive);
    }

    #[test]
    fn detection_rules() {
        replay("detection_rules", super::detection_rules);
    }

    #[test]
    fn plugins_lock() {
        replay("plugins_lock", super::plugins_lock);
    }
}
