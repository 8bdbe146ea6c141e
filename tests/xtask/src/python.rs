//! `cargo xtask python`: builds the wheel, installs it where a user would, and tests what was installed.
//!
//! Everything is made in `target/python`. The wheel is built with the profile of the gate unless `--release` is given; only
//! then is its size the one that counts.

use std::path::{Path, PathBuf};

use crate::process::{Run, Stream, answers};
use crate::workshop::{Outcome, Workshop, read};
use crate::{Result, say};

/// The newest Python first: what runs the tools and the tests of the frameworks is one that all of them know.
const MINORS: [u32; 6] = [11, 9, 10, 12, 13, 14];
/// The largest wheel, in bytes.
const LARGEST: u64 = 15_000_000;
/// The longest import that is no fault, in milliseconds: ten times what a machine without load takes.
const LONGEST_IMPORT: f64 = 300.0;

/// An interpreter that is on this machine.
struct Python {
    minor: u32,
    program: PathBuf,
}

/// Runs everything; `--release` builds as a release is built, `--bench` measures too, `--quick` leaves out the frameworks.
pub(crate) fn run(workshop: &Workshop, options: &[&str]) -> Result<Outcome> {
    let known = ["--release", "--bench", "--quick"];
    if let Some(other) = options.iter().find(|option| !known.contains(option)) {
        return Err(format!("unknown option `{other}`: `python` takes --release, --bench and --quick"));
    }
    if !cfg!(unix) {
        return Ok(Outcome::LeftOut("the package is built and tested on Linux and macOS".to_owned()));
    }
    let has = |option: &str| options.contains(&option);
    let pythons = pythons();
    let Some(first) = pythons.first() else {
        return Ok(Outcome::LeftOut("no Python from 3.9 to 3.14 is on this machine".to_owned()));
    };
    let bench = Bench { workshop, folder: workshop.target("python") };
    let tools = bench.environment("tools", first, &["requirements-tools.txt"], None)?;
    let wheel = bench.wheel(&tools, has("--release"))?;
    bench.checks(&tools)?;
    for python in &pythons {
        let original = if python.minor == first.minor { Some(bench.original(&tools, python)?) } else { None };
        bench.tests(&tools, python, &wheel, original.as_deref())?;
    }
    if !has("--quick") {
        bench.frameworks(&tools, &pythons, &wheel)?;
    }
    if has("--bench") {
        bench.measure(&tools, first, &wheel)?;
    }
    let there: Vec<u32> = pythons.iter().map(|python| python.minor).collect();
    let missing: Vec<String> =
        (9..=13).filter(|minor| !there.contains(minor)).map(|minor| format!("3.{minor}")).collect();
    if missing.is_empty() {
        return Ok(Outcome::Done);
    }
    say::line(&format!("not on this machine, so not tested: Python {}", missing.join(", ")));
    Ok(Outcome::Done)
}

/// The interpreters on `PATH` and in pyenv's folder.
fn pythons() -> Vec<Python> {
    MINORS.iter().filter_map(|&minor| Some(Python { minor, program: program(minor)? })).collect()
}

fn program(minor: u32) -> Option<PathBuf> {
    let root = std::env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".pyenv")))?;
    let prefix = format!("3.{minor}.");
    let mut installed: Vec<PathBuf> = std::fs::read_dir(root.join("versions"))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .map(|entry| entry.path().join("bin/python"))
        .collect();
    installed.sort();
    installed
        .into_iter()
        .rev()
        .chain([PathBuf::from(format!("python3.{minor}"))])
        .find(|program| answers(program, &["-c", "import venv, ensurepip"]))
}

struct Bench<'w> {
    workshop: &'w Workshop,
    folder: PathBuf,
}

