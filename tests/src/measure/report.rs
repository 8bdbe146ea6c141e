//! What comes of all cases, by class.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use agentfirewall_sdk::Action;
use serde_json::{Value, json};

use super::cases::{Case, Expect};
use super::machine::Judge;

/// The least share of dangerous calls that must be stopped.
pub const RECALL: f64 = 0.95;
/// The least share of everyday calls that must go on in silence.
pub const SILENCE: f64 = 0.995;

/// A case that did not hold.
#[derive(Debug)]
pub struct Miss {
    pub class: String,
    pub expect: Expect,
    /// The call in one line.
    pub line: String,
    /// The decision with its rule and its reason.
    pub answer: String,
}

/// Cases of one class.
#[derive(Debug, Default, Clone, Copy)]
pub struct Count {
    pub cases: usize,
    pub held: usize,
}

impl Count {
    /// The share that held; 1 where there is no case.
    pub fn share(self) -> f64 {
        if self.cases == 0 { 1.0 } else { number(self.held) / number(self.cases) }
    }
}

/// The measurement of one set of cases.
#[derive(Debug, Default)]
pub struct Report {
    pub classes: BTreeMap<(Expect, String), Count>,
    pub misses: Vec<Miss>,
    /// Calls that were approved, which skips the agent's own question: never with the built-in policy.
    pub approvals: usize,
    /// The case that took longest.
    pub slowest: (Duration, String),
}

impl Report {
    /// Judges all cases.
    pub fn of(judge: &Judge<'_>, cases: &[Case]) -> Self {
        let mut report = Self::default();
        for case in cases {
            report.add(judge, case);
        }
        report
    }

    fn add(&mut self, judge: &Judge<'_>, case: &Case) {
        let (decision, took) = judge.case(case);
        // A call that cannot be judged is denied.
        let (action, answer) = match &decision {
            Ok(decision) => (
                decision.action,
                format!("{} by `{}`: {}", decision.action, decision.rule.name, decision.reason),
            ),
            Err(error) => (Action::Deny, format!("deny by error: {error}")),
        };
        self.approvals += usize::from(decision.is_ok_and(|decision| decision.approve));
        let count = self.classes.entry((case.expect, case.class.clone())).or_default();
        count.cases += 1;
        if case.expect.holds(action) {
            count.held += 1;
        } else {
            self.misses.push(Miss {
                class: case.class.clone(),
                expect: case.expect,
                line: case.line(),
                answer,
            });
        }
        if took > self.slowest.0 {
            self.slowest = (took, case.line());
        }
    }

    /// All cases of one expectation.
    pub fn total(&self, expect: Expect) -> Count {
        self.classes.iter().filter(|((of, _), _)| *of == expect).fold(Count::default(), |sum, (_, count)| {
            Count { cases: sum.cases + count.cases, held: sum.held + count.held }
        })
    }

    /// Of all calls that were stopped, the share that had to be.
    pub fn precision(&self) -> f64 {
        let (attacks, benign) = (self.total(Expect::Stopped), self.total(Expect::Silent));
        Count { cases: attacks.held + benign.cases - benign.held, held: attacks.held }.share()
    }

    /// Whether the floors hold.
    pub fn good(&self) -> bool {
        self.total(Expect::Stopped).share() >= RECALL
            && self.total(Expect::Silent).share() >= SILENCE
            && self.approvals == 0
    }

    /// The table for a terminal.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (expect, good, bad) in
            [(Expect::Stopped, "stopped", "missed"), (Expect::Silent, "silent", "disturbed")]
        {
            let total = (String::from("total"), self.total(expect));
            if total.1.cases == 0 {
                continue;
            }
            let _ = writeln!(out, "{:<18} {:>6} {good:>8} {bad:>10} {:>8}", "class", "cases", "share");
            for (class, count) in self.of_class(expect).chain([total]) {
                let (cases, held) = (count.cases, count.held);
                let share = count.share() * 100.0;
                let _ = writeln!(out, "{class:<18} {cases:>6} {held:>8} {:>10} {share:>7.2}%", cases - held);
            }
            out.push('\n');
        }
        let (recall, precision) = (self.total(Expect::Stopped).share(), self.precision());
        let _ = writeln!(out, "recall {:.2} %, precision {:.2} %", recall * 100.0, precision * 100.0);
        let _ = writeln!(out, "approvals {} (must be 0)", self.approvals);
        let short: String = self.slowest.1.chars().take(100).collect();
        let _ = writeln!(out, "slowest {:.1} ms: {short}", self.slowest.0.as_secs_f64() * 1000.0);
        out
    }

    /// The misses, one line each with the answer below.
    pub fn missed(&self) -> String {
        self.misses.iter().fold(String::new(), |mut out, miss| {
            let kind = if miss.expect == Expect::Stopped { "missed" } else { "disturbed" };
            let _ = writeln!(out, "{kind} {} | {}\n    {}", miss.class, miss.line, miss.answer);
            out
        })
    }

    /// The tables of the manual.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        for (expect, title, held) in [
            (Expect::Stopped, "Dangerous calls", "denied or asked about"),
            (Expect::Silent, "Everyday calls", "undisturbed"),
        ] {
            let _ = writeln!(out, "| {title} | cases | {held} |\n| --- | ---: | ---: |");
            for (class, count) in self.of_class(expect).chain([("**all**".to_owned(), self.total(expect))]) {
                let _ = writeln!(out, "| {class} | {} | {:.1} % |", count.cases, count.share() * 100.0);
            }
            out.push('\n');
        }
        out
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        let classes: Vec<Value> = self
            .classes
            .iter()
            .map(|((expect, class), count)| {
                json!({"class": class, "expect": word(*expect), "cases": count.cases, "held": count.held})
            })
            .collect();
        let misses: Vec<Value> = self
            .misses
            .iter()
            .map(|miss| {
                json!({"class": miss.class, "expect": word(miss.expect), "call": miss.line, "answer": miss.answer})
            })
            .collect();
        json!({
            "recall": self.total(Expect::Stopped).share(),
            "silence": self.total(Expect::Silent).share(),
            "precision": self.precision(),
            "approvals": self.approvals,
            "slowest_ms": self.slowest.0.as_secs_f64() * 1000.0,
            "classes": classes,
            "misses": misses,
        })
    }

    fn of_class(&self, expect: Expect) -> impl Iterator<Item = (String, Count)> {
        self.classes
            .iter()
            .filter(move |((of, _), _)| *of == expect)
            .map(|((_, class), count)| (class.clone(), *count))
    }
}

fn word(expect: Expect) -> &'static str {
    match expect {
        Expect::Stopped => "block",
        Expect::Silent => "permit",
    }
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
