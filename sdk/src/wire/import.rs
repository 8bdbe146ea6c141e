//! The host's side: wire objects become the traits of this crate again, so that the rest of the host cannot tell a
//! library's plugin from its own.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use abi_stable::std_types::{RResult, RSlice, RStr, RString, RVec};

use super::v1::{ACCESSES, DetectorBox, Found, KINDS, MatcherBox, PluginV1Ref, SinkBox, Undelivered};
use super::{ASK_WITH_FACT, EFFECT, Header, Kept, SINK_BATCH, SINK_MANNER, Told};
use crate::plugin::PluginError;
use crate::{
    Anchors, Confidence, Detector, Event, Finding, Manifest, Manner, Matcher, Scan, Severity, Sink,
    SinkError, Subject,
};

/// A loaded library: makes its matchers, detectors and sinks.
#[derive(Clone, Copy)]
pub struct Imported(PluginV1Ref);

impl std::fmt::Debug for Imported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Imported").finish_non_exhaustive()
    }
}

impl Imported {
    /// The library behind a root module.
    pub const fn new(module: PluginV1Ref) -> Self {
        Self(module)
    }

    /// What the library says of itself.
    pub fn manifest(&self) -> Result<Manifest, PluginError> {
        let json = self.0.manifest()();
        serde_json::from_slice(json.as_slice())
            .map_err(|error| PluginError::new(format!("its manifest cannot be read: {error}")))
    }

    /// Makes a matcher from its configuration (JSON).
    pub fn matcher(&self, id: &str, config: &str) -> Result<ImportedMatcher, PluginError> {
        let inner = made(self.0.matcher()(RStr::from(id), RStr::from(config)))?;
        Ok(ImportedMatcher { inner, last: Kept::default(), takes_facts: OnceLock::new() })
    }

    /// Makes a detector from its configuration (JSON).
    pub fn detector(&self, id: &str, config: &str) -> Result<ImportedDetector, PluginError> {
        made(self.0.detector()(RStr::from(id), RStr::from(config))).map(ImportedDetector)
    }

    /// Makes a sink from its configuration (JSON).
    pub fn sink(&self, id: &str, config: &str) -> Result<ImportedSink, PluginError> {
        made(self.0.sink()(RStr::from(id), RStr::from(config))).map(ImportedSink)
    }
}

fn made<T>(result: RResult<T, RString>) -> Result<T, PluginError> {
    result.into_result().map_err(|message| PluginError::new(message.into_string()))
}

/// A library's matcher.
pub struct ImportedMatcher {
    inner: MatcherBox,
    /// The JSON of the last call, so that it is made once however many questions are about it.
    last: Kept<[u8]>,
    /// Whether the library was built with an SDK that knows facts.
    takes_facts: OnceLock<bool>,
}

impl std::fmt::Debug for ImportedMatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportedMatcher").finish_non_exhaustive()
    }
}

impl ImportedMatcher {
    fn takes_facts(&self) -> bool {
        *self.takes_facts.get_or_init(|| self.inner.ext(ASK_WITH_FACT, RSlice::EMPTY).is_ok())
    }

    fn ask_with_fact(
        &self,
        subject: &Subject<'_>,
        call: &[u8],
        kind: u8,
        access: u8,
    ) -> Result<bool, PluginError> {
        let header = Header {
            number: subject.number(),
            kind,
            access,
            text: Cow::Borrowed(subject.text),
            fact: subject.fact.map(Cow::Borrowed),
        };
        let mut argument = serde_json::to_vec(&header)
            .map_err(|error| PluginError::new(format!("the part cannot be written: {error}")))?;
        argument.push(b'\n');
        argument.extend_from_slice(call);
        match made(self.inner.ext(ASK_WITH_FACT, RSlice::from_slice(&argument)))?.as_slice() {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(PluginError::new("its answer cannot be read")),
        }
    }

    fn call(&self, subject: &Subject<'_>) -> Result<Arc<[u8]>, PluginError> {
        self.last.get_or(subject.number(), || {
            serde_json::to_vec(subject.call)
                .map(Arc::from)
                .map_err(|error| PluginError::new(format!("the call cannot be written: {error}")))
        })
    }
}

