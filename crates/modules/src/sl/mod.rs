//! Module `sl`: replies without a transaction, and the ACKs to them.

mod reply;
mod rpc;

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
    rpc: &[rpc::STATS],
    event_routes: &["sl:local-response", "sl:filtered-ack"],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `sl`.
#[derive(Params)]
pub struct SlParams {
    /// Code of a reply whose code is wrong.
    #[param(default = 500)]
    pub default_code: u16,
    /// Reason of a reply whose reason is empty.
    #[param(default = "Internal Server Error".into())]
    pub default_reason: Str,
    /// `send_reply` answers through tm when a transaction exists (1), or never (0).
    #[param(default = true)]
    pub bind_tm: bool,
    /// A 3xx reply carries the branches as contacts: 0 with their parameters unchanged, 1 with `q` too.
    #[param(default = 0)]
    pub rich_redirect: i64,
}

/// The started module.
pub struct Sl {
    params: SlParams,
    counters: Counters,
    /// Replies of a class sent, by first digit; ACKs taken.
    core: Arc<Core>,
}

/// What `sl.stats` and the statistics of group `sl` show.
pub(crate) struct Counters {
    pub(crate) by_code: Vec<(u16, Counter)>,
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
            by_class: classes.map(|name| counter(name, "replies of a class sent")),
            by_code: codes.map(|code| (code, counter(&format!("{code}_replies"), "replies of a code sent"))).into(),
            failures: counter("failures", "replies that could not be sent"),
            received_acks: counter("received_ACKs", "ACKs to our replies"),
            sent_errors: counter("sent_err_replies", "replies sent for internal errors"),
            sent: counter("sent_replies", "replies sent"),
        }
    }

    pub(crate) fn count(&self, code: u16) {
        self.sent.increment();
        if let Some((_, counter)) = self.by_code.iter().find(|(known, _)| *known == code) {
            counter.increment();
        }
        self.by_class[usize::from(code / 100).clamp(1, 7) - 1].increment();
    }
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params = creating.params()?;
    Ok(Arc::new(Sl { params, counters: Counters::new(creating.core), core: creating.core.clone() }))
}

impl Module for Sl {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let me = self.clone();
        core.hooks.before_request.write().push(Arc::new(move |cx| me.pass(cx)));
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
        if tag.is_none_or(|tag| *tag != *engine::reply::stateless_tag(cx).as_bytes()) {
            return true;
        }
        self.counters.received_acks.increment();
        self.run_event(cx, "sl:filtered-ack");
        false
    }

    fn run_event(&self, cx: &mut RouteCx, name: &str) {
        let Some(program) = cx.program().cloned() else { return };
        if let Some(route) = program.route(language::ast::RouteKind::Event, name) {
            program.run_nested(route, cx);
        }
        let _ = &self.core;
    }
}

#[cfg(test)]
mod tests {
    use testkit::Bench;

    const INVITE: &str = "INVITE sip:bob@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\nMax-Forwards: 70\n\
        From: <sip:alice@a.example>;tag=1\nTo: <sip:bob@b.example>\nCall-ID: 1\nCSeq: 1 INVITE\nContent-Length: 0\n\n";

    #[test]
    fn reply_and_its_ack() {
        let bench = Bench::new(
            "loadmodule \"sl\"\nloadmodule \"xlog\"\nrequest_route { xlog(\"got $rc\\n\"); if (method == \"INVITE\") { sl_reply(\"480\", \"Temporarily Unavailable\"); exit; } xlog(\"again\"); }\n\
             event_route[sl:filtered-ack] { xlog(\"ack taken\"); }",
            crate::MODULES,
        )
        .unwrap();
        let sent = bench.receive(INVITE);
        assert_eq!(sent.messages.len(), 1, "{sent:?}");
        assert!(sent.messages[0].starts_with("SIP/2.0 480 Temporarily Unavailable\n"), "{sent:?}");
        let to = sent.messages[0].lines().find(|line| line.starts_with("To:")).unwrap().to_owned();
        let ack = INVITE.replace("INVITE", "ACK").replace("To: <sip:bob@b.example>", &to);
        let sent = bench.receive(&ack);
        assert_eq!((sent.messages.len(), sent.log), (0, vec!["ERROR: <script>: ack taken".to_owned()]));
    }
}
