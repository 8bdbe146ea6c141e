//! Compiles the table of programs (`knowledge/*.yaml`) into one blob.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};

#[allow(dead_code, reason = "the crate uses all of it")]
mod knowledge {
    #[path = "../src/knowledge/compile.rs"]
    pub(crate) mod compile;
    #[path = "../src/knowledge/row.rs"]
    pub(crate) mod row;
    #[path = "../src/knowledge/words.rs"]
    pub(crate) mod words;
}

#[path = "src/paths/pairs.rs"]
mod pairs;

/// The functions in `src/knowledge/handlers.rs`; the crate has a test that the two lists are the same.
const HANDLERS: &str = include_str!("knowledge/handlers.txt");

fn main() -> Result<(), Box<dyn Error>> {
    // The store only takes libraries that were made for this target.
    println!("cargo:rustc-env=AGENTFIREWALL_TARGET={}", std::env::var("TARGET")?);
    println!("cargo:rerun-if-changed=knowledge");
    println!("cargo:rerun-if-changed=build.rs");
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("knowledge");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let read = |path: &Path| -> Result<serde_json::Value, Box<dyn Error>> {
        let text = std::fs::read_to_string(path)?;
        serde_yaml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
    };
    let effects = read(&folder.join("effects.yaml"))?;
    let effects: BTreeMap<String, String> = effects
        .get("effects")
        .and_then(serde_json::Value::as_object)
        .ok_or("effects.yaml: no `effects:`")?
        .iter()
        .map(|(id, about)| (id.clone(), about.as_str().unwrap_or_default().to_owned()))
        .collect();
    let effects_about: Vec<&String> = effects.values().collect();
    let effects: BTreeSet<&str> = effects.keys().map(String::as_str).collect();
    let handlers: BTreeSet<&str> = HANDLERS.lines().collect();
    let names = knowledge::compile::Names {
        effect: &|id| effects.contains(id),
        handler: &|name| handlers.contains(name),
    };
    let mut table = BTreeMap::new();
    for path in &files {
        let content = read(path)?;
        if let Some(programs) = content.get("programs") {
            knowledge::compile::rows(&knowledge::compile::spelled(programs), &names, &mut table)
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("programs.bin"), knowledge::compile::blob(&table))?;
    std::fs::write(out.join("sets.rs"), sets(&read(&folder.join("paths.yaml"))?)?)?;
    let meanings = effects_about.iter().map(|about| format!("    {about:?},\n")).collect::<String>();
    std::fs::write(out.join("effects_about.rs"), format!("&[\n{meanings}]\n"))?;
    let ids: String = effects.iter().map(|id| format!("    {id:?},\n")).collect();
    std::fs::write(out.join("effects.rs"), format!("&[\n{ids}]\n"))?;
    Ok(())
}

/// The sets of paths as Rust: names, and patterns with the longest text that stands in every path they match.
fn sets(content: &serde_json::Value) -> Result<String, Box<dyn Error>> {
    let sets = content.get("sets").and_then(serde_json::Value::as_object).ok_or("paths.yaml: no `sets:`")?;
    let mut names = String::new();
    let (mut patterns, mut needs) = (String::new(), String::new());
    for (number, (name, set)) in sets.iter().enumerate() {
        let about = set.get("about").and_then(serde_json::Value::as_str).ok_or("a set has no `about:`")?;
        names.push_str(&format!("    ({name:?}, {about:?}),\n"));
        let list = set.get("paths").and_then(serde_json::Value::as_array).ok_or("a set has no `paths:`")?;
        for pattern in list {
            let written = pattern.as_str().ok_or("a pattern is no text")?;
            let (out, pattern) = match written.strip_prefix('!') {
                Some(pattern) => (true, pattern),
                None => (false, written),
            };
            let pattern = pattern.to_lowercase();
            let key = pattern
                .trim_start_matches("~/")
                .trim_end_matches("/**")
                .split(['*', '?', '/'])
                .max_by_key(|piece| piece.len())
                .unwrap_or_default();
            patterns.push_str(&format!("    ({number}, {out}, {pattern:?}, {key:?}),\n"));
            let need = format!("{:032x}", pairs::of(key));
            let digits: Vec<&str> = (0..32).step_by(4).filter_map(|at| need.get(at..at + 4)).collect();
            needs.push_str(&format!("    0x{},\n", digits.join("_")));
        }
    }
    Ok(format!(
        "/// Name and meaning.\npub(super) static NAMES: &[(&str, &str)] = &[\n{names}];\n/// Number of the set, whether it takes out, pattern, key.\npub(super) static PATTERNS: &[(u8, bool, &str, &str)] = &[\n{patterns}];\n/// The pairs of each key.\npub(super) static NEEDS: &[u128] = &[\n{needs}];\n"
    ))
}
