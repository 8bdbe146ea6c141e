//! Settings of package managers: where packages come from, and whether anybody looks at who sends them.
//!
//! A registry of one's own over TLS is everyday. One in the clear, or one that is not asked for its certificate, lets whoever
//! is on the way choose what is installed.

use crate::understand::{Address, Effect};

/// Keys under which an address of packages stands, as a part of their names.
const SOURCES: [&str; 8] =
    ["registry", "index", "source", "find-links", "find_links", "server", "url", "value="];

/// Settings that switch the looking off, without blanks, quotes and the mark between name and value.
const OFF: [&str; 12] = [
    "strict-sslfalse",
    "strict_sslfalse",
    "strict-ssl0",
    "enablestrictsslfalse",
    "ssl-verifyfalse",
    "ssl_verify_mode0",
    "verify_sslfalse",
    "secure-httpfalse",
    "disable-tlstrue",
    "check-signaturesfalse",
    "allowinsecureconnectionstrue",
    "allow-insecuretrue",
];
/// Settings that name hosts nobody is to look at.
const TRUSTED: [&str; 4] = ["trusted-host", "allow-insecure-host", "unsafehttpwhitelist", "trusted_host"];

/// What the texts mean that go to such a file.
pub(super) fn effect(path: &str, texts: &[&str]) -> Option<Effect> {
    let path = path.to_ascii_lowercase();
    let mut names = path.rsplit('/');
    let (name, folder) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
    let is_one = match name {
        ".npmrc" | ".yarnrc" | ".yarnrc.yml" | "bunfig.toml" | ".bunfig.toml" | "pip.conf" | "pip.ini"
        | "uv.toml" | ".gemrc" | "nuget.config" => true,
        "config" | "config.toml" => folder == ".cargo",
        _ => false,
    };
    let said = texts.iter().filter(|_| is_one).flat_map(|text| text.lines());
    // Hosts may stand in the lines below the name of their list.
    let mut list = false;
    for line in said {
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if trusts(&line, &mut list) || in_the_clear(&line) || is_off(&line) {
            return Some(Effect::new("supply-chain.registry", line));
        }
    }
    None
}

/// Whether a line has an address of packages without TLS that leaves the machine.
fn in_the_clear(line: &str) -> bool {
    let Some((key, address)) = line.split_once("http://") else { return false };
    let far = !Address::of(&format!("http://{address}")).is_loopback();
    // An address alone goes on with the line before.
    let bare = key.trim_matches(|c: char| c.is_whitespace() || "\"'-=[,".contains(c)).is_empty();
    far && !key.contains("proxy") && (bare || SOURCES.iter().any(|source| key.contains(source)))
}

fn is_off(line: &str) -> bool {
    let plain: String = line.chars().filter(|c| !c.is_whitespace() && !"\"'=:".contains(*c)).collect();
    OFF.iter().any(|off| plain.contains(off))
}

/// Whether a line names a host of another machine that is to be trusted unseen.
fn trusts(line: &str, list: &mut bool) -> bool {
    let hosts = match TRUSTED.iter().find_map(|name| line.split_once(name)) {
        Some((_, hosts)) => hosts,
        None if *list && !line.contains(['=', ':']) => line,
        None => {
            *list = false;
            return false;
        }
    };
    *list = true;
    let apart = |c: char| c.is_whitespace() || "\"'=:[],".contains(c);
    hosts
        .split(apart)
        .map(|host| host.trim_matches('-'))
        .filter(|host| !host.is_empty() && !host.bytes().all(|byte| byte.is_ascii_digit()))
        .any(|host| {
            let known = ["pypi.org", "files.pythonhosted.org", "pypi.python.org"].contains(&host);
            !known && !Address::of(host).is_loopback()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_packages_unseen_is_told_from_a_registry_of_ones_own() {
        let found = |path: &str, text: &str| effect(path, &[text]).is_some();
        for (path, text) in [
            (".npmrc", "registry=http://npm.corp.example/"),
            ("web/.npmrc", "@acme:registry = http://10.0.0.4:4873"),
            (".npmrc", "strict-ssl = false"),
            ("pip.conf", "[global]\nindex-url = http://pypi.corp.example/simple"),
            ("pip.conf", "[global]\ntrusted-host = pypi.corp.example"),
            ("pip.conf", "[global]\ntrusted-host =\n    localhost\n    pypi.corp.example"),
            (".yarnrc.yml", "enableStrictSsl: false"),
            (".yarnrc.yml", "npmRegistryServer: \"http://npm.corp.example\""),
            (".yarnrc.yml", "unsafeHttpWhitelist:\n  - npm.corp.example"),
            (".cargo/config.toml", "[source.mirror]\nregistry = \"http://crates.corp.example/index\""),
            (".cargo/config.toml", "[registries.x]\nindex = \"sparse+http://crates.corp.example/\""),
        ] {
            assert!(found(path, text), "{path}: {text}");
        }
        for (path, text) in [
            (".npmrc", "registry=https://npm.corp.example/\n//npm.corp.example/:_authToken=${TOKEN}"),
            (".npmrc", "# strict-ssl=false\nstrict-ssl=true"),
            (".npmrc", "registry=http://localhost:4873/\nproxy=http://proxy.corp.example:3128"),
            ("pip.conf", "[global]\nextra-index-url = https://pypi.corp.example/simple"),
            ("pip.conf", "[global]\ntrusted-host = localhost\ntimeout = 60"),
            (".yarnrc.yml", "nodeLinker: node-modules\nenableStrictSsl: true"),
            (".cargo/config.toml", "[build]\ntarget-dir = \"out\""),
            ("docs/registry.md", "registry=http://npm.corp.example/"),
            ("config.toml", "url = \"http://npm.corp.example/\""),
        ] {
            assert!(!found(path, text), "{path}: {text}");
        }
    }
}
