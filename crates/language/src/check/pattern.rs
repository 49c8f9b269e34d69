//! A regular expression that no dialect understands, in an argument that is checked nowhere else.

use super::Check;
use super::model::CallSite;
use crate::diagnostic::{Code, Diagnostic};
use crate::span::{Span, Spanned};

/// Functions with a pattern, which argument it is, and how it is written there.
const FUNCTIONS: &[(&str, usize, Written)] = &[
    ("pcre_match", 2, Written::Plain),
    ("sht_rm_name_re", 1, Written::BehindTable),
    ("sht_rm_value_re", 1, Written::BehindTable),
    ("set_accept_filter", 1, Written::Plain),
    ("set_deny_filter", 1, Written::Plain),
    ("avp_subst", 2, Written::Substitution),
    ("avp_subst_pv", 2, Written::Substitution),
    ("avp_check", 2, Written::Operator),
    ("sht_rm_name", 3, Written::ByOperator),
    ("sht_rm_value", 3, Written::ByOperator),
    ("sht_match_name", 3, Written::ByOperator),
    ("sht_has_name", 3, Written::ByOperator),
    ("sht_match_str_value", 3, Written::ByOperator),
    ("sht_has_str_value", 3, Written::ByOperator),
];

/// Parameters that are a pattern.
const PARAMS: &[(&str, &str)] = &[("uac_redirect", "accept_filter"), ("uac_redirect", "deny_filter")];

#[derive(Clone, Copy)]
enum Written {
    /// The whole text.
    Plain,
    /// `table=>pattern`.
    BehindTable,
    /// `/pattern/replacement/flags`.
    Substitution,
    /// `re/pattern/flags`.
    Operator,
    /// The whole text, when the argument before is `re`.
    ByOperator,
}

pub(super) fn check(check: &mut Check<'_>) {
    let model = &check.model;
    let mut found = Vec::new();
    for site in &model.calls {
        for (name, argument, written) in FUNCTIONS {
            if *name == site.name() {
                found.extend(of_call(site, *argument, *written).and_then(|text| judge(text.node, text.span)));
            }
        }
    }
    for param in &model.params {
        if PARAMS.iter().any(|(module, name)| param.is_for(module) && param.name.node == *name) {
            let text = param.text().unwrap_or_default();
            found.extend(judge(text, param.value.span.part(text, 0..text.len())));
        }
    }
    check.diagnostics.extend(found);
}

/// The pattern of a call with its place.
fn of_call<'c>(site: &'c CallSite<'_>, argument: usize, written: Written) -> Option<Spanned<&'c str>> {
    let text = site.text(argument)?;
    let range = match written {
        Written::Plain => 0..text.node.len(),
        Written::BehindTable => text.node.find("=>")? + 2..text.node.len(),
        Written::Substitution => between_delimiters(text.node, 0)?,
        Written::Operator => between_delimiters(text.node, text.node.strip_prefix("re").map(|_| 2)?)?,
        Written::ByOperator if site.text(argument - 1)?.node == "re" => 0..text.node.len(),
        Written::ByOperator => return None,
    };
    let pattern = text.node.get(range.clone())?;
    Some(Spanned::new(pattern, text.span.part(text.node, range)))
}

/// The range from behind the delimiter at `start` to the next one without a backslash.
fn between_delimiters(text: &str, start: usize) -> Option<std::ops::Range<usize>> {
    let delimiter = text.get(start..)?.chars().next()?;
    let from = start + delimiter.len_utf8();
    let mut escaped = false;
    let length = text[from..].find(|c| {
        let hit = c == delimiter && !escaped;
        escaped = c == '\\' && !escaped;
        hit
    })?;
    Some(from..from + length)
}

fn judge(pattern: &str, span: Span) -> Option<Diagnostic> {
    // A variable makes it a text that is known when it runs.
    let variable = |at: usize| pattern[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '(');
    if pattern.match_indices('$').any(|(at, _)| variable(at)) {
        return None;
    }
    let (reason, at) = broken(pattern)?;
    let place = span.part(pattern, at..at + 1);
    Some(Diagnostic::error(Code::Regex, format!("wrong regular expression: {reason}"), place, "here"))
}

/// What is wrong in every dialect, and at which byte.
fn broken(pattern: &str) -> Option<(&'static str, usize)> {
    let bytes = pattern.as_bytes();
    if matches!(bytes.first(), Some(b'*' | b'+')) {
        return Some(("there is nothing to repeat before this", 0));
    }
    // `\Q..\E`, and `(?#..)` and `(?x)`, read brackets otherwise.
    if pattern.contains("\\Q") || pattern.contains("(?#") || pattern.contains("(?x") {
        return None;
    }
    let mut open = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'(' => open.push(at),
            b')' if open.pop().is_none() => return Some(("this parenthesis was never opened", at)),
            b'[' => match class_end(bytes, at) {
                Some(end) => at = end,
                None => return Some(("this bracket is never closed", at)),
            },
            _ => {}
        }
        at += 1;
    }
    open.pop().map(|at| ("this parenthesis is never closed", at))
}

/// The bracket that closes the class at `open`; a backslash is taken as in POSIX or as in PCRE, whichever finds one.
fn class_end(bytes: &[u8], open: usize) -> Option<usize> {
    let start = open + 1 + usize::from(bytes.get(open + 1) == Some(&b'^'));
    let (mut at, mut escaped_close) = (start + 1, None);
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        match (byte, next) {
            (b'[', Some(kind @ (b':' | b'.' | b'='))) => {
                let end = bytes[at + 2..].windows(2).position(|pair| pair == [kind, b']']);
                at += end.map_or(0, |length| length + 3);
            }
            (b'\\', Some(b']')) => {
                escaped_close = Some(at + 1);
                at += 1;
            }
            (b']', _) => return Some(at),
            _ => {}
        }
        at += 1;
    }
    escaped_close
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_broken_everywhere_is_wrong() {
        for right in ["^a.*$", "[]a]", "[^]a]", "[[:digit:]]+", r"\(", "(a|b)*", r"[\]]x", "a|*b", r"\d{2,}", "[(]", ""]
        {
            assert_eq!(broken(right), None, "{right}");
        }
        for (wrong, at) in [("(a", 0), ("a)", 1), ("[a", 0), ("*a", 0), ("x(a(b)", 1), ("a[^]", 1)] {
            assert_eq!(broken(wrong).map(|(_, at)| at), Some(at), "{wrong}");
        }
    }

    #[test]
    fn a_pattern_ends_at_its_delimiter() {
        assert_eq!(between_delimiters(r"/a\/b/c/g", 0), Some(1..5));
        assert_eq!(between_delimiters("re/x/i", 2), Some(3..4));
        assert_eq!(between_delimiters("/x", 0), None);
    }
}
