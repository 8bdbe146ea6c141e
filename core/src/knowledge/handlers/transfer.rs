//! `curl`, `wget`, `rsync`: what goes where.

use agentfirewall_sdk::{Access, Direction};

use super::super::parse::Parsed;
use super::super::words::{Content, Language, Output};
use super::{effect, touch};
use crate::understand::{Contact, Doing, Run, Word};

pub(super) fn curl(parsed: &Parsed<'_>, doing: &mut Doing) {
    let method = parsed.value("--request").map(|method| method.text.to_ascii_uppercase());
    for given in parsed.given("--form") {
        // `name=@file` and `name=<file` send a file; a type or a name may follow after a semicolon.
        if let Some(value) = &given.value
            && let Some((name, content)) = value.text.split_once('=')
        {
            let after = name.len() + 1;
            if content.starts_with(['@', '<']) {
                let file = value.after(after + 1);
                let path = file.text.split([';', ',']).next().unwrap_or_default().trim_matches('"').to_owned();
                send(doing, &Word { text: path, ..file });
            } else {
                doing.sent.push(value.after(after));
            }
        }
    }
    for given in parsed.given("--upload-file") {
        if let Some(value) = &given.value {
            send(doing, value);
        }
    }
    // `--data-urlencode name@file`.
    for given in parsed.given("--data-urlencode") {
        if let Some(value) = &given.value
            && let Some((name, file)) = value.text.split_once('@')
            && !name.is_empty()
            && !name.contains('=')
            && !file.is_empty()
        {
            send(doing, &value.after(name.len() + 1));
        }
    }
    let query = parsed.has("--get");
    let sends = !doing.sent.is_empty()
        || doing.touches.iter().any(|touch| touch.content == Content::Sent)
        || doing.input == Content::Sent
        || method.as_deref().is_some_and(|method| matches!(method, "POST" | "PUT" | "PATCH" | "DELETE"));
    let direction = if sends && !query { Direction::Send } else { Direction::Fetch };
    for contact in &mut doing.contacts {
        contact.direction = direction;
    }
    for url in &parsed.operands {
        doing.contacts.push(Contact { word: url.clone(), direction });
        if let Some(path) = url.text.strip_prefix("file://") {
            let at = url.text.len() - path.len();
            touch(doing, &url.after(at), Access::Read, false, Content::Shown);
        }
        if parsed.has("--remote-name") {
            let name = url.text.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
            if !name.is_empty() {
                touch(doing, &Word { text: name.to_owned(), ..url.clone() }, Access::Write, false, Content::Unused);
            }
        }
    }
    let to_file = parsed.value("--output").is_some_and(|file| file.text != "-") || parsed.has("--remote-name");
    if to_file || parsed.has("--head") {
        doing.output = Output::Report;
    }
    if matches!(parsed.value("--proxy"), Some(proxy) if proxy.text.starts_with("socks")) {
        doing.effects.retain(|effect| effect.id != "exfiltration.tunnel");
    }
}

/// A file that is sent; `-` is standard input.
fn send(doing: &mut Doing, word: &Word) {
    if matches!(word.text.as_str(), "-" | ".") {
        doing.input = Content::Sent;
    } else {
        touch(doing, word, Access::Read, false, Content::Sent);
    }
}

pub(super) fn wget(parsed: &Parsed<'_>, doing: &mut Doing) {
    let sends = !doing.sent.is_empty() || doing.touches.iter().any(|touch| touch.content == Content::Sent);
    if sends {
        for contact in &mut doing.contacts {
            contact.direction = Direction::Send;
        }
    }
    match parsed.value("--output-document").map(|file| file.text.as_str()) {
        Some("-" | "/dev/stdout") => doing.output = Output::Network,
        Some(_) => {}
        None => {
            let folder = parsed.value("--directory-prefix").cloned();
            for url in &parsed.operands {
                let name = url.text.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
                let name = if name.is_empty() { "index.html" } else { name };
                let file = Word { text: name.to_owned(), ..url.clone() };
                doing.touches.push(crate::understand::Touch {
                    folder: folder.clone(),
                    ..crate::understand::Touch::new(file, Access::Write)
                });
            }
        }
    }
    // `-e` gives a line of its configuration.
    if let Some(line) = parsed.value("--execute")
        && line.text.replace(' ', "").starts_with("use_askpass")
    {
        effect(doing, "shell.runner-flag", "-e use_askpass");
    }
}

pub(super) fn rsync(parsed: &Parsed<'_>, doing: &mut Doing) {
    for name in ["--rsh", "--rsync-path"] {
        let Some(value) = parsed.value(name) else { continue };
        let program = value.text.split_whitespace().next().unwrap_or_default();
        if !matches!(program.rsplit('/').next(), Some("ssh" | "rsync")) {
            effect(doing, "shell.runner-flag", name);
        }
        doing.runs.push(Run::Code {
            language: Language::Shell,
            text: value.clone(),
            arguments: Vec::new(),
            elsewhere: name == "--rsync-path",
        });
    }
    let deletes = parsed.options.iter().any(|given| given.name.starts_with("--del"));
    if deletes
        && let Some(target) = parsed.operands.last()
        && super::super::apply::remote(&target.text).is_none()
    {
        touch(doing, target, Access::Delete, true, Content::Unused);
    }
    if parsed.has("--remove-source-files") {
        for source in parsed.operands.iter().rev().skip(1) {
            touch(doing, source, Access::Delete, true, Content::Unused);
        }
    }
}
