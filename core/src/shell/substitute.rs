//! Substitutions: `$(…)`, backquotes, `<(…)` and `>(…)`.

use std::path::PathBuf;
use std::rc::Rc;

use shuck_ast::{
    Command, CommandSubstitutionSyntax, CompoundCommand, RedirectTarget, Span, Stmt, StmtSeq, WordPart,
    WordPartNode,
};

use super::machine::Machine;
use super::state::{Item, Key};
use super::value::{Out, Value};
use crate::understand::Taint;

/// A `>(…)` that waits for what is written to it.
pub(super) struct Drain {
    pub(super) path: PathBuf,
    source: Rc<str>,
    body: StmtSeq,
}

impl Machine<'_> {
    /// The value of a substitution in a word.
    pub(super) fn substitution(&mut self, source: &str, part: &WordPartNode) -> Value {
        match &part.kind {
            WordPart::CommandSubstitution { body, syntax } => {
                self.command_substitution(source, body, *syntax, part.span)
            }
            WordPart::ProcessSubstitution { body, is_input } => {
                self.descriptors += 1;
                let path = PathBuf::from(format!("/dev/fd/{}", 62 + self.descriptors));
                let name = path.to_string_lossy().into_owned();
                if *is_input {
                    let mut out = Out::wanted();
                    self.deeper(|machine| {
                        machine.subshell(|machine| machine.inside(source, body, part.span, &mut out));
                    });
                    self.state.set(Key::File(path), Item::File(out.into_value()));
                } else {
                    if let Some(text) = lost(source, body, part.span) {
                        self.subshell(|machine| machine.run_text(text, &mut Out::default()));
                    }
                    self.drains.push(Drain { path, source: Rc::clone(&self.current), body: body.clone() });
                }
                Value::text(name)
            }
            _ => Value::unknown(Taint::NONE),
        }
    }

    /// What a command prints, without the newlines at its end.
    pub(super) fn command_substitution(
        &mut self,
        source: &str,
        body: &StmtSeq,
        syntax: CommandSubstitutionSyntax,
        span: Span,
    ) -> Value {
        let mut out = Out::wanted();
        self.deeper(|machine| {
            machine.subshell(|machine| match syntax {
                // Inside backquotes a backslash protects them and itself, so the text is another one.
                CommandSubstitutionSyntax::Backtick if span.slice(source).contains('\\') => {
                    let text = without_backquotes(span.slice(source));
                    machine.run_text(&text, &mut out);
                }
                _ => machine.inside(source, body, span, &mut out),
            });
        });
        out.into_value().map(|text| text.trim_end_matches('\n').to_owned())
    }

    /// Runs what is inside of a substitution.
    fn inside(&mut self, source: &str, body: &StmtSeq, span: Span, out: &mut Out) {
        match lost(source, body, span) {
            Some(text) => {
                self.run_text(text, out);
            }
            None => self.sequence(source, body, out),
        }
    }

    /// Runs what a text substitutes when it is expanded once more, as a prompt is.
    pub(super) fn run_substitutions_of(&mut self, text: &str) {
        if text.contains(['$', '`']) {
            // In a here-document quotes are no quotes, and all else is expanded as it would be in them.
            let mut end = "END".to_owned();
            while text.contains(&end) {
                end.push('_');
            }
            let script = format!(": <<{end}\n{text}\n{end}\n");
            let mut out = Out::default();
            self.deeper(|machine| {
                machine.subshell(|machine| machine.run_text(&script, &mut out));
            });
        }
    }

    /// Gives what was written to whoever waits for it at a path. `false` if nobody does.
    pub(super) fn drain(&mut self, path: &std::path::Path, value: &Value) -> bool {
        let Some(at) = self.drains.iter().position(|drain| drain.path == path) else { return false };
        let drain = self.drains.swap_remove(at);
        self.run_drain(&drain, value.clone());
        true
    }

    /// Runs those that nobody wrote to as far as could be seen.
    pub(super) fn drain_all(&mut self, since: usize) {
        while self.drains.len() > since {
            let Some(drain) = self.drains.pop() else { break };
            self.run_drain(&drain, Value::unknown(Taint::NONE));
        }
    }

    fn run_drain(&mut self, drain: &Drain, input: Value) {
        let mut out = Out::default();
        self.deeper(|machine| {
            machine.with_input(super::streams::Input::of(input), |machine| {
                machine.subshell(|machine| {
                    machine.within(&drain.source, |machine| {
                        machine.sequence(&drain.source, &drain.body, &mut out);
                    });
                });
            });
        });
    }
}

