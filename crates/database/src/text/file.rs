//! The text of a table: a line with its columns, `id(int,auto) name(string) domain(string,null)`, then a line per row.

use std::fmt::Write as _;

use crate::Error;
use crate::table::{Kind, TableDef};
use crate::value::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Int,
    Double,
    Text,
    Blob,
}

#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Type,
    null: bool,
    auto: bool,
}

#[derive(Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Value>>,
    next: i64,
}

/// The first line of a table that is created.
pub(super) fn header(table: &TableDef) -> String {
    let mut line = String::new();
    for column in table.columns {
        let kind = match column.kind {
            Kind::Id => "int,auto",
            // Dates are seconds here, as in Kamailio's own text tables.
            Kind::Int | Kind::Unsigned | Kind::Small | Kind::Time => "int",
            Kind::Float(_) => "double",
            Kind::Text(_) => "string",
        };
        let _ = write!(line, "{}({kind}{}) ", column.name, if column.null { ",null" } else { "" });
    }
    line.push('\n');
    line
}

impl Table {
    pub(super) fn parse(text: &str, delimiter: char, empty_is_null: bool) -> Result<Self, String> {
        let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let columns = lines
            .next()
            .unwrap_or_default()
            .split_ascii_whitespace()
            .map(parse_column)
            .collect::<Result<Vec<_>, _>>()?;
        if columns.is_empty() {
            return Err("the first line names no columns".into());
        }
        let mut table = Self { columns, rows: Vec::new(), next: 1 };
        for (number, line) in lines.enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let row = table.parse_row(line, delimiter, empty_is_null);
            let row = row.map_err(|problem| format!("line {}: {problem}", number + 2))?;
            table.keep(row);
        }
        Ok(table)
    }

    fn parse_row(&self, line: &str, delimiter: char, empty_is_null: bool) -> Result<Vec<Value>, String> {
        let cells = split(line, delimiter);
        if cells.len() != self.columns.len() {
            return Err(format!("{} cells for {} columns", cells.len(), self.columns.len()));
        }
        let cells = self.columns.iter().zip(cells);
        cells.map(|(column, cell)| column.read(cell, empty_is_null)).collect()
    }

    fn keep(&mut self, row: Vec<Value>) {
        if let Some(auto) = self.columns.iter().position(|column| column.auto) {
            self.next = self.next.max(row[auto].to_int().unwrap_or(0).saturating_add(1));
        }
        self.rows.push(row);
    }

    pub(super) fn print(&self, delimiter: char) -> String {
        let mut out = String::new();
        for column in &self.columns {
            let kind = match column.kind {
                Type::Int => "int",
                Type::Double => "double",
                Type::Text => "string",
                Type::Blob => "blob",
            };
            let auto = if column.auto { ",auto" } else { "" };
            let null = if column.null { ",null" } else { "" };
            let _ = write!(out, "{}({kind}{auto}{null}) ", column.name);
        }
        out.push('\n');
        for row in &self.rows {
            for (index, cell) in row.iter().enumerate() {
                if index > 0 {
                    out.push(delimiter);
                }
                escape(&mut out, cell, delimiter);
            }
            out.push('\n');
        }
        out
    }

    pub(super) fn index(&self, name: &str) -> Result<usize, Error> {
        let found = self.columns.iter().position(|column| column.name == name);
        found.ok_or_else(|| Error::Refused(format!("no column `{name}`")))
    }

    pub(super) fn insert(&mut self, columns: &[&str], values: Vec<Value>) -> Result<(), Error> {
        let mut row: Vec<Value> = self
            .columns
            .iter()
            .map(|column| match column.kind {
                _ if column.auto => Value::Int(self.next),
                _ if column.null => Value::Null,
                Type::Int => Value::Int(0),
                Type::Double => Value::Double(0.0),
                Type::Text | Type::Blob => Value::Text(String::new()),
            })
            .collect();
        for (name, value) in columns.iter().zip(values) {
            let index = self.index(name)?;
            row[index] = self.columns[index].take(value)?;
        }
        self.keep(row);
        Ok(())
    }

    pub(super) fn set(&mut self, row: usize, name: &str, value: Value) -> Result<(), Error> {
        let index = self.index(name)?;
        self.rows[row][index] = self.columns[index].take(value)?;
        Ok(())
    }
}

