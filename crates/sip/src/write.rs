//! Numbers and addresses as text, without the formatting machinery: they are written for every message.

use std::net::{IpAddr, Ipv4Addr};

/// Adds a decimal number.
pub fn decimal(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Adds the last `digits` digits of a hexadecimal number, zeros in front; at most 16.
pub fn hex(out: &mut Vec<u8>, number: u64, digits: usize) {
    out.extend_from_slice(&all_hex_digits(number)[16 - digits.min(16)..]);
}

/// All 16 digits of a hexadecimal number.
#[must_use]
pub fn all_hex_digits(number: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    digits[..8].copy_from_slice(&eight_hex_digits(number >> 32));
    digits[8..].copy_from_slice(&eight_hex_digits(number & 0xffff_ffff));
    digits
}

/// The digits of a number of 32 bits, all at a time: each four bits get a byte, and each byte what makes a digit of it.
fn eight_hex_digits(number: u64) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let pairs = (number | number << 16) & 0x0000_ffff_0000_ffff;
    let bytes = (pairs | pairs << 8) & 0x00ff_00ff_00ff_00ff;
    let digits = (bytes | bytes << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    let letters = (digits + 6 * EACH) >> 4 & EACH;
    (digits + u64::from(b'0') * EACH + letters * u64::from(b'a' - b'9' - 1)).to_be_bytes()
}

/// How many hexadecimal digits a number has, zeros in front not counted.
#[must_use]
pub const fn hex_digits(number: u64) -> usize {
    if number == 0 { 1 } else { number.ilog2() as usize / 4 + 1 }
}

/// Adds an address as it stands in a header as host: IPv6 in brackets, IPv4 inside IPv6 as IPv4.
pub fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address.to_canonical() {
        IpAddr::V4(address) => ipv4(out, address),
        IpAddr::V6(address) => out.extend_from_slice(format!("[{address}]").as_bytes()),
    }
}

/// Adds an address without brackets: as in `received`.
pub fn bare_address(out: &mut Vec<u8>, address: IpAddr) {
    match address.to_canonical() {
        IpAddr::V4(address) => ipv4(out, address),
        IpAddr::V6(address) => out.extend_from_slice(address.to_string().as_bytes()),
    }
}

fn ipv4(out: &mut Vec<u8>, address: Ipv4Addr) {
    for (at, byte) in address.octets().into_iter().enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        decimal(out, byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn as_the_formatting_machinery_writes_them() {
        for number in [0, 1, 0xab, 0xffff_ffff, 0x0123_4567_89ab_cdef, 0x1_0000_0000, u64::MAX] {
            assert_eq!(text(|out| hex(out, number, 16)), format!("{number:016x}"));
        }
        assert_eq!(text(|out| hex(out, 0xab, 4)), "00ab");
        assert_eq!([0, 1, 15, 16, 255, 256, u64::MAX].map(hex_digits), [1, 1, 1, 2, 2, 3, 16]);
        assert_eq!(text(|out| decimal(out, -7)), "-7");
        for (given, host) in [
            ("10.0.200.3", "10.0.200.3"),
            ("::1", "[::1]"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("2001:db8::2", "[2001:db8::2]"),
        ] {
            let given: IpAddr = given.parse().unwrap();
            assert_eq!(text(|out| address(out, given)), host);
            assert_eq!(text(|out| bare_address(out, given)), host.trim_matches(['[', ']']));
        }
    }
}
