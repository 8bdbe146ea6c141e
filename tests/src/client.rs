//! The real Claude Code client, run without an account against the scripted model.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::model::Model;
use crate::sandbox::Sandbox;

/// One version of the client.
#[derive(Debug, Clone)]
pub struct Client {
    /// The version, as in `2.1.330`.
    pub version: &'static str,
    /// Its binary.
    pub binary: PathBuf,
}

/// The versions the contract was measured on, and the variables that name their binaries.
const VERSIONS: [(&str, &str); 2] =
    [("2.1.330", "AGENTFIREWALL_CLAUDE_330"), ("2.1.197", "AGENTFIREWALL_CLAUDE_197")];

impl Client {
    /// The clients named in the environment. A missing one is left out with a reason; in the gate it is a failure.
    pub fn all() -> Vec<Self> {
        VERSIONS
            .into_iter()
            .filter_map(|(version, variable)| {
                let Some(binary) = std::env::var_os(variable) else {
                    crate::skip(
                        &format!("the tests with Claude Code {version}"),
                        &format!(
                            "{variable} does not name its binary (npm i @anthropic-ai/claude-code@{version})"
                        ),
                    );
                    return None;
                };
                let binary = PathBuf::from(binary);
                assert!(binary.is_file(), "{variable} names no file: {}", binary.display());
                Some(Self { version, binary })
            })
            .collect()
    }

    /// Runs one session (`claude -p go`) in the sandbox's project against the model.
    pub fn session(&self, sandbox: &Sandbox, model: &Model, arguments: &[&str]) -> Session {
        self.run("go", &sandbox.project, sandbox, model, arguments)
    }

    /// The same, started in another folder.
    pub fn session_in(&self, folder: &Path, sandbox: &Sandbox, model: &Model, arguments: &[&str]) -> Session {
        self.run("go", folder, sandbox, model, arguments)
    }

    /// The same with another prompt.
    pub fn prompt(&self, prompt: &str, sandbox: &Sandbox, model: &Model, arguments: &[&str]) -> Session {
        self.run(prompt, &sandbox.project, sandbox, model, arguments)
    }

    fn run(
        &self,
        prompt: &str,
        folder: &Path,
        sandbox: &Sandbox,
        model: &Model,
        arguments: &[&str],
    ) -> Session {
        let debug = sandbox.root().join("client-debug.log");
        let _none_yet = std::fs::remove_file(&debug);
        let [stdout, stderr] =
            ["client-stdout.jsonl", "client-stderr.txt"].map(|name| sandbox.root().join(name));
        let mut command = sandbox.process(&self.binary);
        command
            .current_dir(folder)
            .env_remove("CLAUDE_PROJECT_DIR")
            .env("ANTHROPIC_API_KEY", "dummy")
            .env("ANTHROPIC_BASE_URL", model.url())
            .env("DISABLE_AUTOUPDATER", "1")
            .env("DISABLE_TELEMETRY", "1")
            .env("DISABLE_ERROR_REPORTING", "1")
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("NO_PROXY", "127.0.0.1")
            .env("SHELL", "/bin/bash")
            // The client refuses to skip permissions as root without it.
            .env("IS_SANDBOX", "1")
            .args(["-p", prompt, "--output-format", "stream-json", "--verbose", "--debug-file"])
            .arg(&debug)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&stdout).unwrap())
            .stderr(std::fs::File::create(&stderr).unwrap());
        let started = Instant::now();
        let mut child = command.spawn().unwrap();
        let code = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            if started.elapsed() > Duration::from_mins(2) {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let read =
            |path: &Path| String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
        let session = Session {
            code,
            stdout: read(&stdout),
            stderr: read(&stderr),
            debug: read(&debug),
            took: started.elapsed(),
        };
        assert_eq!(session.code, Some(0), "the client failed or hung: {session}");
        session
    }
}

/// A session that ended.
#[derive(Debug, Clone)]
pub struct Session {
    /// The client's exit code.
    pub code: Option<i32>,
    /// Its `stream-json`.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// Its debug log.
    pub debug: String,
    /// How long it took.
    pub took: Duration,
}

impl std::fmt::Display for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hooks: Vec<&str> =
            self.debug.lines().filter(|line| line.contains("ook") || line.contains("ERROR")).collect();
        let tail = |lines: &[&str]| {
            let lines = lines.iter().skip(lines.len().saturating_sub(40));
            lines.map(|line| line.chars().take(400).collect::<String>()).collect::<Vec<_>>().join("\n")
        };
        let stdout: Vec<&str> = self.stdout.lines().collect();
        write!(f, "exit {:?}\n-- stdout\n{}\n", self.code, tail(&stdout))?;
        write!(f, "-- stderr\n{}\n-- debug\n{}", self.stderr, tail(&hooks))
    }
}