impl Column {
    fn read(&self, cell: Cell, empty_is_null: bool) -> Result<Value, String> {
        let text = match cell {
            Cell::Null => return Ok(Value::Null),
            Cell::Text(text) => text,
        };
        if text.is_empty() {
            return Ok(match self.kind {
                _ if self.null && (empty_is_null || !matches!(self.kind, Type::Text | Type::Blob)) => Value::Null,
                Type::Int => Value::Int(0),
                Type::Double => Value::Double(0.0),
                Type::Text | Type::Blob => Value::Text(text),
            });
        }
        match self.kind {
            Type::Int => text.trim().parse().map(Value::Int).map_err(|_| format!("`{text}` is no number")),
            Type::Double => text.trim().parse().map(Value::Double).map_err(|_| format!("`{text}` is no number")),
            Type::Text | Type::Blob => Ok(Value::Text(text)),
        }
    }

    /// A value as this column keeps it.
    fn take(&self, value: Value) -> Result<Value, Error> {
        let wrong = || Error::Refused(format!("column `{}` takes no such value", self.name));
        if value.is_null() {
            return if self.null { Ok(value) } else { Err(wrong()) };
        }
        match self.kind {
            Type::Int => value.to_int().map(Value::Int).ok_or_else(wrong),
            Type::Double => value.to_double().map(Value::Double).ok_or_else(wrong),
            Type::Text | Type::Blob => Ok(Value::Text(value.to_text().ok_or_else(wrong)?.into_owned())),
        }
    }
}

fn parse_column(text: &str) -> Result<Column, String> {
    let wrong = || format!("`{text}` is no column: `name(type)` is one");
    let (name, rest) = text.split_once('(').ok_or_else(wrong)?;
    let mut words = rest.strip_suffix(')').ok_or_else(wrong)?.split(',');
    let kind = match words.next().unwrap_or_default() {
        "int" => Type::Int,
        "double" => Type::Double,
        "string" | "str" => Type::Text,
        "blob" => Type::Blob,
        other => return Err(format!("column `{name}`: no type `{other}`: int, double, string and blob are")),
    };
    let (mut null, mut auto) = (false, false);
    for word in words {
        match word {
            "null" => null = true,
            "auto" => auto = true,
            other => return Err(format!("column `{name}`: no attribute `{other}`: null and auto are")),
        }
    }
    Ok(Column { name: name.to_owned(), kind, null, auto })
}

enum Cell {
    Null,
    Text(String),
}

/// Cells of a line; `\n`, `\r`, `\t`, `\0` (null) and the escaped delimiter are resolved.
fn split(line: &str, delimiter: char) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut null = false;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => cell.push('\n'),
                Some('r') => cell.push('\r'),
                Some('t') => cell.push('\t'),
                Some('0') => null = true,
                Some(other) => cell.push(other),
                None => cell.push('\\'),
            },
            _ if character == delimiter => {
                let text = std::mem::take(&mut cell);
                cells.push(if std::mem::take(&mut null) && text.is_empty() { Cell::Null } else { Cell::Text(text) });
            }
            _ => cell.push(character),
        }
    }
    cells.push(if null && cell.is_empty() { Cell::Null } else { Cell::Text(cell) });
    cells
}

fn escape(out: &mut String, cell: &Value, delimiter: char) {
    let Some(text) = cell.to_text() else {
        out.push_str("\\0");
        return;
    };
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            _ => {
                if character == delimiter {
                    out.push('\\');
                }
                out.push(character);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let text = "id(int,auto) name(string) note(string,null) q(double) \n1:bob:\\0:1.5\n2:a\\:b::0\n";
        let mut table = Table::parse(text, ':', false).unwrap();
        assert_eq!(table.rows[0][2], Value::Null);
        assert_eq!(table.rows[1][1], Value::Text("a:b".into()));
        table.insert(&["name"], vec![Value::Text("x\ny\\".into())]).unwrap();
        assert_eq!(table.rows[2][0], Value::Int(3));
        let printed = table.print(':');
        assert_eq!(Table::parse(&printed, ':', false).unwrap().rows, table.rows);
        assert!(printed.starts_with(text));
    }

    #[test]
    fn mistakes_have_a_line() {
        let error = Table::parse("id(int)\n1\nx\n", ':', false).unwrap_err();
        assert_eq!(error, "line 3: `x` is no number");
        assert!(Table::parse("id(float)\n", ':', false).unwrap_err().contains("no type `float`"));
        assert!(Table::parse("", ':', false).is_err());
    }
}
