//! Checks of what an item finds, matches and accepts.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::de::IgnoredAny;

use super::asking::{Judge, Trouble, hits, shown};
use super::report::{Notes, Verdict, counted, quoted};
use super::specimen::Specimen;
use super::texts::Corpus;
use super::told;
use crate::{Item, Kind};

/// Of a matcher so many configurations are tried beyond its examples: each is a thing of its own.
const MOST_JUDGES: usize = 6;

/// The configuration and the text of a matcher's `CONFIG-JSON => text`.
fn parts(case: &str) -> Option<(&str, &str)> {
    // The configuration may hold the arrow itself.
    let mut values = serde_json::Deserializer::from_str(case).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    let (config, rest) = case.split_at_checked(values.byte_offset())?;
    Some((config, rest.strip_prefix(" => ")?))
}

/// The text of an example or a negative.
pub(super) fn text_of<'a>(item: &Item, case: &'a str) -> &'a str {
    match item.kind {
        Kind::Matcher => parts(case).map_or(case, |(_, text)| text),
        Kind::Detector | Kind::Sink => case,
    }
}

/// The texts of all examples.
pub(super) fn example_texts(item: &Item) -> impl Iterator<Item = &str> {
    item.examples.iter().map(|case| text_of(item, case))
}

/// The configurations that the examples show to be good.
pub(super) fn configurations(item: &Item) -> impl Iterator<Item = &str> {
    item.examples.iter().filter_map(|case| match item.kind {
        Kind::Matcher => parts(case).map(|(config, _)| config),
        Kind::Sink => Some(case.as_str()),
        Kind::Detector => None,
    })
}

/// The item in every configuration worth asking about texts that are no examples.
pub(super) fn judges(specimen: &Specimen) -> Result<Vec<Judge<'_>>, Trouble> {
    if specimen.item().kind == Kind::Detector {
        return Ok(vec![Judge::new(specimen, "{}")?]);
    }
    let distinct: BTreeSet<&str> = configurations(specimen.item()).collect();
    let judges: Vec<_> = distinct
        .into_iter()
        .filter_map(|config| Judge::new(specimen, config).ok())
        .take(MOST_JUDGES)
        .collect();
    if judges.is_empty() { Ok(vec![Judge::new(specimen, "{}")?]) } else { Ok(judges) }
}

pub(super) fn examples(specimen: &Specimen) -> Verdict {
    let item = specimen.item();
    let mut notes = Notes::default();
    for case in &item.examples {
        if let Err(fault) = judged(specimen, case, true) {
            notes.fail(format!("{} {fault}", quoted(case)));
        }
    }
    notes.verdict(|| format!("{} {}", counted(item.examples.len(), "example"), words(item.kind).0))
}

pub(super) fn negatives(specimen: &Specimen) -> Verdict {
    let item = specimen.item();
    let mut notes = Notes::default();
    for case in &item.negatives {
        if let Err(fault) = judged(specimen, case, false) {
            notes.fail(format!("{} {fault}", quoted(case)));
        }
    }
    notes.verdict(|| format!("{} not {}", counted(item.negatives.len(), "negative"), words(item.kind).0))
}

/// What an example is, and what is said of one that is not.
const fn words(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Matcher => ("matched", "does not match"),
        Kind::Detector => ("found", "is not found"),
        Kind::Sink => ("accepted", "is not accepted"),
    }
}

fn judged(specimen: &Specimen, case: &str, expected: bool) -> Result<(), String> {
    let item = specimen.item();
    let (config, text) = match item.kind {
        Kind::Sink => {
            return match (specimen.accepts(case), expected) {
                (Ok(()), true) | (Err(Trouble::Error(_)), false) => Ok(()),
                (Ok(()), false) => Err("is accepted".to_owned()),
                (Err(trouble), _) => Err(trouble.to_string()),
            };
        }
        Kind::Detector => ("{}", case),
        Kind::Matcher => parts(case).ok_or("is not `CONFIG-JSON => text`")?,
    };
    if item.kind == Kind::Detector
        && expected
        && !item.keywords.is_empty()
        && hits(text, &item.keywords).is_empty()
    {
        return Err("holds none of the keywords: the host would never ask".to_owned());
    }
    if item.kind == Kind::Matcher && specimen.crosses() && told::has_past(text) {
        return Ok(());
    }
    let judge = Judge::new(specimen, config).map_err(|trouble| trouble.to_string())?;
    let answer = judge.ask(text).map_err(|trouble| trouble.to_string())?;
    match (answer.is_yes(), expected) {
        (true, false) => Err(format!("is {}", words(item.kind).0)),
        (false, true) => Err(words(item.kind).1.to_owned()),
        _ => Ok(()),
    }
}

