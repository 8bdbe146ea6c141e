//! Brackets before the patterns of a `case`, which a shell does without.
//!
//! The parser looks for the end of `"$(…)"` by counting brackets, and knows a `case` only where it is the first command. In a loop
//! or a group it takes the bracket after a pattern for the end. With a bracket before each pattern, which means the same, it
//! counts right.

use std::borrow::Cow;

/// What a place in a script is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// Commands; whether in a substitution.
    Code(bool),
    /// `"…"`
    Quotes,
    /// `${…}`
    Parameter,
}

/// How far a `case` has been read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    /// Its word follows.
    Word,
    /// `in` follows.
    In,
    /// A pattern follows, or its end.
    Pattern,
    /// Up to the bracket after a pattern.
    Inside,
    /// The commands after it.
    Commands,
}

/// The script with a bracket before each pattern in a substitution. As it is, if it has none or is not understood.
pub(super) fn with_brackets(source: &str) -> Cow<'_, str> {
    if !(source.contains("$(") && source.contains("case")) {
        return Cow::Borrowed(source);
    }
    let mut pass = Pass::new(source.as_bytes());
    while pass.at < pass.bytes.len() {
        if pass.step().is_none() {
            return Cow::Borrowed(source);
        }
    }
    if pass.places.is_empty() || pass.frames.len() != 1 {
        return Cow::Borrowed(source);
    }
    let mut out = String::with_capacity(source.len() + pass.places.len());
    let mut from = 0;
    for place in pass.places {
        out.push_str(source.get(from..place).unwrap_or_default());
        out.push('(');
        from = place;
    }
    out.push_str(source.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

struct Pass<'s> {
    bytes: &'s [u8],
    at: usize,
    /// What is open, outermost first.
    frames: Vec<Frame>,
    /// The cases that are open, each with the number of frames around it.
    cases: Vec<(usize, Case)>,
    /// Where a word began, and whether nothing in it is quoted or expanded.
    word: Option<(usize, bool)>,
    /// Whether a command may begin.
    begin: bool,
    /// What ends the here-document after this line.
    heredoc: Option<Vec<u8>>,
    /// Where brackets are missing.
    places: Vec<usize>,
}

