//! Hosts: what an address says, and what it means to talk to it.

// Addresses alone: the core opens no socket.
use core::net::{Ipv4Addr, Ipv6Addr};

use agentfirewall_sdk::Direction;

use super::carried;
use super::doing::{Contact, Effect, Taint, UNKNOWN};
use super::seen::{Contacted, Origin, Understanding};

/// Hosts where anybody can put something for anybody to fetch, or that show whoever owns them what was asked of them.
/// A name stands for all below it.
const DROPS: [&str; 58] = [
    "0x0.st",
    "anonfiles.com",
    "api.telegram.org",
    "bashupload.com",
    "beeceptor.com",
    "burpcollaborator.net",
    "canarytokens.com",
    "catbox.moe",
    "clbin.com",
    "controlc.com",
    "discord.com/api/webhooks",
    "discordapp.com/api/webhooks",
    "dnslog.cn",
    "dpaste.com",
    "dpaste.org",
    "dumpz.org",
    "envs.sh",
    "file.io",
    "fiddle.jshell.net",
    "filebin.net",
    "ghostbin.com",
    "gofile.io",
    "hastebin.com",
    "hookb.in",
    "hookbin.com",
    "interact.sh",
    "ix.io",
    "justpaste.it",
    "localhost.run",
    "loca.lt",
    "mega.nz",
    "mockbin.org",
    "ngrok-free.app",
    "ngrok.app",
    "ngrok.io",
    "oast.fun",
    "oast.live",
    "oast.me",
    "oast.online",
    "oast.pro",
    "oast.site",
    "oastify.com",
    "paste.ee",
    "paste.rs",
    "pastebin.com",
    "pipedream.net",
    "postb.in",
    "ptpb.pw",
    "requestbin.com",
    "requestbin.net",
    "requestcatcher.com",
    "rentry.co",
    "serveo.net",
    "sprunge.us",
    "temp.sh",
    "termbin.com",
    "transfer.sh",
    "webhook.site",
];

/// Names of the services that tell a machine of a cloud its credentials.
const METADATA: [&str; 5] =
    ["metadata.google.internal", "metadata.goog", "metadata", "instance-data", "metadata.azure.internal"];

impl Understanding {
    /// Notes a host that is talked to, and what that means.
    pub(crate) fn contact(&mut self, contact: &Contact, by: Option<usize>, origin: Origin) {
        let address = Address::of(&contact.word.text);
        let taint = contact.word.taint;
        let origin = if origin == Origin::Call { Origin::Host(self.hosts.len()) } else { origin };
        for (id, hit) in consequences(&contact.word.text, &address, contact.direction) {
            if hit {
                self.effect(Effect::new(id, address.shown()), origin);
            }
        }
        // A name or address that is made of what must not leave carries it away.
        for (source, id) in [
            (Taint::SECRET, "exfiltration.secret"),
            (Taint::ENVIRONMENT, "exfiltration.environment"),
            (Taint::FILE, "exfiltration.dns"),
        ] {
            if taint.has(source) && !address.is_loopback() {
                self.effect(Effect::new(id, address.shown()), origin);
            }
        }
        self.hosts.push(Contacted {
            written: contact.word.text.clone(),
            host: address.host,
            port: address.port,
            direction: contact.direction,
            by,
        });
    }
}

