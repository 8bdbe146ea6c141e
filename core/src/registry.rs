//! The plugins this process is composed of: those linked into the binary and those of installed libraries.

mod hosted;
mod made;
mod origin;
#[cfg(test)]
pub(crate) mod testing;

use std::fmt;
use std::sync::{Arc, OnceLock};

use agentfirewall_sdk::{
    About, Anchors, DetectionRule, Detector, Factory, Kind, Matcher, Meta, PluginError, Registration, Role,
    Rows, RuleMaker, Sink, build_row, row_registration, rule_makers, singles, tables,
};

use crate::guard::Guard;
use crate::library::Library;
use crate::loader::LayoutCheck;
use crate::policy::DetectionSetting;
use crate::store::{Installed, InstalledItem, InstalledPlugin};
pub use hosted::{Host, Hosted};
use made::Made;
pub use origin::Origin;

/// Everything there is, checked once: the core consists of nothing but this.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Those that are no row of a table: the linked ones by kind and id, then the installed ones.
    singles: Vec<Entry>,
    /// Those and the rows, once somebody asks.
    all: OnceLock<Vec<Entry>>,
    /// How many are linked.
    linked: usize,
    libraries: Vec<Arc<Library>>,
    /// Of the installed libraries; 0 without any.
    fingerprint: u64,
}

/// One matcher, detector or sink, wherever it comes from.
#[derive(Clone)]
pub struct Entry(Source);

