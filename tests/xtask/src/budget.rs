//! `cargo xtask budget`: instruction counts of one decision, against the budgets.
//!
//! Instructions are counted, not time measured: a count is the same on a busy machine. Whole processes run under
//! valgrind: the release build, a scrubbed environment, a warm policy cache, an audit log that exists. What is counted
//! is everything between the start of the process and its end, the loader included.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::process::Run;
use crate::workshop::{Outcome, Workshop, read};
use crate::{Result, order, say, tools};

/// One situation and the most instructions a decision in it may take.
struct Case {
    name: &'static str,
    /// How many rules the project's policy has; none means the built-in policy.
    rules: Option<usize>,
    /// How many plugins are installed.
    plugins: usize,
    /// How many sinks a user's policy has, which else says what the built-in one says; none means no such policy.
    sinks: usize,
    /// What the agent sends.
    call: Call,
    budget: Budget,
}

/// A call of a tool.
enum Call {
    /// [`PLAIN`].
    Plain,
    /// A Write of so many bytes of source code without a secret.
    Write(usize),
}

impl Call {
    fn payload(&self, project: &Path) -> String {
        match self {
            Self::Plain => PLAIN.to_owned(),
            Self::Write(length) => {
                let content: String = include_str!("budget.rs").chars().cycle().take(*length).collect();
                let input = json!({"file_path": project.join("notes.rs"), "content": content}).to_string();
                let bash = r#""Bash","tool_input":{"command":"git status","description":"Show the state"}"#;
                PLAIN.replace(bash, &format!(r#""Write","tool_input":{input}"#))
            }
        }
    }
}

/// How much is too much.
enum Budget {
    Instructions(u64),
    /// So many more than the first case takes. Ten idle plugins take 48,000; counts differ by some thousand between machines, by the
    /// lengths of their paths.
    More(u64),
}

/// The number of rules may not be felt: 1,000 of them may cost a tenth more than the built-in policy. Neither may plugins
/// that a call does not need.
const CASES: [Case; 7] = [
    Case {
        name: "default policy",
        rules: None,
        plugins: 0,
        sinks: 0,
        call: Call::Plain,
        budget: Budget::Instructions(700_000),
    },
    Case {
        name: "20 rules",
        rules: Some(20),
        plugins: 0,
        sinks: 0,
        call: Call::Plain,
        budget: Budget::Instructions(700_000),
    },
    Case {
        name: "1,000 rules",
        rules: Some(1_000),
        plugins: 0,
        sinks: 0,
        call: Call::Plain,
        budget: Budget::Instructions(770_000),
    },
    Case {
        name: "10 idle plugins",
        rules: None,
        plugins: 10,
        sinks: 0,
        call: Call::Plain,
        budget: Budget::More(58_000),
    },
    // What it takes now and a tenth, of which 0.65 million are SHA-256 without the processor's instructions for it, which valgrind does
    // not know; the goal is 1.3 times the budget of a call without a text.
    Case {
        name: "Write of 20 KB",
        rules: None,
        plugins: 0,
        sinks: 0,
        call: Call::Write(20_000),
        budget: Budget::Instructions(2_500_000),
    },
    // What it takes now and a tenth, of which 33 million are SHA-256; the goal is 30 million.
    Case {
        name: "Write of 1 MB",
        rules: None,
        plugins: 0,
        sinks: 0,
        call: Call::Write(1_000_000),
        budget: Budget::Instructions(82_000_000),
    },
    Case {
        name: "3 sinks",
        rules: None,
        plugins: 0,
        sinks: 3,
        call: Call::Plain,
        budget: Budget::More(40_000),
    },
];

/// The example that stands for a team's plugin: its package and its library.
const PLUGIN: (&str, &str) = ("acme-token", "libacme_token.so");

/// What an agent sends most often: a harmless command.
const PLAIN: &str = r#"{"session_id":"budget","transcript_path":"/nowhere","cwd":"/","permission_mode":"default","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"git status","description":"Show the state"},"tool_use_id":"toolu_budget"}"#;

/// Compares the counts with the budgets.
pub(crate) fn run(workshop: &Workshop) -> Result<Outcome> {
    let valgrind = match tools::valgrind() {
        Ok(program) => program,
        Err(why) => return Ok(Outcome::LeftOut(why)),
    };
    Run::cargo()
        .args(["build", "--release", "--locked", "--package", PLUGIN.0, "--lib"])
        .args(["--package", "agentfirewall-core", "--example", "bench-load"])
        .folder(workshop.root())
        .run()?;
    let program = order::built(workshop, |run| run)?;
    let library = workshop.target("release").join(PLUGIN.1);
    let mut over = Vec::new();
    let mut first = None;
    for case in &CASES {
        let bench = Bench::new(workshop, case)?;
        if case.plugins > 0 {
            bench.install(&program, &library, case.plugins)?;
        }
        let count = measure(&valgrind, &program, &bench)?;
        let budget = match case.budget {
            Budget::Instructions(most) => most,
            Budget::More(more) => first.unwrap_or(count) + more,
        };
        first.get_or_insert(count);
        say::line(&format!("{:<16} {count:>9} instructions, budget {budget:>9}", case.name));
        if count > budget {
            over.push(case.name);
        }
    }
    over.extend(libraries(&program)?);
    over.extend(touched(workshop, &valgrind, &program)?);
    over.extend(scanning(workshop, &valgrind, &program)?);
    over.extend(loading(workshop, &valgrind, &library)?);
    if over.is_empty() { Ok(Outcome::Done) } else { Err(format!("over the budget: {}", over.join(", "))) }
}

/// The half of the program that the system's loader starts: where the C library is inside, the one beside it.
fn loaded(program: &Path) -> Result<PathBuf> {
    let file = std::fs::read(program).map_err(|error| format!("{}: {error}", program.display()))?;
    let shared = order::has_interpreter(&file);
    Ok(if shared { program.to_owned() } else { program.with_file_name("agentfirewall-host") })
}

/// What the loader maps at every start: nothing, where the program has the C library inside; in its other half, and elsewhere, the C
/// library, itself and what the kernel brings. Each other one is a tenth of a hook.
fn libraries(program: &Path) -> Result<Option<&'static str>> {
    let loaded = loaded(program)?;
    say::line(&format!("C library        {:>9}", if loaded == program { "shared" } else { "inside" }));
    // The loader of the GNU C library lists them instead of starting the program.
    let listed = Run::new(&loaded).bare().env("LD_TRACE_LOADED_OBJECTS", "1").read()?;
    let more: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| {
            !["linux-vdso", "linux-gate", "libc.so", "/lib"].iter().any(|known| name.starts_with(known))
        })
        .collect();
    say::line(&format!(
        "libraries        {:>9}",
        if more.is_empty() { "libc alone".to_owned() } else { more.join(", ") }
    ));
    Ok((!more.is_empty()).then_some("libraries that the loader maps (`cli/src/entry.rs`)"))
}

