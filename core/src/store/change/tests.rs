use super::*;
use crate::store::installed;
use crate::store::testing::{Elf, Machine, add, libraries, manifest};

fn acme(version: &str) -> Manifest {
    manifest("acme", version, &[("detector", "acme")])
}

fn hash(library: &Path) -> String {
    Library::read(library).unwrap().sha256().to_owned()
}

#[test]
fn adding_copies_the_bytes_and_pins_them_for_this_target() {
    let machine = Machine::new();
    let path = machine.library("one");
    let library = Library::read(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    // What was inspected is what is added, whatever becomes of the file.
    fs::write(&path, "something else").unwrap();
    let adding = Adding { replace: false, taken: &|_, _| None };
    assert_eq!(machine.user().add(&library, &acme("1.0.0"), &adding).unwrap(), Added::New);
    assert_eq!(fs::read(machine.stored()).unwrap(), bytes);
    let lock = machine.user().lock().unwrap();
    let plugin = lock.find("acme").unwrap();
    assert_eq!((plugin.version.as_str(), plugin.from.as_str()), ("1.0.0", "libone.so"));
    assert_eq!(plugin.libraries[this_triple()].sha256, library.sha256());
    assert_eq!(plugin.libraries[this_triple()].size, bytes.len() as u64);
    assert!(plugin.added.ends_with('Z') && plugin.added.len() == 20, "{}", plugin.added);
    installed(&machine.places).unwrap().plugins[0].open().unwrap();
}

#[test]
fn adding_the_same_again_changes_nothing_and_mends_the_store() {
    let machine = Machine::new();
    machine.add("acme", "1.0.0", "one").unwrap();
    let text = fs::read(machine.places.plugins_lock()).unwrap();
    assert_eq!(machine.add("acme", "1.0.0", "one").unwrap(), Added::Unchanged);
    // A damaged copy, and then a missing one, as on a machine that got the lock from another.
    let stored = machine.stored();
    fs::remove_file(&stored).unwrap();
    fs::write(&stored, "damaged").unwrap();
    assert_eq!(machine.add("acme", "1.0.0", "one").unwrap(), Added::Completed);
    fs::remove_file(&stored).unwrap();
    assert_eq!(machine.add("acme", "1.0.0", "one").unwrap(), Added::Completed);
    assert_eq!(fs::read(machine.places.plugins_lock()).unwrap(), text);
    installed(&machine.places).unwrap().plugins[0].open().unwrap();
}

#[test]
fn another_library_of_the_name_is_only_added_on_request() {
    let machine = Machine::new();
    machine.add("acme", "1.0.0", "one").unwrap();
    let (old, new) = (hash(&machine.library("one")), hash(&machine.library("two")));
    let error = machine.add("acme", "1.1.0", "two").unwrap_err();
    assert!(matches!(error, StoreError::Exists { .. }), "{error}");
    let text = error.to_string();
    for part in ["1.0.0", "1.1.0", &old, &new, "`--replace`"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(hash(&machine.stored()), old);
    let added = add(&machine.user(), &machine.library("two"), &acme("1.1.0"), true).unwrap();
    assert_eq!(added, Added::Replaced { version: "1.0.0".to_owned(), dropped: Vec::new() });
    assert_eq!(hash(&machine.stored()), new);
    assert_eq!(machine.user().lock().unwrap().plugins.len(), 1);
}

#[test]
fn a_trusted_hash_is_added_without_asking_and_no_other_one_is() {
    let machine = Machine::new();
    machine.add("acme", "1.0.0", "one").unwrap();
    let (old, new) = (hash(&machine.library("one")), hash(&machine.library("two")));
    let store = machine.user();
    store.trust("acme", this_triple(), &new).unwrap();
    // What is installed stays.
    installed(&machine.places).unwrap().plugins[0].open().unwrap();
    assert_eq!(machine.add("acme", "1.0.0", "one").unwrap(), Added::Unchanged);
    for replace in [false, true] {
        let error = add(&store, &machine.library("three"), &acme("1.1.0"), replace).unwrap_err();
        let StoreError::Untrusted { expected, found, .. } = &error else { panic!("{error}") };
        assert_eq!((expected, found), (&new, &hash(&machine.library("three"))));
        assert!(error.to_string().contains(&new));
    }
    let added = machine.add("acme", "1.1.0", "two").unwrap();
    assert!(matches!(added, Added::Replaced { .. }), "{added:?}");
    assert!(store.lock().unwrap().plugins[0].trusted.is_empty());
    // The trust was for one library.
    assert!(matches!(machine.add("acme", "1.0.0", "one"), Err(StoreError::Exists { .. })));
    store.trust("acme", this_triple(), &old).unwrap();
    store.trust("acme", this_triple(), &new).unwrap();
    assert!(store.lock().unwrap().plugins[0].trusted.is_empty());
}

#[test]
fn trust_is_for_known_names_and_whole_hashes() {
    let machine = Machine::new();
    machine.add("acme", "1.0.0", "one").unwrap();
    let store = machine.user();
    let new = "ab".repeat(32);
    assert!(matches!(store.trust("acne", this_triple(), &new), Err(StoreError::NotInstalled { .. })));
    for (triple, sha256) in [
        ("linux", new.as_str()),
        ("a-b c", &new),
        (this_triple(), "abc"),
        (this_triple(), &new.to_uppercase()),
    ] {
        let error = store.trust("acme", triple, sha256).unwrap_err();
        assert!(matches!(error, StoreError::Malformed { .. }), "{error}");
    }
}

#[test]
fn libraries_of_other_targets_stay_with_their_version() {
    let machine = Machine::new();
    machine.add("acme", "1.0.0", "one").unwrap();
    let path = machine.places.plugins_lock();
    let mut lock = Lock::load(&path).unwrap();
    let here = lock.plugins[0].libraries.remove(this_triple()).unwrap();
    lock.plugins[0]
        .libraries
        .insert("vax-dec-vms".to_owned(), LockedLibrary { sha256: "ab".repeat(32), ..here });
    lock.save(&path, Scope::User).unwrap();
    // The team's lock knows the plugin, but not this machine's library of it.
    let error = machine.add("acme", "1.1.0", "two").unwrap_err();
    assert!(matches!(&error, StoreError::Exists { installed, .. } if installed == "vax-dec-vms"), "{error}");
    assert_eq!(machine.add("acme", "1.0.0", "one").unwrap(), Added::Completed);
    assert_eq!(machine.user().lock().unwrap().plugins[0].libraries.len(), 2);
    machine.user().trust("acme", "vax-dec-vms", &"cd".repeat(32)).unwrap();
    let added = add(&machine.user(), &machine.library("two"), &acme("1.1.0"), true).unwrap();
    assert_eq!(
        added,
        Added::Replaced { version: "1.0.0".to_owned(), dropped: vec!["vax-dec-vms".to_owned()] }
    );
    let lock = machine.user().lock().unwrap();
    assert_eq!(lock.plugins[0].libraries.keys().collect::<Vec<_>>(), [this_triple()]);
    assert_eq!(lock.plugins[0].trusted["vax-dec-vms"], "cd".repeat(32));
}

#[test]
fn names_and_ids_of_others_are_refused() {
    let machine = Machine::new();
    machine.add("acme", "1.0.0", "one").unwrap();
    let library = machine.library("two");
    let store = machine.user();
    let error =
        add(&store, &library, &manifest("other", "1.0.0", &[("detector", "acme")]), false).unwrap_err();
    assert!(error.to_string().contains("the user plugin `acme` has one of that id"), "{error}");
    // Another kind is another namespace.
    add(&store, &library, &manifest("other", "1.0.0", &[("sink", "acme")]), false).unwrap();
    let managed = Store::managed(&machine.places);
    let error = add(&managed, &library, &manifest("third", "1.0.0", &[("sink", "acme")]), false).unwrap_err();
    assert!(matches!(error, StoreError::Claimed { .. }), "{error}");
    let error = add(&managed, &library, &acme("1.0.0"), false).unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    assert!(!machine.places.managed_plugins_lock().exists());
    let taken = |kind: Kind, id: &str| {
        (kind == Kind::Sink && id == "file").then(|| "agentfirewall itself".to_owned())
    };
    let adding = Adding { replace: true, taken: &taken };
    let built_in = manifest("fourth", "1.0.0", &[("sink", "file")]);
    let error = store.add(&Library::read(&library).unwrap(), &built_in, &adding).unwrap_err();
    assert!(error.to_string().contains("agentfirewall itself has one of that id"), "{error}");
    for (name, id) in [("Bad", "good"), ("../bad", "good"), ("good", "bad_id"), ("", "good")] {
        let error = add(&store, &library, &manifest(name, "1.0.0", &[("sink", id)]), false).unwrap_err();
        assert!(matches!(error, StoreError::Manifest { .. }), "{error}");
    }
    let mut patterns = manifest("good", "1.0.0", &[("matcher", "good")]);
    patterns.items[0].patterns = true;
    assert!(add(&store, &library, &patterns, true).unwrap_err().to_string().contains("which no library may"));
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_no_plugin_is_never_added() {
    let machine = Machine::new();
    let whole = Elf::default().bytes();
    for bytes in [&b""[..], b"text", &whole[..200], &Elf { symbol: "other", ..Elf::default() }.bytes()] {
        let path = machine.file("lib.so", bytes);
        let error = add(&machine.user(), &path, &acme("1.0.0"), false).unwrap_err();
        assert!(matches!(error, StoreError::Library { .. }), "{error}");
    }
    assert!(matches!(Library::read(Path::new("/nowhere/lib.so")), Err(StoreError::Io { .. })));
    assert!(!machine.places.plugins_lock().exists());
}

#[test]
fn removing_deletes_what_nobody_names_any_more() {
    let machine = Machine::new();
    machine.add("acme", "1.0.0", "one").unwrap();
    machine.add("zulu", "1.0.0", "one").unwrap();
    machine.add("other", "1.0.0", "two").unwrap();
    let store = machine.places.plugins_store();
    assert_eq!(libraries(&store).len(), 2);
    fs::write(store.join(".new-interrupted"), "half").unwrap();
    fs::write(store.join("notes.txt"), "a person's").unwrap();
    let removed = machine.user().remove("acme").unwrap();
    assert_eq!((removed.plugin.name.as_str(), removed.libraries), ("acme", 0));
    assert!(!store.join(".new-interrupted").exists() && store.join("notes.txt").exists());
    assert_eq!(machine.user().remove("zulu").unwrap().libraries, 1);
    let error = machine.user().remove("zulu").unwrap_err();
    assert_eq!(error.to_string(), "no plugin `zulu` is installed; there is `other`");
    installed(&machine.places).unwrap().plugins[0].open().unwrap();
}

#[test]
fn commands_at_the_same_time_keep_one_anothers_entries() {
    let machine = Machine::new();
    std::thread::scope(|scope| {
        for at in 0..8 {
            let machine = &machine;
            scope.spawn(move || {
                let name = format!("plugin-{at}");
                machine.add(&name, "1.0.0", &name).unwrap();
                if at % 2 == 0 {
                    machine.user().remove(&name).unwrap();
                }
            });
        }
    });
    let names: Vec<_> =
        machine.user().lock().unwrap().plugins.into_iter().map(|plugin| plugin.name).collect();
    assert_eq!(names, ["plugin-1", "plugin-3", "plugin-5", "plugin-7"]);
    for plugin in installed(&machine.places).unwrap().plugins {
        plugin.open().unwrap();
    }
}

#[cfg(unix)]
mod rights {
    use super::*;
    use crate::store::testing::{chmod, mode};

    #[test]
    fn nobody_else_can_write_what_is_in_a_store() {
        let machine = Machine::new();
        machine.add("acme", "1.0.0", "one").unwrap();
        assert_eq!((mode(&machine.places.plugins_store()), mode(&machine.stored())), (0o700, 0o400));
        let managed = Store::managed(&machine.places);
        add(&managed, &machine.library("one"), &acme("1.0.0"), false).unwrap();
        let store = machine.places.managed_plugins_store();
        assert_eq!((mode(&store), mode(&libraries(&store)[0])), (0o755, 0o444));
        assert_eq!(mode(&machine.places.managed_plugins_lock()), 0o644);
    }

    #[test]
    fn nothing_is_added_where_others_can_write() {
        let machine = Machine::new();
        machine.add("acme", "1.0.0", "one").unwrap();
        for folder in [machine.places.plugins_store(), machine.places.config.clone()] {
            chmod(&folder, 0o770);
            let error = machine.add("zulu", "1.0.0", "two").unwrap_err();
            assert!(matches!(&error, StoreError::Insecure { path, .. } if *path == folder), "{error}");
            chmod(&folder, 0o700);
        }
        machine.add("zulu", "1.0.0", "two").unwrap();
    }
}
