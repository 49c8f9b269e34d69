//! `olelo db`: the tables of a database.

use std::process::ExitCode;

use database::{Database, Difference, Error, Options, Rows, Scheme, Select, TableDef, Url, Value};

use crate::arguments::{Db, DbTask};
use crate::offer::OFFER;
use crate::table;

/// Does what is asked; the exit code is 1 when something is wrong with the database, 2 when with the arguments.
#[allow(clippy::print_stderr)]
pub(crate) fn run(db: &Db) -> ExitCode {
    match with_runtime(task(&db.task)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs work that waits.
pub(crate) fn with_runtime<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(work)
}

/// A handle of the database at `url`; its file is made when it is missing.
pub(crate) fn open(url: &str, create: bool) -> Result<Database, String> {
    let url = Url::parse(url).map_err(|error| error.to_string())?;
    Ok(Database::new(url, Options { create, ..Options::default() }))
}

/// The tables of all modules, by name.
pub(crate) fn tables() -> Vec<&'static TableDef> {
    let mut tables: Vec<&TableDef> = OFFER.modules.iter().flat_map(|module| module.tables).copied().collect();
    tables.sort_by_key(|table| table.name);
    tables.dedup_by_key(|table| table.name);
    tables
}

async fn task(task: &DbTask) -> Result<ExitCode, String> {
    match task {
        DbTask::Create { url } => create(url).await,
        DbTask::Upgrade { url } => upgrade(url).await,
        DbTask::Show { url, table: None, json } => overview(url, *json).await,
        DbTask::Show { url, table: Some(name), json } => rows(url, name, *json).await,
        DbTask::Dump { url, to } => dump(url, to.as_deref()).await,
    }
}

async fn create(url: &str) -> Result<ExitCode, String> {
    let database = open(url, true)?;
    let created = match database.create(&tables()).await {
        Err(Error::Unavailable(problem)) if is_unknown_database(&problem) => {
            create_database(database.url()).await?;
            open(url, true)?.create(&tables()).await
        }
        other => other,
    };
    let created = created.map_err(|error| error.to_string())?;
    if created.is_empty() {
        say!("{}: all tables exist", database.url());
    } else {
        say!("{}: created {}", database.url(), created.join(", "));
    }
    database.close().await;
    Ok(ExitCode::SUCCESS)
}

fn is_unknown_database(problem: &str) -> bool {
    problem.contains(": Unknown database") || problem.contains(": database \"") && problem.ends_with("does not exist")
}

/// Creates the database itself on its server.
async fn create_database(url: &Url) -> Result<(), String> {
    let (catalog, quote) = if url.scheme == Scheme::Mysql { ("mysql", '`') } else { ("postgres", '"') };
    if !database::is_name(&url.database) {
        return Err(format!("`{}` is no name of a database", url.database));
    }
    let server = Database::new(Url { database: catalog.into(), ..url.clone() }, Options::default());
    let made = server.raw(&format!("CREATE DATABASE {quote}{}{quote}", url.database)).await;
    server.close().await;
    made.map(drop).map_err(|error| format!("database `{}` does not exist and cannot be created: {error}", url.database))
}

async fn upgrade(url: &str) -> Result<ExitCode, String> {
    let database = open(url, false)?;
    let mut changed = Vec::new();
    for table in tables() {
        let done = database.upgrade(table).await;
        if done.map_err(|error| format!("table `{}`: {error}", table.name))? {
            changed.push(table.name);
        }
    }
    if changed.is_empty() {
        say!("{}: nothing to do", database.url());
    } else {
        say!("{}: changed {}", database.url(), changed.join(", "));
    }
    database.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn overview(url: &str, json: bool) -> Result<ExitCode, String> {
    let database = open(url, false)?;
    let mut lines = Vec::new();
    let mut fine = true;
    for table in tables() {
        let difference = database.difference(table).await.map_err(|error| error.to_string())?;
        fine &= difference == Difference::None;
        let rows = if difference == Difference::Missing {
            String::new()
        } else {
            let all = database.select(&Select { table: table.name, columns: &["id"], ..Select::default() }).await;
            all.map_err(|error| error.to_string())?.rows.len().to_string()
        };
        let state = match difference {
            Difference::None => "as wanted".to_owned(),
            Difference::Missing => "missing".to_owned(),
            Difference::Version(None) => "without a version".to_owned(),
            Difference::Version(Some(version)) => format!("version {version}"),
            Difference::Columns(columns) => format!("lacks {}", columns.join(", ")),
        };
        lines.push(vec![table.name.to_owned(), table.version.to_string(), rows, state]);
    }
    let headings = ["table", "version", "rows", "state"];
    print(&headings, &lines, json);
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn rows(url: &str, name: &str, json: bool) -> Result<ExitCode, String> {
    let database = open(url, false)?;
    let rows = database.select(&Select { table: name, ..Select::default() }).await;
    let Rows { columns, rows } = rows.map_err(|error| error.to_string())?;
    let headings: Vec<&str> = columns.iter().map(String::as_str).collect();
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| cell.to_text().unwrap_or_default().into_owned()).collect())
        .collect();
    print(&headings, &lines, json);
    Ok(ExitCode::SUCCESS)
}

