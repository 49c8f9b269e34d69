//! What functions do to a request, as far as lints have to know: from the documentation of Kamailio's modules.

/// They answer the request (or make sure that it is answered), whatever they return.
const ANSWER: &[&str] = &[
    "sl_send_reply",
    "send_reply",
    "send_reply_mode",
    "sl_reply",
    "sl_reply_error",
    "send_reply_error",
    "t_reply",
    "t_send_reply",
    "t_reply_error",
    "t_retransmit_reply",
    "www_challenge",
    "proxy_challenge",
    "auth_challenge",
    "autheph_www",
    "autheph_proxy",
    "options_reply",
    "reg_send_reply",
    "save",
    "unregister_all",
    "sanity_reply",
    "xhttp_reply",
    "ws_handle_handshake",
    "jsonrpc_dispatch",
    "dispatch_rpc",
    "xmlrpc_reply",
    "mhttpd_reply",
    "msrp_reply",
    "sstCheckMin",
    "radius_www_authorize",
    "cpl_process_register",
    "cpl_run_script",
    "check_flow_token",
    "erl_reply",
    "diameter_request",
    "prom_dispatch",
    "dispatch_xhttp_pi",
    "dispatch_xhttp_rpc",
    "nghttp2_reply",
    "xcaps_put",
    "xcaps_get",
    "xcaps_del",
];

/// They send the request on.
const RELAY: &[&str] = &[
    "t_relay",
    "t_relay_to",
    "t_relay_to_udp",
    "t_relay_to_tcp",
    "t_relay_to_tls",
    "t_relay_to_sctp",
    "t_relay_to_avp",
    "t_relay_to_proxy",
    "t_forward_nonack",
    "t_forward_nonack_udp",
    "t_forward_nonack_tcp",
    "t_forward_nonack_tls",
    "t_forward_nonack_sctp",
    "t_forward_nonack_to",
    "t_forward_nonack_uri",
    "forward",
    "forward_udp",
    "forward_tcp",
    "forward_tls",
    "forward_sctp",
    "forward_uac",
    "forward_uac_uri",
    "send",
    "send_tcp",
    "send_udp",
    "msrp_relay",
    "msrp_forward",
    "ipsec_forward",
    "t_relay_cancel",
    "sip_capture_forward",
];

/// They take the request over: it goes on elsewhere, or is absorbed.
const TAKE: &[&str] = &[
    "t_suspend",
    "t_continue",
    "t_release",
    "t_drop",
    "t_uac_send",
    "t_write_req",
    "t_write_unix",
    "async_route",
    "async_ms_route",
    "async_sleep",
    "async_ms_sleep",
    "async_task_route",
    "async_task_group_route",
    "evapi_async_relay",
    "evapi_async_multicast",
    "evapi_async_unicast",
    "http_async_query",
    "http_async_send",
    "http_async_send_xdata",
    "sql_query_async",
    "kazoo_async_query",
    "kazoo_query_async",
    "sworker_task",
    "t_replicate",
    "t_replicate_udp",
    "t_replicate_tcp",
    "t_replicate_tls",
    "t_replicate_to",
    "dmq_t_replicate",
    "t_cancel_callid",
    "t_reply_callid",
    "sip_capture",
    "report_capture",
    "m_store",
    "ts_store",
    "sl_forward_reply",
    "forward_reply",
    "abort",
    "sr_msg_async_pull",
    "ccr_result",
    "dlg_bridge",
    "bla_handle_notify",
    "reginfo_handle_notify",
    "call_control",
];

