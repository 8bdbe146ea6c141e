//! The rules of gitleaks, a configuration in TOML (<https://github.com/gitleaks/gitleaks#configuration>).
//!
//! Its rules see the path of a file and the commit; ours see texts, in a hook as in a scan. What hangs on a path or a commit is
//! told.

use std::collections::BTreeMap;

use agentfirewall_sdk::{
    Allow, AllowTarget, DetectionRule, ForeignRules, PluginError, RuleReader, register_rules,
};
use toml::{Table, Value};

use super::expression::from_go;

#[derive(Debug)]
struct Gitleaks;

static GITLEAKS: Gitleaks = Gitleaks;

register_rules! { reader GITLEAKS }

impl RuleReader for Gitleaks {
    fn tool(&self) -> &'static str {
        "gitleaks"
    }

    fn recognises(&self, text: &str) -> bool {
        // A file with a mistake in it was meant to be one, too.
        text.lines().map(str::trim_end).any(|line| {
            matches!(
                line,
                "[[rules]]" | "[extend]" | "[allowlist]" | "[[allowlists]]" | "[[rules.allowlists]]"
            )
        })
    }

    fn read(&self, texts: &[&str]) -> Result<ForeignRules, PluginError> {
        let mut reading = Reading::default();
        let mut extends = None;
        for text in texts {
            let table: Table = toml::from_str(text).map_err(|error| {
                let at = error.span().map_or(0, |span| span.start);
                let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
                PluginError::new(format!("line {line}: {}", error.message()))
            })?;
            extends = reading.file(&table);
        }
        Ok(reading.finish(extends))
    }
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    /// By id, in the order in which they stand.
    rules: Vec<DetectionRule>,
    /// Allowances of a whole file, with the rules they are about; none means all.
    shared: Vec<(Vec<String>, Allow)>,
    disabled: Vec<String>,
    notes: Vec<String>,
    /// Rules without a pattern of their own, until a file that is built upon has one.
    unfinished: BTreeMap<String, &'static str>,
    /// Keys that mean nothing to us, and how often each was met.
    passed_over: BTreeMap<String, usize>,
}

impl Reading {
    /// Reads one file; gives the path of the one it builds upon.
    fn file(&mut self, table: &Table) -> Option<String> {
        let mut extends = None;
        for (key, value) in table {
            match (key.as_str(), value) {
                ("title" | "description" | "minVersion", _) => {}
                ("extend", Value::Table(extend)) => extends = self.extend(extend),
                ("rules", Value::Array(rules)) => {
                    for rule in rules {
                        match rule {
                            Value::Table(rule) => self.rule(rule),
                            _ => self.notes.push("a rule that is no table is left out".to_owned()),
                        }
                    }
                }
                ("allowlist" | "allowlists", value) => {
                    for list in tables(value) {
                        let about = texts(list.get("targetRules"));
                        if let Some(allow) = self.allow("the file", list) {
                            self.shared.push((about, allow));
                        }
                    }
                }
                (other, _) => self.pass_over(&format!("`{other}`")),
            }
        }
        extends
    }

    fn extend(&mut self, extend: &Table) -> Option<String> {
        let mut path = None;
        for (key, value) in extend {
            match (key.as_str(), value) {
                ("path", Value::String(file)) if !file.is_empty() => path = Some(file.clone()),
                ("useDefault", Value::Boolean(true)) => self.notes.push(
                    "`useDefault`: gitleaks' own rules are not taken over; the built-in detectors stand in for them".to_owned(),
                ),
                ("useDefault", _) => {}
                ("disabledRules", value) => self.disabled.extend(texts(Some(value))),
                (other, _) => self.pass_over(&format!("`extend.{other}`")),
            }
        }
        path
    }

