//! What DNS queries found, kept with the message, and the variables that show it.

use std::net::IpAddr;

use engine::variable::{InnerName, missing_inner};
use engine::{Code, CompileEnv, Diagnostic, Expression, RouteCx, ScriptError, Str, Value, variable};
use language::ast::Variable;
use transport::resolve::{NaptrRecord, SrvRecord};

/// So many results of a kind are kept with a message.
const MOST: usize = 64;

/// The results of one kind of query, by the name that the script gave them.
pub(super) struct Named<T>(Vec<(Str, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Named<T> {
    /// Keeps a result; an older one of that name goes.
    pub(super) fn put(&mut self, name: Str, result: T) -> Result<(), ScriptError> {
        self.0.retain(|(known, _)| *known != name);
        if self.0.len() >= MOST {
            return Err(ScriptError::new(format!("more than {MOST} results of DNS queries")));
        }
        self.0.push((name, result));
        Ok(())
    }

    /// Forgets a result.
    pub(super) fn forget(&mut self, name: &Str) {
        self.0.retain(|(known, _)| known != name);
    }

    fn get(&self, name: &Str) -> Option<&T> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, result)| result)
    }
}

/// The addresses of a host.
#[derive(Default)]
pub(super) struct Addresses(pub(super) Named<Vec<IpAddr>>);

/// SRV records.
#[derive(Default)]
pub(super) struct Services(pub(super) Named<Vec<SrvRecord>>);

/// NAPTR records.
#[derive(Default)]
pub(super) struct Rules(pub(super) Named<Vec<NaptrRecord>>);

/// The host names of an address.
#[derive(Default)]
pub(super) struct Hosts(pub(super) Named<(IpAddr, Vec<String>)>);

/// The keys of a variable: those of one value, and those of a list.
trait Keys {
    const VARIABLE: &'static str;
    const SINGLE: &'static [&'static str];
    const LISTED: &'static [&'static str];
    /// A key of a list may stand without an index: the first entry.
    const INDEX_OPTIONAL: bool = false;
}

/// `name=>key` or `name=>key[index]`.
pub struct Field<K> {
    name: Str,
    key: &'static str,
    index: i64,
    keys: std::marker::PhantomData<K>,
}

/// The compiled form of a [`Field`].
pub struct CompiledField {
    name: Str,
    key: &'static str,
    index: Option<Expression>,
}

impl<K: Keys> InnerName for Field<K> {
    type Compiled = CompiledField;
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<CompiledField, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        let wrong = |label: String| {
            let message = format!("`${}({})` does not exist", K::VARIABLE, inner.node);
            Diagnostic::error(Code::UnknownVariable, message, inner.span, label)
        };
        let (name, key) = inner.node.split_once("=>").ok_or_else(|| wrong("a name, `=>` and a key".to_owned()))?;
        let (name, key) = (name.trim(), key.trim());
        let (key, index) = match key.strip_suffix(']').and_then(|key| key.split_once('[')) {
            Some((key, index)) => (key, Some(index.trim())),
            None => (key, None),
        };
        if let Some(key) = K::SINGLE.iter().find(|known| **known == key).filter(|_| index.is_none()) {
            return Ok(CompiledField { name: Str::from(name), key, index: None });
        }
        let listed = K::LISTED.iter().find(|known| **known == key);
        let key = listed.filter(|_| index.is_some() || K::INDEX_OPTIONAL).ok_or_else(|| {
            let listed = K::LISTED.iter().map(|key| format!(", `{key}[0]`")).collect::<String>();
            wrong(format!("the keys are `{}`{listed}", K::SINGLE.join("`, `")))
        })?;
        let index = match index {
            None => None,
            Some(index) if index.starts_with('$') => Some(env.variable_text(index, inner.span)?),
            Some(index) => match index.parse() {
                Ok(index) => Some(Expression::Constant(Value::Int(index))),
                Err(_) => return Err(wrong("the index must be a number or a variable".to_owned())),
            },
        };
        Ok(CompiledField { name: Str::from(name), key, index })
    }

    fn eval(compiled: &CompiledField, cx: &RouteCx) -> Self {
        // Text that is no number shows no entry.
        let index = compiled.index.as_ref().map_or(Some(0), |index| index.eval(cx).to_int());
        let (name, key, keys) = (compiled.name.clone(), compiled.key, std::marker::PhantomData);
        Self { name, key, index: index.unwrap_or(-1), keys }
    }
}

impl<K> Field<K> {
    fn of<'a, T>(&self, list: &'a [T]) -> Option<&'a T> {
        usize::try_from(self.index).ok().and_then(|index| list.get(index))
    }
}

/// 4 or 6.
fn version(address: &IpAddr) -> i64 {
    if address.is_ipv4() { 4 } else { 6 }
}

