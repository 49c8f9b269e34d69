//! A hash table that no `htable` parameter declares: reading it gives nothing, writing it fails for every request.

use super::Check;
use super::common::is_whole;
use super::model::{Access, Model};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::{Span, Spanned};

/// Variables with `table=>key` in their parentheses.
const VARIABLES: &[&str] = &["sht", "shtex", "shtcn", "shtcv", "shtinc", "shtdec"];

/// Functions with `table` or `table=>x` as an argument, and which one it is.
const FUNCTIONS: &[(&str, usize)] = &[
    ("sht_rm", 1),
    ("sht_rm_name_re", 1),
    ("sht_rm_value_re", 1),
    ("sht_rm_name", 1),
    ("sht_rm_value", 1),
    ("sht_setxs", 1),
    ("sht_setxi", 1),
    ("sht_reset", 1),
    ("sht_lock", 1),
    ("sht_unlock", 1),
    ("sht_match_name", 1),
    ("sht_has_name", 1),
    ("sht_match_str_value", 1),
    ("sht_has_str_value", 1),
    ("sht_iterator_start", 2),
];

pub(super) fn check(check: &mut Check<'_>) {
    let model = &check.model;
    if !model.loads("htable") || !is_whole(model) {
        return;
    }
    let declared: Vec<&str> = model.params_of("htable", "htable").filter_map(|param| param.text()).map(table).collect();
    if declared.iter().any(|name| name.contains('$')) {
        return;
    }
    let mut reported: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for used in uses(model) {
        if declared.contains(&used.node) || reported.iter().any(|name| name == used.node) {
            continue;
        }
        reported.push(used.node.to_owned());
        let message = format!("no hash table `{}` is declared", used.node);
        // Kamailio starts with it, so a configuration that has it must start here too.
        let diagnostic =
            Diagnostic::warning(Code::UndeclaredTable, message, used.span, "reads nothing, and writing fails");
        let closer = diagnostic.clone().did_you_mean(used.node, declared.iter().copied());
        found.push(if closer == diagnostic {
            diagnostic.help(format!("declare it: `modparam(\"htable\", \"htable\", \"{}=>size=8;\")`", used.node))
        } else {
            closer
        });
    }
    check.diagnostics.extend(found);
}

/// The table in `table=>rest`.
fn table(text: &str) -> &str {
    text.split_once("=>").map_or(text, |(name, _)| name).trim()
}

/// Every place that names a table with a constant.
fn uses<'m>(model: &'m Model<'_>) -> Vec<Spanned<&'m str>> {
    let mut uses = Vec::new();
    for used in model.variables.iter().filter(|used| used.access != Access::Param) {
        if let Some(inner) = used.variable.inner.as_ref().filter(|_| VARIABLES.contains(&&*used.variable.name)) {
            uses.extend(named(&inner.node, inner.span));
        }
    }
    for site in &model.calls {
        if let Some((_, argument)) = FUNCTIONS.iter().find(|(name, _)| *name == site.name()) {
            uses.extend(site.text(*argument).and_then(|text| named(text.node, text.span)));
        }
    }
    uses.sort_by_key(|used| (used.span.file, used.span.start));
    uses
}

fn named(text: &str, span: Span) -> Option<Spanned<&str>> {
    let name = table(text);
    let start = text.len() - text.trim_start().len();
    let whole = !name.is_empty() && !name.contains('$');
    whole.then(|| Spanned::new(name, span.part(text, start..start + name.len())))
}

#[cfg(test)]
mod tests {
    use super::super::common::messages;
    use crate::diagnostic::Code;

    #[test]
    fn each_undeclared_table_is_named_once() {
        let with = |body: &str| {
            let head = "loadmodule \"htable.so\"\nmodparam(\"htable\", \"htable\", \"a=>size=4;\")";
            messages(Code::UndeclaredTable, &format!("{head}\nrequest_route {{ {body} }}")).len()
        };
        assert_eq!(with("$sht(b=>x) = 1; $sht(b=>$si) = 2; $sht(a=>$si) = 3;"), 1);
        assert_eq!(with("sht_iterator_start(\"i\", \"b\"); sht_reset(\"c\"); sht_lock(\"a=>x\");"), 2);
        assert_eq!(with("sht_reset(\"$var(t)\"); $sht($var(t)=>x) = 1;"), 0);
        assert_eq!(messages(Code::UndeclaredTable, "request_route { $sht(b=>x) = 1; }"), [""; 0]);
    }
}
