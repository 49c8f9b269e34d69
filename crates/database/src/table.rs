//! Tables as modules describe them, and how each server is told to create them.

use std::fmt::Write as _;

use crate::Scheme;

/// The type of a column, in Kamailio's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The row's number, given by the server.
    Id,
    /// A whole number.
    Int,
    /// A whole number that is not negative.
    Unsigned,
    /// A port.
    Small,
    /// A number with so many digits behind the point, where the server can say that.
    Float(u8),
    /// Text of at most so many characters.
    Text(u16),
    /// A date with a time of day.
    Time,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct ColumnDef {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether `NULL` may stand in it.
    pub null: bool,
    /// Its default as SQL writes it (`''`, `0`, `NULL`); `None`: none.
    pub default: Option<&'static str>,
}

impl ColumnDef {
    /// The row's number.
    pub const ID: Self = Self { name: "id", kind: Kind::Id, null: false, default: None };

    /// A column that must have a value and has no default.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, null: false, default: None }
    }

    /// Text that is empty unless set.
    #[must_use]
    pub const fn text(name: &'static str, length: u16) -> Self {
        Self::new(name, Kind::Text(length)).or("''")
    }

    /// A whole number that is 0 unless set.
    #[must_use]
    pub const fn int(name: &'static str) -> Self {
        Self::new(name, Kind::Int).or("0")
    }

    /// The same column with a default.
    #[must_use]
    pub const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// The same column that may be `NULL`, and is unless set.
    #[must_use]
    pub const fn nullable(mut self) -> Self {
        self.null = true;
        self.default = Some("NULL");
        self
    }
}

/// A table.
#[derive(Clone, Copy, Debug)]
pub struct TableDef {
    /// Its name.
    pub name: &'static str,
    /// The version of its layout in table `version`.
    pub version: i64,
    /// Its columns.
    pub columns: &'static [ColumnDef],
    /// Columns that are unique together, with the name of the index.
    pub unique: &'static [(&'static str, &'static [&'static str])],
    /// Columns that rows are found by, with the name of the index.
    pub indexes: &'static [(&'static str, &'static [&'static str])],
}

impl TableDef {
    /// Table `version`, which says of the others how they are laid out.
    pub const VERSION: Self = Self {
        name: "version",
        version: 1,
        columns: &[
            ColumnDef::ID,
            ColumnDef::new("table_name", Kind::Text(32)),
            ColumnDef::new("table_version", Kind::Unsigned).or("0"),
        ],
        unique: &[("table_name_idx", &["table_name"])],
        indexes: &[],
    };

    /// The statements that create the table and its indexes.
    #[must_use]
    pub fn ddl(&self, scheme: Scheme) -> Vec<String> {
        let mut lines = Vec::new();
        for column in self.columns {
            lines.push(format!("    {}", column.ddl(scheme)));
        }
        // The names of indexes are those of Kamailio's own scripts; except in MySQL they are global, so with the table's.
        let prefix = if scheme == Scheme::Mysql { String::new() } else { format!("{}_", self.name) };
        for (name, columns) in self.unique {
            lines.push(format!("    CONSTRAINT {prefix}{name} UNIQUE ({})", names(scheme, columns)));
        }
        let mut statements = vec![format!("CREATE TABLE {} (\n{}\n)", name(scheme, self.name), lines.join(",\n"))];
        for (index, columns) in self.indexes {
            let on = name(scheme, self.name);
            statements.push(format!("CREATE INDEX {prefix}{index} ON {on} ({})", names(scheme, columns)));
        }
        statements
    }
}

impl ColumnDef {
    /// `username VARCHAR(64) DEFAULT '' NOT NULL`
    pub(crate) fn ddl(&self, scheme: Scheme) -> String {
        let kind = match (self.kind, scheme) {
            (Kind::Id, Scheme::Mysql) => "INT(10) UNSIGNED AUTO_INCREMENT PRIMARY KEY".into(),
            (Kind::Id, Scheme::Postgres) => "SERIAL PRIMARY KEY".into(),
            (Kind::Id, _) => "INTEGER PRIMARY KEY".into(),
            (Kind::Int, Scheme::Mysql) => "INT(11)".into(),
            (Kind::Unsigned, Scheme::Mysql) => "INT UNSIGNED".into(),
            (Kind::Int | Kind::Unsigned, _) => "INTEGER".into(),
            (Kind::Small, Scheme::Mysql) => "SMALLINT(5) UNSIGNED".into(),
            (Kind::Small, _) => "SMALLINT".into(),
            (Kind::Float(digits), Scheme::Mysql) => format!("FLOAT(10,{digits})"),
            (Kind::Float(_), _) => "REAL".into(),
            (Kind::Text(length), _) => format!("VARCHAR({length})"),
            (Kind::Time, Scheme::Mysql) => "DATETIME".into(),
            (Kind::Time, _) => "TIMESTAMP WITHOUT TIME ZONE".into(),
        };
        let mut out = format!("{} {kind}", name(scheme, self.name));
        if let Some(default) = self.default {
            let _ = write!(out, " DEFAULT {default}");
        }
        if !self.null {
            out.push_str(" NOT NULL");
        }
        out
    }
}

fn name(scheme: Scheme, name: &str) -> String {
    if scheme == Scheme::Mysql { format!("`{name}`") } else { format!("\"{name}\"") }
}

fn names(scheme: Scheme, columns: &[&str]) -> String {
    columns.iter().map(|column| name(scheme, column)).collect::<Vec<_>>().join(", ")
}
