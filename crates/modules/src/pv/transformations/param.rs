//! `{param.*}`: lists `a=1;b="2";c`.

use engine::{CompileEnv, Diagnostic, RouteCx, Str, TransformArg, TransformArgs, Value, transformation};

use super::map;

/// The character between parameters.
#[derive(Clone, Copy)]
pub(super) struct Separator(u8);

impl TransformArg for Separator {
    type Compiled = Self;
    const KIND: &'static str = "separator";
    fn compile(args: &mut TransformArgs<'_>, _: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let text = args.rest().unwrap_or_default();
        match text.as_bytes() {
            // A comma ends a list: headers of several values have it.
            [byte] if *byte != b',' => Ok(Self(*byte)),
            _ => Err(args.error(format!("the separator must be one character and no comma, not `{text}`"))),
        }
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Option<Self> {
        Some(*compiled)
    }
}

/// The value of the (last) parameter `name`, letters of either case, without quotes. Empty when it is missing; `$null`
/// when the list is malformed.
#[transformation("param.value")]
pub(super) fn value(input: Value, name: Str, separator: Option<Separator>) -> Value {
    map(&input, |text| Some(find(&list(text, separator)?, &name).unwrap_or_default()))
}

/// 1 when there is a parameter `name`, else 0; `$null` when the list is malformed.
#[transformation("param.in")]
pub(super) fn has(input: Value, name: Str, separator: Option<Separator>) -> Value {
    map(&input, |text| Some(i64::from(find(&list(text, separator)?, &name).is_some())))
}

/// The value of the parameter at `index`; a negative index counts from the end. Empty when there is none.
#[transformation("param.valueat")]
pub(super) fn valueat(input: Value, index: i64, separator: Option<Separator>) -> Value {
    map(&input, |text| Some(at(&list(text, separator)?, index).map(|param| param.value.clone()).unwrap_or_default()))
}

/// The name of the parameter at `index`; a negative index counts from the end. Empty when there is none.
#[transformation("param.name")]
pub(super) fn name(input: Value, index: i64, separator: Option<Separator>) -> Value {
    map(&input, |text| Some(at(&list(text, separator)?, index).map(|param| param.name.clone()).unwrap_or_default()))
}

/// How many parameters there are; `$null` when the list is malformed.
#[transformation("param.count")]
pub(super) fn count(input: Value, separator: Option<Separator>) -> Value {
    map(&input, |text| Some(list(text, separator)?.len()))
}

/// One parameter; its value without quotes.
pub(super) struct Param {
    pub(super) name: Str,
    pub(super) value: Str,
}

fn list(text: &Str, separator: Option<Separator>) -> Option<Vec<Param>> {
    parse(text, separator.map_or(b';', |separator| separator.0))
}

/// Of several the last counts, as in Kamailio.
pub(super) fn find(list: &[Param], name: &[u8]) -> Option<Str> {
    list.iter().rev().find(|param| param.name.eq_ignore_case(name)).map(|param| param.value.clone())
}

fn at(list: &[Param], index: i64) -> Option<&Param> {
    match usize::try_from(index) {
        Ok(index) => list.get(index),
        Err(_) => list.iter().rev().nth(usize::try_from(-(index + 1)).unwrap_or(usize::MAX)),
    }
}

/// Reads a list as Kamailio does: what is odd and still accepted (`a=1;;b`, `=1`, `b=` at the very end) as well as what
/// makes all of it malformed (`a=;b`, `a=x y`, blanks at the start) was seen from 5.6.3.
pub(super) fn parse(text: &Str, separator: u8) -> Option<Vec<Param>> {
    let bytes = text.as_bytes();
    let ends = |byte: u8| byte == separator || byte == b',' || sip::scan::is_space(byte);
    let mut list = Vec::new();
    let mut at = 0;
    if bytes.is_empty() {
        return None;
    }
    loop {
        let start = at;
        at = sip::scan::skip_while(bytes, at, |byte| byte != b'=' && !ends(byte));
        let name = text.slice(start..at);
        let mut value = Str::EMPTY;
        at = sip::scan::skip_space(bytes, at);
        let has_value = bytes.get(at) == Some(&b'=');
        if has_value {
            let start = sip::scan::skip_space(bytes, at + 1);
            (value, at) = match bytes.get(start) {
                None => (Str::EMPTY, start),
                Some(quote @ (b'"' | b'\'')) => {
                    let end = closing_quote(bytes, start + 1, *quote)?;
                    (text.slice(start + 1..end), end + 1)
                }
                Some(_) => {
                    let end = sip::scan::skip_while(bytes, start, |byte| !ends(byte));
                    if end == start {
                        return None;
                    }
                    (text.slice(start..end), end)
                }
            };
            at = sip::scan::skip_space(bytes, at);
        }
        let empty = name.is_empty() && !has_value;
        list.push(Param { name, value });
        match bytes.get(at) {
            None | Some(b',') => return Some(list),
            Some(byte) if *byte == separator => at = sip::scan::skip_space(bytes, at + 1),
            Some(_) => return None,
        }
        if at >= bytes.len() {
            return (!empty).then_some(list);
        }
    }
}

fn closing_quote(bytes: &[u8], from: usize, quote: u8) -> Option<usize> {
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match byte {
            byte if *byte == quote => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}
