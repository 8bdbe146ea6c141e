//! Which program a name stands for: copies and links of programs, files that were fetched, options that the environment adds.

use agentfirewall_sdk::Access;

use super::machine::Machine;
use super::state::{Item, Key};
use super::value::Out;
use crate::understand::{Content, Doing, Language, Origin, Run, Taint, Word};

impl Machine<'_> {
    /// Runs a program by its words.
    pub(super) fn program(&mut self, mut argv: Vec<Word>, raw: Option<&str>, out: &mut Out) {
        for argv in self.with_variables(&argv) {
            let doing = self.world.knowledge.doing(&argv);
            self.acted(argv, doing, raw, out);
        }
        // A copy of a program does what the program does.
        if let Some(first) = argv.first_mut()
            && first.text.contains('/')
            && let place = self.place_of(first)
            && let Some(Item::Hashed(original)) = self.state.get(&Key::Hashed(place)).cloned()
        {
            *first = original;
        }
        // A file that the script fetched or made, whatever program it is called like.
        let is_file = |word: &&Word| {
            word.text.contains(['/', '\\'])
                || [".exe", ".bat", ".cmd", ".msi", ".ps1"].iter().any(|end| word.text.ends_with(end))
        };
        // Windows writes `.\x.exe` and finds `x.exe` where it is.
        let file = argv.first().filter(is_file);
        let file = file.map(|word| Word { text: word.text.replace('\\', "/"), ..word.clone() });
        if let Some(first) = &file
            && let place = self.place_of(first)
            && self.state.get(&Key::File(std::path::PathBuf::from(place))).is_some()
            && self.content(first).taint() != Taint::FILE
        {
            if let Some(word) = argv.first_mut() {
                word.clone_from(first);
            }
            let doing = self.world.knowledge.doing(&argv);
            if doing.runs.iter().any(|run| matches!(run, Run::File { .. })) {
                return self.acted(argv, doing, raw, out);
            }
            let path = first.clone();
            let arguments = argv.get(1..).unwrap_or_default().to_vec();
            let origin = self.note(argv, &doing, raw);
            return self.deeper(|machine| {
                machine.run_file(Language::Other, &path, &arguments, true, origin, out);
            });
        }
        let doing = self.world.knowledge.doing(&argv);
        self.acted(argv, doing, raw, out);
    }

    /// Whether a signal goes to a process nobody knows after the firewall's was looked for: `kill $(pgrep agentfirewall)`.
    pub(super) fn ends_firewall(&self, argv: &[Word]) -> bool {
        let is_kill = argv.first().is_some_and(|word| word.text.rsplit('/').next() == Some("kill"));
        is_kill
            && !argv.iter().all(Word::known)
            && self.seen.commands.iter().any(|command| {
                matches!(
                    command.fact.program.as_str(),
                    "pgrep" | "pidof" | "ps" | "grep" | "egrep" | "awk" | "lsof"
                ) && command.argv.iter().any(|word| word.text.contains("agentfirewall"))
            })
    }

    /// Notes that a function or an alias is found in place of the firewall.
    pub(super) fn shadows_firewall(&mut self, name: &str) {
        if name.rsplit('/').next().is_some_and(|name| matches!(name, "agentfirewall" | "agentfirewall.exe")) {
            let origin = self.last_command();
            self.effect("firewall.tamper", "agentfirewall", origin);
        }
    }

    /// The place of a path, as a name for it.
    fn place_of(&mut self, word: &Word) -> String {
        let folder =
            self.state.folder().paths.first().cloned().unwrap_or_else(|| self.world.folder.to_owned());
        self.place(word, &folder).lexical.to_string_lossy().into_owned()
    }

    /// Remembers where a link leads: what is done to it is done there.
    fn linked(&mut self, doing: &Doing, source: &Word, target: &Word) {
        let folder =
            self.state.folder().paths.first().cloned().unwrap_or_else(|| self.world.folder.to_owned());
        let link = self.place(target, &folder);
        let symbolic = doing.options.iter().any(|(name, _)| matches!(name.as_str(), "-s" | "--symbolic"));
        let base = if symbolic { link.lexical.parent().unwrap_or(&folder) } else { &folder };
        let leads = self.place(source, base);
        if !link.known || !leads.known || self.links.len() >= LINKS {
            return;
        }
        // Into a folder that is there, the link goes under the name of what it leads to.
        let inside = leads.lexical.file_name().map(|name| link.lexical.join(name));
        for link in inside.into_iter().chain([link.lexical.clone()]) {
            self.links.push((link, leads.lexical.clone()));
        }
        // What was asked about before may lead elsewhere from now on.
        self.forget_places();
    }

    /// Remembers what a copy or a link of a program or of a fetched file is.
    pub(super) fn copied(&mut self, doing: &Doing) {
        if !matches!(doing.program.as_str(), "cp" | "gcp" | "ln" | "mv" | "install" | "link") {
            return;
        }
        let source = doing.touches.iter().find(|touch| touch.access != Access::Write);
        let target = doing.touches.iter().find(|touch| touch.access == Access::Write);
        let (Some(source), Some(target)) = (source, target) else { return };
        if matches!(doing.program.as_str(), "ln" | "link") {
            self.linked(doing, &source.word, &target.word);
        }
        let name = source.word.text.rsplit('/').next().unwrap_or_default();
        let folder = source.word.text.strip_suffix(name).unwrap_or_default().trim_end_matches('/');
        let is_program = folder.ends_with("/bin") || folder.ends_with("/sbin") || folder == "bin";
        let targets = [
            self.place_of(&target.word),
            format!("{}/{name}", self.place_of(&target.word).trim_end_matches('/')),
        ];
        if is_program {
            for target in targets {
                self.state.set(Key::Hashed(target), Item::Hashed(Word::plain(name)));
            }
        } else if source.content == Content::Linked {
            let value = self.content(&source.word);
            if value.taint() != Taint::FILE {
                self.store(&target.word, &value, false);
            }
        }
    }
}

