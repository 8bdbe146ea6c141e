//! The door through which native work goes, so that a fork finds nobody inside.
//!
//! A process that is forked has one thread: locks that other threads held stay held for ever. So `os.fork` waits, for a
//! little while, until no thread is inside, and lets nobody in meanwhile. Nothing here is a lock itself.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a fork waits. A Python plugin that hangs must not hold it up for ever.
const LONGEST: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_micros(50);

static INSIDE: AtomicUsize = AtomicUsize::new(0);
static CLOSED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// How deep this thread is inside: a plugin may ask the firewall.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// A thread is inside as long as this lives.
#[derive(Debug)]
pub(crate) struct Inside(());

/// Goes in. The caller does not hold the interpreter: a fork that keeps the door closed does.
pub(crate) fn enter() -> Inside {
    let depth = DEPTH.get();
    if depth == 0 {
        loop {
            while CLOSED.load(Ordering::SeqCst) > 0 {
                std::thread::sleep(PAUSE);
            }
            INSIDE.fetch_add(1, Ordering::SeqCst);
            if CLOSED.load(Ordering::SeqCst) == 0 {
                break;
            }
            INSIDE.fetch_sub(1, Ordering::SeqCst);
        }
    }
    DEPTH.set(depth + 1);
    Inside(())
}

impl Drop for Inside {
    fn drop(&mut self) {
        let depth = DEPTH.get().saturating_sub(1);
        DEPTH.set(depth);
        if depth == 0 {
            INSIDE.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Whether this thread works for one that is inside, which waits for it: then it goes in and out without a question.
pub(crate) fn works_for_one_inside(works: bool) {
    DEPTH.set(usize::from(works));
}

/// Closes the door and waits until nobody is inside. The caller does not hold the interpreter.
pub(crate) fn close() {
    CLOSED.fetch_add(1, Ordering::SeqCst);
    if DEPTH.get() > 0 {
        // A plugin forks. The one it works for waits for it.
        return;
    }
    let deadline = Instant::now() + LONGEST;
    while INSIDE.load(Ordering::SeqCst) > 0 && Instant::now() < deadline {
        std::thread::sleep(PAUSE);
    }
}

/// Opens it again, in the process that forked.
pub(crate) fn open() {
    CLOSED.fetch_sub(1, Ordering::SeqCst);
}

/// Opens it in the forked process, where nobody but the thread that forked is left.
pub(crate) fn open_in_child() {
    CLOSED.store(0, Ordering::SeqCst);
    INSIDE.store(usize::from(DEPTH.get() > 0), Ordering::SeqCst);
}
