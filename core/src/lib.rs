//! The deciding part of agentfirewall: from an agent's bytes to a decision and its audit record.
//!
//! Data flows one way: `agents` parse the hook's bytes into a `ToolCall`, `facts` says what the call touches, the
//! interceptor judges every part by the `policy` layers and the secret detectors, `audit` chains the record, `agents`
//! render the answer. The crate names no built-in plugin, opens no socket, prints nothing and never exits.

pub mod agents;
pub mod audit;
mod base64;
pub mod claude_settings;
pub mod delivery;
pub mod facts;
pub mod formats;
pub mod guard;
pub mod history;
mod inline;
pub mod interceptor;
mod knowledge;
pub mod library;
mod line;
pub mod loader;
mod paths;
pub mod places;
pub mod policy;
pub mod private;
pub mod protection;
mod recall;
pub mod recording;
pub mod registry;
mod scripts;
pub mod secrets;
pub mod sha256;
mod shell;
pub mod stamp;
pub mod store;
pub mod tolerance;
mod understand;
