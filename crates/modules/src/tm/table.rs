//! All transactions, and how a message finds its own.
//!
//! The table's slots are chosen by Call-ID and CSeq number, so an INVITE, its CANCEL and all its ACKs share one
//! (`$T(id_index)`). A reply says its slot in our branch parameter.

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use engine::{RouteCx, Str};
use parking_lot::Mutex;
use sip::Message;
use smallvec::SmallVec;

use super::transaction::{Transaction, TransactionId};

/// Number of slots. Kamailio has as many; each costs a lock and an empty list.
pub(crate) const SLOTS: usize = 1 << 16;

/// No more transactions than that: a flood of requests to peers that never answer must not take all memory (about 6 KiB
/// each).
const MAX_TRANSACTIONS: usize = 250_000;

/// The magic begin of a branch parameter (RFC 3261 section 8.1.1.7).
const COOKIE: &str = "z9hG4bK";

/// What a request of the transaction looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestKey {
    /// The first Via's branch, when it has the magic begin.
    branch: Option<Str>,
    via_host: Str,
    via_port: u16,
    call_id: Str,
    cseq: u32,
    from_tag: Option<Str>,
    method: Str,
    /// What requests without such a branch are compared by.
    old: Option<Box<OldKey>>,
    /// The slot of the table.
    index: u32,
}

/// What RFC 2543 compares, whose branches are not unique.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OldKey {
    /// The first Via as a whole.
    via: Str,
    to_tag: Option<Str>,
    uri: Str,
}

impl RequestKey {
    /// Of a request; `None` when it has no Via, From or CSeq, which the core refuses before any script.
    pub(crate) fn of(cx: &RouteCx, table: &Table) -> Option<Self> {
        Self::at(cx, table.index_of(cx)?)
    }

    fn at(cx: &RouteCx, index: u32) -> Option<Self> {
        let message = &cx.message;
        let via = message.via().ok().flatten()?;
        let branch = via.rfc3261_branch().map(|branch| via.text.slice_ref(branch));
        let old = match branch {
            Some(_) => None,
            None => Some(Box::new(OldKey {
                via: via.text.clone(),
                to_tag: message.to().ok().flatten()?.tag(),
                uri: message.request_uri()?.clone(),
            })),
        };
        Some(Self {
            branch,
            via_host: via.host.clone(),
            via_port: via.port_or_default(),
            call_id: message.call_id()?,
            cseq: message.cseq().ok().flatten()?.number,
            from_tag: message.from().ok().flatten()?.tag(),
            method: message.method_name(),
            old,
            index,
        })
    }

    /// Of a request whose transaction is looked for: `None` as well when its slot is empty, as it mostly is.
    pub(crate) fn to_find(cx: &RouteCx, table: &Table) -> Option<Self> {
        let index = table.index_of(cx)?;
        if table.is_vacant(index) { None } else { Self::at(cx, index) }
    }

    fn same_sender(&self, other: &Self) -> bool {
        self.via_host.eq_ignore_case(&other.via_host) && self.via_port == other.via_port
    }

    fn same_dialog_step(&self, other: &Self) -> bool {
        self.cseq == other.cseq && self.call_id == other.call_id && self.from_tag == other.from_tag
    }

    /// RFC 3261 section 17.2.3, and for branches without the magic begin the rules of RFC 2543 that it repeats.
    /// `method` is that of the transaction looked for.
    fn matches(&self, request: &Self, method: &[u8], options: &Matching) -> bool {
        if *self.method != *method {
            return false;
        }
        if options.call_id && (self.call_id != request.call_id || self.cseq != request.cseq) {
            return false;
        }
        match (&self.branch, &request.branch) {
            _ if options.call_id_and_cseq => self.same_dialog_step(request),
            (Some(mine), Some(branch)) => mine == branch && self.same_sender(request),
            _ => match (&self.old, &request.old) {
                (Some(mine), Some(other)) => {
                    let ack = *request.method == *b"ACK";
                    self.same_dialog_step(request)
                        && (!options.request_uri || mine.uri == other.uri)
                        && (!options.via || mine.via == other.via)
                        // An ACK has the To tag of the reply.
                        && (ack || mine.to_tag == other.to_tag)
                }
                _ => false,
            },
        }
    }
}

/// Kamailio's parameters about matching.
pub(crate) struct Matching {
    pub(crate) request_uri: bool,
    pub(crate) via: bool,
    pub(crate) call_id: bool,
    pub(crate) call_id_and_cseq: bool,
}

/// Mostly none or one: two take as much room as a list's head.
type Transactions = SmallVec<[Arc<Transaction>; 2]>;
type Slot = Mutex<Transactions>;

/// All transactions.
pub(crate) struct Table {
    slots: Box<[Slot]>,
    /// A bit for each slot that has any: 8 KiB that stay in the processor's cache, where the slots do not. Changed by who
    /// holds the slot's lock.
    filled: Box<[AtomicU64]>,
    hasher: std::hash::RandomState,
    count: AtomicUsize,
}

