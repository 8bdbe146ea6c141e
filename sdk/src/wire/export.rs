//! The library's side: an author's types become wire objects. No panic leaves this file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use abi_stable::library::{CheckTypeLayout, LibHeader, RootModuleError};
use abi_stable::prefix_type::{PrefixRef, PrefixTypeTrait};
use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RErr, ROk, RResult, RSlice, RStr, RString, RVec};

use super::v1::{
    ACCESSES, Detector_TO, DetectorBox, Found, KINDS, Matcher_TO, MatcherBox, PluginV1, PluginV1Ref, Sink_TO,
    SinkBox, Undelivered,
};
use super::{ASK_WITH_FACT, EFFECT, Header, Kept, SINK_BATCH, SINK_MANNER, Told, v1};
use crate::plugin::{Factory, Kind, PluginError, Registration, panic_message, registrations};
use crate::table::build_row;
use crate::{
    Access, Anchors, Confidence, Detector, Event, Manifest, Matcher, PartKind, Scan, Severity, Sink,
    SinkError, Subject, ToolCall,
};

/// What a library's constructor returns.
pub type RootResult = RResult<PrefixRef<abi_stable::marker_type::ErasedPrefix>, RootModuleError>;

/// The description of a library for `abi_stable`.
#[allow(unsafe_code, reason = "the constructor is the one of this file, which makes the module it says")]
pub const fn header(constructor: extern "C" fn() -> RootResult) -> LibHeader {
    // SAFETY: `constructor` returns what `root` returns, which is a `PluginV1Ref`.
    unsafe { LibHeader::from_constructor::<PluginV1Ref>(constructor, CheckTypeLayout::Yes) }
}

/// The library's module, as its constructor gives it.
#[allow(unsafe_code, reason = "the module's type is erased and named again by `header`")]
pub fn root(manifest: extern "C" fn() -> RVec<u8>) -> RootResult {
    silence_panics();
    // SAFETY: the host casts it back to the type that `header` names.
    ROk(unsafe { module(manifest).cast() })
}

/// The library's module.
pub fn module(manifest: extern "C" fn() -> RVec<u8>) -> PrefixRef<v1::PluginV1_Prefix> {
    PluginV1 { manifest, matcher, detector, sink, ext }.leak_into_prefix().0
}

/// A library has its own standard library with its own panic hook, which would print the message, and that may quote
/// what is judged.
pub fn silence_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}

/// The manifest's JSON.
pub fn manifest(name: &str, version: &str, summary: &str) -> RVec<u8> {
    let json = caught(|| {
        serde_json::to_vec(&Manifest::of_registered(name, version, summary))
            .map_err(|error| PluginError::new(error.to_string()))
    });
    // An empty text is no manifest: the host refuses it.
    json.unwrap_or_default().into()
}

/// Runs the author's code; a panic is an error that says so.
fn caught<T>(run: impl FnOnce() -> Result<T, PluginError>) -> Result<T, RString> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string().into()),
        Err(payload) => {
            let message = panic_message(payload).unwrap_or_else(|| "without a message".to_owned());
            Err(PluginError::new(format!("{}{message}", PluginError::PANICKED)).to_string().into())
        }
    }
}

fn find(kind: Kind, id: &str) -> Result<&'static Registration, PluginError> {
    registrations()
        .find(|registration| registration.factory.kind() == kind && registration.meta.id == id)
        .ok_or_else(|| PluginError::new(format!("the library has no {} `{id}`", kind.as_str())))
}

fn result<T>(result: Result<T, RString>) -> RResult<T, RString> {
    match result {
        Ok(value) => ROk(value),
        Err(message) => RErr(message),
    }
}

fn unsupported(operation: u32) -> RResult<RVec<u8>, RString> {
    RErr(format!("operation {operation} is not known to SDK {}", crate::VERSION).into())
}

extern "C" fn ext(operation: u32, _argument: RSlice<'_, u8>) -> RResult<RVec<u8>, RString> {
    unsupported(operation)
}

