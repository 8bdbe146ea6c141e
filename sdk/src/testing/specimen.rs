//! What is examined: an item and how to make it.

use std::fmt;

use super::asking::{Trouble, guarded};
use crate::table::build_row;
use crate::wire::{self, Imported};
use crate::{Detector, Factory, Item, Manifest, Matcher, PluginError, Sink, registrations};

/// Makes something from a configuration (JSON).
pub type Make<T> = Box<dyn Fn(&str) -> Result<Box<T>, PluginError> + Send + Sync>;

/// How an item is made from its configuration (JSON).
#[non_exhaustive]
pub enum Maker {
    /// Makes a matcher.
    Matcher(Make<dyn Matcher>),
    /// Makes a detector.
    Detector(Make<dyn Detector>),
    /// Makes a sink.
    Sink(Make<dyn Sink>),
}

impl fmt::Debug for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Matcher(_) => "Matcher",
            Self::Detector(_) => "Detector",
            Self::Sink(_) => "Sink",
        })
    }
}

/// One matcher, detector or sink under examination.
#[derive(Debug)]
pub struct Specimen {
    item: Item,
    maker: Maker,
    way: &'static str,
    row: bool,
    brief: bool,
}

impl Specimen {
    /// An item and the way to make it. The maker's kind counts, whatever the item says.
    pub fn new(item: Item, maker: Maker) -> Self {
        Self { item, maker, way: "given", row: false, brief: false }
    }

    /// Everything that is registered in this binary, by kind and id.
    pub fn registered() -> Vec<Self> {
        let mut all: Vec<Self> = registrations()
            .map(|registration| {
                let maker = match registration.factory {
                    Factory::Matcher { build, .. } => Maker::Matcher(Box::new(build)),
                    Factory::Detector { build } => Maker::Detector(Box::new(build)),
                    Factory::Row { rows, row } => {
                        Maker::Detector(Box::new(move |config| build_row(rows, row, config)))
                    }
                    Factory::Sink { build } => Maker::Sink(Box::new(build)),
                };
                let row = matches!(registration.factory, Factory::Row { .. });
                Self { item: Item::of(registration), maker, way: "registered", row, brief: false }
            })
            .collect();
        all.sort_by(|one, two| (one.item.kind, &one.item.id).cmp(&(two.item.kind, &two.item.id)));
        all
    }

    /// The same as a host sees it that loaded them from a library, without a library: what crosses the border is
    /// translated there and back inside this process.
    pub fn through_wire() -> Vec<Self> {
        extern "C" fn manifest() -> abi_stable::std_types::RVec<u8> {
            wire::export::manifest("testing", crate::VERSION, "what is registered in this binary")
        }
        let imported = Imported::new(wire::v1::PluginV1Ref(wire::module(manifest)));
        // A manifest that does not cross is an empty one, and everything registered is then missing from it.
        let manifest = imported.manifest().unwrap_or_else(|_| Manifest {
            name: String::new(),
            version: String::new(),
            summary: String::new(),
            sdk: String::new(),
            items: Vec::new(),
        });
        Self::crossing(imported, &manifest, "through the wire")
    }

    /// The items of a loaded library.
    pub fn of(imported: Imported, manifest: &Manifest) -> Vec<Self> {
        Self::crossing(imported, manifest, "library")
    }

    fn crossing(imported: Imported, manifest: &Manifest, way: &'static str) -> Vec<Self> {
        let maker = |item: &Item| {
            let id = item.id.clone();
            match item.kind {
                crate::Kind::Matcher => Maker::Matcher(Box::new(move |config| {
                    imported.matcher(&id, config).map(|made| Box::new(made) as Box<dyn Matcher>)
                })),
                crate::Kind::Detector => Maker::Detector(Box::new(move |config| {
                    imported.detector(&id, config).map(|made| Box::new(made) as Box<dyn Detector>)
                })),
                crate::Kind::Sink => Maker::Sink(Box::new(move |config| {
                    imported.sink(&id, config).map(|made| Box::new(made) as Box<dyn Sink>)
                })),
            }
        };
        let specimen =
            |item: &Item| Self { item: item.clone(), maker: maker(item), way, row: false, brief: false };
        manifest.items.iter().map(specimen).collect()
    }

    /// What the item says of itself.
    pub const fn item(&self) -> &Item {
        &self.item
    }

    /// Whether it is a row of a table.
    pub(super) const fn is_row(&self) -> bool {
        self.row
    }

    /// Whether only what it says of itself and its examples are examined.
    pub(super) const fn is_brief(&self) -> bool {
        self.brief
    }

    pub(super) const fn set_brief(&mut self, brief: bool) {
        self.brief = brief;
    }

    /// Whether it is asked through the border of a library.
    pub(super) fn crosses(&self) -> bool {
        matches!(self.way, "through the wire" | "library")
    }

    /// How it came here, in words for the report.
    pub(super) const fn way(&self) -> &'static str {
        self.way
    }

    /// Whether it comes from a library, which may do less than what is linked into the host.
    pub(super) fn is_loaded(&self) -> bool {
        self.way == "library"
    }

    /// How it is made.
    pub(super) const fn maker(&self) -> &Maker {
        &self.maker
    }

    /// Whether a configuration is accepted. What is made is dropped inside the net too.
    pub(super) fn accepts(&self, config: &str) -> Result<(), Trouble> {
        guarded(|| match &self.maker {
            Maker::Matcher(make) => make(config).map(drop),
            Maker::Detector(make) => make(config).map(drop),
            Maker::Sink(make) => make(config).map(drop),
        })
    }
}
