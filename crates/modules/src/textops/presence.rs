//! Whether a header is there. What was removed or added in the same script does not count before
//! `msg_apply_changes()`.

use engine::posix_regex::Regex as Pattern;
use engine::script_type::Regex;
use engine::{CallResult, RouteCx, Str, function};

use super::arguments::{HeaderArg, regex};

fn matches(cx: &RouteCx, pattern: &Pattern) -> bool {
    cx.message.headers().iter().any(|header| pattern.is_match(&cx.message.name_of(header)))
}

/// True when the message has a header `name`; long and compact names are the same.
#[function(ANY)]
pub fn is_present_hf(cx: &mut RouteCx, name: HeaderArg) -> CallResult {
    Ok(cx.message.headers_with_name(&name.0).next().is_some().into())
}

/// Like `is_present_hf`, with variables in `name`.
#[function(ANY)]
pub fn is_present_hf_pv(cx: &mut RouteCx, name: Str) -> CallResult {
    Ok((!name.is_empty() && cx.message.headers_with_name(&name).next().is_some()).into())
}

/// True when the name of a header matches the regular expression (without case).
#[function(ANY)]
pub fn is_present_hf_re(cx: &mut RouteCx, pattern: Regex) -> CallResult {
    Ok(matches(cx, &pattern.0).into())
}

/// Like `is_present_hf_re`, with variables in the regular expression.
#[function(ANY)]
pub fn is_present_hf_re_pv(cx: &mut RouteCx, pattern: Str) -> CallResult {
    Ok(matches(cx, &regex(&pattern)?).into())
}
