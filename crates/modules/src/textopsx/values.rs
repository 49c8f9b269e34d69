//! `append_hf_value` and its relatives: single values and parameters of headers that list them.

use std::ops::Range;

use engine::{CallResult, Return, RouteCx, Str, function};
use sip::Message;

use super::list::{self, Item, List, lists};
use super::target::{Assigned, Pick, Place, Removed, Set, Target};

/// Where a value stands: which header of that name, which value in it.
fn locate(lists: &[List], pick: Pick) -> Option<(usize, usize)> {
    let mut at = pick.position(lists.iter().map(|list| list.items.len()).sum())?;
    for (header, list) in lists.iter().enumerate() {
        if at < list.items.len() {
            return Some((header, at));
        }
        at -= list.items.len();
    }
    None
}

/// The value of `pick` when no edit took it away: adding to it would leave text in the middle of nothing.
fn locate_alive(message: &Message, lists: &[List], pick: Pick) -> Option<(usize, usize)> {
    locate(lists, pick).filter(|&(header, at)| {
        let list = &lists[header];
        !message.edits().deletes(list.line.clone()) && !removed(message, &list.items[at])
    })
}

fn removed(message: &Message, item: &Item) -> bool {
    list::removed(message.edits(), &item.text)
}

/// A new header line at the end of the headers.
fn add_line(cx: &mut RouteCx, name: &Str, value: &Str) {
    let at = cx.message.headers_end();
    cx.message.edits_mut().insert_before(at, line(name, value));
}

fn line(name: &Str, value: &Str) -> Str {
    Str::from([&**name, b": ", value, b"\r\n"].concat())
}

/// Adds a value behind an item; an empty item becomes the value.
fn add_behind(cx: &mut RouteCx, item: &Item, value: &Str) {
    let text = if item.text.is_empty() { first_value(&cx.message, item, value) } else { joined(b",", value) };
    cx.message.edits_mut().insert_after(item.whole.end, text);
}

/// The value for an empty place; `Name:` without a blank gets one.
fn first_value(message: &Message, item: &Item, value: &Str) -> Str {
    let colon = item.text.start.checked_sub(1).and_then(|at| message.buffer().get(at)) == Some(&b':');
    if colon { joined(b" ", value) } else { value.clone() }
}

fn joined(first: &[u8], second: &[u8]) -> Str {
    Str::from([first, second].concat())
}

/// Adds a value behind the one at the index (`"Foo[1]"` is the first, `"Foo[-1]"` the last). Without an index, and when
/// there is no such value, a new header is added at the end of the headers.
///
/// Returns 1.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub(super) fn append_hf_value(cx: &mut RouteCx, hf: Place, hvalue: Str) -> CallResult {
    let lists = lists(&cx.message, &hf.0.name);
    let found = if hf.0.pick == Pick::Unset { None } else { locate_alive(&cx.message, &lists, hf.0.pick) };
    match found {
        Some((header, at)) => add_behind(cx, &lists[header].items[at], &hvalue),
        None => add_line(cx, &hf.0.name, &hvalue),
    }
    Ok(Return::TRUE)
}

/// Adds a value before the one at the index (`"Foo[1]"` is the first, `"Foo[-1]"` the last). Without an index a new
/// header is added before the first one of that name. When there is no such header, it is added at the end of the
/// headers.
///
/// Returns 1; -1 when the header has no value at that index.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub(super) fn insert_hf_value(cx: &mut RouteCx, hf: Place, hvalue: Str) -> CallResult {
    let lists = lists(&cx.message, &hf.0.name);
    let Some(first) = lists.first() else {
        add_line(cx, &hf.0.name, &hvalue);
        return Ok(Return::TRUE);
    };
    if hf.0.pick == Pick::Unset {
        let text = line(&hf.0.name, &hvalue);
        cx.message.edits_mut().insert_after(first.line.start, text);
        return Ok(Return::TRUE);
    }
    let Some((header, at)) = locate_alive(&cx.message, &lists, hf.0.pick) else { return Ok(Return::FALSE) };
    let item = &lists[header].items[at];
    if item.text.is_empty() {
        add_behind(cx, item, &hvalue);
    } else {
        let start = if at == 0 { item.text.start } else { item.whole.start };
        cx.message.edits_mut().insert_before(start, joined(&hvalue, b","));
    }
    Ok(Return::TRUE)
}

