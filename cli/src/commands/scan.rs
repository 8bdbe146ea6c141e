//! `agentfirewall scan`: secrets in files, for people and for continuous integration.

mod content;
mod rules;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agentfirewall_core::policy::Layer;
use agentfirewall_core::registry::{Entry, Registry};
use agentfirewall_core::secrets::{DetectorSetting, Engine, Salt};
use agentfirewall_sdk::{Confidence, Kind, Severity};
use anstyle::{AnsiColor, Style};
use ignore::{WalkBuilder, WalkState};
use indicatif::ProgressBar;
use serde::Serialize;

use self::content::{ContentError, Found, Outcome, Scanner};
use crate::args::{MinConfidence, ScanArgs};
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// One finding with its file, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Located {
    path: String,
    #[serde(flatten)]
    found: Found,
}

#[derive(Debug, Default, Serialize)]
struct Summary {
    findings: usize,
    files_with_findings: usize,
    files_scanned: usize,
    files_skipped: usize,
    unreadable: usize,
}

#[derive(Debug, Serialize)]
struct Report {
    findings: Vec<Located>,
    summary: Summary,
}

/// What the threads of the walk bring together.
#[derive(Default)]
struct Gathered {
    files: Vec<(PathBuf, Vec<Found>)>,
    scanned: usize,
    skipped: usize,
    unreadable: Vec<String>,
    broken: Option<String>,
}

pub(crate) fn run(args: ScanArgs, ui: &Ui) -> Result<Exit, Failure> {
    let internal = |message: String| Failure::new(Exit::Internal, message);
    let places = super::places()?;
    let registry = composition::with_plugins(&places, &args.plugin)?;
    let compiled = composition::policy(args.policy.as_deref(), &places, &registry)?;
    let layers = compiled.layers().map_err(|error| composition::invalid_policy(&error))?;
    let registry = rules::with_rules(registry, &layers, &args.rules, ui)?;
    let settings = settings(&layers, &registry, &args.plugin);
    let engine = Engine::new(&registry, &settings).map_err(|error| internal(error.to_string()))?;
    // Libraries are loaded before the walk has threads, while a process can still be made for them.
    engine.load_libraries().map_err(|error| Failure::new(Exit::Data, error.to_string()))?;
    let scanner = Scanner {
        engine: &engine,
        salt: Salt::load_or_create(&places.state),
        least: match args.confidence {
            MinConfidence::Low => Confidence::Low,
            MinConfidence::Medium => Confidence::Medium,
            MinConfidence::High => Confidence::High,
        },
    };
    let gathered = if args.path.as_os_str() == "-" {
        stdin(&scanner)?
    } else {
        walk(&args.path, !args.no_ignore, &scanner, ui)?
    };
    if let Some(message) = gathered.broken {
        return Err(internal(message).help("no file was reported clean by this run"));
    }
    for line in &gathered.unreadable {
        ui.note(line);
    }
    let report = report(gathered.files, gathered.scanned, gathered.skipped, gathered.unreadable.len());
    if args.json {
        let text = serde_json::to_string_pretty(&report).map_err(|error| internal(error.to_string()))?;
        ui.line(text);
    } else {
        print(&report, ui);
    }
    Ok(if report.findings.is_empty() { Exit::Success } else { Exit::Findings })
}

