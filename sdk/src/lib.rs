//! The contract between agentfirewall and everything that judges or reports.
//!
//! A plugin is a plain Rust type that implements [`Matcher`], [`Detector`] or [`Sink`], and one
//! [`register!`] invocation beside it. The host composes itself only from what is registered: the
//! built-in glob matcher, secret detectors and sinks are plugins like any other.
//!
//! This crate imports nothing else of the project. It holds data types and traits; it decides
//! nothing, reads no file and opens no socket.
#![deny(missing_docs)]

mod call;
mod decision;
mod detector;
mod facts;
mod history;
pub mod keywords;
mod manifest;
mod matcher;
mod plugin;
mod rule;
mod sink;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "wire")]
#[doc(hidden)]
pub mod wire;

pub use call::{AgentInfo, HookEvent, McpServer, PermissionMode, ToolCall};
pub use decision::{Action, Decision, LocatedFinding, ParseActionError, RuleRef};
pub use detector::{Confidence, Detector, Finding, Scan, Severity};
pub use facts::{CommandFact, Direction, Fact, HostFact, PathFact};
pub use history::{History, PastCall};
pub use manifest::{Item, LONGEST_NAME, Manifest, is_hyphenated};
pub use matcher::{Access, Anchors, Matcher, PartKind, Subject};
pub use plugin::{
    Factory, Kind, Meta, NoConfig, Plugin, PluginError, Registration, Role, registrations, singles,
};
pub use rule::{
    Allow, AllowTarget, DetectionRule, ForeignRules, RuleFault, RuleMaker, RuleReader, rule_makers,
    rule_readers,
};
pub use sink::{Event, Manner, Sink, SinkError};
pub use table::{About, Rows, Table, build_row, row_registration, tables};

/// The SDK's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the [`register!`] macro needs at its call site; not for direct use.
#[doc(hidden)]
pub mod __private {
    pub use inventory;
    pub use schemars;
    pub use serde_json;

    #[cfg(feature = "wire")]
    pub use crate::wire::Handshake;
    #[cfg(feature = "wire")]
    pub use crate::wire::export::{RootResult, header, manifest, root};
    #[cfg(feature = "wire")]
    pub use abi_stable::library::LibHeader;
    #[cfg(feature = "wire")]
    pub type Bytes = abi_stable::std_types::RVec<u8>;

    pub use crate::plugin::panic_message;
    pub use crate::plugin::{build_detector, build_matcher, build_sink, config_schema, matcher_anchors};
    pub use crate::rule::{Maker, Reader};
}
