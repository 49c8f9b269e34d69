//! Statements in the words of a server. Values are never part of the text.

use std::fmt::Write as _;

use crate::statement::{Change, Filter, Operator, Select};
use crate::value::Value;
use crate::{Error, Scheme, is_name};

/// Text with the values that are bound to its marks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) values: Vec<Value>,
    /// PostgreSQL: the values of many rows, column by column, as arrays that are bound behind the others.
    pub(crate) columns: Vec<Vec<Value>>,
    /// Worth being kept prepared: it comes again with other values.
    pub(crate) keep: bool,
}

impl Sql {
    /// A statement that holds its values.
    pub(crate) fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), values: Vec::new(), columns: Vec::new(), keep: false }
    }
}

struct Writer {
    scheme: Scheme,
    sql: Sql,
}

impl Writer {
    fn new(scheme: Scheme, start: &str) -> Self {
        Self { scheme, sql: Sql { keep: true, ..Sql::plain(start) } }
    }

    fn name(&mut self, name: &str) -> Result<(), Error> {
        if !is_name(name) {
            return Err(Error::Refused(format!("`{name}` is no name of a table or column")));
        }
        for (index, part) in name.split('.').enumerate() {
            if index > 0 {
                self.sql.text.push('.');
            }
            // PostgreSQL folds unquoted names to lower case; Kamailio does not quote there.
            let _ = match self.scheme {
                Scheme::Mysql => write!(self.sql.text, "`{part}`"),
                Scheme::Postgres => write!(self.sql.text, "\"{}\"", part.to_ascii_lowercase()),
                Scheme::Sqlite | Scheme::Text => write!(self.sql.text, "\"{part}\""),
            };
        }
        Ok(())
    }

    fn names(&mut self, names: &[&str]) -> Result<(), Error> {
        for (index, name) in names.iter().enumerate() {
            if index > 0 {
                self.sql.text.push(',');
            }
            self.name(name)?;
        }
        Ok(())
    }

    fn value(&mut self, value: Value) {
        if value.is_null() {
            // A bound NULL has a type, and PostgreSQL refuses the wrong one.
            self.sql.text.push_str("NULL");
            return;
        }
        self.sql.values.push(value);
        match self.scheme {
            Scheme::Postgres => {
                let _ = write!(self.sql.text, "${}", self.sql.values.len());
            }
            _ => self.sql.text.push('?'),
        }
    }

