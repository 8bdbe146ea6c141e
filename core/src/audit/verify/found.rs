//! Records in whatever a sink or a store puts around them.

use serde_json::{Map, Value};

use crate::audit::hash::Hash;
use crate::audit::line::{MEMBERS, visible};

/// How deep a record is looked for.
const DEEPEST: usize = 6;

/// A record that left the machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'v> {
    pub(super) chain: &'v str,
    pub(super) seq: u64,
    pub(super) hash: Hash,
    /// The hash before it, where the document has it.
    pub(super) prev: Option<Hash>,
    /// What the hash is of, where the document has it.
    content: Option<&'v Map<String, Value>>,
}

impl Record<'_> {
    /// Whether the content fits the hash; `None` if the content is not there. Its members may be in another order, and there
    /// may be more of them.
    pub(super) fn fits(&self) -> Option<bool> {
        let (members, prev) = self.content.zip(self.prev)?;
        let as_it_stands =
            members.iter().filter(|(name, _)| !matches!(name.as_str(), "_hash" | "hash" | "@timestamp"));
        let in_order = MEMBERS.iter().filter_map(|name| members.get_key_value(*name));
        let mut orders = [as_it_stands.collect::<Vec<_>>(), in_order.collect()].into_iter();
        Some(
            orders.any(|members| {
                visible(&members).is_ok_and(|text| Hash::of([prev.bytes(), &text]) == self.hash)
            }),
        )
    }
}

/// What was found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'v> {
    /// A record.
    Record(Record<'v>),
    /// A test event or the sum of a flood: of no chain.
    Other,
}

/// Calls back with every record in a value; whether there was anything.
pub(super) fn find(value: &Value, each: &mut dyn FnMut(Found<'_>)) -> bool {
    inside(value, 0, each)
}

fn inside(value: &Value, depth: usize, each: &mut dyn FnMut(Found<'_>)) -> bool {
    if depth > DEEPEST {
        return false;
    }
    match value {
        Value::Array(values) => {
            // Every one is looked at, so not `any`.
            values.iter().filter(|value| inside(value, depth + 1, each)).count() > 0
        }
        // As a column of text, or the body of a log record.
        Value::String(text) if text.starts_with('{') => {
            serde_json::from_str(text).is_ok_and(|value: Value| inside(&value, depth + 1, each))
        }
        Value::Object(members) => {
            let event_type = members.get("event_type").and_then(Value::as_str);
            if members.contains_key("seq") && matches!(event_type, Some("test" | "summary")) {
                each(Found::Other);
                return true;
            }
            if let Some(record) = native(members) {
                each(Found::Record(record));
                return true;
            }
            // What stands around a record has at most its identity again.
            if members.values().filter(|value| inside(value, depth + 1, each)).count() > 0 {
                return true;
            }
            let record = of_another_schema(value);
            record.into_iter().for_each(|record| each(Found::Record(record)));
            record.is_some()
        }
        _ => false,
    }
}

/// A record with its content.
fn native(members: &Map<String, Value>) -> Option<Record<'_>> {
    let hash = |name: &str| Hash::parse(members.get(name)?.as_str()?.as_bytes());
    let chain = members.get("chain")?.as_str()?;
    let seq = members.get("seq")?.as_u64()?;
    // A name that begins with `_` is the server's own in some stores.
    let stored = hash("_hash").or_else(|| hash("hash"))?;
    let prev = hash("prev")?;
    Some(Record { chain, seq, hash: stored, prev: Some(prev), content: Some(members) })
}

/// A document that has a record's place and hash in the places of another schema.
fn of_another_schema(value: &Value) -> Option<Record<'_>> {
    const FORMS: [[&str; 4]; 4] = [
        ["/chain", "/seq", "/_hash", "/prev"],
        ["/chain", "/sequence", "/id", "/prev"],
        ["/unmapped/chain", "/metadata/sequence", "/metadata/uid", "/unmapped/prev"],
        ["/agentfirewall/chain", "/event/sequence", "/event/hash", "/agentfirewall/previous"],
    ];
    let hash = |pointer: &str| Hash::parse(value.pointer(pointer)?.as_str()?.as_bytes());
    FORMS.iter().find_map(|[chain, seq, own, prev]| {
        let (chain, seq) = (value.pointer(chain)?.as_str()?, value.pointer(seq)?.as_u64()?);
        Some(Record { chain, seq, hash: hash(own)?, prev: hash(prev), content: None })
    })
}
