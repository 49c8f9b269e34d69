//! The session description as a whole, and its lines.

use engine::log::Level;
use engine::script_type::WritableVariable;
use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function};
use sip::sdp::{Line, Sdp};

use super::description::{Description, Missing, find, is_kind};

/// There is no body.
const NO_BODY: Return = Return(-2);

/// Takes lines away that begin with this text (`a=X-`); the case of letters counts. With `mtype` (`audio`) only in
/// media sections of this kind.
///
/// Returns 1, also when there are none; -1 when there is no session description.
#[function(ANY)]
pub fn sdp_remove_line_by_prefix(cx: &mut RouteCx, prefix: Str, mtype: Option<Str>) -> CallResult {
    let description = match find(cx) {
        Ok(description) => description,
        Err(missing) => return missing.result(Return::FALSE),
    };
    if prefix.is_empty() {
        return Ok(Return::TRUE);
    }
    let sdp = &description.sdp;
    let lines: Vec<&Line> = match &mtype {
        None => sdp.lines().iter().collect(),
        Some(_) => {
            let media = sdp.media().iter().filter(|media| is_kind(media, mtype.as_ref()));
            media.flat_map(|media| sdp.media_lines(media)).collect()
        }
    };
    for line in lines {
        if description.line(line).starts_with(&prefix) {
            description.delete(cx, line.range());
        }
    }
    Ok(Return::TRUE)
}

/// Writes the session description to a variable.
///
/// Returns 1; -2 when there is no body, -1 when it has no session description.
#[function(ANY)]
pub fn sdp_get(cx: &mut RouteCx, result: WritableVariable) -> CallResult {
    match find(cx) {
        Ok(description) => result.0.set(cx, Value::Str(description.sdp.text().clone()))?,
        Err(missing) => return missing.result(NO_BODY),
    }
    Ok(Return::TRUE)
}

/// Writes the first line that begins with this text (`m=`), without its line end, to a variable.
///
/// Returns 1; -1 when there is none or no session description, -2 when there is no body.
#[function(ANY)]
pub fn sdp_get_line_startswith(cx: &mut RouteCx, result: WritableVariable, prefix: Str) -> CallResult {
    let description = match find(cx) {
        Ok(description) => description,
        Err(missing) => return missing.result(NO_BODY),
    };
    if prefix.is_empty() {
        return Err(ScriptError::new("the text that the line begins with is empty"));
    }
    let mut lines = description.sdp.lines().iter().map(|line| description.line(line));
    let Some(line) = lines.find(|line| line.starts_with(&prefix)) else { return Ok(Return::FALSE) };
    result.0.set(cx, Value::Str(line))?;
    Ok(Return::TRUE)
}

/// True when the body is a session description or has one as a part. With an argument (whatever it is) nothing is
/// parsed: the Content-Type must be `application/sdp`, or a multipart body must have that text in it.
#[function(ANY)]
pub fn sdp_content(cx: &mut RouteCx, sloppy: Option<Value>) -> CallResult {
    if sloppy.is_none() {
        return Ok(find(cx).is_ok().into());
    }
    let body = cx.message.declared_body();
    let kind = cx.message.content_type().ok().flatten();
    let sloppy = kind.is_some_and(|kind| {
        kind.is_sdp() || kind.is_multipart() && memchr::memmem::find(&body, b"application/sdp").is_some()
    });
    Ok((sloppy && !body.is_empty()).into())
}

/// The kind of address in the first `c=` line: returns 4 (IPv4) or 6 (IPv6), -1 when there is none.
#[function(ANY)]
pub fn sdp_get_address_family(cx: &mut RouteCx) -> CallResult {
    let description = match find(cx) {
        Ok(description) => description,
        Err(missing) => return missing.result(Return::FALSE),
    };
    let connection = description.sdp.connection(description.sdp.lines());
    Ok(match connection.map(|connection| connection.address_type) {
        Some(kind) if kind.eq_ignore_case("IP4") => Return(4),
        Some(kind) if kind.eq_ignore_case("IP6") => Return(6),
        _ => Return::FALSE,
    })
}

/// Writes to the log, with this level (-1 error, 0 warning, 1 notice, 2 information, 3 debug), how the session
/// description is understood: one line for the session and one for each media section.
///
/// Returns 1; -1 when there is no session description.
#[function(ANY)]
pub fn sdp_print(cx: &mut RouteCx, level: i64) -> CallResult {
    let description = match find(cx) {
        Ok(description) => description,
        Err(Missing::Body | Missing::Sdp) => return Err(ScriptError::new("there is no session description")),
    };
    let level = Level::from_number(level);
    if cx.core.log.enabled(level) {
        for line in shown(&description) {
            cx.core.log.write(level, &line);
        }
    }
    Ok(Return::TRUE)
}

fn shown(description: &Description) -> Vec<String> {
    let sdp = &description.sdp;
    let connection = |lines| sdp.connection(lines).map_or_else(|| "-".to_owned(), |found| found.address.to_string());
    let session = sdp.session_lines();
    let origin = sdp.origin().map_or_else(|| "-".to_owned(), |origin| origin.connection.address.to_string());
    let direction = |sdp: &Sdp, lines: &[Line]| sdp.direction(lines).unwrap_or("-");
    let mut out = vec![format!(
        "sdp: origin {origin}, connection {}, direction {}, {} media",
        connection(session),
        direction(sdp, session),
        sdp.media().len()
    )];
    for (at, media) in sdp.media().iter().enumerate() {
        let lines = sdp.media_lines(media);
        out.push(format!(
            "sdp: media {at}: {} port {} transport {} formats {}, connection {}, direction {}, {} attributes",
            media.kind,
            media.port,
            media.protocol,
            media.formats,
            connection(lines),
            direction(sdp, lines),
            sdp.attributes(lines).count()
        ));
    }
    out
}
