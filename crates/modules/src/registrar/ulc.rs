//! `$ulc(profile=>attribute)`: the contacts that a script fetched.

use engine::variable::{InnerName, missing_inner};
use engine::{
    CallResult, Code, CompileEnv, Diagnostic, Index, Return, RouteCx, ScriptError, Str, Value, function, variable,
};
use language::ast::Variable;

use super::Registrar;
use crate::core_hash::core_hash;
use crate::usrloc::{Contact, TableName, Usrloc};

/// The profiles of a message.
#[derive(Default)]
struct Profiles(Vec<Profile>);

struct Profile {
    name: Str,
    table: Str,
    aor: Str,
    contacts: Vec<Contact>,
}

/// Keeps contacts with a message under a name.
pub(super) fn store(cx: &mut RouteCx, name: Str, table: &Str, aor: &Str, contacts: Vec<Contact>) {
    let profiles = &mut cx.data::<Profiles>().0;
    profiles.retain(|profile| profile.name != name);
    profiles.push(Profile { name, table: table.clone(), aor: aor.clone(), contacts });
}

/// Fetches the contacts of `uri`'s user for `$ulc(profile=>..)`. Returns 1, or -1 when there are none.
#[function(REQUEST | FAILURE)]
pub async fn reg_fetch_contacts(
    cx: &mut RouteCx,
    me: &Registrar,
    table: TableName,
    uri: Str,
    profile: engine::script_type::Constant,
) -> CallResult {
    cx.data::<Profiles>().0.retain(|old| old.name != profile.0);
    let aor = me.aor(&uri).map_err(|_| ScriptError::new(format!("`{uri}` is no address of record")))?;
    let contacts = me.usrloc.usable_contacts(&table.0, &aor).await.map_err(super::registered::failed)?;
    if contacts.is_empty() {
        return Ok(Return::FALSE);
    }
    store(cx, profile.0, &table.0.name, &aor, contacts);
    Ok(Return::TRUE)
}

/// Forgets what `reg_fetch_contacts` fetched.
#[function(REQUEST | FAILURE)]
pub fn reg_free_contacts(cx: &mut RouteCx, profile: engine::script_type::Constant) -> CallResult {
    cx.data::<Profiles>().0.retain(|old| old.name != profile.0);
    Ok(Return::TRUE)
}

/// What `$ulc` can show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Attribute {
    Aor,
    Domain,
    AorHash,
    Count,
    Address,
    Path,
    Received,
    Expires,
    CallId,
    Q,
    Cseq,
    Flags,
    Cflags,
    UserAgent,
    Socket,
    Modified,
    Methods,
    Ruid,
    RegId,
    Instance,
    Connection,
    ServerId,
}

const ATTRIBUTES: &[(&str, Attribute)] = &[
    ("aor", Attribute::Aor),
    ("domain", Attribute::Domain),
    ("aorhash", Attribute::AorHash),
    ("count", Attribute::Count),
    ("addr", Attribute::Address),
    ("path", Attribute::Path),
    ("received", Attribute::Received),
    ("expires", Attribute::Expires),
    ("callid", Attribute::CallId),
    ("q", Attribute::Q),
    ("cseq", Attribute::Cseq),
    ("flags", Attribute::Flags),
    ("cflags", Attribute::Cflags),
    ("user_agent", Attribute::UserAgent),
    ("socket", Attribute::Socket),
    ("modified", Attribute::Modified),
    ("methods", Attribute::Methods),
    ("ruid", Attribute::Ruid),
    ("regid", Attribute::RegId),
    ("instance", Attribute::Instance),
    ("conid", Attribute::Connection),
    ("server_id", Attribute::ServerId),
];

/// `profile=>attribute`.
pub(crate) struct UlcName {
    profile: Str,
    attribute: Attribute,
}

impl InnerName for UlcName {
    type Compiled = (Str, Attribute);
    fn compile(variable: &Variable, _: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        let wrong = |text: String| Diagnostic::error(Code::UnknownVariable, text, inner.span, "here");
        let Some((profile, attribute)) = inner.node.split_once("=>") else {
            return Err(wrong("`$ulc` is written `$ulc(profile=>attribute)`".into()));
        };
        let attribute = attribute.trim();
        match ATTRIBUTES.iter().find(|(name, _)| *name == attribute) {
            Some((_, known)) => Ok((Str::from(profile.trim()), *known)),
            None => Err(wrong(format!("`$ulc` has no attribute `{attribute}`"))
                .did_you_mean(attribute, ATTRIBUTES.iter().map(|(name, _)| *name))),
        }
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Self {
        Self { profile: compiled.0.clone(), attribute: compiled.1 }
    }
}

/// An attribute of the contacts that `reg_fetch_contacts` fetched, `$(ulc(profile=>addr)[i])`; without index that of
/// the first one. In `event_route[usrloc:contact-expired]` the profile is `exp`.
#[variable("ulc")]
pub(crate) fn ulc(cx: &RouteCx, me: &Registrar, name: UlcName, index: Index) -> Value {
    let Some(profiles) = cx.find_data::<Profiles>() else { return Value::Null };
    let Some(profile) = profiles.0.iter().find(|profile| profile.name == name.profile) else { return Value::Null };
    // As in Kamailio only a positive index counts.
    let at = match index {
        Index::At(at) => usize::try_from(at).unwrap_or(0),
        Index::None | Index::All => 0,
    };
    match name.attribute {
        Attribute::Aor => Value::from(&profile.aor),
        Attribute::Domain => Value::from(&profile.table),
        Attribute::AorHash => Value::from(core_hash(&[&profile.aor])),
        Attribute::Count => Value::from(profile.contacts.len()),
        attribute => profile.contacts.get(at).map_or(Value::Null, |contact| value(&me.usrloc, contact, attribute)),
    }
}

fn value(usrloc: &Usrloc, contact: &Contact, attribute: Attribute) -> Value {
    let text = |text: &Option<Str>| Value::Str(text.clone().unwrap_or_default());
    match attribute {
        Attribute::Address => Value::from(&contact.uri),
        Attribute::Path => text(&contact.path),
        Attribute::Received => text(&contact.received),
        Attribute::Expires => Value::from(contact.expires),
        Attribute::CallId => Value::from(&contact.call_id),
        Attribute::Q => contact.q.map_or(Value::Int(-1), Value::from),
        Attribute::Cseq => Value::from(contact.cseq),
        Attribute::Flags => Value::from(contact.flags),
        Attribute::Cflags => Value::from(contact.cflags),
        Attribute::UserAgent => Value::from(&contact.user_agent),
        Attribute::Socket => Value::from(usrloc.socket_name(contact.socket)),
        Attribute::Modified => Value::from(contact.modified),
        Attribute::Methods => Value::from(contact.methods),
        Attribute::Ruid => Value::from(&contact.ruid),
        Attribute::RegId => Value::from(contact.reg_id),
        Attribute::Instance => contact.instance.as_ref().into(),
        Attribute::Connection => contact.connection.and_then(|id| i64::try_from(id.0).ok()).into(),
        Attribute::ServerId => Value::from(contact.server_id),
        Attribute::Aor | Attribute::Domain | Attribute::AorHash | Attribute::Count => Value::Null,
    }
}
