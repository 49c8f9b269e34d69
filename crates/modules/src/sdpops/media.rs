//! Media sections by kind and transport.

use engine::script_type::WritableVariable;
use engine::{CallResult, Return, RouteCx, Str, Value, function};
use sip::sdp::{Media, Sdp};

use super::description::{find, is_kind};

/// What `sdp_transport` returns when the media sections differ.
const DIFFERENT: i32 = -2;

/// Whether a media section is one that is asked for.
fn any(cx: &RouteCx, wanted: impl Fn(&Sdp, &Media) -> bool) -> CallResult {
    match find(cx) {
        Ok(description) => Ok(description.sdp.media().iter().any(|media| wanted(&description.sdp, media)).into()),
        Err(missing) => missing.result(Return::FALSE),
    }
}

/// Removes the media sections that are asked for.
fn remove(cx: &mut RouteCx, wanted: impl Fn(&Media) -> bool) -> CallResult {
    let description = match find(cx) {
        Ok(description) => description,
        Err(missing) => return missing.result(Return::FALSE),
    };
    let mut removed = false;
    for media in description.sdp.media().iter().filter(|media| wanted(media)) {
        description.delete(cx, description.section(media));
        removed = true;
    }
    Ok(removed.into())
}

/// True when there is a media section of this kind: `audio`, `video` ..; letters of either case.
#[function(ANY)]
pub fn sdp_with_media(cx: &mut RouteCx, kind: Str) -> CallResult {
    any(cx, |_, media| is_kind(media, Some(&kind)))
}

/// True when there is an active media section of this kind: its port is not 0 and its direction, or else that of the
/// session, is not `inactive`.
#[function(ANY)]
pub fn sdp_with_active_media(cx: &mut RouteCx, kind: Str) -> CallResult {
    any(cx, |sdp, media| {
        let direction = || sdp.direction(sdp.media_lines(media)).or_else(|| sdp.direction(sdp.session_lines()));
        is_kind(media, Some(&kind)) && media.port != 0 && direction() != Some("inactive")
    })
}

/// Removes the media sections of this kind (`video`). An answer must have as many sections as its offer (RFC 3264
/// section 6): who removes one from an offer may have to add it to the answer.
///
/// Returns 1; -1 when there is none.
#[function(ANY)]
pub fn sdp_remove_media(cx: &mut RouteCx, kind: Str) -> CallResult {
    remove(cx, |media| is_kind(media, Some(&kind)))
}

/// True when there is a media section with this transport: `RTP/SAVPF`; letters of either case.
#[function(ANY)]
pub fn sdp_with_transport(cx: &mut RouteCx, transport: Str) -> CallResult {
    any(cx, |_, media| media.protocol.eq_ignore_case(&transport))
}

/// True when there is a media section with this text in its transport: `SAVP`; the case of letters counts.
#[function(ANY)]
pub fn sdp_with_transport_like(cx: &mut RouteCx, transport: Str) -> CallResult {
    any(cx, |_, media| memchr::memmem::find(&media.protocol, &transport).is_some())
}

/// Removes the media sections with this transport: `RTP/AVP`; letters of either case.
///
/// Returns 1; -1 when there is none.
#[function(ANY)]
pub fn sdp_remove_transport(cx: &mut RouteCx, transport: Str) -> CallResult {
    remove(cx, |media| media.protocol.eq_ignore_case(&transport))
}

/// Writes the transport that all media sections have to a variable.
///
/// Returns 1; -2 when they differ, -1 when there is no session description.
#[function(ANY)]
pub fn sdp_transport(cx: &mut RouteCx, result: WritableVariable) -> CallResult {
    let description = match find(cx) {
        Ok(description) => description,
        Err(missing) => return missing.result(Return::FALSE),
    };
    let mut transports = description.sdp.media().iter().map(|media| &media.protocol);
    let Some(first) = transports.next() else { return Ok(Return::FALSE) };
    if !transports.all(|transport| transport.eq_ignore_case(first)) {
        return Ok(Return(DIFFERENT));
    }
    result.0.set(cx, Value::Str(first.clone()))?;
    Ok(Return::TRUE)
}

/// True when there is a candidate of ICE (RFC 8839): an `a=candidate` line.
#[function(ANY)]
pub fn sdp_with_ice(cx: &mut RouteCx) -> CallResult {
    Ok(find(cx).is_ok_and(|found| found.sdp.attributes(found.sdp.lines()).any(|line| line.name == b"candidate")).into())
}
