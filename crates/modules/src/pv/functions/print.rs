//! Log lines with all XAVPs, for finding mistakes in a script.

use engine::log::Level;
use engine::xavp::{Xlist, Xvalue};
use engine::{CallResult, Return, RouteCx, Value, function};

use super::super::variables::Family;

fn list(cx: &RouteCx, family: Family, list: &Xlist, level: usize) {
    let label = family.label();
    let line = |text: String| cx.core.log.write(Level::Info, &text);
    line(format!("+++++ start {label} list (level={level})"));
    for (name, value) in &list.items {
        line(format!("     *** (l:{level}) {label} name: {name}"));
        match value {
            Xvalue::Simple(Value::Int(number)) => line(format!("     {label} value (int): {number}")),
            Xvalue::Simple(Value::Str(text)) => line(format!("     {label} value (str): {text}")),
            Xvalue::Simple(Value::Null) => line(format!("     {label} value: <null>")),
            Xvalue::List(inner) => self::list(cx, family, inner, level + 1),
        }
    }
    line(format!("----- end {label} list (level={level})"));
}

fn print(cx: &RouteCx, family: Family) -> CallResult {
    if cx.core.log.enabled(Level::Info) {
        list(cx, family, family.list(&cx.xavps), 0);
    }
    Ok(Return::TRUE)
}

/// Writes all XAVPs to the log at level info.
#[function(ANY)]
pub fn pv_xavp_print(cx: &mut RouteCx) -> CallResult {
    print(cx, Family::Xavp)
}

/// Writes all XAVUs to the log at level info.
#[function(ANY)]
pub fn pv_xavu_print(cx: &mut RouteCx) -> CallResult {
    print(cx, Family::Xavu)
}

/// Writes all XAVIs to the log at level info.
#[function(ANY)]
pub fn pv_xavi_print(cx: &mut RouteCx) -> CallResult {
    print(cx, Family::Xavi)
}
