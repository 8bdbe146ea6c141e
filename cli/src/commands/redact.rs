//! `agentfirewall redact`: a filter that masks secrets, for logs and pipes.

use std::io::{self, ErrorKind, Read};

use agentfirewall_core::secrets::{Engine, EngineError, Redactor, Salt};
use agentfirewall_sdk::Confidence;

use super::scan;
use crate::args::{MinConfidence, RedactArgs};
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// How much is read at once, in bytes.
const READ: usize = 64 * 1024;

pub(crate) fn run(args: RedactArgs, ui: &Ui) -> Result<Exit, Failure> {
    let places = super::places()?;
    let registry = composition::with_plugins(&places, &args.plugin)?;
    let compiled = composition::policy(args.policy.as_deref(), &places, &registry)?;
    let layers = compiled.layers().map_err(|error| composition::invalid_policy(&error))?;
    let registry = scan::detection::with_rules(registry, &layers, &[], ui)?;
    let settings = scan::settings(&layers, &registry, &args.plugin);
    let engine = Engine::new(&registry, &settings).map_err(|error| unjudged(&error))?;
    engine.load_libraries().map_err(|error| Failure::new(Exit::Data, error.to_string()))?;
    let salt = Salt::load_or_create(&places.state);
    let least = match args.confidence {
        MinConfidence::Low => Confidence::Low,
        MinConfidence::Medium => Confidence::Medium,
        MinConfidence::High => Confidence::High,
    };
    let mut redactor = Redactor::new(&engine, &salt, least);
    let mut stdin = io::stdin().lock();
    let mut buffer = vec![0; READ];
    let mut out = Vec::new();
    loop {
        let read = match stdin.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::io("standard input", &error)),
        };
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else { break };
        redactor.push(piece, &mut out).map_err(|error| unjudged(&error))?;
        if !written(&mut out, ui)? {
            return Ok(Exit::Success);
        }
    }
    redactor.finish(&mut out).map_err(|error| unjudged(&error))?;
    written(&mut out, ui)?;
    Ok(Exit::Success)
}

/// Whether somebody still reads. What was judged is out before the next piece is waited for.
fn written(out: &mut Vec<u8>, ui: &Ui) -> Result<bool, Failure> {
    if out.is_empty() {
        return Ok(true);
    }
    let result = ui.bytes(out);
    out.clear();
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::io("standard output", &error)),
    }
}

fn unjudged(error: &EngineError) -> Failure {
    Failure::new(Exit::Internal, error.to_string())
        .help("what comes after this point was not judged and is not shown")
}
