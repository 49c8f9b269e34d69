//! Nonces of ours: when each was made, a number of its own, a seal over that, and with `auth_checks_..` a keyed hash
//! (HMAC-SHA-256) over parts of the message. What was used is remembered only for `nonce_count` and `one_time_nonce`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::RouteCx;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use sip::Method;
use sip::digest::{Algorithm, constant_time_eq};

/// Why a nonce is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NonceError {
    /// Not made here, or not with this secret.
    Foreign,
    /// Too old, for another message, or its count did not grow.
    Stale,
    /// `one_time_nonce`: it was used.
    Reused,
}

/// Which nonce it is: the second when it was made, and a random number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Serial {
    made: u32,
    number: u64,
}

/// The algorithms that a challenge offers: the client must not choose a weaker one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Offered(u8);

impl Offered {
    const fn bit(algorithm: Algorithm) -> u8 {
        match algorithm {
            Algorithm::Md5 | Algorithm::Md5Sess => 16,
            Algorithm::Sha256 | Algorithm::Sha256Sess => 32,
        }
    }

    /// All of these.
    pub(super) fn of(algorithms: &[Algorithm]) -> Self {
        Self(algorithms.iter().fold(0, |bits, algorithm| bits | Self::bit(*algorithm)))
    }

    /// Whether an algorithm, or its session form, is on offer.
    pub(super) const fn has(self, algorithm: Algorithm) -> bool {
        self.0 & Self::bit(algorithm) != 0
    }
}

/// What a good nonce says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) serial: Serial,
    pub(super) offered: Offered,
}

/// What is fixed at load.
#[derive(Clone, Debug)]
pub(super) struct NonceOptions {
    /// Seconds that a nonce is good for.
    pub(super) expire: u32,
    /// Seconds that a nonce may come from the future.
    pub(super) drift: u32,
    /// Which parts of REGISTERs, requests outside of dialogs, requests inside count: bits 1 URI, 2 Call-ID, 4 From
    /// tag, 8 source address.
    pub(super) checks: [u8; 3],
    /// Nonce counts must grow.
    pub(super) count: bool,
    /// A nonce is good once.
    pub(super) once: bool,
    /// Most nonces that are remembered for `count`, and for `once`.
    pub(super) sizes: [usize; 2],
    /// Into how many parts, each with its lock, they are divided.
    pub(super) pools: usize,
}

/// Makes and checks nonces.
pub(super) struct Nonces {
    seal: Aes256,
    check_key: Mac,
    options: NonceOptions,
    /// Nonces made before were perhaps used in an earlier life of this server, with the same secret.
    since: AtomicU32,
    counts: Vec<Mutex<Used>>,
    once: Vec<Mutex<Used>>,
}

const HEAD: usize = 4 + 8 + 1;
const SEAL: usize = 14;
const CHECK_MAC: usize = 12;
/// The largest nonce count that is taken, as documented.
const MAX_COUNT: u32 = 255;
/// Bits of `auth_checks_..`.
pub(super) const ALL_CHECKS: u8 = 15;

impl Nonces {
    /// `secret`: what several servers have in common; random without one.
    pub(super) fn new(secret: Option<&[u8]>, options: NonceOptions) -> Self {
        let (key, check_key): ([u8; 32], [u8; 32]) = match secret {
            Some(secret) => (derive(secret, b"nonce"), derive(secret, b"checks")),
            None => (rand::random(), rand::random()),
        };
        let pools = |size: usize| -> Vec<Mutex<Used>> {
            let pools = options.pools.max(1);
            (0..pools).map(|_| Mutex::new(Used::new((size / pools).max(1)))).collect()
        };
        let (counts, once) = (pools(options.sizes[0]), pools(options.sizes[1]));
        let (seal, check_key) = (Aes256::new(&key.into()), Mac::new(&check_key));
        Self { seal, check_key, options, since: AtomicU32::new(0), counts, once }
    }

    /// The server starts now.
    pub(super) fn start(&self, now: i64) {
        self.since.store(seconds(now), Ordering::Relaxed);
    }

