//! `git`: configuration that names programs, aliases, and files as they were.

use agentfirewall_sdk::Access;

use super::super::parse::Parsed;
use super::super::words::{Content, Language, Role};
use super::{effect, touch};
use crate::understand::{Doing, Run, Taint, Word};

pub(super) fn run(parsed: &Parsed<'_>, doing: &mut Doing) {
    let subcommand = parsed.subcommand.first().map_or("", String::as_str);
    // Subcommands have a `-c` of their own, which `given` would mean.
    for given in &parsed.options {
        let Some(value) = &given.value else { continue };
        match given.name.as_str() {
            "-c" => {
                let (key, text) = value.text.split_once('=').unwrap_or((&value.text, "true"));
                let value = Word { text: text.to_owned(), ..value.clone() };
                alias(key, &value, parsed, doing);
                setting(key, &value, Some(subcommand), doing);
                configured(key, &value, doing);
            }
            "--config-env" => {
                let key = value.text.split_once('=').map_or(value.text.as_str(), |(key, _)| key);
                configured(key, &Word::unknown(Taint::ENVIRONMENT), doing);
            }
            _ => {}
        }
    }
    match subcommand {
        "cat-file" if !["-e", "-t", "-s", "--batch-check"].iter().any(|option| parsed.has(option)) => {
            shown(parsed, doing);
        }
        "show" => {
            shown(parsed, doing);
            differences(parsed, doing);
        }
        "diff" | "diff-tree" | "diff-index" | "diff-files" | "format-patch" => differences(parsed, doing),
        "log" | "whatchanged" | "reflog" if parsed.has("--patch") || parsed.has("-L") => {
            differences(parsed, doing);
        }
        "init"
            if parsed.operands.is_empty()
                && parsed.options.iter().any(|given| given.role == Role::Folder) =>
        {
            touch(doing, &Word::plain("."), Access::Write, false, Content::Unused);
        }
        _ => {}
    }
    // `git config key value`, `git config set key value`.
    if subcommand == "config" {
        let reads =
            ["--get", "--get-all", "--get-regexp", "--list", "--unset", "--unset-all", "--remove-section"];
        if reads.iter().any(|option| parsed.has(option)) {
            return;
        }
        let mut operands = parsed.operands.iter();
        let mut key = operands.next();
        if key.is_some_and(|key| matches!(key.text.as_str(), "set" | "get" | "list" | "unset" | "edit")) {
            key = operands.next();
        }
        if let (Some(key), Some(value)) = (key, operands.next()) {
            setting(&key.text, value, None, doing);
            configured(&key.text, value, doing);
        }
    }
}

/// `REVISION:PATH`: the file as it was, which the name of the path tells about.
fn shown(parsed: &Parsed<'_>, doing: &mut Doing) {
    for word in &parsed.operands {
        let Some((revision, _)) = word.text.split_once(':') else { continue };
        let mut path = word.after(revision.len() + 1);
        // `:0:path` names a stage of the index.
        if revision.is_empty() && path.text.get(1..2) == Some(":") {
            path = path.after(2);
        }
        // `:/text` looks for a message.
        if !path.text.is_empty() && !path.text.starts_with('/') {
            touch(doing, &path, Access::Read, false, Content::Shown);
        }
    }
}

/// Files whose lines a difference prints.
fn differences(parsed: &Parsed<'_>, doing: &mut Doing) {
    let names_only = [
        "--stat",
        "--name-only",
        "--name-status",
        "--shortstat",
        "--numstat",
        "--quiet",
        "--summary",
        "--no-index",
    ];
    if names_only.iter().any(|option| parsed.has(option)) {
        return;
    }
    for word in parsed
        .operands
        .iter()
        .filter(|word| !word.text.contains([':', '^', '@']) && !word.text.contains(".."))
    {
        touch(doing, word, Access::Read, false, Content::Shown);
    }
}

/// `git -c alias.x='reset --hard' x`: the alias stands for a subcommand.
fn alias(key: &str, value: &Word, parsed: &Parsed<'_>, doing: &mut Doing) {
    let Some((called, rest)) = parsed.operands.split_first() else { return };
    let named = key.split_once('.').is_some_and(|(section, name)| {
        section.eq_ignore_ascii_case("alias") && name.eq_ignore_ascii_case(&called.text)
    });
    if !named || value.text.starts_with('!') || !parsed.subcommand.is_empty() {
        return;
    }
    let mut argv = vec![Word::plain("git")];
    argv.extend(
        value
            .text
            .split_whitespace()
            .map(|word| Word { text: word.trim_matches(['"', '\'']).to_owned(), ..value.clone() }),
    );
    argv.extend(rest.iter().cloned());
    doing.recognised = true;
    doing.runs.push(Run::command(argv));
}

/// Settings that take a protection away. `subcommand` is what they are for, if it is not for all that come.
fn setting(key: &str, value: &Word, subcommand: Option<&str>, doing: &mut Doing) {
    let key = key.to_ascii_lowercase();
    let text = value.text.to_ascii_lowercase();
    let is = |name: &str| subcommand.is_none_or(|subcommand| subcommand == name);
    let off = matches!(text.as_str(), "false" | "no" | "off" | "0" | "");
    let soon = matches!(text.as_str(), "now" | "all" | "0" | "today" | "yesterday")
        || [".now", ".seconds", ".minutes"].iter().any(|part| text.contains(part));
    match key.as_str() {
        "clean.requireforce" if off && is("clean") => effect(doing, "git.discard", &key),
        "gc.pruneexpire" | "gc.reflogexpire" | "gc.reflogexpireunreachable"
            if soon && (is("gc") || is("maintenance")) =>
        {
            effect(doing, "git.destroy-recovery", &key);
        }
        // What is fetched could be anybody's.
        "http.sslverify" if off => effect(doing, "supply-chain.registry", &key),
        _ => {
            let per_site = key.starts_with("http.") && key.ends_with(".sslverify");
            let pruned = key.starts_with("gc.")
                && (key.ends_with(".reflogexpire") || key.ends_with(".reflogexpireunreachable"));
            if per_site && off {
                effect(doing, "supply-chain.registry", &key);
            } else if pruned && soon && is("gc") {
                effect(doing, "git.destroy-recovery", &key);
            }
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
        ("core", "pager" | "editor" | "sshcommand" | "askpass" | "gitproxy" | "alternaterefscommand")
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
            let outside = value.text.starts_with(['/', '~', '$']) || value.text.contains("..");
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
    doing.runs.push(Run::code(Language::Shell, command));
}

/// Programs that people set as pagers, editors and the like.
fn is_usual(command: &Word) -> bool {
    let first = command.text.split_whitespace().next().unwrap_or_default();
    matches!(
        first.rsplit('/').next().unwrap_or(first),
        "" | "cat"
            | "less"
            | "more"
            | "delta"
            | "diff-so-fancy"
            | "bat"
            | "true"
            | ":"
            | "false"
            | "vim"
            | "vi"
            | "nvim"
            | "nano"
            | "emacs"
            | "code"
            | "code-insiders"
            | "subl"
            | "cursor"
            | "zed"
            | "hx"
            | "micro"
            | "ssh"
            | "gpg"
            | "gpg2"
            | "git-lfs"
            | "difft"
            | "nbdime"
            | "meld"
            | "kdiff3"
            | "vimdiff"
    ) || command.text.starts_with("git-lfs ")
}
