//! The subcommands.

pub(crate) mod address;
pub(crate) mod check;
pub(crate) mod ctl;
pub(crate) mod db;
pub(crate) mod explain;
pub(crate) mod location;
pub(crate) mod opc;
mod password;
pub(crate) mod test;
pub(crate) mod user;
pub(crate) mod version;
