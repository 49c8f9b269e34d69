//! Variables in `modparamx` and `loadmodulex` lines: they are evaluated once, when the configuration is loaded.

use std::sync::Arc;

use language::ast::{ConfigValue, FormatPiece, Variable};
use language::diagnostic::{Code, Diagnostic};
use language::span::{Span, Spanned};
use language::variable::parse_format;

use super::Chosen;
use crate::compile::{Catalog, CompileEnv};
use crate::core::Core;
use crate::module::Modules;
use crate::params::ParamKind;
use crate::route_cx::RouteCx;

/// The variables that have a value without any message.
const KNOWN: &[&str] = &[
    "def", "defn", "defs", "defv", "env", "envn", "version", "pp", "sid", "Ts", "TS", "Tf", "TF", "Tb", "HN", "time",
    "utime", "timef", "utimef", "null",
];

fn of_message(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(
        Code::ParamValue,
        format!("`${name}` has no value while the configuration is loaded"),
        span,
        "a variable of messages, or of the running server",
    )
    .help(format!("usable here: ${}", KNOWN.join(", $")))
}

/// The name in a `loadmodulex` line: `$env(..)` and `$def(..)` are replaced.
pub(super) fn file_name(
    written: &Spanned<String>,
    defines: &[(String, Option<String>)],
) -> Result<Spanned<String>, Diagnostic> {
    let mut text = String::new();
    for piece in parse_format(&written.node, written.span)? {
        match piece {
            FormatPiece::Text(plain) => text.push_str(&plain),
            FormatPiece::Variable(variable) => text.push_str(&simple(&variable, defines)?),
        }
    }
    Ok(Spanned::new(text, written.span))
}

/// A variable that needs no module.
fn simple(variable: &Variable, defines: &[(String, Option<String>)]) -> Result<String, Diagnostic> {
    let wrong = |message: String, label: &str| Diagnostic::error(Code::ParamValue, message, variable.span, label);
    if !matches!(&*variable.name, "env" | "def" | "defn" | "defs" | "defv") {
        let help = "the name of a module can hold $env(..) and $def(..)";
        return Err(of_message(&variable.name, variable.span).help(help));
    }
    let (Some(inner), true) = (&variable.inner, variable.transformations.is_empty()) else {
        return Err(wrong("only plain variables can stand here".into(), "write `$env(NAME)` or `$def(NAME)`"));
    };
    let name = inner.node.trim();
    match &*variable.name {
        "env" => {
            std::env::var(name).map_err(|_| wrong(format!("there is no environment variable `{name}`"), "not set"))
        }
        _ => {
            let found = defines.iter().rev().find(|(known, _)| known == name);
            let value = found.ok_or_else(|| wrong(format!("`{name}` is not defined"), "no such `#!define`"))?;
            Ok(value.1.as_deref().unwrap_or_default().trim_matches(['"', '\'']).to_owned())
        }
    }
}

/// Evaluates the variables in a module's `modparamx` lines; returns the mistakes.
pub(super) fn params(chosen: &mut Chosen, core: &Arc<Core>, modules: &Modules, catalog: &Catalog) -> Vec<Diagnostic> {
    let mut mistakes = Vec::new();
    for (at, kind) in std::mem::take(&mut chosen.evaluated) {
        let Some(param) = chosen.params.get_mut(at) else { continue };
        let ConfigValue::String(text) = &param.value else { continue };
        match value(text, param.span, kind, core, modules, catalog) {
            Ok(value) => param.value = value,
            Err(mistake) => mistakes.push(mistake),
        }
    }
    mistakes
}

fn value(
    text: &str,
    span: Span,
    kind: ParamKind,
    core: &Arc<Core>,
    modules: &Modules,
    catalog: &Catalog,
) -> Result<ConfigValue, Diagnostic> {
    for piece in parse_format(text, span)? {
        if let FormatPiece::Variable(variable) = piece
            && !KNOWN.contains(&&*variable.name)
        {
            return Err(of_message(&variable.name, variable.span));
        }
    }
    let format = CompileEnv::new(core, modules, catalog).format(text, span)?;
    let result = format.eval(&RouteCx::faked(core.clone())).to_text().into_owned();
    match (kind, result.trim().parse()) {
        (ParamKind::Int, Ok(number)) => Ok(ConfigValue::Int(number)),
        (ParamKind::Int, Err(_)) => Err(Diagnostic::error(
            Code::ParamValue,
            format!("this parameter takes a number, and the value is `{result}`"),
            span,
            "evaluated here",
        )),
        (ParamKind::String | ParamKind::Any, _) => Ok(ConfigValue::String(result)),
    }
}
