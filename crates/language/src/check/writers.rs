//! Which functions and modules write variables of the script, as far as the lint about unwritten ones has to know.

use super::model::Model;
use super::never_written::Class;

/// Functions that write none of their arguments.
pub(super) const READERS: &[&str] = &[
    "acc_db_request",
    "acc_log_request",
    "add_rr_param",
    "add_uri_param",
    "append_body_part",
    "append_branch",
    "append_hf",
    "append_hf_value",
    "append_rpid_hf",
    "append_to_reply",
    "append_urihf",
    "assign_hf_value",
    "cmp_istr",
    "cmp_str",
    "ds_select_domain",
    "ds_select_dst",
    "ends_with",
    "has_user_agent",
    "in_list",
    "in_list_prefix",
    "insert_hf",
    "insert_hf_value",
    "is_in_subnet",
    "is_ip",
    "is_ip_rfc1918",
    "is_numeric",
    "is_present_hf",
    "jsonrpc_dispatch",
    "lookup",
    "msleep",
    "prefix",
    "proxy_challenge",
    "redis_cmd",
    "remove_hf",
    "rewritehostport",
    "rtpengine_answer",
    "rtpengine_manage",
    "rtpengine_offer",
    "rtpproxy_manage",
    "send_reply",
    "set_body",
    "set_reply_body",
    "setdsturi",
    "seturi",
    "sl_reply_error",
    "sl_send_reply",
    "starts_with",
    "str_find",
    "str_ifind",
    "strempty",
    "strlen",
    "subst_uri",
    "t_reply",
    "t_send_reply",
    "usleep",
    "www_challenge",
    "xalert",
    "xbug",
    "xcrit",
    "xdbg",
    "xerr",
    "xhttp_reply",
    "xinfo",
    "xlog",
    "xlogl",
    "xlogm",
    "xlogml",
    "xnotice",
    "xwarn",
];

/// Modules that make AVPs whose names stand in a database, at a RADIUS server or in a protocol.
const NAME_AVPS: &[&str] = &[
    "auth_diameter",
    "auth_radius",
    "avp",
    "avp_db",
    "call_control",
    "carrierroute",
    "cdp",
    "cdp_avp",
    "cplc",
    "db2_ops",
    "domainpolicy",
    "drouting",
    "enum",
    "gflags",
    "h350",
    "lcr",
    "mediaproxy",
    "misc_radius",
    "mtree",
    "peering",
    "sca",
    "seas",
    "secfilter",
    "tmrec",
    "uid_auth_db",
    "uid_avp_db",
    "uid_domain",
    "uid_gflags",
    "uid_uri_db",
    "userblocklist",
];

/// Functions that do so.
const MAKE_AVPS: &[&str] = &[
    "avp_db_load",
    "db_load_attrs",
    "exec_avp",
    "is_domain_local",
    "is_from_local",
    "is_uri_host_local",
    "load_attrs",
    "lookup_domain",
    "radius_load_callee_avps",
    "radius_load_caller_avps",
];

/// Classes of which everything may be written by something with names of its own.
pub(super) fn unknown(model: &Model<'_>) -> Vec<Class> {
    let names_avps = |name: &str| NAME_AVPS.contains(&name) || name.starts_with("ims_");
    let mut classes = Vec::new();
    let by_module = model.modules.iter().any(|module| names_avps(module.node));
    if by_module || model.calls.iter().any(|site| MAKE_AVPS.contains(&site.name())) {
        classes.push(Class::Avp);
    }
    if model.calls.iter().any(|site| site.name() == "pv_set_name") {
        classes.extend([Class::Var, Class::Avp, Class::Xavp, Class::Xavu, Class::Xavi]);
    }
    classes
}

/// Names that modules write unless a parameter says otherwise.
pub(super) fn by_default(class: Class, name: &str) -> bool {
    match class {
        Class::Avp => matches!(name, "amqp_result" | "rpid" | "can_uri") || name.bytes().all(|b| b.is_ascii_digit()),
        Class::Xavp => matches!(name, "rtjson" | "tls" | "tracked" | "ulrcd" | "msg" | "ra"),
        Class::Xavi => name == "headers",
        Class::Var | Class::Shared | Class::Xavu => false,
    }
}

/// Words in values of module parameters: a module may write a variable of this name.
pub(super) fn mentioned<'m>(model: &'m Model<'_>) -> impl Iterator<Item = &'m str> {
    model.params.iter().filter_map(|param| param.text()).flat_map(super::common::words)
}
