//! `$shv(name)`: variables that all messages share.

use std::sync::Arc;

use engine::{Str, Value};
use hashbrown::HashMap;
use parking_lot::RwLock;

/// A shared variable: whoever has the handle reads and writes without looking the name up again.
pub type SharedVariable = Arc<RwLock<Value>>;

/// All shared variables by name. The lock of the table is held only to find a handle.
#[derive(Default)]
pub struct SharedVariables {
    table: RwLock<Table>,
}

#[derive(Default)]
struct Table {
    by_name: HashMap<Str, SharedVariable>,
    /// In the order of their first use.
    names: Vec<Str>,
}

impl SharedVariables {
    /// Names that scripts make up while running (`$shv($var(x))`) are bounded by this number.
    const MOST: usize = 65_536;

    /// The variable of a name; made with the value 0 when there is none. `None`: there are too many.
    pub fn named(&self, name: &Str) -> Option<SharedVariable> {
        if let Some(variable) = self.find(name) {
            return Some(variable);
        }
        let mut table = self.table.write();
        let Table { by_name, names } = &mut *table;
        if by_name.len() >= Self::MOST && !by_name.contains_key(name) {
            return None;
        }
        let variable = by_name.entry(name.clone()).or_insert_with(|| {
            names.push(name.clone());
            Arc::new(RwLock::new(Value::Int(0)))
        });
        Some(variable.clone())
    }

    /// The variable of a name, if there is one.
    pub fn find(&self, name: &[u8]) -> Option<SharedVariable> {
        self.table.read().by_name.get(name).cloned()
    }

    /// All variables with their values, the newest first.
    pub fn all(&self) -> Vec<(Str, Value)> {
        let table = self.table.read();
        let value = |name: &Str| table.by_name.get(&**name).map(|variable| variable.read().clone());
        table.names.iter().rev().filter_map(|name| Some((name.clone(), value(name)?))).collect()
    }
}
