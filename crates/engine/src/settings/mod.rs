//! Core parameters: what each does, or that it has no meaning here.

mod parameters;

use std::sync::Arc;
use std::time::Duration;

use language::ast::ConfigValue;
use language::diagnostic::{Code, Diagnostic};
use language::span::Spanned;
use sip::Str;

use crate::config_groups::{Changed, ConfigGroups, LiveInt};
use crate::core::{Core, VERSION};
use crate::log::Log;
use crate::value::Value;
use language::known;

use parameters::{Effect, Given, effect, facility, facility_name, lacking};

pub use parameters::facility_number;

/// The core parameters that have a meaning here, with Kamailio's defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `debug`: log level at start.
    pub debug: i64,
    /// `log_stderror`.
    pub log_stderror: bool,
    /// `log_facility`: syslog's number.
    pub log_facility: u8,
    /// `log_name`.
    pub log_name: Option<String>,
    /// `log_prefix`: a format put before each line of a message's handling.
    pub log_prefix: Option<Spanned<String>>,
    /// `children`: threads per UDP socket; 0: one per core.
    pub children: i64,
    /// `port`: for `listen` lines without one.
    pub port: u16,
    /// `disable_tcp`.
    pub disable_tcp: bool,
    /// `server_signature`.
    pub server_signature: bool,
    /// `server_header`: the whole line without line end.
    pub server_header: Str,
    /// `user_agent_header`: the same for requests that are made here.
    pub user_agent_header: Str,
    /// `max_while_loops`.
    pub max_while_loops: i64,
    /// `max_recursive_level`.
    pub max_recursive_level: i64,
    /// `max_branches`.
    pub max_branches: i64,
    /// `return_mode`.
    pub return_mode: i64,
    /// `advertised_address`.
    pub advertised_address: Option<String>,
    /// `advertised_port`.
    pub advertised_port: Option<u16>,
    /// `force_rport`.
    pub force_rport: bool,
    /// `local_rport`.
    pub local_rport: bool,
    /// `reply_to_via`.
    pub reply_to_via: bool,
    /// `sip_warning`: a Warning header with the source in replies.
    pub sip_warning: bool,
    /// `server_id`.
    pub server_id: i64,
    /// `coreparam[iuid]`: the name of this instance among others.
    pub iuid: Option<Str>,
    /// `tos`.
    pub tos: u8,
    /// `ip_free_bind`.
    pub ip_free_bind: bool,
    /// `tcp_connection_lifetime`.
    pub tcp_connection_lifetime: Duration,
    /// `tcp_connect_timeout`.
    pub tcp_connect_timeout: Duration,
    /// `tcp_send_timeout`.
    pub tcp_send_timeout: Duration,
    /// `tcp_max_connections`.
    pub tcp_max_connections: usize,
    /// `tcp_accept_iplimit`.
    pub tcp_accept_iplimit: usize,
    /// `tcp_conn_wq_max`.
    pub tcp_conn_wq_max: usize,
    /// `tcp_wq_max`.
    pub tcp_wq_max: usize,
    /// `tcp_accept_no_cl`.
    pub tcp_accept_no_cl: bool,
    /// `tcp_crlf_ping`.
    pub tcp_crlf_ping: bool,
    /// `tcp_no_connect`.
    pub tcp_no_connect: bool,
    /// `tcp_listen_backlog`.
    pub tcp_listen_backlog: i64,
    /// `msg_recv_max_size`: larger messages are dropped.
    pub msg_recv_max_size: usize,
    /// `maxbuffer`.
    pub maxbuffer: usize,
    /// `auto_bind_ipv6`.
    pub auto_bind_ipv6: bool,
    /// `auto_aliases`.
    pub auto_aliases: bool,
    /// `dns_try_ipv6`.
    pub dns_try_ipv6: bool,
    /// `dns_try_naptr`.
    pub dns_try_naptr: bool,
    /// `use_dns_failover`.
    pub use_dns_failover: bool,
    /// `dns_use_search_list`.
    pub dns_use_search_list: bool,
    /// `dns_retr_time`: seconds for one try with one server.
    pub dns_retr_time: Option<u32>,
    /// `dns_retr_no`: tries.
    pub dns_retr_no: Option<u32>,
    /// `dns_servers_no`: so many of the name servers in `/etc/resolv.conf` are asked; `None`: all.
    pub dns_servers_no: Option<u32>,
    /// `dns_cache_negative_ttl`.
    pub dns_cache_negative_ttl: Duration,
    /// `dns_cache_min_ttl`.
    pub dns_cache_min_ttl: Duration,
    /// `dns_cache_max_ttl`.
    pub dns_cache_max_ttl: Duration,
    /// `dns_cache_flags`: 1 IPv4 only, 2 IPv6 only, 4 IPv6 first.
    pub dns_cache_flags: u8,
    /// `dns_srv_lb`: SRV records of one priority are drawn by weight.
    pub dns_srv_lb: bool,
    /// `dns_naptr_ignore_rfc`: our preferences, not those of the records.
    pub dns_naptr_ignore_rfc: bool,
    /// `dns_udp_pref`.
    pub dns_udp_pref: i64,
    /// `dns_tcp_pref`.
    pub dns_tcp_pref: i64,
    /// `dns_tls_pref`.
    pub dns_tls_pref: i64,
    /// `user`.
    pub user: Option<String>,
    /// `group`.
    pub group: Option<String>,
    /// `workdir`.
    pub workdir: Option<String>,
    /// `rundir`.
    pub rundir: String,
    /// `stats_name_separator`.
    pub stats_name_separator: String,
    /// `received_route_mode`: `event_route[core:msg-received]` runs before parsing.
    pub received_route_mode: bool,
    /// `onsend_route_reply`: `onsend_route` runs for replies that are passed on, too.
    pub onsend_route_reply: bool,
    /// `async_workers`, `async_workers_group`: groups of workers for tasks, and how many tasks of each run at once.
    pub task_groups: Vec<(String, u32)>,
    /// `phone2tel`.
    pub phone2tel: bool,
    /// `latency_log`: level of the lines about what takes too long.
    pub latency_log: i64,
    /// `latency_cfg_log`: level of the line that says how long a route took.
    pub latency_cfg_log: i64,
    /// `latency_limit_action`: microseconds that an action may take; 0: any time.
    pub latency_limit_action: i64,
    /// `latency_limit_cfg`: microseconds that a route may take; 0: any time.
    pub latency_limit_cfg: i64,
    /// `latency_limit_db`: how long a database may take for an answer before a line is logged; `None`: any time.
    pub latency_limit_db: Option<Duration>,
    /// `version_table`: the table that tells the versions of the others.
    pub version_table: String,
    /// `mhomed`: the kernel's route decides from which socket a request leaves.
    pub mhomed: bool,
    /// `udp_mtu`: requests of more bytes go by `udp_mtu_try_proto`; 0: any size is fine.
    pub udp_mtu: usize,
    /// `udp_mtu_try_proto`.
    pub udp_mtu_try_proto: Option<sip::Protocol>,
    /// `pmtu_discovery`.
    pub pmtu_discovery: u8,
    /// `tcp_msg_read_timeout`: seconds from the first to the last byte of a message.
    pub tcp_msg_read_timeout: Duration,
    /// `tcp_accept_aliases`: the `alias` parameter of a Via is followed.
    pub tcp_accept_aliases: bool,
    /// `tcp_accept_unique`.
    pub tcp_accept_unique: bool,
    /// `tcp_reuse_port`.
    pub tcp_reuse_port: bool,
    /// `tcp_keepalive`.
    pub tcp_keepalive: bool,
    /// `tcp_keepidle`.
    pub tcp_keepidle: Duration,
    /// `tcp_keepintvl`.
    pub tcp_keepintvl: Duration,
    /// `tcp_keepcnt`.
    pub tcp_keepcnt: u32,
    /// `tcp_delayed_ack`: the first acknowledgement may wait for data that it can go with.
    pub tcp_delayed_ack: bool,
    /// `tcp_linger2`: seconds that a closed connection waits for the peer's end; 0: the kernel's default.
    pub tcp_linger2: i32,
    /// `tcp_syncnt`: how often a SYN is sent again; 0: the kernel's default.
    pub tcp_syncnt: u8,
    /// `tcp_defer_accept`: seconds that an accepted connection may send nothing before it counts; 0: it counts at once.
    pub tcp_defer_accept: u16,
    /// `xavp_via_params`: the XAVP whose fields become parameters of our Via; empty: none.
    pub xavp_via_params: String,
    /// `xavp_via_fields`: the XAVP with `address` and `port` for our Via; empty: none.
    pub xavp_via_fields: String,
}

