//! A function or parameter that names a route block which does not exist: Kamailio starts, and nothing runs when the
//! time comes. What `route(X)` names is looked up when the script is compiled.

use super::{Check, Model};
use crate::ast::RouteKind;
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Spanned;

/// An argument that names a block.
pub(super) struct Target {
    /// The function.
    pub function: &'static str,
    /// Which argument, from 1.
    pub argument: usize,
    /// The kind of block.
    pub kind: RouteKind,
    /// What the block's name starts with; the argument is the rest.
    pub prefix: &'static str,
}

const fn target(function: &'static str, argument: usize, kind: RouteKind) -> Target {
    Target { function, argument, kind, prefix: "" }
}

/// Functions that name blocks.
pub(super) const TARGETS: &[Target] = &[
    target("route", 1, RouteKind::Request),
    target("route_if_exists", 1, RouteKind::Request),
    target("check_route_exists", 1, RouteKind::Request),
    target("t_on_failure", 1, RouteKind::Failure),
    target("t_on_branch", 1, RouteKind::Branch),
    target("t_on_reply", 1, RouteKind::OnReply),
    Target { prefix: "tm:branch-failure:", ..target("t_on_branch_failure", 1, RouteKind::Event) },
    target("t_continue", 3, RouteKind::Request),
    target("async_route", 1, RouteKind::Request),
    target("async_ms_route", 1, RouteKind::Request),
    target("async_task_route", 1, RouteKind::Request),
    target("async_task_group_route", 1, RouteKind::Request),
    target("async_task_data", 1, RouteKind::Request),
    target("async_task_group_data", 1, RouteKind::Request),
    target("http_async_query", 2, RouteKind::Request),
    target("I_perform_user_authorization_request", 1, RouteKind::Request),
    target("I_perform_location_information_request", 1, RouteKind::Request),
    target("ims_www_challenge", 1, RouteKind::Request),
    target("ims_proxy_challenge", 1, RouteKind::Request),
    target("ims_www_resync_auth", 1, RouteKind::Request),
    target("Rx_AAR", 1, RouteKind::Request),
    target("Rx_AAR_Register", 1, RouteKind::Request),
    target("Ro_CCR", 1, RouteKind::Request),
    target("assign_server_unreg", 1, RouteKind::Request),
];

/// These ask whether a block exists, or are looked up when the script is compiled.
const NOT_CHECKED: &[&str] = &["route", "route_if_exists", "check_route_exists"];

pub(super) fn check(check: &mut Check<'_>) {
    let model = &check.model;
    let mut found = Vec::new();
    for call in &model.calls {
        let known = TARGETS.iter().filter(|target| target.function == call.name());
        for target in known.filter(|target| !NOT_CHECKED.contains(&target.function)) {
            let Some(name) = call.text(target.argument) else { continue };
            found.extend(missing(model, target.kind, target.prefix, name));
        }
    }
    for param in model.params_of("rtimer", "exec") {
        let Some(text) = param.text() else { continue };
        let fields = text.split(';').filter_map(|field| field.split_once('='));
        let Some((_, name)) = fields.map(|(key, name)| (key.trim(), name.trim())).find(|(key, _)| *key == "route")
        else {
            continue;
        };
        found.extend(missing(model, RouteKind::Request, "", Spanned::new(name, param.value.span)));
    }
    for (module, param) in [("cplc", "proxy_route"), ("cplc", "redirect_route"), ("xmlrpc", "route")] {
        for param in model.params_of(module, param) {
            let Some(text) = param.text() else { continue };
            found.extend(missing(model, RouteKind::Request, "", Spanned::new(text, param.value.span)));
        }
    }
    check.diagnostics.extend(found);
}

