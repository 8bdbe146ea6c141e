//! `agentfirewall doctor`: is the firewall really between the agent and its tools?

mod checks;
mod live;

use agentfirewall_core::claude_settings::SettingsFiles;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::json;

use crate::args::DoctorArgs;
use crate::failure::{Exit, Failure};
use crate::settings::{Surroundings, this_program};
use crate::ui::Ui;

pub(crate) fn run(args: DoctorArgs, ui: &Ui) -> Result<Exit, Failure> {
    let surroundings = Surroundings::find()?;
    let program = this_program(&surroundings.working_folder)?;
    let places = &surroundings.places;
    let files = SettingsFiles::read(&places.project, &places.home, surroundings.client_config.as_deref());
    let mut list = checks::settings(&files, &program);
    list.extend(checks::wiring(&surroundings, &files));
    list.extend(checks::programs(&files));
    list.extend(checks::host());
    let client = checks::find_client();
    list.push(checks::client(client.as_deref()));
    list.extend(checks::policy_state(&surroundings));
    list.extend(checks::folders(&surroundings));
    if args.live {
        list.push(live::check(&surroundings, client.as_deref()));
    }
    let protected = list.iter().all(|check| check.status != Status::Fail);
    if args.json {
        ui.line(json!({ "protected": protected, "checks": list }).to_string());
    } else {
        print(ui, &list, protected);
    }
    Ok(if protected { Exit::Success } else { Exit::Findings })
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// It holds, but not everywhere or not for good.
    Warn,
    /// Calls can pass unchecked, or none can.
    Fail,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// What was looked at, a stable name.
    pub name: String,
    /// How it went.
    pub status: Status,
    /// What was found.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<String>,
}

impl Check {
    fn new(name: &str, status: Status, message: impl Into<String>) -> Self {
        Self { name: name.into(), status, message: message.into(), advice: Vec::new() }
    }

    fn ok(name: &str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Ok, message)
    }

    fn warn(name: &str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Warn, message)
    }

    fn fail(name: &str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Fail, message)
    }

    fn advise(mut self, line: impl Into<String>) -> Self {
        self.advice.push(line.into());
        self
    }
}

fn print(ui: &Ui, list: &[Check], protected: bool) {
    for check in list {
        let (word, colour) = match check.status {
            Status::Ok => ("ok  ", AnsiColor::Green),
            Status::Warn => ("warn", AnsiColor::Yellow),
            Status::Fail => ("FAIL", AnsiColor::Red),
        };
        let style = Style::new().bold().fg_color(Some(colour.into()));
        ui.line(format!("{style}{word}{style:#}  {}: {}", check.name, check.message));
        for line in &check.advice {
            ui.line(format!("      -> {line}"));
        }
    }
    ui.line(if protected {
        "Protected: the client runs the firewall before every tool."
    } else {
        "NOT protected: see the lines marked FAIL."
    });
}
