//! `audit`: the files of the log, with sizes and ages as people write them.

use super::Reader;
use crate::audit::{Retention, Rotation};
use crate::policy::diagnostic::Mark;
use crate::policy::keys;
use crate::policy::model::AuditSettings;
use crate::policy::raw::{Fields, one_line};
use crate::policy::yaml::Node;

/// The smallest size: some records must fit into a file.
const SMALLEST: u64 = 64 << 10;
/// The fewest records: each file costs one of its own.
const FEWEST: u64 = 100;
/// The shortest age, in seconds.
const SHORTEST: u64 = 60;

/// The units of sizes, in bytes. Decimal ones are read as what nearly everybody means by them.
const SIZES: [(&str, u64); 10] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("kb", 1000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("k", 1 << 10),
    ("m", 1 << 20),
    ("g", 1 << 30),
    ("b", 1),
];
/// The units of ages, in seconds.
const AGES: [(&str, u64); 5] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)];

impl Reader<'_> {
    pub(super) fn audit(&mut self, node: &Node) -> AuditSettings {
        let standard = AuditSettings::default();
        let Some(fields) = Fields::open(node, "`audit`", keys::AUDIT, self.problems) else { return standard };
        AuditSettings {
            rotate: fields.get("rotate").map_or(standard.rotate, |node| self.rotate(node)),
            retain: fields.get("retain").map_or(standard.retain, |node| self.retain(node)),
        }
    }

    fn rotate(&mut self, node: &Node) -> Rotation {
        let standard = Rotation::STANDARD;
        let Some(fields) = Fields::open(node, "`rotate`", keys::ROTATE, self.problems) else {
            return standard;
        };
        let size = self.amount(&fields, "size", &SIZES, SMALLEST, "a size such as 64MiB, at least 64KiB");
        Rotation {
            // Whoever asks for an age alone still wants no file that fills the disk.
            size: size.or(standard.size),
            age: self.amount(&fields, "age", &AGES, SHORTEST, "an age such as 12h, 7d or 4w, at least 1m"),
            records: self.amount(&fields, "records", &[], FEWEST, "a number, at least 100"),
        }
    }

    fn retain(&mut self, node: &Node) -> Retention {
        let standard = Retention::default();
        let Some(fields) = Fields::open(node, "`retain`", keys::RETAIN, self.problems) else {
            return standard;
        };
        Retention {
            segments: self.amount(&fields, "segments", &[], 1, "a number, at least 1"),
            age: self.amount(&fields, "age", &AGES, SHORTEST, "an age such as 30d or 52w, at least 1m"),
            undelivered: self.amount(
                &fields,
                "undelivered",
                &SIZES,
                SMALLEST,
                "a size such as 4GiB, at least 64KiB",
            ),
        }
    }

    /// A number with a unit.
    fn amount(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        units: &[(&str, u64)],
        least: u64,
        wanted: &str,
    ) -> Option<u64> {
        let node = fields.get(key)?;
        let text = fields.text(key, self.problems)?;
        let amount = read(&text, units).filter(|amount| *amount >= least);
        if amount.is_none() {
            self.wrong_amount(key, &text, wanted, &node.at);
        }
        amount
    }

    fn wrong_amount(&mut self, key: &str, text: &str, wanted: &str, at: &Mark) {
        let message = format!("`{}` is no choice for `{key}`", one_line(text));
        self.problems.error("AF006", at, message, Some(format!("write {wanted}")));
    }
}

fn read(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let number: u64 = number.parse().ok()?;
    match (unit.trim(), units) {
        // An age without a unit could be anything.
        ("", units) if units == AGES => None,
        ("", _) => Some(number),
        (unit, units) => number.checked_mul(units.iter().find(|(name, _)| *name == unit)?.1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_as_people_write_them() {
        for (text, expected) in [
            ("64MiB", Some(64 << 20)),
            ("1 GB", Some(1_000_000_000)),
            ("512k", Some(512 << 10)),
            ("1000000", Some(1_000_000)),
            ("64 MoB", None),
            ("-1", None),
            ("99999999999999999999", None),
            ("18446744073709551615g", None),
        ] {
            assert_eq!(read(text, &SIZES), expected, "{text}");
        }
        for (text, expected) in [("12h", Some(43_200)), ("4w", Some(2_419_200)), ("7", None), ("d", None)] {
            assert_eq!(read(text, &AGES), expected, "{text}");
        }
    }
}
