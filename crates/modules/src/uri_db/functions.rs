//! The script functions.

use database::{Filter, Value as Cell};
use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use sip::Uri;

use super::UriDb;
use crate::pv::AuthenticatedUser;

/// Nobody's credentials were checked before.
const NO_CREDENTIALS: Return = Return(-2);
/// The URI has no user name.
const NO_USER: Return = Return(-4);
/// There is no such user.
const UNKNOWN: Return = Return(-5);
/// Table `uri` does not allow this name to this user.
const NOT_ALLOWED: Return = Return(-9);
/// It is the name of another user.
const OTHER_USER: Return = Return(-10);

impl UriDb {
    /// Whether a row has these values.
    async fn has(&self, filter: &[Filter<'_>]) -> Result<bool, ScriptError> {
        let Some(database) = &self.database else {
            return Err(ScriptError::new("uri_db: there is no database: `db_url` is empty"));
        };
        let found = database.first(&self.params.db_table, &[&self.params.user_column], filter).await;
        found.map(|row| row.is_some()).map_err(|error| ScriptError::new(format!("uri_db: {error}")))
    }

    /// Whether a URI is one of a user: of whom is given, or of the one whose credentials were right.
    async fn check(&self, cx: &mut RouteCx, uri: Str, owner: Option<(Str, Str)>) -> CallResult {
        let uri = Uri::parse(uri.clone()).map_err(|_| ScriptError::new(format!("`{uri}` is no URI")))?;
        let Some(user) = uri.user_bytes().filter(|user| !user.is_empty()) else { return Ok(NO_USER) };
        let owner = owner.or_else(|| authenticated(cx));
        let Some((name, realm)) = owner else { return Ok(NO_CREDENTIALS) };
        if !self.params.use_uri_table {
            return Ok(if name.eq_ignore_ascii_case(user) { Return::TRUE } else { OTHER_USER });
        }
        let filter = [
            Filter::equal(&self.params.user_column, Cell::text(&name)),
            Filter::equal(&self.params.domain_column, Cell::text(&realm)),
            Filter::equal(&self.params.uriuser_column, Cell::text(user)),
        ];
        Ok(if self.has(&filter).await? { Return::TRUE } else { NOT_ALLOWED })
    }
}

/// Name and realm of the user whose credentials were right.
fn authenticated(cx: &RouteCx) -> Option<(Str, Str)> {
    let known = cx.find_data::<AuthenticatedUser>().filter(|known| !known.user.is_empty());
    known.map(|known| (known.user.clone(), known.realm.clone()))
}

/// True when the user in To is the one whose credentials were right; with `use_uri_table` when table `uri` allows him the
/// name in To.
///
/// Returns 1; -2 nobody's credentials were checked; -4 To has no user; -9 the table does not allow the name; -10 it is another
/// user; -1 all other errors.
#[function(REQUEST)]
pub async fn check_to(cx: &mut RouteCx, me: &UriDb) -> CallResult {
    let uri = cx.message.to().ok().flatten().map(|to| to.uri.clone());
    let uri = uri.ok_or_else(|| ScriptError::new("there is no To that can be understood"))?;
    me.check(cx, uri, None).await
}

/// `check_to` for the user in From.
#[function(REQUEST)]
pub async fn check_from(cx: &mut RouteCx, me: &UriDb) -> CallResult {
    let uri = cx.message.from().ok().flatten().map(|from| from.uri.clone());
    let uri = uri.ok_or_else(|| ScriptError::new("there is no From that can be understood"))?;
    me.check(cx, uri, None).await
}

/// `check_to` for a URI; with `username` and `realm` (both or none) for that user instead of the one whose credentials were
/// right.
#[function(REQUEST)]
pub async fn check_uri(
    cx: &mut RouteCx,
    me: &UriDb,
    uri: Str,
    username: Option<Str>,
    realm: Option<Str>,
) -> CallResult {
    let owner = match (username, realm) {
        (None, None) => None,
        (Some(username), Some(realm)) if !username.is_empty() => Some((username, realm)),
        _ => return Err(ScriptError::new("`check_uri` takes one argument or three")),
    };
    me.check(cx, uri, owner).await
}

/// True when the user in the request-URI exists: in the table of users, or in table `uri` with `use_uri_table`.
///
/// Returns 1; -5: no such user; -1: the database did not answer.
#[function(REQUEST | LOCAL)]
pub async fn does_uri_exist(cx: &mut RouteCx, me: &UriDb) -> CallResult {
    let uri = cx.request_uri();
    let uri = Uri::parse(uri.clone()).map_err(|_| ScriptError::new(format!("`{uri}` is no URI")))?;
    let Some(user) = uri.user_bytes().filter(|user| !user.is_empty()) else { return Ok(UNKNOWN) };
    let params = &me.params;
    let column = if params.use_uri_table { &params.uriuser_column } else { &params.user_column };
    let mut filter = vec![Filter::equal(column, Cell::text(user))];
    if params.use_domain {
        filter.push(Filter::equal(&params.domain_column, Cell::text(uri.host_bytes())));
    }
    Ok(if me.has(&filter).await? { Return::TRUE } else { UNKNOWN })
}
