use super::*;
use crate::store::testing::{Machine, add, manifest};
use crate::store::{Added, Store};

/// Makes the index believe that it was made, and that libraries were proven, long after they changed.
fn settle(places: &Places, change: impl FnOnce(&mut Index)) {
    let place = Place::of(places);
    let mut index = place.read().unwrap();
    index.made_ns += 60_000_000_000;
    change(&mut index);
    place.write(&index);
}

fn versions(places: &Places) -> Vec<String> {
    installed(places).unwrap().plugins.into_iter().map(|plugin| plugin.version.to_owned()).collect()
}

#[test]
fn without_a_lock_nothing_is_installed_and_nothing_is_written() {
    let machine = Machine::new();
    assert_eq!(installed(&machine.places).unwrap(), Installed::default());
    assert!(!machine.places.state.exists());
}

#[test]
fn items_are_known_without_their_library() {
    let machine = Machine::new();
    let items = [("detector", "acme-key"), ("matcher", "acme-host")];
    add(&machine.user(), &machine.library("one"), &manifest("acme", "1.0.0", &items), false).unwrap();
    machine.add("zulu", "2.0.0", "two").unwrap();
    let found = installed(&machine.places).unwrap();
    // Once from the locks and once from the index.
    assert_eq!(installed(&machine.places).unwrap(), found);
    settle(&machine.places, |_| {});
    assert_eq!(installed(&machine.places).unwrap(), found);
    let acme = found.find("acme").unwrap();
    assert_eq!((acme.version, acme.scope, acme.items.len()), ("1.0.0", Scope::User, 2));
    let owner = found.owner(Kind::Matcher, "acme-host").unwrap();
    assert_eq!(owner.name, "acme");
    assert_eq!(
        owner.items.iter().map(|item| item.keywords.as_slice()).collect::<Vec<_>>(),
        [["key"], ["key"]]
    );
    assert!(found.owner(Kind::Sink, "acme-host").is_none());
}

#[test]
fn a_good_index_is_used_and_a_changed_lock_is_noticed() {
    let machine = Machine::new();
    machine.add("acme", "1.0.0", "one").unwrap();
    let before = installed(&machine.places).unwrap().fingerprint;
    assert_ne!(before, 0);
    settle(&machine.places, |index| index.plugins[0].version = "from the index");
    assert_eq!(versions(&machine.places), ["from the index"]);
    machine.add("zulu", "1.0.0", "two").unwrap();
    assert_eq!(versions(&machine.places), ["1.0.0", "1.0.0"]);
    let after = installed(&machine.places).unwrap().fingerprint;
    assert_ne!(before, after);
    machine.user().remove("zulu").unwrap();
    assert_eq!(installed(&machine.places).unwrap().fingerprint, before);
    machine.user().remove("acme").unwrap();
    assert_eq!(installed(&machine.places).unwrap(), Installed::default());
}

#[test]
fn an_index_made_too_soon_after_the_lock_is_not_believed() {
    let machine = Machine::new();
    machine.add("acme", "1.0.0", "one").unwrap();
    installed(&machine.places).unwrap();
    let place = Place::of(&machine.places);
    let mut index = place.read().unwrap();
    index.plugins[0].version = "too young";
    place.write(&index);
    assert_eq!(versions(&machine.places), ["1.0.0"]);
}

#[test]
fn an_index_of_another_machine_program_or_place_is_not_used() {
    let changes: [fn(&mut Index); 3] =
        [|index| index.triple = "vax-dec-vms", |index| index.program = "0.0.1", |index| index.places.push(0)];
    for change in changes {
        let machine = Machine::new();
        machine.add("acme", "1.0.0", "one").unwrap();
        installed(&machine.places).unwrap();
        settle(&machine.places, |index| {
            index.plugins[0].version = "from the index";
            change(index);
        });
        assert_eq!(versions(&machine.places), ["1.0.0"]);
    }
}

#[test]
fn a_damaged_index_is_made_anew() {
    let machine = Machine::new();
    machine.add("acme", "1.0.0", "one").unwrap();
    let found = installed(&machine.places).unwrap();
    settle(&machine.places, |_| {});
    let file = Place::of(&machine.places).file;
    let good = fs::read(&file).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        fs::write(&file, &bad).unwrap();
        assert_eq!(Place::of(&machine.places).read(), None, "{at}");
        fs::write(&file, &bad[..at]).unwrap();
        assert_eq!(Place::of(&machine.places).read(), None, "{at}");
    }
    assert_eq!(installed(&machine.places).unwrap(), found);
}

