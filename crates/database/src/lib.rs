//! One interface to SQLite, MySQL, PostgreSQL and text tables.
//!
//! A [`Database`] is a handle: cheap to clone, opened by [`Databases::get`] from the `db_url` of a module, connected when it
//! is first asked. What it is asked are [`Select`]s and [`Change`]s, data that `sql.rs` writes in the words of the
//! server (every value bound) and that `text/` carries out itself. Start reading at `database.rs`. Tables are described
//! by [`TableDef`]; `schema.rs` creates them. Nothing of the drivers leaks out of this crate.

mod database;
mod driver;
mod mysql;
mod postgres;
mod schema;
mod single;
mod sql;
mod sqlite;
mod statement;
mod table;
mod text;
mod url;
mod value;

pub use database::{Common, Database, Databases, Event, Hold, Listener, Options, Tls};
pub use schema::{Difference, Dump};
pub use statement::{Change, Filter, Operator, Outcome, Rows, Select};
pub use table::{ColumnDef, Kind, TableDef};
pub use url::{Scheme, Url, UrlError};
pub use value::{Value, civil_text, parse_civil};

/// Why a database did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no connection, and none could be made.
    #[error("no connection to {0}")]
    Unavailable(String),
    /// The answer did not come in time.
    #[error("no answer from {0} within {1} ms")]
    Timeout(String, u128),
    /// A row with the same key exists.
    #[error("{0}")]
    Duplicate(String),
    /// The server refused the statement.
    #[error("{0}")]
    Refused(String),
}

/// True for a table's or a column's name that can be quoted in every dialect: letters, digits, `_`, `$`, `-`, and `.`
/// between schema and table.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && name.split('.').all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_$-".contains(&byte))
        })
}
