//! What a script may be before it is parsed: one pass over its bytes.
//!
//! The pass tells code from what is only text: what stands in quotes, in comments and in here-documents. Where it errs, the
//! parser has limits of its own, and a text that it does not understand in full is not understood here either.

/// The longest script, in bytes.
const LONGEST: usize = 64 * 1024;
/// How deep brackets and substitutions may be nested.
const DEEPEST: i32 = 40;
/// How many commands a script may have.
const MOST: usize = 8_000;
/// How many backquotes a script may have. Each is parsed for itself.
const TICKS: usize = 1_000;
/// So many backslashes before a backquote are the fourth level of substitutions: they nest by doubling.
const BACKSLASHES: usize = 7;
/// How often the end of a here-document is looked for in vain before what looks like one counts as none.
const UNENDED: usize = 16;

/// Why a script is over the limits, if it is.
pub(super) fn exceeded(source: &str) -> Option<&'static str> {
    if source.len() > LONGEST {
        return Some("it is longer than 64 KiB");
    }
    if source.as_bytes().contains(&0) {
        return Some("it holds a NUL byte");
    }
    let mut pass = Pass { bytes: source.as_bytes(), ..Pass::default() };
    while pass.at < pass.bytes.len() {
        if let Some(why) = pass.step() {
            return Some(why);
        }
    }
    (pass.commands > MOST).then_some("it has more than 8,000 commands")
}

/// What the bytes at a place are part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// `"…"`
    Quotes,
    /// `$(…)`, with the number of open brackets in it.
    Substitution(usize),
    /// `${…}`
    Parameter,
    /// A command in backquotes.
    Backquotes,
}

#[derive(Default)]
struct Pass<'s> {
    bytes: &'s [u8],
    at: usize,
    /// What is open, outermost first; commands if nothing is.
    frames: Vec<Frame>,
    depth: i32,
    commands: usize,
    ticks: usize,
    /// The here-document that begins after this line: what ends it, and whether its text is no code.
    heredoc: Option<(Vec<u8>, bool)>,
    unended: usize,
}