extern "C" fn matcher(id: RStr<'_>, config: RStr<'_>) -> RResult<MatcherBox, RString> {
    result(caught(|| match find(Kind::Matcher, id.as_str())?.factory {
        Factory::Matcher { build, .. } => Ok(Matcher_TO::from_value(
            ExportedMatcher { inner: build(config.as_str())?, last: Kept::default() },
            TD_Opaque,
        )),
        _ => Err(PluginError::new("the factory is of another kind")),
    }))
}

extern "C" fn detector(id: RStr<'_>, config: RStr<'_>) -> RResult<DetectorBox, RString> {
    result(caught(|| match find(Kind::Detector, id.as_str())?.factory {
        Factory::Detector { build } => {
            Ok(Detector_TO::from_value(ExportedDetector(build(config.as_str())?), TD_Opaque))
        }
        Factory::Row { rows, row } => {
            Ok(Detector_TO::from_value(ExportedDetector(build_row(rows, row, config.as_str())?), TD_Opaque))
        }
        _ => Err(PluginError::new("the factory is of another kind")),
    }))
}

extern "C" fn sink(id: RStr<'_>, config: RStr<'_>) -> RResult<SinkBox, RString> {
    result(caught(|| match find(Kind::Sink, id.as_str())?.factory {
        Factory::Sink { build } => Ok(Sink_TO::from_value(ExportedSink(build(config.as_str())?), TD_Opaque)),
        _ => Err(PluginError::new("the factory is of another kind")),
    }))
}

struct ExportedMatcher {
    inner: Box<dyn Matcher>,
    /// The call of the last question, so that it is decoded once however many questions are about it.
    last: Kept<ToolCall>,
}

impl ExportedMatcher {
    fn call(&self, number: u64, json: &[u8]) -> Result<Arc<ToolCall>, PluginError> {
        self.last.get_or(number, || {
            serde_json::from_slice(json)
                .map(Arc::new)
                .map_err(|error| PluginError::new(format!("the host's call cannot be read: {error}")))
        })
    }
}

impl ExportedMatcher {
    fn with_fact(&self, argument: &[u8]) -> Result<bool, PluginError> {
        let end = argument.iter().position(|byte| *byte == b'\n').unwrap_or(argument.len());
        let (header, rest) = argument.split_at(end);
        let header: Header<'_> = serde_json::from_slice(header)
            .map_err(|error| PluginError::new(format!("the host's question cannot be read: {error}")))?;
        let call = self.call(header.number, rest)?;
        let subject = Subject::new(&call, kind_of(header.kind), &header.text, access_of(header.access));
        self.inner.matches(&subject.with_fact(header.fact.as_deref()))
    }
}

impl v1::Matcher for ExportedMatcher {
    fn matches(
        &self,
        number: u64,
        call: RSlice<'_, u8>,
        kind: u8,
        access: u8,
        text: RStr<'_>,
    ) -> RResult<bool, RString> {
        result(caught(|| {
            let call = self.call(number, call.as_slice())?;
            self.inner.matches(&Subject::new(&call, kind_of(kind), text.as_str(), access_of(access)))
        }))
    }

    fn anchors(&self) -> RVec<u8> {
        let anchors = caught(|| {
            let anchors = match self.inner.anchors() {
                Anchors::Always => None,
                Anchors::AnyOf(literals) => Some(literals),
            };
            serde_json::to_vec(&anchors).map_err(|error| PluginError::new(error.to_string()))
        });
        anchors.unwrap_or_else(|_| b"null".to_vec()).into()
    }

    fn ext(&self, operation: u32, argument: RSlice<'_, u8>) -> RResult<RVec<u8>, RString> {
        match operation {
            ASK_WITH_FACT if argument.is_empty() => ROk(RVec::new()),
            ASK_WITH_FACT => result(caught(|| {
                self.with_fact(argument.as_slice()).map(|matches| vec![u8::from(matches)].into())
            })),
            _ => unsupported(operation),
        }
    }
}

