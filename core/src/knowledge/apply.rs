//! From the words of a command and its row to what it does.

use agentfirewall_sdk::{Access, Direction};

use super::handlers;
use super::parse::{Parsed, parse};
use super::row::Row;
use super::words::{Content, Language, Output, Role, Way};
use super::{condition, program_name};
use crate::understand::{Address, Contact, Doing, Effect, Run, Touch, UNKNOWN, Word};

/// What a program does that the table knows.
pub(super) fn doing(program: String, row: &Row<'_>, argv: &[Word]) -> Doing {
    let mut parsed = parse(row, argv);
    let mut doing = Doing {
        program,
        recognised: true,
        subcommand: parsed.subcommand.clone(),
        options: parsed.options.iter().map(|given| (given.name.clone(), given.value.clone())).collect(),
        operands: parsed.operands.clone(),
        ..Doing::default()
    };
    // A program that has subcommands and is given one that the table does not have.
    if let Some(row) = parsed.row()
        && !row.subcommands.is_empty()
        && !parsed.operands.is_empty()
        && row.operands.is_empty()
    {
        doing.recognised = false;
    }
    if parsed.rows.iter().any(|row| !row.idle.is_empty() && condition::any(&row.idle, &parsed)) {
        doing.harmless = true;
        return doing;
    }
    let means = Means::of(&parsed);
    for given in &mut parsed.options {
        if let Some(role) = means.roles.iter().find(|(name, _)| *name == given.name).map(|(_, role)| *role) {
            given.role = role;
        }
    }
    // What looked like a command is none under these conditions.
    if !means.operands.iter().any(|(role, _)| *role == Role::Command)
        && let Some(command) = parsed.command.take()
    {
        parsed.operands.extend(command);
    }
    let folder = parsed
        .options
        .iter()
        .filter(|given| given.role == Role::Folder)
        .filter_map(|given| given.value.clone())
        .next_back();
    doing.input = means.input;
    doing.output = means.output;
    let mut acting = Acting {
        doing: &mut doing,
        content: means.content,
        remote: false,
        environment: parsed.assignments.clone(),
    };
    let pairs = assigned(&means.operands, parsed.operands.len());
    acting.remote = pairs
        .iter()
        .zip(&parsed.operands)
        .any(|((role, _), word)| matches!(role, Role::RemoteWrite) && remote(&word.text).is_some());
    for given in &parsed.options {
        if let Some(value) = &given.value {
            // What follows a module is its own.
            let after = if matches!(given.role, Role::Module(_)) { parsed.operands.as_slice() } else { &[] };
            acting.act(given.role, value, after);
        }
    }
    for (at, (role, word)) in pairs.iter().map(|(role, _)| role).zip(&parsed.operands).enumerate() {
        let after = parsed.operands.get(at + 1..).unwrap_or_default();
        acting.act(*role, word, after);
        if matches!(role, Role::Script(_) | Role::Module(_)) {
            break;
        }
    }
    if let Some(command) = &parsed.command {
        acting.run(command.clone());
    } else if let Some(at) = means.operands.iter().position(|(role, _)| *role == Role::Command)
        && let Some(command) = parsed.operands.get(at..).filter(|command| !command.is_empty())
    {
        acting.run(command.to_vec());
    }
    for row in &parsed.rows {
        for (id, conditions) in &row.effects {
            let runner = *id == "shell.runner-flag";
            if condition::any(conditions, &parsed) && !(runner && condition::of_filters(conditions, &parsed))
            {
                doing.effects.push(Effect::new(*id, detail(&parsed)));
            }
        }
    }
    for handler in parsed.rows.iter().filter_map(|row| row.handler) {
        handlers::run(handler, &parsed, &mut doing);
    }
    if let Some(folder) = folder {
        for touch in doing.touches.iter_mut().filter(|touch| touch.folder.is_none()) {
            touch.folder = Some(folder.clone());
        }
    }
    doing.harmless = doing.recognised
        && doing.effects.is_empty()
        && doing.runs.is_empty()
        && doing.input != Content::Sent
        && !matches!(doing.input, Content::Run(_))
        && doing.output != Output::Secret
        && doing.touches.iter().all(|touch| touch.access == Access::Read && touch.content != Content::Sent)
        && doing.contacts.iter().all(|contact| contact.direction == Direction::Fetch);
    doing
}

