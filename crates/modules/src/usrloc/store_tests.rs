//! Tests of what is in the database, with a SQLite file.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use database::{Database, Options, Url};
use testkit::Bench;

use super::tables::{LOCATION, LOCATION_ATTRS};
use super::{Contact, Editor, Usrloc};

/// When the clock of a bench starts.
const START: u32 = 1_767_225_600;

/// A database in a file that goes when the test ends, and a look into it.
struct File {
    path: PathBuf,
    database: Database,
    runtime: tokio::runtime::Runtime,
}

impl File {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("olelo-usrloc-{}-{number}.sqlite", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let url = Url::parse(&format!("sqlite://{}", path.display())).unwrap();
        let database = Database::new(url, Options { create: true, ..Options::default() });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(database.create(&[&LOCATION, &LOCATION_ATTRS])).unwrap();
        Self { path, database, runtime }
    }

    fn run(&self, statement: &str) {
        self.runtime.block_on(self.database.raw(statement)).unwrap();
    }

    /// The rows, each as `cell|cell`.
    fn rows(&self, query: &str) -> Vec<String> {
        let found = self.runtime.block_on(self.database.raw(query)).unwrap();
        let text = |row: &Vec<database::Value>| {
            row.iter().map(|cell| cell.to_text().unwrap_or("NULL".into()).into_owned()).collect::<Vec<_>>().join("|")
        };
        found.rows.rows.iter().map(text).collect()
    }

    fn bench(&self, mode: u8, params: &str) -> (Bench, Arc<Usrloc>) {
        let config = format!(
            "loadmodule \"db_sqlite\"\nloadmodule \"usrloc\"\nmodparam(\"usrloc\", \"db_url\", \"sqlite://{}\")\n\
             modparam(\"usrloc\", \"db_mode\", {mode})\nmodparam(\"usrloc\", \"preload\", \"location\")\n{params}\n\
             request_route {{ exit; }}",
            self.path.display()
        );
        let bench = Bench::new(&config, crate::MODULES).unwrap();
        let usrloc = bench.loaded().modules.get::<Usrloc>().unwrap();
        (bench, usrloc)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", self.path.display()));
        }
    }
}

fn contact(me: &Usrloc, uri: &str) -> Contact {
    Contact {
        uri: uri.into(),
        call_id: "id".into(),
        ruid: me.unique_id("uloc"),
        expires: START + 10_000,
        modified: START,
        ..Contact::default()
    }
}

/// Adds the contact, changes or removes it.
fn put(editor: &mut Editor<'_>, new: Contact, keep: bool) {
    match (editor.find(&new), keep) {
        (Some(at), true) => editor.update(at, new),
        (Some(at), false) => editor.remove(at),
        (None, true) => editor.insert(new),
        (None, false) => {}
    }
}

/// Runs all at once, and lets the clock go on afterwards.
fn run_all(bench: &Bench, tasks: impl IntoIterator<Item = engine::BoxFuture<'static, ()>>) {
    for task in tasks {
        bench.loaded().core.spawn(task);
    }
    bench.advance(Duration::from_millis(1));
}

#[test]
fn the_last_word_in_memory_is_the_last_word_in_the_database() {
    for mode in [1, 3] {
        let file = File::new();
        let (bench, me) = file.bench(mode, "");
        let table = me.table("location");
        let task = |number: u32| {
            let (me, table) = (me.clone(), table.clone());
            let task: engine::BoxFuture<'static, ()> = Box::pin(async move {
                let new = Contact { cseq: number, ..contact(&me, &format!("sip:{}", number % 3)) };
                // Some wait before: then others are faster.
                for _ in 0..number % 7 {
                    tokio::task::yield_now().await;
                }
                me.change(&table, b"bob", false, |editor| put(editor, new, !number.is_multiple_of(5))).await.unwrap();
            });
            task
        };
        run_all(&bench, (1..200).map(task));
        let there = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let (told, of, from) = (there.clone(), me.clone(), table.clone());
        let look = Box::pin(async move { *told.lock() = of.all_contacts(&from, b"bob").await.unwrap() });
        run_all(&bench, [look as engine::BoxFuture<'static, ()>]);
        let mut known: Vec<String> =
            there.lock().iter().map(|it| format!("{}|{}|{}", it.uri, it.cseq, it.ruid)).collect();
        known.sort();
        assert!(!known.is_empty());
        assert_eq!(file.rows("SELECT contact, cseq, ruid FROM location ORDER BY contact"), known, "mode {mode}");
    }
}