/// How many windows of sixteen pages of the program a hook may touch, code and constants together; each is a fault.
const WINDOWS: usize = 60;

fn touched(workshop: &Workshop, valgrind: &Path, program: &Path) -> Result<Option<&'static str>> {
    let Some(first) = CASES.first() else { return Ok(None) };
    let bench = Bench::new(workshop, first)?;
    let windows = order::windows(valgrind, program, &|run| bench.hook(run))?;
    say::line(&format!("windows touched  {windows:>9}, budget {WINDOWS:>9}"));
    Ok((windows > WINDOWS).then_some("windows touched (`cargo xtask order`)"))
}

/// What a scan of one small file may take: about two milliseconds.
const SCANNING: u64 = 4_000_000;

fn scanning(workshop: &Workshop, valgrind: &Path, program: &Path) -> Result<Option<&'static str>> {
    let folder = workshop.target("budget").join("scan");
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder.join("home")).map_err(failed)?;
    std::fs::write(folder.join("small.txt"), "name = example\nport = 8080\n").map_err(failed)?;
    // A scan is the other half's, where there are two.
    let program = &loaded(program)?;
    let scan = |run: Run| {
        let run = run.args(["scan", "small.txt"]).bare().env("HOME", folder.join("home"));
        run.folder(&folder).read()
    };
    scan(Run::new(program))?;
    let counts = folder.join("counts");
    let out = format!("--callgrind-out-file={}", counts.display());
    scan(Run::new(valgrind).args(["--tool=callgrind", "--quiet"]).arg(out).arg(program))?;
    let count = total(&read(&counts)?)?;
    say::line(&format!("{:<16} {count:>9} instructions, budget {SCANNING:>9}", "scan of a file"));
    Ok((count > SCANNING).then_some("scan of a file"))
}

