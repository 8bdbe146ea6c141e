//! Compressed files (RFC 1952), all members of them.

use std::io::{BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::budget::Metered;
use crate::commands::scan::content::{Input, Job, Name};
use crate::commands::scan::scanner::ContentError;

/// How much compressed data is read at a time.
const CHUNK: usize = 32 * 1024;

/// Looks into a compressed file.
pub(in crate::commands::scan) fn gzip(
    job: &mut Job<'_, '_, '_>,
    stream: &mut dyn Read,
) -> Result<(), ContentError> {
    job.budget.open()?;
    let decoder = MultiGzDecoder::new(BufReader::with_capacity(CHUNK, stream));
    let mut plain = Metered::new(decoder, job.budget);
    let path = format!("{}!{}", job.name.path, stem(job.name.path));
    // For people `a.tar.gz` is one archive: its entries stand under its own name.
    let name = Name { path: &path, archive: job.name.path, depth: job.name.depth + 1 };
    job.reader.look(name, Input::Stream(&mut plain), job.budget, job.window, job.tally)
}

/// The name without the folder and `.gz`.
fn stem(path: &str) -> &str {
    let name = path.rsplit(['/', '!']).next().unwrap_or(path);
    name.strip_suffix(".gz").filter(|stem| !stem.is_empty()).unwrap_or(name)
}
