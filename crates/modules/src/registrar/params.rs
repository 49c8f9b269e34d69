//! The parameters of module `registrar`.

use engine::{Params, Str};

/// The parameters of module `registrar`. Those marked "live" can be changed by `cfg.set`.
#[derive(Params)]
pub struct RegistrarParams {
    /// Seconds that a binding lasts when the request does not say (live). One below `min_expires` counts as that.
    #[param(default = 3600)]
    pub default_expires: i64,
    /// Up to so many percent (0 to 100) are taken off `default_expires` at random (live).
    #[param(default = 0)]
    pub default_expires_range: i64,
    /// Up to so many percent (0 to 100) are taken off the time that a request asks for, at random (live).
    #[param(default = 0)]
    pub expires_range: i64,
    /// Shortest binding in seconds (live); 0: any.
    #[param(default = 60)]
    pub min_expires: i64,
    /// What happens to a request for a shorter one: 0 it gets `min_expires`, 1 it is answered 423.
    #[param(default = 0)]
    pub min_expires_mode: i64,
    /// Longest binding in seconds (live); longer ones get this; 0: any.
    #[param(default = 0)]
    pub max_expires: i64,
    /// Preference in thousandths of contacts that name none (live); -1: none.
    #[param(default = -1)]
    pub default_q: i64,
    /// What is taken off the domain of an address of record: `sip.` makes `sip.a.com` the same as `a.com` (live).
    pub realm_prefix: Str,
    /// 1: `lookup` appends all contacts but the best one as branches (live); 0: it takes the best one only.
    #[param(default = 1)]
    pub append_branches: i64,
    /// 1: addresses of record differ by case (live).
    #[param(default = 0)]
    pub case_sensitive: i64,
    /// The AVP that holds the source address of a REGISTER as a URI (set by nathelper): `$avp(rcv)`.
    pub received_avp: Option<Str>,
    /// Parameter of contacts in replies that shows the source address; empty: not shown.
    #[param(default = "received".into())]
    pub received_param: Str,
    /// Most contacts of an address of record (live); 0: any number.
    #[param(default = 0)]
    pub max_contacts: i64,
    /// Seconds in the Retry-After header of 5xx replies (live); 0: no such header.
    #[param(default = 0)]
    pub retry_after: i64,
    /// Message flag (0 to 31) that makes `save` look for the socket in the header `sock_hdr_name`; -1: never.
    #[param(default = -1)]
    pub sock_flag: i64,
    /// The header that names the socket that a REGISTER came to first: `udp:127.0.0.1:5060`.
    pub sock_hdr_name: Option<Str>,
    /// 1: the sockets of contacts are shown and stored by their advertised addresses (`listen=.. advertise ..`).
    #[param(default = 0)]
    pub sock_mode: i64,
    /// 1: `lookup` passes over contacts that do not take the method of an initial request.
    #[param(default = 0)]
    pub method_filtering: i64,
    /// 1: Path headers are stored.
    #[param(default = false)]
    pub use_path: bool,
    /// 0: Path is stored and not returned; 1: returned when the client supports `path`; 2: refused unless it does.
    #[param(default = 2)]
    pub path_mode: i64,
    /// 1: the `received` parameter of the first Path URI is the source address of the contact.
    #[param(default = false)]
    pub path_use_received: bool,
    /// 1: `lookup` passes over a first Path address that is this server.
    #[param(default = false)]
    pub path_check_local: bool,
    /// Name of the xavp with settings for one call: `max_contacts`, `expires`, `q`, `socket`, `tcpconn_id`,
    /// `match_callid`, `match_received`, `match_contact`, `rlf_bflags`.
    pub xavp_cfg: Option<Str>,
    /// Name of the xavp that gets `ruid`, `contact`, `expires`, `received`, `path` of contacts.
    pub xavp_rcd: Option<Str>,
    /// What is left out of it: sum of 1 ruid, 2 contact, 4 expires, 8 received, 16 path.
    #[param(default = 0)]
    pub xavp_rcd_mask: i64,
    /// 1: clients that support it get GRUUs (RFC 5627).
    #[param(default = true)]
    pub gruu_enabled: bool,
    /// Outbound (RFC 5626): 0 not supported, 1 supported, 2 required.
    #[param(default = 0)]
    pub outbound_mode: i64,
    /// 1: the `reg-id` of a contact with an instance is stored also for clients that do not support outbound. Kamailio
    /// does so with 0 too, against its documentation, and clients with several flows need it: both values are the same.
    #[param(default = 0)]
    pub regid_mode: i64,
    /// Seconds in the Flow-Timer header of replies; 0: none. Needs `outbound_mode` 1 or 2.
    #[param(default = 0)]
    pub flow_timer: i64,
    /// Longest contact URI in bytes.
    #[param(default = 512)]
    pub contact_max_size: i64,
    /// What `lookup` leaves out: sum of 1 contacts without any of the branch flags in `xavp_cfg`'s `rlf_bflags`, 2
    /// contacts whose connection is gone.
    #[param(default = 0)]
    pub lookup_filter_mode: i64,
    /// 1: `lookup` also takes contacts that ended but were not removed yet (live).
    #[param(default = 0)]
    pub use_expired_contacts: i64,
}
