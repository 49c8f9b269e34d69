//! Authorization and Proxy-Authorization.

use sip::{Credentials, Message};

use super::checks::{Checked, Fault};

/// Check 2048: all credentials are Digest and complete. Another scheme is a fault without a reply, as in Kamailio.
pub(super) fn digest_only(message: &Message) -> Checked {
    check(message, |_| Err(Fault { silent: true, ..Fault::bad_request("Bad Auth Header") }))
}

/// Check 8192: Digest credentials are complete; other schemes are not looked at.
pub(super) fn any_scheme(message: &Message) -> Checked {
    check(message, |_| Ok(()))
}

fn check(message: &Message, other_scheme: fn(&Credentials) -> Checked) -> Checked {
    for list in [message.authorization(), message.proxy_authorization()] {
        let list = list.map_err(|_| Fault::bad_request("Bad Auth Header"))?;
        for credentials in list {
            if credentials.is_digest() { complete(credentials)? } else { other_scheme(credentials)? }
        }
    }
    Ok(())
}

fn complete(credentials: &Credentials) -> Checked {
    // `Digest username`, a field without a value.
    if credentials.params.iter().any(|param| param.value.is_none()) {
        return Err(Fault::bad_request("Bad Auth Header"));
    }
    if !credentials.is_complete() {
        return Err(Fault::bad_request("Bad Auth Credentials"));
    }
    if credentials.username().is_none_or(|user| user.is_empty()) {
        return Err(Fault::bad_request("Auth Empty User"));
    }
    Ok(())
}