impl Default for Settings {
    fn default() -> Self {
        let agent = format!("olelo ({VERSION} ({}))", Core::platform());
        Self {
            debug: 0,
            log_stderror: false,
            log_facility: 3,
            log_name: None,
            log_prefix: None,
            children: 0,
            port: 5060,
            disable_tcp: false,
            server_signature: true,
            server_header: Str::from(format!("Server: {agent}")),
            user_agent_header: Str::from(format!("User-Agent: {agent}")),
            max_while_loops: 100,
            max_recursive_level: 256,
            max_branches: 12,
            return_mode: 0,
            advertised_address: None,
            advertised_port: None,
            force_rport: false,
            local_rport: false,
            reply_to_via: false,
            sip_warning: false,
            server_id: 0,
            iuid: None,
            tos: 16,
            ip_free_bind: false,
            tcp_connection_lifetime: Duration::from_secs(120),
            tcp_connect_timeout: Duration::from_secs(10),
            tcp_send_timeout: Duration::from_secs(10),
            tcp_max_connections: 2048,
            tcp_accept_iplimit: 1024,
            tcp_conn_wq_max: 32768,
            tcp_wq_max: 10_485_760,
            tcp_accept_no_cl: false,
            tcp_crlf_ping: true,
            tcp_no_connect: false,
            tcp_listen_backlog: 1024,
            msg_recv_max_size: 32767,
            maxbuffer: 262_144,
            auto_bind_ipv6: false,
            auto_aliases: true,
            dns_try_ipv6: true,
            dns_try_naptr: false,
            use_dns_failover: false,
            dns_use_search_list: true,
            dns_retr_time: None,
            dns_retr_no: None,
            dns_servers_no: None,
            dns_cache_negative_ttl: Duration::from_secs(60),
            dns_cache_min_ttl: Duration::ZERO,
            dns_cache_max_ttl: Duration::from_secs(u64::from(u32::MAX)),
            dns_cache_flags: 0,
            dns_srv_lb: false,
            dns_naptr_ignore_rfc: true,
            dns_udp_pref: 30,
            dns_tcp_pref: 20,
            dns_tls_pref: 10,
            user: None,
            group: None,
            workdir: None,
            rundir: "/var/run/kamailio".into(),
            stats_name_separator: "_".into(),
            received_route_mode: false,
            onsend_route_reply: false,
            task_groups: Vec::new(),
            phone2tel: true,
            latency_log: -1,
            latency_cfg_log: 3,
            latency_limit_action: 0,
            latency_limit_cfg: 0,
            latency_limit_db: None,
            version_table: "version".into(),
            mhomed: false,
            udp_mtu: 0,
            udp_mtu_try_proto: None,
            pmtu_discovery: 0,
            tcp_msg_read_timeout: Duration::from_secs(20),
            tcp_accept_aliases: false,
            tcp_accept_unique: false,
            tcp_reuse_port: false,
            tcp_keepalive: true,
            tcp_keepidle: Duration::ZERO,
            tcp_keepintvl: Duration::ZERO,
            tcp_keepcnt: 0,
            tcp_delayed_ack: true,
            tcp_linger2: 0,
            tcp_syncnt: 0,
            tcp_defer_accept: 0,
            xavp_via_params: String::new(),
            xavp_via_fields: String::new(),
        }
    }
}

