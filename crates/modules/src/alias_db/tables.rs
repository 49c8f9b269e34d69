//! The table of module `alias_db`.

use database::{ColumnDef, TableDef};

/// Other names of users.
pub const DBALIASES: TableDef = TableDef {
    name: "dbaliases",
    version: 1,
    columns: &[
        ColumnDef::ID,
        ColumnDef::text("alias_username", 64),
        ColumnDef::text("alias_domain", 64),
        ColumnDef::text("username", 64),
        ColumnDef::text("domain", 64),
    ],
    unique: &[],
    indexes: &[
        ("alias_user_idx", &["alias_username"]),
        ("alias_idx", &["alias_username", "alias_domain"]),
        ("target_idx", &["username", "domain"]),
    ],
};
