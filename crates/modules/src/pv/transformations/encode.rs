//! `{s.encode.*}` and `{s.decode.*}`.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use engine::{Value, transformation};

use super::map;

/// Kamailio does not look at the bits behind the last byte.
const LAX: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
const STRICT: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LAX);
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, LAX.with_decode_padding_mode(DecodePaddingMode::Indifferent));
const URL: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::URL_SAFE, LAX.with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// Hexadecimal digits, in lower case.
#[transformation("s.encode.hexa")]
pub(super) fn encode_hexa(input: Value) -> Value {
    map(&input, |text| Some(hex(text, false)))
}

/// What hexadecimal digits stand for; `$null` when there is anything else.
#[transformation("s.decode.hexa")]
pub(super) fn decode_hexa(input: Value) -> Value {
    map(&input, |text| unhex(text))
}

/// Packed as in the GSM 7-bit alphabet (ASCII assumed), in upper case hexadecimal digits.
#[transformation("s.encode.7bit")]
pub(super) fn encode_7bit(input: Value) -> Value {
    map(&input, |text| {
        let (mut out, mut bits, mut held) = (Vec::with_capacity(text.len()), 0_u16, 0_u8);
        for byte in text.iter() {
            bits |= u16::from(byte & 0x7f) << held;
            held += 7;
            if held >= 8 {
                out.push(bits as u8);
                bits >>= 8;
                held -= 8;
            }
        }
        if held > 0 {
            out.push(bits as u8);
        }
        Some(hex(&out, true))
    })
}

/// The reverse of `{s.encode.7bit}`.
#[transformation("s.decode.7bit")]
pub(super) fn decode_7bit(input: Value) -> Value {
    map(&input, |text| {
        let packed = unhex(text)?;
        let (mut out, mut bits, mut held) = (Vec::with_capacity(packed.len() * 8 / 7), 0_u16, 0_u8);
        for byte in &packed {
            bits |= u16::from(*byte) << held;
            held += 8;
            while held >= 7 {
                out.push((bits & 0x7f) as u8);
                bits >>= 7;
                held -= 7;
            }
        }
        // Seven characters leave room for an eighth that was not there.
        if packed.len() % 7 == 0 && out.last() == Some(&0) {
            out.pop();
        }
        Some(out)
    })
}

/// Base 64, with padding.
#[transformation("s.encode.base64")]
pub(super) fn encode_base64(input: Value) -> Value {
    map(&input, |text| Some(general_purpose::STANDARD.encode(text)))
}

/// What base 64 stands for; `$null` when it is none, or its padding is missing.
#[transformation("s.decode.base64")]
pub(super) fn decode_base64(input: Value) -> Value {
    map(&input, |text| STRICT.decode(text).ok())
}

/// Base 64 without padding.
#[transformation("s.encode.base64t")]
pub(super) fn encode_base64t(input: Value) -> Value {
    map(&input, |text| Some(general_purpose::STANDARD_NO_PAD.encode(text)))
}

/// What base 64 stands for; its padding may be missing.
#[transformation("s.decode.base64t")]
pub(super) fn decode_base64t(input: Value) -> Value {
    map(&input, |text| LENIENT.decode(text).ok())
}

/// Base 64 for URLs (`-` and `_`), with padding.
#[transformation("s.encode.base64url")]
pub(super) fn encode_base64url(input: Value) -> Value {
    map(&input, |text| Some(general_purpose::URL_SAFE.encode(text)))
}

/// What base 64 for URLs stands for.
#[transformation("s.decode.base64url")]
pub(super) fn decode_base64url(input: Value) -> Value {
    map(&input, |text| URL.decode(text).ok())
}

/// Base 64 for URLs without padding.
#[transformation("s.encode.base64urlt")]
pub(super) fn encode_base64urlt(input: Value) -> Value {
    map(&input, |text| Some(general_purpose::URL_SAFE_NO_PAD.encode(text)))
}

/// What base 64 for URLs stands for; its padding may be missing.
#[transformation("s.decode.base64urlt")]
pub(super) fn decode_base64urlt(input: Value) -> Value {
    map(&input, |text| URL.decode(text).ok())
}

const DIGITS58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// The work grows with the square of the length.
const MAX58: usize = 4096;

/// Base 58, with the digits of Bitcoin.
#[transformation("s.encode.base58")]
pub(super) fn encode_base58(input: Value) -> Value {
    map(&input, |text| {
        if text.len() > MAX58 {
            return None;
        }
        let zeros = text.iter().take_while(|byte| **byte == 0).count();
        let mut out = vec![b'1'; zeros];
        out.extend(convert(&text[zeros..], 256, 58).iter().map(|digit| DIGITS58[usize::from(*digit)]));
        Some(out)
    })
}

/// What base 58 stands for; `$null` when it is none.
#[transformation("s.decode.base58")]
pub(super) fn decode_base58(input: Value) -> Value {
    map(&input, |text| {
        if text.len() > MAX58 {
            return None;
        }
        let digit = |byte: &u8| DIGITS58.iter().position(|known| known == byte).map(|at| at as u8);
        let digits = text.iter().map(digit).collect::<Option<Vec<u8>>>()?;
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        let mut out = vec![0; zeros];
        out.extend(convert(&digits[zeros..], 58, 256));
        Some(out)
    })
}

/// The digits of a number, the highest first, in another base.
fn convert(digits: &[u8], from: u32, to: u32) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    for digit in digits {
        let mut carry = u32::from(*digit);
        for place in &mut out {
            carry += u32::from(*place) * from;
            *place = (carry % to) as u8;
            carry /= to;
        }
        while carry > 0 {
            out.push((carry % to) as u8);
            carry /= to;
        }
    }
    out.reverse();
    out
}

/// Hexadecimal digits.
pub(super) fn hex(bytes: &[u8], upper: bool) -> Vec<u8> {
    let digits: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    bytes.iter().flat_map(|byte| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]).collect()
}

/// A single digit at the end is left out, as in Kamailio.
fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    text.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
