//! A run: one process, one lock, a thread for each sink.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::worker::Worker;
use super::{DeliveryError, NamedSink, Options, Outcome, SinkEnd, SinkOutcome, length, lock, open_state};

/// How often a sink that has everything looks for news.
const GLANCE: Duration = Duration::from_millis(200);
/// How long a sink is left alone whose cursor or log cannot be used.
const BROKEN: Duration = Duration::from_secs(2);

/// Delivers what is new in the log to every sink that wants it. The cursors are below `state`, by log and sink.
pub fn deliver(
    log: &Path,
    state: &Path,
    sinks: &[NamedSink],
    options: &Options,
) -> Result<Outcome, DeliveryError> {
    different_names(sinks)?;
    let folder = open_state(log, state)?;
    let mut outcomes = None;
    loop {
        let Some(lock) = lock(&folder)? else {
            return Ok(outcomes.map_or(Outcome::Busy, Outcome::Done));
        };
        let seen = length(log);
        let run = run_sinks(log, &folder, sinks, options);
        drop(lock);
        // The caller of a process that found the lock taken relies on this one. What was appended while the lock was
        // kept may have been missed by both, so look once more now that it is free.
        let news = length(log) != seen && run.iter().any(|sink| sink.end == SinkEnd::Drained);
        outcomes = Some(merge(outcomes, run));
        if !news {
            return Ok(outcomes.map_or(Outcome::Busy, Outcome::Done));
        }
    }
}

/// Delivers as records come, until `go_on` says no; it is asked several times a second.
pub fn follow(
    log: &Path,
    state: &Path,
    sinks: &[NamedSink],
    options: &Options,
    go_on: &(dyn Fn() -> bool + Sync),
) -> Result<Outcome, DeliveryError> {
    different_names(sinks)?;
    let folder = open_state(log, state)?;
    let Some(_lock) = lock(&folder)? else { return Ok(Outcome::Busy) };
    let run = in_threads(sinks, |sink| {
        let mut worker = Worker::new(log, &folder, sink, options);
        let mut seen = None;
        let mut rest = Duration::ZERO;
        while go_on() {
            let length = length(log);
            if !rest.is_zero() || seen == Some(length) {
                let nap = if rest.is_zero() { GLANCE } else { rest.min(GLANCE) };
                (options.sleep)(nap);
                rest = rest.saturating_sub(nap);
                continue;
            }
            worker.pass(true);
            seen = None;
            match &worker.outcome.end {
                SinkEnd::Drained => seen = Some(length),
                SinkEnd::Failing { until, .. } | SinkEnd::Paused { until } => {
                    let left = (options.now)().duration_until(*until);
                    rest = Duration::try_from(left).unwrap_or_default().max(GLANCE);
                }
                SinkEnd::Broken(_) => rest = BROKEN,
            }
        }
        worker.outcome
    });
    Ok(Outcome::Done(run))
}

fn different_names(sinks: &[NamedSink]) -> Result<(), DeliveryError> {
    let mut names: Vec<_> = sinks.iter().map(|sink| sink.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair.first() == pair.last()) {
        Some([name, _]) => Err(DeliveryError::SameName((*name).to_owned())),
        _ => Ok(()),
    }
}

/// One pass for each sink. A sink that is done goes on with what is appended while others are busy: one that hangs does
/// not keep the news from them.
fn run_sinks(log: &Path, folder: &Path, sinks: &[NamedSink], options: &Options) -> Vec<SinkOutcome> {
    let busy = AtomicUsize::new(sinks.len());
    in_threads(sinks, |sink| {
        let mut worker = Worker::new(log, folder, sink, options);
        let mut seen = length(log);
        let done = Done(&busy);
        worker.pass(options.respect_pauses);
        drop(done);
        while worker.outcome.end == SinkEnd::Drained && busy.load(Ordering::Acquire) > 0 {
            let length = length(log);
            if length == seen {
                (options.sleep)(GLANCE);
                continue;
            }
            seen = length;
            busy.fetch_add(1, Ordering::AcqRel);
            let done = Done(&busy);
            worker.pass(true);
            drop(done);
        }
        worker.outcome
    })
}

/// Counts a thread out of those that are busy, also if it panics.
struct Done<'b>(&'b AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn in_threads(sinks: &[NamedSink], work: impl Fn(&NamedSink) -> SinkOutcome + Sync) -> Vec<SinkOutcome> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = sinks.iter().map(|sink| (sink, scope.spawn(|| work(sink)))).collect();
        workers
            .into_iter()
            .map(|(sink, worker)| {
                worker.join().unwrap_or_else(|_| SinkOutcome {
                    name: sink.name.clone(),
                    delivered: 0,
                    rejected: 0,
                    unreadable: 0,
                    end: SinkEnd::Broken("the delivery itself failed".to_owned()),
                })
            })
            .collect()
    })
}

/// The sum of two runs; how they ended is how the second did.
fn merge(first: Option<Vec<SinkOutcome>>, second: Vec<SinkOutcome>) -> Vec<SinkOutcome> {
    let mut first = first.unwrap_or_default().into_iter();
    second
        .into_iter()
        .map(|mut sink| {
            if let Some(before) = first.next() {
                sink.delivered += before.delivered;
                sink.rejected += before.rejected;
                sink.unreadable += before.unreadable;
            }
            sink
        })
        .collect()
}
