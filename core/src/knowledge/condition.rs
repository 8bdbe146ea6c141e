//! The conditions of rows: see `core/knowledge/README.md`.

use super::filters;
use super::parse::Parsed;
use super::words::{Language, Role};
use crate::understand::{UNKNOWN, Word};

/// Whether one of several conditions holds; with none of them, always.
pub(super) fn any(conditions: &[&str], parsed: &Parsed<'_>) -> bool {
    conditions.is_empty() || conditions.iter().any(|condition| holds(condition, parsed))
}

/// Whether all that makes one of the conditions hold is an option whose value is a command that starts nothing else.
pub(super) fn of_filters(conditions: &[&str], parsed: &Parsed<'_>) -> bool {
    let harmless = |condition: &str| {
        let name = condition.split_once('=').map_or(condition, |(name, _)| name);
        let is_option = name.starts_with('-') && !condition.contains(' ');
        is_option
            && parsed.given(name).all(|given| {
                given.value.as_ref().is_some_and(|value| match given.role {
                    Role::Code(Language::Shell) => filters::only_filters(value),
                    _ => filters::only_builders(value),
                })
            })
    };
    !conditions.is_empty()
        && conditions.iter().filter(|condition| holds(condition, parsed)).all(|condition| harmless(condition))
}

/// Whether all terms of a condition hold.
pub(super) fn holds(condition: &str, parsed: &Parsed<'_>) -> bool {
    condition.split_whitespace().all(|term| match term.strip_prefix('!') {
        Some(term) => !term_holds(term, parsed),
        None => term_holds(term, parsed),
    })
}

fn term_holds(term: &str, parsed: &Parsed<'_>) -> bool {
    match term {
        "operands" => return !parsed.operands.is_empty() || parsed.command.is_some(),
        "always" => return true,
        _ => {}
    }
    if !term.starts_with('-')
        && let Some((place, pattern)) = term.split_once(':')
    {
        let fits = |word: &Word| word_matches(pattern, word);
        if let Ok(at) = place.parse::<usize>() {
            // A command that is run counts on from the operands before it.
            let command = parsed.command.iter().flatten();
            return parsed.operands.iter().chain(command).nth(at).is_some_and(fits);
        }
        match place {
            "operand" => return parsed.operands.iter().any(fits),
            "word" => return parsed.words.iter().any(fits),
            _ => {}
        }
    }
    match term.split_once('=') {
        Some((name, pattern)) => parsed
            .given(name)
            .any(|given| given.value.as_ref().is_some_and(|value| word_matches(pattern, value))),
        None => parsed.has(term),
    }
}

fn word_matches(pattern: &str, word: &Word) -> bool {
    if !word.known() && pattern != "*" {
        // What is known of it may still decide: `s3://…` begins with `s3:`.
        let known = word.text.split(UNKNOWN).next().unwrap_or_default();
        return pattern.strip_suffix('*').is_some_and(|start| {
            !start.is_empty() && !start.contains(['*', '?', '{']) && known.starts_with(start)
        });
    }
    matches(pattern, &word.text)
}

/// Whether a pattern with `*`, `?` and `{one,other}` matches a whole text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    alternatives(pattern).iter().any(|pattern| glob(pattern.as_bytes(), text.as_bytes()))
}

fn alternatives(pattern: &str) -> Vec<String> {
    let Some((before, rest)) = pattern.split_once('{') else { return vec![pattern.to_owned()] };
    let Some((inside, after)) = rest.split_once('}') else { return vec![pattern.to_owned()] };
    inside
        .split(',')
        .flat_map(|choice| {
            alternatives(after).into_iter().map(move |after| format!("{before}{choice}{after}"))
        })
        .collect()
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(p), text.get(t)) {
            (Some(b'*'), _) => {
                back = Some((p + 1, t));
                p += 1;
            }
            (Some(b'?'), Some(_)) => (p, t) = (p + 1, t + 1),
            (Some(wanted), Some(found)) if wanted == found => (p, t) = (p + 1, t + 1),
            (None, None) => return true,
            _ => match back {
                Some((after, from)) if from < text.len() => {
                    back = Some((after, from + 1));
                    (p, t) = (after, from + 1);
                }
                _ => return false,
            },
        }
    }
}
