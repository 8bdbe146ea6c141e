//! Where paths lead and what touching them means, as a table.

use std::path::Path;

use agentfirewall_sdk::Access;

use super::*;
use crate::understand::{Content, UNKNOWN};

const PROJECT: &str = "/home/u/p";
const HOME: &str = "/home/u";

fn ground() -> Ground<'static> {
    Ground {
        project: Path::new(PROJECT),
        home: Path::new(HOME),
        user: Some("u"),
        own: None,
        links: Links::default(),
    }
}

fn effects(text: &str, access: Access, tree: bool, content: Content) -> Vec<String> {
    let word = Word { wild: text.contains('*'), ..Word::plain(text) };
    let placed = ground().place(&word, Path::new(PROJECT));
    let touch = Touch { tree, content, ..Touch::new(word, access) };
    ground().consequences(&touch, &placed, false).into_iter().map(|effect| effect.id).collect()
}

#[test]
fn one_file_has_one_place_however_it_is_written() {
    for (written, expected) in [
        (".env", "/home/u/p/.env"),
        ("./a/../.env", "/home/u/p/.env"),
        ("/home//u/./p/.env", "/home/u/p/.env"),
        ("~/.ssh/id", "/home/u/.ssh/id"),
        ("~u/.ssh/id", "/home/u/.ssh/id"),
        ("~root/.ssh/id", "/root/.ssh/id"),
        ("$HOME/.ssh/id", "/home/u/.ssh/id"),
        ("${HOME}/.ssh/id", "/home/u/.ssh/id"),
        ("file:///etc/pass%77d", "/etc/passwd"),
        ("/../../etc", "/etc"),
        (".\u{200b}env", "/home/u/p/.env"),
        (r"C:\Users\x\.env", "/c:/Users/x/.env"),
        ("c:/Users/x/.env", "/c:/Users/x/.env"),
        (r"\\?\C:\Users\x\.env", "/c:/Users/x/.env"),
        (r"C:\x\.env::$DATA", "/c:/x/.env"),
    ] {
        let placed = ground().place(&Word::plain(written), Path::new(PROJECT));
        assert_eq!(placed.lexical, Path::new(expected), "{written}");
    }
}

#[test]
fn both_ways_to_write_an_accent_are_one_name() {
    let (joined, apart) = ("/home/jos\u{e9}", "/home/jose\u{301}");
    for (home, written) in [(joined, apart), (apart, joined), (joined, joined)] {
        let project = format!("{home}/p");
        let ground = Ground { project: Path::new(&project), home: Path::new(home), ..ground() };
        let sets = |path: &str| ground.place(&Word::plain(format!("{written}{path}")), Path::new("/")).sets;
        assert!(sets("/p/x").contains(&"project"), "{home} {written}");
        assert!(sets("/.ssh/id_rsa").contains(&"private-keys"), "{home} {written}");
        assert!(sets("/.bashrc").contains(&"startup"), "{home} {written}");
        assert!(!sets("/q/x").contains(&"project"));
    }
}

#[test]
fn names_that_windows_keeps_for_itself_are_not_taken_for_paths() {
    let seen = |text: &str, access: Access| effects(text, access, false, Content::Unused);
    for (written, access, effect) in [
        (r"\\host\share\x.txt", Access::Write, "filesystem.write-outside"),
        (r"\\host\share\x.txt", Access::Delete, "filesystem.delete-file-outside"),
        (r"\\host\share\x.exe", Access::Execute, "remote-code.download-run"),
        (r"\\?\UNC\host\share\x.exe", Access::Execute, "remote-code.download-run"),
        (r"\\?\C:\tmp\x.txt", Access::Write, "filesystem.write-outside"),
        (r"\\?\C:\tmp\x.exe", Access::Execute, "shell.opaque"),
        (r"\\.\PhysicalDrive0", Access::Write, "filesystem.overwrite-device"),
        (r"\\.\C:", Access::Write, "filesystem.overwrite-device"),
        ("//./PhysicalDrive1", Access::Write, "filesystem.overwrite-device"),
        (r"\\.\pipe\x", Access::Execute, "shell.opaque"),
    ] {
        let seen = seen(written, access);
        assert!(seen.iter().any(|id| id == effect), "{written} {access:?}: {seen:?}");
    }
    // A folder of another machine may be read; so may what other systems write with two slashes.
    for (written, access) in [
        (r"\\host\share\x.txt", Access::Read),
        (r"\\.\NUL", Access::Read),
        ("//tmp/x", Access::Write),
        ("/tmp//x", Access::Execute),
        (r"a\b", Access::Write),
    ] {
        assert!(seen(written, access).is_empty(), "{written}");
    }
}

#[test]
fn what_is_unknown_is_somewhere_below_what_is_known() {
    let place = |text: &str| ground().place(&Word::plain(text), Path::new(PROJECT));
    assert!(place(&UNKNOWN.to_string()).lexical.as_os_str().is_empty());
    let placed = place(&format!("build/{UNKNOWN}/x"));
    assert!(!placed.known && placed.lexical == Path::new("/home/u/p/build"));
}

