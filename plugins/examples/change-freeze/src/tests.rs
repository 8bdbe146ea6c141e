use agentfirewall_sdk::{Access, PartKind, ToolCall};
use serde_json::{Value, json};

use super::*;

fn made(config: Value) -> Result<ChangeFreeze, String> {
    let config = serde_json::from_value(config).map_err(|error| error.to_string())?;
    ChangeFreeze::new(config).map_err(|error| error.to_string())
}

/// Whether changes are welcome in a zone on a Sunday from two to four in the morning, when clocks are changed.
fn open_at_night(zone: &str, moment: &str) -> bool {
    let matcher = made(json!({
        "timezone": zone,
        "hours": [{"days": ["sun"], "from": "02:30", "to": "04:00"}],
    }))
    .unwrap();
    matcher.state(moment.parse().unwrap()) == When::Open
}

#[test]
fn hours_in_the_gap_of_a_spring_night_begin_after_it() {
    // In Berlin on 2027-03-28 the clock goes from 01:59 to 03:00, at 01:00 UTC: there is no 02:30.
    assert!(!open_at_night("Europe/Berlin", "2027-03-28T00:59:59Z"));
    assert!(open_at_night("Europe/Berlin", "2027-03-28T01:00:00Z"));
    assert!(!open_at_night("Europe/Berlin", "2027-03-28T02:00:00Z"));
}

#[test]
fn the_hour_that_an_autumn_night_repeats_counts_both_times() {
    // In Berlin on 2026-10-25 the clock goes from 02:59 back to 02:00, at 01:00 UTC: 02:30 is there twice.
    assert!(open_at_night("Europe/Berlin", "2026-10-25T00:30:00Z"));
    assert!(!open_at_night("Europe/Berlin", "2026-10-25T01:00:00Z"));
    assert!(open_at_night("Europe/Berlin", "2026-10-25T01:30:00Z"));
    assert!(!open_at_night("Europe/Berlin", "2026-10-25T03:00:00Z"));
}

#[test]
fn a_freeze_begins_and_ends_at_midnight_of_the_zone() {
    let freeze = |zone: &str, moment: &str| {
        let days = json!([{"from": "2026-12-19", "to": "2026-12-20"}]);
        let matcher = made(json!({"timezone": zone, "freezes": days})).unwrap();
        matcher.state(moment.parse().unwrap()) == When::Closed
    };
    assert!(!freeze("Asia/Kathmandu", "2026-12-18T18:14:59Z"));
    assert!(freeze("Asia/Kathmandu", "2026-12-18T18:15:00Z"));
    assert!(freeze("Pacific/Honolulu", "2026-12-21T09:59:59Z"));
    assert!(!freeze("Pacific/Honolulu", "2026-12-21T10:00:00Z"));
}

#[test]
fn a_freeze_outweighs_the_hours_and_both_answers_exclude_each_other() {
    let config = |when: &str, at: &str| {
        json!({
            "timezone": "Europe/Berlin",
            "when": when,
            "hours": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:30"}],
            "freezes": [{"from": "2026-12-19", "to": "2027-01-03"}],
            "at": at,
        })
    };
    let call = ToolCall::new("Bash", json!({"command": "kubectl apply -f a.yaml"}));
    let subject = Subject::new(&call, PartKind::Command, "kubectl apply -f a.yaml", Access::Unknown);
    for (at, open) in [
        ("2026-12-18T12:00:00+01:00", true),  // a Friday before the freeze
        ("2026-12-18T18:00:00+01:00", false), // its evening
        ("2026-12-21T12:00:00+01:00", false), // a Monday in the freeze
        ("2027-01-04T12:00:00+01:00", true),  // the Monday after it
    ] {
        assert_eq!(made(config("open", at)).unwrap().matches(&subject), Ok(open), "{at}");
        assert_eq!(made(config("closed", at)).unwrap().matches(&subject), Ok(!open), "{at}");
    }
}

#[test]
fn without_a_moment_the_systems_clock_counts() {
    let call = ToolCall::new("Bash", json!({}));
    let subject = Subject::new(&call, PartKind::Command, "ls", Access::Unknown);
    let all_days = json!(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
    let always = json!([{"days": all_days, "from": "00:00", "to": "24:00"}]);
    let open = json!({"timezone": "UTC", "when": "open", "hours": always});
    assert_eq!(made(open).unwrap().matches(&subject), Ok(true));
    let frozen = json!({"timezone": "UTC", "freezes": [{"from": "2020-01-01", "to": "9999-12-31"}]});
    assert_eq!(made(frozen).unwrap().matches(&subject), Ok(true));
}

#[test]
fn a_wrong_configuration_is_refused_with_what_is_wrong() {
    let hours = json!([{"days": ["mon"], "from": "09:00", "to": "17:30"}]);
    for (config, expected) in [
        (json!({"timezone": "UTC"}), "without them every time is open"),
        (json!({"timezone": "Berlin", "hours": hours}), "`timezone`: `Berlin` is not an IANA time zone"),
        (json!({"timezone": "UTC", "hours": hours, "at": "tomorrow"}), "`at`: `tomorrow`"),
        (json!({"timezone": "UTC", "hours": hours, "when": "shut"}), "unknown variant `shut`"),
        (json!({"timezone": "UTC", "hour": hours}), "unknown field `hour`"),
        (
            json!({"timezone": "UTC", "hours": [{"days": ["monday"], "from": "09:00", "to": "10:00"}]}),
            "`monday`",
        ),
        (
            json!({"timezone": "UTC", "freezes": [{"from": "2027-01-03", "to": "2026-12-19", "reason": "year end"}]}),
            "`freezes` (`year end`): `to` (2026-12-19) is before `from`",
        ),
    ] {
        let error = made(config.clone()).err().unwrap();
        assert!(error.contains(expected), "{config}: {error}");
    }
}
