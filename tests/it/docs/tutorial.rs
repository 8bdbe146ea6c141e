//! The tutorial is one long session that starts in an empty folder: its commands are run in order, its files written as
//! it shows them, and what it says a command prints is compared with what the command prints.

use std::fs;
use std::path::{Path, PathBuf};

use agentfirewall_tests::cargo;
use agentfirewall_tests::sandbox::{Outcome, Sandbox, feed};

use super::session;
use crate::commands::plain;

const PAGE: &str = "docs/src/plugins/tutorial.md";

/// One thing a reader does.
enum Step {
    /// A command and what it prints; nothing shown means that it succeeds and nobody cares what it says.
    Run { command: String, shown: String },
    /// A file and its content.
    Write { file: String, content: String },
}

#[test]
fn whoever_follows_the_tutorial_ends_with_a_detector_that_denies_calls() {
    let steps = steps(&page());
    let (files, commands): (Vec<_>, Vec<_>) =
        steps.iter().partition(|step| matches!(step, Step::Write { .. }));
    assert!(
        commands.len() >= 20 && files.len() >= 2,
        "only {} commands and {} files were found on the page",
        commands.len(),
        files.len()
    );
    let mut reader = Reader::new();
    for step in steps {
        reader.take(step);
    }
}

/// The sandbox of a reader who has come to a heading.
pub(crate) fn followed_to(heading: &str) -> Sandbox {
    let page = page();
    let (before, _) = page.split_once(&format!("\n{heading}\n")).unwrap();
    let mut reader = Reader::new();
    for step in steps(before) {
        reader.take(step);
    }
    reader.sandbox
}

fn page() -> String {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(top.join(PAGE)).unwrap()
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    // Odd pieces between fences are blocks.
    for block in page.split("\n```").skip(1).step_by(2) {
        let (info, content) = block.split_once('\n').unwrap();
        if info == "console" {
            let session = session(content).into_iter();
            steps.extend(session.map(|(command, shown)| Step::Run { command, shown }));
        } else if let Some((_, file)) = info.split_once("file=") {
            steps.push(Step::Write { file: file.to_owned(), content: format!("{content}\n") });
        }
    }
    steps
}

/// Somebody at a shell, who keeps the working folder from one command to the next.
struct Reader {
    sandbox: Sandbox,
    folder: PathBuf,
}

impl Reader {
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        sandbox.extra = cargo::environment(&[sandbox.program.parent().unwrap()]);
        // Optimising proves nothing here and takes a minute.
        sandbox.extra.push(("CARGO_PROFILE_RELEASE_OPT_LEVEL".into(), "0".into()));
        // The registry has the SDK of the last release, if any; the page is about this one.
        let configuration = format!(
            "[patch.crates-io]\nagentfirewall-sdk = {{ path = {} }}\n",
            serde_json::Value::from(cargo::sdk().to_str().unwrap())
        );
        fs::create_dir(sandbox.root().join(".cargo")).unwrap();
        fs::write(sandbox.root().join(".cargo/config.toml"), configuration).unwrap();
        Self { folder: sandbox.project.clone(), sandbox }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Write { file, content } => self.write(&file, &content),
            Step::Run { command, shown } => self.run(&command, &shown),
        }
    }

    fn write(&self, file: &str, content: &str) {
        let path = match file.strip_prefix("~/") {
            Some(rest) => self.sandbox.home.join(rest),
            None => self.sandbox.project.join(file),
        };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn run(&mut self, command: &str, shown: &str) {
        let outcome = self.shell(command);
        if shown.is_empty() {
            outcome.exits(0);
        } else {
            let said = plain(&self.sandbox, &outcome.stdout);
            let expected = plain(&self.sandbox, shown);
            assert!(
                is_shown(&expected, &said),
                "{PAGE}: $ {command}\n-- the page says\n{expected}\n-- the command says\n{said}"
            );
        }
        if command.starts_with("agentfirewall plugins new") {
            self.prepare();
        }
    }

    /// Both streams in the order they came, as on a terminal; the working folder is left in a file.
    fn shell(&mut self, command: &str) -> Outcome {
        let left_in = self.sandbox.root().join("folder");
        let script = format!("{{ {command}\n}} 2>&1; code=$?; pwd > '{}'; exit $code", left_in.display());
        let mut shell = self.sandbox.process("/bin/sh");
        shell.args(["-c", &script]).current_dir(&self.folder);
        let outcome = feed(&mut shell, b"");
        self.folder = PathBuf::from(fs::read_to_string(left_in).unwrap().trim_end());
        outcome
    }

    /// What a reader's machine does by itself: the versions are those of this workspace, because there is no network,
    /// and what was compiled yesterday is still there.
    fn prepare(&self) {
        let crates = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path());
        for folder in crates.filter(|folder| folder.join("Cargo.toml").is_file()) {
            cargo::lock(&folder);
            #[cfg(unix)]
            std::os::unix::fs::symlink(cargo::target(), folder.join("target")).unwrap();
        }
    }
}

/// Whether a text is what the page shows: the same words, but for `...`, which stands for anything.
fn is_shown(page: &str, text: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (page, text) = (words(page), words(text));
    let mut pieces = page.split("...").map(str::trim).peekable();
    let mut rest = text.as_str();
    let Some(first) = pieces.next() else { return false };
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.is_empty()
}

#[test]
fn dots_stand_for_anything_and_everything_else_for_itself() {
    for (page, text) in [
        ("a b", "a\n  b\n"),
        ("...\nb", "x\ny\nb"),
        ("a\n...", "a"),
        ("a ... c", "a b b c"),
        ("a ... b ... c", "a x b y c"),
        ("test x ... ok", "test x ... ok"),
    ] {
        assert!(is_shown(page, text), "{page:?} {text:?}");
    }
    for (page, text) in
        [("a b", "a c"), ("a", "a b"), ("... b", "b c"), ("a ... b ... c", "a c"), ("a ...", "b a")]
    {
        assert!(!is_shown(page, text), "{page:?} {text:?}");
    }
}
