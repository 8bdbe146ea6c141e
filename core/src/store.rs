//! (stub, replaced by the store)
use agentfirewall_sdk::Kind;
use std::path::PathBuf;
/// stub
#[derive(Debug, Clone, Default)]
pub struct Installed {
    /// stub
    pub plugins: Vec<InstalledPlugin>,
    /// stub
    pub fingerprint: u64,
}
/// stub
#[derive(Debug, Clone)]
pub struct InstalledItem {
    /// k
    pub kind: Kind,
    /// i
    pub id: String,
    /// s
    pub summary: String,
    /// k
    pub keywords: Vec<String>,
}
/// stub
#[derive(Debug, Clone)]
pub struct InstalledPlugin {
    /// n
    pub name: String,
    /// v
    pub version: String,
    /// p
    pub path: PathBuf,
    /// i
    pub items: Vec<InstalledItem>,
}
impl InstalledPlugin {
    /// o
    pub fn open(&self) -> std::io::Result<std::fs::File> {
        std::fs::File::open(&self.path)
    }
}
/// stub
pub fn installed(_places: &crate::places::Places) -> std::io::Result<Installed> {
    Ok(Installed::default())
}
