//! Registration: how a plugin says what it is, and how the host finds it.

use std::any::Any;
use std::fmt;

use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::detector::Detector;
use crate::matcher::{Anchors, Matcher};
use crate::sink::Sink;
use crate::table::{self, Rows};

/// A plugin failed: what happened, in one line. The host adds the plugin's name and denies the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginError(String);

impl PluginError {
    /// How the message of a panic that was caught begins.
    pub const PANICKED: &str = "panicked: ";

    /// An error with one line for a person; line breaks become spaces.
    pub fn new(message: impl Into<String>) -> Self {
        let message = message.into();
        Self(if message.contains(['\n', '\r']) { message.replace(['\n', '\r'], " ") } else { message })
    }
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PluginError {}

/// The message of a caught panic, if it has one.
#[doc(hidden)]
pub fn panic_message(payload: Box<dyn Any + Send>) -> Option<String> {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = text.or_else(|| payload.downcast_ref::<String>().cloned());
    // Dropping a payload of unknown type runs foreign code again, outside of any net.
    std::mem::forget(payload);
    message
}

/// What every plugin is: a type made from its configuration.
pub trait Plugin: Sized {
    /// The options a policy file may give, with `#[serde(deny_unknown_fields)]` so that a typo is an error.
    type Config: DeserializeOwned + JsonSchema;

    /// Makes the plugin. An error is shown by `validate` at the place of the configuration.
    fn new(config: Self::Config) -> Result<Self, PluginError>;
}

/// The configuration of a plugin that has no options.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// The three kinds of plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Answers a condition of a rule.
    Matcher,
    /// Finds secrets.
    Detector,
    /// Delivers events.
    Sink,
}

impl Kind {
    /// The word used in listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Matcher => "matcher",
            Self::Detector => "detector",
            Self::Sink => "sink",
        }
    }
}

/// A job in the host that a matcher can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Named in a rule's `match:`.
    Condition,
    /// Also serves the patterns of `tools:` and `resources:`. Its configuration is a list of strings.
    Patterns,
}

/// What a plugin says of itself. Every field is compulsory: the reference pages and the self-tests are made from it.
#[derive(Debug, Clone, Copy)]
pub struct Meta {
    /// Lower-case words joined by hyphens, unique per kind.
    pub id: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Why a team wants it.
    pub why: &'static str,
    /// Detectors: texts with a finding. Matchers: `CONFIG-JSON => text` that match; where the call decides instead of
    /// the text, the text is the call (a JSON object with `tool`, `input` and other members of
    /// [`ToolCall`](crate::ToolCall)). Sinks: configurations (JSON).
    pub examples: &'static [&'static str],
    /// Detectors: texts without a finding. Matchers: `CONFIG-JSON => text` that do not match. Sinks: refused
    /// configurations (JSON).
    pub negatives: &'static [&'static str],
    /// Detectors: literals of which one stands near every finding, compared without ASCII case; none means every
    /// text. Matchers and sinks: words for the search in the documentation.
    pub keywords: &'static [&'static str],
    /// The release that brought it.
    pub since: &'static str,
}

/// How the host makes the plugin from its configuration, given as JSON text.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Factory {
    /// A matcher and the job it can take.
    Matcher {
        /// Makes one.
        build: fn(&str) -> Result<Box<dyn Matcher>, PluginError>,
        /// The anchors of one so configured.
        anchors: fn(&str) -> Result<Anchors, PluginError>,
        /// The job.
        role: Role,
    },
    /// A detector.
    Detector {
        /// Makes one.
        build: fn(&str) -> Result<Box<dyn Detector>, PluginError>,
    },
    /// A detector that is a row of a table.
    Row {
        /// The table.
        rows: &'static dyn Rows,
        /// The row.
        row: u16,
    },
    /// A sink.
    Sink {
        /// Makes one.
        build: fn(&str) -> Result<Box<dyn Sink>, PluginError>,
    },
}

impl fmt::Debug for Factory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().as_str())
    }
}

impl Factory {
    /// The plugin's kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Matcher { .. } => Kind::Matcher,
            Self::Detector { .. } | Self::Row { .. } => Kind::Detector,
            Self::Sink { .. } => Kind::Sink,
        }
    }
}

/// One registered plugin. Made by [`register!`](crate::register).
#[derive(Debug)]
pub struct Registration {
    /// What it says of itself.
    pub meta: Meta,
    /// How to make it.
    pub factory: Factory,
    /// The JSON Schema of its configuration.
    pub schema: fn() -> Schema,
}

inventory::collect!(Registration);

