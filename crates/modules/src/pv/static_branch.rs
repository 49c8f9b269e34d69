//! The attributes of a branch: of one in the destination set (`$branch(..)`), and of the static branch (`$sbranch(..)`),
//! which a script fills before it becomes the request-URI or a further branch.

use engine::{Branch, RouteCx, ScriptError, Str, Value};

use super::variables::socket_text;

/// The static branch of a message.
#[derive(Default)]
pub struct StaticBranch(pub Branch);

/// An attribute in `$branch(name)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attribute {
    Uri,
    DestinationUri,
    Path,
    Q,
    SendSocket,
    Flags,
    Count,
    Ruid,
    Instance,
    LocationUa,
    Connection,
}

/// Reads an attribute of a branch.
pub fn read(cx: &RouteCx, branch: &Branch, attribute: Attribute) -> Value {
    match attribute {
        Attribute::Uri => Value::from(&branch.uri),
        Attribute::DestinationUri => Value::from(branch.destination.clone()),
        Attribute::Path => Value::from(branch.path.clone()),
        Attribute::Q => Value::from(branch.q),
        Attribute::SendSocket => Value::from(branch.socket.and_then(|id| cx.core.socket(id)).map(socket_text)),
        Attribute::Flags => Value::from(branch.flags),
        Attribute::Count => Value::Null,
        Attribute::Ruid => Value::from(branch.ruid.clone()),
        Attribute::Instance => Value::from(branch.instance.clone()),
        Attribute::LocationUa => Value::from(branch.user_agent.clone()),
        Attribute::Connection => Value::Int(i64::try_from(branch.connection).unwrap_or(i64::MAX)),
    }
}

/// A text, or none for `$null` and the empty text.
fn text(value: Value) -> Result<Option<Str>, ScriptError> {
    match value {
        Value::Null => Ok(None),
        Value::Str(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Value::Int(_) => Err(ScriptError::new("this attribute of a branch takes a text")),
    }
}

fn number(value: &Value) -> Result<i64, ScriptError> {
    match value {
        Value::Null => Ok(0),
        Value::Int(number) => Ok(*number),
        Value::Str(_) => Err(ScriptError::new("this attribute of a branch takes a number")),
    }
}

/// Changes an attribute of a branch; `socket` is the socket that a text names, see [`socket_named`]. The URI and the
/// count are the caller's business.
pub fn write(
    branch: &mut Branch,
    attribute: Attribute,
    value: Value,
    socket: Option<transport::SocketId>,
) -> Result<(), ScriptError> {
    match attribute {
        Attribute::Uri => branch.uri = text(value)?.ok_or_else(|| ScriptError::new("the URI of a branch is empty"))?,
        Attribute::DestinationUri => branch.destination = text(value)?,
        Attribute::Path => branch.path = text(value)?,
        Attribute::Q => {
            branch.q = if value.is_null() { None } else { i32::try_from(number(&value)?).ok().filter(|q| *q >= 0) }
        }
        Attribute::SendSocket => branch.socket = socket,
        Attribute::Flags => branch.flags = number(&value)? as u32,
        Attribute::Count => {}
        Attribute::Ruid => branch.ruid = text(value)?,
        Attribute::Instance => branch.instance = text(value)?,
        Attribute::LocationUa => branch.user_agent = text(value)?,
        Attribute::Connection => branch.connection = u64::try_from(number(&value)?).unwrap_or(0),
    }
    Ok(())
}

/// The local socket that a value names; an error when there is none such.
pub fn socket_named(cx: &RouteCx, value: &Value) -> Result<Option<transport::SocketId>, ScriptError> {
    match value {
        Value::Null => Ok(None),
        Value::Str(text) => cx
            .core
            .find_socket(&text.to_text())
            .map(Some)
            .ok_or_else(|| ScriptError::new(format!("`{text}` is no local socket"))),
        Value::Int(_) => Err(ScriptError::new("a socket is written `udp:1.2.3.4:5060`")),
    }
}

/// Adds a further branch, up to `max_branches` together with the request-URI.
pub fn append(cx: &mut RouteCx, branch: Branch) -> Result<(), ScriptError> {
    if cx.to.branches.len() as i64 + 1 >= cx.core.settings.max_branches {
        return Err(ScriptError::new("too many branches (max_branches)"));
    }
    cx.to.branches.push(branch);
    Ok(())
}