fn kind_of(number: u8) -> PartKind {
    let known = KINDS.into_iter().chain([EFFECT]).find(|entry| entry.0 == number);
    known.map_or(PartKind::Other, |entry| entry.1)
}

fn access_of(number: u8) -> Access {
    ACCESSES.into_iter().find(|entry| entry.0 == number).map_or(Access::Unknown, |entry| entry.1)
}

struct ExportedDetector(Box<dyn Detector>);

impl v1::Detector for ExportedDetector {
    fn detect(&self, text: RStr<'_>, hits: RSlice<'_, usize>, out: &mut RVec<Found>) -> RResult<(), RString> {
        result(caught(|| {
            let mut findings = Vec::new();
            self.0.detect(&mut Scan::new(text.as_str(), hits.as_slice(), &mut findings))?;
            out.extend(findings.iter().map(|finding| Found {
                start: finding.span.start,
                end: finding.span.end,
                confidence: match finding.confidence {
                    Confidence::Low => 0,
                    Confidence::Medium => 1,
                    Confidence::High => 2,
                },
                severity: match finding.severity {
                    Severity::Info => 0,
                    Severity::Low => 1,
                    Severity::Medium => 2,
                    Severity::High => 3,
                    Severity::Critical => 4,
                },
            }));
            Ok(())
        }))
    }

    fn ext(&self, operation: u32, _argument: RSlice<'_, u8>) -> RResult<RVec<u8>, RString> {
        unsupported(operation)
    }
}

pub(super) struct ExportedSink(pub(super) Box<dyn Sink>);

impl ExportedSink {
    fn run<T>(&self, run: impl FnOnce(&dyn Sink) -> Result<T, SinkError>) -> RResult<T, Undelivered> {
        let outcome = caught(|| Ok(run(&*self.0)));
        match outcome {
            Ok(Ok(value)) => ROk(value),
            Ok(Err(SinkError::Retry { message, after })) => RErr(Undelivered {
                retry: 1,
                after_ms: after
                    .map_or(u64::MAX, |after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX - 1)),
                message: message.into(),
            }),
            Ok(Err(SinkError::Reject { message })) => {
                RErr(Undelivered { retry: 0, after_ms: u64::MAX, message: message.into() })
            }
            // The same record would bring the same panic.
            Err(message) => RErr(Undelivered { retry: 0, after_ms: u64::MAX, message }),
        }
    }
}

fn json(value: &impl serde::Serialize) -> Result<RVec<u8>, PluginError> {
    serde_json::to_vec(value).map(RVec::from).map_err(|error| PluginError::new(error.to_string()))
}

impl v1::Sink for ExportedSink {
    fn deliver(&self, event: RSlice<'_, u8>) -> RResult<(), Undelivered> {
        self.run(|sink| {
            let event: Event = serde_json::from_slice(event.as_slice())
                .map_err(|error| SinkError::reject(format!("the host's event cannot be read: {error}")))?;
            sink.deliver(&event)
        })
    }

    fn check(&self) -> RResult<RString, Undelivered> {
        self.run(|sink| sink.check().map(RString::from))
    }

    fn ext(&self, operation: u32, argument: RSlice<'_, u8>) -> RResult<RVec<u8>, RString> {
        match operation {
            SINK_MANNER => result(caught(|| json(&self.0.manner()))),
            SINK_BATCH => result(caught(|| {
                let events: Vec<Event> = serde_json::from_slice(argument.as_slice()).map_err(|error| {
                    PluginError::new(format!("the host's events cannot be read: {error}"))
                })?;
                let told: Vec<Told> = match self.0.deliver_batch(&events) {
                    Ok(results) => results.into_iter().map(|result| Told::of(result, false)).collect(),
                    Err(error) => vec![Told::of(Err(error), true)],
                };
                json(&told)
            })),
            _ => unsupported(operation),
        }
    }
}
