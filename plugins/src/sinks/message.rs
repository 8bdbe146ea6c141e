//! What people are told: an event as a title and a few lines, cut to what a chat takes.

use agentfirewall_sdk::{Event, Severity};
use serde_json::Value;

/// An event in words.
pub(super) struct Message {
    /// One line: what happened to what.
    pub(super) title: String,
    /// Why.
    pub(super) reason: String,
    /// Names and values, none of them empty.
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) severity: Severity,
}

impl Message {
    pub(super) fn of(event: &Event) -> Self {
        let text = |pointer: &str| {
            event.record.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let tool = text("/tool_name");
        let what = if tool.is_empty() { text("/event_type").replace('_', " ") } else { tool };
        let verb = match event.action.as_str() {
            "deny" => "Blocked",
            "ask" => "Needs approval",
            "alert" => "Alert",
            "log" => "Logged",
            _ => "Allowed",
        };
        let title = if event.count > 1 {
            format!("{verb}: {} more events", event.count)
        } else {
            format!("{verb}: {what}")
        };
        let part = [text("/metadata/part"), text("/parameters/command"), text("/parameters/file_path")];
        let rule = match (text("/rule/layer"), text("/rule/name")) {
            (_, name) if name.is_empty() => String::new(),
            (layer, name) => format!("{name} ({layer})"),
        };
        let all = [
            ("Call", part.into_iter().find(|part| !part.is_empty()).unwrap_or_default()),
            ("Rule", rule),
            ("Severity", event.severity().as_str().to_owned()),
            ("Project", text("/project")),
            ("Agent", text("/agent")),
            ("Session", text("/session_id")),
            ("Time", text("/timestamp")),
            ("Record", format!("{} of chain {}", event.sequence, event.chain)),
        ];
        Self {
            title,
            reason: text("/reason"),
            fields: all.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
            severity: event.severity(),
        }
    }
}

/// A colour for a severity, as `0xRRGGBB`.
pub(super) const fn colour(severity: Severity) -> u32 {
    match severity {
        Severity::Info | Severity::Low => 0x2e_7d32,
        Severity::Medium => 0xf9_a825,
        Severity::High => 0xc6_2828,
        Severity::Critical => 0x6a_1b9a,
    }
}

/// At most so many UTF-16 units, which is how the chats count; what is cut ends with an ellipsis.
pub(super) fn clip(text: &str, most: usize) -> String {
    if text.encode_utf16().count() <= most {
        return text.to_owned();
    }
    let mut units = 1;
    let fits = |character: &char| {
        units += character.len_utf16();
        units <= most
    };
    let mut clipped: String = text.chars().take_while(fits).collect();
    clipped.push('…');
    clipped
}

/// When the record was made, in nanoseconds since 1970; the time of the delivery if it does not say.
pub(super) fn nanoseconds(event: &Event) -> i128 {
    let text = event.record.get("timestamp").and_then(Value::as_str).unwrap_or_default();
    let civil = || {
        let zoned = text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(zoned.timestamp())
    };
    text.parse().ok().or_else(civil).unwrap_or_else(jiff::Timestamp::now).as_nanosecond()
}

/// The machine's name.
pub(super) fn host() -> String {
    let name = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    let file = || {
        std::fs::read_to_string("/proc/sys/kernel/hostname")
            .or_else(|_| std::fs::read_to_string("/etc/hostname"))
    };
    name.or_else(|| file().ok().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()))
        .unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_is_never_longer_than_was_asked() {
        for text in ["", "abc", "äöü€😀😀😀", "😀"] {
            for most in 1..10 {
                let clipped = clip(text, most);
                assert!(clipped.encode_utf16().count() <= most, "{clipped} {most}");
                assert!(clipped == text || clipped.ends_with('…'));
            }
        }
    }
}
