//! Removing headers.
//!
//! A header is found by its name however it is spelled: letters of either case, compact form, blanks before the colon.

use engine::posix_regex::Regex as Pattern;
use engine::script_type::{Constant, Regex, required};
use engine::{ArgSource, CallResult, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, Str, function};
use sip::Header;

use super::arguments::{HeaderArg, regex};

/// Queues the removal of these headers; true when there is one.
fn remove(cx: &mut RouteCx, headers: &[Header]) -> CallResult {
    for header in headers {
        // Twice would be harmless, but a script in a loop must not fill the list.
        if !cx.message.edits().deletes(header.range()) {
            cx.message.edits_mut().delete(header.range());
        }
    }
    Ok((!headers.is_empty()).into())
}

fn named(cx: &RouteCx, name: &Str) -> Vec<Header> {
    if name.is_empty() {
        return Vec::new();
    }
    cx.message.headers_with_name(name).copied().collect()
}

fn matching(cx: &RouteCx, wanted: &Pattern, kept: Option<&Pattern>) -> Vec<Header> {
    let is_wanted = |header: &&Header| {
        let name = cx.message.name_of(header);
        wanted.is_match(&name) && !kept.is_some_and(|kept| kept.is_match(&name))
    };
    cx.message.headers().iter().filter(is_wanted).copied().collect()
}

/// Removes all headers `name`.
///
/// Returns 1 when there was one, also when it was removed before; else -1.
#[function(ANY)]
pub fn remove_hf(cx: &mut RouteCx, name: HeaderArg) -> CallResult {
    let headers = named(cx, &name.0);
    remove(cx, &headers)
}

/// Like `remove_hf`, with variables in `name`.
#[function(ANY)]
pub fn remove_hf_pv(cx: &mut RouteCx, name: Str) -> CallResult {
    let headers = named(cx, &name);
    remove(cx, &headers)
}

/// Removes all headers whose name matches the regular expression (without case). True when there was one.
#[function(ANY)]
pub fn remove_hf_re(cx: &mut RouteCx, pattern: Regex) -> CallResult {
    let headers = matching(cx, &pattern.0, None);
    remove(cx, &headers)
}

/// Like `remove_hf_re`, with variables in the regular expression.
#[function(ANY)]
pub fn remove_hf_re_pv(cx: &mut RouteCx, pattern: Str) -> CallResult {
    let headers = matching(cx, &regex(&pattern)?, None);
    remove(cx, &headers)
}

/// Removes all headers whose name matches `remove` and does not match `keep`. True when there was one.
#[function(ANY)]
pub fn remove_hf_exp(cx: &mut RouteCx, remove: Regex, keep: Regex) -> CallResult {
    let headers = matching(cx, &remove.0, Some(&keep.0));
    self::remove(cx, &headers)
}

/// Like `remove_hf_exp`, with variables in the regular expressions.
#[function(ANY)]
pub fn remove_hf_exp_pv(cx: &mut RouteCx, remove: Str, keep: Str) -> CallResult {
    let headers = matching(cx, &regex(&remove)?, Some(&regex(&keep)?));
    self::remove(cx, &headers)
}

/// Removes one of the headers `name`: `index` 0 is the first, -1 the last.
///
/// Returns 1 (removed) or 2 (there is no such header).
#[function(ANY)]
pub fn remove_hf_idx(cx: &mut RouteCx, name: Str, index: i64) -> CallResult {
    let headers = named(cx, &name);
    match engine::Index::At(index).position(headers.len()) {
        Some(at) => remove(cx, &headers[at..=at]),
        None => Ok(Return(2)),
    }
}

/// How a value is compared.
#[derive(Clone, Copy)]
pub enum Operator {
    /// `eq`: equal.
    Equal,
    /// `ne`: not equal.
    NotEqual,
    /// `in`: contains.
    Contains,
    /// `re`: matches a regular expression.
    Matches,
}

impl ScriptType for Operator {
    type Compiled = Self;
    const KIND: &'static str = "eq, ne, in or re";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let name = Constant::compile(arg, env)?;
        match &*name {
            b"eq" => Ok(Self::Equal),
            b"ne" => Ok(Self::NotEqual),
            b"in" => Ok(Self::Contains),
            b"re" => Ok(Self::Matches),
            _ => Err(required(arg)?.error(format!("`{name}` is no operator"), "eq, ne, in, re")),
        }
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(*compiled)
    }
}

/// Removes the headers `name` whose value compares to `value`: `eq` equals, `ne` differs, `in` contains, `re` matches
/// the regular expression. True when there was one.
#[function(ANY)]
pub fn remove_hf_match(cx: &mut RouteCx, name: Str, operator: Operator, value: Str) -> CallResult {
    let pattern = if matches!(operator, Operator::Matches) { Some(regex(&value)?) } else { None };
    let is_wanted = |header: &Header| {
        let body = cx.message.body_of(header);
        match operator {
            Operator::Equal => body == value,
            Operator::NotEqual => body != value,
            Operator::Contains => memchr::memmem::find(&body, &value).is_some(),
            Operator::Matches => pattern.as_ref().is_some_and(|pattern| pattern.is_match(&body)),
        }
    };
    let headers: Vec<Header> = named(cx, &name).into_iter().filter(is_wanted).collect();
    remove(cx, &headers)
}
