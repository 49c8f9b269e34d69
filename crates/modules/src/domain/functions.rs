//! The script functions.

use engine::{CallResult, Return, RouteCx, Str, function};
use sip::Uri;

use super::Domain;

/// Whether the host of a URI is one of the domains.
fn is_host_local(me: &Domain, uri: Option<Str>) -> CallResult {
    let host = uri.and_then(|uri| Uri::parse(uri).ok());
    Ok(host.is_some_and(|uri| me.domains.read().has(uri.host_bytes())).into())
}

/// True when the host in From is one of our domains.
#[function(REQUEST | FAILURE | BRANCH | LOCAL)]
pub fn is_from_local(cx: &mut RouteCx, me: &Domain) -> CallResult {
    is_host_local(me, cx.message.from().ok().flatten().map(|from| from.uri.clone()))
}

/// True when the host of the request-URI (in a branch route: of the branch) is one of our domains.
#[function(REQUEST | FAILURE | BRANCH | LOCAL)]
pub fn is_uri_host_local(cx: &mut RouteCx, me: &Domain) -> CallResult {
    is_host_local(me, Some(cx.request_uri()))
}

/// True when `domain` is one of our domains, in upper or lower case.
#[function(REQUEST | FAILURE | BRANCH | LOCAL)]
pub fn is_domain_local(_cx: &mut RouteCx, me: &Domain, domain: Str) -> CallResult {
    Ok(me.domains.read().has(&domain).into())
}

/// True when `domain` is one of our domains; then its id goes into the AVP `did`, and each of its attributes into the AVP of
/// its name. `prefix` stands before all these names.
#[function(REQUEST | FAILURE | BRANCH | LOCAL)]
pub fn lookup_domain(cx: &mut RouteCx, me: &Domain, domain: Str, prefix: Option<Str>) -> CallResult {
    let domains = me.domains();
    let Some(known) = domains.find(&domain) else { return Ok(Return::FALSE) };
    let prefix = prefix.unwrap_or_default();
    let name = |name: &[u8]| Str::from([&*prefix, name].concat());
    cx.avps.push(&name(b"did"), known.did.clone().into());
    for attribute in domains.attributes(&known.did) {
        cx.avps.push(&name(&attribute.name), attribute.value.clone());
    }
    Ok(Return::TRUE)
}
