//! The tables of module `usrloc`.

use database::{ColumnDef, Kind, TableDef};

/// Contacts.
pub const LOCATION: TableDef = TableDef {
    name: "location",
    version: 9,
    columns: &[
        ColumnDef::ID,
        ColumnDef::text("ruid", 64),
        ColumnDef::text("username", 64),
        ColumnDef::new("domain", Kind::Text(64)).nullable(),
        ColumnDef::text("contact", 512),
        ColumnDef::new("received", Kind::Text(128)).nullable(),
        ColumnDef::new("path", Kind::Text(512)).nullable(),
        ColumnDef::new("expires", Kind::Time).or("'2030-05-28 21:32:15'"),
        ColumnDef::new("q", Kind::Float(2)).or("1.0"),
        ColumnDef::new("callid", Kind::Text(255)).or("'Default-Call-ID'"),
        ColumnDef::new("cseq", Kind::Int).or("1"),
        ColumnDef::new("last_modified", Kind::Time).or("'2000-01-01 00:00:01'"),
        ColumnDef::int("flags"),
        ColumnDef::int("cflags"),
        ColumnDef::text("user_agent", 255),
        ColumnDef::new("socket", Kind::Text(64)).nullable(),
        ColumnDef::new("methods", Kind::Int).nullable(),
        ColumnDef::new("instance", Kind::Text(255)).nullable(),
        ColumnDef::int("reg_id"),
        ColumnDef::int("server_id"),
        ColumnDef::int("connection_id"),
        ColumnDef::int("keepalive"),
        ColumnDef::int("partition"),
    ],
    unique: &[("ruid_idx", &["ruid"])],
    indexes: &[
        ("account_contact_idx", &["username", "domain", "contact"]),
        ("expires_idx", &["expires"]),
        ("tcpcon_idx", &["connection_id"]),
        ("connection_idx", &["server_id", "connection_id"]),
    ],
};

/// Values that the script stored with contacts (`xavp_contact`).
pub const LOCATION_ATTRS: TableDef = TableDef {
    name: "location_attrs",
    version: 1,
    columns: &[
        ColumnDef::ID,
        ColumnDef::text("ruid", 64),
        ColumnDef::text("username", 64),
        ColumnDef::new("domain", Kind::Text(64)).nullable(),
        ColumnDef::text("aname", 64),
        ColumnDef::int("atype"),
        ColumnDef::text("avalue", 512),
        ColumnDef::new("last_modified", Kind::Time).or("'2000-01-01 00:00:01'"),
    ],
    unique: &[],
    indexes: &[("account_record_idx", &["username", "domain", "ruid"]), ("last_modified_idx", &["last_modified"])],
};
