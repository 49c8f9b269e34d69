//! Names of headers, long and compact.

use std::fmt;

use crate::block::{Block, word};

macro_rules! header_names {
    ($($(#[$doc:meta])* $variant:ident = $canonical:literal $(| $compact:literal)?;)*) => {
        /// The name of a header: what RFC 3261 and its extensions define and Kamailio's modules look for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum HeaderName {
            $($(#[$doc])* $variant,)*
            /// A name that is none of the above; the text of the message has it.
            Other,
        }

        /// Every name in the order of the enum, with its compact form (0: none).
        const NAMES: &[(HeaderName, &str, u8)] = &[
            $((HeaderName::$variant, $canonical, header_names!(@compact $($compact)?)),)*
        ];
    };
    (@compact) => { 0 };
    (@compact $compact:literal) => { $compact };
}

header_names! {
    /// `Accept` (RFC 3261 20.1).
    Accept = "Accept";
    /// `Accept-Contact` (RFC 3841 9.2).
    AcceptContact = "Accept-Contact" | b'a';
    /// `Accept-Disposition` (historic; Kamailio knows it).
    AcceptDisposition = "Accept-Disposition";
    /// `Accept-Encoding` (RFC 3261 20.2).
    AcceptEncoding = "Accept-Encoding";
    /// `Accept-Language` (RFC 3261 20.3).
    AcceptLanguage = "Accept-Language";
    /// `Alert-Info` (RFC 3261 20.4).
    AlertInfo = "Alert-Info";
    /// `Allow` (RFC 3261 20.5).
    Allow = "Allow";
    /// `Allow-Events` (RFC 6665 8.2.2).
    AllowEvents = "Allow-Events" | b'u';
    /// `Authentication-Info` (RFC 3261 20.6).
    AuthenticationInfo = "Authentication-Info";
    /// `Authorization` (RFC 3261 20.7).
    Authorization = "Authorization";
    /// `Call-ID` (RFC 3261 20.8).
    CallId = "Call-ID" | b'i';
    /// `Call-Info` (RFC 3261 20.9).
    CallInfo = "Call-Info";
    /// `Contact` (RFC 3261 20.10).
    Contact = "Contact" | b'm';
    /// `Content-Disposition` (RFC 3261 20.11).
    ContentDisposition = "Content-Disposition";
    /// `Content-Encoding` (RFC 3261 20.12).
    ContentEncoding = "Content-Encoding" | b'e';
    /// `Content-Language` (RFC 3261 20.13).
    ContentLanguage = "Content-Language";
    /// `Content-Length` (RFC 3261 20.14).
    ContentLength = "Content-Length" | b'l';
    /// `Content-Type` (RFC 3261 20.15).
    ContentType = "Content-Type" | b'c';
    /// `CSeq` (RFC 3261 20.16).
    CSeq = "CSeq";
    /// `Date` (RFC 3261 20.17).
    Date = "Date";
    /// `Diversion` (RFC 5806).
    Diversion = "Diversion";
    /// `Error-Info` (RFC 3261 20.18).
    ErrorInfo = "Error-Info";
    /// `Event` (RFC 6665 8.2.1).
    Event = "Event" | b'o';
    /// `Expires` (RFC 3261 20.19).
    Expires = "Expires";
    /// `Feature-Caps` (RFC 6809 6.3.1).
    FeatureCaps = "Feature-Caps";
    /// `Flow-Timer` (RFC 5626 11.4).
    FlowTimer = "Flow-Timer";
    /// `From` (RFC 3261 20.20).
    From = "From" | b'f';
    /// `Geolocation` (RFC 6442 4.1).
    Geolocation = "Geolocation";
    /// `History-Info` (RFC 7044).
    HistoryInfo = "History-Info";
    /// `Host` (RFC 9110 7.2 (HTTP requests)).
    Host = "Host";
    /// `Identity` (RFC 8224 4).
    Identity = "Identity" | b'y';
    /// `Identity-Info` (RFC 4474 9).
    IdentityInfo = "Identity-Info" | b'n';
    /// `In-Reply-To` (RFC 3261 20.21).
    InReplyTo = "In-Reply-To";
    /// `Join` (RFC 3911 7.1).
    Join = "Join";
    /// `Max-Breadth` (RFC 5393 5.3).
    MaxBreadth = "Max-Breadth";
    /// `Max-Forwards` (RFC 3261 20.22).
    MaxForwards = "Max-Forwards";
    /// `MIME-Version` (RFC 3261 20.24).
    MimeVersion = "MIME-Version";
    /// `Min-Expires` (RFC 3261 20.23).
    MinExpires = "Min-Expires";
    /// `Min-SE` (RFC 4028 5).
    MinSE = "Min-SE";
    /// `Organization` (RFC 3261 20.25).
    Organization = "Organization";
    /// `P-Access-Network-Info` (RFC 7315 4.4).
    PAccessNetworkInfo = "P-Access-Network-Info";
    /// `P-Asserted-Identity` (RFC 3325 9.1).
    PAssertedIdentity = "P-Asserted-Identity";
    /// `P-Associated-URI` (RFC 7315 4.1).
    PAssociatedUri = "P-Associated-URI";
    /// `Path` (RFC 3327 4).
    Path = "Path";
    /// `P-Called-Party-ID` (RFC 7315 4.2).
    PCalledPartyId = "P-Called-Party-ID";
    /// `P-Charging-Vector` (RFC 7315 4.6).
    PChargingVector = "P-Charging-Vector";
    /// `P-Early-Media` (RFC 5009 8).
    PEarlyMedia = "P-Early-Media";
    /// `P-Preferred-Identity` (RFC 3325 9.2).
    PPreferredIdentity = "P-Preferred-Identity";
    /// `Priority` (RFC 3261 20.26).
    Priority = "Priority";
    /// `Privacy` (RFC 3323 4.2).
    Privacy = "Privacy";
    /// `Proxy-Authenticate` (RFC 3261 20.27).
    ProxyAuthenticate = "Proxy-Authenticate";
    /// `Proxy-Authorization` (RFC 3261 20.28).
    ProxyAuthorization = "Proxy-Authorization";
    /// `Proxy-Require` (RFC 3261 20.29).
    ProxyRequire = "Proxy-Require";
    /// `P-Served-User` (RFC 5502 5).
    PServedUser = "P-Served-User";
    /// `P-User-Database` (RFC 4457 4).
    PUserDatabase = "P-User-Database";
    /// `P-Visited-Network-ID` (RFC 7315 4.3).
    PVisitedNetworkId = "P-Visited-Network-ID";
    /// `RAck` (RFC 3262 7.2).
    RAck = "RAck";
    /// `Reason` (RFC 3326 2).
    Reason = "Reason";
    /// `Record-Route` (RFC 3261 20.30).
    RecordRoute = "Record-Route";
    /// `Referred-By` (RFC 3892 3).
    ReferredBy = "Referred-By" | b'b';
    /// `Refer-Sub` (RFC 4488 4).
    ReferSub = "Refer-Sub";
    /// `Refer-To` (RFC 3515 2.1).
    ReferTo = "Refer-To" | b'r';
    /// `Reject-Contact` (RFC 3841 9.2).
    RejectContact = "Reject-Contact" | b'j';
    /// `Remote-Party-ID` (draft-ietf-sip-privacy-04).
    RemotePartyId = "Remote-Party-ID";
    /// `Replaces` (RFC 3891 6.1).
    Replaces = "Replaces";
    /// `Reply-To` (RFC 3261 20.31).
    ReplyTo = "Reply-To";
    /// `Request-Disposition` (RFC 3841 9.1).
    RequestDisposition = "Request-Disposition" | b'd';
    /// `Require` (RFC 3261 20.32).
    Require = "Require";
    /// `Resource-Priority` (RFC 4412 3.1).
    ResourcePriority = "Resource-Priority";
    /// `Retry-After` (RFC 3261 20.33).
    RetryAfter = "Retry-After";
    /// `Route` (RFC 3261 20.34).
    Route = "Route";
    /// `RSeq` (RFC 3262 7.1).
    RSeq = "RSeq";
    /// `Security-Client` (RFC 3329 2.2).
    SecurityClient = "Security-Client";
    /// `Security-Server` (RFC 3329 2.2).
    SecurityServer = "Security-Server";
    /// `Security-Verify` (RFC 3329 2.2).
    SecurityVerify = "Security-Verify";
    /// `Server` (RFC 3261 20.35).
    Server = "Server";
    /// `Service-Route` (RFC 3608 5).
    ServiceRoute = "Service-Route";
    /// `Session-Expires` (RFC 4028 4).
    SessionExpires = "Session-Expires" | b'x';
    /// `SIP-ETag` (RFC 3903 11.3).
    SipEtag = "SIP-ETag";
    /// `SIP-If-Match` (RFC 3903 11.3).
    SipIfMatch = "SIP-If-Match";
    /// `Subject` (RFC 3261 20.36).
    Subject = "Subject" | b's';
    /// `Subscription-State` (RFC 6665 8.2.3).
    SubscriptionState = "Subscription-State";
    /// `Supported` (RFC 3261 20.37).
    Supported = "Supported" | b'k';
    /// `Target-Dialog` (RFC 4538 7).
    TargetDialog = "Target-Dialog";
    /// `Timestamp` (RFC 3261 20.38).
    Timestamp = "Timestamp";
    /// `To` (RFC 3261 20.39).
    To = "To" | b't';
    /// `Unsupported` (RFC 3261 20.40).
    Unsupported = "Unsupported";
    /// `User-Agent` (RFC 3261 20.41).
    UserAgent = "User-Agent";
    /// `User-to-User` (RFC 7433 4).
    UserToUser = "User-to-User";
    /// `Via` (RFC 3261 20.42).
    Via = "Via" | b'v';
    /// `Warning` (RFC 3261 20.43).
    Warning = "Warning";
    /// `WWW-Authenticate` (RFC 3261 20.44).
    WwwAuthenticate = "WWW-Authenticate";
}

const OTHER: u8 = HeaderName::Other as u8;
// A set of names has 128 bits.
const _: () = assert!(OTHER < 128);

/// Names up to this length are looked up as two words.
const PACKED: usize = 16;

/// A known name as two words: letters lower-case, zeros behind the end.
#[derive(Clone, Copy)]
struct Packed {
    low: u64,
    high: u64,
    /// What makes a letter lower-case, at the places of letters: other bytes have one form only.
    fold_low: u64,
    fold_high: u64,
    length: usize,
    name: HeaderName,
}

const NOTHING_PACKED: Packed =
    Packed { low: 0, high: 0, fold_low: 0, fold_high: 0, length: 0, name: HeaderName::Other };

/// Every name that is short enough, in the place it has in `NAMES`.
static PACKED_NAMES: [Packed; NAMES.len()] = {
    let mut table = [NOTHING_PACKED; NAMES.len()];
    let mut index = 0;
    while index < NAMES.len() {
        let text = NAMES[index].1.as_bytes();
        if text.len() <= PACKED {
            let (mut words, mut folds) = ([0_u64; 2], [0_u64; 2]);
            let mut at = 0;
            while at < text.len() {
                let fold = if text[at].is_ascii_alphabetic() { 0x20 } else { 0 };
                words[at / 8] |= ((text[at] | fold) as u64) << (at % 8 * 8);
                folds[at / 8] |= (fold as u64) << (at % 8 * 8);
                at += 1;
            }
            table[index] = Packed {
                low: words[0],
                high: words[1],
                fold_low: folds[0],
                fold_high: folds[1],
                length: text.len(),
                name: NAMES[index].0,
            };
        }
        index += 1;
    }
    table
};

const SLOTS: usize = 512;

/// Slot of a name that is given as two words, whatever the case of its letters.
#[inline]
const fn packed_slot(low: u64, high: u64) -> usize {
    const FOLD: u64 = u64::from_ne_bytes([0x20; 8]);
    let mixed = (low | FOLD).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (high | FOLD).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    (mixed >> 55) as usize % SLOTS
}

/// Slot of a longer name: a small hash of its length and three letters that differ between the known names.
const fn long_slot(name: &[u8]) -> usize {
    let length = name.len();
    let first = (name[0] | 0x20) as usize;
    let last = (name[length - 1] | 0x20) as usize;
    let middle = (name[length / 2] | 0x20) as usize;
    (length.wrapping_mul(67) ^ first.wrapping_mul(139) ^ last.wrapping_mul(31) ^ middle.wrapping_mul(7)) % SLOTS
}

/// Open addressing over `NAMES`, made by the compiler: the short names or the long ones.
const fn build_table(short: bool) -> [u8; SLOTS] {
    let mut table = [OTHER; SLOTS];
    let mut index = 0;
    while index < NAMES.len() {
        let text = NAMES[index].1.as_bytes();
        if (text.len() <= PACKED) == short {
            let packed = &PACKED_NAMES[index];
            let mut at = if short { packed_slot(packed.low, packed.high) } else { long_slot(text) };
            while table[at] != OTHER {
                at = (at + 1) % SLOTS;
            }
            table[at] = index as u8;
        }
        index += 1;
    }
    table
}

const fn build_compact() -> [HeaderName; 26] {
    let mut table = [HeaderName::Other; 26];
    let mut index = 0;
    while index < NAMES.len() {
        if NAMES[index].2 != 0 {
            table[(NAMES[index].2 - b'a') as usize] = NAMES[index].0;
        }
        index += 1;
    }
    table
}

static SHORT: [u8; SLOTS] = build_table(true);
static LONG: [u8; SLOTS] = build_table(false);
static COMPACT: [HeaderName; 26] = build_compact();

/// The first so many bytes of two words.
static FIRST_BYTES: [(u64, u64); PACKED] = {
    let mut table = [(0, 0); PACKED];
    let mut length = 0;
    while length < PACKED {
        let mask = (1_u128 << (8 * length)) - 1;
        table[length] = (mask as u64, (mask >> 64) as u64);
        length += 1;
    }
    table
};

impl HeaderName {
    /// The header called `name`: letters of either case, long or compact form (RFC 3261 7.3.3).
    pub fn from_bytes(name: impl AsRef<[u8]>) -> Self {
        let name = name.as_ref();
        if name.len() <= PACKED {
            return Self::from_words(word(name), word(name.get(8..).unwrap_or_default()), name.len());
        }
        let mut at = long_slot(name);
        while let Some(&(header, text, _)) = NAMES.get(usize::from(LONG[at])) {
            if text.as_bytes().eq_ignore_ascii_case(name) {
                return header;
            }
            at = (at + 1) % SLOTS;
        }
        Self::Other
    }

    /// The known name at the start of `line`, with its length, when a colon follows at once and it is not very long.
    #[inline(always)]
    pub(crate) fn before_colon(line: &[u8]) -> Option<(Self, usize)> {
        let &[low, high] = line.as_chunks().0.first_chunk()?;
        let (low, high) = (u64::from_le_bytes(low), u64::from_le_bytes(high));
        let colons = Block::of_words(low, high).equal(b':').bits();
        let length = colons.trailing_zeros() as usize;
        let &(low_mask, high_mask) = FIRST_BYTES.get(length)?;
        let name = Self::from_words(low & low_mask, high & high_mask, length);
        (name != Self::Other).then_some((name, length))
    }

    /// The header whose name is these bytes, at most `PACKED`; zeros behind the end.
    #[inline(always)]
    fn from_words(low: u64, high: u64, length: usize) -> Self {
        if length == 1 {
            let letter = low as u8;
            let index = (letter | 0x20).wrapping_sub(b'a');
            let known = if letter.is_ascii_alphabetic() { COMPACT.get(usize::from(index)) } else { None };
            return known.copied().unwrap_or(Self::Other);
        }
        let mut at = packed_slot(low, high);
        while let Some(known) = PACKED_NAMES.get(usize::from(SHORT[at])) {
            if low | known.fold_low == known.low && high | known.fold_high == known.high && length == known.length {
                return known.name;
            }
            at = (at + 1) % SLOTS;
        }
        Self::Other
    }

    /// The name as RFCs write it; empty for [`HeaderName::Other`].
    pub fn canonical(self) -> &'static str {
        NAMES.get(self as usize).map_or("", |entry| entry.1)
    }

    /// The one-letter form, when the header has one (RFC 3261 7.3.3).
    pub fn compact(self) -> Option<char> {
        NAMES.get(self as usize).and_then(|entry| (entry.2 != 0).then_some(char::from(entry.2)))
    }

    /// Every known name, in alphabetical order.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|entry| entry.0)
    }
}

/// A set of names. Two words and not a `u128`: that would align all that holds it to 16 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NameSet([u64; 2]);

impl NameSet {
    /// Adds a name.
    #[inline]
    pub(crate) fn insert(&mut self, name: HeaderName) {
        self.0[name as usize / 64 % 2] |= 1 << (name as u8 % 64);
    }

    /// Whether the name is in the set.
    #[inline]
    pub(crate) fn contains(self, name: HeaderName) -> bool {
        self.0[name as usize / 64 % 2] & 1 << (name as u8 % 64) != 0
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.canonical())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_every_form() {
        for (index, &(name, text, compact)) in NAMES.iter().enumerate() {
            assert_eq!(name as usize, index);
            assert_eq!(HeaderName::from_bytes(text), name);
            assert_eq!(HeaderName::from_bytes(text.to_ascii_lowercase()), name);
            assert_eq!(HeaderName::from_bytes(text.to_ascii_uppercase()), name);
            assert_eq!(name.canonical(), text);
            if compact != 0 {
                assert_eq!(HeaderName::from_bytes([compact]), name);
                assert_eq!(HeaderName::from_bytes([compact.to_ascii_uppercase()]), name);
                assert_eq!(name.compact(), Some(char::from(compact)));
            }
        }
    }

    #[test]
    fn others() {
        for other in ["", "X-Test", "q", "Froms", "Fro", "1", "@", "\u{0}", "é"] {
            assert_eq!(HeaderName::from_bytes(other), HeaderName::Other, "{other}");
        }
        assert_eq!(HeaderName::Other.canonical(), "");
        assert_eq!(HeaderName::Other.compact(), None);
    }
}
