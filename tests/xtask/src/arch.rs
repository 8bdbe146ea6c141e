//! The rules of ARCHITECTURE.md that a program can check. They are absences: what must stay untrue.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::process::Run;
use crate::workshop::{Outcome, Workshop, files, read};
use crate::{Result, say};

/// A file is one subject; above this many lines it has become several.
const LONGEST_FILE: usize = 600;

/// What a crate of ours may not depend on, tests apart.
const FORBIDDEN_EDGES: &[(&str, &[&str], &str)] = &[
    (
        "agentfirewall-sdk",
        &[
            "agentfirewall",
            "agentfirewall-core",
            "agentfirewall-plugins",
            "clap",
            "reqwest",
            "serde_yaml",
            "serde-saphyr",
        ],
        "the contract imports nothing of ours",
    ),
    (
        "agentfirewall-core",
        &["agentfirewall", "agentfirewall-plugins", "clap", "reqwest", "rustls", "tokio", "anstream"],
        "the core knows no plugin, no command line and no network",
    ),
    (
        "agentfirewall-plugins",
        &["agentfirewall", "agentfirewall-core", "clap"],
        "plugins know nothing of policies and of the program",
    ),
    ("agentfirewall", &["agentfirewall-tests", "xtask"], "nobody imports the tests"),
];

/// The plugins that authors copy from: written as anyone's, so with nothing of ours but the SDK.
const EXAMPLES: &str = "plugins/examples/";

/// Texts that the sources of a crate may not hold outside comments and tests.
const FORBIDDEN_TEXTS: &[(&[&str], &[&str], &str)] = &[
    (
        &["sdk/src", "sdk/python/src", "core/src", "plugins/src", "plugins/examples"],
        &[
            "println!",
            "eprintln!",
            "print!(",
            "eprint!(",
            "process::exit",
            "process::abort",
            "io::stdout",
            "io::stderr",
        ],
        "only the program prints and exits",
    ),
    (
        &["cli/src"],
        &["println!", "eprintln!", "print!(", "eprint!(", "process::exit"],
        "the program prints through its Ui and returns its exit code",
    ),
    (
        &["core/src"],
        &["std::net", "TcpStream", "TcpListener", "UdpSocket", "UnixStream"],
        "the core opens no socket",
    ),
];

/// Literals in the core that happen to be spelled like a plugin's id and mean something else: file, literal, why.
/// An entry that excuses nothing is an error, so the list only shrinks by itself.
const EXCUSED_IDS: &[(&str, &str, &str)] = &[];

/// The one plugin whose job is to print: in the delivery process, whose output it is.
const PRINTING_SINK: &str = "plugins/src/sinks/stdout.rs";

/// Checks all rules.
pub(crate) fn run(workshop: &Workshop) -> Result<Outcome> {
    let problems = problems(workshop)?;
    if problems.is_empty() {
        say::line("no rule is broken");
        return Ok(Outcome::Done);
    }
    Err(format!("{} rules of ARCHITECTURE.md are broken:\n  {}", problems.len(), problems.join("\n  ")))
}

fn problems(workshop: &Workshop) -> Result<Vec<String>> {
    let metadata = Run::cargo()
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .folder(workshop.root())
        .read()?;
    let metadata: Value =
        serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let mut found = edges(&metadata)?;
    let sources = sources(workshop)?;
    found.extend(texts(&sources));
    found.extend(named_plugins(&sources, EXCUSED_IDS));
    found.extend(lengths(&sources));
    found.extend(pages(workshop)?);
    Ok(found)
}

/// One source file, named from the top folder.
struct Source {
    name: String,
    text: String,
}

fn sources(workshop: &Workshop) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for folder in ["sdk", "core", "plugins", "cli", "tests"] {
        for path in files(&workshop.path(folder), ".rs")? {
            let name =
                path.strip_prefix(workshop.root()).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            sources.push(Source { name, text: read(&path)? });
        }
    }
    Ok(sources)
}

fn edges(metadata: &Value) -> Result<Vec<String>> {
    let packages =
        metadata.get("packages").and_then(Value::as_array).ok_or("cargo metadata names no packages")?;
    let mut found = Vec::new();
    for (name, forbidden, why) in FORBIDDEN_EDGES {
        let package = packages
            .iter()
            .find(|package| package.get("name").and_then(Value::as_str) == Some(name))
            .ok_or_else(|| format!("there is no package `{name}` any more: change the rules in arch.rs"))?;
        let dependencies = package.get("dependencies").and_then(Value::as_array).map(Vec::as_slice);
        for dependency in dependencies.unwrap_or_default() {
            let crate_name = dependency.get("name").and_then(Value::as_str).unwrap_or_default();
            let development = dependency.get("kind").and_then(Value::as_str) == Some("dev");
            if !development && forbidden.contains(&crate_name) {
                found.push(format!("{name} depends on {crate_name}: {why}"));
            }
        }
    }
    found.extend(packages.iter().filter(|package| is_example(package)).flat_map(example_edges));
    Ok(found)
}

