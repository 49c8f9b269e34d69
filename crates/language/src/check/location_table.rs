//! A location table is looked up that no `save` of the configuration fills.

use super::Check;
use super::common::{has_other_scripts, is_whole, misses_import};
use super::model::Model;
use crate::ast::ConfigValue;
use crate::diagnostic::{Code, Diagnostic, closest};

/// Functions of `registrar` that look into the table that is their first argument.
const LOOK: &[&str] = &[
    "lookup",
    "lookup_branches",
    "lookup_to_dset",
    "registered",
    "unregister",
    "reg_fetch_contacts",
    "reg_free_contacts",
    "reg_from_user",
];

pub(super) fn check(check: &mut Check<'_>) {
    let model = &check.model;
    if !model.loads("registrar") || !is_whole(model) || filled_elsewhere(model) {
        return;
    }
    let mut filled: Vec<&str> = Vec::new();
    for site in model.calls.iter().filter(|site| site.name() == "save" && !site.call.arguments.is_empty()) {
        match site.text(1).filter(|text| !text.node.contains('$')) {
            Some(text) => filled.push(text.node),
            None => return,
        }
    }
    filled.extend(model.params_of("usrloc", "preload").filter_map(|param| param.text()));
    let looked: Vec<_> = model
        .calls
        .iter()
        .filter(|site| LOOK.contains(&site.name()))
        .filter_map(|site| site.text(1))
        .filter(|text| !text.node.contains('$') && !text.node.is_empty())
        .collect();
    // Without any `save` the RPC commands fill the tables: then only a name that is close to another one is wrong.
    let fills = !filled.is_empty();
    let mut found = Vec::new();
    for (at, text) in looked.iter().enumerate() {
        let earlier = looked[..at].iter().map(|text| text.node);
        let right = match fills {
            // A classic: aliases are entered by hand.
            true => filled.contains(&text.node) || text.node == "aliases",
            false => earlier.clone().any(|name| name == text.node) || closest(text.node, earlier.clone()).is_none(),
        };
        if right {
            continue;
        }
        let span = text.span.part(text.node, 0..text.node.len());
        let message = format!("nothing fills the location table `{}`", text.node);
        let diagnostic = Diagnostic::warning(Code::LocationTable, message, span, "no `save` has this name");
        found.push(match fills {
            true => diagnostic.did_you_mean(text.node, filled.iter().copied()),
            false => diagnostic.did_you_mean(text.node, earlier),
        });
    }
    check.diagnostics.extend(found);
}

/// Whether contacts can come from somewhere else than a `save` of this configuration.
fn filled_elsewhere(model: &Model<'_>) -> bool {
    let uses_database = model.params_of("usrloc", "db_mode").any(|param| param.value.node != ConfigValue::Int(0));
    let shared = |name: &str| {
        name.starts_with("ims_") || matches!(name, "dmq_usrloc" | "p_usrloc" | "pua_reginfo" | "cplc" | "kazoo")
    };
    uses_database
        || model.modules.iter().any(|module| shared(module.node))
        || has_other_scripts(model)
        || misses_import(model)
}

#[cfg(test)]
mod tests {
    use super::super::common::messages;
    use crate::diagnostic::Code;

    #[test]
    fn a_table_that_may_be_filled_is_not_empty() {
        let with = |head: &str, body: &str| {
            let text = format!("loadmodule \"registrar.so\"\n{head}\nrequest_route {{ {body} }}");
            messages(Code::LocationTable, &text).len()
        };
        assert_eq!(with("", "save(\"location\"); lookup(\"locaton\"); registered(\"other\");"), 2);
        assert_eq!(with("", "lookup(\"location\"); lookup(\"locaton\");"), 1, "filled from outside, spelt in two ways");
        assert_eq!(with("", "lookup(\"location\"); lookup(\"trunks\");"), 0);
        assert_eq!(with("", "save(\"$var(t)\"); lookup(\"locaton\");"), 0);
        assert_eq!(with("modparam(\"usrloc\", \"db_mode\", 3)", "save(\"location\"); lookup(\"locaton\");"), 0);
        assert_eq!(with("loadmodule \"dmq_usrloc.so\"", "save(\"location\"); lookup(\"locaton\");"), 0);
    }
}
