//! A project and a home of its own for every test.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use agentfirewall_core::audit::{Entry, EventType, Rotation, append_rotating};
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use crate::program;

/// A fresh home folder and an empty git repository, and the program run in them with nothing of the caller's
/// environment.
#[derive(Debug)]
pub struct Sandbox {
    root: TempDir,
    /// The home folder.
    pub home: PathBuf,
    /// The project: a git repository without a commit.
    pub project: PathBuf,
    /// Environment variables on top of the scrubbed ones.
    pub extra: Vec<(OsString, OsString)>,
    /// The program under test.
    pub program: PathBuf,
}

/// What a process left behind.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The exit code; `None` for a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// The deny of a hook: exit 2, one line on standard error and, as the only thing on standard output, the deny
    /// object. Returns the reason.
    pub fn denied(&self) -> String {
        assert_eq!(self.code, Some(2), "no deny: {self:?}");
        let reason = self.denied_object();
        self.one_line();
        reason
    }

    fn denied_object(&self) -> String {
        let answer: Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("standard output is not one JSON value ({error}): {self:?}"));
        let specific = &answer["hookSpecificOutput"];
        assert_eq!(specific["hookEventName"], "PreToolUse", "{self:?}");
        assert_eq!(specific["permissionDecision"], "deny", "{self:?}");
        let reason = specific["permissionDecisionReason"].as_str().unwrap_or_default();
        assert!(!reason.trim().is_empty() && !reason.contains('\n'), "no one-line reason: {self:?}");
        reason.to_owned()
    }

    /// Exactly one line of standard error that says something. Returns it.
    pub fn one_line(&self) -> &str {
        let line = self.stderr.strip_suffix('\n').unwrap_or(&self.stderr);
        assert!(line.trim().len() > 10 && !line.contains('\n'), "standard error is not one line: {self:?}");
        line
    }

    /// A call that goes on in silence: exit 0 and nothing on standard output.
    pub fn passed(&self) {
        assert_eq!(self.code, Some(0), "the call did not pass: {self:?}");
        assert_eq!(self.stdout, "", "a call that passes is silent: {self:?}");
    }

    /// The exit code was this.
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// Standard output as one JSON value.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Sandbox {
    /// An empty git repository and an empty home.
    pub fn new() -> Self {
        Self::for_program(program::agentfirewall())
    }

    /// The same for another program, such as a team's own binary.
    pub fn for_program(program: &Path) -> Self {
        let root = tempfile::Builder::new().prefix("agentfirewall-").tempdir().unwrap();
        let base = root.path().canonicalize().unwrap();
        let home = base.join("home");
        let project = base.join("project");
        std::fs::create_dir_all(&home).unwrap();
        git_init(&project);
        Self { root, home, project, extra: Vec::new(), program: program.to_owned() }
    }

    /// A sandbox whose project has this policy.
    pub fn with_policy(policy: &str) -> Self {
        let sandbox = Self::new();
        sandbox.policy(policy);
        sandbox
    }

    /// The folder that holds home and project.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Writes the project's policy.
    pub fn policy(&self, text: &str) {
        self.write(".agentfirewall/policy.yaml", text);
    }

    /// Writes a file of the project, with its folders.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.project.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Makes a folder with a file in it, the thing that `rm -rf` would remove.
    pub fn marker(&self, name: &str) -> PathBuf {
        self.write(&format!("{name}/file.txt"), "still here\n");
        self.project.join(name)
    }

    /// Reads a file of the project.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.project.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Whether the project has this file or folder.
    pub fn has(&self, path: &str) -> bool {
        self.project.join(path).symlink_metadata().is_ok()
    }

    /// The private state folder.
    pub fn state(&self) -> PathBuf {
        self.home.join(".local/state/agentfirewall")
    }

    /// The audit log: the project's, or the state folder's if the project has no folder of ours.
    pub fn log_path(&self) -> PathBuf {
        let folder = self.project.join(".agentfirewall");
        if folder.is_dir() { folder.join("audit.jsonl") } else { self.state().join("audit.jsonl") }
    }

    /// Writes so many records more, without a call, into files of a hundred each.
    pub fn records(&self, count: usize) {
        let rotation = Rotation { records: Some(100), ..Rotation::default() };
        for _ in 0..count {
            let entry = Entry::new(EventType::PolicyCheck, Timestamp::now());
            append_rotating(&self.log_path(), &entry, Duration::from_secs(9), &rotation).unwrap();
        }
    }

    /// The audit log's lines as they stand.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The audit log's records.
    pub fn log(&self) -> Vec<Value> {
        self.log_text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("record {line:?}: {error}")))
            .collect()
    }

    /// Every byte below the home and the project's own folder, to prove that a secret is in none of it.
    pub fn everything_stored(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for folder in
            [self.project.join(".agentfirewall"), self.state(), self.home.join(".config/agentfirewall")]
        {
            collect(&folder, &mut bytes);
        }
        bytes
    }

    /// A command in the sandbox: scrubbed environment, the project as working folder and as `CLAUDE_PROJECT_DIR`.
    pub fn process(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", path())
            .env("LANG", "C.UTF-8")
            .env("TMPDIR", self.root())
            .env("CLAUDE_PROJECT_DIR", &self.project)
            .envs(self.extra.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.project);
        command
    }

    /// The program under test with arguments, as a command to change further.
    pub fn command<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, args: I) -> Command {
        let mut command = self.process(&self.program);
        command.args(args);
        command
    }

    /// Runs the program with nothing on standard input.
    pub fn run<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, args: I) -> Outcome {
        feed(&mut self.command(args), b"")
    }

    /// Runs the program with an input.
    pub fn run_with<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, args: I, input: &[u8]) -> Outcome {
        feed(&mut self.command(args), input)
    }

    /// Runs the hook of an event (`pre-tool-use`, ...).
    pub fn hook(&self, event: &str, payload: impl Into<Vec<u8>>) -> Outcome {
        self.run_with(["hook", event], &payload.into())
    }

    /// Asks the hook about a `Bash` command.
    pub fn bash(&self, command: &str) -> Outcome {
        self.hook("pre-tool-use", crate::payload::Payload::bash(&self.project, command))
    }

    /// Asks the hook about a call of any tool.
    pub fn call(&self, tool: &str, input: Value) -> Outcome {
        self.hook("pre-tool-use", crate::payload::Payload::pre(&self.project, tool, input))
    }
}

