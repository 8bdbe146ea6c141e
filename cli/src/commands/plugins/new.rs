//! `agentfirewall plugins new`: a crate for a plugin, which builds, conforms and loads before its author has changed a
//! line. The texts are in `templates`; this fills in names and says what to do next.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use agentfirewall_sdk::Kind;
use serde_json::json;

use self::name::Name;
use crate::args::PluginsNewArgs;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

mod name;

const MANIFEST: &str = include_str!("templates/manifest.toml");
const CONFORMANCE: &str = include_str!("templates/conformance.rs");
const README: &str = include_str!("templates/readme.md");
const IGNORE: &str = include_str!("templates/gitignore");

/// The package whose folder `--sdk` names.
const SDK: &str = "agentfirewall-sdk";

/// What differs from kind to kind.
struct Template {
    source: &'static str,
    /// How the policy refers to it, for the readme.
    policy: &'static str,
    /// The package's description.
    summary: &'static str,
    /// Dependencies of its own tests.
    extra_for_tests: &'static str,
}

const fn template(kind: Kind) -> Template {
    match kind {
        Kind::Matcher => Template {
            source: include_str!("templates/matcher.rs"),
            policy: include_str!("templates/matcher.md"),
            summary: "one of these words stands in the text",
            extra_for_tests: "\n",
        },
        Kind::Detector => Template {
            source: include_str!("templates/detector.rs"),
            policy: include_str!("templates/detector.md"),
            summary: "finds the tokens of plugin-name",
            extra_for_tests: "\n",
        },
        Kind::Sink => Template {
            source: include_str!("templates/sink.rs"),
            policy: include_str!("templates/sink.md"),
            summary: "appends events to a file",
            extra_for_tests: "serde_json = \"1\"\n\n",
        },
    }
}

pub(crate) fn run(args: &PluginsNewArgs, ui: &Ui) -> Result<Exit, Failure> {
    let kind = Kind::from(args.kind);
    let name = Name::parse(&args.name)?;
    if crate::composition::linked()?.find(kind, name.as_str()).is_some_and(|entry| entry.library().is_none())
    {
        return Err(Failure::new(
            Exit::Usage,
            format!("`{}` is the id of a built-in {}", name.as_str(), kind.as_str()),
        )
        .help(format!("put your team's name before it: my-{}", name.as_str())));
    }
    let sdk = args.sdk.as_deref().map(sdk_folder).transpose()?;
    let folder = args.path.clone().unwrap_or_else(|| PathBuf::from(name.as_str()));
    let files = files(kind, &name, sdk.as_deref());
    write(&folder, &files)?;
    report(&folder, &files, &name, args.json, ui);
    Ok(Exit::Success)
}

fn report(folder: &Path, files: &[(&str, String)], name: &Name, json: bool, ui: &Ui) {
    if json {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let files: Vec<_> = files.iter().map(|(file, _)| folder.join(file)).collect();
        ui.line(json!({"name": name.as_str(), "folder": folder, "files": files}).to_string());
        return;
    }
    for (file, _) in files {
        ui.line(format!("Created {}", folder.join(file).display()));
    }
    let library = Path::new("target").join("release").join(library(name));
    let library = library.display();
    ui.line("");
    ui.line("It works as it is: write your own rule into src/lib.rs. Next:");
    ui.line(format!("  cd {}", folder.display()));
    ui.line("  cargo test");
    ui.line("  cargo build --release");
    ui.line(format!("  agentfirewall plugins check {library}"));
    ui.line(format!("  agentfirewall plugins add {library}"));
}

/// The file that the build makes.
fn library(name: &Name) -> String {
    format!("{DLL_PREFIX}{}{DLL_SUFFIX}", name.crate_name())
}

