//! What each core parameter does with its value.

use std::time::Duration;

use language::ast::ConfigValue;
use language::span::Spanned;
use sip::Str;

use super::Settings;

/// What happens with a parameter.
pub(super) enum Effect {
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
pub(super) struct Given<'a>(pub(super) &'a Spanned<ConfigValue>);

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
    /// A log level, by number or name (`L_DBG`).
    fn level(&self) -> Result<i64, String> {
        match &self.0.node {
            ConfigValue::Int(number) => Ok(*number),
            _ => {
                let name = self.text()?;
                let level = crate::log::Level::from_name(&name).ok_or_else(|| format!("`{name}` is no log level"))?;
                Ok(i64::from(level as i8))
            }
        }
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

pub(super) fn facility(name: &str) -> Result<u8, String> {
    FACILITIES
        .iter()
        .position(|known| !known.is_empty() && *known == name)
        .map(|at| at as u8)
        .ok_or_else(|| format!("`{name}` is no syslog facility (LOG_DAEMON, LOG_LOCAL0 ..)"))
}

/// The name of a facility number, such as `LOG_DAEMON`.
pub(super) fn facility_name(number: u8) -> &'static str {
    FACILITIES.get(usize::from(number)).copied().unwrap_or_default()
}

/// syslog's number of a facility name such as `LOG_LOCAL0`.
pub fn facility_number(name: &str) -> Option<u8> {
    facility(name).ok()
}

/// `name=x;workers=4`; how workers look for work (`nonblock`, `usleep`) has no meaning here.
fn task_group(text: &str) -> Result<(String, u32), String> {
    let (mut name, mut workers) = (String::new(), 1);
    for field in text.split(';').map(str::trim).filter(|field| !field.is_empty()) {
        let (key, value) = field.split_once('=').unwrap_or((field, ""));
        match (key.trim(), value.trim()) {
            ("name", value) => value.clone_into(&mut name),
            ("workers", value) => {
                let number = value.parse().ok().filter(|workers| *workers > 0);
                workers = number.ok_or_else(|| format!("`{value}` is no number of workers"))?;
            }
            ("nonblock" | "usleep", _) => {}
            (key, _) => return Err(format!("`{key}` is unknown: name=..;workers=..;nonblock=..;usleep=..")),
        }
    }
    if name.is_empty() { Err("a group needs a name: `name=..`".into()) } else { Ok((name, workers)) }
}

fn add_task_group(settings: &mut Settings, name: String, workers: u32) -> Result<(), String> {
    settings.task_groups.retain(|(other, _)| *other != name);
    settings.task_groups.push((name, workers));
    Ok(())
}