    /// A new nonce for a challenge to this request; `offered`: the algorithms on offer, of the upper four bits.
    pub(super) fn make(&self, cx: &RouteCx, offered: Offered) -> String {
        let mask = self.mask(cx);
        let mut bytes = Vec::with_capacity(HEAD + SEAL + CHECK_MAC);
        bytes.extend_from_slice(&seconds(cx.core.unix_time()).to_be_bytes());
        bytes.extend_from_slice(&rand::random::<u64>().to_be_bytes());
        bytes.push(mask | offered.0);
        let seal = self.seal(&bytes);
        let checks = (mask != 0).then(|| self.check_mac(cx, &bytes, mask));
        bytes.extend_from_slice(&seal);
        if let Some(checks) = checks {
            bytes.extend_from_slice(&checks[..CHECK_MAC]);
        }
        STANDARD.encode(bytes)
    }

    /// Checks a nonce that came with a request; `count` is its nonce count when it has one. A nonce that is good once
    /// is used up by this.
    pub(super) fn check(&self, cx: &RouteCx, nonce: &[u8], count: Option<u32>) -> Result<Known, NonceError> {
        let bytes = self.opened(nonce).ok_or(NonceError::Foreign)?;
        let (head, seals) = bytes.split_at(HEAD);
        let serial = serial_of(head).ok_or(NonceError::Foreign)?;
        let known = Known { serial, offered: Offered(head[HEAD - 1] & !ALL_CHECKS) };
        let now = seconds(cx.core.unix_time());
        if serial.made > now.saturating_add(self.options.drift) || now.saturating_sub(serial.made) > self.options.expire
        {
            return Err(NonceError::Stale);
        }
        let counted = count.filter(|_| self.options.count);
        if (counted.is_some() || self.options.once) && serial.made < self.since.load(Ordering::Relaxed) {
            return Err(NonceError::Stale);
        }
        if let Some(count) = counted {
            let oldest = self.oldest(now);
            let pool = &self.counts[self.pool(serial)];
            return if pool.lock().is_above(serial, count, oldest) { Ok(known) } else { Err(NonceError::Stale) };
        }
        let mask = self.mask(cx);
        if mask != 0 {
            let expected = self.check_mac(cx, head, mask);
            if head[HEAD - 1] & ALL_CHECKS != mask || !constant_time_eq(&seals[SEAL..], &expected[..CHECK_MAC]) {
                return Err(NonceError::Stale);
            }
        }
        if self.options.once {
            let oldest = self.oldest(now);
            if !self.once[self.pool(serial)].lock().claim(serial, 1, oldest) {
                return Err(NonceError::Reused);
            }
        }
        Ok(known)
    }

    /// Uses up a nonce count. False when one that is not smaller was used before.
    pub(super) fn claim_count(&self, serial: Serial, count: u32) -> bool {
        !self.options.count || self.counts[self.pool(serial)].lock().claim(serial, count, 0)
    }

    fn oldest(&self, now: u32) -> u32 {
        now.saturating_sub(self.options.expire)
    }

    fn pool(&self, serial: Serial) -> usize {
        (serial.number % self.counts.len() as u64) as usize
    }

    /// The bytes of a nonce that was made with our key.
    fn opened(&self, nonce: &[u8]) -> Option<Vec<u8>> {
        if nonce.len() > 64 {
            return None;
        }
        let bytes = STANDARD.decode(nonce).ok()?;
        let mask = *bytes.get(HEAD - 1)? & ALL_CHECKS;
        let length = HEAD + SEAL + if mask == 0 { 0 } else { CHECK_MAC };
        let seal = self.seal(bytes.get(..HEAD)?);
        (bytes.len() == length && constant_time_eq(bytes.get(HEAD..HEAD + SEAL)?, &seal)).then_some(bytes)
    }

    /// Tells heads that were made with our key. They all have one length and fit into a block, so to encrypt that
    /// is enough: who does not have the key cannot tell it from a random number.
    fn seal(&self, head: &[u8]) -> [u8; SEAL] {
        let mut block = [0; 16];
        block[..HEAD].copy_from_slice(&head[..HEAD]);
        let mut block = block.into();
        self.seal.encrypt_block(&mut block);
        std::array::from_fn(|at| block[at])
    }

    /// Which parts of this request count.
    fn mask(&self, cx: &RouteCx) -> u8 {
        let at = if cx.message.method() == Method::Register {
            0
        } else if cx.message.to().ok().flatten().is_some_and(|to| to.tag().is_some()) {
            2
        } else {
            1
        };
        self.options.checks[at]
    }

