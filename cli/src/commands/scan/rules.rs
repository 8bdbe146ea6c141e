//! Which paths are looked at: `--include`, `--exclude` and the project's `.agentfirewallignore`.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::failure::{Exit, Failure};

/// A project's file with paths that `scan` leaves out. The hook knows nothing of it: a project cannot make itself
/// invisible to the firewall.
pub(super) const IGNORE_FILE: &str = ".agentfirewallignore";

/// The patterns of the command line, in the syntax of a `.gitignore`.
#[derive(Debug)]
pub(super) struct PathRules {
    include: Option<Gitignore>,
    exclude: Option<Gitignore>,
}

impl PathRules {
    pub(super) fn new(include: &[String], exclude: &[String]) -> Result<Self, Failure> {
        Ok(Self { include: patterns("--include", include)?, exclude: patterns("--exclude", exclude)? })
    }

    /// The same with the project's file, for sources that are not walked.
    pub(super) fn with_ignore_file(mut self, root: &Path, exclude: &[String]) -> Result<Self, Failure> {
        let file = root.join(IGNORE_FILE);
        if !file.is_file() {
            return Ok(self);
        }
        let mut builder = GitignoreBuilder::new("");
        if let Some(error) = builder.add(&file) {
            return Err(Failure::new(Exit::Data, error.to_string()));
        }
        for pattern in exclude {
            builder.add_line(None, pattern).map_err(|error| invalid("--exclude", &error))?;
        }
        self.exclude = Some(builder.build().map_err(|error| invalid(IGNORE_FILE, &error))?);
        Ok(self)
    }

    /// Whether a file or folder, and with a folder everything in it, is left out.
    pub(super) fn excludes(&self, path: &Path, folder: bool) -> bool {
        self.exclude.as_ref().is_some_and(|rules| matches(rules, path, folder))
    }

    /// The patterns by which whole folders are left out of a walk.
    pub(super) fn prunes(&self) -> Option<Gitignore> {
        self.exclude.clone()
    }

    /// Whether patterns name a path.
    pub(super) fn names(rules: &Gitignore, path: &Path, folder: bool) -> bool {
        matches(rules, path, folder)
    }

    /// Whether a file is to be scanned.
    pub(super) fn wants(&self, path: &Path) -> bool {
        self.include.as_ref().is_none_or(|rules| matches(rules, path, false)) && !self.excludes(path, false)
    }
}

fn matches(rules: &Gitignore, path: &Path, folder: bool) -> bool {
    // Patterns are relative, and the matcher insists on paths that are.
    let relative: &Path = path.strip_prefix("/").unwrap_or(path);
    let relative = relative.strip_prefix("./").unwrap_or(relative);
    if relative.has_root() {
        return false;
    }
    rules.matched_path_or_any_parents(relative, folder).is_ignore()
}

fn patterns(option: &str, patterns: &[String]) -> Result<Option<Gitignore>, Failure> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        builder.add_line(None, pattern).map_err(|error| invalid(option, &error))?;
    }
    builder.build().map(Some).map_err(|error| invalid(option, &error))
}

fn invalid(what: &str, error: &ignore::Error) -> Failure {
    Failure::new(Exit::Usage, format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_in_a_gitignore() {
        let list = |patterns: &[&str]| patterns.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let rules =
            PathRules::new(&list(&["*.py", "/docs/"]), &list(&["tests/", "!tests/keep.py", "**/gen_*"]))
                .unwrap();
        for (path, wanted) in [
            ("a.py", true),
            ("./src/a.py", true),
            ("/abs/a.py", true),
            ("a.rs", false),
            ("docs/a.rs", true),
            ("src/docs/a.rs", false),
            ("tests/a.py", false),
            ("src/tests/a.py", false),
            ("src/gen_a.py", false),
        ] {
            assert_eq!(rules.wants(Path::new(path)), wanted, "{path}");
        }
        assert!(rules.excludes(Path::new("tests"), true) && !rules.excludes(Path::new("tests"), false));
        assert!(PathRules::new(&[], &[]).unwrap().wants(Path::new("anything")));
        assert!(PathRules::new(&list(&["a{b"]), &[]).is_err());
    }
}
