//! Profiles: named groups of dialogs, counted.

use std::sync::Arc;

use engine::script_type::{WritableVariable, required};
use engine::{
    ArgSource, CallResult, Code, CompileEnv, Diagnostic, Expression, Return, RouteCx, ScriptError, ScriptType,
    ScriptVariable, Str, Value, function,
};
use hashbrown::HashMap;
use parking_lot::Mutex;

use super::Dialogs;
use super::call::{Dialog, Stage, own};
use super::current::Pending;

/// Memberships that a dialog may have.
const MAX_OF_DIALOG: usize = 64;

/// A profile.
pub(super) struct Profile {
    pub(super) name: Str,
    pub(super) has_value: bool,
    /// Members by value; those of a profile without values have the empty one.
    members: Mutex<HashMap<Str, usize>>,
}

impl Profile {
    /// How many dialogs are in it, with this value or at all.
    pub(super) fn size(&self, value: Option<&[u8]>) -> usize {
        let members = self.members.lock();
        match value.filter(|_| self.has_value) {
            Some(value) => members.get(value).copied().unwrap_or(0),
            None => members.values().sum(),
        }
    }

    fn add(&self, value: &Str) {
        *self.members.lock().entry(value.clone()).or_insert(0) += 1;
    }

    fn take(&self, value: &Str) {
        let mut members = self.members.lock();
        if let Some(count) = members.get_mut(value) {
            *count -= 1;
            if *count == 0 {
                members.remove(value);
            }
        }
    }
}

/// Reads `profiles_with_value` and `profiles_no_value`.
pub(super) fn parse(with_value: &Str, without: &Str) -> Result<Vec<Profile>, (&'static str, String)> {
    let mut profiles: Vec<Profile> = Vec::new();
    for (param, text, has_value) in [("profiles_with_value", with_value, true), ("profiles_no_value", without, false)] {
        for name in text.to_text().split(';').map(str::trim).filter(|name| !name.is_empty()) {
            if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err((param, format!("`{name}` is no name of a profile")));
            }
            if profiles.iter().any(|profile| *profile.name == *name.as_bytes()) {
                return Err((param, format!("the profile `{name}` is declared twice")));
            }
            profiles.push(Profile { name: Str::from(name), has_value, members: Mutex::default() });
        }
    }
    Ok(profiles)
}

impl Dialogs {
    pub(super) fn profile(&self, name: &[u8]) -> Option<(usize, &Profile)> {
        self.profiles.iter().enumerate().find(|(_, profile)| *profile.name == *name)
    }

    /// Puts a dialog into a profile.
    pub(super) fn join(&self, dialog: &Dialog, profile: usize, value: &Str) -> Result<(), ScriptError> {
        let mut state = dialog.lock();
        if state.stage == Stage::Ended {
            return Err(ScriptError::new("the dialog is over"));
        }
        if state.profiles.len() >= MAX_OF_DIALOG {
            return Err(ScriptError::new(format!("the dialog is in {MAX_OF_DIALOG} profiles already")));
        }
        let value = own(value);
        self.profiles[profile].add(&value);
        state.profiles.push((profile, value));
        Ok(())
    }

    /// Takes a dialog out of all profiles.
    pub(super) fn leave_all(&self, profiles: &mut Vec<(usize, Str)>) {
        for (profile, value) in profiles.drain(..) {
            self.profiles[profile].take(&value);
        }
    }
}

/// A profile: its name is known at load, or a variable.
pub struct ProfileArg(usize);

/// A constant name, looked up, or what the name is made of.
pub enum ProfileSource {
    /// Known at load.
    Known(usize),
    /// With the module, for looking it up.
    Named(Arc<Dialogs>, Expression),
}

impl ScriptType for ProfileArg {
    type Compiled = ProfileSource;
    const KIND: &'static str = "profile";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<ProfileSource, Diagnostic> {
        let arg = required(arg)?;
        let me = env.module::<Dialogs>(arg.span())?;
        let expression = env.text(arg)?;
        match expression.constant() {
            Some(name) => {
                let name = name.to_str();
                me.profile(&name).map(|(at, _)| ProfileSource::Known(at)).ok_or_else(|| {
                    let message = format!("there is no dialog profile `{name}`");
                    Diagnostic::error(
                        Code::Argument,
                        message,
                        arg.span(),
                        "not in `profiles_with_value` or `profiles_no_value`",
                    )
                })
            }
            None => Ok(ProfileSource::Named(me, expression)),
        }
    }
    fn eval(compiled: &ProfileSource, cx: &RouteCx) -> Result<Self, ScriptError> {
        match compiled {
            ProfileSource::Known(at) => Ok(Self(*at)),
            ProfileSource::Named(me, expression) => {
                let name = expression.eval(cx).into_str();
                let found = me.profile(&name).map(|(at, _)| Self(at));
                found.ok_or_else(|| ScriptError::new(format!("there is no dialog profile `{name}`")))
            }
        }
    }
}

