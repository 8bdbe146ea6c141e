//! Tools of MCP servers by server, tool and where the server was configured.

use agentfirewall_sdk::{Matcher, Plugin, PluginError, Subject, ToolCall, register};
use schemars::JsonSchema;
use serde::Deserialize;

use super::words::{self, OneOrMany};

/// Which tools of which servers. All that is given must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// The server's name; wildcards, of which one must match.
    server: Option<OneOrMany>,
    /// The tool's name on the server; wildcards, of which one must match.
    tool: Option<OneOrMany>,
    /// Where the server was configured, such as `project`, `user` or `plugin`; wildcards. It never matches where the
    /// agent does not say.
    source: Option<OneOrMany>,
}

/// Matches calls of MCP tools.
#[derive(Debug)]
pub(crate) struct Mcp {
    server: Option<Vec<String>>,
    tool: Option<Vec<String>>,
    source: Option<Vec<String>>,
}

impl Plugin for Mcp {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let made = Self {
            server: words::list("server", config.server)?,
            tool: words::list("tool", config.tool)?,
            source: words::list("source", config.source)?,
        };
        let nothing = made.server.is_none() && made.tool.is_none() && made.source.is_none();
        if nothing { Err(words::says_nothing("server: github")) } else { Ok(made) }
    }
}

impl Matcher for Mcp {
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        let call = subject.call;
        let source = call.mcp.as_ref().map_or("", |server| server.source.as_str());
        let from =
            self.source.is_none() || (!source.is_empty() && words::any(self.source.as_deref(), source));
        Ok(from
            && readings(call).any(|(server, tool)| {
                words::any(self.server.as_deref(), server) && words::any(self.tool.as_deref(), tool)
            }))
    }
}

register! {
    matcher Mcp {
        id: "mcp",
        summary: "a tool of an MCP server, by server, tool and where the server was configured",
        why: "holds the tools of a server that a project brought along apart from those of one's own",
        examples: [
            r#"{"server": "github", "tool": ["delete_*", "merge_*"]} => {"tool": "mcp__github__delete_repository", "input": {}}"#,
            r#"{"source": "project"} => {"tool": "mcp__files__write", "input": {}, "mcp": {"name": "files", "source": "project"}}"#,
            r#"{"server": "*"} => {"tool": "mcp__files__read__all", "input": {}}"#,
        ],
        negatives: [
            r#"{"server": "github", "tool": ["delete_*"]} => {"tool": "mcp__github__get_issue", "input": {}}"#,
            r#"{"source": "project"} => {"tool": "mcp__files__write", "input": {}}"#,
            r#"{"server": "*"} => {"tool": "Bash", "input": {"command": "mcp__files__write"}}"#,
        ],
        keywords: ["MCP", "server", "tool"],
        since: "0.3.0",
    }
}

/// The server and the tool that the call's names can mean: a server's name may hold `__` itself, and what the agent says
/// of the server is believed beside the name.
fn readings(call: &ToolCall) -> impl Iterator<Item = (&str, &str)> {
    let said = call.mcp.as_ref().map(|server| server.name.as_str()).filter(|name| !name.is_empty());
    [call.tool.as_str(), call.raw_tool.as_str()]
        .into_iter()
        .filter_map(|name| name.strip_prefix("mcp__"))
        .flat_map(move |name| {
            let by_name = name.match_indices("__").filter_map(|(at, _)| {
                Some((name.get(..at)?, name.get(at + 2..)?))
                    .filter(|(server, tool)| !server.is_empty() && !tool.is_empty())
            });
            let tool = said.and_then(|said| name.strip_prefix(said)?.strip_prefix("__"));
            let tool = tool.or_else(|| name.split_once("__").map(|(_, tool)| tool)).unwrap_or(name);
            by_name.chain(said.map(|said| (said, tool)))
        })
}

#[cfg(test)]
mod tests {
    use agentfirewall_sdk::{Access, McpServer, PartKind};
    use serde_json::{Value, json};

    use super::*;

    fn matches(config: Value, tool: &str, server: Option<(&str, &str)>) -> bool {
        let mut call = ToolCall::new(tool, json!({}));
        call.mcp = server.map(|(name, source)| McpServer { name: name.into(), source: source.into() });
        let matcher = Mcp::new(serde_json::from_value(config).unwrap()).unwrap();
        matcher.matches(&Subject::new(&call, PartKind::Call, "", Access::Unknown)).unwrap()
    }

    #[test]
    fn names_are_taken_apart_in_every_way() {
        assert!(matches(json!({"server": "a__b", "tool": "c"}), "mcp__a__b__c", None));
        assert!(matches(json!({"server": "a", "tool": "b__c"}), "mcp__a__b__c", None));
        assert!(!matches(json!({"server": "a", "tool": "c"}), "mcp__a__b__c", None));
        for tool in ["mcp__a", "mcp____x", "mcp__", "xmcp__a__b", "Bash"] {
            assert!(!matches(json!({"server": "*"}), tool, None), "{tool}");
        }
    }

    #[test]
    fn what_the_agent_says_of_the_server_counts_too() {
        let said = Some(("git.hub", "plugin"));
        assert!(matches(json!({"server": "git.hub", "tool": "push"}), "mcp__git_hub__push", said));
        assert!(matches(
            json!({"server": "git_hub", "source": ["user", "plugin"]}),
            "mcp__git_hub__push",
            said
        ));
        assert!(!matches(json!({"source": "*"}), "mcp__git_hub__push", Some(("git.hub", ""))));
        assert!(!matches(json!({"source": "user"}), "mcp__git_hub__push", said));
    }

    #[test]
    fn what_says_nothing_is_refused() {
        assert!(Mcp::new(Config::default()).is_err());
        assert!(Mcp::new(serde_json::from_value(json!({"tool": []})).unwrap()).is_err());
    }
}
