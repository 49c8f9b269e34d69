//! The table of module `dialplan`.

use database::{ColumnDef, Kind, TableDef};

/// Rules.
pub const DIALPLAN: TableDef = TableDef {
    name: "dialplan",
    version: 2,
    columns: &[
        ColumnDef::ID,
        ColumnDef::new("dpid", Kind::Int),
        ColumnDef::new("pr", Kind::Int),
        ColumnDef::new("match_op", Kind::Int),
        ColumnDef::new("match_exp", Kind::Text(64)),
        ColumnDef::new("match_len", Kind::Int),
        ColumnDef::new("subst_exp", Kind::Text(64)),
        ColumnDef::new("repl_exp", Kind::Text(256)),
        ColumnDef::new("attrs", Kind::Text(64)),
    ],
    unique: &[],
    indexes: &[],
};
