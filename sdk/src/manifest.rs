//! What a plugin library says of itself: the text that `plugins add` records and by which a hook knows what it need not
//! load.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plugin::{Factory, Kind, Registration, Role, registrations};

/// The most bytes of a plugin's name and of an item's id: both stand in policies, records and listings.
pub const LONGEST_NAME: usize = 64;

/// Whether a text has the form of a plugin's name or an item's id, however long it is: lower-case words joined by
/// hyphens, each of ASCII letters and digits, the first beginning with a letter.
///
/// ```
/// use agentfirewall_sdk::is_hyphenated;
///
/// assert!(is_hyphenated("acme-token2"));
/// assert!(!is_hyphenated("acme_token") && !is_hyphenated("2acme") && !is_hyphenated("acme--token"));
/// ```
pub fn is_hyphenated(text: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    text.starts_with(|first: char| first.is_ascii_lowercase()) && text.split('-').all(word)
}

/// The contents of one library, as it tells them through the wire.
///
/// Fields that this version does not know are passed over, so that a newer library can say more. Authors write none:
/// [`export!`](crate::export) makes it from the package and from what is registered.
///
/// ```
/// use agentfirewall_sdk::{Kind, Manifest};
///
/// let json = r#"{
///     "name": "acme", "version": "1.2.0", "from_the_future": true,
///     "items": [{"kind": "detector", "id": "acme-token", "keywords": ["acme_"]}]
/// }"#;
/// let manifest: Manifest = serde_json::from_str(json).unwrap();
/// assert_eq!(manifest.items[0].kind, Kind::Detector);
/// assert_eq!(manifest.items[0].keywords, ["acme_"]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// The plugin's name: lower-case words joined by hyphens. It is how policies and commands refer to the library.
    pub name: String,
    /// The library's own version.
    pub version: String,
    /// What it is, in one line.
    #[serde(default)]
    pub summary: String,
    /// The version of the SDK it was built with.
    #[serde(default)]
    pub sdk: String,
    /// The matchers, detectors and sinks in it, by kind and id.
    pub items: Vec<Item>,
}

/// One matcher, detector or sink of a library: [`Meta`](crate::Meta) with the configuration's schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Item {
    /// What it is.
    pub kind: Kind,
    /// Its id, unique among all plugins of its kind.
    pub id: String,
    /// What it does, in one line.
    #[serde(default)]
    pub summary: String,
    /// Why a team wants it.
    #[serde(default)]
    pub why: String,
    /// See [`Meta::examples`](crate::Meta).
    #[serde(default)]
    pub examples: Vec<String>,
    /// See [`Meta::negatives`](crate::Meta).
    #[serde(default)]
    pub negatives: Vec<String>,
    /// See [`Meta::keywords`](crate::Meta). A detector without any is asked about every text.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// The release that brought it.
    #[serde(default)]
    pub since: String,
    /// Whether a matcher wants to serve the patterns of `tools:` and `resources:`; no library may.
    #[serde(default)]
    pub patterns: bool,
    /// The JSON Schema of its configuration.
    #[serde(default)]
    pub schema: Value,
}

impl Manifest {
    /// What is registered in this binary or library, under a name and a version.
    pub fn of_registered(name: &str, version: &str, summary: &str) -> Self {
        let mut items: Vec<Item> = registrations().map(Item::of).collect();
        items.sort_by(|one, two| (one.kind, &one.id).cmp(&(two.kind, &two.id)));
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
            sdk: crate::VERSION.to_owned(),
            items,
        }
    }
}

impl Item {
    /// What a registration says.
    pub fn of(registration: &Registration) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let meta = &registration.meta;
        Self {
            kind: registration.factory.kind(),
            id: meta.id.to_owned(),
            summary: meta.summary.to_owned(),
            why: meta.why.to_owned(),
            examples: owned(meta.examples),
            negatives: owned(meta.negatives),
            keywords: owned(meta.keywords),
            since: meta.since.to_owned(),
            patterns: matches!(registration.factory, Factory::Matcher { role: Role::Patterns, .. }),
            schema: (registration.schema)().to_value(),
        }
    }
}
