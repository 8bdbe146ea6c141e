//! Paths by pattern, access, named set and place, with their links followed.
//!
//! A path has two forms: where it is written and where it leads. The host asks about each with its own spellings, and
//! wants one hit of either for a rule that restricts and a hit of both for one that permits: so a spelling that is one of
//! the forms is answered for that form alone.

use std::borrow::Cow;
use std::path::{Component, Path as File};

use agentfirewall_sdk::{Access, Matcher, PartKind, PathFact, Plugin, PluginError, Subject, register};
use icu_normalizer::ComposingNormalizerBorrowed;
use schemars::JsonSchema;
use serde::Deserialize;

use super::glob;
use super::words::{self, OneOrMany};

/// What a path has to be. All that is given must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Patterns of which one matches. `*` matches inside a name, `**` any number of names. `/etc/**` begins at the root,
    /// `~/.ssh/**` at the home folder, `src/**` at the project, `**/target/**` anywhere; a pattern without `/` is the last
    /// name of a path anywhere, and one with a `/` at its end the folder with everything in it. Case does not count.
    patterns: Option<OneOrMany>,
    /// How it is touched: `read`, `write`, `delete`, `execute`, or `unknown` where a command names it and nobody knows
    /// what for.
    access: Option<OneOrMany<Touch>>,
    /// Named sets of which it is in one, such as `private-keys`, `startup` or `git-hooks`; wildcards.
    sets: Option<OneOrMany>,
    /// Places of which it is in one, both where it is written and where it leads.
    inside: Option<OneOrMany<Place>>,
    /// Places of which it is in none.
    outside: Option<OneOrMany<Place>>,
    /// Whether all that lies below it is touched too.
    tree: Option<bool>,
}

/// How a path is touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Touch {
    /// Its content or its name is read.
    Read,
    /// It is created, changed or replaced.
    Write,
    /// It is removed.
    Delete,
    /// It is run.
    Execute,
    /// It is named by a command and nobody knows what for.
    Unknown,
}

/// Where a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Place {
    /// The project's folder.
    Project,
    /// The folders for temporary files.
    Temp,
    /// The home folder.
    Home,
}

/// Matches paths.
#[derive(Debug)]
pub(crate) struct Path {
    patterns: Option<Vec<Pattern>>,
    access: Option<Vec<Touch>>,
    sets: Option<Vec<String>>,
    inside: Option<Vec<Place>>,
    outside: Option<Vec<Place>>,
    tree: Option<bool>,
}

/// A pattern in lower case, by what it begins at.
#[derive(Debug)]
struct Pattern {
    begins: Begin,
    names: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    Root,
    Home,
    Project,
    /// Any folder.
    Anywhere,
}

impl Plugin for Path {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let patterns = words::list("patterns", config.patterns)?;
        let made = Self {
            patterns: patterns
                .map(|patterns| patterns.iter().map(|text| Pattern::new(text)).collect())
                .transpose()?,
            access: words::list("access", config.access)?,
            sets: words::list("sets", config.sets)?,
            inside: words::list("inside", config.inside)?,
            outside: words::list("outside", config.outside)?,
            tree: config.tree,
        };
        let nothing = made.patterns.is_none()
            && made.access.is_none()
            && made.sets.is_none()
            && made.inside.is_none()
            && made.outside.is_none()
            && made.tree.is_none();
        if nothing { Err(words::says_nothing("patterns: \"~/.ssh/**\"")) } else { Ok(made) }
    }
}

impl Matcher for Path {
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        let Some(fact) = subject.path() else { return Ok(false) };
        let project = subject.call.project.as_path();
        Ok(self.access.as_ref().is_none_or(|all| all.iter().any(|touch| touch.is(subject.access)))
            && self.tree.is_none_or(|tree| tree == fact.tree)
            && self.sets.as_ref().is_none_or(|sets| {
                fact.sets.iter().any(|set| sets.iter().any(|pattern| glob::matches(pattern, set)))
            })
            && self.inside.as_ref().is_none_or(|all| all.iter().any(|place| place.holds(fact, project)))
            && !self.outside.as_ref().is_some_and(|all| all.iter().any(|place| place.holds(fact, project)))
            && self.patterns.as_ref().is_none_or(|patterns| matches_one(patterns, subject, fact, project)))
    }
}