/// As a table, or an object per line.
pub(crate) fn print(headings: &[&str], lines: &[Vec<String>], json: bool) {
    if !json {
        say!("{}", table::draw(headings, lines).trim_end_matches('\n'));
        return;
    }
    for line in lines {
        let cells = headings.iter().zip(line).map(|(name, cell)| ((*name).to_owned(), cell.as_str().into()));
        say!("{}", serde_json::Value::Object(cells.collect()));
    }
}

/// SQL that makes the same tables with the same rows.
async fn dump(url: &str, to: Option<&str>) -> Result<ExitCode, String> {
    let database = open(url, false)?;
    let scheme = match to {
        None if database.url().scheme == Scheme::Text => Scheme::Sqlite,
        None => database.url().scheme,
        Some(name) => Scheme::ALL
            .into_iter()
            .find(|scheme| scheme.name() == name && *scheme != Scheme::Text)
            .ok_or_else(|| format!("no dialect `{name}`: there are sqlite, mysql and postgres"))?,
    };
    let tables: Vec<&TableDef> = std::iter::once(&TableDef::VERSION).chain(tables()).collect();
    for dump in database.dump(&tables).await.map_err(|error| error.to_string())? {
        let Some(table) = tables.iter().find(|table| table.name == dump.table) else { continue };
        for statement in table.ddl(scheme) {
            say!("{statement};");
        }
        let quote = if scheme == Scheme::Mysql { '`' } else { '"' };
        // The numbers of rows are given anew: what counts them would not know of these.
        let kept: Vec<usize> = (0..dump.rows.columns.len()).filter(|at| dump.rows.columns[*at] != "id").collect();
        let columns: Vec<String> = kept.iter().map(|at| format!("{quote}{}{quote}", dump.rows.columns[*at])).collect();
        for row in &dump.rows.rows {
            let values: Vec<String> = kept.iter().map(|at| literal(&row[*at], scheme)).collect();
            let columns = columns.join(", ");
            say!("INSERT INTO {quote}{}{quote} ({columns}) VALUES ({});", table.name, values.join(", "));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A value as SQL writes it.
fn literal(value: &Value, scheme: Scheme) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Int(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            if scheme == Scheme::Postgres { format!("'\\x{digits}'") } else { format!("X'{digits}'") }
        }
        Value::Time(_) | Value::Text(_) => {
            let text = value.to_text().unwrap_or_default().replace('\'', "''");
            let text = if scheme == Scheme::Mysql { text.replace('\\', "\\\\") } else { text };
            format!("'{text}'")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_end_where_they_should() {
        let value = Value::Text("it's \\' ; DROP TABLE version; --".into());
        assert_eq!(literal(&value, Scheme::Sqlite), "'it''s \\'' ; DROP TABLE version; --'");
        assert_eq!(literal(&value, Scheme::Mysql), "'it''s \\\\'' ; DROP TABLE version; --'");
        assert_eq!(literal(&Value::Blob(vec![1, 255]), Scheme::Postgres), "'\\x01ff'");
    }

    #[test]
    fn every_table_has_one_definition() {
        let all: Vec<_> = OFFER.modules.iter().flat_map(|module| module.tables).copied().collect();
        for table in tables() {
            for other in all.iter().filter(|other| other.name == table.name) {
                assert_eq!(other.ddl(Scheme::Sqlite), table.ddl(Scheme::Sqlite), "{}", table.name);
            }
        }
    }

    #[test]
    fn a_file_is_created_shown_and_dumped() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/k.sqlite", folder.path().display());
        with_runtime(async {
            assert_eq!(create(&url).await?, ExitCode::SUCCESS);
            assert_eq!(create(&url).await?, ExitCode::SUCCESS);
            let database = open(&url, false)?;
            for table in tables() {
                assert_eq!(database.difference(table).await.unwrap(), Difference::None, "{}", table.name);
            }
            database.raw("UPDATE version SET table_version = 0 WHERE table_name = 'dbaliases'").await.unwrap();
            assert_eq!(overview(&url, true).await?, ExitCode::FAILURE);
            assert_eq!(upgrade(&url).await?, ExitCode::SUCCESS);
            assert_eq!(overview(&url, true).await?, ExitCode::SUCCESS);
            database.close().await;
            Ok(())
        })
        .unwrap();
    }
}
