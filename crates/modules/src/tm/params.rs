//! The parameters of module `tm`.

use engine::config_groups::LiveInt;
use engine::{Core, Params, Str};

/// The parameters of module `tm`. Those that `cfg.set_now_int tm ..` can change while the server runs are in [`Live`].
#[derive(Params)]
pub struct TmParams {
    /// How long to wait for the final reply to a request, and for any reply to an INVITE, in milliseconds.
    #[param(default = 30_000)]
    pub fr_timer: i64,
    /// How long to wait for the final reply to an INVITE that got a provisional one, in milliseconds.
    #[param(default = 120_000)]
    pub fr_inv_timer: i64,
    /// After this time, in milliseconds, no branch of an INVITE goes on waiting, whatever it got.
    #[param(default = 180_000)]
    pub max_inv_lifetime: i64,
    /// The same for all other requests, in milliseconds.
    #[param(default = 32_000)]
    pub max_noninv_lifetime: i64,
    /// How long a finished transaction absorbs what comes late, in milliseconds.
    #[param(default = 5000)]
    pub wt_timer: i64,
    /// First interval between retransmissions, in milliseconds (T1 of RFC 3261).
    #[param(default = 500)]
    pub retr_timer1: i64,
    /// Longest interval between retransmissions, in milliseconds (T2 of RFC 3261).
    #[param(default = 4000)]
    pub retr_timer2: i64,
    /// 1: an INVITE whose `fr_inv_timer` runs out is cancelled and answered 408 (RFC 3261 section 16.8). 0, silence, is
    /// not supported.
    #[param(default = true)]
    pub noisy_ctimer: bool,
    /// Each provisional reply starts `fr_inv_timer` again.
    #[param(default = true)]
    pub restart_fr_on_each_reply: bool,
    /// An INVITE is answered 100 as soon as it is relayed.
    #[param(default = true)]
    pub auto_inv_100: bool,
    /// The reason of that 100.
    #[param(default = "trying -- your call is important to us".into())]
    pub auto_inv_100_reason: Str,
    /// A 401 or 407 that is sent back carries the challenges of all branches (RFC 3261 section 16.7).
    #[param(default = true)]
    pub aggregate_challenges: bool,
    /// CANCELs and the ACKs to negative replies are made from the INVITE as it was sent. 0 is not supported.
    #[param(default = true)]
    pub reparse_invite: bool,
    /// Header fields whose names begin with this are copied from the INVITE into its CANCELs and the ACKs to negative
    /// replies.
    pub ac_extra_hdrs: Str,
    /// How a branch that has not replied is cancelled: 0 ends it at once as if it had answered 487, 1 waits for a
    /// provisional reply, 2 sends the CANCEL at once.
    #[param(default = 1)]
    pub cancel_b_method: i64,
    /// After a fail-over to another address the request is the one that was sent first, with another Via. 0: it is made
    /// anew from the received one, and the branch route runs for it.
    #[param(default = true)]
    pub reparse_on_dns_failover: bool,
    /// Name of the `onreply_route` for replies without transaction; `drop` or 0 keeps them from being sent on.
    pub on_sl_reply: Str,
    /// Name of the xavp in which `t_load_contacts` stores the branches.
    pub contacts_avp: Str,
    /// Name of the xavp in which `t_next_contacts` stores further flows to the same instance.
    pub contact_flows_avp: Str,
    /// An AVP (`$avp(name)`) whose value in seconds replaces `fr_timer` for a transaction.
    pub fr_timer_avp: Str,
    /// An AVP whose value in seconds replaces `fr_inv_timer` for a transaction.
    pub fr_inv_timer_avp: Str,
    /// A CANCEL without INVITE is relayed with a transaction (0), without (1), or dropped (2).
    #[param(default = 0)]
    pub unmatched_cancel: i64,
    /// Requests whose branch is not that of RFC 3261 must have the same request-URI.
    #[param(default = true)]
    pub ruri_matching: bool,
    /// Requests whose branch is not that of RFC 3261 must have the same first Via.
    #[param(default = true)]
    pub via1_matching: bool,
    /// Call-ID and CSeq must be equal, too.
    #[param(default = false)]
    pub callid_matching: bool,
    /// Call-ID, CSeq and From tag decide instead of the Via (not RFC 3261).
    #[param(default = false)]
    pub callid_cseq_matching: bool,
    /// Modules hear of provisional replies, too.
    #[param(default = false)]
    pub pass_provisional_replies: bool,
    /// The code of `t_reply` when the given one cannot be used.
    #[param(default = 500)]
    pub default_code: i64,
    /// The reason of `t_reply` when the given one has no value.
    #[param(default = "Server Internal Error".into())]
    pub default_reason: Str,
    /// A 6xx does not cancel the other branches (not RFC 3261).
    #[param(default = false)]
    pub disable_6xx_block: bool,
    /// Where the ACK to a 2xx of our own INVITE goes: 0 by its Contact and route set, 1 where the INVITE went, 2 where
    /// the 2xx came from.
    #[param(default = 0)]
    pub local_ack_mode: i64,
    /// Which replies count after serial forking: 0 all, 1 only those of the last step, 2 those of all but the step
    /// before, 3 only those of the last step if there is a new one.
    #[param(default = 3)]
    pub failure_reply_mode: i64,
    /// Added to the rank of replies that were made up here: above 0 received ones win.
    #[param(default = 0)]
    pub faked_reply_prio: i64,
    /// CANCELs after a final reply say why in a Reason header (RFC 3326).
    #[param(default = true)]
    pub local_cancel_reason: bool,
    /// CANCELs after a received one carry its Reason headers.
    #[param(default = true)]
    pub e2e_cancel_reason: bool,
    /// A 503 goes back as 500 (RFC 3261 section 16.7).
    #[param(default = true)]
    pub remap_503_500: bool,
    /// A branch that could not be sent runs the failure route instead of making `t_relay` fail.
    #[param(default = false)]
    pub failure_exec_mode: bool,
    /// What the contacts of a 3xx reply carry beside their `q`, as a sum: 1 the branch flags, 2 the path.
    #[param(default = 0)]
    pub rich_redirect: i64,
    /// 100 replies go back, too.
    #[param(default = false)]
    pub relay_100: bool,
    /// Code of the reply that is made up when a branch times out.
    #[param(default = 408)]
    pub reply_408_code: i64,
    /// Its reason.
    #[param(default = "Request Timeout".into())]
    pub reply_408_reason: Str,
    /// Replies that lead to the next address of a destination, beside 503: `code=403` is one status, `class=5` all from
    /// 500 on; separated by semicolons. Counts with the core parameter `use_dns_failover`.
    pub failover_reply_codes: Str,
    /// 1: whoever answers 503 is put on the black list of destinations. Has no effect without that list, which the core
    /// parameter `use_dst_blocklist` would switch on (not supported).
    #[param(default = 0)]
    pub blst_503: i64,
    /// For how many seconds when the 503 does not say. Has no effect, like `blst_503`.
    #[param(default = 0)]
    pub blst_503_def_timeout: i64,
    /// For how many seconds at least. Has no effect, like `blst_503`.
    #[param(default = 0)]
    pub blst_503_min_timeout: i64,
    /// For how many seconds at most. Has no effect, like `blst_503`.
    #[param(default = 3600)]
    pub blst_503_max_timeout: i64,
    /// The methods whose timeout puts a destination on the black list. Has no effect, like `blst_503`.
    #[param(default = 1)]
    pub blst_methods_add: i64,
    /// The methods for which the black list is looked at. Has no effect, like `blst_503`.
    #[param(default = 4_294_967_287)]
    pub blst_methods_lookup: i64,
    /// A failure route that runs for longer, in milliseconds, is followed by a check whether its transaction still exists.
    /// Here a transaction always exists as long as its scripts run; any value is accepted.
    #[param(default = 5000)]
    pub exec_time_check: i64,
    /// 1: a 2xx whose script waits is not sent on in the transaction when another final reply was sent meanwhile. 0, sent
    /// on all the same, is not supported.
    #[param(default = true)]
    pub reply_relay_mode: bool,
    /// 1: requests that are made here have a failure route when `event_route[tm:local-request]` calls `t_on_failure`.
    #[param(default = false)]
    pub enable_uac_fr: bool,
    /// Name of the xavp in which `t_load_contacts` keeps further attributes; the same as that of usrloc.
    pub xavp_contact: Str,
}