fn missing(model: &Model<'_>, kind: RouteKind, prefix: &str, name: Spanned<&str>) -> Option<Diagnostic> {
    // "0" and nothing disarm, or are the unnamed block; a variable is known when it runs.
    if name.node.contains('$') || matches!(name.node, "" | "0") {
        return None;
    }
    let native = !model.config.items.iter().any(|item| matches!(item.kind, crate::ast::ItemKind::CfgEngine(_)));
    let of_kind = |wanted| {
        let blocks = model.routes.iter().filter(move |route| route.kind == wanted);
        blocks.filter_map(|route| route.name.as_ref()).map(|name| &*name.node)
    };
    let names: Vec<&str> = of_kind(kind).filter_map(|block| block.strip_prefix(prefix)).collect();
    // A part of a configuration knows nothing of the other parts.
    let has_main = model.routes.iter().any(|route| route.kind == RouteKind::Request && route.name.is_none());
    if names.contains(&name.node) || !native || !has_main {
        return None;
    }
    let keyword = keyword(kind);
    let message = format!("{keyword}[{prefix}{}] is not defined", name.node);
    let mut diagnostic = Diagnostic::warning(Code::UnknownRoute, message, name.span, "no such block: nothing will run");
    let others = [RouteKind::Request, RouteKind::Failure, RouteKind::Branch, RouteKind::OnReply];
    let other = others.into_iter().find(|other| *other != kind && of_kind(*other).any(|block| block == name.node));
    if let Some(other) = other {
        diagnostic = diagnostic.help(format!("`{}[{}]` is another kind of block", self::keyword(other), name.node));
    }
    Some(diagnostic.did_you_mean(name.node, names))
}

const fn keyword(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Failure => "failure_route",
        RouteKind::Branch => "branch_route",
        RouteKind::OnReply => "onreply_route",
        RouteKind::Event => "event_route",
        _ => "route",
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{edits, texts};
    use super::*;

    fn found(body: &str) -> Vec<String> {
        let blocks =
            "failure_route[FAIL] { exit; }\nroute[RESUME] { exit; }\nevent_route[tm:branch-failure:one] { exit; }\n";
        texts(Code::UnknownRoute, &format!("{body}\n{blocks}"))
    }

    #[test]
    fn targets_are_functions_of_kamailio() {
        for target in TARGETS {
            let known = crate::known::function(target.function);
            let most = known.iter().filter_map(|it| it.arity.as_ref()?.last()).max();
            assert!(!known.is_empty() && most.is_none_or(|most| target.argument <= *most), "{}", target.function);
        }
    }

    #[test]
    fn blocks_that_do_not_exist_are_found() {
        assert_eq!(found("request_route { t_on_failure(\"FALL\"); }"), ["\"FALL\""]);
        assert_eq!(found("request_route { t_on_failure(\"RESUME\"); }"), ["\"RESUME\""]);
        assert_eq!(found("request_route { t_on_branch_failure(\"two\"); }"), ["\"two\""]);
        assert_eq!(found("request_route { async_route(\"RESUM\", 1); }"), ["\"RESUM\""]);
        assert_eq!(found("request_route { t_continue(\"1\", \"2\", \"OTHER\"); }"), ["\"OTHER\""]);
        let timer = "modparam(\"rtimer\", \"exec\", \"timer=t;route=TICK\")\nrequest_route { exit; }";
        assert_eq!(found(timer), ["\"timer=t;route=TICK\""]);
        let text = "request_route { async_route(\"RESUM\", 1); }\nroute[RESUME] { exit; }";
        assert_eq!(edits(Code::UnknownRoute, text), [("RESUM".into(), "RESUME".into())]);
    }

    #[test]
    fn blocks_that_exist_and_names_that_are_made_are_silent() {
        assert_eq!(found("request_route { t_on_failure(\"FAIL\"); t_on_branch_failure(\"one\"); }"), [""; 0]);
        assert_eq!(
            found("request_route { t_on_failure(\"0\"); t_on_reply(\"R_$rU\"); t_on_reply($var(x)); }"),
            [""; 0]
        );
        assert_eq!(found("request_route { route_if_exists(\"NONE\"); async_task_route(\"RESUME\"); }"), [""; 0]);
        assert_eq!(found("route[A] { t_on_failure(\"ELSEWHERE\"); }"), [""; 0]);
    }
}
