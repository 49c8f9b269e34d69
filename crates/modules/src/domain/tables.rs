//! The tables of module `domain`.

use database::{ColumnDef, Kind, TableDef};

const MODIFIED: ColumnDef = ColumnDef::new("last_modified", Kind::Time).or("'2000-01-01 00:00:01'");

/// Our domains.
pub const DOMAIN: TableDef = TableDef {
    name: "domain",
    version: 2,
    columns: &[
        ColumnDef::ID,
        ColumnDef::new("domain", Kind::Text(64)),
        ColumnDef::new("did", Kind::Text(64)).nullable(),
        MODIFIED,
    ],
    unique: &[("domain_idx", &["domain"])],
    indexes: &[],
};

/// Their attributes.
pub const DOMAIN_ATTRS: TableDef = TableDef {
    name: "domain_attrs",
    version: 1,
    columns: &[
        ColumnDef::ID,
        ColumnDef::new("did", Kind::Text(64)),
        ColumnDef::new("name", Kind::Text(32)),
        ColumnDef::new("type", Kind::Unsigned),
        ColumnDef::new("value", Kind::Text(255)),
        MODIFIED,
    ],
    unique: &[],
    indexes: &[("domain_attrs_idx", &["did", "name"])],
};
