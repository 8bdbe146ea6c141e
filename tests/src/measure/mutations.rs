//! Calls that nobody wrote: our own cases cut, spliced and flipped.

use super::Random;
use super::cases::{self, Case};

/// The scripts of our own cases, as material.
pub fn scripts() -> Vec<String> {
    let command = |case: &Case| case.input["command"].as_str().map(str::to_owned);
    cases::own().iter().filter_map(command).collect()
}

/// A mutation of the material.
pub fn mutation(random: &mut Random, material: &[String]) -> String {
    let mut text = random.one(material).clone();
    for _ in 0..=random.below(3) {
        text = match random.below(6) {
            0 => spliced(random, &text, material),
            1 => flipped(random, &text),
            2 => text.chars().take(random.below(text.chars().count() + 1)).collect(),
            3 => text.chars().skip(random.below(text.chars().count() + 1)).collect(),
            4 => inserted(random, &text),
            _ => format!(
                "{text}{}{}",
                random.one(&["; ", " | ", "\n", " && ", " $(", "'"]),
                random.one(material)
            ),
        };
    }
    text
}

/// Words of two scripts, alternating.
fn spliced(random: &mut Random, text: &str, material: &[String]) -> String {
    let other = random.one(material);
    let mut words: Vec<&str> = text.split(' ').collect();
    let place = random.below(words.len() + 1);
    let others: Vec<&str> = other.split(' ').collect();
    let word: &&str = random.one(&others);
    words.insert(place, word);
    if words.len() > 2 && random.below(2) == 0 {
        words.remove(random.below(words.len()));
    }
    words.join(" ")
}

/// A byte changed; what is no text any more is repaired as the hook's reader does.
fn flipped(random: &mut Random, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    if !bytes.is_empty() {
        let place = random.below(bytes.len());
        bytes[place] ^= 1 << random.below(8);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn inserted(random: &mut Random, text: &str) -> String {
    const PIECES: [&str; 30] = [
        "$(",
        ")",
        "`",
        "'",
        "\"",
        "\\",
        "\n",
        "{",
        "}",
        "[[",
        "]]",
        "((",
        "))",
        "<<E\n",
        "<(",
        "${",
        "$'",
        ";;",
        "&",
        "|",
        ">",
        "#",
        "~",
        "*",
        "\0",
        "\r",
        "\u{202e}",
        "\u{fffc}",
        "$IFS",
        "function f ",
    ];
    let place = random.below(text.chars().count() + 1);
    let head: String = text.chars().take(place).collect();
    let tail: String = text.chars().skip(place).collect();
    format!("{head}{}{tail}", random.one(&PIECES))
}
