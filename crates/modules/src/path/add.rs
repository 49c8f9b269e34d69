//! `add_path()` and its relatives.

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use sip::{Condition, Dynamic, HeaderName, Insert};

use super::{Path, received};

/// Refuses what would end the header or the URI in it.
fn check_text(text: &Str) -> Result<(), ScriptError> {
    match text.iter().find(|byte| matches!(byte, b'\r' | b'\n' | 0 | b'<' | b'>')) {
        Some(_) => Err(ScriptError::new(format!("`{text}` cannot be part of a Path"))),
        None => Ok(()),
    }
}

/// What a Path is made of.
#[derive(Default)]
struct Wanted {
    /// In place of the address of the socket.
    address: Option<Str>,
    user: Option<Str>,
    params: Option<Str>,
    /// With the address that the request came from.
    received: bool,
}

impl Path {
    fn add(&self, cx: &mut RouteCx, wanted: Wanted) -> CallResult {
        [&wanted.address, &wanted.user, &wanted.params].into_iter().flatten().try_for_each(check_text)?;
        let mut start = b"Path: <sip:".to_vec();
        if let Some(user) = wanted.user.filter(|user| !user.is_empty()) {
            start.extend_from_slice(&user);
            start.push(b'@');
        }
        let mut tail = b";lr".to_vec();
        if wanted.received {
            tail.extend([b";", &*self.params.received_name, b"="].concat());
            tail.extend(received::write(cx.source, cx.received.protocol, self.format));
        }
        if let Some(params) = wanted.params.filter(|params| !params.is_empty()) {
            tail.push(b';');
            tail.extend_from_slice(&params);
        }
        tail.extend_from_slice(if self.params.enable_r2 { b";r2=on>\r\n" } else { b">\r\n" });
        let mut lines: Vec<Insert> = vec![start.clone().into()];
        match wanted.address {
            Some(address) => lines.push(address.into()),
            None => lines.extend([Dynamic::SentAll.into(), self.sent_name()]),
        }
        lines.push(tail.clone().into());
        if self.params.enable_r2 {
            lines.extend([start.into(), Dynamic::ReceivedAll.into(), self.received_name(cx).into(), tail.into()]);
        }
        let at = match cx.message.header(HeaderName::Path) {
            Some(first) => first.range().start,
            None => cx.message.headers_end(),
        };
        cx.message.edits_mut().insert_before(at, lines);
        Ok(Return::TRUE)
    }

    /// The name of the socket that the request leaves by.
    fn sent_name(&self) -> Insert {
        if !self.params.sockname_mode {
            return Insert::NOTHING;
        }
        let name: Vec<Insert> = vec![";sn=".into(), Dynamic::SentName.into()];
        Insert::When(Condition::NamedSocket, std::sync::Arc::new(name.into()))
    }

    /// The name of the socket that the request came by.
    fn received_name(&self, cx: &RouteCx) -> String {
        let name = cx.core.socket(cx.received.socket).and_then(|socket| socket.name.as_deref());
        name.filter(|_| self.params.sockname_mode).map_or_else(String::new, |name| format!(";sn={name}"))
    }
}

fn filled(address: Str) -> Result<Option<Str>, ScriptError> {
    if address.is_empty() { Err(ScriptError::new("the address for Path is empty")) } else { Ok(Some(address)) }
}

/// Inserts a Path header with the address of the socket that the request leaves by, above those that are there already
/// (below one that this script has just added): `Path: <sip:192.0.2.1;lr>`. `user` goes before the address, `params`
/// (`name=value`, without the first semicolon) behind `lr`.
#[function(REQUEST)]
pub fn add_path(cx: &mut RouteCx, me: &Path, user: Option<Str>, params: Option<Str>) -> CallResult {
    me.add(cx, Wanted { user, params, ..Wanted::default() })
}

/// `add_path` with the address that the request came from as `;received=sip:198.51.100.1:5062`: behind a NAT this is
/// how the phone is reached. Parameter `use_received` makes `loose_route` go there.
#[function(REQUEST)]
pub fn add_path_received(cx: &mut RouteCx, me: &Path, user: Option<Str>, params: Option<Str>) -> CallResult {
    me.add(cx, Wanted { user, params, received: true, ..Wanted::default() })
}

/// `add_path` with the given address (`host` or `host:port`) in place of that of the socket the request leaves by.
#[function(REQUEST)]
pub fn add_path_advertised_address(
    cx: &mut RouteCx,
    me: &Path,
    address: Str,
    user: Option<Str>,
    params: Option<Str>,
) -> CallResult {
    me.add(cx, Wanted { address: filled(address)?, user, params, received: false })
}

/// `add_path_received` with the given address (`host` or `host:port`) in place of that of the socket the request leaves
/// by.
#[function(REQUEST)]
pub fn add_path_received_advertised_address(
    cx: &mut RouteCx,
    me: &Path,
    address: Str,
    user: Option<Str>,
    params: Option<Str>,
) -> CallResult {
    me.add(cx, Wanted { address: filled(address)?, user, params, received: true })
}
