//! The functions of the core language. They leave `$rc` alone.

mod avp_flags;
mod config;
mod exec;
mod flags;
mod forward;
mod log;
mod request_uri;
mod sending;

use crate::module::ModuleDef;

/// What the core itself defines.
pub const CORE: ModuleDef = ModuleDef {
    name: "core",
    summary: "The functions of the core language.",
    functions: &[
        avp_flags::SETAVPFLAG,
        avp_flags::RESETAVPFLAG,
        avp_flags::ISAVPFLAGSET,
        config::CFG_RESET,
        config::CFG_SELECT,
        exec::EXEC,
        flags::SETFLAG,
        flags::RESETFLAG,
        flags::ISFLAGSET,
        forward::FORWARD,
        forward::FORWARD_UDP,
        forward::FORWARD_TCP,
        forward::FORWARD_TLS,
        log::LOG,
        log::ERROR,
        request_uri::CLEAR_BRANCHES,
        request_uri::PREFIX,
        request_uri::REMOVE_BRANCH,
        request_uri::REVERT_URI,
        request_uri::REWRITEHOST,
        request_uri::REWRITEHOSTPORT,
        request_uri::REWRITEHOSTPORTTRANS,
        request_uri::REWRITEPORT,
        request_uri::REWRITEURI,
        request_uri::REWRITEUSER,
        request_uri::REWRITEUSERPASS,
        request_uri::SETH,
        request_uri::SETHOST,
        request_uri::SETHOSTPORT,
        request_uri::SETHOSTPORTTRANS,
        request_uri::SETHP,
        request_uri::SETHPT,
        request_uri::SETP,
        request_uri::SETPORT,
        request_uri::SETU,
        request_uri::SETUP,
        request_uri::SETURI,
        request_uri::SETUSER,
        request_uri::SETUSERPASS,
        request_uri::STRIP,
        request_uri::STRIP_TAIL,
        request_uri::USERPHONE,
        sending::ADD_LOCAL_RPORT,
        sending::ADD_RPORT,
        sending::ADD_TCP_ALIAS,
        sending::FORCE_RPORT,
        sending::FORCE_SEND_SOCKET,
        sending::FORCE_TCP_ALIAS,
        sending::SET_ADVERTISED_ADDRESS,
        sending::SET_ADVERTISED_PORT,
        sending::SET_FORWARD_CLOSE,
        sending::SET_FORWARD_NO_CONNECT,
        sending::SET_REPLY_CLOSE,
        sending::SET_REPLY_NO_CONNECT,
        sending::UDP_MTU_TRY_PROTO,
    ],
    variables: &[
        crate::variables::IUID,
        crate::variables::NULL,
        crate::variables::RC,
        crate::variables::SEL,
        crate::variables::VAR,
    ],
    event_routes: &["core:worker-one-init", "core:msg-received", "core:pre-routing", "core:receive-parse-error"],
    ..ModuleDef::EMPTY
};
