//! What is told and recorded of a decision: without the secrets of the call, whoever asks the firewall.

use agentfirewall_sdk::{Action, Decision, RuleRef, ToolCall};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::audit::Entry;
use crate::interceptor::{Interceptor, shortened};
use crate::secrets::{EngineError, MaskError, Salt, mask_text, mask_value, truncate_strings};

/// The longest string of a call's parameters that is recorded whole, in bytes.
const LONGEST_STRING: usize = 2 * 1024;

/// The rule behind what could not be judged: none of a policy.
pub fn failure() -> RuleRef {
    RuleRef::new("firewall", "failure", 0)
}

/// Takes the secrets out of what a decision says: parts of the call, and what a plugin says of its failure. The salt is
/// asked for where there is something to mask.
///
/// The reason of a failure quotes nothing of the call. So it is still told if a detector cannot look at it, as the
/// one that failed cannot where its own name is a word that wakes it.
///
/// # Errors
///
/// A detector failed on what the decision says.
pub fn mask(
    interceptor: &Interceptor<'_>,
    decision: &mut Decision,
    salt: &dyn Fn() -> Salt,
) -> Result<(), EngineError> {
    let Decision { action, reason, part, rule, plugin_failures, .. } = decision;
    if *action <= Action::Log && part.is_none() && plugin_failures.is_empty() {
        return Ok(());
    }
    let mut failed: Vec<String> = Vec::new();
    let mut texts: Vec<&mut String> = vec![reason];
    texts.extend(part.as_mut());
    texts.extend(plugin_failures.iter_mut());
    for text in texts {
        for engine in interceptor.engines() {
            let scanned = match engine.scan_text(text) {
                Ok(scanned) => scanned,
                Err(_) if *rule == failure() => continue,
                Err(error) => return Err(error),
            };
            if !scanned.findings.is_empty() {
                *text = mask_text(text, &scanned.findings, &salt());
            }
            failed.extend(scanned.failures.into_iter().map(|failure| failure.message));
        }
    }
    // Only now: half a secret is none that a detector knows.
    if let Some(part) = part {
        *part = shortened(part);
    }
    // What the engine says of a failure quotes nothing of the text, so it needs no mask.
    failed.retain(|failure| !plugin_failures.contains(failure));
    failed.dedup();
    plugin_failures.append(&mut failed);
    Ok(())
}

/// What the record of a decision holds beside the call and the decision.
#[derive(Debug)]
pub struct CallRecord {
    parameters: Value,
    metadata: Map<String, Value>,
}

impl CallRecord {
    /// Masks and cuts the parameters.
    ///
    /// # Errors
    ///
    /// A finding has no place in the parameters: they must not be recorded.
    pub fn new(call: &ToolCall, decision: &Decision, salt: &dyn Fn() -> Salt) -> Result<Self, MaskError> {
        let mut parameters = call.input.clone();
        if !decision.findings.is_empty() {
            mask_value(&mut parameters, &decision.findings, &salt())?;
        }
        truncate_strings(&mut parameters, LONGEST_STRING);
        let mut metadata = metadata(call);
        if let Some(part) = &decision.part {
            metadata.insert("part".to_owned(), part.clone().into());
        }
        if !decision.plugins.is_empty() {
            metadata.insert("plugins".to_owned(), decision.plugins.clone().into());
        }
        name_failures(&mut metadata, &decision.plugin_failures);
        Ok(Self { parameters, metadata })
    }

    /// The record.
    pub fn entry<'a>(&'a self, call: &'a ToolCall, decision: &'a Decision, now: Timestamp) -> Entry<'a> {
        Entry::of_call(call, now)
            .decided(decision)
            .with_parameters(&self.parameters)
            .with_metadata(&self.metadata)
    }
}

/// Names the failures that a policy goes on without.
pub fn name_failures(metadata: &mut Map<String, Value>, failures: &[String]) {
    if !failures.is_empty() {
        metadata.insert("plugin_failures".to_owned(), failures.into());
    }
}

/// What a record says of where a call comes from, beside the members of its own.
pub fn metadata(call: &ToolCall) -> Map<String, Value> {
    let mut metadata = Map::new();
    if call.raw_tool != call.tool {
        metadata.insert("raw_tool".to_owned(), call.raw_tool.clone().into());
    }
    // Where relative paths of its parameters lead.
    if call.cwd.is_absolute() && call.cwd != call.project {
        metadata.insert("cwd".to_owned(), call.cwd.to_string_lossy().into());
    }
    if let Some(server) = &call.mcp {
        metadata.insert("mcp_server".to_owned(), server.name.clone().into());
        if !server.source.is_empty() {
            metadata.insert("mcp_source".to_owned(), server.source.clone().into());
        }
    }
    metadata
}
