//! The subcommands.

pub(crate) mod check;
pub(crate) mod ctl;
pub(crate) mod explain;
pub(crate) mod test;
pub(crate) mod version;
