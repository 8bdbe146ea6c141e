//! Texts of others on one line of a message.

/// A text with a space for every control character, cut after so many characters.
pub(crate) fn one_line(text: &str, longest: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(longest).collect()
}

/// The words of a text with one space between them, cut after so many characters: for messages that are laid out over
/// several lines.
pub(crate) fn words(text: &str, longest: usize) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(longest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_control_characters_and_an_end() {
        assert_eq!(one_line("a\nb\u{1b}[2J", 100), "a b [2J");
        assert_eq!(one_line("äöü", 2), "äö");
        assert_eq!(words("  a\n   b\t\tc ", 100), "a b c");
        assert_eq!(words("a  b", 2), "a ");
    }
}