    fn check_mac(&self, cx: &RouteCx, head: &[u8], mask: u8) -> [u8; 32] {
        let message = &cx.message;
        let uri = message.request_uri().cloned().unwrap_or_default();
        let call_id = message.call_id().unwrap_or_default();
        let tag = message.from().ok().flatten().and_then(|from| from.tag()).unwrap_or_default();
        let source = cx.source.ip().to_string();
        let parts: [&[u8]; 4] = [&uri, &call_id, &tag, source.as_bytes()];
        let mut hashed = Vec::with_capacity(128);
        for (bit, part) in parts.into_iter().enumerate() {
            if mask & (1 << bit) != 0 {
                // The lengths keep the border between two parts from moving.
                hashed.extend_from_slice(&(part.len() as u64).to_be_bytes());
                hashed.extend_from_slice(part);
            }
        }
        self.check_key.of(&[head, &hashed])
    }
}

fn seconds(now: i64) -> u32 {
    u32::try_from(now).unwrap_or_default()
}

fn serial_of(head: &[u8]) -> Option<Serial> {
    let made = u32::from_be_bytes(head.get(..4)?.try_into().ok()?);
    let number = u64::from_be_bytes(head.get(4..12)?.try_into().ok()?);
    Some(Serial { made, number })
}

fn derive(secret: &[u8], purpose: &[u8]) -> [u8; 32] {
    let key = Sha256::digest(secret);
    Mac::new(&key.into()).of(&[purpose])
}

/// HMAC-SHA-256 (RFC 2104) with a key shorter than a block. What depends on the key alone is hashed once.
struct Mac {
    inner: Sha256,
    outer: Sha256,
}

impl Mac {
    fn new(key: &[u8; 32]) -> Self {
        let keyed = |byte: u8| {
            let mut block = [byte; 64];
            block.iter_mut().zip(key).for_each(|(block, key)| *block ^= key);
            Sha256::new().chain_update(block)
        };
        Self { inner: keyed(0x36), outer: keyed(0x5c) }
    }

    /// The code of the parts, one after the other.
    fn of(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut inner = self.inner.clone();
        parts.iter().for_each(|part| inner.update(part));
        self.outer.clone().chain_update(inner.finalize()).finalize().into()
    }
}

/// Nonces that were used, and how often.
struct Used {
    counts: BTreeMap<Serial, u32>,
    most: usize,
    /// The newest nonce that had to be forgotten: all that were made before it count as used.
    forgotten: Option<Serial>,
}

impl Used {
    const fn new(most: usize) -> Self {
        Self { counts: BTreeMap::new(), most, forgotten: None }
    }

    /// Whether this count may be used; `oldest`: nonces made before are stale anyway.
    fn is_above(&mut self, serial: Serial, count: u32, oldest: u32) -> bool {
        self.forget(oldest);
        count <= MAX_COUNT
            && match self.counts.get(&serial) {
                Some(&last) => count > last,
                None => self.forgotten.is_none_or(|forgotten| serial > forgotten),
            }
    }

    /// Uses a count up. False when it was used before.
    fn claim(&mut self, serial: Serial, count: u32, oldest: u32) -> bool {
        if !self.is_above(serial, count, oldest) {
            return false;
        }
        self.counts.insert(serial, count);
        if self.counts.len() > self.most
            && let Some((first, _)) = self.counts.pop_first()
        {
            self.forgotten = Some(first);
        }
        true
    }

    fn forget(&mut self, oldest: u32) {
        while self.counts.first_key_value().is_some_and(|(serial, _)| serial.made < oldest) {
            self.counts.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2 has a short key; ours is padded to 32 bytes with zeros, which HMAC does anyway.
    #[test]
    fn hmac_of_rfc4231() {
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mac = Mac::new(&key).of(&[b"what do ya want ", b"for nothing?"]);
        assert_eq!(mac[..8], [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
        assert_eq!(mac[28..], [0x64, 0xec, 0x38, 0x43]);
    }

    #[test]
    fn counts_grow_and_memory_does_not() {
        let serial = |made, number| Serial { made, number };
        let mut used = Used::new(2);
        assert!(used.claim(serial(10, 1), 1, 0));
        assert!(!used.claim(serial(10, 1), 1, 0));
        assert!(used.claim(serial(10, 1), 9, 0));
        assert!(!used.claim(serial(10, 1), 256, 0));
        assert!(used.claim(serial(11, 1), 1, 0) && used.claim(serial(12, 1), 1, 0));
        assert_eq!(used.counts.len(), 2);
        // Forgotten: neither it nor an older one is good any more.
        assert!(!used.claim(serial(10, 1), 200, 0) && !used.claim(serial(9, 7), 1, 0));
        used.forget(12);
        assert_eq!(used.counts.len(), 1);
    }
}