/// Every function of these modules may answer or take the request over.
const TAKING_MODULES: &[&str] = &[
    "app_jsdt",
    "app_lua",
    "app_perl",
    "app_python",
    "app_python3",
    "app_python3s",
    "app_ruby",
    "cdp",
    "dmq",
    "imc",
    "ims_auth",
    "ims_charging",
    "ims_diameter_server",
    "ims_icscf",
    "ims_ipsec_pcscf",
    "ims_isc",
    "ims_qos",
    "ims_qos_npn",
    "ims_registrar_pcscf",
    "ims_registrar_scscf",
    "kazoo",
    "mohqueue",
    "msilo",
    "presence",
    "pua",
    "pua_bla",
    "pua_xmpp",
    "rls",
    "rtp_media_server",
    "sca",
    "seas",
    "xmpp",
];

/// True from them says that the sender has shown who it is, or that its address is known.
const GUARD: &[&str] = &[
    "allow_address",
    "allow_address_group",
    "allow_source_address",
    "allow_source_address_group",
    "allow_trusted",
    "allow_routing",
    "allow_uri",
    "allow_register",
    "auth_check",
    "auth_xkeys_check",
    "autheph_authenticate",
    "autheph_check",
    "diameter_proxy_authorize",
    "diameter_www_authorize",
    "ds_is_from_list",
    "from_any_gw",
    "from_gw",
    "ims_proxy_authenticate",
    "ims_www_authenticate",
    "is_from_gw",
    "is_in_subnet",
    "is_ip_rfc1918",
    "is_peer_verified",
    "is_user_in",
    "isc_from_as",
    "isflagset",
    "issflagset",
    "proxy_authenticate",
    "proxy_authorize",
    "pv_auth_check",
    "pv_proxy_authenticate",
    "pv_proxy_authorize",
    "pv_www_authenticate",
    "pv_www_authorize",
    "radius_proxy_authorize",
    "radius_www_authorize",
    "secsipid_check_identity",
    "verify_source",
    "web3_proxy_authenticate",
    "web3_www_authenticate",
    "www_authenticate",
    "www_authorize",
    "dmq_is_from_node",
    "reg_from_user",
    "registered",
    "src_ip",
    "check_from",
    "check_to",
    "is_from_local",
    "geoip2_match",
    "pcscf_is_registered",
    "has_credentials",
    "is_rfc1918",
    "is_gflag",
    "arnacon_authenticate",
    "jwt_verify",
    "allow_register_include_port",
    "stirshaken_check_identity",
    "consume_credentials",
    "mt_match",
    "dp_translate",
    "pcre_match",
    "pcre_match_group",
    "is_in_profile",
    "is_known_dlg",
    "check_route_param",
];

/// They choose where the request goes: it is no longer the sender who does.
const CHOOSE: &[&str] = &[
    "lookup",
    "lookup_branches",
    "lookup_to_dset",
    "lookup_xavp",
    "alias_db_lookup",
    "sd_lookup",
    "ds_select_dst",
    "ds_select_domain",
    "ds_select",
    "ds_select_routes",
    "ds_next_dst",
    "ds_next_domain",
    "ds_set_dst",
    "ds_set_domain",
    "load_gws",
    "next_gw",
    "do_routing",
    "next_routing",
    "use_next_gw",
    "cr_route",
    "pd_translate",
    "prefix2domain",
    "prefix_route",
    "prefix_route_uri",
    "rewritehost",
    "sethost",
    "seth",
    "rewritehostport",
    "sethostport",
    "sethp",
    "rewritehostporttrans",
    "sethostporttrans",
    "sethpt",
    "rewriteuri",
    "seturi",
    "setdsturi",
    "rtjson_push_routes",
    "rtjson_next_route",
    "rtjson_init_routes",
    "xavp_push_dst",
    "sbranch_set_ruri",
    "enum_query",
    "i_enum_query",
    "enum_pv_query",
    "subst_uri",
    "ts_append",
    "ts_append_to",
    "t_load_contacts",
    "t_next_contacts",
    "loose_route",
    "loose_route_preloaded",
    "loose_route_mode",
    "set_uri_host",
    "handle_ruri_alias",
    "exec_dset",
    "contact_param_decode_ruri",
    "uac_reg_lookup",
    "uac_reg_request_to",
    "dlg_set_ruri",
    "dp_apply_policy",
    "attr_destination",
    "xlset_destination",
    "evapi_relay",
    "I_scscf_select",
    "msrp_set_dst",
    "add_path",
    "pcscf_force_service_routes",
    "uac_reg_lookup_uri",
    "avp_pushto",
];

