//! `audit` and what is under it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `audit`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AuditArgs {
    /// What to do with the log.
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
    /// The filters.
    #[command(flatten)]
    pub query: AuditQueryArgs,
}

/// Which records.
#[derive(Debug, Args)]
pub struct AuditFilterArgs {
    /// The log [default: the project's]
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Only this tool; wildcards as in a policy
    #[arg(long)]
    pub tool: Option<String>,
    /// Only this action: allow, log, alert, ask or deny
    #[arg(long)]
    pub action: Option<String>,
    /// Only records decided by this rule
    #[arg(long)]
    pub rule: Option<String>,
    /// Only records of this session
    #[arg(long)]
    pub session: Option<String>,
    /// Only records at or after this time: RFC 3339, a date, or an age such as 30m, 12h, 7d
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only records before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

/// The options of `audit` itself.
#[derive(Debug, Args)]
pub struct AuditQueryArgs {
    /// Which records.
    #[command(flatten)]
    pub filter: AuditFilterArgs,
    /// How many of the newest matching records to show
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub tail: usize,
    /// Keep printing records as they are written
    #[arg(long, short)]
    pub follow: bool,
    /// Print the records as JSON Lines
    #[arg(long)]
    pub json: bool,
}

/// Commands under `audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check the hash chain from the first record to the last, and against copies and checkpoints
    Verify(AuditVerifyArgs),
    /// Count decisions by rule, tool, action, agent and day
    Stats(AuditStatsArgs),
    /// Write records as JSON Lines, CSV, Parquet, OCSF, ECS or CEF
    Export(AuditExportArgs),
    /// Write a page for people, complete in one file
    Report(AuditReportArgs),
    /// Sign the log's state: a note to keep outside this machine
    Checkpoint(AuditCheckpointArgs),
    /// Prove that a record is in the log of a checkpoint, or that one checkpoint continues another
    Prove(AuditProveArgs),
    /// Show the keys that sign checkpoints, or make a new one
    #[command(subcommand)]
    Key(AuditKeyCommand),
    /// Remove the old files that the policy does not keep (the hook starts this by itself)
    Prune(AuditPruneArgs),
}

/// `audit verify`
#[derive(Debug, Args)]
pub struct AuditVerifyArgs {
    /// The log [default: the project's]
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Compare with a copy that left the machine: JSON Lines of records, sink events, OCSF or ECS
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// Check instead records that were collected elsewhere, of any number of logs: JSON Lines, `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["log", "against"])]
    pub from: Option<PathBuf>,
    /// With `--from`: the sink was told of some records only, so what is missing between them is no fault
    #[arg(long, requires = "from")]
    pub partial: bool,
    /// Compare with a signed checkpoint
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
    /// Check an inclusion proof instead of the log; `--record` says of which record
    #[arg(long, value_name = "FILE", requires = "record", conflicts_with_all = ["against", "checkpoint", "from"])]
    pub proof: Option<PathBuf>,
    /// The `_hash` of the record that `--proof` is of
    #[arg(long, value_name = "HASH", requires = "proof")]
    pub record: Option<String>,
    /// Accept only the public keys in this file, one a line [default: this installation's keys]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

/// `audit stats`
#[derive(Debug, Args)]
pub struct AuditStatsArgs {
    /// Which records.
    #[command(flatten)]
    pub filter: AuditFilterArgs,
    /// How many lines each table has at most
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub top: usize,
    /// Print the counts as JSON
    #[arg(long)]
    pub json: bool,
}

/// `audit export`
#[derive(Debug, Args)]
pub struct AuditExportArgs {
    /// Which records.
    #[command(flatten)]
    pub filter: AuditFilterArgs,
    /// The format
    #[arg(long, value_enum, default_value = "jsonl")]
    pub format: ExportFormat,
    /// The file to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// The formats of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// The records byte by byte, which `audit verify --against` compares
    Jsonl,
    /// A table for a spreadsheet
    Csv,
    /// OCSF 1.8: API Activity and Detection Finding
    Ocsf,
    /// The Elastic Common Schema
    Ecs,
    /// The Common Event Format
    Cef,
    /// Apache Parquet, a table of columns for DuckDB, Spark and others; a file alone, no terminal can show it
    Parquet,
}

/// `audit report`
#[derive(Debug, Args)]
pub struct AuditReportArgs {
    /// Which records.
    #[command(flatten)]
    pub filter: AuditFilterArgs,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub html: PathBuf,
    /// How many of the newest records the table has
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub newest: usize,
}

/// `audit checkpoint`
#[derive(Debug, Args)]
pub struct AuditCheckpointArgs {
    /// The log [default: the project's]
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// The file to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `audit prove`
#[derive(Debug, Args)]
pub struct AuditProveArgs {
    /// The record's number
    #[arg(required_unless_present = "since")]
    pub seq: Option<u64>,
    /// The log [default: the project's]
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// The checkpoint to prove it for [default: one that is made now]
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
    /// Prove instead that the checkpoint continues this older one
    #[arg(long, value_name = "FILE", conflicts_with = "seq")]
    pub since: Option<PathBuf>,
    /// The file to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Commands under `audit key`.
#[derive(Debug, Subcommand)]
pub enum AuditKeyCommand {
    /// Print the public keys and since when each signs
    Show {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a new key; the log records it, and the old one's checkpoints stay valid
    Rotate {
        /// The log [default: the project's]
        #[arg(long, value_name = "FILE")]
        log: Option<PathBuf>,
    },
}

/// `audit prune`
#[derive(Debug, Args)]
pub struct AuditPruneArgs {
    /// The log [default: the project's]
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Remove also what a sink has not received; the log records as an alert what each sink lost
    #[arg(long)]
    pub force: bool,
}
