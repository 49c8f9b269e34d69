//! `avp_db_load`, `avp_db_store`, `avp_db_delete`.

use std::sync::Arc;

use database::{Change, Database, Filter, Select, Value as Cell};
use engine::script_type::required;
use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Expression, Return, RouteCx, ScriptError, ScriptType, Str, Value,
    function,
};
use sip::Uri;

use super::Avpops;
use super::argument::{Avp, parts};
use super::lists::{Kind, text};
use super::params::Scheme;

/// Values that one call stores; the statements of a database have a length.
const MOST_STORED: usize = 500;

/// Whose values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    Uuid,
    /// User, and domain when `use_domain` says so.
    Uri,
    Username,
    Domain,
}

/// `$fu/username`
pub(super) struct Source(Arc<(Expression, By)>);

impl ScriptType for Source {
    type Compiled = Arc<(Expression, By)>;
    const KIND: &'static str = "user";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = text(arg, "`$fu`, `$ru/username` ..")?;
        let (name, by) = match parts(&text)[..] {
            [name] => (name, None),
            [name, by] => (name, Some(by)),
            _ => return Err(arg.error(format!("`{text}` has too many parts"), "expected `$fu/username`")),
        };
        let by = match by {
            None if matches!(name, "$ru" | "$fu" | "$tu" | "$ou") => By::Uri,
            None | Some("uuid") => By::Uuid,
            Some("uri") => By::Uri,
            Some("username") => By::Username,
            Some("domain") => By::Domain,
            Some(other) => {
                let mistake = arg.error(format!("`{other}` is no part of a user"), "unknown");
                return Err(mistake.did_you_mean(other, ["uuid", "uri", "username", "domain"]));
            }
        };
        if name.is_empty() {
            return Err(arg.error("whose values?", "a variable or a text"));
        }
        let value = if name.starts_with('$') {
            env.variable_text(name, arg.span())?
        } else {
            Expression::Constant(Value::from(name))
        };
        Ok(Arc::new((value, by)))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

pub(super) enum Which {
    One(Avp),
    Kind(Kind),
}

/// A compiled second argument.
pub(super) struct Compiled {
    which: Which,
    table: Option<String>,
    scheme: Option<Scheme>,
}

/// `$avp(name)/table`, `$avp(name)/$scheme`, `s`
pub(super) struct Stored(Arc<Compiled>);

impl ScriptType for Stored {
    type Compiled = Arc<Compiled>;
    const KIND: &'static str = "AVPs in a table";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let module = env.module::<Avpops>(arg.span())?;
        if module.database.is_none() {
            return Err(arg.error("module `avpops` has no database", "needs the parameter `db_url`"));
        }
        let text = text(arg, "`$avp(name)/table`")?;
        let (name, place) = match parts(&text)[..] {
            [name] => (name, None),
            [name, place] => (name, Some(place.trim())),
            _ => return Err(arg.error(format!("`{text}` has too many parts"), "expected `$avp(name)/table`")),
        };
        let name = name.trim().trim_end_matches(':');
        let which = if name.starts_with('$') {
            Which::One(Avp::compile(name, arg, env)?)
        } else {
            Which::Kind(Kind::parse(name, arg)?)
        };
        let (mut table, mut scheme) = (None, None);
        match place {
            None => {}
            Some(place) => match place.strip_prefix('$') {
                Some(name) => {
                    let known = || module.params.db_scheme.iter();
                    let found = known().find(|scheme| scheme.name == name).cloned();
                    scheme = Some(found.ok_or_else(|| {
                        let mistake = arg.error(format!("there is no scheme `{name}`"), "no `db_scheme` defines it");
                        mistake.did_you_mean(name, known().map(|scheme| scheme.name.as_str()))
                    })?);
                }
                None if database::is_name(place) => table = Some(place.to_owned()),
                None => return Err(arg.error(format!("`{place}` is no name of a table"), "letters, digits, `_`")),
            },
        }
        if scheme.is_some() && matches!(which, Which::Kind(_)) {
            return Err(arg.error("with a scheme the AVP must have a name", "write `$avp(name)/$scheme`"));
        }
        Ok(Arc::new(Compiled { which, table, scheme }))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// A name as the table has it, and the bit of `type` that says whether it is a number.
fn attribute(key: &Str) -> (String, i64) {
    match key.strip_prefix(b"i:") {
        Some(number) => (String::from_utf8_lossy(number).into_owned(), 2),
        None => (String::from_utf8_lossy(key).into_owned(), 0),
    }
}

/// What a call works on.
struct Call<'a> {
    me: &'a Avpops,
    database: &'a Database,
    table: &'a str,
    stored: &'a Compiled,
    /// Columns that say whose rows.
    user: Vec<(&'a str, String)>,
}

impl<'a> Call<'a> {
    fn new(me: &'a Avpops, cx: &RouteCx, source: &Source, stored: &'a Stored) -> Result<Self, ScriptError> {
        let (stored, params) = (&*stored.0, &me.params);
        let database = me.database.as_ref().ok_or("there is no `db_url`")?;
        let value = source.0.0.eval(cx);
        if value.is_null() {
            return Err("the user has no value ($null)".into());
        }
        let value = value.to_str();
        let columns = match &stored.scheme {
            Some(scheme) => (scheme.uuid.as_deref(), scheme.username.as_deref(), scheme.domain.as_deref()),
            None => (Some(&*params.uuid_column), Some(&*params.username_column), Some(&*params.domain_column)),
        };
        let lacks = |what: &str| ScriptError::new(format!("the scheme has no `{what}`"));
        let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut user = Vec::new();
        if source.0.1 == By::Uuid {
            user.push((columns.0.ok_or_else(|| lacks("uuid_col"))?, string(&value)));
        } else {
            let uri = Uri::parse(value.clone()).map_err(|_| ScriptError::new(format!("`{value}` is no URI")))?;
            if source.0.1 != By::Domain {
                let name = uri.user_bytes().unwrap_or_default();
                user.push((columns.1.ok_or_else(|| lacks("username_col"))?, string(name)));
            }
            if source.0.1 == By::Domain || source.0.1 == By::Uri && params.use_domain {
                user.push((columns.2.ok_or_else(|| lacks("domain_col"))?, string(&uri.host())));
            }
        }
        let own = stored.scheme.as_ref().map(|scheme| scheme.table.as_str());
        let table = own.or(stored.table.as_deref()).or(params.avp_table.as_deref()).ok_or("there is no `avp_table`")?;
        Ok(Self { me, database, table, stored, user })
    }

