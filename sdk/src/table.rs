//! Detectors that are rows of a table.
//!
//! Hundreds of formats of credentials differ in data alone: a type for each would be hundreds of types that do the same, and a
//! process that lives for a millisecond would pay for every one of them before it has read its first byte.

use std::cmp::Ordering;
use std::fmt;
use std::sync::OnceLock;

use crate::NoConfig;
use crate::detector::{Confidence, Detector, Scan, Severity};
use crate::keywords::KeywordIndex;
use crate::plugin::{Factory, Meta, PluginError, Registration, config_schema};

/// What a person wants to know of a row beside its [`Meta`]. What the table does not know is empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct About {
    /// The family it belongs to, one word or several joined by hyphens.
    pub family: &'static str,
    /// What to do when such a secret has leaked.
    pub leaked: &'static str,
    /// The address of the page that its form is from.
    pub source: &'static str,
    /// How bad a leak is.
    pub severity: Option<Severity>,
    /// The greatest confidence of a finding.
    pub confidence: Option<Confidence>,
}

impl About {
    /// Knows nothing but the family.
    pub const fn of_family(family: &'static str) -> Self {
        Self { family, leaked: "", source: "", severity: None, confidence: None }
    }
}

/// A table of detectors. Every row is a detector like any other: it has an id of its own, a policy can switch it off, and
/// it is examined, listed and documented as one.
///
/// Nothing here is asked for before it is needed: what a host has to know at start-up is the index of all keywords, which the
/// compiler made.
pub trait Rows: Sync + fmt::Debug {
    /// How many rows there are.
    fn count(&self) -> u16;

    /// A row's id. Ids ascend from row to row.
    fn id(&self, row: u16) -> &'static str;

    /// The number of the row with this id. Asked at every start, for each detector that is no row: a table that finds it without
    /// reading rows all over its data saves the process those pages.
    fn row(&self, id: &str) -> Option<u16> {
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = low.midpoint(high);
            match self.id(middle).cmp(id) {
                Ordering::Equal => return Some(middle),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// A row's keywords, numbered from 0; see [`Meta::keywords`].
    fn keyword(&self, row: u16, number: usize) -> Option<&'static str>;

    /// The index of the keywords of all rows that are not [off](Rows::off). A table without one has the keywords of all rows read and
    /// indexed by every process.
    fn index(&self) -> Option<KeywordIndex> {
        None
    }

    /// Whether the row takes part only where a policy says so.
    fn off(&self, row: u16) -> bool;

    /// Whatever else the row says of itself, for the reference pages and the tests. Made anew at each call.
    fn meta(&self, row: u16) -> Meta;

    /// What a person wants to know of the row beside that: whose it is, and what to do.
    fn about(&self, row: u16) -> About {
        let _ = row;
        About::default()
    }

    /// Makes the row's detector.
    fn build(&self, row: u16) -> Result<Box<dyn Detector>, PluginError>;

    /// Calls the row's detector as it is without a configuration. For a table whose detectors cost more to make than to call.
    fn detect(&self, row: u16, scan: &mut Scan<'_>) -> Result<(), PluginError> {
        self.build(row)?.detect(scan)
    }

    /// A number that changes with the rows.
    fn fingerprint(&self) -> u64;
}

/// A table that is part of this binary or library. Made by [`register_table!`](crate::register_table).
#[derive(Debug, Clone, Copy)]
pub struct Table(pub &'static dyn Rows);

inventory::collect!(Table);

/// Every table linked into this binary.
pub fn tables() -> impl Iterator<Item = &'static dyn Rows> {
    inventory::iter::<Table>.into_iter().map(|table| table.0)
}

/// The rows of all tables as registrations, made when somebody first asks: a listing, a test, a library's manifest.
pub(crate) fn rows() -> &'static [Registration] {
    static ROWS: OnceLock<Vec<Registration>> = OnceLock::new();
    ROWS.get_or_init(|| {
        tables()
            .flat_map(|rows| {
                (0..rows.count()).map(move |row| Registration {
                    meta: rows.meta(row),
                    factory: Factory::Row { rows, row },
                    schema: config_schema::<Plain>,
                })
            })
            .collect()
    })
}

/// A row as a registration.
pub fn row_registration(table: &'static dyn Rows, row: u16) -> Option<&'static Registration> {
    let mut before = 0;
    for other in tables() {
        // Two tables without a size may have one address.
        if std::ptr::addr_eq(other, table) && other.fingerprint() == table.fingerprint() {
            return rows().get(before + usize::from(row));
        }
        before += usize::from(other.count());
    }
    None
}

/// Has the schema of a detector without options.
struct Plain;

impl crate::Plugin for Plain {
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, PluginError> {
        Ok(Self)
    }
}

/// Makes a row's detector from its configuration (JSON), which has no options.
pub fn build_row(rows: &'static dyn Rows, row: u16, config: &str) -> Result<Box<dyn Detector>, PluginError> {
    let NoConfig {} = serde_json::from_str(config).map_err(|error| PluginError::new(error.to_string()))?;
    rows.build(row)
}

/// Registers a table of detectors with the binary or library it is compiled into: `register_table!(TABLE)`, where `TABLE` is a
/// `static` whose type is [`Rows`].
#[macro_export]
macro_rules! register_table {
    ($table:expr) => {
        $crate::__private::inventory::submit! { $crate::Table(&$table) }
    };
}
