//! `ssh`, `nc`, `socat`, `openssl`: connections, and what runs at their ends.

use agentfirewall_sdk::{Access, Direction};

use super::super::parse::Parsed;
use super::super::words::{Content, Language, Output};
use super::{effect, touch};
use crate::understand::{Address, Contact, Doing, Run, Word};

fn contact(doing: &mut Doing, word: &Word, direction: Direction) {
    doing.contacts.push(Contact { word: word.clone(), direction });
}

fn shell(doing: &mut Doing, text: Word, elsewhere: bool) {
    doing.runs.push(Run::code(Language::Shell, text).elsewhere(elsewhere));
}

/// The configuration that `-o` gives, where it names a program.
pub(super) fn ssh_options(parsed: &Parsed<'_>, doing: &mut Doing) {
    for given in parsed.given("-o") {
        let Some(value) = &given.value else { continue };
        let Some((name, text)) = value.text.split_once(['=', ' ']) else { continue };
        match name.to_ascii_lowercase().as_str() {
            "proxycommand" | "localcommand" | "knownhostscommand" | "proxyusefdpass" => {
                let command = Word { text: text.trim_matches('"').to_owned(), ..value.clone() };
                if !matches!(
                    command.text.split_whitespace().next(),
                    Some("ssh" | "nc" | "none" | "cloudflared" | "aws")
                ) {
                    effect(doing, "shell.runner-flag", name);
                }
                shell(doing, command, false);
            }
            "pkcs11provider" | "securitykeyprovider" | "xauthlocation" => {
                effect(doing, "shell.runner-flag", name);
            }
            _ => {}
        }
    }
}

pub(super) fn ssh(parsed: &Parsed<'_>, doing: &mut Doing) {
    ssh_options(parsed, doing);
    // A configuration that nobody can look at may name programs.
    if parsed
        .value("-F")
        .is_some_and(|file| file.text == "-" || file.text.starts_with("/dev/") && file.text != "/dev/null")
    {
        effect(doing, "shell.runner-flag", "-F");
    }
    let Some((host, command)) = parsed.operands.split_first() else { return };
    doing.output = Output::Network;
    contact(doing, host, Direction::Connect);
    if command.is_empty() {
        doing.input = Content::Run(Language::Shell);
        // What is typed there runs there; without a command and with input, the input is a script.
        return;
    }
    let text = command.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    let taint = command.iter().fold(host.taint, |taint, word| taint | word.taint);
    // A connection to this machine leads to its own files.
    let elsewhere = !Address::of(&host.text).is_loopback();
    shell(doing, Word { text, wild: false, taint }, elsewhere);
    // A shell alone reads there what comes in here.
    let words: Vec<&str> = text_words(command);
    let alone = matches!(
        words.as_slice(),
        ["sh" | "bash" | "zsh" | "dash"] | ["sh" | "bash" | "zsh" | "dash", "-s" | "-" | "-l" | "-x", ..]
    );
    doing.input = if alone { Content::Run(Language::Shell) } else { Content::Sent };
}

fn text_words(command: &[Word]) -> Vec<&str> {
    let words = command.iter().flat_map(|word| word.text.split_whitespace());
    words
        .skip_while(|word| matches!(*word, "sudo" | "exec" | "-n" | "-E"))
        .map(|word| word.rsplit('/').next().unwrap_or(word))
        .collect()
}

pub(super) fn nc(parsed: &Parsed<'_>, doing: &mut Doing) {
    let listens = parsed.has("--listen");
    let runs =
        parsed.value("--exec").or_else(|| parsed.value("--sh-exec")).or_else(|| parsed.value("--lua-exec"));
    if let Some(program) = runs {
        let id = if listens { "remote-code.listen" } else { "remote-code.reverse-shell" };
        effect(doing, id, &program.text);
        if is_shell(&program.text) {
            effect(doing, "remote-code.reverse-shell", &program.text);
        }
    }
    if let Some(host) = parsed.operands.first().filter(|_| !listens) {
        let word = match parsed.operands.get(1) {
            Some(port) => Word { text: format!("{}:{}", host.text, port.text), ..host.clone() },
            None => host.clone(),
        };
        contact(doing, &word, Direction::Connect);
    }
    if !parsed.has("-z") {
        doing.input = Content::Sent;
        doing.output = Output::Network;
    }
}

fn is_shell(text: &str) -> bool {
    text.split_whitespace().any(|word| {
        matches!(
            word.rsplit('/').next().unwrap_or(word),
            "sh" | "bash"
                | "zsh"
                | "dash"
                | "ksh"
                | "cmd"
                | "cmd.exe"
                | "powershell"
                | "powershell.exe"
                | "pwsh"
        )
    })
}

