//! Texts in all the quotes that the languages have.

use super::{Document, Kind, Lexer, Part};
use crate::understand::Language;

/// How the inside of quotes is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// A backslash stands for itself, save before a quote and another backslash.
    Single,
    /// Escapes such as `\x41` count.
    Escaped,
    /// Escapes count, and code may stand inside.
    Interpolated,
    /// Nothing counts.
    Raw,
    /// Braces of Python's f-texts.
    Format(bool),
}

impl Lexer {
    /// A text, if one begins here.
    pub(super) fn quoted(&mut self) -> bool {
        use Language::{JavaScript, Lua, Perl, Php, Python, Ruby};
        let Some(letter) = self.peek(0) else { return false };
        match (self.language, letter) {
            (Python, _) => return self.python(),
            (_, '"') => {
                self.at += 1;
                let inside = if self.is(&[JavaScript, Lua]) { Inside::Escaped } else { Inside::Interpolated };
                let parts = self.read("\"", None, inside);
                self.push(Kind::Text(parts));
                return true;
            }
            (_, '\'') => {
                self.at += 1;
                let inside = if self.is(&[JavaScript, Lua]) { Inside::Escaped } else { Inside::Single };
                let parts = self.read("'", None, inside);
                self.push(Kind::Text(parts));
                return true;
            }
            (JavaScript, '`') => {
                self.at += 1;
                let parts = self.read("`", None, Inside::Interpolated);
                // Bun and zx run what their `$` is given.
                let is_shell = !self.spaced && matches!(self.before(), Some(Kind::Name(name)) if name == "$");
                if is_shell {
                    self.tokens.pop();
                    self.push(Kind::Shell(parts));
                } else {
                    self.push(Kind::Text(parts));
                }
                return true;
            }
            (Perl | Ruby | Php, '`') => {
                self.at += 1;
                let parts = self.read("`", None, Inside::Interpolated);
                self.push(Kind::Shell(parts));
                return true;
            }
            (JavaScript | Ruby | Perl, '/') if !self.after_operand() => {
                self.at += 1;
                let _pattern = self.read("/", None, Inside::Raw);
                self.flags();
                self.push(Kind::Pattern(None));
                return true;
            }
            (Lua, '[') => {
                if let Some(text) = self.long_bracket() {
                    self.push(Kind::Text(vec![Part::Written(text)]));
                    return true;
                }
            }
            (Ruby, '%') if !self.after_operand() => return self.ruby_percent(),
            (Ruby, ':') if self.peek(1).is_some_and(char::is_alphabetic) => {
                // A symbol; not `a::b`, which is one mark, and not `x ? a :b`, where it does no harm.
                let mut end = 1;
                while self.peek(end).is_some_and(|next| next.is_alphanumeric() || next == '_') {
                    end += 1;
                }
                let name = self.slice(1, end);
                self.at += end;
                self.push(Kind::Text(vec![Part::Written(name)]));
                return true;
            }
            (Ruby | Perl | Php, '<') if self.starts("<<") => return self.document_tag(),
            (Perl, _) => return self.perl_quote(letter),
            _ => {}
        }
        false
    }

    fn flags(&mut self) -> String {
        let mut flags = String::new();
        while let Some(letter) = self.peek(0).filter(char::is_ascii_alphabetic) {
            flags.push(letter);
            self.at += 1;
        }
        flags
    }

    fn python(&mut self) -> bool {
        let mut ahead = 0;
        while self.peek(ahead).is_some_and(|letter| "rRbBuUfF".contains(letter)) && ahead < 3 {
            ahead += 1;
        }
        let Some(quote @ ('\'' | '"')) = self.peek(ahead) else { return false };
        let prefix = self.slice(0, ahead).to_ascii_lowercase();
        self.at += ahead;
        let triple: String = [quote; 3].iter().collect();
        let end = if self.starts(&triple) { triple } else { quote.to_string() };
        self.at += end.len();
        let inside = match (prefix.contains('f'), prefix.contains('r')) {
            (true, raw) => Inside::Format(raw),
            (false, true) => Inside::Raw,
            (false, false) => Inside::Escaped,
        };
        let parts = self.read(&end, None, inside);
        self.push(Kind::Text(parts));
        true
    }

