//! Stands by while code of installed libraries runs.
//!
//! Before the first library is loaded the process forks. The child loads, judges and sends its result back; the parent
//! waits. Whatever the library does to the child (abort, invalid memory, a stack overflow on any thread, `exit(0)`, an
//! endless loop, closed or scribbled descriptors), the parent is untouched: it knows from shared memory whose code was
//! running, and goes on without that library, which by default means to deny.
//!
//! Fork and load take about a millisecond, and only calls that need a library pay it. Handlers for signals in one
//! process would cost less and miss what does not raise one.
#![expect(unsafe_code, reason = "fork, shared memory and the end of a process have no safe interface")]

use std::io::{Read, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use agentfirewall_core::guard::Guard;
use agentfirewall_sdk::PluginError;

use crate::host;

/// A library whose code ended its process, or had to be ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Death {
    /// Its name.
    pub plugin: String,
    /// How, as what follows "the plugin".
    pub how: String,
}

impl std::fmt::Display for Death {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "plugin `{}` {}", self.plugin, self.how)
    }
}

/// How the work is watched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch {
    /// How long one call of a library may take. Wall time: a library that waits is as stuck as one that loops.
    pub call: Duration,
    /// How long all the work may take, if it must not take for ever.
    pub total: Option<Duration>,
    /// Whether what a library prints is thrown away: on the hook's path it would spoil the answer, or hold a secret.
    pub silent: bool,
}

/// What the parent does when the child has ended: with the child's result, or with what killed it. Returns the
/// process's exit code.
pub(crate) type OnEnd = Box<dyn Fn(Result<Vec<u8>, Death>) -> u8 + Send + Sync>;

/// The guard of a process that may load libraries.
pub(crate) struct Supervisor {
    /// The libraries' names; their numbers count from 1.
    names: Vec<&'static str>,
    /// Libraries that have already taken a child with them: they are not loaded again.
    dead: Vec<Death>,
    watch: Watch,
    on_end: OnEnd,
}

impl std::fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Supervisor").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Supervisor {
    /// A supervisor for the libraries with these names, in the order of their numbers.
    pub(crate) fn new(names: Vec<&'static str>, dead: Vec<Death>, watch: Watch, on_end: OnEnd) -> Self {
        Self { names, dead, watch, on_end }
    }
}

impl Guard for Supervisor {
    fn before_load(&self, number: u32, plugin: &str) -> Result<(), PluginError> {
        if !host::is_this() {
            return Err(PluginError::new(host::missing(&std::io::ErrorKind::NotFound.into())));
        }
        if let Some(death) = self.dead.iter().find(|death| death.plugin == plugin) {
            return Err(PluginError::new(death.how.clone()));
        }
        if CHILD.get().is_some() {
            return Ok(());
        }
        let cannot = |error: std::io::Error| {
            PluginError::new(format!("cannot be loaded: no process can be made for it: {error}"))
        };
        match split(number, self.watch).map_err(cannot)? {
            Side::Child => Ok(()),
            Side::Parent(child) => {
                let code = (self.on_end)(child.wait(self.watch, &self.names));
                end(code)
            }
        }
    }

    fn enter(&self, number: u32) {
        if let Some(child) = CHILD.get() {
            child.board.enter(number);
        }
    }

    fn leave(&self) {
        if let Some(child) = CHILD.get() {
            child.board.leave();
            // A library that closed what is not its own must not have the call recorded by somebody who cannot answer.
            if !is_open(&child.pipe) {
                end(CUT_OFF);
            }
        }
    }
}

/// Sends the result if this is a child, and then does not return: the library's own destructors are none of our
/// business.
pub(crate) fn send_if_child(result: impl FnOnce() -> Vec<u8>) {
    let Some(child) = CHILD.get() else { return };
    let bytes = result();
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes();
    let mut pipe = &child.pipe;
    // A parent that is gone has nobody to answer to.
    let _closed = pipe.write_all(&length).and_then(|()| pipe.write_all(&bytes));
    end(0)
}

/// The exit code of a child whose way to its parent was closed; no other code of the program.
const CUT_OFF: u8 = 113;

