//! The words of PowerShell.

use super::super::lex::Part;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A bare word: a command or its argument.
    Word(String),
    /// `-Name`, also an operator such as `-join`.
    Parameter(String),
    Variable(String),
    Text(Vec<Part>),
    Number(i64),
    /// `[Convert]`
    Type(String),
    /// `.Name` or `::Name` right behind a value.
    Member(String),
    /// `( )`, `$( )`, `@( )`
    Group(Vec<Token>),
    /// `{ }`, `@{ }`
    Block(Vec<Token>),
    /// `[ ]` right behind a value.
    Index(Vec<Token>),
    Operator(String),
    Redirect,
    Pipe,
    End,
}

/// All tokens of a text; brackets that nest too deep are left out.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { letters: text.chars().collect(), at: 0 };
    let mut all = Vec::new();
    while lexer.at < lexer.letters.len() {
        let start = lexer.at;
        all.extend(lexer.until(None, 0));
        // A bracket that nothing opened.
        if lexer.at == start {
            lexer.at += 1;
        }
    }
    all
}

/// Whether the words are those of a command, in which `/` is a path.
fn in_command(all: &[Token]) -> bool {
    let start =
        all.iter().rposition(|token| matches!(token, Token::End | Token::Pipe)).map_or(0, |at| at + 1);
    matches!(all.get(start), Some(Token::Word(_)))
}

struct Lexer {
    letters: Vec<char>,
    at: usize,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    fn slice(&self, from: usize, to: usize) -> String {
        self.letters.iter().skip(from).take(to.saturating_sub(from)).collect()
    }

    fn until(&mut self, close: Option<char>, depth: u32) -> Vec<Token> {
        let mut all: Vec<Token> = Vec::new();
        let mut spaced = true;
        while let Some(letter) = self.peek(0) {
            if Some(letter) == close {
                self.at += 1;
                return all;
            }
            let after_value = !spaced
                && matches!(
                    all.last(),
                    Some(
                        Token::Variable(_)
                            | Token::Text(_)
                            | Token::Type(_)
                            | Token::Member(_)
                            | Token::Group(_)
                            | Token::Index(_)
                            | Token::Number(_)
                    )
                );
            spaced = false;
            match letter {
                '\n' | ';' => {
                    self.at += 1;
                    all.push(Token::End);
                    spaced = true;
                }
                '`' if self.peek(1) == Some('\n') => {
                    self.at += 2;
                    spaced = true;
                }
                _ if letter.is_whitespace() => {
                    self.at += 1;
                    spaced = true;
                }
                '<' if self.peek(1) == Some('#') => {
                    while self.peek(0).is_some() && !(self.peek(0) == Some('#') && self.peek(1) == Some('>'))
                    {
                        self.at += 1;
                    }
                    self.at += 2;
                }
                '#' => {
                    while self.peek(0).is_some_and(|letter| letter != '\n') {
                        self.at += 1;
                    }
                }
                '"' | '\u{201c}' | '\u{201d}' | '\'' => all.push(self.text(letter == '\'')),
                '@' if matches!(self.peek(1), Some('"' | '\'')) => all.push(self.here_text()),
                '(' => all.push(Token::Group(self.inside(')', 1, depth))),
                '@' | '$' if self.peek(1) == Some('(') => all.push(Token::Group(self.inside(')', 2, depth))),
                '@' if self.peek(1) == Some('{') => all.push(Token::Block(self.inside('}', 2, depth))),
                '{' => all.push(Token::Block(self.inside('}', 1, depth))),
                '[' if after_value => all.push(Token::Index(self.inside(']', 1, depth))),
                '[' => all.push(self.type_name()),
                '$' => {
                    let variable = self.variable();
                    let in_command = in_command(&all);
                    all.push(if in_command { self.with_rest(variable) } else { variable });
                }
                '|' if self.peek(1) == Some('|') => {
                    self.at += 2;
                    all.push(Token::End);
                }
                '|' => {
                    self.at += 1;
                    all.push(Token::Pipe);
                }
                '&' if self.peek(1) == Some('&') => {
                    self.at += 2;
                    all.push(Token::End);
                }
                '>' => {
                    self.at += if self.peek(1) == Some('>') { 2 } else { 1 };
                    all.push(Token::Redirect);
                }
                '2' | '*' if self.peek(1) == Some('>') && !after_value => {
                    self.at += 2;
                    if self.peek(0) == Some('&') {
                        self.at += 2;
                    } else {
                        all.push(Token::Redirect);
                    }
                }
                '.' | ':' if after_value && (letter == '.' || self.peek(1) == Some(':')) => {
                    self.at += if letter == ':' { 2 } else { 1 };
                    if let Some(quote @ ('\'' | '"')) = self.peek(0) {
                        let quoted = self.text(quote == '\'');
                        if let Token::Text(parts) = quoted {
                            let name = parts.iter().map(|part| match part {
                                Part::Written(text) | Part::Code(text) => text.as_str(),
                            });
                            all.push(Token::Member(name.collect()));
                        }
                    } else {
                        let start = self.at;
                        while self.peek(0).is_some_and(|next| next.is_alphanumeric() || next == '_') {
                            self.at += 1;
                        }
                        all.push(Token::Member(self.slice(start, self.at)));
                    }
                }
                '=' | '+' | ',' | '&' | '!' | '*' | '%' | '/'
                    if !matches!(letter, '/' | '*' | '%')
                        || (self.peek(1).is_none_or(char::is_whitespace)
                            && (letter == '%' || !in_command(&all))) =>
                {
                    let two = matches!(letter, '+') && self.peek(1) == Some('=');
                    self.at += if two { 2 } else { 1 };
                    all.push(if letter == '%' {
                        Token::Word("%".to_owned())
                    } else {
                        Token::Operator(if two { "+=".to_owned() } else { letter.to_string() })
                    });
                }
                '.' if self.peek(1).is_some_and(char::is_whitespace) => {
                    self.at += 1;
                    all.push(Token::Operator(".".to_owned()));
                }
                ')' | '}' | ']' => {
                    // Nothing opened it here.
                    if close.is_some() {
                        self.at += 1;
                        continue;
                    }
                    return all;
                }
                _ => all.push(self.bare()),
            }
        }
        all
    }

