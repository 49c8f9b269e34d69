//! RPC commands: what `kamcmd`, JSON-RPC and the command line call.
//!
//! A command gets its arguments as [`RpcValue`]s and answers a list of them, or a fault. How they travel is the
//! business of the `control` crate.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A value in an argument list or an answer.
#[derive(Clone, PartialEq, Debug)]
pub enum RpcValue {
    /// A number.
    Int(i64),
    /// A number with a fraction; binrpc carries it in thousandths.
    Double(f64),
    /// Text; not necessarily UTF-8.
    Text(Vec<u8>),
    /// Named values in order; a name may repeat, as in Kamailio.
    Struct(Vec<(String, Self)>),
    /// A list.
    Array(Vec<Self>),
    /// JSON's null.
    Null,
}

impl From<&str> for RpcValue {
    fn from(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec())
    }
}
impl From<String> for RpcValue {
    fn from(text: String) -> Self {
        Self::Text(text.into_bytes())
    }
}
impl From<&[u8]> for RpcValue {
    fn from(text: &[u8]) -> Self {
        Self::Text(text.to_vec())
    }
}
impl From<&sip::Str> for RpcValue {
    fn from(text: &sip::Str) -> Self {
        Self::Text(text.to_vec())
    }
}
impl From<i64> for RpcValue {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}
impl From<i32> for RpcValue {
    fn from(number: i32) -> Self {
        Self::Int(i64::from(number))
    }
}
impl From<u32> for RpcValue {
    fn from(number: u32) -> Self {
        Self::Int(i64::from(number))
    }
}
impl From<u16> for RpcValue {
    fn from(number: u16) -> Self {
        Self::Int(i64::from(number))
    }
}
impl From<usize> for RpcValue {
    fn from(number: usize) -> Self {
        Self::Int(number as i64)
    }
}
impl From<f64> for RpcValue {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

impl RpcValue {
    /// A struct from its members.
    pub fn structure<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Struct(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The text of a string, or the digits of a number.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
            Self::Int(number) => Some(number.to_string()),
            Self::Double(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

/// Why a command failed: a number in the style of SIP replies (400, 404, 500) and a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RpcFault {
    /// 400: wrong arguments; 404: not found; 500: failed.
    pub code: i32,
    /// For people.
    pub reason: String,
}

impl RpcFault {
    /// A fault.
    pub fn new(code: i32, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

impl fmt::Display for RpcFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.reason)
    }
}

/// What a command answers: the values that Kamailio's command adds to its reply, in order. Empty: "done".
pub type RpcResult = Result<Vec<RpcValue>, RpcFault>;

/// A running command.
pub type RpcFuture = Pin<Box<dyn Future<Output = RpcResult> + Send>>;

/// A command that can be called.
pub type RpcHandler = Arc<dyn Fn(RpcArguments) -> RpcFuture + Send + Sync>;

/// A descriptor, made by `#[rpc("name")]`.
#[derive(Clone, Copy)]
pub struct RpcDef {
    /// `ul.dump`.
    pub name: &'static str,
    /// What it does; shown by `help`.
    pub doc: &'static str,
    /// Its arguments, for messages: `table aor`, `[brief]`.
    pub arguments: &'static [&'static str],
    /// True when Kamailio marks the command as answering an array: JSON-RPC then prints a list even for one value.
    pub returns_array: bool,
    /// Binds the command to its started module (or the core).
    pub bind: fn(&crate::module::Modules) -> Option<RpcHandler>,
}

/// A command in the table of a running server.
#[derive(Clone)]
pub struct RpcCommand {
    /// What it does.
    pub doc: String,
    /// See [`RpcDef::returns_array`].
    pub returns_array: bool,
    /// The command.
    pub handler: RpcHandler,
}

/// All commands of a running server, by name.
#[derive(Clone, Default)]
pub struct RpcTable {
    /// Sorted by name.
    pub commands: BTreeMap<String, RpcCommand>,
}

impl RpcTable {
    /// Runs a command; an unknown one is the fault "500 command NAME not found" as Kamailio words it.
    pub async fn call(&self, name: &str, arguments: Vec<RpcValue>) -> RpcResult {
        match self.commands.get(name) {
            Some(command) => (command.handler)(RpcArguments::new(arguments)).await,
            None => Err(RpcFault::new(500, format!("command {name} not found"))),
        }
    }
}

/// The arguments of one call, taken one after the other.
#[derive(Clone, Debug, Default)]
pub struct RpcArguments {
    values: std::vec::IntoIter<RpcValue>,
    taken: usize,
}

impl RpcArguments {
    /// From a list.
    #[must_use]
    pub fn new(values: Vec<RpcValue>) -> Self {
        Self { values: values.into_iter(), taken: 0 }
    }

    /// The next one, if any.
    pub fn next_value(&mut self) -> Option<RpcValue> {
        let value = self.values.next();
        self.taken += usize::from(value.is_some());
        value
    }

    /// How many are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.values.len()
    }

    /// The next one as `T`; a fault 400 in Kamailio's words when it is missing or of another type.
    pub fn take<T: RpcArgument>(&mut self) -> Result<T, RpcFault> {
        let at = self.taken;
        let value = self.next_value();
        let found = if value.is_none() { "end of packet encountered" } else { "record doesn't match type" };
        T::from_value(value).map_err(|wanted| {
            RpcFault::new(400, format!("error at parameter {at}: expected {wanted} type but {found}"))
        })
    }
}

/// A Rust type that an RPC argument can become.
pub trait RpcArgument: Sized {
    /// Converts, or names what was wanted.
    fn from_value(value: Option<RpcValue>) -> Result<Self, &'static str>;
}

impl RpcArgument for String {
    fn from_value(value: Option<RpcValue>) -> Result<Self, &'static str> {
        value.and_then(|value| value.to_text()).ok_or("string")
    }
}

impl RpcArgument for i64 {
    fn from_value(value: Option<RpcValue>) -> Result<Self, &'static str> {
        match value {
            Some(RpcValue::Int(number)) => Ok(number),
            Some(RpcValue::Double(number)) => Ok(number as Self),
            Some(RpcValue::Text(text)) => {
                std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok()).ok_or("int")
            }
            _ => Err("int"),
        }
    }
}

impl RpcArgument for f64 {
    fn from_value(value: Option<RpcValue>) -> Result<Self, &'static str> {
        match value {
            Some(RpcValue::Double(number)) => Ok(number),
            other => i64::from_value(other).map(|number| number as Self),
        }
    }
}

impl RpcArgument for RpcValue {
    fn from_value(value: Option<RpcValue>) -> Result<Self, &'static str> {
        value.ok_or("any")
    }
}

impl<T: RpcArgument> RpcArgument for Option<T> {
    fn from_value(value: Option<RpcValue>) -> Result<Self, &'static str> {
        value.map_or(Ok(None), |value| T::from_value(Some(value)).map(Some))
    }
}