fn is_example(package: &Value) -> bool {
    let manifest = package.get("manifest_path").and_then(Value::as_str).unwrap_or_default();
    manifest.replace('\\', "/").contains(EXAMPLES)
}

/// Tests are no exception here: an author has none of our other crates.
fn example_edges(package: &Value) -> Vec<String> {
    let text =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let dependencies = package.get("dependencies").and_then(Value::as_array).map(Vec::as_slice);
    let ours = |name: &String| name.starts_with("agentfirewall") && name != "agentfirewall-sdk";
    dependencies
        .unwrap_or_default()
        .iter()
        .map(|dependency| text(dependency, "name"))
        .filter(ours)
        .map(|name| format!("{} depends on {name}: an example imports the SDK alone", text(package, "name")))
        .collect()
}

fn texts(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for (folders, texts, why) in FORBIDDEN_TEXTS {
        let concerned = |source: &&Source| {
            folders.iter().any(|folder| is_in(&source.name, folder))
                && source.name != PRINTING_SINK
                && !is_test(&source.name)
        };
        for source in sources.iter().filter(concerned) {
            for (number, line) in code(&source.text) {
                if let Some(text) = texts.iter().find(|text| contains_word(line, text)) {
                    found.push(format!("{}:{number}: `{text}`: {why}", source.name));
                }
            }
        }
    }
    found
}

/// The core may not name a plugin of ours: it would be a special case that no other team's plugin gets.
fn named_plugins(sources: &[Source], excused: &[(&str, &str, &str)]) -> Vec<String> {
    let ids: BTreeSet<String> = sources
        .iter()
        .filter(|source| is_in(&source.name, "plugins/src") || source.name.starts_with(EXAMPLES))
        .flat_map(|source| ids(&source.text))
        .collect();
    let mut found = Vec::new();
    let mut used = BTreeSet::new();
    let core = |source: &&Source| is_in(&source.name, "core/src") && !is_test(&source.name);
    // Matchers are called by words of every day (`path`, `command`). Only code that can reach the plugins can mean one.
    let reaches = |source: &&Source| source.text.contains("Registry") || source.text.contains("registry.");
    for source in sources.iter().filter(core).filter(reaches) {
        for (number, line) in code(&source.text) {
            for id in ids.iter().filter(|id| line.contains(&format!("\"{id}\""))) {
                let excuse = excused.iter().find(|(file, text, _)| *file == source.name && text == id);
                match excuse {
                    Some((file, text, _)) => {
                        used.insert((*file, *text));
                    }
                    None => found.push(format!("{}:{number}: the core names the plugin `{id}`", source.name)),
                }
            }
        }
    }
    for (file, text, _) in excused.iter().filter(|(file, text, _)| !used.contains(&(*file, *text))) {
        found.push(format!(
            "tests/xtask/src/arch.rs: the excuse for `{text}` in {file} is not needed any more"
        ));
    }
    found
}

/// Whether a file holds tests alone.
fn is_test(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.contains("/tests/") || name.ends_with("_tests.rs")
}

/// The ids in the `register!` invocations of a file.
fn ids(text: &str) -> Vec<String> {
    let mut inside = false;
    code(text)
        .filter_map(|(_, line)| {
            inside |= line.contains("register!");
            // `$id` is what a macro of ours is given.
            let id = line.trim().strip_prefix("id:").filter(|id| inside && !id.contains('$'))?;
            inside = false;
            Some(id.trim().trim_end_matches(',').trim_matches('"').to_owned())
        })
        .collect()
}

fn lengths(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .filter_map(|source| {
            let lines = source.text.lines().count();
            (lines > LONGEST_FILE)
                .then(|| format!("{}: {lines} lines, {LONGEST_FILE} are the limit", source.name))
        })
        .collect()
}