/// What a hook pays to load a library that it needs: the handshake, the module and the loader of the system, above a
/// process that only opens the file. The most of it is the resolving of symbols, so the margin is wide.
const LOADING: u64 = 400_000;

fn loading(workshop: &Workshop, valgrind: &Path, library: &Path) -> Result<Option<&'static str>> {
    let program =
        workshop.target("release/examples").join(format!("bench-load{}", std::env::consts::EXE_SUFFIX));
    let counts = workshop.target("budget").join("load");
    let count = |what: &str| -> Result<u64> {
        Run::new(valgrind)
            .args(["--tool=callgrind", "--quiet"])
            .arg(format!("--callgrind-out-file={}", counts.display()))
            .arg(&program)
            .arg(what)
            .arg(library)
            .read()?;
        total(&read(&counts)?)
    };
    let nothing = count("nothing")?;
    let (load, check) = (count("load")?.saturating_sub(nothing), count("check")?.saturating_sub(nothing));
    say::line(&format!("{:<16} {load:>9} instructions, budget {LOADING:>9}", "loading a plugin"));
    say::line(&format!("{:<16} {check:>9} instructions, with the full layout check", "adding a plugin"));
    Ok((load > LOADING).then_some("loading a plugin"))
}

/// The folders of one measurement, empty at the start.
struct Bench {
    home: PathBuf,
    project: PathBuf,
    payload: PathBuf,
    /// Where callgrind writes, a file for each process.
    counts: PathBuf,
}

impl Bench {
    fn new(workshop: &Workshop, case: &Case) -> Result<Self> {
        let folder = workshop.target("budget").join(case.name.replace([' ', ','], "-"));
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(failed)?;
        }
        let bench = Self {
            home: folder.join("home"),
            project: folder.join("project"),
            payload: folder.join("payload.json"),
            counts: folder.join("counts"),
        };
        std::fs::create_dir_all(&bench.home).map_err(failed)?;
        std::fs::create_dir_all(&bench.counts).map_err(failed)?;
        std::fs::create_dir_all(bench.project.join(".agentfirewall")).map_err(failed)?;
        std::fs::write(&bench.payload, case.call.payload(&bench.project)).map_err(failed)?;
        if case.sinks > 0 {
            let config = bench.home.join(".config/agentfirewall");
            std::fs::create_dir_all(&config).map_err(failed)?;
            std::fs::write(config.join("policy.yaml"), policy_with_sinks(case.sinks)).map_err(failed)?;
            std::thread::sleep(std::time::Duration::from_millis(2_200));
        }
        if let Some(rules) = case.rules {
            let policy = bench.project.join(".agentfirewall/policy.yaml");
            std::fs::write(policy, policy_of(rules)).map_err(failed)?;
            // A policy that changed in the last two seconds is compared by its content, since its times may not show
            // a second change; what is counted here is the decision on every other day.
            std::thread::sleep(std::time::Duration::from_millis(2_200));
        }
        Ok(bench)
    }

    /// Installs the plugin, and more of the same under other names, as the lock file has them.
    fn install(&self, program: &Path, library: &Path, plugins: usize) -> Result<()> {
        Run::new(program)
            .args(["plugins", "add"])
            .arg(library)
            .bare()
            .env("HOME", &self.home)
            .folder(&self.project)
            .run()?;
        let path = self.home.join(".config/agentfirewall/plugins.lock");
        let mut lock: Value =
            serde_json::from_str(&read(&path)?).map_err(|error| format!("{}: {error}", path.display()))?;
        let all = lock.get_mut("plugins").and_then(Value::as_array_mut).ok_or("the lock has no plugins")?;
        let one = all.first().cloned().ok_or("the lock has no plugin")?.to_string();
        for number in 1..plugins {
            // Its name, its id and its keywords.
            let other = one.replace("acme", &format!("team{number}"));
            all.push(serde_json::from_str(&other).map_err(|error| error.to_string())?);
        }
        std::fs::write(&path, lock.to_string()).map_err(|error| format!("{}: {error}", path.display()))?;
        // As for policies: a lock that changed just now is compared by its content.
        std::thread::sleep(std::time::Duration::from_millis(2_200));
        Ok(())
    }

    fn hook(&self, run: Run) -> Result<Run> {
        run.args(["hook", "pre-tool-use"])
            .bare()
            .env("HOME", &self.home)
            .env("CLAUDE_PROJECT_DIR", &self.project)
            .folder(&self.project)
            .input(&self.payload)
    }
}

