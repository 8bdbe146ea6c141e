//! The digits of base64 and base64url (RFC 4648), for the shell that decodes and for the search of secrets.

/// The values of the digits of both alphabets.
const VALUES: [u8; 256] = {
    let mut values = [0xff; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the counter stays below 256")]
        let digit = byte as u8;
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => 0xff,
        };
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, the counter stays below 256")]
        {
            values[byte] = value;
        }
        byte += 1;
    }
    values
};

/// The value of a digit of either alphabet; 64 and more is none.
#[expect(clippy::indexing_slicing, reason = "there is a value for every byte")]
pub(crate) const fn value(byte: u8) -> u8 {
    VALUES[byte as usize]
}