/// Takes away a value (`"Foo[2]"`, `"Foo"` is the first one), all headers of a name (`"Foo[*]"`), a parameter of a value
/// (`"Foo[2].x"`) or of all values (`"Foo[*].x"`). A header without values goes away.
///
/// Returns 1; -1 when there is no such value or parameter.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub(super) fn remove_hf_value(cx: &mut RouteCx, hf_par: Removed) -> CallResult {
    let target = &*hf_par.0;
    let lists = lists(&cx.message, &target.name);
    if let Some(param) = &target.param {
        let mut any = false;
        for item in picked(&lists, target.pick) {
            any |= remove_param(cx, &item, param);
        }
        return Ok(any.into());
    }
    if target.pick == Pick::All {
        return Ok(remove_lines(cx, &lists));
    }
    let Some((header, at)) = locate(&lists, target.pick) else { return Ok(Return::FALSE) };
    if !removed(&cx.message, &lists[header].items[at]) {
        list::remove_value(cx.message.edits_mut(), &lists[header], at);
    }
    Ok(Return::TRUE)
}

/// Takes all header lines away; -1 when there are none.
fn remove_lines(cx: &mut RouteCx, lists: &[List]) -> Return {
    for list in lists {
        cx.message.edits_mut().delete(list.line.clone());
    }
    (!lists.is_empty()).into()
}

/// The values that an index names.
fn picked(lists: &[List], pick: Pick) -> Vec<Item> {
    if pick == Pick::All {
        return lists.iter().flat_map(|list| list.items.iter().cloned()).collect();
    }
    locate(lists, pick).map(|(header, at)| lists[header].items[at].clone()).into_iter().collect()
}

/// The parameters of a value: what follows its semicolons.
fn params(message: &Message, item: &Item) -> Vec<Item> {
    list::split(message.buffer(), item.text.clone(), b';').into_iter().skip(1).collect()
}

fn remove_param(cx: &mut RouteCx, item: &Item, name: &Str) -> bool {
    let buffer = cx.message.buffer().clone();
    let found: Vec<Range<usize>> = params(&cx.message, item)
        .iter()
        .filter(|param| list::is_named(&buffer, param, name))
        .map(|param| param.whole.start - 1..param.text.end)
        .collect();
    for range in &found {
        cx.message.edits_mut().delete(range.clone());
    }
    !found.is_empty()
}

/// `=value`, or nothing for a parameter without a value.
fn equals(value: &Str) -> Str {
    if value.is_empty() { Str::EMPTY } else { joined(b"=", value) }
}

/// Writes the value of a parameter that is there.
fn write_param(cx: &mut RouteCx, param: &Range<usize>, value: &Str) -> bool {
    let buffer = cx.message.buffer().clone();
    let name_end = list::name_range(&buffer, param).end;
    let edits = cx.message.edits_mut();
    if edits.deletes(param.clone()) {
        return false;
    }
    if name_end == param.end {
        if !value.is_empty() {
            edits.insert_before(name_end, equals(value));
        }
        return true;
    }
    list::replace(edits, name_end..param.end, equals(value))
}

fn assign_param(cx: &mut RouteCx, item: &Item, name: &Str, value: &Str) -> bool {
    if removed(&cx.message, item) {
        return false;
    }
    let buffer = cx.message.buffer().clone();
    match params(&cx.message, item).iter().find(|param| list::is_named(&buffer, param, name)) {
        Some(param) => write_param(cx, &param.text, value),
        None => {
            let text = Str::from([b";", &**name, &equals(value)].concat());
            cx.message.edits_mut().insert_before(item.text.end, text);
            true
        }
    }
}

/// Writes a value (`"Foo[2]"`, `"Foo"` is the first one), a parameter of a value (`"Foo[2].x"`) or of all values
/// (`"Foo[*].x"`). A parameter that is missing is added; with an empty value it stands there without `=`.
///
/// Returns 1; -1 when there is no such value.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub(super) fn assign_hf_value(cx: &mut RouteCx, hf: Assigned, hvalue: Str) -> CallResult {
    let target = &*hf.0;
    let lists = lists(&cx.message, &target.name);
    if let Some(param) = &target.param {
        let mut any = false;
        for item in picked(&lists, target.pick) {
            any |= assign_param(cx, &item, param, &hvalue);
        }
        return Ok(any.into());
    }
    let Some((header, at)) = locate_alive(&cx.message, &lists, target.pick) else { return Ok(Return::FALSE) };
    let item = &lists[header].items[at];
    if item.text.is_empty() {
        add_behind(cx, item, &hvalue);
        return Ok(Return::TRUE);
    }
    Ok(list::replace(cx.message.edits_mut(), item.text.clone(), hvalue).into())
}

/// The headers that an index names, for headers that are no lists.
fn headers_of(cx: &RouteCx, target: &Target) -> Vec<List> {
    let all = list::credentials(&cx.message, &target.name);
    if target.pick == Pick::All {
        return all;
    }
    target.pick.position(all.len()).and_then(|at| all.get(at).cloned()).into_iter().collect()
}

