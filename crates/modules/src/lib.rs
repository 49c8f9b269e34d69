//! One folder per Kamailio module, named as in `loadmodule`; [`MODULES`] is the list of them.
//!
//! A module's `mod.rs` is its table of contents (`MODULE`); each script function has its documentation, signature, body
//! and tests in one file. Modules find each other by Rust type when they are created. Nothing here opens a socket
//! before [`engine::Module::start`].

use engine::ModuleDef;

pub mod acc;
pub mod alias_db;
pub mod r#async;
pub mod auth;
pub mod auth_db;
pub mod avpops;
pub mod cfg_rpc;
pub mod cfgutils;
mod core_hash;
pub mod corex;
pub mod counters;
pub mod ctl;
pub mod db_mysql;
pub mod db_postgres;
pub mod db_sqlite;
pub mod db_text;
pub mod debugger;
pub mod dialog;
pub mod dialplan;
pub mod dispatcher;
pub mod domain;
mod glob;
pub mod group;
pub mod htable;
pub mod ipops;
pub mod jsonrpcs;
pub mod kex;
pub mod maxfwd;
pub mod mqueue;
pub mod path;
pub mod permissions;
pub mod pike;
pub mod pipelimit;
pub mod pv;
pub mod ratelimit;
pub mod registrar;
pub mod rr;
pub mod rtimer;
pub mod sanity;
pub mod sdpops;
pub mod siputils;
pub mod sl;
pub mod speeddial;
pub mod sqlops;
pub mod textops;
pub mod textopsx;
pub mod tm;
pub mod tmx;
pub mod uac;
pub mod uri_db;
pub mod usrloc;
pub mod xlog;

#[cfg(test)]
mod tests_support;

/// Every module that this program has.
pub const MODULES: &[&ModuleDef] = &[
    &acc::MODULE,
    &alias_db::MODULE,
    &r#async::MODULE,
    &auth::MODULE,
    &auth_db::MODULE,
    &avpops::MODULE,
    &cfg_rpc::MODULE,
    &cfgutils::MODULE,
    &corex::MODULE,
    &counters::MODULE,
    &ctl::MODULE,
    &db_mysql::MODULE,
    &db_postgres::MODULE,
    &db_sqlite::MODULE,
    &db_text::MODULE,
    &debugger::MODULE,
    &dialog::MODULE,
    &dialplan::MODULE,
    &dispatcher::MODULE,
    &domain::MODULE,
    &group::MODULE,
    &htable::MODULE,
    &ipops::MODULE,
    &jsonrpcs::MODULE,
    &kex::MODULE,
    &maxfwd::MODULE,
    &mqueue::MODULE,
    &path::MODULE,
    &permissions::MODULE,
    &pike::MODULE,
    &pipelimit::MODULE,
    &pv::MODULE,
    &ratelimit::MODULE,
    &registrar::MODULE,
    &rr::MODULE,
    &rtimer::MODULE,
    &sanity::MODULE,
    &sdpops::MODULE,
    &siputils::MODULE,
    &sl::MODULE,
    &speeddial::MODULE,
    &sqlops::MODULE,
    &textops::MODULE,
    &textopsx::MODULE,
    &tm::MODULE,
    &tmx::MODULE,
    &uac::MODULE,
    &uri_db::MODULE,
    &usrloc::MODULE,
    &xlog::MODULE,
];
