//! Detectors that rules of a policy become.

use agentfirewall_sdk::{DetectionRule, Detector, PluginError, RuleMaker};

use crate::policy::DetectionSetting;

/// A rule, and what makes a detector of it when a text asks for one.
#[derive(Debug)]
pub(super) struct Made {
    maker: &'static dyn RuleMaker,
    pub(super) id: String,
    pub(super) keywords: Vec<String>,
    /// JSON.
    rule: String,
    pub(super) file: String,
}

impl Made {
    /// Stays until the process ends, as what is known of an installed library does: the index of keywords points into it.
    pub(super) fn new(maker: &'static dyn RuleMaker, setting: &DetectionSetting<'_>) -> &'static Self {
        Box::leak(Box::new(Self {
            maker,
            id: setting.id.to_owned(),
            keywords: setting.keywords.iter().map(|&keyword| keyword.to_owned()).collect(),
            rule: setting.rule.to_owned(),
            file: setting.file.to_owned(),
        }))
    }

    pub(super) fn rule(&self) -> Result<DetectionRule, PluginError> {
        serde_json::from_str(&self.rule).map_err(|error| PluginError::new(error.to_string()))
    }

    pub(super) fn detector(&self) -> Result<Box<dyn Detector>, PluginError> {
        self.maker.detector(&self.rule()?)
    }
}
