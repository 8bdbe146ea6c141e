//! The sessions in the documentation are real: each `console` block is replayed, command by command, in one project.

pub(crate) mod tutorial;

use std::path::Path;

use agentfirewall_tests::sandbox::{Sandbox, feed};

use crate::commands::plain;

/// The pages with sessions. Blocks of one page share a project, as they do for a reader.
const PAGES: [&str; 3] = ["README.md", "docs/src/explain.md", "docs/src/quick-start.md"];

#[test]
fn every_session_in_the_documentation_says_what_the_program_says() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut replayed = 0;
    for page in PAGES {
        let sandbox = Sandbox::new();
        let text = std::fs::read_to_string(top.join(page)).unwrap();
        for (command, expected) in
            text.split("```console\n").skip(1).flat_map(|block| session(block.split("```").next().unwrap()))
        {
            let Some(command) = runnable(&command) else { continue };
            let said = run(&sandbox, &command);
            replayed += 1;
            if !expected.is_empty() {
                assert_eq!(
                    unwrapped(&plain(&sandbox, &said)),
                    unwrapped(&plain(&sandbox, &expected)),
                    "{page}: $ {command}"
                );
            }
        }
    }
    assert!(replayed >= 8, "only {replayed} commands were replayed");
}

/// The commands of a block and what is shown below each.
fn session(block: &str) -> Vec<(String, String)> {
    let mut session: Vec<(String, String)> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), session.last_mut()) {
            (Some(command), _) => {
                let command = command.split("   #").next().unwrap().trim();
                session.push((command.to_owned(), String::new()));
            }
            (None, Some((_, output))) => {
                output.push_str(line);
                output.push('\n');
            }
            (None, None) => {}
        }
    }
    session
}

/// The part of a command that runs the program: building and installing it is what brought the test here.
fn runnable(command: &str) -> Option<String> {
    if command.starts_with("cargo xtask") {
        return None;
    }
    let own = command.strip_prefix("cargo install").and_then(|rest| rest.split_once("&& "));
    Some(own.map_or(command, |(_, rest)| rest).to_owned())
}

fn run(sandbox: &Sandbox, command: &str) -> String {
    let mut shell = sandbox.process("/bin/sh");
    let folder = sandbox.program.parent().unwrap();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display());
    shell.args(["-c", &format!("{command} 2>&1")]).env("PATH", path);
    feed(&mut shell, b"").stdout
}

/// Long lines are broken on a page.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
