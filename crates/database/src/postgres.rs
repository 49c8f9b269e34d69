//! PostgreSQL.

use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::query::Query;
use sqlx::{Column as _, Postgres as Pg, Row as _, TypeInfo as _};

use crate::driver::pooled;
use crate::sql::Sql;
use crate::value::{Value, civil};
use crate::{Error, Options, Scheme, Url};

pub(crate) struct Postgres {
    pool: sqlx::Pool<Pg>,
    url: Url,
    limit: Duration,
}

pooled!(Postgres, Pg, Scheme::Postgres);

impl Postgres {
    pub(crate) fn open(url: &Url, options: &Options) -> Result<Self, Error> {
        let mut connect = PgConnectOptions::new_without_pgpass().host(&url.host).database(&url.database).ssl_mode(
            match options.tls {
                crate::database::Tls::Preferred => PgSslMode::Prefer,
                crate::database::Tls::Disabled => PgSslMode::Disable,
                crate::database::Tls::Required => PgSslMode::Require,
                crate::database::Tls::VerifyCa => PgSslMode::VerifyCa,
                crate::database::Tls::VerifyIdentity => PgSslMode::VerifyFull,
            },
        );
        if let Some(file) = &options.tls_ca {
            connect = connect.ssl_root_cert(file);
        }
        if !url.user.is_empty() {
            connect = connect.username(&url.user);
        }
        if let Some(password) = &url.password {
            connect = connect.password(password);
        }
        if let Some(port) = url.port {
            connect = connect.port(port);
        }
        let pool = PgPoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(options.connect_limit)
            .test_before_acquire(false)
            .connect_lazy_with(connect);
        Ok(Self { pool, url: url.clone(), limit: options.query_limit })
    }
}

/// With its values bound.
fn query(sql: Sql) -> Query<'static, Pg, PgArguments> {
    let query = sqlx::query::<Pg>(sqlx::AssertSqlSafe(sql.text)).persistent(sql.keep);
    let query = sql.values.into_iter().fold(query, bind);
    sql.columns.into_iter().fold(query, bind_array)
}

/// The values of a column, all of the kind of the first one.
fn bind_array(query: Query<'_, Pg, PgArguments>, values: Vec<Value>) -> Query<'_, Pg, PgArguments> {
    macro_rules! array {
        ($kind:ident, $convert:expr) => {
            query.bind(
                values
                    .into_iter()
                    .map(|value| if let Value::$kind(value) = value { Some($convert(value)) } else { None })
                    .collect::<Vec<_>>(),
            )
        };
    }
    match values.iter().find(|value| !value.is_null()) {
        Some(Value::Int(_)) => array!(Int, std::convert::identity),
        Some(Value::Double(_)) => array!(Double, std::convert::identity),
        Some(Value::Blob(_)) => array!(Blob, std::convert::identity),
        Some(Value::Time(_)) => array!(Time, |seconds| crate::driver::to_date(civil(seconds))),
        Some(Value::Text(_) | Value::Null) | None => array!(Text, std::convert::identity),
    }
}

fn cell(row: &Row, index: usize) -> Value {
    let int = |number: Option<i64>| number.map(Value::Int);
    let value = match row.column(index).type_info().name() {
        "BOOL" => row.try_get_unchecked::<Option<bool>, _>(index).map(|value| int(value.map(i64::from))),
        "INT2" => row.try_get_unchecked::<Option<i16>, _>(index).map(|value| int(value.map(i64::from))),
        "INT4" => row.try_get_unchecked::<Option<i32>, _>(index).map(|value| int(value.map(i64::from))),
        "INT8" => row.try_get_unchecked::<Option<i64>, _>(index).map(int),
        "TIMESTAMPTZ" => row
            .try_get_unchecked::<Option<time::OffsetDateTime>, _>(index)
            .map(|value| value.map(|value| Value::Time(value.unix_timestamp()))),
        "BYTEA" => row.try_get_unchecked::<Option<Vec<u8>>, _>(index).map(|value| value.map(Value::Blob)),
        // Types that only some databases have (inet, uuid ..) are written out when they are text on the wire.
        kind => common_cell(row, index, kind),
    };
    value.ok().flatten().unwrap_or_default()
}
