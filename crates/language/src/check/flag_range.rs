//! A message, script, branch or dialog flag that does not exist: they go from 0 to 31.

use super::{CallSite, Check};
use crate::ast::{ConfigValue, ExprKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Spanned;

const HIGHEST: i64 = 31;

/// Functions that take a flag, where calls are not checked when they are compiled; the argument, from 1.
const FUNCTIONS: &[(&str, usize)] = &[("dlg_setflag", 1), ("dlg_resetflag", 1), ("dlg_isflagset", 1)];

/// Parameters that hold a flag, without those that their modules check themselves. Kamailio does not start with a wrong
/// one (true), or never sets or sees the flag.
const PARAMS: &[(&str, &str, bool)] = &[
    ("acc", "db_flag", true),
    ("acc", "db_missed_flag", true),
    ("acc_radius", "radius_flag", false),
    ("acc_radius", "radius_missed_flag", false),
    ("ims_dialog", "dlg_flag", false),
    ("ims_usrloc_scscf", "nat_bflag", false),
    ("nathelper", "natping_disable_bflag", false),
    ("nathelper", "sipping_bflag", false),
    ("outbound", "force_no_outbound_flag", true),
    ("outbound", "force_outbound_flag", true),
    ("pua_usrloc", "branch_flag", false),
    ("qos", "qos_flag", true),
    ("registrar", "sock_flag", false),
    ("sca", "onhold_bflag", false),
    ("siptrace", "trace_flag", false),
    ("sst", "sst_flag", true),
];

pub(super) fn check(check: &mut Check<'_>) {
    let mut found = Vec::new();
    for call in &check.model.calls {
        for (_, at) in FUNCTIONS.iter().filter(|(name, _)| *name == call.name()) {
            let Some(flag) = number(call, *at).filter(|flag| !(0..=HIGHEST).contains(&flag.node)) else { continue };
            let message = format!("flag {} is out of range", flag.node);
            found.push(Diagnostic::warning(Code::Argument, message, flag.span, "flags go from 0 to 31"));
        }
    }
    for (module, name, fatal) in PARAMS {
        for param in check.model.params_of(module, name) {
            // A negative one means none.
            let ConfigValue::Int(flag) = param.value.node else { continue };
            if flag <= HIGHEST {
                continue;
            }
            let message = format!("flag {flag} of `{name}` is out of range");
            let label = "flags go from 0 to 31";
            found.push(match fatal {
                true => Diagnostic::error(Code::ParamValue, message, param.value.span, label),
                false => Diagnostic::warning(Code::ParamValue, message, param.value.span, label),
            });
        }
    }
    check.diagnostics.extend(found);
}

fn number(call: &CallSite<'_>, argument: usize) -> Option<Spanned<i64>> {
    let expr = call.call.arguments.get(argument.checked_sub(1)?)?;
    let number = match &expr.kind {
        ExprKind::Int(number) => Some(*number),
        ExprKind::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.map(|number| Spanned::new(number, expr.span))
}

#[cfg(test)]
mod tests {
    use super::super::testing::texts;
    use super::*;

    #[test]
    fn names_are_known() {
        for (name, _) in FUNCTIONS {
            assert!(!crate::known::function(name).is_empty(), "{name}");
        }
        for (module, name, _) in PARAMS {
            assert!(crate::known::param(module, name).is_some(), "{module} {name}");
        }
    }

    #[test]
    fn flags_beyond_31_are_found() {
        let body = "dlg_setflag(\"32\"); dlg_isflagset(40); dlg_resetflag(\"31\"); dlg_setflag(\"$var(x)\");";
        assert_eq!(texts(Code::Argument, &format!("request_route {{ {body} }}")), ["\"32\"", "40"]);
        let params = "modparam(\"acc\", \"db_flag\", 32)\nmodparam(\"nathelper\", \"sipping_bflag\", 40)\n\
                      modparam(\"qos\", \"qos_flag\", 31)\nmodparam(\"sst\", \"sst_flag\", -1)\n";
        assert_eq!(texts(Code::ParamValue, &format!("{params}request_route {{ exit; }}")), ["32", "40"]);
    }
}
