//! Questions about texts: telephone numbers, digits, letters.

use engine::{CallResult, Return, RouteCx, ScriptError, function};
use sip::{NameAddr, Uri};

use super::Siputils;
use super::arguments::Text;

/// What is no text at all, or not of the wanted kind of number.
const NO_NUMBER: Return = Return(-2);
/// Characters that may not be there.
const OTHER_CHARACTERS: Return = Return(-3);

/// `+` and at least two digits, not longer than `limit`.
pub(super) fn is_e164_number(text: &[u8], limit: usize) -> bool {
    match text.split_first() {
        Some((b'+', digits)) => digits.len() >= 2 && text.len() <= limit && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// True for an E.164 number: `+` and digits, at most `e164_max_len` characters together.
#[function(REQUEST | FAILURE | LOCAL)]
pub fn is_e164(_cx: &mut RouteCx, me: &Siputils, number: Text) -> CallResult {
    Ok(is_e164_number(&number.or_empty(), me.params.e164_max_len).into())
}

/// True when the user of a URI is an E.164 number. The URI may have a name and angle brackets around it.
#[function(ANY)]
pub fn is_uri_user_e164(_cx: &mut RouteCx, me: &Siputils, uri: Text) -> CallResult {
    let text = uri.or_empty();
    if text.is_empty() {
        return Ok(Return::FALSE);
    }
    let bare = NameAddr::parse(text.clone()).filter(|address| address.bracketed).map_or(text, |address| address.uri);
    let uri = Uri::parse(bare).map_err(|error| ScriptError::new(error.to_string()))?;
    // Of `tel:` URIs the number is no user, as in Kamailio.
    let user = uri.user_bytes().filter(|_| uri.scheme().is_sip()).unwrap_or_default();
    Ok(is_e164_number(user, me.params.e164_max_len).into())
}

/// True for digits with an optional `+` before them; -2 for anything else.
#[function(ANY)]
pub fn is_tel_number(_cx: &mut RouteCx, text: Text) -> CallResult {
    let text = text.or_empty();
    let digits = text.strip_prefix(b"+").unwrap_or(&text);
    Ok(if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) { Return::TRUE } else { NO_NUMBER })
}

/// True for digits only; -2 for anything else.
#[function(ANY)]
pub fn is_numeric(_cx: &mut RouteCx, text: Text) -> CallResult {
    let text = text.or_empty();
    Ok(if !text.is_empty() && text.iter().all(u8::is_ascii_digit) { Return::TRUE } else { NO_NUMBER })
}

/// True for ASCII letters and digits only; -2 for an empty text, -3 for other characters.
#[function(ANY)]
pub fn is_alphanum(_cx: &mut RouteCx, text: Text) -> CallResult {
    Ok(letters(&text.or_empty(), b""))
}

/// Like `is_alphanum`; the characters of `others` are allowed too.
#[function(ANY)]
pub fn is_alphanumex(_cx: &mut RouteCx, text: Text, others: Text) -> CallResult {
    Ok(letters(&text.or_empty(), &others.or_empty()))
}

fn letters(text: &[u8], others: &[u8]) -> Return {
    if text.is_empty() {
        NO_NUMBER
    } else if text.iter().all(|byte| byte.is_ascii_alphanumeric() || others.contains(byte)) {
        Return::TRUE
    } else {
        OTHER_CHARACTERS
    }
}
