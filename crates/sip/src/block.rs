//! Sixteen bytes that are compared at once, with the processor's vector instructions.

use wide::u8x16;

/// How many bytes a [`Block`] has.
pub(crate) const LENGTH: usize = 16;

/// Sixteen bytes, or which of sixteen bytes fit.
#[derive(Clone, Copy)]
pub(crate) struct Block(u8x16);

impl Block {
    /// Sixteen bytes.
    #[inline]
    pub(crate) fn of(bytes: [u8; LENGTH]) -> Self {
        Self(u8x16::new(bytes))
    }

    /// A text shorter than a block, zeros behind its end.
    #[inline]
    pub(crate) fn of_short(text: &[u8]) -> Self {
        let high = match (text.last_chunk(), LENGTH.checked_sub(text.len())) {
            // The last eight bytes, without those that are in the first eight.
            (Some(&last), Some(missing @ 1..8)) => u64::from_le_bytes(last) >> (8 * missing),
            _ => 0,
        };
        Self::of_words(word(text), high)
    }

    /// Sixteen bytes as two words, the first byte lowest.
    #[inline]
    pub(crate) fn of_words(low: u64, high: u64) -> Self {
        Self::of((u128::from(low) | u128::from(high) << 64).to_le_bytes())
    }

    /// Which equal `byte`.
    #[inline]
    pub(crate) fn equal(self, byte: u8) -> Self {
        Self(self.0.simd_eq(u8x16::splat(byte)))
    }

    /// Which are at most `limit`.
    #[inline]
    pub(crate) fn at_most(self, limit: u8) -> Self {
        Self(self.0.min(u8x16::splat(limit)).simd_eq(self.0))
    }

    /// Which fit here or there.
    #[inline]
    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that fit as bits, the first byte's lowest.
    #[inline]
    pub(crate) fn bits(self) -> u32 {
        self.0.to_bitmask()
    }
}

/// Up to eight bytes, the first one lowest; zeros stand for those that are missing.
#[inline]
pub(crate) fn word(bytes: &[u8]) -> u64 {
    if let Some(&chunk) = bytes.first_chunk() {
        return u64::from_le_bytes(chunk);
    }
    match (bytes.first_chunk(), bytes.last_chunk()) {
        // The two overlap; both have the same bytes where they do.
        (Some(&first), Some(&last)) => {
            let last = u64::from(u32::from_le_bytes(last)) << (8 * (bytes.len() - 4));
            u64::from(u32::from_le_bytes(first)) | last
        }
        _ => bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(fits: impl Fn(u8) -> bool, text: &[u8; LENGTH]) -> u32 {
        text.iter().enumerate().fold(0, |bits, (place, &byte)| bits | u32::from(fits(byte)) << place)
    }

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=255_u8 {
            for place in 0..LENGTH {
                let mut text = [b'x'; LENGTH];
                text[place] = byte;
                text[(place + 1) % LENGTH] = byte.wrapping_add(1);
                let block = Block::of(text);
                for wanted in [0, b'\n', b' ', b'x', 0x7f, 0x80, 0xff] {
                    assert_eq!(block.equal(wanted).bits(), bits(|byte| byte == wanted, &text), "{byte} {place}");
                }
                for limit in [0, b' ', b'=', 0x7f, 0x80, 0xff] {
                    assert_eq!(block.at_most(limit).bits(), bits(|byte| byte <= limit, &text), "{byte} {place}");
                }
                let either = block.equal(b'\n').or(block.at_most(b' '));
                assert_eq!(either.bits(), bits(|byte| byte <= b' ', &text));
            }
        }
    }

    #[test]
    fn short_texts() {
        let text = *b"abcdefghijklmnop";
        for length in 0..LENGTH {
            let mut whole = [0; LENGTH];
            whole[..length].copy_from_slice(&text[..length]);
            for byte in text {
                let expected = Block::of(whole).equal(byte).bits();
                assert_eq!(Block::of_short(&text[..length]).equal(byte).bits(), expected, "{length}");
            }
        }
    }
}
