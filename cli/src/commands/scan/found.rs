//! What a scan brings to light: findings with their places, what was not looked at, and the counts.

use std::cmp::Ordering;
use std::sync::Arc;

use agentfirewall_sdk::{Confidence, Severity};
use serde::Serialize;

/// The commit that added a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Commit {
    /// The full hash.
    pub hash: String,
    pub author: String,
    pub email: String,
    /// The author's date in ISO 8601.
    pub date: String,
}

/// One secret, or one fault of a configuration, in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Found {
    /// From 1.
    pub line: usize,
    /// The first character of the secret in its line, from 1.
    pub column: usize,
    /// The line in which the secret ends.
    pub end_line: usize,
    /// The first character after the secret in that line.
    pub end_column: usize,
    pub detector: String,
    pub severity: Severity,
    pub confidence: Confidence,
    /// The same for the same secret wherever it stands, on this machine; says nothing about it.
    pub fingerprint: String,
    /// In history: who brought it in.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shared")]
    pub commit: Option<Arc<Commit>>,
    /// In an audit of configuration: what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// In an audit of configuration: what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// The line with tags where secrets stood.
    #[serde(skip)]
    pub snippet: String,
    /// The same on every machine while the line around the secret stays what it is; made without the secret.
    #[serde(skip)]
    pub place: String,
    /// The secret's mark in the baseline, if there is a baseline.
    #[serde(skip)]
    pub mark: Option<String>,
}

/// A commit is shared by all its findings.
#[expect(clippy::ref_option, reason = "the signature that serde wants")]
fn shared<S: serde::Serializer>(commit: &Option<Arc<Commit>>, serializer: S) -> Result<S::Ok, S::Error> {
    commit.as_deref().serialize(serializer)
}

/// One finding with its file, as JSON has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Located {
    pub path: String,
    #[serde(flatten)]
    pub found: Found,
}

impl Located {
    /// The order of every output: by file, by place, by what it is.
    pub fn order(&self, other: &Self) -> Ordering {
        let key = |located: &Self| (located.found.line, located.found.column);
        self.path
            .cmp(&other.path)
            .then_with(|| key(self).cmp(&key(other)))
            .then_with(|| self.found.detector.cmp(&other.found.detector))
            .then_with(|| self.commit().cmp(other.commit()))
    }

    /// The commit's hash, or nothing.
    pub fn commit(&self) -> &str {
        self.found.commit.as_ref().map_or("", |commit| commit.hash.as_str())
    }
}

/// Why something was not looked at, or not to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ProblemKind {
    /// A file or folder that may not or cannot be read.
    Unreadable,
    /// A bound on what is unpacked was reached.
    Bounded,
    /// An archive, or a part of one, that is damaged, encrypted or compressed in a way nobody here knows.
    Unsupported,
    /// A file that was gone before it was opened.
    Vanished,
}

impl ProblemKind {
    /// Whether a scan with such a problem has not looked at what it was asked to look at.
    pub fn is_incomplete(self) -> bool {
        matches!(self, Self::Unreadable | Self::Bounded)
    }
}

/// Something that was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Problem {
    pub path: String,
    pub kind: ProblemKind,
    pub message: String,
}

/// The counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Summary {
    pub findings: usize,
    pub files_with_findings: usize,
    pub files_scanned: usize,
    /// Binary files.
    pub files_skipped: usize,
    pub unreadable: usize,
    /// Archives and compressed files that were looked into.
    pub archives: usize,
    /// Archives of which a bound kept a part from being looked at.
    pub bounded: usize,
    /// Commits looked at.
    #[serde(skip_serializing_if = "is_zero")]
    pub commits: usize,
    /// Bytes of text looked at.
    pub bytes: u64,
    /// Findings that a comment beside them allows.
    pub allowed: usize,
    /// Findings that the baseline knows.
    pub baselined: usize,
    /// Entries of the baseline that were not found any more.
    pub stale: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// What one thread has seen.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub findings: Vec<Located>,
    pub problems: Vec<Problem>,
    pub scanned: usize,
    pub skipped: usize,
    pub archives: usize,
    pub commits: usize,
    pub bytes: u64,
    pub allowed: usize,
}

impl Tally {
    /// Notes something that was not looked at.
    pub fn problem(&mut self, path: impl Into<String>, kind: ProblemKind, message: impl Into<String>) {
        self.problems.push(Problem { path: path.into(), kind, message: message.into() });
    }

    /// Takes over what another thread has seen.
    pub fn absorb(&mut self, other: Self) {
        let Self { findings, problems, scanned, skipped, archives, commits, bytes, allowed } = other;
        self.findings.extend(findings);
        self.problems.extend(problems);
        self.scanned += scanned;
        self.skipped += skipped;
        self.archives += archives;
        self.commits += commits;
        self.bytes += bytes;
        self.allowed += allowed;
    }
}

/// What is printed.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub findings: Vec<Located>,
    pub problems: Vec<Problem>,
    pub summary: Summary,
    /// Findings that the baseline knows: SARIF names them as suppressed.
    #[serde(skip)]
    pub baselined: Vec<Located>,
}

impl Report {
    /// Sorts everything and counts it.
    pub fn new(mut tally: Tally, mut baselined: Vec<Located>, stale: usize) -> Self {
        tally.findings.sort_by(Located::order);
        baselined.sort_by(Located::order);
        number_places(&mut tally.findings);
        number_places(&mut baselined);
        tally.problems.sort();
        tally.problems.dedup();
        let with_findings = tally.findings.chunk_by(|left, right| left.path == right.path).count();
        let count = |kind: ProblemKind| tally.problems.iter().filter(|problem| problem.kind == kind).count();
        let summary = Summary {
            findings: tally.findings.len(),
            files_with_findings: with_findings,
            files_scanned: tally.scanned,
            files_skipped: tally.skipped,
            unreadable: count(ProblemKind::Unreadable),
            archives: tally.archives,
            bounded: count(ProblemKind::Bounded),
            commits: tally.commits,
            bytes: tally.bytes,
            allowed: tally.allowed,
            baselined: baselined.len(),
            stale,
        };
        Self { findings: tally.findings, problems: tally.problems, summary, baselined }
    }
}

/// Tells findings apart that stand in equal lines of a file, by counting them.
fn number_places(findings: &mut [Located]) {
    let mut seen = std::collections::HashMap::new();
    for Located { found, .. } in findings {
        let number = seen.entry(found.place.clone()).or_insert(0_usize);
        *number += 1;
        found.place = format!("{}:{number}", found.place);
    }
}
