//! Words: quotes, escapes, expansions and the substitutions inside them.

use super::{End, Lexer, MAX_DEPTH, Word, split};

impl Lexer<'_> {
    /// One word, as far as it goes. Substitutions inside add their commands to the script.
    pub(super) fn word(&mut self, depth: usize) -> Word {
        let mut word = Word::default();
        while !self.ended() {
            match self.peek(0) {
                b' ' | b'\t' | b'\n' | b'\r' | b';' | b'&' | b'|' | b')' => break,
                b'<' | b'>' => break,
                b'(' => {
                    // `name=(...)`: an array; anything else ends the word.
                    if !word.text.ends_with('=') {
                        break;
                    }
                    self.at += 1;
                    self.list(End::Parenthesis, depth + 1);
                    word.dynamic = true;
                }
                b'\\' => {
                    self.at += 1;
                    if self.peek(0) == b'\n' {
                        self.at += 1;
                    } else {
                        self.character(&mut word);
                    }
                }
                b'\'' => {
                    self.at += 1;
                    let end = self.rest().find('\'').unwrap_or(self.rest().len());
                    word.text.push_str(self.slice(self.at, self.at + end));
                    self.at += end + 1;
                }
                b'"' => self.double_quotes(&mut word, depth),
                b'`' => self.backticks(&mut word, depth),
                b'$' => {
                    if self.rest().starts_with("$IFS") || self.rest().starts_with("${IFS}") {
                        // Unquoted, it separates words; as part of one it has no other use than to hide that.
                        self.at += if self.peek(1) == b'{' { 6 } else { 4 };
                        if word.text.is_empty() && !word.dynamic {
                            continue;
                        }
                        break;
                    }
                    self.dollar(&mut word, depth);
                }
                b'*' | b'?' | b'[' => {
                    word.wild = true;
                    self.character(&mut word);
                }
                _ => self.character(&mut word),
            }
        }
        self.at = self.at.min(self.source.len());
        word
    }

    pub(super) fn character(&mut self, word: &mut Word) {
        if let Some(c) = self.rest().chars().next() {
            word.text.push(c);
            self.at += c.len_utf8();
        } else {
            // Never inside a character; if it were, this would still come to an end.
            self.at += 1;
        }
    }

    /// A backslash and the character it protects, both without meaning here.
    pub(super) fn escaped(&mut self) {
        self.at += 1;
        self.at += self.rest().chars().next().map_or(0, char::len_utf8);
    }

    pub(super) fn double_quotes(&mut self, word: &mut Word, depth: usize) {
        self.at += 1;
        while !self.ended() {
            match self.peek(0) {
                b'"' => {
                    self.at += 1;
                    return;
                }
                b'\\' => {
                    self.at += 1;
                    match self.peek(0) {
                        b'\n' => self.at += 1,
                        b'"' | b'\\' | b'$' | b'`' => self.character(word),
                        _ => {
                            word.text.push('\\');
                            self.character(word);
                        }
                    }
                }
                b'$' => self.dollar(word, depth),
                b'`' => self.backticks(word, depth),
                _ => self.character(word),
            }
        }
    }

    pub(super) fn backticks(&mut self, word: &mut Word, depth: usize) {
        self.at += 1;
        let mut inner = String::new();
        while !self.ended() {
            let c = self.rest().chars().next().unwrap_or('`');
            self.at += c.len_utf8();
            match c {
                '`' => break,
                '\\' if matches!(self.peek(0), b'`' | b'\\' | b'$') => {
                    inner.push(char::from(self.peek(0)));
                    self.at += 1;
                }
                other => inner.push(other),
            }
        }
        word.text.push('`');
        word.text.push_str(&inner);
        word.text.push('`');
        word.dynamic = true;
        if depth >= MAX_DEPTH {
            self.give_up("it is nested too deeply");
            return;
        }
        let script = split(&inner, depth + 1);
        let pipelines = script.commands.iter().map(|command| command.pipeline).max().unwrap_or(0);
        let base = self.pipelines + 1;
        let mut script = script;
        for command in &mut script.commands {
            command.pipeline += base;
        }
        self.adopt(script, base + pipelines);
    }

    /// Everything that begins with `$`.
    pub(super) fn dollar(&mut self, word: &mut Word, depth: usize) {
        let start = self.at;
        match self.peek(1) {
            b'(' if self.peek(2) == b'(' => {
                self.at += 1;
                self.arithmetic(depth);
                word.dynamic = true;
            }
            b'(' => {
                self.at += 2;
                let outer = self.pipelines;
                self.list(End::Parenthesis, depth + 1);
                self.pipelines += 1;
                // The rest of the outer command stays a stage of the outer pipeline: its own number was stored when
                // it began.
                debug_assert!(self.pipelines > outer);
                word.dynamic = true;
            }
            b'{' => {
                self.at += 2;
                self.braces(depth);
                let name = self.slice(start + 2, self.at.saturating_sub(1)).to_owned();
                if self.known(&name, word) {
                    return;
                }
                word.dynamic = true;
            }
            b'\'' => {
                self.at += 2;
                self.ansi_c(word);
                return;
            }
            b'"' => {
                self.at += 1;
                return;
            }
            next if next == b'_' || next.is_ascii_alphabetic() => {
                self.at += 1;
                let name: String =
                    self.rest().chars().take_while(|c| *c == '_' || c.is_ascii_alphanumeric()).collect();
                self.at += name.len();
                if self.known(&name, word) {
                    return;
                }
                word.dynamic = true;
            }
            next if next.is_ascii_digit()
                || matches!(next, b'@' | b'*' | b'#' | b'?' | b'$' | b'!' | b'-') =>
            {
                self.at += 2;
                word.dynamic = true;
            }
            _ => self.at += 1,
        }
        let written = self.slice(start, self.at.min(self.source.len())).to_owned();
        word.text.push_str(&written);
    }

    pub(super) fn known(&self, name: &str, word: &mut Word) -> bool {
        let Some(value) = self.variables.get(name) else { return false };
        word.text.push_str(value);
        true
    }

    /// Up to the closing brace of `${`, which is consumed.
    pub(super) fn braces(&mut self, depth: usize) {
        if depth > MAX_DEPTH {
            self.give_up("it is nested too deeply");
            return;
        }
        let mut ignored = Word::default();
        while !self.ended() {
            match self.peek(0) {
                b'}' => {
                    self.at += 1;
                    return;
                }
                b'\\' => self.escaped(),
                b'\'' => {
                    let end =
                        self.rest().get(1..).and_then(|rest| rest.find('\'')).unwrap_or(self.rest().len());
                    self.at += end + 2;
                }
                b'"' => self.double_quotes(&mut ignored, depth),
                b'`' => self.backticks(&mut ignored, depth),
                b'$' => self.dollar(&mut ignored, depth + 1),
                _ => self.character(&mut ignored),
            }
        }
        self.give_up("it ends inside an expansion");
    }

    /// `((...))`, whose only commands are substitutions.
    pub(super) fn arithmetic(&mut self, depth: usize) {
        if depth > MAX_DEPTH {
            self.give_up("it is nested too deeply");
            return;
        }
        let mut ignored = Word::default();
        let mut nesting = 0_usize;
        while !self.ended() {
            match self.peek(0) {
                b'(' => {
                    nesting += 1;
                    self.at += 1;
                }
                b')' => {
                    nesting = nesting.saturating_sub(1);
                    self.at += 1;
                    if nesting == 0 {
                        return;
                    }
                }
                b'`' => self.backticks(&mut ignored, depth),
                b'$' => self.dollar(&mut ignored, depth + 1),
                _ => self.character(&mut ignored),
            }
        }
        self.give_up("it ends inside an expansion");
    }

    /// The inside of `$'...'`, as bash(1) lists its escapes.
    pub(super) fn ansi_c(&mut self, word: &mut Word) {
        while !self.ended() {
            let c = self.rest().chars().next().unwrap_or('\'');
            self.at += c.len_utf8();
            match c {
                '\'' => return,
                '\\' => self.ansi_c_escape(word),
                other => word.text.push(other),
            }
        }
    }

    pub(super) fn ansi_c_escape(&mut self, word: &mut Word) {
        let Some(c) = self.rest().chars().next() else { return };
        self.at += c.len_utf8();
        let (radix, longest) = match c {
            'x' => (16, 2),
            'u' => (16, 4),
            'U' => (16, 8),
            '0'..='7' => {
                self.at -= 1;
                (8, 3)
            }
            _ => {
                word.text.push(match c {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'e' | 'E' => '\u{1b}',
                    'f' => '\u{c}',
                    'v' => '\u{b}',
                    other => other,
                });
                return;
            }
        };
        let digits: String = self.rest().chars().take(longest).take_while(|c| c.is_digit(radix)).collect();
        self.at += digits.len();
        if let Some(c) = u32::from_str_radix(&digits, radix).ok().and_then(char::from_u32) {
            word.text.push(c);
        }
    }
}