register! {
    matcher Path {
        id: "path",
        summary: "a path by pattern, access, named set and place, both as written and where its links lead",
        why: "says where an agent may read, write and delete, whatever tool or command does it",
        examples: [
            r#"{"patterns": ["src/**"], "access": "write"} => {"path": {"lexical": "/p/src/a/b.rs", "canonical": "/p/src/a/b.rs"}, "access": "write", "call": {"tool": "Write", "input": {}, "project": "/p"}}"#,
            r#"{"sets": ["private-keys", "*-credentials"]} => {"path": {"lexical": "/home/u/.aws/credentials", "canonical": "/home/u/.aws/credentials", "sets": ["cloud-credentials", "home"]}}"#,
            r#"{"outside": ["project", "temp"], "access": ["write", "delete"]} => {"path": {"lexical": "/srv/x", "canonical": "/srv/x"}, "access": "delete", "call": {"tool": "Bash", "input": {}, "project": "/p"}}"#,
            r#"{"patterns": ["*.lock"], "inside": "project"} => {"path": {"lexical": "/p/Cargo.lock", "canonical": "/p/Cargo.lock", "sets": ["project"]}}"#,
        ],
        negatives: [
            r#"{"patterns": ["src/**"], "access": "write"} => {"path": {"lexical": "/p/src/a", "canonical": "/p/src/a"}, "access": "read", "call": {"tool": "Read", "input": {}, "project": "/p"}}"#,
            r#"{"inside": "project"} => {"path": {"lexical": "/p/link", "canonical": "/etc/passwd"}, "call": {"tool": "Read", "input": {}, "project": "/p"}}"#,
            r#"{"patterns": ["/etc/*"]} => {"path": {"lexical": "/etc/ssh/sshd_config", "canonical": "/etc/ssh/sshd_config"}}"#,
            r#"{"patterns": ["*.lock"]} => Cargo.lock"#,
        ],
        keywords: ["path", "file", "folder", "access", "set"],
        since: "0.3.0",
    }
}

impl Touch {
    const fn is(self, access: Access) -> bool {
        matches!(
            (self, access),
            (Self::Read, Access::Read)
                | (Self::Write, Access::Write)
                | (Self::Delete, Access::Delete)
                | (Self::Execute, Access::Execute)
                | (Self::Unknown, Access::Unknown)
        )
    }
}

impl Place {
    fn holds(self, fact: &PathFact, project: &File) -> bool {
        let set = |name: &str| fact.sets.iter().any(|set| set == name);
        match self {
            Self::Project => {
                let below = |form: &File| project.is_absolute() && form.starts_with(project);
                set("project") || (below(&fact.lexical) && below(&fact.canonical))
            }
            Self::Temp => set("temp"),
            // The set says of one form that it is there, and where both are the same of both.
            Self::Home => set("home") && (fact.lexical == fact.canonical || set("project")),
        }
    }
}

