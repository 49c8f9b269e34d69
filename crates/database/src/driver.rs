//! The four kinds of databases behind one type, and what those that speak through sqlx share.

use std::time::Duration;

use crate::statement::{Change, Outcome, Rows, Select};
use crate::{Error, Options, Scheme, Url, mysql, postgres, sqlite, text};

/// A connected database.
pub(crate) enum Driver {
    Sqlite(sqlite::Sqlite),
    Mysql(mysql::Mysql),
    Postgres(postgres::Postgres),
    Text(text::Text),
}

/// What a database is asked.
#[derive(Clone)]
pub(crate) enum Ask<'a> {
    Select(&'a Select<'a>),
    Apply(Vec<Change<'a>>),
    Raw(&'a str),
}

/// For people: what it is about, without values of the program's own.
impl std::fmt::Display for Ask<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Select(select) => write!(out, "SELECT FROM {}", select.table),
            Self::Apply(changes) => match changes.first() {
                Some(change) => write!(out, "{} changes, the first of table {}", changes.len(), change.table()),
                None => Ok(()),
            },
            Self::Raw(text) => out.write_str(text),
        }
    }
}

/// What it says.
pub(crate) enum Answer {
    Rows(Rows),
    Counts(Vec<u64>),
    Outcome(Outcome),
}

impl Driver {
    /// Makes the driver's object; servers are connected when they are first asked.
    pub(crate) async fn open(url: &Url, options: &Options) -> Result<Self, Error> {
        Ok(match url.scheme {
            Scheme::Sqlite => Self::Sqlite(sqlite::Sqlite::open(url, options).await?),
            Scheme::Mysql => Self::Mysql(mysql::Mysql::open(url, options)?),
            Scheme::Postgres => Self::Postgres(postgres::Postgres::open(url, options)?),
            Scheme::Text => Self::Text(text::Text::open(url, options)?),
        })
    }

    /// Carries out what is asked.
    pub(crate) async fn ask(&self, ask: Ask<'_>) -> Result<Answer, Error> {
        Ok(match ask {
            Ask::Select(select) => Answer::Rows(self.select(select).await?),
            Ask::Apply(changes) => Answer::Counts(self.apply(changes).await?),
            Ask::Raw(text) => Answer::Outcome(self.raw(text).await?),
        })
    }

    async fn select(&self, select: &Select<'_>) -> Result<Rows, Error> {
        match self {
            Self::Sqlite(driver) => driver.select(select).await,
            Self::Mysql(driver) => driver.select(select).await,
            Self::Postgres(driver) => driver.select(select).await,
            Self::Text(driver) => driver.select(select),
        }
    }

    /// All changes or none; how many rows each changed.
    async fn apply(&self, changes: Vec<Change<'_>>) -> Result<Vec<u64>, Error> {
        match self {
            Self::Sqlite(driver) => driver.apply(changes).await,
            Self::Mysql(driver) => driver.apply(changes).await,
            Self::Postgres(driver) => driver.apply(changes).await,
            Self::Text(driver) => driver.apply(changes),
        }
    }

    /// One statement as the script wrote it.
    async fn raw(&self, text: &str) -> Result<Outcome, Error> {
        match self {
            Self::Sqlite(driver) => driver.raw(text).await,
            Self::Mysql(driver) => driver.raw(text).await,
            Self::Postgres(driver) => driver.raw(text).await,
            Self::Text(_) => Err(Error::Refused("text tables understand no SQL".into())),
        }
    }

    /// Writes what is not written yet.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(driver) => driver.close().await,
            Self::Mysql(driver) => driver.close().await,
            Self::Postgres(driver) => driver.close().await,
            Self::Text(driver) => driver.close().await,
        }
    }
}

/// A driver's error in our words.
pub(crate) fn error(url: &Url, error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(error) if error.is_unique_violation() => Error::Duplicate(error.message().to_owned()),
        // Class 57P: the server is going down; 08: the connection failed.
        sqlx::Error::Database(error)
            if error.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08")) =>
        {
            Error::Unavailable(format!("{url}: {}", error.message()))
        }
        sqlx::Error::Database(error) => Error::Refused(error.message().to_owned()),
        sqlx::Error::PoolTimedOut => Error::Unavailable(format!("{url}: all connections are busy")),
        error @ (sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed) => Error::Unavailable(format!("{url}: {error}")),
        error => Error::Refused(error.to_string()),
    }
}