/// What a program does that the table does not know.
pub(super) fn unknown(program: &str, argv: &[Word]) -> Doing {
    let mut doing = Doing { program: program.to_owned(), ..Doing::default() };
    for word in argv.iter().skip(1) {
        match word.text.strip_prefix('-') {
            Some(rest) if !rest.is_empty() => match word.text.split_once('=') {
                Some((name, _)) => doing.options.push((name.to_owned(), Some(word.after(name.len() + 1)))),
                None => doing.options.push((word.text.clone(), None)),
            },
            _ => doing.operands.push(word.clone()),
        }
    }
    // A path: a file that is run.
    if let Some(first) = argv.first()
        && first.text.contains(['/', '\\'])
    {
        doing.runs.push(Run::File {
            language: by_extension(&first.text),
            path: first.clone(),
            arguments: argv.iter().skip(1).cloned().collect(),
            here: true,
        });
    }
    doing
}

/// The language of a file by its name.
pub(super) fn by_extension(path: &str) -> Language {
    let name = program_name(path);
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("sh" | "bash" | "zsh" | "ksh" | "command") => Language::Shell,
        Some("py" | "pyw") => Language::Python,
        Some("js" | "mjs" | "cjs" | "ts") => Language::JavaScript,
        Some("pl") => Language::Perl,
        Some("rb") => Language::Ruby,
        Some("php") => Language::Php,
        Some("ps1") => Language::PowerShell,
        Some("lua") => Language::Lua,
        Some("awk") => Language::Awk,
        Some("sql") => Language::Sql,
        _ => Language::Other,
    }
}

/// What the innermost row says, with what holds instead.
struct Means {
    operands: Vec<(Role, bool)>,
    content: Content,
    input: Content,
    output: Output,
    roles: Vec<(String, Role)>,
}

impl Means {
    fn of(parsed: &Parsed<'_>) -> Self {
        let mut means = Self {
            operands: Vec::new(),
            content: Content::Unused,
            input: Content::Unused,
            output: Output::Report,
            roles: Vec::new(),
        };
        let Some(row) = parsed.row() else { return means };
        means.operands.clone_from(&row.operands);
        (means.content, means.input, means.output) = (row.content, row.input, row.output);
        for when in row.when.iter().filter(|when| condition::any(&when.conditions, parsed)) {
            if let Some(operands) = &when.operands {
                means.operands.clone_from(operands);
            }
            means.content = when.content.unwrap_or(means.content);
            means.input = when.input.unwrap_or(means.input);
            means.output = when.output.unwrap_or(means.output);
            for (names, role) in &when.options {
                means.roles.extend(names.iter().map(|name| ((*name).to_owned(), *role)));
            }
        }
        means
    }
}

/// The role of each of so many operands.
fn assigned(operands: &[(Role, bool)], count: usize) -> Vec<(Role, bool)> {
    let Some(many) = operands.iter().position(|(_, many)| *many) else {
        return operands.iter().copied().take(count).collect();
    };
    let after = operands.len() - many - 1;
    let repeated = count.saturating_sub(many + after);
    let (before, rest) = operands.split_at(many);
    let mut all = before.to_vec();
    if let Some((role, rest)) = rest.split_first() {
        all.extend(std::iter::repeat_n(*role, repeated));
        all.extend(rest);
    }
    all.truncate(count);
    all
}

/// What the effect is about: the command as it is given, without what may be private.
fn detail(parsed: &Parsed<'_>) -> String {
    let options = parsed.options.iter().map(|given| given.name.as_str());
    let words: Vec<&str> = parsed
        .subcommand
        .iter()
        .map(String::as_str)
        .chain(options)
        .chain(parsed.operands.iter().map(|word| word.text.as_str()).filter(|text| text.len() < 80))
        .take(6)
        .collect();
    words.join(" ").replace(UNKNOWN, "…")
}

/// Scripts of projects that are programs of their own.
const SCRIPTS: &[&str] =
    &["manage.py", "artisan", "console", "rails", "rake", "setup.py", "composer", "composer.phar"];

/// Whether a path is standard input.
fn is_input(path: &str) -> bool {
    matches!(path, "-" | "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0")
}

struct Acting<'d> {
    doing: &'d mut Doing,
    content: Content,
    /// Whether what is read goes to another machine.
    remote: bool,
    environment: Vec<(String, Word)>,
}