fn measure(valgrind: &Path, program: &Path, bench: &Bench) -> Result<u64> {
    // Twice: the first compiles the policy and begins the log, the second proves that both are found.
    for _ in 0..2 {
        let answer = bench.hook(Run::new(program))?.read()?;
        if !answer.is_empty() {
            return Err(format!("`git status` should pass in silence, the hook said: {}", answer.trim()));
        }
    }
    let run = Run::new(valgrind)
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", bench.counts.join("%p").display()))
        .arg(program);
    bench.hook(run)?.read()?;
    let files = std::fs::read_dir(&bench.counts).map_err(|error| error.to_string())?;
    let mut sum = 0;
    for file in files {
        let text = read(&file.map_err(|error| error.to_string())?.path())?;
        // A process that was killed once its answer was there leaves an empty file.
        if !text.is_empty() {
            sum += total(&text)?;
        }
    }
    if sum == 0 { Err("callgrind wrote no total".to_owned()) } else { Ok(sum) }
}

/// The count in a file that callgrind wrote.
fn total(text: &str) -> Result<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix("summary:").or_else(|| line.strip_prefix("totals:")))
        .and_then(|counts| counts.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| "callgrind wrote no total".to_owned())
}

/// The built-in policy as a user's, with sinks that want to hear of what is stopped.
fn policy_with_sinks(sinks: usize) -> String {
    let mut policy = "name: budget\nextends: [recommended]\ndefault_action: allow\nsinks:\n".to_owned();
    for number in 0..sinks {
        // Writing to a String cannot fail.
        let _written = writeln!(
            policy,
            "  - {{name: sink-{number}, use: webhook, actions: [alert, ask, deny], severity: medium, rules: [\"*\"], with: {{url: \
             \"https://hooks.example.com/{number}\"}}}}"
        );
    }
    policy
}

/// A policy whose rules look like a team's, of which the last lets `git` pass.
fn policy_of(rules: usize) -> String {
    let mut policy = "version: \"1.0\"\nname: budget\ndefault_action: log\nrules:\n".to_owned();
    for number in 1..rules {
        let (tools, resource) = match number % 4 {
            0 => ("Bash", format!("tool{number} --remove *")),
            1 => ("Write", format!("*/generated/{number}/*")),
            2 => ("mcp__*", format!("*customer-{number}*")),
            _ => ("Bash", format!("deploy-{number} *")),
        };
        // Writing to a String cannot fail.
        let _written = write!(
            policy,
            "  - name: rule-{number}\n    tools: [\"{tools}\"]\n    resources: [\"{resource}\"]\n    action: deny\n    reason: Not here\n"
        );
    }
    policy.push_str("  - name: git\n    tools: [\"Bash\"]\n    resources: [\"git *\"]\n    action: allow\n    reason: Harmless\n");
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_and_its_absence_is_an_error() {
        assert_eq!(total("version: 1\nevents: Ir\n0 5\n\nsummary: 141293\n"), Ok(141_293));
        assert_eq!(total("events: Ir\ntotals: 7\n"), Ok(7));
        assert!(total("events: Ir\n").is_err());
    }

    #[test]
    fn policies_have_the_rules_asked_for() {
        assert_eq!(policy_of(20).matches("- name: ").count(), 20);
        assert_eq!(policy_of(1_000).matches("- name: ").count(), 1_000);
    }
}
