//! A route that nothing can run: nothing that runs calls it, arms it or names it in a text.

use std::collections::{HashMap, HashSet};

use super::unknown_target::TARGETS;
use super::{Check, Model, visit};
use crate::ast::{ConfigValue, Expr, ExprKind, ItemKind, RouteBlock, RouteKind};
use crate::diagnostic::{Code, Diagnostic};

/// Their scripts can call and arm routes.
const SCRIPTS: &[&str] = &[
    "app_java",
    "app_jsdt",
    "app_lua",
    "app_lua_sr",
    "app_mono",
    "app_perl",
    "app_python",
    "app_python3",
    "app_python3s",
    "app_ruby",
    "app_ruby_proc",
    "app_sqlang",
];

/// A word in the text of these says nothing about routes.
const LOGS: &[&str] =
    &["xlog", "xdbg", "xinfo", "xnotice", "xwarn", "xerr", "xcrit", "xalert", "xbug", "xlogl", "xlogm", "log"];

pub(super) fn check(check: &mut Check<'_>) {
    let model = &check.model;
    let is_main = |route: &RouteBlock| route.kind == RouteKind::Request && name(route).is_empty();
    let other_engine = model.config.items.iter().any(|item| matches!(item.kind, ItemKind::CfgEngine(_)));
    // Without a request route it is a part of a configuration, and other parts may call.
    if !model.routes.iter().any(|route| is_main(route)) || other_engine || SCRIPTS.iter().any(|name| model.loads(name))
    {
        return;
    }
    let mut uses: Vec<Uses<'_>> = model.routes.iter().map(|route| Uses::of_block(route)).collect();
    let mut alive: Vec<bool> = model.routes.iter().map(|route| !is_callable(route)).collect();
    // A route named by an event, a timer or a condition that is off runs; so does what a running route names.
    let mut running = vec![Uses::of_file(model)];
    running.extend(uses.iter_mut().zip(&alive).filter(|(_, alive)| **alive).map(|(uses, _)| std::mem::take(uses)));
    while let Some(user) = running.pop() {
        for (at, route) in model.routes.iter().enumerate() {
            if !alive[at] && user.names(route) {
                alive[at] = true;
                running.push(std::mem::take(&mut uses[at]));
            }
        }
    }
    let dead: Vec<usize> = (0..alive.len()).filter(|at| !alive[*at]).collect();
    let is_named = |at: usize| dead.iter().any(|other| *other != at && uses[*other].names(model.routes[at]));
    let mut explained: HashSet<usize> = HashSet::new();
    let mut reported = Vec::new();
    // First those that nothing names, then rings of routes that name only each other.
    let outermost = dead.iter().filter(|at| !is_named(**at));
    for at in outermost.chain(&dead) {
        if explained.insert(*at) {
            reported.push((*at, is_named(*at) || uses[*at].names(model.routes[*at])));
            spread(*at, &dead, &uses, model, &mut explained);
        }
    }
    reported.sort_unstable();
    let diagnostics: Vec<Diagnostic> = reported.iter().map(|(at, ring)| diagnostic(model.routes[*at], *ring)).collect();
    check.diagnostics.extend(diagnostics);
}

