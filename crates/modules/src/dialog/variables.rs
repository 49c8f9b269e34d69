//! `$dlg_var(..)`, `$dlg(..)`, `$dlg_ctx(..)`, `$DLG_count`, `$DLG_status`, `$DLG_lifetime`.

use engine::variable::{InnerName, missing_inner};
use engine::{Code, CompileEnv, Core, Diagnostic, RouteCx, ScriptError, Str, Value, variable};
use language::ast::Variable;

use super::Dialogs;
use super::call::{Dialog, Party, State};
use super::current::{Current, Pending};
use super::functions::shown;

/// Variables that a message may have before its dialog is made.
const MAX_PENDING: usize = 256;

/// A text that is kept with the dialog, under any name. Before the dialog is made it is kept with the message and moves
/// to the dialog then. `= $null` takes it away; numbers are refused.
#[variable("dlg_var", set = set_dlg_var)]
pub(super) fn dlg_var(cx: &RouteCx, me: &Dialogs, name: Str) -> Value {
    let value = match me.current(cx) {
        Some(dialog) => dialog.variable(&name),
        None => cx.find_data::<Pending>().and_then(|pending| {
            pending.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
        }),
    };
    value.map_or(Value::Null, Value::Str)
}

fn set_dlg_var(cx: &mut RouteCx, me: &Dialogs, name: Str, value: Value) -> Result<(), ScriptError> {
    let value = match value {
        Value::Str(text) => Some(text),
        Value::Null => None,
        Value::Int(_) => return Err(ScriptError::new("$dlg_var takes texts only")),
    };
    if let Some(dialog) = me.current(cx) {
        return dialog.set_variable(&name, value.as_ref());
    }
    let variables = &mut cx.data::<Pending>().variables;
    variables.retain(|(known, _)| *known != name);
    if let Some(value) = value {
        if variables.len() >= MAX_PENDING {
            return Err(ScriptError::new("too many variables for the dialog"));
        }
        variables.push((name, value));
    }
    Ok(())
}

/// A field of a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// First number.
    Entry,
    /// Second number.
    Id,
    /// Call-ID.
    CallId,
    /// URI in From.
    FromUri,
    /// URI in To.
    ToUri,
    /// Stage.
    State,
    /// When it was answered.
    Start,
    /// Lifetime.
    Lifetime,
    /// Script flags.
    Flags,
    /// Of a party.
    Of(Side, PartyField),
}

/// Whose field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The caller's.
    Caller,
    /// The callee's.
    Callee,
}

/// A field of a party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartyField {
    /// Tag.
    Tag,
    /// CSeq number.
    Cseq,
    /// Route set.
    Routes,
    /// Contact.
    Contact,
    /// Socket.
    Socket,
}

const FIELDS: &[(&str, Field)] = &[
    ("h_entry", Field::Entry),
    ("h_id", Field::Id),
    ("callid", Field::CallId),
    ("from_uri", Field::FromUri),
    ("to_uri", Field::ToUri),
    ("state", Field::State),
    ("start_ts", Field::Start),
    ("lifetime", Field::Lifetime),
    ("sflags", Field::Flags),
    ("from_tag", Field::Of(Side::Caller, PartyField::Tag)),
    ("to_tag", Field::Of(Side::Callee, PartyField::Tag)),
    ("from_cseq", Field::Of(Side::Caller, PartyField::Cseq)),
    ("to_cseq", Field::Of(Side::Callee, PartyField::Cseq)),
    ("from_rs", Field::Of(Side::Caller, PartyField::Routes)),
    ("to_rs", Field::Of(Side::Callee, PartyField::Routes)),
    ("from_contact", Field::Of(Side::Caller, PartyField::Contact)),
    ("to_contact", Field::Of(Side::Callee, PartyField::Contact)),
    ("from_bindaddr", Field::Of(Side::Caller, PartyField::Socket)),
    ("to_bindaddr", Field::Of(Side::Callee, PartyField::Socket)),
];

