//! From an alias to a user, and back.

use std::sync::Arc;

use database::{Filter, Select, Value};
use engine::{
    ArgSource, Branch, CallResult, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, Str, function,
    script_type::{WritableVariable, required},
};
use sip::Uri;

use super::AliasDb;

/// The flags of a call: `d`, `u` and `r`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AliasFlags {
    /// `d` (no) or `u` (yes): whether the domain counts.
    with_domain: Option<bool>,
    /// `r`: from the user to the alias.
    reverse: bool,
}

impl AliasFlags {
    fn parse(text: &str) -> Result<Self, char> {
        let mut flags = Self::default();
        for letter in text.chars() {
            match letter {
                'd' => flags.with_domain = Some(false),
                'u' => flags.with_domain = Some(true),
                'r' => flags.reverse = true,
                other => return Err(other),
            }
        }
        Ok(flags)
    }
}

impl ScriptType for AliasFlags {
    type Compiled = Self;
    const KIND: &'static str = "flags";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let arg = required(arg)?;
        Self::parse(&arg.constant("flags")?)
            .map_err(|letter| arg.error(format!("no flag `{letter}`"), "letters of `d`, `u` and `r`"))
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(*compiled)
    }
}

impl AliasDb {
    /// The URIs that `uri` stands for; none when it is no alias or the database does not answer, which is logged.
    async fn find(&self, cx: &mut RouteCx, table: &Str, uri: &Str, flags: AliasFlags) -> Result<Vec<Str>, ScriptError> {
        let uri = Uri::parse(uri.clone()).map_err(|_| ScriptError::new(format!("`{uri}` is no URI")))?;
        let Some(user) = uri.user_bytes() else { return Ok(Vec::new()) };
        let params = &self.params;
        let (mut user_column, mut domain_column) = (&params.alias_user_column, &params.alias_domain_column);
        let (mut wanted_user, mut wanted_domain) = (&params.user_column, &params.domain_column);
        if flags.reverse {
            std::mem::swap(&mut user_column, &mut wanted_user);
            std::mem::swap(&mut domain_column, &mut wanted_domain);
        }
        let mut filter = vec![Filter::equal(user_column, Value::text(user))];
        if flags.with_domain.unwrap_or(params.use_domain) {
            let host = uri.host();
            let prefix = params.domain_prefix.as_deref().unwrap_or_default();
            let domain = host.strip_prefix(prefix).unwrap_or(&host);
            filter.push(Filter::equal(domain_column, Value::text(domain)));
        }
        let table = String::from_utf8_lossy(table);
        let columns = [&**wanted_user, &**wanted_domain];
        let select = Select { table: &table, columns: &columns, filter: &filter, ..Select::default() };
        let found = match self.database.select(&select).await {
            Ok(found) => found,
            Err(error) => {
                engine::log!(cx.core.log, Error, "{}: alias_db: {error}", cx.place());
                return Ok(Vec::new());
            }
        };
        let uris = found.rows.iter().filter_map(|row| match row.as_slice() {
            [user, domain] => Some(format!("sip:{}@{}", user.to_text()?, domain.to_text()?)),
            _ => None,
        });
        Ok(uris.filter(|uri| Uri::parse(Str::from(&**uri)).is_ok()).map(Str::from).collect())
    }
}

/// Puts the user that the request-URI is an alias of in its place. Flags: `d` the domain does not count, `u` it counts
/// (without them `use_domain` decides), `r` from the user to an alias.
///
/// Returns 1 (replaced), -1 (no alias, or the database did not answer).
#[function(REQUEST | FAILURE)]
pub async fn alias_db_lookup(cx: &mut RouteCx, me: &AliasDb, table: Str, flags: Option<AliasFlags>) -> CallResult {
    let uri = cx.request_uri();
    let mut found = me.find(cx, &table, &uri, flags.unwrap_or_default()).await?.into_iter();
    let Some(first) = found.next() else { return Ok(Return::FALSE) };
    cx.to.set_uri(first);
    if me.params.append_branches {
        let room = usize::try_from(cx.core.settings.max_branches - 1).unwrap_or(0).saturating_sub(cx.to.branches.len());
        cx.to.branches.extend(found.take(room).map(|uri| Branch { uri, ..Branch::default() }));
    }
    Ok(Return::TRUE)
}

/// The same for any URI: what `uri` is an alias of goes into `output`; the request stays as it is.
#[function(REQUEST | FAILURE | ONREPLY | BRANCH | LOCAL)]
pub async fn alias_db_find(
    cx: &mut RouteCx,
    me: &AliasDb,
    table: Str,
    uri: Str,
    output: WritableVariable,
    flags: Option<AliasFlags>,
) -> CallResult {
    let found = me.find(cx, &table, &uri, flags.unwrap_or_default()).await?;
    let Some(first) = found.into_iter().next() else { return Ok(Return::FALSE) };
    let output: Arc<_> = output.0;
    output.set(cx, first.into())?;
    Ok(Return::TRUE)
}
