//! What an editor is told to do at its start: `vim -es -c 'set et' -c 'normal! gg=G' -c wq FILE`.

use super::super::parse::Parsed;
use super::effect;
use crate::understand::Doing;

/// Settings of the look of a text. None of them names a program or is an expression.
const SETTINGS: [&str; 54] = [
    "ai",
    "autoindent",
    "backup",
    "bin",
    "binary",
    "bomb",
    "ci",
    "cin",
    "cindent",
    "compatible",
    "cp",
    "enc",
    "encoding",
    "endofline",
    "eol",
    "et",
    "expandtab",
    "fenc",
    "ff",
    "ffs",
    "fileencoding",
    "fileformat",
    "fileformats",
    "filetype",
    "fixendofline",
    "fixeol",
    "ft",
    "gd",
    "gdefault",
    "hls",
    "hlsearch",
    "ic",
    "ignorecase",
    "list",
    "nu",
    "number",
    "sc",
    "shiftround",
    "shiftwidth",
    "si",
    "smartindent",
    "smarttab",
    "softtabstop",
    "sr",
    "sta",
    "sts",
    "sw",
    "swapfile",
    "syn",
    "syntax",
    "tabstop",
    "textwidth",
    "ts",
    "tw",
];

/// Takes the effect away that a word with `!` has, where all that the editor is told changes only the text.
pub(super) fn run(parsed: &Parsed<'_>, doing: &mut Doing) {
    let told = parsed.options.iter().filter(|given| matches!(given.name.as_str(), "-c" | "--cmd"));
    let harmless =
        told.filter_map(|given| given.value.as_ref()).all(|word| word.known() && is_harmless(&word.text))
            && parsed.operands.iter().all(|word| match word.text.strip_prefix('+') {
                Some(command) => word.known() && is_harmless(command),
                None => !word.text.contains(['!', '(', ':']),
            });
    if !harmless && parsed.has("-es") && doing.effects.iter().all(|effect| effect.id != "shell.runner-flag") {
        effect(doing, "shell.runner-flag", "-es");
    }
    if harmless && !parsed.has("-S") && !parsed.has("-s") {
        doing.effects.retain(|effect| effect.id != "shell.runner-flag");
    }
}

/// Whether commands of `ex` change the text and do nothing else. A bar in a pattern makes two of one, which are then unknown.
fn is_harmless(commands: &str) -> bool {
    !commands.chars().any(char::is_control) && commands.split('|').all(is_one)
}

fn is_one(command: &str) -> bool {
    let command = command.trim().trim_start_matches(':').trim_start();
    let command =
        command.trim_start_matches(|letter: char| letter.is_ascii_digit() || "%,$.".contains(letter));
    if command.is_empty() {
        return true;
    }
    let end = command.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(command.len());
    let (name, rest) = command.split_at_checked(end).unwrap_or((command, ""));
    let argument = rest.strip_prefix('!').unwrap_or(rest);
    match name {
        "w" | "write" | "wq" | "x" | "xit" | "q" | "quit" | "qa" | "qall" | "wqa" | "xa" | "wa" | "up"
        | "update" | "noh" | "nohlsearch" | "cq" => argument.trim().is_empty(),
        "retab" | "sort" | "d" | "delete" | "j" | "join" | "syntax" | "filetype" => !argument.contains('!'),
        "se" | "set" | "setl" | "setlocal" => argument.split_whitespace().all(is_setting),
        // Keys: no command line, no filter, no macro, no expression, nothing that opens something.
        "norm" | "normal" => {
            !argument.contains([':', '!', '@', 'K', '<'])
                && !argument.contains("\"=")
                && !argument.contains("gx")
        }
        // What stands for a match may be an expression.
        "s" => rest.starts_with(['/', '#', ',', '+', '~']) && !rest.contains("\\="),
        "g" | "v" => rest.starts_with('/') && matches!(rest.rsplit('/').next(), Some("d" | "delete" | "j")),
        _ => false,
    }
}

fn is_setting(word: &str) -> bool {
    let name = word.split(['=', '?', '&', '!', ':', '+', '-', '^']).next().unwrap_or_default();
    SETTINGS.contains(&name)
        || ["no", "inv"].iter().any(|off| name.strip_prefix(off).is_some_and(|name| SETTINGS.contains(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_the_text_alone_is_harmless() {
        for command in [
            "wq",
            ":wq!",
            "set ts=4 noet",
            "normal! gg=G",
            "%s/\\s\\+$//e",
            "g/^#/d",
            "%sort u",
            "retab|x",
            "1,3d",
            "%s#a#b#g",
        ] {
            assert!(is_harmless(command), "{command}");
        }
        for command in [
            "!id",
            "w !sh",
            "%!sh",
            "r !id",
            "normal! gg!Gsh",
            "normal :!id",
            "set shell=/tmp/x",
            "set equalprg=sh",
            "set indentexpr=system('id')",
            "s/x/\\=system('id')/",
            "py3 import os",
            "call system('id')",
            "source x",
            "g/x/normal @q",
            "wq|!id",
        ] {
            assert!(!is_harmless(command), "{command}");
        }
    }
}
