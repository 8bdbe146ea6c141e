//! The command line of the human commands. `hook` is dispatched before this is looked at.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod audit;
mod plugins;

pub use audit::*;
pub use plugins::*;

/// A policy-enforced firewall for the tool calls of AI agents.
#[derive(Debug, Parser)]
#[command(name = "agentfirewall", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Start here:  agentfirewall init  &&  agentfirewall install  &&  agentfirewall doctor"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create .agentfirewall/ with a default policy and an empty audit log
    Init(InitArgs),
    /// Add the firewall's hooks to Claude Code's settings
    Install(WiringArgs),
    /// Remove the firewall's hooks from Claude Code's settings
    Uninstall(WiringArgs),
    /// Check whether the hooks are really wired and will run
    Doctor(DoctorArgs),
    /// Validate a policy file and print its rules
    Validate(ValidateArgs),
    /// Print the JSON Schema of a policy file, for editors
    Schema(SchemaArgs),
    /// Show the built-in packs of rules that a policy can extend
    Packs(PacksArgs),
    /// Decide one call given as flags or JSON (exit code: 0 passes, 2 deny, 3 ask)
    Check(CheckArgs),
    /// Explain a call: what is understood, which rules decide (exit codes as for `check`)
    Explain(ExplainArgs),
    /// Query, verify, count, export and sign the audit log
    Audit(Box<AuditArgs>),
    /// Scan files for secrets
    Scan(ScanArgs),
    /// List, write, examine and install plugins
    Plugins(PluginsArgs),
    /// Deliver audit records to the configured sinks (the hook starts this by itself)
    Deliver(DeliverArgs),
    /// See how the sinks stand, test them, offer them again what they refused
    Sinks(SinksArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Write the manual pages into a folder
    Man(ManArgs),
    /// Answer an agent's hook: reads the payload from standard input (installed by `install`)
    Hook(HookArgs),
}

/// A settings file of Claude Code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// ~/.claude/settings.json: every project of this user
    User,
    /// .claude/settings.json: everyone who works on this project
    Project,
    /// .claude/settings.local.json: this project, for you alone
    Local,
    /// The machine's managed settings: cannot be switched off by a user
    Managed,
}

/// `init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The built-in pack that the new policy extends; `agentfirewall packs` lists them
    #[arg(long, default_value = "recommended")]
    pub extends: String,
    /// Print what was done as JSON
    #[arg(long)]
    pub json: bool,
}

/// `install` and `uninstall`
#[derive(Debug, Args)]
pub struct WiringArgs {
    /// Which settings file to change
    #[arg(long, value_enum, default_value = "local")]
    pub scope: Scope,
    /// Show the change and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// `doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Prove it: run the real client against a scripted model on the loopback and see a call blocked
    #[arg(long)]
    pub live: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

/// `validate`
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The policy file [default: every layer's policy that applies here]
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Use this plugin too: an installed one by its name, or a library file for this run
    #[arg(long, value_name = "NAME|FILE")]
    pub plugin: Vec<String>,
    /// Print rules and problems as JSON
    #[arg(long)]
    pub json: bool,
}

/// `schema`
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Print it on one line
    #[arg(long)]
    pub compact: bool,
}

/// `packs`
#[derive(Debug, Args)]
pub struct PacksArgs {
    /// The pack whose rules are shown; without it all packs are listed
    pub name: Option<String>,
    /// List the effects that rules can be about instead
    #[arg(long, conflicts_with = "name")]
    pub effects: bool,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// A call.
#[derive(Debug, Args)]
pub struct CallArgs {
    /// The tool, such as Bash, Write or mcp__server__tool; without it a call is read as JSON from standard input
    #[arg(long)]
    pub tool: Option<String>,
    /// The command of a shell tool
    #[arg(long)]
    pub command: Option<String>,
    /// The path of a file tool
    #[arg(long, value_name = "FILE")]
    pub path: Option<String>,
    /// All parameters as a JSON object
    #[arg(long, value_name = "JSON", conflicts_with_all = ["command", "path"])]
    pub input: Option<String>,
}

/// `check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The call.
    #[command(flatten)]
    pub call: CallArgs,
    /// Judge by this policy file alone
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Use this plugin too: an installed one by its name, or a library file for this run
    #[arg(long, value_name = "NAME|FILE")]
    pub plugin: Vec<String>,
    /// Write the decision to the audit log too
    #[arg(long)]
    pub record: bool,
    /// Print the decision as JSON
    #[arg(long)]
    pub json: bool,
}

