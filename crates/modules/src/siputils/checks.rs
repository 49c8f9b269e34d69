//! Questions about the message.

use engine::forward::address_of;
use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use sip::Uri;

use super::arguments::OptionTag;

/// True when the To header has a tag: the message belongs to a dialog.
#[function(ANY)]
pub fn has_totag(cx: &mut RouteCx) -> CallResult {
    match cx.message.to() {
        Ok(to) => Ok(to.is_some_and(|to| to.tag().is_some()).into()),
        Err(error) => Err(ScriptError::new(error.to_string())),
    }
}

/// True for a request.
#[function(ANY)]
pub fn is_request(cx: &mut RouteCx) -> CallResult {
    Ok(cx.message.is_request().into())
}

/// True for a reply.
#[function(ANY)]
pub fn is_reply(cx: &mut RouteCx) -> CallResult {
    Ok(cx.message.is_reply().into())
}

/// True for a SIP message.
#[function(ANY)]
pub fn is_sip(cx: &mut RouteCx) -> CallResult {
    Ok(cx.message.version().starts_with_ignore_case("SIP/").into())
}

/// True for an HTTP message.
#[function(ANY)]
pub fn is_http(cx: &mut RouteCx) -> CallResult {
    Ok(cx.message.version().starts_with_ignore_case("HTTP/").into())
}

/// True when all header lines of the message have a name and a colon. Here that is always so: other messages are
/// refused when they are received.
#[function(ANY)]
pub fn sip_parse_headers(_cx: &mut RouteCx) -> CallResult {
    Ok(Return::TRUE)
}

/// True when this server is the first hop after the sender: for a request there is one Via only; for a reply there is
/// no Record-Route, or the topmost one is this server and the reply was not sent by this server itself.
///
/// `mode` 0 (default): only addresses count in that Record-Route, no names; 1: names count too, and the source is not
/// looked at.
#[function(ANY)]
pub fn is_first_hop(cx: &mut RouteCx, mode: Option<i64>) -> CallResult {
    if cx.message.is_request() {
        return Ok(matches!(cx.message.vias(), Ok([_])).into());
    }
    let Ok(routes) = cx.message.record_routes() else { return Ok(Return::FALSE) };
    let Some(top) = routes.first() else { return Ok(Return::TRUE) };
    let Ok(uri) = top.parsed_uri() else { return Ok(Return::FALSE) };
    let host = uri.host();
    if !cx.core.is_myself(&host, uri.port(), None) {
        return Ok(Return::FALSE);
    }
    if mode.unwrap_or(0) == 1 {
        return Ok(Return::TRUE);
    }
    let source = cx.source;
    Ok(address_of(&host)
        .is_some_and(|address| address != source.ip().to_canonical() || uri.port_or_default() != source.port())
        .into())
}

/// True when a URI (default: the request-URI) is a GRUU (RFC 5627): 1 public, 2 temporary.
#[function(ANY)]
pub fn is_gruu(cx: &mut RouteCx, uri: Option<Str>) -> CallResult {
    let text = uri.unwrap_or_else(|| cx.request_uri());
    let uri = Uri::parse(text.clone()).map_err(|error| ScriptError::new(format!("wrong URI `{text}`: {error}")))?;
    Ok(match uri.param("gr") {
        None => Return::FALSE,
        Some(value) if value.is_empty() => Return(2),
        Some(_) => Return::TRUE,
    })
}

/// True when the message's Supported headers name an option: path, 100rel, timer, eventlist, gruu or outbound.
#[function(ANY)]
pub fn is_supported(cx: &mut RouteCx, option: OptionTag) -> CallResult {
    Ok(matches!(cx.message.supported(), Ok(Some(tags)) if tags.has(option.0)).into())
}