/// Looks a name up in a table of fields.
fn field<T: Copy>(variable: &Variable, fields: &[(&'static str, T)]) -> Result<T, Diagnostic> {
    let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
    let found = fields.iter().find(|(name, _)| **name == *inner.node);
    found.map(|(_, field)| *field).ok_or_else(|| {
        let message = format!("`${}` has no field `{}`", variable.name, inner.node);
        Diagnostic::error(Code::UnknownVariable, message, inner.span, "unknown")
            .did_you_mean(&inner.node, fields.iter().map(|(name, _)| *name))
    })
}

impl InnerName for Field {
    type Compiled = Self;
    fn compile(variable: &Variable, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        field(variable, FIELDS)
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Self {
        *compiled
    }
}

/// Empty texts have no value.
fn text(text: &Str) -> Value {
    if text.is_empty() { Value::Null } else { Value::Str(text.clone()) }
}

/// A socket as `udp:127.0.0.1:5060`.
pub(super) fn socket_name(core: &Core, party: &Party) -> Option<String> {
    let socket = core.socket(party.socket?)?;
    Some(format!("{}:{}", socket.protocol.name(), socket.address))
}

impl PartyField {
    fn of(self, core: &Core, party: &Party, is_caller: bool) -> Value {
        match self {
            Self::Tag => text(&party.tag),
            Self::Cseq if is_caller && party.cseq == 0 => Value::Null,
            Self::Cseq => Str::from(party.cseq.to_string()).into(),
            Self::Routes => text(&Str::from(party.routes.join(&b","[..]))),
            Self::Contact => text(&party.contact),
            Self::Socket => socket_name(core, party).map_or(Value::Null, |name| Str::from(name).into()),
        }
    }
}

fn of_state(core: &Core, dialog: &Dialog, state: &State, field: Field) -> Value {
    match field {
        Field::Entry => i64::from(dialog.id.entry).into(),
        Field::Id => i64::from(dialog.id.number).into(),
        Field::CallId => Value::Str(dialog.call_id.clone()),
        Field::FromUri => Value::Str(dialog.from_uri.clone()),
        Field::ToUri => Value::Str(dialog.to_uri.clone()),
        Field::State => state.stage.number().into(),
        Field::Start => (state.started.unwrap_or(0) / 1_000_000).into(),
        Field::Lifetime => state.lifetime.into(),
        Field::Flags => i64::from(state.flags).into(),
        Field::Of(Side::Caller, field) => field.of(core, &state.caller, true),
        Field::Of(Side::Callee, field) => {
            state.callee.as_ref().map_or(Value::Null, |callee| field.of(core, callee, false))
        }
    }
}

/// A field of the message's dialog: its numbers `h_entry` and `h_id`, `callid`, `from_uri`, `to_uri`, `from_tag`, `to_tag`,
/// `state` (1 to 5), `start_ts` (seconds since 1970; 0 before the answer), `lifetime`, `sflags` (flags of the script), and
/// of caller (`from_`) and callee (`to_`): `cseq`, `rs` (route set), `contact`, `bindaddr` (our socket). `$null` without
/// dialog, those of the callee before the answer.
#[variable("dlg")]
pub(super) fn dlg(cx: &RouteCx, me: &Dialogs, field: Field) -> Value {
    let Some(dialog) = me.current(cx) else { return Value::Null };
    let state = dialog.lock();
    of_state(&cx.core, &dialog, &state, field)
}

/// What `$dlg_ctx` can show and set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// `dlg_manage` was called.
    Set,
    /// Lifetime.
    Timeout,
    /// BYE at its end.
    TimeoutBye,
    /// Route at its end.
    TimeoutRoute,
}

const SETTINGS: &[(&str, Setting)] = &[
    ("set", Setting::Set),
    ("timeout", Setting::Timeout),
    ("timeout_bye", Setting::TimeoutBye),
    ("timeout_route", Setting::TimeoutRoute),
];

impl InnerName for Setting {
    type Compiled = Self;
    fn compile(variable: &Variable, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        field(variable, SETTINGS)
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Self {
        *compiled
    }
}

/// Settings of the dialog, which may be made before the dialog is: `timeout`, its lifetime in seconds; `timeout_bye`, 1:
/// it is ended with BYE requests when its lifetime is over; `timeout_route`, the name of a route that runs then, before
/// that. `set` is 1 after `dlg_manage` (read only).
#[variable("dlg_ctx", set = set_dlg_ctx)]
pub(super) fn dlg_ctx(cx: &RouteCx, me: &Dialogs, setting: Setting) -> Value {
    let dialog = me.current(cx);
    let pending = cx.find_data::<Pending>().cloned().unwrap_or_default();
    let (lifetime, bye, route) = match &dialog {
        Some(dialog) => {
            let state = dialog.lock();
            (state.lifetime, state.timeout_bye, state.timeout_route.clone())
        }
        None => (pending.timeout, pending.timeout_bye, pending.timeout_route),
    };
    match setting {
        Setting::Set => i64::from(cx.find_data::<Current>().is_some_and(|current| current.managed)).into(),
        Setting::Timeout => lifetime.into(),
        Setting::TimeoutBye => i64::from(bye).into(),
        Setting::TimeoutRoute => text(&route),
    }
}

fn set_dlg_ctx(cx: &mut RouteCx, me: &Dialogs, setting: Setting, value: Value) -> Result<(), ScriptError> {
    let number = || value.to_int().ok_or_else(|| ScriptError::new("this field of $dlg_ctx takes a number"));
    let dialog = me.current(cx);
    match setting {
        Setting::Set => return Err(ScriptError::new("$dlg_ctx(set) is read-only")),
        Setting::Timeout => match dialog {
            Some(dialog) => me.set_lifetime(&dialog, number()?)?,
            None => cx.data::<Pending>().timeout = number()?,
        },
        Setting::TimeoutBye => {
            let bye = number()? != 0;
            match dialog {
                Some(dialog) => dialog.lock().timeout_bye = bye,
                None => cx.data::<Pending>().timeout_bye = bye,
            }
        }
        Setting::TimeoutRoute => {
            let route = if value.is_null() { Str::EMPTY } else { super::call::own(&value.to_str()) };
            match dialog {
                Some(dialog) => dialog.lock().timeout_route = route,
                None => cx.data::<Pending>().timeout_route = route,
            }
        }
    }
    Ok(())
}

/// How many answered dialogs there are.
#[variable("DLG_count")]
pub(super) fn dlg_count(_cx: &RouteCx, me: &Dialogs) -> Value {
    me.counters.active.get().into()
}

/// The stage of the dialog of a request within it, after `loose_route`: 3 answered, 4 with ACK, 5 over. `$null` in other
/// messages.
#[variable("DLG_status")]
pub(super) fn dlg_status(cx: &RouteCx, me: &Dialogs) -> Value {
    shown(cx, me).map_or(Value::Null, |dialog| dialog.stage().number().into())
}

/// Seconds since the dialog was answered, in the same messages as `$DLG_status`.
#[variable("DLG_lifetime")]
pub(super) fn dlg_lifetime(cx: &RouteCx, me: &Dialogs) -> Value {
    let started = shown(cx, me).and_then(|dialog| dialog.lock().started);
    started.map_or(Value::Null, |started| (cx.core.unix_time() - started / 1_000_000).into())
}