fn consequences(written: &str, address: &Address, direction: Direction) -> [(&'static str, bool); 8] {
    let sends = matches!(direction, Direction::Send | Direction::Connect);
    let away = !address.is_loopback();
    let local = matches!(address.scheme.as_str(), "file" | "gopher" | "dict" | "jar" | "netdoc");
    [
        ("exfiltration.metadata", address.is_metadata()),
        // Whoever owns a catcher of requests sees all that is asked of it, so that fetching from it sends, too.
        ("exfiltration.paste", (sends || address.is_catcher(written)) && address.is_drop(written)),
        ("exfiltration.local-file-url", local),
        // Whoever reaches the engine without a password owns the machine (https://docs.docker.com/engine/security/).
        ("container.privileged", address.port == Some(2375) && address.scheme == "http"),
        ("platform.secret", address.is_loopback() && is_cluster_secret(written)),
        // The node's own interface runs commands in pods (https://kubernetes.io/docs/reference/networking/ports-and-protocols/).
        (
            "remote-code.elsewhere",
            address.port == Some(10250) && (written.contains("/run/") || written.contains("/exec/")),
        ),
        ("exfiltration.token-in-address", away && carried::token(written)),
        ("exfiltration.encoded-in-address", away && carried::hidden_text(written, address)),
    ]
}

/// Whether an address is the one of secrets at a proxy of Kubernetes' interface.
fn is_cluster_secret(written: &str) -> bool {
    let path = written.split(['?', '#']).next().unwrap_or_default();
    path.contains("/api/v1/") && path.split('/').any(|name| name == "secrets")
}

/// An address taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Address {
    /// In lower case; empty where none is written.
    pub(crate) scheme: String,
    /// In lower case, without user, port and trailing dot; an IP address in its usual spelling.
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl Address {
    /// Takes a URL, `host:port`, `user@host` or a host apart.
    pub(crate) fn of(written: &str) -> Self {
        let written = written.trim();
        let (scheme, rest) = match written.split_once("://") {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
            None => match written.split_once(':') {
                Some((scheme @ ("file" | "data" | "javascript"), rest)) => (scheme.to_owned(), rest),
                _ => (String::new(), written),
            },
        };
        // A backslash ends the host for those who read addresses as browsers do; so does a NUL for C.
        let authority = rest.split(['/', '?', '#', '\\', '\0']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = match host.strip_prefix('[') {
            Some(v6) => {
                let (host, rest) = v6.split_once(']').unwrap_or((v6, ""));
                (host, rest.strip_prefix(':'))
            }
            None if host.matches(':').count() > 1 => (host, None),
            None => match host.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (host, None),
            },
        };
        let host = host.trim_end_matches('.').to_lowercase();
        let host = match number_address(&host) {
            Some(ip) => ip.to_string(),
            None => host,
        };
        Self { scheme, host, port: port.and_then(|port| port.parse().ok()) }
    }

    /// Whether it is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.ends_with(".localhost")
            || self.host == "host.docker.internal"
            || self.host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
            || self.ipv6().is_some_and(|ip| ip.is_loopback() || ip.is_unspecified())
    }

    fn ipv6(&self) -> Option<Ipv6Addr> {
        self.host.split('%').next()?.parse().ok()
    }

    /// Whether the host shows its owner what was asked of it, or the address has something of this machine in it.
    fn is_catcher(&self, written: &str) -> bool {
        const CATCHERS: [&str; 12] = [
            "webhook",
            "request",
            "oast",
            "burp",
            "interact",
            "beeceptor",
            "canarytokens",
            "hookb",
            "pipedream",
            "postb",
            "mockbin",
            "dnslog",
        ];
        CATCHERS.iter().any(|catcher| self.host.contains(catcher)) || written.contains('?')
    }

    fn is_metadata(&self) -> bool {
        let v4 =
            self.host.parse::<Ipv4Addr>().ok().or_else(|| self.ipv6().and_then(|ip| ip.to_ipv4_mapped()));
        METADATA.contains(&self.host.as_str())
            || v4.is_some_and(|ip| {
                matches!(ip.octets(), [169, 254, 169, 253 | 254] | [169, 254, 170, 2 | 23] | [100, 100, 100, 200])
            })
            || self.ipv6().is_some_and(|ip| {
                // AWS and Google; see their documentation of the instance metadata service.
                matches!(ip.segments(), [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254])
            })
            // A name that leads to an address, as the services for wildcard names make them.
            || self.host.contains("169.254.169.254")
            || self.host.contains("169-254-169-254")
    }

    fn is_drop(&self, written: &str) -> bool {
        DROPS.iter().any(|entry| match entry.split_once('/') {
            Some((host, path)) => self.is_below(host) && written.contains(path),
            None => self.is_below(entry),
        })
    }

    fn is_below(&self, name: &str) -> bool {
        self.host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    fn shown(&self) -> String {
        self.host.chars().map(|c| if c == UNKNOWN { '…' } else { c }).collect()
    }
}

/// An IPv4 address in any of the spellings that `inet_aton` takes: one to four parts, decimal, octal or hexadecimal.
fn number_address(host: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = host
        .split('.')
        .map(|part| {
            if let Some(hex) = part.strip_prefix("0x") {
                u64::from_str_radix(hex, 16).ok()
            } else if part.len() > 1 && part.starts_with('0') {
                u64::from_str_radix(part, 8).ok()
            } else {
                part.parse().ok()
            }
        })
        .collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 255) {
        return None;
    }
    let rest = 8 * (4 - u32::try_from(first.len()).ok()?);
    if *last >= 1_u64 << rest {
        return None;
    }
    let high = first.iter().fold(0_u64, |sum, part| sum << 8 | part);
    u32::try_from((high << rest) | last).ok().map(Ipv4Addr::from)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::understand::Word;

    /// What it means to contact an address.
    pub(in crate::understand) fn effects(address: &str, direction: Direction) -> Vec<String> {
        let mut seen = Understanding::default();
        let contact = Contact { word: Word::plain(address), direction };
        seen.contact(&contact, None, Origin::Call);
        seen.effects.into_iter().map(|(effect, _)| effect.id).collect()
    }

    #[test]
    fn the_metadata_service_is_known_in_every_spelling() {
        for address in [
            "http://169.254.169.254/latest/meta-data/",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://0251.0376.0251.0376/",
            "http://169.254.43518/",
            "http://[::ffff:169.254.169.254]/",
            "http://[fd00:ec2::254]/",
            "http://metadata.google.internal./x",
            "http://user@169.254.169.254:80/",
            "http://169.254.169.254.nip.io/",
        ] {
            assert_eq!(effects(address, Direction::Fetch), ["exfiltration.metadata"], "{address}");
        }
    }

    #[test]
    fn everyday_addresses_mean_nothing() {
        for address in
            ["https://docs.rs/x", "localhost:3000", "https://api.github.com/a", "git@github.com:a/b"]
        {
            assert!(effects(address, Direction::Send).is_empty(), "{address}");
        }
        assert!(effects("https://notpastebin.com", Direction::Send).is_empty());
        assert!(effects("https://pastebin.com/raw/x", Direction::Fetch).is_empty());
        assert_eq!(effects("https://x.webhook.site/a", Direction::Send), ["exfiltration.paste"]);
    }

    #[test]
    fn addresses_are_taken_apart() {
        let address = Address::of("HTTPS://u:p@Example.COM.:8443/a?b");
        assert_eq!(
            (address.scheme.as_str(), address.host.as_str(), address.port),
            ("https", "example.com", Some(8443))
        );
        assert_eq!(Address::of("evil.com\0.google.com").host, "evil.com");
        assert!(Address::of("http://0x7f.1/").is_loopback() && Address::of("[::1]:80").is_loopback());
        assert!(!Address::of("localhost.evil.com").is_loopback());
    }
}