/// The keys of `$dns(..)`.
pub struct DnsKeys;
impl Keys for DnsKeys {
    const VARIABLE: &'static str = "dns";
    const SINGLE: &'static [&'static str] = &["count", "ipv4", "ipv6"];
    const LISTED: &'static [&'static str] = &["addr", "type"];
    const INDEX_OPTIONAL: bool = true;
}

/// What `dns_query` found, by its second argument: `$dns(id=>count)` how many addresses, `$dns(id=>ipv4)` and
/// `$dns(id=>ipv6)` 1 when there are such, `$dns(id=>addr[0])` an address, `$dns(id=>type[0])` its kind, 4 or 6. The
/// index may be a variable. `$null` without such a query or entry.
#[variable("dns")]
pub fn dns(cx: &RouteCx, field: Field<DnsKeys>) -> Value {
    let Some(list) = cx.find_data::<Addresses>().and_then(|found| found.0.get(&field.name)) else {
        return Value::Null;
    };
    match field.key {
        "count" => list.len().into(),
        "ipv4" => i64::from(list.iter().any(IpAddr::is_ipv4)).into(),
        "ipv6" => i64::from(list.iter().any(IpAddr::is_ipv6)).into(),
        "addr" => field.of(list).map(ToString::to_string).into(),
        _ => field.of(list).map(version).into(),
    }
}

/// The keys of `$ptrquery(..)`.
pub struct PtrKeys;
impl Keys for PtrKeys {
    const VARIABLE: &'static str = "ptrquery";
    const SINGLE: &'static [&'static str] = &["addr", "type", "ipv4", "ipv6", "count", "hostname"];
    const LISTED: &'static [&'static str] = &[];
}

/// What `ptr_query` found, by its second argument: `$ptrquery(id=>hostname)` the (first) host name,
/// `$ptrquery(id=>count)` how many there are, `$ptrquery(id=>addr)` the address that was asked for,
/// `$ptrquery(id=>type)` its kind (4 or 6), `$ptrquery(id=>ipv4)` and `$ptrquery(id=>ipv6)` 1 when it is one. `$null`
/// without such a query.
#[variable("ptrquery")]
pub fn ptrquery(cx: &RouteCx, field: Field<PtrKeys>) -> Value {
    let Some((address, names)) = cx.find_data::<Hosts>().and_then(|found| found.0.get(&field.name)) else {
        return Value::Null;
    };
    match field.key {
        "addr" => address.to_string().into(),
        "type" => version(address).into(),
        "ipv4" => i64::from(address.is_ipv4()).into(),
        "ipv6" => i64::from(address.is_ipv6()).into(),
        "count" => names.len().into(),
        _ => names.first().map(|name| Str::from(name.as_str())).into(),
    }
}

/// The keys of `$srvquery(..)`.
pub struct SrvKeys;
impl Keys for SrvKeys {
    const VARIABLE: &'static str = "srvquery";
    const SINGLE: &'static [&'static str] = &["count"];
    const LISTED: &'static [&'static str] = &["port", "priority", "target", "weight"];
}

/// What `srv_query` found, by its second argument: `$srvquery(id=>count)` how many records, and of each
/// `$srvquery(id=>port[0])`, `priority`, `target` and `weight`. The index may be a variable.
#[variable("srvquery")]
pub fn srvquery(cx: &RouteCx, field: Field<SrvKeys>) -> Value {
    let Some(list) = cx.find_data::<Services>().and_then(|found| found.0.get(&field.name)) else {
        return Value::Null;
    };
    let record = field.of(list);
    match field.key {
        "count" => list.len().into(),
        "port" => record.map(|record| record.port).into(),
        "priority" => record.map(|record| record.priority).into(),
        "weight" => record.map(|record| record.weight).into(),
        _ => record.map(|record| record.target.as_str()).into(),
    }
}

/// The keys of `$naptrquery(..)`.
pub struct NaptrKeys;
impl Keys for NaptrKeys {
    const VARIABLE: &'static str = "naptrquery";
    const SINGLE: &'static [&'static str] = &["count"];
    const LISTED: &'static [&'static str] = &["order", "pref", "flags", "services", "regex", "replace"];
}

/// What `naptr_query` found, by its second argument: `$naptrquery(id=>count)` how many records, and of each
/// `$naptrquery(id=>order[0])`, `pref`, `flags`, `services`, `regex` and `replace`. The index may be a variable.
#[variable("naptrquery")]
pub fn naptrquery(cx: &RouteCx, field: Field<NaptrKeys>) -> Value {
    let Some(list) = cx.find_data::<Rules>().and_then(|found| found.0.get(&field.name)) else {
        return Value::Null;
    };
    let record = field.of(list);
    match field.key {
        "count" => list.len().into(),
        "order" => record.map(|record| record.order).into(),
        "pref" => record.map(|record| record.preference).into(),
        "flags" => record.map(|record| record.flags.as_str()).into(),
        "services" => record.map(|record| record.services.as_str()).into(),
        "regex" => record.map(|record| record.regexp.as_str()).into(),
        _ => record.map(|record| record.replacement.as_str()).into(),
    }
}
