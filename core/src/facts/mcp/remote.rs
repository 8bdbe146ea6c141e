//! What tools do elsewhere that their own names do not say: a workflow that is started, a mutation of GraphQL, a button that is
//! clicked, a script in a page, a file that says who has to review.

use serde_json::Value;

use super::meaning::files;
use super::{Found, Verb, verb_of, words_of};
use crate::understand::{Address, Effect, Language};

/// Words for the end of something, as names of workflows, mutations and buttons have them.
const ENDS: [&str; 14] = [
    "delete",
    "destroy",
    "remove",
    "drop",
    "purge",
    "wipe",
    "terminate",
    "teardown",
    "nuke",
    "erase",
    "decommission",
    "truncate",
    "reset",
    "undeploy",
];
/// What is kept on a forge or in a cloud, and would be gone with all in it.
const KEPT: [&str; 31] = [
    "repository",
    "repositories",
    "repo",
    "project",
    "projects",
    "organization",
    "organisation",
    "org",
    "account",
    "enterprise",
    "group",
    "team",
    "namespace",
    "workspace",
    "branch",
    "ref",
    "rule",
    "ruleset",
    "environment",
    "release",
    "package",
    "version",
    "registry",
    "database",
    "cluster",
    "bucket",
    "server",
    "tenant",
    "site",
    "domain",
    "app",
];
/// What the names of environments are that people depend on.
const LIVE: [&str; 5] = ["prod", "production", "prd", "live", "mainnet"];

impl Found<'_> {
    /// What a tool starts elsewhere by the strings it is given.
    pub(super) fn elsewhere(&mut self, input: &Value) {
        self.starts(input);
        self.clicks(input);
        self.reviewers(input);
    }

    fn is_called(&self, names: &[&str]) -> bool {
        self.words.iter().any(|word| names.contains(&word.as_str()))
    }

    /// A workflow, a pipeline or a job that by its name or its inputs takes down what is live.
    fn starts(&mut self, input: &Value) {
        let starts = self
            .is_called(&["run", "dispatch", "trigger", "start", "create", "play", "launch", "rerun"])
            && self.is_called(&[
                "workflow",
                "workflows",
                "pipeline",
                "pipelines",
                "job",
                "jobs",
                "build",
                "dispatch",
                "runbook",
            ]);
        if !starts {
            return;
        }
        let mut words = Vec::new();
        collect(input, "", &mut words);
        let says = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));
        // What a job removes or resets is everyday, such as what has expired.
        let ends = words
            .iter()
            .any(|word| ENDS.contains(&word.as_str()) && !matches!(word.as_str(), "remove" | "reset"));
        if ends && says(&LIVE) {
            self.say("mcp.destructive", "a workflow that takes down what is live");
        }
    }

    /// A button that says what goes, such as `delete this repository`.
    fn clicks(&mut self, input: &Value) {
        if !self.is_called(&["click", "press", "tap", "dblclick"]) {
            return;
        }
        let names = ["element", "description", "text", "label", "name", "selector", "target"];
        for text in names.iter().filter_map(|name| input.get(*name)?.as_str()) {
            let here = ["localhost", "127.0.0.1"].iter().any(|host| text.contains(host));
            if !here && says_what_goes(text) {
                self.say("mcp.destructive", text);
            }
        }
    }

    /// The file by which a forge asks for reviews, written anew where everybody gets it.
    fn reviewers(&mut self, input: &Value) {
        if !matches!(self.verb, Verb::Write | Verb::Delete | Verb::Send) {
            return;
        }
        let elsewhere = input.as_object().is_some_and(super::is_elsewhere);
        let branch = ["branch", "branch_name", "ref"].iter().find_map(|name| input.get(*name)?.as_str());
        let common = branch.is_none_or(|branch| {
            let name = branch.rsplit('/').next().unwrap_or_default();
            matches!(name, "main" | "master" | "trunk" | "develop" | "production") || name.is_empty()
        });
        let found = files(input).any(|(path, _)| path.rsplit('/').next() == Some("CODEOWNERS"));
        if elsewhere && common && found {
            self.say("platform.merge", "CODEOWNERS");
        }
    }

    /// A request of GraphQL: each field of a mutation is a tool of its own.
    pub(super) fn mutation(&mut self, name: &str, text: &str) {
        let asked = matches!(name, "query" | "mutation" | "document" | "operation" | "graphql")
            || self.all.iter().any(|word| word == "graphql");
        for field in fields(text).into_iter().filter(|_| asked) {
            let words = words_of(&field);
            let says = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));
            let verb = verb_of(&words);
            // `deleteProjectV2`, `branchRuleDelete`: what goes is named last, whatever else it belongs to.
            let thing = words.iter().rfind(|word| {
                !ENDS.contains(&word.as_str()) && !word.bytes().any(|byte| byte.is_ascii_digit())
            });
            if verb == Verb::Delete && thing.is_some_and(|thing| KEPT.contains(&thing.as_str())) {
                self.say("mcp.destructive", &field);
            } else if matches!(verb, Verb::Write | Verb::Delete)
                && (says(&["protection", "ruleset", "collaborator", "permission"])
                    || says(&["branch"]) && says(&["rule"]))
            {
                self.say("platform.access", &field);
            }
        }
    }

    /// A script for a page. What the page's site keeps of a login is worth as much as a password, and another host gets it.
    pub(super) fn page_script(&mut self, language: Language, text: &str) {
        let keeps =
            ["document.cookie", "localStorage", "sessionStorage", "indexedDB", "cookieStore", ".cookies("];
        let sends = [
            "fetch(",
            "XMLHttpRequest",
            "sendBeacon",
            "Image(",
            ".src=",
            "WebSocket(",
            "EventSource(",
            "location=",
            "location.href=",
            "location.assign(",
            "location.replace(",
            "axios",
            "submit(",
            "$.post",
            "$.ajax",
            "window.open(",
            "import(",
            ".request.",
        ];
        let mut plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        // What is only put there is not read.
        for store in ["localStorage", "sessionStorage"] {
            for change in [".setItem(", ".removeItem(", ".clear("] {
                plain = plain.replace(&format!("{store}{change}"), "");
            }
        }
        let has = |signs: &[&str]| signs.iter().any(|sign| plain.contains(sign));
        let in_page = self.all.iter().any(|word| {
            matches!(
                word.as_str(),
                "browser"
                    | "page"
                    | "playwright"
                    | "puppeteer"
                    | "chrome"
                    | "devtools"
                    | "selenium"
                    | "webdriver"
                    | "firefox"
            )
        });
        if language == Language::JavaScript && in_page && has(&keeps) && has(&sends) && names_host(text) {
            self.say("exfiltration.upload", "what a page keeps of a login");
        }
    }

    fn say(&mut self, id: &str, detail: &str) {
        self.doing.effects.push(Effect::new(id, detail));
    }
}