/// The SDK's folder as a manifest can name it, wherever the crate lies.
fn sdk_folder(folder: &Path) -> Result<String, Failure> {
    let refused = |why: &str| {
        Failure::new(Exit::Usage, format!("`{}` {why}", folder.display()))
            .help("--sdk takes the folder `sdk` of a copy of agentfirewall's sources")
    };
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)
        .map_err(|error| refused(&format!("is not the SDK's folder: Cargo.toml cannot be read: {error}")))?;
    let named = format!("name = \"{SDK}\"");
    if !text.lines().any(|line| line.trim() == named) {
        return Err(refused(&format!("is not the SDK's folder: its package is not `{SDK}`")));
    }
    let folder = fs::canonicalize(folder)
        .map_err(|error| Failure::io(format!("`{}` cannot be resolved", folder.display()), &error))?;
    folder.into_os_string().into_string().map_err(|_| refused("is not UTF-8, which Cargo.toml has to be"))
}

/// The crate's files, named from its folder.
fn files(kind: Kind, name: &Name, sdk: Option<&str>) -> Vec<(&'static str, String)> {
    let template = template(kind);
    let filled = |text: &str| {
        text.replace("plugin-name", name.as_str())
            .replace("plugin_name", &name.crate_name())
            .replace("PluginName", &name.type_name())
    };
    let manifest = filled(
        &MANIFEST
            .replace("PLUGIN_SUMMARY", template.summary)
            .replace("EXTRA_FOR_TESTS\n\n", template.extra_for_tests)
            .replace("RUST_VERSION", env!("CARGO_PKG_RUST_VERSION")),
    );
    // What is filled in last is not looked at again: a folder may be called anything.
    let manifest = manifest
        .replace("SDK_DEPENDENCY", &dependency(sdk, false))
        .replace("SDK_FOR_TESTS", &dependency(sdk, true));
    let note = match sdk {
        None => "  The registry it is published on must have `agentfirewall-sdk` too.",
        Some(_) => {
            "  Before that, replace the folder of `agentfirewall-sdk` in `Cargo.toml`, which only your machine has, by a\n  \
             version or a repository, or put a copy of the SDK beside the crate."
        }
    };
    let readme = filled(
        &README
            .replace("POLICY\n", template.policy)
            .replace("KIND", kind.as_str())
            .replace("LIBRARY", &library(name))
            .replace("https://REPOSITORY", env!("CARGO_PKG_REPOSITORY"))
            .replace("SDK_NOTE", note),
    );
    vec![
        ("Cargo.toml", manifest),
        ("src/lib.rs", filled(template.source)),
        ("tests/conformance.rs", filled(CONFORMANCE)),
        ("README.md", readme),
        (".gitignore", IGNORE.to_owned()),
    ]
}

/// The SDK as a manifest names it. Only the major version counts: it is the one the contract hangs on.
fn dependency(sdk: Option<&str>, for_tests: bool) -> String {
    let major = agentfirewall_sdk::VERSION.split('.').next().unwrap_or_default();
    // JSON's escapes are those of TOML.
    let source = sdk.map(|folder| format!("path = {}", serde_json::Value::from(folder)));
    match (source, for_tests) {
        (None, false) => format!("\"{major}\""),
        (Some(source), false) => format!("{{ {source} }}"),
        (source, true) => {
            let source = source.unwrap_or_else(|| format!("version = \"{major}\""));
            format!("{{ {source}, features = [\"testing\"] }}")
        }
    }
}

fn write(folder: &Path, files: &[(&str, String)]) -> Result<(), Failure> {
    make_empty(folder)?;
    for (file, text) in files {
        let path = folder.join(file);
        let failed =
            |error: &std::io::Error| Failure::io(format!("`{}` cannot be written", path.display()), error);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| failed(&error))?;
        }
        let mut created = fs::File::create_new(&path).map_err(|error| failed(&error))?;
        created.write_all(text.as_bytes()).map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// Nothing of the author's is written over: the folder is new, or empty.
