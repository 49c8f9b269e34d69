//! `avp_copy`, `avp_delete`, `is_avp_set`, `avp_print`.

use std::sync::Arc;

use engine::script_type::required;
use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, Str, Value, function,
};

use super::argument::{Avp, Source, flags, parts};

/// The names of AVPs that are texts, numbers, or all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Any,
    Number,
    Text,
}

impl Kind {
    /// `a`, `i` or `s`.
    pub(super) fn parse(text: &str, arg: &ArgSource<'_>) -> Result<Self, Diagnostic> {
        match text.trim() {
            "a" | "A" | "" => Ok(Self::Any),
            "i" | "I" => Ok(Self::Number),
            "s" | "S" => Ok(Self::Text),
            other if other.starts_with(['a', 'A', 'i', 'I', 's', 'S']) => {
                Err(arg.error("flags of AVPs are not supported here", "write `a`, `i`, `s` or `$avp(name)`"))
            }
            other => Err(arg.error(format!("`{other}` is no AVP"), "write `$avp(name)`, `a`, `i` or `s`")),
        }
    }

    /// True when AVPs with this key are meant.
    pub(super) fn fits(self, key: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Number => key.starts_with(b"i:"),
            Self::Text => !key.starts_with(b"i:"),
        }
    }
}

/// The AVP that is copied.
pub(super) struct From(Arc<Avp>);

impl ScriptType for From {
    type Compiled = Arc<Avp>;
    const KIND: &'static str = "AVP";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        Avp::compile(&text(arg, "an AVP")?, arg, env).map(Arc::new)
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// The text of an argument; a variable as it is written.
pub(super) fn text(arg: &ArgSource<'_>, wanted: &str) -> Result<String, Diagnostic> {
    arg.constant(&format!("{wanted}, in quotes"))
}

/// `$avp(new)/gdns`
pub(super) struct To(Arc<(Avp, [bool; 4])>);

impl ScriptType for To {
    type Compiled = Arc<(Avp, [bool; 4])>;
    const KIND: &'static str = "AVP with flags";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = text(arg, "an AVP and flags")?;
        let (name, letters) = name_and_flags(&text, arg)?;
        Ok(Arc::new((Avp::compile(name, arg, env)?, flags(letters, ['g', 'd', 'n', 's'], arg)?)))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// `name` or `name/flags`.
pub(super) fn name_and_flags<'a>(text: &'a str, arg: &ArgSource<'_>) -> Result<(&'a str, &'a str), Diagnostic> {
    match parts(text)[..] {
        [name] => Ok((name, "")),
        [name, letters] => Ok((name, letters)),
        _ => Err(arg.error(format!("`{text}` has too many parts"), "expected `$avp(name)/flags`")),
    }
}

/// Copies the newest value of an AVP to another one: `avp_copy("$avp(old)", "$avp(new)/gd")`. Flags: `g` all values
/// (their order turns round), `d` the old ones go, `n` texts become numbers, `s` numbers become texts.
///
/// Returns 1; -1 when there is no value.
#[function(ANY)]
pub(super) fn avp_copy(cx: &mut RouteCx, old: From, new: To) -> CallResult {
    let (target, [all, delete, to_number, to_text]) = &*new.0;
    let (from, to) = (old.0.key(cx)?, target.key(cx)?);
    let most = if *all { usize::MAX } else { 1 };
    let values: Vec<Value> = cx.avps.values(&from).take(most).cloned().collect();
    if values.is_empty() {
        return Ok(Return::FALSE);
    }
    if *delete {
        if *all {
            cx.avps.remove_all(&from);
        } else {
            cx.avps.pop(&from);
        }
    }
    for value in values {
        let value = match value {
            Value::Str(text) if *to_number => Value::Int(text.parse_int().unwrap_or(0)),
            Value::Int(_) if *to_text => Value::Str(value.to_str()),
            value => value,
        };
        cx.avps.push(&to, value);
    }
    Ok(Return::TRUE)
}

/// What goes.
pub(super) enum Deleted {
    One(Avp, bool),
    Kind(Kind),
}

/// `$avp(name)/g`, `a`, `i`, `s`
pub(super) struct Deletion(Arc<Deleted>);

impl ScriptType for Deletion {
    type Compiled = Arc<Deleted>;
    const KIND: &'static str = "AVP with flags";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = text(arg, "an AVP and flags")?;
        let (name, letters) = name_and_flags(&text, arg)?;
        let [all] = flags(letters, ['g'], arg)?;
        Ok(Arc::new(if name.trim_start().starts_with('$') {
            Deleted::One(Avp::compile(name, arg, env)?, all)
        } else {
            Deleted::Kind(Kind::parse(name, arg)?)
        }))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// Takes the newest value of an AVP away, with the flag `g` all: `avp_delete("$avp(x)/g")`. `a` are all AVPs, `i` those
/// with a number as name, `s` those with a text.
///
/// Returns 1; -1 when there was none.
#[function(REQUEST | FAILURE | BRANCH | LOCAL | ONREPLY)]
pub(super) fn avp_delete(cx: &mut RouteCx, name: Deletion) -> CallResult {
    let is_gone = match &*name.0 {
        Deleted::One(avp, all) => {
            let key = avp.key(cx)?;
            if *all { cx.avps.remove_all(&key) > 0 } else { cx.avps.pop(&key) }
        }
        Deleted::Kind(kind) => {
            let keys: Vec<Str> = cx.avps.iter().filter(|(key, _)| kind.fits(key)).map(|(key, _)| key.clone()).collect();
            keys.iter().filter(|key| cx.avps.remove_all(key) > 0).count() > 0
        }
    };
    Ok(is_gone.into())
}

/// `$avp(name)/esn`
pub(super) struct Asked(Arc<(Source, [bool; 3])>);

impl ScriptType for Asked {
    type Compiled = Arc<(Source, [bool; 3])>;
    const KIND: &'static str = "variable with flags";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = text(arg, "a variable and flags")?;
        let (name, letters) = name_and_flags(&text, arg)?;
        Ok(Arc::new((Source::compile(name, arg, env)?, flags(letters, ['e', 's', 'n'], arg)?)))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// True when an AVP (or another variable) has a value; with flags only when the newest one is empty or 0 (`e`), a text
/// (`s`), a number (`n`).
#[function(REQUEST | FAILURE | BRANCH | LOCAL | ONREPLY)]
pub(super) fn is_avp_set(cx: &mut RouteCx, name: Asked) -> CallResult {
    let (source, [empty, is_text, is_number]) = &*name.0;
    let Some(value) = source.values(cx, false)?.into_iter().next() else { return Ok(Return::FALSE) };
    let fits = match &value {
        Value::Int(number) => !is_text && (!empty || *number == 0),
        Value::Str(text) => !is_number && (!empty || text.is_empty()),
        Value::Null => false,
    };
    // A value cannot be both.
    Ok((fits && !(*is_text && *is_number)).into())
}

/// Writes all AVPs into the log, with level INFO. Returns 1.
#[function(REQUEST | FAILURE | BRANCH | LOCAL | ONREPLY)]
pub(super) fn avp_print(cx: &mut RouteCx) -> CallResult {
    for (key, value) in cx.avps.iter() {
        let kind = if matches!(value, Value::Int(_)) { "number" } else { "text" };
        engine::log!(cx.core.log, Info, "avp {key}: {kind} {}", value.to_str());
    }
    Ok(Return::TRUE)
}
