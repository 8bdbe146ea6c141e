//! The committed snapshot of security advisories, for machines that cannot fetch the live database.
//!
//! `tests/advisories/advisories.json` holds the version ranges of every advisory about a crate that `Cargo.lock` names,
//! and the list of the crates that were looked up. A crate that nobody looked up is a failure, not a pass.

use serde_json::Value;

use crate::Result;
use crate::version::{Version, satisfies};
use crate::workshop::{Workshop, read};

/// The snapshot, from the top folder of the repository.
pub(crate) const SNAPSHOT: &str = "tests/advisories/advisories.json";

/// What the snapshot says about a lock file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// The day on which the advisories were looked up.
    pub(crate) date: String,
    /// How many packages were compared.
    pub(crate) packages: usize,
    /// Packages with an open advisory.
    pub(crate) affected: Vec<String>,
    /// Crates the snapshot does not cover.
    pub(crate) unknown: Vec<String>,
}

/// Compares the repository's lock file with the snapshot.
pub(crate) fn check(workshop: &Workshop) -> Result<Report> {
    compare(&read(&workshop.path("Cargo.lock"))?, &read(&workshop.path(SNAPSHOT))?)
}

fn compare(lock: &str, snapshot: &str) -> Result<Report> {
    let snapshot: Value = serde_json::from_str(snapshot).map_err(|error| format!("{SNAPSHOT}: {error}"))?;
    let date =
        snapshot.get("date").and_then(Value::as_str).ok_or_else(|| format!("{SNAPSHOT}: no `date`"))?;
    let known = texts(&snapshot, "looked_up")?;
    let advisories = snapshot
        .get("advisories")
        .and_then(Value::as_array)
        .ok_or_else(|| format!("{SNAPSHOT}: no `advisories`"))?;
    let mut report = Report { date: date.to_owned(), ..Report::default() };
    for (name, version) in registry_packages(lock) {
        report.packages += 1;
        if !known.contains(&name) && !report.unknown.iter().any(|other| other == name) {
            report.unknown.push(name.to_owned());
        }
        let parsed = Version::parse(version).map_err(|error| format!("Cargo.lock: {name}: {error}"))?;
        for advisory in
            advisories.iter().filter(|entry| entry.get("package").and_then(Value::as_str) == Some(name))
        {
            let safe = ["patched", "unaffected"]
                .into_iter()
                .map(|key| texts(advisory, key))
                .collect::<Result<Vec<_>>>()?
                .into_iter()
                .flatten()
                .map(|requirement| satisfies(&parsed, requirement))
                .collect::<Result<Vec<bool>>>()?
                .contains(&true);
            // An exception is one of `deny.toml` too, with its reason.
            let accepted =
                advisory.get("accepted").and_then(Value::as_str).is_some_and(|why| !why.is_empty());
            if !safe && !accepted {
                let field = |key| advisory.get(key).and_then(Value::as_str).unwrap_or("?");
                report.affected.push(format!("{name} {version}: {}: {}", field("id"), field("title")));
            }
        }
    }
    if report.packages == 0 {
        return Err("Cargo.lock names no package of a registry: it was not understood".to_owned());
    }
    Ok(report)
}

fn texts<'a>(value: &'a Value, key: &str) -> Result<Vec<&'a str>> {
    let list =
        value.get(key).and_then(Value::as_array).ok_or_else(|| format!("{SNAPSHOT}: no list `{key}`"))?;
    list.iter()
        .map(|item| item.as_str().ok_or_else(|| format!("{SNAPSHOT}: `{key}` holds no text")))
        .collect()
}

/// Name and version of every package from a registry. The lock file is TOML written by Cargo, one key a line.
fn registry_packages(lock: &str) -> Vec<(&str, &str)> {
    lock.split("[[package]]")
        .skip(1)
        .filter_map(|package| {
            let field = |key: &str| {
                package
                    .lines()
                    .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'))
            };
            field("source").filter(|source| source.starts_with("registry+"))?;
            Some((field("name")?, field("version")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "source = \"registry+https://example.invalid/index\"\n";

    fn lock(packages: &[(&str, &str)]) -> String {
        let package = |(name, version): &(&str, &str)| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n{SOURCE}\n")
        };
        format!(
            "version = 4\n\n[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n\n{}",
            packages.iter().map(package).collect::<String>()
        )
    }

    const SNAPSHOT: &str = r#"{
        "date": "2026-11-22",
        "looked_up": ["tls", "quiet"],
        "advisories": [{"id": "X-1", "package": "tls", "title": "bad", "patched": [">= 1.2.0"], "unaffected": ["< 1.0.0"]}]
    }"#;

    #[test]
    fn affected_versions_and_unknown_crates_are_named_and_safe_ones_are_not() {
        let report =
            compare(&lock(&[("tls", "1.1.9"), ("quiet", "7.0.0"), ("new", "0.1.0")]), SNAPSHOT).unwrap();
        assert_eq!(
            report,
            Report {
                date: "2026-11-22".to_owned(),
                packages: 3,
                affected: vec!["tls 1.1.9: X-1: bad".to_owned()],
                unknown: vec!["new".to_owned()],
            }
        );
        for safe in ["1.2.0", "0.9.9", "3.0.0"] {
            let report = compare(&lock(&[("tls", safe)]), SNAPSHOT).unwrap();
            assert!(report.affected.is_empty() && report.unknown.is_empty(), "{safe}: {report:?}");
        }
    }

    #[test]
    fn a_lock_file_or_snapshot_that_is_not_understood_is_an_error() {
        assert!(compare("", SNAPSHOT).is_err());
        assert!(compare(&lock(&[("tls", "1.2.0")]), "{}").is_err());
        assert!(compare(&lock(&[("tls", "one")]), SNAPSHOT).is_err());
    }
}
