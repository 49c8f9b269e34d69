//! Selects: `@via[1].branch`, `$sel(cfg_get.group.name)`. A select reads one thing, nothing writes through it; what is
//! not there is `$null`. All of them are compiled when the configuration is loaded: an unknown one is an error.
//!
//! [`path`] cuts the text into parts, [`message`] and [`header`] know what stands in a message, [`server`] the rest.

mod header;
mod message;
mod path;
mod server;

use language::diagnostic::{Code, Diagnostic};
use language::span::Span;
use sip::{Str, Uri};

use crate::compile::CompileEnv;
use crate::config_groups::{GroupName, Selected};
use crate::expression::Expression;
use crate::route_cx::RouteCx;
use crate::value::Value;
use path::Part;

/// Reads a select; `None`: there is nothing.
type Read = Box<dyn Fn(&RouteCx) -> Option<Str> + Send + Sync>;

/// Why a path is no select.
enum Wrong {
    /// There is no such name among these.
    Name(String, &'static [&'static str]),
    /// Something stands behind a select that has no further parts.
    Behind(String),
    /// What is missing.
    Missing(&'static str),
}

/// The names that a select may begin with.
const FIRST: &[&str] = &[
    "msg",
    "method",
    "ruri",
    "dst_uri",
    "next_hop",
    "from",
    "f",
    "to",
    "t",
    "contact",
    "m",
    "refer_to",
    "rpid",
    "record_route",
    "rr",
    "via",
    "v",
    "cseq",
    "call_id",
    "max_forwards",
    "expires",
    "content_length",
    "content_type",
    "event",
    "user_agent",
    "subject",
    "organization",
    "priority",
    "session_expires",
    "min_se",
    "date",
    "identity",
    "identity_info",
    "sip_if_match",
    "hf_value",
    "hf_value2",
    "hf_value_exists",
    "authorization",
    "proxy_authorization",
    "src",
    "dst",
    "received",
    "branch",
    "sys",
    "tls",
    "cfg_get",
    "cfg_selected",
];

/// Compiles a select, written without the `@`.
pub(crate) fn compile(text: &str, span: Span, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
    if let Some(path) = text.strip_prefix("cfg_get.") {
        return live_value(path, span, env);
    }
    if let Some(group) = text.strip_prefix("cfg_selected.") {
        return selected(group, span, env);
    }
    let wrong = |message: String, label: &str| Diagnostic::error(Code::UnknownVariable, message, span, label);
    let parts = path::parse(text).ok_or_else(|| {
        wrong(format!("`@{text}` is no select"), "write names with dots between them, `[1]` or `[\"name\"]` behind")
    })?;
    match read(&parts) {
        Ok(read) => Ok(Expression::Native(Box::new(move |cx| read(cx).map_or(Value::Null, Value::Str)))),
        Err(Wrong::Name(name, known)) => {
            Err(wrong(format!("select `@{text}` does not exist: there is no `{name}`"), "unknown")
                .did_you_mean(&name, known.iter().copied()))
        }
        Err(Wrong::Behind(part)) => {
            let message = format!("select `@{text}` does not exist: nothing can stand behind `{part}`");
            Err(wrong(message, "too long"))
        }
        Err(Wrong::Missing(what)) => Err(wrong(format!("select `@{text}` is not complete"), what)),
    }
}

/// `cfg_get.group.name`.
fn live_value(path: &str, span: Span, env: &CompileEnv<'_>) -> Result<Expression, Diagnostic> {
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
    let (value, group, name) = (variable.value, group.to_owned(), name.to_owned());
    Ok(Expression::Native(Box::new(move |cx| {
        let selected = cx.find_data::<Selected>().and_then(|selected| selected.instance(&group));
        let own = selected.and_then(|instance| {
            cx.core.config.value(&GroupName { group: group.clone(), instance: Some(instance) }, &name)
        });
        own.unwrap_or_else(|| value.read().clone())
    })))
}