#[test]
fn a_proof_is_noted_and_survives_other_changes_of_the_lock() {
    let machine = Machine::new();
    machine.add("acme", "1.0.0", "one").unwrap();
    let plugin = installed(&machine.places).unwrap().plugins.remove(0);
    assert_eq!(plugin.origin, Origin::Store(None));
    // Too soon: the proof would not be believed, so it is not noted.
    plugin.open().unwrap();
    assert_eq!(installed(&machine.places).unwrap().plugins[0].origin, Origin::Store(None));
    let proven = Pin { stamp: stamp(&fs::metadata(plugin.path()).unwrap()), proven_ns: i128::MAX };
    plugin.index.as_ref().unwrap().note(plugin.sha256.as_ref().unwrap(), proven);
    assert_eq!(installed(&machine.places).unwrap().plugins[0].origin, Origin::Store(Some(proven)));
    machine.add("zulu", "1.0.0", "two").unwrap();
    let found = installed(&machine.places).unwrap();
    assert_eq!(found.plugins[0].origin, Origin::Store(Some(proven)));
    assert_eq!(found.plugins[1].origin, Origin::Store(None));
    // A proof is about a content: another library has none.
    let other = manifest("acme", "1.0.0", &[("detector", "acme")]);
    add(&machine.user(), &machine.library("three"), &other, true).unwrap();
    assert_eq!(installed(&machine.places).unwrap().plugins[0].origin, Origin::Store(None));
}

#[test]
fn managed_plugins_come_first_and_win_if_they_are_the_same() {
    let machine = Machine::new();
    let managed = Store::managed(&machine.places);
    let zulu = manifest("zulu", "1.0.0", &[("detector", "zulu")]);
    assert_eq!(add(&managed, &machine.library("zulu"), &zulu, false).unwrap(), Added::New);
    machine.add("acme", "1.0.0", "acme").unwrap();
    assert_eq!(machine.add("zulu", "1.0.0", "zulu").unwrap(), Added::New);
    let found = installed(&machine.places).unwrap();
    let names: Vec<_> = found.plugins.iter().map(|plugin| (plugin.scope, plugin.name)).collect();
    assert_eq!(names, [(Scope::Managed, "zulu"), (Scope::User, "acme")]);
    assert!(found.plugins[0].path().starts_with(machine.places.managed_plugins_store()));
    for plugin in &found.plugins {
        plugin.open().unwrap();
    }
}

#[test]
fn scopes_that_contradict_each_other_are_an_error() {
    let machine = Machine::new();
    machine.add("acme", "1.0.0", "one").unwrap();
    // Installed before the user's was, so that nobody could be asked.
    let elsewhere = Machine::new();
    let lock = machine.places.managed_plugins_lock();
    for (name, id, mark) in [("acme", "acme", "two"), ("other", "acme", "two")] {
        let store = Store::user(&elsewhere.places);
        let _ = store.remove("acme");
        add(&store, &elsewhere.library(mark), &manifest(name, "1.0.0", &[("detector", id)]), true).unwrap();
        store.lock().unwrap().save(&lock, Scope::Managed).unwrap();
        let error = installed(&machine.places).unwrap_err();
        if name == "acme" {
            assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
        } else {
            assert!(matches!(error, StoreError::Claimed { .. }), "{error}");
            assert!(error.to_string().contains("the managed plugin `other` has one of that id"), "{error}");
        }
    }
}

#[test]
fn a_lock_that_cannot_be_understood_is_an_error_each_time() {
    let machine = Machine::new();
    machine.add("acme", "1.0.0", "one").unwrap();
    installed(&machine.places).unwrap();
    settle(&machine.places, |_| {});
    fs::write(machine.places.plugins_lock(), "{\"version\":1,").unwrap();
    for _ in 0..2 {
        assert!(matches!(installed(&machine.places), Err(StoreError::Lock { .. })));
    }
    fs::remove_file(machine.places.plugins_lock()).unwrap();
    assert_eq!(installed(&machine.places).unwrap(), Installed::default());
    fs::create_dir(machine.places.plugins_lock()).unwrap();
    assert!(installed(&machine.places).is_err());
}

#[cfg(unix)]
mod rights {
    use super::*;
    use crate::store::testing::{chmod, mode};

    #[test]
    fn an_index_that_others_could_have_written_is_ignored() {
        let machine = Machine::new();
        machine.add("acme", "1.0.0", "one").unwrap();
        installed(&machine.places).unwrap();
        let place = Place::of(&machine.places);
        assert_eq!((mode(&place.folder), mode(&place.file)), (0o700, 0o600));
        let forge = |index: &mut Index| index.plugins[0].version = "forged";
        settle(&machine.places, forge);
        assert_eq!(versions(&machine.places), ["forged"]);
        chmod(&place.file, 0o666);
        assert_eq!(versions(&machine.places), ["1.0.0"]);
        settle(&machine.places, forge);
        chmod(&place.folder, 0o777);
        assert_eq!(versions(&machine.places), ["1.0.0"]);
    }

    #[test]
    fn a_lock_that_became_writable_is_refused_in_spite_of_its_index() {
        let machine = Machine::new();
        machine.add("acme", "1.0.0", "one").unwrap();
        installed(&machine.places).unwrap();
        settle(&machine.places, |_| {});
        let lock = machine.places.plugins_lock();
        // The clock of the file system ticks.
        let before = stamp(&fs::metadata(&lock).unwrap()).ctime_ns;
        while stamp(&fs::metadata(&lock).unwrap()).ctime_ns == before {
            chmod(&lock, 0o660);
        }
        assert!(matches!(installed(&machine.places), Err(StoreError::Insecure { .. })));
    }
}