impl Settings {
    /// Applies a parameter as a line of the configuration has it: `name = value` or `name[index] = value`.
    pub fn apply_item(
        &mut self,
        name: &Spanned<String>,
        index: Option<&Spanned<String>>,
        value: &Spanned<ConfigValue>,
    ) -> Result<Option<Diagnostic>, Diagnostic> {
        match index {
            None => self.apply(name, value),
            Some(index) => {
                let whole = Spanned::new(format!("{}[{}]", name.node, index.node), name.span);
                self.apply(&whole, value)
            }
        }
    }

    /// Applies a parameter. `Ok(Some(..))` is a remark.
    pub fn apply(
        &mut self,
        name: &Spanned<String>,
        value: &Spanned<ConfigValue>,
    ) -> Result<Option<Diagnostic>, Diagnostic> {
        let alias = known::core_param(&name.node);
        let main = alias.filter(|alias| !alias.is_empty()).unwrap_or(&name.node);
        match effect(main).or_else(|| effect(&name.node)) {
            Some(Effect::Set(set)) => match set(self, &Given(value)) {
                Ok(()) => Ok(None),
                Err(message) => Err(Diagnostic::error(
                    Code::CoreParamValue,
                    format!("wrong value for core parameter `{}`", name.node),
                    value.span,
                    message,
                )),
            },
            Some(Effect::NoMeaning) => Ok(Some(Diagnostic::warning(
                Code::NoMeaning,
                format!("core parameter `{}` has no meaning here", name.node),
                name.span,
                "accepted",
            ))),
            Some(Effect::Only(supported)) if value.node == ConfigValue::Int(supported) => Ok(None),
            Some(Effect::Only(supported)) => Err(Diagnostic::error(
                Code::NotYet,
                format!("this value of core parameter `{}` is not supported yet", name.node),
                value.span,
                format!("only {supported} so far: {}", lacking(main)),
            )),
            _ if alias.is_some() => Err(Diagnostic::error(
                Code::NotYet,
                format!("core parameter `{}` is not supported yet", name.node),
                name.span,
                "Kamailio has it, Olelo not yet",
            )),
            _ => Err(Diagnostic::error(
                Code::UnknownCoreParam,
                format!("unknown core parameter `{}`", name.node),
                name.span,
                "no such parameter",
            )
            .did_you_mean(&name.node, known::core_params())),
        }
    }
}

