//! A header is removed, or looked for, by a pattern that matches one of its spellings only: whoever writes the other
//! one gets around it. Functions that take a name know both spellings; those that take a pattern see the name as
//! written.

use regex::RegexBuilder;

use super::Check;
use super::model::CallSite;
use crate::diagnostic::{Code, Diagnostic};

/// Headers that have a compact form.
const COMPACT: &[(&str, &str)] = &[
    ("Accept-Contact", "a"),
    ("Allow-Events", "u"),
    ("Call-ID", "i"),
    ("Contact", "m"),
    ("Content-Encoding", "e"),
    ("Content-Length", "l"),
    ("Content-Type", "c"),
    ("Event", "o"),
    ("From", "f"),
    ("Identity", "y"),
    ("Refer-To", "r"),
    ("Referred-By", "b"),
    ("Reject-Contact", "j"),
    ("Request-Disposition", "d"),
    ("Session-Expires", "x"),
    ("Subject", "s"),
    ("Supported", "k"),
    ("To", "t"),
    ("Via", "v"),
];

/// Functions with a pattern for header names, and the one that does the same by name.
const BY_PATTERN: &[(&str, &str)] =
    &[("remove_hf_re", "remove_hf"), ("remove_hf_exp", "remove_hf"), ("is_present_hf_re", "is_present_hf")];

pub(super) fn check(check: &mut Check<'_>) {
    let mut found = Vec::new();
    for site in &check.model.calls {
        let Some((_, by_name)) = BY_PATTERN.iter().find(|(name, _)| *name == site.name()) else { continue };
        let Some(pattern) = site.text(1) else { continue };
        let Some((long, short, written)) = one_sided(pattern.node) else { continue };
        let other = if written == long { short } else { long };
        if check.model.calls.iter().any(|call| catches(call, by_name, other)) {
            continue;
        }
        let span = pattern.span.part(pattern.node, 0..pattern.node.len());
        let verb = if *by_name == "remove_hf" { "removes" } else { "finds" };
        let message = format!("`{}` {verb} `{written}` and not `{other}`, which is the same header", site.name());
        let diagnostic = Diagnostic::warning(Code::HeaderSpelling, message, span, format!("does not match `{other}:`"))
            .help(format!("`{by_name}(\"{long}\")` catches both spellings"));
        let alone = pattern.node.trim_start_matches('^').trim_end_matches('$').eq_ignore_ascii_case(written);
        found.push(if alone { diagnostic } else { diagnostic.help(format!("or add `|^{other}$` to the pattern")) });
    }
    check.diagnostics.extend(found);
}

/// Whether another call deals with the other spelling.
fn catches(site: &CallSite<'_>, by_name: &str, other: &str) -> bool {
    let Some(text) = site.text(1) else { return false };
    if site.name() == by_name {
        return same_header(text.node, other);
    }
    let by_pattern = BY_PATTERN.iter().any(|(name, other_name)| *name == site.name() && *other_name == by_name);
    by_pattern && matches(text.node, other) == Some(true)
}

fn same_header(name: &str, other: &str) -> bool {
    let both = COMPACT.iter().find(|(long, short)| [long, short].iter().any(|it| it.eq_ignore_ascii_case(name)));
    both.is_some_and(|(long, short)| [long, short].iter().any(|it| it.eq_ignore_ascii_case(other)))
}

/// Whether a pattern matches a header's name; `None` when it is not understood.
fn matches(pattern: &str, name: &str) -> Option<bool> {
    let regex = RegexBuilder::new(pattern).case_insensitive(true).size_limit(1 << 20).build().ok()?;
    Some(regex.is_match(name))
}

/// The header of which a pattern names one spelling and does not match the other: long, compact, the one it names.
fn one_sided(pattern: &str) -> Option<(&'static str, &'static str, &'static str)> {
    let alternatives =
        || pattern.split('|').map(|it| it.trim_matches(['^', '$', '(', ')', ' ', ':']).trim_start_matches("?:"));
    COMPACT.iter().find_map(|(long, short)| {
        let named = |name: &str| alternatives().any(|it| it.eq_ignore_ascii_case(name));
        let (matches_long, matches_short) = (matches(pattern, long)?, matches(pattern, short)?);
        match (matches_long, matches_short) {
            (true, false) if named(long) => Some((*long, *short, *long)),
            (false, true) if named(short) => Some((*long, *short, *short)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_patterns_that_name_one_spelling() {
        assert_eq!(one_sided("^Subject"), Some(("Subject", "s", "Subject")));
        assert_eq!(one_sided("(X-A|supported)$"), Some(("Supported", "k", "Supported")));
        assert_eq!(one_sided("^s$"), Some(("Subject", "s", "s")));
        for right in ["^(Subject|s)$", "^X-", ".*", "^P-.*", "^Diversion$", "[Ss]", "(unclosed"] {
            assert_eq!(one_sided(right), None, "{right}");
        }
    }

    #[test]
    fn a_second_call_may_catch_the_other_spelling() {
        let count = |body: &str| {
            let text = format!("request_route {{ {body} drop; }}");
            crate::check::common::messages(Code::HeaderSpelling, &text).len()
        };
        assert_eq!(count("remove_hf_re(\"^Subject$\");"), 1);
        assert_eq!(count("remove_hf_re(\"^Subject$\"); remove_hf(\"s\");"), 0);
        assert_eq!(count("remove_hf_re(\"^Subject$\"); remove_hf_re(\"^s$\");"), 0);
        assert_eq!(count("remove_hf_re(\"^Subject$\"); is_present_hf(\"s\");"), 1);
    }
}
