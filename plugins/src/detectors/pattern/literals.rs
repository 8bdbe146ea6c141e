//! The literals of which one stands in every match of an expression.

use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Capture, Class, Hir, HirKind, Repetition};

/// The shortest literal worth looking for: shorter ones stand in every text.
const LEAST: usize = 3;
/// The most literals of one expression.
const MOST: usize = 64;

/// The literals in lower case, none of them shorter than three bytes; `None` if there are none.
pub(super) fn of(hir: &Hir) -> Option<Vec<String>> {
    let mut best: Option<Vec<String>> = None;
    collect(&folded(hir), &mut best);
    best
}

/// Looks at every place where literals can begin, and keeps those that are rarest.
fn collect(hir: &Hir, best: &mut Option<Vec<String>>) {
    consider(hir, best);
    match hir.kind() {
        HirKind::Capture(capture) => collect(&capture.sub, best),
        HirKind::Repetition(repetition) if repetition.min > 0 => collect(&repetition.sub, best),
        HirKind::Concat(parts) => {
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    consider(&Hir::concat(parts.iter().skip(at).cloned().collect()), best);
                }
                collect(part, best);
            }
        }
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            for branch in branches {
                let mut of_branch = None;
                collect(branch, &mut of_branch);
                let Some(literals) = of_branch else { return };
                all.extend(literals);
            }
            keep(all, best);
        }
        _ => {}
    }
}

/// What an expression begins with.
fn consider(hir: &Hir, best: &mut Option<Vec<String>>) {
    let mut extractor = Extractor::new();
    extractor.kind(ExtractKind::Prefix).limit_class(4).limit_repeat(4).limit_total(MOST);
    let found = extractor.extract(hir);
    let Some(literals) = found.literals() else { return };
    let texts: Option<Vec<String>> = literals
        .iter()
        .map(|literal| {
            let bytes = literal.as_bytes();
            // A literal may be cut inside a character.
            let whole = match std::str::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?,
            };
            Some(whole.to_ascii_lowercase())
        })
        .collect();
    if let Some(texts) = texts {
        keep(texts, best);
    }
}

/// Keeps the better of two sets: the one whose shortest literal is longer, then the smaller one.
fn keep(mut literals: Vec<String>, best: &mut Option<Vec<String>>) {
    literals.sort();
    literals.dedup();
    let shortest = |all: &[String]| all.iter().map(String::len).min().unwrap_or_default();
    if literals.len() > MOST || shortest(&literals) < LEAST {
        return;
    }
    let rank = |all: &[String]| (shortest(all), usize::MAX - all.len());
    if best.as_deref().is_none_or(|known| rank(&literals) > rank(known)) {
        *best = Some(literals);
    }
}

/// The same expression with a letter that may be small or capital as a literal: literals are compared without case, and
/// `(?i:acme)` would be sixteen of them otherwise.
fn folded(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Class(class) => match single(class) {
            Some(byte) => Hir::literal([byte]),
            None => hir.clone(),
        },
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(folded).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(folded).collect()),
        HirKind::Capture(capture) => {
            Hir::capture(Capture { sub: Box::new(folded(&capture.sub)), ..capture.clone() })
        }
        HirKind::Repetition(repetition) => {
            Hir::repetition(Repetition { sub: Box::new(folded(&repetition.sub)), ..repetition.clone() })
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(_) => hir.clone(),
    }
}

/// The small letter of a class that is one letter in both cases.
fn single(class: &Class) -> Option<u8> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Bytes(class) => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
        Class::Unicode(class) => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
    };
    let [(capital, same), (small, also)] = ranges.as_slice() else { return None };
    let (capital, small) = (u8::try_from(*capital).ok().filter(|byte| u32::from(*byte) == *same)?, *small);
    (capital.is_ascii_uppercase() && small == *also && small == u32::from(capital.to_ascii_lowercase()))
        .then(|| capital.to_ascii_lowercase())
}
