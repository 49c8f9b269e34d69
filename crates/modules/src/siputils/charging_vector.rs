//! P-Charging-Vector (RFC 7315 section 4.6): `$pcv(..)`, `sip_p_charging_vector`.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use engine::variable::missing_inner;
use engine::{
    ArgSource, CallResult, Code, CompileEnv, Diagnostic, InnerName, Return, RouteCx, ScriptError, ScriptType, Str,
    Value, function, variable,
};
use language::ast::Variable;
use sip::{EditId, HeaderName, Params};

use super::Siputils;

/// What the script did about the header of this message.
#[derive(Default)]
struct State {
    /// The received headers were taken away.
    removed: bool,
    /// The line made here, without its line end, and the edit that puts it in.
    made: Option<(Str, EditId)>,
}

/// The value in force: of the line made here, else of the received header. The whole of it is the second text.
fn current(cx: &RouteCx) -> Option<(Str, Str)> {
    if let Some(state) = cx.find_data::<State>() {
        if let Some((line, _)) = &state.made {
            return Some((line.slice(NAME.len() + 2..), line.clone()));
        }
        if state.removed {
            return None;
        }
    }
    cx.message.body_named(HeaderName::PChargingVector).map(|value| (value.clone(), value))
}

const NAME: &str = "P-Charging-Vector";

/// A part of the header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everything.
    All,
    /// A parameter.
    Param(&'static str),
}

impl InnerName for Part {
    type Compiled = Self;
    fn compile(variable: &Variable, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        Ok(match &*inner.node {
            "all" => Self::All,
            "value" => Self::Param("icid-value"),
            "genaddr" => Self::Param("icid-generated-at"),
            "orig" => Self::Param("orig-ioi"),
            "term" => Self::Param("term-ioi"),
            "status" => {
                let message = "`$pcv(status)` is not supported yet";
                return Err(Diagnostic::error(Code::NotYet, message, inner.span, "Kamailio has it, Olelo not yet"));
            }
            other => {
                return Err(Diagnostic::error(
                    Code::UnknownVariable,
                    format!("`$pcv({other})` does not exist"),
                    inner.span,
                    "all, value, genaddr, orig or term",
                ));
            }
        })
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Self {
        *compiled
    }
}

/// The P-Charging-Vector: `$pcv(all)` all of it, `$pcv(value)` icid-value, `$pcv(genaddr)` icid-generated-at,
/// `$pcv(orig)` orig-ioi, `$pcv(term)` term-ioi. Null without a value.
#[variable("pcv")]
pub fn pcv(cx: &RouteCx, part: Part) -> Value {
    let current = current(cx);
    match part {
        Part::All => current.map(|(_, all)| all).into(),
        Part::Param(name) => {
            current.and_then(|(value, _)| Params::parse(value)?.get(name).filter(|value| !value.is_empty())).into()
        }
    }
}

/// What to do with the header: `r` remove, `g` generate when missing, `f` both.
#[derive(Clone, Copy)]
pub struct Action {
    remove: bool,
    generate: bool,
}

impl ScriptType for Action {
    type Compiled = Self;
    const KIND: &'static str = "flags";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let arg = engine::script_type::required(arg)?;
        let text = arg.constant("`r`, `g` or `f`")?;
        let has = |letters: &str| text.chars().any(|letter| letters.contains(letter));
        if !has("rRgGfF") || text.chars().any(|letter| !"rRgGfF".contains(letter)) {
            return Err(arg.error(format!("`{text}` is no action"), "`r` remove, `g` generate, `f` both"));
        }
        Ok(Self { remove: has("rRfF"), generate: has("gGfF") })
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(*compiled)
    }
}

/// Removes (`r`) or generates (`g`, when there is none) the P-Charging-Vector header, or replaces it by a new one (`f`).
#[function(ANY)]
pub fn sip_p_charging_vector(cx: &mut RouteCx, me: &Siputils, action: Action) -> CallResult {
    if action.remove {
        remove(cx);
    }
    if action.generate && current(cx).is_none() {
        generate(cx, me);
    }
    Ok(Return::TRUE)
}

fn remove(cx: &mut RouteCx) {
    let ranges: Vec<_> = cx.message.headers_named(HeaderName::PChargingVector).map(sip::Header::range).collect();
    for range in ranges {
        if !cx.message.edits().deletes(range.clone()) {
            cx.message.edits_mut().delete(range);
        }
    }
    let state = cx.data::<State>();
    state.removed = true;
    if let Some((_, edit)) = state.made.take() {
        // Already part of the message when changes were applied since; then it was deleted above.
        cx.message.edits_mut().remove(edit);
    }
}

fn generate(cx: &mut RouteCx, me: &Siputils) {
    let address = cx.core.socket(cx.received.socket).map_or(cx.received.destination.ip(), |socket| socket.address.ip());
    let address = if address.is_unspecified() { cx.received.destination.ip() } else { address };
    let number = me.charging_vectors.fetch_add(1, Ordering::Relaxed);
    let line = Str::from(format!(
        "{NAME}: icid-value={}; icid-generated-at={}",
        icid(address, cx.core.unix_time(), number, rand::random()),
        shown(address)
    ));
    let end = cx.message.headers_end();
    let edit = cx.message.edits_mut().insert_before(end, format!("{line}\r\n"));
    cx.data::<State>().made = Some((line, edit));
}

fn shown(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// 32 hexadecimal digits that no other server and no restart repeats: address, time, counter and chance.
fn icid(address: IpAddr, time: i64, number: u32, chance: [u8; 3]) -> String {
    let address = match address.to_canonical() {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(address) => {
            let [.., a, b, c, d] = address.octets();
            [a, b, c, d]
        }
    };
    let bytes = b"I".iter().chain(&address).chain(&chance).copied();
    let numbers = [(time as u32).to_be_bytes(), number.to_be_bytes()].concat();
    bytes.chain(numbers).map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn icids_have_32_digits() {
        let icid = super::icid("127.0.0.1".parse().unwrap(), 1, 2, [3, 4, 5]);
        assert_eq!(icid, "497F0000010304050000000100000002");
        assert_eq!(super::icid("::1".parse().unwrap(), 1, 2, [3, 4, 5]).len(), 32);
    }
}
