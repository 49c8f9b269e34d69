//! AKAv1-MD5 (RFC 3310): the password is what the card of a mobile phone (USIM, ISIM) makes of a random number. Not in
//! Kamailio's module.
//!
//! The nonce is `base64(RAND AUTN)`; AUTN holds a sequence number, and the card takes only growing ones. They come
//! from the clock (TS 33.102, annex C.1.1.3, with the values of C.3.2): the time in tenths of a second, and an index
//! that goes round. A card that was used elsewhere may be ahead or behind: it says so (`auts`), and from then on the
//! difference is added. K and OPc are not kept.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Expression, Return, RouteCx, ScriptError, ScriptType, Str, Value,
    function,
};
use hashbrown::HashMap;
use parking_lot::Mutex;
use sip::Method;
use sip::digest::{self, Algorithm, constant_time_eq};

use super::Auth;
use super::challenge::{Qop, check_realm};
use super::check::{Answer, Failure, HeaderKind};
use super::milenage::{Block, Milenage, from_hex};

/// As in challenges and answers.
const ALGORITHM: &str = "AKAv1-MD5";
/// Challenges that wait for their answer; of more of them the oldest are forgotten.
const MOST_CHALLENGES: usize = 65_536;
/// Users whose card was not in step with the clock.
const MOST_OFFSETS: usize = 65_536;
/// What `aka_check` returns when the card asked for another sequence number.
const RESYNCHRONISED: Return = Return(-9);
/// Bits of the index inside a sequence number, and how many values it has.
const INDEX_BITS: u32 = 5;
const INDEXES: usize = 1 << INDEX_BITS;
/// A sequence number has 48 bits, 43 of them count.
const SEQUENCE_MASK: u64 = (1 << 43) - 1;

/// As many hexadecimal digits as `N` bytes have. It is a secret: messages do not repeat it.
pub struct HexKey<const N: usize>([u8; N]);

impl<const N: usize> HexKey<N> {
    fn wrong() -> ScriptError {
        ScriptError::new(format!("a key is not {} hexadecimal digits", 2 * N))
    }
}

impl<const N: usize> ScriptType for HexKey<N> {
    type Compiled = Expression;
    const KIND: &'static str = "hexadecimal digits";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        let compiled = Str::compile(arg, env)?;
        if let (Some(arg), Some(value)) = (arg, compiled.constant())
            && from_hex::<N>(&value.to_str()).is_none()
        {
            let message = format!("this argument must be {} hexadecimal digits", 2 * N);
            return Err(arg.error(message, "other characters, or another length"));
        }
        Ok(compiled)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        match compiled.try_eval(cx).map_err(|error| ScriptError::new(error.0))? {
            Value::Null => Err(Self::wrong()),
            value => from_hex(&value.to_str()).map(Self).ok_or_else(Self::wrong),
        }
    }
}

/// A challenge that was sent.
struct Sent {
    /// When, in seconds.
    made: i64,
    user: Str,
    realm: Str,
    /// The largest nonce count that came back; 0: no answer yet.
    count: u32,
}

/// Challenges that were sent, by nonce; the oldest first in `order`.
#[derive(Default)]
struct Outstanding {
    by_nonce: HashMap<Nonce, Sent>,
    order: VecDeque<(i64, Nonce)>,
}

/// RAND and AUTN.
type Nonce = [u8; 32];

impl Outstanding {
    fn add(&mut self, nonce: Nonce, sent: Sent, oldest: i64) {
        self.order.push_back((sent.made, nonce));
        self.by_nonce.insert(nonce, sent);
        while self.order.len() > MOST_CHALLENGES || self.order.front().is_some_and(|(made, _)| *made < oldest) {
            if let Some((_, nonce)) = self.order.pop_front() {
                self.by_nonce.remove(&nonce);
            }
        }
    }
}

/// The sequence numbers.
#[derive(Default)]
struct Sequences {
    /// The largest one that was used with each index.
    last: [u64; INDEXES],
    index: usize,
    /// By realm and user: what is added to the clock.
    offsets: HashMap<(Str, Str), i64>,
    order: VecDeque<(Str, Str)>,
}

impl Sequences {
    /// The next SQN for a user; `tick`: the clock in tenths of a second.
    fn next(&mut self, user: &(Str, Str), tick: u64) -> [u8; 6] {
        self.index = (self.index + 1) % INDEXES;
        let last = &mut self.last[self.index];
        *last = tick.max(*last + 1);
        let offset = self.offsets.get(user).copied().unwrap_or_default();
        let sequence = last.wrapping_add_signed(offset) & SEQUENCE_MASK;
        let sqn = sequence << INDEX_BITS | self.index as u64;
        let bytes = sqn.to_be_bytes();
        std::array::from_fn(|at| bytes[at + 2])
    }