    fn filter(&mut self, filter: &[Filter<'_>]) -> Result<(), Error> {
        for (index, condition) in filter.iter().enumerate() {
            self.sql.text.push_str(if index == 0 { " WHERE " } else { " AND " });
            self.name(condition.column)?;
            match (&condition.value, condition.operator) {
                (Value::Null, Operator::NotEqual) => self.sql.text.push_str(" IS NOT NULL"),
                (Value::Null, _) => self.sql.text.push_str(" IS NULL"),
                (value, operator) => {
                    self.sql.text.push_str(operator.sql());
                    self.value(value.clone());
                }
            }
        }
        Ok(())
    }

    fn insert(&mut self, table: &str, columns: &[&str], rows: Vec<Vec<Value>>) -> Result<(), Error> {
        self.name(table)?;
        self.sql.text.push_str(" (");
        self.names(columns)?;
        if self.scheme == Scheme::Postgres && rows.len() > 1 && are_arrays(&rows) {
            self.arrays(rows);
            return Ok(());
        }
        self.sql.text.push_str(") VALUES ");
        self.sql.keep = rows.len() == 1;
        for (index, row) in rows.into_iter().enumerate() {
            self.sql.text.push_str(if index == 0 { "(" } else { ",(" });
            for (index, value) in row.into_iter().enumerate() {
                if index > 0 {
                    self.sql.text.push(',');
                }
                self.value(value);
            }
            self.sql.text.push(')');
        }
        Ok(())
    }

    /// Rows as one array for each column. PostgreSQL spends more on reading and planning hundreds of rows with a mark for each
    /// value than on writing them; this text is the same for any number of rows, and stays prepared.
    fn arrays(&mut self, rows: Vec<Vec<Value>>) {
        let mut columns: Vec<Vec<Value>> = Vec::new();
        for row in rows {
            columns.resize_with(row.len().max(columns.len()), Vec::new);
            for (column, value) in columns.iter_mut().zip(row) {
                column.push(value);
            }
        }
        self.sql.text.push_str(") SELECT ");
        let mut arrays = String::new();
        for (index, column) in columns.into_iter().enumerate() {
            if index > 0 {
                self.sql.text.push(',');
            }
            if column.iter().all(Value::is_null) {
                self.sql.text.push_str("NULL");
                continue;
            }
            self.sql.columns.push(column);
            let number = self.sql.columns.len();
            let _ = write!(self.sql.text, "c{number}");
            let _ = write!(arrays, "{}${number}", if number == 1 { "" } else { "," });
        }
        let names: Vec<String> = (1..=self.sql.columns.len()).map(|number| format!("c{number}")).collect();
        let _ = write!(self.sql.text, " FROM UNNEST({arrays}) AS r({})", names.join(","));
    }
}

/// Whether each column of some rows has values of one kind, and not all are NULL.
fn are_arrays(rows: &[Vec<Value>]) -> bool {
    let mut kinds = Vec::new();
    for row in rows {
        kinds.resize(row.len().max(kinds.len()), None);
        for (kind, value) in kinds.iter_mut().zip(row).filter(|(_, value)| !value.is_null()) {
            let found = std::mem::discriminant(value);
            if *kind.get_or_insert(found) != found {
                return false;
            }
        }
    }
    kinds.iter().any(Option::is_some)
}

/// A question.
pub(crate) fn select(scheme: Scheme, select: &Select<'_>) -> Result<Sql, Error> {
    let mut out = Writer::new(scheme, "SELECT ");
    if select.columns.is_empty() {
        out.sql.text.push('*');
    } else {
        out.names(select.columns)?;
    }
    out.sql.text.push_str(" FROM ");
    out.name(select.table)?;
    out.filter(select.filter)?;
    if let Some(column) = select.order {
        out.sql.text.push_str(" ORDER BY ");
        out.name(column)?;
    }
    if let Some(limit) = select.limit {
        let _ = write!(out.sql.text, " LIMIT {limit}");
    }
    Ok(out.sql)
}

/// A change.
pub(crate) fn change(scheme: Scheme, change: Change<'_>) -> Result<Sql, Error> {
    match change {
        Change::Insert { table, columns, rows } => {
            let mut out = Writer::new(scheme, "INSERT INTO ");
            out.insert(table, columns, rows)?;
            Ok(out.sql)
        }
        Change::Upsert { table, keys, columns, rows } => {
            let mut out = Writer::new(scheme, "INSERT INTO ");
            out.insert(table, columns, rows)?;
            upsert_tail(&mut out, keys, columns)?;
            Ok(out.sql)
        }
        Change::Update { table, set, filter } => {
            let mut out = Writer::new(scheme, "UPDATE ");
            out.name(table)?;
            for (index, (column, value)) in set.into_iter().enumerate() {
                out.sql.text.push_str(if index == 0 { " SET " } else { "," });
                out.name(column)?;
                out.sql.text.push('=');
                out.value(value);
            }
            out.filter(&filter)?;
            Ok(out.sql)
        }
        Change::Delete { table, filter } => {
            let mut out = Writer::new(scheme, "DELETE FROM ");
            out.name(table)?;
            out.filter(&filter)?;
            Ok(out.sql)
        }
    }
}

fn upsert_tail(out: &mut Writer, keys: &[&str], columns: &[&str]) -> Result<(), Error> {
    if out.scheme == Scheme::Mysql {
        out.sql.text.push_str(" ON DUPLICATE KEY UPDATE ");
    } else {
        out.sql.text.push_str(" ON CONFLICT (");
        out.names(keys)?;
        out.sql.text.push_str(") DO UPDATE SET ");
    }
    let mut first = true;
    for column in columns.iter().filter(|column| !keys.contains(column)) {
        if !std::mem::take(&mut first) {
            out.sql.text.push(',');
        }
        out.name(column)?;
        out.sql.text.push('=');
        if out.scheme == Scheme::Mysql {
            out.sql.text.push_str("VALUES(");
            out.name(column)?;
            out.sql.text.push(')');
        } else {
            out.sql.text.push_str("excluded.");
            out.name(column)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects() {
        let filter = [Filter::equal("username", "bob"), Filter::equal("domain", Value::Null)];
        let question =
            Select { table: "location", columns: &["ruid"], filter: &filter, order: Some("q"), limit: Some(3) };
        let sql = select(Scheme::Postgres, &question).unwrap();
        assert_eq!(
            sql.text,
            r#"SELECT "ruid" FROM "location" WHERE "username"=$1 AND "domain" IS NULL ORDER BY "q" LIMIT 3"#
        );
        assert_eq!(sql.values, [Value::Text("bob".into())]);
        let rows = vec![vec![Value::Int(1), Value::Null]];
        let upsert = Change::Upsert { table: "t", keys: &["a"], columns: &["a", "b"], rows };
        assert_eq!(
            change(Scheme::Mysql, upsert.clone()).unwrap().text,
            "INSERT INTO `t` (`a`,`b`) VALUES (?,NULL) ON DUPLICATE KEY UPDATE `b`=VALUES(`b`)"
        );
        assert_eq!(
            change(Scheme::Sqlite, upsert).unwrap().text,
            r#"INSERT INTO "t" ("a","b") VALUES (?,NULL) ON CONFLICT ("a") DO UPDATE SET "b"=excluded."b""#
        );
    }

    #[test]
    fn many_rows_for_postgresql_are_arrays() {
        let text = |text: &str| Value::from(text);
        let insert = |rows| Change::Insert { table: "t", columns: &["a", "b", "c"], rows };
        let sql = change(
            Scheme::Postgres,
            insert(vec![vec![text("x"), Value::Null, Value::Null], vec![text("y"), Value::Null, Value::Int(1)]]),
        )
        .unwrap();
        let expected = r#"INSERT INTO "t" ("a","b","c") SELECT c1,NULL,c2 FROM UNNEST($1,$2) AS r(c1,c2)"#;
        assert_eq!(sql.text, expected);
        assert_eq!(sql.columns, [vec![text("x"), text("y")], vec![Value::Null, Value::Int(1)]]);
        // A column with values of two kinds is no array.
        let rows = vec![vec![text("x"), Value::Null, Value::Null], vec![Value::Int(1), Value::Null, Value::Null]];
        let sql = change(Scheme::Postgres, insert(rows)).unwrap();
        assert_eq!(sql.text, r#"INSERT INTO "t" ("a","b","c") VALUES ($1,NULL,NULL),($2,NULL,NULL)"#);
    }

    #[test]
    fn names_cannot_carry_sql() {
        let delete = Change::Delete { table: "t\"; DROP TABLE t; --", filter: Vec::new() };
        assert!(change(Scheme::Sqlite, delete).is_err());
    }
}
