//! `agentfirewall audit checkpoint`, `prove`, `key` and `prune`.

use std::path::Path;
use std::time::Duration;

use agentfirewall_core::audit::note::PublicKey;
use agentfirewall_core::audit::{
    self, Checkpoint, CheckpointError, Checks, Entry, EventType, Holds, KeyError, KeyRing, Lost, verify_with,
};
use agentfirewall_core::delivery::{Options, awaited};
use agentfirewall_core::policy;
use jiff::Timestamp;
use serde_json::{Map, json};

use super::export::write;
use super::row::escaped;
use super::select::bar;
use super::{failure, log_path};
use crate::args::{AuditCheckpointArgs, AuditKeyCommand, AuditProveArgs, AuditPruneArgs};
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// How long a record waits for other writers.
const LOCK_WAIT: Duration = Duration::from_secs(5);

pub(super) fn checkpoint(args: &AuditCheckpointArgs, ui: &Ui) -> Result<Exit, Failure> {
    let log = log_path(args.log.as_deref())?;
    let (checkpoint, note) = make(&log, ui)?;
    put(args.output.as_deref(), &note, ui)?;
    if args.output.is_some() {
        ui.note(format!("signed: records 1 to {} of chain {}", checkpoint.size, checkpoint.chain));
    }
    Ok(Exit::Success)
}

/// A checkpoint of the log as it is now, which must be intact.
fn make(log: &Path, ui: &Ui) -> Result<(Checkpoint, String), Failure> {
    let bar = bar("verifying", ui);
    let verified = verify_with(log, Checks { tree: true, ..Checks::default() }, &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let (report, tree) = verified.map_err(failure)?;
    let now = Timestamp::now();
    let checkpoint = Checkpoint::of(&report, tree.as_ref(), now).map_err(refused)?;
    let key = ring()?.signer_or_new(now).map_err(key_failure)?;
    let note = checkpoint.sign(&key);
    Ok((checkpoint, note))
}

pub(super) fn prove(args: &AuditProveArgs, ui: &Ui) -> Result<Exit, Failure> {
    let log = log_path(args.log.as_deref())?;
    let (checkpoint, note) = match &args.checkpoint {
        Some(file) => open(file, None)?,
        None => make(&log, ui)?,
    };
    let proof = match (&args.since, args.seq) {
        (Some(file), _) => {
            let (old, old_note) = open(file, None)?;
            audit::prove_consistency(&log, (&old, &old_note), (&checkpoint, &note))
        }
        (None, Some(seq)) => audit::prove_inclusion(&log, seq, &checkpoint, &note),
        (None, None) => return Err(Failure::new(Exit::Usage, "say which record, or `--since` a checkpoint")),
    };
    put(args.output.as_deref(), &proof.map_err(refused)?, ui)?;
    Ok(Exit::Success)
}

/// Reads a checkpoint that one of the accepted keys signed.
pub(super) fn open(file: &Path, keys: Option<&Path>) -> Result<(Checkpoint, String), Failure> {
    let note = read(file)?;
    let keys = accepted(keys)?;
    let (checkpoint, _) = Checkpoint::open(&note, &keys).map_err(refused)?;
    Ok((checkpoint, note))
}

/// The public keys of a file, else those of this installation.
pub(super) fn accepted(file: Option<&Path>) -> Result<Vec<PublicKey>, Failure> {
    let Some(file) = file else { return ring()?.public().map_err(key_failure) };
    let text = read(file)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Result<Vec<_>, _> = lines.map(PublicKey::parse).collect();
    keys.map_err(|error| {
        Failure::new(Exit::Data, format!("`{}`: {error}", escaped(&file.display().to_string())))
    })
}

pub(super) fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| Failure::io(format!("`{}`", file.display()), &error))
}

fn put(output: Option<&Path>, text: &str, ui: &Ui) -> Result<(), Failure> {
    let Some(output) = output else {
        ui.line(text.strip_suffix('\n').unwrap_or(text));
        return Ok(());
    };
    write(output, |file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::io(format!("`{}`", output.display()), &error))
}

fn ring() -> Result<KeyRing, Failure> {
    Ok(KeyRing::new(&crate::commands::places()?.state))
}

