//! The tables of module `permissions`.

use database::{ColumnDef, Kind, TableDef};

/// Addresses in groups.
pub const ADDRESS: TableDef = TableDef {
    name: "address",
    version: 6,
    columns: &[
        ColumnDef::ID,
        ColumnDef::new("grp", Kind::Unsigned).or("1"),
        ColumnDef::new("ip_addr", Kind::Text(50)),
        ColumnDef::new("mask", Kind::Int).or("32"),
        ColumnDef::new("port", Kind::Small).or("0"),
        ColumnDef::new("tag", Kind::Text(64)).nullable(),
    ],
    unique: &[],
    indexes: &[],
};

/// Rules for senders that need no password.
pub const TRUSTED: TableDef = TableDef {
    name: "trusted",
    version: 6,
    columns: &[
        ColumnDef::ID,
        ColumnDef::new("src_ip", Kind::Text(50)),
        ColumnDef::new("proto", Kind::Text(4)),
        ColumnDef::new("from_pattern", Kind::Text(64)).nullable(),
        ColumnDef::new("ruri_pattern", Kind::Text(64)).nullable(),
        ColumnDef::new("tag", Kind::Text(64)).nullable(),
        ColumnDef::int("priority"),
    ],
    unique: &[],
    indexes: &[("peer_idx", &["src_ip"])],
};
