//! awk programs: commands they run, files they read and write, connections. The files they are given are the shell's matter.

use std::collections::HashMap;

use agentfirewall_sdk::{Access, Direction};

use crate::understand::{Contact, Content, Doing, Effect, Fuel, Language, Output, Run, Touch, UNKNOWN, Word};

#[derive(Debug, PartialEq, Eq, Clone)]
enum Token {
    Name(String),
    Text(String),
    Mark(char),
    /// A number or a pattern.
    Other,
    End,
}

pub(super) fn read(text: &str, fuel: &mut Fuel) -> Doing {
    let mut doing = Doing { recognised: true, input: Content::Shown, ..Doing::default() };
    if !fuel.spend(u32::try_from(text.len() / 4 + 1).unwrap_or(u32::MAX)) {
        doing.effects.push(Effect::new("shell.undecidable", "a program that is too long"));
        return doing;
    }
    let tokens = tokens(text);
    let mut variables = HashMap::new();
    for statement in tokens.split(|token| matches!(token, Token::End)) {
        assignments(statement, &mut variables);
        one(statement, &variables, &mut doing);
    }
    let connects = doing
        .contacts
        .iter()
        .any(|contact| contact.word.text.contains("inet") || !contact.word.text.is_empty());
    let runs_unknown = doing.runs.iter().any(|run| matches!(run, Run::Code { text, .. } if !text.known()));
    if connects && runs_unknown {
        doing.effects.push(Effect::new("remote-code.reverse-shell", "commands from a connection"));
    }
    doing
}

fn tokens(text: &str) -> Vec<Token> {
    let (mut tokens, mut letters) = (Vec::new(), text.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '#' => {
                while letters.peek().is_some_and(|next| *next != '\n') {
                    letters.next();
                }
            }
            '\n' | ';' | '{' | '}' => tokens.push(Token::End),
            '\\' => {
                letters.next();
            }
            '"' => {
                let mut text = String::new();
                while let Some(next) = letters.next().filter(|next| *next != '"') {
                    match next {
                        '\\' => match letters.next() {
                            Some('n') => text.push('\n'),
                            Some('t') => text.push('\t'),
                            Some('x') => {
                                let mut code = 0;
                                while let Some(digit) = letters
                                    .peek()
                                    .and_then(|letter| letter.to_digit(16))
                                    .filter(|_| code < 16)
                                {
                                    code = code * 16 + digit;
                                    letters.next();
                                }
                                text.push(char::from_u32(code).unwrap_or(UNKNOWN));
                            }
                            Some(first @ '0'..='7') => {
                                let mut code = first.to_digit(8).unwrap_or(0);
                                while let Some(digit) =
                                    letters.peek().and_then(|letter| letter.to_digit(8)).filter(|_| code < 32)
                                {
                                    code = code * 8 + digit;
                                    letters.next();
                                }
                                text.push(char::from_u32(code).unwrap_or(UNKNOWN));
                            }
                            Some(other) => text.push(other),
                            None => {}
                        },
                        _ => text.push(next),
                    }
                }
                tokens.push(Token::Text(text));
            }
            '/' if !matches!(
                tokens.last(),
                Some(Token::Name(_) | Token::Text(_) | Token::Other | Token::Mark(')' | ']' | '$'))
            ) =>
            {
                let mut class = false;
                while let Some(next) = letters.next() {
                    match next {
                        '\\' => {
                            letters.next();
                        }
                        '[' => class = true,
                        ']' => class = false,
                        '/' if !class => break,
                        '\n' => break,
                        _ => {}
                    }
                }
                tokens.push(Token::Other);
            }
            _ if letter.is_alphabetic() || letter == '_' => {
                let mut name = letter.to_string();
                while let Some(next) = letters.next_if(|next| next.is_alphanumeric() || *next == '_') {
                    name.push(next);
                }
                tokens.push(Token::Name(name));
            }
            _ if letter.is_ascii_digit() => {
                while letters.next_if(|next| next.is_ascii_alphanumeric() || *next == '.').is_some() {}
                tokens.push(Token::Other);
            }
            _ if letter.is_whitespace() => {}
            _ => tokens.push(Token::Mark(letter)),
        }
    }
    tokens
}

/// How many tokens an expression may have, so that the work stays in proportion to the text.
const NEAR: usize = 256;

fn near(tokens: &[Token]) -> &[Token] {
    tokens.get(..NEAR).unwrap_or(tokens)
}

/// Constants that get a name.
fn assignments(statement: &[Token], variables: &mut HashMap<String, String>) {
    for (at, pair) in statement.windows(3).enumerate() {
        if let [Token::Name(name), Token::Mark('='), next] = pair
            && *next != Token::Mark('=')
        {
            let rest = near(statement.get(at + 2..).unwrap_or_default());
            let end = rest
                .iter()
                .position(|token| matches!(token, Token::Mark(')' | ',' | '|' | '<' | '>')))
                .unwrap_or(rest.len());
            let text = expression(rest.get(..end).unwrap_or_default(), variables);
            if text.len() < 4096 {
                variables.insert(name.clone(), text);
            }
        }
    }
}

/// What tokens one after the other give as a text.
fn expression(tokens: &[Token], variables: &HashMap<String, String>) -> String {
    let mut text = String::new();
    for token in tokens {
        match token {
            Token::Text(part) => text.push_str(part),
            Token::Name(name) => match variables.get(name) {
                Some(known) => text.push_str(known),
                None if text.ends_with(UNKNOWN) => {}
                None => text.push(UNKNOWN),
            },
            Token::Mark('(' | ')') => {}
            _ if text.ends_with(UNKNOWN) => {}
            _ => text.push(UNKNOWN),
        }
    }
    text
}

