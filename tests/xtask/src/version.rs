//! Versions and version requirements as Cargo and the advisory database write them, as far as advisories need them.

use std::cmp::Ordering;

use crate::Result;

/// A semantic version without its build part, which has no precedence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    numbers: [u64; 3],
    /// The dotted pre-release identifiers; empty for a release.
    pre: Vec<String>,
}

impl Version {
    /// Parses `1`, `1.2` (the rest is 0) and `1.2.3-alpha.1+build`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        Ok(Partial::parse(text)?.version)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => pre_order(&self.pre, &other.pre),
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn pre_order(left: &[String], right: &[String]) -> Ordering {
    for (left, right) in left.iter().zip(right) {
        let order = match (left.parse::<u64>(), right.parse::<u64>()) {
            (Ok(left), Ok(right)) => left.cmp(&right),
            // Numbers stand below words (semver 2.0.0, item 11.4.3).
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => left.cmp(right),
        };
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

/// A version as written, with the count of its numbers: `^0.3` and `^0.3.0` are not the same.
struct Partial {
    version: Version,
    given: usize,
}

impl Partial {
    fn parse(text: &str) -> Result<Self> {
        let wrong = || format!("`{text}` is not a version");
        let without_build = text.trim().split('+').next().unwrap_or_default();
        let (release, pre) = without_build.split_once('-').map_or((without_build, ""), |(a, b)| (a, b));
        let mut numbers = [0; 3];
        let mut given = 0;
        for part in release.split('.') {
            *numbers.get_mut(given).ok_or_else(wrong)? = part.parse().map_err(|_error| wrong())?;
            given += 1;
        }
        let pre = if pre.is_empty() { Vec::new() } else { pre.split('.').map(str::to_owned).collect() };
        Ok(Self { version: Version { numbers, pre }, given })
    }
}

/// Whether a version satisfies a requirement: comparators joined by commas, all of which must hold.
pub(crate) fn satisfies(version: &Version, requirement: &str) -> Result<bool> {
    for comparator in requirement.split(',') {
        if !holds(version, comparator.trim())? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn holds(version: &Version, comparator: &str) -> Result<bool> {
    // Longest operators first. No operator means `^`, as in Cargo.
    for operator in [">=", "<=", ">", "<", "=", "^", "~", ""] {
        let Some(rest) = comparator.strip_prefix(operator) else { continue };
        let Partial { version: bound, given } = Partial::parse(rest)?;
        return Ok(match operator {
            ">=" => *version >= bound,
            ">" => *version > bound,
            "<" => *version < bound,
            "<=" => *version <= bound || prefix_equal(version, &bound, given),
            "=" => *version == bound || (given < 3 && prefix_equal(version, &bound, given)),
            "~" => *version >= bound && prefix_equal(version, &bound, given.min(2)),
            _ => *version >= bound && prefix_equal(version, &bound, leading(&bound, given)),
        });
    }
    Err(format!("`{comparator}` is not a version requirement"))
}

/// How many numbers a caret keeps: up to and with the first that is not zero.
fn leading(bound: &Version, given: usize) -> usize {
    bound.numbers.iter().position(|number| *number != 0).map_or(given, |first| first + 1)
}

fn prefix_equal(version: &Version, bound: &Version, count: usize) -> bool {
    version.numbers.iter().zip(&bound.numbers).take(count).all(|(left, right)| left == right)
        && (count < 3 || version.pre == bound.pre || bound.pre.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_of_real_advisories() {
        let cases = [
            ("0.23.46", ">= 0.23.45", true),
            ("0.23.44", ">= 0.23.45", false),
            ("0.103.17", ">= 0.103.13, < 0.104.0-alpha.1", true),
            ("0.104.0-alpha.5", ">= 0.104.0-alpha.7", false),
            ("0.104.0-alpha.10", ">= 0.104.0-alpha.7", true),
            ("0.104.0", ">= 0.104.0-alpha.7", true),
            ("0.104.0-alpha.1", "< 0.104.0", true),
            ("0.3.9", "^ 0.3.1", true),
            ("0.4.0", "^0.3.4", false),
            ("1.8.1", "^1.8.1", true),
            ("2.0.0", "^1.8.1", false),
            ("0.13.11", "0.13.10", true),
            ("0.14.0", "0.13.10", false),
            ("0.22.7", "<= 0.22", true),
            ("0.23.0", "<= 0.22", false),
            ("0.4.10", "= 0.4.10", true),
            ("0.4.11", "= 0.4.10", false),
            ("1.4.9", "~1.4.2", true),
            ("1.5.0", "~1.4.2", false),
            ("0.11.1+wasi-snapshot-preview1", ">= 0.11.1", true),
        ];
        for (version, requirement, expected) in cases {
            let answer = satisfies(&Version::parse(version).unwrap(), requirement).unwrap();
            assert_eq!(answer, expected, "{version} against {requirement}");
        }
    }

    #[test]
    fn nonsense_is_an_error_and_never_a_match() {
        let version = Version::parse("1.0.0").unwrap();
        for requirement in ["", ">= x", "1.2.3.4", "latest", ">= 1.0, "] {
            assert!(satisfies(&version, requirement).is_err(), "{requirement}");
        }
    }
}
