//! Secrets in what an agent sends and receives: found by the detectors, told apart and masked here.
//!
//! The prefilter reads a text once and says which detectors have anything to look at; the [`Engine`] builds
//! and calls those, and nothing else. What they find leaves this module as a place and a kind, never as the secret
//! itself: [`mask_value`] puts a tag where it stood before anything is recorded.

#[cfg(test)]
mod builtins;
mod decode;
mod engine;
mod mask;
mod places;
mod prefilter;
mod redact;
mod salt;
mod shelf;
mod value;

pub use engine::{DetectorSetting, Engine, EngineError, Scanned};
pub use mask::{MaskError, mask_text, mask_value, truncate_strings};
pub use redact::Redactor;
pub use salt::Salt;
