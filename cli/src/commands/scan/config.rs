//! `--mcp`: what the configuration of coding agents lets in. Keys written into it, servers and hooks that run what
//! somebody else changes, and switches that turn the questions off.

mod faults;
mod secrets;
mod servers;
mod settings;
mod tree;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use agentfirewall_core::secrets::{EngineError, mask_text};
use agentfirewall_sdk::Confidence;

pub(super) use faults::rules;

use self::faults::Fault;
use self::tree::Node;
use super::found::{Found, Located, ProblemKind, Tally};
use super::scanner::{Scanner, place};
use super::shown;

/// Configuration is written by hand; what is larger is something else.
const LARGEST: u64 = 8 * 1024 * 1024;
/// How much of a value is shown.
const SHOWN: usize = 160;

/// Where the agents look in a project.
const PROJECT: &[&str] = &[
    ".mcp.json",
    "mcp.json",
    ".claude/settings.json",
    ".claude/settings.local.json",
    ".codex/config.toml",
    ".cursor/mcp.json",
    ".cursor/hooks.json",
    ".gemini/settings.json",
    ".roo/mcp.json",
    ".vscode/mcp.json",
    ".vscode/settings.json",
    ".zed/settings.json",
    "opencode.json",
    "opencode.jsonc",
];
/// Where they look in a home folder.
const HOME: &[&str] = &[
    ".claude.json",
    ".claude/settings.json",
    ".codex/config.toml",
    ".codeium/windsurf/mcp_config.json",
    ".config/Claude/claude_desktop_config.json",
    "Library/Application Support/Claude/claude_desktop_config.json",
    ".config/Code/User/mcp.json",
    ".config/Code/User/settings.json",
    "Library/Application Support/Code/User/mcp.json",
    ".config/opencode/opencode.json",
    ".config/zed/settings.json",
    ".cursor/mcp.json",
    ".cursor/hooks.json",
    ".gemini/settings.json",
];
/// And on the machine.
const MACHINE: &[&str] = &[
    "/etc/claude-code/managed-settings.json",
    "/etc/claude-code/managed-mcp.json",
    "/Library/Application Support/ClaudeCode/managed-settings.json",
];

/// Audits the files and projects that are named, or this project, the user's and the machine's configuration.
pub(super) fn audit(paths: &[PathBuf], home: &Path, scanner: &Scanner<'_>) -> Result<Tally, EngineError> {
    let mut tally = Tally::default();
    let within = |folder: &Path, names: &[&str]| -> Vec<PathBuf> {
        names.iter().map(|name| folder.join(name)).collect()
    };
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(within(path, PROJECT).into_iter().map(|file| (file, path.clone(), false)));
        } else {
            files.push((path.clone(), PathBuf::from("."), true));
        }
    }
    if paths.is_empty() {
        let here = PathBuf::from(".");
        files.extend(within(Path::new(""), PROJECT).into_iter().map(|file| (file, here.clone(), false)));
        files.extend(within(home, HOME).into_iter().map(|file| (file, home.to_path_buf(), false)));
        files.extend(MACHINE.iter().map(|file| (PathBuf::from(file), home.to_path_buf(), false)));
    }
    for (file, folder, named) in files {
        let file = file.strip_prefix("./").map(Path::to_path_buf).unwrap_or(file);
        match read(&file) {
            Ok(text) => audit_file(&file, &folder, home, &text, scanner, &mut tally)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !named => {}
            Err(error) => tally.problem(shown(&file), ProblemKind::Unreadable, error.to_string()),
        }
    }
    Ok(tally)
}

fn read(path: &Path) -> io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut text = String::new();
    File::open(path)?.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// What the checks of one file share.
struct Audit<'a, 'e> {
    text: &'a str,
    path: String,
    /// The project's folder, from where relative paths lead.
    folder: &'a Path,
    home: &'a Path,
    scanner: &'a Scanner<'e>,
    found: Vec<Found>,
}

fn audit_file(
    file: &Path,
    folder: &Path,
    home: &Path,
    text: &str,
    scanner: &Scanner<'_>,
    tally: &mut Tally,
) -> Result<(), EngineError> {
    let path = file.to_string_lossy().into_owned();
    let toml = file.extension().is_some_and(|extension| extension == "toml");
    let root = match if toml { tree::toml(text) } else { tree::json(text) } {
        Ok(root) => root,
        Err(message) => {
            // An agent that cannot read its file may run without what the file forbids.
            tally.problem(shown(file), ProblemKind::Unreadable, message);
            return Ok(());
        }
    };
    tally.scanned += 1;
    tally.bytes += text.len() as u64;
    let mut audit = Audit { text, path, folder, home, scanner, found: Vec::new() };
    audit.servers(&root)?;
    audit.settings(&root)?;
    let Audit { path, mut found, .. } = audit;
    found.sort_by_key(|found| (found.line, found.column));
    found.dedup_by(|left, right| {
        (left.line, left.column, &left.detector) == (right.line, right.column, &right.detector)
    });
    tally.findings.extend(found.into_iter().map(|found| Located { path: path.clone(), found }));
    Ok(())
}

impl Audit<'_, '_> {
    /// Reports a fault at a value.
    fn fault(&mut self, fault: Fault, at: &Node, message: String) -> Result<(), EngineError> {
        let value = self.text.get(at.span.clone()).unwrap_or_default();
        let findings = self.scanner.engine.scan_text(value)?.findings;
        let masked = mask_text(value, &findings, &self.scanner.salt);
        let shown: String =
            masked.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
        self.report(fault, at, message, value, shown, Confidence::High);
        Ok(())
    }

    fn report(
        &mut self,
        fault: Fault,
        at: &Node,
        message: String,
        value: &str,
        snippet: String,
        confidence: Confidence,
    ) {
        if confidence < self.scanner.least || fault.severity < self.scanner.least_severe {
            return;
        }
        let (line, column) = self.position(at.span.start);
        let (end_line, end_column) = self.position(at.span.end);
        self.found.push(Found {
            line,
            column,
            end_line,
            end_column,
            detector: fault.id.to_owned(),
            severity: fault.severity,
            confidence,
            fingerprint: self.scanner.salt.fingerprint(value),
            commit: None,
            place: place(fault.id, &self.path, &message),
            message: Some(message),
            advice: Some(fault.advice.to_owned()),
            snippet,
            mark: self
                .scanner
                .baseline
                .as_ref()
                .and_then(|baseline| baseline.mark(&self.path, fault.id, value)),
        });
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or_default();
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        let column = 1 + before.rsplit('\n').next().unwrap_or_default().chars().count();
        (line, column)
    }
}
