//! Selects: `$sel(cfg_get.group.name)`, `@cfg_get.group.name`.

use language::diagnostic::{Code, Diagnostic};
use language::span::Span;

use crate::compile::CompileEnv;
use crate::expression::Expression;
use crate::route_cx::RouteCx;
use crate::value::Value;

/// The selects that read the message, with what they read.
type Read = fn(&RouteCx) -> Value;

const MESSAGE: &[(&str, Read)] = &[
    ("method", |cx| if cx.message.is_request() { Value::Str(cx.message.method_name()) } else { Value::Null }),
    ("msg", |cx| Value::Str(cx.message.buffer().clone())),
    ("msg.len", |cx| Value::from(cx.message.buffer().len())),
    ("msg.first_line", |cx| Value::Str(cx.message.start_line_text())),
    ("msg.header", |cx| Value::Str(cx.message.header_section())),
    ("msg.body", |cx| Value::Str(cx.message.body())),
    ("ruri", |cx| Value::Str(cx.request_uri())),
    ("ruri.user", |cx| uri_part(cx, |uri| uri.user())),
    ("ruri.host", |cx| uri_part(cx, |uri| Some(uri.host()))),
    ("ruri.port", |cx| uri_part(cx, |uri| Some(uri.port_text()))),
    ("from", |cx| Value::from(cx.message.body_named(sip::HeaderName::From))),
    ("from.uri", |cx| address(cx, true, |address| Some(address.uri.clone()))),
    ("from.tag", |cx| address(cx, true, sip::NameAddr::tag)),
    ("from.uri.user", |cx| address(cx, true, |address| address.parsed_uri().ok().and_then(sip::Uri::user))),
    ("from.uri.host", |cx| address(cx, true, |address| address.parsed_uri().ok().map(sip::Uri::host))),
    ("to", |cx| Value::from(cx.message.body_named(sip::HeaderName::To))),
    ("to.uri", |cx| address(cx, false, |address| Some(address.uri.clone()))),
    ("to.tag", |cx| address(cx, false, sip::NameAddr::tag)),
    ("to.uri.user", |cx| address(cx, false, |address| address.parsed_uri().ok().and_then(sip::Uri::user))),
    ("to.uri.host", |cx| address(cx, false, |address| address.parsed_uri().ok().map(sip::Uri::host))),
    ("call_id", |cx| Value::from(cx.message.call_id())),
    ("callid", |cx| Value::from(cx.message.call_id())),
    ("cseq.num", |cx| Value::from(cx.message.cseq().ok().flatten().map(|cseq| cseq.number.to_string()))),
    ("cseq.method", |cx| Value::from(cx.message.cseq().ok().flatten().map(|cseq| cseq.method_name.clone()))),
    ("src.ip", |cx| Value::from(cx.source.ip().to_canonical().to_string())),
    ("src.port", |cx| Value::from(cx.source.port().to_string())),
    ("dst.ip", |cx| Value::from(cx.received.destination.ip().to_canonical().to_string())),
    ("dst.port", |cx| Value::from(cx.received.destination.port().to_string())),
    ("proto", |cx| Value::from(cx.received.protocol.name())),
];

fn uri_part(cx: &RouteCx, part: fn(&sip::Uri) -> Option<sip::Str>) -> Value {
    sip::Uri::parse(cx.request_uri()).ok().and_then(|uri| part(&uri)).into()
}

fn address(cx: &RouteCx, from: bool, part: fn(&sip::NameAddr) -> Option<sip::Str>) -> Value {
    let value = if from { cx.message.from() } else { cx.message.to() };
    value.ok().flatten().and_then(part).into()
}

/// Compiles a select, written without the `@`.
pub(crate) fn compile(text: &str, span: Span, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
    if let Some(path) = text.strip_prefix("cfg_get.") {
        let Some((group, name)) = path.split_once('.') else {
            return Err(Diagnostic::error(
                Code::UnknownVariable,
                "`cfg_get` needs a group and a name: `cfg_get.group.name`",
                span,
                "here",
            ));
        };
        let Some(variable) = env.core.config.find(group, name) else {
            return Err(Diagnostic::error(
                Code::UnknownVariable,
                format!("no value `{name}` in group `{group}`"),
                span,
                "not declared",
            )
            .help(format!("declare it: `{group}.{name} = \"value\"`")));
        };
        // The handle, not the value: `cfg.set` changes it while running.
        let value = variable.value;
        return Ok(Expression::Native(Box::new(move |_| value.read().clone())));
    }
    match MESSAGE.iter().find(|(name, _)| *name == text) {
        Some((_, read)) => Ok(Expression::Native(Box::new(read))),
        None => {
            let header = text.strip_prefix("msg.").unwrap_or(text);
            if let Some(name) = header
                .strip_prefix("hf_value[\"")
                .or_else(|| header.strip_prefix("header[\""))
                .and_then(|rest| rest.strip_suffix("\"]"))
            {
                let name = name.to_owned();
                return Ok(Expression::Native(Box::new(move |cx| cx.message.header_body(name.as_bytes()).into())));
            }
            Err(Diagnostic::error(
                Code::NotYet,
                format!("select `{text}` is not supported yet"),
                span,
                "unknown to Olelo",
            )
            .did_you_mean(text, MESSAGE.iter().map(|(name, _)| *name)))
        }
    }
}
