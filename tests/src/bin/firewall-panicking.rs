//! A team's own binary with a detector and a matcher that panic, and with ones that report an error, when they see
//! their word.

#![allow(clippy::panic, reason = "panicking is what this fixture is for")]

use std::process::ExitCode;

use agentfirewall_sdk::{Detector, Matcher, NoConfig, Plugin, PluginError, Scan, Subject, register};

struct PanickingDetector;

impl Plugin for PanickingDetector {
    type Config = NoConfig;
    fn new(_: NoConfig) -> Result<Self, PluginError> {
        Ok(Self)
    }
}

impl Detector for PanickingDetector {
    fn detect(&self, scan: &mut Scan<'_>) -> Result<(), PluginError> {
        assert!(!scan.text().contains("detector-must-panic"), "a detector\nthat panics over two lines");
        if scan.text().contains("detector-must-fail") {
            return Err(PluginError::new("a detector that fails"));
        }
        Ok(())
    }
}

register! {
    detector PanickingDetector {
        id: "panicking",
        summary: "panics when it sees its word",
        why: "shows what a panic in a plugin does",
        examples: [],
        negatives: ["anything"],
        keywords: ["detector-must-"],
        since: "0.2.0",
    }
}

struct PanickingMatcher;

impl Plugin for PanickingMatcher {
    type Config = NoConfig;
    fn new(_: NoConfig) -> Result<Self, PluginError> {
        Ok(Self)
    }
}

impl Matcher for PanickingMatcher {
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        assert!(!subject.text.contains("matcher-must-panic"), "a matcher that panics");
        if subject.text.contains("matcher-must-fail") {
            return Err(PluginError::new("a matcher that fails"));
        }
        Ok(false)
    }
}

register! {
    matcher PanickingMatcher {
        id: "panicking",
        summary: "panics when it sees its word",
        why: "shows what a panic in a plugin does",
        examples: [],
        negatives: ["{} => anything"],
        keywords: ["panic"],
        since: "0.2.0",
    }
}

fn main() -> ExitCode {
    agentfirewall_plugins::link();
    agentfirewall::run()
}
