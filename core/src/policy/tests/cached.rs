//! The cache never outlives what it was made from, and no fault of it is a fault of the policy.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::*;
use crate::places::Places;

struct Home {
    root: tempfile::TempDir,
    places: Places,
}

impl Home {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let places = Places::inside(root.path());
        for folder in [places.project_folder(), places.config.clone(), places.managed.clone()] {
            fs::create_dir_all(folder).unwrap();
        }
        Self { root, places }
    }

    fn load(&self) -> Result<Compiled, PolicyError> {
        load(&self.places, &registry())
    }

    /// The policies' names, by layer.
    fn names(&self) -> Vec<(LayerKind, String)> {
        let compiled = self.load().unwrap();
        compiled.layers().unwrap().iter().map(|layer| (layer.kind, layer.name.to_owned())).collect()
    }

    fn cached(&self) -> PathBuf {
        fs::read_dir(self.places.cache()).unwrap().next().unwrap().unwrap().path()
    }
}

fn write(path: &Path, name: &str) {
    fs::write(path, format!("name: {name}\n")).unwrap();
}

fn age(path: &Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_hours(1)).unwrap();
}

#[test]
fn without_a_policy_the_embedded_one_is_the_one_layer() {
    let home = Home::new();
    let embedded = vec![(LayerKind::Default, "agentfirewall-default".to_owned())];
    assert_eq!(home.names(), embedded);
    assert_eq!(home.names(), embedded);
}

#[test]
fn layers_come_and_go_and_change() {
    let home = Home::new();
    let user = home.places.user_policy();
    let project = home.places.project_policy();
    write(&user, "aaa");
    let layer = |kind, name: &str| (kind, name.to_owned());
    assert_eq!(home.names(), [layer(LayerKind::User, "aaa")]);
    // The same size, at once.
    write(&user, "bbb");
    assert_eq!(home.names(), [layer(LayerKind::User, "bbb")]);
    // The same size and the old modification time: the change of the inode still tells.
    age(&user);
    assert_eq!(home.names(), [layer(LayerKind::User, "bbb")]);
    write(&user, "ccc");
    age(&user);
    assert_eq!(home.names(), [layer(LayerKind::User, "ccc")]);
    write(&project, "ppp");
    assert_eq!(home.names(), [layer(LayerKind::User, "ccc"), layer(LayerKind::Project, "ppp")]);
    // Another file in its place.
    let other = home.root.path().join("other.yaml");
    write(&other, "ddd");
    fs::rename(&other, &user).unwrap();
    assert_eq!(home.names(), [layer(LayerKind::User, "ddd"), layer(LayerKind::Project, "ppp")]);
    write(&home.places.managed_policy(), "mmm");
    assert_eq!(home.names().first(), Some(&layer(LayerKind::Managed, "mmm")));
    fs::remove_file(&user).unwrap();
    assert_eq!(home.names(), [layer(LayerKind::Managed, "mmm"), layer(LayerKind::Project, "ppp")]);
    // Nobody of this machine has a policy: what comes with the project is not all there is.
    fs::remove_file(home.places.managed_policy()).unwrap();
    let floor = layer(LayerKind::Default, "agentfirewall-floor");
    assert_eq!(home.names(), [layer(LayerKind::Project, "ppp"), floor.clone()]);
    assert_eq!(home.names(), [layer(LayerKind::Project, "ppp"), floor]);
}

#[test]
fn an_old_cache_answers_by_stat_alone_and_a_young_one_by_content() {
    let home = Home::new();
    write(&home.places.user_policy(), "aaa");
    home.load().unwrap();
    let made = |home: &Home| {
        let bytes = fs::read(home.cached()).unwrap();
        Compiled::open(bytes, None).unwrap().head().unwrap().made_ns
    };
    let first = made(&home);
    // Racy: the file is as young as the cache, so the cache is compared and not rewritten.
    home.load().unwrap();
    assert_eq!(made(&home), first);
    std::thread::sleep(Duration::from_millis(2_100));
    home.load().unwrap();
    let second = made(&home);
    assert!(second > first, "the stamp is renewed when it has become reliable");
    home.load().unwrap();
    assert_eq!(made(&home), second, "a reliable stamp is left alone");
    // Now nothing is read any more: even an unreadable file would not be noticed but for its stat.
    let touched = fs::File::options().append(true).open(home.places.user_policy()).unwrap();
    touched.set_modified(SystemTime::now() - Duration::from_mins(1)).unwrap();
    assert_eq!(home.names(), [(LayerKind::User, "aaa".to_owned())]);
}

#[test]
fn a_broken_policy_is_an_error_also_after_a_good_one() {
    let home = Home::new();
    let user = home.places.user_policy();
    write(&user, "aaa");
    home.load().unwrap();
    fs::write(&user, "nmae: aaa\n").unwrap();
    for _ in 0..2 {
        let error = home.load().unwrap_err();
        assert_eq!(error.file, user);
        assert_eq!(error.diagnostics().len(), 1);
    }
    write(&user, "aaa");
    home.load().unwrap();
}