/// The effect of a parameter under its main name.
pub(super) fn effect(name: &str) -> Option<Effect> {
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
        "coreparam[iuid]" => Set(|s, v| put(&mut s.iuid, v.text().map(|text| Some(Str::from(text))))),
        // The random numbers here are those of the system or seeded by it, and the runtime keeps the timers.
        "coreparam[random_engine]" | "coreparam[timer_sanity_check]" => NoMeaning,
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
        "onsend_route_reply" => Set(|s, v| put(&mut s.onsend_route_reply, v.flag())),
        "async_workers" => Set(|s, v| match v.range()? {
            0 => Ok(()),
            workers => add_task_group(s, "default".into(), workers),
        }),
        "async_workers_group" => Set(|s, v| {
            let (name, workers) = task_group(&v.text()?)?;
            add_task_group(s, name, workers)
        }),
        "phone2tel" => Set(|s, v| put(&mut s.phone2tel, v.flag())),
        "latency_log" => Set(|s, v| put(&mut s.latency_log, v.level())),
        "latency_cfg_log" => Set(|s, v| put(&mut s.latency_cfg_log, v.level())),
        "latency_limit_action" => Set(|s, v| put(&mut s.latency_limit_action, v.int())),
        "latency_limit_cfg" => Set(|s, v| put(&mut s.latency_limit_cfg, v.int())),
        "mhomed" => Set(|s, v| put(&mut s.mhomed, v.flag())),
        "udp_mtu" => Set(|s, v| put(&mut s.udp_mtu, v.range())),
        "udp_mtu_try_proto" => Set(|s, v| {
            let name = v.text()?;
            s.udp_mtu_try_proto = match name.to_lowercase().as_str() {
                "tcp" => Some(sip::Protocol::Tcp),
                "tls" => Some(sip::Protocol::Tls),
                "udp" | "0" => None,
                _ => return Err(format!("`{name}` cannot stand in for UDP: TCP, TLS or UDP")),
            };
            Ok(())
        }),
        "pmtu_discovery" => Set(|s, v| put(&mut s.pmtu_discovery, v.range())),
        "tcp_msg_read_timeout" => Set(|s, v| put(&mut s.tcp_msg_read_timeout, v.seconds())),
        "tcp_accept_aliases" => Set(|s, v| put(&mut s.tcp_accept_aliases, v.flag())),
        "tcp_accept_unique" => Set(|s, v| put(&mut s.tcp_accept_unique, v.flag())),
        "tcp_reuse_port" => Set(|s, v| put(&mut s.tcp_reuse_port, v.flag())),
        "tcp_keepalive" => Set(|s, v| put(&mut s.tcp_keepalive, v.flag())),
        "tcp_keepidle" => Set(|s, v| put(&mut s.tcp_keepidle, v.seconds())),
        "tcp_keepintvl" => Set(|s, v| put(&mut s.tcp_keepintvl, v.seconds())),
        "tcp_keepcnt" => Set(|s, v| put(&mut s.tcp_keepcnt, v.range())),
        "latency_limit_db" => Set(|s, v| {
            let micros = u64::try_from(v.int()?).ok().filter(|micros| *micros > 0);
            s.latency_limit_db = micros.map(Duration::from_micros);
            Ok(())
        }),
        "version_table" => Set(|s, v| put(&mut s.version_table, v.text())),
        // The prefix of log lines is evaluated for each line in both modes; the cache of names is always used, and keeps no
        // answer longer than its time to live.
        "log_prefix_mode" | "use_dns_cache" | "dns_cache_init" => NoMeaning,
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
        | "async_usleep"
        | "async_nonblock"
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
        | "dst_blocklist_gc_interval"
        | "dns_cache_del_nonexp"
        | "dns_sctp_pref"
        // The blocklist is off, and stays so (`use_dst_blocklist`).
        | "dst_blocklist_expire"
        | "dst_blocklist_udp_imask"
        | "dst_blocklist_tcp_imask"
        | "dst_blocklist_tls_imask"
        | "dst_blocklist_sctp_imask"
        // The connection of the sending socket is the first choice in any case.
        | "tcp_connection_match"
        // There are no TLS sockets (`enable_tls`, and `listen` lines with tls are an error).
        | "tls_port_no"
        | "tls_max_connections"
        | "tls_connection_match_domain"
        | "tls_method"
        | "tls_verify"
        | "tls_require_certificate"
        | "tls_certificate"
        | "tls_private_key"
        | "tls_ca_list"
        | "tls_handshake_timeout"
        | "tls_send_timeout" => NoMeaning,
        // What a script in another language is asked for; those are an error (`cfgengine`).
        "kemi.request_route_callback"
        | "kemi.onsend_route_callback"
        | "kemi.reply_route_callback"
        | "kemi.event_route_callback"
        | "kemi.received_route_callback"
        | "kemi.pre_routing_callback" => NoMeaning,
        // Negative: all.
        "dns_servers_no" => Set(|s, v| put(&mut s.dns_servers_no, v.int().map(positive))),
        "tcp_delayed_ack" => Set(|s, v| put(&mut s.tcp_delayed_ack, v.flag())),
        "tcp_linger2" => Set(|s, v| put(&mut s.tcp_linger2, v.range())),
        "tcp_syncnt" => Set(|s, v| match v.int()? {
            // More is what the kernel refuses.
            count @ 0..=127 => put(&mut s.tcp_syncnt, Ok(count as u8)),
            _ => Err("from 0 (the kernel's default) to 127".into()),
        }),
        "tcp_defer_accept" => Set(|s, v| put(&mut s.tcp_defer_accept, v.range())),
        "xavp_via_params" => Set(|s, v| put(&mut s.xavp_via_params, v.text())),
        "xavp_via_fields" => Set(|s, v| put(&mut s.xavp_via_fields, v.text())),
        // Off by default, and not there yet: the default value is accepted.
        "enable_sctp" | "dns_slow_query_ms" | "mcast_loopback" => Only(0),
        "mcast_ttl" => Only(-1),
        "disable_sctp" | "disable_tls" => Only(1),
        "enable_tls"
        | "use_dst_blocklist"
        | "udp4_raw"
        | "check_via"
        | "tcp_accept_hep3"
        | "tcp_accept_haproxy"
        | "udp_accept_proxy"
        | "http_reply_hack"
        | "dns"
        | "rev_dns"
        | "dns_rev_via"
        | "bind_ipv6_link_local"
        | "msg_apply_changes_mode"
        | "udp_receiver_mode"
        | "tcp_close_rst" => Only(0),
        "dns_search_full_match" | "msg_time" => Only(1),
        _ => return None,
    })
}

/// What the other values of a parameter need, which is not there.
pub(super) fn lacking(name: &str) -> &'static str {
    match name {
        "enable_tls" | "disable_tls" => "there is no TLS (module tls) yet",
        "enable_sctp" | "disable_sctp" => "there is no SCTP",
        "use_dst_blocklist" => "there is no blocklist of destinations yet",
        "mcast_loopback" | "mcast_ttl" => "there are no multicast sockets yet",
        _ => "Kamailio has it, Olelo not yet",
    }
}