/// A transaction knows the request already (true), or what they refused they have answered (false).
const ABSORB_WHEN_TRUE: &[&str] = &["t_check_trans", "t_precheck_trans", "t_lookup_request", "t_exists"];
const ANSWER_WHEN_FALSE: &[&str] = &["sanity_check", "get_redirects", "I_scscf_select"];

/// False from them judges the sender: ending without a word is meant.
const JUDGE: &[&str] = &[
    "pike_check_req",
    "pike_check_ip",
    "rl_check",
    "rl_check_pipe",
    "pl_check",
    "sanity_check",
    "secf_check_ua",
    "secf_check_ip",
    "secf_check_country",
    "secf_check_from_hdr",
    "secf_check_to_hdr",
    "secf_check_contact_hdr",
    "secf_check_sqli_all",
    "secf_check_sqli_hdr",
    "secf_check_dst",
    "allow_source_address",
    "allow_address",
    "allow_trusted",
    "allow_source_address_group",
    "allow_address_group",
    "ds_is_from_list",
    "src_ip",
    "is_in_subnet",
    "geoip_match",
    "geoip2_match",
    "is_ip_rfc1918",
    "is_first_hop",
    "check_blocklist",
    "check_user_blocklist",
];

/// What a function does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Effects {
    /// The request is answered, sent on or taken over.
    pub handles: bool,
    /// It is sent on.
    pub relays: bool,
    /// True says that the sender may be trusted.
    pub guards: bool,
    /// It chooses the destination.
    pub chooses: bool,
    /// True says that the request is known already and needs nothing more.
    pub absorbs: bool,
    /// False says that it was refused with a reply.
    pub refuses: bool,
    /// It judges the sender.
    pub judges: bool,
    /// Kamailio has no such function: misspelt, or of a module of somebody's own. It may do anything.
    pub unknown: bool,
}

/// What a function does, by its name; `modules` are those that have one of this name.
#[must_use]
pub fn of(name: &str) -> Effects {
    let in_module = || crate::known::function(name).iter().any(|function| TAKING_MODULES.contains(&function.module));
    let relays = RELAY.contains(&name);
    Effects {
        handles: relays || ANSWER.contains(&name) || TAKE.contains(&name) || (in_module() && !CHOOSE.contains(&name)),
        relays,
        guards: GUARD.contains(&name),
        chooses: CHOOSE.contains(&name),
        absorbs: ABSORB_WHEN_TRUE.contains(&name),
        refuses: ANSWER_WHEN_FALSE.contains(&name),
        judges: JUDGE.contains(&name),
        unknown: crate::known::function(name).is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_function() {
        // Of the core language or older releases, which the tables of modules do not have.
        let others = ["src_ip", "send", "unregister_all", "prefix_route_uri", "diameter_request"];
        for name in [ANSWER, RELAY, TAKE, GUARD, CHOOSE, ABSORB_WHEN_TRUE, ANSWER_WHEN_FALSE, JUDGE].concat() {
            assert!(others.contains(&name) || !crate::known::function(name).is_empty(), "{name}");
        }
        for module in TAKING_MODULES {
            assert!(crate::known::module(module).is_some(), "{module}");
        }
    }

    #[test]
    fn functions_do_what_their_documentation_says() {
        assert!(of("t_relay").relays && of("t_relay").handles);
        assert!(of("send_reply").handles && !of("send_reply").relays);
        assert!(of("auth_check").guards && of("lookup").chooses && of("handle_publish").handles);
        assert_eq!(of("xlog"), Effects::default());
        assert!(of("sl_sned_reply").unknown && !of("route").unknown);
    }
}
