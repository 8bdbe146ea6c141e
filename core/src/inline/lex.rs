//! The words of code in languages with expressions: names, texts in all their quotes, numbers and marks. Comments are gone
//! afterwards, and so is what stands in a regular expression.

mod quotes;

use crate::understand::Language;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Written(String),
    /// Code whose value stands there.
    Code(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier; a variable of Perl, PHP or PowerShell begins with `$`.
    Name(String),
    Text(Vec<Part>),
    /// A text that a shell runs: backticks, `%x`, `qx`.
    Shell(Vec<Part>),
    /// Words in `qw()` or `%w[]`.
    Words(Vec<String>),
    Number(i64),
    /// A regular expression; with code where its replacement is some (`s///e`).
    Pattern(Option<String>),
    Mark(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Whether it is the first of its line.
    pub(super) fresh: bool,
    /// Whether white space stands before it.
    pub(super) spaced: bool,
    /// Whether its line is indented.
    pub(super) indented: bool,
}

const MARKS: &[&str] = &[
    "===", "!==", "**=", "...", "<=>", "&&=", "||=", "//=", "??=", "=>", "->", "::", "==", "!=", "<=", ">=",
    "&&", "||", "+=", "-=", "*=", "/=", ".=", "//", "??", "?.", "&.", "**", "<<", ">>", "=~", "!~", "..",
    ":=", "~=", "++", "--", "(", ")", "[", "]", "{", "}", "<", ">", "+", "-", "*", "/", "%", "=", ",", ".",
    ";", ":", "!", "?", "&", "|", "^", "~", "@", "\\", "$", "#", "'", "\"", "`",
];

/// All tokens of a text.
pub(super) fn tokens(language: Language, text: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        letters: text.chars().collect(),
        at: 0,
        language,
        tokens: Vec::new(),
        fresh: true,
        spaced: false,
        indented: false,
        documents: Vec::new(),
    };
    lexer.run();
    lexer.tokens
}

/// A text that begins on the next line.
struct Document {
    index: usize,
    tag: String,
    interpolated: bool,
    indented: bool,
}