#[test]
fn deleting() {
    for (path, tree, expected) in [
        ("/", true, Some("filesystem.delete-root")),
        ("/*", true, Some("filesystem.delete-root")),
        ("/etc", true, Some("filesystem.delete-root")),
        ("/usr/", true, Some("filesystem.delete-root")),
        ("~", true, Some("filesystem.delete-root")),
        ("~/*", true, Some("filesystem.delete-root")),
        ("..", true, Some("filesystem.delete-root")),
        (".", true, Some("filesystem.delete-project")),
        ("./*", true, Some("filesystem.delete-project")),
        (".git", true, Some("filesystem.delete-project")),
        ("../other", true, Some("filesystem.delete-outside")),
        ("~/Documents", true, Some("filesystem.delete-outside")),
        ("../notes.txt", false, Some("filesystem.delete-file-outside")),
        ("/tmp", true, Some("filesystem.delete-outside")),
        (".git/index", false, Some("git.metadata")),
        ("node_modules", true, None),
        ("./build/*", true, None),
        ("src/a.rs", false, None),
        ("/tmp/x", true, None),
        (".git/index.lock", false, None),
        ("~/.cache/pip", true, None),
        ("*.log", false, None),
    ] {
        let found = effects(path, Access::Delete, tree, Content::Unused);
        assert_eq!(found.first().map(String::as_str), expected, "{path}: {found:?}");
    }
    let unknown = UNKNOWN.to_string();
    assert_eq!(effects(&unknown, Access::Delete, true, Content::Unused), ["filesystem.delete-unknown"]);
    assert!(effects(&unknown, Access::Delete, false, Content::Unused).is_empty());
    assert!(effects(&format!("build/{UNKNOWN}"), Access::Delete, true, Content::Unused).is_empty());
}

#[test]
fn writing() {
    for (path, expected) in [
        ("/dev/sda", Some("filesystem.overwrite-device")),
        ("/etc/hosts", Some("filesystem.write-system")),
        ("/etc/sudoers.d/x", Some("privilege.sudoers")),
        ("~/.bashrc", Some("persistence.startup")),
        ("~/.BASHRC", Some("persistence.startup")),
        ("~/.ssh/authorized_keys", Some("persistence.ssh-key")),
        (".git/hooks/pre-commit", Some("persistence.git-hook")),
        (".git/config", Some("git.run-config")),
        (".claude/settings.json", Some("agent-config.write")),
        (".cUrSoR/mcp.json", Some("agent-config.write")),
        (".vscode/tasks.json", Some("persistence.editor")),
        ("~/notes.txt", Some("filesystem.write-outside")),
        ("/etc/cron.d/x", Some("persistence.schedule")),
        ("src/main.rs", None),
        ("CLAUDE.md", None),
        (".env", None),
        ("/dev/null", None),
        ("/tmp/x.txt", None),
        (".github/workflows/ci.yml", None),
    ] {
        let found = effects(path, Access::Write, false, Content::Unused);
        assert_eq!(found.first().map(String::as_str), expected, "{path}: {found:?}");
    }
}

#[test]
fn a_home_folder_in_a_temporary_one_is_kept() {
    let written = |home: &str, path: &str| {
        let ground = Ground { project: Path::new("/srv/p"), home: Path::new(home), ..ground() };
        let touch = Touch::new(Word::plain(path), Access::Write);
        let placed = ground.place(&touch.word, Path::new("/srv/p"));
        ground.consequences(&touch, &placed, false).into_iter().map(|effect| effect.id).collect::<Vec<_>>()
    };
    for home in ["/tmp/u", "/var/tmp/a/u", "/dev/shm/u"] {
        assert_eq!(written(home, "~/notes.txt"), ["filesystem.write-outside"], "{home}");
        assert!(written(home, "/tmp/notes.txt").is_empty(), "{home}");
        assert!(written(home, "/tmp/u2/notes.txt").is_empty(), "{home}");
    }
    // Whoever has no home folder but the temporary one keeps nothing in it.
    for home in ["/tmp", "/tmp/", "/"] {
        assert!(written(home, "/tmp/notes.txt").is_empty(), "{home}");
    }
}

#[test]
fn reading() {
    for (path, content, expected) in [
        ("~/.ssh/id_rsa", Content::Shown, Some("credentials.read")),
        ("~/.ssh/id_*", Content::Shown, Some("credentials.read")),
        ("/etc/shadow", Content::Shown, Some("credentials.read")),
        ("~/.aws/credentials", Content::Encoded, Some("credentials.read")),
        (".env", Content::Shown, Some("credentials.read-environment-file")),
        (".e*", Content::Shown, Some("credentials.read-environment-file")),
        ("~/.ssh/id_rsa", Content::Stored, Some("credentials.copy")),
        ("~/.ssh/id_rsa", Content::Sent, Some("exfiltration.secret")),
        ("src/main.rs", Content::Sent, Some("exfiltration.upload")),
        ("~/.ssh/id_rsa.pub", Content::Shown, None),
        ("~/.ssh/id_rsa", Content::Unused, None),
        (".env", Content::Unused, None),
        (".env.example", Content::Shown, None),
        ("*.rs", Content::Shown, None),
        ("/etc/passwd", Content::Shown, None),
        ("src/env.ts", Content::Shown, None),
        ("cert.pem", Content::Shown, None),
    ] {
        let found = effects(path, Access::Read, false, content);
        assert_eq!(found.first().map(String::as_str), expected, "{path}: {found:?}");
    }
    assert!(
        effects(".env", Access::Read, false, Content::Run(crate::understand::Language::Shell)).is_empty()
    );
}

#[cfg(unix)]
#[test]
fn links_are_resolved_even_where_the_file_does_not_exist_yet() {
    let root = tempfile::tempdir().unwrap();
    let real = root.path().canonicalize().unwrap();
    std::fs::create_dir(real.join("secret")).unwrap();
    std::os::unix::fs::symlink(real.join("secret"), real.join("link")).unwrap();
    std::os::unix::fs::symlink("nowhere/yet", real.join("dangling")).unwrap();
    let around = Ground { project: &real, home: &real, user: None, own: None, links: Links::default() };
    let place = |text: &str| around.place(&Word::plain(text), &real).canonical;
    assert_eq!(place("link/new"), real.join("secret/new"));
    assert_eq!(place("dangling"), real.join("nowhere/yet"));
}
