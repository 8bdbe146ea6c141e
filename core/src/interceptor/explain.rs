//! Why a call is decided as it is: what was understood of it, which rules were asked about which part of it, and whose
//! answer was the strictest.
//!
//! There is no second judgement here. [`Interceptor::explain`] judges as [`Interceptor::check`] does and takes notes.

use agentfirewall_sdk::{Action, Confidence, Decision, Direction, LocatedFinding, RuleRef, ToolCall};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{CheckError, Interceptor};
use crate::facts::{Facts, Part, Weight};
use crate::policy::{Layer, Rule};
use crate::secrets::{EngineError, MaskError, Salt, mask_value};
use crate::understand::{Contacted, HOLE, Origin, Touched, UNKNOWN, Understood};

/// Everything there is to say about how a call is decided. In its texts `…` stands for what is not known before the
/// call runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The tool.
    pub tool: String,
    /// What was understood of the call.
    pub understood: Understanding,
    /// What each layer's rules say, part by part.
    pub layers: Vec<LayerExplained>,
    /// The answers, of which the strictest is the decision: the layers', then what nobody can configure.
    pub verdicts: Vec<Verdict>,
    /// The decision. Its `findings` say what the detectors found, never the secrets.
    pub decision: Decision,
}

/// What was understood of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Understanding {
    /// The simple commands, in the order in which they were found.
    pub commands: Vec<CommandExplained>,
    /// The paths.
    pub paths: Vec<PathExplained>,
    /// The hosts.
    pub hosts: Vec<HostExplained>,
    /// What the call does, by the names that policies use.
    pub effects: Vec<EffectExplained>,
    /// Pipelines as texts, with and without the wrappers of their commands.
    pub pipelines: Vec<String>,
    /// Why the call was not understood in full, if so.
    pub undecidable: Option<String>,
}

/// One simple command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandExplained {
    /// As it is written, for a command that stands in the script; otherwise its words.
    pub text: String,
    /// The program's name without its folder, its version and `.exe`.
    pub program: String,
    /// All words as the program gets them.
    pub argv: Vec<String>,
    /// Its subcommands.
    pub subcommand: Vec<String>,
    /// Its options, written out where the program is known.
    pub options: Vec<OptionExplained>,
    /// What is neither an option, nor its value, nor a subcommand.
    pub operands: Vec<String>,
    /// The programs it is wrapped in, outermost first.
    pub wrappers: Vec<String>,
    /// Whether every word is known.
    pub known: bool,
    /// Whether the program's name is known and what it is given to run, too.
    pub clear: bool,
    /// Whether it runs on another machine or in a container.
    pub elsewhere: bool,
    /// Whether only rules that restrict are asked about it.
    pub mention: bool,
}

/// An option of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionExplained {
    /// Its name, with its hyphens.
    pub name: String,
    /// Its value, if it has one.
    pub value: Option<String>,
}

/// A path that is touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathExplained {
    /// As the command or the call names it.
    pub written: String,
    /// Absolute, without `.` and `..`; empty where nothing is known.
    pub lexical: String,
    /// With links resolved as far as the path exists.
    pub canonical: String,
    /// `read`, `write`, `delete`, `execute` or `unknown`.
    pub access: String,
    /// Whether all that lies below is touched too.
    pub tree: bool,
    /// Whether the whole path is known; otherwise it is somewhere at or below what is said here.
    pub known: bool,
    /// Whether it is a pattern for several paths.
    pub wild: bool,
    /// The named sets it is in.
    pub sets: Vec<String>,
    /// The command that touches it: its place in `commands`.
    pub command: Option<usize>,
}

/// A host that is talked to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostExplained {
    /// The address as it is written.
    pub written: String,
    /// The host in lower case; empty if unknown.
    pub host: String,
    /// The port, where it is written.
    pub port: Option<u16>,
    /// What happens between here and there.
    pub direction: Direction,
    /// The command that talks to it: its place in `commands`.
    pub command: Option<usize>,
}

