//! A module parameter is set twice, and the second value silently replaces the first.

use super::Check;
use super::model::{Model, Param};
use crate::diagnostic::{Code, Diagnostic};
use crate::known;

pub(super) fn check(check: &mut Check<'_>) {
    let model = &check.model;
    let mut found = Vec::new();
    for (at, param) in model.params.iter().enumerate() {
        if is_repeatable(param) {
            continue;
        }
        let earlier = model.params[..at].iter().rev().find(|earlier| replaces(param, earlier));
        let Some(earlier) = earlier.filter(|earlier| differs(model, param, earlier)) else { continue };
        let message = format!("`{}` of `{}` is set again, with another value", param.name.node, earlier.modules.node);
        let diagnostic = Diagnostic::warning(Code::DuplicateParam, message, param.value.span, "this value counts")
            .label(earlier.value.span, "has no effect");
        found.push(diagnostic.help("keep one of the two lines"));
    }
    check.diagnostics.extend(found);
}

/// The modules as a sorted list; `None` when it is a real pattern.
fn modules(param: &Param<'_>) -> Option<Vec<String>> {
    let text = param.modules.node.trim_matches(['^', '(', ')', '$']);
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let mut names: Vec<String> = text.split('|').map(|name| name.trim().to_ascii_lowercase()).collect();
    names.sort_unstable();
    names.iter().all(|name| is_name(name)).then_some(names)
}

/// Whether the later line leaves nothing of the earlier one: it is for the same modules, or for more. A line for one of
/// several modules is an exception from a rule.
fn replaces(later: &Param<'_>, earlier: &Param<'_>) -> bool {
    if later.name.node != earlier.name.node {
        return false;
    }
    match (modules(later), modules(earlier)) {
        (Some(later), Some(earlier)) => earlier.iter().all(|name| later.contains(name)),
        _ => later.modules.node == earlier.modules.node,
    }
}

/// Whether they are different values in the same file: an included file replaces values of the main one on purpose.
fn differs(model: &Model<'_>, later: &Param<'_>, earlier: &Param<'_>) -> bool {
    let file = |param: &Param<'_>| model.sources.surface(param.modules.span).file;
    later.value.node != earlier.value.node && file(later) == file(earlier)
}

/// Whether each line adds something.
fn is_repeatable(param: &Param<'_>) -> bool {
    let modules = modules(param).unwrap_or_default();
    modules.is_empty() || modules.iter().any(|module| known::is_repeatable(module, &param.name.node))
}

#[cfg(test)]
mod tests {
    use super::super::common::messages;
    use crate::diagnostic::Code;

    #[test]
    fn only_a_value_that_is_lost_counts() {
        let count = |text: &str| messages(Code::DuplicateParam, text).len();
        assert_eq!(count("modparam(\"a\", \"x\", 1)\nmodparam(\"a\", \"x\", 2)"), 1);
        assert_eq!(count("modparam(\"a\", \"x\", 1)\nmodparam(\"b|a\", \"x\", 2)"), 1);
        assert_eq!(count("modparam(\"a|b\", \"x\", 1)\nmodparam(\"b|a\", \"x\", 2)"), 1);
        assert_eq!(count("modparam(\"a|b\", \"x\", 1)\nmodparam(\"a\", \"x\", 2)"), 0);
        assert_eq!(count("modparam(\"a\", \"x\", 1)\nmodparam(\"a\", \"x\", 1)"), 0);
        assert_eq!(count("modparam(\"a\", \"x\", 1)\nmodparam(\"a\", \"y\", 2)"), 0);
        assert_eq!(count("modparam(\"htable\", \"htable\", \"a\")\nmodparam(\"htable\", \"htable\", \"b\")"), 0);
        assert_eq!(
            count("modparam(\"sl\", \"default_code\", 1)\ninclude_file \"local.cfg\""),
            0,
            "replaced on purpose"
        );
    }
}
