//! The border between a library and the host. Authors never see it: [`export!`](crate::export) crosses it for them.
//!
//! [`v1`] is frozen: it is what libraries built with any SDK 1.x speak and what every later host must go on
//! understanding. Nothing in it may be added, removed or reordered; what is new crosses through its `ext` slots or in
//! the JSON texts, and a second version would stand beside it.
//!
//! `export` turns what an author wrote into wire objects, and catches panics; `import` turns wire objects back into
//! the traits of this crate.

pub mod v1;

pub(crate) mod export;
mod import;

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::facts::Fact;
use crate::matcher::PartKind;
use crate::plugin::PluginError;
use crate::sink::SinkError;

/// What was made of a call, kept as long as the questions are about the same one: on this side its JSON, on the other the
/// call that was read from it.
#[derive(Debug)]
struct Kept<T: ?Sized>(Mutex<Option<(u64, Arc<T>)>>);

impl<T: ?Sized> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: ?Sized> Kept<T> {
    /// What is kept under a call's number, or what is now made of it. Nothing is kept under 0.
    fn get_or<E>(&self, number: u64, make: impl FnOnce() -> Result<Arc<T>, E>) -> Result<Arc<T>, E> {
        if let Ok(last) = self.0.lock()
            && let Some((known, kept)) = last.as_ref()
            && number != 0
            && *known == number
        {
            return Ok(Arc::clone(kept));
        }
        let made = make()?;
        if let Ok(mut last) = self.0.lock() {
            *last = Some((number, Arc::clone(&made)));
        }
        Ok(made)
    }
}

/// The operation of a matcher's `ext` slot that asks with everything a question of version 1 has no place for: a header
/// (JSON), a line break, the call (JSON). Answered with one byte, 1 for a match; an empty argument only asks whether the
/// operation is known, and is answered with nothing.
const ASK_WITH_FACT: u32 = 1;

/// The operation of a sink's `ext` slot that asks for its [`Manner`](crate::Manner) (JSON).
const SINK_MANNER: u32 = 1;

/// The operation of a sink's `ext` slot that delivers several events (a JSON list) and is answered with the results of
/// the first of them, a JSON list of [`Told`].
const SINK_BATCH: u32 = 2;

/// What became of one event, or of all. Only the last member of an answer can be of all.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    /// Whether it is the answer to the whole, because nothing is known of the single ones.
    #[serde(default)]
    whole: bool,
    /// `None`: taken.
    #[serde(default)]
    error: Option<String>,
    /// Whether it may be taken later.
    #[serde(default)]
    retry: bool,
    /// Milliseconds that the receiver asked for.
    #[serde(default)]
    after_ms: Option<u64>,
}

impl Told {
    fn of(result: Result<(), SinkError>, whole: bool) -> Self {
        match result {
            Ok(()) => Self { whole, error: None, retry: false, after_ms: None },
            Err(SinkError::Reject { message }) => {
                Self { whole, error: Some(message), retry: false, after_ms: None }
            }
            Err(SinkError::Retry { message, after }) => Self {
                whole,
                error: Some(message),
                retry: true,
                after_ms: after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
            },
        }
    }

    fn into_result(self) -> Result<(), SinkError> {
        let Some(message) = self.error else { return Ok(()) };
        let message = PluginError::new(message).to_string();
        Err(if self.retry {
            SinkError::Retry { message, after: self.after_ms.map(Duration::from_millis) }
        } else {
            SinkError::Reject { message }
        })
    }
}

/// The header of [`ASK_WITH_FACT`]. A member that is missing has its default, and an unknown one is passed over.
#[derive(Debug, Serialize, Deserialize)]
struct Header<'a> {
    number: u64,
    /// See [`v1::KINDS`], and [`EFFECT`].
    kind: u8,
    /// See [`v1::ACCESSES`].
    access: u8,
    text: Cow<'a, str>,
    fact: Option<Cow<'a, Fact>>,
}

/// The number of the kind of part that version 1 does not have.
const EFFECT: (u8, PartKind) = (100, PartKind::Effect);

pub use export::{module, silence_panics};
pub use import::{Imported, ImportedDetector, ImportedMatcher, ImportedSink};

/// The first thing a host reads of a library, before it trusts any other of its symbols.
///
/// The layout is fixed for all ABI versions: a host of any age can say why it refuses a library of any age.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handshake {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// The size of this structure in bytes; a later one may be longer.
    pub size: u32,
    /// The wire's major version: another one is another language.
    pub abi_major: u32,
    /// The wire's minor version: a host understands every one up to its own.
    pub abi_minor: u32,
    /// Bit 0: the library unwinds on panic, so that a panic can be caught.
    pub flags: u32,
    /// The SDK's version as text, filled up with zeros.
    pub sdk: [u8; 16],
}

/// Begins every handshake.
pub const MAGIC: [u8; 8] = *b"AFWPLUG\0";
/// The wire's version that this SDK speaks. It is not the SDK's version and not the program's.
pub const ABI: (u32, u32) = (1, 0);
/// The name of the handshake's symbol.
pub const HANDSHAKE_SYMBOL: &str = "AGENTFIREWALL_PLUGIN";
/// The flag of a library that unwinds on panic.
pub const UNWINDS: u32 = 1;

impl Handshake {
    /// The handshake of a library built with this SDK.
    pub const fn of_this_sdk() -> Self {
        let mut sdk = [0; 16];
        let version = crate::VERSION.as_bytes();
        let mut at = 0;
        while at < version.len() && at < sdk.len() {
            // A constant cannot use iterators.
            #[expect(clippy::indexing_slicing, reason = "both ends are in the condition of the loop")]
            {
                sdk[at] = version[at];
            }
            at += 1;
        }
        #[expect(clippy::cast_possible_truncation, reason = "the structure has a few dozen bytes")]
        Self {
            magic: MAGIC,
            size: size_of::<Self>() as u32,
            abi_major: ABI.0,
            abi_minor: ABI.1,
            flags: UNWINDS,
            sdk,
        }
    }

