//! Values in headers that are lists: `Supported: path, 100rel`. All headers of a name make one list.

use std::ops::Range;

use engine::script_type::required;
use engine::{ArgSource, CallResult, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, Str, function};
use sip::scan;

/// Which value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// Not said.
    Unsaid,
    /// The first is 1, the last -1.
    At(i64),
    /// `*`.
    All,
}

impl Which {
    /// Its places among `count`; 0 and no index are the first one.
    pub(super) fn places(self, count: usize) -> Range<usize> {
        let at = match self {
            Self::All => return 0..count,
            Self::Unsaid | Self::At(0) => Some(0),
            Self::At(at) if at < 0 => usize::try_from(at.unsigned_abs()).ok().and_then(|back| count.checked_sub(back)),
            Self::At(at) => usize::try_from(at - 1).ok(),
        };
        at.filter(|at| *at < count).map_or(0..0, |at| at..at + 1)
    }
}

/// `Name`, `Name[2]`, `Name[*].param`: known at load.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) name: Str,
    pub(super) which: Which,
    pub(super) param: Option<Str>,
}

impl ScriptType for Place {
    type Compiled = Self;
    const KIND: &'static str = "header[index].param";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let arg = required(arg)?;
        let text = arg.constant("the name of a header")?;
        let wrong = || arg.error(format!("`{text}` is no place in a header"), "Name, Name[2], Name[*].param");
        let is_token = |text: &str| !text.is_empty() && text.bytes().all(scan::is_token);
        let end = text.find(['[', '.']).unwrap_or(text.len());
        let (name, mut rest) = text.split_at(end);
        let mut which = Which::Unsaid;
        if let Some(inner) = rest.strip_prefix('[') {
            let (index, behind) = inner.split_once(']').ok_or_else(wrong)?;
            which = if index == "*" { Which::All } else { Which::At(index.trim().parse().map_err(|_| wrong())?) };
            rest = behind;
        }
        let param = rest.strip_prefix('.');
        if !is_token(name) || (param.is_none() && !rest.is_empty()) || param.is_some_and(|param| !is_token(param)) {
            return Err(wrong());
        }
        Ok(Self { name: Str::from(name), which, param: param.map(Str::from) })
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(compiled.clone())
    }
}

impl Place {
    /// Refuses a parameter where there is none to give.
    fn without_param(&self) -> Result<(), ScriptError> {
        if self.param.is_some() { Err(ScriptError::new("a parameter has no place here")) } else { Ok(()) }
    }

    /// `Name: value` with its line end.
    fn line(&self, value: &[u8]) -> Str {
        Str::from([&*self.name, b": ", value, b"\r\n"].concat())
    }
}

/// One value of a list, as ranges of the message.
struct Item {
    /// The value without white space around it.
    value: Range<usize>,
    /// From behind the comma before it (of the first: from the value on) to the comma behind it, or to its end.
    cell: Range<usize>,
    is_first: bool,
    is_last: bool,
    /// The line of its header.
    header: Range<usize>,
}

fn items(cx: &RouteCx, name: &[u8]) -> Vec<Item> {
    let mut list = Vec::new();
    for header in cx.message.headers_with_name(name) {
        let body = cx.message.body_of(header);
        let mut base = header.body_range().start;
        if body.is_empty() {
            // Behind the blanks, where a value would stand.
            let line = cx.message.raw_of(header);
            base = header.range().end - (line.len() - line.trim_ascii_end().len());
            base += line[base - header.range().start..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        }
        let first = list.len();
        let mut at = 0;
        loop {
            let end = scan::find_outside(&body, at, b',');
            let (start, value_end) = scan::trim_range(&body, at, end);
            let is_first = list.len() == first;
            // Empty values of a list do not count.
            if start < value_end || (is_first && end >= body.len()) {
                let cell_start = if is_first { start } else { at };
                list.push(Item {
                    value: base + start..base + value_end,
                    cell: base + cell_start..base + end,
                    is_first,
                    is_last: end >= body.len(),
                    header: header.range(),
                });
            }
            if end >= body.len() {
                break;
            }
            at = end + 1;
        }
        if let Some(last) = list.get_mut(first..).and_then(|own| own.last_mut()) {
            last.is_last = true;
        }
    }
    list
}

fn text<'a>(cx: &'a RouteCx, range: &Range<usize>) -> &'a [u8] {
    cx.message.buffer().get(range.clone()).unwrap_or_default()
}

fn remove_item(cx: &mut RouteCx, item: &Item) {
    let range = match (item.is_first, item.is_last) {
        (true, true) => item.header.clone(),
        // With the comma before it.
        (false, true) => item.cell.start.saturating_sub(1)..item.value.end,
        // With the comma behind it.
        _ => item.cell.start..item.cell.end + 1,
    };
    cx.message.edits_mut().delete(range);
}

/// A parameter inside a value, as ranges of the value.
struct Param {
    name: Range<usize>,
    /// From its semicolon to its end.
    whole: Range<usize>,
}

/// The parameter of a value; semicolons inside quotes and `<..>` begin none.
fn find_param(value: &[u8], name: &[u8]) -> Option<Param> {
    let mut at = scan::find_outside(value, 0, b';');
    while at < value.len() {
        let end = scan::find_outside(value, at + 1, b';');
        let (start, param_end) = scan::trim_range(value, at + 1, end);
        let equals = memchr::memchr(b'=', &value[start..param_end]).map_or(param_end, |equals| start + equals);
        let (name_start, name_end) = scan::trim_range(value, start, equals);
        if value[name_start..name_end].eq_ignore_ascii_case(name) {
            return Some(Param { name: name_start..name_end, whole: at..param_end });
        }
        at = end;
    }
    None
}

