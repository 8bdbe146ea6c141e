//! The layer nobody can loosen: the firewall's own files and the settings that wire it.
//!
//! Reading them is fine. What may change or remove them is denied, whichever tool tries: file tools by their path,
//! shell commands by every operand and redirection that resolves to a protected file, unless the program is known to
//! read only. What a hook cannot see (a program that builds the name at run time) is said in the threat model.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use agentfirewall_sdk::{Access, Action, Decision, RuleRef, ToolCall};

use crate::facts::{
    Command, Facts, Resolved, Roots, Word, base_name, change_folder, folder, is_shell, lexical,
};
use crate::places::{PROJECT_FOLDER, Places};

/// The layer's name in decisions and records.
pub const LAYER: &str = "protection";

/// Names inside inline code that betray an attempt on the firewall.
const TELLTALES: [&str; 4] = [".claude/settings", "settings.local.json", ".agentfirewall", "disableallhooks"];

/// What is protected on this machine, for this project.
///
/// Resolving the paths takes system calls that most calls do not need, so it waits for the first question.
#[derive(Debug, Clone)]
pub struct Protection {
    paths: Vec<PathBuf>,
    resolved: OnceLock<Resolution>,
}

#[derive(Debug, Clone)]
struct Resolution {
    /// Files and folders; a folder protects all that is in it.
    protected: Vec<Protected>,
    /// (device, inode) of the protected files that exist, for hard links.
    identities: Vec<(u64, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Protected {
    /// In lower case: on some file systems case does not distinguish names, and on the others nobody has a reason to
    /// differ by case alone.
    folded: PathBuf,
    path: PathBuf,
}

impl Resolution {
    fn of(paths: &[PathBuf]) -> Self {
        let identities = paths.iter().filter_map(|path| identity(path)).collect();
        let mut protected: Vec<Protected> = Vec::new();
        for path in paths {
            for path in [path.clone(), crate::facts::canonical(path)] {
                let entry = Protected { folded: fold(&path), path };
                if !protected.contains(&entry) {
                    protected.push(entry);
                }
            }
        }
        Self { protected, identities }
    }
}

impl Protection {
    /// The protection of these places and of the running binary.
    pub fn new(places: &Places, claude_config: Option<&Path>, binary: &[PathBuf]) -> Self {
        let user = claude_config.map_or_else(|| places.home.join(".claude"), Path::to_owned);
        let mut paths = vec![
            places.project_folder(),
            places.config.clone(),
            places.state.clone(),
            places.managed.clone(),
            PathBuf::from("/etc/claude-code"),
            PathBuf::from("/Library/Application Support/ClaudeCode"),
            PathBuf::from("/c:/Program Files/ClaudeCode"),
        ];
        for folder in [places.project.join(".claude"), user] {
            paths.push(folder.join("settings.json"));
            paths.push(folder.join("settings.local.json"));
        }
        paths.extend_from_slice(binary);
        Self { paths, resolved: OnceLock::new() }
    }

    fn resolved(&self) -> &Resolution {
        self.resolved.get_or_init(|| Resolution::of(&self.paths))
    }

    /// Denies a call that would change what is protected.
    pub(crate) fn check(&self, call: &ToolCall, facts: &Facts, roots: &Roots<'_>) -> Option<Decision> {
        for touched in &facts.paths {
            let reads =
                touched.access == Access::Read || (touched.access == Access::Unknown && reads_by_name(call));
            if !reads && self.covers(&touched.path) {
                return Some(deny(&touched.path.lexical));
            }
        }
        let mut folders = vec![folder(call, roots).to_owned()];
        for command in &facts.commands {
            if let Some(decision) = self.check_command(command, &folders, roots) {
                return Some(decision);
            }
            change_folder(command, &mut folders, roots);
        }
        None
    }

    fn check_command(&self, command: &Command, folders: &[PathBuf], roots: &Roots<'_>) -> Option<Decision> {
        for redirect in command.redirects.iter().filter(|redirect| redirect.writes) {
            if let Some(path) = self.hit(&redirect.target, folders, roots, false) {
                return Some(deny(&path));
            }
        }
        let (program, arguments) = command.words.split_first()?;
        let name = base_name(&program.text);
        if name == "agentfirewall"
            && let Some(verb) = persons_verb(arguments)
        {
            return Some(refuse(&format!(
                "`agentfirewall {verb}` is for the person at the keyboard and for the agent's hooks, not for the agent"
            )));
        }
        if reads_only(name, arguments) {
            return None;
        }
        let removes = matches!(name, "rm" | "mv" | "rmdir" | "shred" | "unlink" | "srm");
        for word in arguments {
            for operand in [Some(word.clone()), after_equals(word)].into_iter().flatten() {
                if let Some(path) = self.hit(&operand, folders, roots, removes) {
                    return Some(deny(&path));
                }
            }
            let code = word.text.contains([' ', '\n', '(', ';', '"', '\'']);
            if code && !mentions_only(name) && !is_shell(name) && betrays(&word.text) {
                return Some(refuse(
                    "its inline code names the firewall's own files or the agent's settings",
                ));
            }
        }
        if !mentions_only(name)
            && name != "cat"
            && command.input.iter().any(|text| betrays(text))
            && interprets(name)
        {
            return Some(refuse(
                "the code on its standard input names the firewall's own files or the agent's settings",
            ));
        }
        None
    }

    /// The protected path a word resolves to, or with `ancestors` one that lies below it.
    fn hit(&self, word: &Word, folders: &[PathBuf], roots: &Roots<'_>, ancestors: bool) -> Option<PathBuf> {
        let written = word.text.as_str();
        if written.is_empty() || written.len() > 4_096 || written.contains('\n') {
            return None;
        }
        folders.iter().find_map(|folder| {
            let path = Resolved::new(written, folder, roots);
            let hit = if word.wild {
                self.matches_wildcard(&fold(&path.lexical), ancestors)
            } else {
                self.covers(&path)
                    || (ancestors && (self.lies_below(&path.lexical) || self.lies_below(&path.canonical)))
            };
            hit.then_some(path.lexical)
        })
    }

    fn covers(&self, path: &Resolved) -> bool {
        [&path.lexical, &path.canonical].into_iter().any(|form| {
            let folded = fold(form);
            self.resolved().protected.iter().any(|protected| folded.starts_with(&protected.folded))
                || is_protected_by_name(&folded)
        }) || self.is_hard_link(&path.lexical)
    }

    fn lies_below(&self, path: &Path) -> bool {
        let folded = fold(path);
        self.resolved()
            .protected
            .iter()
            .any(|protected| protected.folded.starts_with(&folded) && may_exist(&protected.path))
    }

    /// Whether a pattern such as `.cl*/settings*` can name something protected.
    fn matches_wildcard(&self, pattern: &Path, ancestors: bool) -> bool {
        self.resolved().protected.iter().any(|protected| {
            protected.folded.ancestors().enumerate().any(|(up, form)| {
                (up == 0 || ancestors) && form.components().count() > 1 && wildcard_path(pattern, form)
            })
        })
    }

    #[cfg(unix)]
    fn is_hard_link(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        path.metadata().is_ok_and(|metadata| {
            metadata.nlink() > 1
                && metadata.is_file()
                && self.resolved().identities.contains(&(metadata.dev(), metadata.ino()))
        })
    }

    #[cfg(not(unix))]
    fn is_hard_link(&self, _path: &Path) -> bool {
        // Windows: the standard library does not give the file index; the names alone are protected.
        let _ = &self.resolved().identities;
        false
    }
}

/// What of the program's own commands an agent must not run: they switch the firewall off, speak in its place, or say
/// whose code it trusts.
fn persons_verb(arguments: &[Word]) -> Option<String> {
    let mut words = arguments.iter().map(|word| word.text.as_str());
    let verb = words.find(|word| matches!(*word, "uninstall" | "hook" | "plugins"))?;
    if verb != "plugins" {
        return Some(verb.to_owned());
    }
    let inner = words.find(|word| !word.starts_with('-'))?;
    matches!(inner, "add" | "remove" | "trust").then(|| format!("plugins {inner}"))
}

fn may_exist(path: &Path) -> bool {
    path.symlink_metadata().is_ok() || path.parent().is_some_and(Path::exists)
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = path.metadata().ok()?;
    metadata.is_file().then(|| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_path: &Path) -> Option<(u64, u64)> {
    None
}

/// Names that are protected wherever they stand: any project's firewall folder and any agent settings file.
fn is_protected_by_name(folded: &Path) -> bool {
    let mut inside_claude = false;
    for component in folded.components() {
        let name = component.as_os_str();
        if name == PROJECT_FOLDER {
            return true;
        }
        if inside_claude && (name == "settings.json" || name == "settings.local.json") {
            return true;
        }
        inside_claude = name == ".claude";
    }
    false
}

fn fold(path: &Path) -> PathBuf {
    // Trailing dots and spaces, and characters that do not show, name the same file on some systems.
    let text: String = path
        .to_string_lossy()
        .to_lowercase()
        .chars()
        .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}'))
        .collect();
    lexical(Path::new(&text))
}

fn deny(path: &Path) -> Decision {
    let mut decision = refuse(&format!(
        "`{}` belongs to the firewall or wires it into the agent, and an agent may not change it",
        path.to_string_lossy().escape_debug()
    ));
    decision.suggestion = Some("Ask the person to make this change outside of the agent.".to_owned());
    decision
}

fn refuse(reason: &str) -> Decision {
    Decision::new(Action::Deny, RuleRef::new(LAYER, "self-protection", 0), reason)
}

fn betrays(code: &str) -> bool {
    let folded = code.to_lowercase();
    TELLTALES.iter().any(|telltale| folded.contains(telltale))
}

/// Programs whose arguments are words, not code or files.
fn mentions_only(program: &str) -> bool {
    matches!(
        program,
        "echo" | "printf" | "git" | "gh" | "hg" | "grep" | "rg" | "test" | "[" | "[[" | "true" | ":"
    )
}

/// Programs that run the code on their standard input.
fn interprets(program: &str) -> bool {
    let name = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    matches!(
        name,
        "python" | "node" | "perl" | "ruby" | "php" | "deno" | "bun" | "pwsh" | "osascript" | "ed" | "ex"
    )
}

fn after_equals(word: &Word) -> Option<Word> {
    let (_, value) = word.text.split_once('=')?;
    Some(Word { text: value.to_owned(), ..word.clone() })
}

/// MCP and unknown tools: their names say what they do, and only a name that clearly reads is taken at its word.
fn reads_by_name(call: &ToolCall) -> bool {
    let name = call.tool.rsplit("__").next().unwrap_or(&call.tool).to_ascii_lowercase();
    ["read", "get", "list", "search", "find", "stat", "view", "grep", "glob", "ls"]
        .iter()
        .any(|verb| name == *verb || name.strip_prefix(verb).is_some_and(|rest| rest.starts_with(['_', '-'])))
}

/// Whether a command leaves its operands as they are.
fn reads_only(program: &str, arguments: &[Word]) -> bool {
    let has = |options: &[&str]| {
        arguments.iter().any(|word| {
            options.iter().any(|option| {
                word.text == *option
                    || (option.starts_with("--") && word.text.starts_with(&format!("{option}=")))
                    || (option.len() == 2 && option.starts_with('-') && clustered(&word.text, option))
            })
        })
    };
    match program {
        "cat" | "head" | "tail" | "less" | "more" | "bat" | "grep" | "egrep" | "fgrep" | "wc" | "stat"
        | "file" | "diff" | "cmp" | "jq" | "md5sum" | "sha1sum" | "sha256sum" | "shasum" | "test" | "["
        | "[[" | "echo" | "printf" | "cd" | "pushd" | "pwd" | "tree" | "du" | "ls" | "realpath"
        | "readlink" | "basename" | "dirname" | "cut" | "tac" | "nl" | "od" | "xxd" | "hexdump"
        | "strings" | "column" | "true" | ":" | "which" | "type" | "code" => true,
        "rg" => !has(&["--pre"]),
        "sort" => !has(&["-o", "--output", "--compress-program"]),
        "sed" => !has(&["-i", "--in-place"]) && !arguments.iter().any(|word| sed_writes(&word.text)),
        "yq" => !has(&["-i", "--inplace"]),
        "find" => !has(&["-delete", "-exec", "-execdir", "-ok", "-okdir", "-fprint", "-fprintf", "-fls"]),
        "git" => arguments.iter().find(|word| !word.text.starts_with('-')).is_some_and(|verb| {
            matches!(
                verb.text.as_str(),
                "status"
                    | "log"
                    | "diff"
                    | "show"
                    | "add"
                    | "commit"
                    | "blame"
                    | "ls-files"
                    | "grep"
                    | "check-ignore"
                    | "rev-parse"
                    | "ls-tree"
                    | "cat-file"
            ) && !has(&["--output", "--ext-diff"])
        }),
        "agentfirewall" => arguments.first().is_some_and(|verb| {
            matches!(
                verb.text.as_str(),
                "validate" | "audit" | "check" | "scan" | "doctor" | "plugins" | "--version" | "--help"
            )
        }),
        _ => false,
    }
}

/// Whether a cluster such as `-ni` holds the option `-i`.
fn clustered(word: &str, option: &str) -> bool {
    word.starts_with('-')
        && !word.starts_with("--")
        && option.chars().nth(1).is_some_and(|letter| word.contains(letter))
}

/// Whether a sed script has a command that writes or runs.
fn sed_writes(script: &str) -> bool {
    script.split([';', '\n', '{']).any(|command| {
        let command =
            command.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ' ' | '$' | ',' | '!'));
        command.starts_with(['w', 'W', 'e'])
            || command.contains("/w ")
            || command.ends_with("/e")
            || command.contains(" w ")
    })
}

fn wildcard_path(pattern: &Path, name: &Path) -> bool {
    let (mut patterns, mut names) = (pattern.components(), name.components());
    loop {
        match (patterns.next(), names.next()) {
            (None, None) => return true,
            (Some(pattern), Some(name)) => {
                if !wildcard(&pattern.as_os_str().to_string_lossy(), &name.as_os_str().to_string_lossy()) {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// A shell's wildcards, read generously: a bracket expression may stand for any character. As in a shell, a hidden name
/// needs a pattern that begins with its dot.
fn wildcard(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with(['.', '[']) {
        return false;
    }
    let mut simple = String::new();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        if c == '[' {
            simple.push('?');
            for inner in rest.by_ref() {
                if inner == ']' {
                    break;
                }
            }
        } else {
            simple.push(c);
        }
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (simple.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || Some(c) == name.get(n) => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    n = from + 1;
                    star = Some((at, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or(&[]).iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests;
