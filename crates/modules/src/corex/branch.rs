//! `append_branch`.

use engine::{Branch, CallResult, Return, RouteCx, ScriptError, Str, function};

/// A preference from 0 to 1 in thousandths: digits after the third do not count.
fn preference(text: &Str) -> Option<i32> {
    let (whole, fraction) = match text.as_utf8()?.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (text.as_utf8()?, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: i32 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let thousandths = fraction.bytes().chain(*b"000").take(3).fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'));
    Some(whole.checked_mul(1000)?.checked_add(thousandths)?).filter(|q| *q <= 1000)
}

/// Adds a further branch, for parallel forking or a redirection: `uri` with the preference `q` ("0.5").
///
/// The branch gets the next hop (`$du`), path, sending socket and branch flags that are set for the request-URI. Without
/// `uri`, or when it is empty, the branch is the request-URI itself, and next hop, path, socket and flags move to it: they
/// are no longer set afterwards. Returns 1; -1 when there are `max_branches` already or `q` is no preference.
#[function(REQUEST | FAILURE)]
pub fn append_branch(cx: &mut RouteCx, uri: Option<Str>, q: Option<Str>) -> CallResult {
    let q = match q.filter(|q| !q.is_empty()) {
        Some(q) => Some(preference(&q).ok_or_else(|| ScriptError::new(format!("`{q}` is no preference from 0 to 1")))?),
        None => None,
    };
    // The request-URI is a branch, too.
    if cx.to.branches.len() as i64 + 1 >= cx.core.settings.max_branches {
        return Err(ScriptError::new("too many branches (max_branches)"));
    }
    let request_uri = cx.request_uri();
    let to = &mut cx.to;
    let branch = match uri.filter(|uri| !uri.is_empty()) {
        Some(uri) => Branch {
            uri,
            destination: to.destination.clone(),
            path: to.path.clone(),
            q,
            socket: to.socket,
            flags: to.flags,
            ..Branch::default()
        },
        None => Branch {
            uri: request_uri,
            destination: to.destination.take(),
            path: to.path.take(),
            q,
            socket: to.socket.take(),
            flags: std::mem::take(&mut to.flags),
            ruid: to.ruid.take(),
            instance: to.instance.take(),
            user_agent: to.user_agent.take(),
            reg_id: std::mem::take(&mut to.reg_id),
            connection: 0,
        },
    };
    to.branches.push(branch);
    Ok(Return::TRUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences() {
        for (text, q) in [("0.5", 500), ("1", 1000), (".5", 500), ("0.1234", 123), ("0", 0), ("1.000", 1000), ("0.", 0)]
        {
            assert_eq!(preference(&Str::from(text)), Some(q), "{text}");
        }
        for text in ["1.5", "-1", "abc", ".", "2", "0.x", "99999999999"] {
            assert_eq!(preference(&Str::from(text)), None, "{text}");
        }
    }
}
