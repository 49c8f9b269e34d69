//! Core parameters: what each does, or that it has no meaning here.

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
    /// `phone2tel`.
    pub phone2tel: bool,
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
            phone2tel: true,
        }
    }
}

/// What happens with a parameter.
enum Effect {
    /// Changes the settings.
    Set(fn(&mut Settings, &Given<'_>) -> Result<(), String>),
    /// Is about something that does not exist here (process counts, memory pools): accepted, said once.
    NoMeaning,
    /// Only this value is supported so far.
    Only(i64),
}

/// Stores a value that could be read.
fn put<T>(setting: &mut T, value: Result<T, String>) -> Result<(), String> {
    *setting = value?;
    Ok(())
}

/// A value as given.
struct Given<'a>(&'a Spanned<ConfigValue>);

impl Given<'_> {
    fn int(&self) -> Result<i64, String> {
        match &self.0.node {
            ConfigValue::Int(number) => Ok(*number),
            _ => Err("a number is expected".into()),
        }
    }
    fn flag(&self) -> Result<bool, String> {
        self.int().map(|number| number != 0)
    }
    fn range<T: TryFrom<i64>>(&self) -> Result<T, String> {
        T::try_from(self.int()?).map_err(|_| "the number is out of range".into())
    }
    fn seconds(&self) -> Result<Duration, String> {
        // Negative: as long as possible.
        Ok(Duration::from_secs(u64::try_from(self.int()?).unwrap_or(u64::from(u32::MAX))))
    }
    fn text(&self) -> Result<String, String> {
        match &self.0.node {
            ConfigValue::String(text) | ConfigValue::Word(text) => Ok(text.clone()),
            ConfigValue::Int(number) => Ok(number.to_string()),
        }
    }
}

/// A number above zero.
fn positive(number: i64) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| *number > 0)
}

/// syslog's facilities by number; some numbers have no name in `syslog.h`.
const FACILITIES: [&str; 24] = [
    "LOG_KERN",
    "LOG_USER",
    "LOG_MAIL",
    "LOG_DAEMON",
    "LOG_AUTH",
    "LOG_SYSLOG",
    "LOG_LPR",
    "LOG_NEWS",
    "LOG_UUCP",
    "LOG_CRON",
    "LOG_AUTHPRIV",
    "LOG_FTP",
    "",
    "",
    "",
    "",
    "LOG_LOCAL0",
    "LOG_LOCAL1",
    "LOG_LOCAL2",
    "LOG_LOCAL3",
    "LOG_LOCAL4",
    "LOG_LOCAL5",
    "LOG_LOCAL6",
    "LOG_LOCAL7",
];

fn facility(name: &str) -> Result<u8, String> {
    FACILITIES
        .iter()
        .position(|known| !known.is_empty() && *known == name)
        .map(|at| at as u8)
        .ok_or_else(|| format!("`{name}` is no syslog facility (LOG_DAEMON, LOG_LOCAL0 ..)"))
}

/// The name of a facility number, such as `LOG_DAEMON`.
fn facility_name(number: u8) -> &'static str {
    FACILITIES.get(usize::from(number)).copied().unwrap_or_default()
}

/// syslog's number of a facility name such as `LOG_LOCAL0`.
pub fn facility_number(name: &str) -> Option<u8> {
    facility(name).ok()
}