impl Pattern {
    fn new(text: &str) -> Result<Self, PluginError> {
        let wrong = |why: &str| PluginError::new(format!("`{}` {why}", text.escape_debug()));
        let lower = folded(text);
        let (lower, folder) = match lower.strip_suffix('/') {
            Some("") => ("/", false),
            Some(folder) => (folder, true),
            None => (lower.as_str(), false),
        };
        let (begins, rest) = if let Some(rest) = lower.strip_prefix('/') {
            (Begin::Root, rest)
        } else if lower == "~" {
            (Begin::Home, "")
        } else if let Some(rest) = lower.strip_prefix("~/") {
            (Begin::Home, rest)
        } else if let Some(rest) = lower.strip_prefix("./") {
            (Begin::Project, rest)
        } else if lower.contains('/') && !lower.starts_with("**/") {
            (Begin::Project, lower)
        } else {
            (Begin::Anywhere, lower.strip_prefix("**/").unwrap_or(lower))
        };
        let mut names: Vec<String> =
            rest.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if names.iter().any(|name| name == "." || name == "..") {
            return Err(wrong("has a `.` or `..`, which no path has that is judged"));
        }
        if lower.starts_with('~') && begins != Begin::Home {
            return Err(wrong("begins at the home folder of another user: write it out"));
        }
        if folder {
            names.push("**".to_owned());
        }
        if names.is_empty() && begins == Begin::Anywhere {
            return Err(wrong("is no pattern of a path"));
        }
        if names.len() > 64 {
            return Err(wrong("has more than 64 names"));
        }
        Ok(Self { begins, names })
    }

    /// Whether a form of the path matches.
    fn is(&self, form: &File, project: &File) -> bool {
        let names = match self.begins {
            Begin::Root => names_of(form),
            Begin::Project if !project.is_absolute() => return false,
            Begin::Project => match form.strip_prefix(project) {
                Ok(below) => names_of(below),
                Err(_) => return false,
            },
            // Nothing but a spelling says where the home folder is.
            Begin::Home => return false,
            Begin::Anywhere => {
                let names = names_of(form);
                return (0..names.len())
                    .any(|from| names.get(from..).is_some_and(|names| sequence(&self.names, names)));
            }
        };
        sequence(&self.names, &names)
    }

    /// Whether a spelling that begins with `~/` matches.
    fn is_spelled(&self, spelling: &str) -> bool {
        let below = if spelling == "~" { Some("") } else { spelling.strip_prefix("~/") };
        self.begins == Begin::Home
            && below.is_some_and(|below| {
                let names: Vec<Cow<'_, str>> = below
                    .split('/')
                    .filter(|name| !name.is_empty())
                    .map(|name| folded(name).into())
                    .collect();
                // Where such a spelling leads, another one says.
                !names.iter().any(|name| name == "." || name == "..") && sequence(&self.names, &names)
            })
    }
}

fn matches_one(patterns: &[Pattern], subject: &Subject<'_>, fact: &PathFact, project: &File) -> bool {
    let one_is = |form: &File| patterns.iter().any(|pattern| pattern.is(form, project));
    if subject.kind != PartKind::Path {
        // An effect on the path: only rules that restrict are asked about one.
        return one_is(&fact.lexical) || one_is(&fact.canonical);
    }
    if patterns.iter().any(|pattern| pattern.is_spelled(subject.text)) {
        return true;
    }
    let spelled = File::new(subject.text);
    match (spelled == fact.lexical, spelled == fact.canonical) {
        (true, _) => one_is(&fact.lexical),
        (false, true) => one_is(&fact.canonical),
        // Of which form it is, is not known.
        (false, false) => one_is(&fact.lexical) && one_is(&fact.canonical),
    }
}

/// In lower case, accents joined with their letters: both ways to write `é` are one name on macOS, and look like one everywhere.
fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    ComposingNormalizerBorrowed::new_nfc().normalize(text).to_lowercase()
}

fn names_of(path: &File) -> Vec<Cow<'_, str>> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(folded(&name.to_string_lossy()).into()),
            // `C:` is a name like any other.
            Component::Prefix(prefix) => Some(folded(&prefix.as_os_str().to_string_lossy()).into()),
            _ => None,
        })
        .collect()
}