/// What the layers say of the detectors: the first that configures one is followed, and one is off only if every layer
/// switches it off. What `--plugin` names is on.
fn settings<'l>(layers: &[Layer<'l>], registry: &Registry, named: &[String]) -> Vec<DetectorSetting<'l>> {
    let wanted = |id: &str| {
        let entry = registry.find(Kind::Detector, id);
        entry.and_then(Entry::library).is_some_and(|library| {
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

fn stdin(scanner: &Scanner<'_>) -> Result<Gathered, Failure> {
    let mut gathered = Gathered::default();
    match scanner.scan(&mut io::stdin().lock()) {
        Ok(Outcome::Text(found)) => {
            gathered.scanned = 1;
            gathered.files.push((PathBuf::from("-"), found));
        }
        Ok(Outcome::Binary) => gathered.skipped = 1,
        Err(ContentError::Read(error)) => return Err(Failure::io("standard input", &error)),
        Err(ContentError::Engine(error)) => gathered.broken = Some(error.to_string()),
    }
    Ok(gathered)
}

fn walk(root: &Path, ignoring: bool, scanner: &Scanner<'_>, ui: &Ui) -> Result<Gathered, Failure> {
    let metadata = fs::metadata(root).map_err(|error| Failure::io(shown(root), &error))?;
    if metadata.is_file() {
        // The one thing that was asked for has to be readable.
        File::open(root).map_err(|error| Failure::io(shown(root), &error))?;
    } else {
        fs::read_dir(root).map_err(|error| Failure::io(shown(root), &error))?;
    }
    let gathered = Mutex::new(Gathered::default());
    let stop = AtomicBool::new(false);
    let bar = if ui.progress() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.enable_steady_tick(Duration::from_millis(100));
    let walker = WalkBuilder::new(root)
        .hidden(false)
        .standard_filters_for(ignoring)
        .filter_entry(|entry| entry.depth() == 0 || entry.file_name() != ".git")
        .threads(std::thread::available_parallelism().map_or(1, usize::from))
        .build_parallel();
    walker.run(|| {
        Box::new(|entry| {
            if stop.load(Ordering::Relaxed) {
                return WalkState::Quit;
            }
            let path = match entry {
                Ok(entry) if entry.depth() == 0 && metadata.is_file() => entry.into_path(),
                Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => entry.into_path(),
                Ok(_) => return WalkState::Continue,
                Err(error) => {
                    let line = format!("cannot read: {}", printable(&error.to_string()));
                    with(&gathered, |gathered| gathered.unreadable.push(line));
                    return WalkState::Continue;
                }
            };
            let outcome =
                File::open(&path).map_err(ContentError::Read).and_then(|mut file| scanner.scan(&mut file));
            bar.inc(1);
            bar.set_message(format!("{} files", bar.position()));
            with(&gathered, |gathered| match outcome {
                Ok(Outcome::Text(found)) => {
                    gathered.scanned += 1;
                    if !found.is_empty() {
                        gathered.files.push((path, found));
                    }
                }
                Ok(Outcome::Binary) => gathered.skipped += 1,
                Err(ContentError::Read(error)) => {
                    gathered.unreadable.push(format!("cannot read {}: {error}", shown(&path)));
                }
                Err(ContentError::Engine(error)) => {
                    gathered.broken = Some(format!("{}: {error}", shown(&path)));
                    stop.store(true, Ordering::Relaxed);
                }
            });
            WalkState::Continue
        })
    });
    bar.finish_and_clear();
    let mut gathered = gathered.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    gathered.unreadable.sort();
    gathered.files.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(gathered)
}

/// The ignore files switched on or off together.
trait IgnoreFiles {
    fn standard_filters_for(&mut self, on: bool) -> &mut Self;
}

impl IgnoreFiles for WalkBuilder {
    fn standard_filters_for(&mut self, on: bool) -> &mut Self {
        // A `.gitignore` means the same in an unpacked archive as in a clone.
        self.parents(on).ignore(on).git_ignore(on).git_global(on).git_exclude(on).require_git(false)
    }
}

fn with(gathered: &Mutex<Gathered>, change: impl FnOnce(&mut Gathered)) {
    change(&mut gathered.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
}

fn report(files: Vec<(PathBuf, Vec<Found>)>, scanned: usize, skipped: usize, unreadable: usize) -> Report {
    let mut findings = Vec::new();
    let mut with_findings = 0;
    for (path, found) in files {
        with_findings += usize::from(!found.is_empty());
        let path = path.strip_prefix("./").unwrap_or(&path).to_string_lossy().into_owned();
        findings.extend(found.into_iter().map(|found| Located { path: path.clone(), found }));
    }
    let summary = Summary {
        findings: findings.len(),
        files_with_findings: with_findings,
        files_scanned: scanned,
        files_skipped: skipped,
        unreadable,
    };
    Report { findings, summary }
}

fn print(report: &Report, ui: &Ui) {
    let bold = Style::new().bold();
    for Located { path, found } in &report.findings {
        let colour = match found.confidence {
            Confidence::High => AnsiColor::Red,
            Confidence::Medium => AnsiColor::Yellow,
            Confidence::Low => AnsiColor::Cyan,
        };
        let style = Style::new().fg_color(Some(colour.into()));
        ui.line(format!(
            "{bold}{}:{}:{}{bold:#}: {} {style}{}/{}{style:#}",
            printable(path),
            found.line,
            found.column,
            found.detector,
            severity(found.severity),
            confidence(found.confidence),
        ));
        ui.line(format!("    {}", found.snippet));
    }
    let summary = &report.summary;
    if !report.findings.is_empty() {
        ui.line("");
    }
    ui.line(format!(
        "{} in {} ({} scanned, {} skipped{})",
        counted(summary.findings, "finding"),
        counted(summary.files_with_findings, "file"),
        counted(summary.files_scanned, "file"),
        summary.files_skipped,
        if summary.unreadable > 0 { format!(", {} unreadable", summary.unreadable) } else { String::new() },
    ));
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    }
}

/// A file's name may hold escape sequences for the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}
