//! Hosts by name, network, port and direction.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use agentfirewall_sdk::{Direction, HostFact, Matcher, Plugin, PluginError, Subject, register};
use schemars::JsonSchema;
use serde::Deserialize;

use super::words::{self, OneOrMany};

/// What a host has to be. All that is given must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Hosts of which one is meant: a name, `*.example.com` for every name below it, an address, a network such as
    /// `10.0.0.0/8`, or `*`.
    hosts: Option<OneOrMany>,
    /// Ports of which one is meant. Where none is written, it is the one of the address's scheme.
    ports: Option<OneOrMany<u16>>,
    /// What is done: `fetch`, `send`, `connect` or `listen`.
    direction: Option<OneOrMany<Way>>,
    /// Whether it is an address of a private network, of this machine or of its link.
    private: Option<bool>,
}

/// What is done with a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Way {
    /// It is fetched from there.
    Fetch,
    /// Something is sent there.
    Send,
    /// A connection is made, and either side may send.
    Connect,
    /// Others may connect.
    Listen,
}

/// Matches hosts.
#[derive(Debug)]
pub(crate) struct Host {
    hosts: Option<Vec<Pattern>>,
    ports: Option<Vec<u16>>,
    directions: Option<Vec<Way>>,
    private: Option<bool>,
}

#[derive(Debug, PartialEq, Eq)]
enum Pattern {
    Any,
    Name(String),
    /// With the dot before it.
    Below(String),
    Network(IpAddr, u32),
}

impl Plugin for Host {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let hosts = words::list("hosts", config.hosts)?;
        let hosts = hosts.map(|hosts| hosts.iter().map(|host| pattern(host)).collect()).transpose()?;
        let made = Self {
            hosts,
            ports: words::list("ports", config.ports)?,
            directions: words::list("direction", config.direction)?,
            private: config.private,
        };
        let nothing = made.hosts.is_none()
            && made.ports.is_none()
            && made.directions.is_none()
            && made.private.is_none();
        if nothing { Err(words::says_nothing("hosts: \"*.example.com\"")) } else { Ok(made) }
    }
}

impl Matcher for Host {
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        let Some(fact) = subject.host() else { return Ok(false) };
        let host = fact.host.to_lowercase();
        let address = address(&host);
        Ok(self.hosts.as_ref().is_none_or(|hosts| hosts.iter().any(|one| one.matches(&host, address)))
            && self
                .ports
                .as_ref()
                .is_none_or(|ports| port(fact, subject.text).is_some_and(|port| ports.contains(&port)))
            && self.directions.as_ref().is_none_or(|ways| ways.iter().any(|way| way.is(fact.direction)))
            && self.private.is_none_or(|private| is_private(&host, address) == private))
    }
}

register! {
    matcher Host {
        id: "host",
        summary: "a host by name, network, port and direction (`*.example.com` is every name below it)",
        why: "keeps uploads, internal networks and unknown hosts apart from those that the work needs",
        examples: [
            r#"{"hosts": ["*.example.com"], "direction": "send"} => {"host": {"host": "files.example.com", "direction": "send"}}"#,
            r#"{"hosts": "10.0.0.0/8", "ports": [22, 5432]} => {"host": {"host": "10.1.2.3", "port": 5432}}"#,
            r#"{"private": true} => {"host": {"host": "localhost", "port": 3000}}"#,
            r#"{"hosts": "api.github.com", "ports": 443} => {"host": {"host": "api.github.com"}, "text": "https://api.github.com/user"}"#,
        ],
        negatives: [
            r#"{"hosts": ["*.example.com"]} => {"host": {"host": "evilexample.com"}}"#,
            r#"{"hosts": ["*.example.com"]} => {"host": {"host": "example.com"}}"#,
            r#"{"hosts": "example.com"} => {"host": {"host": "example.com.evil.net"}}"#,
            r#"{"private": true} => {"host": {"host": "192.0.2.1"}}"#,
            r#"{"hosts": "*"} => https://example.com"#,
        ],
        keywords: ["host", "domain", "network", "address", "port", "CIDR"],
        since: "0.3.0",
    }
}

