//! Packages that are installed by name: whether the name is a slip of the hand away from one that everybody uses.

use super::super::parse::Parsed;
use super::effect;
use crate::understand::{Doing, UNKNOWN};

/// A registry's most popular packages, one a line, each with the packages that are named almost like it and are what they say.
pub(super) const PYPI: &str = include_str!("../../../knowledge/popular/pypi.txt");
pub(super) const NPM: &str = include_str!("../../../knowledge/popular/npm.txt");
pub(super) const CRATES: &str = include_str!("../../../knowledge/popular/crates.txt");

/// Names of one letter less are too short to say what was meant.
const SHORTEST: usize = 5;
/// How many names of one command are looked at.
const MOST: usize = 64;

/// Notes the packages that a command installs from its registry under a name that is almost another's.
pub(super) fn near(registry: &'static str, parsed: &Parsed<'_>, doing: &mut Doing) {
    let first = parsed.command.as_ref().and_then(|command| command.first());
    for word in parsed.operands.iter().chain(first).take(MOST) {
        let Some(name) = package(&word.text) else { continue };
        if let Some(meant) = meant(registry, &name) {
            let detail = format!("{name}, where {meant} is what most install");
            effect(doing, "supply-chain.near-name", &detail);
        }
    }
}

/// The name of a package as registries compare it, without its version and extras; `None` if it is not a plain name.
fn package(written: &str) -> Option<String> {
    // `alias@npm:name@version` installs what stands last.
    let written = written.split_once("@npm:").map_or(written, |(_, name)| name);
    let end = written.find(['@', '[', '=', '<', '>', '!', '~', '^', ';', ' ']).unwrap_or(written.len());
    let name = written.get(..end)?;
    let plain = name.len() >= SHORTEST - 1
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !name.contains(['/', ':', '\\', UNKNOWN]);
    plain.then(|| name.to_ascii_lowercase().replace('_', "-"))
}

/// The popular package that a name is one slip away from; `None` if it is one of those, or known beside it.
fn meant(registry: &'static str, name: &str) -> Option<&'static str> {
    let mut found = None;
    for line in registry.lines() {
        let (popular, beside) = line.split_once(':').unwrap_or((line, ""));
        let spelled = popular.replace('_', "-");
        if spelled == name || beside.split_whitespace().any(|known| known.replace('_', "-") == name) {
            return None;
        }
        if found.is_none() && is_slip(&spelled, name) {
            found = Some(popular);
        }
    }
    found
}

/// Whether one letter is missing, added, replaced or two are swapped. In a short name another letter makes another word.
fn is_slip(popular: &str, name: &str) -> bool {
    let (long, short) = (popular.as_bytes(), name.as_bytes());
    if popular.len() < SHORTEST || popular == name || long.len().abs_diff(short.len()) > 1 {
        return false;
    }
    let same = long.iter().zip(short).take_while(|(a, b)| a == b).count();
    let (long, short) = (long.get(same..).unwrap_or_default(), short.get(same..).unwrap_or_default());
    let tail = long.iter().rev().zip(short.iter().rev()).take_while(|(a, b)| a == b).count();
    let rest = |bytes: &[u8]| bytes.get(..bytes.len().saturating_sub(tail)).unwrap_or_default().to_vec();
    match (rest(long).as_slice(), rest(short).as_slice()) {
        ([_], []) | ([], [_]) => true,
        ([_], [_]) => popular.len() > SHORTEST,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_is_one_letter() {
        for slip in ["reqeusts", "request", "requestss", "requists", "equests", "rrequests"] {
            assert!(is_slip("requests", slip), "{slip}");
        }
        for other in ["requests", "request-s2", "reqests2", "grequestss", "quest", ""] {
            assert!(!is_slip("requests", other), "{other}");
        }
        assert!(is_slip("flask", "flaks") && is_slip("flask", "flsk") && !is_slip("flask", "flash"));
    }

    #[test]
    fn what_is_known_is_no_slip() {
        for (registry, name) in [
            (PYPI, "requests"),
            (PYPI, "grequests"),
            (NPM, "preact"),
            (NPM, "mysql"),
            (CRATES, "request"),
            (PYPI, "pyaml"),
        ] {
            assert_eq!(meant(registry, name), None, "{name}");
        }
        assert_eq!(meant(PYPI, "reqeusts"), Some("requests"));
        assert_eq!(meant(NPM, "loadsh"), Some("lodash"));
        assert_eq!(meant(CRATES, "serde-jsn"), Some("serde_json"));
    }

    #[test]
    fn no_popular_package_is_a_slip_of_another() {
        for registry in [PYPI, NPM, CRATES] {
            for line in registry.lines() {
                let (popular, beside) = line.split_once(':').unwrap_or((line, ""));
                assert!(popular.len() >= SHORTEST, "{popular}");
                for name in std::iter::once(popular).chain(beside.split_whitespace()) {
                    assert_eq!(package(name).and_then(|name| meant(registry, &name)), None, "{name}");
                }
            }
        }
    }

    #[test]
    fn names_are_found_in_what_is_written() {
        for (written, name) in [
            ("requests==2.31", Some("requests")),
            ("uvicorn[standard]>=0.2", Some("uvicorn")),
            ("lodash@^4", Some("lodash")),
            ("mine@npm:lodash@4", Some("lodash")),
            ("Serde_JSON", Some("serde-json")),
            ("@types/node", None),
            ("./lodash", None),
            ("git+https://example.org/x", None),
            (".", None),
        ] {
            assert_eq!(package(written).as_deref(), name, "{written}");
        }
    }
}
