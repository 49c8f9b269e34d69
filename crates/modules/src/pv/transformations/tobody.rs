//! `{tobody.*}`: the value of a header like To.

use engine::{Str, Value, transformation};
use sip::{NameAddr, UriError};

use super::map;

/// The URI; `$null` when the text has not the form of a To header.
#[transformation("tobody.uri")]
pub(super) fn uri(input: Value) -> Value {
    map(&input, |text| parse(text).map(|body| body.uri))
}

/// The tag; empty when there is none.
#[transformation("tobody.tag")]
pub(super) fn tag(input: Value) -> Value {
    map(&input, |text| parse(text).map(|body| body.tag().unwrap_or_default()))
}

/// The user of the URI.
#[transformation("tobody.user")]
pub(super) fn user(input: Value) -> Value {
    map(&input, |text| parse(text).map(|body| body.parsed_uri().ok().and_then(sip::Uri::user).unwrap_or_default()))
}

/// The host of the URI.
#[transformation("tobody.host")]
pub(super) fn host(input: Value) -> Value {
    map(&input, |text| parse(text).map(|body| body.parsed_uri().map(sip::Uri::host).unwrap_or_default()))
}

/// The parameters of the header.
#[transformation("tobody.params")]
pub(super) fn params(input: Value) -> Value {
    map(&input, |text| {
        let params = parse(text)?.params.text().trim();
        Some(if params.first() == Some(&b';') { params.slice(1..).trim() } else { params })
    })
}

/// The display name as it is written, with its quotes.
#[transformation("tobody.display")]
pub(super) fn display(input: Value) -> Value {
    map(&input, |text| parse(text).map(|body| body.display))
}

fn parse(text: &Str) -> Option<NameAddr> {
    let body = NameAddr::parse(text.clone())?;
    let malformed = matches!(body.parsed_uri(), Err(UriError::Malformed { .. }));
    (!malformed).then_some(body)
}
