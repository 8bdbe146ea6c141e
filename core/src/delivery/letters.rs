//! The dead letters of a sink: what it refused for good, one JSON object a line, until somebody asks for another try.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::cursor::file_of;
use super::private;

/// One refused event.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DeadLetter<'a> {
    pub(super) timestamp: String,
    pub(super) sink: &'a str,
    pub(super) reason: &'a str,
    #[serde(borrow)]
    pub(super) record: &'a RawValue,
}

/// The file they are in.
pub(super) fn file(folder: &Path, sink: &str) -> PathBuf {
    file_of(folder, sink, "dead.jsonl")
}

/// The file of those that are being tried again. One that is found was left behind by a process that ended.
pub(super) fn taken(folder: &Path, sink: &str) -> PathBuf {
    file_of(folder, sink, "retrying.jsonl")
}

/// Keeps one line, on the disk before anything else goes on.
pub(super) fn keep(file: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = private(OpenOptions::new().append(true).create(true)).open(file)?;
    let length = file.metadata()?.len();
    let mut bytes = line.to_vec();
    bytes.push(b'\n');
    file.write_all(&bytes).inspect_err(|_| {
        // Half a letter would damage the next one.
        let _torn = file.set_len(length);
    })?;
    file.sync_data()
}

/// How many there are, those included that are being tried again.
pub(super) fn count(folder: &Path, sink: &str) -> u64 {
    [file(folder, sink), taken(folder, sink)].iter().map(|file| lines(file).len() as u64).sum()
}

/// The lines of a file; none if there is no file.
pub(super) fn lines(file: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(file).unwrap_or_default();
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}
