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
                let path =
                    file.text.split([';', ',']).next().unwrap_or_default().trim_matches('"').to_owned();
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
    for option in ["--resolve", "--connect-to"] {
        for given in parsed.given(option) {
            // Where it really goes: `host:port:ADDRESS`, `host:port:HOST:port`.
            if let Some(value) = &given.value
                && let Some(to) = value.text.splitn(3, ':').nth(2)
                && !to.is_empty()
            {
                doing.contacts.push(Contact {
                    word: Word { text: to.to_owned(), ..value.clone() },
                    direction: Direction::Fetch,
                });
            }
        }
    }
    let changes =
        method.as_deref().is_some_and(|method| matches!(method, "POST" | "PUT" | "PATCH" | "DELETE"));
    if parsed.value("--unix-socket").is_some_and(|socket| is_container_socket(&socket.text))
        && (changes || !doing.sent.is_empty() || doing.input == Content::Sent)
    {
        effect(doing, "container.privileged", "--unix-socket");
    }
    if let Some(method) = &method {
        for url in
            parsed.operands.iter().chain(parsed.given("--url").filter_map(|given| given.value.as_ref()))
        {
            requested(method, &url.text, doing);
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
            let name =
                url.text.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
            if !name.is_empty() {
                touch(
                    doing,
                    &Word { text: name.to_owned(), ..url.clone() },
                    Access::Write,
                    false,
                    Content::Unused,
                );
            }
        }
    }
    let to_file =
        parsed.value("--output").is_some_and(|file| file.text != "-") || parsed.has("--remote-name");
    if to_file || parsed.has("--head") {
        doing.output = Output::Report;
    }
    if matches!(parsed.value("--proxy"), Some(proxy) if proxy.text.starts_with("socks")) {
        doing.effects.retain(|effect| effect.id != "exfiltration.tunnel");
    }
}

fn is_container_socket(path: &str) -> bool {
    ["docker.sock", "podman.sock", "containerd.sock", "crio.sock"].iter().any(|name| path.ends_with(name))
}

/// What a request deletes: something of another machine, or an index of a store of this one.
pub(super) fn requested(method: &str, url: &str, doing: &mut Doing) {
    let deletes = method.eq_ignore_ascii_case("delete");
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit('@').next().unwrap_or(host);
    let (name, port) = host.rsplit_once(':').unwrap_or((host, ""));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    // Elasticsearch and its relatives, CouchDB, Solr, Qdrant.
    let store = matches!(port, "9200" | "9201" | "9243" | "5984" | "6984" | "8983" | "6333")
        || ["elastic", "opensearch", "couchdb", "solr"].iter().any(|word| name.contains(word));
    let segments = path.split('/').filter(|part| !part.is_empty()).count();
    if path.contains("_delete_by_query") {
        return effect(doing, "database.delete-all", "_delete_by_query");
    }
    if !deletes {
        return;
    }
    let all = path.starts_with('_') && !path.starts_with("_search") || path.starts_with('*');
    if store && (segments <= 1 || path.starts_with('_')) || all {
        return effect(doing, "database.drop", "DELETE");
    }
    let here = matches!(name.trim_matches(['[', ']']), "localhost" | "127.0.0.1" | "0.0.0.0" | "::1" | "")
        || name.ends_with(".localhost")
        || name.ends_with(".local")
        || name.ends_with(".test");
    if !here {
        effect(doing, "cloud.delete", "DELETE");
    }
}

/// `http DELETE address`.
pub(super) fn httpie(parsed: &Parsed<'_>, doing: &mut Doing) {
    if let [method, url, ..] = parsed.operands.as_slice()
        && method.text.bytes().all(|byte| byte.is_ascii_alphabetic())
    {
        requested(&method.text, &url.text, doing);
    }
}

pub(super) fn aria2c(parsed: &Parsed<'_>, doing: &mut Doing) {
    if parsed.has("--out") {
        return;
    }
    let folder = parsed.value("--dir").cloned();
    for url in &parsed.operands {
        let name =
            url.text.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        if !name.is_empty() {
            doing.touches.push(crate::understand::Touch {
                folder: folder.clone(),
                ..crate::understand::Touch::new(Word { text: name.to_owned(), ..url.clone() }, Access::Write)
            });
        }
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
                let name = url
                    .text
                    .split(['?', '#'])
                    .next()
                    .unwrap_or_default()
                    .rsplit('/')
                    .next()
                    .unwrap_or_default();
                let name = if name.is_empty() { "index.html" } else { name };
                let file = Word { text: name.to_owned(), ..url.clone() };
                doing.touches.push(crate::understand::Touch {
                    folder: folder.clone(),
                    ..crate::understand::Touch::new(file, Access::Write)
                });
            }
        }
    }
    if let Some(method) = parsed.value("--method") {
        for url in &parsed.operands {
            requested(&method.text, &url.text, doing);
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