/// The core parameters that can change while running: group `core` of the RPC commands `cfg.*`.
pub struct LiveSettings {
    /// `max_while_loops`.
    pub max_while_loops: LiveInt,
    /// `force_rport`.
    pub force_rport: LiveInt,
}

impl LiveSettings {
    pub(crate) fn declare(config: &ConfigGroups, settings: &Settings, log: &Arc<Log>) -> Self {
        let for_level = log.clone();
        let level: Changed = Arc::new(move |value| {
            if let Value::Int(level) = value {
                for_level.set_level(*level);
            }
        });
        let for_facility = log.clone();
        let change_facility: Changed = Arc::new(move |value| {
            if let Ok(number) = facility(&value.to_str().to_text()) {
                for_facility.set_facility(number);
            }
        });
        config.declare("core", "debug", "debug level", Value::Int(settings.debug), None, Some(level));
        let name = Value::from(facility_name(settings.log_facility));
        config.declare(
            "core",
            "log_facility",
            "syslog facility, see \"man 3 syslog\"",
            name,
            None,
            Some(change_facility),
        );
        declare_fixed(config, settings);
        let limit = "maximum iterations allowed for a while loop";
        let rport = "force rport for all the received messages";
        Self {
            max_while_loops: config.declare_int("core", "max_while_loops", limit, settings.max_while_loops, None),
            force_rport: config.declare_int("core", "force_rport", rport, settings.force_rport.into(), Some((0, 1))),
        }
    }
}

/// The parameters that take effect at start: `cfg.list` and `cfg.get` show them, `cfg.set` refuses.
fn declare_fixed(config: &ConfigGroups, settings: &Settings) {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let tcp = [
        ("connect_timeout", "seconds that opening a connection may take", seconds(settings.tcp_connect_timeout)),
        ("send_timeout", "seconds that sending may take", seconds(settings.tcp_send_timeout)),
        ("connection_lifetime", "seconds that a connection may be idle", seconds(settings.tcp_connection_lifetime)),
        ("max_connections", "most connections at a time", count(settings.tcp_max_connections)),
        ("no_connect", "1: connections are accepted only, never opened", settings.tcp_no_connect.into()),
        ("conn_wq_max", "most bytes queued for one connection", count(settings.tcp_conn_wq_max)),
        ("wq_max", "most bytes queued for all connections", count(settings.tcp_wq_max)),
        ("crlf_ping", "1: CRLF pings are answered", settings.tcp_crlf_ping.into()),
        ("accept_no_cl", "1: messages without Content-Length are accepted", settings.tcp_accept_no_cl.into()),
    ];
    for (name, doc, value) in tcp {
        config.declare_fixed("tcp", name, doc, value);
    }
    let core = [
        ("dns_try_ipv6", "1: names are looked up for IPv6, too", settings.dns_try_ipv6),
        ("dns_try_naptr", "1: NAPTR records are asked for", settings.dns_try_naptr),
    ];
    for (name, doc, value) in core {
        config.declare_fixed("core", name, doc, value.into());
    }
}
