//! The shell's patterns, for `case`, `${x#…}` and `${x/…}`.

/// The longest text a pattern is tried on: the removals try every prefix.
pub(super) const LONGEST: usize = 1_024;

/// Whether a pattern matches a whole text.
pub(super) fn matches(pattern: &[char], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        let step = match (pattern.get(p), text.get(t)) {
            (Some('*'), _) => {
                back = Some((p + 1, t));
                p += 1;
                continue;
            }
            (Some('?'), Some(_)) => Some(1),
            (Some('['), Some(letter)) => class(pattern.get(p..).unwrap_or_default(), *letter),
            (Some('\\'), Some(letter)) if pattern.get(p + 1) == Some(letter) => Some(2),
            (Some(wanted), Some(letter)) if wanted == letter => Some(1),
            (None, None) => return true,
            _ => None,
        };
        match (step, back) {
            (Some(step), _) => {
                p += step;
                t += 1;
            }
            (None, Some((after, from))) if from < text.len() => {
                back = Some((after, from + 1));
                (p, t) = (after, from + 1);
            }
            _ => return false,
        }
    }
}

/// How long the bracket expression is, if it holds the letter. One that is not closed is a bracket.
fn class(pattern: &[char], letter: char) -> Option<usize> {
    let negated = matches!(pattern.get(1), Some('!' | '^'));
    let start = if negated { 2 } else { 1 };
    let Some(length) = pattern.iter().skip(start + 1).position(|c| *c == ']') else {
        return (letter == '[').then_some(1);
    };
    let end = start + 1 + length;
    let inside = pattern.get(start..end)?;
    let mut found = false;
    let mut at = 0;
    while let Some(low) = inside.get(at) {
        if let (Some('-'), Some(high)) = (inside.get(at + 1), inside.get(at + 2)) {
            found |= (*low..=*high).contains(&letter);
            at += 3;
        } else {
            found |= *low == letter;
            at += 1;
        }
    }
    (found != negated).then_some(end + 1)
}

/// The text without the shortest or longest beginning that matches.
pub(super) fn without_prefix(text: &str, pattern: &str, longest: bool) -> String {
    let (chars, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let fits = |end: &usize| matches(&pattern, chars.get(..*end).unwrap_or_default());
    let found = if longest { (0..=chars.len()).rev().find(fits) } else { (0..=chars.len()).find(fits) };
    chars.iter().skip(found.unwrap_or(0)).collect()
}

/// The text without the shortest or longest end that matches.
pub(super) fn without_suffix(text: &str, pattern: &str, longest: bool) -> String {
    let (chars, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let fits = |start: &usize| matches(&pattern, chars.get(*start..).unwrap_or_default());
    let found = if longest { (0..=chars.len()).find(fits) } else { (0..=chars.len()).rev().find(fits) };
    chars.iter().take(found.unwrap_or(chars.len())).collect()
}

/// The text with the first or every longest match replaced.
pub(super) fn replaced(text: &str, pattern: &str, with: &str, all: bool) -> String {
    let (chars, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    // `#` and `%` bind the pattern to one end.
    let (bound, pattern) = match pattern.split_first() {
        Some((end @ ('#' | '%'), rest)) if !all => (Some(*end), rest.to_vec()),
        _ => (None, pattern),
    };
    let mut out = String::new();
    let mut at = 0;
    while at <= chars.len() {
        let fits = |end: &usize| *end > at && matches(&pattern, chars.get(at..*end).unwrap_or_default());
        let found = match bound {
            Some('#') if at > 0 => None,
            Some('%') => Some(chars.len()).filter(fits),
            _ => (at..=chars.len()).rev().find(fits),
        };
        if let Some(end) = found {
            out.push_str(with);
            at = end;
            if !all {
                break;
            }
        } else {
            out.extend(chars.get(at));
            at += 1;
        }
    }
    out.extend(chars.iter().skip(at));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, text: &str) -> bool {
        matches(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
    }

    #[test]
    fn patterns() {
        assert!(fits("*.txt", "a.txt") && fits("a?c", "abc") && fits("[a-c]x", "bx") && fits("[!a]x", "bx"));
        assert!(!fits("*.txt", "a.txt2") && !fits("[!a]x", "ax") && !fits("a", "") && fits("", ""));
        assert!(fits("[x", "[x") && fits("a*b*c", "a12b34c"));
    }

    #[test]
    fn ends_are_taken_off() {
        assert_eq!(without_prefix("a/b/c", "*/", false), "b/c");
        assert_eq!(without_prefix("a/b/c", "*/", true), "c");
        assert_eq!(without_suffix("x.tar.gz", ".*", false), "x.tar");
        assert_eq!(without_suffix("x.tar.gz", ".*", true), "x");
        assert_eq!(without_suffix("x", "y", true), "x");
    }

    #[test]
    fn matches_are_replaced() {
        assert_eq!(replaced("rXm", "X", "", false), "rm");
        assert_eq!(replaced("aXbX", "X", "-", true), "a-b-");
        assert_eq!(replaced("aXbX", "X", "-", false), "a-bX");
        assert_eq!(replaced("aab", "#a", "x", false), "xab");
        assert_eq!(replaced("aab", "%b", "x", false), "aax");
    }
}
