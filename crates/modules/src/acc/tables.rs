//! The tables of module `acc`.

use database::{ColumnDef, Kind, TableDef};

const COLUMNS: &[ColumnDef] = &[
    ColumnDef::ID,
    ColumnDef::text("method", 16),
    ColumnDef::text("from_tag", 128),
    ColumnDef::text("to_tag", 128),
    ColumnDef::text("callid", 255),
    ColumnDef::text("sip_code", 3),
    ColumnDef::text("sip_reason", 128),
    ColumnDef::new("time", Kind::Time),
];

/// Answered and failed requests.
pub const ACC: TableDef =
    TableDef { name: "acc", version: 5, columns: COLUMNS, unique: &[], indexes: &[("callid_idx", &["callid"])] };

/// Missed calls.
pub const MISSED_CALLS: TableDef = TableDef { name: "missed_calls", version: 4, ..ACC };

/// Whole calls.
pub const ACC_CDRS: TableDef = TableDef {
    name: "acc_cdrs",
    version: 2,
    columns: &[
        ColumnDef::ID,
        ColumnDef::new("start_time", Kind::Time).or("'2000-01-01 00:00:00'"),
        ColumnDef::new("end_time", Kind::Time).or("'2000-01-01 00:00:00'"),
        ColumnDef::new("duration", Kind::Float(3)).or("0"),
    ],
    unique: &[],
    indexes: &[("start_time_idx", &["start_time"])],
};