/// Set in a child.
static CHILD: OnceLock<InChild> = OnceLock::new();

struct InChild {
    pipe: std::io::PipeWriter,
    board: &'static Board,
}

/// Which library runs on which thread: in memory that both processes see.
#[repr(C)]
struct Board {
    /// The library that was entered last.
    last: AtomicU32,
    /// The next free slot.
    slots: AtomicU32,
    threads: [Slot; THREADS],
}

/// More threads than this share the last slot; then a slow one may hide another.
const THREADS: usize = 64;

#[repr(C)]
struct Slot {
    /// The library that runs, 0 for none.
    running: AtomicU32,
    /// How often one was entered: a call that lasts is one that does not change it.
    entered: AtomicU64,
}

impl Board {
    fn slot(&self) -> Option<&Slot> {
        thread_local!(static MINE: AtomicU32 = const { AtomicU32::new(u32::MAX) });
        let mine = MINE.with(|mine| {
            let known = mine.load(Ordering::Relaxed);
            if known != u32::MAX {
                return known;
            }
            let new = self.slots.fetch_add(1, Ordering::Relaxed);
            mine.store(new, Ordering::Relaxed);
            new
        });
        let at = usize::try_from(mine).unwrap_or(THREADS).min(THREADS - 1);
        self.threads.get(at)
    }

    fn enter(&self, number: u32) {
        self.last.store(number, Ordering::Relaxed);
        if let Some(slot) = self.slot() {
            slot.entered.fetch_add(1, Ordering::Relaxed);
            slot.running.store(number, Ordering::Release);
        }
    }

    fn leave(&self) {
        if let Some(slot) = self.slot() {
            slot.running.store(0, Ordering::Release);
        }
    }

    /// The library to blame: one that runs, else the one that ran last.
    fn culprit(&self) -> u32 {
        let running =
            self.threads.iter().map(|slot| slot.running.load(Ordering::Acquire)).find(|number| *number != 0);
        running.unwrap_or_else(|| self.last.load(Ordering::Relaxed))
    }

    /// What runs on each thread, and since which entry.
    fn running(&self) -> [(u32, u64); THREADS] {
        std::array::from_fn(|at| {
            self.threads.get(at).map_or((0, 0), |slot| {
                (slot.running.load(Ordering::Acquire), slot.entered.load(Ordering::Relaxed))
            })
        })
    }
}

enum Side {
    Child,
    Parent(Child),
}

/// A child as its parent knows it.
struct Child {
    id: i32,
    pipe: std::io::PipeReader,
    board: &'static Board,
}

/// What cut a child off, as what follows the plugin's name.
const CLOSED: &str = "closed descriptors that are not its own";

/// How a child ended without sending anything, as what follows the plugin's name.
fn how_it_ended(status: i32) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        let status = std::process::ExitStatus::from_raw(status);
        if let Some(signal) = status.signal() {
            let what = match signal {
                libc::SIGSEGV => "SIGSEGV: invalid memory or a stack overflow",
                libc::SIGBUS => "SIGBUS: its file may have been cut off",
                libc::SIGABRT => "SIGABRT: it aborted",
                libc::SIGILL => "SIGILL: an invalid instruction",
                libc::SIGFPE => "SIGFPE: a division by zero",
                libc::SIGKILL => "SIGKILL: it was killed, perhaps for want of memory",
                _ => return format!("crashed (signal {signal})"),
            };
            return format!("crashed ({what})");
        }
        if status.code() == Some(i32::from(CUT_OFF)) {
            return CLOSED.to_owned();
        }
        if let Some(code) = status.code() {
            return format!("ended the process (exit code {code}) instead of returning");
        }
    }
    format!("ended the process (status {status})")
}

