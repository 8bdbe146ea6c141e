//! Attacks on the log: what is done to its files, and who finds it. Each is found by what the table says, and not by less:
//! what the chain alone cannot show is promised nowhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use agentfirewall_core::audit::segments;
use agentfirewall_tests::sandbox::Sandbox;

/// A machine with a log of three files, and what left it before the attack.
struct Machine {
    sandbox: Sandbox,
    /// Every file of the log.
    files: BTreeMap<PathBuf, Vec<u8>>,
    copy: PathBuf,
    checkpoint: PathBuf,
    keys: PathBuf,
}

/// What finds an attack.
#[derive(Debug, PartialEq)]
struct Seen {
    /// `audit verify`.
    alone: bool,
    /// `audit verify --against COPY`.
    copy: bool,
    /// `audit verify --checkpoint NOTE`.
    checkpoint: bool,
}

impl Machine {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        sandbox.run(["init"]).exits(0);
        sandbox.bash("echo first").passed();
        sandbox.records(220);
        let at = |name: &str| sandbox.root().join(name);
        let (copy, checkpoint, keys) = (at("copy.jsonl"), at("checkpoint"), at("keys"));
        sandbox.run(["audit", "export", "--output", copy.to_str().unwrap()]).exits(0);
        sandbox.run(["audit", "checkpoint", "--output", checkpoint.to_str().unwrap()]).exits(0);
        std::fs::write(&keys, sandbox.run(["audit", "key", "show"]).exits(0).stdout.clone()).unwrap();
        let mut machine = Self { sandbox, files: BTreeMap::new(), copy, checkpoint, keys };
        machine.files =
            machine.paths().into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
        assert_eq!(machine.files.len(), 3);
        machine
    }

    fn log(&self) -> PathBuf {
        self.sandbox.log_path()
    }

    /// The files, the oldest first.
    fn paths(&self) -> Vec<PathBuf> {
        let closed = segments(&self.log()).unwrap();
        closed.into_iter().map(|segment| segment.path).chain([self.log()]).collect()
    }

    fn restore(&self) {
        for path in self.paths() {
            let _gone = std::fs::remove_file(path);
        }
        self.files.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    }

    fn verify(&self, more: &[&str]) -> (bool, String) {
        let outcome = self.sandbox.run(["audit", "verify"].iter().chain(more));
        assert!(matches!(outcome.code, Some(0 | 1)), "{outcome:?}");
        (outcome.code == Some(1), outcome.stdout)
    }

    fn seen(&self) -> Seen {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        Seen {
            alone: self.verify(&[]).0,
            copy: self.verify(&["--against", &text(&self.copy)]).0,
            checkpoint: self.verify(&["--checkpoint", &text(&self.checkpoint), "--key", &text(&self.keys)]).0,
        }
    }

    /// Changes the lines of a file.
    fn edit(&self, path: &Path, change: impl FnOnce(&mut Vec<String>)) {
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        change(&mut lines);
        std::fs::write(path, lines.concat()).unwrap();
    }
}

const BY_ALL: Seen = Seen { alone: true, copy: true, checkpoint: true };
/// By what left the machine alone.
const OUTSIDE: Seen = Seen { alone: false, copy: true, checkpoint: true };
const NOT: Seen = Seen { alone: false, copy: false, checkpoint: false };

