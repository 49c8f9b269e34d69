//! `avp_db_query`.

use std::sync::Arc;

use engine::script_type::required;
use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Return, RouteCx, ScriptError, ScriptType, Str, Value, function,
};

use super::Avpops;
use super::argument::Avp;
use super::lists::text;

/// A query with more cells than this is an error.
const MOST_CELLS: usize = 1 << 20;

/// AVPs, separated by `;`.
pub(super) struct Targets(Arc<[Avp]>);

impl ScriptType for Targets {
    type Compiled = Arc<[Avp]>;
    const KIND: &'static str = "AVPs";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = text(arg, "AVPs, separated by `;`")?;
        let names = text.split(';').map(str::trim).filter(|name| !name.is_empty());
        let avps: Result<Vec<Avp>, Diagnostic> = names.map(|name| Avp::compile(name, arg, env)).collect();
        let avps = avps?;
        if avps.is_empty() { Err(arg.error("there is no AVP here", "no AVP")) } else { Ok(avps.into()) }
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// Asks the database; the columns go into AVPs: `avp_db_query("select ..", "$avp(a);$avp(b)")`, without a list into
/// `$avp(i:1)`, `$avp(i:2)` .. Every row adds a value, the first one ends on top; `NULL` adds none. Texts of messages
/// must be written with `{sql.val.str}`, or in MySQL as `'$(fU{s.escape.common})'`, as with `sql_query` of module
/// `sqlops`.
///
/// Returns 1 (there are rows), -2 (there are none), -1 (error).
#[function(REQUEST | FAILURE | BRANCH | LOCAL | ONREPLY)]
pub(super) async fn avp_db_query(cx: &mut RouteCx, me: &Avpops, query: Str, dest: Option<Targets>) -> CallResult {
    let database = me.database.as_ref().ok_or("there is no `db_url`")?;
    crate::sqlops::guard(database.url().scheme, &query)?;
    let statement = String::from_utf8_lossy(&query).replace('\0', "\u{fffd}");
    let rows = database.raw(&statement).await.map_err(|error| ScriptError::new(error.to_string()))?.rows;
    if rows.rows.len().saturating_mul(rows.columns.len()) > MOST_CELLS {
        return Err(ScriptError::new(format!("more than {MOST_CELLS} cells")));
    }
    if rows.rows.is_empty() {
        return Ok(Return(-2));
    }
    let keys: Result<Vec<Str>, ScriptError> = match &dest {
        Some(avps) => avps.0.iter().map(|avp| avp.key(cx)).collect(),
        None => Ok((1..=rows.columns.len()).map(|number| Str::from(format!("i:{number}"))).collect()),
    };
    let keys = keys?;
    for row in rows.rows.iter().rev() {
        for (key, cell) in keys.iter().zip(row) {
            let value = crate::sqlops::script_value(cell);
            if value != Value::Null {
                cx.avps.push(key, value);
            }
        }
    }
    Ok(Return::TRUE)
}