    fn inside(&mut self, close: char, skip: usize, depth: u32) -> Vec<Token> {
        self.at += skip;
        if depth > 20 {
            // Deeper code is no code of a person; it is flat from here on.
            return Vec::new();
        }
        self.until(Some(close), depth + 1)
    }

    fn bare(&mut self) -> Token {
        let mut text = String::new();
        while let Some(letter) = self.peek(0) {
            match letter {
                // A backtick takes the meaning from what follows, and hides a word from a search.
                '`' => {
                    self.at += 1;
                    if let Some(next) = self.peek(0) {
                        text.push(next);
                    }
                    self.at += 1;
                }
                '"' | '\'' if !text.is_empty() => {
                    // Quotes inside of a word: `i"e"x`.
                    if let Token::Text(parts) = self.text(letter == '\'') {
                        for part in parts {
                            match part {
                                Part::Written(written) => text.push_str(&written),
                                Part::Code(_) => text.push(crate::understand::UNKNOWN),
                            }
                        }
                    }
                }
                '$' if !text.is_empty() => {
                    text.push('$');
                    self.at += 1;
                }
                _ if letter.is_whitespace() || ";|&(){}<>,\"'".contains(letter) => break,
                _ => {
                    text.push(letter);
                    self.at += 1;
                }
            }
        }
        if text.is_empty() {
            self.at += 1;
            return Token::Operator("?".to_owned());
        }
        let number = text
            .strip_prefix("0x")
            .map_or_else(|| text.parse().ok(), |hex| i64::from_str_radix(hex, 16).ok());
        match (number, text.strip_prefix(['-', '\u{2013}', '\u{2014}', '\u{2015}'])) {
            (Some(number), _) => Token::Number(number),
            (None, Some(name))
                if name.starts_with(|letter: char| letter.is_alphabetic() || letter == '?') =>
            {
                Token::Parameter(name.to_owned())
            }
            _ => Token::Word(text),
        }
    }

