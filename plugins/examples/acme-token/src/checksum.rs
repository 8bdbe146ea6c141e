//! The checksum at the end of a token.

/// How many digits it has: enough for 32 bits.
pub(crate) const DIGITS: usize = 6;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The CRC-32 of some bytes, as digits to the base 62.
pub(crate) fn of(bytes: &[u8]) -> [u8; DIGITS] {
    let mut rest = crc32(bytes);
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        let value = usize::try_from(rest % 62).unwrap_or_default();
        *digit = ALPHABET.get(value).copied().unwrap_or(b'0');
        rest /= 62;
    }
    digits
}

/// The CRC-32 of zip and PNG (reflected polynomial 0xEDB88320). Bit by bit: 34 bytes are not worth a table.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let carry = if crc & 1 == 1 { 0xEDB8_8320 } else { 0 };
            crc >> 1 ^ carry
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_published_crc() {
        // The check value of CRC-32/ISO-HDLC in the catalogue of CRC algorithms.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn has_six_digits_whatever_the_sum_is() {
        assert_eq!(&of(b""), b"000000");
        let value = of(b"123456789").iter().fold(0_u64, |value, digit| {
            value * 62 + ALPHABET.iter().position(|other| other == digit).unwrap() as u64
        });
        assert_eq!(value, 0xCBF4_3926);
    }
}