/// A name, who finds it, and what is done to a machine's files.
type Attack = (&'static str, Seen, fn(&Machine));

const ATTACKS: &[Attack] = &[
    ("nothing", NOT, |_| ()),
    ("a byte is changed", BY_ALL, |machine| {
        machine.edit(&machine.paths()[1], |lines| {
            lines[40] = lines[40].replacen("policy_check", "policy_chekc", 1);
        });
    }),
    ("a record's action and its hash are changed", BY_ALL, |machine| {
        machine.edit(&machine.paths()[1], |lines| {
            lines[40] = lines[40].replace("_check", "_chekc").replace('a', "b");
        });
    }),
    ("a record is taken out of the middle", BY_ALL, |machine| {
        machine.edit(&machine.paths()[0], |lines| drop(lines.remove(50)));
    }),
    ("two records change places", BY_ALL, |machine| {
        machine.edit(&machine.paths()[0], |lines| lines.swap(50, 51));
    }),
    ("a record stands there twice", BY_ALL, |machine| {
        machine.edit(&machine.paths()[0], |lines| lines.insert(51, lines[50].clone()));
    }),
    ("the head of the first file is cut off", BY_ALL, |machine| {
        machine.edit(&machine.paths()[0], |lines| drop(lines.drain(..10)));
    }),
    ("the first file is gone", BY_ALL, |machine| std::fs::remove_file(&machine.paths()[0]).unwrap()),
    ("a file in the middle is gone", BY_ALL, |machine| std::fs::remove_file(&machine.paths()[1]).unwrap()),
    ("one file is put in place of another", BY_ALL, |machine| {
        let paths = machine.paths();
        std::fs::copy(&paths[0], &paths[1]).unwrap();
    }),
    ("two files change places", BY_ALL, |machine| {
        let paths = machine.paths();
        let first = std::fs::read(&paths[0]).unwrap();
        std::fs::copy(&paths[1], &paths[0]).unwrap();
        std::fs::write(&paths[1], first).unwrap();
    }),
    ("a closed file is empty", BY_ALL, |machine| std::fs::write(&machine.paths()[1], "").unwrap()),
    ("the newest records are cut off", OUTSIDE, |machine| {
        machine.edit(&machine.log(), |lines| lines.truncate(lines.len() - 5));
    }),
    ("the newest file is empty", OUTSIDE, |machine| std::fs::write(machine.log(), "").unwrap()),
    ("the newest file is gone", OUTSIDE, |machine| std::fs::remove_file(machine.log()).unwrap()),
    ("the end is cut off and others are written in its place", OUTSIDE, |machine| {
        machine.edit(&machine.log(), |lines| lines.truncate(lines.len() - 5));
        machine.sandbox.records(9);
    }),
    ("everything is written anew", OUTSIDE, |machine| {
        machine.paths().into_iter().for_each(|path| std::fs::remove_file(path).unwrap());
        machine.sandbox.records(230);
    }),
    ("another machine's log stands there", OUTSIDE, |machine| {
        let other = Machine::new();
        machine.paths().into_iter().for_each(|path| std::fs::remove_file(path).unwrap());
        let folder = machine.log().parent().unwrap().to_owned();
        for (path, bytes) in &other.files {
            std::fs::write(folder.join(path.file_name().unwrap()), bytes).unwrap();
        }
    }),
    ("an older state is put back and written on", OUTSIDE, |machine| {
        // As from a backup: the log had fewer records then, and the new ones take the numbers of those that are lost.
        machine.edit(&machine.log(), |lines| lines.truncate(3));
        machine.sandbox.bash("echo after").passed();
    }),
    ("the state folder is gone", NOT, |machine| std::fs::remove_dir_all(machine.sandbox.state()).unwrap()),
];

#[test]
fn each_attack_is_found_by_what_can_find_it() {
    let machine = Machine::new();
    for (name, seen, attack) in ATTACKS {
        attack(&machine);
        assert_eq!(machine.seen(), *seen, "{name}");
        // Whatever was done, the next call is recorded, or denied with a reason: never passed in silence.
        let records = std::fs::read_to_string(machine.log()).unwrap_or_default().lines().count();
        machine.sandbox.bash("echo next").passed();
        assert!(std::fs::read_to_string(machine.log()).unwrap().lines().count() > records, "{name}");
        assert_eq!(machine.seen().copy, seen.copy, "{name}: a call more hides nothing");
        machine.restore();
    }
}

#[test]
fn a_store_sees_a_log_that_was_put_back_and_written_on_without_any_log() {
    let machine = Machine::new();
    let store = machine.sandbox.root().join("store.jsonl");
    let mut received = std::fs::read(&machine.copy).unwrap();
    machine.edit(&machine.log(), |lines| lines.truncate(lines.len() - 5));
    machine.sandbox.records(9);
    // The sink goes on with what is there now, from some record before on.
    let text = std::fs::read_to_string(machine.log()).unwrap();
    received.extend(text.lines().skip(3).flat_map(|line| format!("{line}\n").into_bytes()));
    std::fs::write(&store, received).unwrap();
    let outcome = machine.sandbox.run(["audit", "verify", "--from", store.to_str().unwrap()]);
    assert!(outcome.exits(1).stdout.contains("two different records"), "{outcome:?}");
    // What passes on its own: an empty store proves nothing and is an error.
    std::fs::write(&store, "\n").unwrap();
    machine.sandbox.run(["audit", "verify", "--from", store.to_str().unwrap()]).exits(65);
    let copy = std::fs::read(&machine.copy).unwrap();
    let piped = machine.sandbox.run_with(["audit", "verify", "--from", "-"], &copy);
    assert!(piped.exits(0).stdout.contains("of 1 chain"), "{piped:?}");
    let checked = machine.sandbox.run_with(
        ["audit", "verify", "--from", "-", "--checkpoint", machine.checkpoint.to_str().unwrap()],
        &copy,
    );
    assert!(checked.exits(0).stdout.contains("the checkpoint fits"), "{checked:?}");
}

/// Links, pipes, folders and files that are no log in place of the log, and a log that cannot grow.
#[test]
fn a_log_that_cannot_be_trusted_with_a_record_denies_the_call_and_says_why() {
    let machine = Machine::new();
    let (log, elsewhere) = (machine.log(), machine.sandbox.root().join("elsewhere"));
    std::fs::write(&elsewhere, "").unwrap();
    let put: [(&str, &str, &dyn Fn()); 4] = [
        ("a link", "not a regular file", &|| std::os::unix::fs::symlink(&elsewhere, &log).unwrap()),
        ("a link to nowhere", "not a regular file", &|| {
            std::os::unix::fs::symlink(elsewhere.with_extension("none"), &log).unwrap();
        }),
        ("a folder", "not a regular file", &|| std::fs::create_dir(&log).unwrap()),
        ("another file", "does not look like an audit log", &|| {
            std::fs::write(&log, "notes\nof mine\n").unwrap();
        }),
    ];
    for (name, reason, attack) in put {
        std::fs::remove_file(&log).unwrap();
        attack();
        let said = machine.sandbox.bash("echo hello").denied();
        assert!(said.contains(reason), "{name}: {said}");
        let _folder = std::fs::remove_dir(&log);
        let _file = std::fs::remove_file(&log);
        machine.restore();
    }
    assert_eq!(std::fs::read(&elsewhere).unwrap(), b"", "nothing was written through the link");

    // No file may grow beyond what the log has: the same error as from a full disk.
    let blocks = std::fs::metadata(&log).unwrap().len() / 1024;
    let mut command = machine.sandbox.process("bash");
    command.arg("-c").arg(format!(
        "ulimit -f {blocks}; for at in 1 2 3 4 5 6; do printf '%s' \"$PAYLOAD\" | \"$0\" hook pre-tool-use; done"
    ));
    let payload = agentfirewall_tests::payload::Payload::bash(&machine.sandbox.project, "echo hello");
    command.env("PAYLOAD", String::from_utf8(payload.bytes()).unwrap()).arg(&machine.sandbox.program);
    let full = agentfirewall_tests::sandbox::feed(&mut command, b"");
    assert!(full.stderr.contains("cannot write the audit log"), "{full:?}");
    // What was written is whole, and the next call goes on.
    assert!(!machine.verify(&[]).0);
    machine.sandbox.bash("echo hello").passed();
    assert!(!machine.verify(&[]).0);
}