    fn rule(&mut self, table: &Table) {
        let written = text(table.get("id"));
        let Some(id) = written.as_deref().and_then(id) else {
            self.notes.push(format!("a rule without a usable `id` ({written:?}) is left out"));
            return;
        };
        let mut rule = DetectionRule::new(id.clone());
        let mut only_path = false;
        for (key, value) in table {
            match (key.as_str(), value) {
                ("id", _) => {}
                ("description", Value::String(text)) => {
                    rule.summary = text.split_whitespace().collect::<Vec<_>>().join(" ");
                }
                ("regex", Value::String(pattern)) if !pattern.is_empty() => {
                    rule.pattern = Some(from_go(pattern));
                }
                ("secretGroup", Value::Integer(group)) => {
                    rule.secret_group = u32::try_from(*group).ok().filter(|group| *group > 0);
                }
                ("entropy", value) => rule.entropy = number(value),
                ("keywords", value) => {
                    let words = texts(Some(value)).into_iter().filter(|word| !word.is_empty());
                    rule.keywords = words.map(|word| word.to_ascii_lowercase()).collect();
                }
                ("path", Value::String(path)) if !path.is_empty() => {
                    only_path = !table.contains_key("regex");
                    if !only_path {
                        self.notes.push(format!(
                            "`{id}`: its `path` is not looked at, so it is about every text (`{}`)",
                            short(path)
                        ));
                    }
                }
                ("allowlist" | "allowlists", value) => {
                    for list in tables(value) {
                        rule.allow.extend(self.allow(&format!("`{id}`"), list));
                    }
                }
                ("tags", _) => self.pass_over("`tags` of rules"),
                (other, _) => self.pass_over(&format!("`{other}` of rules")),
            }
        }
        // An entropy that nothing can have less of is none.
        rule.entropy = rule.entropy.filter(|least| *least > 0.0);
        match self.rules.iter_mut().find(|known| known.id == id) {
            // The file that builds upon another has the last word.
            Some(known) => merge(known, rule),
            None => self.rules.push(rule),
        }
        if only_path {
            self.unfinished.insert(id, "it has a `path` and no `regex`, and names of files are no secrets");
        } else if let std::collections::btree_map::Entry::Vacant(entry) = self.unfinished.entry(id) {
            entry.insert("it has no `regex`");
        }
    }

    /// An allowance, as far as it can be one.
    fn allow(&mut self, whose: &str, table: &Table) -> Option<Allow> {
        let mut allow = Allow::default();
        let mut unseen = Vec::new();
        let mut both = false;
        for (key, value) in table {
            match (key.as_str(), value) {
                ("description" | "targetRules", _) => {}
                ("regexes", value) => {
                    allow.patterns = texts(Some(value)).iter().map(|pattern| from_go(pattern)).collect();
                }
                ("stopwords", value) => allow.words = texts(Some(value)),
                ("regexTarget", Value::String(target)) => {
                    allow.target = match target.as_str() {
                        "match" => AllowTarget::Match,
                        "line" => AllowTarget::Line,
                        _ => AllowTarget::Secret,
                    };
                }
                ("condition", Value::String(word)) => both = matches!(word.as_str(), "AND" | "and" | "&&"),
                ("paths" | "commits", value) if !texts(Some(value)).is_empty() => unseen.push(key.as_str()),
                ("paths" | "commits", _) => {}
                (other, _) => self.pass_over(&format!("`{other}` of allowlists")),
            }
        }
        let unseen = unseen.join("` and `");
        if both && !unseen.is_empty() {
            self.notes.push(format!(
                "{whose}: an allowlist that needs `{unseen}` as well is left out, so more is found than by gitleaks"
            ));
            return None;
        }
        if !unseen.is_empty() {
            self.notes.push(format!("{whose}: `{unseen}` of an allowlist are not looked at"));
        }
        allow.both = both && !allow.patterns.is_empty() && !allow.words.is_empty();
        (!allow.patterns.is_empty() || !allow.words.is_empty()).then_some(allow)
    }

    fn pass_over(&mut self, what: &str) {
        *self.passed_over.entry(what.to_owned()).or_default() += 1;
    }

    fn finish(mut self, extends: Option<String>) -> ForeignRules {
        let mut result = ForeignRules::default();
        result.extends = extends;
        for disabled in &self.disabled {
            let written = id(disabled).unwrap_or_default();
            let before = self.rules.len();
            self.rules.retain(|rule| rule.id != written);
            if self.rules.len() == before && result.extends.is_none() {
                self.notes.push(format!(
                    "`disabledRules`: no rule here is called `{disabled}`; a built-in detector is switched off under `detectors:`"
                ));
            }
        }
        for mut rule in self.rules {
            if rule.pattern.is_none() {
                let why = self.unfinished.get(&rule.id).copied().unwrap_or_default();
                self.notes.push(format!("`{}` is left out: {why}", rule.id));
                continue;
            }
            let shared = self.shared.iter().filter(|(about, _)| {
                about.is_empty() || about.iter().any(|name| id(name).as_deref() == Some(rule.id.as_str()))
            });
            rule.allow.extend(shared.map(|(_, allow)| allow.clone()));
            result.rules.push(rule);
        }
        for (what, times) in self.passed_over {
            self.notes.push(format!("{what} mean nothing here ({times} times)"));
        }
        result.notes = self.notes;
        result
    }
}

/// Fills in what a rule does not say from the one of the same id that it builds upon.
fn merge(rule: &mut DetectionRule, base: DetectionRule) {
    if rule.summary.is_empty() {
        rule.summary = base.summary;
    }
    rule.pattern = rule.pattern.take().or(base.pattern);
    rule.secret_group = rule.secret_group.or(base.secret_group);
    rule.entropy = rule.entropy.or(base.entropy);
    rule.keywords.extend(base.keywords);
    rule.allow.extend(base.allow);
}