#[test]
fn a_damaged_cache_is_made_anew() {
    let home = Home::new();
    write(&home.places.user_policy(), "aaa");
    home.load().unwrap();
    let good = fs::read(home.cached()).unwrap();
    let flipped: Vec<u8> =
        good.iter().enumerate().map(|(at, byte)| if at == 30 { byte ^ 1 } else { *byte }).collect();
    let damages = [Vec::new(), good[..40].to_vec(), flipped, b"something else entirely".to_vec()];
    for damaged in damages {
        fs::write(home.cached(), damaged).unwrap();
        assert_eq!(home.names(), [(LayerKind::User, "aaa".to_owned())]);
        assert!(Compiled::open(fs::read(home.cached()).unwrap(), None).is_ok());
    }
}

#[test]
fn a_damaged_rule_is_an_error_once() {
    let home = Home::new();
    fs::write(home.places.user_policy(), "rules: [{name: a, reason: some long reason}]\n").unwrap();
    home.load().unwrap();
    let mut bytes = fs::read(home.cached()).unwrap();
    let last = bytes.len() - 3;
    bytes[last] ^= 1;
    fs::write(home.cached(), bytes).unwrap();
    let compiled = home.load().unwrap();
    let layers = compiled.layers().unwrap();
    assert_eq!(layers[0].rule(0).unwrap_err().kind, PolicyErrorKind::Corrupt);
    let compiled = home.load().unwrap();
    assert_eq!(compiled.layers().unwrap()[0].rule(0).unwrap().name, "a");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_cache_is_private_and_one_that_is_not_is_not_believed() {
        let home = Home::new();
        write(&home.places.user_policy(), "aaa");
        home.load().unwrap();
        let cached = home.cached();
        assert_eq!(fs::metadata(&cached).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(home.places.cache()).unwrap().permissions().mode() & 0o777, 0o700);
        // A forged cache under a name that fits, in a folder others can write.
        let forged = {
            let other = Home::new();
            write(&other.places.user_policy(), "evil");
            other.load().unwrap();
            fs::read(other.cached()).unwrap()
        };
        fs::write(&cached, &forged).unwrap();
        assert_eq!(home.names(), [(LayerKind::User, "aaa".to_owned())], "other paths");
        let good = fs::read(&cached).unwrap();
        for (file_mode, folder_mode) in [(0o620, 0o700), (0o602, 0o700), (0o600, 0o770), (0o600, 0o777)] {
            let mut marked = good.clone();
            // Breaking what is checked late shows whether the cache was read at all.
            let last = marked.len() - 1;
            marked[last] = marked[last].wrapping_add(1);
            fs::write(&cached, &marked).unwrap();
            mode(&cached, file_mode);
            mode(&home.places.cache(), folder_mode);
            let compiled = home.load().unwrap();
            assert_ne!(compiled.bytes(), marked, "{file_mode:o} {folder_mode:o}");
            mode(&home.places.cache(), 0o700);
            mode(&cached, 0o600);
        }
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_no_fault() {
        let home = Home::new();
        write(&home.places.user_policy(), "aaa");
        fs::create_dir_all(home.places.state.parent().unwrap()).unwrap();
        fs::write(&home.places.state, "a file where the folder should be").unwrap();
        assert_eq!(home.names(), [(LayerKind::User, "aaa".to_owned())]);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_never_no_layer() {
        let home = Home::new();
        let user = home.places.user_policy();
        symlink("/nowhere/at/all", &user).unwrap();
        assert!(home.load().unwrap_err().to_string().contains("leads nowhere"));
        fs::remove_file(&user).unwrap();
        fs::create_dir(&user).unwrap();
        assert_eq!(home.load().unwrap_err().kind, PolicyErrorKind::Unreadable);
        fs::remove_dir(&user).unwrap();
        fs::write(&user, b"name: \xff\n").unwrap();
        assert!(home.load().unwrap_err().to_string().contains("not UTF-8"));
        fs::write(&user, "x".repeat(400_000)).unwrap();
        assert!(home.load().unwrap_err().to_string().contains("more than the 262144"));
        fs::write(&user, "\u{feff}name: bom\n").unwrap();
        assert_eq!(home.names(), [(LayerKind::User, "bom".to_owned())]);
        let elsewhere = home.root.path().join("dotfiles.yaml");
        fs::rename(&user, &elsewhere).unwrap();
        symlink(&elsewhere, &user).unwrap();
        assert_eq!(home.names(), [(LayerKind::User, "bom".to_owned())], "a link to a file is a file");
        write(&elsewhere, "new");
        assert_eq!(home.names(), [(LayerKind::User, "new".to_owned())]);
    }

    #[test]
    fn a_policy_everybody_can_write_is_refused_above_the_project() {
        let home = Home::new();
        for policy in [home.places.user_policy(), home.places.managed_policy()] {
            write(&policy, "aaa");
            mode(&policy, 0o644);
            home.load().unwrap();
            mode(&policy, 0o666);
            assert_eq!(home.load().unwrap_err().kind, PolicyErrorKind::Insecure);
            mode(&policy, 0o644);
            let folder = policy.parent().unwrap();
            mode(folder, 0o777);
            let error = home.load().unwrap_err();
            assert_eq!(error.kind, PolicyErrorKind::Insecure);
            assert!(error.to_string().contains("chmod o-w"), "{error}");
            mode(folder, 0o755);
            home.load().unwrap();
        }
        write(&home.places.project_policy(), "ppp");
        mode(&home.places.project_policy(), 0o666);
        home.load().unwrap();
    }
}
