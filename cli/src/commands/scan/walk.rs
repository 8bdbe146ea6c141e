//! Files and folders, in parallel: every file is opened once, looked at, and read in windows.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use ignore::{DirEntry, WalkBuilder, WalkState};

use super::content::{Input, Reader};
use super::found::{ProblemKind, Tally};
use super::progress::Progress;
use super::rules::{IGNORE_FILE, PathRules};
use super::scanner::{ContentError, Window};
use super::{printable, shown};
use crate::failure::{Exit, Failure};

/// What the threads of a walk share.
pub(super) struct Walk<'w> {
    pub reader: &'w Reader<'w>,
    pub rules: &'w PathRules,
    /// Whether files that ignore rules name are left out.
    pub ignoring: bool,
}

/// What a thread of the walk has seen; handed over when the thread ends.
struct Share<'s> {
    tally: Tally,
    window: Window,
    all: &'s Mutex<Tally>,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.absorb(std::mem::take(&mut self.tally));
    }
}

impl Walk<'_> {
    /// Scans everything under the roots. An error is a fault that leaves nothing to report.
    pub(super) fn run(&self, roots: &[PathBuf], progress: &Progress) -> Result<Tally, Failure> {
        for root in roots {
            check_root(root)?;
        }
        let Some((first, rest)) = roots.split_first() else { return Ok(Tally::default()) };
        let all = Mutex::new(Tally::default());
        let broken = Mutex::new(None);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            if progress.is_shown() {
                scope.spawn(|| self.count(first, rest, progress, &stop));
            }
            self.builder(first, rest).build_parallel().run(|| {
                let mut share = Share { tally: Tally::default(), window: Window::new(), all: &all };
                let (broken, stop) = (&broken, &stop);
                Box::new(move |entry| {
                    if stop.load(Ordering::Relaxed) {
                        return WalkState::Quit;
                    }
                    if let Err(message) = self.visit(entry, &mut share, progress) {
                        stop.store(true, Ordering::Relaxed);
                        *broken.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(message);
                    }
                    WalkState::Continue
                })
            });
            stop.store(true, Ordering::Relaxed);
        });
        if let Some(message) = broken.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            return Err(Failure::new(Exit::Internal, message).help("no file was reported clean by this run"));
        }
        Ok(all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn visit(
        &self,
        entry: Result<DirEntry, ignore::Error>,
        share: &mut Share<'_>,
        progress: &Progress,
    ) -> Result<(), String> {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let (path, kind) = blamed(&error);
                share.tally.problem(path, kind, printable(&error.to_string()));
                return Ok(());
            }
        };
        // A root may be a link to a file; what is found in a folder may not, because the file is there itself.
        let named = entry.depth() == 0;
        if !named && !entry.file_type().is_some_and(|kind| kind.is_file()) {
            return Ok(());
        }
        if named && entry.path().is_dir() {
            return Ok(());
        }
        let path = entry.path();
        let wanted = path.strip_prefix("./").unwrap_or(path);
        if !self.rules.wants(wanted) {
            return Ok(());
        }
        progress.step();
        let result = open(path, named).map_err(ContentError::Read).and_then(|(mut file, metadata)| {
            let name = wanted.to_string_lossy();
            let Share { tally, window, .. } = share;
            self.reader.scan(&name, Input::Seekable(&mut file), Some(metadata.len()), window, tally)
        });
        match result {
            Ok(()) => Ok(()),
            Err(ContentError::Read(error)) if !named && error.kind() == io::ErrorKind::NotFound => {
                share.tally.problem(shown(wanted), ProblemKind::Vanished, "it is not there any more");
                Ok(())
            }
            Err(ContentError::Read(error)) => {
                share.tally.problem(shown(wanted), ProblemKind::Unreadable, error.to_string());
                Ok(())
            }
            Err(ContentError::Engine(error)) => Err(format!("{}: {error}", shown(wanted))),
        }
    }

    fn builder(&self, first: &Path, rest: &[PathBuf]) -> WalkBuilder {
        let mut builder = WalkBuilder::new(first);
        for root in rest {
            builder.add(root);
        }
        let on = self.ignoring;
        // A `.gitignore` means the same in an unpacked archive as in a clone.
        builder.hidden(false).parents(on).ignore(on).git_ignore(on).git_global(on).git_exclude(on);
        builder.require_git(false).threads(threads());
        if on {
            builder.add_custom_ignore_filename(IGNORE_FILE);
        }
        let exclude = self.rules.prunes();
        builder.filter_entry(move |entry| {
            let folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            entry.depth() == 0
                || !folder
                || (entry.file_name() != ".git"
                    && !exclude.as_ref().is_some_and(|rules| {
                        let path = entry.path();
                        PathRules::names(rules, path.strip_prefix("./").unwrap_or(path), true)
                    }))
        });
        builder
    }

    /// Counts the files for the progress bar while they are scanned: listing is much quicker than reading.
    fn count(&self, first: &Path, rest: &[PathBuf], progress: &Progress, stop: &AtomicBool) {
        let mut files = 0;
        for entry in self.builder(first, rest).build() {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let file = entry.is_ok_and(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
            files += u64::from(file);
        }
        progress.expect(files);
    }
}

/// How many files are scanned at a time.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What was asked for by name has to be there and readable.
fn check_root(root: &Path) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::io(shown(root), &error);
    let metadata = std::fs::metadata(root).map_err(failed)?;
    if metadata.is_dir() {
        std::fs::read_dir(root).map_err(failed)?;
    } else if metadata.is_file() {
        File::open(root).map_err(failed)?;
    } else {
        return Err(Failure::new(Exit::Io, format!("{}: neither a file nor a folder", shown(root)))
            .help("`agentfirewall scan -` reads standard input"));
    }
    Ok(())
}

/// Opens a regular file and nothing else. Between the listing and the opening a file may have become a pipe, which would
/// keep us waiting, or a link to somewhere else.
fn open(path: &Path, named: bool) -> io::Result<(File, Metadata)> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NONBLOCK | if named { 0 } else { libc::O_NOFOLLOW });
    }
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file any more"));
    }
    Ok((file, metadata))
}

/// The file or folder that an error of the walk is about.
fn blamed(error: &ignore::Error) -> (String, ProblemKind) {
    let kind = match error.io_error().map(io::Error::kind) {
        Some(io::ErrorKind::NotFound) => ProblemKind::Vanished,
        _ => ProblemKind::Unreadable,
    };
    let mut inner = error;
    loop {
        inner = match inner {
            ignore::Error::WithPath { path, .. } => {
                return (shown(path.strip_prefix("./").unwrap_or(path)), kind);
            }
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => err,
            ignore::Error::Loop { child, .. } => return (shown(child), kind),
            _ => return (String::new(), kind),
        };
    }
}

/// Reads standard input as one text or archive.
pub(super) fn stdin(reader: &Reader<'_>) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    let mut stdin = io::stdin().lock();
    match reader.scan("-", Input::Stream(&mut stdin), None, &mut Window::new(), &mut tally) {
        Ok(()) => Ok(tally),
        Err(ContentError::Read(error)) => Err(Failure::io("standard input", &error)),
        Err(ContentError::Engine(error)) => Err(Failure::new(Exit::Internal, error.to_string())),
    }
}
