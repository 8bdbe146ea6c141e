//! Checks that an item answers whatever it is asked, and always the same.

use super::asking::{Answer, Judge, LONG, Trouble};
use super::judging::judges;
use super::report::{Notes, Verdict, counted, quoted};
use super::specimen::Specimen;
use super::texts::{Corpus, Text};
use super::told;

/// From how many threads at once an item is asked. The host shares one instance.
const THREADS: usize = 4;

pub(super) fn hostile(specimen: &Specimen, corpus: &Corpus) -> Verdict {
    let judges = match judges(specimen) {
        Ok(judges) => judges,
        Err(trouble) => return Verdict::Fail(trouble.to_string()),
    };
    let texts = corpus.against(specimen.item());
    let mut notes = Notes::default();
    for (number, judge) in judges.iter().enumerate() {
        for Text { what, text } in &texts {
            // Each configuration of a matcher would be asked about megabytes: what they all do with them, two show.
            if number >= 2 && text.len() > LONG {
                continue;
            }
            match judge.ask(text) {
                Ok(_) => {}
                // Refusing is the right of the careful, but it stops the call.
                Err(trouble @ Trouble::Error(_)) => {
                    notes.warn(format!("{what} ({}): {trouble}", quoted(text)));
                }
                Err(trouble) => notes.fail(format!("{what} ({}): {trouble}", quoted(text))),
            }
            if notes.is_enough() {
                break;
            }
        }
    }
    notes.verdict(|| format!("answers {}", counted(texts.len(), "hostile text")))
}

type Answers = Vec<Result<Answer, Trouble>>;

fn answers(judge: &Judge<'_>, texts: &[Text<'_>]) -> Answers {
    texts.iter().map(|text| judge.ask(&text.text)).collect()
}

pub(super) fn deterministic(specimen: &Specimen, corpus: &Corpus) -> Verdict {
    let texts = corpus.sample(specimen.item());
    let (judges, fresh) = match (judges(specimen), judges(specimen)) {
        (Ok(judges), Ok(fresh)) => (judges, fresh),
        (Err(trouble), _) | (_, Err(trouble)) => return Verdict::Fail(trouble.to_string()),
    };
    let mut notes = Notes::default();
    for (judge, fresh) in judges.iter().zip(&fresh) {
        let first = answers(judge, &texts);
        let mut differs = |others: &Answers, how: &str| {
            let different = first.iter().zip(others).zip(&texts).find(|((one, other), _)| one != other);
            if let Some(((one, other), text)) = different {
                notes.fail(format!(
                    "{how}: {} of {} ({}), then {}",
                    told(one),
                    text.what,
                    quoted(&text.text),
                    told(other)
                ));
            }
        };
        differs(&answers(judge, &texts), "asked again");
        differs(&answers(fresh, &texts), "a new instance");
        let from_threads: Vec<Option<Answers>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| answers(judge, &texts))).collect();
            threads.into_iter().map(|thread| thread.join().ok()).collect()
        });
        for others in from_threads.into_iter().flatten() {
            differs(&others, "asked from several threads");
        }
    }
    notes.verdict(|| {
        format!("the same answers on {}, from {THREADS} threads too", counted(texts.len(), "text"))
    })
}

fn told(answer: &Result<Answer, Trouble>) -> String {
    match answer {
        Ok(Answer::Matches(_)) => format!("{answer:?}"),
        Ok(Answer::Places(places)) => match places.as_slice() {
            [] => "nothing".to_owned(),
            [(start, end, confidence, severity), ..] => format!(
                "{}, the first at bytes {start}..{end} ({confidence:?}, {severity:?}),",
                counted(places.len(), "finding")
            ),
        },
        Err(trouble) => format!("it {trouble}"),
    }
}

/// Whether two ways to the same item lead to the same answers.
pub(super) fn same_answers(one: &Specimen, other: &Specimen, corpus: &Corpus) -> Verdict {
    let mut notes = Notes::default();
    if one.item() != other.item() {
        notes.fail("the manifest does not say the same as the registration");
    }
    let configs = ["{}", "null", "[]", "\"x\"", "{\"no-such-option-7f3a\":1}"].into_iter();
    for config in configs.chain(super::judging::configurations(one.item())) {
        if one.accepts(config) != other.accepts(config) {
            notes.fail(format!("{} gets another answer", quoted(config)));
        }
    }
    let mut asked = 0;
    if let (Ok(these), Ok(those)) = (judges(one), judges(other)) {
        let mut texts = corpus.sample(one.item());
        texts.extend(corpus.against(one.item()));
        texts.retain(|text| !told::has_past(&text.text));
        for (this, that) in these.iter().zip(&those) {
            if this.anchors() != that.anchors() {
                notes.fail(format!("{} has other anchors", quoted(this.config())));
            }
            for Text { what, text } in &texts {
                asked += 1;
                if this.ask(text) != that.ask(text) {
                    notes.fail(format!("{what} ({}) gets another answer", quoted(text)));
                }
                if notes.is_enough() {
                    break;
                }
            }
        }
    }
    notes.verdict(|| format!("the same {}", counted(asked, "answer")))
}