/// Whether names follow a pattern. With the places that can be reached kept side by side, time is the product of both.
fn sequence(pattern: &[String], names: &[Cow<'_, str>]) -> bool {
    let skip = |reached: u128| {
        pattern.iter().enumerate().fold(reached, |reached, (at, piece)| {
            if piece == "**" && reached & (1 << at) != 0 { reached | 1 << (at + 1) } else { reached }
        })
    };
    let end = names.iter().fold(skip(1), |reached, name| {
        let next = pattern.iter().enumerate().filter(|(at, _)| reached & (1 << at) != 0);
        let next = next.fold(0_u128, |next, (at, piece)| match piece.as_str() {
            "**" => next | 1 << at,
            piece if glob::matches(piece, name) => next | 1 << (at + 1),
            _ => next,
        });
        skip(next)
    });
    end & (1 << pattern.len()) != 0
}

#[cfg(test)]
mod tests {
    use agentfirewall_sdk::{Fact, ToolCall};
    use serde_json::{Value, json};

    use super::*;

    fn new(config: Value) -> Result<Path, PluginError> {
        Path::new(serde_json::from_value(config).map_err(|error| PluginError::new(error.to_string()))?)
    }

    fn asked(config: &Value, fact: Value, kind: PartKind, text: &str) -> bool {
        let fact = Fact::Path(serde_json::from_value(fact).unwrap());
        let mut call = ToolCall::new("Write", json!({}));
        call.project = "/home/u/p".into();
        let subject = Subject::new(&call, kind, text, Access::Write).with_fact(Some(&fact));
        new(config.clone()).unwrap().matches(&subject).unwrap()
    }

    fn is(pattern: &str, path: &str) -> bool {
        asked(
            &json!({"patterns": pattern}),
            json!({"lexical": path, "canonical": path}),
            PartKind::Path,
            path,
        )
    }

    #[test]
    fn both_ways_to_write_an_accent_are_one_name() {
        let (joined, apart) = ("caf\u{e9}", "cafe\u{301}");
        for (pattern, name) in [(joined, apart), (apart, joined), (joined, joined)] {
            assert!(is(&format!("/srv/{pattern}/**"), &format!("/srv/{name}/x")), "{pattern} {name}");
            assert!(is(&format!("{pattern}*"), &format!("/srv/{name}.TXT")), "{pattern} {name}");
        }
        assert!(!is("/srv/cafe/**", &format!("/srv/{apart}/x")));
    }

    #[test]
    fn patterns_begin_where_they_say() {
        for (pattern, path) in [
            ("/etc/**", "/etc/ssh/sshd_config"),
            ("/etc/**", "/etc"),
            ("/etc/", "/etc/x/y"),
            ("/", "/"),
            ("src/**", "/home/u/p/src/a/b"),
            ("./src/*.RS", "/home/u/p/src/A.rs"),
            ("*.lock", "/x/y/Cargo.lock"),
            ("**/target/**", "/x/target/debug/y"),
            ("**/a/**/b", "/x/a/b"),
            (".git/", "/home/u/p/.git/config"),
            ("**", "/x"),
        ] {
            assert!(is(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("/", "/x"),
            ("/etc/*", "/etc/ssh/x"),
            ("/etc/**", "/etcetera/x"),
            ("/etc/**", "/srv/etc/x"),
            ("src/**", "/src/a"),
            ("src/*", "/home/u/p/src/a/b"),
            ("*.lock", "/x.lock/y"),
            ("**/target/*", "/x/target/debug/y"),
            ("~/x", "/home/u/x"),
        ] {
            assert!(!is(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn each_spelling_speaks_for_its_own_form() {
        let link = json!({"lexical": "/home/u/p/src/link", "canonical": "/etc/passwd"});
        let ask = |pattern: &str, text: &str| {
            asked(&json!({"patterns": pattern}), link.clone(), PartKind::Path, text)
        };
        // A rule that restricts is answered by either form, one that permits needs both.
        assert!(ask("src/**", "/home/u/p/src/link") && !ask("src/**", "/etc/passwd"));
        assert!(ask("/etc/**", "/etc/passwd") && !ask("/etc/**", "/home/u/p/src/link"));
        assert!(!ask("src/**", "src/link") && !ask("src/**", "passwd"));
        assert!(ask("**", "src/link"));
        assert!(asked(
            &json!({"patterns": "/etc/**"}),
            link.clone(),
            PartKind::Effect,
            "filesystem.write-system"
        ));
    }

    #[test]
    fn the_home_folder_is_known_by_its_spelling() {
        let fact = json!({"lexical": "/home/u/.ssh/id_rsa", "canonical": "/home/u/.ssh/id_rsa"});
        let ask = |pattern: &str, text: &str| {
            asked(&json!({"patterns": pattern}), fact.clone(), PartKind::Path, text)
        };
        assert!(ask("~/.ssh/**", "~/.ssh/id_rsa") && ask("~", "~/") && ask("~/", "~/x/y"));
        for text in ["~/.ssh/../x", "/home/u/.ssh/id_rsa", "x/~/.ssh/id_rsa", "~u/.ssh/id_rsa"] {
            assert!(!ask("~/.ssh/**", text), "{text}");
        }
    }

    #[test]
    fn inside_needs_both_forms() {
        let ask = |config: Value, fact: Value| {
            let text = fact["lexical"].as_str().unwrap().to_owned();
            asked(&config, fact, PartKind::Path, &text)
        };
        let inside = json!({"lexical": "/home/u/p/x", "canonical": "/home/u/p/x", "sets": ["home"]});
        let out = json!({"lexical": "/home/u/p/x", "canonical": "/etc/x", "sets": ["home"]});
        let temp = json!({"lexical": "/tmp/x", "canonical": "/tmp/x", "sets": ["temp"]});
        for (place, fact, expected) in [
            ("project", &inside, true),
            ("project", &out, false),
            ("home", &inside, true),
            ("home", &out, false),
            ("temp", &temp, true),
            ("temp", &inside, false),
        ] {
            assert_eq!(ask(json!({"inside": place}), fact.clone()), expected, "{place} {fact}");
            assert_eq!(ask(json!({"outside": place}), fact.clone()), !expected, "{place} {fact}");
        }
        assert!(!ask(json!({"outside": ["project", "temp"]}), temp.clone()));
        assert!(ask(json!({"inside": ["project", "temp"]}), temp));
        assert!(ask(
            json!({"outside": "project"}),
            json!({"lexical": "/home/u/p2", "canonical": "/home/u/p2"})
        ));
        // Nobody knows where it is.
        assert!(ask(json!({"outside": "project"}), json!({"lexical": "", "canonical": ""})));
    }

    #[test]
    fn access_sets_and_trees_are_compared() {
        let fact = json!({"lexical": "/x", "canonical": "/x", "sets": ["git-hooks"], "tree": true});
        let ask = |config: Value| asked(&config, fact.clone(), PartKind::Path, "/x");
        assert!(ask(json!({"access": ["write"], "sets": "git-*", "tree": true})));
        assert!(!ask(json!({"access": ["read", "unknown"]})));
        assert!(!ask(json!({"sets": ["startup"]})));
        assert!(!ask(json!({"tree": false})));
    }

    #[test]
    fn many_wildcards_do_not_explode() {
        let path = "/a".repeat(2_000);
        assert!(!is(&format!("/{}z", "**/a/".repeat(31)), &path));
        assert!(is(&format!("/{}a", "**/a/".repeat(31)), &path));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for config in [
            json!({}),
            json!({"patterns": []}),
            json!({"patterns": ""}),
            json!({"patterns": "../x"}),
            json!({"patterns": "/a/./b"}),
            json!({"patterns": "~root/x"}),
            json!({"patterns": "a/".repeat(70)}),
            json!({"inside": "house"}),
            json!({"access": "readwrite"}),
        ] {
            assert!(new(config.clone()).is_err(), "{config}");
        }
        assert!(new(json!({"patterns": ["/", "~"]})).is_ok());
    }
}
