//! Changes of the request-URI: `prefix("00")`, `rewritehost("example.com")`.

use sip::{Str, Uri};

use crate::function::{CallResult, Return, ScriptError};
use crate::route_cx::RouteCx;
use macros::function;

/// Replaces the request-URI by what `change` makes of it.
fn change(cx: &mut RouteCx, change: impl FnOnce(&Uri) -> Result<Str, ScriptError>) -> CallResult {
    let uri = cx.parsed_request_uri().map_err(|error| ScriptError::new(format!("wrong request-URI: {error}")))?;
    cx.to.set_uri(change(&uri)?);
    Ok(Return::TRUE)
}

/// `host[:port]` with an optional `;transport=..` behind it.
fn split_port(text: &Str) -> Result<(Str, Option<u16>), ScriptError> {
    let end = if text.first() == Some(&b'[') { text.iter().position(|byte| *byte == b']').unwrap_or(0) } else { 0 };
    match text[end..].iter().position(|byte| *byte == b':') {
        None => Ok((text.clone(), None)),
        Some(at) => {
            let port = text.slice(end + at + 1..).parse_int().and_then(|port| u16::try_from(port).ok());
            Ok((text.slice(..end + at), Some(port.ok_or_else(|| ScriptError::new(format!("wrong port in `{text}`")))?)))
        }
    }
}

fn set_host(cx: &mut RouteCx, host: &Str) -> CallResult {
    change(cx, |uri| Ok(uri.with_host(host)))
}

fn set_host_port(cx: &mut RouteCx, text: &Str) -> CallResult {
    let (host, port) = split_port(text)?;
    change(cx, |uri| Ok(uri.with_host_port(&host, port)))
}

fn set_host_port_transport(cx: &mut RouteCx, text: &Str) -> CallResult {
    let (address, transport) = match text.iter().position(|byte| *byte == b';') {
        Some(at) => (text.slice(..at), text.slice(at + 1..)),
        None => (text.clone(), Str::default()),
    };
    let (host, port) = split_port(&address)?;
    change(cx, |uri| {
        let changed = uri.with_host_port(&host, port);
        let Some(name) = transport.strip_prefix(b"transport=") else { return Ok(changed) };
        let changed = Uri::parse(changed).map_err(|error| ScriptError::new(error.to_string()))?;
        Ok(changed.with_param("transport", Some(name)))
    })
}

fn set_port(cx: &mut RouteCx, port: &Str) -> CallResult {
    let number = port.parse_int().and_then(|port| u16::try_from(port).ok());
    let number = number.ok_or_else(|| ScriptError::new(format!("`{port}` is no port")))?;
    change(cx, |uri| Ok(uri.with_port(Some(number))))
}

fn set_user(cx: &mut RouteCx, user: &Str) -> CallResult {
    change(cx, |uri| Ok(uri.with_user(Some(user))))
}

fn set_user_password(cx: &mut RouteCx, text: &Str) -> CallResult {
    let (user, password) = match text.iter().position(|byte| *byte == b':') {
        Some(at) => (text.slice(..at), Some(text.slice(at + 1..))),
        None => (text.clone(), None),
    };
    change(cx, |uri| Ok(uri.with_user_password(Some(&user), password.as_deref())))
}

fn set_uri(cx: &mut RouteCx, uri: &Str) -> CallResult {
    cx.to.set_uri(uri.clone());
    Ok(Return::TRUE)
}

/// Puts `text` in front of the user part of the request-URI.
#[function(ANY)]
pub fn prefix(cx: &mut RouteCx, text: Str) -> CallResult {
    change(cx, |uri| {
        let mut user = text.to_vec();
        user.extend_from_slice(&uri.user().unwrap_or_default());
        Ok(uri.with_user(Some(&user)))
    })
}

/// Removes the first `count` characters of the user part.
#[function(ANY)]
pub fn strip(cx: &mut RouteCx, count: i64) -> CallResult {
    change(cx, |uri| {
        let user = uri.user().unwrap_or_default();
        let count = usize::try_from(count).unwrap_or(0).min(user.len());
        Ok(uri.with_user(Some(&user[count..])))
    })
}

/// Removes the last `count` characters of the user part.
#[function(ANY)]
pub fn strip_tail(cx: &mut RouteCx, count: i64) -> CallResult {
    change(cx, |uri| {
        let user = uri.user().unwrap_or_default();
        let count = usize::try_from(count).unwrap_or(0).min(user.len());
        Ok(uri.with_user(Some(&user[..user.len() - count])))
    })
}

/// Adds `user=phone` to the request-URI unless it is there.
#[function(ANY)]
pub fn userphone(cx: &mut RouteCx) -> CallResult {
    change(cx, |uri| {
        Ok(if uri.has_param("user") { uri.text().clone() } else { uri.with_param("user", Some(b"phone")) })
    })
}

/// Takes the received request-URI again.
#[function(ANY)]
pub fn revert_uri(cx: &mut RouteCx) -> CallResult {
    cx.to.new_uri = None;
    cx.to.is_new = true;
    Ok(Return::TRUE)
}

/// Removes all further branches.
#[function(ANY)]
pub fn clear_branches(cx: &mut RouteCx) -> CallResult {
    cx.to.branches.clear();
    Ok(Return::TRUE)
}

/// Removes one further branch (the first: 0).
#[function(ANY)]
pub fn remove_branch(cx: &mut RouteCx, index: Option<i64>) -> CallResult {
    let index = usize::try_from(index.unwrap_or(0)).unwrap_or(usize::MAX);
    if index >= cx.to.branches.len() {
        return Ok(Return::FALSE);
    }
    cx.to.branches.remove(index);
    Ok(Return::TRUE)
}

macro_rules! setters {
    ($($name:ident $doc:literal = $set:ident;)+) => {$(
        #[doc = $doc]
        #[function(ANY)]
        pub fn $name(cx: &mut RouteCx, value: Str) -> CallResult {
            $set(cx, &value)
        }
    )+};
}

setters! {
    rewriteuri "Replaces the request-URI." = set_uri;
    seturi "Replaces the request-URI." = set_uri;
    rewritehost "Replaces the host of the request-URI; its port stays." = set_host;
    sethost "Replaces the host of the request-URI; its port stays." = set_host;
    seth "Replaces the host of the request-URI; its port stays." = set_host;
    rewritehostport "Replaces host and port of the request-URI: `host:port`." = set_host_port;
    sethostport "Replaces host and port of the request-URI: `host:port`." = set_host_port;
    sethp "Replaces host and port of the request-URI: `host:port`." = set_host_port;
    rewritehostporttrans "Replaces host, port and transport of the request-URI: `host:port;transport=tcp`." = set_host_port_transport;
    sethostporttrans "Replaces host, port and transport of the request-URI: `host:port;transport=tcp`." = set_host_port_transport;
    sethpt "Replaces host, port and transport of the request-URI: `host:port;transport=tcp`." = set_host_port_transport;
    rewriteport "Replaces the port of the request-URI." = set_port;
    setport "Replaces the port of the request-URI." = set_port;
    setp "Replaces the port of the request-URI." = set_port;
    rewriteuser "Replaces the user part of the request-URI." = set_user;
    setuser "Replaces the user part of the request-URI." = set_user;
    setu "Replaces the user part of the request-URI." = set_user;
    rewriteuserpass "Replaces user and password of the request-URI: `user:password`." = set_user_password;
    setuserpass "Replaces user and password of the request-URI: `user:password`." = set_user_password;
    setup "Replaces user and password of the request-URI: `user:password`." = set_user_password;
}
