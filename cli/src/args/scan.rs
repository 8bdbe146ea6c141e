//! The command line of `scan`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

/// `scan`
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("source").args(["staged", "git", "mcp"])))]
pub struct ScanArgs {
    /// Files and folders; `-` reads standard input [default: the working folder]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Scan the lines that are added in git's index, for a pre-commit hook
    #[arg(long, help_heading = "Sources")]
    pub staged: bool,
    /// Scan the lines that any commit of the repository added; PATH is the repository
    #[arg(long, help_heading = "Sources")]
    pub git: bool,
    /// With --git: only commits after this commit, tag or branch, or since this time (a date, or an age such as 7d)
    #[arg(long, value_name = "REV|TIME", requires = "git", help_heading = "Sources")]
    pub since: Option<String>,
    /// With --git: only commits of this branch [default: every branch and tag]
    #[arg(long, value_name = "NAME", requires = "git", help_heading = "Sources")]
    pub branch: Option<String>,
    /// Audit the configuration files of coding agents and their MCP servers: of a project, and of the user if no PATH is
    /// given
    #[arg(long, visible_alias = "agent-config", help_heading = "Sources")]
    pub mcp: bool,

    /// The lowest confidence that is reported
    #[arg(long, value_enum, default_value = "medium", value_name = "LEVEL", help_heading = "Selection")]
    pub confidence: MinConfidence,
    /// The lowest severity that is reported
    #[arg(long, value_enum, default_value = "info", value_name = "LEVEL", help_heading = "Selection")]
    pub severity: MinSeverity,
    /// Leave out paths that match this pattern (as in a .gitignore); may be repeated
    #[arg(long, value_name = "GLOB", help_heading = "Selection")]
    pub exclude: Vec<String>,
    /// Scan only paths that match one of these patterns (as in a .gitignore)
    #[arg(long, value_name = "GLOB", help_heading = "Selection")]
    pub include: Vec<String>,
    /// Look into files that .gitignore, .ignore and .agentfirewallignore leave out too
    #[arg(long, help_heading = "Selection")]
    pub no_ignore: bool,
    /// Report findings that a comment such as `agentfirewall:allow` allows, too
    #[arg(long, help_heading = "Selection")]
    pub no_inline_ignore: bool,
    /// Do not look into archives and compressed files
    #[arg(long, help_heading = "Selection")]
    pub no_archives: bool,
    /// How many MiB may be unpacked of one archive
    #[arg(long, value_name = "MIB", default_value_t = 1024, help_heading = "Selection")]
    pub max_unpacked: u64,
    /// Use this plugin's detectors, whatever the policy says: an installed one by its name, or a library file for
    /// this run
    #[arg(long, value_name = "NAME|FILE", help_heading = "Selection")]
    pub plugin: Vec<String>,
    /// Take detectors' settings from this policy file [default: every layer's policy that applies here]
    #[arg(long, value_name = "FILE", help_heading = "Selection")]
    pub policy: Option<PathBuf>,
    /// Find what these detection rules describe, too: a file in the form of a policy's `secrets: {rules: ...}`, or a
    /// configuration of gitleaks (TOML)
    #[arg(long, value_name = "FILE", help_heading = "Selection")]
    pub rules: Vec<PathBuf>,

    /// Findings that are listed in this file are known and not reported
    #[arg(long, value_name = "FILE", help_heading = "Baseline")]
    pub baseline: Option<PathBuf>,
    /// Write what is found to the baseline and report nothing
    #[arg(long, requires = "baseline", help_heading = "Baseline")]
    pub update_baseline: bool,

    /// How the findings are printed
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    pub format: Format,
    /// Print to this file instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Print the findings as JSON; the same as --format json
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    pub json: bool,
    /// End with exit code 1 only for findings of at least this severity; `none`: for no finding
    #[arg(long, value_enum, default_value = "info", value_name = "LEVEL", help_heading = "Output")]
    pub fail_on: FailOn,
}

/// A threshold of confidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MinConfidence {
    /// Everything
    Low,
    /// What looks like a secret
    Medium,
    /// What its structure proves
    High,
}

/// A threshold of severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MinSeverity {
    /// Everything
    Info,
    /// A little harm
    Low,
    /// Harm in the wrong hands
    Medium,
    /// Access to data or money
    High,
    /// Control of an account or a system
    Critical,
}

/// From which severity on findings change the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Every reported finding
    Info,
    /// Low and above
    Low,
    /// Medium and above
    Medium,
    /// High and above
    High,
    /// Critical alone
    Critical,
    /// No finding
    None,
}

/// A format of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// One JSON object a line: the findings, then the summary
    Jsonl,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML, for test reports
    Junit,
    /// Comma-separated values, for tables
    Csv,
    /// Annotations of GitHub Actions
    Github,
}
