//! How much of an archive is unpacked at most, all its layers together.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Up to here an archive may unpack to any multiple of its size: a small file of zeros is no bomb.
const FREE: u64 = 64 * 1024 * 1024;

/// The bounds of one archive with everything in it.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands::scan) struct Bounds {
    /// Bytes that may be unpacked.
    pub unpacked: u64,
    /// How many times its own size an archive may unpack to. Deflate ends at 1,032; more takes archives in archives.
    pub ratio: u64,
    /// Entries that may be opened.
    pub entries: u32,
    /// Layers of archives and compression.
    pub depth: u32,
    /// Bytes that may be in memory: an archive in an archive, whose directory stands at its end.
    pub memory: usize,
}

impl Bounds {
    /// The bounds with so many bytes to unpack.
    pub fn with_unpacked(bytes: u64) -> Self {
        Self { unpacked: bytes, ratio: 1000, entries: 250_000, depth: 5, memory: 24 * 1024 * 1024 }
    }
}

/// A bound was reached; what lies behind it was not looked at.
#[derive(Debug)]
pub(in crate::commands::scan) struct BoundReached(String);

impl fmt::Display for BoundReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BoundReached {}

fn reached(message: String) -> io::Error {
    io::Error::other(BoundReached(message))
}

/// What is left of the bounds of one archive. It belongs to one thread; every layer of the archive counts in it.
#[derive(Debug)]
pub(in crate::commands::scan) struct Budget<'m> {
    bounds: Bounds,
    /// The archive's own size, where it is known.
    size: Option<u64>,
    unpacked: Cell<u64>,
    entries: Cell<u32>,
    held: Cell<usize>,
    lock: &'m Mutex<()>,
    /// Archives that hold something in memory take turns, so that threads do not multiply it.
    turn: RefCell<Option<MutexGuard<'m, ()>>>,
}

impl<'m> Budget<'m> {
    pub fn new(bounds: &Bounds, size: Option<u64>, lock: &'m Mutex<()>) -> Self {
        Self {
            bounds: *bounds,
            size,
            unpacked: Cell::new(0),
            entries: Cell::new(0),
            held: Cell::new(0),
            lock,
            turn: RefCell::new(None),
        }
    }

    /// Opens one more entry.
    pub fn open(&self) -> io::Result<()> {
        self.entries.set(self.entries.get().saturating_add(1));
        if self.entries.get() > self.bounds.entries {
            return Err(reached(format!("it has more than {} entries", self.bounds.entries)));
        }
        Ok(())
    }

    fn spend(&self, bytes: usize) -> io::Result<()> {
        let unpacked = self.unpacked.get().saturating_add(bytes as u64);
        self.unpacked.set(unpacked);
        if unpacked > self.bounds.unpacked {
            let mebibytes = self.bounds.unpacked / (1024 * 1024);
            return Err(reached(format!("it unpacks to more than {mebibytes} MiB (--max-unpacked)")));
        }
        let most = self.size.map(|size| size.saturating_mul(self.bounds.ratio).max(FREE));
        if most.is_some_and(|most| unpacked > most) {
            return Err(reached(format!("it unpacks to more than {} times its size", self.bounds.ratio)));
        }
        Ok(())
    }

    /// Reads a stream into memory, behind what has been read of it already.
    pub fn hold(&self, mut bytes: Vec<u8>, stream: &mut dyn Read) -> io::Result<Vec<u8>> {
        if self.turn.borrow().is_none() {
            *self.turn.borrow_mut() = Some(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
        }
        let free = self.bounds.memory.saturating_sub(self.held.get());
        let room = (free + 1).saturating_sub(bytes.len());
        let read = stream.take(room as u64).read_to_end(&mut bytes);
        let result = read.and_then(|_| {
            if bytes.len() > free {
                let mebibytes = self.bounds.memory / (1024 * 1024);
                return Err(reached(format!("an archive inside it is larger than {mebibytes} MiB")));
            }
            self.held.set(self.held.get() + bytes.len());
            Ok(bytes)
        });
        if result.is_err() {
            self.release(0);
        }
        result
    }

    /// Gives memory back.
    pub fn release(&self, bytes: usize) {
        self.held.set(self.held.get().saturating_sub(bytes));
        if self.held.get() == 0 {
            *self.turn.borrow_mut() = None;
        }
    }
}

/// Counts what comes out of a decoder, and ends with an error where the budget does.
pub(super) struct Metered<'b, 'm, R> {
    stream: R,
    budget: &'b Budget<'m>,
}

impl<'b, 'm, R: Read> Metered<'b, 'm, R> {
    pub fn new(stream: R, budget: &'b Budget<'m>) -> Self {
        Self { stream, budget }
    }
}

impl<R: Read> Read for Metered<'_, '_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(into)?;
        self.budget.spend(read)?;
        Ok(read)
    }
}
