//! `change-freeze`: rules for working hours and for change freezes. The example of a matcher.
//!
//! It does not look at the text under judgement but at the clock: `hours` say when changes are welcome, `freezes` when
//! they are not in spite of that, and `when` which of the two a rule is about.

use agentfirewall_sdk::{Matcher, Plugin, PluginError, Subject, register};
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use schemars::JsonSchema;
use serde::Deserialize;

mod calendar;

use calendar::{Day, Freeze, Window};

#[cfg(feature = "export")]
agentfirewall_sdk::export!();

/// For binaries and tests that link this crate: the linker drops a crate that nothing refers to.
pub fn link() {}

/// What a policy writes below `change-freeze:` in a rule's `match`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The zone whose clocks and calendar count, by its IANA name: `Europe/Berlin`.
    timezone: String,
    /// When the rule holds: `closed`, outside of the hours or in a freeze; or `open`, inside the hours and in no freeze.
    #[serde(default)]
    when: When,
    /// When changes are welcome. Without any: always, but for the freezes.
    #[serde(default)]
    hours: Vec<HoursConfig>,
    /// When they are not, whatever the hours say.
    #[serde(default)]
    freezes: Vec<FreezeConfig>,
    /// Judge as if it were this moment (RFC 3339). For tests and dry runs: in a policy at work it stops the clock.
    at: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum When {
    /// So that a rule with `action: deny`, the usual one, need not say it.
    #[default]
    Closed,
    Open,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HoursConfig {
    /// The days on which these hours begin.
    days: Vec<Day>,
    /// The first minute, such as `"09:00"`.
    from: String,
    /// The minute after the last one, at most `"24:00"`. One before `from` is on the next day.
    to: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FreezeConfig {
    /// The first day, such as `2026-12-19`, from midnight on.
    from: String,
    /// The last day. It belongs to the freeze, to its end.
    to: String,
    /// For whoever reads the policy.
    #[serde(default)]
    reason: String,
}

struct ChangeFreeze {
    zone: TimeZone,
    when: When,
    hours: Vec<Window>,
    freezes: Vec<Freeze>,
    clock: Clock,
}

/// A value and not a call, so that tests, and the examples below, choose the moment.
enum Clock {
    System,
    Stopped(Timestamp),
}

impl Plugin for ChangeFreeze {
    type Config = Config;

    // Everything that can be wrong is found here: `validate` shows these errors at their place in the policy, while an
    // error of `matches` would deny a call.
    fn new(config: Config) -> Result<Self, PluginError> {
        if config.hours.is_empty() && config.freezes.is_empty() {
            return Err(PluginError::new("give `hours`, `freezes` or both: without them every time is open"));
        }
        let clock = match config.at {
            None => Clock::System,
            Some(text) => Clock::Stopped(text.parse().map_err(|_| {
                PluginError::new(format!("`at`: `{text}` is not a moment such as 2026-12-24T12:00:00Z"))
            })?),
        };
        Ok(Self {
            zone: zone(&config.timezone)?,
            when: config.when,
            hours: config.hours.iter().map(HoursConfig::checked).collect::<Result<_, _>>()?,
            freezes: config.freezes.iter().map(FreezeConfig::checked).collect::<Result<_, _>>()?,
            clock,
        })
    }
}

/// The zones come with this library. The machine's own could be absent, and reading them is a walk through hundreds of
/// files for every tool call; a matcher reads no files.
fn zone(name: &str) -> Result<TimeZone, PluginError> {
    TimeZoneDatabase::bundled().get(name).map_err(|_| {
        PluginError::new(format!("`timezone`: `{name}` is not an IANA time zone such as Europe/Berlin"))
    })
}

impl HoursConfig {
    fn checked(&self) -> Result<Window, PluginError> {
        Window::new(&self.days, &self.from, &self.to)
            .map_err(|error| PluginError::new(format!("`hours`: {error}")))
    }
}

impl FreezeConfig {
    fn checked(&self) -> Result<Freeze, PluginError> {
        Freeze::new(&self.from, &self.to).map_err(|error| {
            let name = if self.reason.is_empty() { "" } else { &format!(" (`{}`)", self.reason) };
            PluginError::new(format!("`freezes`{name}: {error}"))
        })
    }
}

impl Matcher for ChangeFreeze {
    fn matches(&self, _subject: &Subject<'_>) -> Result<bool, PluginError> {
        let now = match self.clock {
            Clock::System => Timestamp::now(),
            Clock::Stopped(moment) => moment,
        };
        Ok(self.state(now) == self.when)
    }
}

impl ChangeFreeze {
    /// What a clock and a calendar on a wall in the zone would say, also on the days on which clocks are changed: an
    /// hour that is skipped is not there, one that is repeated counts both times.
    fn state(&self, now: Timestamp) -> When {
        let wall = self.zone.to_datetime(now);
        let welcome = self.hours.is_empty() || self.hours.iter().any(|hours| hours.contains(wall));
        let frozen = self.freezes.iter().any(|freeze| freeze.contains(wall.date()));
        if welcome && !frozen { When::Open } else { When::Closed }
    }
}

register! {
    matcher ChangeFreeze {
        id: "change-freeze",
        summary: "Holds outside of working hours and in change freezes, or in the time that is left",
        why: "An agent that deploys on Friday night breaks what nobody is there to mend",
        examples: [
            // Christmas; a Saturday; a Tuesday at five to nine in the winter of Berlin.
            r#"{"timezone": "Europe/Berlin", "freezes": [{"from": "2026-12-19", "to": "2027-01-03", "reason": "year end"}], "at": "2026-12-24T12:00:00Z"} => kubectl apply -f shop.yaml"#,
            r#"{"timezone": "America/New_York", "hours": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:30"}], "at": "2026-11-21T15:00:00Z"} => terraform apply"#,
            r#"{"timezone": "Europe/Berlin", "hours": [{"days": ["tue"], "from": "09:00", "to": "17:30"}], "at": "2026-11-24T07:55:00Z"} => helm upgrade shop ."#,
            r#"{"timezone": "UTC", "when": "open", "hours": [{"days": ["tue"], "from": "09:00", "to": "17:30"}], "at": "2026-11-24T12:00:00Z"} => git push"#,
        ],
        negatives: [
            r#"{"timezone": "Europe/Berlin", "hours": [{"days": ["tue"], "from": "09:00", "to": "17:30"}], "at": "2026-11-24T08:00:00Z"} => helm upgrade shop ."#,
            r#"{"timezone": "Europe/Berlin", "freezes": [{"from": "2026-12-19", "to": "2027-01-03"}], "at": "2026-12-18T22:59:59Z"} => kubectl apply -f shop.yaml"#,
            r#"{"timezone": "UTC", "when": "open", "hours": [{"days": ["tue"], "from": "09:00", "to": "17:30"}], "at": "2026-11-24T17:30:00Z"} => git push"#,
        ],
        keywords: ["time", "working hours", "maintenance window", "change freeze", "calendar"],
        since: "1.0.0",
    }
}

#[cfg(test)]
mod tests;
