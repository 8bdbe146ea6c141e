//! The arguments of `agentfirewall plugins`.

use std::path::PathBuf;

use agentfirewall_sdk::Kind;
use clap::{Args, Subcommand, ValueEnum};

/// `plugins`
#[derive(Debug, Args)]
pub struct PluginsArgs {
    /// What to do
    #[command(subcommand)]
    pub command: PluginsCommand,
}

/// Commands under `plugins`.
#[derive(Debug, Subcommand)]
pub enum PluginsCommand {
    /// Every matcher, detector and sink: where it comes from and whether it takes part
    List(PluginsListArgs),
    /// All that is known of an installed plugin, or of one matcher, detector or sink
    Info(PluginsInfoArgs),
    /// Write a crate for a plugin of your own: it builds, passes its tests and can be loaded at once
    New(PluginsNewArgs),
    /// Examine a plugin library: ABI, metadata, examples, hostile input, speed; installs nothing
    Check(PluginsCheckArgs),
    /// Examine a plugin library, copy it into the private store and pin its content
    Add(PluginsAddArgs),
    /// Take a plugin out
    Remove(PluginsRemoveArgs),
    /// Pin the SHA-256 of a library that is still to be added, here or on another machine
    Trust(PluginsTrustArgs),
}

/// `plugins list`
#[derive(Debug, Args)]
pub struct PluginsListArgs {
    /// Only this kind
    #[arg(long, value_enum)]
    pub kind: Option<PluginKind>,
    /// Only what came with installed plugins
    #[arg(long)]
    pub installed: bool,
    /// Every detector that is a rule of the program, in a line of its own instead of by family
    #[arg(long)]
    pub detectors: bool,
    /// Print the list as JSON, every detector in it
    #[arg(long)]
    pub json: bool,
}

/// A kind of plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PluginKind {
    /// Answers a condition of a rule
    Matcher,
    /// Finds secrets
    Detector,
    /// Delivers events
    Sink,
}

impl From<PluginKind> for Kind {
    fn from(kind: PluginKind) -> Self {
        match kind {
            PluginKind::Matcher => Self::Matcher,
            PluginKind::Detector => Self::Detector,
            PluginKind::Sink => Self::Sink,
        }
    }
}

/// `plugins info`
#[derive(Debug, Args)]
pub struct PluginsInfoArgs {
    /// The name of a plugin, or the id of a matcher, detector or sink
    pub name: String,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// `plugins new`
#[derive(Debug, Args)]
pub struct PluginsNewArgs {
    /// What it is
    #[arg(value_enum)]
    pub kind: PluginKind,
    /// Its name: lower-case words joined by hyphens, such as acme-token
    pub name: String,
    /// The folder to write it into, new or empty [default: a new one with the plugin's name]
    #[arg(long, value_name = "DIR")]
    pub path: Option<PathBuf>,
    /// Build with the SDK in this folder instead of the registry's
    #[arg(long, value_name = "DIR")]
    pub sdk: Option<PathBuf>,
    /// Print what was written as JSON
    #[arg(long)]
    pub json: bool,
}

/// `plugins check`
#[derive(Debug, Args)]
pub struct PluginsCheckArgs {
    /// The library, such as target/release/libacme.so
    #[arg(value_name = "LIBRARY")]
    pub library: PathBuf,
    /// Use short texts: seconds instead of a minute for a debug build
    #[arg(long)]
    pub quick: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

/// `plugins add`
#[derive(Debug, Args)]
pub struct PluginsAddArgs {
    /// The library, such as target/release/libacme.so
    #[arg(value_name = "LIBRARY")]
    pub library: PathBuf,
    /// Replace another library of the same name
    #[arg(long)]
    pub replace: bool,
    /// Install it for every user of this machine
    #[arg(long)]
    pub managed: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// `plugins remove`
#[derive(Debug, Args)]
pub struct PluginsRemoveArgs {
    /// The plugin's name
    pub name: String,
    /// The one that is installed for every user
    #[arg(long)]
    pub managed: bool,
}

/// `plugins trust`
#[derive(Debug, Args)]
pub struct PluginsTrustArgs {
    /// The plugin's name
    pub name: String,
    /// The SHA-256 of the library, 64 hexadecimal digits
    #[arg(long, value_name = "HASH")]
    pub sha256: String,
    /// For which machines [default: this one's target triple]
    #[arg(long, value_name = "TRIPLE")]
    pub target: Option<String>,
    /// In the managed store
    #[arg(long)]
    pub managed: bool,
}
