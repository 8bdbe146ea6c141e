//! What the script itself made to throw away: temporary folders, repositories and worktrees in them, projects of
//! `docker compose` for tests.

use std::path::{Path, PathBuf};

use super::machine::Machine;
use super::value::Value;
use crate::understand::{Doing, UNKNOWN, Word};

/// How many of each are remembered.
const MOST: usize = 32;

/// What was made.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// How many temporary files and folders.
    fresh: usize,
    /// Worktrees in temporary folders.
    trees: Vec<PathBuf>,
    /// Repositories with a name of a remote, and whether it lies in a temporary folder.
    remotes: Vec<(PathBuf, String, bool)>,
}

impl Machine<'_> {
    /// What `mktemp` prints: a path that nothing else has.
    pub(super) fn fresh(&mut self, doing: &Doing) -> Option<Value> {
        self.made.fresh += 1;
        let unique = format!("q{:05}", self.made.fresh);
        let option = |names: &[&str]| {
            let given = doing.options.iter().find(|(name, _)| names.contains(&name.as_str()));
            given.map(|(_, value)| value.as_ref().map(|word| word.text.clone()))
        };
        let base = match option(&["--tmpdir", "-p"]) {
            Some(Some(folder)) => folder,
            _ => self.variable("TMPDIR").first().text,
        };
        let in_base = option(&["--tmpdir", "-p", "-t"]).is_some();
        let name = match doing.operands.first() {
            Some(template) => filled(&template.text, &unique),
            None => match option(&["-t"]).flatten() {
                Some(template) => filled(&template, &unique),
                None => format!("tmp.{unique}"),
            },
        };
        let path = if doing.operands.is_empty() || in_base && !name.starts_with('/') {
            format!("{}/{name}", base.trim_end_matches('/'))
        } else {
            name
        };
        Some(Value::one(Word { text: format!("{path}\n"), ..Word::default() }))
    }

    /// Takes away what a command does to something that the script made, and notes what it makes.
    pub(super) fn spare_made(&mut self, doing: &mut Doing, raw: Option<&str>) {
        match doing.program.as_str() {
            "git" => self.spare_repositories(doing),
            "docker" | "docker-compose" | "podman" | "podman-compose" | "nerdctl"
                if doing.effects.iter().any(|effect| effect.id == "container.delete-volumes")
                    && doing.subcommand.last().is_some_and(|verb| verb == "down")
                    && self.was_up(doing, raw) =>
            {
                doing.effects.retain(|effect| effect.id != "container.delete-volumes");
            }
            _ => {}
        }
    }

    /// Where a path of this machine leads, if that is known and lies in a temporary folder.
    fn in_temp(&mut self, word: &Word, folder: &Path) -> Option<PathBuf> {
        let text = word.text.strip_prefix("file://").unwrap_or(&word.text);
        if text.contains("://") || text.contains(':') && !text.starts_with('/') {
            return None;
        }
        let placed = self.place(&Word { text: text.to_owned(), ..word.clone() }, folder);
        (placed.known && !placed.wild && placed.is_in("temp")).then(|| placed.lexical.clone())
    }

    fn spare_repositories(&mut self, doing: &mut Doing) {
        let verbs: Vec<&str> = doing.subcommand.iter().map(String::as_str).collect();
        let folder = self.state.folder();
        let [folder] = folder.paths.as_slice() else { return };
        if self.state.folder().lost
            || self.elsewhere
            || doing.options.iter().any(|(name, _)| matches!(name.as_str(), "--git-dir" | "--work-tree"))
        {
            return;
        }
        let mut here = folder.clone();
        for (name, value) in doing.options.clone() {
            if name == "-C"
                && let Some(word) = value
            {
                let placed = self.place(&word, &here);
                if !placed.known {
                    return;
                }
                here.clone_from(&placed.lexical);
            }
        }
        let operand = |at: usize| doing.operands.get(at).cloned();
        match verbs.as_slice() {
            ["worktree", "add"] => {
                let Some(path) = operand(0).and_then(|word| self.in_temp(&word, &here)) else { return };
                if self.made.trees.len() < MOST {
                    self.made.trees.push(path);
                }
            }
            ["worktree", "remove"] => {
                let path = operand(0).and_then(|word| self.in_temp(&word, &here));
                if doing.operands.len() == 1 && path.is_some_and(|path| self.made.trees.contains(&path)) {
                    doing.effects.retain(|effect| effect.id != "git.discard");
                }
            }
            ["clone"] => {
                let Some(source) = operand(0) else { return };
                let name = source.text.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                let into = operand(1).unwrap_or_else(|| Word::plain(name.trim_end_matches(".git")));
                let placed = self.place(&into, &here);
                if placed.known {
                    self.note_remote(&placed.lexical, "origin", &source, &here);
                }
            }
            ["remote", ..]
                if matches!(operand(0).map(|word| word.text).as_deref(), Some("add" | "set-url")) =>
            {
                if let (Some(name), Some(address)) = (operand(1), operand(2)) {
                    self.note_remote(&here.clone(), &name.text, &address, &here);
                }
            }
            ["push"] => {
                let configured = self.seen.commands.iter().any(|command| {
                    let says = |start: &str| command.argv.iter().any(|word| word.text.starts_with(start));
                    command.fact.program == "git" && (says("remote.") || says("url."))
                });
                let spared = match operand(0) {
                    Some(word) if word.text.contains('/') => self.in_temp(&word, &here).is_some(),
                    word => {
                        let name = word.map_or_else(|| "origin".to_owned(), |word| word.text);
                        let known = |(root, remote, _): &&(PathBuf, String, bool)| {
                            *remote == name && here.starts_with(root)
                        };
                        self.made.remotes.iter().rfind(known).is_some_and(|(.., temp)| *temp)
                    }
                };
                if spared && !configured {
                    doing.effects.retain(|effect| {
                        !matches!(effect.id.as_str(), "git.force-push" | "git.delete-remote")
                    });
                }
            }
            _ => {}
        }
    }

    fn note_remote(&mut self, root: &Path, name: &str, address: &Word, folder: &Path) {
        let temp = self.in_temp(address, folder).is_some();
        if self.made.remotes.len() < MOST {
            self.made.remotes.push((root.to_owned(), name.to_owned(), temp));
        } else {
            // What is forgotten is not to be thrown away.
            self.made.remotes.clear();
        }
    }

    /// Whether a project of `docker compose` has files for tests and was started by this script under a name of its own.
    fn was_up(&self, doing: &Doing, raw: Option<&str>) -> bool {
        let values = |name: &str| {
            let given = doing.options.iter().filter(move |(option, _)| option == name);
            given.filter_map(|(_, value)| value.as_ref()).collect::<Vec<_>>()
        };
        let files = values("--file");
        let projects = values("--project-name");
        let [project] = projects.as_slice() else { return false };
        if files.is_empty() || !files.iter().all(|file| file.known() && is_for_tests(&file.text)) {
            return false;
        }
        let name = |raw: &str| written_after(raw, &["-p", "--project-name"]).map(str::to_owned);
        let token = raw.and_then(name);
        // A name that is made while it runs is the same if it is written alike and its variable is set once.
        let stays = project.known() || token.as_deref().is_some_and(|token| self.is_set_once(token));
        stays
            && self.seen.commands.iter().any(|command| {
                let up = command
                    .fact
                    .subcommand
                    .last()
                    .is_some_and(|verb| matches!(verb.as_str(), "up" | "create"));
                let same = command.fact.options.iter().any(|(option, value)| {
                    option == "--project-name" && value.as_deref() == Some(project.text.as_str())
                });
                let written = project.known() || name(&command.raw) == token;
                up && same && written && !command.elsewhere && command.fact.program == doing.program
            })
    }

    /// Whether a word is one variable that the script sets in one place.
    fn is_set_once(&self, token: &str) -> bool {
        let name =
            token.trim_matches('"').trim_start_matches('$').trim_start_matches('{').trim_end_matches('}');
        let is_name = !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
        token.contains('$') && is_name && self.current.matches(&format!("{name}=")).count() == 1
    }
}

