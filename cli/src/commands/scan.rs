//! `agentfirewall scan`: secrets in files, history and configuration, for people and for continuous integration.

mod allow;
mod archive;
mod baseline;
mod config;
mod content;
pub(crate) mod detection;
mod encoding;
mod format;
mod found;
pub(crate) mod fuzzing;
mod git;
mod progress;
mod rules;
mod scanner;
mod walk;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use agentfirewall_core::policy::Layer;
use agentfirewall_core::registry::{Entry, Registry};
use agentfirewall_core::secrets::{DetectorSetting, Engine, Salt};
use agentfirewall_sdk::{Confidence, Kind, Severity};

use self::archive::Bounds;
use self::baseline::Baseline;
use self::content::Reader;
use self::format::Rule;
use self::found::{Located, ProblemKind, Report, Tally};
use self::git::Patches;
use self::progress::Progress;
use self::rules::PathRules;
use self::scanner::Scanner;
use self::walk::Walk;
use crate::args::{FailOn, Format, MinConfidence, MinSeverity, ScanArgs};
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// So many problems are told one by one on standard error; the formats for programs have all of them.
const TOLD: usize = 20;

pub(crate) fn run(args: ScanArgs, ui: &Ui) -> Result<Exit, Failure> {
    let internal = |message: String| Failure::new(Exit::Internal, message);
    let places = super::places()?;
    let registry = composition::with_plugins(&places, &args.plugin)?;
    let compiled = composition::policy(args.policy.as_deref(), &places, &registry)?;
    let layers = compiled.layers().map_err(|error| composition::invalid_policy(&error))?;
    let registry = detection::with_rules(registry, &layers, &args.rules, ui)?;
    let settings = settings(&layers, &registry, &args.plugin);
    let engine = Engine::new(&registry, &settings).map_err(|error| internal(error.to_string()))?;
    // Libraries are loaded before the walk has threads, while a process can still be made for them.
    engine.load_libraries().map_err(|error| Failure::new(Exit::Data, error.to_string()))?;
    let rules = PathRules::new(&args.include, &[args.exclude.as_slice(), &own(&args)].concat())?;
    let scanner = Scanner {
        engine: &engine,
        salt: Salt::load_or_create(&places.state),
        least: least_confidence(args.confidence),
        least_severe: least_severity(args.severity),
        inline: !args.no_inline_ignore,
        baseline: baseline(&args)?,
    };
    let reader = Reader {
        scanner: &scanner,
        rules: &rules,
        archives: !args.no_archives,
        bounds: Bounds::with_unpacked(args.max_unpacked.saturating_mul(1024 * 1024)),
        memory: Mutex::new(()),
    };
    let mut tally = if args.mcp {
        config::audit(&args.paths, &places.home, &scanner).map_err(|error| internal(error.to_string()))?
    } else {
        look(&args, &reader, &rules, ui)?
    };
    let (baselined, stale) = compare(&args, &scanner, &mut tally, ui)?;
    let report = Report::new(tally, baselined, stale);
    tell_problems(&report, ui);
    let exit = exit(&report, args.fail_on);
    let descriptions = if args.mcp { config::rules() } else { describe(&registry, &report) };
    write(&args, &report, &descriptions, ui)?;
    Ok(exit)
}

/// Looks at what the command line names.
fn look(args: &ScanArgs, reader: &Reader<'_>, rules: &PathRules, ui: &Ui) -> Result<Tally, Failure> {
    if args.staged || args.git {
        return repository(args, reader, ui);
    }
    let (piped, mut roots): (Vec<PathBuf>, Vec<PathBuf>) =
        args.paths.iter().cloned().partition(|path| path.as_os_str() == "-");
    let mut tally = Tally::default();
    if !piped.is_empty() {
        tally.absorb(walk::stdin(reader)?);
    } else if roots.is_empty() {
        roots.push(PathBuf::from("."));
    }
    let progress = Progress::new(ui, "files");
    let walked = Walk { reader, rules, ignoring: !args.no_ignore }.run(&roots, &progress);
    progress.end();
    tally.absorb(walked?);
    Ok(tally)
}