pub(super) fn socat(parsed: &Parsed<'_>, doing: &mut Doing) {
    let ends: Vec<(String, &Word)> = parsed
        .operands
        .iter()
        .map(|word| (word.text.split([':', ',']).next().unwrap_or_default().to_ascii_uppercase(), word))
        .collect();
    let mut network = false;
    let mut runs = false;
    for (kind, word) in &ends {
        let rest = word.text.split_once(':').map_or("", |(_, rest)| rest);
        let value = rest.split(',').next().unwrap_or_default();
        match kind.as_str() {
            "TCP" | "TCP4" | "TCP6" | "TCP-CONNECT" | "UDP" | "UDP4" | "UDP-CONNECT" | "SSL" | "OPENSSL"
            | "OPENSSL-CONNECT" | "SCTP" | "SOCKS4" | "SOCKS4A" | "PROXY" => {
                network = true;
                contact(doing, &Word { text: value.to_owned(), ..(*word).clone() }, Direction::Connect);
            }
            kind if kind.contains("LISTEN") => network = true,
            "EXEC" | "SYSTEM" | "SHELL" => {
                runs = true;
                shell(doing, Word { text: value.to_owned(), ..(*word).clone() }, false);
            }
            "STDIN" | "STDIO" | "-" => doing.input = Content::Sent,
            "FILE" | "OPEN" | "GOPEN" | "CREATE" => {
                touch(
                    doing,
                    &Word { text: value.to_owned(), ..(*word).clone() },
                    Access::Read,
                    false,
                    Content::Sent,
                );
            }
            _ => {}
        }
    }
    // Whoever reaches the container engine owns the machine (https://docs.docker.com/engine/security/).
    let listens = ends.iter().any(|(kind, word)| {
        let near = ["bind=127.", "bind=localhost", "bind=[::1]"].iter().any(|here| word.text.contains(here));
        kind.contains("LISTEN") && !kind.starts_with("UNIX") && !kind.starts_with("ABSTRACT") && !near
    });
    let engine = |text: &str| {
        ["docker.sock", "podman.sock", "containerd.sock", "crio.sock"]
            .iter()
            .any(|socket| text.contains(socket))
    };
    if listens && ends.iter().any(|(kind, word)| kind.starts_with("UNIX") && engine(&word.text)) {
        effect(doing, "container.escape", "the engine's socket is opened to the network");
    }
    if network && runs {
        effect(doing, "remote-code.reverse-shell", "socat");
    } else if network {
        doing.output = Output::Network;
    }
}

/// A library by its path, which is loaded.
fn is_library(text: &str) -> bool {
    !text.starts_with('-')
        && (text.contains(['/', '\\']) || [".so", ".dylib", ".dll"].iter().any(|end| text.ends_with(end)))
}

/// `sqlplus user/password @FILE`.
pub(super) fn sqlplus(parsed: &Parsed<'_>, doing: &mut Doing) {
    for word in parsed.operands.iter().filter(|word| word.text.starts_with('@') && word.text.len() > 1) {
        doing.input = Content::Unused;
        doing.runs.push(Run::File {
            language: Language::Sql,
            path: word.after(1),
            arguments: Vec::new(),
            here: true,
        });
    }
}

pub(super) fn openssl(parsed: &Parsed<'_>, doing: &mut Doing) {
    let words = &parsed.words;
    let value = |name: &str| {
        let at = words.iter().position(|word| word.text == name)?;
        words.get(at + 1)
    };
    let has = |name: &str| words.iter().any(|word| word.text == name);
    let Some(command) = words.first().map(|word| word.text.clone()) else { return };
    for option in ["-engine", "-provider", "-provider-path", "-engine_impl"] {
        if value(option).is_some_and(|value| is_library(&value.text) || option == "-provider-path") {
            effect(doing, "shell.runner-flag", option);
        }
    }
    let reads = value("-in").cloned();
    let writes = value("-out").cloned();
    match command.as_str() {
        "enc" | "base64" | "aes-256-cbc" | "aes-128-cbc" | "des3" => {
            let decodes = has("-d");
            let content = if decodes { Content::Decoded } else { Content::Encoded };
            if decodes {
                doing.options.push(("-d".to_owned(), None));
            }
            match &reads {
                Some(file) => touch(doing, file, Access::Read, false, content),
                None => doing.input = content,
            }
        }
        "s_client" => {
            if let Some(host) = value("-connect") {
                contact(doing, &host.clone(), Direction::Connect);
            }
            doing.input = Content::Sent;
            doing.output = Output::Network;
        }
        "s_server" => effect(doing, "remote-code.listen", "openssl s_server"),
        "engine" if has("-pre") || words.iter().skip(1).any(|word| is_library(&word.text)) => {
            effect(doing, "shell.runner-flag", "-pre");
        }
        // Keys are looked at: `rsa -in key` prints the key itself unless told not to.
        "rsa" | "pkey" | "ec" | "dsa" | "pkcs8" | "pkcs12" => {
            let shows = !has("-noout") && !has("-pubout") && writes.is_none();
            if let Some(file) = &reads {
                touch(doing, file, Access::Read, false, if shows { Content::Shown } else { Content::Unused });
            }
        }
        _ => {
            if let Some(file) = &reads {
                touch(doing, file, Access::Read, false, Content::Unused);
            }
        }
    }
    if let Some(file) = &writes {
        touch(doing, file, Access::Write, false, Content::Unused);
    }
}
