//! What it means to touch a path.

use std::path::Path;

use agentfirewall_sdk::Access;

use super::place::{self, Namespace};
use super::{Ground, Placed, sets};
use crate::understand::{Content, Effect, Touch, UNKNOWN};

/// Folders that the system or a person cannot do without.
const VITAL: [&str; 24] = [
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib64",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/usr",
    "/var",
    "/Users",
    "/System",
    "/Library",
    "/Applications",
    "/private",
];

/// Folders of secrets: to read all of them is to read the secrets.
const SECRET_FOLDERS: [&str; 8] =
    [".ssh", ".aws", ".gnupg", ".kube", ".azure", ".docker", ".password-store", ".config/gcloud"];

/// What it means to touch a path.
pub(super) fn of(ground: &Ground<'_>, touch: &Touch, placed: &Placed, elsewhere: bool) -> Vec<Effect> {
    let mut judge = Judge { ground, touch, placed, elsewhere, effects: Vec::new() };
    judge.namespace();
    match touch.access {
        Access::Delete => judge.delete(),
        Access::Write => judge.write(),
        Access::Read => judge.read(),
        Access::Unknown
            if !elsewhere && (placed.is_in("private-keys") || placed.is_in("cloud-credentials")) =>
        {
            judge.say("credentials.read");
        }
        // To run something is judged by what it does; a way of touching that came later is not known here.
        _ => {}
    }
    // Last: what is bad in itself gives the better reason.
    if !elsewhere && ground.own.is_some_and(|own| own.tampers(touch, placed, &ground.links)) {
        judge.say("firewall.tamper");
    }
    judge.effects
}

struct Judge<'j> {
    ground: &'j Ground<'j>,
    touch: &'j Touch,
    placed: &'j Placed,
    elsewhere: bool,
    effects: Vec<Effect>,
}