#[derive(Clone)]
enum Source {
    Linked(&'static Registration),
    Row {
        rows: &'static dyn Rows,
        row: u16,
    },
    Installed {
        library: Arc<Library>,
        item: usize,
    },
    /// Of a rule of a policy.
    Made(&'static Made),
    /// Of the program that links the core.
    Hosted(&'static Hosted),
}

/// Why the process cannot run with the plugins it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompositionError(String);

impl fmt::Display for CompositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CompositionError {}

impl Registry {
    /// Collects what is linked into the binary. A binary without a pattern matcher, detectors or sinks was built
    /// without the built-in plugins and must not run: it would let everything pass.
    pub fn from_linked() -> Result<Self, CompositionError> {
        let mut registry = Self {
            singles: singles().map(Entry::from).collect(),
            all: OnceLock::new(),
            linked: 0,
            libraries: Vec::new(),
            fingerprint: tables().fold(0, |all, rows| all ^ rows.fingerprint()),
        };
        registry.sort()?;
        registry.linked = registry.singles.len();
        registry.patterns()?;
        let rows = tables().any(|rows| rows.count() > 0);
        for (kind, linked) in [(Kind::Detector, rows), (Kind::Sink, false)] {
            if !linked && registry.singles.iter().all(|entry| entry.kind() != kind) {
                return Err(missing(kind.as_str()));
            }
        }
        Ok(registry)
    }

    /// Adds the installed libraries, of which nothing is loaded before a call needs it.
    pub fn with_installed(
        mut self,
        installed: Installed,
        guard: &Arc<dyn Guard>,
    ) -> Result<Self, CompositionError> {
        if installed.plugins.is_empty() {
            return Ok(self);
        }
        self.fingerprint ^= installed.fingerprint;
        self.libraries.reserve_exact(installed.plugins.len());
        self.singles.reserve_exact(installed.plugins.iter().map(|plugin| plugin.items.len()).sum());
        // Loaded code stays until the process ends, and so does what is known of it: taking it apart at the end of a hook
        // would cost more than knowing it did.
        for plugin in installed.plugins.leak() {
            self.add(plugin, LayoutCheck::Done, guard)?;
        }
        Ok(self)
    }

    /// Adds a library that nobody has checked yet, because a person named its file for this run.
    pub fn with_library(
        mut self,
        plugin: InstalledPlugin,
        guard: &Arc<dyn Guard>,
    ) -> Result<Self, CompositionError> {
        if let Some(known) = self.libraries.iter().find(|known| known.plugin.name == plugin.name) {
            return Err(CompositionError(format!(
                "a plugin called `{}` is installed already (version {})",
                known.plugin.name, known.plugin.version
            )));
        }
        self.add(Box::leak(Box::new(plugin)), LayoutCheck::Full, guard)?;
        Ok(self)
    }

    fn add(
        &mut self,
        plugin: &'static InstalledPlugin,
        check: LayoutCheck,
        guard: &Arc<dyn Guard>,
    ) -> Result<(), CompositionError> {
        let items = plugin.items.len();
        let number = u32::try_from(self.libraries.len()).unwrap_or(u32::MAX - 1) + 1;
        let library = Arc::new(Library::new(plugin, number, check, Arc::clone(guard)));
        for item in 0..items {
            self.add_entry(Entry(Source::Installed { library: Arc::clone(&library), item }))?;
        }
        self.all = OnceLock::new();
        self.libraries.push(library);
        Ok(())
    }

    fn add_entry(&mut self, entry: Entry) -> Result<(), CompositionError> {
        let key = (entry.kind(), entry.id());
        // What is linked is sorted; to sort the others in would cost a hook more than it brings.
        let (linked, installed) = self.singles.split_at_checked(self.linked).unwrap_or((&self.singles, &[]));
        let twin = match linked.binary_search_by(|other| (other.kind(), other.id()).cmp(&key)) {
            Ok(at) => linked.get(at),
            Err(_) => installed.iter().find(|other| (other.kind(), other.id()) == key),
        };
        if let Some(twin) = twin.cloned().or_else(|| row_called(entry.kind(), entry.id())) {
            return Err(twins(&twin, &entry));
        }
        self.singles.push(entry);
        Ok(())
    }

    /// Adds what the program that links the core brings along. Their ids are theirs alone, like those of all plugins: nothing
    /// that a script registers takes the place of a built-in or an installed plugin.
    pub fn with_hosted(
        mut self,
        hosted: impl IntoIterator<Item = &'static Hosted>,
    ) -> Result<Self, CompositionError> {
        for plugin in hosted {
            self.add_entry(Entry(Source::Hosted(plugin)))?;
        }
        self.all = OnceLock::new();
        Ok(self)
    }

    fn sort(&mut self) -> Result<(), CompositionError> {
        let key = |entry: &Entry| (entry.kind(), prefix(entry.id()));
        let mut keyed: Vec<_> = self.singles.drain(..).map(|entry| (key(&entry), entry)).collect();
        keyed.sort_unstable_by(|one, two| one.0.cmp(&two.0).then_with(|| one.1.id().cmp(two.1.id())));
        self.singles = keyed.into_iter().map(|(_, entry)| entry).collect();
        for pair in self.singles.windows(2) {
            if let [first, second] = pair
                && first.id() == second.id()
                && first.kind() == second.kind()
            {
                return Err(twins(first, second));
            }
        }
        for entry in &self.singles {
            if let Some(twin) = row_called(entry.kind(), entry.id()) {
                return Err(twins(&twin, entry));
            }
        }
        // Within one table ids ascend, so only a second one can repeat an id.
        for (number, rows) in tables().enumerate().skip(1) {
            for row in 0..rows.count() {
                let before = tables().take(number).find_map(|other| Some((other, other.row(rows.id(row))?)));
                if let Some((other, twin)) = before {
                    return Err(twins(&Entry::of_row(other, twin), &Entry::of_row(rows, row)));
                }
            }
        }
        Ok(())
    }

    /// Every plugin: those of the program by kind and id, then the installed ones.
    pub fn all(&self) -> &[Entry] {
        // Rows are a thousand: what decides about a call never asks for a list of them.
        self.all.get_or_init(|| {
            let (linked, others) = self.singles.split_at_checked(self.linked).unwrap_or((&self.singles, &[]));
            let rows = tables().flat_map(|rows| (0..rows.count()).map(move |row| Entry::of_row(rows, row)));
            let mut all: Vec<Entry> = linked.iter().cloned().chain(rows).collect();
            all.sort_by(|one, two| (one.kind(), one.id()).cmp(&(two.kind(), two.id())));
            all.extend_from_slice(others);
            all
        })
    }

    /// Every plugin that is no row of a table, in the same order.
    pub fn singles(&self) -> &[Entry] {
        &self.singles
    }

    /// The installed libraries.
    pub fn libraries(&self) -> &[Arc<Library>] {
        &self.libraries
    }

    /// An installed library.
    pub fn library(&self, name: &str) -> Option<&Arc<Library>> {
        self.libraries.iter().find(|library| library.plugin.name == name)
    }

    /// The plugins of one kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        let among = if kind == Kind::Detector { self.all() } else { self.singles() };
        among.iter().filter(move |entry| entry.kind() == kind)
    }

    /// One plugin. No list of all of them is made for it.
    pub fn find(&self, kind: Kind, id: &str) -> Option<Entry> {
        let called = |entry: &&Entry| entry.kind() == kind && entry.id() == id;
        self.singles.iter().find(called).cloned().or_else(|| row_called(kind, id))
    }

    /// The same plugins, and the detectors that a policy's rules become. Rules of one id are of different policies.
    pub fn with_rules(mut self, rules: &[DetectionSetting<'_>]) -> Result<Self, CompositionError> {
        self.singles.extend(self.entries_of_rules(rules)?);
        self.all = OnceLock::new();
        Ok(self)
    }

    /// The detectors that a policy's rules become, of which none is made yet.
    pub fn entries_of_rules(&self, rules: &[DetectionSetting<'_>]) -> Result<Vec<Entry>, CompositionError> {
        let maker = self.rule_maker()?;
        Ok(rules.iter().map(|rule| Entry(Source::Made(Made::new(maker, rule)))).collect())
    }

    /// What makes detectors of rules.
    pub fn rule_maker(&self) -> Result<&'static dyn RuleMaker, CompositionError> {
        let mut makers = rule_makers();
        match (makers.next(), makers.next()) {
            (Some(maker), None) => Ok(maker),
            (None, _) => Err(missing("maker of detectors")),
            (Some(_), Some(_)) => Err(CompositionError("two makers of detectors are linked".to_owned())),
        }
    }

    /// The matcher that serves `tools:` and `resources:`.
    pub fn patterns(&self) -> Result<&Entry, CompositionError> {
        let mut serving = self.of(Kind::Matcher).filter(|entry| entry.serves_patterns());
        let first = serving.next().ok_or_else(|| missing("pattern matcher"))?;
        match serving.next() {
            None => Ok(first),
            Some(second) => Err(CompositionError(format!(
                "two matchers serve patterns: `{}` and `{}`",
                first.id(),
                second.id()
            ))),
        }
    }

    /// A number that changes when the set of plugins does; part of the key of the compiled-policy cache.
    pub fn fingerprint(&self) -> u64 {
        // FNV-1a: no security hangs on it, and it costs nothing at start-up.
        self.singles
            .iter()
            .flat_map(|entry| entry.id().bytes().chain([0]))
            .fold(0xcbf2_9ce4_8422_2325 ^ self.fingerprint, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            })
    }
}

impl Entry {
    /// A row of a table.
    pub(crate) const fn of_row(rows: &'static dyn Rows, row: u16) -> Self {
        Self(Source::Row { rows, row })
    }
}

impl From<&'static Registration> for Entry {
    fn from(registration: &'static Registration) -> Self {
        Self(match registration.factory {
            Factory::Row { rows, row } => Source::Row { rows, row },
            _ => Source::Linked(registration),
        })
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.kind().as_str(), self.id(), self.origin())
    }
}

