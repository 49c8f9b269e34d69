//! Milenage (3GPP TS 35.205, 35.206): what the home network and the card of a user compute from their common key.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};

/// 128 bits.
pub type Block = [u8; 16];

/// Milenage with a user's key and the operator's variant of it.
pub struct Milenage {
    cipher: Aes128,
    opc: Block,
}

/// What f2 to f5 make of a random number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Vector {
    /// RES: the answer of the card (f2).
    pub res: [u8; 8],
    /// The anonymity key (f5), which hides the sequence number.
    pub ak: [u8; 6],
    /// The cipher key (f3).
    pub ck: Block,
    /// The integrity key (f4).
    pub ik: Block,
}

fn xor<const N: usize>(left: &[u8; N], right: &[u8; N]) -> [u8; N] {
    std::array::from_fn(|at| left[at] ^ right[at])
}

/// The first bytes of a block from `from` on.
fn part<const N: usize>(block: &Block, from: usize) -> [u8; N] {
    std::array::from_fn(|at| block[(from + at) % 16])
}

impl Milenage {
    /// With K and OPc.
    #[must_use]
    pub fn new(k: &Block, opc: &Block) -> Self {
        Self { cipher: Aes128::new(k.into()), opc: *opc }
    }

    fn encrypt(&self, block: &Block) -> Block {
        let mut block = (*block).into();
        self.cipher.encrypt_block(&mut block);
        block.into()
    }

    /// `E(rotated(input) ^ constant) ^ OPc`; `by` is in bytes.
    fn out(&self, input: &Block, by: usize, constant: u8, also: &Block) -> Block {
        let mut block = xor(&part(&xor(input, &self.opc), by), also);
        block[15] ^= constant;
        xor(&self.encrypt(&block), &self.opc)
    }

    fn temp(&self, rand: &Block) -> Block {
        self.encrypt(&xor(rand, &self.opc))
    }

    /// MAC-A (f1) and MAC-S (f1*) of a sequence number.
    #[must_use]
    pub fn macs(&self, rand: &Block, sqn: &[u8; 6], amf: [u8; 2]) -> ([u8; 8], [u8; 8]) {
        let mut half = [0; 8];
        half[..6].copy_from_slice(sqn);
        half[6..].copy_from_slice(&amf);
        let input: Block = std::array::from_fn(|at| half[at % 8]);
        let out = self.out(&input, 8, 0, &self.temp(rand));
        (part(&out, 0), part(&out, 8))
    }

    /// f2 to f5.
    #[must_use]
    pub fn vector(&self, rand: &Block) -> Vector {
        let temp = self.temp(rand);
        let second = self.out(&temp, 0, 1, &[0; 16]);
        Vector {
            res: part(&second, 8),
            ak: part(&second, 0),
            ck: self.out(&temp, 4, 2, &[0; 16]),
            ik: self.out(&temp, 8, 4, &[0; 16]),
        }
    }

    /// The anonymity key of a resynchronisation (f5*).
    #[must_use]
    pub fn resynchronisation_key(&self, rand: &Block) -> [u8; 6] {
        part(&self.out(&self.temp(rand), 12, 8, &[0; 16]), 0)
    }
}

/// OPc of a user: from the operator's OP and the user's key.
#[must_use]
pub fn opc(k: &Block, op: &Block) -> Block {
    let zero = Milenage::new(k, &[0; 16]);
    xor(&zero.encrypt(op), op)
}

