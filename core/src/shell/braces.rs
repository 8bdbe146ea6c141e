//! Brace expansion: `{a,b}` and `{1..3}`.

/// How many words one word may become. A word that would become more is left as it is written, which no program takes
/// for a file that exists.
const MOST: usize = 128;

/// A character of a word, or something that braces do not look into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Atom<T> {
    Char(char),
    Other(T),
}

/// The words a word becomes. `may` is asked before so many characters are copied.
pub(super) fn expand<T: Clone>(word: Vec<Atom<T>>, may: &mut dyn FnMut(usize) -> bool) -> Vec<Vec<Atom<T>>> {
    let mut done = Vec::new();
    let mut open = vec![word];
    // Each step expands the first brace of one word; the words come out in the shell's order.
    while let Some(word) = open.pop() {
        match first_brace(&word) {
            Some((before, choices, after))
                if done.len() + open.len() + choices.len() <= MOST
                    && may(choices.len().saturating_mul(before.len() + after.len())) =>
            {
                for choice in choices.into_iter().rev() {
                    open.push(before.iter().chain(&choice).chain(&after).cloned().collect());
                }
            }
            _ => done.push(word),
        }
    }
    done
}

type Split<T> = (Vec<Atom<T>>, Vec<Vec<Atom<T>>>, Vec<Atom<T>>);

/// The first brace that expands: what is before it, its choices, what is after it.
fn first_brace<T: Clone>(word: &[Atom<T>]) -> Option<Split<T>> {
    let mut from = 0;
    loop {
        let start = from + word.get(from..)?.iter().position(|atom| matches!(atom, Atom::Char('{')))?;
        if let Some((end, commas)) = closing(word, start) {
            let inside = |from: usize, to: usize| word.get(from..to).unwrap_or_default().to_vec();
            let choices = if commas.is_empty() {
                sequence(&inside(start + 1, end))
            } else {
                let mut choices = Vec::with_capacity(commas.len() + 1);
                let mut from = start + 1;
                for comma in commas.into_iter().chain([end]) {
                    choices.push(inside(from, comma));
                    from = comma + 1;
                }
                Some(choices)
            };
            if let Some(choices) = choices {
                return Some((inside(0, start), choices, inside(end + 1, word.len())));
            }
        }
        from = start + 1;
    }
}

/// The place of the brace that closes the one at `start`, and of the commas between them.
fn closing<T>(word: &[Atom<T>], start: usize) -> Option<(usize, Vec<usize>)> {
    let mut depth = 0_usize;
    let mut commas = Vec::new();
    for (at, atom) in word.iter().enumerate().skip(start) {
        match atom {
            Atom::Char('{') => depth += 1,
            Atom::Char('}') => {
                depth -= 1;
                if depth == 0 {
                    return Some((at, commas));
                }
            }
            Atom::Char(',') if depth == 1 => commas.push(at),
            _ => {}
        }
    }
    None
}

/// `1..5`, `a..e`, `1..9..2`.
fn sequence<T: Clone>(inside: &[Atom<T>]) -> Option<Vec<Vec<Atom<T>>>> {
    let text: Option<String> = inside
        .iter()
        .map(|atom| match atom {
            Atom::Char(c) => Some(*c),
            Atom::Other(_) => None,
        })
        .collect();
    let text = text?;
    let mut bounds = text.split("..");
    let (from, to) = (bounds.next()?, bounds.next()?);
    let step = bounds.next().map_or(Some(1), |step| step.parse::<i64>().ok())?.unsigned_abs().max(1);
    if bounds.next().is_some() {
        return None;
    }
    let (low, high, letters) = match (from.parse::<i64>(), to.parse::<i64>()) {
        (Ok(low), Ok(high)) => (low, high, false),
        _ => (i64::from(u32::from(only(from)?)), i64::from(u32::from(only(to)?)), true),
    };
    let count = low.abs_diff(high) / step;
    if count >= MOST as u64 {
        return None;
    }
    let step = i64::try_from(step).ok()? * if low <= high { 1 } else { -1 };
    let numbers = (0..=i64::try_from(count).ok()?).map(|index| low + index * step);
    Some(
        numbers
            .map(|number| {
                let text = if letters {
                    u32::try_from(number).ok().and_then(char::from_u32).map(String::from).unwrap_or_default()
                } else {
                    number.to_string()
                };
                text.chars().map(Atom::Char).collect()
            })
            .collect(),
    )
}

fn only(text: &str) -> Option<char> {
    let mut chars = text.chars();
    let letter = chars.next().filter(char::is_ascii_alphabetic)?;
    chars.next().is_none().then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Vec<String> {
        expand::<()>(text.chars().map(Atom::Char).collect(), &mut |_| true)
            .into_iter()
            .map(|word| {
                word.into_iter()
                    .filter_map(|atom| if let Atom::Char(c) = atom { Some(c) } else { None })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn words_come_in_the_shells_order() {
        assert_eq!(expanded("{rm,-rf,/}"), ["rm", "-rf", "/"]);
        assert_eq!(expanded("a{b,c{d,e}}f"), ["abf", "acdf", "acef"]);
        assert_eq!(expanded("{1..3}{a,b}"), ["1a", "1b", "2a", "2b", "3a", "3b"]);
        assert_eq!(expanded("{c..a}"), ["c", "b", "a"]);
        assert_eq!(expanded("{,x}"), ["", "x"]);
    }

    #[test]
    fn what_is_no_expansion_stays() {
        for text in ["{}", "{a}", "a{b", "a}b", "{1..}", "{a..1}"] {
            assert_eq!(expanded(text), [text]);
        }
    }

    #[test]
    fn too_many_words_are_one() {
        assert_eq!(expanded("{1..1000000}").len(), 1);
        assert!(expanded(&"{a,b}".repeat(30)).len() <= MOST);
        let word = "{a,b}".repeat(30).chars().map(Atom::Char).collect();
        assert_eq!(expand::<()>(word, &mut |_| false).len(), 1, "no steps, no words");
    }
}
