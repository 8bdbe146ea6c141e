//! Regular expressions of Go in the spelling of ours. Both engines are automata and nearly of one syntax; what differs is
//! mostly what Go takes for a plain character (<https://github.com/google/re2/wiki/Syntax>).

/// The same expression in our spelling. What ours cannot read at all stays as it is and is refused there.
pub(super) fn from_go(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let behind = after(rest, first);
        rest = match first {
            '\\' => escape(behind, &mut out),
            '[' => class(behind, &mut out),
            // A brace that begins no count is a brace.
            '{' if !begins_count(behind) => {
                out.push_str("\\{");
                behind
            }
            other => {
                out.push(other);
                behind
            }
        };
    }
    out
}

fn after(text: &str, first: char) -> &str {
    text.get(first.len_utf8()..).unwrap_or_default()
}

/// What follows a backslash.
fn escape<'p>(rest: &'p str, out: &mut String) -> &'p str {
    if let Some(quoted) = rest.strip_prefix('Q') {
        let (text, behind) = quoted.split_once("\\E").unwrap_or((quoted, ""));
        out.push_str(&regex_syntax::escape(text));
        return behind;
    }
    let Some(letter) = rest.chars().next() else {
        out.push('\\');
        return rest;
    };
    let behind = after(rest, letter);
    match letter {
        // `\<` is the beginning of a word to us, and a plain character to Go.
        '<' | '>' => out.push(letter),
        'b' if behind.starts_with('{') => {
            out.push_str("\\b\\{");
            return after(behind, '{');
        }
        '0'..='7' => {
            let digits: String = rest.chars().take(3).take_while(|digit| digit.is_digit(8)).collect();
            if letter == '0' || digits.len() > 1 {
                let value = u32::from_str_radix(&digits, 8).unwrap_or_default();
                out.push_str(&format!("\\x{{{value:x}}}"));
                return rest.get(digits.len()..).unwrap_or_default();
            }
            out.push('\\');
            out.push(letter);
        }
        _ => {
            out.push('\\');
            out.push(letter);
        }
    }
    behind
}

/// What follows an opening bracket, up to and with the closing one. Ours knows classes in classes and the difference of
/// classes, where Go has plain characters.
fn class<'p>(mut rest: &'p str, out: &mut String) -> &'p str {
    out.push('[');
    if let Some(behind) = rest.strip_prefix('^') {
        out.push('^');
        rest = behind;
    }
    // The first one closes nothing.
    if let Some(behind) = rest.strip_prefix(']') {
        out.push_str("\\]");
        rest = behind;
    }
    while let Some(first) = rest.chars().next() {
        let behind = after(rest, first);
        match first {
            ']' => {
                out.push(']');
                return behind;
            }
            '\\' => {
                rest = escape(behind, out);
                continue;
            }
            '[' if behind.starts_with(':')
                && let Some((name, behind)) = behind.split_once(":]") =>
            {
                out.push('[');
                out.push_str(name);
                out.push_str(":]");
                rest = behind;
                continue;
            }
            '[' => out.push_str("\\["),
            '&' | '-' | '~' if behind.starts_with(first) => {
                // `[+--]` goes from `+` to `-`.
                out.push(first);
                out.push('\\');
                out.push(first);
                rest = after(behind, first);
                continue;
            }
            other => out.push(other),
        }
        rest = behind;
    }
    rest
}

/// Whether `{` is followed by `N}`, `N,}` or `N,M}`.
fn begins_count(behind: &str) -> bool {
    let Some((inside, _)) = behind.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

#[cfg(test)]
mod tests {
    use regex::bytes::RegexBuilder;

    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        let translated = from_go(pattern);
        RegexBuilder::new(&translated)
            .unicode(false)
            .build()
            .unwrap_or_else(|error| panic!("{error}"))
            .is_match(text.as_bytes())
    }

    #[test]
    fn what_differs_means_the_same_afterwards() {
        for (pattern, is, is_not) in [
            (r"^\Qa.b\E+$", "a.bb", "axb"),
            (r"^\<a\>$", "<a>", "a"),
            (r"^a{x}$", "a{x}", "a"),
            (r"^a{2,3}$", "aaa", "a"),
            (r"^a{,3}$", "a{,3}", "a"),
            (r"^[[a]$", "[", "]"),
            (r"^[]a]$", "]", "["),
            (r"^[^]a]$", "[", "]"),
            (r"^[a&&b]$", "&", "c"),
            (r"^[+--]$", ",", "."),
            (r"^[[:alpha:]_]+$", "ab_", "a1"),
            (r"^\101\x42$", "AB", "ab"),
            (r"^[\w.\-]{3}$", "a.-", "a/-"),
            (r"^(?i)key['\x22]?\s*[=:]$", "KEY\" :", "key;"),
            (r"^(?P<a>x)(?:y|$)$", "xy", "y"),
            (r"^\$(?:\d+|{\d+})$", "${12}", "$x"),
            (r"^\{\{[ \t]*[\w ().|]+[ \t]*}}$", "{{ a.b }}", "{ a }"),
            (r"^[\w .-/]+(?-i:acc)_(?i)[a-z]$", "a/acc_X", "a/ACC_X"),
            (r"^[A-Z2-7]{2}\x60{0,1}[\x60'\x22\s;]$", "A2`;", "a2;"),
        ] {
            assert!(matches(pattern, is), "{pattern}: {}", from_go(pattern));
            assert!(!matches(pattern, is_not), "{pattern}: {}", from_go(pattern));
        }
    }
}
