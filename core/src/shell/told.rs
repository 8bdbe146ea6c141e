//! What programs are told by a text that the script itself wrote: recipes of `make`, options of `curl`, the services of
//! `docker compose`, objects of `kubectl`.

use super::machine::Machine;
use super::value::{Out, Value};
use crate::inline::manifest;
use crate::understand::{Doing, Origin, UNKNOWN, Word};

/// How deep targets of a Makefile are followed, and how many lines are run.
const DEEPEST: usize = 8;
const LINES: usize = 256;
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
                let script = recipes(&text, &targets);
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

/// The lines that `make` runs for these targets, the first one where there are none, as a script.
fn recipes(text: &str, targets: &[&str]) -> String {
    let text = text.replace("\\\n", " ");
    let mut variables: Vec<(&str, &str)> = Vec::new();
    // Each rule: its targets, what they need, its lines.
    let mut rules: Vec<(Vec<&str>, Vec<&str>, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        if let Some(recipe) = line.strip_prefix('\t') {
            if let Some(rule) = rules.last_mut() {
                rule.2.push(recipe);
            }
        } else if let Some((name, value)) = line.split_once('=').filter(|(name, _)| {
            !name.contains([' ', '\t'])
                || name.trim_end_matches([' ', ':', '?', '+']).split_whitespace().count() == 1
        }) {
            variables.push((name.trim_end_matches([' ', ':', '?', '+']).trim(), value.trim()));
        } else if let Some((names, rest)) = line.split_once(':') {
            let (needs, inline) = rest.split_once(';').unwrap_or((rest, ""));
            let lines = if inline.is_empty() { Vec::new() } else { vec![inline] };
            rules.push((names.split_whitespace().collect(), needs.split_whitespace().collect(), lines));
        }
    }
    let first = rules.iter().flat_map(|rule| &rule.0).find(|name| !name.starts_with('.')).copied();
    let mut open: Vec<(&str, usize)> =
        targets.iter().filter(|target| !target.contains('=')).map(|target| (*target, 0)).collect();
    if open.is_empty() {
        open.extend(first.map(|name| (name, 0)));
    }
    let (mut lines, mut done): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    while let Some((target, depth)) = open.pop() {
        if done.contains(&target) || depth > DEEPEST || lines.len() > LINES {
            continue;
        }
        done.push(target);
        for rule in rules.iter().filter(|rule| rule.0.contains(&target)) {
            lines.extend(&rule.2);
            open.extend(rule.1.iter().map(|need| (*need, depth + 1)));
        }
    }
    let shown =
        lines.iter().take(LINES).map(|line| expanded(line.trim_start_matches(['@', '-', '+']), &variables));
    // A compiler that the machine names (`$(CC)`) says nothing.
    shown.filter(|line| !line.trim_start().starts_with(UNKNOWN)).collect::<Vec<_>>().join("\n")
}

/// A line with the variables of a Makefile in it.
fn expanded(line: &str, variables: &[(&str, &str)]) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let mut letters = after.chars();
        rest = match letters.next() {
            Some('$') => {
                out.push('$');
                letters.as_str()
            }
            Some(open @ ('(' | '{')) => {
                let (name, tail) =
                    letters.as_str().split_once(if open == '(' { ')' } else { '}' }).unwrap_or_default();
                match variables.iter().rev().find(|(known, _)| *known == name) {
                    Some((_, value)) if !value.contains('$') && out.len() < 4_096 => out.push_str(value),
                    _ => out.push(UNKNOWN),
                }
                tail
            }
            // `$@`, `$<`
            Some(_) => {
                out.push(UNKNOWN);
                letters.as_str()
            }
            None => "",
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_makefile_is_the_lines_of_its_targets() {
        let text =
            "X := /tmp\nall: one\n\t@echo $(X) $$HOME $@\none: ; rm a\n.PHONY: all\nclean:\n\trm -rf $(Y)\n";
        assert_eq!(recipes(text, &[]), format!("echo /tmp $HOME {UNKNOWN}\n rm a"));
        assert_eq!(recipes(text, &["clean", "V=1"]), format!("rm -rf {UNKNOWN}"));
        assert_eq!(recipes(text, &["other"]), "");
        assert_eq!(recipes("a: b\nb: a\n\tls", &[]), "ls");
    }

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