    /// `[[...]]` or `[=[...]=]`.
    pub(super) fn long_bracket(&mut self) -> Option<String> {
        if self.peek(0) != Some('[') {
            return None;
        }
        let mut level = 0;
        while self.peek(1 + level) == Some('=') {
            level += 1;
        }
        if self.peek(1 + level) != Some('[') {
            return None;
        }
        self.at += level + 2;
        let end = format!("]{}]", "=".repeat(level));
        let start = self.at;
        while self.peek(0).is_some() && !self.starts(&end) {
            self.at += 1;
        }
        let text = self.letters.iter().skip(start).take(self.at - start).collect();
        self.at += end.len();
        Some(text)
    }

    /// The other end of a pair, or the same mark.
    fn closing(open: char) -> char {
        match open {
            '(' => ')',
            '[' => ']',
            '{' => '}',
            '<' => '>',
            other => other,
        }
    }

    fn paired(&mut self, inside: Inside) -> Vec<Part> {
        let Some(open) = self.peek(0) else { return Vec::new() };
        self.at += 1;
        let close = Self::closing(open);
        self.read(&close.to_string(), (open != close).then_some(open), inside)
    }

    fn ruby_percent(&mut self) -> bool {
        let (kind, ahead) = match self.peek(1) {
            Some(kind) if kind.is_ascii_alphabetic() => (kind, 2),
            Some(_) => ('Q', 1),
            None => return false,
        };
        if !self.peek(ahead).is_some_and(|open| "([{<|!/^".contains(open)) || !"qQwWiIxrs".contains(kind) {
            return false;
        }
        self.at += ahead;
        self.quote_like(kind);
        true
    }

    fn quote_like(&mut self, kind: char) {
        let inside = if "qwis".contains(kind) { Inside::Single } else { Inside::Interpolated };
        let parts = self.paired(if matches!(kind, 'r' | 'm') { Inside::Raw } else { inside });
        match kind {
            'w' | 'W' | 'i' | 'I' => {
                let text: String = parts
                    .iter()
                    .map(|part| if let Part::Written(text) = part { text.as_str() } else { "\u{fffc}" })
                    .collect();
                self.push(Kind::Words(text.split_whitespace().map(str::to_owned).collect()));
            }
            'x' => self.push(Kind::Shell(parts)),
            'r' | 'm' => {
                self.flags();
                self.push(Kind::Pattern(None));
            }
            _ => self.push(Kind::Text(parts)),
        }
    }

    fn perl_quote(&mut self, letter: char) -> bool {
        if !letter.is_ascii_lowercase() || matches!(self.before(), Some(Kind::Mark("->"))) {
            return false;
        }
        let mut end = 0;
        while self.peek(end).is_some_and(|next| next.is_alphanumeric() || next == '_') {
            end += 1;
        }
        let name = self.slice(0, end);
        if !matches!(name.as_str(), "q" | "qq" | "qw" | "qx" | "m" | "qr" | "s" | "tr" | "y") {
            return false;
        }
        let mut open = end;
        while self.peek(open).is_some_and(char::is_whitespace) {
            open += 1;
        }
        let Some(mark) = self.peek(open) else { return false };
        // A key in braces, an assignment or an argument is no quote.
        if mark.is_alphanumeric()
            || matches!(mark, ',' | ';' | ')' | '=' | '_' | '$' | '}')
            || (mark == '#' && open > end)
        {
            return false;
        }
        self.at += open;
        match name.as_str() {
            "q" => self.quote_like('q'),
            "qq" => self.quote_like('Q'),
            "qw" => self.quote_like('w'),
            "qx" => self.quote_like('x'),
            "m" | "qr" => self.quote_like('r'),
            _ => {
                let _pattern = self.paired(Inside::Raw);
                let replacement = if Self::closing(mark) == mark {
                    self.read(&mark.to_string(), None, Inside::Raw)
                } else {
                    while self.peek(0).is_some_and(char::is_whitespace) {
                        self.at += 1;
                    }
                    self.paired(Inside::Raw)
                };
                let flags = self.flags();
                let code = (name == "s" && flags.contains('e')).then(|| {
                    replacement
                        .iter()
                        .map(|part| match part {
                            Part::Written(text) | Part::Code(text) => text.as_str(),
                        })
                        .collect()
                });
                self.push(Kind::Pattern(code));
            }
        }
        true
    }

