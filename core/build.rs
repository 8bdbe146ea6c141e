//! Tells the code for which target it is compiled: a plugin library is pinned for one.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=AGENTFIREWALL_TARGET={}", std::env::var("TARGET").unwrap_or_default());
}
