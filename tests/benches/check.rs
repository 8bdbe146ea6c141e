//! One decision in process: `Interceptor::check` with a small and a large policy, on a call that no rule matches (every
//! rule had to be ruled out) and on one that the last rule denies.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark: a failure ends it")]

use std::path::Path;

use agentfirewall_core::interceptor::Interceptor;
use agentfirewall_core::policy::{self, LayerKind};
use agentfirewall_core::registry::Registry;
use agentfirewall_sdk::{Action, ToolCall};
use agentfirewall_tests::rules;
use divan::{Bencher, black_box};
use serde_json::json;

fn main() {
    agentfirewall_plugins::link();
    divan::main();
}

fn bash(command: &str) -> ToolCall {
    let mut call = ToolCall::new("Bash", json!({"command": command, "description": "d"}));
    call.project = "/home/dev/project".into();
    call.cwd = call.project.clone();
    call
}

fn measure(bencher: Bencher<'_, '_>, count: usize, call: &ToolCall, expected: Action) {
    let registry = Registry::from_linked().unwrap();
    let compiled = policy::compile_text(&rules::policy(count), LayerKind::Project, &registry).unwrap();
    let interceptor = Interceptor::new(&compiled, &registry, Path::new("/home/dev")).unwrap();
    assert_eq!(interceptor.check(call).unwrap().action, expected);
    bencher.bench_local(|| interceptor.check(black_box(call)).unwrap());
}

#[divan::bench(args = [20, 1_000])]
fn no_rule_matches(bencher: Bencher<'_, '_>, rules: usize) {
    measure(bencher, rules, &bash("git status"), Action::Log);
}

#[divan::bench(args = [20, 1_000])]
fn the_last_rule_denies(bencher: Bencher<'_, '_>, count: usize) {
    measure(bencher, count, &bash(&rules::last_command(count)), Action::Deny);
}

#[divan::bench(args = [20, 1_000])]
fn a_file_is_written(bencher: Bencher<'_, '_>, rules: usize) {
    let content = "fn main() {}\n".repeat(100);
    let mut call =
        ToolCall::new("Write", json!({"file_path": "/home/dev/project/src/lib.rs", "content": content}));
    call.project = "/home/dev/project".into();
    call.cwd = call.project.clone();
    measure(bencher, rules, &call, Action::Log);
}