/// What [`Table::insert`] found.
pub(crate) enum Inserted {
    /// The request is new.
    New(Arc<Transaction>),
    /// It came before.
    Known(Arc<Transaction>),
    /// There is no room for another one.
    Full,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self {
            slots: std::iter::repeat_with(Slot::default).take(SLOTS).collect(),
            filled: std::iter::repeat_with(AtomicU64::default).take(SLOTS / 64).collect(),
            hasher: std::hash::RandomState::new(),
            count: AtomicUsize::new(0),
        }
    }

    /// The slot of a call's step.
    pub(crate) fn index(&self, call_id: &[u8], cseq: u32) -> u32 {
        let mut hash = self.hasher.build_hasher();
        hash.write_u32(cseq);
        hash.write(call_id);
        (hash.finish() as usize & (SLOTS - 1)) as u32
    }

    fn index_of(&self, cx: &RouteCx) -> Option<u32> {
        Some(self.index(cx.message.call_id_bytes()?, cx.message.cseq().ok().flatten()?.number))
    }

    fn slot(&self, index: u32) -> &Slot {
        &self.slots[index as usize & (SLOTS - 1)]
    }

    /// The word of `filled` that has a slot's bit, and that bit.
    fn filled(&self, index: u32) -> (&AtomicU64, u64) {
        let index = index as usize & (SLOTS - 1);
        (&self.filled[index / 64], 1 << (index % 64))
    }

    /// Nothing is in a slot.
    fn is_vacant(&self, index: u32) -> bool {
        let (word, bit) = self.filled(index);
        word.load(Ordering::Acquire) & bit == 0
    }

    /// Puts a transaction into a slot of which the caller has the lock.
    fn push(&self, index: u32, slot: &mut Transactions, new: Arc<Transaction>) {
        if slot.is_empty() {
            let (word, bit) = self.filled(index);
            word.fetch_or(bit, Ordering::Release);
        }
        slot.push(new);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// How many there are in each slot that has any.
    pub(crate) fn occupied(&self) -> impl Iterator<Item = (usize, usize)> {
        self.slots.iter().enumerate().map(|(index, slot)| (index, slot.lock().len())).filter(|(_, count)| *count > 0)
    }

    /// All of them, at some moment.
    pub(crate) fn all(&self) -> Vec<Arc<Transaction>> {
        self.slots.iter().flat_map(|slot| slot.lock().clone()).collect()
    }

    /// Finds the transaction of a request, or makes it.
    pub(crate) fn insert(
        &self,
        key: RequestKey,
        matching: &Matching,
        make: impl FnOnce(TransactionId, RequestKey) -> Arc<Transaction>,
    ) -> Inserted {
        let index = key.index;
        let mut slot = self.slot(index).lock();
        let known = slot.iter().find(|found| found.key().is_some_and(|of| of.matches(&key, &key.method, matching)));
        if let Some(known) = known {
            return Inserted::Known(known.clone());
        }
        if self.len() >= MAX_TRANSACTIONS {
            return Inserted::Full;
        }
        let new = make(self.new_id(index), key);
        self.push(index, &mut slot, new.clone());
        Inserted::New(new)
    }

    /// Adds a transaction of a request that is made here.
    pub(crate) fn insert_local(
        &self,
        call_id: &[u8],
        cseq: u32,
        make: impl FnOnce(TransactionId) -> Arc<Transaction>,
    ) -> Arc<Transaction> {
        let index = self.index(call_id, cseq);
        let new = make(self.new_id(index));
        self.push(index, &mut self.slot(index).lock(), new.clone());
        new
    }

    /// A label is never used twice at the same time, and cannot be guessed: it is part of our branch parameter.
    fn new_id(&self, index: u32) -> TransactionId {
        TransactionId { index, label: rand::random_range(1..i32::MAX.cast_unsigned()) }
    }

    /// Forgets a transaction.
    pub(crate) fn remove(&self, id: TransactionId) {
        let mut slot = self.slot(id.index).lock();
        if let Some(at) = slot.iter().position(|found| found.id() == id) {
            slot.swap_remove(at);
            if slot.is_empty() {
                slot.shrink_to_fit();
                let (word, bit) = self.filled(id.index);
                word.fetch_and(!bit, Ordering::Release);
            }
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// A transaction by its number.
    pub(crate) fn get(&self, id: TransactionId) -> Option<Arc<Transaction>> {
        self.slot(id.index).lock().iter().find(|found| found.id() == id).cloned()
    }

    /// The transaction that this request is a retransmission of; for an ACK that of the INVITE whose negative reply it
    /// acknowledges (RFC 3261 section 17.2.3).
    pub(crate) fn find_request(&self, key: &RequestKey, matching: &Matching) -> Option<Arc<Transaction>> {
        let method: &[u8] = if *key.method == *b"ACK" { b"INVITE" } else { &key.method };
        self.find(key, |of| of.matches(key, method, matching))
    }

    /// The INVITE that a CANCEL takes back (RFC 3261 section 9.2).
    pub(crate) fn find_invite_of_cancel(&self, key: &RequestKey, matching: &Matching) -> Option<Arc<Transaction>> {
        self.find(key, |of| of.matches(key, b"INVITE", matching))
    }

    /// The CANCEL that has overtaken its INVITE.
    pub(crate) fn find_cancel_of_invite(&self, key: &RequestKey, matching: &Matching) -> Option<Arc<Transaction>> {
        self.find(key, |of| of.matches(key, b"CANCEL", matching))
    }

    /// The INVITE whose 2xx an ACK acknowledges: same call, sequence number and tags.
    pub(crate) fn find_invite_of_ack(&self, key: &RequestKey) -> Option<Arc<Transaction>> {
        self.find(key, |of| *of.method == *b"INVITE" && of.same_dialog_step(key))
    }

    fn find(&self, key: &RequestKey, fits: impl Fn(&RequestKey) -> bool) -> Option<Arc<Transaction>> {
        self.slot(key.index).lock().iter().find(|found| found.key().is_some_and(&fits)).cloned()
    }

    /// The first transaction of a call's step with this method (any but ACK when `None`).
    pub(crate) fn find_call(&self, call_id: &[u8], cseq: u32, invite_only: bool) -> Option<Arc<Transaction>> {
        self.slot(self.index(call_id, cseq))
            .lock()
            .iter()
            .find(|found| {
                found.key().is_some_and(|of| {
                    *of.call_id == *call_id && of.cseq == cseq && (!invite_only || *of.method == *b"INVITE")
                })
            })
            .cloned()
    }

    /// The INVITEs of our own that may be this step of a call.
    pub(crate) fn local_invites(&self, call_id: &[u8], cseq: u32) -> Vec<Arc<Transaction>> {
        let slot = self.slot(self.index(call_id, cseq)).lock();
        slot.iter().filter(|found| found.is_local() && found.is_invite()).cloned().collect()
    }

    /// The transaction and branch of a reply: our first Via says them.
    pub(crate) fn find_reply(&self, message: &Message) -> Option<(Arc<Transaction>, usize)> {
        let branch = message.via().ok().flatten()?.branch()?;
        let (id, at) = parse_branch(&branch)?;
        Some((self.get(id)?, at))
    }

    /// The transaction and branch of a request that we sent, by its beginning: the first branch parameter is ours.
    pub(crate) fn find_sent(&self, text: &[u8]) -> Option<(Arc<Transaction>, usize)> {
        const NAME: &[u8] = b";branch=";
        let start = memchr::memmem::find(text, NAME)? + NAME.len();
        let length = text[start..].iter().position(|byte| matches!(byte, b';' | b'\r' | b',' | b' '))?;
        let (id, at) = parse_branch(&text[start..start + length])?;
        Some((self.get(id)?, at))
    }
}

/// The branch parameter of a branch's requests.
pub(crate) fn branch_parameter(id: TransactionId, branch: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(24);
    text.extend_from_slice(COOKIE.as_bytes());
    sip::write::hex(&mut text, id.index.into(), 4);
    text.push(b'.');
    sip::write::hex(&mut text, id.label.into(), 8);
    text.push(b'.');
    sip::write::hex(&mut text, branch as u64, sip::write::hex_digits(branch as u64));
    text
}

/// What [`branch_parameter`] made.
pub(crate) fn parse_branch(text: &[u8]) -> Option<(TransactionId, usize)> {
    let (index, rest) = leading_hex(text.strip_prefix(COOKIE.as_bytes())?)?;
    let (label, rest) = leading_hex(rest.strip_prefix(b".")?)?;
    let (branch, rest) = leading_hex(rest.strip_prefix(b".")?)?;
    if !rest.is_empty() || index as usize >= SLOTS {
        return None;
    }
    Some((TransactionId { index, label }, branch as usize))
}

/// The hexadecimal number at the start of a text, of at most eight digits, and what follows it.
fn leading_hex(text: &[u8]) -> Option<(u32, &[u8])> {
    let mut number = 0;
    let mut digits = 0;
    for &byte in text.iter().take(8) {
        let (decimal, letter) = (byte.wrapping_sub(b'0'), (byte | 0x20).wrapping_sub(b'a'));
        let value = match (decimal, letter) {
            (0..10, _) => decimal,
            (_, 0..6) => letter + 10,
            _ => break,
        };
        number = number << 4 | u32::from(value);
        digits += 1;
    }
    (digits > 0).then(|| (number, &text[digits..]))
}