/// Whether a detector's examples are found inside other texts. Spaces and line breaks around a secret are everywhere;
/// what stands closer may rightly make another thing of it.
pub(super) fn embedded(specimen: &Specimen) -> Verdict {
    const TIMES: usize = 100;
    let mut notes = Notes::default();
    let judge = match Judge::new(specimen, "{}") {
        Ok(judge) => judge,
        Err(trouble) => return Verdict::Fail(trouble.to_string()),
    };
    let count = |text: &str| judge.ask(text).map(|answer| answer.count());
    for example in &specimen.item().examples {
        // What is not found alone is another check's.
        let Ok(alone @ 1..) = count(example) else { continue };
        for (place, text) in [
            ("between lines", format!("first line é\r\n{example}\r\nlast line\n")),
            ("at the end of a text", format!("some text\n\n{example}")),
            ("behind characters of several bytes", format!("é漢🦀\n{example}\n漢")),
            ("between spaces", format!("see {example} there")),
        ] {
            match count(&text) {
                Ok(0) => notes.fail(format!("{} is not found {place}", quoted(example))),
                Ok(_) => {}
                Err(trouble) => notes.fail(format!("{place}, {} {trouble}", quoted(example))),
            }
        }
        match count(&format!("{example}\n").repeat(TIMES)) {
            Ok(0) => {
                notes.fail(format!("{} is not found when it stands there {TIMES} times", quoted(example)));
            }
            Ok(found) if found < alone * TIMES => notes.warn(format!(
                "{} is found {found} times where it stands {} times: the others are not masked",
                quoted(example),
                alone * TIMES
            )),
            Ok(_) => {}
            Err(trouble) => notes.fail(format!("{TIMES} times, {} {trouble}", quoted(example))),
        }
        for (place, text) in [
            ("in double quotes", format!("x = \"{example}\"")),
            ("behind `=`", format!("x={example}")),
            ("behind a letter of several bytes", format!("漢{example}漢")),
        ] {
            // An example with quotes, line breaks or a name of its own is no value.
            let is_value = !example.contains(['"', '\n', '=', ':', ' ']);
            match count(&text) {
                Ok(0) if is_value => notes.warn(format!("{} is not found {place}", quoted(example))),
                Ok(_) => {}
                Err(trouble) => notes.fail(format!("{place}, {} {trouble}", quoted(example))),
            }
        }
    }
    notes.verdict(|| "found between lines, between spaces, at the end and a hundred times over".to_owned())
}

/// Whether a matcher keeps its promise that every text it matches holds one of its anchors. The host does not ask about
/// others, so a wrong anchor is a rule that silently does not hold.
pub(super) fn anchors(specimen: &Specimen, corpus: &Corpus) -> Verdict {
    let item = specimen.item();
    let mut notes = Notes::default();
    let (mut promised, mut matched) = (0, 0);
    let configs: BTreeSet<&str> = configurations(item).collect();
    for config in configs {
        let Ok(judge) = Judge::new(specimen, config) else { continue };
        let anchors = match judge.anchors() {
            Ok(Some(anchors)) => anchors,
            Ok(None) => continue,
            Err(trouble) => {
                notes.fail(format!("{}: `anchors` {trouble}", quoted(config)));
                continue;
            }
        };
        promised += 1;
        let samples = corpus.sample(item);
        for text in samples.iter().map(|sample| sample.text.as_ref()) {
            let subject = shown(text);
            if anchors.iter().any(|anchor| subject.contains(anchor.as_str())) {
                continue;
            }
            if judge.ask(text).is_ok_and(|answer| answer.is_yes()) {
                notes.fail(format!(
                    "{} matches {}, which holds none of its anchors: the host would not ask",
                    quoted(config),
                    quoted(text)
                ));
            }
            matched += 1;
        }
    }
    notes.verdict(|| match promised {
        0 => "none promised: it is asked about every text".to_owned(),
        _ => format!("hold on {}", counted(matched, "text")),
    })
}

/// Whether everyday text passes without an error and without a false alarm.
pub(super) fn ordinary(specimen: &Specimen, corpus: &Corpus) -> Verdict {
    let mut notes = Notes::default();
    let judges = match judges(specimen) {
        Ok(judges) => judges,
        Err(trouble) => return Verdict::Fail(trouble.to_string()),
    };
    let texts: Vec<Cow<'_, str>> = corpus.ordinary.iter().take(2).map(Cow::from).collect();
    for judge in &judges {
        for text in &texts {
            match judge.ask(text) {
                Ok(answer) if answer.alarms() > 0 => notes.warn(format!(
                    "{} in {} KiB of ordinary text",
                    counted(answer.alarms(), "alarm"),
                    text.len() >> 10
                )),
                Ok(_) => {}
                Err(trouble) => notes.fail(format!("{}: {trouble}", quoted(judge.config()))),
            }
        }
    }
    notes.verdict(|| match specimen.item().kind {
        Kind::Detector => "no error and no alarm".to_owned(),
        Kind::Matcher | Kind::Sink => "no error".to_owned(),
    })
}