/// Values that can be changed while the server runs.
pub(crate) struct Live {
    pub(crate) fr_timer: LiveInt,
    pub(crate) fr_inv_timer: LiveInt,
    pub(crate) max_inv_lifetime: LiveInt,
    pub(crate) max_noninv_lifetime: LiveInt,
    pub(crate) wt_timer: LiveInt,
    pub(crate) retr_timer1: LiveInt,
    pub(crate) retr_timer2: LiveInt,
    pub(crate) restart_fr_on_each_reply: LiveInt,
    pub(crate) auto_inv_100: LiveInt,
    pub(crate) cancel_b_method: LiveInt,
    pub(crate) ruri_matching: LiveInt,
    pub(crate) via1_matching: LiveInt,
    pub(crate) callid_matching: LiveInt,
    pub(crate) callid_cseq_matching: LiveInt,
    pub(crate) default_code: LiveInt,
    pub(crate) disable_6xx: LiveInt,
    pub(crate) local_ack_mode: LiveInt,
    pub(crate) local_cancel_reason: LiveInt,
    pub(crate) e2e_cancel_reason: LiveInt,
    pub(crate) remap_503_500: LiveInt,
    pub(crate) relay_100: LiveInt,
    pub(crate) aggregate_challenges: LiveInt,
    pub(crate) unmatched_cancel: LiveInt,
}