/// Bytes from as many hexadecimal digits; blanks around them do not count.
#[must_use]
pub fn from_hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let text = text.trim_ascii();
    if text.len() != 2 * N || !text.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map_or(0, |digit| digit as u8);
    Some(std::array::from_fn(|at| digit(text[2 * at]) << 4 | digit(text[2 * at + 1])))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The test sets 1 to 6 of TS 35.207 and TS 35.208: K, RAND, SQN, AMF, OP, OPc, f1, f1*, f2, f5, f3, f4, f5*.
    pub(crate) const SETS: [[&str; 13]; 6] = [
        [
            "465b5ce8b199b49faa5f0a2ee238a6bc",
            "23553cbe9637a89d218ae64dae47bf35",
            "ff9bb4d0b607",
            "b9b9",
            "cdc202d5123e20f62b6d676ac72cb318",
            "cd63cb71954a9f4e48a5994e37a02baf",
            "4a9ffac354dfafb3",
            "01cfaf9ec4e871e9",
            "a54211d5e3ba50bf",
            "aa689c648370",
            "b40ba9a3c58b2a05bbf0d987b21bf8cb",
            "f769bcd751044604127672711c6d3441",
            "451e8beca43b",
        ],
        [
            "0396eb317b6d1c36f19c1c84cd6ffd16",
            "c00d603103dcee52c4478119494202e8",
            "fd8eef40df7d",
            "af17",
            "ff53bade17df5d4e793073ce9d7579fa",
            "53c15671c60a4b731c55b4a441c0bde2",
            "5df5b31807e258b0",
            "a8c016e51ef4a343",
            "d3a628ed988620f0",
            "c47783995f72",
            "58c433ff7a7082acd424220f2b67c556",
            "21a8c1f929702adb3e738488b9f5c5da",
            "30f1197061c1",
        ],
        [
            "fec86ba6eb707ed08905757b1bb44b8f",
            "9f7c8d021accf4db213ccff0c7f71a6a",
            "9d0277595ffc",
            "725c",
            "dbc59adcb6f9a0ef735477b7fadf8374",
            "1006020f0a478bf6b699f15c062e42b3",
            "9cabc3e99baf7281",
            "95814ba2b3044324",
            "8011c48c0c214ed2",
            "33484dc2136b",
            "5dbdbb2954e8f3cde665b046179a5098",
            "59a92d3b476a0443487055cf88b2307b",
            "deacdd848cc6",
        ],
        [
            "9e5944aea94b81165c82fbf9f32db751",
            "ce83dbc54ac0274a157c17f80d017bd6",
            "0b604a81eca8",
            "9e09",
            "223014c5806694c007ca1eeef57f004f",
            "a64a507ae1a2a98bb88eb4210135dc87",
            "74a58220cba84c49",
            "ac2cc74a96871837",
            "f365cd683cd92e96",
            "f0b9c08ad02e",
            "e203edb3971574f5a94b0d61b816345d",
            "0c4524adeac041c4dd830d20854fc46b",
            "6085a86c6f63",
        ],
        [
            "4ab1deb05ca6ceb051fc98e77d026a84",
            "74b0cd6031a1c8339b2b6ce2b8c4a186",
            "e880a1b580b6",
            "9f07",
            "2d16c5cd1fdf6b22383584e3bef2a8d8",
            "dcf07cbd51855290b92a07a9891e523e",
            "49e785dd12626ef2",
            "9e85790336bb3fa2",
            "5860fc1bce351e7e",
            "31e11a609118",
            "7657766b373d1c2138f307e3de9242f9",
            "1c42e960d89b8fa99f2744e0708ccb53",
            "fe2555e54aa9",
        ],
        [
            "6c38a116ac280c454f59332ee35c8c4f",
            "ee6466bc96202c5a557abbeff8babf63",
            "414b98222181",
            "4464",
            "1ba00a1a7c6700ac8c3ff3e96ad08725",
            "3803ef5363b947c6aaa225e58fae3934",
            "078adfb488241a57",
            "80246b8d0186bcf1",
            "16c8233f05a0ac28",
            "45b0f69ab06c",
            "3f8c7587fe8e4b233af676aede30ba3b",
            "a7466cc1e6b2a1337d49d3b66e95d7b4",
            "1f53cd2b1113",
        ],
    ];

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        from_hex(text.as_bytes()).unwrap()
    }

    #[test]
    fn test_sets_of_3gpp() {
        for [k, rand, sqn, amf, op, expected_opc, f1, f1s, f2, f5, f3, f4, f5s] in SETS {
            let (k, rand) = (hex(k), hex(rand));
            assert_eq!(opc(&k, &hex(op)), hex::<16>(expected_opc));
            let milenage = Milenage::new(&k, &hex(expected_opc));
            assert_eq!(milenage.macs(&rand, &hex(sqn), hex(amf)), (hex(f1), hex(f1s)));
            let vector = milenage.vector(&rand);
            assert_eq!((vector.res, vector.ak), (hex(f2), hex(f5)));
            assert_eq!((vector.ck, vector.ik), (hex(f3), hex(f4)));
            assert_eq!(milenage.resynchronisation_key(&rand), hex::<6>(f5s));
        }
    }

    #[test]
    fn keys_as_text() {
        assert_eq!(from_hex::<2>(b" B9b9\n"), Some([0xb9, 0xb9]));
        assert_eq!(from_hex::<2>(b"b9b"), None);
        assert_eq!(from_hex::<2>(b"b9bg"), None);
        assert_eq!(from_hex::<2>("b9é".as_bytes()), None);
    }
}