    /// The card of a user has taken this SQN: the next ones are larger.
    fn correct(&mut self, user: (Str, Str), sqn: &[u8; 6], tick: u64) {
        let sqn = sqn.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let offset = ((sqn >> INDEX_BITS) + 1).cast_signed() - tick.cast_signed();
        if self.offsets.insert(user.clone(), offset).is_none() {
            self.order.push_back(user);
            if self.order.len() > MOST_OFFSETS
                && let Some(oldest) = self.order.pop_front()
            {
                self.offsets.remove(&oldest);
            }
        }
    }
}

/// What is remembered for AKA.
#[derive(Default)]
pub(super) struct Aka {
    outstanding: Mutex<Outstanding>,
    sequences: Mutex<Sequences>,
}

fn tick(cx: &RouteCx) -> u64 {
    u64::try_from(cx.core.unix_micros() / 100_000).unwrap_or_default()
}

fn sent_nonce(answer: &Answer) -> Option<Nonce> {
    let text = Some(&answer.nonce).filter(|nonce| nonce.len() == 44)?;
    STANDARD.decode(text).ok()?.try_into().ok()
}

fn halves(nonce: &Nonce) -> (Block, Block) {
    (std::array::from_fn(|at| nonce[at]), std::array::from_fn(|at| nonce[at + 16]))
}

impl Auth {
    /// The header line of a new challenge.
    fn aka_line(&self, cx: &RouteCx, realm: &Str, user: &Str, milenage: &Milenage, amf: [u8; 2]) -> Str {
        let rand: Block = rand::random();
        let sqn = self.aka.sequences.lock().next(&(realm.clone(), user.clone()), tick(cx));
        let (mac, _) = milenage.macs(&rand, &sqn, amf);
        let ak = milenage.vector(&rand).ak;
        let mut nonce: Nonce = [0; 32];
        nonce[..16].copy_from_slice(&rand);
        nonce[16..22].iter_mut().zip(sqn.iter().zip(ak)).for_each(|(out, (sqn, ak))| *out = sqn ^ ak);
        nonce[22..24].copy_from_slice(&amf);
        nonce[24..].copy_from_slice(&mac);
        let made = cx.core.unix_time();
        let sent = Sent { made, user: user.clone(), realm: realm.clone(), count: 0 };
        self.aka.outstanding.lock().add(nonce, sent, made - i64::from(self.params.nonce_expire));
        let name = self.challenge_header(HeaderKind::Authorization);
        let nonce = STANDARD.encode(nonce);
        let qop = Qop::of_param(&self.params.qop).text().map(|qop| format!(", qop=\"{qop}\"")).unwrap_or_default();
        Str::from(format!("{name}: Digest realm=\"{realm}\", nonce=\"{nonce}\"{qop}, algorithm={ALGORITHM}\r\n"))
    }

    /// Whether the answer is to a challenge of ours to this user that is still good; uses its nonce count up.
    fn aka_claim(&self, cx: &RouteCx, answer: &Answer, nonce: &Nonce) -> Result<(), Failure> {
        let mut outstanding = self.aka.outstanding.lock();
        let sent = outstanding.by_nonce.get_mut(nonce).ok_or(Failure::StaleNonce)?;
        if cx.core.unix_time() - sent.made > i64::from(self.params.nonce_expire) {
            return Err(Failure::StaleNonce);
        }
        if sent.user != answer.username || sent.realm != answer.realm {
            return Err(Failure::Error);
        }
        match answer.protection.as_ref().map(|it| it.count) {
            Some(count) if count > sent.count => sent.count = count,
            Some(_) => return Err(Failure::StaleNonce),
            None if sent.count == 0 => sent.count = u32::MAX,
            None => return Err(Failure::NonceReused),
        }
        Ok(())
    }

    /// The card wants other sequence numbers (RFC 3310 section 3.4, TS 33.102 section 6.3.5).
    fn aka_resynchronise(
        &self,
        cx: &RouteCx,
        answer: &Answer,
        nonce: &Nonce,
        milenage: &Milenage,
        auts: &Str,
    ) -> Return {
        let bytes: Option<[u8; 14]> =
            (auts.len() <= 24).then(|| STANDARD.decode(&**auts).ok()).flatten().and_then(|bytes| bytes.try_into().ok());
        let Some(bytes) = bytes else { return Failure::Error.into() };
        let rand = halves(nonce).0;
        let key = milenage.resynchronisation_key(&rand);
        let sqn: [u8; 6] = std::array::from_fn(|at| bytes[at] ^ key[at]);
        // The AMF of a MAC-S is zero.
        let (_, mac) = milenage.macs(&rand, &sqn, [0, 0]);
        if !constant_time_eq(&mac, &bytes[6..]) {
            return Failure::WrongPassword.into();
        }
        // Each challenge brings one resynchronisation at most.
        if self.aka.outstanding.lock().by_nonce.remove(nonce).is_none() {
            return Failure::StaleNonce.into();
        }
        let user = (answer.realm.clone(), answer.username.clone());
        self.aka.sequences.lock().correct(user, &sqn, tick(cx));
        RESYNCHRONISED
    }

