//! Commands by what they are: program, subcommand, options and operands, however they are quoted, wrapped or ordered.

use agentfirewall_sdk::{CommandFact, Matcher, Plugin, PluginError, Subject, register};
use schemars::JsonSchema;
use serde::Deserialize;

use super::glob;
use super::words::{self, OneOrMany};

/// What a command has to be. All that is given must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// The program's name without its folder; wildcards, of which one must match.
    program: Option<OneOrMany>,
    /// What its subcommands begin with: `"compute instances delete"` or a list of words. Each word may be a wildcard.
    subcommand: Option<OneOrMany>,
    /// Options of which one is there: `--force`, `-f`, or with a value `--output=json`; wildcards.
    flags: Option<OneOrMany>,
    /// Options that are all there.
    all_flags: Option<OneOrMany>,
    /// Options of which none is there.
    without_flags: Option<OneOrMany>,
    /// Wildcards of which one matches an operand: what is neither an option, nor its value, nor a subcommand.
    operands: Option<OneOrMany>,
    /// Programs of which one wraps the command, such as `sudo`; wildcards.
    wrappers: Option<OneOrMany>,
    /// Wildcards of which one matches all words of the command joined by one space.
    argv: Option<OneOrMany>,
}

/// Matches commands by what they are.
#[derive(Debug)]
pub(crate) struct Command {
    program: Option<Vec<String>>,
    subcommand: Option<Vec<String>>,
    flags: Option<Vec<String>>,
    all_flags: Option<Vec<String>>,
    without_flags: Option<Vec<String>>,
    operands: Option<Vec<String>>,
    wrappers: Option<Vec<String>>,
    argv: Option<Vec<String>>,
}

impl Plugin for Command {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let subcommand = words::list("subcommand", config.subcommand)?.map(|list| {
            list.iter().flat_map(|words| words.split_whitespace()).map(str::to_owned).collect::<Vec<_>>()
        });
        if subcommand.as_ref().is_some_and(Vec::is_empty) {
            return Err(PluginError::new("`subcommand` has no word"));
        }
        let made = Self {
            program: words::list("program", config.program)?,
            subcommand,
            flags: words::list("flags", config.flags)?,
            all_flags: words::list("all_flags", config.all_flags)?,
            without_flags: words::list("without_flags", config.without_flags)?,
            operands: words::list("operands", config.operands)?,
            wrappers: words::list("wrappers", config.wrappers)?,
            argv: words::list("argv", config.argv)?,
        };
        let flags = [&made.flags, &made.all_flags, &made.without_flags].into_iter().flatten().flatten();
        for flag in flags {
            // Programs such as `find` and `java` have long options with one `-`, those of Windows begin with `/`.
            if !flag.starts_with(['-', '/', '+', '*']) || flag.len() < 2 {
                return Err(PluginError::new(format!(
                    "`{}` is no option: one is like `--force` or `-f`",
                    flag.escape_debug()
                )));
            }
        }
        let nothing = [&made.program, &made.subcommand, &made.flags, &made.all_flags, &made.without_flags]
            .into_iter()
            .chain([&made.operands, &made.wrappers, &made.argv])
            .all(Option::is_none);
        if nothing { Err(words::says_nothing("program: rm")) } else { Ok(made) }
    }
}

impl Matcher for Command {
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        let Some(command) = subject.command() else { return Ok(false) };
        let one_of = |patterns: Option<&Vec<String>>, texts: &[String]| {
            patterns.is_none_or(|patterns| {
                texts.iter().any(|text| patterns.iter().any(|pattern| glob::matches(pattern, text)))
            })
        };
        let has = |flag: &String| has_flag(command, flag);
        Ok(words::any(self.program.as_deref(), &command.program)
            && self.subcommand.as_ref().is_none_or(|words| begins_with(command, words))
            && self.flags.as_ref().is_none_or(|flags| flags.iter().any(has))
            && self.all_flags.as_ref().is_none_or(|flags| flags.iter().all(has))
            && !self.without_flags.as_ref().is_some_and(|flags| flags.iter().any(has))
            && one_of(self.operands.as_ref(), &command.operands)
            && one_of(self.wrappers.as_ref(), &command.wrappers)
            && (self.argv.is_none() || words::any(self.argv.as_deref(), &command.argv.join(" "))))
    }
}

