//! Texts to XAVPs and back: `a=b;c=d`, `one,two`.

use engine::script_type::WritableVariable;
use engine::xavp::{Xlist, Xvalue};
use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function};
use sip::Params;

use super::super::variables::Family;

/// The parameters of a text as named values, in order.
fn parse(text: &Str, separator: u8) -> Result<Xlist, ScriptError> {
    let params = Params::parse_separated(text.clone(), separator).filter(|params| !params.is_empty());
    let params = params.ok_or_else(|| ScriptError::new(format!("`{text}` is no list of parameters")))?;
    let value = |value: Option<&[u8]>| Xvalue::Simple(Value::from(Str::from(value.unwrap_or_default())));
    Ok(Xlist { items: params.iter().map(|param| (Str::from(param.name), value(param.value))).collect() })
}

/// Makes `$xavp(name)` out of parameters `a=b;c="d e";f`: `$xavp(name=>a)` is `b`. All values are texts. False when the
/// text is empty or malformed.
#[function(ANY)]
pub fn xavp_params_explode(cx: &mut RouteCx, params: Str, name: Str) -> CallResult {
    let list = parse(&params, b';')?;
    cx.xavps.xavp.push(name, Xvalue::List(list));
    Ok(Return::TRUE)
}

/// The same with another separator than `;`: its first character counts.
#[function(ANY)]
pub fn xavp_xparams_explode(cx: &mut RouteCx, params: Str, separator: Str, name: Str) -> CallResult {
    let separator = *separator.first().ok_or_else(|| ScriptError::new("the separator is empty"))?;
    let list = parse(&params, separator)?;
    cx.xavps.xavp.push(name, Xvalue::List(list));
    Ok(Return::TRUE)
}

/// Makes `$xavu(name)` out of parameters `a=b;c=d`: `$xavu(name=>a)` is `b`. What it held before is replaced.
#[function(ANY)]
pub fn xavu_params_explode(cx: &mut RouteCx, params: Str, name: Str) -> CallResult {
    let mut unique = Xlist::default();
    for (key, value) in parse(&params, b';')?.items {
        // One value per name: the last one counts.
        match unique.get_mut(&key, 0, false) {
            Some(place) => *place = value,
            None => unique.items.push((key, value)),
        }
    }
    let value = Xvalue::List(unique);
    match cx.xavps.xavu.get_mut(&name, 0, false) {
        Some(place) => *place = value,
        None => cx.xavps.xavu.push(name, value),
    }
    Ok(Return::TRUE)
}

fn implode(cx: &mut RouteCx, family: Family, name: &[u8], quotes: &[u8], target: &WritableVariable) -> CallResult {
    let Some(Xvalue::List(list)) = family.list(&cx.xavps).get(name, 0, false) else { return Ok(Return::FALSE) };
    let mut out = Vec::new();
    for (key, value) in &list.items {
        let Xvalue::Simple(value) = value else { continue };
        out.extend_from_slice(key);
        let value = value.to_str();
        if !value.is_empty() {
            out.push(b'=');
            out.extend_from_slice(quotes);
            out.extend_from_slice(&value);
            out.extend_from_slice(quotes);
        }
        out.push(b';');
    }
    target.0.set(cx, Value::from(out))?;
    Ok(Return::TRUE)
}

/// Writes the values of the newest `$xavp(name)` as parameters `a=b;c=d;` into a variable. False when there is none.
#[function(ANY)]
pub fn xavp_params_implode(cx: &mut RouteCx, name: Str, target: WritableVariable) -> CallResult {
    implode(cx, Family::Xavp, &name, b"", &target)
}

/// The same with the values in quotes: `a="b";c="d";`.
#[function(ANY)]
pub fn xavp_params_implode_qval(cx: &mut RouteCx, name: Str, target: WritableVariable) -> CallResult {
    implode(cx, Family::Xavp, &name, b"\"", &target)
}

/// Writes the values of `$xavu(name)` as parameters `a=b;c=d;` into a variable. False when there is none.
#[function(ANY)]
pub fn xavu_params_implode(cx: &mut RouteCx, name: Str, target: WritableVariable) -> CallResult {
    implode(cx, Family::Xavu, &name, b"", &target)
}

/// Cuts a text at any of the separator characters and makes `$xavp(name=>v[0])`, `[1]` .. of the pieces that are not
/// empty. Mode `t`: white space around them is removed. False when the text is empty.
#[function(ANY)]
pub fn xavp_slist_explode(cx: &mut RouteCx, text: Str, separators: Str, mode: Str, name: Str) -> CallResult {
    if text.is_empty() || separators.is_empty() {
        return Err(ScriptError::new("the list or its separators are empty"));
    }
    let trim = mode.contains(&b't');
    let pieces = text.split(|byte| separators.contains(byte)).map(|piece| {
        let piece = text.slice_ref(piece);
        if trim { piece.trim() } else { piece }
    });
    let item = |piece: Str| (Str::from_static("v"), Xvalue::Simple(Value::Str(piece)));
    let items: Vec<_> = pieces.filter(|piece| !piece.is_empty()).map(item).collect();
    if items.is_empty() {
        return Ok(Return::FALSE);
    }
    cx.xavps.xavp.push(name, Xvalue::List(Xlist { items }));
    Ok(Return::TRUE)
}