    fn aka_check(&self, cx: &mut RouteCx, realm: &Str, user: &Str, milenage: &Milenage) -> Result<Return, Failure> {
        if matches!(cx.message.method(), Method::Ack | Method::Cancel | Method::Prack) {
            return Ok(Return::TRUE);
        }
        let answer = self.find(cx, HeaderKind::Authorization, realm)?;
        if answer.username != *user {
            return Err(Failure::UserMismatch);
        }
        if !answer.credentials.algorithm().is_some_and(|named| named.eq_ignore_case(ALGORITHM)) {
            return Err(Failure::Error);
        }
        // The first REGISTER of a phone has empty fields (TS 24.229): no nonce of ours.
        let nonce = sent_nonce(&answer).ok_or(Failure::StaleNonce)?;
        self.aka_claim(cx, &answer, &nonce)?;
        if let Some(auts) = answer.credentials.auts() {
            return Ok(self.aka_resynchronise(cx, &answer, &nonce, milenage, &auts));
        }
        let res = milenage.vector(&halves(&nonce).0).res;
        let ha1 = digest::ha1(Algorithm::Md5, &answer.username, &answer.realm, &res);
        if !answer.is_right(Algorithm::Md5, &ha1, &cx.message.method_name(), &cx.message.body()) {
            return Err(Failure::WrongPassword);
        }
        self.accept(cx, &answer, &ha1);
        Ok(Return::TRUE)
    }
}

/// Answers 401 with an AKAv1-MD5 challenge (RFC 3310) for a user with a USIM or ISIM: its key `k` and `opc`, each 32
/// hexadecimal digits, with Milenage (TS 35.206). `user` is the name that the phone will send as user name (IMPI).
/// The qop is that of parameter `qop`. `amf`: four hexadecimal digits, `0000` when left out. Not in Kamailio.
///
/// Returns 1; -1 when the realm or the user is empty, or a key is none.
#[function(REQUEST | FAILURE)]
pub fn aka_challenge(
    cx: &mut RouteCx,
    me: &Auth,
    realm: Str,
    user: Str,
    k: HexKey<16>,
    opc: HexKey<16>,
    amf: Option<HexKey<2>>,
) -> CallResult {
    let realm = me.strip_realm(&realm);
    check_realm(&realm)?;
    if user.is_empty() {
        return Err(ScriptError::new("the user name is empty"));
    }
    let line = me.aka_line(cx, &realm, &user, &Milenage::new(&k.0, &opc.0), amf.map_or([0, 0], |amf| amf.0));
    me.answer(cx, 401, "Unauthorized", vec![line])
}

/// Checks the Authorization with which a phone answers `aka_challenge()`; the arguments are the same. A challenge is
/// good for `nonce_expire` seconds, for answers whose nonce count grows (for one answer without a count). Not in
/// Kamailio.
///
/// Returns 1 when the answer is right, and for ACK, CANCEL and PRACK; -1 credentials that are not understood, or for
/// another challenge; -2 wrong answer; -4 the challenge is unknown (also none yet), too old, or its count did not
/// grow; -5 no credentials for the realm; -6 the challenge was answered before; -8 credentials of another user; -9
/// the card asked for another sequence number and got it: challenge it again.
#[function(REQUEST)]
pub fn aka_check(cx: &mut RouteCx, me: &Auth, realm: Str, user: Str, k: HexKey<16>, opc: HexKey<16>) -> CallResult {
    let milenage = Milenage::new(&k.0, &opc.0);
    Ok(me.aka_check(cx, &realm, &user, &milenage).unwrap_or_else(Return::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(sqn: [u8; 6]) -> u64 {
        sqn.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }

    #[test]
    fn sequence_numbers_grow_for_each_index_and_follow_the_card() {
        let mut sequences = Sequences::default();
        let user = (Str::from("r"), Str::from("u"));
        let mut seen = [0; INDEXES];
        for at in 0..200 {
            let sqn = number(sequences.next(&user, 1000 + at / 100));
            let index = (sqn % 32) as usize;
            assert!(sqn >> 5 > seen[index], "{at}");
            seen[index] = sqn >> 5;
        }
        for ahead in [5_000_000u64, 3] {
            let card = ahead << 5 | 7;
            let bytes = card.to_be_bytes();
            sequences.correct(user.clone(), &std::array::from_fn(|at| bytes[at + 2]), 2000);
            let next = number(sequences.next(&user, 2000));
            assert!(next >> 5 > ahead && next >> 5 < ahead + 100, "{next}");
        }
        let other = number(sequences.next(&(Str::from("r"), Str::from("v")), 2000));
        assert_eq!(other >> 5, 2000);
    }

    #[test]
    fn old_challenges_are_forgotten() {
        let mut outstanding = Outstanding::default();
        let sent = |made| Sent { made, user: Str::default(), realm: Str::default(), count: 0 };
        outstanding.add([1; 32], sent(10), 0);
        outstanding.add([2; 32], sent(20), 0);
        outstanding.add([3; 32], sent(30), 15);
        assert_eq!((outstanding.by_nonce.len(), outstanding.order.len()), (2, 2));
        assert!(!outstanding.by_nonce.contains_key(&[1; 32]));
    }
}
