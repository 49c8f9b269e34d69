//! The parameters of module `dialog`.

use engine::{Params, Str};

/// The parameters of module `dialog`.
#[derive(Params)]
pub struct DialogParams {
    /// 0: no statistics (`active_dialogs` ..).
    #[param(default = true)]
    pub enable_stats: bool,
    /// The first number in the names of dialogs (`$dlg(h_entry)`) is below this power of two. The table itself grows as
    /// needed.
    #[param(default = 4096)]
    pub hash_size: i64,
    /// Name of the Record-Route parameter by which later requests find their dialog.
    #[param(default = "did".into())]
    pub rr_param: Str,
    /// Message flag: a dialog is made for an INVITE that has it when its transaction is made; -1: none.
    #[param(default = -1)]
    pub dlg_flag: i64,
    /// A variable with the lifetime of the dialog in seconds: read when the dialog is made and by each request in it.
    pub timeout_avp: Option<String>,
    /// Lifetime of an answered dialog in seconds, from its last request on.
    #[param(default = 43200)]
    pub default_timeout: i64,
    /// Seconds after which a dialog without an answer is forgotten.
    #[param(default = 300)]
    pub early_timeout: i64,
    /// Seconds after which a dialog that was answered and got no ACK ends, 10 seconds later.
    #[param(default = 60)]
    pub noack_timeout: i64,
    /// Seconds that a dialog is known after its end: requests that come again still belong to it.
    #[param(default = 300)]
    pub end_timeout: i64,
    /// Header lines, each with its CRLF, for the BYE requests that the server makes.
    #[param(default = Str::EMPTY)]
    pub dlg_extra_hdrs: Str,
    /// How requests find their dialog: 0 by the Record-Route parameter, 1 by that, else by Call-ID and tags, 2 by Call-ID
    /// and tags only: then there is no parameter. Call-ID and tags must fit in any case.
    #[param(default = 0)]
    pub dlg_match_mode: i64,
    /// 1: an INVITE that comes through the server once more belongs to the dialog that it has made; 0: it makes another.
    #[param(default = true)]
    pub detect_spirals: bool,
    /// Where dialogs are stored with a `db_mode` above 0. Has no effect in `db_mode` 0.
    #[param(default = "mysql://kamailio:kamailiorw@localhost/kamailio".into())]
    pub db_url: Str,
    /// 0: dialogs are kept in memory only. Other modes are not supported yet.
    #[param(default = 0)]
    pub db_mode: i64,
    /// Names of profiles whose members have a value, separated by `;`.
    #[param(default = Str::EMPTY)]
    pub profiles_with_value: Str,
    /// Names of profiles whose members have no value, separated by `;`.
    #[param(default = Str::EMPTY)]
    pub profiles_no_value: Str,
    /// 1: a dialog that times out is ended with BYE requests to both sides.
    #[param(default = false)]
    pub send_bye: bool,
    /// 0: a dialog is forgotten at once when its INVITE fails; 1: it is kept for the ACK.
    #[param(default = true)]
    pub wait_ack: bool,
    /// 1: requests within the dialog do not start its lifetime anew.
    #[param(default = false)]
    pub timeout_noreset: bool,
    /// Kamailio's number of timer processes. Accepted so that configurations load; here the timer is a task.
    #[param(default = 0)]
    pub timer_procs: i64,
    /// 0: CSeq numbers are not corrected for authentication by this server. 1 is not supported yet.
    #[param(default = 0)]
    pub track_cseq_updates: i64,
    /// 0: dialogs are not shared with other servers. 1 is not supported yet.
    #[param(default = 0)]
    pub enable_dmq: i64,
    /// Seconds between two rounds of keep-alives; 0: none. Others are not supported yet.
    #[param(default = 0)]
    pub ka_timer: i64,
}