/// A template with each run of three or more `X` filled, as `mktemp` does it.
fn filled(template: &str, unique: &str) -> String {
    match template.rfind("XXX") {
        Some(end) => {
            let start = template.get(..end).map_or(0, |before| before.trim_end_matches('X').len());
            let (before, after) =
                (template.get(..start).unwrap_or_default(), template.get(end + 3..).unwrap_or_default());
            format!("{before}{unique}{after}")
        }
        None => format!("{template}.{UNKNOWN}"),
    }
}

/// Whether a file of services is called as those of tests are: `compose.ci.yml`, `docker-compose-e2e.yaml`.
pub(super) fn is_for_tests(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    name.split(|letter: char| !letter.is_ascii_alphanumeric())
        .any(|part| matches!(part, "ci" | "test" | "tests" | "testing" | "e2e" | "integration" | "it"))
}

/// The word after an option, as it is written.
fn written_after<'r>(raw: &'r str, options: &[&str]) -> Option<&'r str> {
    let mut words = raw.split_whitespace();
    words.find(|word| options.contains(word))?;
    words.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_at_their_end() {
        assert_eq!(filled("/tmp/x.XXXXXX", "q1"), "/tmp/x.q1");
        assert_eq!(filled("aXXXX.txt", "q1"), "aq1.txt");
        assert_eq!(filled("XX", "q1"), format!("XX.{UNKNOWN}"));
    }

    #[test]
    fn files_for_tests_say_so() {
        for path in ["docker-compose.ci.yml", "deploy/compose.test.yaml", "e2e.yml"] {
            assert!(is_for_tests(path), "{path}");
        }
        for path in ["docker-compose.yml", "circuit.yml", "tests/compose.yml", "latest.yml"] {
            assert!(!is_for_tests(path), "{path}");
        }
    }
}
