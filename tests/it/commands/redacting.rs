//! `redact`: a filter.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use agentfirewall_tests::sandbox::Sandbox;

use crate::masking::forms;
use crate::samples;

#[test]
fn what_passes_through_loses_its_secrets_and_nothing_else() {
    let sandbox = Sandbox::new();
    let token = samples::github_token(41);
    for (form, hidden) in forms(&token) {
        let outcome = sandbox.run_with(["redact"], format!("a line\nT={hidden} é\r\nno end").as_bytes());
        outcome.exits(0);
        assert!(
            outcome.stdout.starts_with("a line\nT=") && outcome.stdout.ends_with(" é\r\nno end"),
            "{form}: {outcome:?}"
        );
        assert!(
            outcome.stdout.contains("[secret:github-token#") && !outcome.stdout.contains(&hidden),
            "{form}: {outcome:?}"
        );
        assert_eq!(outcome.stderr, "");
    }
    let key = samples::private_key();
    let outcome = sandbox.run_with(["redact"], format!("before\n{key}after\n").as_bytes());
    assert!(
        !outcome.stdout.contains(samples::heart(&key)) && outcome.stdout.ends_with("\nafter\n"),
        "{outcome:?}"
    );
    assert_eq!(sandbox.run_with(["redact"], b"").exits(0).stdout, "");
    sandbox.run_with(["redact", "--confidence", "none"], b"").exits(64);
}

#[test]
fn a_complete_line_does_not_wait_for_the_next_one() {
    let sandbox = Sandbox::new();
    let token = samples::github_token(42);
    let mut command = sandbox.command(["redact"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for number in 0..20 {
        // The pieces of a line come one by one; the line has to come back before the next one is written.
        for piece in format!("{number}: token={token};\n").as_bytes().chunks(11) {
            stdin.write_all(piece).unwrap();
        }
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert!(
            line.starts_with(&format!("{number}: token=[secret:github-token#")) && line.ends_with("];\n"),
            "{line}"
        );
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn bytes_that_are_no_text_pass_and_a_reader_may_go_away() {
    let sandbox = Sandbox::new();
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let run = || {
        let mut command = sandbox.command(["redact"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut child = run();
    let (mut stdin, input) = (child.stdin.take().unwrap(), bytes.as_slice());
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success() && output.stdout == bytes, "{} bytes came back", output.stdout.len());

    let mut child = run();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // Ends with an error when the program has gone.
            while stdin.write_all(b"an ordinary line\n").is_ok() {}
        });
        stdout.read_exact(&mut [0; 100]).unwrap();
        drop(stdout);
        let status = child.wait().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((status.code(), said.as_str()), (Some(0), ""));
    });
}
