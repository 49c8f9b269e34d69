//! One folder per Kamailio module, named as in `loadmodule`; [`MODULES`] is the list of them.
//!
//! A module's `mod.rs` is its table of contents (`MODULE`); each script function has its documentation, signature, body
//! and tests in one file. Modules find each other by Rust type when they are created. Nothing here opens a socket
//! before [`engine::Module::start`].

use engine::ModuleDef;

pub mod acc;
pub mod cfg_rpc;
pub mod corex;
pub mod counters;
pub mod ctl;
pub mod debugger;
pub mod jsonrpcs;
pub mod kex;
pub mod maxfwd;
pub mod pv;
pub mod registrar;
pub mod rr;
pub mod sanity;
pub mod siputils;
pub mod sl;
pub mod textops;
pub mod textopsx;
pub mod tm;
pub mod tmx;
pub mod uac;
pub mod usrloc;
pub mod xlog;

/// Every module that this program has.
pub const MODULES: &[&ModuleDef] = &[
    &acc::MODULE,
    &cfg_rpc::MODULE,
    &corex::MODULE,
    &counters::MODULE,
    &ctl::MODULE,
    &debugger::MODULE,
    &jsonrpcs::MODULE,
    &kex::MODULE,
    &maxfwd::MODULE,
    &pv::MODULE,
    &registrar::MODULE,
    &rr::MODULE,
    &sanity::MODULE,
    &siputils::MODULE,
    &sl::MODULE,
    &textops::MODULE,
    &textopsx::MODULE,
    &tm::MODULE,
    &tmx::MODULE,
    &uac::MODULE,
    &usrloc::MODULE,
    &xlog::MODULE,
];