    /// `<<TAG`, `<<"TAG"`, `<<~TAG`, `<<<TAG`.
    fn document_tag(&mut self) -> bool {
        let mut ahead = 2;
        let indented = match (self.language, self.peek(ahead)) {
            (Language::Php, Some('<')) => true,
            (Language::Php, _) => return false,
            (_, Some('~' | '-')) => true,
            _ => false,
        };
        if indented {
            ahead += 1;
        }
        while self.language == Language::Php && self.peek(ahead) == Some(' ') {
            ahead += 1;
        }
        let quote = self.peek(ahead).filter(|letter| matches!(letter, '"' | '\''));
        if quote.is_some() {
            ahead += 1;
        }
        let start = ahead;
        while self.peek(ahead).is_some_and(|letter| letter.is_alphanumeric() || letter == '_') {
            ahead += 1;
        }
        let tag = self.slice(start, ahead);
        if tag.is_empty()
            || (quote.is_none() && !tag.starts_with(|letter: char| letter.is_uppercase() || letter == '_'))
        {
            return false;
        }
        if quote.is_some() {
            ahead += 1;
        }
        self.at += ahead;
        self.documents.push(Document {
            index: self.tokens.len(),
            tag,
            interpolated: quote != Some('\''),
            indented,
        });
        self.push(Kind::Text(Vec::new()));
        true
    }

    /// The texts that begin on this line.
    pub(super) fn documents(&mut self) {
        for document in std::mem::take(&mut self.documents) {
            let mut lines = String::new();
            while self.peek(0).is_some() {
                let mut end = 0;
                while self.peek(end).is_some_and(|letter| letter != '\n') {
                    end += 1;
                }
                let line = self.slice(0, end);
                let found = if document.indented { line.trim_start() } else { line.as_str() };
                if found.trim_end_matches([';', ')', ',', '\r']) == document.tag {
                    // What follows the tag of PHP goes on.
                    self.at += end;
                    break;
                }
                self.at += end + 1;
                lines.push_str(&line);
                lines.push('\n');
            }
            let parts = if document.interpolated {
                let mut inner = Self {
                    letters: lines.chars().collect(),
                    at: 0,
                    language: self.language,
                    tokens: Vec::new(),
                    fresh: false,
                    spaced: false,
                    indented: false,
                    documents: Vec::new(),
                };
                inner.read("\u{0}", None, Inside::Interpolated)
            } else {
                vec![Part::Written(lines)]
            };
            if let Some(token) = self.tokens.get_mut(document.index) {
                token.kind = Kind::Text(parts);
            }
        }
    }

    /// The inside of quotes, up to and with their end.
    fn read(&mut self, end: &str, nested: Option<char>, inside: Inside) -> Vec<Part> {
        let (mut parts, mut text, mut depth) = (Vec::new(), String::new(), 0_u32);
        while let Some(letter) = self.peek(0) {
            if depth == 0 && self.starts(end) {
                self.at += end.chars().count();
                break;
            }
            if nested == Some(letter) {
                depth += 1;
            } else if nested.is_some() && end.starts_with(letter) {
                depth = depth.saturating_sub(1);
            }
            if letter == '\\' && !matches!(inside, Inside::Raw | Inside::Format(true)) {
                self.escape(inside, &mut text);
                continue;
            }
            if letter == '\\' {
                // In a raw text a backslash stays, and keeps a quote from ending it.
                text.push(letter);
                self.at += 1;
                if let Some(next) = self.peek(0) {
                    text.push(next);
                    self.at += 1;
                }
                continue;
            }
            if let Some(code) = self.interpolation(inside, letter) {
                parts.push(Part::Written(std::mem::take(&mut text)));
                parts.push(Part::Code(code));
                continue;
            }
            if matches!(inside, Inside::Format(_))
                && matches!(letter, '{' | '}')
                && self.peek(1) == Some(letter)
            {
                self.at += 1;
            }
            text.push(letter);
            self.at += 1;
        }
        parts.push(Part::Written(text));
        parts
    }

