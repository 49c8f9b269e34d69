//! Header values, parsed when first asked for and kept.

use std::cell::OnceCell;

use smallvec::SmallVec;

use super::{Header, Message};
use crate::header::{
    CSeq, Challenge, Contacts, ContentType, Credentials, Event, HeaderName, MethodList, NameAddr, OptionTags, RAck,
    RetryAfter, Via,
};
use crate::{HeaderError, Str, scan};

/// A header that is there; `None`: it is malformed.
type Parsed<T> = OnceCell<Option<T>>;
type ParsedList<T> = OnceCell<Option<SmallVec<[T; 1]>>>;

/// What has been parsed so far. What many messages are asked for is here, the rest in a box, made for a header that is there.
#[derive(Clone, Default)]
pub(super) struct Values {
    via: Parsed<Via>,
    from: Parsed<NameAddr>,
    to: Parsed<NameAddr>,
    cseq: Parsed<CSeq>,
    routes: ParsedList<NameAddr>,
    contacts: Parsed<Contacts>,
    allow: Parsed<MethodList>,
    rare: OnceCell<Box<Rare>>,
}

#[derive(Clone, Default)]
struct Rare {
    vias: ParsedList<Via>,
    record_routes: ParsedList<NameAddr>,
    paths: ParsedList<NameAddr>,
    service_routes: ParsedList<NameAddr>,
    authorization: ParsedList<Credentials>,
    proxy_authorization: ParsedList<Credentials>,
    www_authenticate: ParsedList<Challenge>,
    proxy_authenticate: ParsedList<Challenge>,
    p_asserted_identity: ParsedList<NameAddr>,
    p_preferred_identity: ParsedList<NameAddr>,
    diversion: ParsedList<NameAddr>,
    remote_party_id: Parsed<NameAddr>,
    refer_to: Parsed<NameAddr>,
    referred_by: Parsed<NameAddr>,
    content_type: Parsed<ContentType>,
    event: Parsed<Event>,
    rack: Parsed<RAck>,
    retry_after: Parsed<RetryAfter>,
    require: Parsed<OptionTags>,
    supported: Parsed<OptionTags>,
    proxy_require: Parsed<OptionTags>,
    unsupported: Parsed<OptionTags>,
}

impl Values {
    /// Forgets what was parsed. What was not is not touched.
    pub(super) fn clear(&mut self) {
        fn forget<T>(cell: &mut OnceCell<T>) {
            if cell.get().is_some() {
                *cell = OnceCell::new();
            }
        }
        forget(&mut self.via);
        forget(&mut self.from);
        forget(&mut self.to);
        forget(&mut self.cseq);
        forget(&mut self.routes);
        forget(&mut self.contacts);
        forget(&mut self.allow);
        forget(&mut self.rare);
    }
}

/// For headers that have one value each, commas or not.
fn one_value<T>(parse: fn(Str) -> Option<T>) -> impl FnMut(Str, &mut SmallVec<[T; 1]>) -> Option<()> {
    move |body, list| {
        list.push(parse(body)?);
        Some(())
    }
}

