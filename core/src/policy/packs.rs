//! The built-in packs of rules, which a policy takes in by `extends:`.
//!
//! A pack is a list of rules about effects: what calls do, by the names of `core/knowledge/effects.yaml`. Its rules follow
//! the ones of the policy that names it, so that an author's own rule about the same effect comes first and wins.

use super::compile::fnv;

/// A built-in pack.
#[derive(Debug)]
pub struct Pack {
    /// The name that `extends:` takes.
    pub name: &'static str,
    /// What it is for, in one line.
    pub about: &'static str,
    /// Its own rules, as they would stand in a policy; empty if it has none.
    pub text: &'static str,
    /// The packs it consists of beside its own rules, which come first.
    pub includes: &'static [&'static str],
    /// Whether it takes only what these deny.
    pub only_deny: bool,
    /// Of its text: a compiled policy is no longer good when a pack has changed.
    pub(super) checksum: u64,
}

/// The subjects that are put together to `recommended`.
const SUBJECTS: &[&str] = &[
    "filesystem",
    "git",
    "credentials",
    "exfiltration",
    "remote-code",
    "persistence",
    "privilege",
    "cloud",
    "database",
    "containers",
    "supply-chain",
    "agent-config",
    "mcp",
    // Last, so that what is bad in itself gives the reason.
    "firewall-protection",
];

macro_rules! packs {
    ($($name:literal: $about:literal, $text:expr, $includes:expr, $only_deny:literal;)*) => {
        /// All of them, the ones for whole policies first.
        pub const ALL: &[Pack] = &[$(Pack {
            name: $name,
            about: $about,
            text: $text,
            includes: $includes,
            only_deny: $only_deny,
            checksum: fnv($text.as_bytes()),
        }),*];
    };
}

packs! {
    "recommended": "what cannot be undone is denied, what a person has to judge is asked about, all else is silent",
        "", SUBJECTS, false;
    "strict": "as recommended, and asks about what is unknown or only often harmless",
        include_str!("packs/strict.yaml"), &["recommended"], false;
    "minimal": "only what recommended denies; it never asks",
        "", SUBJECTS, true;
    "original": "the default policy of the Python original, by patterns of texts",
        include_str!("packs/original.yaml"), &[], false;
    "firewall-protection": "the firewall's own files and switches, also outside of its protected layer",
        include_str!("packs/firewall-protection.yaml"), &[], false;
    "filesystem": "deletes, overwrites and writes outside of the project",
        include_str!("packs/filesystem.yaml"), &[], false;
    "git": "work and history that git cannot bring back, and code that git would run",
        include_str!("packs/git.yaml"), &[], false;
    "credentials": "keys, tokens and environment files",
        include_str!("packs/credentials.yaml"), &[], false;
    "exfiltration": "data that leaves the machine, and ways in",
        include_str!("packs/exfiltration.yaml"), &[], false;
    "remote-code": "code that nobody has read, and scripts that cannot be understood",
        include_str!("packs/remote-code.yaml"), &[], false;
    "persistence": "what would run later by itself",
        include_str!("packs/persistence.yaml"), &[], false;
    "privilege": "rights of other users, and the protections and traces of the system",
        include_str!("packs/privilege.yaml"), &[], false;
    "cloud": "resources of clouds and clusters, code hosts, infrastructure as code",
        include_str!("packs/cloud.yaml"), &[], false;
    "database": "tables, databases and stores",
        include_str!("packs/database.yaml"), &[], false;
    "containers": "containers with the rights of the host, and what they hold",
        include_str!("packs/containers.yaml"), &[], false;
    "supply-chain": "packages: publishing, and installing from unusual places",
        include_str!("packs/supply-chain.yaml"), &[], false;
    "agent-config": "settings, hooks and memory of coding agents",
        include_str!("packs/agent-config.yaml"), &[], false;
    "mcp": "tools of MCP servers that destroy, pay or speak for a person",
        include_str!("packs/mcp.yaml"), &[], false;
}

/// The pack of a name.
pub fn find(name: &str) -> Option<&'static Pack> {
    ALL.iter().find(|pack| pack.name == name)
}

/// What rules may be about by `effects:`, with what each means, sorted by the id.
pub fn effects() -> impl Iterator<Item = (&'static str, &'static str)> {
    crate::knowledge::effects()
}

/// The packs with rules of their own that a pack stands for, in the order of their rules, and whether only what they
/// deny counts.
pub(super) fn parts(pack: &'static Pack) -> Vec<(&'static Pack, bool)> {
    let own = (!pack.text.is_empty()).then_some((pack, false));
    let included = pack.includes.iter().filter_map(|name| find(name)).flat_map(parts);
    own.into_iter().chain(included.map(|(part, only_deny)| (part, only_deny || pack.only_deny))).collect()
}