register! {
    matcher Command {
        id: "command",
        summary: "a command by its program, subcommand, options and operands, however it is quoted or wrapped",
        why: "says `git push --force` once, for every order, abbreviation, path and wrapper of it",
        examples: [
            r#"{"program": "git", "subcommand": "push", "flags": ["--force", "-f"]} => {"command": {"program": "git", "subcommand": ["push"], "options": [["--force", null]], "argv": ["git", "push", "-f"]}}"#,
            r#"{"program": "gcloud", "subcommand": "compute instances delete"} => {"command": {"program": "gcloud", "subcommand": ["compute", "instances", "delete"], "operands": ["vm-1"], "argv": ["gcloud", "compute", "instances", "delete", "vm-1"]}}"#,
            r#"{"program": ["kubectl", "oc"], "without_flags": "--dry-run"} => {"command": {"program": "kubectl", "subcommand": ["apply"], "argv": ["kubectl", "apply"]}}"#,
            r#"{"wrappers": "sudo", "operands": "/etc/*"} => {"command": {"program": "rm", "operands": ["/etc/hosts"], "wrappers": ["sudo"], "argv": ["rm", "/etc/hosts"]}}"#,
        ],
        negatives: [
            r#"{"program": "git", "subcommand": "push", "flags": ["--force", "-f"]} => {"command": {"program": "git", "subcommand": ["push"], "operands": ["origin", "f"], "argv": ["git", "push", "origin", "f"]}}"#,
            r#"{"program": "gcloud", "subcommand": "compute instances delete"} => {"command": {"program": "gcloud", "subcommand": ["compute", "instances", "list"], "argv": ["gcloud", "compute", "instances", "list"]}}"#,
            r#"{"program": "rm"} => rm -rf /"#,
        ],
        keywords: ["command", "program", "subcommand", "option", "flag", "sudo"],
        since: "0.3.0",
    }
}

/// Whether the subcommands begin with these words. Not every level of a program is in the host's table: what it does not
/// know stands at the beginning of the operands.
fn begins_with(command: &CommandFact, words: &[String]) -> bool {
    let mut own = command.subcommand.iter().chain(&command.operands);
    words.iter().all(|word| own.next().is_some_and(|own| glob::matches(word, own)))
}

/// Whether an option is there: as it is understood, which for a program that is known is its first spelling, or as it
/// is written.
fn has_flag(command: &CommandFact, flag: &str) -> bool {
    let (name, value) = match flag.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (flag, None),
    };
    let understood = command.options.iter().any(|(own, own_value)| {
        glob::matches(name, own)
            && value.is_none_or(|value| own_value.as_ref().is_some_and(|own| glob::matches(value, own)))
    });
    understood || is_written(command, name, value)
}

/// Whether an option stands among the words before `--`. A word that is the value of another option is none, as often as
/// it is a value.
fn is_written(command: &CommandFact, name: &str, value: Option<&str>) -> bool {
    let words = || command.argv.iter().skip(1).take_while(|word| *word != "--");
    let values =
        |text: &str| command.options.iter().filter(|(_, value)| value.as_deref() == Some(text)).count();
    let short = name.strip_prefix('-').filter(|short| {
        short.chars().count() == 1 && short.chars().all(|c| c.is_ascii_alphanumeric()) && value.is_none()
    });
    words().any(|word| {
        let is_it = match (word.split_once('='), value) {
            (Some((own, own_value)), Some(value)) => {
                glob::matches(name, own) && glob::matches(value, own_value)
            }
            (Some((own, _)), None) => glob::matches(name, own) || glob::matches(name, word),
            (None, None) => {
                glob::matches(name, word) || short.is_some_and(|short| in_cluster(command, word, short))
            }
            (None, Some(_)) => false,
        };
        // Without a wildcard only an option is looked for, and an operand is none.
        is_it
            && word.starts_with(['-', '/', '+'])
            && words().filter(|other| *other == word).count() > values(word)
    })
}

/// Whether a word such as `-rf` holds a short option. Where the program is known, its options are taken apart already; a
/// word that is an option as a whole (`-name`) is no cluster.
fn in_cluster(command: &CommandFact, word: &str, short: &str) -> bool {
    word.strip_prefix('-').is_some_and(|cluster| {
        cluster.len() > 1
            && cluster.len() < 8
            && cluster.bytes().all(|byte| byte.is_ascii_alphabetic())
            && cluster.contains(short)
            && !command.options.iter().any(|(own, _)| own == word)
    })
}

#[cfg(test)]
mod tests {
    use agentfirewall_sdk::{Access, Fact, PartKind, ToolCall};
    use serde_json::{Value, json};

    use super::*;

    fn new(config: Value) -> Result<Command, PluginError> {
        Command::new(serde_json::from_value(config).unwrap())
    }

