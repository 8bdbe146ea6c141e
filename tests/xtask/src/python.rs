//! `cargo xtask python`: builds the wheel, installs it where a user would, and tests what was installed.
//!
//! Everything is made in `target/python`. The wheel is built without optimisation, as the gate has built the program before,
//! unless `--release` is given; only then do its size and its speed count. Without a network, or where a Python is too old, what cannot be installed is left
//! out, and said.

use std::path::{Path, PathBuf};

use crate::process::{Run, Stream, answers};
use crate::workshop::{Outcome, Workshop, read};
use crate::{Result, say};

/// The newest Python first: what runs the tools and the tests of the frameworks is one that all of them know.
const MINORS: [u32; 6] = [11, 12, 13, 10, 9, 14];
/// What the original runs on, and the frameworks.
const FRAMEWORKS: std::ops::RangeInclusive<u32> = 11..=13;
/// The largest wheel, in bytes.
const LARGEST: u64 = 15_000_000;

/// The native plugin of the tests.
const PLUGIN: &str = "fixture-wire-v1";

/// The frameworks that resolve together: the name of the set, and its tests.
const SETS: [(&str, &[&str]); 2] = [
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

/// What is built for the tests.
struct Built {
    wheel: PathBuf,
    /// A library with a native plugin.
    library: PathBuf,
}

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
        return Ok(Outcome::LeftOut("no Python from 3.9 to 3.14 with `venv` is on this machine".to_owned()));
    };
    let mut bench = Bench { workshop, folder: workshop.target("python"), left_out: Vec::new() };
    let tools = match bench.tools(first) {
        Ok(tools) => tools,
        Err(why) => return Ok(Outcome::LeftOut(format!("the tools of Python cannot be installed: {why}"))),
    };
    let built = bench.build(&tools, has("--release"))?;
    let modern = pythons.iter().find(|python| FRAMEWORKS.contains(&python.minor));
    let original = modern.and_then(|python| bench.original(&tools, python));
    for python in &pythons {
        bench.tests(&tools, python, &built, original.as_deref(), python.minor == first.minor)?;
    }
    match modern {
        _ if has("--quick") => {}
        Some(python) => {
            for (name, tests) in SETS {
                bench.frameworks(&tools, python, &built.wheel, name, tests)?;
            }
        }
        None => bench.left_out.push("the frameworks and the original need Python 3.11 to 3.13".to_owned()),
    }
    if has("--bench") {
        bench.measure(&tools, first, &built.wheel, original.as_deref())?;
    }
    let there = |minor: &u32| pythons.iter().any(|python| python.minor == *minor);
    let missing: Vec<String> =
        (9..=13).filter(|minor| !there(minor)).map(|minor| format!("3.{minor}")).collect();
    if !missing.is_empty() {
        say::line(&format!("not on this machine, so not tested: Python {}", missing.join(", ")));
    }
    if bench.left_out.is_empty() {
        Ok(Outcome::Done)
    } else {
        Ok(Outcome::LeftOut(bench.left_out.join("; ")))
    }
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
    // The default one may be there without its version in its name.
    let is = format!("import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, {minor}))");
    installed
        .into_iter()
        .rev()
        .chain([PathBuf::from(format!("python3.{minor}")), PathBuf::from("python3")])
        .find(|program| answers(program, &["-c", &is]))
}

struct Bench<'w> {
    workshop: &'w Workshop,
    folder: PathBuf,
    /// What could not be done here, and why.
    left_out: Vec<String>,
}

