//! The readers of files and archives, for the fuzz targets.

use std::io::Cursor;
use std::sync::Mutex;

use agentfirewall_core::secrets::{Engine, Salt};
use agentfirewall_sdk::{Confidence, Severity};

use super::archive::Bounds;
use super::content::{Input, Reader};
use super::found::Tally;
use super::rules::PathRules;
use super::scanner::{Scanner, Window};

/// Reads bytes as a file and as a stream, whatever they are. Small bounds, so that it ends soon.
pub(crate) fn read(data: &[u8]) {
    let Ok(engine) = Engine::from_entries(agentfirewall_sdk::registrations(), &[]) else { return };
    let Ok(rules) = PathRules::new(&[], &[]) else { return };
    let scanner = Scanner {
        engine: &engine,
        salt: Salt::random(),
        least: Confidence::Low,
        least_severe: Severity::Info,
        inline: true,
        baseline: None,
    };
    let bounds = Bounds { memory: 256 * 1024, ..Bounds::with_unpacked(1024 * 1024) };
    let reader = Reader { scanner: &scanner, rules: &rules, archives: true, bounds, memory: Mutex::new(()) };
    let mut window = Window::new();
    let mut tally = Tally::default();
    let mut file = Cursor::new(data);
    let size = Some(data.len() as u64);
    let _answer = reader.scan("a", Input::Seekable(&mut file), size, &mut window, &mut tally);
    let mut stream = data;
    let _answer = reader.scan("a", Input::Stream(&mut stream), None, &mut window, &mut tally);
}
