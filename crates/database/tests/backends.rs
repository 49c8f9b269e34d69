//! The same questions to every kind of database. SQLite and text tables are files; servers are those whose URLs stand in
//! the variable `OLELO_TEST_DATABASES`, between blanks (`cargo xtask test` starts some).
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use database::{
    Change, ColumnDef, Common, Database, Databases, Difference, Error, Event, Filter, Kind, Operator, Options, Scheme,
    Select, TableDef, Url, Value,
};

const COLUMNS: &[ColumnDef] = &[
    ColumnDef::ID,
    ColumnDef::text("name", 64),
    ColumnDef::new("note", Kind::Text(200)).nullable(),
    ColumnDef::int("count"),
    ColumnDef::new("port", Kind::Small).or("0"),
    ColumnDef::new("q", Kind::Float(2)).or("1.0"),
    ColumnDef::new("at", Kind::Time).or("'2000-01-01 00:00:01'"),
];

/// Tests run side by side: each has a table of its own.
const fn things(name: &'static str) -> TableDef {
    TableDef {
        name,
        version: 3,
        columns: COLUMNS,
        unique: &[("name_idx", &["name"])],
        indexes: &[("count_idx", &["count"])],
    }
}

fn options() -> Options {
    Options { create: true, ..Options::default() }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs `test` for every database, on an empty table.
fn for_each(name: &'static str, test: impl AsyncFn(&Database, &TableDef)) {
    let table = things(name);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    let mut urls = vec![format!("sqlite://{path}/k.sqlite"), format!("text://{path}/text")];
    let servers = std::env::var("OLELO_TEST_DATABASES").unwrap_or_default();
    urls.extend(servers.split_whitespace().map(str::to_owned));
    for url in urls {
        println!("{}", Url::parse(&url).unwrap());
        runtime().block_on(async {
            let database = Database::new(Url::parse(&url).unwrap(), options());
            if database.difference(&table).await.unwrap() != Difference::Missing {
                database.raw(&format!("DROP TABLE {name}")).await.unwrap();
            }
            database.create(&[&table]).await.unwrap();
            test(&database, &table).await;
            database.close().await;
        });
    }
}

fn row(name: &str, count: i64) -> Vec<Value> {
    vec![Value::from(name), Value::Int(count)]
}

#[test]
fn rows_come_back_as_they_went() {
    for_each("test_rows", async |database, table| {
        let at = 1_900_000_000;
        let columns = ["name", "note", "count", "port", "q", "at"];
        let injection = "'; DROP TABLE test_rows; --\\";
        let moment = if database.url().scheme == Scheme::Text { Value::Int(at) } else { Value::Time(at) };
        let values =
            vec![Value::from(injection), Value::Null, Value::Int(-5), Value::Int(5060), Value::Double(0.5), moment];
        database.insert(table.name, &columns, values.clone()).await.unwrap();
        let filter = [Filter::equal("name", injection)];
        let row = database.first(table.name, &columns, &filter).await.unwrap().unwrap();
        assert_eq!(row[..5], values[..5]);
        assert_eq!(row[5].to_time(), Some(at));
        // What is not given has its default.
        database.insert(table.name, &["name"], vec![Value::from("bob")]).await.unwrap();
        let row = database.first(table.name, &["note", "count"], &[Filter::equal("name", "bob")]).await.unwrap();
        assert_eq!(row, Some(vec![Value::Null, Value::Int(0)]));
    });
}

#[test]
fn changes_are_all_or_none() {
    for_each("test_changes", async |database, table| {
        let table = table.name;
        let insert = |rows| Change::Insert { table, columns: &["name", "count"], rows };
        let changes = vec![insert(vec![row("a", 1), row("b", 2)]), insert(vec![row("c", 3)])];
        assert_eq!(database.apply(changes).await.unwrap(), [2, 1]);
        if database.url().scheme != Scheme::Text {
            let twice = database.apply(vec![insert(vec![row("d", 4)]), insert(vec![row("a", 9)])]).await;
            assert!(matches!(twice, Err(Error::Duplicate(_))), "{twice:?}");
        }
        let rows = vec![row("a", 10), row("e", 5)];
        let upsert = Change::Upsert { table, keys: &["name"], columns: &["name", "count"], rows };
        let more_than_4 = Filter { column: "count", operator: Operator::Greater, value: Value::Int(4) };
        let set = vec![("note", Value::from("x")), ("count", Value::Int(7))];
        let update = Change::Update { table, set, filter: vec![more_than_4] };
        let delete = Change::Delete { table, filter: vec![Filter::equal("name", "b")] };
        let done = database.apply(vec![upsert, update, delete]).await.unwrap();
        assert_eq!(done[1..], [2, 1]);
        let columns = ["name", "note", "count"];
        let select = Select { table, columns: &columns, order: Some("name"), ..Select::default() };
        let rows = database.select(&select).await.unwrap();
        let line = |name: &str, note: Value, count| vec![Value::from(name), note, Value::Int(count)];
        assert_eq!(rows.columns, columns);
        let wanted = [line("a", Value::from("x"), 7), line("c", Value::Null, 3), line("e", Value::from("x"), 7)];
        assert_eq!(rows.rows, wanted);
    });
}

#[test]
fn conditions() {
    for_each("test_conditions", async |database, table| {
        let table = table.name;
        let rows = (1..=5).map(|count| row(&format!("n{count}"), count)).collect();
        database.apply(vec![Change::Insert { table, columns: &["name", "count"], rows }]).await.unwrap();
        for (operator, value, wanted) in [
            (Operator::Equal, Value::Int(3), 1),
            (Operator::NotEqual, Value::Int(3), 4),
            (Operator::Less, Value::Int(3), 2),
            (Operator::Greater, Value::Int(3), 2),
            (Operator::AtMost, Value::Int(3), 3),
            (Operator::AtLeast, Value::Int(3), 3),
            (Operator::Equal, Value::Null, 0),
            (Operator::NotEqual, Value::Null, 5),
        ] {
            let filter = [Filter { column: "count", operator, value }];
            let select = Select { table, filter: &filter, ..Select::default() };
            assert_eq!(database.select(&select).await.unwrap().rows.len(), wanted, "{operator:?}");
        }
        let select = Select { table, limit: Some(2), ..Select::default() };
        assert_eq!(database.select(&select).await.unwrap().rows.len(), 2);
    });
}

#[test]
fn statements_of_scripts() {
    for_each("test_statements", async |database, table| {
        if database.url().scheme == Scheme::Text {
            assert!(matches!(database.raw("SELECT 1").await, Err(Error::Refused(_))));
            return;
        }
        let insert = database.raw("INSERT INTO test_statements (name, count) VALUES ('bob', 3)").await.unwrap();
        assert_eq!((insert.affected, insert.rows.rows.len()), (1, 0));
        let select = database.raw("SELECT name, count + 1 AS more FROM test_statements").await.unwrap();
        assert_eq!(select.rows.columns, ["name", "more"]);
        assert_eq!(select.rows.rows, [vec![Value::from("bob"), Value::Int(4)]]);
        // A second statement never runs.
        let two = database.raw("SELECT 1; DROP TABLE test_statements").await;
        assert!(matches!(two, Err(Error::Refused(_))), "{two:?}");
        assert_eq!(database.difference(table).await.unwrap(), Difference::None);
        assert!(matches!(database.raw("SELEC 1").await, Err(Error::Refused(_))));
    });
}

#[test]
fn layouts_are_compared_and_mended() {
    for_each("test_layouts", async |database, table| {
        assert_eq!(database.difference(table).await.unwrap(), Difference::None);
        assert_eq!(database.check_version("test_layouts", 3).await, Ok(()));
        let problem = database.check_version("test_layouts", 4).await.unwrap_err();
        assert!(problem.contains("has version 3, 4 is needed"), "{problem}");
        if database.url().scheme == Scheme::Text {
            return;
        }
        database.raw("DROP TABLE test_layouts").await.unwrap();
        database.raw("CREATE TABLE test_layouts (id INTEGER, name VARCHAR(64))").await.unwrap();
        database.raw("INSERT INTO test_layouts VALUES (1, 'bob')").await.unwrap();
        let missing = vec!["note", "count", "port", "q", "at"];
        assert_eq!(database.difference(table).await.unwrap(), Difference::Columns(missing));
        assert!(database.upgrade(table).await.unwrap());
        assert!(!database.upgrade(table).await.unwrap());
        let row = database.first("test_layouts", &["name", "count"], &[]).await.unwrap();
        assert_eq!(row, Some(vec![Value::from("bob"), Value::Int(0)]));
    });
}

#[test]
fn a_slow_answer_ends_the_wait_and_not_the_database() {
    let servers = std::env::var("OLELO_TEST_DATABASES").unwrap_or_default();
    for url in servers.split_whitespace() {
        let sleep = if url.starts_with("mysql") { "SELECT SLEEP(30)" } else { "SELECT pg_sleep(30)" };
        runtime().block_on(async {
            let limit = Duration::from_millis(300);
            let database =
                Database::new(Url::parse(url).unwrap(), Options { query_limit: limit, ..Options::default() });
            assert_eq!(database.raw("SELECT 1").await.unwrap().rows.rows.len(), 1);
            assert!(matches!(database.raw(sleep).await, Err(Error::Timeout(..))));
            assert_eq!(database.raw("SELECT 1").await.unwrap().rows.rows.len(), 1);
        });
    }
}

#[test]
fn text_tables_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("text://{}", folder.path().display());
    let table = things("things");
    runtime().block_on(async {
        let database = Database::new(Url::parse(&url).unwrap(), options());
        database.create(&[&table]).await.unwrap();
        database.insert("things", &["name", "note"], vec![Value::from("a:b"), Value::from("x\ny")]).await.unwrap();
        database.close().await;
        let text = std::fs::read_to_string(folder.path().join("things")).unwrap();
        assert_eq!(text.lines().nth(1).unwrap(), "1:a\\:b:x\\ny:0:0:0:0");
        let again = Database::new(Url::parse(&url).unwrap(), options());
        let row = again.first("things", &["name", "note"], &[]).await.unwrap();
        assert_eq!(row, Some(vec![Value::from("a:b"), Value::from("x\ny")]));
    });
}

