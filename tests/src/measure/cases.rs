//! The tables of cases: our own in YAML, corpora from elsewhere in JSON lines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use agentfirewall_sdk::Action;
use serde_json::{Value, json};

/// What is expected of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expect {
    /// It is denied or asked about.
    Stopped,
    /// It goes on in silence.
    Silent,
}

impl Expect {
    /// Whether an answer is the expected one.
    pub fn holds(self, action: Action) -> bool {
        match self {
            Self::Stopped => action.stops(),
            Self::Silent => action <= Action::Log,
        }
    }
}

/// One call and what must come of it. Its input still holds the placeholders.
#[derive(Debug, Clone)]
pub struct Case {
    /// The class, which is the name of its file.
    pub class: String,
    pub expect: Expect,
    pub tool: String,
    pub input: Value,
    /// What it stands for.
    pub why: String,
}

impl Case {
    /// The call in one line, by which a gap is named.
    pub fn line(&self) -> String {
        match self.input.as_object().and_then(|input| input.get("command").filter(|_| input.len() == 1)) {
            Some(Value::String(command)) => format!("{}: {}", self.tool, command.escape_debug()),
            _ => format!("{} {}", self.tool, self.input),
        }
    }
}

/// The folder of our own tables.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// Our own tables, in a stable order.
pub fn own() -> Vec<Case> {
    let mut all = Vec::new();
    for (name, expect) in [("attack", Expect::Stopped), ("benign", Expect::Silent)] {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder().join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            let class = file.file_stem().unwrap().to_string_lossy().into_owned();
            for entry in yaml(&file) {
                all.push(own_case(&class, expect, &entry).unwrap_or_else(|| {
                    panic!("{}: this is no case: {entry}", file.display());
                }));
            }
        }
    }
    all
}

fn own_case(class: &str, expect: Expect, entry: &Value) -> Option<Case> {
    let map = entry.as_object()?;
    let why = map.get("why").map_or("", |why| why.as_str().unwrap_or("")).to_owned();
    let (tool, input) = if let Some(tool) = map.get("tool") {
        (tool.as_str()?.to_owned(), map.get("input").filter(|input| input.is_object())?.clone())
    } else {
        let (tool, command) = map.iter().find(|(name, _)| *name != "why")?;
        (tool.clone(), json!({"command": command.as_str()?}))
    };
    Some(Case { class: class.to_owned(), expect, tool, input, why })
}

/// The gaps that are lived with: the case's line and the reason.
pub fn known_gaps() -> BTreeMap<String, String> {
    yaml(&folder().join("known-gaps.yaml"))
        .iter()
        .map(|gap| {
            let text =
                |name: &str| gap[name].as_str().unwrap_or_else(|| panic!("{gap} has no `{name}`")).to_owned();
            (text("case"), text("reason"))
        })
        .collect()
}

fn yaml(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A corpus of JSON lines with `tool`, `tool_input`, `expect` (`block` or `permit`) and `class`.
///
/// # Errors
///
/// The file and the line that cannot be read.
pub fn corpus(file: &Path) -> Result<Vec<Case>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            let value: Value = serde_json::from_str(line).unwrap_or_default();
            let text = |name: &str| value[name].as_str().map(str::to_owned);
            let expect = match value["expect"].as_str() {
                Some("block") => Expect::Stopped,
                Some("permit") => Expect::Silent,
                _ => return Err(format!("{}:{}: no case", file.display(), number + 1)),
            };
            Ok(Case {
                class: text("class").unwrap_or_default(),
                expect,
                tool: text("tool").unwrap_or_default(),
                input: value["tool_input"].clone(),
                why: text("id").unwrap_or_default(),
            })
        })
        .collect()
}
