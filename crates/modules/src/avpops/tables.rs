//! The table of module `avpops`.

use database::{ColumnDef, Kind, TableDef};

/// Values that belong to users.
pub const USR_PREFERENCES: TableDef = TableDef {
    name: "usr_preferences",
    version: 2,
    columns: &[
        ColumnDef::ID,
        ColumnDef::text("uuid", 64),
        ColumnDef::new("username", Kind::Text(255)).or("'0'"),
        ColumnDef::text("domain", 64),
        ColumnDef::text("attribute", 32),
        ColumnDef::int("type"),
        ColumnDef::text("value", 128),
        ColumnDef::new("last_modified", Kind::Time).or("'2000-01-01 00:00:01'"),
    ],
    unique: &[],
    indexes: &[("ua_idx", &["uuid", "attribute"]), ("uda_idx", &["username", "domain", "attribute"])],
};
