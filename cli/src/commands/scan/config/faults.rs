//! What can be wrong with an agent's configuration, and what to do about it.

use agentfirewall_sdk::Severity;

use crate::commands::scan::format::Rule;

/// One kind of fault.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub id: &'static str,
    pub severity: Severity,
    pub summary: &'static str,
    pub advice: &'static str,
}

pub(super) const INLINE_SECRET: Fault = Fault {
    id: "mcp-inline-secret",
    severity: Severity::High,
    summary: "a secret is written into an agent's configuration",
    advice: "revoke it, and refer to a variable of the environment instead, such as `${NAME}`",
};
pub(super) const PLAIN_HTTP: Fault = Fault {
    id: "mcp-plain-http",
    severity: Severity::Medium,
    summary: "an MCP server is reached without encryption",
    advice: "use https: whoever sits on the way reads the headers and writes the answers that the model believes",
};
pub(super) const UNPINNED: Fault = Fault {
    id: "mcp-unpinned-package",
    severity: Severity::Medium,
    summary: "an MCP server or a hook runs whatever version of a package is newest",
    advice: "pin the version, such as `name@1.2.3` or `name==1.2.3`: the next release runs with your rights",
};
pub(super) const REMOTE_CODE: Fault = Fault {
    id: "agent-remote-code",
    severity: Severity::Critical,
    summary: "a hook or an MCP server runs code that is fetched each time",
    advice: "keep the script in the project, and review it there",
};
pub(super) const WRITABLE: Fault = Fault {
    id: "agent-writable-script",
    severity: Severity::High,
    summary: "a hook or an MCP server runs a file that every user of the machine can change",
    advice: "take the right to write from others: `chmod o-w` on the file and its folder",
};
pub(super) const NO_PROMPTS: Fault = Fault {
    id: "agent-no-permission-prompts",
    severity: Severity::High,
    summary: "the agent does what it wants without asking",
    advice: "take the setting out; allow single tools or commands instead",
};
pub(super) const NO_HOOKS: Fault = Fault {
    id: "agent-hooks-disabled",
    severity: Severity::High,
    summary: "hooks are switched off, and with them the firewall",
    advice: "take the setting out",
};
pub(super) const ALL_SERVERS: Fault = Fault {
    id: "agent-trusts-project-servers",
    severity: Severity::Medium,
    summary: "MCP servers of any project are started without asking",
    advice: "name the servers that may start (`enabledMcpjsonServers`)",
};

/// All of them, as rules of the outputs.
pub(in crate::commands::scan) fn rules() -> Vec<Rule> {
    [INLINE_SECRET, PLAIN_HTTP, UNPINNED, REMOTE_CODE, WRITABLE, NO_PROMPTS, NO_HOOKS, ALL_SERVERS]
        .map(|fault| Rule::new(fault.id, fault.summary, &format!("To do: {}.", fault.advice)))
        .to_vec()
}