    fn filter(&self) -> Vec<Filter<'a>> {
        self.user.iter().map(|(column, value)| Filter::equal(column, value.as_str())).collect()
    }
}

fn failed(error: &database::Error) -> ScriptError {
    ScriptError::new(error.to_string())
}

/// Loads values of a user from the database: `avp_db_load("$fu", "$avp(name)")`. The user: `$ru`, `$fu`, `$tu`, `$ou`
/// are URIs (user, with `use_domain` the domain, too); other variables and texts are a `uuid`; `/username`, `/domain`,
/// `/uri`, `/uuid` say it otherwise. The values: one AVP, or `a` all, `i` those with numbers as names, `s` those with
/// texts; behind a slash another table or `$scheme` (parameter `db_scheme`).
///
/// Returns 1; -1 when nothing was loaded.
#[function(REQUEST | FAILURE | BRANCH | LOCAL | ONREPLY)]
pub(super) async fn avp_db_load(cx: &mut RouteCx, me: &Avpops, source: Source, name: Stored) -> CallResult {
    let call = Call::new(me, cx, &source, &name)?;
    let params = &me.params;
    let mut filter = call.filter();
    let wanted = match &call.stored.which {
        Which::One(avp) => Some(avp.key(cx)?),
        Which::Kind(_) => None,
    };
    if let (Some(scheme), Some(key)) = (&call.stored.scheme, &wanted) {
        let columns = [&*scheme.value];
        let select = Select { table: call.table, columns: &columns, filter: &filter, ..Select::default() };
        let rows = call.database.select(&select).await.map_err(|error| failed(&error))?;
        let values: Vec<Value> = rows.rows.iter().filter_map(|row| value(row.first()?, scheme.is_number)).collect();
        let is_some = !values.is_empty();
        values.into_iter().for_each(|value| cx.avps.push(key, value));
        return Ok(is_some.into());
    }
    if let Some(key) = &wanted {
        filter.push(Filter::equal(&params.attribute_column, attribute(key).0));
    }
    let columns = [&*params.attribute_column, &*params.type_column, &*params.value_column];
    let select = Select { table: call.table, columns: &columns, filter: &filter, ..Select::default() };
    let rows = call.database.select(&select).await.map_err(|error| failed(&error))?;
    let mut is_some = false;
    for row in &rows.rows {
        let [name, kind, cell] = &row[..] else { continue };
        let (Some(name), kind) = (name.to_text(), kind.to_int().unwrap_or(0)) else { continue };
        let key = if kind & 2 == 0 { Str::from(&*name) } else { Str::from(format!("i:{name}")) };
        let is_meant = match (&wanted, &call.stored.which) {
            (Some(wanted), _) => *wanted == key,
            (None, Which::Kind(of)) => of.fits(&key),
            (None, Which::One(_)) => false,
        };
        if let Some(value) = value(cell, kind & 1 != 0).filter(|_| is_meant && !key.is_empty()) {
            cx.avps.push(&key, value);
            is_some = true;
        }
    }
    Ok(is_some.into())
}

/// `None` for `NULL`; a text where a number is expected is no value.
fn value(cell: &Cell, is_number: bool) -> Option<Value> {
    if is_number { cell.to_int().map(Value::Int) } else { cell.to_text().map(|text| Value::from(&*text)) }
}

/// Adds the values of an AVP to those of a user in the database, the newest first; those that are there stay.
/// Arguments as those of `avp_db_load`.
///
/// Returns 1; -1 when there is no value, or the database did not take it.
#[function(REQUEST | FAILURE | BRANCH | LOCAL | ONREPLY)]
pub(super) async fn avp_db_store(cx: &mut RouteCx, me: &Avpops, source: Source, name: Stored) -> CallResult {
    let call = Call::new(me, cx, &source, &name)?;
    let params = &call.me.params;
    let values: Vec<(Str, Value)> = match &call.stored.which {
        Which::One(avp) => {
            let key = avp.key(cx)?;
            cx.avps.values(&key).map(|value| (key.clone(), value.clone())).collect()
        }
        Which::Kind(kind) => cx.avps.iter().filter(|(key, _)| kind.fits(key)).cloned().collect(),
    };
    if values.is_empty() {
        return Ok(Return::FALSE);
    }
    if values.len() > MOST_STORED {
        return Err(ScriptError::new(format!("more than {MOST_STORED} values")));
    }
    let mut columns: Vec<&str> = call.user.iter().map(|(column, _)| *column).collect();
    match &call.stored.scheme {
        Some(scheme) => columns.push(&scheme.value),
        None => columns.extend([&*params.attribute_column, &*params.type_column, &*params.value_column]),
    }
    let row = |(key, value): &(Str, Value)| {
        let mut row: Vec<Cell> = call.user.iter().map(|(_, value)| Cell::from(value.as_str())).collect();
        match &call.stored.scheme {
            Some(scheme) if scheme.is_number => row.push(value.to_int().map_or(Cell::Null, Cell::Int)),
            Some(_) => row.push(Cell::text(&value.to_str())),
            None => {
                let (name, bit) = attribute(key);
                let kind = bit | i64::from(matches!(value, Value::Int(_)));
                row.extend([Cell::from(name), Cell::Int(kind), Cell::text(&value.to_str())]);
            }
        }
        row
    };
    let rows = values.iter().map(row).collect();
    let change = Change::Insert { table: call.table, columns: &columns, rows };
    call.database.apply(vec![change]).await.map_err(|error| failed(&error))?;
    Ok(Return::TRUE)
}

/// Removes values of a user from the database. Arguments as those of `avp_db_load`.
///
/// Returns 1, also when there was none; -1 when the database did not do it.
#[function(REQUEST | FAILURE | BRANCH | LOCAL | ONREPLY)]
pub(super) async fn avp_db_delete(cx: &mut RouteCx, me: &Avpops, source: Source, name: Stored) -> CallResult {
    let call = Call::new(me, cx, &source, &name)?;
    let params = &call.me.params;
    let mut filter = call.filter();
    let kinds: &[i64] = match &call.stored.which {
        Which::One(avp) if call.stored.scheme.is_none() => {
            let (name, bit) = attribute(&avp.key(cx)?);
            filter.push(Filter::equal(&params.attribute_column, name));
            if bit == 2 { &[2, 3] } else { &[0, 1] }
        }
        Which::Kind(Kind::Number) => &[2, 3],
        Which::Kind(Kind::Text) => &[0, 1],
        Which::One(_) | Which::Kind(Kind::Any) => &[],
    };
    let table = call.table;
    let changes: Vec<Change<'_>> = if kinds.is_empty() {
        vec![Change::Delete { table, filter }]
    } else {
        let of_kind = |kind: &i64| {
            let mut filter = filter.clone();
            filter.push(Filter::equal(&params.type_column, *kind));
            Change::Delete { table, filter }
        };
        kinds.iter().map(of_kind).collect()
    };
    call.database.apply(changes).await.map_err(|error| failed(&error))?;
    Ok(Return::TRUE)
}