/// Looks at a repository's history, or at what is to be committed.
fn repository(args: &ScanArgs, reader: &Reader<'_>, ui: &Ui) -> Result<Tally, Failure> {
    let folder = match args.paths.as_slice() {
        [] => Path::new("."),
        [only] => only.as_path(),
        _ => return Err(Failure::new(Exit::Usage, "`--git` and `--staged` take one repository")),
    };
    let rules = PathRules::new(&args.include, &args.exclude)?;
    let rules =
        if args.no_ignore { rules } else { rules.with_ignore_file(&git::top(folder)?, &args.exclude)? };
    let patches = Patches { scanner: reader.scanner, rules: &rules };
    if args.staged {
        return git::staged(folder, &patches);
    }
    let progress = Progress::new(ui, "commits");
    let tally = git::history(folder, args, &patches, &progress);
    progress.end();
    tally
}

/// The baseline as a pattern: it is full of what looks like secrets to some detector, and holds none.
fn own(args: &ScanArgs) -> Vec<String> {
    let path = args.baseline.as_deref().filter(|path| path.is_relative()).and_then(Path::to_str);
    let plain = path.filter(|path| !path.contains(['*', '?', '[', ']', '{', '}', '\\', '!', '#']));
    plain.map(|path| format!("/{}", path.trim_start_matches("./"))).into_iter().collect()
}

/// Reads the baseline, if there is to be one.
fn baseline(args: &ScanArgs) -> Result<Option<Baseline>, Failure> {
    let Some(path) = &args.baseline else { return Ok(None) };
    let baseline = Baseline::load(path, args.update_baseline).map_err(|message| {
        let failure = Failure::new(Exit::Data, format!("the baseline {}: {message}", shown(path)));
        failure.help("`--update-baseline` writes one with what is found now")
    })?;
    Ok(Some(baseline))
}

/// Takes known findings out, or writes what is found to the baseline. Gives the known ones and the number of stale entries.
fn compare(
    args: &ScanArgs,
    scanner: &Scanner<'_>,
    tally: &mut Tally,
    ui: &Ui,
) -> Result<(Vec<Located>, usize), Failure> {
    let (Some(path), Some(baseline)) = (&args.baseline, &scanner.baseline) else {
        return Ok((Vec::new(), 0));
    };
    let covered = |name: &str| covers(args, name);
    let findings = std::mem::take(&mut tally.findings);
    if args.update_baseline {
        let count = baseline
            .write(path, &findings, &covered)
            .map_err(|error| Failure::io(format!("the baseline {}", shown(path)), &error))?;
        ui.note(format!("{} has {count} findings now", shown(path)));
        return Ok((findings, 0));
    }
    let (new, known, stale) = baseline.split(findings, &covered);
    tally.findings = new;
    Ok((known, stale))
}

/// Whether this run would have found what stands in a file: only then is an entry that was not found stale.
fn covers(args: &ScanArgs, name: &str) -> bool {
    if args.staged || args.since.is_some() || args.branch.is_some() {
        return false;
    }
    if args.git || args.paths.is_empty() {
        return true;
    }
    args.paths.iter().any(|root| {
        let root = root.strip_prefix("./").unwrap_or(root);
        root.as_os_str() == "." || root.as_os_str().is_empty() || Path::new(name).starts_with(root)
    })
}

/// The exit code: findings first, then what could not be looked at.
fn exit(report: &Report, fail_on: FailOn) -> Exit {
    let least = match fail_on {
        FailOn::None => None,
        FailOn::Info => Some(Severity::Info),
        FailOn::Low => Some(Severity::Low),
        FailOn::Medium => Some(Severity::Medium),
        FailOn::High => Some(Severity::High),
        FailOn::Critical => Some(Severity::Critical),
    };
    let grave = |located: &Located| least.is_some_and(|least| located.found.severity >= least);
    if report.findings.iter().any(grave) {
        Exit::Findings
    } else if report.problems.iter().any(|problem| problem.kind.is_incomplete()) {
        Exit::Io
    } else {
        Exit::Success
    }
}

