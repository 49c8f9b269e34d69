//! Script functions over the table of addresses.

use std::net::IpAddr;

use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};

use super::Permissions;

impl Permissions {
    /// Looks an address up and sets the tag; the group of what matched.
    fn match_address(
        &self,
        cx: &mut RouteCx,
        group: Option<u32>,
        address: IpAddr,
        port: i64,
    ) -> Result<Option<u32>, ScriptError> {
        let Some(table) = self.addresses() else { return Ok(None) };
        let Some(entry) = table.find(group, address, port) else { return Ok(None) };
        self.set_tag(cx, entry.tag.as_deref())?;
        Ok(Some(entry.group))
    }

    /// The same for a text: an address, or else a host's name, which is not resolved.
    fn match_text(
        &self,
        cx: &mut RouteCx,
        group: Option<u32>,
        text: &Str,
        port: i64,
    ) -> Result<Option<u32>, ScriptError> {
        if text.is_empty() {
            return Err(ScriptError::new("the address is empty"));
        }
        let text = text.to_text();
        let bare = text.strip_prefix('[').and_then(|bare| bare.strip_suffix(']')).unwrap_or(&text);
        if let Ok(address) = bare.parse() {
            return self.match_address(cx, group, address, port);
        }
        let Some(table) = self.addresses() else { return Ok(None) };
        let Some(entry) = table.find_name(group, &text, port) else { return Ok(None) };
        self.set_tag(cx, entry.tag.as_deref())?;
        Ok(Some(entry.group))
    }
}

/// The number of a group as a result.
fn group_result(group: Option<u32>) -> Return {
    group.and_then(|group| i32::try_from(group).ok()).map_or(Return::FALSE, Return)
}

/// True when the address and port are in a group of the table of addresses: as a host, in a network, or, when `address` is a
/// host's name, as that name, which is not resolved. Rows with port 0 match any port. The tag of the row goes into the AVP
/// of `peer_tag_avp`.
#[function(ANY)]
pub fn allow_address(cx: &mut RouteCx, me: &Permissions, group: i64, address: Str, port: i64) -> CallResult {
    let Ok(group) = u32::try_from(group) else { return Ok(Return::FALSE) };
    Ok(me.match_text(cx, Some(group), &address, port)?.is_some().into())
}

/// `allow_address` for the source address and port of the message; without `group` it is 1.
#[function(ANY)]
pub fn allow_source_address(cx: &mut RouteCx, me: &Permissions, group: Option<i64>) -> CallResult {
    let Ok(group) = u32::try_from(group.unwrap_or(1)) else { return Ok(Return::FALSE) };
    let source = cx.source;
    Ok(me.match_address(cx, Some(group), source.ip(), source.port().into())?.is_some().into())
}

/// The group that the address and port are in: the first one that is found. -1: in none.
#[function(ANY)]
pub fn allow_address_group(cx: &mut RouteCx, me: &Permissions, address: Str, port: i64) -> CallResult {
    me.match_text(cx, None, &address, port).map(group_result)
}

/// `allow_address_group` for the source address and port of the message.
#[function(ANY)]
pub fn allow_source_address_group(cx: &mut RouteCx, me: &Permissions) -> CallResult {
    let source = cx.source;
    me.match_address(cx, None, source.ip(), source.port().into()).map(group_result)
}