/// The text of a substitution of which the parser says that nothing is in it, or less than there is. So it does, without an
/// error, where it took the wrong bracket for its end, as the one after a pattern in
/// `"$(for x in y; do case $x in y) ls;; esac; done)"`: what it has cut off is no script.
fn lost<'s>(source: &'s str, body: &StmtSeq, span: Span) -> Option<&'s str> {
    let text = span.slice(source);
    let inner = ["$(", "<(", ">(", "`"].iter().find_map(|open| text.strip_prefix(open)).unwrap_or(text);
    let inner = inner.strip_suffix([')', '`']).unwrap_or(inner);
    let whole = match body.stmts.last() {
        Some(last) => span.end.offset().checked_sub(1).is_none_or(|end| is_last(source, last, end)),
        None => is_rest("", inner),
    };
    (!whole).then_some(inner)
}

/// Whether the parser read a text to its end. Where it does not understand what is after a compound command, such as a
/// redirection, it leaves out the rest without an error.
pub(super) fn is_read(source: &str, body: &StmtSeq) -> bool {
    match body.stmts.last() {
        Some(last) => is_last(source, last, source.len()),
        None => is_rest("", source),
    }
}

/// Whether nothing to run comes after a command up to a place. What is not of this text is not known to be so.
fn is_last(source: &str, last: &Stmt, end: usize) -> bool {
    let begin = last.span.start.offset();
    // A span may hold the end of its line, and what comes below is the here-document of a command before.
    let text = source.get(begin..end_of(source, last)).map(|text| text.trim_end_matches('\n'));
    let texts = text.and_then(|text| Some((text, source.get(begin + text.len()..end)?)));
    texts.is_none_or(|(text, rest)| {
        // The brackets of groups are beyond their own spans, too.
        let mut rest = rest;
        for _ in 0..groups(last) {
            let Some(after) = rest.trim_start_matches([' ', '\t', '\n', ';']).strip_prefix([')', '}']) else {
                break;
            };
            rest = after;
        }
        is_rest(text, rest)
    })
}

/// Where a command ends. The redirections of a compound command are beyond its own span. That of a here-document goes on below
/// its line.
fn end_of(source: &str, last: &Stmt) -> usize {
    let mut after = last.span.end.offset();
    for redirect in &last.redirects {
        if let RedirectTarget::Heredoc(heredoc) = &redirect.target {
            let begin = heredoc.delimiter.span.end.offset();
            let line =
                source.get(begin..).and_then(|rest| rest.find('\n')).map_or(source.len(), |at| begin + at);
            after = after.min(line);
        }
    }
    for redirect in &last.redirects {
        after = after.max(match &redirect.target {
            RedirectTarget::Heredoc(heredoc) => heredoc.delimiter.span.end.offset(),
            RedirectTarget::Word(_) => redirect.span.end.offset(),
        });
    }
    // What a chain ends with is its right side.
    match &last.command {
        Command::Binary(binary) => end_of(source, &binary.right),
        _ => after,
    }
}

/// How many groups a command ends with: `a && (b; { c; })` with two.
fn groups(last: &Stmt) -> usize {
    let (mut last, mut count) = (last, 0);
    loop {
        last = match &last.command {
            Command::Binary(binary) => &binary.right,
            Command::Compound(CompoundCommand::Subshell(body) | CompoundCommand::BraceGroup(body)) => {
                count += 1;
                match body.stmts.last() {
                    Some(last) => last,
                    None => return count,
                }
            }
            _ => return count,
        };
    }
}

/// Whether there is nothing to run in what comes after the last command: blanks, comments, here-documents.
fn is_rest(last: &str, rest: &str) -> bool {
    let is_code = |line: &str| {
        let line = line.trim_start_matches([' ', '\t', '\r', ';', '&', '\\']);
        !line.is_empty() && !line.starts_with('#')
    };
    // The bodies of here-documents begin after the line of their command.
    let lines = if last.contains("<<") { 1 } else { usize::MAX };
    !rest.lines().take(lines).any(is_code)
}

/// The script inside backquotes.
fn without_backquotes(text: &str) -> String {
    let inner = text.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')).unwrap_or(text);
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('`' | '\\' | '$')) => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}
