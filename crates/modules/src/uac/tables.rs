//! The table of module `uac`.

use database::{ColumnDef, TableDef};

/// Accounts at other servers that this server registers for.
pub const UACREG: TableDef = TableDef {
    name: "uacreg",
    version: 5,
    columns: &[
        ColumnDef::ID,
        ColumnDef::text("l_uuid", 64),
        ColumnDef::text("l_username", 64),
        ColumnDef::text("l_domain", 64),
        ColumnDef::text("r_username", 64),
        ColumnDef::text("r_domain", 64),
        ColumnDef::text("realm", 64),
        ColumnDef::text("auth_username", 64),
        ColumnDef::text("auth_password", 64),
        ColumnDef::text("auth_ha1", 128),
        ColumnDef::text("auth_proxy", 255),
        ColumnDef::int("expires"),
        ColumnDef::int("flags"),
        ColumnDef::int("reg_delay"),
        ColumnDef::text("contact_addr", 255),
        ColumnDef::text("socket", 128),
    ],
    unique: &[("l_uuid_idx", &["l_uuid"])],
    indexes: &[],
};
