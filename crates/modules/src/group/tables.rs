//! The tables of module `group`.

use database::{ColumnDef, Kind, TableDef};

/// Users and their groups.
pub const GRP: TableDef = TableDef {
    name: "grp",
    version: 2,
    columns: &[
        ColumnDef::ID,
        ColumnDef::text("username", 64),
        ColumnDef::text("domain", 64),
        ColumnDef::text("grp", 64),
        ColumnDef::new("last_modified", Kind::Time).or("'2000-01-01 00:00:01'"),
    ],
    unique: &[("account_group_idx", &["username", "domain", "grp"])],
    indexes: &[],
};

/// Expressions and the groups of users that they match.
pub const RE_GRP: TableDef = TableDef {
    name: "re_grp",
    version: 1,
    columns: &[ColumnDef::ID, ColumnDef::text("reg_exp", 128), ColumnDef::int("group_id")],
    unique: &[],
    indexes: &[("group_idx", &["group_id"])],
};
