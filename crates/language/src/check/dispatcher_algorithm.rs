//! A number for the dispatcher's algorithm that it does not have: it takes the first destination then, always.

use super::Check;
use super::common::is_whole;
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;

/// The functions whose second argument is an algorithm.
const SELECT: &[&str] = &["ds_select", "ds_select_dst", "ds_select_domain"];

/// The algorithms: 0 (Call-ID) to 13 (latency), and 64 (overload control, of newer releases).
fn exists(algorithm: i64) -> bool {
    matches!(algorithm, 0..=13 | 64)
}

pub(super) fn check(check: &mut Check<'_>) {
    if !is_whole(&check.model) {
        return;
    }
    let mut found = Vec::new();
    for site in &check.model.calls {
        if SELECT.contains(&site.name()) {
            let Some(argument) = site.call.arguments.get(1) else { continue };
            if let Some(text) = site.text(2) {
                let whole = text.span.part(text.node, 0..text.node.len());
                found.extend(judge(text.node, whole));
            } else if let crate::ast::ExprKind::Int(number) = argument.kind {
                found.extend(judge(&number.to_string(), argument.span));
            }
        }
        if site.name() == "ds_select_routes" {
            let Some(rules) = site.text(1) else { continue };
            let mut start = 0;
            for rule in rules.node.split(';') {
                if let Some((set, algorithm)) = rule.split_once('=') {
                    let from = start + set.len() + 1;
                    found.extend(judge(algorithm, rules.span.part(rules.node, from..from + algorithm.len())));
                }
                start += rule.len() + 1;
            }
        }
    }
    check.diagnostics.extend(found);
}

fn judge(text: &str, span: Span) -> Option<Diagnostic> {
    let number = text.trim();
    if number.contains('$') || number.parse().is_ok_and(exists) {
        return None;
    }
    let help = "0 to 13: 0 hashes the Call-ID, 4 is round-robin, 6 random, 8 by priority, 9 by weight, 10 by load";
    let message = format!("the dispatcher has no algorithm `{number}`");
    let label = if number.parse::<i64>().is_ok() { "always takes the first destination" } else { "not a number" };
    Some(Diagnostic::warning(Code::DispatcherAlgorithm, message, span, label).help(help))
}

#[cfg(test)]
mod tests {
    use super::super::common::messages;
    use crate::diagnostic::Code;

    #[test]
    fn numbers_that_exist_are_right() {
        let count = |body: &str| messages(Code::DispatcherAlgorithm, &format!("request_route {{ {body} }}")).len();
        assert_eq!(count("ds_select_dst(\"1\", \"14\"); ds_select_domain(1, 99); ds_select_dst(\"1\", \"x\");"), 3);
        assert_eq!(
            count("ds_select_dst(\"1\", \"13\"); ds_select_domain(1, 0); ds_select_dst(\"1\", \"$var(x)\");"),
            0
        );
        assert_eq!(count("ds_select_routes(\"1=4;2=77\", \"0\");"), 1);
        assert_eq!(messages(Code::DispatcherAlgorithm, "route[A] { ds_select_dst(\"1\", \"ALG\"); }"), [""; 0]);
    }
}
