//! What a script may be before it is parsed: one pass over its bytes.

/// The longest script, in bytes.
const LONGEST: usize = 64 * 1024;
/// How deep brackets and substitutions may be nested.
const DEEPEST: i32 = 40;
/// How many commands a script may have.
const MOST: usize = 8_000;

/// Why a script is over the limits, if it is.
pub(super) fn exceeded(source: &str) -> Option<&'static str> {
    if source.len() > LONGEST {
        return Some("it is longer than 64 KiB");
    }
    let mut depth = 0_i32;
    let mut commands = 0_usize;
    let mut heredocs = 0;
    let mut ticks = 0_usize;
    let bytes = source.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            0 => return Some("it holds a NUL byte"),
            b'(' | b'{' | b'[' => {
                depth += 1;
                if depth > DEEPEST {
                    return Some("its brackets are nested more than 40 deep");
                }
            }
            b')' | b'}' | b']' => depth = (depth - 1).max(0),
            b'`' => ticks += 1,
            b';' | b'|' | b'&' => commands += 1,
            b'\n' => {
                commands += 1;
                heredocs = 0;
            }
            b'<' if bytes.get(at + 1) == Some(&b'<')
                && at.checked_sub(1).and_then(|before| bytes.get(before)) != Some(&b'<')
                && bytes.get(at + 2) != Some(&b'<') =>
            {
                heredocs += 1;
                // The parser does not see into the second body of one line.
                if heredocs > 1 {
                    return Some("it has two here-documents on one line");
                }
            }
            _ => {}
        }
    }
    // Escaped backquotes nest by doubling their backslashes, so few of them are many levels.
    if source.contains("\\\\\\\\\\\\\\`") || ticks > 1_000 {
        return Some("its backquotes are nested too deeply");
    }
    if commands > MOST {
        return Some("it has more than 8,000 commands");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_scripts_are_within_the_limits() {
        for script in ["ls", "cat <<E\nx\nE\ncat <<F\ny\nF", "f() { echo $(date); }", "cat <<< x <<< y"] {
            assert_eq!(exceeded(script), None, "{script}");
        }
        assert_eq!(exceeded(&"echo (\n) ; ".repeat(1_000)), None);
    }

    #[test]
    fn what_is_over_them_has_a_reason() {
        for script in [
            "x".repeat(70_000),
            "$(".repeat(50),
            "a;".repeat(9_000),
            "a\0b".to_owned(),
            "cat <<A <<B\nA\n$(rm x)\nB".to_owned(),
        ] {
            assert!(exceeded(&script).is_some());
        }
    }
}
