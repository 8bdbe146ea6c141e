//! A bit for each of many bytes, taken at once.

/// A byte of ones or of zeros, for [`bits`].
#[inline]
pub const fn all_or_nothing(yes: bool) -> u8 {
    0_u8.wrapping_sub(yes as u8)
}

/// A bit for each of 64 bytes that are [all or nothing](all_or_nothing), the first one lowest. Where the bytes come from a comparison
/// in a loop, the compiler makes sixteen of them at once, and one instruction takes their bits.
#[inline]
pub fn bits(bytes: &[u8; 64]) -> u64 {
    let (sixteens, _) = bytes.as_chunks::<16>();
    sixteens.iter().rev().fold(0, |all, sixteen| all << 16 | u64::from(sixteen_bits(*sixteen)))
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
#[expect(unsafe_code, reason = "an instruction that the language has no other name for")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "each half, and sixteen bits")]
fn sixteen_bits(bytes: [u8; 16]) -> u16 {
    use std::arch::x86_64::{_mm_movemask_epi8, _mm_set_epi64x};

    let number = u128::from_le_bytes(bytes);
    // SAFETY: every processor that this is compiled for has the instructions, and they touch no memory.
    unsafe { _mm_movemask_epi8(_mm_set_epi64x((number >> 64) as i64, number as i64)) as u16 }
}

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline]
fn sixteen_bits(bytes: [u8; 16]) -> u16 {
    let (eights, _) = bytes.as_chunks::<8>();
    eights.iter().rev().fold(0, |all, eight| {
        // The lowest bits of eight bytes, side by side in the highest byte of the product.
        let ones = u64::from_le_bytes(*eight) & 0x0101_0101_0101_0101;
        all << 8 | (ones.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u16
    })
}