impl Pass<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn before(&self) -> Option<u8> {
        self.bytes.get(self.at.checked_sub(1)?).copied()
    }

    /// Looks at one byte, and at all that is no code after it.
    fn step(&mut self) -> Option<&'static str> {
        let byte = self.peek(0)?;
        let frame = self.frames.last().copied();
        let mut why = None;
        match byte {
            b'\\' => return self.escape(),
            b'`' => {
                self.ticks += 1;
                if self.ticks > TICKS {
                    return Some("it has more than 1,000 backquotes");
                }
                match self.frames.iter().rposition(|open| *open == Frame::Backquotes) {
                    Some(open) => self.frames.truncate(open),
                    None => self.frames.push(Frame::Backquotes),
                }
            }
            b'"' if frame == Some(Frame::Quotes) => {
                self.frames.pop();
            }
            b'"' => self.frames.push(Frame::Quotes),
            b'$' if self.peek(1) == Some(b'(') => {
                self.at += 1;
                why = self.open(Some(Frame::Substitution(0)));
            }
            b'$' if self.peek(1) == Some(b'{') => {
                self.at += 1;
                why = self.open(Some(Frame::Parameter));
            }
            // The rest is text in quotes.
            _ if frame == Some(Frame::Quotes) => {}
            b'\'' if frame != Some(Frame::Parameter) => self.quoted(),
            b'#' if self.before().is_none_or(|before| b" \t\n;|&(".contains(&before)) => {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                return None;
            }
            b'(' => {
                if let Some(Frame::Substitution(open)) = self.frames.last_mut() {
                    *open += 1;
                }
                why = self.open(None);
            }
            b'{' | b'[' => why = self.open(None),
            b')' => {
                match self.frames.last_mut() {
                    Some(Frame::Substitution(0)) => {
                        self.frames.pop();
                    }
                    Some(Frame::Substitution(open)) => *open -= 1,
                    _ => {}
                }
                self.close();
            }
            b'}' => {
                if frame == Some(Frame::Parameter) {
                    self.frames.pop();
                }
                self.close();
            }
            b']' => self.close(),
            b';' | b'|' | b'&' => self.commands += 1,
            b'\n' => {
                self.commands += 1;
                self.at += 1;
                return self.body();
            }
            b'<' if self.peek(1) == Some(b'<') => return self.heredoc(),
            _ => {}
        }
        self.at += 1;
        why
    }

    fn open(&mut self, frame: Option<Frame>) -> Option<&'static str> {
        self.frames.extend(frame);
        self.depth += 1;
        (self.depth > DEEPEST).then_some("its brackets are nested more than 40 deep")
    }

    fn close(&mut self) {
        self.depth = (self.depth - 1).max(0);
    }

    /// Backslashes and what the last of them protects.
    fn escape(&mut self) -> Option<&'static str> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| **byte == b'\\').count();
        if count >= BACKSLASHES && rest.get(count) == Some(&b'`') {
            return Some("its backquotes are nested too deeply");
        }
        self.at += count + count % 2;
        None
    }

    /// `'…'` and `$'…'`.
    fn quoted(&mut self) {
        let escapes = self.before() == Some(b'$');
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            self.at += if escapes && byte == b'\\' { 2 } else { 1 };
            if byte == b'\'' {
                break;
            }
        }
        self.at -= 1;
    }

    /// `<<WORD` and `<<<`.
    fn heredoc(&mut self) -> Option<&'static str> {
        self.at += 2;
        if self.peek(0) == Some(b'<') {
            self.at += 1;
            return None;
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let rest = rest.strip_prefix(b"-").unwrap_or(rest).trim_ascii_start();
        let mut word = Vec::new();
        let (mut quote, mut is_quoted) = (None, false);
        for byte in rest {
            match (quote, byte) {
                (None, b'\'' | b'"') => (quote, is_quoted) = (Some(*byte), true),
                (None, b'\\') => is_quoted = true,
                (None, b' ' | b'\t' | b'\n' | b';' | b'|' | b'&' | b'(' | b')' | b'<' | b'>') => break,
                (Some(end), byte) if *byte == end => quote = None,
                (_, byte) => word.push(*byte),
            }
        }
        // The parser does not see into the second body of one line.
        if self.heredoc.replace((word, is_quoted)).is_some() {
            return Some("it has two here-documents on one line");
        }
        None
    }

    /// The here-document that begins here, if one does.
    fn body(&mut self) -> Option<&'static str> {
        let (word, is_text) = self.heredoc.take()?;
        if self.unended >= UNENDED {
            return None;
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let mut length = 0;
        let mut ended = false;
        for line in rest.split_inclusive(|byte| *byte == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            if text.trim_ascii_start() == word {
                ended = true;
                break;
            }
            length += line.len();
        }
        if !ended {
            self.unended += 1;
            return None;
        }
        if !is_text {
            // Only substitutions are code; where one ends, nobody has to know exactly.
            let body = rest.get(..length).unwrap_or_default();
            for pair in body.windows(2) {
                match pair {
                    b"$(" | b"${" => {
                        if let Some(why) = self.open(None) {
                            return Some(why);
                        }
                    }
                    [b')' | b'}', _] => self.close(),
                    _ => {}
                }
            }
            self.ticks += memchr::memchr_iter(b'`', body).count();
            if self.ticks > TICKS {
                return Some("it has more than 1,000 backquotes");
            }
            if body.windows(BACKSLASHES + 1).any(|run| run == b"\\\\\\\\\\\\\\`") {
                return Some("its backquotes are nested too deeply");
            }
        }
        self.at += length;
        None
    }
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
            "\"$(".repeat(50),
            "`".repeat(2_000),
            "\\\\\\\\\\\\\\`".to_owned(),
            "echo \"\\\\\\\\\\\\\\`\"".to_owned(),
            format!("cat <<E\n{}\nE", "$(".repeat(50)),
            "a;".repeat(9_000),
            "a\0b".to_owned(),
            "cat <<A <<B\nA\n$(rm x)\nB".to_owned(),
            "x=\"$(cat <<A <<B\nA\n$(rm x)\nB\n)\"".to_owned(),
        ] {
            assert!(exceeded(&script).is_some(), "{script}");
        }
    }

    #[test]
    fn text_is_no_code() {
        let ticks = "`code` ".repeat(2_000);
        let brackets = "([{ ".repeat(50);
        for text in [ticks.as_str(), brackets.as_str(), "\\\\\\\\\\\\\\`", "a << b << c", "$( ${ ((((("] {
            for script in [
                format!("git commit -m '{text}'"),
                format!("git commit -m $'it\\'s {text}'"),
                format!("cat > x <<'E'\n{text}\nit's\nE\nls"),
                format!("git commit -m \"$(cat <<'E'\n{text}\nE\n)\""),
                format!("cat <<-\\E\n\t{text}\n\tE"),
            ] {
                assert_eq!(exceeded(&script), None, "{script}");
            }
        }
        for script in [
            format!("ls # {brackets}"),
            format!("echo \"{brackets}\""),
            format!("cat <<E\n{brackets}it's <<A <<B\nE"),
            "cat <<E\na << b << c\nE".to_owned(),
        ] {
            assert_eq!(exceeded(&script), None, "{script}");
        }
    }

    #[test]
    fn what_looks_like_many_here_documents_costs_little() {
        let script = "echo $((1<<4))\n".repeat(4_000);
        let mut pass = Pass { bytes: script.as_bytes(), ..Pass::default() };
        while pass.at < pass.bytes.len() {
            assert_eq!(pass.step(), None);
        }
        assert_eq!(pass.unended, UNENDED);
    }
}