/// Something the call does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectExplained {
    /// Such as `git.force-push`.
    pub id: String,
    /// What exactly.
    pub detail: String,
    /// Where it comes from.
    pub by: By,
}

/// Where an effect comes from: a place in `commands`, `paths` or `hosts`, or the call as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// A command.
    Command(usize),
    /// A path.
    Path(usize),
    /// A host.
    Host(usize),
    /// The call.
    Call,
}

/// How a layer of the policy judges the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerExplained {
    /// `managed`, `user`, `project` or `default`.
    pub layer: String,
    /// The policy's file; `<built-in default policy>` for the embedded one.
    pub file: String,
    /// The policy's name.
    pub policy: String,
    /// What happens to a part that no rule matches.
    pub default_action: Action,
    /// Whether the layer only records what it would have done.
    pub monitor: bool,
    /// How many rules it has. Those that are named nowhere below cannot match any text of the call, which an index says
    /// without asking them.
    pub rules: u32,
    /// Rules whose resources could match and whose tools do not.
    pub other_tools: Vec<RuleNamed>,
    /// The parts of the call in the order in which they were judged.
    pub parts: Vec<PartExplained>,
}

/// A rule and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleNamed {
    /// Its name.
    pub name: String,
    /// The built-in pack it comes from; empty for a rule of the file itself.
    pub pack: String,
    /// Its line in the file, or in the pack.
    pub line: u32,
    /// What it says of what it matches.
    pub action: Action,
    /// Whether it only records.
    pub monitor: bool,
}

/// One part of a call, as one layer judges it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartExplained {
    /// `call`, `command`, `script`, `path`, `host` or `effect`.
    pub kind: String,
    /// Its first spelling.
    pub text: String,
    /// Each reading with its spellings: a rule that restricts needs one spelling of one reading, one that permits a
    /// spelling of every reading.
    pub readings: Vec<Vec<String>>,
    /// Spellings that only rules that restrict see.
    pub hints: Vec<String>,
    /// Whether only rules that restrict are asked about it, so that it never falls to the default action.
    pub mention: bool,
    /// The rules that were asked, in the order of the policy.
    pub asked: Vec<Asked>,
    /// The rule that judges it.
    pub rule: Option<RuleNamed>,
    /// What becomes of it. Nothing for a mention that no rule is about. Without a `rule` it is the default action.
    pub action: Option<Action>,
    /// Whether it is the part that the layer's answer is about.
    pub decides: bool,
}

/// A rule that was asked about a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The rule.
    #[serde(flatten)]
    pub rule: RuleNamed,
    /// What came of it.
    pub result: Answer,
}

/// What a rule says of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It matches, and no later rule is asked.
    Matches,
    /// It is about one reading of several: it counts, and later rules are asked about the others.
    MatchesPartly,
    /// It matches and is only recorded.
    Monitored,
    /// Its `resources` are others.
    Resources,
    /// It permits by `resources`, and the part's text does not say all that the part does.
    NotUnderstood,
    /// Its `match` does not hold.
    Match,
    /// A plugin that its `match` asks failed, and the policy goes on without it.
    PluginFailed,
    /// It permits by a pattern, or is about everything, and such rules have no say about a mention.
    NotForMentions,
    /// It permits everything, so that later rules have no say about a mention.
    EndsMentions,
}

/// One of the answers of which the strictest is the decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The answer.
    pub action: Action,
    /// Whose it is.
    pub rule: RuleRef,
    /// Why.
    pub reason: String,
    /// What it would be without monitor mode.
    pub would: Option<Action>,
    /// Whether it is the decision.
    pub decides: bool,
}

