//! Code of the many languages that have no reader of their own (R, Julia, Elixir, Scala, Groovy, Haskell, Lisp, Tcl,
//! scripts of CMake, editors and calculators). What is looked for is a name that starts a program, removes files or runs
//! what it fetches, and the texts that stand with it; how the language is written else does not matter.

use agentfirewall_sdk::Access;

use crate::understand::{Content, Doing, Effect, Fuel, Language, Run, Touch, Word};

/// Functions that start a program.
const RUNS: &[&str] = &[
    "system",
    "system2",
    "system*",
    "shell",
    "shellout",
    "shell_exec",
    "exec",
    "execl",
    "execlp",
    "execv",
    "execvp",
    "spawn",
    "spawn_shell",
    "popen",
    "popen2",
    "popen3",
    "cmd",
    "command",
    "callcommand",
    "readcreateprocess",
    "createprocess",
    "callprocess",
    "readprocess",
    "rawsystem",
    "execcmd",
    "execcmdex",
    "execshellcmd",
    "execute_process",
    "processbuilder",
    "process",
    "startprocess",
    "run",
    "run!",
    "sh",
    "qx",
    "shell-command",
    "shell-command-to-string",
    "async-shell-command",
    "call-process",
    "call-process-shell-command",
    "start-process",
    "run-program",
    "run-shell-command",
    "process*",
    "open-input-pipe",
    "open-pipe",
    "open-pipe*",
    "unix",
    "dos",
    "create_process",
    "open_process_in",
    "pipeline",
    "shell_out",
    "execute",
];

/// Functions that remove files, and those of them that remove folders with all in them.
const REMOVES: &[&str] = &[
    "file.remove",
    "removefile",
    "removedirectory",
    "delete-file",
    "deletefile",
    "rmdir",
    "remove_file",
    "remove_dir",
    "rm!",
    "rmdir!",
    "removefile!",
    "del_file",
    "del_dir",
];
const REMOVES_ALL: &[&str] = &[
    "unlink",
    "rm",
    "rm_rf",
    "rm_rf!",
    "rm_r",
    "rmtree",
    "remove_tree",
    "remove_dir_all",
    "remove-tree",
    "deltree",
    "removedirectoryrecursive",
    "removepathforcibly",
    "removedir",
    "delete-directory",
    "delete-directory-tree",
    "delete-directory/files",
    "deletedir",
    "deleterecursively",
    "deletedirectory",
    "del_dir_r",
    "delete-tree",
    "rm-rf",
    "dir_delete",
    "file_delete",
    "fs/delete-tree",
    "remove-recursively",
];

/// Functions that run a text or a file; with an address it is what comes from there.
const EVALUATES: &[&str] = &[
    "source",
    "source_url",
    "include",
    "eval",
    "evalfile",
    "eval_string",
    "eval_file",
    "evaluate",
    "load",
    "load-file",
    "loadstring",
    "include_string",
    "includestring",
    "parse",
    "require",
    "eval-buffer",
    "load-string",
    "import",
];

/// Functions that install from an address.
const INSTALLS: &[&str] =
    &["install_url", "install_github", "install_git", "install_gitlab", "install_bitbucket"];

pub(super) fn read(text: &str, fuel: &mut Fuel) -> Doing {
    let mut doing = Doing { recognised: true, ..Doing::default() };
    if !fuel.spend(u32::try_from(text.len() / 8 + 1).unwrap_or(u32::MAX)) {
        doing.effects.push(Effect::new("shell.undecidable", "code that is too long"));
        return doing;
    }
    for line in text.lines() {
        escape(line, &mut doing);
    }
    typed(text, &mut doing);
    let mut code = Code { letters: text.chars().collect(), at: 0 };
    let mut before: Vec<String> = Vec::new();
    while let Some(letter) = code.peek() {
        if doing.runs.len() + doing.touches.len() > 64 {
            doing.effects.push(Effect::new("shell.undecidable", "code that does too much"));
            break;
        }
        match letter {
            '"' | '\'' | '`' => match code.text(letter) {
                Some(text) => before.push(text),
                None => code.at += 1,
            },
            // What stands in a comment is not done.
            '#' if code.starts_line() => code.line(),
            '\n' | ';' => {
                before.clear();
                code.at += 1;
            }
            // `"rm -rf /".execute()` of Groovy, `"rm -rf /".!` of Scala.
            '.' | '!' if !before.is_empty() && code.runs_what_stands_before() => {
                run(&before, &mut doing);
                before.clear();
            }
            _ if is_name(letter) && letter != '.' => {
                let name = code.name();
                call(&name, &mut code, &mut doing);
            }
            _ => code.at += 1,
        }
    }
    doing
}

/// What Expect types into a program that it starts: `spawn ssh host; send "ls\r"`.
fn typed(text: &str, doing: &mut Doing) {
    let Some((_, program)) = text.split_once("spawn ") else { return };
    let elsewhere =
        program.split_whitespace().next().is_some_and(|name| name.ends_with("ssh") || name == "telnet");
    for rest in text.split("send ").skip(1).take(64) {
        let rest = rest.trim_start().trim_start_matches("-- ");
        let Some((line, _)) = rest.strip_prefix('"').and_then(|rest| rest.split_once('"')) else { continue };
        let line = line.replace("\\r", "\n").replace("\\n", "\n");
        doing.runs.push(Run::code(Language::Shell, Word::plain(line)).elsewhere(elsewhere));
    }
}

