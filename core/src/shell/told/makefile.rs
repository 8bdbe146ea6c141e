//! What `make` runs by a Makefile that the script itself wrote.

use crate::understand::UNKNOWN;

/// How deep targets and variables are followed, and how many lines are run.
const DEEPEST: usize = 8;
const LINES: usize = 256;

/// What is run by a Makefile.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Makefile {
    /// The lines, as a script.
    pub(super) script: String,
    /// Whether it makes commands that nobody reads here.
    pub(super) hidden: bool,
}

/// A rule: its targets, what they need, its lines.
type Rule<'t> = (Vec<&'t str>, Vec<&'t str>, Vec<&'t str>);

/// The lines that are run for these targets, the first one where there are none. `shown`: the lines of rules are printed and
/// not run, those of `$(shell …)` are run all the same.
pub(super) fn read(text: &str, targets: &[&str], shown: bool) -> Makefile {
    let text = text.replace("\\\n", " ");
    let mut variables: Vec<(&str, &str)> = Vec::new();
    let mut rules: Vec<Rule<'_>> = Vec::new();
    let mut script: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(recipe) = line.strip_prefix('\t') {
            if let Some(rule) = rules.last_mut() {
                rule.2.push(recipe);
            }
        } else if let Some((name, value)) = line.split_once('=').filter(|(name, _)| {
            !name.contains([' ', '\t'])
                || name.trim_end_matches([' ', ':', '?', '+', '!']).split_whitespace().count() == 1
        }) {
            if name.trim_end().ends_with('!') {
                script.push(value.trim().replace("$$", "$"));
            }
            variables.push((name.trim_end_matches([' ', ':', '?', '+', '!']).trim(), value.trim()));
        } else if let Some((names, rest)) = line.split_once(':') {
            let (needs, inline) = rest.split_once(';').unwrap_or((rest, ""));
            let lines = if inline.is_empty() { Vec::new() } else { vec![inline] };
            rules.push((names.split_whitespace().collect(), needs.split_whitespace().collect(), lines));
        }
    }
    let makes = ["(eval ", "{eval ", "(guile ", "{guile ", "(file ", "{file "];
    let mut hidden = makes.iter().any(|function| text.contains(&format!("${function}")))
        || variables
            .iter()
            .any(|(name, _)| matches!(*name, "SHELL" | ".SHELLFLAGS" | "MAKESHELL" | "MAKEFLAGS"))
        || text.lines().any(|line| line.starts_with("load ") || line.starts_with("-load "));
    script.extend(shells(&text, &variables));
    for line in wanted(&rules, targets) {
        let flags =
            line.chars().take_while(|letter| matches!(letter, '@' | '-' | '+' | ' ')).collect::<String>();
        if shown && !flags.contains('+') {
            continue;
        }
        let written = line.get(flags.len()..).unwrap_or_default();
        let run = expanded(written, &variables, 0);
        if run.trim_start().starts_with(UNKNOWN) {
            // A compiler that the machine names (`$(CC)`) says nothing; what this text made of something does.
            hidden |= !is_of_machine(written.trim_start(), &variables);
        } else {
            script.push(run);
        }
    }
    script.truncate(LINES);
    Makefile { script: script.join("\n"), hidden }
}

/// The lines of the rules that are needed.
fn wanted<'t>(rules: &[Rule<'t>], targets: &[&'t str]) -> Vec<&'t str> {
    let first = rules
        .iter()
        .flat_map(|rule| &rule.0)
        .find(|name| !name.starts_with('.') && !name.contains('%'))
        .copied();
    let mut open: Vec<(&str, usize)> =
        targets.iter().filter(|target| !target.contains('=')).map(|target| (*target, 0)).collect();
    if open.is_empty() {
        open.extend(first.map(|name| (name, 0)));
    }
    let any = !open.is_empty();
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
    // What a pattern or a variable names may be any of what is needed.
    let open_names = |name: &&&str| name.contains(['%', '$']);
    for rule in rules.iter().filter(|rule| any && rule.0.iter().any(|name| open_names(&name))) {
        lines.extend(&rule.2);
    }
    lines.truncate(LINES);
    lines
}

/// Whether a line begins with a variable that the Makefile itself does not set.
fn is_of_machine(line: &str, variables: &[(&str, &str)]) -> bool {
    let Some(rest) = line.strip_prefix('$') else { return false };
    let name = match rest
        .strip_prefix('(')
        .map(|rest| (rest, ')'))
        .or(rest.strip_prefix('{').map(|rest| (rest, '}')))
    {
        Some((rest, close)) => rest.split_once(close).map_or("", |(name, _)| name),
        // `$@`, `$<`: a file that is built.
        None => return true,
    };
    !name.contains([' ', '$']) && !variables.iter().any(|(known, _)| *known == name)
}

/// What the functions of a Makefile run while it is read: `$(shell COMMAND)`.
fn shells(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for (open, close) in [("$(shell ", ')'), ("${shell ", '}')] {
        for rest in text.split(open).skip(1).take(LINES) {
            let mut depth = 1_usize;
            let end = rest.find(|letter: char| {
                depth += usize::from(close == ')' && letter == '(' || close == '}' && letter == '{');
                depth -= usize::from(letter == close);
                depth == 0
            });
            let command = end.map_or(rest, |end| rest.get(..end).unwrap_or(rest));
            found.push(expanded(command, variables, 0));
        }
    }
    found
}

/// A line with the variables of a Makefile in it.
fn expanded(line: &str, variables: &[(&str, &str)], depth: usize) -> String {
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
                    Some((_, value)) if depth < DEEPEST && out.len() < 4_096 => {
                        out.push_str(&expanded(value, variables, depth + 1));
                    }
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

    fn script(text: &str, targets: &[&str]) -> String {
        read(text, targets, false).script
    }

    #[test]
    fn a_makefile_is_the_lines_of_its_targets() {
        let text =
            "X := /tmp\nall: one\n\t@echo $(X) $$HOME $@\none: ; rm a\n.PHONY: all\nclean:\n\trm -rf $(Y)\n";
        assert_eq!(script(text, &[]), format!("echo /tmp $HOME {UNKNOWN}\nrm a"));
        assert_eq!(script(text, &["clean", "V=1"]), format!("rm -rf {UNKNOWN}"));
        assert_eq!(script(text, &["other"]), "");
        assert_eq!(script("a: b\nb: a\n\tls", &[]), "ls");
    }

    #[test]
    fn what_is_only_shown_runs_its_functions() {
        let text = "V := $(shell git describe)\nall: x.o\n\tcc $^\n%.o: %.c\n\t+ls\n";
        assert_eq!(read(text, &[], true).script, "git describe\nls");
        assert_eq!(script("A = rm\nB = $(A) -rf\nall:\n\t$(B) /x", &[]), "rm -rf /x");
    }

    #[test]
    fn commands_that_are_made_are_hidden() {
        for text in
            ["all:\n\t$(subst x,,xcxurl)", "SHELL := /tmp/x\nall:\n\tls", "A = $(word 1,sh)\nall:\n\t$(A)"]
        {
            assert!(read(text, &[], false).hidden, "{text}");
        }
        for text in
            ["all:\n\t$(CC) -o $@ $<", "all:\n\t$< --help", "S := $(wildcard *.c)\nall: $(S)\n\tls $(S)"]
        {
            assert!(!read(text, &[], false).hidden, "{text}");
        }
    }
}