impl Matcher for ImportedMatcher {
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        let call = self.call(subject)?;
        let kind = KINDS.into_iter().chain([EFFECT]).find(|entry| entry.1 == subject.kind);
        let kind = kind.map_or(u8::MAX, |entry| entry.0);
        let access = ACCESSES.into_iter().find(|entry| entry.1 == subject.access).map_or(0, |entry| entry.0);
        if subject.fact.is_some() && self.takes_facts() {
            return self.ask_with_fact(subject, &call, kind, access);
        }
        made(self.inner.matches(
            subject.number(),
            RSlice::from_slice(&call),
            kind,
            access,
            RStr::from(subject.text),
        ))
    }

    fn anchors(&self) -> Anchors {
        match serde_json::from_slice::<Option<Vec<String>>>(self.inner.anchors().as_slice()) {
            Ok(Some(literals)) => Anchors::AnyOf(literals),
            // Unreadable anchors cost speed, never a match.
            Ok(None) | Err(_) => Anchors::Always,
        }
    }
}

/// A library's detector.
pub struct ImportedDetector(DetectorBox);

impl std::fmt::Debug for ImportedDetector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportedDetector").finish_non_exhaustive()
    }
}

impl Detector for ImportedDetector {
    fn detect(&self, scan: &mut Scan<'_>) -> Result<(), PluginError> {
        let mut found: RVec<Found> = RVec::new();
        made(self.0.detect(RStr::from(scan.text()), RSlice::from_slice(scan.hits()), &mut found))?;
        for finding in found {
            // A number that this version does not know counts as the most serious one.
            let confidence = match finding.confidence {
                0 => Confidence::Low,
                1 => Confidence::Medium,
                _ => Confidence::High,
            };
            let severity = match finding.severity {
                0 => Severity::Info,
                1 => Severity::Low,
                2 => Severity::Medium,
                3 => Severity::High,
                _ => Severity::Critical,
            };
            scan.report(Finding::new(finding.start..finding.end, confidence, severity));
        }
        Ok(())
    }
}

/// A library's sink.
pub struct ImportedSink(pub(super) SinkBox);

impl std::fmt::Debug for ImportedSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportedSink").finish_non_exhaustive()
    }
}

fn delivered<T>(result: RResult<T, Undelivered>) -> Result<T, SinkError> {
    result.into_result().map_err(|failure| {
        let message = PluginError::new(failure.message.into_string()).to_string();
        if failure.retry == 0 {
            return SinkError::Reject { message };
        }
        let after = (failure.after_ms != u64::MAX).then(|| Duration::from_millis(failure.after_ms));
        SinkError::Retry { message, after }
    })
}

impl Sink for ImportedSink {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        let json = serde_json::to_vec(event)
            .map_err(|error| SinkError::reject(format!("the event cannot be written: {error}")))?;
        delivered(self.0.deliver(RSlice::from_slice(&json)))
    }

    fn manner(&self) -> Manner {
        let answer = self.0.ext(SINK_MANNER, RSlice::EMPTY).into_result().ok();
        // A library that was built before sinks had a manner takes one event at a time.
        answer.and_then(|json| serde_json::from_slice(json.as_slice()).ok()).unwrap_or_default()
    }

    fn deliver_batch(&self, events: &[Event]) -> Result<Vec<Result<(), SinkError>>, SinkError> {
        if events.len() < 2 {
            return Ok(events.iter().map(|event| self.deliver(event)).collect());
        }
        let json = serde_json::to_vec(events)
            .map_err(|error| SinkError::reject(format!("the events cannot be written: {error}")))?;
        // The operation itself fails by a panic alone, which one of the events brought about.
        let answer = made(self.0.ext(SINK_BATCH, RSlice::from_slice(&json)))
            .map_err(|error| SinkError::reject(error.to_string()))?;
        let told: Vec<Told> = serde_json::from_slice(answer.as_slice())
            .map_err(|error| SinkError::retry(format!("its answer cannot be read: {error}")))?;
        let mut results = Vec::with_capacity(told.len());
        for told in told {
            let whole = told.whole;
            let result = told.into_result();
            match result {
                Err(error) if whole => return Err(error),
                result => results.push(result),
            }
        }
        Ok(results)
    }

    fn check(&self) -> Result<String, SinkError> {
        delivered(self.0.check()).map(RString::into_string)
    }
}
