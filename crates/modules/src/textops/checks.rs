//! What a message says about privacy and held streams.

use engine::script_type::{Constant, required};
use engine::{ArgSource, CallResult, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, Str, function};
use sip::HeaderName;
use sip::sdp::Sdp;

/// The values of the header Privacy (RFC 3323, RFC 3325, RFC 7044).
const PRIVACY: [&str; 7] = ["header", "session", "user", "none", "critical", "id", "history"];

/// A value of the header Privacy.
pub struct PrivacyValue(Str);

impl ScriptType for PrivacyValue {
    type Compiled = Str;
    const KIND: &'static str = "privacy value";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Str, Diagnostic> {
        let name = Constant::compile(arg, env)?;
        if PRIVACY.iter().any(|known| name.eq_ignore_case(known)) {
            return Ok(name);
        }
        Err(required(arg)?.error(format!("`{name}` is no privacy value"), PRIVACY.join(", ")))
    }
    fn eval(compiled: &Str, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// True when the header Privacy has this value: `header`, `session`, `user`, `none`, `critical`, `id`, `history`. A header
/// with an unknown value has none.
#[function(ANY)]
pub fn is_privacy(cx: &mut RouteCx, value: PrivacyValue) -> CallResult {
    let Some(body) = cx.message.body_named(HeaderName::Privacy) else { return Ok(Return::FALSE) };
    let values: Vec<&[u8]> = body.split(|byte| *byte == b';').map(sip::scan::trim).collect();
    let known = |value: &&[u8]| PRIVACY.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(value));
    Ok((values.iter().all(known) && values.iter().any(|found| value.0.eq_ignore_case(found))).into())
}

/// True when an audio stream of the session description is on hold.
///
/// Returns 1 (its address is 0.0.0.0, RFC 2543), 2 (`a=sendonly` or `a=inactive`, RFC 3264), or -1.
#[function(ANY)]
pub fn is_audio_on_hold(cx: &mut RouteCx) -> CallResult {
    Ok(session(cx).map_or(Return::FALSE, |sdp| on_hold(&sdp)))
}

/// The session description: the body, or the part of it that is one.
fn session(cx: &RouteCx) -> Option<Sdp> {
    let kind = cx.message.content_type().ok()??;
    let body = cx.message.declared_body();
    if kind.is_sdp() {
        return Sdp::parse(body);
    }
    let parts = sip::multipart::split(&body, &kind.boundary().filter(|_| kind.is_multipart())?)?;
    let part = parts.into_iter().find(|part| part.content_type().is_some_and(|kind| kind.is_sdp()))?;
    Sdp::parse(part.body)
}

fn on_hold(sdp: &Sdp) -> Return {
    let held = |lines| matches!(sdp.direction(lines), Some("sendonly" | "inactive"));
    // As in Kamailio, an attribute of the session counts even when the stream says otherwise.
    let session_held = held(sdp.session_lines());
    for media in sdp.media().iter().filter(|media| media.kind.eq_ignore_case("audio")) {
        if session_held || held(sdp.media_lines(media)) {
            return Return(2);
        }
        if sdp.media_connection(media).is_some_and(|connection| connection.address == "0.0.0.0") {
            return Return(1);
        }
    }
    Return::FALSE
}
