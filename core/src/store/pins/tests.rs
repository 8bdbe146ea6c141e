use std::fs;

use super::*;
use crate::store::testing::{Machine, manifest};
use crate::store::{Installed, Lock, installed};

fn only(installed: Installed) -> InstalledPlugin {
    assert_eq!(installed.plugins.len(), 1);
    installed.plugins.into_iter().next().unwrap()
}

fn acme(machine: &Machine) -> InstalledPlugin {
    machine.add("acme", "1.0.0", "one").unwrap();
    only(installed(&machine.places).unwrap())
}

/// Overwrites a byte of a file that nobody may write.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let permissions = fs::metadata(path).unwrap().permissions();
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, permissions).unwrap();
}

#[test]
fn the_library_that_was_added_is_opened_from_its_beginning() {
    let machine = Machine::new();
    let plugin = acme(&machine);
    let mut bytes = Vec::new();
    plugin.open().unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, fs::read(machine.library("one")).unwrap());
    assert_eq!(plugin.sha256, Some(sha256(&bytes).as_str()));
    assert_eq!(plugin.path(), machine.stored());
}

#[test]
fn one_flipped_byte_is_refused_with_the_way_out() {
    let machine = Machine::new();
    let plugin = acme(&machine);
    plugin.open().unwrap();
    flip(&plugin.path());
    let error = plugin.open().unwrap_err();
    let StoreError::Changed { name, expected, found } = &error else { panic!("{error}") };
    assert_eq!((name.as_str(), Some(expected.as_str())), ("acme", plugin.sha256));
    assert_ne!(expected, found);
    let text = error.to_string();
    for part in
        ["`acme`", "`agentfirewall plugins remove acme`", "`agentfirewall plugins add`", expected, found]
    {
        assert!(text.contains(part), "{text}");
    }
    assert!(only(installed(&machine.places).unwrap()).open().is_err());
}

#[test]
fn a_missing_library_is_named_with_the_way_out() {
    let machine = Machine::new();
    let plugin = acme(&machine);
    fs::remove_file(plugin.path()).unwrap();
    let error = plugin.open().unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    assert!(error.to_string().contains("`agentfirewall plugins add`"));
}

#[test]
fn a_proven_file_is_not_hashed_again_until_it_is_another_one() {
    let machine = Machine::new();
    let mut plugin = acme(&machine);
    flip(&plugin.path());
    let now = stamp(&fs::metadata(plugin.path()).unwrap());
    let later = nanoseconds(SystemTime::now()) + 10_000_000_000;
    // This pin lies, and is believed: that is why the index has to be private.
    plugin.origin = Origin::Store(Some(Pin { stamp: now, proven_ns: later }));
    plugin.open().unwrap();
    // Looked at too soon after it changed: not believed.
    plugin.origin = Origin::Store(Some(Pin { stamp: now, proven_ns: now.ctime_ns + 1_000_000_000 }));
    assert!(matches!(plugin.open(), Err(StoreError::Changed { .. })));
    for other in [
        Stamp { ino: now.ino + 1, ..now },
        Stamp { dev: now.dev + 1, ..now },
        Stamp { size: now.size + 1, ..now },
        Stamp { mtime_ns: now.mtime_ns - 1, ..now },
        Stamp { ctime_ns: now.ctime_ns - 1, ..now },
    ] {
        plugin.origin = Origin::Store(Some(Pin { stamp: other, proven_ns: later }));
        assert!(matches!(plugin.open(), Err(StoreError::Changed { .. })), "{other:?}");
    }
}

#[test]
fn a_plugin_of_other_machines_is_there_but_not_opened() {
    let machine = Machine::new();
    let plugin = acme(&machine);
    let path = machine.places.plugins_lock();
    let mut lock = Lock::load(&path).unwrap();
    let library = lock.plugins[0].libraries.remove(this_triple()).unwrap();
    lock.plugins[0].libraries.insert("sparc64-sun-solaris".to_owned(), library.clone());
    lock.plugins[0].libraries.insert("vax-dec-vms".to_owned(), library);
    lock.save(&path, Scope::User).unwrap();
    let foreign = only(installed(&machine.places).unwrap());
    assert_eq!((foreign.sha256.as_ref(), &foreign.items), (None, &plugin.items));
    let error = foreign.open().unwrap_err().to_string();
    let expected = format!(
        "is pinned for sparc64-sun-solaris, vax-dec-vms and not for this machine ({})",
        this_triple()
    );
    assert!(error.contains(&expected), "{error}");
}