/// Every plugin linked into this binary, rows of [tables](crate::Table) included, in no particular order.
pub fn registrations() -> impl Iterator<Item = &'static Registration> {
    singles().chain(table::rows())
}

/// Every plugin linked into this binary that is no row of a table, in no particular order.
pub fn singles() -> impl Iterator<Item = &'static Registration> {
    inventory::iter::<Registration>.into_iter()
}

fn config<T: DeserializeOwned>(json: &str) -> Result<T, PluginError> {
    serde_json::from_str(json).map_err(|error| PluginError::new(error.to_string()))
}

#[doc(hidden)]
pub fn build_matcher<T: Plugin + Matcher + 'static>(json: &str) -> Result<Box<dyn Matcher>, PluginError> {
    Ok(Box::new(T::new(config(json)?)?))
}

#[doc(hidden)]
pub fn matcher_anchors<T: Plugin + Matcher>(json: &str) -> Result<Anchors, PluginError> {
    Ok(T::new(config(json)?)?.anchors())
}

#[doc(hidden)]
pub fn build_detector<T: Plugin + Detector + 'static>(json: &str) -> Result<Box<dyn Detector>, PluginError> {
    Ok(Box::new(T::new(config(json)?)?))
}

#[doc(hidden)]
pub fn build_sink<T: Plugin + Sink + 'static>(json: &str) -> Result<Box<dyn Sink>, PluginError> {
    Ok(Box::new(T::new(config(json)?)?))
}

#[doc(hidden)]
pub fn config_schema<T: Plugin>() -> Schema {
    schemars::schema_for!(T::Config)
}

/// Registers a plugin with the binary or library it is compiled into. Leaving a field out is a compile error.
///
/// ```
/// use agentfirewall_sdk::{Detector, NoConfig, Plugin, PluginError, Scan, register};
///
/// struct Nothing;
///
/// impl Plugin for Nothing {
///     type Config = NoConfig;
///     fn new(_: NoConfig) -> Result<Self, PluginError> {
///         Ok(Self)
///     }
/// }
///
/// impl Detector for Nothing {
///     fn detect(&self, _scan: &mut Scan<'_>) -> Result<(), PluginError> {
///         Ok(())
///     }
/// }
///
/// register! {
///     detector Nothing {
///         id: "nothing",
///         summary: "finds nothing",
///         why: "shows the shape of a registration",
///         examples: [],
///         negatives: ["anything"],
///         keywords: ["nothing"],
///         since: "0.2.0",
///     }
/// }
///
/// assert!(agentfirewall_sdk::registrations().any(|plugin| plugin.meta.id == "nothing"));
/// ```
///
/// A matcher is registered with `matcher`, or with `patterns` if it serves `tools:` and `resources:` too; a sink with
/// `sink`.
#[macro_export]
macro_rules! register {
    (matcher $type:ty { $($meta:tt)* }) => {
        $crate::register! { @submit
            $crate::Factory::Matcher {
                build: $crate::__private::build_matcher::<$type>,
                anchors: $crate::__private::matcher_anchors::<$type>,
                role: $crate::Role::Condition,
            },
            $type, $($meta)*
        }
    };
    (patterns $type:ty { $($meta:tt)* }) => {
        $crate::register! { @submit
            $crate::Factory::Matcher {
                build: $crate::__private::build_matcher::<$type>,
                anchors: $crate::__private::matcher_anchors::<$type>,
                role: $crate::Role::Patterns,
            },
            $type, $($meta)*
        }
    };
    (detector $type:ty { $($meta:tt)* }) => {
        $crate::register! { @submit
            $crate::Factory::Detector { build: $crate::__private::build_detector::<$type> },
            $type, $($meta)*
        }
    };
    (sink $type:ty { $($meta:tt)* }) => {
        $crate::register! { @submit
            $crate::Factory::Sink { build: $crate::__private::build_sink::<$type> },
            $type, $($meta)*
        }
    };
    (@submit $factory:expr, $type:ty,
        id: $id:expr,
        summary: $summary:expr,
        why: $why:expr,
        examples: $examples:expr,
        negatives: $negatives:expr,
        keywords: $keywords:expr,
        since: $since:expr $(,)?
    ) => {
        $crate::__private::inventory::submit! {
            $crate::Registration {
                meta: $crate::Meta {
                    id: $id,
                    summary: $summary,
                    why: $why,
                    examples: &$examples,
                    negatives: &$negatives,
                    keywords: &$keywords,
                    since: $since,
                },
                factory: $factory,
                schema: $crate::__private::config_schema::<$type>,
            }
        }
    };
}
