//! sed programs: the commands that run something (`e`, `s///e`) or read and write files (`r`, `w`, `s///w`).

use agentfirewall_sdk::Access;

use crate::understand::{Content, Doing, Effect, Fuel, Language, Run, Touch, Word};

pub(super) fn read(text: &str, fuel: &mut Fuel) -> Doing {
    let mut doing = Doing { recognised: true, input: Content::Shown, ..Doing::default() };
    let mut sed = Sed { letters: text.chars().collect(), at: 0 };
    while sed.at < sed.letters.len() {
        if !fuel.spend(1) {
            doing.effects.push(Effect::new("shell.undecidable", "a program that is too long"));
            break;
        }
        let start = sed.at;
        sed.command(&mut doing);
        if sed.at == start {
            sed.at += 1;
        }
    }
    doing
}

struct Sed {
    letters: Vec<char>,
    at: usize,
}

impl Sed {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
    }

    /// Up to a mark that no backslash stands before.
    fn until(&mut self, mark: char) -> String {
        let mut text = String::new();
        let mut class = false;
        while let Some(letter) = self.peek() {
            self.at += 1;
            match letter {
                '\\' => {
                    text.push(letter);
                    if let Some(next) = self.peek() {
                        text.push(next);
                        self.at += 1;
                    }
                    continue;
                }
                '[' => class = true,
                ']' => class = false,
                _ => {}
            }
            // In a list of letters the mark is one of them, if the list ends at all before it.
            if letter == mark && !(class && self.closes(mark)) {
                break;
            }
            text.push(letter);
        }
        text
    }

    fn closes(&self, mark: char) -> bool {
        self.letters
            .iter()
            .skip(self.at)
            .take(64)
            .take_while(|letter| **letter != mark && **letter != '\n')
            .any(|letter| *letter == ']')
    }

    fn line(&mut self) -> String {
        let mut text = String::new();
        while let Some(letter) = self.peek().filter(|letter| *letter != '\n') {
            text.push(letter);
            self.at += 1;
        }
        text.trim().to_owned()
    }

    fn address(&mut self) {
        self.skip(char::is_whitespace);
        match self.peek() {
            Some('/') => {
                self.at += 1;
                self.until('/');
            }
            Some('\\') => {
                self.at += 1;
                let mark = self.peek().unwrap_or('/');
                self.at += 1;
                self.until(mark);
            }
            _ => self.skip(|letter| letter.is_ascii_digit() || matches!(letter, '$' | '~' | '+')),
        }
        self.skip(|letter| matches!(letter, 'I' | 'M' | ' '));
    }

    fn command(&mut self, doing: &mut Doing) {
        self.skip(|letter| letter.is_whitespace() || matches!(letter, ';' | '{' | '}'));
        self.address();
        if self.peek() == Some(',') {
            self.at += 1;
            self.address();
        }
        self.skip(|letter| letter.is_whitespace() || matches!(letter, '!'));
        let Some(letter) = self.peek() else { return };
        self.at += 1;
        match letter {
            '#' | 'a' | 'i' | 'c' => {
                let mut text = self.line();
                while text.ends_with('\\') {
                    self.at += 1;
                    text = self.line();
                }
            }
            'b' | 't' | 'T' | ':' => self.skip(|letter| !matches!(letter, '\n' | ';' | '}')),
            'e' => {
                let code = self.line();
                doing.effects.push(Effect::new("shell.runner-flag", "e"));
                // Alone it runs what the line holds.
                if code.is_empty() || code.starts_with(['}', ';']) {
                    doing.input = Content::Run(Language::Shell);
                } else {
                    run(doing, &code);
                }
            }
            'r' | 'R' => {
                let file = self.line();
                touch(doing, &file, Access::Read);
            }
            'w' | 'W' => {
                let file = self.line();
                touch(doing, &file, Access::Write);
            }
            's' => self.substitute(doing),
            'y' => {
                let mark = self.peek().unwrap_or('/');
                self.at += 1;
                self.until(mark);
                self.until(mark);
            }
            _ => {}
        }
    }

    fn substitute(&mut self, doing: &mut Doing) {
        let Some(mark) = self.peek() else { return };
        self.at += 1;
        self.until(mark);
        let replacement = self.until(mark);
        while let Some(flag) = self.peek() {
            match flag {
                'e' => {
                    self.at += 1;
                    doing.effects.push(Effect::new("shell.runner-flag", "s///e"));
                    if replacement.contains(['&', '\\']) || replacement.is_empty() {
                        doing.input = Content::Run(Language::Shell);
                    }
                    if !replacement.is_empty() {
                        run(doing, &replacement.replace('&', &crate::understand::UNKNOWN.to_string()));
                    }
                }
                'w' => {
                    self.at += 1;
                    let file = self.line();
                    touch(doing, &file, Access::Write);
                    return;
                }
                'g' | 'p' | 'i' | 'I' | 'm' | 'M' | '0'..='9' => self.at += 1,
                _ => return,
            }
        }
    }
}

fn run(doing: &mut Doing, code: &str) {
    let text = Word::plain(code);
    doing.runs.push(Run::code(Language::Shell, text));
}

fn touch(doing: &mut Doing, file: &str, access: Access) {
    if file.is_empty() || matches!(file, "/dev/stdout" | "/dev/stderr" | "/dev/stdin") {
        return;
    }
    let content = if access == Access::Read { Content::Shown } else { Content::Unused };
    doing.touches.push(Touch { content, ..Touch::new(Word::plain(file), access) });
}