impl Child {
    /// The child's result, or what became of it.
    fn wait(mut self, watch: Watch, names: &[&str]) -> Result<Vec<u8>, Death> {
        let result = self.receive(watch);
        let culprit = self.board.culprit();
        let ended = if matches!(result, Err(Stuck::Gone)) { ended(self.id) } else { None };
        if ended.is_none() {
            // It has sent its result or never will; its threads and destructors are not waited for.
            kill(self.id);
            reap(self.id);
        }
        let how = match (result, ended) {
            (Ok(bytes), _) => return Ok(bytes),
            (Err(Stuck::Hung), _) => format!("did not return within {} s", watch.call.as_secs()),
            (Err(Stuck::Late), _) => "kept the firewall from finishing in time".to_owned(),
            (Err(Stuck::Gone), Some(status)) => how_it_ended(status),
            (Err(Stuck::Gone), None) => CLOSED.to_owned(),
        };
        let at = usize::try_from(culprit).unwrap_or_default().checked_sub(1);
        let plugin =
            at.and_then(|at| names.get(at)).map_or_else(|| "unknown".to_owned(), |name| (*name).to_owned());
        Err(Death { plugin, how })
    }

    fn receive(&mut self, watch: Watch) -> Result<Vec<u8>, Stuck> {
        let mut length = [0; 8];
        let begun = Instant::now();
        self.fill(&mut length, watch, begun)?;
        let length = usize::try_from(u64::from_le_bytes(length)).map_err(|_| Stuck::Gone)?;
        let mut bytes = Vec::new();
        let mut chunk = [0; 8 * 1024];
        while bytes.len() < length {
            let wanted = (length - bytes.len()).min(chunk.len());
            let part = chunk.get_mut(..wanted).ok_or(Stuck::Gone)?;
            self.fill(part, watch, begun)?;
            bytes.extend_from_slice(part);
        }
        Ok(bytes)
    }

    /// Reads exactly as many bytes, as long as no call of a library lasts too long.
    fn fill(&mut self, mut buffer: &mut [u8], watch: Watch, begun: Instant) -> Result<(), Stuck> {
        let mut seen = [(0, 0); THREADS];
        let mut since = [Instant::now(); THREADS];
        while !buffer.is_empty() {
            if !readable(&self.pipe, Duration::from_millis(100)) {
                let now = Instant::now();
                for ((seen, since), running) in seen.iter_mut().zip(&mut since).zip(self.board.running()) {
                    if *seen != running || running.0 == 0 {
                        *seen = running;
                        *since = now;
                    } else if now.duration_since(*since) >= watch.call {
                        return Err(Stuck::Hung);
                    }
                }
                if watch.total.is_some_and(|total| now.duration_since(begun) >= total) {
                    return Err(Stuck::Late);
                }
                continue;
            }
            let read = match self.pipe.read(buffer) {
                Ok(0) => return Err(Stuck::Gone),
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => return Err(Stuck::Gone),
            };
            buffer = buffer.get_mut(read..).ok_or(Stuck::Gone)?;
        }
        Ok(())
    }
}

enum Stuck {
    /// A call of a library does not return.
    Hung,
    /// All of it takes too long.
    Late,
    /// The child is gone.
    Gone,
}

#[cfg(unix)]
fn split(number: u32, watch: Watch) -> std::io::Result<Side> {
    if !alone() {
        return Err(std::io::Error::other("this process has more than one thread already"));
    }
    let board = shared_board()?;
    board.last.store(number, Ordering::Relaxed);
    let (reader, writer) = std::io::pipe()?;
    // SAFETY: there is one thread, so no lock is held by another that does not exist in the child.
    match unsafe { libc::fork() } {
        -1 => Err(std::io::Error::last_os_error()),
        0 => {
            drop(reader);
            become_child(watch);
            // The static is empty: a child does not fork again.
            let _first = CHILD.set(InChild { pipe: writer, board });
            Ok(Side::Child)
        }
        id => Ok(Side::Parent(Child { id, pipe: reader, board })),
    }
}

#[cfg(not(unix))]
fn split(_number: u32, _watch: Watch) -> std::io::Result<Side> {
    Err(std::io::Error::other("this system has no way to guard the firewall against a crashing plugin"))
}

/// Whether this is the process's only thread.
#[cfg(target_os = "linux")]
fn alone() -> bool {
    std::fs::read_dir("/proc/self/task").map_or(true, |tasks| tasks.count() == 1)
}

#[cfg(all(unix, not(target_os = "linux")))]
const fn alone() -> bool {
    // Not known here; the callers load before they start threads.
    true
}

