//! MCP servers: how they are started, how they are reached, and what is told them.

use agentfirewall_core::secrets::EngineError;

use super::Audit;
use super::faults::{NO_PROMPTS, PLAIN_HTTP, UNPINNED};
use super::tree::{Node, Value};

/// The members under which the agents list servers: Claude, Cursor, Gemini, Windsurf; Codex; VS Code; Zed; opencode.
const LISTS: &[&str] = &["mcpServers", "mcp_servers", "servers", "context_servers", "mcp"];
/// The members with variables and headers.
const NAMED: &[&str] = &["env", "environment", "headers", "http_headers", "httpHeaders"];
/// The members with an address.
const ADDRESSES: &[&str] = &["url", "httpUrl", "serverUrl", "endpoint"];

impl Audit<'_, '_> {
    pub(super) fn servers(&mut self, root: &Node) -> Result<(), EngineError> {
        root.visit(&mut |name, node| {
            if LISTS.contains(&name) {
                node.members().iter().try_for_each(|(name, server)| self.server(name, server))?;
            }
            if NAMED.contains(&name) {
                for (name, node) in node.members() {
                    if let Some(value) = node.text() {
                        self.secret(name, value, node)?;
                    }
                }
            }
            Ok(())
        })
    }

    fn server(&mut self, name: &str, server: &Node) -> Result<(), EngineError> {
        let mut words: Vec<(&str, &Node)> = Vec::new();
        for member in ["command", "args"] {
            let Some(node) = server.get(member) else { continue };
            match &node.value {
                Value::Text(text) if member == "command" => {
                    words.extend(text.split_whitespace().map(|word| (word, node)));
                }
                _ => words.extend(node.elements().iter().filter_map(|node| Some((node.text()?, node)))),
            }
        }
        self.options(&words)?;
        let plain: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        if let Some(package) = unpinned(&plain) {
            let at = words.iter().find(|(word, _)| *word == package).map_or(server, |(_, node)| node);
            self.fault(UNPINNED, at, format!("MCP server `{name}` runs the newest `{package}`"))?;
        }
        if let Some(at) = words.first().map(|(_, node)| *node) {
            self.command(&plain.join(" "), at, &format!("MCP server `{name}`"))?;
        }
        for address in ADDRESSES {
            if let Some(node) = server.get(address)
                && let Some(url) = node.text()
            {
                self.address(name, url, node)?;
            }
        }
        if let Some(node) = server.get("trust").filter(|node| node.is(true)) {
            self.fault(NO_PROMPTS, node, format!("tools of MCP server `{name}` run without a question"))?;
        }
        Ok(())
    }

    /// Options of a command: `--token VALUE`, `--token=VALUE`, `-e NAME=VALUE`, or a secret by itself.
    fn options(&mut self, words: &[(&str, &Node)]) -> Result<(), EngineError> {
        let mut before = "";
        for (word, node) in words {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) if !name.contains(char::is_whitespace) => (name, value),
                _ if before.starts_with('-') && !word.starts_with('-') => (before, *word),
                _ => ("", *word),
            };
            self.secret(name.trim_start_matches('-'), value, node)?;
            before = word;
        }
        Ok(())
    }

    fn address(&mut self, server: &str, url: &str, at: &Node) -> Result<(), EngineError> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, host) =
            authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.split(']').next())
            .unwrap_or_else(|| host.split(':').next().unwrap_or_default());
        let local =
            host == "localhost" || host.ends_with(".localhost") || host == "::1" || host.starts_with("127.");
        if scheme.eq_ignore_ascii_case("http") && !local {
            self.fault(PLAIN_HTTP, at, format!("MCP server `{server}` is reached over plain http"))?;
        }
        if let Some((_, password)) = user.and_then(|user| user.split_once(':'))
            && self.secret("password", password, at)?
        {
            return Ok(());
        }
        let query = url.split_once('?').map_or("", |(_, query)| query);
        for pair in query.split(['&', '#']) {
            let (name, value) = pair.split_once('=').unwrap_or(("", pair));
            if self.secret(name, value, at)? {
                return Ok(());
            }
        }
        self.secret("", url, at).map(drop)
    }
}

