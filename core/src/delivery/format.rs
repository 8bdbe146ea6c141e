//! The formats of a record on its way out. Which sink carries it is another question.
//!
//! A format is a function from an event to a document: an object, or a text where the format is a line of text. The log
//! itself is never in another format than its own.

use agentfirewall_sdk::Event;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::formats::{cef, ecs, ocsf};

/// The shape of a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// The record as the log holds it.
    #[default]
    Native,
    /// Open Cybersecurity Schema Framework: an API Activity, or a Detection Finding.
    Ocsf,
    /// Elastic Common Schema.
    Ecs,
    /// ArcSight Common Event Format: one line of text.
    Cef,
}

impl Format {
    /// The words of a policy.
    pub const WORDS: [(&'static str, Self); 4] =
        [("native", Self::Native), ("ocsf", Self::Ocsf), ("ecs", Self::Ecs), ("cef", Self::Cef)];

    /// Adds the document to an event.
    pub(super) fn apply(self, event: &mut Event) {
        event.formatted = match self {
            Self::Native => None,
            Self::Ocsf => Some(ocsf::document(event)),
            Self::Ecs => Some(ecs::document(event)),
            Self::Cef => Some(Value::String(cef::line(event))),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agentfirewall_sdk::Action;
    use serde_json::json;

    #[test]
    fn every_format_gives_a_document_and_only_cef_is_a_text() {
        let record = json!({"event_type": "policy_check", "tool_name": "Bash", "reason": "no"});
        for (word, format) in Format::WORDS {
            let mut event = Event::new("ab12", "c0ffee", 7, Action::Deny, record.clone());
            format.apply(&mut event);
            assert_eq!(event.document().is_string(), word == "cef", "{word}");
            assert_eq!(event.document() == &record, word == "native", "{word}");
            assert!(!event.text().contains('\n'));
        }
    }
}
