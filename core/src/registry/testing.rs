//! Installed plugins for tests that need no library.

use std::path::Path;
use std::sync::Arc;

use agentfirewall_sdk::{Kind, Manifest};
use serde_json::json;

use super::Registry;
use crate::guard::{Guard, Unguarded};
use crate::store::InstalledPlugin;

/// The built-in plugins and installed ones of which nothing can be loaded, because their libraries are not there. The
/// plugin `NAME` holds the matcher `NAME-match`, the detector `NAME-token` with the keyword `NAME_`, and the sink
/// `NAME-sink`.
pub(crate) fn with_absent(names: &[&str]) -> Registry {
    agentfirewall_plugins::link();
    let guard: Arc<dyn Guard> = Arc::new(Unguarded);
    names.iter().fold(Registry::from_linked().unwrap(), |registry, name| {
        let item = |kind: Kind, id: String, keywords: &[String]| {
            json!({"kind": kind, "id": id, "summary": "is not there", "keywords": keywords})
        };
        let manifest = json!({"name": name, "version": "1.0.0", "items": [
            item(Kind::Matcher, format!("{name}-match"), &[]),
            item(Kind::Detector, format!("{name}-token"), &[format!("{name}_")]),
            item(Kind::Sink, format!("{name}-sink"), &[]),
        ]});
        let manifest: Manifest = serde_json::from_value(manifest).unwrap();
        let file = format!("/nonexistent/lib{name}.so");
        registry.with_library(InstalledPlugin::unpinned(Path::new(&file), &manifest), &guard).unwrap()
    })
}