#[cfg(unix)]
fn shared_board() -> std::io::Result<&'static Board> {
    // SAFETY: an anonymous mapping touches nothing that exists. It is zeroed, which is a valid `Board`, aligned to a
    // page, and never unmapped.
    unsafe {
        let at = libc::mmap(
            std::ptr::null_mut(),
            size_of::<Board>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANON,
            -1,
            0,
        );
        if at == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        Ok(&*at.cast::<Board>())
    }
}

/// Makes the child one that cannot outlive its parent, leaves no copy of its memory behind, and says nothing.
#[cfg(unix)]
fn become_child(watch: Watch) {
    let nothing = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: plain values and a string that ends in NUL. What fails here makes the child no less guarded.
    unsafe {
        #[cfg(target_os = "linux")]
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::setrlimit(libc::RLIMIT_CORE, &raw const nothing);
        if watch.silent {
            let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
            for descriptor in 0..=2 {
                libc::dup2(null, descriptor);
            }
        }
    }
}

#[cfg(unix)]
fn is_open(pipe: &std::io::PipeWriter) -> bool {
    use std::os::fd::AsRawFd;
    // SAFETY: plain values.
    unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_GETFD) != -1 }
}

#[cfg(not(unix))]
fn is_open(_pipe: &std::io::PipeWriter) -> bool {
    true
}

#[cfg(unix)]
fn readable(pipe: &std::io::PipeReader, within: Duration) -> bool {
    use std::os::fd::AsRawFd;
    let mut wanted = libc::pollfd { fd: pipe.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let milliseconds = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: one structure, which lives as long as the call.
    unsafe { libc::poll(&raw mut wanted, 1, milliseconds) > 0 }
}

#[cfg(not(unix))]
fn readable(_pipe: &std::io::PipeReader, _within: Duration) -> bool {
    true
}

#[cfg(unix)]
fn kill(id: i32) {
    // SAFETY: plain values; the child is not reaped yet, so the number is its own.
    unsafe { libc::kill(id, libc::SIGKILL) };
}

#[cfg(not(unix))]
fn kill(_id: i32) {}

/// How a child ended whose pipe is closed; `None` if it lives and has only cut itself off. It is stopped on the spot, so
/// that it does nothing more that nobody hears of: an ending process does not notice.
#[cfg(unix)]
fn ended(id: i32) -> Option<i32> {
    // SAFETY: plain values; the child is not reaped yet, so the number is its own.
    unsafe { libc::kill(id, libc::SIGSTOP) };
    let status = wait_for(id, libc::WUNTRACED);
    (!libc::WIFSTOPPED(status)).then_some(status)
}

#[cfg(not(unix))]
fn ended(_id: i32) -> Option<i32> {
    None
}

#[cfg(unix)]
fn reap(id: i32) {
    wait_for(id, 0);
}

#[cfg(unix)]
fn wait_for(id: i32, options: i32) -> i32 {
    let mut status = 0;
    loop {
        // SAFETY: a place for one number.
        let waited = unsafe { libc::waitpid(id, &raw mut status, options) };
        if waited != -1 || std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            return status;
        }
    }
}

#[cfg(not(unix))]
fn reap(_id: i32) {}

/// Takes standard output away from everybody else in this process: what a library prints goes to standard error.
pub(crate) fn own_stdout() -> std::io::Result<std::fs::File> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        let mine = std::io::stdout().as_fd().try_clone_to_owned()?;
        // SAFETY: plain values; both descriptors are open.
        if unsafe { libc::dup2(2, 1) } == -1 {
            return Err(std::io::Error::last_os_error());
        }
        Ok(mine.into())
    }
    #[cfg(not(unix))]
    Err(std::io::Error::other("this system has no way to guard the firewall against a crashing plugin"))
}

/// Ends the process here and now, without what others have registered for its end.
pub(crate) fn end(code: u8) -> ! {
    #[cfg(unix)]
    // SAFETY: does not return.
    unsafe {
        libc::_exit(i32::from(code))
    }
    #[cfg(not(unix))]
    std::process::abort()
}
