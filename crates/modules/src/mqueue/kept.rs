//! Queues that a table keeps over a restart.

use database::{Change, Database, Error, Select, Value};
use engine::Str;

use super::queue::{Item, Queue};

const COLUMNS: [&str; 2] = ["key", "val"];

/// How many rows are written with one statement.
const ROWS: usize = 500;

/// Adds the rows of the queue's table, in their order.
pub(super) async fn load(database: &Database, queue: &Queue) -> Result<(), Error> {
    let select = Select { table: &queue.name, columns: &COLUMNS, order: Some("id"), ..Select::default() };
    for row in database.select(&select).await?.rows {
        let text = |at: usize| Str::from(row.get(at).and_then(Value::to_text).unwrap_or_default().as_bytes());
        queue.add(Item { key: text(0), value: text(1) });
    }
    Ok(())
}

/// Puts the items of the queue in the place of the rows of its table.
pub(super) async fn store(database: &Database, queue: &Queue) -> Result<(), Error> {
    let items = queue.all();
    let row = |item: &Item| vec![Value::text(&item.key), Value::text(&item.value)];
    let insert = |items: &[Item]| Change::Insert {
        table: &queue.name,
        columns: &COLUMNS,
        rows: items.iter().map(row).collect(),
    };
    let mut changes = vec![Change::Delete { table: &queue.name, filter: Vec::new() }];
    changes.extend(items.chunks(ROWS).map(insert));
    database.apply(changes).await.map(drop)
}

#[cfg(test)]
mod tests {
    use database::{Options, Url};

    use super::super::queue::Mode;
    use super::*;

    fn queue() -> Queue {
        Queue::new("calls", 0, Mode::All)
    }

    #[tokio::test]
    async fn over_a_restart() {
        let file = std::env::temp_dir().join(format!("olelo-mqueue-{}.sqlite", std::process::id()));
        let _ = std::fs::remove_file(&file);
        let url = Url::parse(&format!("sqlite://{}", file.display())).unwrap();
        let database = Database::new(url, Options { create: true, ..Options::default() });
        database
            .raw("CREATE TABLE calls (id INTEGER PRIMARY KEY AUTOINCREMENT, key VARCHAR(64), val VARCHAR(4096))")
            .await
            .unwrap();
        let first = queue();
        for number in 0..1200 {
            first.add(Item { key: Str::from(format!("k{number}")), value: Str::from("v") });
        }
        store(&database, &first).await.unwrap();
        first.fetch();
        store(&database, &first).await.unwrap();
        let second = queue();
        load(&database, &second).await.unwrap();
        assert_eq!(second.all(), first.all());
        assert_eq!(second.len(), 1199);
        assert!(load(&database, &Queue::new("none", 0, Mode::All)).await.is_err());
        database.close().await;
        let _ = std::fs::remove_file(&file);
    }
}