/// `cfg_selected.group`: the instance that `cfg_select` has chosen; empty: none.
fn selected(group: &str, span: Span, env: &CompileEnv<'_>) -> Result<Expression, Diagnostic> {
    if env.core.config.group(group).is_empty() {
        let message = format!("there is no group `{group}`");
        return Err(Diagnostic::error(Code::UnknownVariable, message, span, "not declared"));
    }
    let group = group.to_owned();
    Ok(Expression::Native(Box::new(move |cx| {
        let instance = cx.find_data::<Selected>().and_then(|selected| selected.instance(&group));
        instance.map_or_else(String::new, |instance| instance.to_string()).into()
    })))
}

fn read(parts: &[Part]) -> Result<Read, Wrong> {
    let Some((Part::Name(first), rest)) = parts.split_first() else {
        return Err(Wrong::Missing("a select begins with a name"));
    };
    match first.as_str() {
        "msg" => message::msg(rest),
        "method" => end(rest, first, message::method),
        "ruri" => uri(rest, |cx| Some(cx.request_uri())),
        "dst_uri" => uri(rest, |cx| cx.to.destination.clone()),
        "next_hop" => uri(rest, |cx| Some(crate::forward::next_hop(cx))),
        "src" | "dst" | "received" => server::address(first, rest),
        "branch" => server::branch(rest),
        "sys" => server::sys(rest),
        "tls" => server::tls(rest),
        _ => header::read(first, rest),
    }
}

/// A select that has no further parts.
fn end(
    rest: &[Part],
    last: &str,
    read: impl Fn(&RouteCx) -> Option<Str> + Send + Sync + 'static,
) -> Result<Read, Wrong> {
    if rest.is_empty() { Ok(Box::new(read)) } else { Err(Wrong::Behind(last.to_owned())) }
}

/// The only part that is left, as a name or key.
fn only(rest: &[Part], missing: &'static str) -> Result<String, Wrong> {
    match rest {
        [Part::Name(name) | Part::Key(name)] => Ok(name.clone()),
        [Part::Name(name) | Part::Key(name), ..] => Err(Wrong::Behind(name.clone())),
        _ => Err(Wrong::Missing(missing)),
    }
}

/// The parts of a URI.
const URI: &[&str] = &["type", "user", "pwd", "host", "port", "hostport", "params"];

/// A URI, or a part of it: `.user`, `.host`, `.hostport`, `.params.transport`.
fn uri(rest: &[Part], whole: impl Fn(&RouteCx) -> Option<Str> + Send + Sync + 'static) -> Result<Read, Wrong> {
    let Some((part, rest)) = rest.split_first() else { return Ok(Box::new(whole)) };
    let Part::Name(part) = part else { return Err(Wrong::Missing("the part of a URI is a name")) };
    let parsed = move |cx: &RouteCx| Uri::parse(whole(cx)?).ok();
    let filled = |text: Str| Some(text).filter(|text| !text.is_empty());
    match part.as_str() {
        "type" => end(rest, part, move |cx| parsed(cx).map(|uri| Str::from_static(uri.scheme().name()))),
        "user" => end(rest, part, move |cx| parsed(cx)?.user()),
        "pwd" => end(rest, part, move |cx| parsed(cx)?.password()),
        "host" => end(rest, part, move |cx| parsed(cx).map(|uri| uri.host())),
        "port" => end(rest, part, move |cx| filled(parsed(cx)?.port_text())),
        "hostport" => end(rest, part, move |cx| {
            // The port is always there: that of the protocol when the URI names none.
            parsed(cx).map(|uri| Str::from(format!("{}:{}", uri.host().to_text(), uri.port_or_default())))
        }),
        "params" if rest.is_empty() => Ok(Box::new(move |cx| filled(parsed(cx)?.params_text()))),
        "params" => {
            let name = only(rest, "the parameter's name")?;
            Ok(Box::new(move |cx| parsed(cx)?.param(&name)))
        }
        _ => Err(Wrong::Name(part.clone(), URI)),
    }
}

#[cfg(test)]
mod tests;
