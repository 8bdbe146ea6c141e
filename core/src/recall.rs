//! What the session wrote before into a file that is not there now: from the audit log, as far as that can say.
//!
//! A script that an agent wrote and runs is read from the disk. Where it is not there (written in a container, moved by something
//! that nobody followed, by a call that has not ended) the calls before are what is left to judge it by.

use std::path::Path;

use agentfirewall_sdk::ToolCall;

use crate::facts;
use crate::history::LogHistory;
use crate::knowledge::Knowledge;
use crate::paths::Ground;
use crate::understand::{Left, Script, World};

/// How many calls that name the file are understood again, at most.
const MOST: usize = 4;

/// What the session of a call put into a file that is not there, by the last call that wrote it; nothing if none did or if a
/// later one removed it. The path has no links in it.
pub(crate) fn recalled(
    history: &LogHistory,
    call: &ToolCall,
    knowledge: &Knowledge,
    ground: &Ground<'_>,
    path: &Path,
) -> Option<Script> {
    let name = path.file_name()?.to_str()?;
    if call.session.is_empty() {
        return None;
    }
    let (mut left, mut looked) = (None, 0);
    // A log that cannot be read stops the call when it is recorded.
    let _unread = history.naming(&call.session, name, &mut |past| {
        looked += 1;
        let folder = facts::folder(past, &call.project);
        let world = World { knowledge, ground: ground.clone(), folder, scripts: &|_| None };
        left = facts::left(past, &world, path);
        left.is_none() && looked < MOST
    });
    match left? {
        Left::Wrote(text) => Some(Script::Gone(text)),
        Left::Removed => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use agentfirewall_sdk::{Action, Decision};
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::audit::{Entry, EventType, append};
    use crate::interceptor::Interceptor;
    use crate::policy::{LayerKind, compile_text};
    use crate::registry::Registry;

    /// A session whose calls are recorded and never done.
    struct Session {
        folder: tempfile::TempDir,
    }

    impl Session {
        fn new() -> Self {
            Self { folder: tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap() }
        }

        fn project(&self) -> PathBuf {
            self.folder.path().canonicalize().unwrap().join("project")
        }

        fn recorded(&self, tool: &str, input: &Value, action: Action) {
            let project = self.project();
            let entry = Entry {
                tool,
                action,
                session: "one",
                project: project.to_str().unwrap().into(),
                parameters: Some(input),
                ..Entry::new(EventType::PolicyCheck, Timestamp::now())
            };
            append(&self.folder.path().join("log"), &entry, Duration::from_secs(9)).unwrap();
        }

        fn after(tool: &str, input: Value) -> Self {
            let session = Self::new();
            session.recorded(tool, &input, Action::Log);
            session
        }

        fn decides(&self, command: &str, of: &str) -> Decision {
            agentfirewall_plugins::link();
            let registry = Registry::from_linked().unwrap();
            let compiled =
                compile_text("default_action: log\nextends: [recommended]\n", LayerKind::User, &registry)
                    .unwrap();
            let mut call = ToolCall::new("Bash", json!({"command": command}));
            call.session = of.to_owned();
            call.project = self.project();
            Interceptor::new(&compiled, &registry, Path::new("/home/u"))
                .unwrap()
                .with_history(LogHistory::new(self.folder.path().join("log")))
                .check(&call)
                .unwrap()
        }

        fn asks(&self, command: &str) -> bool {
            let decision = self.decides(command, "one");
            decision.action == Action::Ask && decision.rule.name == "ask-unseen-script"
        }
    }

    fn bash(command: &str) -> Session {
        Session::after("Bash", json!({"command": command}))
    }

    #[test]
    fn a_script_that_was_written_and_is_not_there_is_asked_about() {
        for (session, command) in [
            (
                Session::after("Write", json!({"file_path": "run.py", "content": "print(1)"})),
                "python3 run.py",
            ),
            (
                Session::after(
                    "Edit",
                    json!({"file_path": "a/run.sh", "old_string": "a", "new_string": "b"}),
                ),
                "cd a && ./run.sh",
            ),
            (bash("echo 'echo hi' > run.sh"), "bash run.sh"),
            (bash("mkdir -p a; cat > a/run.sh <<'E'\nls\nE"), "sh -x a/run.sh"),
            (bash("python3 -c 'open(\"run.py\",\"w\").write(\"print(1)\")'"), "python3 run.py"),
            (bash("printf 'ls' | tee run.sh"), "source ./run.sh"),
            (bash("echo ls > run.sh"), "cat run.sh | bash"),
        ] {
            assert!(session.asks(command), "{command}");
            assert!(session.decides(command, "two").action < Action::Ask, "another session: {command}");
            assert!(session.decides(command, "").action < Action::Ask, "no session: {command}");
            assert!(session.decides("bash other.sh", "one").action < Action::Ask);
        }
    }

    #[test]
    fn what_was_written_then_is_judged() {
        let session = Session::after("Write", json!({"file_path": "x.sh", "content": "rm -rf ~"}));
        assert_eq!(session.decides("bash x.sh", "one").action, Action::Deny);
        let session = bash("echo 'cat ~/.ssh/id_rsa' > x.sh");
        assert_eq!(session.decides("bash x.sh", "one").action, Action::Deny);
    }

    #[test]
    fn what_is_there_speaks_for_itself() {
        let session = Session::after("Write", json!({"file_path": "x.sh", "content": "rm -rf ~"}));
        std::fs::create_dir(session.project()).unwrap();
        std::fs::write(session.project().join("x.sh"), "ls").unwrap();
        assert!(session.decides("bash x.sh", "one").action < Action::Ask);
    }

    #[test]
    fn the_last_call_counts_and_one_that_was_denied_does_not() {
        let session = bash("echo ls > x.sh");
        session.recorded("Bash", &json!({"command": "rm x.sh"}), Action::Log);
        assert!(session.decides("bash x.sh", "one").action < Action::Ask, "it was removed");
        session.recorded("Write", &json!({"file_path": "x.sh", "content": "rm -rf ~"}), Action::Deny);
        assert!(session.decides("bash x.sh", "one").action < Action::Ask, "it was not written");
        session.recorded("Bash", &json!({"command": "cat x.sh; grep x.sh Makefile"}), Action::Log);
        assert!(session.decides("bash x.sh", "one").action < Action::Ask, "it was named");
        session.recorded("Write", &json!({"file_path": "x.sh", "content": "ls"}), Action::Ask);
        assert!(session.asks("bash x.sh"));
    }

    #[test]
    fn what_programs_make_is_not_the_sessions_text() {
        let session = bash("gcc -o tool main.c && make -C build");
        assert!(session.decides("./tool", "one").action < Action::Ask);
    }
}
