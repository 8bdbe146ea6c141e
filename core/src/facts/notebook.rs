//! Cells of notebooks: Python with lines for a shell and cells of another language.
//!
//! <https://ipython.readthedocs.io/en/stable/interactive/magics.html> names the magics. A cell is run by whoever opens
//! the notebook, where no hook sees it, so that it is read when it is written.

use agentfirewall_sdk::Access;

use crate::understand::{Doing, Language, Run, Touch, Word};

/// Magics of a line that give the rest of it to a shell.
const TO_SHELL: [&str; 4] = ["sx", "system", "sc", "bash"];
/// Magics of a line that are programs of the same name.
const PROGRAMS: [&str; 16] = [
    "pip", "conda", "mamba", "uv", "rm", "rmdir", "cp", "mv", "mkdir", "cat", "ls", "ll", "ln", "chmod",
    "touch", "man",
];

/// Adds what a cell runs. `language` is that of the notebook.
pub(super) fn cell(text: &str, language: Language, doing: &mut Doing) {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim_start();
    if let Some(magic) = first.strip_prefix("%%") {
        let rest = text.split_once(first).map_or("", |(_, rest)| rest);
        return whole(magic, rest, language, doing);
    }
    let mut code = String::with_capacity(text.len());
    for line in text.lines() {
        match shell_line(line.trim_start()) {
            Some(command) => doing.runs.push(run(Language::Shell, &command)),
            None if line.trim_start().starts_with('%') => {}
            None => code.push_str(line),
        }
        code.push('\n');
    }
    if !code.trim().is_empty() {
        doing.runs.push(run(language, &code));
    }
}

/// A cell that begins with `%%magic`.
fn whole(magic: &str, rest: &str, language: Language, doing: &mut Doing) {
    let (name, arguments) = magic.split_once(char::is_whitespace).unwrap_or((magic, ""));
    let name = if name == "script" { arguments.split_whitespace().next().unwrap_or("sh") } else { name };
    let name = name.rsplit('/').next().unwrap_or(name);
    match name {
        "bash" | "sh" | "zsh" | "dash" | "system" | "sx" | "!" | "cmd" => {
            doing.runs.push(run(Language::Shell, rest));
        }
        "writefile" | "file" => {
            let path = arguments.split_whitespace().rfind(|word| !word.starts_with('-'));
            let touch = path.map(|path| Touch::new(Word::plain(path), Access::Write));
            doing.touches.extend(touch);
        }
        "javascript" | "js" | "node" => doing.runs.push(run(Language::JavaScript, rest)),
        "ruby" => doing.runs.push(run(Language::Ruby, rest)),
        "perl" => doing.runs.push(run(Language::Perl, rest)),
        "sql" => doing.runs.push(run(Language::Sql, rest)),
        "html" | "HTML" | "markdown" | "latex" | "svg" | "SVG" => {}
        // `%%time`, `%%capture` and the like run the cell.
        _ => cell(rest, language, doing),
    }
}

/// The command of a line that is for a shell: `!rm x`, `files = !ls`, `%pip install x`.
fn shell_line(line: &str) -> Option<String> {
    if let Some(command) = line.strip_prefix('!') {
        return Some(command.trim_start_matches('!').to_owned());
    }
    if let Some(magic) = line.strip_prefix('%') {
        let (name, rest) = magic.split_once(char::is_whitespace).unwrap_or((magic, ""));
        return if TO_SHELL.contains(&name) {
            Some(rest.to_owned())
        } else {
            PROGRAMS.contains(&name).then(|| magic.to_owned())
        };
    }
    let (name, command) = line.split_once('=')?;
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ' ' | ',');
    let command = command.trim_start().strip_prefix('!')?;
    name.chars().all(is_name).then(|| command.to_owned())
}

fn run(language: Language, text: &str) -> Run {
    Run::code(language, Word::plain(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(text: &str) -> Vec<(Language, String)> {
        let mut doing = Doing::default();
        cell(text, Language::Python, &mut doing);
        doing
            .runs
            .into_iter()
            .filter_map(|run| match run {
                Run::Code { language, text, .. } => Some((language, text.text.trim().to_owned())),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn lines_for_a_shell_are_told_from_python() {
        let shell = |text: &str| (Language::Shell, text.to_owned());
        assert_eq!(runs("!rm -rf x"), [shell("rm -rf x")]);
        assert_eq!(runs("%pip install x"), [shell("pip install x")]);
        assert_eq!(runs("%%bash\nrm x\nls"), [shell("rm x\nls")]);
        assert_eq!(runs("\n%%script bash --no-raise-error\nls"), [shell("ls")]);
        assert_eq!(runs("%%time\n!ls"), [shell("ls")]);
        assert_eq!(runs("x = !ls\nprint(x)"), [shell("ls"), (Language::Python, "print(x)".to_owned())]);
        assert_eq!(runs("%matplotlib inline\na != b"), [(Language::Python, "a != b".to_owned())]);
        assert_eq!(runs("%%html\n<b>"), []);
    }

    #[test]
    fn a_cell_of_nothing_runs_nothing() {
        for text in ["", "\n\n", "%%", "%", "%%bash"] {
            assert!(runs(text).iter().all(|(_, text)| text.is_empty()), "{text}");
        }
    }
}
