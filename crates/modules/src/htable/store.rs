//! Tables and the database: loaded at the start and by `htable.reload`, written by `htable.store` and at the end.

use database::{Change, Database, Rows, Select};
use engine::{Core, DbName, Value};
use hashbrown::{HashMap, HashSet};

use super::params::HtableParams;
use super::table::{Lifetime, Table};

/// So many rows are written with one statement.
const ROWS: usize = 500;

/// What stands for `NULL` where several columns become one value.
const NULL: &str = "*";

/// The database and how its tables are laid out.
pub(super) struct Store {
    pub(super) database: Database,
    key_name: DbName,
    key_type: DbName,
    value_type: DbName,
    key_value: DbName,
    expires: DbName,
    with_expires: bool,
    suffix: String,
}

/// An item that was loaded.
struct Loaded {
    key: String,
    value: Value,
    lifetime: Lifetime,
}

impl Store {
    pub(super) fn new(database: Database, params: &HtableParams) -> Self {
        Self {
            database,
            key_name: params.key_name_column.clone(),
            key_type: params.key_type_column.clone(),
            value_type: params.value_type_column.clone(),
            key_value: params.key_value_column.clone(),
            expires: params.expires_column.clone(),
            with_expires: params.db_expires,
            suffix: params.array_size_suffix.clone(),
        }
    }

    /// Makes a table's items those of its database table. What is in both is never missing in between.
    pub(super) async fn load(&self, core: &Core, table: &Table) -> Result<(), String> {
        let definition = &table.definition;
        let name = definition.dbtable.to_text();
        let own: Vec<_> = definition.columns.iter().map(|column| column.to_text()).collect();
        let mut columns: Vec<&str> = own.iter().map(|column| &**column).collect();
        if columns.is_empty() {
            columns.extend([&*self.key_name, &*self.key_type, &*self.value_type, &*self.key_value]);
            if self.with_expires {
                columns.push(&self.expires);
            }
        }
        let select = Select { table: &name, columns: &columns, ..Select::default() };
        let rows = self.database.select(&select).await.map_err(|error| error.to_string())?;
        let now = core.unix_time();
        let items = if own.is_empty() { self.items(core, table, rows, now) } else { packed(rows) };
        let mut kept: HashSet<String> = HashSet::with_capacity(items.len());
        for item in items {
            table
                .set(item.key.as_bytes(), item.value, item.lifetime, now)
                .map_err(|full| engine::ScriptError::from(full).message)?;
            kept.insert(item.key);
        }
        table.remove_where(|key, _| !std::str::from_utf8(key).is_ok_and(|key| kept.contains(key)));
        Ok(())
    }

    /// The items in rows of the usual layout.
    fn items(&self, core: &Core, table: &Table, rows: Rows, now: i64) -> Vec<Loaded> {
        let mut items = Vec::with_capacity(rows.rows.len());
        let mut arrays: HashMap<String, i64> = HashMap::new();
        for row in rows.rows {
            let [name, kind, value_type, value, rest @ ..] = row.as_slice() else { continue };
            let Some(name) = name.to_text() else { continue };
            let end = rest.first().and_then(database::Value::to_int).unwrap_or(0);
            if end != 0 && end <= now && table.definition.autoexpire > 0 {
                continue;
            }
            let lifetime = Lifetime::Seconds(if end == 0 { 0 } else { end - now });
            let value = match value_type.to_int() {
                Some(1) => {
                    let number = value.to_int().unwrap_or_else(|| {
                        let table = table.name();
                        engine::log!(core.log, Warning, "htable `{table}`: the number `{name}` is none: 0");
                        0
                    });
                    Value::Int(number)
                }
                _ => Value::from(value.to_text().unwrap_or_default().into_owned()),
            };
            let key = if kind.to_int() == Some(1) {
                let next = arrays.entry(name.clone().into_owned()).or_default();
                *next += 1;
                format!("{name}[{}]", *next - 1)
            } else {
                name.into_owned()
            };
            items.push(Loaded { key, value, lifetime });
        }
        items.extend(arrays.into_iter().map(|(name, count)| Loaded {
            key: format!("{name}{}", self.suffix),
            value: Value::Int(count),
            lifetime: Lifetime::Seconds(0),
        }));
        items
    }

    /// Makes the rows of a table's database table its items: all of it, or none.
    pub(super) async fn save(&self, core: &Core, table: &Table) -> Result<(), String> {
        let name = table.definition.dbtable.to_text();
        let now = table.now(core);
        let mut columns = vec![&*self.key_name, &*self.key_type, &*self.value_type, &*self.key_value];
        if self.with_expires {
            columns.push(&self.expires);
        }
        let mut rows = Vec::new();
        for at in 0..table.shard_count() {
            rows.extend(table.shard_items(at, now).into_iter().map(|item| {
                let (kind, value) = match &item.value {
                    Value::Int(number) => (1, database::Value::from(number.to_string())),
                    value => (0, database::Value::text(&value.to_str())),
                };
                let mut row = vec![database::Value::text(&item.key), 0.into(), kind.into(), value];
                if self.with_expires {
                    row.push(item.expires.into());
                }
                row
            }));
        }
        let mut changes = vec![Change::Delete { table: &name, filter: Vec::new() }];
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(ROWS));
            changes.push(Change::Insert { table: &name, columns: &columns, rows: std::mem::replace(&mut rows, rest) });
        }
        self.database.apply(changes).await.map(drop).map_err(|error| error.to_string())
    }
}

/// The items in rows of which the first column is the key and all further ones are the value.
fn packed(rows: Rows) -> Vec<Loaded> {
    let item = |row: Vec<database::Value>| {
        let (key, values) = row.split_first()?;
        let values: Vec<_> = values.iter().map(|value| value.to_text().unwrap_or(NULL.into())).collect();
        let value = Value::from(values.join(","));
        Some(Loaded { key: key.to_text()?.into_owned(), value, lifetime: Lifetime::Seconds(0) })
    };
    rows.rows.into_iter().filter_map(item).collect()
}
