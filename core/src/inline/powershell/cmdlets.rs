//! What cmdlets and their aliases mean.

mod clouds;
mod table;

use agentfirewall_sdk::{Access, Direction};

use super::{Argument, Shell, word};
use crate::inline::value::{Is, Marks, Value};
use crate::understand::{Content, Language, Output, Run, UNKNOWN, Word};
use table::{CMDLETS, Means, SWITCHES};

pub(super) fn is_keyword(word: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "if", "elseif", "else", "foreach", "for", "while", "do", "until", "switch", "try", "catch",
        "finally", "function", "filter", "return", "throw", "param", "begin", "process", "end", "exit",
        "trap", "class",
    ];
    KEYWORDS.contains(&word.to_ascii_lowercase().as_str())
}

pub(super) fn is_comparison(name: &str) -> bool {
    matches!(
        name.trim_start_matches(['c', 'i']),
        "eq" | "ne"
            | "gt"
            | "ge"
            | "lt"
            | "le"
            | "like"
            | "notlike"
            | "match"
            | "notmatch"
            | "contains"
            | "notcontains"
            | "n"
            | "notin"
            | "s"
            | "snot"
            | "and"
            | "or"
            | "xor"
            | "not"
    )
}

/// What a process is made by.
pub(super) const PROCESS: &str = "process";

/// The parameters of a call and its other words.
struct Given {
    named: Vec<(String, Option<Value>)>,
    rest: Vec<Value>,
}

impl Given {
    /// The value of a parameter, which may be shortened.
    fn value(&self, names: &[&str]) -> Option<Value> {
        self.named
            .iter()
            .find(|(name, _)| {
                names.iter().any(|whole| {
                    *whole == name.as_str() || (name.len() > 2 && whole.starts_with(name.as_str()))
                })
            })
            .and_then(|(_, value)| value.clone())
    }

    fn has(&self, name: &str) -> bool {
        self.named.iter().any(|(given, _)| {
            !given.is_empty()
                && (name.starts_with(given.as_str())
                    || matches!((name, given.as_str()), ("recurse", "rf" | "fr")))
        })
    }

    fn at(&self, place: usize) -> Option<Value> {
        self.rest.get(place).cloned()
    }

    fn paths(&self) -> Option<Value> {
        self.value(&["path", "literalpath", "filepath", "fullname", "lp", "pspath"]).or_else(|| self.at(0))
    }
}