/// A name in our form: lower-case words joined by hyphens.
fn id(written: &str) -> Option<String> {
    let lower = written.to_ascii_lowercase();
    let words: Vec<&str> =
        lower.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| words.join("-"))
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A table, or a list of them.
fn tables(value: &Value) -> Vec<&Table> {
    match value {
        Value::Table(table) => vec![table],
        Value::Array(all) => all.iter().filter_map(Value::as_table).collect(),
        _ => Vec::new(),
    }
}

fn number(value: &Value) -> Option<f32> {
    // Bits a character: neither the range nor the precision of the larger types is needed.
    #[expect(clippy::cast_possible_truncation, reason = "between 0 and 8")]
    match value {
        Value::Float(number) => Some(*number as f32),
        Value::Integer(number) => i16::try_from(*number).ok().map(f32::from),
        _ => None,
    }
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
title = "ours"
minVersion = "v8.25.0"

[extend]
useDefault = true
disabledRules = ["generic-api-key"]

[[rules]]
id = "Acme_Token"
description = "Acme's tokens"
regex = '''(?i)acme[\w.-]{0,20}[=:]\s*['"]?([a-z0-9]{32})['"\s<{]'''
secretGroup = 1
entropy = 3
keywords = ["ACME"]
tags = ["x"]
path = '''\.env$'''

[[rules.allowlists]]
condition = "AND"
regexTarget = "line"
regexes = ['''# demo$''']
stopwords = ["demo"]

[[rules.allowlists]]
paths = ['''tests/''']
stopwords = ["fixture"]

[[rules.allowlists]]
condition = "AND"
paths = ['''tests/''']
stopwords = ["other"]

[[rules]]
id = "keystore"
path = '''\.jks$'''

[[allowlists]]
targetRules = ["acme_token"]
commits = ["abc"]
regexes = ["^0+$"]

[future]
x = 1
"#;

    #[test]
    fn rules_come_over_and_what_does_not_is_told() {
        let read = GITLEAKS.read(&[FILE]).unwrap();
        let [rule] = read.rules.as_slice() else { panic!("{:?}", read.rules) };
        assert_eq!((rule.id.as_str(), rule.summary.as_str()), ("acme-token", "Acme's tokens"));
        assert_eq!((rule.secret_group, rule.entropy), (Some(1), Some(3.0)));
        assert_eq!(rule.keywords, ["acme"]);
        let allow: Vec<_> =
            rule.allow.iter().map(|allow| (allow.both, allow.patterns.len(), allow.words.len())).collect();
        assert_eq!(allow, [(true, 1, 1), (false, 0, 1), (false, 1, 0)]);
        let notes = read.notes.join("\n");
        for part in [
            "`useDefault`",
            "`disabledRules`: no rule here is called `generic-api-key`",
            "`acme-token`: its `path`",
            "`acme-token`: `paths` of an allowlist are not looked at",
            "`acme-token`: an allowlist that needs `paths` as well",
            "`keystore` is left out: it has a `path`",
            "the file: `commits`",
            "`tags` of rules",
            "`future`",
        ] {
            assert!(notes.contains(part), "{part} in\n{notes}");
        }
        assert_eq!(read.notes.len(), 9, "{notes}");
    }

    #[test]
    fn a_file_builds_upon_another() {
        let own =
            "[extend]\npath = \"base.toml\"\ndisabledRules = [\"b\"]\n[[rules]]\nid = \"a\"\nentropy = 4.0\n";
        let read = GITLEAKS.read(&[own]).unwrap();
        assert_eq!(read.extends.as_deref(), Some("base.toml"));
        let base =
            "[[rules]]\nid = \"a\"\nregex = 'aaa1'\nentropy = 1.0\n[[rules]]\nid = \"b\"\nregex = 'bbb1'\n";
        let read = GITLEAKS.read(&[own, base]).unwrap();
        let [rule] = read.rules.as_slice() else { panic!("{:?}", read.rules) };
        assert_eq!((rule.pattern.as_deref(), rule.entropy), (Some("aaa1"), Some(4.0)));
        assert_eq!((read.extends, read.notes), (None, Vec::new()));
    }

    #[test]
    fn a_mistake_has_a_line_and_a_policy_is_no_configuration_of_gitleaks() {
        let error = GITLEAKS.read(&["title = \"x\"\n[[rules]]\nid = \n"]).unwrap_err();
        assert!(error.to_string().starts_with("line 3: "), "{error}");
        assert!(GITLEAKS.recognises("[[rules]]\nid = "));
        assert!(!GITLEAKS.recognises("rules:\n  - id: a\n"));
    }
}
