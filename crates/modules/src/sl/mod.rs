//! Module `sl`: replies without a transaction, and the ACKs to them.

pub(crate) mod arguments;
pub(crate) mod redirect;
mod reply;
mod rpc;
mod variables;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use engine::statistics::Counter;
use engine::{BoxFuture, Core, Creating, Diagnostic, Module, ModuleDef, Params, RouteCx, Str};
use sip::Method;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "sl",
    summary: "Replies without a transaction.",
    params: SlParams::DEFS,
    functions: &[
        reply::SEND_REPLY,
        reply::SEND_REPLY_ERROR,
        reply::SEND_REPLY_MODE,
        reply::SL_FORWARD_REPLY,
        reply::SL_REPLY,
        reply::SL_REPLY_ERROR,
        reply::SL_SEND_REPLY,
    ],
    variables: &[variables::LTT],
    rpc: &[rpc::STATS],
    event_routes: &["sl:local-response", "sl:filtered-ack"],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `sl`.
#[derive(Params)]
pub struct SlParams {
    /// Code of a reply whose code is no number or has not three digits.
    #[param(default = 500)]
    pub default_code: u16,
    /// Reason of a reply whose reason has no value (`$null`).
    #[param(default = "Internal Server Error".into())]
    pub default_reason: Str,
    /// `send_reply` answers through tm when a transaction exists (1), or never (0).
    #[param(default = true)]
    pub bind_tm: bool,
    /// What the contacts of a 3xx reply carry beside their `q`, as a sum: 1 the branch flags (`;flags=`), 2 the path (a
    /// `Route` header in the URI).
    #[param(default = 0)]
    pub rich_redirect: i64,
}

/// The started module.
pub struct Sl {
    params: SlParams,
    counters: Counters,
}

/// What `sl.stats` and the statistics of group `sl` show.
pub(crate) struct Counters {
    pub(crate) by_code: Vec<(u16, Counter)>,
    /// The other codes of a class: by first digit; the last one counts codes from 700 on.
    pub(crate) by_class: [Counter; 7],
    pub(crate) failures: Counter,
    pub(crate) sent: Counter,
    pub(crate) sent_errors: Counter,
    pub(crate) received_acks: Counter,
}

impl Counters {
    fn new(core: &Core) -> Self {
        let counter = |name: &str, doc: &str| core.statistics.counter("sl", name, doc);
        let codes = [200, 202, 300, 301, 302, 400, 401, 403, 404, 407, 408, 483, 500];
        let classes =
            ["1xx_replies", "2xx_replies", "3xx_replies", "4xx_replies", "5xx_replies", "6xx_replies", "xxx_replies"];
        Self {
            by_class: classes.map(|name| counter(name, "replies of a class sent whose code has no counter of its own")),
            by_code: codes.map(|code| (code, counter(&format!("{code}_replies"), "replies of a code sent"))).into(),
            failures: counter("failures", "replies that could not be sent"),
            received_acks: counter("received_ACKs", "ACKs to our replies"),
            sent_errors: counter("sent_err_replies", "replies sent for internal errors"),
            sent: counter("sent_replies", "replies sent"),
        }
    }

    pub(crate) fn count(&self, code: u16) {
        self.sent.increment();
        match self.by_code.iter().find(|(known, _)| *known == code) {
            Some((_, counter)) => counter.increment(),
            None => self.by_class[usize::from(code / 100).clamp(1, 7) - 1].increment(),
        }
    }
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: SlParams = creating.params()?;
    if !(100..700).contains(&params.default_code) {
        return Err(Diagnostic::error(
            engine::Code::ParamValue,
            "`default_code` must be from 100 to 699",
            creating.span_of("default_code"),
            "no reply code",
        ));
    }
    Ok(Arc::new(Sl { params, counters: Counters::new(creating.core) }))
}

impl Module for Sl {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let me = self.clone();
        core.hooks.before_request.push(Arc::new(move |cx| me.pass(cx)));
        Box::pin(async { Ok(()) })
    }
}

impl Sl {
    /// Takes the ACKs to our own negative replies: their To tag is the one that we gave (RFC 3261 section 17.2.7 keeps
    /// them away from the script). `false`: taken.
    fn pass(&self, cx: &mut RouteCx) -> bool {
        if cx.message.method() != Method::Ack {
            return true;
        }
        let tag = match cx.message.to() {
            Ok(Some(to)) => to.tag(),
            _ => None,
        };
        // Most tags are somebody else's, which their length tells already.
        let is_ours =
            |tag: &Str| tag.len() == engine::reply::STATELESS_TAG_LENGTH && **tag == engine::reply::stateless_tag(cx);
        if !tag.is_some_and(|tag| is_ours(&tag)) {
            return true;
        }
        self.counters.received_acks.increment();
        run_event(cx, "sl:filtered-ack");
        false
    }
}

fn run_event(cx: &mut RouteCx, name: &str) {
    let found = cx
        .program()
        .and_then(|program| program.route(language::ast::RouteKind::Event, name).map(|route| (program.clone(), route)));
    if let Some((program, route)) = found {
        program.run_nested(route, cx);
    }
}
