//! Creating and comparing the tables of a database.

use crate::statement::{Change, Filter, Rows, Select};
use crate::table::TableDef;
use crate::value::Value;
use crate::{Database, Error, Scheme};

/// How a table of a database differs from what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It is as wanted.
    None,
    /// There is none.
    Missing,
    /// Table `version` names another version (`None`: none).
    Version(Option<i64>),
    /// Columns are missing.
    Columns(Vec<&'static str>),
}

/// A table's rows, for `olelo db dump`.
#[derive(Clone, Debug)]
pub struct Dump {
    /// The table.
    pub table: &'static str,
    /// Its rows.
    pub rows: Rows,
}

impl Database {
    /// Creates tables that are missing, with their row in table `version`; the names of those that were created.
    pub async fn create(&self, tables: &[&TableDef]) -> Result<Vec<&'static str>, Error> {
        let mut created = Vec::new();
        for table in std::iter::once(&&TableDef::VERSION).chain(tables) {
            if self.has_table(table).await? {
                continue;
            }
            self.create_table(table).await?;
            created.push(table.name);
        }
        Ok(created)
    }

    async fn create_table(&self, table: &TableDef) -> Result<(), Error> {
        self.make(table).await?;
        self.set_version(table).await
    }

    async fn make(&self, table: &TableDef) -> Result<(), Error> {
        if self.url().scheme == Scheme::Text {
            return self.create_text_table(table).await;
        }
        for statement in table.ddl(self.url().scheme) {
            self.raw(&statement).await?;
        }
        Ok(())
    }

    /// Writes the table's version into table `version`.
    async fn set_version(&self, table: &TableDef) -> Result<(), Error> {
        let row = vec![Value::from(table.name), Value::Int(table.version)];
        let versions = self.version_table();
        self.apply(vec![
            Change::Delete { table: versions, filter: vec![Filter::equal("table_name", table.name)] },
            Change::Insert { table: versions, columns: &["table_name", "table_version"], rows: vec![row] },
        ])
        .await
        .map(drop)
    }

    /// Adds the columns that a table lacks, and corrects its version; `true` when something was changed.
    ///
    /// A version above ours is left alone: it belongs to a newer schema.
    pub async fn upgrade(&self, table: &TableDef) -> Result<bool, Error> {
        match self.difference(table).await? {
            Difference::None => return Ok(false),
            Difference::Missing => self.create_table(table).await?,
            Difference::Version(Some(version)) if version > table.version => {
                return Err(Error::Refused(format!(
                    "table `{}` has version {version}, newer than {} here",
                    table.name, table.version
                )));
            }
            Difference::Version(_) => self.set_version(table).await?,
            Difference::Columns(missing) => {
                if self.url().scheme == Scheme::Text {
                    return Err(Error::Refused(format!("table `{}` lacks {}", table.name, missing.join(", "))));
                }
                for column in table.columns.iter().filter(|column| missing.contains(&column.name)) {
                    let ddl = column.ddl(self.url().scheme);
                    let quote = if self.url().scheme == Scheme::Mysql { '`' } else { '"' };
                    self.raw(&format!("ALTER TABLE {quote}{}{quote} ADD COLUMN {ddl}", table.name)).await?;
                }
                self.set_version(table).await?;
            }
        }
        Ok(true)
    }

    /// How a table differs from what is wanted.
    pub async fn difference(&self, table: &TableDef) -> Result<Difference, Error> {
        if !self.has_table(table).await? {
            return Ok(Difference::Missing);
        }
        let mut missing = Vec::new();
        for column in table.columns {
            if !self.has_column(table.name, column.name).await? {
                missing.push(column.name);
            }
        }
        if !missing.is_empty() {
            return Ok(Difference::Columns(missing));
        }
        let version = self.table_version(table.name).await?;
        Ok(if version == Some(table.version) { Difference::None } else { Difference::Version(version) })
    }

    async fn has_table(&self, table: &TableDef) -> Result<bool, Error> {
        self.has_column(table.name, table.columns[0].name).await
    }

    /// Asking for it is what every server understands; a refusal is the answer no.
    async fn has_column(&self, table: &str, column: &str) -> Result<bool, Error> {
        let select = Select { table, columns: &[column], limit: Some(1), ..Select::default() };
        if self.url().scheme == Scheme::Sqlite {
            // SQLite takes an unknown name in double quotes for a text.
            let found = self.raw(&format!("SELECT name FROM pragma_table_info('{table}')")).await?;
            return Ok(found.rows.rows.iter().any(|row| row[0].to_text().as_deref() == Some(column)));
        }
        match self.select(&select).await {
            Ok(_) => Ok(true),
            Err(Error::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// All rows of tables.
    pub async fn dump(&self, tables: &[&TableDef]) -> Result<Vec<Dump>, Error> {
        let mut out = Vec::new();
        for table in tables {
            if self.has_table(table).await? {
                let rows = self.select(&Select { table: table.name, ..Select::default() }).await?;
                out.push(Dump { table: table.name, rows });
            }
        }
        Ok(out)
    }
}
