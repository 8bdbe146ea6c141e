//! Substitutions: `$(…)`, backquotes, `<(…)` and `>(…)`.

use std::path::PathBuf;
use std::rc::Rc;

use shuck_ast::{CommandSubstitutionSyntax, Span, StmtSeq, WordPart, WordPartNode};

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
                        machine.subshell(|machine| machine.sequence(source, body, &mut out));
                    });
                    self.state.set(Key::File(path), Item::File(out.into_value()));
                } else {
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
                _ => machine.sequence(source, body, &mut out),
            });
        });
        out.into_value().map(|text| text.trim_end_matches('\n').to_owned())
    }

    /// Runs what a text substitutes when it is expanded once more, as a prompt is.
    pub(super) fn run_substitutions_of(&mut self, text: &str) {
        if text.contains(['$', '`']) {
            let script = format!(": \"{}\"", text.replace('"', "\\\""));
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
