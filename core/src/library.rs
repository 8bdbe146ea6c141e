//! An installed library: known by what the store recorded of it, loaded when one of its items is first needed.

use std::sync::{Arc, OnceLock};

use agentfirewall_sdk::wire::{Imported, ImportedDetector, ImportedMatcher, ImportedSink};
use agentfirewall_sdk::{Anchors, Detector, Event, Matcher, PluginError, Scan, Sink, SinkError, Subject};

use crate::guard::Guard;
use crate::loader::{LayoutCheck, load};
use crate::store::InstalledPlugin;

/// A library that may be loaded.
#[derive(Debug)]
pub struct Library {
    /// What the store says of it.
    pub plugin: &'static InstalledPlugin,
    /// By which the guard knows it, from 1.
    number: u32,
    check: LayoutCheck,
    guard: Arc<dyn Guard>,
    loaded: OnceLock<Result<Imported, PluginError>>,
}

impl Library {
    /// A library that nothing was loaded of yet. `number` is the guard's name for it.
    pub fn new(
        plugin: &'static InstalledPlugin,
        number: u32,
        check: LayoutCheck,
        guard: Arc<dyn Guard>,
    ) -> Self {
        Self { plugin, number, check, guard, loaded: OnceLock::new() }
    }

    /// Whether somebody asked for its code, be it in vain.
    pub fn is_loaded(&self) -> bool {
        self.loaded.get().is_some()
    }

    /// How a record names it, if its code ran in this process: `NAME VERSION sha256:HASH`.
    pub fn took_part(&self) -> Option<String> {
        self.loaded.get()?.as_ref().ok()?;
        let InstalledPlugin { name, version, sha256, .. } = self.plugin;
        let hash = sha256.as_ref().map(|sha256| format!(" sha256:{sha256}")).unwrap_or_default();
        Some(format!("{name} {version}{hash}"))
    }

    /// The library's module; it is loaded by the first question.
    pub fn imported(&self) -> Result<Imported, PluginError> {
        let loaded = self.loaded.get_or_init(|| {
            self.guard.before_load(self.number, self.plugin.name)?;
            let file = self.plugin.open().map_err(|error| PluginError::new(error.to_string()))?;
            let _inside = self.inside();
            load(&file, &self.plugin.path(), self.check).map_err(|error| PluginError::new(error.to_string()))
        });
        loaded.clone()
    }

    pub(crate) fn matcher(self: &Arc<Self>, id: &str, config: &str) -> Result<Box<dyn Matcher>, PluginError> {
        let module = self.imported()?;
        let _inside = self.inside();
        Ok(Box::new(Guarded { inner: module.matcher(id, config)?, library: Arc::clone(self) }))
    }

    pub(crate) fn detector(
        self: &Arc<Self>,
        id: &str,
        config: &str,
    ) -> Result<Box<dyn Detector>, PluginError> {
        let module = self.imported()?;
        let _inside = self.inside();
        Ok(Box::new(Guarded { inner: module.detector(id, config)?, library: Arc::clone(self) }))
    }

    pub(crate) fn sink(self: &Arc<Self>, id: &str, config: &str) -> Result<Box<dyn Sink>, PluginError> {
        let module = self.imported()?;
        let _inside = self.inside();
        Ok(Box::new(Guarded { inner: module.sink(id, config)?, library: Arc::clone(self) }))
    }

    fn inside(&self) -> Inside<'_> {
        self.guard.enter(self.number);
        Inside(&*self.guard)
    }
}

/// While this exists, the library's code runs.
struct Inside<'g>(&'g dyn Guard);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// A library's item that tells the guard when it runs.
struct Guarded<T> {
    inner: T,
    library: Arc<Library>,
}

impl Matcher for Guarded<ImportedMatcher> {
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        let _inside = self.library.inside();
        self.inner.matches(subject)
    }

    fn anchors(&self) -> Anchors {
        let _inside = self.library.inside();
        self.inner.anchors()
    }
}

impl Detector for Guarded<ImportedDetector> {
    fn detect(&self, scan: &mut Scan<'_>) -> Result<(), PluginError> {
        let _inside = self.library.inside();
        self.inner.detect(scan)
    }
}

impl Sink for Guarded<ImportedSink> {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        let _inside = self.library.inside();
        self.inner.deliver(event)
    }

    fn check(&self) -> Result<String, SinkError> {
        let _inside = self.library.inside();
        self.inner.check()
    }
}