impl Live {
    pub(crate) fn declare(core: &Core, params: &TmParams) -> Self {
        let int = |name: &str, doc: &str, value: i64, max: i64| {
            core.config.declare_int("tm", name, doc, value, Some((0, max)))
        };
        let time = |name: &str, doc: &str, value: i64| int(name, doc, value, i64::from(i32::MAX));
        let flag = |name: &str, doc: &str, value: bool| int(name, doc, value.into(), 1);
        Self {
            fr_timer: time("fr_timer", "wait for a final reply, for INVITE for any, ms", params.fr_timer),
            fr_inv_timer: time("fr_inv_timer", "wait for the final reply of a ringing INVITE, ms", params.fr_inv_timer),
            max_inv_lifetime: time("max_inv_lifetime", "longest life of an INVITE, ms", params.max_inv_lifetime),
            max_noninv_lifetime: time(
                "max_noninv_lifetime",
                "longest life of other requests, ms",
                params.max_noninv_lifetime,
            ),
            wt_timer: time("wt_timer", "how long a finished transaction stays, ms", params.wt_timer),
            retr_timer1: time("retr_timer1", "first retransmission interval, ms", params.retr_timer1),
            retr_timer2: time("retr_timer2", "longest retransmission interval, ms", params.retr_timer2),
            restart_fr_on_each_reply: flag(
                "restart_fr_on_each_reply",
                "provisional replies start fr_inv_timer again",
                params.restart_fr_on_each_reply,
            ),
            auto_inv_100: flag("auto_inv_100", "INVITEs are answered 100 when relayed", params.auto_inv_100),
            cancel_b_method: int("cancel_b_method", "how unreplied branches are cancelled", params.cancel_b_method, 2),
            ruri_matching: flag("ruri_matching", "RFC 2543 matching: same request-URI", params.ruri_matching),
            via1_matching: flag("via1_matching", "RFC 2543 matching: same first Via", params.via1_matching),
            callid_matching: flag("callid_matching", "match Call-ID and CSeq, too", params.callid_matching),
            callid_cseq_matching: flag(
                "callid_cseq_matching",
                "match Call-ID and CSeq instead of the Via",
                params.callid_cseq_matching,
            ),
            default_code: core.config.declare_int(
                "tm",
                "default_code",
                "code of t_reply when the given one cannot be used",
                params.default_code,
                Some((400, 699)),
            ),
            disable_6xx: flag("disable_6xx_block", "6xx is like any other reply", params.disable_6xx_block),
            local_ack_mode: int("local_ack_mode", "where own ACKs go", params.local_ack_mode, 2),
            local_cancel_reason: flag("local_cancel_reason", "own CANCELs have a Reason", params.local_cancel_reason),
            e2e_cancel_reason: flag("e2e_cancel_reason", "CANCELs pass Reason on", params.e2e_cancel_reason),
            remap_503_500: flag("remap_503_500", "503 goes back as 500", params.remap_503_500),
            relay_100: flag("relay_100", "100 goes back, too", params.relay_100),
            aggregate_challenges: flag(
                "aggregate_challenges",
                "challenges of all branches go back",
                params.aggregate_challenges,
            ),
            unmatched_cancel: int(
                "unmatched_cancel",
                "what to do with CANCELs without INVITE",
                params.unmatched_cancel,
                2,
            ),
        }
    }
}
