//! How unlike a word or a name a text is: what tells `uovxfjxzcdtilc` from `connectionPool`.

/// Letters (whatever their case) are 0 to 25, digits 26, everything else 27. The beginning of a text, and a capital behind a
/// small letter, count as something else before them.
const SYMBOLS: usize = 28;
const DIGIT: usize = 26;
const OTHER: usize = 27;

/// In sixteenths of a bit, what it says that one symbol (column) follows another (row): minus the binary logarithm of how often
/// it does. Counted over 300,000 different identifiers and words of Rust, C, JavaScript and Python sources and their
/// documentation, without those that are hexadecimal numbers or for the most part digits.
#[rustfmt::skip]
const COST: [[u8; SYMBOLS]; SYMBOLS] = [
    [133, 81, 62, 66, 138, 116, 74, 161, 82, 172, 109, 51, 66, 56, 174, 71, 175, 50, 61, 41, 90, 109, 112, 104, 96, 148, 128, 81],
    [47, 111, 89, 110, 55, 119, 117, 150, 56, 76, 146, 44, 113, 121, 59, 108, 161, 78, 75, 102, 50, 145, 153, 158, 71, 141, 105, 56],
    [55, 125, 94, 117, 49, 111, 149, 55, 82, 170, 62, 66, 105, 128, 38, 108, 156, 71, 94, 52, 81, 133, 151, 159, 103, 189, 118, 63],
    [62, 105, 113, 78, 33, 111, 110, 126, 50, 145, 135, 89, 111, 121, 70, 110, 168, 83, 79, 106, 88, 126, 107, 128, 105, 192, 77, 32],
    [76, 121, 70, 66, 104, 92, 100, 156, 125, 170, 146, 61, 83, 54, 123, 97, 108, 44, 51, 61, 136, 94, 116, 75, 105, 178, 126, 42],
    [65, 134, 115, 106, 68, 60, 124, 159, 41, 189, 159, 67, 117, 106, 50, 124, 175, 68, 84, 87, 78, 148, 129, 154, 105, 195, 97, 32],
    [81, 126, 115, 121, 28, 126, 97, 81, 65, 185, 147, 79, 99, 72, 85, 114, 178, 59, 65, 92, 76, 138, 150, 168, 131, 155, 111, 36],
    [40, 127, 112, 113, 36, 137, 148, 143, 55, 174, 141, 116, 95, 125, 52, 129, 161, 78, 97, 65, 89, 124, 122, 178, 102, 142, 105, 39],
    [84, 96, 62, 65, 81, 88, 77, 168, 131, 171, 139, 69, 75, 34, 54, 85, 157, 87, 58, 51, 144, 89, 160, 103, 203, 91, 136, 89],
    [66, 136, 114, 120, 27, 137, 117, 132, 80, 132, 93, 117, 124, 105, 40, 86, 148, 129, 49, 121, 67, 123, 115, 137, 128, 138, 93, 53],
    [80, 124, 105, 101, 21, 124, 103, 135, 61, 160, 148, 100, 96, 89, 110, 114, 143, 112, 62, 109, 91, 130, 104, 124, 127, 152, 109, 32],
    [56, 115, 125, 82, 38, 52, 122, 156, 45, 154, 145, 64, 135, 147, 53, 100, 187, 127, 84, 75, 75, 119, 157, 179, 95, 155, 119, 52],
    [39, 83, 115, 101, 34, 130, 137, 165, 62, 186, 148, 91, 79, 121, 60, 52, 148, 131, 78, 101, 77, 154, 154, 161, 122, 174, 119, 49],
    [63, 136, 67, 52, 54, 79, 57, 137, 78, 157, 104, 107, 128, 92, 67, 109, 170, 131, 61, 43, 87, 94, 142, 150, 128, 171, 128, 47],
    [101, 92, 70, 67, 131, 93, 97, 164, 97, 150, 99, 68, 65, 36, 88, 67, 198, 44, 82, 72, 65, 96, 81, 124, 140, 170, 154, 66],
    [45, 136, 97, 96, 45, 117, 138, 89, 74, 191, 117, 62, 117, 124, 56, 72, 167, 48, 82, 62, 78, 126, 134, 157, 84, 186, 114, 53],
    [108, 123, 114, 111, 121, 115, 133, 140, 124, 156, 138, 60, 112, 119, 103, 116, 113, 94, 91, 118, 10, 135, 131, 143, 145, 143, 100, 48],
    [54, 134, 87, 90, 35, 117, 91, 159, 54, 190, 108, 107, 85, 97, 53, 119, 182, 77, 67, 66, 93, 97, 143, 159, 83, 199, 125, 46],
    [86, 133, 79, 131, 36, 125, 130, 81, 62, 187, 106, 103, 115, 126, 76, 77, 128, 125, 66, 36, 79, 128, 124, 171, 91, 128, 120, 41],
    [57, 136, 98, 118, 37, 123, 162, 68, 51, 207, 163, 110, 113, 145, 65, 108, 185, 60, 81, 87, 90, 152, 128, 131, 74, 159, 116, 34],
    [87, 74, 85, 95, 59, 85, 97, 171, 75, 188, 169, 57, 62, 46, 114, 63, 186, 51, 53, 46, 144, 157, 179, 129, 183, 157, 104, 99],
    [34, 136, 105, 125, 22, 121, 112, 150, 43, 180, 127, 130, 100, 121, 87, 100, 165, 127, 104, 101, 154, 162, 148, 141, 155, 166, 76, 63],
    [52, 107, 112, 103, 60, 117, 140, 77, 38, 165, 126, 97, 100, 64, 58, 93, 159, 52, 63, 111, 150, 151, 107, 148, 164, 145, 114, 43],
    [86, 116, 66, 113, 60, 109, 115, 115, 71, 162, 162, 119, 95, 117, 115, 51, 155, 116, 109, 34, 134, 118, 144, 103, 94, 146, 67, 30],
    [98, 107, 98, 113, 91, 128, 114, 153, 114, 188, 162, 82, 68, 71, 104, 39, 175, 120, 60, 66, 141, 139, 111, 153, 121, 135, 112, 20],
    [64, 120, 112, 107, 17, 113, 135, 118, 68, 155, 134, 112, 93, 120, 67, 115, 148, 127, 66, 120, 120, 116, 114, 130, 97, 87, 96, 48],
    [97, 95, 97, 56, 102, 93, 126, 133, 122, 146, 122, 126, 121, 125, 130, 110, 147, 115, 102, 116, 128, 123, 130, 116, 142, 143, 21, 25],
    [67, 79, 58, 67, 71, 72, 84, 91, 65, 123, 105, 77, 71, 77, 83, 63, 125, 68, 48, 63, 88, 89, 86, 112, 142, 128, 105, 93],
];