/// A connection of a pool.
pub(crate) async fn acquire<DB: sqlx::Database>(
    pool: &sqlx::Pool<DB>,
    url: &Url,
) -> Result<sqlx::pool::PoolConnection<DB>, Error> {
    match pool.acquire().await {
        Ok(connection) => Ok(connection),
        // A wrong password, an unknown database.
        Err(sqlx::Error::Database(problem)) => Err(Error::Unavailable(format!("{url}: {}", problem.message()))),
        Err(sqlx::Error::PoolTimedOut) if pool.size() == 0 => Err(why_not(pool, url).await),
        Err(problem) => Err(error(url, problem)),
    }
}

/// Why there is no connection: the pool has tried until its time was over and does not say.
async fn why_not<DB: sqlx::Database>(pool: &sqlx::Pool<DB>, url: &Url) -> Error {
    use sqlx::ConnectOptions as _;
    match tokio::time::timeout(Duration::from_secs(1), pool.connect_options().connect()).await {
        Ok(Err(problem)) => Error::Unavailable(format!("{url}: {problem}")),
        Ok(Ok(_)) | Err(_) => Error::Unavailable(format!("{url}: the server does not answer")),
    }
}

/// Gives a connection back. When it broke, or the answer did not come in time, it is dropped: whatever it still says
/// belongs to nobody.
pub(crate) fn settle<DB: sqlx::Database, T>(
    connection: sqlx::pool::PoolConnection<DB>,
    result: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    url: &Url,
    limit: Duration,
) -> Result<T, Error> {
    let problem = match result {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(problem)) => error(url, problem),
        Err(_) => Error::Timeout(url.to_string(), limit.as_millis()),
    };
    if matches!(problem, Error::Unavailable(_) | Error::Timeout(..)) {
        drop(connection.detach());
    }
    Err(problem)
}

/// The calls of a server with a pool of connections: the same text for each driver, the types differ.
macro_rules! pooled {
    ($driver:ident, $db:ty, $scheme:expr) => {
        type Connection = <$db as sqlx::Database>::Connection;
        type Row = <$db as sqlx::Database>::Row;

        impl $driver {
            pub(crate) async fn select(
                &self,
                select: &$crate::statement::Select<'_>,
            ) -> Result<$crate::statement::Rows, $crate::Error> {
                let query = query($crate::sql::select($scheme, select)?);
                let mut connection = $crate::driver::acquire(&self.pool, &self.url).await?;
                let rows = tokio::time::timeout(self.limit, query.fetch_all(&mut *connection)).await;
                Ok(decode($crate::driver::settle(connection, rows, &self.url, self.limit)?))
            }

            pub(crate) async fn apply(
                &self,
                changes: Vec<$crate::statement::Change<'_>>,
            ) -> Result<Vec<u64>, $crate::Error> {
                let written: Result<Vec<_>, _> =
                    changes.into_iter().map(|change| $crate::sql::change($scheme, change)).collect();
                let written = written?;
                let mut connection = $crate::driver::acquire(&self.pool, &self.url).await?;
                let done = tokio::time::timeout(self.limit, write(&mut connection, written)).await;
                $crate::driver::settle(connection, done, &self.url, self.limit)
            }

            pub(crate) async fn raw(&self, text: &str) -> Result<$crate::statement::Outcome, $crate::Error> {
                let mut connection = $crate::driver::acquire(&self.pool, &self.url).await?;
                let done = tokio::time::timeout(self.limit, raw(&mut connection, text)).await;
                let (rows, affected) = $crate::driver::settle(connection, done, &self.url, self.limit)?;
                Ok($crate::statement::Outcome { rows: decode(rows), affected })
            }

            pub(crate) async fn close(&self) {
                self.pool.close().await;
            }
        }

        fn bind<'q>(
            query: Query<'q, $db, <$db as sqlx::Database>::Arguments>,
            value: Value,
        ) -> Query<'q, $db, <$db as sqlx::Database>::Arguments> {
            match value {
                Value::Null => query.bind(None::<i64>),
                Value::Int(number) => query.bind(number),
                Value::Double(number) => query.bind(number),
                Value::Text(text) => query.bind(text),
                Value::Blob(bytes) => query.bind(bytes),
                Value::Time(seconds) => query.bind($crate::driver::to_date(civil(seconds))),
            }
        }

        fn decode(rows: Vec<Row>) -> $crate::statement::Rows {
            let names = |row: &Row| row.columns().iter().map(|column| column.name().to_owned()).collect();
            let columns = rows.first().map_or_else(Vec::new, names);
            let rows = rows.iter().map(|row| (0..row.len()).map(|index| cell(row, index)).collect()).collect();
            $crate::statement::Rows { columns, rows }
        }

        /// A cell of a kind that both servers have; others are texts as they come.
        fn common_cell(row: &Row, index: usize, kind: &str) -> Result<Option<Value>, sqlx::Error> {
            // Its digits, not those of the double next to it.
            fn digits(number: impl ToString) -> Value {
                Value::Double(number.to_string().parse().unwrap_or_default())
            }
            Ok(match kind {
                "FLOAT" | "FLOAT4" => row.try_get_unchecked::<Option<f32>, _>(index)?.map(digits),
                "DOUBLE" | "FLOAT8" => row.try_get_unchecked::<Option<f64>, _>(index)?.map(Value::Double),
                "DECIMAL" | "NUMERIC" => {
                    row.try_get_unchecked::<Option<sqlx::types::BigDecimal>, _>(index)?.map(digits)
                }
                "DATETIME" | "TIMESTAMP" => row
                    .try_get_unchecked::<Option<time::PrimitiveDateTime>, _>(index)?
                    .and_then($crate::driver::from_date)
                    .and_then($crate::value::from_civil)
                    .map(Value::Time),
                "DATE" => {
                    row.try_get_unchecked::<Option<time::Date>, _>(index)?.map(|date| Value::Text(date.to_string()))
                }
                "TIME" => {
                    row.try_get_unchecked::<Option<time::Time>, _>(index)?.map(|time| Value::Text(time.to_string()))
                }
                _ => row
                    .try_get_unchecked::<Option<Vec<u8>>, _>(index)?
                    .map(|bytes| Value::Text(String::from_utf8_lossy(&bytes).into_owned())),
            })
        }

        /// All or none.
        async fn write(connection: &mut Connection, written: Vec<$crate::sql::Sql>) -> Result<Vec<u64>, sqlx::Error> {
            use sqlx::Connection as _;
            let mut done = Vec::with_capacity(written.len());
            if written.len() == 1 {
                for sql in written {
                    done.push(query(sql).execute(&mut *connection).await?.rows_affected());
                }
                return Ok(done);
            }
            let mut transaction = connection.begin().await?;
            for sql in written {
                done.push(query(sql).execute(&mut *transaction).await?.rows_affected());
            }
            transaction.commit().await?;
            Ok(done)
        }

        /// Prepared, so that the server itself refuses a second statement.
        async fn raw(connection: &mut Connection, text: &str) -> Result<(Vec<Row>, u64), sqlx::Error> {
            let query = query($crate::sql::Sql::plain(text));
            $crate::driver::collect(sqlx::Executor::fetch_many(connection, query), |done| done.rows_affected()).await
        }
    };
}
pub(crate) use pooled;

