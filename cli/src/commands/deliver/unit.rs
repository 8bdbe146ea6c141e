//! A unit file of systemd for `deliver --follow`.

use agentfirewall_core::places::Places;

use crate::failure::{Exit, Failure};

/// The unit of a user's service: it delivers the log of the project in which the command is given.
pub(super) fn text(places: &Places) -> Result<String, Failure> {
    let program = crate::host::program().map_err(|error| Failure::io("the program's own path", &error))?;
    let (program, log) =
        (quoted(&program.to_string_lossy())?, quoted(&places.audit_log().to_string_lossy())?);
    Ok(format!(
        "# agentfirewall: delivers audit records to the sinks as they are written.
# Save it as ~/.config/systemd/user/agentfirewall-deliver.service, then:
#   systemctl --user daemon-reload && systemctl --user enable --now agentfirewall-deliver
[Unit]
Description=agentfirewall: delivery of audit records
Documentation=man:agentfirewall-deliver(1)
After=network-online.target

[Service]
Type=exec
ExecStart={program} deliver --follow --log {log}
# Secrets that sinks take from the environment: NAME=VALUE, a line each, readable by this user alone.
EnvironmentFile=-%E/agentfirewall/deliver.env
Restart=always
RestartSec=10
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=default.target"
    ))
}

/// A path as a word of `ExecStart`: `%` is for systemd, `$` too, quotes keep blanks.
fn quoted(path: &str) -> Result<String, Failure> {
    if path.chars().any(char::is_control) {
        return Err(Failure::new(Exit::Data, "a path with control characters cannot stand in a unit file"));
    }
    let escaped = path.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    Ok(format!("\"{escaped}\""))
}
