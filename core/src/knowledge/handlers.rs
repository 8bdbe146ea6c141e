//! What rows cannot say: programs whose arguments are a language of their own.

mod archive;
mod containers;
mod git;
mod lists;
mod packages;
mod remote;
mod search;
mod shells;
mod text;
mod transfer;
mod vim;

use agentfirewall_sdk::Access;

use super::parse::Parsed;
use super::words::Content;
use crate::understand::{Doing, Effect, Touch, Word};

/// The handlers that rows may name; the build script reads them from `knowledge/handlers.txt`.
pub(super) const NAMES: &[&str] = &[
    "aria2c",
    "awk",
    "bwrap",
    "cmd",
    "curl",
    "docker",
    "docker-build",
    "env",
    "fd",
    "find",
    "git",
    "httpie",
    "join",
    "kubectl",
    "kubectl-get",
    "nc",
    "near-crates",
    "near-npm",
    "near-pypi",
    "node",
    "openssl",
    "parallel",
    "powershell",
    "rsync",
    "sed",
    "socat",
    "sqlplus",
    "ssh",
    "ssh-options",
    "tar",
    "vim",
    "wget",
    "xargs",
];

/// Adds what a handler knows.
pub(super) fn run(name: &str, parsed: &Parsed<'_>, doing: &mut Doing) {
    match name {
        "aria2c" => transfer::aria2c(parsed, doing),
        "awk" => text::awk(parsed, doing),
        "bwrap" => shells::bwrap(parsed, doing),
        "cmd" => shells::cmd(parsed, doing),
        "httpie" => transfer::httpie(parsed, doing),
        "join" => shells::join(parsed, doing),
        "powershell" => shells::powershell(parsed, doing),
        "curl" => transfer::curl(parsed, doing),
        "docker-build" => containers::build(parsed, doing),
        "docker" | "kubectl" => containers::run(parsed, doing),
        "kubectl-get" => containers::get(parsed, doing),
        "env" => lists::env(parsed, doing),
        "fd" => search::fd(parsed, doing),
        "find" => search::find(parsed, doing),
        "git" => git::run(parsed, doing),
        "nc" => remote::nc(parsed, doing),
        "near-crates" => packages::near(packages::CRATES, parsed, doing),
        "near-npm" => packages::near(packages::NPM, parsed, doing),
        "near-pypi" => packages::near(packages::PYPI, parsed, doing),
        "node" => shells::node(parsed, doing),
        "openssl" => remote::openssl(parsed, doing),
        "parallel" => lists::parallel(parsed, doing),
        "rsync" => transfer::rsync(parsed, doing),
        "sed" => text::sed(parsed, doing),
        "sqlplus" => remote::sqlplus(parsed, doing),
        "socat" => remote::socat(parsed, doing),
        "ssh" => remote::ssh(parsed, doing),
        "ssh-options" => remote::ssh_options(parsed, doing),
        "tar" => archive::tar(parsed, doing),
        "vim" => vim::run(parsed, doing),
        "wget" => transfer::wget(parsed, doing),
        "xargs" => lists::xargs(parsed, doing),
        _ => {}
    }
}

fn effect(doing: &mut Doing, id: &str, detail: &str) {
    doing.effects.push(Effect::new(id, detail));
}

fn touch(doing: &mut Doing, word: &Word, access: Access, tree: bool, content: Content) {
    doing.touches.push(Touch { tree, content, ..Touch::new(word.clone(), access) });
}
