//! `$sdp(..)`.

use std::ops::Range;

use engine::variable::{InnerName, missing_inner};
use engine::{Code, CompileEnv, Diagnostic, RouteCx, ScriptError, Str, Value, variable};
use language::ast::Variable;
use sip::Insert;
use sip::sdp::Media;

use super::description::{Description, find};

/// What `$sdp(..)` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The whole.
    Body,
    /// The version in the `o=` line.
    SessionVersion,
    /// The address in the `c=` line.
    ConnectionAddress,
    /// The address in the `o=` line.
    OriginAddress,
    /// All lines of the first media section.
    MediaLines,
    /// The port of the first media section.
    RtpPort,
    /// Its port for RTCP.
    RtcpPort,
    /// A `b=` line of it.
    Bandwidth(&'static str),
}

/// The names in parentheses.
const PARTS: &[(&str, Part)] = &[
    ("body", Part::Body),
    ("raw", Part::Body),
    ("sess_version", Part::SessionVersion),
    ("c:ip", Part::ConnectionAddress),
    ("o:ip", Part::OriginAddress),
    ("m0:raw", Part::MediaLines),
    ("m0:rtp:port", Part::RtpPort),
    ("m0:rtcp:port", Part::RtcpPort),
    ("m0:b:AS", Part::Bandwidth("AS:")),
    ("m0:b:RR", Part::Bandwidth("RR:")),
    ("m0:b:RS", Part::Bandwidth("RS:")),
];

impl InnerName for Part {
    type Compiled = Self;
    fn compile(variable: &Variable, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        PARTS.iter().find(|(name, _)| *name == inner.node).map(|(_, part)| *part).ok_or_else(|| {
            let message = format!("`$sdp({})` does not exist", inner.node);
            Diagnostic::error(Code::UnknownVariable, message, inner.span, "not known")
                .did_you_mean(&inner.node, PARTS.iter().map(|(name, _)| *name))
        })
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Self {
        *compiled
    }
}

/// A part of the session description; `$null` when there is none. `$sdp(body)` and `$sdp(raw)`: the whole.
/// `$sdp(sess_version)`: the version in the `o=` line; it can be written, and -1 makes it one more. `$sdp(o:ip)`: the
/// address in the `o=` line. `$sdp(c:ip)`: the address of the first media section, else of the session. Of the first
/// media section: `$sdp(m0:raw)` its lines, `$sdp(m0:rtp:port)` its port, `$sdp(m0:rtcp:port)` that of its `a=rtcp`
/// line, else the next one, `$sdp(m0:b:AS)`, `$sdp(m0:b:RR)` and `$sdp(m0:b:RS)` its bandwidths.
#[variable("sdp", set = set_sdp)]
pub fn sdp(cx: &RouteCx, part: Part) -> Value {
    find(cx).map_or(Value::Null, |description| show(&description, part).unwrap_or_default())
}

fn show(description: &Description, part: Part) -> Option<Value> {
    let sdp = &description.sdp;
    let media = sdp.media().first()?;
    Some(match part {
        Part::Body => sdp.text().into(),
        Part::SessionVersion => {
            let version = sdp.origin()?.session_version;
            version.parse_int().map_or(Value::Str(version), Value::Int)
        }
        Part::ConnectionAddress => sdp.media_connection(media)?.address.into(),
        Part::OriginAddress => sdp.origin()?.connection.address.into(),
        Part::MediaLines => sdp.text().slice(description.section(media)).into(),
        Part::RtpPort => media.port.into(),
        Part::RtcpPort => rtcp_port(description, media)?.into(),
        Part::Bandwidth(kind) => {
            let lines = sdp.media_lines(media).iter().filter(|line| line.kind == b'b').map(|line| sdp.value(line));
            let value = lines.into_iter().find(|value| value.starts_with(kind.as_bytes()))?;
            value.slice(kind.len()..).trim().into()
        }
    })
}

/// RFC 3605: `a=rtcp:53020 IN IP4 126.16.64.4`; without it the port after that of RTP.
fn rtcp_port(description: &Description, media: &Media) -> Option<u16> {
    let sdp = &description.sdp;
    let mut attributes = sdp.attributes(sdp.media_lines(media));
    match attributes.find(|attribute| attribute.name == b"rtcp").and_then(|attribute| attribute.value) {
        Some(value) => std::str::from_utf8(value).ok()?.split_ascii_whitespace().next()?.parse().ok(),
        None => media.port.checked_add(1),
    }
}

/// Writes `$sdp(sess_version)`.
fn set_sdp(cx: &mut RouteCx, part: Part, value: Value) -> Result<(), ScriptError> {
    if part != Part::SessionVersion {
        return Err(ScriptError::new("only `$sdp(sess_version)` can be written"));
    }
    let Value::Int(wanted) = value else {
        return Err(ScriptError::new("the version must be a number"));
    };
    let description = find(cx).map_err(|_| ScriptError::new("there is no session description"))?;
    let version = description.sdp.origin().map(|origin| origin.session_version);
    let version = version.ok_or_else(|| ScriptError::new("there is no `o=` line that can be understood"))?;
    let start = description.sdp.text().offset_of(&version).ok_or("there is no version")?;
    let range = description.in_buffer(start..start + version.len());
    let written = take_written(cx, &range).unwrap_or(version);
    let new = if wanted == -1 {
        let now: Option<u64> = std::str::from_utf8(&written).ok().and_then(|text| text.parse().ok());
        let now = now.ok_or_else(|| ScriptError::new(format!("the version `{written}` is no number")))?;
        now.wrapping_add(1).to_string()
    } else {
        wanted.to_string()
    };
    cx.message.edits_mut().replace(range, new);
    Ok(())
}

/// Takes back what was written to this place before.
fn take_written(cx: &mut RouteCx, range: &Range<usize>) -> Option<Str> {
    let edits = cx.message.edits_mut();
    let is_same = |edit: &&sip::Edit| edit.start as usize == range.start && edit.end as usize == range.end;
    let (id, text) = edits.iter().find(is_same).map(|edit| (edit.id(), edit.insert.clone()))?;
    edits.remove(id);
    match text {
        Insert::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}
