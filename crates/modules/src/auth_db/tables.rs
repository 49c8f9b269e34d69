//! The table of module `auth_db`.

use database::{ColumnDef, TableDef};

/// Users and their passwords.
pub const SUBSCRIBER: TableDef = TableDef {
    name: "subscriber",
    version: 7,
    columns: &[
        ColumnDef::ID,
        ColumnDef::text("username", 64),
        ColumnDef::text("domain", 64),
        ColumnDef::text("password", 64),
        ColumnDef::text("ha1", 128),
        ColumnDef::text("ha1b", 128),
    ],
    unique: &[("account_idx", &["username", "domain"])],
    indexes: &[("username_idx", &["username"])],
};
