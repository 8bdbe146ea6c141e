//! What a call of a plugin costs when it is part of the program and when it is in a library: the same source, the same
//! questions. The difference is the border: one indirect call more, and the copies of what crosses.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark: a failure ends it")]

use std::fs::File;

use agentfirewall_core::loader::{LayoutCheck, load};
use agentfirewall_core::registry::Entry;
use agentfirewall_sdk::{Access, Detector, Kind, Matcher, PartKind, Scan, Subject, ToolCall, registrations};
use agentfirewall_tests::fixtures::library;
use divan::{Bencher, black_box};
use serde_json::json;

/// Where the plugin is.
#[derive(Debug, Clone, Copy)]
enum Way {
    Linked,
    Library,
}

const WAYS: [Way; 2] = [Way::Linked, Way::Library];
const FREEZE: &str =
    r#"{"timezone":"UTC","freezes":[{"from":"2026-12-19","to":"2027-01-03"}],"at":"2026-12-24T12:00:00Z"}"#;

fn main() {
    acme_token::link();
    change_freeze::link();
    divan::main();
}

fn linked(kind: Kind, id: &str) -> Entry {
    let mut all = registrations().filter(|plugin| plugin.factory.kind() == kind && plugin.meta.id == id);
    Entry::from(all.next().unwrap())
}

fn detector(way: Way) -> Box<dyn Detector> {
    match way {
        Way::Linked => linked(Kind::Detector, "acme-token").detector("{}").unwrap(),
        Way::Library => {
            let path = library("acme-token");
            let library = load(&File::open(&path).unwrap(), &path, LayoutCheck::Full).unwrap();
            Box::new(library.detector("acme-token", "{}").unwrap())
        }
    }
}

fn matcher(way: Way) -> Box<dyn Matcher> {
    match way {
        Way::Linked => linked(Kind::Matcher, "change-freeze").matcher(FREEZE).unwrap(),
        Way::Library => {
            let path = library("change-freeze");
            let library = load(&File::open(&path).unwrap(), &path, LayoutCheck::Full).unwrap();
            Box::new(library.matcher("change-freeze", FREEZE).unwrap())
        }
    }
}

fn scan(bencher: Bencher<'_, '_>, way: Way, text: &str, found: usize) {
    let detector = detector(way);
    let hits = [text.find("acme_live_").unwrap()];
    let mut findings = Vec::new();
    detector.detect(&mut Scan::new(text, &hits, &mut findings)).unwrap();
    assert_eq!(findings.len(), found);
    bencher.bench_local(|| {
        findings.clear();
        detector.detect(&mut Scan::new(black_box(text), &hits, &mut findings)).unwrap();
    });
}

#[divan::bench(args = WAYS)]
fn detector_finds_nothing(bencher: Bencher<'_, '_>, way: Way) {
    scan(bencher, way, "export ACME_TOKEN=acme_live_is_what_live_tokens_begin_with", 0);
}

#[divan::bench(args = WAYS)]
fn detector_finds_one(bencher: Bencher<'_, '_>, way: Way) {
    let example = linked(Kind::Detector, "acme-token").linked().unwrap().meta.examples.first().unwrap();
    scan(bencher, way, example, 1);
}

#[divan::bench(args = WAYS)]
fn matcher_answers(bencher: Bencher<'_, '_>, way: Way) {
    let matcher = matcher(way);
    let call = ToolCall::new("Bash", json!({"command": "kubectl apply -f x.yaml", "description": "Deploy"}));
    let subject =
        Subject::new(&call, PartKind::Command, "kubectl apply -f x.yaml", Access::Unknown).numbered(1);
    assert!(matcher.matches(&subject).unwrap());
    bencher.bench_local(|| matcher.matches(black_box(&subject)).unwrap());
}
