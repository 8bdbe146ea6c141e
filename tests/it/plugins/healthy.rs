//! Plugins that behave: what they find counts, and their company does not disturb them.

use agentfirewall_core::store::installed;
use agentfirewall_sdk::{Kind, registrations};
use agentfirewall_tests::fixtures::{install, library, padded, places};
use agentfirewall_tests::sandbox::Sandbox;

use super::{MISBEHAVING, OPEN, silent, with_plugin};

/// A finding of the detector denies the call, and the log has the finding and not the secret.
fn finds(sandbox: &Sandbox, detector: &str, secret: &str) {
    let outcome = sandbox.bash(&format!("echo {secret}"));
    let reason = outcome.denied();
    assert!(reason.contains(detector), "{reason}");
    let record = sandbox.log().pop().unwrap();
    assert_eq!(record["violations"][0]["detector"], detector, "{record}");
    assert_eq!(record["violations"][0]["pointer"], "/command", "{record}");
    // Whose code judged, to the byte.
    let plugins = record["metadata"]["plugins"].as_array().unwrap();
    let installed = installed(&places(sandbox)).unwrap();
    let plugin = installed.owner(Kind::Detector, detector).unwrap();
    let named = format!("{} {} sha256:{}", plugin.name, plugin.version, plugin.sha256.as_ref().unwrap());
    assert!(plugins.contains(&serde_json::Value::from(named)), "{record}");
}

#[test]
fn a_library_built_without_optimisation_works_among_broken_neighbours() {
    let sandbox = with_plugin(MISBEHAVING);
    silent(&sandbox.bash("echo mb-fine:1234567"));
    finds(&sandbox, "mb-fine", "mb-fine:12345678");
    assert!(!sandbox.log_text().contains("12345678"), "{}", sandbox.log_text());
}

#[test]
fn a_library_may_use_threads() {
    let sandbox = with_plugin(MISBEHAVING);
    silent(&sandbox.bash("echo mb-threads and mb-threads:1"));
    finds(&sandbox, "mb-threads", "mb-threads:12345678");
}

#[test]
fn a_library_of_32_mib_works() {
    let sandbox = Sandbox::with_policy(OPEN);
    let large = padded(&library("fixture-wire-v1"), sandbox.root(), 32 << 20);
    install(&sandbox, &large);
    silent(&sandbox.bash("echo v1tok_1234"));
    finds(&sandbox, "v1-token", "v1tok_12345678");
}

#[test]
fn neither_world_sees_the_registrations_of_the_other() {
    let sandbox = with_plugin("fixture-inventory-user");
    finds(&sandbox, "iu-count", "iu-count");
    // This process has loaded the library too.
    assert!(registrations().all(|registration| registration.meta.id != "iu-count"));
}

#[test]
fn several_libraries_work_side_by_side() {
    let sandbox = with_plugin(MISBEHAVING);
    install(&sandbox, &library("fixture-wire-v1"));
    install(&sandbox, &library("fixture-inventory-user"));
    finds(&sandbox, "v1-token", "v1tok_12345678");
    finds(&sandbox, "iu-count", "iu-count");
    finds(&sandbox, "mb-fine", "mb-fine:12345678");
    // The crash of one is told of that one, whoever ran before it.
    let reason = sandbox.bash("echo v1tok_1234 mb-abort").denied();
    super::told(&reason, MISBEHAVING, "crashed (SIGABRT");
}
