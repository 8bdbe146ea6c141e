//! `--git`: every commit's added lines, a process of git for each core.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdout, Stdio};
use std::sync::{Mutex, PoisonError};

use super::command::{PATCH, check, git, line, refusal, spawn};
use super::diff::{FORMAT, Patches};
use crate::args::ScanArgs;
use crate::commands::audit::time;
use crate::commands::scan::found::{Located, Tally};
use crate::commands::scan::progress::Progress;
use crate::commands::scan::scanner::{ContentError, Window};
use crate::commands::scan::walk::threads;
use crate::failure::{Exit, Failure};

/// How many commits a process of git gets at a time: few at first, so that every core has some.
const FIRST: usize = 16;
/// At most: their hashes fit into a pipe at once.
const MOST: usize = 512;
const BUFFER: usize = 256 * 1024;

/// Scans the history of a repository.
pub(in crate::commands::scan) fn history(
    folder: &Path,
    args: &ScanArgs,
    patches: &Patches<'_, '_>,
    progress: &Progress,
) -> Result<Tally, Failure> {
    check(folder)?;
    let range = range(folder, args)?;
    if progress.is_shown()
        && let Some(count) = line(git(folder).args(["rev-list", "--count"]).args(&range))?
        && let Ok(count) = count.parse()
    {
        progress.expect(count);
    }
    let mut list = spawn(git(folder).arg("rev-list").args(&range).stdout(Stdio::piped()))?;
    let Some(hashes) = list.stdout.take() else { return Ok(Tally::default()) };
    let queue = Mutex::new(Queue { hashes: BufReader::new(hashes), size: FIRST, taken: 0 });
    let all = Mutex::new(Ok((Tally::default(), HashMap::new())));
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                let result = work(folder, &queue, patches, progress);
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                match (&mut *all, result) {
                    (Ok((all, order)), Ok((tally, more))) => {
                        all.absorb(tally);
                        order.extend(more);
                    }
                    (Ok(_), Err(failure)) => *all = Err(failure),
                    (Err(_), _) => {}
                }
            });
        }
    });
    drop(queue);
    let output = list.wait_with_output().map_err(|error| Failure::io("git", &error))?;
    let (mut tally, order) = all.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    if !output.status.success() {
        return Err(refusal(&output));
    }
    tally.findings = once(tally.findings, &order);
    Ok(tally)
}

/// The commits that are still to be looked at.
struct Queue {
    hashes: BufReader<ChildStdout>,
    size: usize,
    taken: usize,
}

/// Where a commit stands in git's list, which begins with the newest. Only commits with findings are here.
type Order = HashMap<String, usize>;

impl Queue {
    /// The next commits, a line each, and the place of the first.
    fn take(&mut self) -> std::io::Result<(String, usize)> {
        let mut batch = String::new();
        let first = self.taken;
        for _ in 0..self.size {
            if self.hashes.read_line(&mut batch)? == 0 {
                break;
            }
            self.taken += 1;
        }
        self.size = (self.size * 2).min(MOST);
        Ok((batch, first))
    }
}

fn work(
    folder: &Path,
    queue: &Mutex<Queue>,
    patches: &Patches<'_, '_>,
    progress: &Progress,
) -> Result<(Tally, Order), Failure> {
    let failed = |error: std::io::Error| Failure::io("git", &error);
    let mut tally = Tally::default();
    let mut window = Window::new();
    let mut order = Order::new();
    loop {
        let (batch, first) = queue.lock().unwrap_or_else(PoisonError::into_inner).take().map_err(failed)?;
        if batch.is_empty() {
            return Ok((tally, order));
        }
        let before = tally.findings.len();
        let mut command = git(folder);
        // `-c`: of a merge, the lines that come from none of its parents.
        command.args(["diff-tree", "--stdin", "--root", "-c", "--encoding=UTF-8", FORMAT]).args(PATCH);
        let mut child = spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let complaints = child.stderr.take().map(|mut stream| {
            std::thread::spawn(move || {
                let mut text = Vec::new();
                let _partial = stream.by_ref().take(4096).read_to_end(&mut text);
                // Whoever cannot say more must not wait for us.
                let _rest = std::io::copy(&mut stream, &mut std::io::sink());
                text
            })
        });
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(batch.as_bytes()).map_err(failed)?;
        }
        let Some(stdout) = child.stdout.take() else { continue };
        let mut stream = BufReader::with_capacity(BUFFER, stdout);
        let result = patches.read(&mut stream, &mut window, &mut tally, &mut || progress.step());
        drop(stream);
        let mut output = child.wait_with_output().map_err(failed)?;
        result.map_err(|error| fault(&error))?;
        for located in tally.findings.get(before..).unwrap_or_default() {
            let place = batch.lines().position(|hash| hash == located.commit()).unwrap_or(0);
            order.entry(located.commit().to_owned()).or_insert(first + place);
        }
        if !output.status.success() {
            output.stderr = complaints.and_then(|reader| reader.join().ok()).unwrap_or_default();
            return Err(refusal(&output).help("no part of the history was reported clean by this run"));
        }
    }
}

/// Why a patch was not read to its end.
pub(super) fn fault(error: &ContentError) -> Failure {
    match error {
        ContentError::Read(error) => Failure::io("git", error),
        ContentError::Engine(error) => Failure::new(Exit::Internal, error.to_string()),
    }
}

/// What is asked of `git rev-list`. Names are resolved first: nothing that was typed reaches it as it is.
fn range(folder: &Path, args: &ScanArgs) -> Result<Vec<String>, Failure> {
    let resolve = |name: &str| {
        let revision = format!("{name}^{{commit}}");
        line(git(folder).args(["rev-parse", "--verify", "--quiet", "--end-of-options", &revision]))
    };
    let mut range = Vec::new();
    match &args.branch {
        None => range.push("--all".to_owned()),
        Some(branch) => range.push(resolve(branch)?.ok_or_else(|| {
            Failure::new(Exit::Usage, format!("--branch: the repository has no `{branch}`"))
        })?),
    }
    if let Some(since) = &args.since {
        if let Some(commit) = resolve(since)? {
            range.push(format!("^{commit}"));
        } else {
            let time = time::parse(since, jiff::Timestamp::now()).map_err(|error| {
                Failure::new(Exit::Usage, format!("--since: the repository has no such commit, and {error}"))
            })?;
            range.push(format!("--max-age={}", time.as_second()));
        }
    }
    Ok(range)
}

/// Each secret once a file: as the oldest commit brought it in.
fn once(mut findings: Vec<Located>, order: &Order) -> Vec<Located> {
    let date = |located: &Located| {
        let commit = located.found.commit.as_ref();
        commit.and_then(|commit| commit.date.parse::<jiff::Timestamp>().ok()).unwrap_or(jiff::Timestamp::MAX)
    };
    findings.sort_by_cached_key(|located| {
        (date(located), std::cmp::Reverse(order.get(located.commit()).copied()), located.found.line)
    });
    let mut seen = HashSet::new();
    findings.retain(|located| {
        let key = (located.path.clone(), located.found.detector.clone(), located.found.fingerprint.clone());
        seen.insert(key)
    });
    findings
}
