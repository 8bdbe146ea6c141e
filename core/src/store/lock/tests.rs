use super::*;
use crate::store::testing::{Machine, manifest};

const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn plugin(name: &str) -> LockedPlugin {
    LockedPlugin {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        added: "2026-11-22T10:00:00Z".to_owned(),
        from: format!("lib{name}.so"),
        libraries: [(
            "x86_64-unknown-linux-gnu".to_owned(),
            LockedLibrary { sha256: HASH.to_owned(), size: 7 },
        )]
        .into(),
        trusted: BTreeMap::new(),
        manifest: manifest(name, "1.0.0", &[("detector", name)]),
    }
}

fn text(plugins: &[&str]) -> String {
    let lock = Lock { version: 1, plugins: plugins.iter().map(|name| plugin(name)).collect() };
    serde_json::to_string(&lock).unwrap()
}

fn refused(text: &str) -> String {
    let error = Lock::parse(Path::new("plugins.lock"), text.as_bytes()).unwrap_err().to_string();
    assert!(!error.contains('\n') && error.starts_with("the lock file `plugins.lock` "), "{error}");
    error
}

#[test]
fn it_is_read_as_it_was_written_and_is_for_people_too() {
    let machine = Machine::new();
    let path = machine.places.plugins_lock();
    assert_eq!(Lock::load(&path).unwrap(), Lock::default());
    let mut lock = Lock::default();
    lock.insert(plugin("zulu"));
    lock.insert(plugin("acme"));
    lock.save(&path, Scope::User).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with("{\n  \"version\": 1,\n  \"plugins\": [\n    {\n      \"name\": \"acme\""),
        "{text}"
    );
    assert!(text.ends_with("}\n") && !text.contains("trusted"));
    let read = Lock::load(&path).unwrap();
    assert_eq!(read, lock);
    read.save(&path, Scope::User).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    let names: Vec<_> = read.plugins.iter().map(|plugin| plugin.name.as_str()).collect();
    assert_eq!(names, ["acme", "zulu"]);
}

#[test]
fn another_order_is_read_too() {
    let lock = Lock::parse(Path::new("x"), text(&["zulu", "acme"]).as_bytes()).unwrap();
    assert_eq!(lock.plugins[0].name, "acme");
    assert!(lock.find("zulu").is_some() && lock.find("zul").is_none());
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let good = text(&["acme"]);
    let other = HASH.replace('0', "A");
    for (bad, what) in [
        (String::new(), "cannot be read: "),
        ("[]".to_owned(), "cannot be read: "),
        ("{\"plugins\":[]}".to_owned(), "has no `version`"),
        (
            "{\"version\":2,\"new\":1}".to_owned(),
            "has version 2, and this agentfirewall knows version 1; update",
        ),
        ("{\"version\":\"1\",\"plugins\":[]}".to_owned(), "has version \"1\""),
        ("{\"version\":1,\"plugins\":[],\"extra\":1}".to_owned(), "unknown field `extra`"),
        (text(&["acme", "acme"]), "names the plugin `acme` twice"),
        (good.replace("\"from\"", "\"form\""), "unknown field `form`"),
        (good.replace(HASH, &other), "is no SHA-256"),
        (good.replace(HASH, HASH.trim_start_matches('0')), "is no SHA-256"),
        (good.replace("\"acme\"", "\"Acme\""), "has no valid name"),
        (good.replacen("\"acme\"", "\"other\"", 1), "its manifest is that of `acme` `1.0.0`"),
        (good.replace("1.0.0", "1 \\u001b[2J"), "has no valid version: `1 \\u{1b}[2J`"),
        (good.replace("x86_64-unknown-linux-gnu", "../x86"), "`../x86` is no target triple"),
        (good.replace("libacme.so", "/home/me/libacme.so"), "is no file name"),
        (good.replace("2026-11-22T10", "yesterday"), "is no time"),
        (good.replace("\"patterns\":false", "\"patterns\":true"), "which no library may"),
        (good.replace("a test", "a\\u0007test"), "more than one line of text"),
        (
            good.replace(
                "\"libraries\":{",
                &format!(
                    "\"libraries\":{{\"x86_64-unknown-linux-gnu\":{{\"sha256\":\"{HASH}\",\"size\":1}},"
                ),
            ),
            "is there twice",
        ),
        (good.replace("\"id\":\"acme\"", "\"id\":\"../acme\""), "an invalid id: `../acme`"),
        (
            text(&["acme", "other"]).replace("\"id\":\"other\"", "\"id\":\"acme\""),
            "has the detector `acme` twice, in `acme` and `other`",
        ),
    ] {
        assert_ne!(bad, good);
        let error = refused(&bad);
        assert!(error.contains(what), "{error} is not about {what}");
    }
}

