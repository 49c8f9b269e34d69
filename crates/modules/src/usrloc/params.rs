//! The parameters of module `usrloc`.

use engine::{Params, Str};

/// The parameters of module `usrloc`.
#[derive(Params)]
pub struct UsrlocParams {
    /// Branch flag of contacts behind an address translator, 0 to 31; -1: none.
    #[param(default = -1)]
    pub nat_bflag: i64,
    /// 1: the domain is part of the address of record; 0: only the user name is.
    #[param(default = false)]
    pub use_domain: bool,
    /// 1: the newest contact comes first; 0: the one with the highest q.
    #[param(default = false)]
    pub desc_time_order: bool,
    /// Seconds between two searches for contacts that ended, and between two rounds of keep-alives.
    #[param(default = 60)]
    pub timer_interval: i64,
    /// Seconds that a contact that ended is kept before the timer removes it; it is not found meanwhile.
    #[param(default = 0)]
    pub rm_expired_delay: i64,
    /// Kamailio's number of timer processes. Accepted so that configurations load; here the timer is a task.
    #[param(default = 0)]
    pub timer_procs: i64,
    /// Where the contacts are stored with a `db_mode` above 0. Has no effect in `db_mode` 0.
    #[param(default = "mysql://kamailio:kamailiorw@localhost/kamailio".into())]
    pub db_url: Str,
    /// 0: contacts are kept in memory only. Other modes are not supported yet.
    #[param(default = 0)]
    pub db_mode: i64,
    /// What makes two registrations the same binding: 0 the URI, 1 URI and Call-ID, 2 URI and Path, 3 the Call-ID. A
    /// contact with an instance is always found by that and its reg-id.
    #[param(default = 0)]
    pub matching_mode: i64,
    /// Seconds in which a REGISTER with the same Call-ID and CSeq counts as a retransmission: it is answered and
    /// changes nothing. 0: it is an error at once.
    #[param(default = 20)]
    pub cseq_delay: i64,
    /// The hash size that `ul.dump` shows is 2 to the power of this. The table itself grows as needed.
    #[param(default = 10)]
    pub hash_size: i64,
    /// A table that no function of the configuration names; may be given several times.
    pub preload: Vec<String>,
    /// Name of the xavp that is stored with a contact and restored when it is looked up.
    pub xavp_contact: Option<Str>,
    /// 1: a contact that registered over a connection ends with the connection.
    #[param(default = false)]
    pub handle_lost_tcp: bool,
    /// 1: the connection of a contact is closed when the contact expires.
    #[param(default = false)]
    pub close_expired_tcp: bool,
    /// Which contacts are pinged: 0 none; sum of 1 all, 2 only those with `nat_bflag`, 4 only over UDP.
    #[param(default = 0)]
    pub ka_mode: i64,
    /// Method of the pings.
    #[param(default = "OPTIONS".into())]
    pub ka_method: Str,
    /// From URI of the pings.
    #[param(default = "sip:server@kamailio.org".into())]
    pub ka_from: Str,
    /// Domain in the To header of the pings when addresses of record have none (`use_domain` 0).
    #[param(default = "kamailio.org".into())]
    pub ka_domain: Str,
    /// 1: only contacts that this server (`server_id`) stored are pinged.
    #[param(default = 0)]
    pub ka_filter: i64,
    /// A pinged contact that was silent for so many seconds is removed; 0: never.
    #[param(default = 0)]
    pub ka_timeout: u32,
    /// Seconds between two pings of a contact.
    #[param(default = 40)]
    pub ka_interval: u32,
    /// Up to so many random seconds are added to `ka_interval`, to spread the load.
    #[param(default = 20)]
    pub ka_randomize: u32,
    /// Log level (-5 to 3) of a line for each answered ping; 255: none.
    #[param(default = 255)]
    pub ka_loglevel: i64,
    /// What follows "keepalive roundtrip: .. sec - ruid [..]" in that line; variables of the reply are replaced.
    #[param(default = " to-uri: [$tu] remote-addr: [$sas]".into())]
    pub ka_logmsg: Str,
    /// Codes or classes of replies that count as an answer: `2,405,486`; `0`: all.
    #[param(default = "0".into())]
    pub ka_reply_codes: Str,
}
