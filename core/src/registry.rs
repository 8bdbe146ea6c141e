//! The plugins this binary was composed of.

use std::fmt;

use agentfirewall_sdk::{Factory, Kind, Registration, Role, registrations};

/// Everything registered, checked once: the core consists of nothing but this.
#[derive(Debug, Clone)]
pub struct Registry {
    all: Vec<&'static Registration>,
}

/// Why the binary cannot run with the plugins it has.
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
        let mut keyed: Vec<_> =
            registrations().map(|plugin| (plugin.factory.kind(), prefix(plugin.meta.id), plugin)).collect();
        keyed.sort_unstable_by(|one, two| {
            (one.0, one.1).cmp(&(two.0, two.1)).then_with(|| one.2.meta.id.cmp(two.2.meta.id))
        });
        let all: Vec<_> = keyed.into_iter().map(|(_, _, plugin)| plugin).collect();
        for pair in all.windows(2) {
            if let [first, second] = pair
                && first.meta.id == second.meta.id
                && first.factory.kind() == second.factory.kind()
            {
                return Err(CompositionError(format!(
                    "two {}s are registered as `{}`",
                    first.factory.kind().as_str(),
                    first.meta.id
                )));
            }
        }
        let registry = Self { all };
        registry.patterns()?;
        for kind in [Kind::Detector, Kind::Sink] {
            if registry.of(kind).next().is_none() {
                return Err(missing(kind.as_str()));
            }
        }
        Ok(registry)
    }

    /// Every plugin, by kind and id.
    pub fn all(&self) -> &[&'static Registration] {
        &self.all
    }

    /// The plugins of one kind, by id.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &'static Registration> {
        self.all.iter().copied().filter(move |plugin| plugin.factory.kind() == kind)
    }

    /// One plugin.
    pub fn find(&self, kind: Kind, id: &str) -> Option<&'static Registration> {
        self.of(kind).find(|plugin| plugin.meta.id == id)
    }

    /// The matcher that serves `tools:` and `resources:`.
    pub fn patterns(&self) -> Result<&'static Registration, CompositionError> {
        let mut serving = self
            .of(Kind::Matcher)
            .filter(|plugin| matches!(plugin.factory, Factory::Matcher { role: Role::Patterns, .. }));
        let first = serving.next().ok_or_else(|| missing("pattern matcher"))?;
        match serving.next() {
            None => Ok(first),
            Some(second) => Err(CompositionError(format!(
                "two matchers serve patterns: `{}` and `{}`",
                first.meta.id, second.meta.id
            ))),
        }
    }

    /// A number that changes when the set of plugins does; part of the key of the compiled-policy cache.
    pub fn fingerprint(&self) -> u64 {
        // FNV-1a: no security hangs on it, and it costs nothing at start-up.
        self.all
            .iter()
            .flat_map(|plugin| plugin.meta.id.bytes().chain([0]))
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            })
    }
}

/// The first bytes of an id as a number that sorts alike: the hook sorts all plugins at every start, and comparing
/// numbers is most of what it takes.
fn prefix(id: &str) -> u64 {
    id.bytes().chain(std::iter::repeat(0)).take(8).fold(0, |number, byte| number << 8 | u64::from(byte))
}

fn missing(what: &str) -> CompositionError {
    CompositionError(format!(
        "no {what} is linked into this binary: it was built without the built-in plugins and refuses to run"
    ))
}
