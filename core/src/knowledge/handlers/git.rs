//! `git`: configuration that names programs, and aliases.

use super::super::parse::Parsed;
use super::super::words::Language;
use super::effect;
use crate::understand::{Doing, Run, Word};

pub(super) fn run(parsed: &Parsed<'_>, doing: &mut Doing) {
    for given in parsed.given("-c") {
        if let Some(value) = &given.value {
            let (key, text) = value.text.split_once('=').unwrap_or((&value.text, ""));
            configured(key, &Word { text: text.to_owned(), ..value.clone() }, doing);
        }
    }
    // `git config key value`, `git config set key value`.
    if parsed.subcommand.first().is_some_and(|name| name == "config") {
        let reads = ["--get", "--get-all", "--get-regexp", "--list", "--unset", "--unset-all", "--remove-section"];
        if reads.iter().any(|option| parsed.has(option)) {
            return;
        }
        let mut operands = parsed.operands.iter();
        let mut key = operands.next();
        if key.is_some_and(|key| matches!(key.text.as_str(), "set" | "get" | "list" | "unset" | "edit")) {
            key = operands.next();
        }
        if let (Some(key), Some(value)) = (key, operands.next()) {
            configured(&key.text, value, doing);
        }
    }
}

/// What a setting makes git run.
fn configured(key: &str, value: &Word, doing: &mut Doing) {
    let key = key.to_ascii_lowercase();
    let (section, name) = key.rsplit_once('.').unwrap_or(("", &key));
    let root = section.split('.').next().unwrap_or_default();
    let command = match (root, name) {
        ("alias", _) => match value.text.strip_prefix('!') {
            Some(command) => Some(value.after(value.text.len() - command.len())),
            None => return,
        },
        (
            "core",
            "pager" | "editor" | "sshcommand" | "askpass" | "gitproxy" | "alternaterefscommand",
        )
        | ("sequence", "editor")
        | ("diff", "external" | "textconv" | "command")
        | ("filter", "clean" | "smudge" | "process")
        | ("merge", "driver")
        | ("difftool" | "mergetool" | "browser" | "man", "cmd")
        | ("gpg", "program")
        | ("uploadpack", "packobjectshook")
        | ("pager", _)
        | ("interactive", "difffilter")
        | ("sendemail", "tocmd" | "cccmd" | "sendmailcmd")
        | ("trailer", "command" | "cmd")
        | ("remote", "uploadpack" | "receivepack") => Some(value.clone()),
        ("core", "fsmonitor") if !matches!(value.text.as_str(), "true" | "false" | "1" | "0" | "") => {
            Some(value.clone())
        }
        ("credential", "helper") if value.text.starts_with(['!', '/']) => {
            Some(value.after(usize::from(value.text.starts_with('!'))))
        }
        ("core", "hookspath") => {
            // Hooks that come with the project are everyday.
            let outside = value.text.starts_with(['/', '~', '$']) && value.text != "/dev/null" || value.text.contains("..");
            if outside || !value.known() {
                effect(doing, "git.run-config", &key);
            }
            return;
        }
        ("init", "templatedir") | ("protocol", "allow") | ("url", "insteadof" | "pushinsteadof") => {
            effect(doing, "git.run-config", &key);
            return;
        }
        ("include" | "includeif", "path") => {
            effect(doing, "git.run-config", &key);
            return;
        }
        _ => return,
    };
    let Some(command) = command else { return };
    if !is_usual(&command) {
        effect(doing, "git.run-config", &key);
    }
    doing.runs.push(Run::Code {
        language: Language::Shell,
        text: command,
        arguments: Vec::new(),
        elsewhere: false,
    });
}

/// Programs that people set as pagers, editors and the like.
fn is_usual(command: &Word) -> bool {
    let first = command.text.split_whitespace().next().unwrap_or_default();
    matches!(
        first.rsplit('/').next().unwrap_or(first),
        "" | "cat" | "less" | "more" | "delta" | "diff-so-fancy" | "bat" | "true" | ":" | "false" | "vim" | "vi" | "nvim"
            | "nano" | "emacs" | "code" | "code-insiders" | "subl" | "cursor" | "zed" | "hx" | "micro" | "ssh" | "gpg"
            | "gpg2" | "git-lfs" | "difft" | "nbdime" | "meld" | "kdiff3" | "vimdiff"
    ) || command.text.starts_with("git-lfs ")
}