/// The words of all strings and of the names they have.
fn collect(value: &Value, name: &str, words: &mut Vec<String>) {
    // A text that is passed on says nothing of what is started.
    if matches!(name, "body" | "message" | "description" | "comment" | "title") || words.len() > 1_000 {
        return;
    }
    match value {
        Value::String(text) => words.extend(words_of(text)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, name, words)),
        Value::Object(members) => members.iter().for_each(|(name, value)| collect(value, name, words)),
        _ => {}
    }
}

/// Whether a button's text names what ends by it: a word for the end, one that points (`this`, `your`), what goes.
fn says_what_goes(text: &str) -> bool {
    let words: Vec<String> = words_of(text);
    words.iter().enumerate().any(|(at, word)| {
        let behind = words.get(at + 1..).unwrap_or_default().iter().take(4);
        let mut points = false;
        (ENDS.contains(&word.as_str()) || matches!(word.as_str(), "close" | "deactivate"))
            && behind.into_iter().any(|word| {
                points |= matches!(word.as_str(), "this" | "my" | "your" | "the" | "entire" | "whole");
                points && KEPT.contains(&word.as_str())
            })
    })
}

/// Whether a script has the address of another machine.
fn names_host(text: &str) -> bool {
    let away = |rest: &str| {
        let host: String =
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':')).collect();
        !host.is_empty() && !Address::of(&format!("https://{host}")).is_loopback()
    };
    // `//host/x` is an address, too, where a text begins with it.
    text.match_indices("//").any(|(at, slashes)| {
        let before = text.get(..at).unwrap_or_default();
        let starts = before.ends_with([':', '"', '\'', '`']);
        starts && text.get(at + slashes.len()..).is_some_and(away)
    })
}

/// The fields of a mutation, without their other names: what stands in the first braces, outside of brackets.
fn fields(text: &str) -> Vec<String> {
    let text = text.trim_start();
    let Some(rest) = text.strip_prefix("mutation") else { return Vec::new() };
    if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        return Vec::new();
    }
    let (mut all, mut open) = (Vec::new(), String::new());
    let (mut braces, mut brackets) = (0_u32, 0_u32);
    for letter in rest.chars() {
        let inside = braces == 1 && brackets == 0;
        if inside && (letter.is_alphanumeric() || letter == '_') {
            open.push(letter);
            continue;
        }
        if inside && letter == ':' {
            open.clear();
        } else if !open.is_empty() {
            all.push(std::mem::take(&mut open));
        }
        match letter {
            '(' => brackets += 1,
            ')' => brackets = brackets.saturating_sub(1),
            '{' if brackets == 0 => braces += 1,
            '}' if brackets == 0 => braces = braces.saturating_sub(1),
            _ => {}
        }
    }
    all.truncate(64);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_mutation_are_what_it_does() {
        assert_eq!(
            fields("mutation ($id: ID!) { gone: deleteProject(input: {id: $id}) { id } addStar { x } }"),
            ["deleteProject", "addStar"]
        );
        assert_eq!(fields("query { deleteProject }"), Vec::<String>::new());
        assert_eq!(fields("mutations are changes"), Vec::<String>::new());
    }

    #[test]
    fn a_button_says_what_goes() {
        for text in [
            "I understand, delete this repository",
            "Permanently delete your account",
            "button 'Delete this organization'",
        ] {
            assert!(says_what_goes(text), "{text}");
        }
        for text in ["Delete row", "Remove filter", "This repository", "Close this dialog", "Delete draft"] {
            assert!(!says_what_goes(text), "{text}");
        }
    }

    #[test]
    fn a_host_of_another_machine_is_told_from_a_path() {
        assert!(names_host("fetch('https://x.example/a')"));
        assert!(names_host("new Image().src = '//x.example/a'"));
        assert!(!names_host("fetch('/api/me') // local"));
        assert!(!names_host("fetch('http://localhost:3000/a')"));
    }
}
