//! Checks of the time an item takes: it runs while an agent waits.

use std::time::Duration;

use super::Options;
use super::asking::{Judge, Trouble};
use super::judging::judges;
use super::report::{ItemReport, Outcome, Verdict};
use super::specimen::Specimen;
use super::texts::{Corpus, soup};

/// Milliseconds for each MiB of text above which the author is told.
const SLOW: f64 = 50.0;
/// Milliseconds for each MiB above which the host cannot use it: an agent's hook has seconds, and there are others.
const TOO_SLOW: f64 = 1000.0;
/// How many times as long a build without optimisation may take.
const UNOPTIMISED: f64 = 10.0;
/// Each length of the corpus is sixteen times the one before: eight times more time than that is no longer noise.
const STEEP: u32 = 16 * 8;
/// Below this time growth says nothing: it is the machine's.
const MEASURABLE: Duration = Duration::from_millis(5);
/// The best of so many runs counts.
const RUNS: usize = 3;
/// What takes so long is not repeated: the machine's noise is small beside it.
const LONG: Duration = Duration::from_millis(300);

/// What was measured on texts of one sort.
struct Measured {
    milliseconds_per_mib: f64,
    /// By how many times more text the time grew too much, and by how many times it grew.
    steep: Option<u128>,
    trouble: Option<Trouble>,
}

/// Adds `time` and `linear` to a report; whether time grows with the length of the text and not with its square.
pub(super) fn check(
    report: &mut ItemReport,
    specimen: &Specimen,
    options: &Options,
    corpus: &Corpus,
) -> bool {
    let scale = if cfg!(debug_assertions) { UNOPTIMISED } else { 1.0 };
    let mut steep = None;
    report.check("time", || {
        let judges = match judges(specimen) {
            Ok(judges) => judges,
            Err(trouble) => return Verdict::Fail(trouble.to_string()),
        };
        let item = specimen.item();
        let soups: Vec<String> = corpus.lengths.iter().map(|length| soup(item, *length as usize)).collect();
        let (mut ordinary, mut keywords): (f64, f64) = (0.0, 0.0);
        for judge in &judges {
            for (texts, most) in [(&corpus.ordinary, &mut ordinary), (&soups, &mut keywords)] {
                let measured = measure(judge, texts, TOO_SLOW * scale, options.clock);
                if let Some(trouble) = measured.trouble {
                    return Verdict::Warn(format!("not measured: it {trouble}"));
                }
                *most = most.max(measured.milliseconds_per_mib);
                steep = steep.max(measured.steep);
            }
        }
        let said = format!("{ordinary:.1} ms for each MiB of ordinary text, {keywords:.1} ms of keywords");
        match ordinary.max(keywords) {
            slowest if slowest > TOO_SLOW * scale => {
                Verdict::Fail(format!("{said}: an agent cannot wait for it"))
            }
            slowest if slowest > SLOW * scale => Verdict::Warn(said),
            _ => Verdict::Pass(said),
        }
    });
    let linear = steep.is_none();
    report.add(
        "linear",
        match steep {
            Some(times) => Verdict::Fail(format!("16 times the text takes {times} times as long")),
            None => Verdict::Pass("time grows with the text".to_owned()),
        },
    );
    linear && report.checks.last().is_some_and(|check| check.outcome == Outcome::Pass)
}

/// Measures on longer and longer texts, and stops where it is clear that the next would take too long.
fn measure(judge: &Judge<'_>, texts: &[String], limit: f64, clock: fn() -> Duration) -> Measured {
    let mut measured = Measured { milliseconds_per_mib: 0.0, steep: None, trouble: None };
    let mut before: Option<Duration> = None;
    for text in texts {
        let question = judge.single(text);
        let mut best = Duration::MAX;
        for _ in 0..RUNS {
            let start = clock();
            let answer = judge.answer(&question);
            let took = clock().saturating_sub(start);
            best = best.min(took);
            if let Err(trouble) = answer {
                // An error is an answer too, and as slow as any.
                if !matches!(trouble, Trouble::Error(_)) {
                    measured.trouble = Some(trouble);
                    return measured;
                }
            }
            if took > LONG {
                break;
            }
        }
        let length = f64::from(u32::try_from(text.len().max(1)).unwrap_or(u32::MAX));
        measured.milliseconds_per_mib = best.as_secs_f64() * 1000.0 * f64::from(1 << 20) / length;
        if let Some(before) = before
            && best >= MEASURABLE
            && best > before.saturating_mul(STEEP)
        {
            measured.steep = Some(best.as_nanos() / before.as_nanos().max(1));
            return measured;
        }
        // One that is too slow only for short texts has costs that are not the text's: the next length tells.
        if before.is_some() && measured.milliseconds_per_mib > limit {
            return measured;
        }
        before = Some(best);
    }
    measured
}
