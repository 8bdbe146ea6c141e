use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::audit::{
    Checks, Entry, EventType, FaultKind, Retention, Rotation, append_rotating, prune, verify_with,
};

const WAIT: Duration = Duration::from_secs(9);

struct World {
    folder: tempfile::TempDir,
    key: PrivateKey,
}

impl World {
    fn new(records: u32) -> Self {
        let key = PrivateKey::of_seed("test", [9; 32]).unwrap();
        let world = Self { folder: tempfile::tempdir().unwrap(), key };
        world.write(records);
        world
    }

    fn log(&self) -> std::path::PathBuf {
        self.folder.path().join("audit.jsonl")
    }

    fn write(&self, records: u32) {
        let rotation = Rotation { records: Some(5), ..Rotation::default() };
        for _ in 0..records {
            let entry = Entry::new(EventType::PolicyCheck, Timestamp::UNIX_EPOCH);
            append_rotating(&self.log(), &entry, WAIT, &rotation).unwrap();
        }
    }

    fn checkpoint(&self) -> (Checkpoint, String) {
        let checks = Checks { tree: true, ..Checks::default() };
        let (report, tree) = verify_with(&self.log(), checks, &mut |_, _| {}).unwrap();
        let checkpoint = Checkpoint::of(&report, tree.as_ref(), Timestamp::UNIX_EPOCH).unwrap();
        let note = checkpoint.sign(&self.key);
        (checkpoint, note)
    }

    fn against(&self, checkpoint: &Checkpoint) -> Report {
        let checks = Checks { checkpoint: Some(checkpoint), ..Checks::default() };
        verify_with(&self.log(), checks, &mut |_, _| {}).unwrap().0
    }

    fn keys(&self) -> [PublicKey; 1] {
        [self.key.public().clone()]
    }

    /// The hash of a record.
    fn hash(&self, seq: u64) -> Hash {
        let files = crate::audit::segments(&self.log()).unwrap();
        let paths = files.into_iter().map(|segment| segment.path).chain([self.log()]);
        let text: String = paths.map(|path| std::fs::read_to_string(path).unwrap()).collect();
        let found = text.lines().find(|line| Prefix::of(line.as_bytes()).unwrap().seq == seq);
        split(found.unwrap().as_bytes()).unwrap().1
    }
}

fn kinds(report: &Report) -> Vec<FaultKind> {
    report.faults.iter().map(|fault| fault.kind).collect()
}

#[test]
fn a_checkpoint_is_a_note_that_comes_back() {
    let world = World::new(12);
    let (checkpoint, note) = world.checkpoint();
    let lines: Vec<&str> = note.lines().collect();
    assert_eq!(lines[0], format!("agentfirewall/audit/{}", checkpoint.chain));
    assert_eq!(lines[1], checkpoint.size.to_string());
    let keys = world.keys();
    let (opened, key) = Checkpoint::open(&note, &keys).unwrap();
    assert_eq!((&opened, key.name()), (&checkpoint, "test"));
    assert!(Checkpoint::open(&note.replacen("head ", "haed ", 1), &keys).is_err());
    for text in ["", "a\n1\nAAAA\n", "agentfirewall/audit/xyz\n1\n\n"] {
        assert!(Checkpoint::parse(text).is_err(), "{text:?}");
    }
    let text = checkpoint.text();
    assert!(Checkpoint::parse(&text.replacen(&format!("\n{}\n", checkpoint.size), "\n07\n", 1)).is_err());
}

#[test]
fn a_log_that_goes_on_fits_and_one_that_was_cut_or_rewritten_does_not() {
    let world = World::new(12);
    let (checkpoint, _) = world.checkpoint();
    world.write(9);
    let report = world.against(&checkpoint);
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.checkpoint, Some(checkpoint.size));
    let (newer, _) = world.checkpoint();
    assert!(newer.size > checkpoint.size);

    // Cut off, in the file that is written and by whole files.
    std::fs::write(world.log(), "").unwrap();
    assert_eq!(kinds(&world.against(&newer)), [FaultKind::Truncated]);
    let mut closed = crate::audit::segments(&world.log()).unwrap();
    std::fs::remove_file(closed.pop().unwrap().path).unwrap();
    let report = world.against(&newer);
    assert_eq!(kinds(&report), [FaultKind::Truncated], "{report:?}");

    // Written on in another way.
    for _ in 0..20 {
        let entry = Entry::new(EventType::UserPrompt, Timestamp::UNIX_EPOCH);
        crate::audit::append(&world.log(), &entry, WAIT).unwrap();
    }
    assert_eq!(kinds(&world.against(&newer)), [FaultKind::Forked]);
    // Begun anew.
    let other = World::new(30);
    assert_eq!(kinds(&other.against(&newer)), [FaultKind::Forked]);
    // What is not intact is not signed.
    let text = std::fs::read_to_string(other.log()).unwrap();
    std::fs::write(other.log(), text.replacen("policy_check", "policy_shock", 1)).unwrap();
    let checks = Checks { tree: true, ..Checks::default() };
    let (report, tree) = verify_with(&other.log(), checks, &mut |_, _| {}).unwrap();
    let refused = Checkpoint::of(&report, tree.as_ref(), Timestamp::UNIX_EPOCH);
    assert!(matches!(refused, Err(CheckpointError::Faulty(1))), "{refused:?}");
}