impl Entry {
    fn item(&self) -> Option<&InstalledItem> {
        match &self.0 {
            Source::Installed { library, item } => library.plugin.items.get(*item),
            _ => None,
        }
    }

    /// The plugin's kind.
    pub fn kind(&self) -> Kind {
        match &self.0 {
            Source::Linked(registration) => registration.factory.kind(),
            Source::Row { .. } | Source::Made(_) => Kind::Detector,
            Source::Installed { .. } => self.item().map_or(Kind::Sink, |item| item.kind),
            Source::Hosted(hosted) => hosted.kind,
        }
    }

    /// Its id, unique per kind.
    pub fn id(&self) -> &str {
        match &self.0 {
            Source::Linked(registration) => registration.meta.id,
            Source::Row { rows, row } => rows.id(*row),
            Source::Made(made) => &made.id,
            Source::Installed { .. } => self.item().map_or("", |item| item.id),
            Source::Hosted(hosted) => &hosted.id,
        }
    }

    /// Whether it takes part only where a policy says so.
    pub fn off(&self) -> bool {
        matches!(&self.0, Source::Row { rows, row } if rows.off(*row))
    }

    /// Its keywords; see [`Meta`].
    pub fn keywords(&self) -> impl Iterator<Item = &'static str> + use<'_> {
        let listed: &[&'static str] = match &self.0 {
            Source::Linked(registration) => registration.meta.keywords,
            Source::Installed { .. } => self.item().map_or(&[], |item| &item.keywords),
            _ => &[],
        };
        let made: &'static [String] = match &self.0 {
            Source::Made(made) => &made.keywords,
            Source::Hosted(hosted) => &hosted.keywords,
            _ => &[],
        };
        let row = match &self.0 {
            Source::Row { rows, row } => Some((*rows, *row)),
            _ => None,
        };
        let mut number = 0..;
        let of_row = std::iter::from_fn(move || {
            let (rows, row) = row?;
            rows.keyword(row, number.next()?)
        });
        listed.iter().copied().chain(of_row).chain(made.iter().map(String::as_str))
    }

    /// Where it comes from.
    pub fn origin(&self) -> Origin<'_> {
        match &self.0 {
            Source::Linked(_) | Source::Row { .. } => Origin::BuiltIn,
            Source::Made(made) => Origin::Rule { file: &made.file },
            Source::Hosted(hosted) => Origin::Host { host: hosted.host },
            Source::Installed { library, .. } => {
                Origin::Plugin { name: library.plugin.name, version: library.plugin.version }
            }
        }
    }

    /// The library it is in, if it is not part of the program.
    pub fn library(&self) -> Option<&Arc<Library>> {
        match &self.0 {
            Source::Installed { library, .. } => Some(library),
            _ => None,
        }
    }

    /// Its registration, if it is part of the program.
    pub fn linked(&self) -> Option<&'static Registration> {
        match &self.0 {
            Source::Linked(registration) => Some(registration),
            Source::Row { rows, row } => row_registration(*rows, *row),
            _ => None,
        }
    }

    /// Whether it is a row of a table of the program.
    pub const fn is_row(&self) -> bool {
        matches!(self.0, Source::Row { .. })
    }

    /// What it says of itself, if it is part of the program. A row says it anew at each call.
    pub fn meta(&self) -> Option<Meta> {
        match &self.0 {
            Source::Linked(registration) => Some(registration.meta),
            Source::Row { rows, row } => Some(rows.meta(*row)),
            _ => None,
        }
    }

    /// What a person wants to know of a row beside that.
    pub fn about(&self) -> About {
        match &self.0 {
            Source::Row { rows, row } => rows.about(*row),
            _ => About::default(),
        }
    }

    /// The rule it was made of, if it is one of a policy.
    pub fn rule(&self) -> Option<DetectionRule> {
        match &self.0 {
            Source::Made(made) => made.rule().ok(),
            _ => None,
        }
    }

    /// How messages name it: by its id, or by its library's name and what of it.
    pub fn label(&self) -> String {
        match self.origin() {
            Origin::BuiltIn => format!("plugin `{}`", self.id()),
            Origin::Host { host } => format!("{host} {} `{}`", self.kind().as_str(), self.id()),
            Origin::Rule { .. } => format!("detection rule `{}`", self.id()),
            Origin::Plugin { name, .. } => {
                format!("plugin `{name}` ({} `{}`)", self.kind().as_str(), self.id())
            }
        }
    }

    /// Whether it is a matcher for `tools:` and `resources:`. Those are no business of a library: whoever answers for
    /// them answers for every rule.
    pub fn serves_patterns(&self) -> bool {
        matches!(&self.0, Source::Linked(registration)
            if matches!(registration.factory, Factory::Matcher { role: Role::Patterns, .. }))
    }

    /// Makes the matcher from its configuration (JSON).
    pub fn matcher(&self, config: &str) -> Result<Box<dyn Matcher>, PluginError> {
        match &self.0 {
            Source::Installed { library, .. } => library.matcher(self.id(), config),
            Source::Hosted(hosted) => hosted.maker.matcher(config),
            Source::Row { .. } | Source::Made(_) => Err(self.other_kind()),
            Source::Linked(registration) => match registration.factory {
                Factory::Matcher { build, .. } => build(config),
                _ => Err(self.other_kind()),
            },
        }
    }

    /// The literals of a matcher so configured; see [`Anchors`].
    pub fn anchors(&self, config: &str) -> Result<Anchors, PluginError> {
        match &self.0 {
            Source::Installed { library, .. } => Ok(library.matcher(self.id(), config)?.anchors()),
            Source::Hosted(hosted) => Ok(hosted.maker.matcher(config)?.anchors()),
            Source::Row { .. } | Source::Made(_) => Err(self.other_kind()),
            Source::Linked(registration) => match registration.factory {
                Factory::Matcher { anchors, .. } => anchors(config),
                _ => Err(self.other_kind()),
            },
        }
    }

    /// Makes the detector from its configuration (JSON).
    pub fn detector(&self, config: &str) -> Result<Box<dyn Detector>, PluginError> {
        match &self.0 {
            Source::Installed { library, .. } => library.detector(self.id(), config),
            Source::Hosted(hosted) => hosted.maker.detector(config),
            Source::Row { rows, row } => build_row(*rows, *row, config),
            Source::Made(made) => made.detector(),
            Source::Linked(registration) => match registration.factory {
                Factory::Detector { build } => build(config),
                _ => Err(self.other_kind()),
            },
        }
    }

    /// Makes the sink from its configuration (JSON).
    pub fn sink(&self, config: &str) -> Result<Box<dyn Sink>, PluginError> {
        match &self.0 {
            Source::Installed { library, .. } => library.sink(self.id(), config),
            Source::Hosted(hosted) => hosted.maker.sink(config),
            Source::Row { .. } | Source::Made(_) => Err(self.other_kind()),
            Source::Linked(registration) => match registration.factory {
                Factory::Sink { build } => build(config),
                _ => Err(self.other_kind()),
            },
        }
    }

    /// Makes whatever it is and drops it: whether a configuration is accepted.
    pub fn accepts(&self, config: &str) -> Result<(), PluginError> {
        match self.kind() {
            Kind::Matcher => self.matcher(config).map(drop),
            Kind::Detector => self.detector(config).map(drop),
            Kind::Sink => self.sink(config).map(drop),
        }
    }

    fn other_kind(&self) -> PluginError {
        PluginError::new(format!("`{}` is a {}", self.id(), self.kind().as_str()))
    }
}

/// The first bytes of an id as a number that sorts alike: the hook sorts all plugins at every start, and comparing
/// numbers is most of what it takes.
fn prefix(id: &str) -> u64 {
    id.bytes().chain(std::iter::repeat(0)).take(8).fold(0, |number, byte| number << 8 | u64::from(byte))
}

/// The row of a table with an id. Ids ascend from row to row.
fn row_called(kind: Kind, id: &str) -> Option<Entry> {
    if kind != Kind::Detector {
        return None;
    }
    tables().find_map(|rows| rows.row(id).map(|row| Entry::of_row(rows, row)))
}

fn twins(first: &Entry, second: &Entry) -> CompositionError {
    CompositionError(format!(
        "two {}s are called `{}`: one is {}, the other {}",
        second.kind().as_str(),
        second.id(),
        first.origin(),
        second.origin()
    ))
}

fn missing(what: &str) -> CompositionError {
    CompositionError(format!(
        "no {what} is linked into this binary: it was built without the built-in plugins and refuses to run"
    ))
}