    fn matches(config: Value, fact: Value) -> bool {
        let fact = Fact::Command(serde_json::from_value(fact).unwrap());
        let call = ToolCall::new("Bash", json!({}));
        let subject = Subject::new(&call, PartKind::Command, "x", Access::Unknown);
        new(config).unwrap().matches(&subject.with_fact(Some(&fact))).unwrap()
    }

    #[test]
    fn an_option_is_found_as_it_is_understood_and_as_it_is_written() {
        let known = json!({"program": "rm", "options": [["--recursive", null], ["--force", null]],
            "argv": ["rm", "-rf", "x"], "operands": ["x"]});
        for flags in [json!("-f"), json!("--force"), json!(["-i", "-r"]), json!("--rec*")] {
            assert!(matches(json!({"flags": flags}), known.clone()), "{flags}");
        }
        for flags in [json!("-i"), json!("--forc"), json!("-x"), json!("--force=yes")] {
            assert!(!matches(json!({"flags": flags}), known.clone()), "{flags}");
            assert!(matches(json!({"without_flags": flags}), known.clone()), "{flags}");
        }
        assert!(matches(json!({"all_flags": ["-r", "-f"]}), known.clone()));
        assert!(!matches(json!({"all_flags": ["-r", "-i"]}), known));
    }

    #[test]
    fn values_operands_and_long_options_are_no_short_ones() {
        let message = json!({"program": "git", "subcommand": ["commit"],
            "options": [["--message", "-f"]], "argv": ["git", "commit", "-m", "-f"]});
        assert!(!matches(json!({"flags": "-f"}), message));
        let both =
            json!({"program": "git", "options": [["--message", "-f"]], "argv": ["git", "-m", "-f", "-f"]});
        assert!(matches(json!({"flags": "-f"}), both));
        let after = json!({"program": "rm", "argv": ["rm", "--", "-f"], "operands": ["-f"]});
        assert!(!matches(json!({"flags": "-f"}), after));
        let find = json!({"program": "find", "options": [["-name", "x"]], "argv": ["find", "-name", "x"]});
        assert!(!matches(json!({"flags": "-n"}), find.clone()));
        assert!(matches(json!({"flags": "-name=x"}), find));
        let unknown = json!({"program": "tool", "argv": ["tool", "--output=json"]});
        assert!(matches(json!({"flags": "--output=js*"}), unknown.clone()));
        assert!(matches(json!({"flags": "--output"}), unknown.clone()));
        assert!(!matches(json!({"flags": "--output=xml"}), unknown));
    }

    #[test]
    fn subcommands_match_from_their_beginning_word_by_word() {
        let fact = json!({"program": "gcloud", "subcommand": ["compute", "instances", "delete"]});
        for subcommand in [json!("compute"), json!("compute instances"), json!(["compute", "*", "delete"])] {
            assert!(matches(json!({"subcommand": subcommand}), fact.clone()), "{subcommand}");
        }
        for subcommand in [json!("instances"), json!("comp"), json!("compute instances delete now")] {
            assert!(!matches(json!({"subcommand": subcommand}), fact.clone()), "{subcommand}");
        }
    }

    #[test]
    fn a_level_that_the_table_does_not_know_is_found_among_the_operands() {
        let fact = json!({"program": "git", "subcommand": ["remote"], "operands": ["add", "x", "y"]});
        assert!(matches(json!({"subcommand": "remote add"}), fact.clone()));
        assert!(!matches(json!({"subcommand": "remote remove"}), fact.clone()));
        assert!(!matches(json!({"subcommand": "add"}), fact));
    }

    #[test]
    fn an_effect_is_matched_by_the_command_it_comes_from() {
        let by = Fact::Command(serde_json::from_value(json!({"program": "git"})).unwrap());
        let fact = Fact::Effect { detail: String::new(), by: Some(Box::new(by)) };
        let call = ToolCall::new("Bash", json!({}));
        let subject = Subject::new(&call, PartKind::Effect, "git.discard", Access::Unknown);
        let matcher = new(json!({"program": "git"})).unwrap();
        assert!(matcher.matches(&subject.with_fact(Some(&fact))).unwrap());
        assert!(!matcher.matches(&subject).unwrap());
    }

    #[test]
    fn what_says_nothing_is_refused() {
        for config in [
            json!({}),
            json!({"program": []}),
            json!({"subcommand": " "}),
            json!({"flags": "force"}),
            json!({"flags": "-"}),
        ] {
            assert!(new(config.clone()).is_err(), "{config}");
        }
    }
}
