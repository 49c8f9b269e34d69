//! `{s.md5}` and other sums.

use engine::{Value, transformation};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use sha3::{Keccak224, Keccak256, Keccak384, Keccak512, Sha3_224, Sha3_256, Sha3_384, Sha3_512};

use super::encode::hex;
use super::map;

fn digest<D: Digest>(text: &[u8]) -> Vec<u8> {
    hex(&D::digest(text), false)
}

/// MD5, in hexadecimal digits.
#[transformation("s.md5")]
pub(super) fn md5(input: Value) -> Value {
    map(&input, |text| Some(digest::<Md5>(text)))
}

/// SHA-1, in hexadecimal digits.
#[transformation("s.sha1")]
pub(super) fn sha1(input: Value) -> Value {
    map(&input, |text| Some(digest::<Sha1>(text)))
}

/// SHA-256, in hexadecimal digits.
#[transformation("s.sha256")]
pub(super) fn sha256(input: Value) -> Value {
    map(&input, |text| Some(digest::<Sha256>(text)))
}

/// SHA-384, in hexadecimal digits.
#[transformation("s.sha384")]
pub(super) fn sha384(input: Value) -> Value {
    map(&input, |text| Some(digest::<Sha384>(text)))
}

/// SHA-512, in hexadecimal digits.
#[transformation("s.sha512")]
pub(super) fn sha512(input: Value) -> Value {
    map(&input, |text| Some(digest::<Sha512>(text)))
}

/// SHA-3 of `bits` (224, 256, 384, 512; default 256), in hexadecimal digits; `$null` for other sizes.
#[transformation("s.sha3")]
pub(super) fn sha3(input: Value, bits: Option<i64>) -> Value {
    map(&input, |text| {
        Some(match bits.unwrap_or(256) {
            224 => digest::<Sha3_224>(text),
            256 => digest::<Sha3_256>(text),
            384 => digest::<Sha3_384>(text),
            512 => digest::<Sha3_512>(text),
            _ => return None,
        })
    })
}

/// Keccak (SHA-3 before it became a standard) of `bits` (224, 256, 384, 512; default 256), in hexadecimal digits;
/// `$null` for other sizes.
#[transformation("s.keccak")]
pub(super) fn keccak(input: Value, bits: Option<i64>) -> Value {
    map(&input, |text| {
        Some(match bits.unwrap_or(256) {
            224 => digest::<Keccak224>(text),
            256 => digest::<Keccak256>(text),
            384 => digest::<Keccak384>(text),
            512 => digest::<Keccak512>(text),
            _ => return None,
        })
    })
}

/// The CRC-32 (ISO-HDLC) as a number.
#[transformation("s.crc32")]
pub(super) fn crc32(input: Value) -> Value {
    map(&input, |text| Some(crc32fast::hash(text)))
}

/// Kamailio's hash of a text, in decimal; with `slots` (a power of two) the number of a slot: 0 to `slots` - 1.
#[transformation("s.corehash")]
pub(super) fn corehash(input: Value, slots: Option<i64>) -> Value {
    map(&input, |text| {
        let hash = core_hash(text);
        let slots = slots.unwrap_or(0);
        Some((if slots == 0 { hash } else { hash & (slots.wrapping_sub(1) as u32) }).to_string())
    })
}

/// Four bytes at a time; a shorter rest counts with its own length.
fn core_hash(text: &[u8]) -> u32 {
    let mut hash = 0_u32;
    for word in text.chunks(4) {
        let number = word.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        hash = hash.wrapping_add(number ^ (number >> 3));
    }
    hash.wrapping_add(hash >> 11).wrapping_add(hash >> 13).wrapping_add(hash >> 23)
}
