//! Patterns: a bounded subset of regular expressions, and the literals each begins with.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// The greatest bound of a repetition. It bounds the work for one place of a text, and the size of an automaton.
const GREATEST: u32 = 1024;
/// The upper bound from which on a repetition has none.
const LONG: u32 = 128;
/// The least length of a literal that a pattern begins with: the prefilter looks for nothing shorter.
const LEAST: usize = 3;

/// Reads a pattern, which has to be within the subset.
pub(crate) fn parse(pattern: &str) -> Result<Hir, String> {
    let hir = ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .build()
        .parse(pattern)
        .map_err(|error| format!("`{pattern}`: {error}"))?;
    check(&hir).map_err(|fault| format!("`{pattern}`: {fault}"))?;
    if hir.properties().minimum_len().unwrap_or(0) == 0 {
        return Err(format!("`{pattern}` matches nothing at all"));
    }
    Ok(loosened(hir))
}

/// The same pattern with the upper bound of a long repetition taken away: whether such a value ends after 600 or 700
/// characters tells nothing, and would cost a state each. What runs the automaton has a bound of its own.
fn loosened(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Repetition(repetition) => {
            let loose = repetition.max.is_some_and(|most| most >= LONG && most - repetition.min >= LONG / 2);
            Hir::repetition(Repetition {
                max: if loose { None } else { repetition.max },
                sub: Box::new(loosened(*repetition.sub)),
                ..repetition
            })
        }
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(loosened).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.into_iter().map(loosened).collect()),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Capture(capture) => Hir::capture(capture),
        HirKind::Empty => Hir::empty(),
    }
}

fn check(hir: &Hir) -> Result<(), String> {
    match hir.kind() {
        HirKind::Empty => Ok(()),
        HirKind::Literal(literal) if literal.0.is_ascii() => Ok(()),
        HirKind::Class(Class::Bytes(class)) if class.is_ascii() => Ok(()),
        HirKind::Class(Class::Unicode(class)) if class.is_ascii() => Ok(()),
        HirKind::Literal(_) | HirKind::Class(_) => Err("something that is not ASCII".to_owned()),
        HirKind::Look(_) => Err("an anchor; boundaries are added by the engine".to_owned()),
        HirKind::Repetition(repetition) => match repetition.max {
            Some(most) if most <= GREATEST => check(&repetition.sub),
            Some(_) => Err(format!("a repetition of more than {GREATEST}")),
            None => Err("a repetition without a bound".to_owned()),
        },
        HirKind::Capture(_) => Err("a capture group; write (?:...)".to_owned()),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().try_for_each(check),
    }
}

/// The literals of which one stands in every match at a fixed distance from its beginning, in lower case and none the
/// beginning of another, and that distance: `.atlasv1.` is 14 bytes into a token of Terraform.
pub(crate) fn anchors(pattern: &str, hir: &Hir) -> Result<(Vec<String>, u8), String> {
    let parts = match hir.kind() {
        HirKind::Concat(parts) => parts.clone(),
        _ => vec![hir.clone()],
    };
    let mut distance = 0;
    let mut fault = String::new();
    let mut common = None;
    for (number, part) in parts.iter().enumerate() {
        match beginnings(&Hir::concat(parts.iter().skip(number).cloned().collect())) {
            Ok(found) => {
                let distance =
                    u8::try_from(distance).map_err(|_| format!("`{pattern}`: its literal is too far in"))?;
                if !found.iter().all(|literal| COMMON.contains(&literal.as_str())) {
                    return Ok((found, distance));
                }
                common.get_or_insert((found, distance));
            }
            Err(why) if fault.is_empty() => fault = why,
            Err(_) => {}
        }
        let properties = part.properties();
        match (properties.minimum_len(), properties.maximum_len()) {
            (Some(least), Some(most)) if least == most => distance += least,
            _ => break,
        }
    }
    common.ok_or_else(|| format!("`{pattern}` {fault}"))
}

/// What stands in every text: another literal of a form is better, if it has one at a fixed distance.
const COMMON: [&str; 2] = ["http://", "https://"];

fn beginnings(hir: &Hir) -> Result<Vec<String>, String> {
    let mut extractor = Extractor::new();
    extractor.kind(ExtractKind::Prefix).limit_class(12).limit_literal_len(160).limit_total(512);
    let sequence = extractor.extract(hir);
    let literals = sequence.literals().ok_or("begins with no literal")?;
    let mut found: Vec<String> = Vec::new();
    for literal in literals {
        let text = std::str::from_utf8(literal.as_bytes()).map_err(|error| error.to_string())?;
        if text.len() < LEAST {
            return Err(format!("begins with `{text}`: shorter than {LEAST} bytes"));
        }
        found.push(text.to_ascii_lowercase());
    }
    found.sort();
    found.dedup();
    // Sorted, a beginning stands right before what it begins.
    let mut kept: Vec<String> = Vec::new();
    for literal in found {
        if kept.last().is_none_or(|last| !literal.starts_with(last.as_str())) {
            kept.push(literal);
        }
    }
    // Dozens of long literals (`ghp_a`, `ghp_b`, ...) say no more than what they have in common.
    let mut length = 24;
    while kept.len() > 12 && length > LEAST {
        length -= 1;
        for literal in &mut kept {
            literal.truncate(length);
        }
        kept.dedup();
    }
    Ok(kept)
}