/// Lines of editors, calculators and clients: `!command` is a command, `put FILE` sends a file.
fn escape(line: &str, doing: &mut Doing) {
    let line = line.trim().trim_start_matches([':', '~', '\\']);
    let rest = line.trim_start_matches(|letter: char| {
        letter.is_ascii_digit() || matches!(letter, '%' | '$' | ',' | '.')
    });
    let rest =
        ["read ", "write ", "r ", "w ", "e "].iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest);
    if let Some(command) = rest.trim_start().strip_prefix('!')
        && !command.starts_with(['=', '(', '['])
        && !command.trim().is_empty()
    {
        doing.effects.push(Effect::new("shell.runner-flag", "!"));
        doing.runs.push(shell(command.trim_start_matches('!').trim()));
    }
    let mut words = line.split_whitespace();
    if matches!(words.next(), Some("put" | "mput" | "reput" | "send"))
        && let Some(file) = words.find(|word| !word.starts_with('-'))
        && !line.contains(['(', '=', ';'])
    {
        let file = Word::plain(file.trim_matches(['"', '\'']));
        doing.touches.push(Touch { content: Content::Sent, ..Touch::new(file, Access::Read) });
        doing.effects.push(Effect::new("exfiltration.upload", "put"));
    }
}

/// What a call does, whose arguments come next.
fn call(name: &str, code: &mut Code, doing: &mut Doing) {
    let lower = name.to_ascii_lowercase();
    // A key of YAML.
    if lower.ends_with(':') {
        return;
    }
    let last = lower.rsplit(['.', ':']).find(|part| !part.is_empty()).unwrap_or(&lower);
    let last = if lower.ends_with("file.remove") { "file.remove" } else { last };
    let is =
        |names: &[&str]| names.contains(&last) || names.contains(&last.rsplit('/').next().unwrap_or(last));
    let start = code.at;
    // `do shell script "…"` of AppleScript.
    if last == "shell" && code.rest().trim_start().starts_with("script") {
        code.skip_blanks();
        code.name();
    }
    // `file delete -force x` of Tcl, `file(REMOVE_RECURSE x)` of CMake.
    if last == "file" {
        let line = code.rest_of_line();
        let mut words = line.split([' ', '(', ')', '\t', ']', '}']).filter(|word| !word.is_empty());
        if matches!(words.next(), Some("delete" | "REMOVE" | "REMOVE_RECURSE")) {
            for word in words.filter(|word| !word.starts_with('-')) {
                remove(&Word::plain(word.trim_matches(['"', '\''])), true, doing);
            }
            return;
        }
    }
    if is(RUNS) {
        let given = code.arguments();
        if given.texts.is_empty() {
            let bare = given.bare.strip_prefix("COMMAND ").unwrap_or(&given.bare).trim();
            let begins = bare
                .starts_with(|letter: char| letter.is_ascii_lowercase() || matches!(letter, '/' | '~' | '.'));
            // `exec rm -rf /` of Tcl, `spawn rm` of expect: words without quotes.
            if begins && bare.contains(' ') && !bare.contains(['=', '(', ')', '{']) {
                doing.runs.push(shell(bare.trim_end_matches([']', '}'])));
            } else if given.called
                && !bare.is_empty()
                && !matches!(last, "process" | "run" | "command" | "unix" | "pipeline")
            {
                doing.effects.push(Effect::new("remote-code.eval", name));
            }
        } else {
            run(&given.texts, doing);
        }
        return;
    }
    if is(REMOVES) || is(REMOVES_ALL) {
        let given = code.arguments();
        for text in given.texts.iter().filter(|text| !text.is_empty()) {
            remove(&Word::plain(text.clone()), is(REMOVES_ALL), doing);
        }
        // What is looked up and removed is not known.
        let computed = given.called && given.bare.contains('(');
        if given.texts.is_empty() && computed && last != "rm" {
            doing.effects.push(Effect::new("filesystem.delete-unknown", name));
        }
        return;
    }
    if is(EVALUATES) || is(INSTALLS) {
        let given = code.arguments();
        if is(INSTALLS) {
            doing.effects.push(Effect::new("supply-chain.install-from-url", name));
        } else if given.whole.contains("://") && last != "require" && last != "import" && last != "parse"
            || given.whole.contains("://")
                && given.texts.first().is_some_and(|text| text.contains("://"))
                && last != "parse"
        {
            doing.effects.push(Effect::new("remote-code.pipe", name));
        }
        // What stands inside may be calls of their own.
        code.at = start;
        return;
    }
    // `File("/x").deleteRecursively()`, `Path("/x").delete`.
    if matches!(last, "path" | "file" | "dir" | "paths" | "directory" | "get") {
        let given = code.arguments();
        let after: String = code.rest().chars().take(24).collect::<String>().to_ascii_lowercase();
        if after.starts_with(".delete")
            || after.starts_with(".removeall")
            || after.starts_with(".remove_recursively")
        {
            for text in &given.texts {
                remove(
                    &Word::plain(text.clone()),
                    after.contains("rec") || after.contains("dir") || after.contains("all"),
                    doing,
                );
            }
        } else {
            code.at = start;
        }
    }
}

