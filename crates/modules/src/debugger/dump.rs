//! `dbg_pv_dump`: variables as JSON.

use engine::log::Level;
use engine::xavp::{Xlist, Xvalue};
use engine::{CallResult, CompileEnv, Return, RouteCx, ScriptError, Str, Value, function};

use super::level_of;

/// What is shown, by bit of the mask.
const NULLS: i64 = 1;
const AVPS: i64 = 2;
const VARS: i64 = 4;
const XAVPS: i64 = 8;
const OTHERS: i64 = 16;

/// The other variables that are shown, when module `pv` is there.
const OTHER: [&str; 10] = ["$rm", "$ru", "$du", "$fu", "$tu", "$ci", "$cs", "$si", "$sp", "$rc"];

/// A text as JSON writes it.
fn quoted(text: &[u8], out: &mut String) {
    out.push('"');
    for character in String::from_utf8_lossy(text).chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

fn value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Str(text) => quoted(text, out),
    }
}

/// A JSON object that grows.
struct Object(String);

impl Object {
    fn entry(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        quoted(name.as_bytes(), &mut self.0);
        self.0.push(':');
        write(&mut self.0);
    }

    fn finish(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }
}

/// The distinct names of a list, as they come.
fn names<'n>(all: impl Iterator<Item = &'n Str>) -> Vec<&'n Str> {
    let mut distinct: Vec<&Str> = Vec::new();
    for name in all {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct
}

fn list<'v>(values: impl Iterator<Item = &'v Value>, out: &mut String) {
    out.push('[');
    for (at, one) in values.enumerate() {
        if at > 0 {
            out.push(',');
        }
        value(one, out);
    }
    out.push(']');
}

/// The values of one name of an xavp, newest first.
fn fields(of: &Xlist, name: &Str, depth: usize, out: &mut String) {
    out.push('[');
    let mut first = true;
    for (_, item) in of.items.iter().filter(|(key, _)| key == name) {
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        match item {
            Xvalue::Simple(simple) => value(simple, out),
            // Values of values nest as deep as the script made them.
            Xvalue::List(inner) if depth < 16 => object(inner, depth + 1, out),
            Xvalue::List(_) => out.push_str("{}"),
        }
    }
    out.push(']');
}

fn object(of: &Xlist, depth: usize, out: &mut String) {
    let mut inner = Object(String::new());
    for name in names(of.items.iter().map(|(key, _)| key)) {
        inner.entry(&name.to_text(), |out| fields(of, name, depth, out));
    }
    out.push_str(&inner.finish());
}

fn others(cx: &RouteCx, nulls: bool, out: &mut Object) {
    let (Some(modules), Some(catalog)) = (cx.core.modules.get(), cx.core.catalog.get()) else { return };
    if !modules.is_loaded("pv") {
        return;
    }
    for name in OTHER {
        let mut env = CompileEnv::new(&cx.core, modules, catalog);
        let Ok(variable) = env.variable_text(name, language::span::Span::default()) else { continue };
        let read = variable.eval(cx);
        if nulls || !read.is_null() {
            out.entry(name, |out| value(&read, out));
        }
    }
}

/// The variables as one JSON object.
fn dump(cx: &RouteCx, mask: i64) -> String {
    let mut out = Object(String::new());
    if mask & OTHERS != 0 {
        others(cx, mask & NULLS != 0, &mut out);
    }
    if mask & VARS != 0 {
        for (slot, name) in cx.core.var_names.read().iter().enumerate() {
            out.entry(&format!("$var({name})"), |out| value(&cx.vars.get(slot as u32), out));
        }
    }
    if mask & AVPS != 0 {
        for name in names(cx.avps.iter().map(|(key, _)| key)) {
            out.entry(&format!("$avp({})", name.to_text()), |out| list(cx.avps.values(name), out));
        }
    }
    if mask & XAVPS != 0 {
        for (kind, of) in [("xavp", &cx.xavps.xavp), ("xavu", &cx.xavps.xavu), ("xavi", &cx.xavps.xavi)] {
            for name in names(of.items.iter().map(|(key, _)| key)) {
                out.entry(&format!("${kind}({})", name.to_text()), |out| fields(of, name, 0, out));
            }
        }
    }
    out.finish()
}

/// Logs variables as one line of JSON. `mask` is a sum of: 1 others that are `$null`, 2 `$avp`, 4 `$var`, 8 `$xavp`,
/// `$xavu` and `$xavi`, 16 others (`$rm`, `$ru`, `$du`, `$fu`, `$tu`, `$ci`, `$cs`, `$si`, `$sp`, `$rc`); default: 31.
/// `level`: `L_ERR`, or a number; default: `L_DBG`.
#[function(ANY)]
pub fn dbg_pv_dump(cx: &mut RouteCx, mask: Option<i64>, level: Option<Value>) -> CallResult {
    let mask = mask.unwrap_or(31);
    if !(0..=31).contains(&mask) {
        return Err(ScriptError::new(format!("the mask {mask} is not from 0 to 31")));
    }
    let level = level.as_ref().map_or(Ok(Level::Debug), level_of)?;
    if cx.core.log.enabled_for(level, module_path!()) {
        cx.core.log.write_for(level, module_path!(), &dump(cx, mask));
    }
    Ok(Return::TRUE)
}