    fn variable(&mut self) -> Token {
        self.at += 1;
        let start = self.at;
        if self.peek(0) == Some('{') {
            self.at += 1;
            let start = self.at;
            while self.peek(0).is_some_and(|letter| letter != '}') {
                self.at += 1;
            }
            let name = self.slice(start, self.at).to_ascii_lowercase();
            self.at += 1;
            return Token::Variable(name);
        }
        while let Some(letter) = self.peek(0) {
            let colon = letter == ':' && self.peek(1).is_some_and(char::is_alphanumeric);
            if letter.is_alphanumeric()
                || letter == '_'
                || colon
                || (matches!(letter, '?' | '$') && self.at == start)
            {
                self.at += 1;
            } else {
                break;
            }
        }
        Token::Variable(self.slice(start, self.at).to_ascii_lowercase())
    }

    /// `$HOME\\x`: a text, where it is an argument of a command.
    fn with_rest(&mut self, variable: Token) -> Token {
        let (Token::Variable(name), Some('\\' | '/')) = (&variable, self.peek(0)) else { return variable };
        let start = self.at;
        let ends = |letter: char| {
            letter.is_whitespace()
                || matches!(letter, ';' | ',' | '|' | '&' | ')' | '}' | '(' | '{' | '"' | '\'' | '$')
        };
        while self.peek(0).is_some_and(|letter| !ends(letter)) {
            self.at += 1;
        }
        Token::Text(vec![Part::Code(format!("${{{name}}}")), Part::Written(self.slice(start, self.at))])
    }

    /// A type, or a text in brackets that is none.
    fn type_name(&mut self) -> Token {
        self.at += 1;
        let start = self.at;
        while self
            .peek(0)
            .is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '[' | ',' | ' '))
        {
            self.at += 1;
            if self.letters.get(self.at.wrapping_sub(1)) == Some(&'[') && self.peek(0) == Some(']') {
                self.at += 1;
            }
        }
        let name = self.slice(start, self.at).to_ascii_lowercase();
        if self.peek(0) == Some(']') {
            self.at += 1;
        }
        Token::Type(name.trim_start_matches("system.").to_owned())
    }

    fn text(&mut self, single: bool) -> Token {
        self.at += 1;
        let (mut parts, mut text) = (Vec::new(), String::new());
        let ends = |letter: char| {
            if single { letter == '\'' } else { matches!(letter, '"' | '\u{201c}' | '\u{201d}') }
        };
        while let Some(letter) = self.peek(0) {
            if ends(letter) {
                self.at += 1;
                if !self.peek(0).is_some_and(ends) {
                    break;
                }
            }
            if !single && self.dynamic(letter, &mut parts, &mut text) {
                continue;
            }
            text.push(letter);
            self.at += 1;
        }
        parts.push(Part::Written(text));
        Token::Text(parts)
    }

    /// What is no plain letter of a text in double quotes.
    fn dynamic(&mut self, letter: char, parts: &mut Vec<Part>, text: &mut String) -> bool {
        match (letter, self.peek(1)) {
            ('`', Some(next)) => {
                text.push(match next {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    '0' => '\0',
                    other => other,
                });
                self.at += 2;
                true
            }
            ('$', Some('(')) => {
                let start = self.at;
                let mut depth = 0_u32;
                while let Some(letter) = self.peek(0) {
                    self.at += 1;
                    match letter {
                        '(' => depth += 1,
                        ')' => depth = depth.saturating_sub(1),
                        _ => continue,
                    }
                    if depth == 0 {
                        break;
                    }
                }
                parts.push(Part::Written(std::mem::take(text)));
                parts.push(Part::Code(self.slice(start, self.at)));
                true
            }
            ('$', Some(next)) if next.is_alphabetic() || matches!(next, '_' | '{') => {
                let start = self.at;
                self.variable();
                parts.push(Part::Written(std::mem::take(text)));
                parts.push(Part::Code(self.slice(start, self.at)));
                true
            }
            _ => false,
        }
    }

    fn here_text(&mut self) -> Token {
        let single = self.peek(1) == Some('\'');
        let quote = if single { '\'' } else { '"' };
        self.at += 2;
        let (mut parts, mut text) = (Vec::new(), String::new());
        while let Some(letter) = self.peek(0) {
            if letter == '\n' && self.peek(1) == Some(quote) && self.peek(2) == Some('@') {
                self.at += 3;
                break;
            }
            if !single && self.dynamic(letter, &mut parts, &mut text) {
                continue;
            }
            text.push(letter);
            self.at += 1;
        }
        parts.push(Part::Written(text.trim_start_matches('\n').to_owned()));
        Token::Text(parts)
    }
}