fn pattern(text: &str) -> Result<Pattern, PluginError> {
    let wrong = || {
        PluginError::new(format!(
            "`{}` is no host: one is like `example.com`, `*.example.com`, `10.0.0.1` or `10.0.0.0/8`",
            text.escape_debug()
        ))
    };
    let lower = text.to_lowercase();
    if lower == "*" {
        return Ok(Pattern::Any);
    }
    if let Some((base, length)) = lower.split_once('/') {
        let base = address(base).ok_or_else(wrong)?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let length = length.parse().ok().filter(|length| *length <= longest).ok_or_else(wrong)?;
        return Ok(Pattern::Network(base, length));
    }
    if let Some(address) = address(&lower) {
        return Ok(Pattern::Network(address, if address.is_ipv4() { 32 } else { 128 }));
    }
    let (below, name) = match lower.strip_prefix("*.") {
        Some(name) => (true, name),
        None => (false, lower.as_str()),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_name = name.split('.').all(|label| {
        !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    });
    match (is_name, below) {
        (false, _) => Err(wrong()),
        (true, true) => Ok(Pattern::Below(format!(".{name}"))),
        (true, false) => Ok(Pattern::Name(name.to_owned())),
    }
}

impl Pattern {
    fn matches(&self, host: &str, address: Option<IpAddr>) -> bool {
        // What is not known may hold anything, the end of the name included.
        let known = !host.is_empty() && !host.contains('\u{fffc}');
        match self {
            Self::Any => true,
            Self::Name(name) => known && host == name,
            Self::Below(ending) => {
                known
                    && address.is_none()
                    && host.strip_suffix(ending.as_str()).is_some_and(|rest| !rest.is_empty())
            }
            Self::Network(base, length) => known && address.is_some_and(|own| is_in(own, *base, *length)),
        }
    }
}

impl Way {
    const fn is(self, direction: Direction) -> bool {
        matches!(
            (self, direction),
            (Self::Fetch, Direction::Fetch)
                | (Self::Send, Direction::Send)
                | (Self::Connect, Direction::Connect)
                | (Self::Listen, Direction::Listen)
        )
    }
}

/// The address that a host is, if it is one: an IPv4 address in the clothes of IPv6 is one of IPv4.
fn address(host: &str) -> Option<IpAddr> {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let host = host.split('%').next()?;
    host.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

fn is_in(own: IpAddr, base: IpAddr, length: u32) -> bool {
    match (own, base) {
        (IpAddr::V4(own), IpAddr::V4(base)) => {
            let mask = u32::MAX.checked_shl(32 - length.min(32)).unwrap_or(0);
            u32::from(own) & mask == u32::from(base) & mask
        }
        (IpAddr::V6(own), IpAddr::V6(base)) => {
            let mask = u128::MAX.checked_shl(128 - length.min(128)).unwrap_or(0);
            u128::from(own) & mask == u128::from(base) & mask
        }
        _ => false,
    }
}

fn is_private(host: &str, address: Option<IpAddr>) -> bool {
    match address {
        Some(IpAddr::V4(ip)) => private_v4(ip),
        Some(IpAddr::V6(ip)) => private_v6(ip),
        None => host == "localhost" || host.ends_with(".localhost") || host == "host.docker.internal",
    }
}

fn private_v4(ip: Ipv4Addr) -> bool {
    // The last: shared by the customers of a provider (RFC 6598).
    ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_unspecified()
        || matches!(ip.octets(), [100, 64..=127, _, _])
}

fn private_v6(ip: Ipv6Addr) -> bool {
    ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()
}

/// The port that is written, or that of the scheme the address begins with.
fn port(fact: &HostFact, text: &str) -> Option<u16> {
    fact.port.or_else(|| {
        let (scheme, _) = text.split_once("://")?;
        Some(match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => 80,
            "https" | "wss" => 443,
            "ftp" => 21,
            "ssh" | "sftp" | "git+ssh" => 22,
            "git" => 9418,
            "ldap" => 389,
            "postgres" | "postgresql" => 5432,
            "mysql" => 3306,
            "redis" => 6379,
            "mongodb" => 27017,
            _ => return None,
        })
    })
}

#[cfg(test)]
mod tests {
    use agentfirewall_sdk::{Access, Fact, PartKind, ToolCall};
    use serde_json::{Value, json};

    use super::*;

    fn new(config: Value) -> Result<Host, PluginError> {
        Host::new(serde_json::from_value(config).unwrap())
    }

    fn matches(config: Value, fact: Value) -> bool {
        let fact = Fact::Host(serde_json::from_value(fact).unwrap());
        let call = ToolCall::new("WebFetch", json!({}));
        let subject = Subject::new(&call, PartKind::Host, "x", Access::Unknown).with_fact(Some(&fact));
        new(config).unwrap().matches(&subject).unwrap()
    }

    fn is(pattern: &str, host: &str) -> bool {
        matches(json!({"hosts": pattern}), json!({"host": host}))
    }

    #[test]
    fn names_are_compared_label_by_label_and_without_case() {
        assert!(is("Example.COM", "example.com") && is("*.example.com", "A.B.example.com"));
        for (pattern, host) in [
            ("example.com", "www.example.com"),
            ("*.example.com", "example.com"),
            ("*.example.com", "badexample.com"),
            ("*.example.com", "example.com.evil.net"),
            ("*.example.com", "\u{fffc}.example.com"),
            ("example.com", ""),
            ("*.1.1.1", "1.1.1.1"),
        ] {
            assert!(!is(pattern, host), "{pattern} {host}");
        }
        assert!(is("*", "") && is("*", "\u{fffc}"));
    }

    #[test]
    fn networks_hold_addresses() {
        for (network, host) in [
            ("10.0.0.0/8", "10.255.0.1"),
            ("0.0.0.0/0", "8.8.8.8"),
            ("8.8.8.8", "8.8.8.8"),
            ("192.168.1.128/25", "::ffff:192.168.1.200"),
            ("fd00::/8", "fd12::1"),
            ("::/0", "2001:db8::1"),
            ("::1", "0:0:0:0:0:0:0:1"),
        ] {
            assert!(is(network, host), "{network} {host}");
        }
        for (network, host) in [
            ("10.0.0.0/8", "11.0.0.1"),
            ("10.0.0.0/8", "10.evil.com"),
            ("192.168.1.128/25", "192.168.1.1"),
            ("::/0", "8.8.8.8"),
        ] {
            assert!(!is(network, host), "{network} {host}");
        }
    }

    #[test]
    fn private_networks_are_known() {
        for host in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "::1",
            "fe80::1%eth0",
            "fd00::1",
            "0.0.0.0",
            "100.64.0.1",
            "localhost",
            "a.localhost",
            "::ffff:10.0.0.1",
        ] {
            assert!(matches(json!({"private": true}), json!({"host": host})), "{host}");
        }
        for host in
            ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "localhost.evil.com", "10.evil.com"]
        {
            assert!(matches(json!({"private": false}), json!({"host": host})), "{host}");
        }
    }

    #[test]
    fn ports_and_directions_are_compared() {
        let fact = json!({"host": "a.example", "port": 22, "direction": "connect"});
        assert!(matches(json!({"ports": 22, "direction": ["send", "connect"]}), fact.clone()));
        assert!(!matches(json!({"ports": [80, 443]}), fact.clone()));
        assert!(!matches(json!({"direction": "fetch"}), fact));
        assert!(!matches(json!({"ports": 443}), json!({"host": "a.example"})));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for host in ["", "a..b", "*", "*.", "ex*mple.com", "https://x.example", "10.0.0.0/33", "x/8", "a b"] {
            assert_eq!(new(json!({"hosts": host})).is_ok(), host == "*", "{host}");
        }
        assert!(new(json!({})).is_err() && new(json!({"hosts": []})).is_err());
    }
}
