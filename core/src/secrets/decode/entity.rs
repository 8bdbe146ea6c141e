//! Numeric character references of HTML and XML: `&#103;`, `&#x67;`.

use super::hex;
use super::rewrite::Edit;

/// How many digits are looked at; leading zeros are allowed.
const DIGITS: usize = 8;

/// The reference at a place.
pub(super) fn at(bytes: &[u8], at: usize) -> Option<Edit> {
    let rest = bytes.get(at..)?.strip_prefix(b"&#")?;
    let (digits, radix, before) = match rest {
        [b'x' | b'X', digits @ ..] => (digits, 16, 3),
        digits => (digits, 10, 2),
    };
    let mut code = 0_u32;
    let mut count = 0;
    for digit in digits.iter().take(DIGITS).map_while(|byte| hex::value(*byte)) {
        if u32::from(digit) >= radix {
            break;
        }
        code = code * radix + u32::from(digit);
        count += 1;
    }
    let closed = digits.get(count) == Some(&b';');
    let end = at + before + count + usize::from(closed);
    (count > 0).then(|| u8::try_from(code).ok().and_then(|byte| Edit::of(at..end, byte)))?
}