impl Shell<'_> {
    /// A command whose words are known.
    pub(super) fn run_words(&mut self, words: Vec<Argument>, input: Option<Value>, source: bool) -> Value {
        let mut words = words.into_iter();
        let (name, made) = match words.next() {
            Some(Argument::Value(value)) => (value.shown(), value),
            _ => return Value::unknown(Marks::NONE),
        };
        let rest: Vec<Argument> = words.collect();
        let plain = name.to_ascii_lowercase();
        let plain = plain.rsplit(['\\']).next().unwrap_or_default().trim_end_matches(".exe").to_owned();
        // `& $code` where the code is a block or a script.
        if let Is::Made(by, inner) = &*made.is {
            if by == "scriptblock" {
                let inner = inner.clone();
                for code in &inner {
                    self.evaluate(code);
                }
            }
            return Value::unknown(Marks::NONE);
        }
        if name.contains(UNKNOWN) {
            self.program(argv(&name, &rest));
            return Value::unknown(made.marks);
        }
        let means =
            CMDLETS.iter().find(|(names, _)| names.contains(&plain.as_str())).map(|(_, means)| *means);
        let means = means.or_else(|| clouds::effect(&plain).map(Means::Effect));
        // With options as a Unix shell has them it is the program of that name.
        let unix = rest.iter().any(|argument| matches!(argument, Argument::Parameter(name) if matches!(name.as_str(), "rf" | "fr" | "la" | "al")));
        match means {
            Some(means) if !unix => {
                let given = given(rest);
                self.cmdlet(means, &plain, &given, input)
            }
            None if plain == "rm" && !unix => {
                let given = given(rest);
                self.cmdlet(Means::Delete, "rm", &given, input)
            }
            None if matches!(plain.as_str(), "cp" | "mv") && !unix => {
                let means = if plain == "cp" { Means::Copy } else { Means::Move };
                let given = given(rest);
                self.cmdlet(means, &plain, &given, input)
            }
            _ => {
                if source || plain.rsplit_once('.').is_some_and(|(_, end)| end == "ps1") {
                    let path = word(&name);
                    self.run(Run::File {
                        language: Language::PowerShell,
                        path,
                        arguments: Vec::new(),
                        here: true,
                    });
                    return Value::unknown(Marks::NONE);
                }
                let mut all = argv(&name, &rest);
                // What is piped into a shell is its code.
                if matches!(plain.as_str(), "powershell" | "pwsh" | "cmd" | "sh" | "bash")
                    && all.len() == 1
                    && let Some(input) = input
                {
                    self.evaluate(&input);
                    return Value::unknown(Marks::NONE);
                }
                all.truncate(256);
                self.program(all);
                Value::unknown(Marks::NONE)
            }
        }
    }

    /// A program that is no cmdlet.
    pub(super) fn program(&mut self, argv: Vec<Word>) {
        let first = argv.first().map(|word| word.text.to_ascii_lowercase()).unwrap_or_default();
        let name = first.rsplit(['/', '\\']).next().unwrap_or_default();
        if argv.len() == 1
            && matches!(name.trim_end_matches(".exe"), "cmd" | "powershell" | "pwsh" | "sh" | "bash")
        {
            self.seen.shell = true;
        }
        self.run(Run::command(argv));
    }

    fn cmdlet(&mut self, means: Means, name: &str, given: &Given, input: Option<Value>) -> Value {
        let nothing = Value::unknown(Marks::NONE);
        let piped = input.clone().unwrap_or_else(|| nothing.clone());
        if given.has("whatif")
            && given.value(&["whatif"]).is_none()
            && given.named.iter().any(|(name, _)| name == "whatif")
        {
            return nothing;
        }
        match means {
            Means::Delete => {
                let tree = given.has("recurse");
                // `del /s /q x` is of another shell, but people write it.
                let slashes = given.rest.iter().any(|value| value.shown().eq_ignore_ascii_case("/s"));
                let paths = given.value(&["path", "literalpath", "lp"]).unwrap_or_else(|| {
                    Value::list(
                        given
                            .rest
                            .iter()
                            .filter(|value| !(value.shown().starts_with('/') && value.shown().len() == 2))
                            .flat_map(Value::items)
                            .collect(),
                    )
                });
                let paths = if paths.items().is_empty() { piped } else { paths };
                self.touch(&paths, Access::Delete, tree || slashes, Content::Unused);
                nothing
            }
            Means::Read => {
                let Some(paths) = given
                    .value(&["path", "literalpath"])
                    .or_else(|| given.at(usize::from(name == "select-string")))
                else {
                    return piped;
                };
                self.touch(&paths, Access::Read, false, Content::Shown);
                Value::unknown(Marks::FILE)
            }
            Means::Write => {
                let data = given
                    .value(&["value", "inputobject"])
                    .or_else(|| given.at(1))
                    .unwrap_or_else(|| piped.clone());
                if let Some(paths) = given.paths() {
                    let folder = given.value(&["name"]);
                    let paths = folder.map_or_else(|| paths.clone(), |name| paths.below(&name));
                    let variable = paths.shown().to_ascii_lowercase();
                    let target = given
                        .value(&["itemtype", "type"])
                        .map(|value| value.shown().to_ascii_lowercase())
                        .unwrap_or_default();
                    if !variable.starts_with("env:") && !variable.starts_with("variable:") {
                        self.touch(&paths, Access::Write, false, Content::Unused);
                    }
                    if target.contains("link")
                        && let Some(to) = given.value(&["target", "value"])
                    {
                        self.touch(&to, Access::Read, false, Content::Linked);
                    }
                    if variable.starts_with("hklm:") || variable.contains("hkey_local_machine") {
                        self.effect("filesystem.write-system", "the registry of the machine");
                    }
                    if variable.contains("\\shell\\open\\command") {
                        self.effect("persistence.startup", "what opens a kind of files");
                    }
                    if variable.contains("\\run") && variable.contains("currentversion") {
                        self.effect("persistence.startup", "a Run key of the registry");
                    }
                    if data.marks.has(Marks::NETWORK) {
                        self.seen.downloads.push(paths.shown());
                    }
                }
                nothing
            }
            Means::Copy | Means::Move => {
                let from = given.paths().unwrap_or(piped);
                let to = given.value(&["destination", "newname"]).or_else(|| given.at(1));
                let (access, content) = if matches!(means, Means::Move) {
                    (Access::Delete, Content::Unused)
                } else {
                    (Access::Read, Content::Stored)
                };
                self.touch(&from, access, given.has("recurse"), content);
                if let Some(to) = to {
                    self.touch(&to, Access::Write, false, Content::Unused);
                }
                nothing
            }
            Means::Web => self.web(given, &piped),
            Means::Bits => {
                let source =
                    given.value(&["source"]).or_else(|| given.at(0)).unwrap_or_else(|| nothing.clone());
                let upload = given
                    .value(&["transfertype"])
                    .is_some_and(|kind| kind.shown().to_ascii_lowercase().starts_with("upload"));
                let to = given.value(&["destination"]).or_else(|| given.at(1));
                if upload {
                    self.touch(&source, Access::Read, false, Content::Sent);
                    self.contact(&to.unwrap_or(nothing.clone()), Direction::Send);
                } else {
                    self.contact(&source, Direction::Fetch);
                    if let Some(to) = to {
                        self.touch(&to, Access::Write, false, Content::Unused);
                        self.seen.downloads.push(to.shown());
                    }
                }
                nothing
            }
            Means::Evaluate => {
                let code = given.value(&["command"]).or_else(|| given.at(0)).unwrap_or(piped);
                if input.is_none() && given.rest.is_empty() && given.named.is_empty() {
                    self.seen.input = Content::Run(Language::PowerShell);
                    return nothing;
                }
                self.evaluate(&code);
                nothing
            }
            Means::Start => {
                let program =
                    given.value(&["filepath"]).or_else(|| given.at(0)).unwrap_or_else(|| nothing.clone());
                let arguments = given.value(&["argumentlist", "args"]).or_else(|| given.at(1));
                let text = program.shown();
                if text.starts_with("http") {
                    return nothing;
                }
                let mut all = vec![program.word()];
                for value in arguments.iter().flat_map(Value::items) {
                    all.extend(value.shown().split_whitespace().map(Word::plain));
                }
                if given.value(&["verb"]).is_some_and(|verb| verb.shown().eq_ignore_ascii_case("runas")) {
                    self.effect("privilege.root", "Start-Process -Verb RunAs");
                }
                self.program(all);
                nothing
            }
            Means::Object => {
                if let Some(com) = given.value(&["comobject"]) {
                    return Value::new(
                        Is::Made(format!("com:{}", com.shown().to_ascii_lowercase()), Vec::new()),
                        Marks::NONE,
                    );
                }
                let kind = given
                    .value(&["typename"])
                    .or_else(|| given.at(0))
                    .map(|value| value.shown())
                    .unwrap_or_default();
                let arguments = given.value(&["argumentlist"]).or_else(|| {
                    (given.rest.len() > 1)
                        .then(|| Value::list(given.rest.iter().skip(1).flat_map(Value::items).collect()))
                });
                self.made(&kind, &arguments.unwrap_or_else(|| Value::list(Vec::new())))
            }
            Means::Archive => {
                if let Some(from) = given.paths() {
                    self.touch(&from, Access::Read, true, Content::Stored);
                }
                if let Some(to) = given.value(&["destinationpath"]).or_else(|| given.at(1)) {
                    self.touch(&to, Access::Write, false, Content::Unused);
                }
                nothing
            }
            Means::Expand => {
                if let Some(from) = given.paths() {
                    self.touch(&from, Access::Read, false, Content::Unpacked);
                }
                if let Some(to) = given.value(&["destinationpath"]).or_else(|| given.at(1)) {
                    self.touch(&to, Access::Write, false, Content::Unused);
                }
                nothing
            }
            Means::List => {
                let path = given.paths().unwrap_or_else(|| Value::plain("."));
                let path = Value::either(path.items());
                let text = path.shown().to_ascii_lowercase();
                if text == "env:" || text.starts_with("env:*") {
                    self.doing.output = Output::Environment;
                    return Value::unknown(Marks::ENVIRONMENT);
                }
                // What is removed of a listing is below it.
                if given.has("recurse") || name.starts_with("get-c") || matches!(name, "gci" | "dir" | "ls") {
                    let filter = given.value(&["filter", "include"]).unwrap_or_else(|| Value::plain("*"));
                    return path.below(&Value::either(filter.items())).marked(Marks::GLOB);
                }
                path
            }
            Means::Effect(id) => {
                self.effect_of(id, name, given);
                nothing
            }
            Means::Pass => {
                let own = given
                    .rest
                    .iter()
                    .find(|value| !matches!(&*value.is, Is::Unknown))
                    .filter(|_| name.starts_with("write"));
                own.cloned().unwrap_or(piped)
            }
            Means::Processes => {
                let named = given.value(&["name", "processname"]).or_else(|| given.at(0));
                Value::new(Is::Made(PROCESS.to_owned(), named.into_iter().collect()), Marks::NONE)
            }
            Means::Kill => {
                let named = given.value(&["name", "processname", "inputobject", "id"]);
                self.kills(&named.or_else(|| given.at(0)).unwrap_or(piped));
                nothing
            }
            Means::Silent => match name {
                "join-path" => {
                    let first =
                        given.value(&["path"]).or_else(|| given.at(0)).unwrap_or_else(|| nothing.clone());
                    let second =
                        given.value(&["childpath"]).or_else(|| given.rest.last().cloned()).unwrap_or(nothing);
                    first.below(&second)
                }
                "read-host" => Value::unknown(Marks::STDIN),
                _ => given.at(0).unwrap_or(nothing),
            },
        }
    }

    /// Processes are ended: their names, or what `Get-Process` gave.
    pub(super) fn kills(&mut self, of: &Value) {
        self.effect("process.kill", "Stop-Process");
        let names = of.items().into_iter().flat_map(|one| match &*one.is {
            Is::Made(by, inner) if by == PROCESS => inner.iter().flat_map(Value::items).collect(),
            _ => vec![one.clone()],
        });
        for name in names {
            let name = name.shown().to_ascii_lowercase();
            // Everything at once is another matter.
            let all = name.chars().all(|letter| matches!(letter, '*' | '?'));
            if name.contains("agentfirewall")
                || !all && name.contains(['*', '?']) && crate::knowledge::matches(&name, "agentfirewall")
            {
                self.effect("firewall.tamper", &name);
            }
        }
    }

    /// Some are harmless with what they are mostly given.
    fn effect_of(&mut self, id: &'static str, name: &str, given: &Given) {
        match name {
            "set-executionpolicy" => {
                let process = given.value(&["scope"]).is_some_and(|scope| {
                    matches!(scope.shown().to_ascii_lowercase().as_str(), "process" | "currentuser")
                });
                let policy = given
                    .value(&["executionpolicy"])
                    .or_else(|| given.at(0))
                    .map(|value| value.shown().to_ascii_lowercase())
                    .unwrap_or_default();
                if process || !matches!(policy.as_str(), "bypass" | "unrestricted") {
                    return;
                }
            }
            "wevtutil"
                if !given.rest.iter().any(|value| matches!(value.shown().as_str(), "cl" | "clear-log")) =>
            {
                return;
            }
            _ => {}
        }
        self.effect(id, name);
    }

    fn web(&mut self, given: &Given, piped: &Value) -> Value {
        let address = given.value(&["uri", "url"]).or_else(|| given.at(0)).unwrap_or_else(|| piped.clone());
        let method =
            given.value(&["method"]).map(|value| value.shown().to_ascii_lowercase()).unwrap_or_default();
        let file = given.value(&["infile"]);
        let body = given.value(&["body", "form"]);
        let sends = file.is_some()
            || body.is_some()
            || matches!(method.as_str(), "post" | "put" | "patch" | "delete");
        if let Some(file) = &file {
            self.touch(file, Access::Read, false, Content::Sent);
        }
        let marks = body.map_or(Marks::NONE, |body| body.marks).and(address.marks);
        self.seen.sent = self.seen.sent.and(marks);
        let carries = marks.has(Marks::FILE.and(Marks::ENVIRONMENT));
        self.contact(&address, if sends || carries { Direction::Send } else { Direction::Fetch });
        if let Some(out) = given.value(&["outfile"]).or_else(|| given.value(&["o"])) {
            self.touch(&out, Access::Write, false, Content::Unused);
            self.seen.downloads.push(out.shown());
        } else {
            self.doing.output = Output::Network;
        }
        Value::unknown(Marks::NETWORK)
    }
}