/// Why an explanation cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum UnmaskedError {
    /// A detector failed.
    #[error(transparent)]
    Detector(#[from] EngineError),
    /// A secret could not be masked.
    #[error(transparent)]
    Mask(#[from] MaskError),
    /// With its secrets masked it is none.
    #[error("the explanation cannot be shown without its secrets: {0}")]
    Shape(#[from] serde_json::Error),
}

/// The notes of a judgement.
#[derive(Debug, Default)]
pub(super) struct Trace {
    layers: Vec<LayerExplained>,
    verdicts: Vec<Verdict>,
}

/// The notes of one layer's judgement.
#[derive(Debug, Default)]
pub(super) struct LayerTrace {
    other_tools: Vec<RuleNamed>,
    parts: Vec<PartExplained>,
    /// The place of the part that decides.
    decides: Option<usize>,
}

impl Trace {
    pub(super) fn layer(&mut self, layer: &Layer<'_>, mut notes: LayerTrace) {
        if let Some(part) = notes.decides.and_then(|at| notes.parts.get_mut(at)) {
            part.decides = true;
        }
        self.layers.push(LayerExplained {
            layer: layer.kind.as_str().to_owned(),
            file: layer.source.to_owned(),
            policy: layer.name.to_owned(),
            default_action: layer.default_action,
            monitor: layer.monitor,
            rules: layer.rule_count(),
            other_tools: notes.other_tools,
            parts: notes.parts,
        });
    }

    pub(super) fn verdict(&mut self, decision: &Decision) {
        self.verdicts.push(Verdict {
            action: decision.action,
            rule: decision.rule.clone(),
            reason: decision.reason.clone(),
            would: decision.would,
            decides: false,
        });
    }
}

impl LayerTrace {
    pub(super) fn other_tools(&mut self, rule: &Rule<'_>) {
        self.other_tools.push(RuleNamed::of(rule));
    }

    pub(super) fn part(
        &mut self,
        part: &Part,
        asked: Vec<Asked>,
        rule: Option<&Rule<'_>>,
        action: Option<Action>,
    ) {
        let all = |texts: &[String]| texts.iter().map(|text| shown(text)).collect::<Vec<_>>();
        let readings: Vec<Vec<String>> = part.readings.iter().map(|reading| all(reading)).collect();
        self.parts.push(PartExplained {
            kind: part.kind.as_str().to_owned(),
            text: readings.first().and_then(|reading| reading.first()).cloned().unwrap_or_default(),
            readings,
            hints: all(&part.hints),
            mention: part.weight == Weight::Mention,
            asked,
            rule: rule.map(RuleNamed::of),
            action,
            decides: false,
        });
    }

    /// The part noted last decides so far.
    pub(super) fn decides(&mut self) {
        self.decides = self.parts.len().checked_sub(1);
    }
}

impl RuleNamed {
    fn of(rule: &Rule<'_>) -> Self {
        let pack = rule.pack.to_owned();
        Self { name: rule.name.to_owned(), pack, line: rule.line, action: rule.action, monitor: rule.monitor }
    }
}

/// Notes what a rule said.
pub(super) fn note(asked: &mut Option<&mut Vec<Asked>>, rule: &Rule<'_>, result: Answer) {
    if let Some(asked) = asked {
        asked.push(Asked { rule: RuleNamed::of(rule), result });
    }
}

impl Interceptor<'_> {
    /// Decides a call and says why. What it gives quotes the call; show it to nobody before it is
    /// [`masked`](Explanation::masked).
    ///
    /// # Errors
    ///
    /// As for [`check`](Self::check).
    pub fn explain(&self, call: &ToolCall) -> Result<Explanation, CheckError> {
        let facts = self.facts(call);
        let mut trace = Trace::default();
        let decision = self.judge(call, &facts, Some(&mut trace))?;
        let Trace { layers, mut verdicts } = trace;
        let decides = verdicts
            .iter_mut()
            .find(|verdict| verdict.action == decision.action && verdict.rule == decision.rule);
        if let Some(verdict) = decides {
            verdict.decides = true;
        }
        Ok(Explanation {
            tool: call.tool.clone(),
            understood: Understanding::of(&facts),
            layers,
            verdicts,
            decision,
        })
    }
}

impl Explanation {
    /// The same without the secrets of the call, wherever they stand: those the detectors find in the call, as in its
    /// audit record, and those they find in what was made of it, such as words that were put together.
    ///
    /// # Errors
    ///
    /// A detector fails, or nothing is left that could be shown.
    pub fn masked(
        self,
        call: &ToolCall,
        interceptor: &Interceptor<'_>,
        salt: &Salt,
    ) -> Result<Self, UnmaskedError> {
        let mut value = json!({"call": call.input, "explanation": serde_json::to_value(&self)?});
        let mut findings: Vec<LocatedFinding> = self
            .decision
            .findings
            .iter()
            .map(|found| LocatedFinding::new(format!("/call{}", found.pointer), found.finding.clone()))
            .collect();
        for found in interceptor.scan(&value)?.findings {
            if !findings.contains(&found) {
                findings.push(found);
            }
        }
        for found in &mut findings {
            // What is merely possible is masked wherever it stands too: a word has lost the option it stood behind.
            found.finding.confidence = Confidence::High;
        }
        mask_value(&mut value, &findings, salt)?;
        let masked = value.get_mut("explanation").map(Value::take).unwrap_or_default();
        Ok(serde_json::from_value(masked)?)
    }
}

impl Understanding {
    fn of(facts: &Facts) -> Self {
        let seen = &facts.seen;
        Self {
            commands: seen.commands.iter().map(CommandExplained::of).collect(),
            paths: seen.paths.iter().map(PathExplained::of).collect(),
            hosts: seen.hosts.iter().map(HostExplained::of).collect(),
            effects: seen
                .effects
                .iter()
                .map(|(effect, origin)| EffectExplained {
                    id: effect.id.clone(),
                    detail: shown(&effect.detail),
                    by: match *origin {
                        Origin::Command(at) => By::Command(at),
                        Origin::Path(at) => By::Path(at),
                        Origin::Host(at) => By::Host(at),
                        Origin::Call => By::Call,
                    },
                })
                .collect(),
            pipelines: seen.pipelines.iter().map(|text| shown(text)).collect(),
            undecidable: seen.undecidable.map(str::to_owned),
        }
    }
}

impl CommandExplained {
    fn of(command: &Understood) -> Self {
        let all = |texts: &[String]| texts.iter().map(|text| shown(text)).collect::<Vec<_>>();
        let fact = &command.fact;
        let argv = if fact.argv.is_empty() {
            command.argv.iter().map(|word| shown(&word.text)).collect()
        } else {
            all(&fact.argv)
        };
        Self {
            text: shown(&command.raw),
            program: shown(&fact.program),
            argv,
            subcommand: all(&fact.subcommand),
            options: fact
                .options
                .iter()
                .map(|(name, value)| OptionExplained {
                    name: shown(name),
                    value: value.as_deref().map(shown),
                })
                .collect(),
            operands: all(&fact.operands),
            wrappers: all(&fact.wrappers),
            known: fact.known,
            clear: command.clear,
            elsewhere: command.elsewhere,
            mention: command.mention,
        }
    }
}

impl PathExplained {
    fn of(touched: &Touched) -> Self {
        let placed = &touched.placed;
        Self {
            written: shown(&touched.written.text),
            lexical: shown(&placed.lexical.to_string_lossy()),
            canonical: shown(&placed.canonical.to_string_lossy()),
            access: touched.access.as_str().to_owned(),
            tree: touched.tree,
            known: placed.known,
            wild: placed.wild,
            sets: placed.sets.iter().map(|set| (*set).to_owned()).collect(),
            command: touched.by,
        }
    }
}

impl HostExplained {
    fn of(contacted: &Contacted) -> Self {
        Self {
            written: shown(&contacted.written),
            host: shown(&contacted.host),
            port: contacted.port,
            direction: contacted.direction,
            command: contacted.by,
        }
    }
}

/// A text without the characters that stand for what is not known.
fn shown(text: &str) -> String {
    text.chars().map(|c| if matches!(c, UNKNOWN | HOLE) { '…' } else { c }).collect()
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