#[test]
fn a_manifest_needs_items_and_each_only_once() {
    assert!(check_manifest(&manifest("acme", "1.0.0", &[("detector", "key"), ("sink", "key")])).is_ok());
    let error = |items: &[(&str, &str)]| check_manifest(&manifest("acme", "1.0.0", items)).unwrap_err();
    assert_eq!(error(&[]), "has no matcher, no detector and no sink in it");
    assert_eq!(error(&[("sink", "key"), ("sink", "key")]), "has two sinks with the id `key`");
}

#[cfg(unix)]
mod rights {
    use super::*;
    use crate::store::testing::{chmod, mode};

    #[test]
    fn a_users_lock_is_the_users_alone_and_a_managed_one_is_for_all_to_read() {
        let machine = Machine::new();
        for (path, scope, folder, file) in [
            (machine.places.plugins_lock(), Scope::User, 0o700, 0o600),
            (machine.places.managed_plugins_lock(), Scope::Managed, 0o755, 0o644),
        ] {
            Lock::default().save(&path, scope).unwrap();
            assert_eq!((mode(path.parent().unwrap()), mode(&path)), (folder, file), "{scope:?}");
        }
    }

    #[test]
    fn a_lock_or_folder_that_others_can_write_is_refused() {
        let machine = Machine::new();
        let path = machine.places.plugins_lock();
        Lock::default().save(&path, Scope::User).unwrap();
        let folder = path.parent().unwrap();
        for bits in [0o660, 0o606] {
            chmod(&path, bits);
            let error = Lock::load(&path).unwrap_err();
            assert!(matches!(&error, StoreError::Insecure { path: at, .. } if *at == path), "{error}");
        }
        chmod(&path, 0o644);
        Lock::load(&path).unwrap();
        chmod(folder, 0o770);
        let error = Lock::load(&path).unwrap_err();
        assert!(matches!(&error, StoreError::Insecure { path: at, .. } if at == folder), "{error}");
        assert!(error.to_string().contains("chmod go-w"));
        assert!(Lock::default().save(&path, Scope::User).is_err());
    }

    #[test]
    fn a_link_is_followed_to_a_file_under_the_same_rules() {
        let machine = Machine::new();
        let path = machine.places.plugins_lock();
        let shared = machine.file("dotfiles.lock", text(&["acme"]).as_bytes());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        chmod(path.parent().unwrap(), 0o700);
        chmod(&shared, 0o644);
        std::os::unix::fs::symlink(&shared, &path).unwrap();
        let mut lock = Lock::load(&path).unwrap();
        lock.insert(plugin("zulu"));
        lock.save(&path, Scope::User).unwrap();
        assert!(path.symlink_metadata().unwrap().is_symlink());
        assert_eq!(Lock::load(&shared).unwrap().plugins.len(), 2);
        chmod(shared.parent().unwrap(), 0o777);
        assert!(matches!(Lock::load(&path), Err(StoreError::Insecure { .. })));
        chmod(shared.parent().unwrap(), 0o700);
        fs::remove_file(&shared).unwrap();
        assert!(Lock::load(&path).unwrap_err().to_string().contains("a link that leads nowhere"));
    }
}
