//! Comparing texts.

use engine::script_type::required;
use engine::{ArgSource, CallResult, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, Str, function};

use super::arguments::filled;

/// 1 equal, -1 the left one is greater, -2 it is less.
fn order(left: &[u8], right: &[u8]) -> Return {
    match left.cmp(right) {
        std::cmp::Ordering::Equal => Return::TRUE,
        std::cmp::Ordering::Greater => Return::FALSE,
        std::cmp::Ordering::Less => Return(-2),
    }
}

/// True when both texts are the same. Returns 1; -1 or -2 when they differ.
#[function(ANY)]
pub fn cmp_str(_cx: &mut RouteCx, left: Str, right: Str) -> CallResult {
    Ok(order(&left, &right))
}

/// Like `cmp_str`, letters of either case count as the same.
#[function(ANY)]
pub fn cmp_istr(_cx: &mut RouteCx, left: Str, right: Str) -> CallResult {
    Ok(order(&left.to_ascii_lowercase(), &right.to_ascii_lowercase()))
}

/// True when `text` starts with `start`.
#[function(ANY)]
pub fn starts_with(_cx: &mut RouteCx, text: Str, start: Str) -> CallResult {
    Ok(text.starts_with(&start).into())
}

/// True when `text` ends with `end`.
#[function(ANY)]
pub fn ends_with(_cx: &mut RouteCx, text: Str, end: Str) -> CallResult {
    Ok(text.ends_with(&end).into())
}

/// Where `part` stands in `text`.
fn find(text: &[u8], part: &[u8]) -> Return {
    // Kamailio finds the empty text at the end.
    let at = if part.is_empty() { (!text.is_empty()).then_some(text.len()) } else { memchr::memmem::find(text, part) };
    at.and_then(|at| i32::try_from(at + 1).ok()).map_or(Return::FALSE, Return)
}

/// True when `part` is in `text`. Returns its position, the first one being 1; -1 when it is not there.
#[function(ANY)]
pub fn str_find(_cx: &mut RouteCx, text: Str, part: Str) -> CallResult {
    Ok(find(&text, &part))
}

/// Like `str_find`, letters of either case count as the same.
#[function(ANY)]
pub fn str_ifind(_cx: &mut RouteCx, text: Str, part: Str) -> CallResult {
    Ok(find(&text.to_ascii_lowercase(), &part.to_ascii_lowercase()))
}

/// True when any of the `characters` is in `text`.
#[function(ANY)]
pub fn str_any_in(_cx: &mut RouteCx, text: Str, characters: Str) -> CallResult {
    Ok(characters.iter().any(|wanted| text.contains(wanted)).into())
}

/// True when all of the `characters` are in `text`.
#[function(ANY)]
pub fn str_all_in(_cx: &mut RouteCx, text: Str, characters: Str) -> CallResult {
    Ok((!characters.is_empty() && characters.iter().all(|wanted| text.contains(wanted))).into())
}

/// The character between the items of a list.
#[derive(Clone, Copy)]
pub struct Separator(u8);

impl ScriptType for Separator {
    type Compiled = u8;
    const KIND: &'static str = "separator";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<u8, Diagnostic> {
        let arg = required(arg)?;
        match arg.constant("one character")?.as_bytes() {
            [byte] => Ok(*byte),
            _ => Err(arg.error("the separator must be one character", "such as \",\"")),
        }
    }
    fn eval(compiled: &u8, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(*compiled))
    }
}

/// The items of a list without blanks around them.
fn items(list: &[u8], separator: Separator) -> impl Iterator<Item = &[u8]> {
    list.split(move |byte| *byte == separator.0).map(sip::scan::trim)
}

/// True when `subject` is an item of `list`; blanks around items do not count: `in_list("$rU", "101, 102", ",")`.
/// -1 also when `subject` is empty.
#[function(ANY)]
pub fn in_list(_cx: &mut RouteCx, subject: Str, list: Str, separator: Separator) -> CallResult {
    filled(&subject, "the subject")?;
    Ok(items(&list, separator).any(|item| item == &*subject).into())
}

/// True when an item of `list` is a prefix of `subject`: `in_list_prefix("$rU", "00,+", ",")`.
#[function(ANY)]
pub fn in_list_prefix(_cx: &mut RouteCx, subject: Str, list: Str, separator: Separator) -> CallResult {
    filled(&subject, "the subject")?;
    Ok(items(&list, separator).any(|item| !item.is_empty() && subject.starts_with(item)).into())
}
