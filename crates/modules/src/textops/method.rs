//! `is_method`.

use std::sync::Arc;

use engine::script_type::required;
use engine::{ArgSource, CallResult, CompileEnv, Diagnostic, RouteCx, ScriptError, ScriptType, Str, function};
use sip::Method;

/// A list of methods, compiled at load: the known ones as a set of bits, others, if any, by name.
#[derive(Clone)]
pub struct Methods {
    mask: u32,
    others: Option<Arc<[Str]>>,
}

impl ScriptType for Methods {
    type Compiled = Self;
    const KIND: &'static str = "methods";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = arg.constant("methods such as INVITE|ACK")?;
        let (mut mask, mut others) = (0, Vec::new());
        for name in text.split(['|', ',']).map(str::trim) {
            if name.is_empty() || !name.bytes().all(sip::scan::is_token) {
                return Err(arg.error(format!("`{name}` is no method"), "such as INVITE|ACK"));
            }
            match Method::from_bytes(name.to_ascii_uppercase()) {
                Method::Other => others.push(Str::from(name)),
                known => mask |= known.id(),
            }
        }
        Ok(Self { mask, others: (!others.is_empty()).then(|| others.into()) })
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(compiled.clone())
    }
}

/// True when the method of the request (of a reply: that of its CSeq) is in the list: `is_method("INVITE|ACK")`. Names
/// are compared without case.
#[function(ANY)]
pub fn is_method(cx: &mut RouteCx, methods: Methods) -> CallResult {
    if cx.message.method().id() & methods.mask != 0 {
        return Ok(true.into());
    }
    let Some(others) = methods.others else { return Ok(false.into()) };
    let name = cx.message.method_name();
    Ok(others.iter().any(|other| other.eq_ignore_case(&name)).into())
}
