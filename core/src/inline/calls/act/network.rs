//! Calls that reach other machines.

use agentfirewall_sdk::{Access, Direction};

use super::Call;
use crate::inline::calls::{CONTENT, Means};
use crate::inline::reader::Reader;
use crate::inline::value::{Is, Marks, PATH, Value};
use crate::understand::{Content, Word};

impl Reader<'_> {
    /// Hosts and what goes there.
    pub(super) fn network(&mut self, means: Means, key: &str, call: &Call<'_>) -> Value {
        let answer = Value::new(Is::Made(key.to_owned(), Vec::new()), Marks::NETWORK);
        match means {
            Means::Fetch(place) | Means::Options(place) | Means::Send(place) => {
                let address = call.named(place, &["url", "uri"]);
                let parts = address_of(&address);
                let data: Vec<Value> = call
                    .rest(usize::try_from(place).unwrap_or(0) + 1)
                    .iter()
                    .chain(
                        call.arguments
                            .named
                            .iter()
                            .filter(|(name, _)| {
                                !name.contains("header") && name != "auth" && name != "cookies"
                            })
                            .map(|(_, value)| value),
                    )
                    .flat_map(body)
                    .collect();
                let posts = matches!(means, Means::Send(_))
                    || call.arguments.named("data").is_some()
                    || call.arguments.list.iter().chain(std::iter::once(&address)).any(|value| {
                        value.at("method").is_some_and(|method| {
                            !matches!(method.shown().to_ascii_uppercase().as_str(), "GET" | "HEAD")
                        }) || value.at("body").is_some()
                    })
                    || matches!(&*address.is, Is::Made(_, all) if all.len() > 1);
                let marks = data.iter().fold(address.marks, |all, value| all.and(value.marks));
                self.sends(&parts, marks, posts);
                answer
            }
            Means::Request => {
                let method = call.named(0, &["method"]).shown().to_ascii_uppercase();
                let marks = call
                    .rest(1)
                    .iter()
                    .chain(
                        call.arguments
                            .named
                            .iter()
                            .filter(|(name, _)| name != "headers" && name != "auth")
                            .map(|(_, value)| value),
                    )
                    .fold(Marks::NONE, |all, value| all.and(value.marks));
                let address = call.named(1, &["url"]);
                // `connection.request("POST", "/path", body)` names no host; the connection did.
                if is_url(&address.shown()) || !address.shown().starts_with('/') {
                    self.sends(&address, marks, !matches!(method.as_str(), "GET" | "HEAD"));
                } else {
                    self.leaves(marks);
                }
                answer
            }
            Means::Connect | Means::Listen => {
                let mut values: Vec<Value> = call.rest(0).iter().flat_map(Value::items).collect();
                values.extend(
                    call.arguments
                        .named
                        .iter()
                        .filter(|(name, _)| {
                            matches!(
                                name.to_ascii_lowercase().as_str(),
                                "host"
                                    | "hostname"
                                    | "port"
                                    | "peeraddr"
                                    | "peerport"
                                    | "address"
                                    | "url"
                                    | "uri"
                            )
                        })
                        .map(|(_, value)| value.clone()),
                );
                let host = host_of(&values);
                let raw = !key.contains("smtp")
                    && !key.contains("ftp")
                    && !key.contains("HTTP")
                    && !key.contains("http");
                if matches!(means, Means::Listen) {
                    self.seen.listens |= raw;
                    self.contact(host, Direction::Listen);
                } else {
                    self.seen.socket |= raw;
                    self.contact(host, Direction::Connect);
                }
                answer
            }
            Means::Put => {
                let of = call.of.clone().unwrap_or_else(|| Value::unknown(Marks::NONE));
                let marks = call.arguments.marks();
                match &*of.is {
                    Is::Made(by, inner) if by == "open" || by == "archive" => {
                        let path = inner.first().cloned().unwrap_or_else(|| Value::unknown(Marks::NONE));
                        self.stored(&path, marks);
                        if marks.has(Marks::STDIN) {
                            self.takes(Content::Stored);
                        }
                    }
                    Is::Name(name)
                        if matches!(
                            name.as_str(),
                            "sys.stdout"
                                | "process.stdout"
                                | "STDOUT"
                                | "$stdout"
                                | "sys.stderr"
                                | "process.stderr"
                                | "io"
                                | "sys.stdout.buffer"
                        ) =>
                    {
                        self.shown(&call.arguments.list);
                    }
                    _ if of.marks.has(Marks::NETWORK) || self.seen.socket => self.leaves(marks),
                    _ => {}
                }
                Value::unknown(Marks::NONE)
            }
            Means::Download(from, to) => {
                let (from, to) = (call.named(from, &["url"]), call.named(to, &["filename"]));
                self.sends(&from, Marks::NONE, false);
                self.touch(&to, Access::Write, false, Content::Unused);
                self.stored(&to, Marks::NETWORK);
                answer
            }
            _ => answer,
        }
    }

    /// Something goes to an address, or only comes from there.
    fn sends(&mut self, address: &Value, marks: Marks, posts: bool) {
        for word in address.words() {
            let local = is_local(&word.text);
            if word.text.starts_with("file:") {
                self.effect("exfiltration.local-file-url", "a local file by its address");
            }
            let carries = marks.has(Marks::FILE.and(Marks::ENVIRONMENT).and(Marks::STDIN).and(Marks::SECRET));
            let direction = if posts || carries { Direction::Send } else { Direction::Fetch };
            if !local {
                self.leaves(marks);
            }
            self.contact(word, direction);
        }
    }

    fn leaves(&mut self, marks: Marks) {
        self.seen.sent = self.seen.sent.and(marks);
    }
}