/// Everything that a dead route names is dead because of it.
fn spread(from: usize, dead: &[usize], uses: &[Uses<'_>], model: &Model<'_>, explained: &mut HashSet<usize>) {
    let mut open = vec![from];
    while let Some(user) = open.pop() {
        open.extend(dead.iter().filter(|at| uses[user].names(model.routes[**at]) && explained.insert(**at)));
    }
}

fn diagnostic(route: &RouteBlock, ring: bool) -> Diagnostic {
    let kind = match route.kind {
        RouteKind::Failure => "failure_route",
        RouteKind::Branch => "branch_route",
        RouteKind::OnReply => "onreply_route",
        _ => "route",
    };
    let arm = match route.kind {
        RouteKind::Failure => "t_on_failure",
        RouteKind::Branch => "t_on_branch",
        RouteKind::OnReply => "t_on_reply",
        _ => "route",
    };
    let name = name(route);
    let label = if ring { "only it or routes that never run name it" } else { "nothing names it" };
    Diagnostic::warning(Code::RouteNeverCalled, format!("{kind}[{name}] never runs"), route.header, label)
        .help(format!("use it with `{arm}(\"{name}\")`, or remove it"))
}

fn name(route: &RouteBlock) -> &str {
    route.name.as_ref().map_or("", |name| &name.node)
}

/// Whether a block runs only when something names it.
fn is_callable(route: &RouteBlock) -> bool {
    let kinds = [RouteKind::Request, RouteKind::Failure, RouteKind::Branch, RouteKind::OnReply];
    kinds.contains(&route.kind) && !name(route).is_empty()
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// The names that a block, or the file outside of blocks, uses.
#[derive(Default)]
struct Uses<'a> {
    /// Words of its texts, and whole texts.
    words: HashSet<&'a str>,
    /// What stands before and behind the variables of a name that is made when it runs.
    made: HashSet<(&'a str, &'a str)>,
    /// Numbers of routes.
    numbers: HashSet<String>,
}

impl<'a> Uses<'a> {
    fn of_file(model: &Model<'a>) -> Self {
        let mut uses = Self { words: model.skipped_words(), ..Self::default() };
        // A define may be used only in text that conditions leave out.
        model.config.defines.iter().filter_map(|(_, value)| value.as_deref()).for_each(|value| uses.text(value));
        for item in &model.config.items {
            match &item.kind {
                ItemKind::ModParam { value, .. }
                | ItemKind::CustomParam { value, .. }
                | ItemKind::CoreParam { value, .. } => match &value.node {
                    ConfigValue::String(text) | ConfigValue::Word(text) => uses.text(text),
                    ConfigValue::Int(number) => {
                        uses.numbers.insert(number.to_string());
                    }
                },
                _ => {}
            }
        }
        uses
    }

    fn of_block(route: &'a RouteBlock) -> Self {
        let mut uses = Self::default();
        let mut logged: HashMap<*const Expr, ()> = HashMap::new();
        visit::expressions(&route.body.statements, &mut |expr| match &expr.kind {
            ExprKind::Call(call) => {
                let name = &*call.name.node;
                if LOGS.contains(&name) {
                    logged.extend(call.arguments.iter().map(|argument| (std::ptr::from_ref(argument), ())));
                }
                let named = TARGETS.iter().filter(|target| target.function == name).map(|target| target.argument);
                for argument in named.filter_map(|at| call.arguments.get(at - 1)) {
                    uses.target(argument);
                }
            }
            ExprKind::String(text) | ExprKind::Word(text) if !logged.contains_key(&std::ptr::from_ref(expr)) => {
                uses.text(text);
            }
            _ => {}
        });
        uses
    }

    fn text(&mut self, text: &'a str) {
        self.words.extend(text.split(|c| !is_word(c)).chain([text]));
    }

    /// An argument that names a route.
    fn target(&mut self, argument: &'a Expr) {
        match &argument.kind {
            ExprKind::Int(number) => {
                self.numbers.insert(number.to_string());
            }
            ExprKind::String(text) | ExprKind::Word(text) if !text.contains('$') => {}
            ExprKind::String(text) | ExprKind::Word(text) => {
                let before = text.split('$').next().unwrap_or_default();
                // What stands behind the last variable is not told from its name without parentheses.
                let behind = text.rsplit_once(')').map_or("", |(_, behind)| behind);
                self.made.insert((before, if behind.contains(['$', '}', ']']) { "" } else { behind }));
            }
            ExprKind::Binary { left, .. } => {
                let before = match &left.kind {
                    ExprKind::String(text) if !text.contains('$') => text,
                    _ => "",
                };
                self.made.insert((before, ""));
            }
            _ => {
                self.made.insert(("", ""));
            }
        }
    }

    fn names(&self, route: &RouteBlock) -> bool {
        let name = name(route);
        let fits = |(before, behind): &(&str, &str)| name.starts_with(before) && name.ends_with(behind);
        self.words.contains(name) || self.numbers.contains(name) || self.made.iter().any(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::texts;
    use crate::diagnostic::Code;

    fn never(text: &str) -> Vec<String> {
        texts(Code::RouteNeverCalled, text)
    }

    #[test]
    fn what_nothing_names_is_found_once() {
        let calls = "request_route { route(A); xlog(\"route B\"); }\nroute[A] { t_on_failure(\"F\"); }\n\
                     failure_route[F] { exit; }\n";
        assert_eq!(never(calls), [""; 0]);
        assert_eq!(never(&format!("{calls}route[B] {{ route(C); }}\nroute[C] {{ exit; }}")), ["route[B]"]);
        assert_eq!(never(&format!("{calls}failure_route[B] {{ exit; }}")), ["failure_route[B]"]);
        assert_eq!(never(&format!("{calls}route[B] {{ route(B); }}")), ["route[B]"]);
        assert_eq!(never(&format!("{calls}route[B] {{ route(C); }}\nroute[C] {{ route(B); }}")), ["route[B]"]);
    }

    #[test]
    fn every_way_to_name_a_route_is_known() {
        for way in [
            "request_route { async_route(\"B\", \"1\"); }",
            "modparam(\"rtimer\", \"exec\", \"timer=t;route=B\")\nrequest_route { exit; }",
            "request_route { $var(r) = \"B\"; exit; }",
            "request_route { route(\"$var(x)\"); }",
            "request_route { route($var(x)); }",
            "request_route { exit; }\n#!ifdef X\nevent_route[a:b] { route(B); }\n#!endif",
            "request_route { exit; }\nevent_route[a:b] { route(B); }",
            "request_route { exit; }\nreply_route { route(B); }",
            "request_route { if (is_method(\"X\") && !route(B)) exit; }",
            "loadmodule \"app_lua.so\"\nrequest_route { exit; }",
            "cfgengine \"python\"\nrequest_route { exit; }",
            "route[X] { exit; }",
            "#!define GO route(B)\nrequest_route { exit; }\n#!ifdef X\nevent_route[a:b] { GO; }\n#!endif",
        ] {
            assert_eq!(never(&format!("{way}\nroute[B] {{ exit; }}")), [""; 0], "{way}");
        }
        assert_eq!(never("request_route { route(1); }\nroute[1] { exit; }"), [""; 0]);
    }

    #[test]
    fn a_name_that_is_made_fits_or_not() {
        let made = "request_route { route(\"TO_$rU\"); route(\"A_\" + $rU); t_on_reply(\"$(avp(x))_END\"); }\n";
        for fits in ["route[TO_x]", "route[A_x]", "onreply_route[x_END]"] {
            assert_eq!(never(&format!("{made}{fits} {{ exit; }}")), [""; 0], "{fits}");
        }
        assert_eq!(never(&format!("{made}route[B] {{ exit; }}")), ["route[B]"]);
    }
}
