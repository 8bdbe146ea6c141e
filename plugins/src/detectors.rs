//! The built-in detectors of secrets, a file for each family.
//!
//! They are coded, not regular expressions: the host's prefilter points at a keyword, and a few comparisons there
//! decide. Patterns come from the vendors' documentation of their tokens. A finding of high confidence stops a call, so
//! only what a structure or a checksum proves gets it.

/// A detector that is a function without configuration.
macro_rules! coded {
    ($type:ident => $detect:expr;
        id: $id:expr,
        summary: $summary:expr,
        why: $why:expr,
        examples: $examples:expr,
        negatives: $negatives:expr,
        keywords: $keywords:expr $(,)?
    ) => {
        pub(in crate::detectors) struct $type;

        impl $type {
            /// What the table's filter lets through beside its own keywords; see `rules::BESIDE`.
            pub(in crate::detectors) const KEYWORDS: &'static [&'static str] = &$keywords;
        }

        impl agentfirewall_sdk::Plugin for $type {
            type Config = agentfirewall_sdk::NoConfig;

            fn new(_: Self::Config) -> Result<Self, agentfirewall_sdk::PluginError> {
                Ok(Self)
            }
        }

        impl agentfirewall_sdk::Detector for $type {
            fn detect(
                &self,
                scan: &mut agentfirewall_sdk::Scan<'_>,
            ) -> Result<(), agentfirewall_sdk::PluginError> {
                let detect: fn(&mut agentfirewall_sdk::Scan<'_>) = $detect;
                detect(scan);
                Ok(())
            }
        }

        agentfirewall_sdk::register! { detector $type {
            id: $id,
            summary: $summary,
            why: $why,
            examples: $examples,
            negatives: $negatives,
            keywords: $keywords,
            since: "0.2.0"
        } }
    };
}

mod assignment;
mod aws;
mod azure;
mod chat;
mod connection;
mod encoded;
mod generic;
mod github;
mod google;
mod header;
mod jwt;
mod pattern;
mod private_key;
mod public;
mod rules;
mod text;
mod twilio;
mod wordlike;
