//! Remote-Party-ID from an AVP.

use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function};
use sip::{NameAddr, Uri};

use super::Siputils;
use super::numbers::is_e164_number;

/// The key of an AVP written `$avp(name)` or `$avp(s:name)`.
pub(super) fn avp_key(text: &str) -> Option<Str> {
    let inner = text.trim().strip_prefix("$avp(")?.strip_suffix(')')?;
    let name = inner.strip_prefix("s:").or_else(|| inner.strip_prefix("S:")).unwrap_or(inner);
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    (plain && !name.is_empty()).then(|| Str::from(name))
}

impl Siputils {
    /// The value of `rpid_avp`; `None` when it has none or an empty one.
    fn rpid(&self, cx: &RouteCx) -> Result<Option<Str>, ScriptError> {
        let key = self.rpid_avp.as_ref().ok_or("parameter rpid_avp is empty")?;
        Ok(match cx.avps.get(key) {
            Value::Str(text) if !text.is_empty() => Some(text),
            _ => None,
        })
    }

    fn append_rpid(&self, cx: &mut RouteCx, prefix: &Str, suffix: &Str) -> CallResult {
        let Some(value) = self.rpid(cx)? else { return Ok(Return::FALSE) };
        let line = [b"Remote-Party-ID: ", &**prefix, &*value, &**suffix, b"\r\n"].concat();
        let end = cx.message.headers_end();
        cx.message.edits_mut().insert_before(end, line);
        Ok(Return::TRUE)
    }
}

/// Appends a Remote-Party-ID header: parameter `rpid_prefix`, the AVP of parameter `rpid_avp`, parameter `rpid_suffix`.
/// False when the AVP has no value.
#[function(REQUEST | FAILURE | BRANCH)]
pub fn append_rpid_hf(cx: &mut RouteCx, me: &Siputils) -> CallResult {
    me.append_rpid(cx, &me.params.rpid_prefix, &me.params.rpid_suffix)
}

/// Appends a Remote-Party-ID header: `prefix`, the AVP of parameter `rpid_avp`, `suffix`.
#[function(REQUEST | FAILURE | BRANCH, name = "append_rpid_hf")]
pub fn append_rpid_hf_with(cx: &mut RouteCx, me: &Siputils, prefix: Str, suffix: Str) -> CallResult {
    me.append_rpid(cx, &prefix, &suffix)
}

/// True when the AVP of parameter `rpid_avp` holds a URI whose user is an E.164 number.
#[function(REQUEST)]
pub fn is_rpid_user_e164(cx: &mut RouteCx, me: &Siputils) -> CallResult {
    let Some(value) = me.rpid(cx)? else { return Ok(Return::FALSE) };
    let bare = NameAddr::parse(value.clone()).filter(|address| address.bracketed).map_or(value, |address| address.uri);
    let uri = Uri::parse(bare).map_err(|error| ScriptError::new(error.to_string()))?;
    Ok(is_e164_number(uri.user_bytes().unwrap_or_default(), me.params.e164_max_len).into())
}

#[cfg(test)]
mod tests {
    use super::avp_key;

    #[test]
    fn keys() {
        for (text, key) in
            [("$avp(rpid)", Some("rpid")), ("$avp(s:rpid)", Some("rpid")), ("rpid", None), ("$avp()", None)]
        {
            assert_eq!(avp_key(text).map(|key| key.to_string()), key.map(str::to_owned));
        }
    }
}
