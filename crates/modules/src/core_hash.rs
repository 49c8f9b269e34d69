//! Kamailio's hash of texts. It decides what users see: which destination a caller gets, in which order things are listed.

/// The hash of texts after each other.
#[must_use]
pub(crate) fn core_hash(texts: &[&[u8]]) -> u32 {
    finish(texts.iter().fold(0, |sum, text| add(sum, text, |byte| byte)))
}

/// The same of one text whose capitals count as small letters.
#[must_use]
pub(crate) fn core_case_hash(text: &[u8]) -> u32 {
    finish(add(0, text, |byte| byte.to_ascii_lowercase()))
}

/// Four bytes at a time make a number; those that are left over at the end, even none, make one more.
fn add(sum: u32, text: &[u8], byte: impl Fn(u8) -> u8) -> u32 {
    let mixed = |bytes: &[u8]| {
        let word = bytes.iter().fold(0_u32, |word, &next| word << 8 | u32::from(byte(next)));
        word ^ (word >> 3)
    };
    let chunks = text.chunks_exact(4);
    let rest = mixed(chunks.remainder());
    chunks.fold(sum, |sum, chunk| sum.wrapping_add(mixed(chunk))).wrapping_add(rest)
}

const fn finish(sum: u32) -> u32 {
    sum.wrapping_add(sum >> 11).wrapping_add(sum >> 13).wrapping_add(sum >> 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen in `ul.dump`, `sht_print` and `dispatcher.hash` of Kamailio 5.6.3.
    #[test]
    fn numbers_of_kamailio() {
        for (text, hash) in [
            ("bob", 7_222_211),
            ("n", 99),
            ("s", 125),
            ("s4", 32_100),
            ("a", 109),
            ("ab", 27_998),
            ("alice", 1_834_153_949),
            ("abcdefgh", 3_610_933_276),
        ] {
            assert_eq!(core_hash(&[text.as_bytes()]), hash, "{text}");
        }
        assert_eq!(core_hash(&[b"alice", b"server.com"]), 1_412_806_172);
        assert_eq!(core_hash(&[b"alice", b"server.com:5080"]), 3_069_943_182);
        for (text, hash) in [
            ("", 0),
            ("n", 99),
            ("n2", 25_603),
            ("@", 72),
            ("_", 84),
            ("[", 80),
            ("big", 7_222_656),
            ("huge", 1_703_651_242),
            ("x=>y", 2_001_550_283),
            ("<null>", 1_005_418_900),
            ("alice@example.com", 2_920_418_261),
            ("A_b@C[x]Z", 3_704_037_701),
        ] {
            assert_eq!(core_case_hash(text.as_bytes()), hash, "{text}");
        }
    }
}