/// Words as a program gets them.
fn argv(name: &str, rest: &[Argument]) -> Vec<Word> {
    let rest = rest.iter().flat_map(|argument| match argument {
        Argument::Value(value) => value.items().iter().map(|value| slashed(value.word())).collect(),
        Argument::Parameter(name) => vec![word(&format!("-{name}"))],
        Argument::Block => Vec::new(),
    });
    std::iter::once(word(name)).chain(rest).collect()
}

/// A path from the folder it is in, as the other systems spell it: a program of Windows takes both.
fn slashed(mut word: Word) -> Word {
    if [r".\", r"..\", r"~\"].iter().any(|start| word.text.starts_with(start)) {
        word.text = word.text.replace('\\', "/");
    }
    word
}

fn given(words: Vec<Argument>) -> Given {
    let mut given = Given { named: Vec::new(), rest: Vec::new() };
    let mut open = false;
    for argument in words {
        match argument {
            Argument::Parameter(name) => {
                let (name, value) = match name.split_once(':') {
                    Some((name, value)) => {
                        (name.to_owned(), (!value.is_empty()).then(|| Value::plain(value)))
                    }
                    None => (name, None),
                };
                open = value.is_none() && !SWITCHES.contains(&name.as_str());
                given.named.push((name, value));
            }
            Argument::Value(value) if open => {
                if let Some((_, empty)) = given.named.last_mut() {
                    *empty = Some(value);
                }
                open = false;
            }
            Argument::Value(value) => given.rest.push(value),
            Argument::Block => open = false,
        }
    }
    given
}
