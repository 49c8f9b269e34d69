//! Whether a URI is that of a user.

use database::{Filter, Select, Value as Cell};
use engine::{CallResult, Return, RouteCx, ScriptError, function};
use sip::Uri;

use super::arguments::{NotEmpty, TableName};
use super::{AuthDb, credentials};

/// There is no such user.
const UNKNOWN: Return = Return(-2);

/// True when `uri` is that of a user in `table`; then what `load_credentials` names is set. `flags` is a sum: 1 the domain
/// counts, too; 2 nothing is set.
///
/// Returns 1; -2 no such user; -1 no URI, or the database did not answer.
#[function(ANY)]
pub async fn is_subscriber(cx: &mut RouteCx, me: &AuthDb, uri: NotEmpty, table: TableName, flags: i64) -> CallResult {
    let uri = uri.0;
    let uri = Uri::parse(uri.clone()).map_err(|_| ScriptError::new(format!("`{uri}` is no URI")))?;
    let Some(user) = uri.user_bytes().filter(|user| !user.is_empty()) else { return Ok(UNKNOWN) };
    let wanted = if flags & 2 == 0 { &*me.credentials } else { &[] };
    let mut filter = vec![Filter::equal(&me.params.user_column, Cell::text(user))];
    if flags & 1 != 0 {
        filter.push(Filter::equal(&me.params.domain_column, Cell::text(uri.host_bytes())));
    }
    let mut columns: Vec<&str> = wanted.iter().map(|credential| credential.column.as_str()).collect();
    if columns.is_empty() {
        columns.push(&me.params.user_column);
    }
    let select = Select { table: &table.0, columns: &columns, filter: &filter, order: None, limit: Some(1) };
    match me.database.select(&select).await {
        Ok(found) => match found.rows.first() {
            Some(row) => credentials::set(cx, wanted, row).map(|()| Return::TRUE),
            None => Ok(UNKNOWN),
        },
        Err(error) => Err(ScriptError::new(format!("auth_db: {error}"))),
    }
}