fn make_empty(folder: &Path) -> Result<(), Failure> {
    let refused = |why: &str| {
        Failure::new(Exit::Io, format!("`{}` {why}", folder.display()))
            .help("name a folder that does not exist yet with --path")
    };
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(refused("is not empty")),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => fs::create_dir_all(folder)
            .map_err(|error| Failure::io(format!("`{}` cannot be created", folder.display()), &error)),
        Err(error) if error.kind() == ErrorKind::NotADirectory => Err(refused("exists and is no folder")),
        Err(error) => Err(Failure::io(format!("`{}` cannot be read", folder.display()), &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 3] = [Kind::Matcher, Kind::Detector, Kind::Sink];

    fn rendered(kind: Kind, sdk: Option<&str>) -> Vec<(&'static str, String)> {
        files(kind, &Name::parse("acme-token").unwrap(), sdk)
    }

    fn file<'f>(files: &'f [(&str, String)], name: &str) -> &'f str {
        files.iter().find(|(file, _)| *file == name).map(|(_, text)| text.as_str()).unwrap()
    }

    #[test]
    fn no_mark_of_a_template_is_left_in_any_file() {
        for kind in KINDS {
            for (file, text) in rendered(kind, None).into_iter().chain(rendered(kind, Some("/sdk"))) {
                let marks = [
                    "plugin-name",
                    "plugin_name",
                    "PluginName",
                    "PLUGIN_",
                    "SDK_",
                    "EXTRA_",
                    "RUST_VERSION",
                    "POLICY",
                    "KIND",
                    "LIBRARY",
                    "REPOSITORY",
                ];
                for mark in marks {
                    assert!(!text.contains(mark), "{mark} in {file}:\n{text}");
                }
                assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{file}: {text:?}");
            }
        }
    }

    #[test]
    fn the_registry_or_a_folder_is_where_the_sdk_comes_from() {
        let files = rendered(Kind::Detector, None);
        let manifest = file(&files, "Cargo.toml");
        assert!(manifest.contains("\nagentfirewall-sdk = \"1\"\n"), "{manifest}");
        assert!(
            manifest.contains("\nagentfirewall-sdk = { version = \"1\", features = [\"testing\"] }\n"),
            "{manifest}"
        );
        let files = rendered(Kind::Detector, Some("/a \"b\"/PluginName"));
        let manifest = file(&files, "Cargo.toml");
        assert!(manifest.contains(r#"agentfirewall-sdk = { path = "/a \"b\"/PluginName" }"#), "{manifest}");
        assert!(
            manifest.contains(r#"{ path = "/a \"b\"/PluginName", features = ["testing"] }"#),
            "{manifest}"
        );
    }

    #[test]
    fn each_kind_is_a_crate_with_its_registration_its_export_and_its_test() {
        for kind in KINDS {
            let files = rendered(kind, None);
            let source = file(&files, "src/lib.rs");
            assert!(
                source.contains(&format!("    {} AcmeToken {{\n        id: \"acme-token\",", kind.as_str()))
            );
            assert!(source.contains("#[cfg(feature = \"export\")]\nagentfirewall_sdk::export!();"));
            assert!(file(&files, "tests/conformance.rs").contains("acme_token::link();"));
            assert!(file(&files, "README.md").contains("acme-token"));
        }
    }

    #[test]
    fn an_empty_folder_is_filled_and_one_with_anything_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let files = rendered(Kind::Sink, None);
        write(folder.path(), &files).unwrap();
        assert!(folder.path().join("tests/conformance.rs").is_file());
        fs::write(folder.path().join("src/lib.rs"), "mine").unwrap();
        let error = write(folder.path(), &files).unwrap_err();
        assert_eq!(error.exit, Exit::Io);
        assert_eq!(fs::read_to_string(folder.path().join("src/lib.rs")).unwrap(), "mine");
        let error = write(&folder.path().join("src/lib.rs"), &files).unwrap_err();
        assert!(error.exit == Exit::Io && error.message.contains("no folder"), "{}", error.message);
    }

    #[test]
    fn only_the_sdk_is_taken_for_the_sdk() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(sdk_folder(folder.path()).unwrap_err().exit, Exit::Usage);
        fs::write(folder.path().join("Cargo.toml"), "[package]\nname = \"other\"\n").unwrap();
        assert_eq!(sdk_folder(folder.path()).unwrap_err().exit, Exit::Usage);
        fs::write(folder.path().join("Cargo.toml"), format!("[package]\nname = \"{SDK}\"\n")).unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        let found = sdk_folder(&folder.path().join("inner/..")).unwrap();
        assert_eq!(Path::new(&found), folder.path().canonicalize().unwrap());
    }
}
