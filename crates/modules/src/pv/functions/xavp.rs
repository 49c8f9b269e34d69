//! Functions on XAVPs by name: copy, remove, set, rotate; and to and from `$var`.

use engine::xavp::{Xlist, Xvalue};
use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function};

use super::super::variables::Family;

fn index(value: i64) -> Option<i64> {
    Some(value).filter(|value| *value >= 0)
}

/// Copies `$xavp(source[index])`: to the end of the stack `target`, or, with a fourth argument, in place of
/// `$xavp(target[target_index])`. False when the source or the place is missing.
#[function(ANY)]
pub fn xavp_copy(
    cx: &mut RouteCx,
    source: Str,
    source_index: i64,
    target: Str,
    target_index: Option<i64>,
) -> CallResult {
    let list = &mut cx.xavps.xavp;
    let value = index(source_index).and_then(|at| list.get(&source, at, false)).cloned();
    let value = value.ok_or_else(|| ScriptError::new(format!("there is no `$xavp({source}[{source_index}])`")))?;
    match target_index {
        Some(at) => match index(at).and_then(|at| list.get_mut(&target, at, false)) {
            Some(place) => *place = value,
            None => return Err(ScriptError::new(format!("there is no `$xavp({target}[{at}])`"))),
        },
        None => match list.items.iter().rposition(|(name, _)| *name == target) {
            Some(last) => list.items.insert(last + 1, (target, value)),
            None => list.push(target, value),
        },
    }
    Ok(Return::TRUE)
}

fn remove(cx: &mut RouteCx, family: Family, name: &[u8], all: bool) -> CallResult {
    let list = family.list_mut(&mut cx.xavps);
    if all {
        list.remove_all(name, family.ignores_case());
    } else if let Some(at) = list.find(name, 0, family.ignores_case()) {
        list.items.remove(at);
    }
    Ok(Return::TRUE)
}

/// Removes the newest `$xavp(name)`, if there is one.
#[function(ANY)]
pub fn xavp_rm(cx: &mut RouteCx, name: Str) -> CallResult {
    remove(cx, Family::Xavp, &name, false)
}

/// Removes all values of `$xavp(name)`.
#[function(ANY)]
pub fn xavp_rm_all(cx: &mut RouteCx, name: Str) -> CallResult {
    remove(cx, Family::Xavp, &name, true)
}

/// Removes the newest `$xavi(name)`, if there is one.
#[function(ANY)]
pub fn xavi_rm(cx: &mut RouteCx, name: Str) -> CallResult {
    remove(cx, Family::Xavi, &name, false)
}

/// Removes all values of `$xavi(name)`.
#[function(ANY)]
pub fn xavi_rm_all(cx: &mut RouteCx, name: Str) -> CallResult {
    remove(cx, Family::Xavi, &name, true)
}

fn set_child(cx: &mut RouteCx, family: Family, root: Str, child: Str, value: Value) -> CallResult {
    let ignore_case = family.ignores_case();
    let (list, value) = (family.list_mut(&mut cx.xavps), Xvalue::Simple(value));
    if let Some(Xvalue::List(inner)) = list.get_mut(&root, 0, ignore_case) {
        match inner.get_mut(&child, 0, ignore_case) {
            Some(place) => *place = value,
            None => inner.push(child, value),
        }
        return Ok(Return::TRUE);
    }
    let value = Xvalue::List(Xlist { items: vec![(child, value)] });
    match list.get_mut(&root, 0, ignore_case) {
        Some(place) => *place = value,
        None => list.push(root, value),
    }
    Ok(Return::TRUE)
}

/// Sets `child` of the newest `$xavp(root)` to a number; makes it when it is missing.
#[function(ANY)]
pub fn xavp_child_seti(cx: &mut RouteCx, root: Str, child: Str, number: i64) -> CallResult {
    set_child(cx, Family::Xavp, root, child, Value::Int(number))
}

/// Sets `child` of the newest `$xavp(root)` to a text; makes it when it is missing.
#[function(ANY)]
pub fn xavp_child_sets(cx: &mut RouteCx, root: Str, child: Str, text: Str) -> CallResult {
    set_child(cx, Family::Xavp, root, child, Value::Str(text))
}

/// Sets `child` of the newest `$xavi(root)` to a number; makes it when it is missing.
#[function(ANY)]
pub fn xavi_child_seti(cx: &mut RouteCx, root: Str, child: Str, number: i64) -> CallResult {
    set_child(cx, Family::Xavi, root, child, Value::Int(number))
}