/// The mean surprise of a text in bits a character, digits behind digits left out. Of a hundred identifiers ninety-nine have less than 5.4, and half have less
/// than 3.9; random letters and digits have between 5 and 8. Random hexadecimal digits are not told from words
/// by it: too few letters follow each other.
pub(super) fn surprise(text: &[u8]) -> f32 {
    let mut last = OTHER;
    let mut small = false;
    let mut sum = 0_u32;
    let mut telling = 0_u32;
    let mut step = |last: &mut usize, symbol: usize, counts: u32| {
        // Digits follow each other in words and in random text alike.
        if *last != DIGIT || symbol != DIGIT {
            sum += COST.get(*last).and_then(|row| row.get(symbol)).copied().map_or(0, u32::from);
            telling += counts;
        }
        *last = symbol;
    };
    let text = text.get(..LONGEST).unwrap_or(text);
    for byte in text {
        if small && byte.is_ascii_uppercase() {
            step(&mut last, OTHER, 0);
        }
        small = byte.is_ascii_lowercase();
        let symbol = match byte.to_ascii_lowercase() {
            letter @ b'a'..=b'z' => usize::from(letter - b'a'),
            b'0'..=b'9' => DIGIT,
            _ => OTHER,
        };
        step(&mut last, symbol, 1);
    }
    #[expect(clippy::cast_precision_loss, reason = "both are far below the 24 bits that are exact")]
    let mean = sum as f32 / 16.0 / telling.max(1) as f32;
    mean
}

/// Whether a text consists of words for the most part: of its letters, six in ten stand in runs of four and more (a capital
/// behind a small letter begins another) that are as likely as words.
pub(super) fn wordy(text: &[u8]) -> bool {
    let text = text.get(..LONGEST).unwrap_or(text);
    let letters = text.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let mut inside = 0;
    let mut start = 0;
    for at in 0..=text.len() {
        let here = text.get(at).copied().unwrap_or(b' ');
        let before = at.checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or(b' ');
        let hump = before.is_ascii_lowercase() && here.is_ascii_uppercase();
        if !here.is_ascii_alphabetic() || hump {
            let word = text.get(start..at).unwrap_or_default();
            if word.len() >= 4 && surprise(word) < 5.2 {
                inside += word.len();
            }
            start = if hump { at } else { at + 1 };
        }
    }
    inside * 10 >= letters * 6
}

/// What is behind these many bytes says nothing new.
const LONGEST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_wordy_and_random_text_is_not() {
        for name in [
            "NL80211_KEY_DEFAULT_BEACON",
            "x25519_generate_private_key",
            "T12-token-in-fetch-query",
            "correct_master_key_123!",
        ] {
            assert!(wordy(name.as_bytes()), "{name}");
        }
        for random in [
            "G0ndLrIO445DbeF0cNNd",
            "s49268f2aohnc0i",
            "uovxfjxzcdtilcgychdp",
            "f95247f2866028de71159b42b4ea410f",
        ] {
            assert!(!wordy(random.as_bytes()), "{random}");
        }
    }

    #[test]
    fn names_are_likely_and_random_letters_are_not() {
        for name in
            ["connectionPool", "MAX_RETRY_COUNT", "application/json", "getUserByEmail", "my-config-map-prod"]
        {
            assert!(surprise(name.as_bytes()) < 4.9, "{name}: {}", surprise(name.as_bytes()));
        }
        for random in [
            "uovxfjxzcdtilcgychdp",
            "svzvswcrvdwmnnep",
            "QKERWVAS85812070",
            "s49268f2aohnc0i",
            "ZNBzljISSoheOSAqkaYHUv",
        ] {
            assert!(surprise(random.as_bytes()) > 5.2, "{random}: {}", surprise(random.as_bytes()));
        }
    }
}
