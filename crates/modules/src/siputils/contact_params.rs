//! Contacts kept inside a parameter of another URI: `<sip:proxy;ksu=c2lwOmFAYg>`.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use sip::Uri;

/// Base64URL (RFC 4648 section 5) without padding; with padding it is read too.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The URI of a contact as bytes, and whether it stands in angle brackets.
pub(super) type Change<'a> = &'a mut dyn FnMut(&Str, bool) -> Result<Option<Vec<u8>>, ScriptError>;

/// Replaces the URIs of all contacts by what `change` makes of them; nothing is changed when one of them fails.
pub(super) fn change_contacts(cx: &mut RouteCx, change: Change<'_>) -> CallResult {
    let mut replacements = Vec::new();
    if let Some(contacts) = cx.message.contacts().map_err(|error| ScriptError::new(error.to_string()))? {
        for contact in &contacts.list {
            let Some(start) = cx.message.buffer().offset_of(&contact.uri) else { continue };
            if let Some(text) = change(&contact.uri, contact.bracketed)? {
                replacements.push((start..start + contact.uri.len(), text));
            }
        }
    }
    for (range, text) in replacements {
        cx.message.edits_mut().replace(range, text);
    }
    Ok(Return::TRUE)
}

fn parse(uri: &Str) -> Result<Uri, ScriptError> {
    Uri::parse(uri.clone()).map_err(|error| ScriptError::new(format!("wrong URI `{uri}`: {error}")))
}

/// The URI in parameter `name`; `None` when there is no such parameter or it is empty.
fn decoded(uri: &Uri, name: &Str) -> Result<Option<Str>, ScriptError> {
    let Some(value) = uri.param(&**name).filter(|value| !value.is_empty()) else { return Ok(None) };
    let text = BASE64.decode(&*value).map_err(|_| ScriptError::new(format!("`{value}` is no Base64URL")))?;
    parse(&Str::from(text)).map(|inner| Some(inner.text().clone()))
}

/// Replaces the URI of each contact by `address` with the old URI in its parameter `name`, in Base64URL.
///
/// Returns 1, also without contacts; -1 when the Contact headers or `address` are malformed.
#[function(REQUEST | ONREPLY)]
pub fn contact_param_encode(cx: &mut RouteCx, name: Str, address: Str) -> CallResult {
    parse(&address)?;
    change_contacts(cx, &mut |uri, bracketed| {
        let (open, close) = if bracketed { ("", "") } else { ("<", ">") };
        Ok(Some(format!("{open}{address};{name}={}{close}", BASE64.encode(uri)).into_bytes()))
    })
}

/// Puts the URI in the parameter `name` of each contact back in the contact's place. Contacts without it stay.
///
/// Returns 1; -1 when a contact is malformed or holds no URI in the parameter.
#[function(REQUEST | ONREPLY)]
pub fn contact_param_decode(cx: &mut RouteCx, name: Str) -> CallResult {
    change_contacts(cx, &mut |uri, _| Ok(decoded(&parse(uri)?, &name)?.map(|inner| inner.to_vec())))
}

/// Makes the URI in the parameter `name` of the request-URI the request-URI. Without it nothing changes.
///
/// Returns 1; -1 when the request-URI is malformed or holds no URI in the parameter.
#[function(REQUEST)]
pub fn contact_param_decode_ruri(cx: &mut RouteCx, name: Str) -> CallResult {
    if let Some(inner) = decoded(&parse(&cx.request_uri())?, &name)? {
        cx.to.set_uri(inner);
    }
    Ok(Return::TRUE)
}

/// Removes the parameter `name` from the URIs of the contacts.
///
/// Returns 1, also when there is none; -1 when a contact is malformed.
#[function(REQUEST | ONREPLY)]
pub fn contact_param_rm(cx: &mut RouteCx, name: Str) -> CallResult {
    change_contacts(cx, &mut |text, _| {
        let uri = parse(text)?;
        Ok(uri.has_param(&*name).then(|| uri.without_param(&*name).to_vec()))
    })
}

/// True when the URI of a contact has the parameter `name`.
#[function(ANY)]
pub fn contact_param_check(cx: &mut RouteCx, name: Str) -> CallResult {
    let contacts = cx.message.contacts().map_err(|error| ScriptError::new(error.to_string()))?;
    let has = |uri: &Uri| uri.has_param(&*name);
    Ok(contacts.is_some_and(|contacts| contacts.list.iter().any(|contact| contact.parsed_uri().is_ok_and(has))).into())
}