    /// The SDK's version as text.
    pub fn sdk(&self) -> String {
        let text: Vec<u8> = self.sdk.iter().copied().take_while(|byte| *byte != 0).collect();
        String::from_utf8_lossy(&text).escape_debug().to_string()
    }
}

/// Turns the crate it stands in into a plugin library: the one line a `cdylib` needs beside its `register!`s.
///
/// The plugin's name, version and summary are those of the package; `export!(name = "acme")` gives another name.
///
/// ```standalone_crate
/// use agentfirewall_sdk::{Matcher, NoConfig, Plugin, PluginError, Subject, register};
///
/// struct Subagent;
///
/// impl Plugin for Subagent {
///     type Config = NoConfig;
///     fn new(_: NoConfig) -> Result<Self, PluginError> {
///         Ok(Self)
///     }
/// }
///
/// impl Matcher for Subagent {
///     fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
///         Ok(subject.call.agent.is_some())
///     }
/// }
///
/// register! {
///     matcher Subagent {
///         id: "subagent",
///         summary: "calls of a subagent",
///         why: "a subagent works without anybody watching",
///         examples: [
///             r#"{} => {"tool": "Bash", "input": {"command": "ls"}, "agent": {"id": "1", "kind": "Explore"}}"#,
///         ],
///         negatives: ["{} => ls"],
///         keywords: ["subagent"],
///         since: "1.0.0",
///     }
/// }
///
/// agentfirewall_sdk::export!(name = "acme");
/// # fn main() {
/// # #[cfg(feature = "testing")]
/// # agentfirewall_sdk::testing::assert_conforms();
/// # }
/// ```
///
/// A crate that is also linked into binaries puts it behind a feature, because only one library can have the symbols:
///
/// ```ignore
/// #[cfg(feature = "export")]
/// agentfirewall_sdk::export!();
/// ```
///
/// A package that is built with `panic = "abort"` is refused by the compiler: the host could not survive its panics.
#[macro_export]
macro_rules! export {
    () => {
        $crate::export!(name = ::core::env!("CARGO_PKG_NAME"));
    };
    (name = $name:expr) => {
        #[cfg(panic = "abort")]
        ::core::compile_error!(
            "an agentfirewall plugin must be built with panic = \"unwind\": remove `panic = \"abort\"` from the profile"
        );

        #[doc(hidden)]
        #[allow(unsafe_code)]
        mod __agentfirewall_export {
            #[unsafe(export_name = "AGENTFIREWALL_PLUGIN")]
            pub static HANDSHAKE: $crate::__private::Handshake = $crate::__private::Handshake::of_this_sdk();

            extern "C" fn manifest() -> $crate::__private::Bytes {
                $crate::__private::manifest(
                    $name,
                    ::core::env!("CARGO_PKG_VERSION"),
                    ::core::env!("CARGO_PKG_DESCRIPTION"),
                )
            }

            extern "C" fn root() -> $crate::__private::RootResult {
                $crate::__private::root(manifest)
            }

            // The name under which abi_stable looks for the description of a library.
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            pub static HEADER: $crate::__private::LibHeader = $crate::__private::header(root);
        }
    };
}

#[cfg(test)]
mod tests {
    use abi_stable::sabi_trait::TD_Opaque;
    use serde_json::json;

    use super::export::ExportedSink;
    use super::v1::Sink_TO;
    use super::*;
    use crate::{Action, Event, Manner, Sink};

    /// Takes what has an even number, refuses 3, panics at 7, and everything fails while 9 is among them.
    struct Odd;

    impl Sink for Odd {
        fn deliver(&self, event: &Event) -> Result<(), SinkError> {
            match event.sequence {
                3 => Err(SinkError::reject("three")),
                5 => {
                    Err(SinkError::Retry { message: "five".to_owned(), after: Some(Duration::from_secs(5)) })
                }
                7 => panic!("seven"),
                _ => Ok(()),
            }
        }

        fn manner(&self) -> Manner {
            Manner { people: true, ..Manner::batches(10, 99) }
        }

        fn deliver_batch(&self, events: &[Event]) -> Result<Vec<Result<(), SinkError>>, SinkError> {
            if events.iter().any(|event| event.sequence == 9) {
                return Err(SinkError::retry("all of them"));
            }
            Ok(events.iter().map(|event| self.deliver(event)).collect())
        }
    }

    #[test]
    fn a_batch_crosses_the_border_and_comes_back_as_it_was_judged() {
        let sink = ImportedSink(Sink_TO::from_value(ExportedSink(Box::new(Odd)), TD_Opaque));
        assert_eq!(sink.manner(), Odd.manner());
        let batch = |numbers: &[u64]| {
            let event = |number: &u64| Event::new("id", "chain", *number, Action::Deny, json!({}));
            let events: Vec<Event> = numbers.iter().map(event).collect();
            (sink.deliver_batch(&events), events)
        };
        let (told, events) = batch(&[2, 3, 4, 5]);
        assert_eq!(told, Odd.deliver_batch(&events));
        assert_eq!(batch(&[2, 9]).0, Err(SinkError::retry("all of them")));
        let Err(SinkError::Reject { message }) = batch(&[2, 7]).0 else { panic!("a panic is a refusal") };
        assert!(message.contains("seven"), "{message}");
        assert_eq!(batch(&[2]).0, Ok(vec![Ok(())]));
    }
}