/// Makes an empty git repository. Written by hand, so that no git and no identity is needed.
pub fn git_init(folder: &Path) {
    for part in [".git/objects", ".git/refs/heads"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    std::fs::write(folder.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    std::fs::write(folder.join(".git/config"), "[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
        .unwrap();
}

/// The search path of the sandboxed processes: the system's folders, never the caller's.
pub fn path() -> OsString {
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into()
}

/// Runs a command, feeds it the input, closes it and collects what it says. A reader that stops early is fine.
pub fn feed(command: &mut Command, input: &[u8]) -> Outcome {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            let _stopped_reading = stdin.write_all(input);
        });
        child.wait_with_output().unwrap()
    });
    outcome(output.status, &output.stdout, &output.stderr)
}

/// An outcome from its pieces.
pub fn outcome(status: ExitStatus, stdout: &[u8], stderr: &[u8]) -> Outcome {
    Outcome {
        code: status.code(),
        stdout: String::from_utf8(stdout.to_vec()).expect("standard output is UTF-8"),
        stderr: String::from_utf8(stderr.to_vec()).expect("standard error is UTF-8"),
    }
}

fn collect(path: &Path, bytes: &mut Vec<u8>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), bytes);
        }
    } else if let Ok(content) = std::fs::read(path) {
        bytes.extend_from_slice(path.as_os_str().as_encoded_bytes());
        bytes.extend_from_slice(&content);
    }
}