pub(super) fn key(command: &AuditKeyCommand, ui: &Ui) -> Result<Exit, Failure> {
    match command {
        AuditKeyCommand::Show { json } => {
            let known = ring()?.known().map_err(key_failure)?;
            if *json {
                ui.line(json!({"keys": known}).to_string());
                return Ok(Exit::Success);
            }
            if known.is_empty() {
                ui.note(
                    "there is no key yet; `agentfirewall init` or `agentfirewall audit checkpoint` makes one",
                );
            }
            for key in known {
                let until = key.until.map_or_else(|| "now".to_owned(), |until| escaped(&until));
                // A file of these lines is what `--key` takes.
                ui.line(format!("# {} to {until}", escaped(&key.from)));
                ui.line(escaped(&key.key));
            }
            Ok(Exit::Success)
        }
        AuditKeyCommand::Rotate { log } => {
            let log = log_path(log.as_deref())?;
            let now = Timestamp::now();
            let (old, new) = ring()?.rotate(now).map_err(key_failure)?;
            let mut metadata = Map::new();
            if let Some(old) = old {
                metadata.insert("old".to_owned(), old.to_string().into());
            }
            metadata.insert("new".to_owned(), new.public().to_string().into());
            let entry = Entry::new(EventType::Key, now).with_metadata(&metadata);
            audit::append(&log, &entry, LOCK_WAIT).map_err(failure)?;
            ui.line(new.public().to_string());
            Ok(Exit::Success)
        }
    }
}

pub(super) fn prune(args: &AuditPruneArgs, ui: &Ui) -> Result<Exit, Failure> {
    let log = log_path(args.log.as_deref())?;
    let places = crate::commands::places()?;
    let registry = composition::installed(&places)?;
    let invalid = |error: policy::PolicyError| Failure::new(Exit::Data, escaped(&error.to_string()));
    let compiled = policy::load(&places, &registry).map_err(invalid)?;
    let layers = compiled.layers().map_err(invalid)?;
    let settings = policy::audit_settings(&layers);
    if settings.retain.keeps_everything() {
        ui.note("the policy keeps every file; `audit: {retain: ...}` in the user or managed policy says otherwise");
        return Ok(Exit::Success);
    }
    let sinks: Vec<_> =
        layers.iter().flat_map(|layer| &layer.sinks).map(|sink| (sink.name, &sink.filter)).collect();
    let awaited = awaited(&log, &places.state, &sinks, &Options::default());
    let holds = match (awaited, args.force) {
        (Ok(awaited), force) => Holds { awaited, force },
        // What cannot be known is not removed, unless a person says so.
        (Err(error), false) => {
            let message = format!("nothing is removed, because it is not known what the sinks have: {error}");
            return Err(Failure::new(Exit::Io, escaped(&message)));
        }
        (Err(_), true) => Holds { awaited: Vec::new(), force: true },
    };
    let pruned =
        audit::prune_held(&log, &settings.retain, &holds, Timestamp::now(), LOCK_WAIT).map_err(failure)?;
    ui.line(format!("removed {} files, {} bytes", pruned.files, pruned.bytes));
    if pruned.held > 0 {
        let names: Vec<_> = holds.awaited.iter().map(|awaited| escaped(&awaited.sink)).collect();
        ui.note(format!(
            "note: {} more are kept, because {} has not received what is in them; `agentfirewall sinks status` says why",
            pruned.held,
            names.join(", ")
        ));
    }
    for lost in &pruned.lost {
        let Lost { sink, records, first_seq, last_seq } = lost;
        ui.note(format!(
            "WARNING: sink {} will never get {records} of the records {first_seq} to {last_seq}: they are removed, and it had not received them",
            escaped(sink)
        ));
    }
    Ok(Exit::Success)
}

/// An error of a checkpoint for a person.
pub(super) fn refused(error: CheckpointError) -> Failure {
    match error {
        CheckpointError::Log(error) => failure(error),
        CheckpointError::Note(_) | CheckpointError::Wrong | CheckpointError::Form(_) => {
            Failure::new(Exit::Findings, escaped(&error.to_string()))
        }
        CheckpointError::Faulty(_) => Failure::new(Exit::Findings, error.to_string())
            .help("`agentfirewall audit verify` says what is wrong"),
        other => Failure::new(Exit::Data, escaped(&other.to_string())),
    }
}

fn key_failure(error: KeyError) -> Failure {
    let exposed = matches!(error, KeyError::Exposed { .. });
    let failure = Failure::new(Exit::Io, escaped(&error.to_string()));
    if exposed {
        failure.help("`agentfirewall audit key rotate` after `chmod 600` makes another one")
    } else {
        failure
    }
}