/// How many remotes of a script are remembered.
const REMOTES: usize = 16;

impl Machine<'_> {
    /// Remembers which remotes of git got an address here: what is pushed to one of them goes there. That a new repository
    /// gets its `origin` is how each of them begins.
    pub(super) fn remote(&mut self, doing: &Doing, origin: Origin) {
        if doing.program != "git" {
            return;
        }
        let text = |at: usize| doing.operands.get(at).map_or("", |word| word.text.as_str());
        match doing.subcommand.first().map_or("", String::as_str) {
            "remote" if matches!(text(0), "add" | "set-url") => {
                let is_new = text(0) == "set-url" || text(1) != "origin";
                let leaves = text(2).contains("://") || text(2).contains('@');
                if is_new && leaves && self.remotes.len() < REMOTES {
                    self.remotes.push(text(1).to_owned());
                }
            }
            "push" => {
                let pushed = if doing.operands.is_empty() { "origin" } else { text(0) };
                if self.remotes.iter().any(|name| name == pushed) {
                    let shown = pushed.to_owned();
                    self.effect("exfiltration.upload", &shown, origin);
                }
            }
            _ => {}
        }
    }
}

/// How many links of a script are remembered.
const LINKS: usize = 64;

/// Whether a package manager is told to remove the firewall.
pub(super) fn removes_firewall(argv: &[Word]) -> bool {
    let has = |names: &[&str]| argv.iter().any(|word| names.contains(&word.text.as_str()));
    has(&["agentfirewall", "agentfirewall-rs", "agentsec-firewall"])
        && has(&["uninstall", "remove", "purge", "unlink", "rm", "-e", "-R", "autoremove", "un"])
        && argv.first().is_some_and(|program| {
            matches!(
                program.text.rsplit('/').next().unwrap_or_default(),
                "cargo"
                    | "pip"
                    | "pip3"
                    | "pipx"
                    | "uv"
                    | "npm"
                    | "pnpm"
                    | "yarn"
                    | "brew"
                    | "apt"
                    | "apt-get"
                    | "dpkg"
                    | "rpm"
                    | "dnf"
                    | "yum"
                    | "pacman"
                    | "conda"
                    | "poetry"
                    | "python"
                    | "python3"
                    | "bun"
            )
        })
}
