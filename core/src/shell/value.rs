//! What a variable, a stream or a word may be: one of a few texts.

use crate::understand::{Taint, UNKNOWN, Word};

/// How many texts a value may have before it counts as unknown.
const MOST: usize = 8;
/// The longest text that is followed, in bytes; what is longer counts as unknown.
pub(super) const LONGEST: usize = 128 * 1024;

/// One of a few texts. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    options: Vec<Word>,
}

impl Value {
    /// Exactly this text.
    pub(super) fn one(word: Word) -> Self {
        Self { options: vec![word] }
    }

    /// Exactly this text, written out.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::one(Word::plain(text))
    }

    /// Something nobody knows.
    pub(super) fn unknown(taint: Taint) -> Self {
        Self::one(Word::unknown(taint))
    }

    /// Any of these; unknown if there are none or too many.
    pub(super) fn any(options: impl IntoIterator<Item = Word>) -> Self {
        let mut found: Vec<Word> = Vec::new();
        let mut taint = Taint::NONE;
        let mut overflow = false;
        for option in options {
            taint |= option.taint;
            if !found.contains(&option) {
                if found.len() < MOST {
                    found.push(option);
                } else {
                    overflow = true;
                }
            }
        }
        if overflow || found.is_empty() { Self::unknown(taint) } else { Self { options: found } }
    }

    pub(super) fn options(&self) -> &[Word] {
        &self.options
    }

    /// The text, if there is but one.
    pub(super) fn single(&self) -> Option<&Word> {
        match self.options.as_slice() {
            [word] => Some(word),
            _ => None,
        }
    }

    /// The first of the texts.
    pub(super) fn first(&self) -> Word {
        self.options.first().cloned().unwrap_or_else(|| Word::unknown(Taint::NONE))
    }

    /// Where any of the texts comes from.
    pub(super) fn taint(&self) -> Taint {
        self.options.iter().fold(Taint::NONE, |taint, word| taint | word.taint)
    }

    /// Whether all of every text is known.
    pub(super) fn known(&self) -> bool {
        self.options.iter().all(Word::known)
    }

    /// Whether nothing of any text is known.
    pub(super) fn is_void(&self) -> bool {
        self.options.iter().all(|word| word.text.trim() == UNKNOWN.encode_utf8(&mut [0; 4]))
    }

    /// This or that.
    pub(super) fn or(&self, other: &Self) -> Self {
        if self == other {
            return self.clone();
        }
        Self::any(self.options.iter().chain(&other.options).cloned())
    }

    /// This followed by that.
    pub(super) fn then(&self, other: &Self) -> Self {
        let taint = self.taint() | other.taint();
        let longest = |value: &Self| value.options.iter().map(|word| word.text.len()).max().unwrap_or(0);
        if longest(self) + longest(other) > LONGEST {
            return Self::unknown(taint);
        }
        if self.options.len() * other.options.len() > MOST {
            return Self::unknown(taint);
        }
        Self::any(self.options.iter().flat_map(|left| {
            other.options.iter().map(|right| Word {
                text: beside(&left.text, &right.text),
                wild: left.wild || right.wild,
                taint: left.taint | right.taint,
            })
        }))
    }

    /// Every text changed in the same way.
    pub(super) fn map(&self, change: impl Fn(&str) -> String) -> Self {
        Self::any(self.options.iter().map(|word| Word { text: change(&word.text), ..word.clone() }))
    }
}

/// Two texts as one; what is unknown on both sides is unknown once.
fn beside(left: &str, right: &str) -> String {
    let right = if left.ends_with(UNKNOWN) { right.trim_start_matches(UNKNOWN) } else { right };
    format!("{left}{right}")
}

/// What goes to standard output, as it grows.
#[derive(Debug, Clone, Default)]
pub(super) struct Out {
    /// Whether somebody reads it.
    pub(super) wanted: bool,
    value: Option<Value>,
}

impl Out {
    /// An output that somebody reads.
    pub(super) fn wanted() -> Self {
        Self { wanted: true, value: None }
    }

    /// Appends.
    pub(super) fn push(&mut self, value: &Value) {
        if !self.wanted {
            return;
        }
        self.value = Some(match self.value.take() {
            // In place while there is but one text, so that many lines cost as much as they are long.
            Some(mut all) => match (all.options.as_mut_slice(), value.options.as_slice()) {
                ([one], [more]) if one.text.len() + more.text.len() <= LONGEST => {
                    // What is unknown stays unknown however often it is repeated.
                    if !(one.text.ends_with(UNKNOWN)
                        && more.text.len() == UNKNOWN.len_utf8()
                        && !more.known())
                    {
                        one.text.push_str(&more.text);
                    }
                    one.taint |= more.taint;
                    all
                }
                _ => all.then(value),
            },
            None => value.clone(),
        });
    }

    /// All that was written.
    pub(super) fn into_value(self) -> Value {
        self.value.unwrap_or_else(|| Value::text(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_texts_are_unknown_and_keep_where_they_come_from() {
        let many = (0..20).map(|n| Word { text: n.to_string(), wild: false, taint: Taint::SECRET });
        let value = Value::any(many);
        assert!(value.is_void() && value.taint().has(Taint::SECRET));
    }

    #[test]
    fn two_of_two_are_four() {
        let two = Value::text("a").or(&Value::text("b"));
        assert_eq!(two.then(&two).options().len(), 4);
    }

    #[test]
    fn doubling_for_ever_ends() {
        let mut value = Value::text("a");
        for _ in 0..100 {
            value = value.then(&value);
        }
        assert!(value.is_void());
    }
}
