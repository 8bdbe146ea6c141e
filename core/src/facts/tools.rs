//! From a call to what it does: which of its parameters are scripts, paths, addresses and code.

use std::path::Path;

use agentfirewall_sdk::{Access, Direction, ToolCall};
use serde_json::Value;

use super::{mcp, notebook, patch, search, written};
use crate::shell::{Machine, quoted};
use crate::understand::{
    Contact, Content, Doing, Effect, Language, Left, Origin, Run, Touch, Understanding, Word, World,
};

/// What the first part of a call is: what its rules are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// The commands of a script.
    Script(String),
    /// The file that the tool is for: the first of the paths.
    File,
    /// The address that the tool is for: the first of the hosts.
    Host,
    /// A text, such as a prompt.
    Text(String),
    /// All strings of the call.
    Strings,
}

/// What a call does.
pub(super) fn understood(call: &ToolCall, world: &World<'_>) -> (Subject, Understanding) {
    let text = |names: &[&str]| {
        names.iter().find_map(|name| call.text(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let path = || text(&["file_path", "path", "absolute_path", "notebook_path", "filename", "target_file"]);
    match call.tool.as_str() {
        "Bash" | "Shell" | "shell" | "run_shell_command" | "run_terminal_cmd" | "local_shell"
        | "exec_command" | "execute_command" | "run_in_terminal" | "bash" => match command(call) {
            Some(script) => (Subject::Script(script.clone()), script_of(&call.tool, &script, world)),
            None => strings(call, world),
        },
        "PowerShell" | "powershell" => match command(call) {
            Some(script) => (Subject::Script(script.clone()), of_code(Language::PowerShell, &script, world)),
            None => strings(call, world),
        },
        // What is typed into a terminal may be an answer as well as a command.
        "write_stdin" => match text(&["chars"]) {
            Some(typed) => {
                let mut seen = Machine::new(world).script(&typed);
                seen.undecidable = None;
                (Subject::Text(typed), seen)
            }
            None => strings(call, world),
        },
        "Monitor" => match (command(call), call.input.pointer("/ws/url").and_then(Value::as_str)) {
            (Some(script), _) => (Subject::Script(script.clone()), Machine::new(world).script(&script)),
            (None, Some(url)) => (Subject::Host, of_host(url, Direction::Connect, world)),
            (None, None) => strings(call, world),
        },
        "Read" | "NotebookRead" | "read_file" | "view" => {
            file(path(), Access::Read, Content::Shown, call, world)
        }
        "LS" | "list_directory" => file(path(), Access::Read, Content::Unused, call, world),
        "Write"
        | "Edit"
        | "MultiEdit"
        | "write_file"
        | "replace"
        | "edit_file"
        | "create_file"
        | "str_replace_editor"
        | "str_replace_based_edit_tool"
        | "search_replace" => {
            let reads = call.text("command") == Some("view");
            let access = if reads { Access::Read } else { Access::Write };
            file(path(), access, Content::Shown, call, world)
        }
        "NotebookEdit" => match path() {
            Some(path) => (Subject::File, notebook_edit(path, call, world)),
            None => strings(call, world),
        },
        "apply_patch" | "ApplyPatch" => {
            let patch = text(&["input", "patch", "diff", "command"]).unwrap_or_default();
            let touches = patch::touches(&patch);
            if touches.is_empty() {
                return strings(call, world);
            }
            let doing = Doing { touches, ..Doing::default() };
            (Subject::File, Machine::new(world).doing(doing))
        }
        "delete_file" => file(path(), Access::Delete, Content::Unused, call, world),
        "Glob" | "Grep" | "search_file_content" | "grep_search" | "glob" => {
            (Subject::File, search::understood(call, world))
        }
        "WebFetch" | "web_fetch" | "fetch" | "fetch_webpage" => match addresses(call) {
            urls if urls.is_empty() => strings(call, world),
            urls => (Subject::Host, fetched(&urls, world)),
        },
        "WebSearch" | "web_search" | "google_web_search" => {
            (Subject::Text(text(&["query"]).unwrap_or_default()), Understanding::default())
        }
        "Agent" | "Task" => (Subject::Text(text(&["prompt"]).unwrap_or_default()), Understanding::default()),
        "TodoWrite" | "ExitPlanMode" | "AskUserQuestion" | "TaskCreate" | "TaskUpdate" | "Skill" => {
            (Subject::Strings, Understanding::default())
        }
        _ => strings(call, world),
    }
}

/// What a script does whose shell the tool does not name: on Windows that is PowerShell for some agents.
fn script_of(tool: &str, script: &str, world: &World<'_>) -> Understanding {
    let seen = Machine::new(world).script(script);
    // Who calls PowerShell by its name is no PowerShell.
    let calls_it = ["pwsh", "powershell"].iter().any(|name| script.trim_start().starts_with(name));
    if matches!(tool, "Bash" | "bash") || calls_it || !looks_like_powershell(script) {
        return seen;
    }
    // As a script of a Unix shell it may say no more than that it cannot be read.
    let is_read =
        seen.undecidable.is_none() && !seen.effects.iter().all(|(effect, _)| effect.id.starts_with("shell."));
    if is_read && !cfg!(windows) { seen } else { of_code(Language::PowerShell, script, world) }
}

/// Whether a script has what only PowerShell has: its variables, its conditions, a cmdlet (`Verb-Noun`, with one of the verbs
/// of <https://learn.microsoft.com/powershell/scripting/developer/cmdlet/approved-verbs-for-windows-powershell-commands>).
fn looks_like_powershell(script: &str) -> bool {
    const SIGNS: [&str; 8] =
        ["$env:", "if ($", "foreach (", "-ErrorAction", "$_.", "@'", "]::", "New-Object "];
    const VERBS: [&str; 37] = [
        "Add",
        "Clear",
        "Compare",
        "Compress",
        "ConvertFrom",
        "ConvertTo",
        "Copy",
        "Disable",
        "Enable",
        "Enter",
        "Expand",
        "Export",
        "ForEach",
        "Format",
        "Get",
        "Import",
        "Install",
        "Invoke",
        "Join",
        "Measure",
        "Move",
        "New",
        "Out",
        "Register",
        "Remove",
        "Rename",
        "Resolve",
        "Restart",
        "Select",
        "Set",
        "Sort",
        "Start",
        "Stop",
        "Tee",
        "Test",
        "Where",
        "Write",
    ];
    let is_cmdlet = |word: &str| {
        word.split_once('-').is_some_and(|(verb, noun)| {
            VERBS.contains(&verb)
                && noun.starts_with(|c: char| c.is_ascii_uppercase())
                && noun.len() > 2
                && noun.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    };
    SIGNS.iter().any(|sign| script.contains(sign))
        || script.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(is_cmdlet)
}

/// The addresses that a tool of the web is asked for. Gemini's has them in its prompt, Copilot's takes several.
fn addresses(call: &ToolCall) -> Vec<String> {
    if let Some(url) = ["url", "uri"].iter().find_map(|name| call.text(name)).filter(|url| !url.is_empty()) {
        return vec![url.to_owned()];
    }
    if let Some(urls) = call.input.get("urls").and_then(Value::as_array) {
        return urls.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    let around = |c: char| c.is_whitespace() || "\"'`<>(){}|,".contains(c);
    let prompt = call.text("prompt").unwrap_or_default();
    let words = prompt.split(around).map(|word| {
        let word = word.trim_start_matches('[').trim_end_matches(['.', ';', ':', '!', '?']);
        if word.contains("://[") { word } else { word.trim_end_matches(']') }
    });
    words.filter(|word| word.contains("://") || word.starts_with("file:")).map(str::to_owned).collect()
}

/// What it means to fetch addresses.
fn fetched(urls: &[String], world: &World<'_>) -> Understanding {
    let contacts = urls.iter().map(|url| Contact { word: Word::plain(url), direction: Direction::Fetch });
    let mut seen = Machine::new(world).doing(Doing { contacts: contacts.collect(), ..Doing::default() });
    for (at, url) in urls.iter().enumerate() {
        let web = url.split_once(':').is_none_or(|(scheme, _)| {
            scheme.contains(['/', '.'])
                || scheme.eq_ignore_ascii_case("http")
                || scheme.eq_ignore_ascii_case("https")
        });
        if !web {
            let effect = Effect::new("exfiltration.local-file-url", "an address that is not of the web");
            seen.effect(effect, Origin::Host(at));
        }
    }
    seen
}

/// What a call of the past did to a file.
pub(super) fn left(call: &ToolCall, world: &World<'_>, path: &Path) -> Option<Left> {
    let (subject, seen) = match (command(call), call.tool.as_str()) {
        (Some(script), "Bash" | "Monitor") => return Machine::new(world).leaves(&script, path),
        _ => understood(call, world),
    };
    let touched = seen.paths.iter().rfind(|touched| {
        (touched.placed.canonical == path || touched.placed.lexical == path)
            && matches!(touched.access, Access::Write | Access::Delete)
    })?;
    if touched.access == Access::Delete {
        return Some(Left::Removed);
    }
    // An edit names a piece, a tool nobody knows may do anything with its text.
    let whole =
        subject == Subject::File && matches!(call.tool.as_str(), "Write" | "write_file" | "create_file");
    let text = ["content", "contents", "file_text"].iter().find_map(|name| call.text(name));
    Some(Left::Wrote(text.filter(|_| whole).map(str::to_owned)))
}

/// The script of a tool that runs one: a text, or the words of one command.
fn command(call: &ToolCall) -> Option<String> {
    ["command", "cmd", "script", "CommandLine"].iter().find_map(|name| match call.input.get(*name)? {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => {
            let words: Option<Vec<&str>> = words.iter().map(Value::as_str).collect();
            Some(words?.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "))
        }
        _ => None,
    })
}

fn strings(call: &ToolCall, world: &World<'_>) -> (Subject, Understanding) {
    (Subject::Strings, mcp::understood(call, world))
}

/// What a script of another language does.
pub(super) fn of_code(language: Language, text: &str, world: &World<'_>) -> Understanding {
    let run = Run::code(language, Word::plain(text));
    Machine::new(world).doing(Doing { runs: vec![run], ..Doing::default() })
}

fn of_host(url: &str, direction: Direction, world: &World<'_>) -> Understanding {
    let contact = Contact { word: Word::plain(url), direction };
    Machine::new(world).doing(Doing { contacts: vec![contact], ..Doing::default() })
}

fn file(
    path: Option<String>,
    access: Access,
    content: Content,
    call: &ToolCall,
    world: &World<'_>,
) -> (Subject, Understanding) {
    match path {
        Some(path) => {
            let mut touch = Touch::new(Word::plain(&path), access);
            touch.content = content;
            let mut doing = Doing { touches: vec![touch], ..Doing::default() };
            if access == Access::Write {
                doing.effects = written::effects(&path, &call.input);
                written::runs(&path, &call.input, &mut doing);
            }
            let judged = !doing.runs.is_empty();
            let mut seen = Machine::new(world).doing(doing);
            if access == Access::Write {
                written::settle(&path, call, world, &mut seen);
            }
            if judged {
                for command in &mut seen.commands {
                    command.mention = true;
                }
            }
            (Subject::File, seen)
        }
        None => strings(call, world),
    }
}

/// An edit of a notebook is one of a file, and what a cell of code does is looked at as well. That it cannot be followed
/// says no more than that nobody read it.
fn notebook_edit(path: String, call: &ToolCall, world: &World<'_>) -> Understanding {
    let mut touch = Touch::new(Word::plain(path), Access::Write);
    touch.content = Content::Shown;
    let mut doing = Doing { touches: vec![touch], ..Doing::default() };
    let is_code = call.text("cell_type") != Some("markdown") && call.text("edit_mode") != Some("delete");
    if let Some(source) = call.text("new_source").filter(|_| is_code) {
        notebook::cell(source, Language::Python, &mut doing);
    }
    let mut seen = Machine::new(world).doing(doing);
    seen.undecidable = None;
    for command in &mut seen.commands {
        command.mention = true;
    }
    seen
}
