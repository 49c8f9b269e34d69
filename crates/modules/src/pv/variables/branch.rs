//! Branches: `$branch(..)`, `$sbranch(..)`, `$br`, `$ds`.

use engine::{Branch, Index, RouteCx, ScriptError, Str, Value, variable};

use super::super::static_branch::{self, Attribute, StaticBranch};
use super::names::inner_name;

inner_name!(Attribute {
    "uri" => Self::Uri,
    "dst_uri" => Self::DestinationUri,
    "path" => Self::Path,
    "q" => Self::Q,
    "send_socket" => Self::SendSocket,
    "flags" => Self::Flags,
    "count" => Self::Count,
    "ruid" => Self::Ruid,
    "instance" => Self::Instance,
    "location_ua" => Self::LocationUa,
    "otcpid" => Self::Connection,
});

/// The branch an index means: the first without one and with `[*]`.
fn position(cx: &RouteCx, index: Index) -> Option<usize> {
    let index = if index == Index::All { Index::None } else { index };
    index.position(cx.to.branches.len())
}

/// An attribute of a further branch (not of the request-URI); `[n]` of the n-th one, `[-1]` of the last. `uri`,
/// `dst_uri`, `path`, `q` (in thousandths), `send_socket`, `flags`, `ruid`, `instance`, `location_ua`, `otcpid` can be
/// assigned; `$null` for `uri` removes the branch. `count`: how many branches there are, `$null` when there are none.
#[variable("branch", set = set_branch)]
pub fn branch(cx: &RouteCx, attribute: Attribute, index: Index) -> Value {
    if attribute == Attribute::Count {
        // Without branches there is no count, as in Kamailio.
        return Some(cx.to.branches.len()).filter(|count| *count > 0).into();
    }
    position(cx, index).map_or(Value::Null, |at| static_branch::read(cx, &cx.to.branches[at], attribute))
}

fn set_branch(cx: &mut RouteCx, attribute: Attribute, index: Index, value: Value) -> Result<(), ScriptError> {
    if attribute == Attribute::Count {
        return Ok(());
    }
    let at = position(cx, index).ok_or_else(|| ScriptError::new("there is no such branch"))?;
    if attribute == Attribute::Uri && value.is_null() {
        cx.to.branches.remove(at);
        return Ok(());
    }
    let socket = if attribute == Attribute::SendSocket { static_branch::socket_named(cx, &value)? } else { None };
    static_branch::write(&mut cx.to.branches[at], attribute, value, socket)
}

/// An attribute of the static branch, which `sbranch_set_ruri()` and `sbranch_append()` use; the names are those of
/// `$branch(..)`. `$null` before `uri` is assigned.
#[variable("sbranch", set = set_sbranch)]
pub fn sbranch(cx: &RouteCx, attribute: Attribute) -> Value {
    if attribute == Attribute::Count {
        return cx.to.branches.len().into();
    }
    match cx.find_data::<StaticBranch>() {
        Some(StaticBranch(branch)) if !branch.uri.is_empty() => static_branch::read(cx, branch, attribute),
        _ => Value::Null,
    }
}

fn set_sbranch(cx: &mut RouteCx, attribute: Attribute, value: Value) -> Result<(), ScriptError> {
    let socket = if attribute == Attribute::SendSocket { static_branch::socket_named(cx, &value)? } else { None };
    let branch = &mut cx.data::<StaticBranch>().0;
    if attribute == Attribute::Uri && value.is_null() {
        *branch = Branch::default();
        return Ok(());
    }
    static_branch::write(branch, attribute, value, socket)
}

/// A preference in thousandths as SIP writes it: `0.5`.
fn preference(q: i32) -> String {
    let q = q.clamp(0, 1000);
    match q % 1000 {
        0 => (q / 1000).to_string(),
        rest => format!("0.{}", format!("{rest:03}").trim_end_matches('0')),
    }
}

fn contact(out: &mut Vec<u8>, uri: &Str, q: Option<i32>, brackets: bool) {
    match q {
        Some(q) => out.extend_from_slice(&[&b"<"[..], uri, b">;q=", preference(q).as_bytes()].concat()),
        None if brackets => out.extend_from_slice(&[&b"<"[..], uri, b">"].concat()),
        None => out.extend_from_slice(uri),
    }
}

/// The first further branch. Assigning a URI adds a branch.
#[variable("br", set = set_br)]
pub fn br(cx: &RouteCx) -> Value {
    let Some(branch) = cx.to.branches.first() else { return Value::Null };
    let mut out = Vec::new();
    contact(&mut out, &branch.uri, branch.q, false);
    out.into()
}

fn set_br(cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
    match value {
        Value::Str(uri) if !uri.is_empty() => static_branch::append(cx, Branch { uri, ..Branch::default() }),
        _ => Err(ScriptError::new("a branch is a URI")),
    }
}

/// All further branches, separated by a comma and a blank.
#[variable("bR")]
pub fn brs(cx: &RouteCx) -> Value {
    let mut out = Vec::new();
    for (at, branch) in cx.to.branches.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        contact(&mut out, &branch.uri, branch.q, false);
    }
    if out.is_empty() { Value::Null } else { out.into() }
}

/// All destinations as a Contact header: the new request-URI, if the script changed it, and the branches.
#[variable("ds")]
pub fn ds(cx: &RouteCx) -> Value {
    let first = cx.to.new_uri.iter().map(|uri| (uri, cx.to.q));
    let all = first.chain(cx.to.branches.iter().map(|branch| (&branch.uri, branch.q)));
    let mut out = Vec::new();
    for (uri, q) in all {
        out.extend_from_slice(if out.is_empty() { &b"Contact: "[..] } else { b", " });
        contact(&mut out, uri, q, true);
    }
    if out.is_empty() { Value::Null } else { out.into() }
}

/// The identifier of the location record that `lookup` chose for the request-URI.
#[variable("ruid")]
pub fn ruid(cx: &RouteCx) -> Value {
    cx.to.ruid.clone().into()
}

/// The User-Agent of the location record that `lookup` chose for the request-URI.
#[variable("location_ua")]
pub fn location_ua(cx: &RouteCx) -> Value {
    cx.to.user_agent.clone().into()
}

#[cfg(test)]
mod tests {
    use super::preference;

    #[test]
    fn preferences() {
        let shown = [0, 1, 70, 500, 123, 1000, 2000].map(preference);
        assert_eq!(shown, ["0", "0.001", "0.07", "0.5", "0.123", "1", "1"]);
    }
}