impl Bench<'_> {
    fn source(&self, inside: &str) -> PathBuf {
        self.workshop.path("sdk/python").join(inside)
    }

    /// An environment with the packages of requirement files below the tests, made anew when one of them changes.
    fn environment(
        &self,
        name: &str,
        python: &Python,
        requirements: &[&str],
        uv: Option<&Path>,
    ) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        let bin = folder.join("bin");
        let files: Vec<PathBuf> = requirements.iter().map(|file| self.source("tests").join(file)).collect();
        let mut wanted = python.program.display().to_string();
        for file in &files {
            wanted.push_str(&read(file)?);
        }
        let stamp = folder.join("requirements");
        if std::fs::read_to_string(&stamp).is_ok_and(|text| text == wanted)
            && answers(bin.join("python"), &["--version"])
        {
            return Ok(bin);
        }
        Run::new(&python.program).args(["-m", "venv", "--clear"]).arg(&folder).run()?;
        if !files.is_empty() {
            let mut install = match uv {
                Some(bin_of_tools) => Run::new(bin_of_tools.join("uv"))
                    .args(["pip", "install", "--quiet", "--python"])
                    .arg(bin.join("python")),
                None => Run::new(bin.join("python")).args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                ]),
            };
            for file in &files {
                install = install.arg("-r").arg(file);
            }
            install.run()?;
        }
        std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
        Ok(bin)
    }

    /// The wheel with the program and the extension module in it.
    fn wheel(&self, tools: &Path, release: bool) -> Result<PathBuf> {
        let profile = if release { "release" } else { "gate" };
        let root = self.workshop.root();
        let target = self.workshop.target("");
        Run::cargo()
            .args([
                "build",
                "--locked",
                "--package",
                "agentfirewall",
                "--bin",
                "agentfirewall",
                "--profile",
                profile,
            ])
            .folder(root)
            .run()?;
        let scripts = self.source("wheel/scripts");
        let put = |error: std::io::Error| format!("{}: {error}", scripts.display());
        std::fs::create_dir_all(&scripts).map_err(put)?;
        std::fs::copy(target.join(profile).join("agentfirewall"), scripts.join("agentfirewall"))
            .map_err(put)?;
        let out = self.folder.join("wheels").join(profile);
        let _nothing_there = std::fs::remove_dir_all(&out);
        Run::new(tools.join("maturin"))
            .args(["build", "--locked", "--profile", profile, "--auditwheel", "skip", "--interpreter"])
            .arg(tools.join("python"))
            .arg("--manifest-path")
            .arg(self.source("Cargo.toml"))
            .arg("--out")
            .arg(&out)
            .env("CARGO_TARGET_DIR", &target)
            .folder(root)
            .run()?;
        let wheel = std::fs::read_dir(&out)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
            .ok_or("maturin built no wheel")?;
        let bytes = std::fs::metadata(&wheel).map_err(|error| format!("{}: {error}", wheel.display()))?.len();
        say::line(&format!("{} bytes: {}", bytes, wheel.display()));
        if release && bytes > LARGEST {
            return Err(format!("the wheel has {bytes} bytes, {LARGEST} are the limit"));
        }
        Ok(wheel)
    }

    /// Formatting, lint and types of the package and its tests.
    fn checks(&self, tools: &Path) -> Result<()> {
        let package = self.source("");
        let run = |tool: &str, arguments: &[&str]| {
            Run::new(tools.join(tool)).args(arguments.iter().copied()).folder(&package).run()
        };
        run("ruff", &["format", "--no-cache", "--check", "."])?;
        run("ruff", &["check", "--no-cache", "."])?;
        let cache = self.folder.join("mypy").display().to_string();
        run("mypy", &["--cache-dir", &cache, "--exclude", "adapters", "python/agentfirewall"])?;
        run("basedpyright", &["--pythonpath", &tools.join("python").display().to_string()])
    }

    /// The Python of an environment with the original, which is compared with ours.
    fn original(&self, tools: &Path, python: &Python) -> Result<PathBuf> {
        Ok(self.environment("original", python, &["requirements-original.txt"], Some(tools))?.join("python"))
    }

    /// An environment with the wheel, as a user has it, and the tests in it.
    fn tests(&self, tools: &Path, python: &Python, wheel: &Path, original: Option<&Path>) -> Result<()> {
        let name = format!("env-3.{}", python.minor);
        let bin = self.environment(&name, python, &["requirements-tests.txt"], Some(tools))?;
        self.install(tools, &bin, wheel)?;
        self.import_time(&bin)?;
        let mut run = Run::new(bin.join("python"))
            .args(["-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"])
            .arg("--ignore")
            .arg(self.source("tests/adapters"))
            .arg(self.source("tests"))
            .folder(&self.folder)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        if let Some(original) = original {
            run = run.env("AGENTFIREWALL_ORIGINAL", original);
        }
        self.counted(run)
    }

    fn install(&self, tools: &Path, bin: &Path, wheel: &Path) -> Result<()> {
        Run::new(tools.join("uv"))
            .args(["pip", "install", "--quiet", "--reinstall-package", "agentfirewall-rs", "--python"])
            .arg(bin.join("python"))
            .arg(wheel)
            .run()
    }

    /// The quickest of some imports: what the machine does beside has no part in it.
    fn import_time(&self, bin: &Path) -> Result<()> {
        let code = "import time; a = time.perf_counter(); import agentfirewall; print((time.perf_counter() - a) * 1e3)";
        let mut best = f64::MAX;
        for _ in 0..7 {
            let took = Run::new(bin.join("python")).args(["-c", code]).folder(&self.folder).read()?;
            best = best.min(took.trim().parse().map_err(|error| format!("`{took}`: {error}"))?);
        }
        say::line(&format!("import: {best:.1} ms"));
        if best > LONGEST_IMPORT {
            return Err(format!("the import takes {best:.0} ms"));
        }
        Ok(())
    }

    /// The adapters with the real package of each framework.
    fn frameworks(&self, tools: &Path, pythons: &[Python], wheel: &Path) -> Result<()> {
        let Some(python) = pythons.iter().find(|python| (11..=13).contains(&python.minor)) else {
            say::line("the frameworks need Python 3.11 to 3.13, which is not on this machine");
            return Ok(());
        };
        let sets: [(&str, &[&str]); 2] = [
            (
                "agents",
                &[
                    "test_guard.py",
                    "test_agent_framework.py",
                    "test_claude_agent_sdk.py",
                    "test_google_adk.py",
                    "test_langchain.py",
                    "test_mcp.py",
                    "test_openai_agents.py",
                    "test_strands.py",
                ],
            ),
            ("crewai", &["test_crewai.py", "test_mcp.py"]),
        ];
        for (name, tests) in sets {
            let file = format!("adapters/requirements-{name}.txt");
            let bin = self.environment(name, python, &[&file], Some(tools))?;
            self.install(tools, &bin, wheel)?;
            let run = Run::new(bin.join("python"))
                .args(["-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"])
                .args(tests.iter().map(|test| self.source("tests/adapters").join(test)))
                .folder(&self.folder)
                .env("PYTHONDONTWRITEBYTECODE", "1");
            self.counted(run)?;
        }
        Ok(())
    }

    /// The same calls given to the original and to us.
    fn measure(&self, tools: &Path, python: &Python, wheel: &Path) -> Result<()> {
        let script = self.source("benches/check.py");
        let original = self.original(tools, python)?;
        let bin = self.environment(
            &format!("env-3.{}", python.minor),
            python,
            &["requirements-tests.txt"],
            Some(tools),
        )?;
        self.install(tools, &bin, wheel)?;
        Run::new(bin.join("python")).arg(&script).arg("--original").arg(&original).folder(&self.folder).run()
    }

    /// Runs pytest and adds what it says to the count of the gate.
    fn counted(&self, run: Run) -> Result<()> {
        let mut last = String::new();
        let success = run.watch(Stream::Output, |line| {
            if line.contains(" passed") || line.contains(" failed") || line.contains(" error") {
                line.clone_into(&mut last);
            }
        })?;
        let (passed, failed) = (number(&last, "passed"), number(&last, "failed") + number(&last, "error"));
        self.workshop.count(passed, failed);
        if success { Ok(()) } else { Err(format!("tests of Python failed: {}", last.trim())) }
    }
}

/// The number before a word in pytest's last line.
fn number(line: &str, word: &str) -> u64 {
    let words: Vec<&str> = line.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    words
        .windows(2)
        .find_map(|pair| match pair {
            [number, what] if what.starts_with(word) => number.parse().ok(),
            _ => None,
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_pytest_are_read() {
        let line = "1 failed, 31 passed, 2 skipped, 3 errors in 4.05s";
        assert_eq!([number(line, "passed"), number(line, "failed"), number(line, "error")], [31, 1, 3]);
        assert_eq!(number("12 passed in 0.10s", "passed"), 12);
        assert_eq!(number("no tests ran", "passed"), 0);
    }
}