/// The package that a runner fetches in whatever version is newest.
pub(super) fn unpinned<'w>(words: &[&'w str]) -> Option<&'w str> {
    let mut words = words.iter().copied().peekable();
    let program = words.next()?;
    let program = program.rsplit(['/', '\\']).next()?;
    let program = program.strip_suffix(".cmd").or_else(|| program.strip_suffix(".exe")).unwrap_or(program);
    match program {
        // `cmd /c npx ...` is how Windows starts it; `env` and shells are followed elsewhere.
        "cmd" | "env" | "sudo" => {
            let rest: Vec<&str> =
                words.skip_while(|word| word.starts_with(['/', '-']) || word.contains('=')).collect();
            return unpinned(&rest);
        }
        "npx" | "bunx" | "uvx" | "pnpx" => {}
        "npm" | "pnpm" | "yarn" | "bun" => {
            words.next_if(|word| matches!(*word, "exec" | "x" | "dlx"))?;
        }
        "pipx" => {
            words.next_if_eq(&"run")?;
        }
        // `uv run` takes what a project's lock file pins; `uv tool run` is `uvx`.
        "uv" => {
            words.next_if_eq(&"tool")?;
            words.next_if_eq(&"run")?;
        }
        _ => return None,
    }
    let python = matches!(program, "uvx" | "pipx" | "uv");
    let mut package = None;
    while let Some(word) = words.next() {
        match word {
            // The package's name follows; what is run may be called otherwise.
            "--from" | "--spec" | "-p" | "--package" if !(python && word == "-p") => {
                package = words.next();
                break;
            }
            "--python" | "--with" | "--index-url" | "--registry" | "-p" => drop(words.next()),
            _ if let Some(name) =
                word.strip_prefix("--package=").or_else(|| word.strip_prefix("--from=")) =>
            {
                package = Some(name);
                break;
            }
            _ if word.starts_with('-') => {}
            _ => {
                package = Some(word);
                break;
            }
        }
    }
    let package = package?;
    let pinned = if package.starts_with(['.', '/', '~']) || package.starts_with("file:") {
        true
    } else if package.contains("://") || package.starts_with("git+") {
        package.rsplit_once('@').or_else(|| package.rsplit_once('#')).is_some_and(|(_, revision)| {
            revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    } else if python {
        package.contains("==") || package.rsplit_once('@').is_some_and(|(_, version)| is_version(version))
    } else {
        // A scope begins with `@` too.
        package
            .get(1..)
            .and_then(|rest| rest.rsplit_once('@'))
            .is_some_and(|(_, version)| is_version(version))
    };
    (!pinned).then_some(package)
}

/// An exact version: not a range, not a tag such as `latest`.
fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.split('.').count() >= 3
        && !text.contains(['x', '*', ' ', '|', '<', '>'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_without_a_version() {
        for (command, package) in [
            ("npx -y @scope/server", Some("@scope/server")),
            ("npx -y @scope/server@1.2.3 /data", None),
            ("npx @scope/server@latest", Some("@scope/server@latest")),
            ("npx server@^1.2.3", Some("server@^1.2.3")),
            ("npx server@1", Some("server@1")),
            ("/usr/bin/npx --package=server run", Some("server")),
            ("cmd /c npx -y server", Some("server")),
            ("pnpm dlx server", Some("server")),
            ("npm install", None),
            ("uvx mcp-server", Some("mcp-server")),
            ("uvx mcp-server==1.0", None),
            ("uvx mcp-server@1.0.0", None),
            ("uvx --python 3.12 --from git+https://example.org/x server", Some("git+https://example.org/x")),
            ("pipx run server", Some("server")),
            ("npx ./local", None),
            ("node server.js", None),
            ("", None),
        ] {
            let words: Vec<&str> = command.split_whitespace().collect();
            assert_eq!(unpinned(&words), package, "{command}");
        }
    }
}