/// The pages that say how the code is laid out stay short enough to be read.
fn pages(workshop: &Workshop) -> Result<Vec<String>> {
    let mut limits = vec![("ARCHITECTURE.md".to_owned(), 200)];
    limits
        .extend(["sdk", "core", "plugins", "cli", "tests"].map(|folder| (format!("{folder}/AGENTS.md"), 30)));
    let mut found = Vec::new();
    for (name, limit) in limits {
        let path = workshop.path(&name);
        if !Path::exists(&path) {
            found.push(format!("{name} is missing"));
            continue;
        }
        let lines = read(&path)?.lines().count();
        if lines > limit {
            found.push(format!("{name}: {lines} lines, {limit} are the limit"));
        }
    }
    Ok(found)
}

fn is_in(name: &str, folder: &str) -> bool {
    name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// The lines of a file without comments, up to its tests, which stand last by the house style.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether a text stands in a line and is not the end of a longer word, as `print!(` is in `eprint!(`.
fn contains_word(line: &str, text: &str) -> bool {
    line.match_indices(text).any(|(at, _)| {
        let before = line.get(..at).and_then(|start| start.chars().next_back());
        !before.is_some_and(|character| character.is_alphanumeric() || character == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, text: &str) -> Source {
        Source { name: name.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn this_repository_keeps_its_rules() {
        assert_eq!(problems(&Workshop::here().unwrap()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_forbidden_edge_is_found_and_a_test_dependency_is_not() {
        let package =
            |name: &str, dependencies: Value| serde_json::json!({"name": name, "dependencies": dependencies});
        let metadata = serde_json::json!({"packages": [
            package("agentfirewall-sdk", serde_json::json!([])),
            package("agentfirewall-core", serde_json::json!([
                {"name": "agentfirewall-plugins", "kind": "dev"}, {"name": "reqwest", "kind": null}
            ])),
            package("agentfirewall-plugins", serde_json::json!([{"name": "agentfirewall-sdk", "kind": null}])),
            package("agentfirewall", serde_json::json!([])),
        ]});
        let found = edges(&metadata).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("agentfirewall-core depends on reqwest"));
        assert!(edges(&serde_json::json!({"packages": []})).is_err());
    }

    #[test]
    fn an_example_may_not_depend_on_more_of_ours_than_the_sdk_not_even_in_tests() {
        let package = |folder: &str| {
            serde_json::json!({
                "name": "acme",
                "manifest_path": format!("/home/me/{folder}/acme/Cargo.toml"),
                "dependencies": [
                    {"name": "agentfirewall-sdk", "kind": null}, {"name": "agentfirewall-tests", "kind": "dev"},
                ],
            })
        };
        assert!(is_example(&package("plugins/examples")) && !is_example(&package("plugins")));
        assert_eq!(
            example_edges(&package("plugins/examples")),
            ["acme depends on agentfirewall-tests: an example imports the SDK alone"]
        );
    }

    #[test]
    fn printing_exiting_and_sockets_are_found_outside_comments_and_tests() {
        let found = texts(&[
            source(
                "core/src/a.rs",
                "// println!\nfn f() { println!(\"x\") }\nuse std::net::IpAddr;\n#[cfg(test)]\nprintln!()",
            ),
            source("plugins/src/b.rs", "std::process::exit(1);\nTcpStream::connect(x);"),
            source("tests/it/c.rs", "println!(); std::process::exit(1)"),
            source("sdk/src/d.rs", "my_println!(x);\nfingerprint!(y);"),
        ]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("core/src/a.rs:2: `println!`"));
        assert!(found[1].starts_with("plugins/src/b.rs:1: `process::exit`"));
        assert!(found[2].starts_with("core/src/a.rs:3: `std::net`"));
    }

    #[test]
    fn the_core_may_not_name_a_registered_plugin_and_stale_excuses_are_errors() {
        let registered =
            source("plugins/src/glob.rs", "register! {\n    patterns Glob {\n        id: \"glob\",\n");
        let guilty = source(
            "core/src/policy.rs",
            "registry.find(Kind::Matcher, \"glob\")\n// \"glob\"\nlet globs = 1;",
        );
        let found = named_plugins(&[registered, guilty], &[("core/src/x.rs", "glob", "gone")]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0], "core/src/policy.rs:1: the core names the plugin `glob`");
        assert!(found[1].contains("not needed any more"));
    }

    #[test]
    fn long_files_are_named() {
        let long = source("cli/src/a.rs", &"x\n".repeat(LONGEST_FILE + 1));
        let short = source("cli/src/b.rs", &"x\n".repeat(LONGEST_FILE));
        assert_eq!(lengths(&[long, short]), ["cli/src/a.rs: 601 lines, 600 are the limit"]);
    }
}