#[test]
fn a_library_named_for_one_run_is_opened_as_it_is() {
    let machine = Machine::new();
    let library = machine.library("mine");
    let plugin = InstalledPlugin::unpinned(&library, &manifest("mine", "0.1.0", &[("sink", "mine")]));
    assert!(plugin.is_unpinned() && plugin.sha256.is_none() && plugin.items[0].id == "mine");
    plugin.open().unwrap();
    flip(&library);
    plugin.open().unwrap();
    fs::remove_file(&library).unwrap();
    assert!(matches!(plugin.open(), Err(StoreError::Io { .. })));
    fs::create_dir(&library).unwrap();
    assert!(matches!(plugin.open(), Err(StoreError::Insecure { .. })));
}

#[cfg(unix)]
mod rights {
    use std::os::unix::fs::{chown, symlink};

    use super::*;
    use crate::store::testing::chmod;

    fn insecure(plugin: &InstalledPlugin, at: &Path) {
        let error = plugin.open().unwrap_err();
        assert!(matches!(&error, StoreError::Insecure { path, .. } if path == at), "{error}");
    }

    #[test]
    fn a_library_or_store_that_others_can_write_is_refused() {
        let machine = Machine::new();
        let plugin = acme(&machine);
        let store = machine.places.plugins_store();
        for mode in [0o420, 0o402, 0o460] {
            chmod(&plugin.path(), mode);
            insecure(&plugin, &plugin.path());
        }
        chmod(&plugin.path(), 0o400);
        for mode in [0o720, 0o702, 0o777] {
            chmod(&store, mode);
            insecure(&plugin, &store);
        }
        chmod(&store, 0o755);
        plugin.open().unwrap();
    }

    #[test]
    fn a_library_or_store_of_another_user_is_refused() {
        let machine = Machine::new();
        let plugin = acme(&machine);
        let store = machine.places.plugins_store();
        if !rustix::process::geteuid().is_root() {
            // Only root can give a file away.
            return;
        }
        chown(plugin.path(), Some(54_321), None).unwrap();
        insecure(&plugin, &plugin.path());
        chown(plugin.path(), Some(0), None).unwrap();
        plugin.open().unwrap();
        chown(&store, Some(54_321), None).unwrap();
        insecure(&plugin, &store);
    }

    #[test]
    fn a_link_or_a_pipe_in_the_store_is_refused_even_to_the_right_content() {
        let machine = Machine::new();
        let plugin = acme(&machine);
        let aside = plugin.path().with_file_name("aside");
        fs::rename(plugin.path(), &aside).unwrap();
        symlink(&aside, plugin.path()).unwrap();
        insecure(&plugin, &plugin.path());
        fs::remove_file(&aside).unwrap();
        insecure(&plugin, &plugin.path());
        fs::remove_file(plugin.path()).unwrap();
        let made = std::process::Command::new("mkfifo").arg(plugin.path()).status();
        if made.is_ok_and(|status| status.success()) {
            insecure(&plugin, &plugin.path());
        }
    }

    #[test]
    fn a_library_named_for_one_run_may_be_what_a_compiler_leaves_but_not_anybodys() {
        let machine = Machine::new();
        let library = machine.library("mine");
        let link = library.with_file_name("link.so");
        symlink(&library, &link).unwrap();
        let plugin = InstalledPlugin::unpinned(&link, &manifest("mine", "0.1.0", &[("sink", "mine")]));
        chmod(&library, 0o775);
        plugin.open().unwrap();
        chmod(&library, 0o777);
        insecure(&plugin, &link);
    }
}
