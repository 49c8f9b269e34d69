//! `is_method`.

use std::sync::Arc;

use engine::script_type::required;
use engine::{ArgSource, CallResult, CompileEnv, Diagnostic, RouteCx, ScriptError, ScriptType, Str, function};
use sip::Method;

/// A list of methods: the known ones as a set of bits, others by name.
pub struct Methods {
    mask: u32,
    others: Vec<Str>,
}

/// A list of methods, compiled at load.
#[derive(Clone)]
pub struct MethodsArg(Arc<Methods>);

impl ScriptType for MethodsArg {
    type Compiled = Arc<Methods>;
    const KIND: &'static str = "methods";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = required(arg)?;
        let text = arg.constant("methods such as INVITE|ACK")?;
        let mut methods = Methods { mask: 0, others: Vec::new() };
        for name in text.split(['|', ',']).map(str::trim) {
            if name.is_empty() || !name.bytes().all(sip::scan::is_token) {
                return Err(arg.error(format!("`{name}` is no method"), "such as INVITE|ACK"));
            }
            match Method::from_bytes(name.to_ascii_uppercase()) {
                Method::Other => methods.others.push(Str::from(name)),
                known => methods.mask |= known.id(),
            }
        }
        Ok(Arc::new(methods))
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// True when the method of the request (of a reply: that of its CSeq) is in the list: `is_method("INVITE|ACK")`. Names
/// are compared without case.
#[function(ANY)]
pub fn is_method(cx: &mut RouteCx, methods: MethodsArg) -> CallResult {
    let methods = &methods.0;
    if cx.message.method().id() & methods.mask != 0 {
        return Ok(true.into());
    }
    if methods.others.is_empty() {
        return Ok(false.into());
    }
    let name = cx.message.method_name();
    Ok(methods.others.iter().any(|other| other.eq_ignore_case(&name)).into())
}