struct Lexer {
    letters: Vec<char>,
    at: usize,
    language: Language,
    tokens: Vec<Token>,
    fresh: bool,
    spaced: bool,
    indented: bool,
    documents: Vec<Document>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    fn starts(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(index, letter)| self.peek(index) == Some(letter))
    }

    fn push(&mut self, kind: Kind) {
        let (fresh, spaced, indented) = (self.fresh, self.spaced, self.indented);
        self.tokens.push(Token { kind, fresh, spaced, indented });
        self.fresh = false;
        self.spaced = false;
    }

    fn is(&self, languages: &[Language]) -> bool {
        languages.contains(&self.language)
    }

    fn run(&mut self) {
        while let Some(letter) = self.peek(0) {
            let start = self.at;
            if letter == '\n' {
                self.at += 1;
                self.fresh = true;
                self.documents();
                self.indented = matches!(self.peek(0), Some(' ' | '\t'));
            } else if letter.is_whitespace() {
                self.at += 1;
                self.spaced = true;
            } else if letter == '\\' && self.peek(1) == Some('\n') {
                self.at += 2;
            } else if self.comment() || self.quoted() || self.word(letter) {
                // Each of them has moved on.
            } else {
                self.mark();
            }
            if self.at == start {
                self.at += 1;
            }
        }
    }

    /// Skips a comment.
    fn comment(&mut self) -> bool {
        use Language::{JavaScript, Lua, Perl, Php, Python, Ruby};
        let line = (self.peek(0) == Some('#')
            && self.is(&[Python, Perl, Ruby, Php])
            && !(self.language == Language::Perl && matches!(self.before(), Some(Kind::Mark("$")))))
            || (self.starts("//") && self.is(&[JavaScript, Php]))
            || (self.starts("#!") && self.at == 0);
        if self.starts("/*") && self.is(&[JavaScript, Php]) {
            self.until("*/");
            return true;
        }
        if self.starts("--") && self.language == Lua {
            self.at += 2;
            match self.long_bracket() {
                Some(_) => {}
                None => self.until_line(),
            }
            return true;
        }
        if self.fresh && !self.spaced && self.language == Ruby && self.starts("=begin") {
            self.until("\n=end");
            return true;
        }
        if self.fresh
            && !self.spaced
            && self.language == Perl
            && self.peek(0) == Some('=')
            && self.peek(1).is_some_and(|letter| letter.is_ascii_lowercase())
        {
            self.until("\n=cut");
            return true;
        }
        if line {
            self.until_line();
        }
        line
    }

    fn until_line(&mut self) {
        while self.peek(0).is_some_and(|letter| letter != '\n') {
            self.at += 1;
        }
    }

    fn until(&mut self, end: &str) {
        while self.peek(0).is_some() && !self.starts(end) {
            self.at += 1;
        }
        self.at += end.chars().count();
    }

    fn before(&self) -> Option<&Kind> {
        self.tokens.last().map(|token| &token.kind)
    }

    /// Whether an operand ends before this place, so that `/` and `%` are operators.
    fn after_operand(&self) -> bool {
        const OPENERS: &[&str] = &[
            "return", "if", "unless", "and", "or", "not", "split", "grep", "when", "puts", "print", "while",
            "until", "elsif", "typeof", "case", "in", "of", "match", "x", "join", "map", "push",
        ];
        match self.before() {
            None => false,
            Some(Kind::Mark(mark)) => matches!(*mark, ")" | "]" | "}"),
            Some(Kind::Name(name)) => {
                let tight = self.peek(1).is_some_and(|letter| !letter.is_whitespace() && letter != '=');
                let argument = self.language == Language::Ruby && self.spaced && tight;
                !argument && !OPENERS.contains(&name.as_str())
            }
            Some(_) => true,
        }
    }

    /// A name or a number.
    fn word(&mut self, letter: char) -> bool {
        let sigils = match self.language {
            Language::Perl => "$@%",
            Language::Php => "$",
            Language::Ruby => "$@",
            _ => "",
        };
        if letter.is_ascii_digit() {
            self.number();
            return true;
        }
        let mut ahead = 0;
        let sigil = sigils.contains(letter) && (letter != '%' || !self.after_operand());
        if sigil {
            while self.peek(ahead).is_some_and(|next| sigils.contains(next) || next == '#') {
                ahead += 1;
            }
            match self.peek(ahead) {
                Some(next) if next.is_alphanumeric() || next == '_' => {}
                // `${name}`
                Some('{') if self.peek(ahead + 1).is_some_and(|next| next.is_alphabetic() || next == '_') => {
                    let mut end = ahead + 1;
                    while self.peek(end).is_some_and(|next| next.is_alphanumeric() || next == '_') {
                        end += 1;
                    }
                    if self.peek(end) == Some('}') {
                        let name: String = self.slice(ahead + 1, end);
                        self.at += end + 1;
                        self.push(Kind::Name(format!("${name}")));
                        return true;
                    }
                    return false;
                }
                // Variables such as `$!` and `$/`; not `@{...}` or `%$x`.
                Some(next)
                    if letter == '$' && "!/\\,;.0&".contains(next) && self.language != Language::Php =>
                {
                    self.at += ahead + 1;
                    self.push(Kind::Name("$special".to_owned()));
                    return true;
                }
                _ => return false,
            }
        } else if !(letter.is_alphabetic()
            || letter == '_'
            || (letter == '$' && self.language == Language::JavaScript))
        {
            return false;
        }
        let start = ahead;
        while let Some(next) = self.peek(ahead) {
            let plain = next.is_alphanumeric()
                || next == '_'
                || (next == '$' && self.language == Language::JavaScript);
            let colons = next == ':'
                && self.peek(ahead + 1) == Some(':')
                && self.is(&[Language::Perl])
                && self.peek(ahead + 2).is_some_and(|after| after.is_alphabetic() || after == '_');
            if colons {
                ahead += 2;
            } else if plain {
                ahead += 1;
            } else {
                break;
            }
        }
        let mut name = self.slice(start, ahead);
        // Methods of Ruby may end so.
        if self.language == Language::Ruby
            && matches!(self.peek(ahead), Some('!' | '?'))
            && self.peek(ahead + 1) != Some('=')
            && !sigil
        {
            ahead += 1;
        }
        if sigil {
            name.insert(0, '$');
        }
        self.at += ahead;
        self.push(Kind::Name(name));
        true
    }

    fn slice(&self, from: usize, to: usize) -> String {
        self.letters.iter().skip(self.at + from).take(to.saturating_sub(from)).collect()
    }

    fn number(&mut self) {
        let radix = match (self.peek(0), self.peek(1)) {
            (Some('0'), Some('x' | 'X')) => 16,
            (Some('0'), Some('o' | 'O')) => 8,
            (Some('0'), Some('b' | 'B')) => 2,
            _ => 10,
        };
        if radix != 10 {
            self.at += 2;
        }
        let mut number: i64 = 0;
        while let Some(letter) = self.peek(0) {
            if letter == '_' {
                self.at += 1;
                continue;
            }
            let Some(digit) = letter.to_digit(radix) else { break };
            number = number.saturating_mul(i64::from(radix)).saturating_add(i64::from(digit));
            self.at += 1;
        }
        // Fractions and exponents mean nothing here.
        if radix == 10
            && self.peek(0) == Some('.')
            && self.peek(1).is_some_and(|letter| letter.is_ascii_digit())
        {
            self.at += 1;
            while self.peek(0).is_some_and(|letter| letter.is_ascii_alphanumeric()) {
                self.at += 1;
            }
        }
        if self.peek(0) == Some('n') && self.language == Language::JavaScript {
            self.at += 1;
        }
        self.push(Kind::Number(number));
    }

    fn mark(&mut self) {
        let mark = MARKS.iter().copied().find(|mark| {
            let known = match *mark {
                ".=" | "//=" => self.is(&[Language::Perl, Language::Php]),
                "//" => self.is(&[Language::Python, Language::Perl]),
                "--" => self.language != Language::Lua,
                _ => true,
            };
            known && self.starts(mark)
        });
        match mark {
            Some(mark) => {
                self.at += mark.len();
                self.push(Kind::Mark(mark));
            }
            None => self.at += 1,
        }
    }
}
