//! `cargo xtask corpus`, `bombs` and `differential`: the measuring program behind them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measuring program for engineers: a failure ends it"
)]

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use agentfirewall_tests::measure::machine::Machine;
use agentfirewall_tests::measure::report::Report;
use agentfirewall_tests::measure::{Random, bombs, cases, differential, mutations};

/// How many of the slowest are shown.
const SHOWN: usize = 25;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut words = arguments.iter().map(String::as_str);
    let result = match words.next() {
        Some("corpus") => corpus(words),
        Some("bombs") => bombs(words),
        Some("differential") => differential(words),
        _ => Err("usage: measure corpus|bombs|differential".to_owned()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("measure: {error}");
            ExitCode::FAILURE
        }
    }
}

fn corpus<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<bool, String> {
    let (mut files, mut show, mut json, mut markdown, mut gaps) = (Vec::new(), false, false, false, false);
    while let Some(word) = words.next() {
        match word {
            "--corpus" => files.push(words.next().ok_or("`--corpus` takes a file")?),
            "--show-misses" => show = true,
            "--json" => json = true,
            "--markdown" => markdown = true,
            "--gaps" => gaps = true,
            other => return Err(format!("unknown option `{other}`")),
        }
    }
    let machine = Machine::new();
    let judge = machine.judge();
    let own = Report::of(&judge, &cases::own());
    let mut reports = vec![("our own tables".to_owned(), own)];
    for file in files {
        let cases = cases::corpus(Path::new(file))?;
        reports.push((file.to_owned(), Report::of(&judge, &cases)));
    }
    for (name, report) in &reports {
        if json {
            println!("{}", serde_json::json!({"corpus": name, "report": report.json()}));
        } else if markdown {
            print!("{}", report.markdown());
        } else if gaps {
            for miss in &report.misses {
                println!("- case: '{}'\n  reason: ''", miss.line.replace('\'', "''"));
            }
        } else {
            println!("== {name}\n{}", report.text());
        }
        if show {
            print!("{}", report.missed());
        }
    }
    let good = reports.first().is_some_and(|(_, own)| own.good());
    if !good {
        eprintln!("measure: our own tables miss a floor");
    }
    Ok(good)
}

fn bombs<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<bool, String> {
    let (mut count, mut trace, mut seed, mut limit) = (0_usize, false, 1_u64, usize::MAX);
    let mut only = String::new();
    let number =
        |word: Option<&str>| word.and_then(|word| word.parse::<u64>().ok()).ok_or("a number is missing");
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    while let Some(word) = words.next() {
        match word {
            "--mutations" => count = size(number(words.next())?),
            "--seed" => seed = number(words.next())?,
            "--size" => limit = size(number(words.next())?),
            "--trace" => trace = true,
            "--only" => words.next().ok_or("`--only` takes a part of a name")?.clone_into(&mut only),
            other => return Err(format!("unknown option `{other}`")),
        }
    }
    if only.is_empty() {
        growth();
    }
    for stack in [8, 2] {
        let only = only.clone();
        let worker = std::thread::Builder::new().stack_size(stack << 20).spawn(move || {
            let machine = Machine::new();
            let judge = machine.judge();
            let took = |script: &str| quickest(|| judge.script(script).1);
            let mut times: Vec<(Duration, String)> = Vec::new();
            for bomb in bombs::all(limit).into_iter().filter(|bomb| bomb.name.contains(&only)) {
                if trace {
                    eprintln!("{}", bomb.name);
                }
                times.push((took(&bomb.script), bomb.name));
            }
            let material = mutations::scripts();
            let mut random = Random::new(seed);
            for _ in 0..count {
                let script = mutations::mutation(&mut random, &material);
                if trace {
                    eprintln!("{script:?}");
                }
                times.push((took(&script), script.escape_debug().take(80).collect()));
            }
            times
        });
        let worker = worker.map_err(|error| error.to_string())?;
        let mut times = worker.join().map_err(|_panic| "a script made the judge panic")?;
        times.sort_by_key(|(took, _)| std::cmp::Reverse(*took));
        println!("== {stack} MiB of stack: {} scripts, the slowest:", times.len());
        for (took, name) in times.iter().take(SHOWN) {
            println!("{:>10.1} ms  {name}", took.as_secs_f64() * 1000.0);
        }
    }
    Ok(true)
}

/// What something takes at most that the machine does not disturb: what seems slow is done some times more, and the quickest
/// counts.
fn quickest(mut run: impl FnMut() -> Duration) -> Duration {
    let first = run();
    if first < SLOW {
        return first;
    }
    (0..4).map(|_| run()).fold(first, Duration::min)
}

/// What is measured again.
const SLOW: Duration = Duration::from_millis(5);

/// What everyday scripts cost by their length.
fn growth() {
    let machine = Machine::new();
    let judge = machine.judge();
    println!("== everyday scripts by their length:");
    for size in [1, 4, 16, 32, 64] {
        let script = bombs::everyday(size << 10);
        // Of several runs the quickest: it was disturbed least.
        let runs = (0..5).map(|_| judge.script(&script));
        let Some((decision, took)) = runs.min_by_key(|(_, took)| *took) else { continue };
        let took = took.as_secs_f64() * 1000.0;
        let kib = u32::try_from(script.len()).map_or(f64::NAN, f64::from) / 1024.0;
        let answer = decision.map_or_else(
            |error| error.to_string(),
            |decision| format!("{}: {}", decision.action, decision.reason),
        );
        println!("{kib:>8.1} KiB {took:>8.2} ms {:>8.3} ms/KiB  {answer}", took / kib);
    }
}

fn differential<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<bool, String> {
    let count = words.next().map_or(Ok(1_000), str::parse).map_err(|_error| "that is no number")?;
    let outcome = differential::compare(count, 1).ok_or("this machine has no `bash`")?;
    for script in &outcome.unseen {
        println!("unseen: {script:?}");
    }
    println!(
        "{} accepted by bash, {} rejected, {} unseen",
        outcome.accepted,
        outcome.rejected,
        outcome.unseen.len()
    );
    Ok(outcome.unseen.is_empty())
}
