//! Searching with regular expressions: POSIX extended, without case, line by line unless said otherwise.

use engine::posix_regex::Regex as Pattern;
use engine::script_type::{Constant, Regex, WritableVariable};
use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function};

use super::arguments::{HeaderArg, Which, regex, regex_with_case};

/// True when the regular expression matches somewhere in the message, its first line included.
#[function(ANY)]
pub fn search(cx: &mut RouteCx, pattern: Regex) -> CallResult {
    Ok(pattern.0.is_match(cx.message.buffer()).into())
}

/// True when the regular expression matches somewhere in the body.
#[function(ANY)]
pub fn search_body(cx: &mut RouteCx, pattern: Regex) -> CallResult {
    let body = cx.message.body();
    Ok((!body.is_empty() && pattern.0.is_match(&body)).into())
}

/// True when the regular expression matches in the value of a header `name`: of all (`a`), the first (`f`) or the last
/// one (`l`).
#[function(ANY)]
pub fn search_hf(cx: &mut RouteCx, name: HeaderArg, pattern: Regex, which: Which) -> CallResult {
    let headers = which.headers(&cx.message, &name.0);
    Ok(headers.iter().any(|header| pattern.0.is_match(&cx.message.body_of(header))).into())
}

/// True when the regular expression, which may have variables, matches in `text`. -2 when an argument is empty.
#[function(ANY)]
pub fn search_str(_cx: &mut RouteCx, text: Str, pattern: Str) -> CallResult {
    if text.is_empty() || pattern.is_empty() {
        return Ok(Return(-2));
    }
    Ok(regex(&pattern)?.is_match(&text).into())
}

/// Puts `text` behind the first match at or behind `from`.
fn append(cx: &mut RouteCx, pattern: &Pattern, from: usize, text: &Str) -> CallResult {
    let Some(found) = pattern.find_at(&cx.message.buffer().slice(from..), 0) else { return Ok(Return::FALSE) };
    cx.message.edits_mut().insert_before(from + found.end, text.clone());
    Ok(Return::TRUE)
}

/// Puts `text` behind the first match of the regular expression in headers and body. -1 when nothing matches.
#[function(ANY)]
pub fn search_append(cx: &mut RouteCx, pattern: Regex, text: Constant) -> CallResult {
    let from = cx.message.headers_start();
    append(cx, &pattern.0, from, &text.0)
}

/// Puts `text` behind the first match of the regular expression in the body. -1 when nothing matches.
#[function(ANY)]
pub fn search_append_body(cx: &mut RouteCx, pattern: Regex, text: Constant) -> CallResult {
    let from = cx.message.body_start();
    append(cx, &pattern.0, from, &text.0)
}

/// Writes a match of the regular expression (which knows upper and lower case) in `text` to the variable `result`:
/// `index` 0 is the whole match, 1 the first group; it must be below `count`.
///
/// Returns 1; -2 when nothing matches; -1 when there is no such group.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH)]
pub fn regex_substring(
    cx: &mut RouteCx,
    text: Str,
    pattern: Str,
    index: i64,
    count: i64,
    result: WritableVariable,
) -> CallResult {
    if index < 0 || index >= count {
        return Err(ScriptError::new(format!("the index {index} must be from 0 to {}", count - 1)));
    }
    let Some(groups) = regex_with_case(&pattern)?.captures_at(&text, 0) else { return Ok(Return(-2)) };
    let group = usize::try_from(index).ok().and_then(|index| groups.get(index).cloned()).flatten();
    let Some(group) = group else { return Ok(Return::FALSE) };
    result.0.set(cx, Value::Str(text.slice(group)))?;
    Ok(Return::TRUE)
}