#[test]
fn every_record_is_proved_and_no_other_passes_with_its_proof() {
    let world = World::new(12);
    let (checkpoint, note) = world.checkpoint();
    for seq in 1..=checkpoint.size {
        let proof = prove_inclusion(&world.log(), seq, &checkpoint, &note).unwrap();
        let shown = verify_inclusion(&proof, &world.hash(seq), &world.keys()).unwrap();
        assert_eq!((shown.seq, shown.signer.as_str()), (seq, "test"));
        let other = world.hash(seq % checkpoint.size + 1);
        assert!(matches!(verify_inclusion(&proof, &other, &world.keys()), Err(CheckpointError::Wrong)));
    }
    for seq in [0, checkpoint.size + 1] {
        assert!(prove_inclusion(&world.log(), seq, &checkpoint, &note).is_err());
    }
}

#[test]
fn a_newer_checkpoint_is_proved_to_continue_an_older_one() {
    let world = World::new(7);
    let (old, old_note) = world.checkpoint();
    world.write(13);
    let (new, new_note) = world.checkpoint();
    let proof = prove_consistency(&world.log(), (&old, &old_note), (&new, &new_note)).unwrap();
    assert!(proof.contains(&old_note) && proof.contains(&new_note));
    let forged = Checkpoint { root: [7; 32], ..old };
    let proof = prove_consistency(&world.log(), (&forged, &old_note), (&new, &new_note));
    assert!(matches!(proof, Err(CheckpointError::Wrong)));
}

#[test]
fn checkpoints_and_proofs_outlive_retention() {
    let world = World::new(23);
    let (early, _) = world.checkpoint();
    world.write(20);
    let retention = Retention { segments: Some(2), ..Retention::default() };
    let (late, late_note) = world.checkpoint();
    let pruned = prune(&world.log(), &retention, Timestamp::UNIX_EPOCH, WAIT).unwrap();
    assert!(pruned.files > 5, "{pruned:?}");
    world.write(3);
    let report = world.against(&late);
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.checkpoint, Some(late.size));
    let (newest, newest_note) = world.checkpoint();
    prove_consistency(&world.log(), (&late, &late_note), (&newest, &newest_note)).unwrap();
    let proof = prove_inclusion(&world.log(), newest.size, &newest, &newest_note).unwrap();
    verify_inclusion(&proof, &world.hash(newest.size), &world.keys()).unwrap();
    // What was removed can be neither proved nor checked, and that is said.
    assert!(matches!(
        prove_inclusion(&world.log(), 2, &newest, &newest_note),
        Err(CheckpointError::Unprovable(_))
    ));
    assert_eq!(kinds(&world.against(&early)), [FaultKind::Unverifiable]);
}

proptest! {
    #[test]
    fn no_change_of_the_records_escapes_a_checkpoint(
        order in proptest::collection::vec(0_usize..8, 0..10), records in 2_usize..9,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("audit.jsonl");
        for _ in 0..records {
            let entry = Entry::new(EventType::PolicyCheck, Timestamp::UNIX_EPOCH);
            crate::audit::append(&log, &entry, WAIT).unwrap();
        }
        let checks = Checks { tree: true, ..Checks::default() };
        let (report, tree) = verify_with(&log, checks, &mut |_, _| {}).unwrap();
        let checkpoint = Checkpoint::of(&report, tree.as_ref(), Timestamp::UNIX_EPOCH).unwrap();
        let text = std::fs::read_to_string(&log).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let order: Vec<usize> = order.into_iter().map(|at| at % records).collect();
        std::fs::write(&log, order.iter().map(|at| lines[*at]).collect::<String>()).unwrap();
        let checks = Checks { checkpoint: Some(&checkpoint), ..Checks::default() };
        let (report, _) = verify_with(&log, checks, &mut |_, _| {}).unwrap();
        prop_assert_eq!(report.is_intact(), order.iter().copied().eq(0..records), "{:?}", report);
    }

    #[test]
    fn nothing_makes_the_readers_panic(text in ".{0,300}") {
        let _either = Checkpoint::parse(&text);
        let _either = verify_inclusion(&format!("{PROOF}\nindex 1\n{text}"), &Hash::genesis(), &[]);
    }
}
