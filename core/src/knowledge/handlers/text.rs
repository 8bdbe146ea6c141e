//! `sed` and `awk`: the first operand is a program unless an option gives one, the others are files.

use agentfirewall_sdk::Access;

use super::super::parse::Parsed;
use super::super::words::{Content, Language};
use super::touch;
use crate::understand::{Address, Doing, Effect, Run, Word};

pub(super) fn sed(parsed: &Parsed<'_>, doing: &mut Doing) {
    let in_place = parsed.has("--in-place") || parsed.has("-I");
    let mut programs: Vec<Word> =
        parsed.given("--expression").filter_map(|given| given.value.clone()).collect();
    let mut files = parsed.operands.as_slice();
    if programs.is_empty()
        && !parsed.has("--file")
        && let Some((program, rest)) = files.split_first()
    {
        programs.push(program.clone());
        files = rest;
    }
    if in_place
        && files.iter().any(|file| is_lock(&file.text))
        && programs.iter().any(|text| unlocks(&text.text))
    {
        doing.effects.push(Effect::new("supply-chain.registry", "a lock file"));
    }
    for text in programs {
        doing.runs.push(Run::Code {
            language: Language::Sed,
            text,
            arguments: files.to_vec(),
            elsewhere: false,
        });
    }
    for file in files {
        if in_place {
            touch(doing, file, Access::Write, false, Content::Unused);
        } else {
            touch(doing, file, Access::Read, false, Content::Shown);
        }
    }
    if !files.is_empty() || in_place {
        doing.input = Content::Unused;
    }
}

pub(super) fn awk(parsed: &Parsed<'_>, doing: &mut Doing) {
    let mut files = parsed.operands.as_slice();
    if !parsed.has("--file")
        && !parsed.has("--source")
        && !parsed.has("--exec")
        && let Some((program, rest)) = files.split_first()
    {
        files = rest;
        doing.runs.push(Run::Code {
            language: Language::Awk,
            text: program.clone(),
            arguments: rest.to_vec(),
            elsewhere: false,
        });
    }
    let in_place = parsed.value("--include").is_some_and(|value| value.text == "inplace");
    for file in files.iter().filter(|file| !file.text.contains('=')) {
        if in_place {
            touch(doing, file, Access::Write, false, Content::Unused);
        } else {
            touch(doing, file, Access::Read, false, Content::Shown);
        }
        doing.input = Content::Unused;
    }
}

/// Whether a file says from where packages come and what they are.
fn is_lock(path: &str) -> bool {
    matches!(
        path.rsplit('/').next().unwrap_or_default(),
        "package-lock.json"
            | "npm-shrinkwrap.json"
            | "yarn.lock"
            | "pnpm-lock.yaml"
            | "bun.lock"
            | "Cargo.lock"
            | "poetry.lock"
            | "uv.lock"
            | "pdm.lock"
            | "Pipfile.lock"
            | "Gemfile.lock"
            | "composer.lock"
            | "go.sum"
    )
}

/// Whether a program of `sed` leads packages of a lock file elsewhere or takes away what they are compared with.
fn unlocks(program: &str) -> bool {
    const USUAL: [&str; 8] = [
        "registry.npmjs.org",
        "registry.yarnpkg.com",
        "npm.pkg.github.com",
        "pypi.org",
        "files.pythonhosted.org",
        "rubygems.org",
        "index.crates.io",
        "github.com",
    ];
    program.split(['\n', ';']).map(str::trim).any(|command| {
        let sums =
            ["integrity", "checksum", "sha512", "sha256", "hash"].iter().any(|sum| command.contains(sum));
        let deletes = command.starts_with(['/', '\\']) && command.ends_with('d');
        let parts = command.strip_prefix('s').and_then(|rest| {
            let mark = rest.chars().next().filter(char::is_ascii_punctuation)?;
            let mut parts = rest.split(mark).skip(1);
            Some((parts.next()?, parts.next()?))
        });
        let empties = parts.is_some_and(|(_, new)| new.is_empty());
        let leads = parts.is_some_and(|(_, new)| {
            let new = new.replace('\\', "");
            let host = Address::of(&new).host;
            new.contains("://")
                && !host.is_empty()
                && !Address::of(&new).is_loopback()
                && !USUAL.contains(&host.as_str())
        });
        sums && (deletes || empties) || leads
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_is_unlocked_by_another_host_or_no_sums() {
        for program in
            ["s#https://registry.npmjs.org/#https://npm.example/#g", "/\"integrity\"/d", "s/checksum = .*//"]
        {
            assert!(unlocks(program), "{program}");
        }
        for program in [
            "s#http://localhost:4873/#https://registry.npmjs.org/#g",
            "s/1.2.3/1.2.4/",
            "/^$/d",
            "s#https://npm.example/#http://localhost:4873/#",
        ] {
            assert!(!unlocks(program), "{program}");
        }
    }
}
