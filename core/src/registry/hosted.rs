//! Plugins that the program which links the core brings along at run time: functions of a script, say.
//!
//! The core knows of them what it knows of any plugin, a kind, an id and keywords, and asks the program for the rest. They
//! are no library: the program answers for them, so a failure of one is always a refusal.

use std::fmt::Debug;

use agentfirewall_sdk::{Detector, Kind, Matcher, PluginError, Sink};

/// Makes what a program brings along. Each method has its configuration (JSON) from a policy; those of another kind refuse.
pub trait Host: Send + Sync + Debug {
    /// Makes the matcher.
    fn matcher(&self, _config: &str) -> Result<Box<dyn Matcher>, PluginError> {
        Err(PluginError::new("it is no matcher"))
    }

    /// Makes the detector.
    fn detector(&self, _config: &str) -> Result<Box<dyn Detector>, PluginError> {
        Err(PluginError::new("it is no detector"))
    }

    /// Makes the sink.
    fn sink(&self, _config: &str) -> Result<Box<dyn Sink>, PluginError> {
        Err(PluginError::new("it is no sink"))
    }
}

/// A plugin of the program that links the core. It stays until the process ends, as what is known of an installed library
/// does: the index of keywords points into it.
#[derive(Debug)]
pub struct Hosted {
    /// What it is.
    pub kind: Kind,
    /// Its id, unique per kind.
    pub id: String,
    /// The literals (compared without ASCII case) of which one stands in every text that a detector is shown; none means
    /// every text.
    pub keywords: Vec<String>,
    /// Who it belongs to, as a person reads it: `Python`.
    pub host: &'static str,
    /// Who makes it.
    pub maker: Box<dyn Host>,
}

#[cfg(test)]
#[path = "hosted_tests.rs"]
mod tests;
