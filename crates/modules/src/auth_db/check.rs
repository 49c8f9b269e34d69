//! Digest credentials against the table.

use database::{Filter, Select, Value as Cell};
use engine::{CallResult, Return, RouteCx, ScriptError, Str, function};
use sip::Method;

use super::arguments::{CheckedTable, NotEmpty, TableName};
use super::{AuthDb, credentials};
use crate::auth::{Answer, CheckOptions, Failure, HeaderKind, PreAuth, Secret, is_own_identity};

/// What is to be checked.
struct Check {
    kind: HeaderKind,
    realm: Str,
    table: TableName,
    method: Option<Str>,
    /// The user must be the one that the request names.
    identity: bool,
}

/// What the table knows about a user.
struct Known {
    secret: Secret,
    /// What `load_credentials` names.
    cells: Vec<Cell>,
}

impl AuthDb {
    async fn check(&self, cx: &mut RouteCx, check: Check) -> CallResult {
        let answer = match self.auth.pre_auth(cx, check.kind, &check.realm) {
            Ok(PreAuth::Exempt) => return Ok(Return::TRUE),
            Ok(PreAuth::Answer(answer)) => answer,
            Err(failure) => return Ok(failure.into()),
        };
        let Known { secret, cells } = match self.find(cx, &check.table, &answer).await {
            Ok(Some(known)) => known,
            Ok(None) => return Ok(Failure::UnknownUser.into()),
            Err(error) => {
                engine::log!(cx.core.log, Error, "{}: auth_db: {error}", cx.place());
                return Ok(Failure::Error.into());
            }
        };
        let options = CheckOptions { method: check.method, keep_count: false };
        let outcome = self.auth.check_response(cx, answer, &secret, options);
        if outcome.is_ok() || self.params.force_generate_avps {
            credentials::set(cx, &self.credentials, &cells)?;
        }
        match outcome {
            Ok(proof) if check.identity && !is_own_identity(cx, &proof.answer.user, self.params.use_domain) => {
                Ok(Failure::UserMismatch.into())
            }
            Ok(proof) => {
                self.auth.post_auth(cx, proof);
                Ok(Return::TRUE)
            }
            Err(failure) => Ok(failure.into()),
        }
    }

    /// The user's row; `None`: there is none.
    async fn find(
        &self,
        cx: &mut RouteCx,
        table: &TableName,
        answer: &Answer,
    ) -> Result<Option<Known>, database::Error> {
        let params = &self.params;
        // A client that sends `user@domain` hashes it: the HA1 for that stands in a column of its own.
        let with_domain = answer.domain.as_ref().is_some_and(|domain| !domain.is_empty());
        let password = match (params.calculate_ha1, with_domain) {
            (false, true) => &params.password_column_2,
            _ => &params.password_column,
        };
        let mut columns: Vec<&str> = vec![password];
        columns.extend(self.credentials.iter().map(|credential| credential.column.as_str()));
        let mut filter = vec![Filter::equal(&params.user_column, Cell::text(&answer.user))];
        if params.use_domain {
            let domain = answer.domain.as_ref().filter(|domain| !domain.is_empty()).unwrap_or(&answer.realm);
            filter.push(Filter::equal(&params.domain_column, Cell::text(domain)));
        }
        let select = Select { table: &table.0, columns: &columns, filter: &filter, order: None, limit: Some(2) };
        let found = self.database.select(&select).await?;
        if found.rows.len() > 1 {
            let user = &answer.user;
            engine::log!(cx.core.log, Warning, "{}: auth_db: several rows of user {user}, one is used", cx.place());
        }
        let Some(mut row) = found.rows.into_iter().next().filter(|row| !row.is_empty()) else { return Ok(None) };
        let cells = row.split_off(1);
        let password = Str::from(row[0].to_text().unwrap_or_default().to_string());
        let secret = if params.calculate_ha1 { Secret::Password(password) } else { Secret::Ha1(password) };
        Ok(Some(Known { secret, cells }))
    }
}

/// Methods that come with an anonymous From (flag 2).
const fn may_be_anonymous(method: Method) -> bool {
    matches!(method, Method::Invite | Method::Bye | Method::Prack | Method::Update | Method::Message)
}

/// Checks the credentials of a request for `realm` against the users in `table`: Authorization of a REGISTER,
/// Proxy-Authorization of other requests. `flags` is a sum: 1 the user must be that of From, for REGISTER and PUBLISH that
/// of To, for PUBLISH that of the request-URI, too; 2 (with 1) not for INVITE, BYE, PRACK, UPDATE, MESSAGE, which may be
/// anonymous.
///
/// Returns 1 when they are right, and for ACK, CANCEL and PRACK; -1 error, also when the database does not answer; -2 wrong
/// password; -3 no such user; -4 the nonce is too old; -5 no credentials for the realm; -6 the nonce was used before; -8
/// another user.
#[function(REQUEST)]
pub async fn auth_check(cx: &mut RouteCx, me: &AuthDb, realm: NotEmpty, table: TableName, flags: i64) -> CallResult {
    let method = cx.message.method();
    let identity = flags & 1 != 0 && !(flags & 2 != 0 && may_be_anonymous(method));
    let kind = HeaderKind::of_method(method);
    me.check(cx, Check { kind, realm: realm.0, table, method: None, identity }).await
}

/// Checks Authorization for `realm` against the users in `table`. `method`: what the client hashed instead of the
/// request's method.
///
/// Returns what `auth_check` returns, except -8.
#[function(REQUEST)]
pub async fn www_authenticate(
    cx: &mut RouteCx,
    me: &AuthDb,
    realm: NotEmpty,
    table: CheckedTable,
    method: Option<Str>,
) -> CallResult {
    let method = match method {
        Some(method) if method.is_empty() => return Err(ScriptError::new("the method is empty")),
        method => method,
    };
    let kind = HeaderKind::Authorization;
    me.check(cx, Check { kind, realm: realm.0, table: table.0, method, identity: false }).await
}

/// `www_authenticate` without `method`.
#[function(REQUEST)]
pub async fn www_authorize(cx: &mut RouteCx, me: &AuthDb, realm: NotEmpty, table: CheckedTable) -> CallResult {
    let kind = HeaderKind::Authorization;
    me.check(cx, Check { kind, realm: realm.0, table: table.0, method: None, identity: false }).await
}

/// Checks Proxy-Authorization for `realm` against the users in `table`, as `www_authenticate` does.
#[function(REQUEST)]
pub async fn proxy_authenticate(cx: &mut RouteCx, me: &AuthDb, realm: NotEmpty, table: CheckedTable) -> CallResult {
    let kind = HeaderKind::ProxyAuthorization;
    me.check(cx, Check { kind, realm: realm.0, table: table.0, method: None, identity: false }).await
}

/// The same as `proxy_authenticate`.
#[function(REQUEST)]
pub async fn proxy_authorize(cx: &mut RouteCx, me: &AuthDb, realm: NotEmpty, table: CheckedTable) -> CallResult {
    let kind = HeaderKind::ProxyAuthorization;
    me.check(cx, Check { kind, realm: realm.0, table: table.0, method: None, identity: false }).await
}