impl Judge<'_> {
    fn say(&mut self, id: &str) {
        let detail = self.touch.word.text.replace(UNKNOWN, "…");
        self.effects.push(Effect::new(id, detail));
    }

    fn is_in(&self, set: &str) -> bool {
        self.placed.is_in(set)
    }

    fn is_secret(&self) -> bool {
        sets::SECRETS.iter().any(|set| self.placed.is_in(set))
    }

    /// Names of Windows that lead past the paths that rules are about.
    fn namespace(&mut self) {
        let written = &self.touch.word.text;
        if self.elsewhere || written.starts_with(self.ground.project.to_string_lossy().as_ref()) {
            return;
        }
        let Some(namespace) = place::namespace(written) else { return };
        match (self.touch.access, namespace) {
            (Access::Write | Access::Delete, Namespace::Device) => self.say("filesystem.overwrite-device"),
            (Access::Write, _) => self.say("filesystem.write-outside"),
            (Access::Delete, _) => self.say("filesystem.delete-file-outside"),
            (Access::Execute, Namespace::Share) => self.say("remote-code.download-run"),
            (Access::Execute, _) => self.say("shell.opaque"),
            _ => {}
        }
    }

    /// The path that a tree hangs on: for `x/*` it is `x`.
    fn root(&self) -> &Path {
        let path = self.placed.lexical.as_path();
        match path.file_name().map(|name| name.to_string_lossy()) {
            Some(name)
                if self.placed.wild
                    && matches!(name.as_ref(), "*" | ".*" | "*.*" | ".[!.]*" | ".??*" | "?*") =>
            {
                path.parent().unwrap_or(path)
            }
            _ => path,
        }
    }

    fn delete(&mut self) {
        if self.touch.content == Content::Stored {
            self.moved();
        }
        let everything = self.placed.wild && self.root() != self.placed.lexical;
        if self.placed.lexical.as_os_str().is_empty() {
            if self.touch.tree {
                self.say("filesystem.delete-unknown");
            }
            return;
        }
        let root = self.root().to_owned();
        let (project, home) = (self.ground.project, self.ground.home);
        let vital = VITAL.iter().any(|vital| root == Path::new(vital)) || is_drive(&root);
        // What is moved takes all below it with it.
        let moved = self.touch.content == Content::Stored && project.starts_with(&root);
        let tree = self.touch.tree || everything || moved;
        if self.elsewhere {
            let temp = root.starts_with("/tmp") || root.starts_with("/var/tmp");
            if tree && vital {
                self.say("filesystem.delete-root");
            } else if tree
                && (root.components().count() == 2 || is_kept(&root))
                && self.placed.known
                && !temp
                && root.is_absolute()
                && self.touch.word.text.starts_with('/')
            {
                self.say("remote-code.elsewhere");
            }
            return;
        }
        // Something unknown in a folder may be anything in it; what is known of its place says how bad that is.
        if tree && vital && (self.placed.known || root == Path::new("/")) {
            return self.say(if self.placed.known {
                "filesystem.delete-root"
            } else {
                "filesystem.delete-unknown"
            });
        }
        if tree
            && (root == home || (home.starts_with(&root) && !project.starts_with(&root)))
            && self.placed.known
        {
            return self.say("filesystem.delete-root");
        }
        let canonical_project = self.ground.links.folder(project);
        let above = project.starts_with(&root) || canonical_project.starts_with(&root);
        if tree && above && self.placed.known {
            let whole = root == project || root == canonical_project;
            let id = if whole {
                "filesystem.delete-project"
            } else if home.starts_with(&root) {
                "filesystem.delete-root"
            } else {
                "filesystem.delete-outside"
            };
            // `rm *` alone leaves the folders; what git has is still there.
            if self.touch.tree || moved || !whole {
                self.say(id);
            }
            return;
        }
        if self.is_in("git-metadata") {
            let whole = self.placed.lexical.file_name().is_some_and(|name| name == ".git");
            if whole && self.is_in("project") && tree {
                return self.say("filesystem.delete-project");
            }
            if self.is_in("git-hooks") && !whole {
                return self.say("persistence.git-hook");
            }
            let lock = self.placed.lexical.extension().is_some_and(|extension| extension == "lock");
            if !lock {
                self.say("git.metadata");
            }
            return;
        }
        for (set, id) in [
            ("history", "privilege.hide"),
            ("system-logs", "privilege.hide"),
            ("agent-config", "agent-config.write"),
        ] {
            if self.is_in(set) {
                return self.say(id);
            }
        }
        if tree && self.is_agent_folder() {
            return self.say("agent-config.write");
        }
        if self.is_secret() && !self.is_in("project") {
            return self.say("credentials.write");
        }
        if self.is_in("project")
            || !self.placed.known && sets::is_below(self.ground, &self.placed.lexical, project)
        {
            // All of the project's root, by a name nobody knows.
            if !self.placed.known
                && tree
                && self.placed.lexical == project
                && !self.touch.word.text.contains('/')
            {
                self.say("filesystem.delete-unknown");
            }
            return;
        }
        if self.is_in("temp") {
            let whole = ["/tmp", "/var/tmp", "/private/tmp", "/private/var/tmp", "/dev/shm"]
                .iter()
                .any(|temp| root == Path::new(temp));
            if tree && self.placed.known && whole {
                self.say("filesystem.delete-outside");
            }
            return;
        }
        if is_cache(&self.placed.lexical, home) {
            return;
        }
        match (self.placed.known, tree) {
            (true, true) => self.say("filesystem.delete-outside"),
            (true, false) if self.is_in("system") => self.say("filesystem.write-system"),
            (true, false) => self.say("filesystem.delete-file-outside"),
            (false, true) => self.say("filesystem.delete-unknown"),
            (false, false) => {}
        }
    }

    /// What is moved away is where it was no more, and somebody has it.
    fn moved(&mut self) {
        if self.is_secret() {
            self.say("credentials.copy");
        }
    }

    fn write(&mut self) {
        if self.placed.lexical.as_os_str().is_empty() {
            // In whatever folder it is, Python or a shell reads it.
            if self.is_in("startup") && !self.elsewhere {
                self.say("persistence.startup");
            }
            return;
        }
        if is_null(&self.placed.lexical) {
            return;
        }
        if self.is_in("device") {
            return self.say("filesystem.overwrite-device");
        }
        let rules: [(&str, &str); 13] = [
            ("sudoers", "privilege.sudoers"),
            ("accounts", "persistence.account"),
            ("ssh-access", "persistence.ssh-key"),
            ("schedule", "persistence.schedule"),
            ("dynamic-loader", "remote-code.preload"),
            ("kernel", "privilege.kernel"),
            ("startup", "persistence.startup"),
            ("git-hooks", "persistence.git-hook"),
            ("git-config", "git.run-config"),
            ("agent-config", "agent-config.write"),
            ("editor-run", "persistence.editor"),
            ("history", "privilege.hide"),
            ("system-logs", "privilege.hide"),
        ];
        for (set, id) in rules {
            if self.is_in(set) && (!self.elsewhere || self.placed.lexical.is_absolute()) {
                return self.say(id);
            }
        }
        if self.elsewhere {
            return;
        }
        // What is unpacked or copied into the folder lies in it under its own name.
        let into = self.touch.tree || self.touch.word.text.ends_with('/');
        if into && self.is_agent_folder() {
            return self.say("agent-config.write");
        }
        if self.is_in("docker-socket") || self.is_in("process-memory") {
            return self.say("privilege.ptrace");
        }
        if self.is_in("git-metadata") {
            let harmless = self.placed.lexical.file_name().is_some_and(|name| {
                matches!(
                    name.to_string_lossy().as_ref(),
                    "COMMIT_EDITMSG" | "MERGE_MSG" | "exclude" | "TAG_EDITMSG"
                )
            });
            if !harmless && self.placed.lexical.file_name().is_some_and(|name| name != ".git") {
                self.say("git.metadata");
            }
            return;
        }
        let vital = self.touch.tree
            && (VITAL.iter().any(|vital| self.root() == Path::new(vital)) || self.root() == self.ground.home);
        if vital {
            return self.say("filesystem.permissions-tree");
        }
        if self.is_in("project") {
            return;
        }
        if self.is_secret() && self.placed.known {
            return self.say("credentials.write");
        }
        if self.is_in("temp") || is_cache(&self.placed.lexical, self.ground.home) {
            return;
        }
        if self.is_in("system") {
            let id = if self.touch.tree { "filesystem.permissions-tree" } else { "filesystem.write-system" };
            return self.say(id);
        }
        if self.placed.known {
            let id = if self.touch.tree { "filesystem.permissions-tree" } else { "filesystem.write-outside" };
            self.say(id);
        }
    }

    fn read(&mut self) {
        let secret = self.is_secret() || self.is_in("environment-files");
        if !self.elsewhere && self.touch.content == Content::Names && !self.touch.tree && secret {
            // Names that are not there are told with their text.
            return self.say("credentials.read");
        }
        let hunts = || self.holds_secrets() || secret && self.placed.wild && self.is_from_home();
        if !self.elsewhere && self.touch.content == Content::Names && self.touch.tree && hunts() {
            return self.say("credentials.search");
        }
        if matches!(self.touch.content, Content::Unused | Content::Names | Content::Arguments) {
            return;
        }
        if self.elsewhere {
            if self.is_secret()
                && self.touch.word.text.starts_with(['/', '~'])
                && !matches!(self.touch.content, Content::Run(_))
            {
                self.say("remote-code.elsewhere");
            }
            return;
        }
        let runs = matches!(self.touch.content, Content::Run(_));
        if self.is_in("history") && !runs {
            return self.say("credentials.search");
        }
        if self.searches_home() {
            return self.say("credentials.search");
        }
        if self.touch.content == Content::Sent {
            if self.is_secret() || self.is_in("environment-files") || self.holds_secrets() {
                return self.say("exfiltration.secret");
            }
            return self.say("exfiltration.upload");
        }
        let keeps = matches!(self.touch.content, Content::Stored | Content::Linked | Content::Unpacked);
        if keeps && self.touch.tree && self.placed.known && self.root() == self.ground.home {
            return self.say("credentials.copy");
        }
        if self.is_secret() || self.holds_secrets() {
            // Examples and tests in a project hold keys that open nothing; what is at home does.
            let only_named = self.is_in("project") && !self.is_in("private-keys");
            if runs || only_named && !self.is_in("system-secrets") && !self.is_in("cloud-credentials") {
                return;
            }
            return self.say(if keeps { "credentials.copy" } else { "credentials.read" });
        }
        if self.is_in("environment-files") && !runs {
            let whole = keeps && self.touch.tree;
            return self.say(if whole { "credentials.copy" } else { "credentials.read-environment-file" });
        }
        if self.is_in("process-memory") && !keeps {
            self.say("credentials.dump");
        }
    }

    /// The folder of an agent's settings, whose files are known by name and which has others, too.
    fn is_agent_folder(&self) -> bool {
        self.placed.lexical.file_name().is_some_and(|name| {
            matches!(name.to_string_lossy().as_ref(), ".claude" | ".codex" | ".cursor" | ".gemini")
        })
    }

    /// Whether the home folder, what is above it or its settings are read as a whole.
    fn searches_home(&self) -> bool {
        if !self.touch.tree || self.touch.content != Content::Shown || !self.placed.known {
            return false;
        }
        let root = self.root();
        let home = self.ground.home;
        (home.starts_with(root) || root == home.join(".config")) && !root.starts_with(self.ground.project)
    }

    /// Whether a pattern looks through the home folder, or through all that is around it.
    fn is_from_home(&self) -> bool {
        let wild = |name: &std::ffi::OsStr| name.to_string_lossy().contains(['*', '?', '[']);
        let start = self
            .placed
            .lexical
            .ancestors()
            .filter(|path| path.components().all(|name| !wild(name.as_os_str())));
        start.max_by_key(|path| path.components().count()).is_some_and(|start| {
            self.ground.home.starts_with(start) && !start.starts_with(self.ground.project)
        })
    }

    /// A folder of secrets that is read as a whole.
    fn holds_secrets(&self) -> bool {
        if !self.touch.tree && !self.placed.wild {
            return false;
        }
        let root = self.root();
        SECRET_FOLDERS.iter().any(|folder| root == self.ground.home.join(folder))
    }
}