/// `=value`, or nothing for an empty one.
pub(super) fn assignment(value: &[u8]) -> Vec<u8> {
    if value.is_empty() { Vec::new() } else { [b"=", value].concat() }
}

/// Puts a value behind the one at an index; -1 and 0 are the last one. Without an index, or when there is no such value, a
/// new header goes behind all headers.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn append_hf_value(cx: &mut RouteCx, place: Place, value: Str) -> CallResult {
    place.without_param()?;
    let list = items(cx, &place.name);
    let which = if place.which == Which::At(0) { Which::At(-1) } else { place.which };
    let found = if which == Which::Unsaid { 0..0 } else { which.places(list.len()) };
    if found.is_empty() {
        let at = cx.message.headers_end();
        cx.message.edits_mut().insert_before(at, place.line(&value));
        return Ok(Return::TRUE);
    }
    for item in &list[found] {
        cx.message.edits_mut().insert_before(item.value.end, [b",", &*value].concat());
    }
    Ok(Return::TRUE)
}

/// Puts a value before the one at an index (0: the first). Without an index a new header goes before the first one of that
/// name; when there is none, behind all headers.
///
/// Returns 1; -1 when there are headers of that name, but no such value.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn insert_hf_value(cx: &mut RouteCx, place: Place, value: Str) -> CallResult {
    place.without_param()?;
    let list = items(cx, &place.name);
    let Some(first) = list.first() else {
        let at = cx.message.headers_end();
        cx.message.edits_mut().insert_before(at, place.line(&value));
        return Ok(Return::TRUE);
    };
    if place.which == Which::Unsaid {
        let at = first.header.start;
        cx.message.edits_mut().insert_before(at, place.line(&value));
        return Ok(Return::TRUE);
    }
    let found = place.which.places(list.len());
    let any = !found.is_empty();
    for item in &list[found] {
        cx.message.edits_mut().insert_before(item.cell.start, [&*value, b","].concat());
    }
    Ok(any.into())
}

/// Removes a value, or a parameter of it: `Name` the first one, `Name[2]`, `Name[-1]` the last one, `Name[*]` all,
/// `Name.param`. A header without values goes away. -1 when there is nothing to remove.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn remove_hf_value(cx: &mut RouteCx, place: Place) -> CallResult {
    let list = items(cx, &place.name);
    let found = place.which.places(list.len());
    let mut any = false;
    if place.which == Which::All && place.param.is_none() {
        for header in list.iter().filter(|item| item.is_first).map(|item| item.header.clone()) {
            cx.message.edits_mut().delete(header);
            any = true;
        }
        return Ok(any.into());
    }
    for item in &list[found] {
        match &place.param {
            None => remove_item(cx, item),
            Some(name) => {
                let Some(param) = find_param(text(cx, &item.value), name) else { continue };
                let start = item.value.start;
                cx.message.edits_mut().delete(start + param.whole.start..start + param.whole.end);
            }
        }
        any = true;
    }
    Ok(any.into())
}

/// Replaces a value, or a parameter of it: `Name` the first one, `Name[2]`, `Name[-1]` the last one, `Name[*].param`. A
/// missing parameter is added; with an empty value it has no equal sign. -1 when there is no such value.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn assign_hf_value(cx: &mut RouteCx, place: Place, value: Str) -> CallResult {
    let list = items(cx, &place.name);
    let found = place.which.places(list.len());
    let any = !found.is_empty();
    for item in &list[found] {
        let Some(name) = &place.param else {
            cx.message.edits_mut().replace(item.value.clone(), value.clone());
            continue;
        };
        let start = item.value.start;
        match find_param(text(cx, &item.value), name) {
            Some(param) => {
                let range = start + param.name.end..start + param.whole.end;
                cx.message.edits_mut().replace(range, assignment(&value));
            }
            None => {
                let text = [b";", &**name, &*assignment(&value)].concat();
                cx.message.edits_mut().insert_before(item.value.end, text);
            }
        }
    }
    Ok(any.into())
}

/// Adds a value to the first header of the name unless one of them has it (letters of either case); a missing header is
/// added: `include_hf_value("Supported", "path")`.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn include_hf_value(cx: &mut RouteCx, place: Place, value: Str) -> CallResult {
    place.without_param()?;
    let list = items(cx, &place.name);
    if has(cx, &list, &value) {
        return Ok(Return::TRUE);
    }
    let (at, text) = match list.iter().find(|item| item.is_last) {
        Some(item) => (item.value.end, Str::from([b",", &*value].concat())),
        None => (cx.message.headers_end(), place.line(&value)),
    };
    cx.message.edits_mut().insert_before(at, text);
    Ok(Return::TRUE)
}

/// Removes a value (letters of either case) from all headers of the name; a header without values goes away:
/// `exclude_hf_value("Supported", "100rel")`.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn exclude_hf_value(cx: &mut RouteCx, place: Place, value: Str) -> CallResult {
    place.without_param()?;
    for item in &items(cx, &place.name) {
        if text(cx, &item.value).eq_ignore_ascii_case(&value) {
            remove_item(cx, item);
        }
    }
    Ok(Return::TRUE)
}

/// True when a header of the name has this value (letters of either case). Underscores in the name are dashes.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn hf_value_exists(cx: &mut RouteCx, place: Place, value: Str) -> CallResult {
    place.without_param()?;
    let name: Vec<u8> = place.name.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect();
    let list = items(cx, &name);
    Ok(has(cx, &list, &value).into())
}

fn has(cx: &RouteCx, list: &[Item], value: &Str) -> bool {
    list.iter().any(|item| text(cx, &item.value).eq_ignore_ascii_case(value))
}
