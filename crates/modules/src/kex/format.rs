//! Printing into a variable.

use engine::script_type::WritableVariable;
use engine::{CallResult, Return, RouteCx, Value, function};

fn print(cx: &mut RouteCx, variable: &WritableVariable, format: &Value) -> CallResult {
    // A missing value prints as `<null>`, also when it is all there is.
    let mut text = Vec::new();
    format.append_to(&mut text);
    variable.0.set(cx, text.into())?;
    Ok(Return::TRUE)
}

/// Writes a text with variables into a variable: `pv_printf("$var(x)", "r-uri: $ru")`. False when the variable does not
/// take it.
#[function(ANY)]
pub fn pv_printf(cx: &mut RouteCx, variable: WritableVariable, format: Value) -> CallResult {
    print(cx, &variable, &format)
}

/// The same as `pv_printf`; an AVP gets a further value on top.
#[function(ANY)]
pub fn avp_printf(cx: &mut RouteCx, variable: WritableVariable, format: Value) -> CallResult {
    print(cx, &variable, &format)
}