/// Whether a folder of another machine is one of those where services and people keep what they cannot make again.
fn is_kept(path: &Path) -> bool {
    const KEPT: [&str; 12] = [
        "/etc",
        "/srv",
        "/root",
        "/boot",
        "/usr",
        "/home",
        "/mnt",
        "/media",
        "/data",
        "/var/lib",
        "/var/www",
        "/var/backups",
    ];
    const MADE: [&str; 9] =
        ["node_modules", "dist", "build", "target", ".cache", "cache", "__pycache__", "tmp", "coverage"];
    KEPT.iter().any(|kept| path.starts_with(kept))
        && !path.starts_with("/var/lib/apt")
        && !path.starts_with("/usr/src")
        && !path.components().any(|name| MADE.iter().any(|made| name.as_os_str() == *made))
}

/// `/dev/null` and its like.
fn is_null(path: &Path) -> bool {
    let path = path.to_string_lossy();
    path.starts_with("/dev/fd/")
        || path.starts_with("/dev/pts/")
        || matches!(
            path.as_ref(),
            "/dev/null"
                | "/dev/zero"
                | "/dev/full"
                | "/dev/stdout"
                | "/dev/stderr"
                | "/dev/stdin"
                | "/dev/tty"
        )
}

/// `/c:` and its like.
fn is_drive(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let text = text.trim_start_matches('/');
    text.len() == 2 && text.ends_with(':')
}

/// Folders of tools that are made again when they are gone.
fn is_cache(path: &Path, home: &Path) -> bool {
    const CACHES: [&str; 16] = [
        ".cache",
        ".npm",
        ".cargo/registry",
        ".cargo/git",
        ".gradle/caches",
        ".m2/repository",
        ".pnpm-store",
        ".yarn",
        ".nuget/packages",
        "go/pkg",
        "Library/Caches",
        "Library/Developer/Xcode/DerivedData",
        "Library/Developer/CoreSimulator/Caches",
        ".local/share/pnpm",
        ".bun/install/cache",
        ".rustup/tmp",
    ];
    path.strip_prefix(home).is_ok_and(|below| {
        CACHES
            .iter()
            .any(|cache| below.starts_with(cache) && below != Path::new(cache) || below.starts_with(cache))
    })
}