#[test]
fn a_database_that_is_not_there() {
    runtime().block_on(async {
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = events.clone();
        let listener = move |event: &Event| heard.lock().unwrap().push(event.clone());
        let databases = Databases::new(Common::new(Some(Box::new(listener))));
        assert!(databases.get("sqlite:///x").is_err_and(|error| error.0.contains("db_sqlite")));
        let short = Options { connect_limit: Duration::from_millis(200), ..Options::default() };
        databases.register(Scheme::Mysql, short);
        databases.register(Scheme::Sqlite, Options::default());
        for url in ["mysql://root:secret@127.0.0.1:1/k", "sqlite:///nowhere/at/all"] {
            let database = databases.get(url).unwrap();
            let error = database.raw("SELECT 1").await.unwrap_err();
            assert!(matches!(&error, Error::Unavailable(text) if !text.contains("secret")), "{error}");
            // The second question does not wait.
            assert_eq!(database.raw("SELECT 1").await.unwrap_err(), error);
        }
        assert_eq!(events.lock().unwrap().len(), 2);
    });
}

#[test]
fn versions_in_another_table_and_slow_answers() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("k.sqlite").display());
    runtime().block_on(async {
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = events.clone();
        let mut common = Common::new(Some(Box::new(move |event: &Event| heard.lock().unwrap().push(event.clone()))));
        common.version_table = "layouts".into();
        common.latency_limit = Some(Duration::ZERO);
        let databases = Databases::new(common);
        databases.register(Scheme::Sqlite, options());
        let database = databases.get(&url).unwrap();
        database.raw("CREATE TABLE layouts (table_name TEXT, table_version INT)").await.unwrap();
        database
            .insert("layouts", &["table_name", "table_version"], vec!["things".into(), Value::Int(3)])
            .await
            .unwrap();
        assert_eq!(database.check_version("things", 3).await, Ok(()));
        let events = events.lock().unwrap();
        let statements: Vec<&str> =
            events.iter().map(|event| if let Event::Slow(_, _, text) = event { text } else { "" }).collect();
        let expected = [
            "CREATE TABLE layouts (table_name TEXT, table_versi",
            "1 changes, the first of table layouts",
            "SELECT FROM layouts",
        ];
        assert_eq!(statements, expected);
    });
}