impl<'s> Pass<'s> {
    fn new(bytes: &'s [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            frames: vec![Frame::Code(false)],
            cases: Vec::new(),
            word: None,
            begin: true,
            heredoc: None,
            places: Vec::new(),
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    /// The case that the commands here are part of.
    fn case(&mut self) -> Option<&mut Case> {
        let depth = self.frames.len();
        self.cases.last_mut().filter(|(at, _)| *at == depth).map(|(_, case)| case)
    }

    fn is(&mut self, state: Case) -> bool {
        self.case().is_some_and(|case| *case == state)
    }

    fn turn(&mut self, state: Case) {
        if let Some(case) = self.case() {
            *case = state;
        }
    }

    /// Reads what is at the place; `None` where it cannot be told.
    fn step(&mut self) -> Option<()> {
        let byte = self.peek(0)?;
        let frame = self.frames.last().copied()?;
        // What is in backquotes is another text.
        if byte == b'`' {
            return None;
        }
        if byte == b'\\' {
            self.pattern();
            self.part(false);
            self.at += 2;
            return Some(());
        }
        if byte == b'$' && matches!(self.peek(1), Some(b'(' | b'{')) {
            self.pattern();
            self.part(false);
            let opened = if self.peek(1) == Some(b'(') { Frame::Code(true) } else { Frame::Parameter };
            return self.open(opened, 2);
        }
        match frame {
            Frame::Quotes => {
                if byte == b'"' {
                    self.frames.pop();
                    self.part(false);
                }
                self.at += 1;
                Some(())
            }
            Frame::Parameter => match byte {
                b'}' => {
                    self.frames.pop();
                    self.part(false);
                    self.at += 1;
                    Some(())
                }
                b'"' => self.open(Frame::Quotes, 1),
                b'\'' if self.frames.contains(&Frame::Quotes) => None,
                b'\'' => self.quoted(),
                _ => {
                    self.at += 1;
                    Some(())
                }
            },
            Frame::Code(nested) => self.code(byte, nested),
        }
    }

    fn code(&mut self, byte: u8, nested: bool) -> Option<()> {
        match byte {
            b' ' | b'\t' | b'\r' => self.end_of_word(),
            b'\n' => {
                self.end_of_word();
                self.begin = true;
                self.at += 1;
                self.body();
                return Some(());
            }
            b'#' if self.word.is_none() => {
                let rest = self.bytes.get(self.at..)?;
                self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                return Some(());
            }
            b'\'' => {
                self.pattern();
                self.part(false);
                return self.quoted();
            }
            b'"' => {
                self.pattern();
                self.part(false);
                return self.open(Frame::Quotes, 1);
            }
            b'<' if self.peek(1) == Some(b'<') => return self.heredoc(),
            b'<' | b'>' if self.peek(1) == Some(b'(') => {
                self.part(false);
                return self.open(Frame::Code(true), 2);
            }
            b'(' => {
                self.end_of_word();
                if self.is(Case::Pattern) {
                    self.turn(Case::Inside);
                } else {
                    return self.open(Frame::Code(nested), 1);
                }
            }
            b')' => {
                self.end_of_word();
                if self.is(Case::Inside) {
                    self.turn(Case::Commands);
                    self.begin = true;
                } else {
                    self.close()?;
                }
            }
            b';' if matches!(self.peek(1), Some(b';' | b'&')) => {
                self.end_of_word();
                self.turn(Case::Pattern);
                self.at += if self.peek(1) == Some(b';') && self.peek(2) == Some(b'&') { 3 } else { 2 };
                return Some(());
            }
            b';' | b'&' | b'|' | b'<' | b'>' => {
                self.end_of_word();
                self.begin = matches!(byte, b';' | b'&' | b'|');
            }
            _ => {
                self.pattern();
                self.part(true);
            }
        }
        self.at += 1;
        Some(())
    }

    /// Notes a part of a word.
    fn part(&mut self, plain: bool) {
        if matches!(self.frames.last(), Some(Frame::Code(_))) {
            let (start, so_far) = self.word.unwrap_or((self.at, true));
            self.word = Some((start, so_far && plain));
        }
    }

    /// Notes that a pattern begins here, if one does.
    fn pattern(&mut self) {
        let Some(Frame::Code(nested)) = self.frames.last().copied() else { return };
        if self.word.is_some() || !self.is(Case::Pattern) {
            return;
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let ends = rest
            .strip_prefix(b"esac")
            .is_some_and(|rest| rest.first().is_none_or(|byte| b" \t\r\n;&|)".contains(byte)));
        if !ends {
            if nested {
                self.places.push(self.at);
            }
            self.turn(Case::Inside);
        }
    }

    fn end_of_word(&mut self) {
        let Some((start, plain)) = self.word.take() else { return };
        let text = self.bytes.get(start..self.at).filter(|_| plain).unwrap_or_default();
        match self.case().copied() {
            Some(Case::Word) => return self.turn(Case::In),
            Some(Case::In) => {
                if text == b"in" {
                    self.turn(Case::Pattern);
                }
                return;
            }
            Some(Case::Pattern) if text == b"esac" => {
                self.cases.pop();
                self.begin = false;
                return;
            }
            Some(Case::Pattern | Case::Inside) => return,
            Some(Case::Commands) | None => {}
        }
        if text == b"{" {
            self.begin = true;
        }
        if !self.begin {
            return;
        }
        match text {
            b"case" => self.cases.push((self.frames.len(), Case::Word)),
            b"esac" => {
                if self.case().is_some() {
                    self.cases.pop();
                }
                self.begin = false;
            }
            b"then" | b"do" | b"else" | b"elif" | b"if" | b"while" | b"until" | b"time" | b"!" | b"{"
            | b"coproc" => {}
            _ => self.begin = false,
        }
    }

    /// Opens what begins with so many bytes.
    fn open(&mut self, frame: Frame, length: usize) -> Option<()> {
        if matches!(frame, Frame::Code(_)) {
            self.begin = true;
            self.word = None;
        }
        self.frames.push(frame);
        self.at += length;
        Some(())
    }

    /// Closes commands; what comes after them is no longer the beginning of one.
    fn close(&mut self) -> Option<()> {
        let depth = self.frames.len();
        self.cases.retain(|(at, _)| *at < depth);
        self.frames.pop();
        if self.frames.is_empty() {
            return None;
        }
        // `f()` is followed by what it does.
        self.begin = self.at.checked_sub(1).and_then(|at| self.bytes.get(at)) == Some(&b'(');
        self.word = None;
        if !self.begin {
            self.part(false);
        }
        Some(())
    }

    /// `'…'` and `$'…'`.
    fn quoted(&mut self) -> Option<()> {
        let escapes = self.at.checked_sub(1).and_then(|at| self.bytes.get(at)) == Some(&b'$');
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            self.at += if escapes && byte == b'\\' { 2 } else { 1 };
            if byte == b'\'' {
                return Some(());
            }
        }
        None
    }

    /// `<<WORD` and `<<<`.
    fn heredoc(&mut self) -> Option<()> {
        self.end_of_word();
        self.at += 2;
        if self.peek(0) == Some(b'<') {
            self.at += 1;
            return Some(());
        }
        if self.peek(0) == Some(b'-') {
            self.at += 1;
        }
        while matches!(self.peek(0), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        let mut word = Vec::new();
        while let Some(byte) = self.peek(0).filter(|byte| !b" \t\n;|&()<>".contains(byte)) {
            if !b"'\"\\".contains(&byte) {
                word.push(byte);
            }
            self.at += 1;
        }
        // Two on a line are asked about anyway.
        if word.is_empty() || self.heredoc.replace(word).is_some() { None } else { Some(()) }
    }

    /// Passes over the here-document that begins here, if one does.
    fn body(&mut self) {
        let Some(word) = self.heredoc.take() else { return };
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        for line in rest.split_inclusive(|byte| *byte == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            if text.trim_ascii_start() == word {
                // The line itself is passed over as a word.
                self.at += text.len();
                return;
            }
            self.at += line.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_in_substitutions_get_a_bracket() {
        for (script, with) in [
            ("x=\"$(for f in a; do case $f in *.md) ls;; *) pwd;; esac; done)\"", 2),
            ("echo \"$( { case \"$x\" in\n a|b) ls;;\n \"c d\") ls;& $y) ls;;& esac; } )\"", 3),
            ("x=$(if case $(uname) in Linux) true;; esac; then ls; fi)", 1),
            ("x=$(case a in (a) ls;; b) case c in d) ls;; esac;; esac)", 2),
            ("x=$(cat <<'E'\ncase a in b) c;; esac\nE\ncase a in b) c;; esac)", 1),
        ] {
            let done = with_brackets(script);
            assert_eq!(done.len(), script.len() + with, "{done}");
            assert_eq!(with_brackets(&done), done, "once is enough");
        }
        assert_eq!(
            with_brackets("x=\"$(if a; then case $f in *.md) ls;; esac; fi)\""),
            "x=\"$(if a; then case $f in (*.md) ls;; esac; fi)\""
        );
    }

    #[test]
    fn all_else_stays() {
        for script in [
            "case a in b) c;; esac; x=$(ls)",
            "x=$(echo 'case a in b) c;; esac')",
            "x=$(echo \"case a in b) c;; esac\")",
            "x=$(ls # case a in b) c;;\n)",
            "x=$(echo case a in b)",
            "x=$(case a in `b`) c;; esac)",
            "x=$(case a in esac)",
            "x=$(cat <<E\ncase a in b) c;; esac\nE\n)",
            "x=$(case a in b) c",
            "$(case",
            "$(case a in ((((",
            "x=\"${y:-'$(case a in b) c;; esac)'}\"",
        ] {
            assert!(matches!(with_brackets(script), Cow::Borrowed(_)), "{script}");
        }
    }
}