/// Like `remove_hf_value` for headers such as Authorization, whose commas part parameters: `"Authorization[2]"` is the
/// second header, `"Authorization.realm"` a parameter of the first.
///
/// Returns 1; -1 when there is no such header or parameter.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub(super) fn remove_hf_value2(cx: &mut RouteCx, hf_par: Removed) -> CallResult {
    let headers = headers_of(cx, &hf_par.0);
    let Some(param) = &hf_par.0.param else { return Ok(remove_lines(cx, &headers)) };
    let buffer = cx.message.buffer().clone();
    let mut any = false;
    for list in &headers {
        for at in (0..list.items.len()).filter(|&at| list::is_named(&buffer, &list.items[at], param)) {
            if !removed(&cx.message, &list.items[at]) {
                list::remove_credential(cx.message.edits_mut(), list, at);
            }
            any = true;
        }
    }
    Ok(any.into())
}

/// Like `assign_hf_value` for headers such as Authorization, whose commas part parameters:
/// `assign_hf_value2("Authorization.integrity-protected", "\"yes\"")`.
///
/// Returns 1; -1 when there is no such header.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub(super) fn assign_hf_value2(cx: &mut RouteCx, hf: Assigned, hvalue: Str) -> CallResult {
    let mut any = false;
    for list in headers_of(cx, &hf.0) {
        if cx.message.edits().deletes(list.line.clone()) {
            continue;
        }
        any |= match &hf.0.param {
            Some(param) => assign_credential(cx, &list, param, &hvalue),
            None => assign_body(cx, &list, hvalue.clone()),
        };
    }
    Ok(any.into())
}

fn assign_body(cx: &mut RouteCx, list: &List, value: Str) -> bool {
    let Some(body) = list::body_of(&cx.message, &list.line) else { return false };
    if body.is_empty() {
        let value = first_value(&cx.message, &Item { whole: body.clone(), text: body.clone() }, &value);
        cx.message.edits_mut().insert_after(body.start, value);
        return true;
    }
    list::replace(cx.message.edits_mut(), body, value)
}

fn assign_credential(cx: &mut RouteCx, list: &List, name: &Str, value: &Str) -> bool {
    let buffer = cx.message.buffer().clone();
    if let Some(param) = list.items.iter().find(|param| list::is_named(&buffer, param, name)) {
        return write_param(cx, &param.text, value);
    }
    let (separator, end) = match list.items.last() {
        Some(last) => (&b","[..], last.text.end),
        None => match list::body_of(&cx.message, &list.line) {
            Some(body) => (&b" "[..], body.end),
            None => return false,
        },
    };
    let text = Str::from([separator, name, &equals(value)].concat());
    cx.message.edits_mut().insert_before(end, text);
    true
}

/// Whether a value is that text; letters of either case.
fn is_value(message: &Message, item: &Item, value: &Str) -> bool {
    message.buffer().get(item.text.clone()).is_some_and(|text| text.eq_ignore_ascii_case(value))
}

fn exists(message: &Message, lists: &[List], value: &Str) -> bool {
    lists.iter().flat_map(|list| &list.items).any(|item| is_value(message, item, value))
}

/// Adds a value to a set such as Supported, unless it is there: to the first header of that name, or as a new header.
///
/// Returns 1; -1 for an empty value.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub(super) fn include_hf_value(cx: &mut RouteCx, hf: Set, hvalue: Str) -> CallResult {
    if hvalue.is_empty() {
        return Ok(Return::FALSE);
    }
    let lists = lists(&cx.message, &hf.0.name);
    if exists(&cx.message, &lists, &hvalue) {
        return Ok(Return::TRUE);
    }
    let first = lists.iter().find(|list| !cx.message.edits().deletes(list.line.clone()));
    match first.and_then(|list| list.items.last()) {
        Some(last) => add_behind(cx, last, &hvalue),
        None => add_line(cx, &hf.0.name, &hvalue),
    }
    Ok(Return::TRUE)
}

/// Takes a value out of a set such as Supported, wherever it stands. A header without values goes away.
///
/// Returns 1, also when it is not there; -1 for an empty value.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub(super) fn exclude_hf_value(cx: &mut RouteCx, hf: Set, hvalue: Str) -> CallResult {
    if hvalue.is_empty() {
        return Ok(Return::FALSE);
    }
    for list in lists(&cx.message, &hf.0.name) {
        for at in 0..list.items.len() {
            if is_value(&cx.message, &list.items[at], &hvalue) && !removed(&cx.message, &list.items[at]) {
                list::remove_value(cx.message.edits_mut(), &list, at);
            }
        }
    }
    Ok(Return::TRUE)
}

/// Whether a set such as Supported has a value: `hf_value_exists("Supported", "100rel")`. A value counts with its
/// parameters; letters may be of either case.
///
/// Returns 1 (it has) or -1.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub(super) fn hf_value_exists(cx: &mut RouteCx, hf: Set, hvalue: Str) -> CallResult {
    let lists = lists(&cx.message, &hf.0.name);
    Ok((!hvalue.is_empty() && exists(&cx.message, &lists, &hvalue)).into())
}