/// The rows of an answer and how many rows were changed.
pub(crate) async fn collect<R, D>(
    mut answers: impl futures_util::Stream<Item = Result<sqlx::Either<D, R>, sqlx::Error>> + Unpin,
    affected: impl Fn(&D) -> u64,
) -> Result<(Vec<R>, u64), sqlx::Error> {
    use futures_util::StreamExt as _;
    let (mut rows, mut count) = (Vec::new(), 0);
    while let Some(answer) = answers.next().await {
        match answer? {
            sqlx::Either::Left(done) => count += affected(&done),
            sqlx::Either::Right(row) => rows.push(row),
        }
    }
    Ok((rows, count))
}

/// Our date as the drivers' one.
pub(crate) fn to_date(civil: jiff::civil::DateTime) -> time::PrimitiveDateTime {
    let month = time::Month::try_from(civil.month().unsigned_abs()).unwrap_or(time::Month::January);
    let date = time::Date::from_calendar_date(i32::from(civil.year()), month, civil.day().unsigned_abs());
    let of_day =
        time::Time::from_hms(civil.hour().unsigned_abs(), civil.minute().unsigned_abs(), civil.second().unsigned_abs());
    time::PrimitiveDateTime::new(date.unwrap_or(time::Date::MIN), of_day.unwrap_or(time::Time::MIDNIGHT))
}

/// The drivers' date as ours; `None` when the year is beyond 9999.
pub(crate) fn from_date(date: time::PrimitiveDateTime) -> Option<jiff::civil::DateTime> {
    let small = |number: u8| i8::try_from(number).ok();
    jiff::civil::DateTime::new(
        i16::try_from(date.year()).ok()?,
        small(u8::from(date.month()))?,
        small(date.day())?,
        small(date.hour())?,
        small(date.minute())?,
        small(date.second())?,
        0,
    )
    .ok()
}