/// Sets `child` of the newest `$xavi(root)` to a text; makes it when it is missing.
#[function(ANY)]
pub fn xavi_child_sets(cx: &mut RouteCx, root: Str, child: Str, text: Str) -> CallResult {
    set_child(cx, Family::Xavi, root, child, Value::Str(text))
}

fn remove_child(cx: &mut RouteCx, family: Family, root: &[u8], child: &[u8]) -> CallResult {
    let ignore_case = family.ignores_case();
    if let Some(Xvalue::List(inner)) = family.list_mut(&mut cx.xavps).get_mut(root, 0, ignore_case)
        && let Some(at) = inner.find(child, 0, ignore_case)
    {
        inner.items.remove(at);
    }
    Ok(Return::TRUE)
}

/// Removes `child` of the newest `$xavp(root)`, if it is there.
#[function(ANY)]
pub fn xavp_child_rm(cx: &mut RouteCx, root: Str, child: Str) -> CallResult {
    remove_child(cx, Family::Xavp, &root, &child)
}

/// Removes `child` of the newest `$xavi(root)`, if it is there.
#[function(ANY)]
pub fn xavi_child_rm(cx: &mut RouteCx, root: Str, child: Str) -> CallResult {
    remove_child(cx, Family::Xavi, &root, &child)
}

/// Rotates the stack `$xavp(name)`: the value at `index` becomes the newest, those before it the oldest. An index beyond
/// the stack is taken modulo its height; a negative one counts from the oldest. False when there is no such value.
#[function(ANY)]
pub fn xavp_lshift(cx: &mut RouteCx, name: Str, index: i64) -> CallResult {
    let items = &mut cx.xavps.xavp.items;
    let places: Vec<usize> = items.iter().enumerate().filter(|(_, (key, _))| *key == name).map(|(at, _)| at).collect();
    if places.is_empty() {
        return Ok(Return::FALSE);
    }
    let by = index.rem_euclid(places.len() as i64) as usize;
    let mut values: Vec<Xvalue> = places.iter().map(|at| items[*at].1.clone()).collect();
    values.rotate_left(by);
    for (at, value) in places.into_iter().zip(values) {
        items[at].1 = value;
    }
    Ok(Return::TRUE)
}

/// Makes `$xavp(name)` out of the script variable `$var(variable)`, or of all with `*`. What `$xavp(name)` held before is
/// removed. False when the script has no such variable.
#[function(ANY)]
pub fn pv_var_to_xavp(cx: &mut RouteCx, variable: Str, name: Str) -> CallResult {
    cx.xavps.xavp.remove_all(&name, false);
    let program = cx.program().cloned();
    let names = program.as_ref().map_or(&[][..], |program| &program.var_names[..]);
    let wanted = |known: &str| &*variable == b"*" || variable == known;
    let value = |slot: usize| Xvalue::Simple(cx.vars.get(slot as u32));
    let items: Vec<_> = names
        .iter()
        .enumerate()
        .filter(|(_, known)| wanted(known))
        .map(|(slot, known)| (Str::from(known.as_str()), value(slot)))
        .collect();
    if items.is_empty() {
        return Err(ScriptError::new(format!("the script has no variable `$var({variable})`")));
    }
    cx.xavps.xavp.push(name, Xvalue::List(Xlist { items }));
    Ok(Return::TRUE)
}

/// Copies the values of the newest `$xavp(name)` into the script variables of their names. False when there is none.
#[function(ANY)]
pub fn pv_xavp_to_var(cx: &mut RouteCx, name: Str) -> CallResult {
    let Some(Xvalue::List(list)) = cx.xavps.xavp.get(&name, 0, false).cloned() else {
        return Err(ScriptError::new(format!("there is no `$xavp({name})` that is a list")));
    };
    let Some(program) = cx.program().cloned() else { return Ok(Return::FALSE) };
    // From the oldest to the newest, so that the newest of a name stays. A variable that no line of the script names
    // cannot be read by anything: it is left out.
    for (key, value) in list.items.into_iter().rev() {
        let slot = program.var_names.iter().position(|known| key == known.as_str());
        if let (Some(slot), Xvalue::Simple(value)) = (slot, value) {
            cx.vars.set(slot as u32, value);
        }
    }
    Ok(Return::TRUE)
}