impl Acting<'_> {
    fn touch(&mut self, word: &Word, access: Access, tree: bool, content: Content) {
        self.doing.touches.push(Touch { tree, content, ..Touch::new(word.clone(), access) });
    }

    fn contact(&mut self, word: &Word, direction: Direction) {
        self.doing.contacts.push(Contact { word: word.clone(), direction });
    }

    fn run(&mut self, argv: Vec<Word>) {
        let run = Run::command(argv).with_environment(self.environment.clone());
        let more = self.doing.input == Content::Arguments;
        self.doing.runs.push(if more { run.with_more() } else { run });
    }

    fn act(&mut self, role: Role, word: &Word, after: &[Word]) {
        let written = match role {
            Role::Append | Role::Write => Access::Write,
            _ => Access::Read,
        };
        match role {
            Role::Environment => {
                if let Some((name, _)) = word.text.split_once('=') {
                    self.environment.push((name.to_owned(), word.after(name.len() + 1)));
                }
            }
            Role::Flag | Role::Value | Role::Optional | Role::Folder | Role::Command => {}
            Role::Stat => self.touch(word, Access::Read, false, Content::Unused),
            // `-` is standard input or output.
            Role::Read(_) | Role::ReadTree(_) | Role::Write | Role::Append if word.text == "-" => {}
            Role::Read(content) => self.touch(word, Access::Read, false, content.unwrap_or(self.content)),
            Role::ReadTree(content) => self.touch(word, Access::Read, true, content.unwrap_or(self.content)),
            Role::Write | Role::Append => self.touch(word, written, false, Content::Unused),
            Role::WriteTree => self.touch(word, Access::Write, true, Content::Unused),
            Role::Delete => self.touch(word, Access::Delete, false, Content::Unused),
            Role::DeleteTree => self.touch(word, Access::Delete, true, Content::Unused),
            Role::Move => self.touch(word, Access::Delete, false, Content::Stored),
            Role::Link => self.touch(word, Access::Read, false, Content::Linked),
            Role::NamesFile => self.touch(word, Access::Read, false, Content::Names),
            Role::Code(language) => self.doing.runs.push(Run::Code {
                language,
                text: word.clone(),
                arguments: after.to_vec(),
                elsewhere: false,
            }),
            Role::Script(language) if is_input(&word.text) => self.doing.input = Content::Run(language),
            // Deno and Bun fetch what they run.
            Role::Script(_) if word.text.starts_with("http://") || word.text.starts_with("https://") => {
                self.contact(word, Direction::Fetch);
                self.doing.effects.push(Effect::new("remote-code.pipe", "code that is fetched"));
            }
            Role::Script(language) => {
                // `python manage.py`: the script is a program that the table knows.
                let name = program_name(&word.text).into_owned();
                if SCRIPTS.contains(&name.as_str()) {
                    let argv =
                        std::iter::once(Word { text: name, ..word.clone() }).chain(after.iter().cloned());
                    self.run(argv.collect());
                }
                self.doing.runs.push(Run::File {
                    language,
                    path: word.clone(),
                    arguments: after.to_vec(),
                    here: true,
                });
            }
            Role::Module(_) => self.run(std::iter::once(word).chain(after).cloned().collect()),
            Role::Host(way) | Role::Url(way) => self.contact(word, direction(way)),
            Role::RemoteRead => {
                if let Some(host) = remote(&word.text) {
                    self.contact(&Word { text: host, ..word.clone() }, Direction::Fetch);
                } else {
                    let content = if self.remote { Content::Sent } else { Content::Stored };
                    self.touch(word, Access::Read, true, content);
                }
            }
            Role::RemoteWrite => match remote(&word.text) {
                Some(host) => self.contact(&Word { text: host, ..word.clone() }, Direction::Send),
                None => self.touch(word, Access::Write, false, Content::Unused),
            },
            Role::Data => self.doing.sent.push(word.clone()),
            Role::DataFile => match word.text.strip_prefix('@') {
                Some("-") => self.doing.input = Content::Sent,
                Some(_) => self.touch(&word.after(1), Access::Read, false, Content::Sent),
                None => self.doing.sent.push(word.clone()),
            },
        }
    }
}

const fn direction(way: Way) -> Direction {
    match way {
        Way::Fetch => Direction::Fetch,
        Way::Send => Direction::Send,
        Way::Connect => Direction::Connect,
        Way::Listen => Direction::Listen,
    }
}

/// The host of `host:path`, `host::module` or an address; `None` for a path of this machine.
pub(super) fn remote(text: &str) -> Option<String> {
    if text.contains("://") {
        return Some(Address::of(text).host).filter(|host| !host.is_empty());
    }
    let (host, _) = text.split_once(':')?;
    // A drive of Windows has one letter; a path may hold a colon after a slash.
    (host.len() > 1 && !host.contains('/') && !host.starts_with('.')).then(|| host.to_owned())
}
