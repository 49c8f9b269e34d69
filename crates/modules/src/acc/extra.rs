//! The additional values of records: `name=$variable;name=$variable`.

use engine::{Code, CompileEnv, Diagnostic, Expression, InnerName, RouteCx, Str, Value};
use language::span::Span;
use language::variable::parse_variable;

use crate::pv::{AvpKey, AvpName};

/// A value of `log_extra` or `db_extra`.
pub(super) struct Extra {
    pub(super) name: Str,
    /// It is a variable that its dialog keeps.
    pub(super) is_of_dialog: bool,
    variable: Expression,
}

impl Extra {
    /// Its value, if the variable has one.
    pub(super) fn value(&self, cx: &RouteCx) -> Option<Str> {
        let value = self.variable.eval(cx);
        (!value.is_null()).then(|| value.to_str())
    }
}

fn text_of(value: &Value) -> Str {
    if value.is_null() { Str::EMPTY } else { value.to_str() }
}

/// A value of `multi_leg_info`.
pub(super) struct Leg {
    name: Str,
    avp: AvpKey,
}

/// All values of an AVP are read up to here: a call has few legs.
const MAX_LEGS: usize = 256;

/// Calls `append` with number, name and value of each leg's values, leg by leg: the newest values first. There is at least one leg; an AVP
/// with fewer values than others has the empty text in the further legs.
pub(super) fn each_leg(legs: &[Leg], cx: &RouteCx, mut append: impl FnMut(usize, &[u8], &[u8])) {
    if legs.is_empty() {
        return;
    }
    let values: Vec<Vec<Value>> = legs
        .iter()
        .map(|leg| match AvpName::eval(&leg.avp, cx).0 {
            Some(name) => cx.avps.values(&name).take(MAX_LEGS).cloned().collect(),
            None => Vec::new(),
        })
        .collect();
    let count = values.iter().map(Vec::len).max().unwrap_or(0).max(1);
    for at in 0..count {
        for (leg, values) in legs.iter().zip(&values) {
            append(at, &leg.name, &values.get(at).map(text_of).unwrap_or_default());
        }
    }
}

/// Reads `log_extra` and `db_extra`.
pub(super) fn parse_extras(text: &str, span: Span, env: &mut CompileEnv<'_>) -> Result<Vec<Extra>, Diagnostic> {
    let pairs = parse_pairs(text, span)?;
    pairs
        .into_iter()
        .map(|(name, variable)| {
            let is_of_dialog = variable.starts_with("$dlg_var(") || variable.starts_with("$(dlg_var(");
            Ok(Extra { name: Str::from(name), is_of_dialog, variable: env.variable_text(variable, span)? })
        })
        .collect()
}

/// Reads `multi_leg_info`.
pub(super) fn parse_legs(text: &str, span: Span, env: &mut CompileEnv<'_>) -> Result<Vec<Leg>, Diagnostic> {
    let mut legs = Vec::new();
    for (name, text) in parse_pairs(text, span)? {
        let variable = parse_variable(text, span)?;
        if variable.name != "avp" || variable.index.is_some() || !variable.transformations.is_empty() {
            return Err(mistake(span, format!("`{text}` is no AVP"), "each value is of one AVP: `src=$avp(src)`"));
        }
        legs.push(Leg { name: Str::from(name), avp: AvpName::compile(&variable, env)? });
    }
    Ok(legs)
}

fn mistake(span: Span, message: String, label: &str) -> Diagnostic {
    Diagnostic::error(Code::ParamValue, message, span, label)
}

/// Names and variables.
fn parse_pairs(text: &str, span: Span) -> Result<Vec<(&str, &str)>, Diagnostic> {
    let mut pairs = Vec::new();
    let mut rest = text;
    loop {
        let Some((name, behind)) = rest.split_once('=') else {
            return Err(mistake(span, format!("`{rest}` has no `=`"), "write `name=$variable;name=$variable`"));
        };
        let behind = behind.trim_start();
        let (variable, behind) = behind.split_at(variable_end(behind));
        pairs.push((name.trim(), variable));
        let behind = behind.trim_start();
        match behind.strip_prefix(';') {
            Some(next) => rest = next,
            None if behind.is_empty() => return Ok(pairs),
            None => return Err(mistake(span, format!("`{behind}` stands behind a variable"), "a `;` is missing here")),
        }
    }
}

/// Where a variable ends: at a blank or `;` outside of its parentheses.
fn variable_end(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b';' if depth == 0 => return at,
            byte if depth == 0 && byte.is_ascii_whitespace() => return at,
            _ => {}
        }
    }
    text.len()
}