impl Message {
    #[inline]
    fn one<'a, T>(
        &'a self,
        cell: impl FnOnce(&'a Self) -> &'a Parsed<T>,
        name: HeaderName,
        parse: impl FnOnce(Str) -> Option<T>,
    ) -> Result<Option<&'a T>, HeaderError> {
        self.first(cell, name, |header| parse(self.body_of(header)))
    }

    /// What `parse` makes of the first header of one name. `cell` is asked for when there is one.
    #[inline]
    fn first<'a, T>(
        &'a self,
        cell: impl FnOnce(&'a Self) -> &'a Parsed<T>,
        name: HeaderName,
        parse: impl FnOnce(&Header) -> Option<T>,
    ) -> Result<Option<&'a T>, HeaderError> {
        if !self.has_header(name) {
            return Ok(None);
        }
        let cell = cell(self);
        let value = match cell.get() {
            Some(value) => value,
            None => {
                let Some(header) = self.header(name) else { return Ok(None) };
                cell.get_or_init(|| parse(header))
            }
        };
        value.as_ref().map(Some).ok_or(HeaderError::new(name))
    }

    /// Collects the values of all headers of one name into a list.
    #[inline]
    fn list<'a, T>(
        &'a self,
        cell: impl FnOnce(&'a Self) -> &'a ParsedList<T>,
        name: HeaderName,
        mut parse: impl FnMut(Str, &mut SmallVec<[T; 1]>) -> Option<()>,
    ) -> Result<&'a [T], HeaderError> {
        if !self.has_header(name) {
            return Ok(&[]);
        }
        let value = cell(self).get_or_init(|| {
            let mut list = SmallVec::new();
            for header in self.headers_named(name) {
                parse(self.body_of(header), &mut list)?;
            }
            Some(list)
        });
        value.as_deref().ok_or(HeaderError::new(name))
    }

    /// Collects the values of all headers of one name into one value.
    #[inline]
    fn sum<'a, T: Default>(
        &'a self,
        cell: impl FnOnce(&'a Self) -> &'a Parsed<T>,
        name: HeaderName,
        mut add: impl FnMut(&mut T, Str) -> Option<()>,
    ) -> Result<Option<&'a T>, HeaderError> {
        if !self.has_header(name) {
            return Ok(None);
        }
        let value = cell(self).get_or_init(|| {
            let mut sum = T::default();
            for header in self.headers_named(name) {
                add(&mut sum, self.body_of(header))?;
            }
            Some(sum)
        });
        value.as_ref().map(Some).ok_or(HeaderError::new(name))
    }

    fn number_named(&self, name: HeaderName) -> Result<Option<u32>, HeaderError> {
        let Some(header) = self.header(name) else { return Ok(None) };
        scan::number(scan::trim(self.bytes_of(header))).map(Some).ok_or(HeaderError::new(name))
    }

    /// The value of a header as bytes: no reference is counted.
    fn bytes_of(&self, header: &Header) -> &[u8] {
        self.buffer.get(header.body_range()).unwrap_or_default()
    }

    fn rare(&self) -> &Rare {
        self.values.rare.get_or_init(Box::default)
    }

    /// The first value of the first Via header (RFC 3261 20.42).
    pub fn via(&self) -> Result<Option<&Via>, HeaderError> {
        self.one(|me| &me.values.via, HeaderName::Via, Via::parse_first)
    }

    /// All values of all Via headers, the newest first.
    pub fn vias(&self) -> Result<&[Via], HeaderError> {
        self.list(|me| &me.rare().vias, HeaderName::Via, Via::parse_list)
    }

    /// From (RFC 3261 20.20).
    pub fn from(&self) -> Result<Option<&NameAddr>, HeaderError> {
        self.one(|me| &me.values.from, HeaderName::From, NameAddr::parse)
    }

    /// To (RFC 3261 20.39).
    pub fn to(&self) -> Result<Option<&NameAddr>, HeaderError> {
        self.one(|me| &me.values.to, HeaderName::To, NameAddr::parse)
    }

    /// CSeq (RFC 3261 20.16).
    pub fn cseq(&self) -> Result<Option<&CSeq>, HeaderError> {
        self.first(|me| &me.values.cseq, HeaderName::CSeq, |header| CSeq::parse(self.bytes_of(header)))
    }

    /// Call-ID (RFC 3261 20.8); an empty one counts as missing.
    pub fn call_id(&self) -> Option<Str> {
        self.call_id_bytes().map(|id| self.buffer.slice_ref(id))
    }

    /// Call-ID as bytes: no reference is counted. See [`Message::call_id`].
    pub fn call_id_bytes(&self) -> Option<&[u8]> {
        let body = self.bytes_of(self.header(HeaderName::CallId)?);
        Some(scan::trim(body)).filter(|id| !id.is_empty())
    }

    /// Max-Forwards (RFC 3261 20.22).
    pub fn max_forwards(&self) -> Result<Option<u32>, HeaderError> {
        self.number_named(HeaderName::MaxForwards)
    }

    /// Expires in seconds (RFC 3261 20.19).
    pub fn expires(&self) -> Result<Option<u32>, HeaderError> {
        self.number_named(HeaderName::Expires)
    }

    /// Min-Expires in seconds (RFC 3261 20.23).
    pub fn min_expires(&self) -> Result<Option<u32>, HeaderError> {
        self.number_named(HeaderName::MinExpires)
    }

    /// Content-Length (RFC 3261 20.14).
    pub fn content_length(&self) -> Result<Option<u32>, HeaderError> {
        self.number_named(HeaderName::ContentLength)
    }

    /// RSeq (RFC 3262 7.1).
    pub fn rseq(&self) -> Result<Option<u32>, HeaderError> {
        self.number_named(HeaderName::RSeq)
    }

    /// Content-Type (RFC 3261 20.15).
    pub fn content_type(&self) -> Result<Option<&ContentType>, HeaderError> {
        self.one(|me| &me.rare().content_type, HeaderName::ContentType, ContentType::parse)
    }

    /// All Contact headers together (RFC 3261 20.10).
    pub fn contacts(&self) -> Result<Option<&Contacts>, HeaderError> {
        self.sum(|me| &me.values.contacts, HeaderName::Contact, Contacts::add)
    }

    /// All values of all Route headers (RFC 3261 20.34).
    pub fn routes(&self) -> Result<&[NameAddr], HeaderError> {
        self.list(|me| &me.values.routes, HeaderName::Route, NameAddr::parse_list)
    }

    /// All values of all Record-Route headers (RFC 3261 20.30).
    pub fn record_routes(&self) -> Result<&[NameAddr], HeaderError> {
        self.list(|me| &me.rare().record_routes, HeaderName::RecordRoute, NameAddr::parse_list)
    }

    /// All values of all Path headers (RFC 3327).
    pub fn paths(&self) -> Result<&[NameAddr], HeaderError> {
        self.list(|me| &me.rare().paths, HeaderName::Path, NameAddr::parse_list)
    }

    /// All values of all Service-Route headers (RFC 3608).
    pub fn service_routes(&self) -> Result<&[NameAddr], HeaderError> {
        self.list(|me| &me.rare().service_routes, HeaderName::ServiceRoute, NameAddr::parse_list)
    }

    /// The credentials of all Authorization headers (RFC 3261 20.7).
    pub fn authorization(&self) -> Result<&[Credentials], HeaderError> {
        self.list(|me| &me.rare().authorization, HeaderName::Authorization, one_value(Credentials::parse))
    }

    /// The credentials of all Proxy-Authorization headers (RFC 3261 20.28).
    pub fn proxy_authorization(&self) -> Result<&[Credentials], HeaderError> {
        self.list(|me| &me.rare().proxy_authorization, HeaderName::ProxyAuthorization, one_value(Credentials::parse))
    }

    /// The challenges of all WWW-Authenticate headers (RFC 3261 20.44).
    pub fn www_authenticate(&self) -> Result<&[Challenge], HeaderError> {
        self.list(|me| &me.rare().www_authenticate, HeaderName::WwwAuthenticate, one_value(Challenge::parse))
    }

    /// The challenges of all Proxy-Authenticate headers (RFC 3261 20.27).
    pub fn proxy_authenticate(&self) -> Result<&[Challenge], HeaderError> {
        self.list(|me| &me.rare().proxy_authenticate, HeaderName::ProxyAuthenticate, one_value(Challenge::parse))
    }

    /// All values of all P-Asserted-Identity headers (RFC 3325 9.1).
    pub fn p_asserted_identity(&self) -> Result<&[NameAddr], HeaderError> {
        self.list(|me| &me.rare().p_asserted_identity, HeaderName::PAssertedIdentity, NameAddr::parse_list)
    }

    /// All values of all P-Preferred-Identity headers (RFC 3325 9.2).
    pub fn p_preferred_identity(&self) -> Result<&[NameAddr], HeaderError> {
        self.list(|me| &me.rare().p_preferred_identity, HeaderName::PPreferredIdentity, NameAddr::parse_list)
    }

    /// All values of all Diversion headers (RFC 5806), the newest first.
    pub fn diversion(&self) -> Result<&[NameAddr], HeaderError> {
        self.list(|me| &me.rare().diversion, HeaderName::Diversion, NameAddr::parse_list)
    }

    /// Remote-Party-ID (draft-ietf-sip-privacy).
    pub fn remote_party_id(&self) -> Result<Option<&NameAddr>, HeaderError> {
        self.one(|me| &me.rare().remote_party_id, HeaderName::RemotePartyId, NameAddr::parse)
    }

    /// Refer-To (RFC 3515 2.1).
    pub fn refer_to(&self) -> Result<Option<&NameAddr>, HeaderError> {
        self.one(|me| &me.rare().refer_to, HeaderName::ReferTo, NameAddr::parse)
    }

    /// Referred-By (RFC 3892 3).
    pub fn referred_by(&self) -> Result<Option<&NameAddr>, HeaderError> {
        self.one(|me| &me.rare().referred_by, HeaderName::ReferredBy, NameAddr::parse)
    }

    /// Event (RFC 6665 8.2.1).
    pub fn event(&self) -> Result<Option<&Event>, HeaderError> {
        self.one(|me| &me.rare().event, HeaderName::Event, Event::parse)
    }

    /// RAck (RFC 3262 7.2).
    pub fn rack(&self) -> Result<Option<&RAck>, HeaderError> {
        self.one(|me| &me.rare().rack, HeaderName::RAck, RAck::parse)
    }

    /// Retry-After (RFC 3261 20.33).
    pub fn retry_after(&self) -> Result<Option<&RetryAfter>, HeaderError> {
        self.one(|me| &me.rare().retry_after, HeaderName::RetryAfter, RetryAfter::parse)
    }

    /// All Require headers together (RFC 3261 20.32).
    pub fn require(&self) -> Result<Option<&OptionTags>, HeaderError> {
        self.sum(|me| &me.rare().require, HeaderName::Require, |tags: &mut OptionTags, body| tags.add(&body))
    }

    /// All Supported headers together (RFC 3261 20.37).
    pub fn supported(&self) -> Result<Option<&OptionTags>, HeaderError> {
        self.sum(|me| &me.rare().supported, HeaderName::Supported, |tags: &mut OptionTags, body| tags.add(&body))
    }

    /// All Proxy-Require headers together (RFC 3261 20.29).
    pub fn proxy_require(&self) -> Result<Option<&OptionTags>, HeaderError> {
        self.sum(|me| &me.rare().proxy_require, HeaderName::ProxyRequire, |tags: &mut OptionTags, body| tags.add(&body))
    }

    /// All Unsupported headers together (RFC 3261 20.40).
    pub fn unsupported(&self) -> Result<Option<&OptionTags>, HeaderError> {
        self.sum(|me| &me.rare().unsupported, HeaderName::Unsupported, |tags: &mut OptionTags, body| tags.add(&body))
    }

    /// All Allow headers together (RFC 3261 20.5).
    pub fn allow(&self) -> Result<Option<&MethodList>, HeaderError> {
        self.sum(|me| &me.values.allow, HeaderName::Allow, |list: &mut MethodList, body| list.add(&body))
    }

    /// User-Agent (RFC 3261 20.41).
    pub fn user_agent(&self) -> Option<Str> {
        self.body_named(HeaderName::UserAgent)
    }

    /// Server (RFC 3261 20.35).
    pub fn server(&self) -> Option<Str> {
        self.body_named(HeaderName::Server)
    }

    /// Subject (RFC 3261 20.36).
    pub fn subject(&self) -> Option<Str> {
        self.body_named(HeaderName::Subject)
    }
}
