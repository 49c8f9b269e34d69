//! MySQL and MariaDB.

use std::path::Path;
use std::time::Duration;

use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlPoolOptions, MySqlSslMode};
use sqlx::query::Query;
use sqlx::{Column as _, MySql, Row as _, TypeInfo as _};

use crate::driver::pooled;
use crate::sql::Sql;
use crate::value::{Value, civil};
use crate::{Error, Options, Scheme, Url};

/// Where Debian's packages put the server's socket; the client library goes there for `localhost`.
const SOCKETS: [&str; 2] = ["/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock"];

pub(crate) struct Mysql {
    pool: sqlx::Pool<MySql>,
    url: Url,
    limit: Duration,
}

pooled!(Mysql, MySql, Scheme::Mysql);

impl Mysql {
    pub(crate) fn open(url: &Url, options: &Options) -> Result<Self, Error> {
        let mut connect = MySqlConnectOptions::new()
            .host(&url.host)
            .database(&url.database)
            // Dates are local time, and texts are what the script wrote: as with the client library.
            .timezone(None)
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .ssl_mode(match options.tls {
                crate::database::Tls::Preferred => MySqlSslMode::Preferred,
                crate::database::Tls::Disabled => MySqlSslMode::Disabled,
                crate::database::Tls::Required => MySqlSslMode::Required,
                crate::database::Tls::VerifyCa => MySqlSslMode::VerifyCa,
                crate::database::Tls::VerifyIdentity => MySqlSslMode::VerifyIdentity,
            });
        if let Some(file) = &options.tls_ca {
            connect = connect.ssl_ca(file);
        }
        if !url.user.is_empty() {
            connect = connect.username(&url.user);
        }
        if let Some(password) = &url.password {
            connect = connect.password(password);
        }
        match url.port {
            Some(port) => connect = connect.port(port),
            None if url.host == "localhost" => {
                if let Some(socket) = SOCKETS.iter().find(|path| Path::new(path).exists()) {
                    connect = connect.socket(socket);
                }
            }
            None => {}
        }
        let pool = MySqlPoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(options.connect_limit)
            .test_before_acquire(false)
            .connect_lazy_with(connect);
        Ok(Self { pool, url: url.clone(), limit: options.query_limit })
    }
}

/// With its values bound.
fn query(sql: Sql) -> Query<'static, MySql, MySqlArguments> {
    let query = sqlx::query::<MySql>(sqlx::AssertSqlSafe(sql.text)).persistent(sql.keep);
    sql.values.into_iter().fold(query, bind)
}

fn cell(row: &Row, index: usize) -> Value {
    let value = match row.column(index).type_info().name() {
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => {
            row.try_get_unchecked::<Option<i64>, _>(index).map(|value| value.map(Value::Int))
        }
        "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED" | "BIGINT UNSIGNED"
        | "BIT" | "YEAR" => row
            .try_get_unchecked::<Option<u64>, _>(index)
            .map(|value| value.map(|value| Value::Int(i64::try_from(value).unwrap_or(i64::MAX)))),
        "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" | "BINARY" | "VARBINARY" => {
            row.try_get_unchecked::<Option<Vec<u8>>, _>(index).map(|value| value.map(Value::Blob))
        }
        kind => common_cell(row, index, kind),
    };
    // A date such as 0000-00-00 is none.
    value.ok().flatten().unwrap_or_default()
}