/// The value for a profile; none for one without values.
fn value_for(me: &Dialogs, profile: &ProfileArg, value: Option<Str>) -> Result<Str, ScriptError> {
    let profile = &me.profiles[profile.0];
    if !profile.has_value {
        return Ok(Str::EMPTY);
    }
    value.ok_or_else(|| ScriptError::new(format!("profile `{}` needs a value", profile.name)))
}

/// Puts the current dialog into a profile, with a value when the profile has values. Before the dialog is made: it is put
/// there when it is. A dialog may be in a profile several times.
#[function(REQUEST | FAILURE | BRANCH | ONREPLY)]
pub fn set_dlg_profile(cx: &mut RouteCx, me: &Dialogs, profile: ProfileArg, value: Option<Str>) -> CallResult {
    let value = value_for(me, &profile, value)?;
    match me.current(cx) {
        Some(dialog) => me.join(&dialog, profile.0, &value)?,
        None => {
            let pending = cx.data::<Pending>();
            if pending.profiles.len() >= MAX_OF_DIALOG {
                return Err(ScriptError::new("the dialog would be in too many profiles"));
            }
            pending.profiles.push((profile.0, value));
        }
    }
    Ok(Return::TRUE)
}

/// Takes the current dialog out of a profile, once. False when it is not in it.
#[function(REQUEST | FAILURE | BRANCH | ONREPLY)]
pub fn unset_dlg_profile(cx: &mut RouteCx, me: &Dialogs, profile: ProfileArg, value: Option<Str>) -> CallResult {
    let value = value_for(me, &profile, value)?;
    let dialog = me.current(cx).ok_or_else(no_dialog)?;
    let mut state = dialog.lock();
    let Some(at) = state.profiles.iter().position(|(number, with)| *number == profile.0 && *with == value) else {
        return Ok(Return::FALSE);
    };
    state.profiles.remove(at);
    me.profiles[profile.0].take(&value);
    Ok(Return::TRUE)
}

/// True when the current dialog is in a profile, with this value when the profile has values.
#[function(ANY)]
pub fn is_in_profile(cx: &mut RouteCx, me: &Dialogs, profile: ProfileArg, value: Option<Str>) -> CallResult {
    let value = value_for(me, &profile, value)?;
    let Some(dialog) = me.current(cx) else { return Ok(Return::FALSE) };
    let state = dialog.lock();
    Ok(state.profiles.iter().any(|(number, with)| *number == profile.0 && *with == value).into())
}

/// A value, or the variable for the size when nothing follows.
pub struct ValueOrVariable {
    value: Value,
    variable: Option<Arc<dyn ScriptVariable>>,
}

impl ScriptType for ValueOrVariable {
    type Compiled = (Expression, Option<Arc<dyn ScriptVariable>>);
    const KIND: &'static str = "value or variable";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let variable = env.variable_argument(arg, true).ok().map(Arc::from);
        Ok((env.text(arg)?, variable))
    }
    fn eval((expression, variable): &Self::Compiled, cx: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self { value: expression.eval(cx), variable: variable.clone() })
    }
}

/// Writes into a variable how many dialogs are in a profile: `get_profile_size("all", "$var(n)")`, or with a value:
/// `get_profile_size("caller", "$fu", "$var(n)")`.
#[function(ANY)]
pub fn get_profile_size(
    cx: &mut RouteCx,
    me: &Dialogs,
    profile: ProfileArg,
    value: ValueOrVariable,
    size: Option<WritableVariable>,
) -> CallResult {
    let profile = &me.profiles[profile.0];
    let (count, variable) = match (size, value.variable) {
        (Some(size), _) => {
            if value.value.is_null() {
                return Err(ScriptError::new("the value of the profile is $null"));
            }
            (profile.size(Some(&value.value.to_str())), size.0)
        }
        (None, Some(variable)) => (profile.size(None), variable),
        (None, None) => return Err(ScriptError::new("no variable for the size")),
    };
    variable.set(cx, Value::Int(count as i64))?;
    Ok(Return::TRUE)
}

pub(super) fn no_dialog() -> ScriptError {
    ScriptError::new("the message is of no dialog")
}
