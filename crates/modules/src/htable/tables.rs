//! The table of module `htable`.

use database::{ColumnDef, TableDef};

/// Items of hash tables. A hash table is loaded from one that is laid out like this, of any name (`dbtable`).
pub const HTABLE: TableDef = TableDef {
    name: "htable",
    version: 2,
    columns: &[
        ColumnDef::ID,
        ColumnDef::text("key_name", 64),
        ColumnDef::int("key_type"),
        ColumnDef::int("value_type"),
        ColumnDef::text("key_value", 128),
        ColumnDef::int("expires"),
    ],
    unique: &[],
    indexes: &[],
};