/// `explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A shell script, as the command of a Bash call; `-` reads a call or a hook's payload as JSON from standard input
    #[arg(conflicts_with_all = ["tool", "command", "path", "input", "hook"])]
    pub script: Option<String>,
    /// The call.
    #[command(flatten)]
    pub call: CallArgs,
    /// Read a recorded payload of an agent's hook from standard input; the agent is claude-code
    #[arg(long, value_enum, value_name = "AGENT", hide_possible_values = true)]
    #[arg(conflicts_with_all = ["tool", "command", "path", "input"])]
    pub hook: Option<Agent>,
    /// Judge by this policy file alone
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Use this plugin too: an installed one by its name, or a library file for this run
    #[arg(long, value_name = "NAME|FILE")]
    pub plugin: Vec<String>,
    /// Show every part and every rule that was asked, not only those that matter most
    #[arg(long)]
    pub all: bool,
    /// Print the explanation as JSON
    #[arg(long)]
    pub json: bool,
}

/// An agent whose hook payloads can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Agent {
    /// Claude Code
    ClaudeCode,
}

/// `scan`
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// The file or folder; `-` reads standard input
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// The lowest confidence that is reported
    #[arg(long, value_enum, default_value = "medium")]
    pub confidence: MinConfidence,
    /// Use this plugin's detectors, whatever the policy says: an installed one by its name, or a library file for
    /// this run
    #[arg(long, value_name = "NAME|FILE")]
    pub plugin: Vec<String>,
    /// Take detectors' settings from this policy file [default: every layer's policy that applies here]
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Find what these detection rules describe, too: a file in the form of a policy's `secrets: {rules: ...}`, or a
    /// configuration of gitleaks (TOML)
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// Look into files that .gitignore and .ignore leave out too
    #[arg(long)]
    pub no_ignore: bool,
    /// Print the findings as JSON
    #[arg(long)]
    pub json: bool,
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

/// `deliver`
#[derive(Debug, Args)]
pub struct DeliverArgs {
    /// The log to deliver from [default: the project's]
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Deliver what is there now and end, without waiting for pauses or for the end of a flood
    #[arg(long, conflicts_with = "follow")]
    pub once: bool,
    /// Stay and deliver records as they come, until it is ended: for a service
    #[arg(long)]
    pub follow: bool,
    /// Print a unit file of systemd for `deliver --follow` and end
    #[arg(long, conflicts_with_all = ["once", "follow"])]
    pub unit: bool,
    /// Be the process of one sink of an installed plugin: requests on standard input, answers on standard output
    #[arg(long, value_name = "SINK", hide = true)]
    pub serve: Option<String>,
}

/// `sinks`
#[derive(Debug, Args)]
pub struct SinksArgs {
    /// What to do
    #[command(subcommand)]
    pub command: SinksCommand,
}

/// What `sinks` can do.
#[derive(Debug, Subcommand)]
pub enum SinksCommand {
    /// How far each sink is, what waits for it, why it stopped, and what it refused
    Status(SinksStatusArgs),
    /// Ask whether a sink can be reached, then send it a marked test event
    Test(SinksTestArgs),
    /// Offer a sink again what it refused
    Retry(SinksRetryArgs),
}

/// `sinks status`
#[derive(Debug, Args)]
pub struct SinksStatusArgs {
    /// The log that is delivered [default: the project's]
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `sinks test`
#[derive(Debug, Args)]
pub struct SinksTestArgs {
    /// The sink's name in the policy [default: all]
    pub name: Option<String>,
    /// Only ask whether it can be reached; send nothing
    #[arg(long)]
    pub check: bool,
}

/// `sinks retry`
#[derive(Debug, Args)]
pub struct SinksRetryArgs {
    /// The sink's name in the policy [default: all]
    pub name: Option<String>,
    /// The log that is delivered [default: the project's]
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
}

/// `completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `man`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder
    pub folder: PathBuf,
}

/// `hook`: here for the help alone; the real one is dispatched by hand and never fails open.
#[derive(Debug, Args)]
pub struct HookArgs {
    /// The event: pre-tool-use, post-tool-use, post-tool-use-failure, user-prompt-submit, session-start, config-change
    pub event: Option<String>,
}