/// The values in which something is sent: not the headers of a request.
fn body(value: &Value) -> Vec<Value> {
    match &*value.is {
        Is::Map(all) => all
            .iter()
            .filter(|(name, _)| !name.to_ascii_lowercase().contains("header") && name != "auth")
            .map(|(_, value)| value.clone())
            .collect(),
        _ => vec![value.clone()],
    }
}

pub(super) fn is_url(text: &str) -> bool {
    ["http://", "https://", "ftp://", "ws://", "wss://"].iter().any(|scheme| text.starts_with(scheme))
}

fn is_local(text: &str) -> bool {
    let host = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = host.split(['/', '?']).next().unwrap_or(host);
    let host = host.rsplit('@').next().unwrap_or(host);
    let name = host.split(':').next().unwrap_or(host);
    matches!(name, "localhost" | "127.0.0.1" | "0.0.0.0") || host.starts_with("[::1]")
}

/// The address in a value: a text, options with a host, a request.
fn address_of(value: &Value) -> Value {
    match &*value.is {
        Is::Map(_) => {
            let whole = value.at("url").or_else(|| value.at("uri"));
            let host = || value.at("hostname").or_else(|| value.at("host"));
            whole.or_else(host).unwrap_or_else(|| Value::unknown(value.marks))
        }
        Is::Made(by, all) if by != CONTENT && by != PATH => {
            all.first().cloned().unwrap_or_else(|| value.clone())
        }
        _ => value.clone(),
    }
}

fn host_of(values: &[Value]) -> Word {
    let port = values.iter().find_map(|value| {
        value.at("port").or_else(|| matches!(&*value.is, Is::Number(_)).then(|| value.clone()))
    });
    let host = values.iter().find_map(|value| match &*value.is {
        Is::Map(_) => value.at("host").or_else(|| value.at("hostname")),
        Is::Text(_) | Is::Either(_) => Some(value.clone()),
        _ => None,
    });
    let word = match (host, port) {
        (Some(host), Some(port)) => host.concat(&Value::plain(":")).concat(&port),
        (Some(host), None) => host,
        // Without a host it is this machine.
        (None, Some(port)) if values.len() == 1 => Value::plain("localhost:").concat(&port),
        _ => Value::unknown(Marks::NONE),
    };
    word.words().into_iter().next().unwrap_or_default()
}