impl Bench<'_> {
    fn source(&self, inside: &str) -> PathBuf {
        self.workshop.path("sdk/python").join(inside)
    }

    /// The environment with what builds and checks.
    fn tools(&self, python: &Python) -> Result<PathBuf> {
        self.environment("tools", python, &["requirements-tools.txt"], None)
    }

    /// The Python of an environment with the original, which is compared with ours.
    fn original(&mut self, tools: &Path, python: &Python) -> Option<PathBuf> {
        let bin = self.installed("original", python, &["requirements-original.txt"], tools)?;
        Some(bin.join("python"))
    }

    /// An environment, or a note that it cannot be had.
    fn installed(
        &mut self,
        name: &str,
        python: &Python,
        requirements: &[&str],
        tools: &Path,
    ) -> Option<PathBuf> {
        match self.environment(name, python, requirements, Some(tools)) {
            Ok(bin) => Some(bin),
            Err(why) => {
                self.left_out.push(format!("`{name}` cannot be installed: {why}"));
                None
            }
        }
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
        let bare: &[&str] = if uv.is_some() { &["--without-pip"] } else { &[] };
        Run::new(&python.program).args(["-m", "venv", "--clear"]).args(bare).arg(&folder).run()?;
        let mut install = match uv {
            Some(tools) => Run::new(tools.join("uv"))
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
            let limits =
                file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("constraints"));
            install = install.arg(if limits { "-c" } else { "-r" }).arg(file);
        }
        install.run()?;
        std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
        Ok(bin)
    }

    /// The program and the plugin, which the tests of the gate have built before, and the wheel.
    fn build(&self, tools: &Path, release: bool) -> Result<Built> {
        let (profile, folder) = if release { ("release", "release") } else { ("dev", "debug") };
        let built = self.workshop.target(folder);
        for package in ["agentfirewall", PLUGIN] {
            Run::cargo()
                .args(["build", "--locked", "--profile", profile, "--package", package])
                // One program for systems with other C libraries than this one's.
                .env("AGENTFIREWALL_LIBC", "shared")
                .folder(self.workshop.root())
                .run()?;
        }
        let wheel = self.wheel(tools, profile, &built)?;
        let bytes = std::fs::metadata(&wheel).map_err(|error| format!("{}: {error}", wheel.display()))?.len();
        say::line(&format!("{bytes} bytes: {}", wheel.display()));
        if release && bytes > LARGEST {
            return Err(format!("the wheel has {bytes} bytes, {LARGEST} are the limit"));
        }
        let (before, after) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        Ok(Built { wheel, library: built.join(format!("{before}{}{after}", PLUGIN.replace('-', "_"))) })
    }

    /// The wheel with the program and the extension module in it.
    fn wheel(&self, tools: &Path, profile: &str, built: &Path) -> Result<PathBuf> {
        let scripts = self.source("wheel/scripts");
        let put = |error: std::io::Error| format!("{}: {error}", scripts.display());
        std::fs::create_dir_all(&scripts).map_err(put)?;
        std::fs::copy(built.join("agentfirewall"), scripts.join("agentfirewall")).map_err(put)?;
        let out = self.folder.join("wheels").join(profile);
        let _nothing_there = std::fs::remove_dir_all(&out);
        Run::new(tools.join("maturin"))
            .args(["build", "--locked", "--profile", profile, "--auditwheel", "skip"])
            // What is large and used once is not worth compressing.
            .args(if profile == "release" {
                ["--compression-level", "9"]
            } else {
                ["--compression-method", "stored"]
            })
            .arg("--interpreter")
            .arg(tools.join("python"))
            .arg("--manifest-path")
            .arg(self.source("Cargo.toml"))
            .arg("--out")
            .arg(&out)
            .env("CARGO_TARGET_DIR", self.workshop.target(""))
            .folder(self.workshop.root())
            .run()?;
        std::fs::read_dir(&out)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
            .ok_or_else(|| "maturin built no wheel".to_owned())
    }

    /// Formatting, lint and types of the package and of its tests, which use the installed one as a program does; and
    /// whether the extension is what its stub says.
    fn checks(&self, tools: &Path, bin: &Path, wheel: &Path) -> Result<()> {
        let package = self.source("");
        let run = |tool: &str, arguments: &[&str]| {
            Run::new(tools.join(tool)).args(arguments.iter().copied()).folder(&package).run()
        };
        run("ruff", &["format", "--no-cache", "--check", "."])?;
        run("ruff", &["check", "--no-cache", "."])?;
        let (cache, python) = (self.folder.join("mypy").display().to_string(), bin.join("python"));
        let python = python.display().to_string();
        run("mypy", &["--cache-dir", &cache, "--exclude", "adapters", "python/agentfirewall"])?;
        run(
            "mypy",
            &[
                "--cache-dir",
                &cache,
                "--python-executable",
                &python,
                "--exclude",
                "adapters|compat_program",
                "tests",
            ],
        )?;
        run("basedpyright", &["--pythonpath", &python])?;
        // Of the tools' own environment, which is made by the same Python.
        self.install(tools, tools, wheel)?;
        run("stubtest", &["agentfirewall._native", "--ignore-disjoint-bases"])
    }

    /// The tests in an environment with the wheel.
    fn tests(
        &mut self,
        tools: &Path,
        python: &Python,
        built: &Built,
        original: Option<&Path>,
        first: bool,
    ) -> Result<()> {
        let name = format!("env-3.{}", python.minor);
        let Some(bin) = self.installed(&name, python, &["requirements-tests.txt"], tools) else {
            return Ok(());
        };
        self.fresh(tools, python, &built.wheel)?;
        self.install(tools, &bin, &built.wheel)?;
        if first {
            self.checks(tools, &bin, &built.wheel)?;
        }
        let run = self
            .pytest(&bin)
            .env("AGENTFIREWALL_LIBRARY", &built.library)
            .arg("--ignore")
            .arg(self.source("tests/adapters"))
            .arg(self.source("tests"));
        self.counted(match original {
            Some(original) => run.env("AGENTFIREWALL_ORIGINAL", original),
            None => run,
        })
    }

    /// The wheel as a user has it: `pip install` in an environment with nothing else in it, and without a network, which it
    /// does not need.
    fn fresh(&self, tools: &Path, python: &Python, wheel: &Path) -> Result<()> {
        let folder = self.folder.join("fresh");
        Run::new(&python.program).args(["-m", "venv", "--clear", "--without-pip"]).arg(&folder).run()?;
        let bin = folder.join("bin");
        Run::new(tools.join("python"))
            .args(["-m", "pip", "--python"])
            .arg(bin.join("python"))
            .args(["install", "--quiet", "--disable-pip-version-check", "--no-index"])
            .arg(wheel)
            .run()?;
        Run::new(bin.join("agentfirewall")).arg("--version").run()?;
        self.import_time(&bin)
    }

    fn pytest(&self, bin: &Path) -> Run {
        Run::new(bin.join("python"))
            .args(["-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"])
            .folder(&self.folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
    }

    fn install(&self, tools: &Path, bin: &Path, wheel: &Path) -> Result<()> {
        Run::new(tools.join("uv"))
            .args(["pip", "install", "--quiet", "--reinstall-package", "agentfirewall-rs", "--python"])
            .arg(bin.join("python"))
            .arg(wheel)
            .run()
    }

    /// Says how long the quickest of some imports takes: what the machine does beside has no part in it.
    fn import_time(&self, bin: &Path) -> Result<()> {
        let code = "import time; a = time.perf_counter(); import agentfirewall; print((time.perf_counter() - a) * 1e3)";
        let mut best = f64::MAX;
        for _ in 0..7 {
            let took = Run::new(bin.join("python")).args(["-c", code]).folder(&self.folder).read()?;
            best = best.min(took.trim().parse().map_err(|error| format!("`{took}`: {error}"))?);
        }
        say::line(&format!("import: {best:.1} ms"));
        Ok(())
    }

    /// The adapters with the real packages of frameworks: their types, and what they do.
    fn frameworks(
        &mut self,
        tools: &Path,
        python: &Python,
        wheel: &Path,
        name: &str,
        tests: &[&str],
    ) -> Result<()> {
        let (required, limits) =
            (format!("adapters/requirements-{name}.txt"), format!("adapters/constraints-{name}.txt"));
        let Some(bin) = self.installed(name, python, &[&required, &limits], tools) else { return Ok(()) };
        self.install(tools, &bin, wheel)?;
        Run::new(tools.join("basedpyright"))
            .arg("--project")
            .arg(self.source("tests/adapters").join(format!("pyright-{name}.json")))
            .arg("--pythonpath")
            .arg(bin.join("python"))
            .run()?;
        self.counted(
            self.pytest(&bin).args(tests.iter().map(|test| self.source("tests/adapters").join(test))),
        )
    }

    /// The same calls given to the original and to us.
    fn measure(
        &mut self,
        tools: &Path,
        python: &Python,
        wheel: &Path,
        original: Option<&Path>,
    ) -> Result<()> {
        let name = format!("env-3.{}", python.minor);
        let Some(bin) = self.installed(&name, python, &["requirements-tests.txt"], tools) else {
            return Ok(());
        };
        self.install(tools, &bin, wheel)?;
        let run = Run::new(bin.join("python")).arg(self.source("benches/check.py")).folder(&self.folder);
        match original {
            Some(original) => run.arg("--original").arg(original).run(),
            None => run.run(),
        }
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
