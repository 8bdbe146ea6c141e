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
    let effects: BTreeSet<String> = effects
        .get("effects")
        .and_then(serde_json::Value::as_object)
        .map(|effects| effects.keys().cloned().collect())
        .unwrap_or_default();
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
    let ids: String = effects.iter().map(|id| format!("    {id:?},\n")).collect();
    std::fs::write(out.join("effects.rs"), format!("&[\n{ids}]\n"))?;
    Ok(())
}