fn tell_problems(report: &Report, ui: &Ui) {
    for problem in report.problems.iter().take(TOLD) {
        let what = match problem.kind {
            ProblemKind::Unreadable => "cannot read ",
            ProblemKind::Bounded => "not looked at to the end: ",
            ProblemKind::Unsupported => "not looked at: ",
            ProblemKind::Vanished => "gone: ",
        };
        ui.note(format!("{what}{}: {}", problem.path, problem.message));
    }
    if let Some(more) = report.problems.len().checked_sub(TOLD).filter(|more| *more > 0) {
        ui.note(format!("... and {more} more; --format json has all of them"));
    }
}

fn write(args: &ScanArgs, report: &Report, rules: &[Rule], ui: &Ui) -> Result<(), Failure> {
    let format = if args.json { Format::Json } else { args.format };
    let text = format::render(format, report, rules);
    match &args.output {
        None => ui.line(text.strip_suffix('\n').unwrap_or(&text)),
        Some(path) => {
            let plain = anstream::adapter::strip_str(&text).to_string();
            let text = if format == Format::Text { plain } else { text };
            std::fs::write(path, text).map_err(|error| Failure::io(shown(path), &error))?;
        }
    }
    Ok(())
}

/// What the detectors that found something say of themselves. A scan that finds nothing reads none of their texts.
fn describe(registry: &Registry, report: &Report) -> Vec<Rule> {
    let found = report.findings.iter().chain(&report.baselined);
    let ids: BTreeSet<&str> = found.map(|located| located.found.detector.as_str()).collect();
    ids.into_iter()
        .map(|id| {
            let entry = registry.find(Kind::Detector, id);
            if let Some(meta) = entry.as_ref().and_then(Entry::meta) {
                return Rule::new(id, meta.summary, meta.why);
            }
            match entry.as_ref().and_then(Entry::rule) {
                Some(rule) => Rule::new(id, &rule.summary, "A detection rule of a policy."),
                None => Rule::new(id, id, "A detector of an installed plugin."),
            }
        })
        .collect()
}

/// What the layers say of the detectors: the first that configures one is followed, and one is off only if every layer
/// switches it off. What `--plugin` names is on.
pub(super) fn settings<'l>(
    layers: &[Layer<'l>],
    registry: &Registry,
    named: &[String],
) -> Vec<DetectorSetting<'l>> {
    let wanted = |id: &str| {
        let entry = registry.find(Kind::Detector, id);
        entry.as_ref().and_then(Entry::library).is_some_and(|library| {
            library.plugin.is_unpinned() || named.iter().any(|name| *name == library.plugin.name)
        })
    };
    let mut settings: Vec<DetectorSetting<'l>> = Vec::new();
    for setting in layers.iter().flat_map(|layer| &layer.detectors) {
        if settings.iter().any(|known| known.id == setting.id) {
            continue;
        }
        let on = layers
            .iter()
            .any(|layer| layer.detectors.iter().all(|other| other.id != setting.id || other.enabled));
        settings.push(DetectorSetting {
            id: setting.id,
            enabled: on || wanted(setting.id),
            config: setting.config,
        });
    }
    settings
}

fn least_confidence(least: MinConfidence) -> Confidence {
    match least {
        MinConfidence::Low => Confidence::Low,
        MinConfidence::Medium => Confidence::Medium,
        MinConfidence::High => Confidence::High,
    }
}

fn least_severity(least: MinSeverity) -> Severity {
    match least {
        MinSeverity::Info => Severity::Info,
        MinSeverity::Low => Severity::Low,
        MinSeverity::Medium => Severity::Medium,
        MinSeverity::High => Severity::High,
        MinSeverity::Critical => Severity::Critical,
    }
}

/// A file's name may hold escape sequences for the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}
