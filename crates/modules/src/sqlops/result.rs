//! Answers, kept with the message.

use database::{Rows, Value as Cell};
use engine::Value;

/// What a message's queries were answered, by name.
#[derive(Default)]
pub(super) struct Results {
    rows: Vec<(String, Rows)>,
    /// Connection, and how many rows its last statement changed.
    affected: Vec<(String, u64)>,
}

impl Results {
    /// `None`: the name has no result any more.
    pub(super) fn set(&mut self, name: &str, rows: Option<Rows>) {
        self.rows.retain(|(known, _)| known != name);
        self.rows.extend(rows.map(|rows| (name.to_owned(), rows)));
    }

    pub(super) fn get(&self, name: &str) -> Option<&Rows> {
        self.rows.iter().find(|(known, _)| known == name).map(|(_, rows)| rows)
    }

    pub(super) fn set_affected(&mut self, connection: &str, count: u64) {
        match self.affected.iter_mut().find(|(known, _)| known == connection) {
            Some((_, old)) => *old = count,
            None => self.affected.push((connection.to_owned(), count)),
        }
    }

    pub(super) fn affected(&self, connection: &str) -> Option<u64> {
        self.affected.iter().find(|(known, _)| known == connection).map(|(_, count)| *count)
    }
}

/// A cell as a script sees it: dates are seconds since 1970, numbers with a fraction are text.
pub(crate) fn script_value(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Int(number) | Cell::Time(number) => Value::Int(*number),
        Cell::Double(number) => Value::from(number.to_string()),
        Cell::Text(text) => Value::from(text.as_str()),
        Cell::Blob(bytes) => Value::from(bytes.clone()),
    }
}
