//! What programs are told by a text that the script itself wrote: recipes of `make`, options of `curl`, the services of
//! `docker compose`, objects of `kubectl`, differences of `git apply` and `patch`.

mod makefile;
mod patch;

use agentfirewall_sdk::Access;

use super::machine::Machine;
use super::value::{Out, Value};
use crate::inline::manifest;
use crate::understand::{Doing, Origin, Touch, Word};

/// How many lines of a configuration become options.
const OPTIONS: usize = 64;

impl Machine<'_> {
    /// Acts out what such a text says. The input is what was read of it already.
    pub(super) fn told(&mut self, doing: &Doing, input: Option<&Value>, origin: Origin, out: &mut Out) {
        let given = |names: &[&str]| {
            let option = doing.options.iter().find(|(name, _)| names.contains(&name.as_str()));
            option.and_then(|(_, value)| value.clone())
        };
        match doing.program.as_str() {
            "curl" => {
                if let Some(text) = given(&["--config"]).and_then(|file| self.text_of_word(&file, input)) {
                    let argv = curl(&text);
                    self.deeper(|machine| machine.program(argv, None, out));
                }
            }
            "make" | "gmake" | "bmake" => {
                let names = ["GNUmakefile", "makefile", "Makefile"].map(Word::plain);
                let files = given(&["--file"]).map_or_else(|| names.to_vec(), |file| vec![file]);
                let Some(text) = files.iter().find_map(|file| self.text_of_word(file, input)) else { return };
                let targets: Vec<&str> = doing.operands.iter().map(|word| word.text.as_str()).collect();
                let shown = doing.options.iter().any(|(name, _)| name == "--just-print");
                let makefile = makefile::read(&text, &targets, shown);
                if makefile.hidden {
                    self.effect("shell.runner-flag", "a Makefile that makes its own commands", origin);
                }
                let script = makefile.script;
                let mut none = Out::default();
                self.deeper(|machine| {
                    // What cannot be read of a recipe says no more than that nobody read it.
                    let undecidable = machine.seen.undecidable;
                    machine.subshell(|machine| {
                        machine.run_text(&script, &mut none);
                    });
                    machine.seen.undecidable = undecidable;
                });
            }
            "patch" | "gpatch" | "git"
                if doing.program != "git"
                    || doing
                        .subcommand
                        .first()
                        .is_some_and(|verb| matches!(verb.as_str(), "apply" | "am")) =>
            {
                self.patched(doing, input, origin);
            }
            "docker" | "docker-compose" | "podman" | "podman-compose" | "kubectl" | "oc" => {
                if let Some(text) =
                    given(&["--file", "--filename", "-f"]).and_then(|file| self.text_of_word(&file, input))
                {
                    for (id, detail) in manifest::effects(&text) {
                        self.effect(id, detail, origin);
                    }
                }
            }
            _ => {}
        }
    }

    /// The files that a difference says it changes.
    fn patched(&mut self, doing: &Doing, input: Option<&Value>, origin: Origin) {
        let reads_only = ["--stat", "--numstat", "--summary", "--check", "--dry-run", "--show-current-patch"];
        if doing.options.iter().any(|(name, _)| reads_only.contains(&name.as_str())) {
            return;
        }
        let mut files: Vec<Word> = doing.operands.clone();
        // `patch FILE DIFFERENCE`, `patch -i DIFFERENCE`.
        files.extend(doing.options.iter().filter_map(|(_, value)| value.clone()));
        let named = doing.operands.len() > 1 || doing.options.iter().any(|(name, _)| name == "--input");
        if !named && (doing.program != "git" || doing.operands.is_empty()) {
            files.push(Word::plain("-"));
        }
        for file in files.iter().take(OPTIONS) {
            let Some(text) = self.text_of_word(file, input) else { continue };
            for path in patch::changed(&text) {
                self.touch(&Touch::new(Word::plain(path), Access::Write), origin);
            }
        }
    }

    /// The text of standard input or of a file, where the script wrote it.
    fn text_of_word(&mut self, word: &Word, input: Option<&Value>) -> Option<String> {
        let value = match word.text.as_str() {
            "-" | "/dev/stdin" => input.cloned().or_else(|| self.input.rest())?,
            _ => self.content(word),
        };
        value.single().filter(|word| word.known()).map(|word| word.text.clone())
    }
}

/// The command line that a configuration of curl stands for (<https://curl.se/docs/manpage.html#-K>).
fn curl(text: &str) -> Vec<Word> {
    let mut argv = vec![Word::plain("curl")];
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines.take(OPTIONS) {
        let line = line.trim_start_matches('-');
        let (name, value) = line.split_once([' ', '=', ':', '\t']).unwrap_or((line, ""));
        let dashes = if name.chars().count() == 1 { "-" } else { "--" };
        argv.push(Word::plain(format!("{dashes}{name}")));
        let value = value.trim_start_matches([' ', '=', ':', '\t']).trim_matches('"');
        if !value.is_empty() {
            argv.push(Word::plain(value));
        }
    }
    argv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_of_curl_is_a_command_line() {
        let words =
            |text: &str| curl(text).iter().map(|word| word.text.clone()).collect::<Vec<_>>().join(" ");
        assert_eq!(
            words("url = \"http://x\"\n# c\n--output=a\nsilent\n"),
            "curl --url http://x --output a --silent"
        );
        assert_eq!(words("-o b"), "curl -o b");
    }
}