fn shell(text: &str) -> Run {
    Run::code(Language::Shell, Word::plain(text))
}

/// A text is a command line, several are a command and its arguments.
fn run(texts: &[String], doing: &mut Doing) {
    match texts {
        [] => {}
        [one] => doing.runs.push(shell(one)),
        [program, rest @ ..] => {
            // `sh.exe "-c" "…"` and the like are looked through as commands are.
            let argv = std::iter::once(program).chain(rest).map(|text| Word::plain(text.clone())).collect();
            doing.runs.push(Run::command(argv));
        }
    }
}

fn remove(word: &Word, tree: bool, doing: &mut Doing) {
    doing.touches.push(Touch { tree, ..Touch::new(word.clone(), Access::Delete) });
}

const fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | ':' | '-' | '*' | '/')
}

/// What a call is given.
struct Given {
    texts: Vec<String>,
    /// What stands there beside texts, up to the end of the call.
    bare: String,
    whole: String,
    /// Whether there are brackets.
    called: bool,
}

struct Code {
    letters: Vec<char>,
    at: usize,
}

impl Code {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn rest(&self) -> String {
        self.letters.iter().skip(self.at).take(400).collect()
    }

    fn rest_of_line(&self) -> String {
        self.letters
            .iter()
            .skip(self.at)
            .take(4000)
            .take_while(|letter| !matches!(letter, '\n' | ';'))
            .collect()
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(|letter| letter == ' ' || letter == '\t') {
            self.at += 1;
        }
    }

    fn starts_line(&self) -> bool {
        let before = self.letters.iter().take(self.at).rev().find(|letter| !matches!(letter, ' ' | '\t'));
        before.is_none_or(|letter| *letter == '\n')
    }

    fn line(&mut self) {
        while self.peek().is_some_and(|letter| letter != '\n') {
            self.at += 1;
        }
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(letter) = self.peek().filter(|letter| is_name(*letter)) {
            name.push(letter);
            self.at += 1;
        }
        // `rm!` of Elixir and Julia, but not `!=`.
        if self.peek() == Some('!') && self.letters.get(self.at + 1) == Some(&'(') {
            name.push('!');
            self.at += 1;
        }
        name
    }

    /// A quoted text, if it ends.
    fn text(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        let mut at = self.at + 1;
        let mut escaped = false;
        while let Some(letter) = self.letters.get(at).copied() {
            at += 1;
            if escaped {
                escaped = false;
                match letter {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    '"' | '\'' | '`' | '\\' => text.push(letter),
                    _ => {
                        text.push('\\');
                        text.push(letter);
                    }
                }
            } else if letter == '\\' {
                escaped = true;
            } else if letter == quote {
                self.at = at;
                return Some(text);
            } else if letter == '\n' && quote == '\'' {
                // An apostrophe: a letter of a word, a symbol of Lisp.
                return None;
            } else {
                text.push(letter);
            }
        }
        None
    }

    fn runs_what_stands_before(&mut self) -> bool {
        let rest = self.rest();
        let found =
            [".execute", ".!!", ".!", ".lazyLines", "!!", "!"].iter().find(|mark| rest.starts_with(**mark));
        let Some(mark) = found else { return false };
        let after = rest.get(mark.len()..).and_then(|after| after.chars().next());
        // `!=` compares, and names go on.
        if after.is_some_and(|letter| letter == '=' || letter.is_ascii_alphanumeric()) {
            return false;
        }
        self.at += mark.chars().count();
        true
    }

    /// Up to the end of the brackets, or of the statement where there are none.
    fn arguments(&mut self) -> Given {
        let mut given = Given { texts: Vec::new(), bare: String::new(), whole: String::new(), called: false };
        self.skip_blanks();
        let opened = self.peek() == Some('(');
        given.called = opened;
        let start = self.at;
        let mut depth = 0_i32;
        while let Some(letter) = self.peek() {
            match letter {
                '(' | '[' | '{' => {
                    depth += 1;
                    if depth > 1 || !opened {
                        given.bare.push(letter);
                    }
                    self.at += 1;
                }
                ')' | ']' | '}' => {
                    depth -= 1;
                    if depth < 0 {
                        break;
                    }
                    self.at += 1;
                    if depth == 0 && opened {
                        break;
                    }
                    given.bare.push(letter);
                }
                '\n' | ';' if depth == 0 => break,
                '"' | '\'' | '`' => match self.text(letter) {
                    Some(text) => given.texts.push(text),
                    None => self.at += 1,
                },
                _ => {
                    given.bare.push(letter);
                    self.at += 1;
                }
            }
        }
        given.whole = self.letters.iter().take(self.at).skip(start).collect();
        given.bare = given.bare.trim().to_owned();
        given
    }
}
