//! The frozen wire: the plugin of SDK 1.0 is loaded by this host, and what speaks another version is refused with
//! advice.

use std::fs::File;
use std::path::Path;

use agentfirewall_core::loader::{LayoutCheck, LoadError, load};
use agentfirewall_sdk::wire::{ABI, Handshake, MAGIC, UNWINDS};
use agentfirewall_sdk::{
    Access, Action, Anchors, Detector, Event, Kind, Matcher, PartKind, Scan, Sink, SinkError, Subject,
    ToolCall,
};
use agentfirewall_tests::fixtures::{library, patched_abi, without_unwind_flag};
use agentfirewall_tests::program::refused_by_the_compiler;
use serde_json::json;

const FIRST: &str = "fixture-wire-v1";

fn refusal(path: &Path) -> LoadError {
    load(&File::open(path).unwrap(), path, LayoutCheck::Done).map(|_| ()).unwrap_err()
}

/// The full check compares every type of the copy with every type of this SDK.
#[test]
fn a_plugin_of_sdk_1_0_is_understood() {
    let path = library(FIRST);
    for check in [LayoutCheck::Full, LayoutCheck::Done] {
        let plugin = load(&File::open(&path).unwrap(), &path, check)
            .unwrap_or_else(|error| panic!("the wire is not what it was: {error}"));
        let manifest = plugin.manifest().unwrap();
        let items: Vec<_> = manifest.items.iter().map(|item| (item.kind, item.id.as_str())).collect();
        let all = [(Kind::Matcher, "v1-prefix"), (Kind::Detector, "v1-token"), (Kind::Sink, "v1-file")];
        assert_eq!((manifest.name.as_str(), items.as_slice()), (FIRST, &all[..]));

        let detector = plugin.detector("v1-token", "{}").unwrap();
        let mut findings = Vec::new();
        let text = "a v1tok_12345678 and a v1tok_1234";
        detector.detect(&mut Scan::new(text, &[2, 23], &mut findings)).unwrap();
        assert_eq!(findings.len(), 1);
        assert_eq!(text.get(findings[0].span.clone()), Some("v1tok_12345678"));

        let matcher = plugin.matcher("v1-prefix", r#"{"prefix": "git "}"#).unwrap();
        assert_eq!(matcher.anchors(), Anchors::AnyOf(vec!["git ".to_owned()]));
        let call = ToolCall::new("Bash", json!({"command": "git status"}));
        for (text, matches) in [("git status", true), ("ls", false)] {
            let subject = Subject::new(&call, PartKind::Command, text, Access::Unknown);
            assert_eq!(matcher.matches(&subject), Ok(matches), "{text}");
        }
        let refused = plugin.matcher("v1-prefix", "{}").unwrap_err();
        assert!(refused.to_string().contains("prefix"), "{refused}");
        assert!(plugin.matcher("v1-token", "{}").is_err(), "an item of another kind");

        let folder = tempfile::tempdir().unwrap();
        let ids = folder.path().join("ids.txt");
        let sink = plugin.sink("v1-file", &json!({"path": ids}).to_string()).unwrap();
        for id in ["first", "second"] {
            sink.deliver(&Event::new(id, "chain", 1, Action::Deny, json!({"v": 1}))).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&ids).unwrap(), "first\nsecond\n");
        assert!(sink.check().unwrap().ends_with("can be written"));
        let nowhere = json!({"path": folder.path()}).to_string();
        let failure = plugin.sink("v1-file", &nowhere).unwrap();
        let failure = failure.deliver(&Event::new("x", "chain", 1, Action::Deny, json!({}))).unwrap_err();
        assert!(
            matches!(&failure, SinkError::Retry { after: Some(after), .. } if after.as_millis() == 1500),
            "{failure:?}"
        );
    }
}

/// The system's loader knows libraries by the names they were opened under, and those were descriptors' once.
#[test]
fn libraries_that_are_loaded_one_after_the_other_are_not_confused() {
    for package in [FIRST, "fixture-inventory-user", FIRST] {
        let path = library(package);
        assert_eq!(agentfirewall_tests::fixtures::manifest(&path).name, package);
    }
}

/// The handshake's numbers and places, which no layout check sees.
#[test]
fn the_handshake_is_where_and_what_it_was() {
    assert_eq!((MAGIC, ABI.0, UNWINDS), (*b"AFWPLUG\0", 1, 1));
    assert_eq!(size_of::<Handshake>(), 40);
    let mut expected = Vec::new();
    expected.extend(*b"AFWPLUG\0");
    for number in [40_u32, 1, 0, 1] {
        expected.extend(number.to_ne_bytes());
    }
    expected.extend(*b"1.0.0\0\0\0\0\0\0\0\0\0\0\0");
    let content = std::fs::read(library(FIRST)).unwrap();
    assert!(content.windows(expected.len()).any(|window| window == expected));
    let today = Handshake::of_this_sdk();
    assert_eq!((today.magic, today.abi_major, today.flags), (MAGIC, 1, UNWINDS));
}

#[test]
fn another_wire_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let path = library(FIRST);
    let message = |major, minor| {
        let error = refusal(&patched_abi(&path, folder.path(), major, minor));
        let text = error.to_string();
        assert!(!text.contains('\n') && text.len() < 300, "{text}");
        (error, text)
    };
    for (major, minor) in [(ABI.0, ABI.1 + 1), (2, 0)] {
        let (error, text) = message(major, minor);
        assert!(matches!(&error, LoadError::TooNew { found, .. } if *found == (major, minor)), "{text}");
        assert!(text.contains("update agentfirewall"), "{text}");
    }
    let (error, text) = message(0, 7);
    assert!(matches!(error, LoadError::TooOld { .. }), "{text}");
    assert!(text.contains("build the plugin again"), "{text}");
    assert_eq!(refusal(&without_unwind_flag(&path, folder.path())), LoadError::Aborts);
    // The very same bytes but for the numbers are loaded.
    let same = patched_abi(&path, folder.path(), ABI.0, ABI.1);
    assert!(load(&File::open(&same).unwrap(), &same, LayoutCheck::Full).is_ok());
}

/// A panic that cannot be caught would take the host with it, so `export!` does not compile with it.
#[test]
fn a_library_that_aborts_on_panic_does_not_compile() {
    // The smallest one; whoever needs its library next builds it again.
    let said = refused_by_the_compiler("fixture-duplicate-ids", &["-C", "panic=abort"]).expect("it compiles");
    assert!(said.contains("must be built with panic = \"unwind\""), "{said}");
}