fn one(statement: &[Token], variables: &HashMap<String, String>, doing: &mut Doing) {
    let prints = statement
        .iter()
        .position(|token| matches!(token, Token::Name(name) if name == "print" || name == "printf"));
    let mut depth = 0_i32;
    for (at, token) in statement.iter().enumerate() {
        let rest = near(statement.get(at + 1..).unwrap_or_default());
        let before = statement.get(at.saturating_sub(NEAR)..at).unwrap_or_default();
        match token {
            Token::Mark('(') => depth += 1,
            Token::Mark(')') => depth -= 1,
            Token::Name(name) if name == "system" && rest.first() == Some(&Token::Mark('(')) => {
                let mut inner = 0_i32;
                let end = rest.iter().position(|token| {
                    inner += match token {
                        Token::Mark('(') => 1,
                        Token::Mark(')') => -1,
                        _ => 0,
                    };
                    inner == 0
                });
                let code = expression(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default(), variables);
                run(doing, &code);
            }
            Token::Name(name)
                if name == "ENVIRON" && prints.is_some() && rest.first() != Some(&Token::Mark('[')) =>
            {
                doing.output = Output::Environment;
            }
            Token::Mark('|')
                if matches!(rest.first(), Some(Token::Name(name)) if name == "getline")
                    || rest.first() == Some(&Token::Mark('&')) =>
            {
                let start = before
                    .iter()
                    .rposition(|token| matches!(token, Token::Mark('(' | '|' | '!' | '&' | '=' | ',')))
                    .map_or(0, |at| at + 1);
                let start = start
                    .max(prints.filter(|_| rest.first() == Some(&Token::Mark('&'))).map_or(0, |_| start));
                if rest.first() == Some(&Token::Mark('&')) && prints.is_some_and(|print| print < at) {
                    file(doing, &expression(rest.get(1..).unwrap_or_default(), variables), Access::Write);
                    return;
                }
                let code = expression(before.get(start..).unwrap_or_default(), variables);
                if connection(doing, &code) {
                    continue;
                }
                run(doing, &code);
            }
            Token::Mark('|')
                if prints.is_some_and(|print| print < at)
                    && depth == 0
                    && rest.first() != Some(&Token::Mark('|'))
                    && before.last() != Some(&Token::Mark('|')) =>
            {
                let code = expression(rest, variables);
                if is_shell(&code) {
                    let from = prints.map_or(0, |print| print + 1);
                    printed(doing, &expression(near(statement.get(from..at).unwrap_or_default()), variables));
                }
                run(doing, &code);
                return;
            }
            Token::Mark('>') if prints.is_some_and(|print| print < at) && depth == 0 => {
                let rest = if rest.first() == Some(&Token::Mark('>')) {
                    rest.get(1..).unwrap_or_default()
                } else {
                    rest
                };
                file(doing, &expression(rest, variables), Access::Write);
                return;
            }
            Token::Mark('<')
                if before
                    .iter()
                    .rev()
                    .take(3)
                    .any(|token| matches!(token, Token::Name(name) if name == "getline")) =>
            {
                let end = rest
                    .iter()
                    .position(|token| matches!(token, Token::Mark(')' | '>' | '<' | '=')))
                    .unwrap_or(rest.len());
                file(doing, &expression(rest.get(..end).unwrap_or_default(), variables), Access::Read);
            }
            _ => {}
        }
    }
}

fn run(doing: &mut Doing, code: &str) {
    let text = Word::plain(code);
    // Fields of the input as a command are the input that runs.
    if code.chars().all(|letter| letter == UNKNOWN) && !code.is_empty() {
        doing.input = Content::Run(Language::Shell);
    }
    if doing.runs.len() < 512 {
        doing.runs.push(Run::code(Language::Shell, text));
    }
}

/// Whether a command is a shell that runs what it is given.
fn is_shell(code: &str) -> bool {
    let name = code.trim().rsplit('/').next().unwrap_or_default();
    matches!(name, "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash" | "fish")
}

/// What a shell is given to run.
fn printed(doing: &mut Doing, text: &str) {
    if text.contains(UNKNOWN) || text.is_empty() {
        doing.effects.push(Effect::new("remote-code.eval", "what is printed into a shell"));
    } else if doing.runs.len() < 512 {
        doing.runs.push(Run::code(Language::Shell, Word::plain(text)));
    }
}

/// `/inet/tcp/0/host/port`
fn connection(doing: &mut Doing, text: &str) -> bool {
    let Some(rest) = ["/inet/", "/inet4/", "/inet6/"].iter().find_map(|prefix| text.strip_prefix(prefix))
    else {
        return false;
    };
    let mut parts = rest.split('/').skip(2);
    let host = parts.next().unwrap_or_default();
    let port = parts.next().unwrap_or_default();
    let listens = host == "0" || port == "0";
    let direction = if listens { Direction::Listen } else { Direction::Connect };
    doing.contacts.push(Contact { word: Word::plain(format!("{host}:{port}")), direction });
    true
}

fn file(doing: &mut Doing, name: &str, access: Access) {
    if connection(doing, name)
        || name.is_empty()
        || matches!(name, "/dev/stdout" | "/dev/stderr" | "-" | "/dev/stdin" | "/dev/tty")
    {
        return;
    }
    let content = if access == Access::Read { Content::Shown } else { Content::Unused };
    if doing.touches.len() < 512 {
        doing.touches.push(Touch { content, ..Touch::new(Word::plain(name), access) });
    }
}
