//! What a database is asked, as data.

use crate::value::Value;

/// How a column is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`; with `NULL`: is null.
    Equal,
    /// `!=`; with `NULL`: is not null.
    NotEqual,
    /// `<`
    Less,
    /// `>`
    Greater,
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
}

impl Operator {
    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::Greater => ">",
            Self::AtMost => "<=",
            Self::AtLeast => ">=",
        }
    }
}

/// One condition; several must all hold.
#[derive(Clone, Debug)]
pub struct Filter<'a> {
    /// The column.
    pub column: &'a str,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub value: Value,
}

impl<'a> Filter<'a> {
    /// `column = value`
    pub fn equal(column: &'a str, value: impl Into<Value>) -> Self {
        Self { column, operator: Operator::Equal, value: value.into() }
    }
}

/// Rows are asked for.
#[derive(Clone, Debug, Default)]
pub struct Select<'a> {
    /// From which table.
    pub table: &'a str,
    /// Which columns; none: all.
    pub columns: &'a [&'a str],
    /// Which rows.
    pub filter: &'a [Filter<'a>],
    /// Sorted by this column, upwards.
    pub order: Option<&'a str>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// Something is written.
#[derive(Clone, Debug)]
pub enum Change<'a> {
    /// New rows.
    Insert {
        /// Into which table.
        table: &'a str,
        /// The columns that have values.
        columns: &'a [&'a str],
        /// A value per column for each row. At most 500 rows.
        rows: Vec<Vec<Value>>,
    },
    /// New rows, or new values where a row with the same key exists.
    Upsert {
        /// Into which table.
        table: &'a str,
        /// The columns of the unique index.
        keys: &'a [&'a str],
        /// The columns that have values.
        columns: &'a [&'a str],
        /// A value per column for each row. At most 500 rows.
        rows: Vec<Vec<Value>>,
    },
    /// New values in rows.
    Update {
        /// In which table.
        table: &'a str,
        /// Columns and their values.
        set: Vec<(&'a str, Value)>,
        /// Which rows.
        filter: Vec<Filter<'a>>,
    },
    /// Rows are removed.
    Delete {
        /// From which table.
        table: &'a str,
        /// Which rows; none: all.
        filter: Vec<Filter<'a>>,
    },
}

impl Change<'_> {
    /// What it changes.
    pub(crate) fn table(&self) -> &str {
        match self {
            Self::Insert { table, .. }
            | Self::Upsert { table, .. }
            | Self::Update { table, .. }
            | Self::Delete { table, .. } => table,
        }
    }
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The cells, row by row.
    pub rows: Vec<Vec<Value>>,
}

/// What a statement of the script led to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The rows that it has; none for a change.
    pub rows: Rows,
    /// How many rows were changed.
    pub affected: u64,
}