/// The effect of a parameter under its main name.
fn effect(name: &str) -> Option<Effect> {
    use Effect::{NoMeaning, Only, Set};
    Some(match name {
        "debug" => Set(|s, v| put(&mut s.debug, v.int())),
        "log_stderror" => Set(|s, v| put(&mut s.log_stderror, v.flag())),
        "log_facility" => Set(|s, v| put(&mut s.log_facility, v.text().and_then(|name| facility(&name)))),
        "log_name" => Set(|s, v| put(&mut s.log_name, v.text().map(Some))),
        "log_prefix" => Set(|s, v| put(&mut s.log_prefix, v.text().map(|text| Some(Spanned::new(text, v.0.span))))),
        "children" => Set(|s, v| put(&mut s.children, v.int())),
        "port" => Set(|s, v| put(&mut s.port, v.range())),
        "disable_tcp" => Set(|s, v| put(&mut s.disable_tcp, v.flag())),
        "server_signature" => Set(|s, v| put(&mut s.server_signature, v.flag())),
        "server_header" => Set(|s, v| put(&mut s.server_header, v.text().map(Str::from))),
        "user_agent_header" => Set(|s, v| put(&mut s.user_agent_header, v.text().map(Str::from))),
        "max_while_loops" => Set(|s, v| put(&mut s.max_while_loops, v.int())),
        "max_recursive_level" => Set(|s, v| put(&mut s.max_recursive_level, v.int())),
        "max_branches" => Set(|s, v| match v.int()? {
            count @ 1..=31 => put(&mut s.max_branches, Ok(count)),
            _ => Err("from 1 to 31".into()),
        }),
        "return_mode" => Set(|s, v| put(&mut s.return_mode, v.int())),
        "advertised_address" => Set(|s, v| put(&mut s.advertised_address, v.text().map(Some))),
        "advertised_port" => Set(|s, v| put(&mut s.advertised_port, v.range().map(Some))),
        "force_rport" => Set(|s, v| put(&mut s.force_rport, v.flag())),
        "local_rport" => Set(|s, v| put(&mut s.local_rport, v.flag())),
        "reply_to_via" => Set(|s, v| put(&mut s.reply_to_via, v.flag())),
        "sip_warning" => Set(|s, v| put(&mut s.sip_warning, v.flag())),
        "server_id" => Set(|s, v| put(&mut s.server_id, v.int())),
        "tos" => Set(|s, v| {
            s.tos = match v.text()?.as_str() {
                "IPTOS_LOWDELAY" => 16,
                "IPTOS_THROUGHPUT" => 8,
                "IPTOS_RELIABILITY" => 4,
                "IPTOS_MINCOST" => 2,
                _ => v.range()?,
            };
            Ok(())
        }),
        "ip_free_bind" => Set(|s, v| put(&mut s.ip_free_bind, v.flag())),
        "tcp_connection_lifetime" => Set(|s, v| put(&mut s.tcp_connection_lifetime, v.seconds())),
        "tcp_connect_timeout" => Set(|s, v| put(&mut s.tcp_connect_timeout, v.seconds())),
        "tcp_send_timeout" => Set(|s, v| put(&mut s.tcp_send_timeout, v.seconds())),
        "tcp_max_connections" => Set(|s, v| put(&mut s.tcp_max_connections, v.range())),
        "tcp_accept_iplimit" => Set(|s, v| put(&mut s.tcp_accept_iplimit, v.range())),
        "tcp_conn_wq_max" => Set(|s, v| put(&mut s.tcp_conn_wq_max, v.range())),
        "tcp_wq_max" => Set(|s, v| put(&mut s.tcp_wq_max, v.range())),
        "tcp_accept_no_cl" => Set(|s, v| put(&mut s.tcp_accept_no_cl, v.flag())),
        "tcp_crlf_ping" => Set(|s, v| put(&mut s.tcp_crlf_ping, v.flag())),
        "tcp_no_connect" => Set(|s, v| put(&mut s.tcp_no_connect, v.flag())),
        "tcp_listen_backlog" => Set(|s, v| put(&mut s.tcp_listen_backlog, v.int())),
        "msg_recv_max_size" => Set(|s, v| put(&mut s.msg_recv_max_size, v.range())),
        "maxbuffer" => Set(|s, v| put(&mut s.maxbuffer, v.range())),
        "auto_bind_ipv6" => Set(|s, v| put(&mut s.auto_bind_ipv6, v.flag())),
        "auto_aliases" | "auto_domains" => Set(|s, v| put(&mut s.auto_aliases, v.flag())),
        "dns_try_ipv6" => Set(|s, v| put(&mut s.dns_try_ipv6, v.flag())),
        "dns_try_naptr" => Set(|s, v| put(&mut s.dns_try_naptr, v.flag())),
        "use_dns_failover" => Set(|s, v| put(&mut s.use_dns_failover, v.flag())),
        "dns_use_search_list" => Set(|s, v| put(&mut s.dns_use_search_list, v.flag())),
        // Negative: as the system has it.
        "dns_retr_time" => Set(|s, v| put(&mut s.dns_retr_time, v.int().map(positive))),
        "dns_retr_no" => Set(|s, v| put(&mut s.dns_retr_no, v.int().map(positive))),
        "dns_cache_negative_ttl" => Set(|s, v| put(&mut s.dns_cache_negative_ttl, v.seconds())),
        "dns_cache_min_ttl" => Set(|s, v| put(&mut s.dns_cache_min_ttl, v.seconds())),
        "dns_cache_max_ttl" => Set(|s, v| put(&mut s.dns_cache_max_ttl, v.seconds())),
        "dns_cache_flags" => Set(|s, v| match v.int()? {
            flags @ 0..=7 if flags & 3 != 3 => put(&mut s.dns_cache_flags, Ok(flags as u8)),
            _ => Err("0, or a sum of 1 (IPv4 only) or 2 (IPv6 only) and 4 (IPv6 first)".into()),
        }),
        "dns_srv_lb" => Set(|s, v| put(&mut s.dns_srv_lb, v.flag())),
        "dns_naptr_ignore_rfc" => Set(|s, v| put(&mut s.dns_naptr_ignore_rfc, v.flag())),
        "dns_udp_pref" => Set(|s, v| put(&mut s.dns_udp_pref, v.int())),
        "dns_tcp_pref" => Set(|s, v| put(&mut s.dns_tcp_pref, v.int())),
        "dns_tls_pref" => Set(|s, v| put(&mut s.dns_tls_pref, v.int())),
        "user" => Set(|s, v| put(&mut s.user, v.text().map(Some))),
        "group" => Set(|s, v| put(&mut s.group, v.text().map(Some))),
        "workdir" => Set(|s, v| put(&mut s.workdir, v.text().map(Some))),
        "rundir" => Set(|s, v| put(&mut s.rundir, v.text())),
        "stats_name_separator" => Set(|s, v| put(&mut s.stats_name_separator, v.text())),
        "received_route_mode" => Set(|s, v| put(&mut s.received_route_mode, v.flag())),
        "phone2tel" => Set(|s, v| put(&mut s.phone2tel, v.flag())),
        // Databases, which the first of these is about, do not exist yet; the prefix of log lines is evaluated for each
        // line in both modes; the cache of names is always used, and keeps no answer longer than its time to live.
        "version_table" | "log_prefix_mode" | "use_dns_cache" => NoMeaning,
        // Processes and memory pools do not exist here; the kernel or the libraries decide the others.
        "fork"
        | "fork_delay"
        | "modinit_delay"
        | "memlog"
        | "memdbg"
        | "mem_summary"
        | "mem_safety"
        | "mem_add_size"
        | "mem_join"
        | "mem_status_mode"
        | "shm"
        | "shm_mem"
        | "shm_mem_size"
        | "shm_force_alloc"
        | "mlock_pages"
        | "real_time"
        | "rt_prio"
        | "rt_policy"
        | "rt_timer1_prio"
        | "rt_timer1_policy"
        | "rt_ftimer_policy"
        | "rt_timer2_prio"
        | "rt_stimer_prio"
        | "rt_timer2_policy"
        | "rt_stimer_policy"
        | "tcp_children"
        | "tcp_main_threads"
        | "tcp_poll_method"
        | "tcp_fd_cache"
        | "tcp_rd_buf_size"
        | "tcp_wq_blk_size"
        | "tcp_clone_rcvbuf"
        | "tcp_wait_data"
        | "tcp_check_timer"
        | "tcp_script_mode"
        | "tcp_buf_write"
        | "socket_workers"
        | "async_workers"
        | "async_usleep"
        | "async_nonblock"
        | "async_workers_group"
        | "pv_buffer_size"
        | "pv_buffer_slots"
        | "pv_cache_limit"
        | "pv_cache_action"
        | "sql_buffer_size"
        | "msg_clone_extra_size"
        | "route_locks_size"
        | "wait_worker1_mode"
        | "wait_worker1_time"
        | "wait_worker1_usleep"
        | "disable_core_dump"
        | "open_files_limit"
        | "exit_timeout"
        | "ser_kill_timeout"
        | "tls_threads_mode"
        | "sctp_children"
        | "maxsndbuffer"
        | "dns_cache_mem"
        | "dns_cache_gc_interval"
        | "verbose_startup"
        | "log_color"
        | "corelog"
        | "core_log"
        | "sip_parser_log"
        | "sip_parser_log_oneline"
        | "rpc_exec_delta"
        | "rpc_exec_locks"
        | "rpc_exec_locks_mode"
        | "dst_blocklist_init"
        | "dst_blocklist_mem"
        | "dst_blocklist_gc_interval" => NoMeaning,
        // Off by default, and not there yet: the default value is accepted.
        "enable_sctp" | "mhomed" | "onsend_route_reply" => Only(0),
        "disable_sctp" | "disable_tls" => Only(1),
        "enable_tls"
        | "use_dst_blocklist"
        | "udp4_raw"
        | "check_via"
        | "tcp_accept_hep3"
        | "tcp_accept_haproxy"
        | "udp_accept_proxy"
        | "udp_mtu"
        | "http_reply_hack"
        | "dns"
        | "rev_dns"
        | "dns_rev_via"
        | "tcp_reuse_port"
        | "tcp_accept_aliases"
        | "tcp_accept_unique"
        | "tcp_connection_match"
        | "bind_ipv6_link_local"
        | "msg_apply_changes_mode"
        | "latency_limit_db"
        | "latency_limit_action"
        | "latency_limit_cfg"
        | "udp_receiver_mode"
        | "tcp_close_rst" => Only(0),
        "dns_cache_init" | "dns_search_full_match" | "msg_time" => Only(1),
        _ => return None,
    })
}

impl Settings {
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