#[test]
fn many_are_written_and_read_again() {
    const COUNT: usize = 5_300;
    let file = File::new();
    let (bench, me) = file.bench(2, "modparam(\"usrloc\", \"timer_interval\", 5)");
    let table = me.table("location");
    for number in 0..COUNT {
        let new = contact(&me, &format!("sip:{number}"));
        table.edit(format!("user{number}").as_bytes(), |editor| editor.insert(new));
    }
    assert_eq!(file.rows("SELECT count(*) FROM location"), ["0"]);
    bench.advance(Duration::from_secs(6));
    assert_eq!(file.rows("SELECT count(*) FROM location"), [COUNT.to_string()]);
    for number in 0..1_200 {
        table.edit(format!("user{number}").as_bytes(), |editor| editor.clear());
    }
    bench.advance(Duration::from_secs(6));
    drop((bench, table, me));
    let (_bench, me) = file.bench(2, "modparam(\"usrloc\", \"fetch_rows\", 100)");
    let table = me.table("location");
    assert_eq!((table.contacts(), table.users()), (COUNT as i64 - 1_200, COUNT as i64 - 1_200));
    let found = table.all_contacts_of(b"user5000").unwrap();
    assert_eq!((&*found[0].uri, found[0].stage.name()), (&b"sip:5000"[..], "CS_SYNC"));
}

#[test]
fn one_that_is_refused_keeps_nobody_out() {
    let file = File::new();
    file.run("CREATE UNIQUE INDEX picky ON location (username)");
    file.run("INSERT INTO location (ruid, username, contact) VALUES ('other', 'bad', 'sip:other')");
    let (bench, me) =
        file.bench(2, "modparam(\"usrloc\", \"timer_interval\", 5)\nmodparam(\"usrloc\", \"db_load\", 0)");
    let table = me.table("location");
    for name in ["a", "b", "bad", "c", "d"] {
        let new = contact(&me, &format!("sip:{name}"));
        table.edit(name.as_bytes(), |editor| editor.insert(new));
    }
    bench.advance(Duration::from_secs(6));
    let rows = || file.rows("SELECT username, contact FROM location ORDER BY username");
    assert_eq!(rows(), ["a|sip:a", "b|sip:b", "bad|sip:other", "c|sip:c", "d|sip:d"]);
    let refused = || bench.log().iter().filter(|line| line.contains("refuses contact sip:bad of bad")).count();
    assert_eq!(refused(), 1);
    bench.advance(Duration::from_secs(20));
    assert_eq!(refused(), 0, "it is not tried again and again");
    file.run("DELETE FROM location WHERE ruid = 'other'");
    bench.rpc("ul.flush", &[]).unwrap();
    assert_eq!(rows(), ["a|sip:a", "b|sip:b", "bad|sip:bad", "c|sip:c", "d|sip:d"]);
}

#[test]
fn of_two_rows_of_one_binding_the_newer_one_counts() {
    let file = File::new();
    for (ruid, uri, modified) in [("r1", "sip:a", 2_461_000), ("r2", "sip:a", 2_461_001), ("r3", "sip:b", 2_460_000)] {
        file.run(&format!(
            "INSERT INTO location (ruid, username, contact, expires, q, callid, cseq, last_modified) \
             VALUES ('{ruid}', 'bob', '{uri}', 2480000, -1.0, 'c', 1, {modified})"
        ));
    }
    let (bench, me) = file.bench(1, "modparam(\"usrloc\", \"timer_interval\", 5)");
    let ruids = || -> Vec<String> {
        let found = me.table("location").all_contacts_of(b"bob").unwrap_or_default();
        found.iter().map(|contact| contact.ruid.to_string()).collect()
    };
    assert_eq!(ruids(), ["r3", "r2"]);
    bench.advance(Duration::from_secs(6));
    assert_eq!(file.rows("SELECT ruid FROM location ORDER BY ruid"), ["r2", "r3"]);
}

#[test]
fn a_server_does_not_start_without_its_table() {
    let file = File::new();
    let fails = |statement: &str, wanted: &str| {
        file.run(statement);
        let config = format!(
            "loadmodule \"db_sqlite\"\nloadmodule \"usrloc\"\nmodparam(\"usrloc\", \"db_url\", \"sqlite://{}\")\n\
             modparam(\"usrloc\", \"db_mode\", 1)\nmodparam(\"usrloc\", \"preload\", \"location\")\nrequest_route {{ exit; }}",
            file.path.display()
        );
        let error = Bench::new(&config, crate::MODULES).err().unwrap();
        assert!(error.contains(wanted), "{error}");
    };
    fails("UPDATE version SET table_version = 8 WHERE table_name = 'location'", "version 8, 9 is needed");
    drop(file.bench(1, "modparam(\"usrloc\", \"version_table\", 0)"));
    file.run("UPDATE version SET table_version = 9 WHERE table_name = 'location'");
    fails("DROP TABLE location", "no such table");
}