    fn escape(&mut self, inside: Inside, text: &mut String) {
        self.at += 1;
        let Some(letter) = self.peek(0) else { return };
        self.at += 1;
        if inside == Inside::Single {
            if !matches!(letter, '\'' | '\\') {
                text.push('\\');
            }
            text.push(letter);
            return;
        }
        let code = match letter {
            'n' => Some(10),
            't' => Some(9),
            'r' => Some(13),
            'e' => Some(27),
            '\n' => return,
            'x' => self.digits(16, 2),
            'u' => self.digits(16, 4),
            'U' => self.digits(16, 8),
            '0'..='7' => {
                self.at -= 1;
                self.digits(8, 3)
            }
            other => Some(other as u32),
        };
        text.push(code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
    }

    fn digits(&mut self, radix: u32, most: usize) -> Option<u32> {
        let braces = self.peek(0) == Some('{');
        if braces {
            self.at += 1;
        }
        let (mut number, mut count) = (0_u32, 0);
        while let Some(digit) = self.peek(0).and_then(|letter| letter.to_digit(radix)) {
            if count == if braces { 8 } else { most } {
                break;
            }
            number = number.wrapping_mul(radix).wrapping_add(digit);
            count += 1;
            self.at += 1;
        }
        if braces && self.peek(0) == Some('}') {
            self.at += 1;
        }
        (count > 0).then_some(number)
    }

    /// Code inside a text.
    fn interpolation(&mut self, inside: Inside, letter: char) -> Option<String> {
        match (inside, self.language, letter) {
            (Inside::Format(_), _, '{') if self.peek(1) != Some('{') => {
                let code = self.braced(1);
                // What comes after `!r` or `:>8` is about the form.
                let bracket = code.find(['(', '[', '{']).unwrap_or(usize::MAX);
                let cut = code.char_indices().find(|(at, mark)| {
                    let rest = code.get(at + 1..).unwrap_or_default();
                    (*mark == ':' && *at < bracket) || (*mark == '!' && !rest.starts_with('='))
                });
                Some(cut.and_then(|(at, _)| code.get(..at)).unwrap_or(&code).to_owned())
            }
            (Inside::Interpolated, Language::JavaScript, '$') if self.peek(1) == Some('{') => {
                Some(self.braced(2))
            }
            (Inside::Interpolated, Language::Ruby, '#') if self.peek(1) == Some('{') => Some(self.braced(2)),
            (Inside::Interpolated, Language::Php, '{') if self.peek(1) == Some('$') => Some(self.braced(1)),
            (Inside::Interpolated, Language::Perl, '@') if self.starts("@{[") => {
                let code = self.braced(2);
                Some(code.trim().trim_start_matches('[').trim_end_matches(']').to_owned())
            }
            (Inside::Interpolated, Language::Perl | Language::Php, '$') if self.peek(1) == Some('{') => {
                Some(format!("${}", self.braced(2)))
            }
            (Inside::Interpolated, Language::Perl | Language::Php, '$' | '@')
                if (letter == '$' || self.language == Language::Perl)
                    && self.peek(1).is_some_and(|next| next.is_alphabetic() || next == '_') =>
            {
                let mut end = 1;
                while self.peek(end).is_some_and(|next| next.is_alphanumeric() || next == '_') {
                    end += 1;
                }
                let mut code = self.slice(0, end);
                self.at += end;
                // A subscript belongs to it.
                if let Some(open @ ('[' | '{')) = self.peek(0) {
                    let close = Self::closing(open);
                    let mut length = 1;
                    while length < 64 && self.peek(length).is_some_and(|next| next != close && next != '"') {
                        length += 1;
                    }
                    if self.peek(length) == Some(close) {
                        code += &self.slice(0, length + 1);
                        self.at += length + 1;
                    }
                }
                Some(code)
            }
            _ => None,
        }
    }

    /// The code up to the brace that closes, after `skip` letters.
    fn braced(&mut self, skip: usize) -> String {
        self.at += skip;
        let (mut depth, mut code) = (0_u32, String::new());
        while let Some(letter) = self.peek(0) {
            self.at += 1;
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                _ => {}
            }
            code.push(letter);
        }
        code
    }
}
