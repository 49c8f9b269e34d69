//! Resolving names: variables, formats, transformations, flags, functions.

use std::any::Any;
use std::sync::Arc;

use language::ast::{Call as AstCall, Expr, ExprKind, FormatPiece, Mode, RouteKind, Variable};
use language::diagnostic::{Code, Diagnostic, closest};
use language::known;
use language::span::Span;
use language::variable::{parse_format, parse_variable};
use sip::Str;

use super::CompileEnv;
use crate::expression::{Expression, Format, FormatPart};
use crate::function::{Call, FunctionDef};
use crate::program::Target;
use crate::script_type::ArgSource;
use crate::transformation::TransformArgs;
use crate::value::Value;
use crate::variable::ScriptVariable;

impl CompileEnv<'_> {
    /// The started module of type `T`; it is there because its function is being compiled.
    pub fn module<T: Any + Send + Sync>(&self, span: Span) -> Result<Arc<T>, Diagnostic> {
        self.modules.get().ok_or_else(|| {
            // `modules::tm::Tm` is what module `tm` makes.
            let module = std::any::type_name::<T>().split("::").nth(1).unwrap_or_default();
            let message = format!("this needs module `{module}`");
            Diagnostic::error(Code::MissingDependency, message, span, "its module is not loaded")
                .help(format!("add `loadmodule \"{module}.so\"` before the modules that use it"))
        })
    }

    /// The slot of a `$var`: the same one in the script and in the formats of all parameters.
    pub fn slot(&mut self, name: &str) -> u32 {
        let mut names = self.core.var_names.write();
        let slot = names.iter().position(|known| known == name).unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        });
        slot as u32
    }

    /// A flag by number or by the name that `flags` gave it.
    pub fn flag(&self, text: &str, span: Span) -> Result<u8, Diagnostic> {
        let number = text.trim().parse().ok().or_else(|| self.flags.get(text).copied());
        match number {
            Some(number @ 0..=31) => Ok(number as u8),
            Some(number) => Err(Diagnostic::error(
                Code::Argument,
                format!("flag {number} is out of range"),
                span,
                "flags go from 0 to 31",
            )),
            None => Err(Diagnostic::error(
                Code::Argument,
                format!("`{text}` is no flag"),
                span,
                "neither a number nor a name of `flags`",
            )
            .did_you_mean(text, self.flags.keys().map(String::as_str))),
        }
    }

    /// The bit of a name that `avpflags` gave.
    pub(crate) fn avp_flag(&self, name: &str, span: Span) -> Result<u8, Diagnostic> {
        let position = self.avp_flags.iter().position(|known| known == name);
        position.and_then(|at| u8::try_from(at).ok()).filter(|bit| *bit < 32).ok_or_else(|| {
            let message = format!("`{name}` is no flag of AVPs");
            Diagnostic::error(Code::Argument, message, span, "no name of `avpflags`")
                .did_you_mean(name, self.avp_flags.iter().map(String::as_str))
        })
    }

    /// Compiles a format string.
    pub fn format(&mut self, text: &str, span: Span) -> Result<Format, Diagnostic> {
        if !text.contains('$') {
            let pieces = if text.is_empty() { Vec::new() } else { vec![FormatPart::Text(Str::from(text))] };
            return Ok(Format::new(pieces));
        }
        let mut pieces = Vec::new();
        let mut mistake: Option<Diagnostic> = None;
        for piece in self.format_pieces(text, span)? {
            match piece {
                FormatPiece::Text(text) => pieces.push(FormatPart::Text(Str::from(text))),
                FormatPiece::Variable(variable) => match self.variable(&variable) {
                    Ok(value) => pieces.push(FormatPart::Value(value)),
                    // All mistakes of a text are shown, not only its first one.
                    Err(next) => self.diagnostics.extend(mistake.replace(next)),
                },
            }
        }
        mistake.map_or_else(|| Ok(Format::new(pieces)), Err)
    }

    /// Parses a format string. Escapes (`\n` at the end, mostly) make a string longer in the file than its text is: what
    /// stands before the first one gets its exact place nevertheless.
    fn format_pieces(&self, text: &str, span: Span) -> Result<Vec<FormatPiece>, Diagnostic> {
        let Some(written) = self.sources.as_ref().map(|sources| sources.text(span)) else {
            return parse_format(text, span);
        };
        let inside = written.strip_prefix('"').filter(|_| written.len() != text.len() + 2);
        let Some(inside) = inside else { return parse_format(text, span) };
        let same = inside.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count() as u32;
        let start = span.start + 1;
        let shifted = Span { start, end: start + text.len() as u32, ..span };
        let is_exact = |place: Span| place.end <= start + same;
        match (parse_format(text, shifted), parse_format(text, span)) {
            (Ok(exact), Ok(rough)) => {
                let choose = |(exact, rough)| match &exact {
                    FormatPiece::Variable(variable) if !is_exact(variable.span) => rough,
                    _ => exact,
                };
                Ok(exact.into_iter().zip(rough).map(choose).collect())
            }
            (Err(exact), Err(_)) if exact.labels.iter().all(|label| is_exact(label.span)) => Err(exact),
            (_, rough) => rough,
        }
    }

    /// Compiles the text of one variable.
    pub fn variable_text(&mut self, text: &str, span: Span) -> Result<Expression, Diagnostic> {
        let variable = parse_variable(text, span)?;
        self.variable(&variable)
    }

    /// Compiles a variable with its transformations.
    pub fn variable(&mut self, variable: &Variable) -> Result<Expression, Diagnostic> {
        let input = match (&*variable.name, &variable.inner, &variable.index) {
            ("null", None, None) => Expression::Constant(Value::Null),
            ("var", Some(name), None) if !name.node.is_empty() => Expression::Slot(self.slot(&name.node)),
            _ => Expression::Variable(self.plain_variable(variable)?.0),
        };
        if variable.transformations.is_empty() {
            return Ok(input);
        }
        let mut steps = Vec::new();
        for source in &variable.transformations {
            let name =
                if source.name.is_empty() { source.class.clone() } else { format!("{}.{}", source.class, source.name) };
            let Some(def) = self.catalog.transformations.get(&*name) else {
                return Err(self.unknown_transformation(&name, source.span));
            };
            let arguments = source.arguments.as_ref().map(|arguments| &*arguments.node);
            let mut arguments = TransformArgs::new(arguments, &name, source.span);
            let written = |mistake: Diagnostic| match mistake.code {
                Code::Transformation => mistake.help(format!("it is written `{}`", def.signature())),
                _ => mistake,
            };
            steps.push((def.compile)(&mut arguments, self).map_err(written)?);
            arguments.finish().map_err(written)?;
        }
        Ok(Expression::Transformed(Box::new(input), steps))
    }

    /// The error for a name of a module that the configuration loads and that does not exist here yet.
    fn of_missing_module(&self, what: &str, modules: &[&str], span: Span) -> Option<Diagnostic> {
        let module = modules.iter().find(|module| self.catalog.missing.iter().any(|missing| missing == *module))?;
        let text = format!("module `{module}` is not supported yet");
        Some(Diagnostic::error(Code::NotYet, format!("{what} is not supported yet"), span, text))
    }

    fn unknown_transformation(&self, name: &str, span: Span) -> Diagnostic {
        let modules = known::transformation(name);
        if let Some(diagnostic) = self.of_missing_module(&format!("transformation `{{{name}}}`"), modules, span) {
            return diagnostic;
        }
        match modules.first() {
            Some(module) if self.modules.is_loaded(module) || *module == "core" => Diagnostic::error(
                Code::NotYet,
                format!("transformation `{{{name}}}` is not supported yet"),
                span,
                "Kamailio has it, Olelo not yet",
            ),
            Some(module) => Diagnostic::error(
                Code::Transformation,
                format!("transformation `{{{name}}}` needs module `{module}`"),
                span,
                "not loaded",
            )
            .help(format!("add `loadmodule \"{module}.so\"`")),
            None => Diagnostic::error(
                Code::Transformation,
                format!("unknown transformation `{{{name}}}`"),
                span,
                "no loaded module has it",
            )
            .did_you_mean(name, sorted(self.catalog.transformations.keys().copied())),
        }
    }

    /// Compiles a variable without transformations; tells whether it can be written.
    fn plain_variable(&mut self, variable: &Variable) -> Result<(Box<dyn ScriptVariable>, bool), Diagnostic> {
        if let Some(def) = self.catalog.variables.get(&*variable.name) {
            return Ok(((def.compile)(variable, self)?, def.writable));
        }
        if self.mode != Mode::Kamailio && variable.inner.is_none() && known::variable(&variable.name).is_empty() {
            // Without a `#!KAMAILIO` line an unknown `$x` is the AVP named x.
            let inner = language::span::Spanned::new(variable.name.clone(), variable.span);
            let avp = Variable { name: "avp".into(), inner: Some(inner), ..variable.clone() };
            if self.catalog.variables.contains_key("avp") {
                return self.plain_variable(&avp);
            }
        }
        Err(self.unknown_variable(variable))
    }

    fn unknown_variable(&self, variable: &Variable) -> Diagnostic {
        let (name, span) = (&*variable.name, variable.span);
        let modules = known::variable(name);
        if let Some(diagnostic) = self.of_missing_module(&format!("variable `${name}`"), modules, span) {
            return diagnostic;
        }
        match modules.first() {
            Some(module) if modules.iter().any(|module| *module == "core" || self.modules.is_loaded(module)) => {
                let text = format!("Kamailio has it (module {module}), Olelo not yet");
                Diagnostic::error(Code::NotYet, format!("variable `${name}` is not supported yet"), span, text)
            }
            Some(module) => Diagnostic::error(
                Code::UnknownVariable,
                format!("variable `${name}` needs module `{module}`"),
                span,
                "its module is not loaded",
            )
            .help(format!("add `loadmodule \"{module}.so\"`")),
            None => Diagnostic::error(
                Code::UnknownVariable,
                format!("unknown variable `${name}`"),
                span,
                "no loaded module has it",
            )
            .did_you_mean(name, sorted(self.catalog.variables.keys().copied())),
        }
    }

    /// Compiles the left side of an assignment.
    pub fn target(&mut self, variable: &Variable) -> Result<Target, Diagnostic> {
        if let Some(step) = variable.transformations.first() {
            return Err(Diagnostic::error(
                Code::NotWritable,
                "a variable with transformations cannot be assigned",
                step.span,
                "remove this",
            ));
        }
        if let ("var", Some(name), None) = (&*variable.name, &variable.inner, &variable.index)
            && !name.node.is_empty()
        {
            return Ok(Target::Slot(self.slot(&name.node)));
        }
        match self.plain_variable(variable)? {
            (compiled, true) => Ok(Target::Variable(compiled)),
            (_, false) => Err(Diagnostic::error(
                Code::NotWritable,
                format!("variable `${}` is read-only", variable.name),
                variable.span,
                "cannot be assigned",
            )),
        }
    }

    /// Compiles an argument that names a variable: `"$var(x)"` or `$var(x)`.
    pub fn variable_argument(
        &mut self,
        arg: &ArgSource<'_>,
        writable: bool,
    ) -> Result<Box<dyn ScriptVariable>, Diagnostic> {
        let variable = match &arg.expr.kind {
            ExprKind::Variable(variable) => variable.clone(),
            ExprKind::String(text) if text.trim_start().starts_with('$') => parse_variable(text.trim(), arg.span())?,
            _ => return Err(arg.error("this argument must be a variable", "write `\"$var(x)\"`")),
        };
        if writable {
            return Ok(match self.target(&variable)? {
                Target::Slot(slot) => Box::new(SlotVariable(slot)),
                Target::Variable(variable) => variable,
            });
        }
        Ok(match self.variable(&variable)? {
            Expression::Variable(variable) => variable,
            expression => Box::new(ReadOnly(expression)),
        })
    }

    /// Compiles an argument that is a text: strings are formats, everything else is evaluated.
    pub fn text(&mut self, arg: &ArgSource<'_>) -> Result<Expression, Diagnostic> {
        match &arg.expr.kind {
            ExprKind::String(text) => {
                let format = self.format(text, arg.span())?;
                Ok(match format.constant() {
                    Some(text) => Expression::Constant(Value::Str(text)),
                    None => Expression::Format(format),
                })
            }
            ExprKind::Word(text) | ExprKind::Address(text) => Ok(Expression::Constant(Value::from(text.as_str()))),
            _ => self.pure(arg.expr),
        }
    }

    /// Compiles an expression that must not contain calls.
    pub fn pure(&mut self, expr: &Expr) -> Result<Expression, Diagnostic> {
        super::operand::pure(self, expr)
    }

    /// Finds a function for a call, and compiles it. The name of the module is the second value.
    pub fn call(&mut self, call: &AstCall, span: Span) -> Result<(Call, &'static str), Diagnostic> {
        let Some(candidates) = self.catalog.functions.get(&*call.name.node) else {
            return Err(self.unknown_function(call, span));
        };
        let count = call.arguments.len();
        let fits = |def: &FunctionDef| (def.arity().0..=def.arity().1).contains(&count);
        let Some((def, module)) = candidates.iter().rev().find(|(def, _)| fits(def)) else {
            return Err(wrong_count(call, candidates));
        };
        if !def.routes.intersects(self.kind) {
            return Err(Diagnostic::error(
                Code::RouteKind,
                format!("`{}` cannot be used in {}", def.name, kind_name(self.block)),
                call.name.span,
                format!("allowed in: {}", route_names(def.routes.0)),
            ));
        }
        let arguments: Vec<ArgSource<'_>> = call.arguments.iter().map(|expr| ArgSource { expr }).collect();
        Ok(((def.compile)(&arguments, self)?, module))
    }

    /// The error for a function that does not exist here. When Kamailio has it, its arguments are checked nevertheless.
    fn unknown_function(&mut self, call: &AstCall, span: Span) -> Diagnostic {
        let name = &*call.name.node;
        let known = known::function(name);
        let loaded = known.iter().find(|it| {
            let missing = self.catalog.missing.iter().any(|missing| missing == it.module);
            missing || it.module == "core" || self.modules.is_loaded(it.module)
        });
        if let Some(function) = loaded {
            return self.missing_function(call, function, span);
        }
        let span = call.name.span;
        match known.first() {
            Some(first) => {
                let modules: Vec<&str> = known.iter().map(|function| function.module).collect();
                let message = format!("function `{name}` needs module `{}`", modules.join("` or `"));
                Diagnostic::error(Code::UnknownFunction, message, span, "its module is not loaded")
                    .help(format!("add `loadmodule \"{}.so\"`", first.module))
            }
            None => {
                let message = format!("unknown function `{name}`");
                let diagnostic = Diagnostic::error(Code::UnknownFunction, message, span, "no loaded module has it");
                let words = ["if", "route", "exit", "return"];
                let loaded = sorted(self.catalog.functions.keys().copied().chain(words));
                if closest(name, loaded.iter().copied()).is_some() {
                    return diagnostic.did_you_mean(name, loaded);
                }
                // None of what is loaded: perhaps one of a module that is not.
                let all = known::modules().flat_map(|module| known::functions_of(module).map(move |it| (it, module)));
                let all: Vec<(&str, &str)> = all.collect();
                match closest(name, all.iter().map(|(function, _)| *function)) {
                    Some(candidate) => {
                        let module = all.iter().find(|(function, _)| *function == candidate).map_or("", |it| it.1);
                        let text = format!("did you mean `{candidate}` of module `{module}`, which is not loaded?");
                        diagnostic.help(text).edit(name, candidate)
                    }
                    None => diagnostic,
                }
            }
        }
    }

    fn missing_function(&mut self, call: &AstCall, function: &known::Function, span: Span) -> Diagnostic {
        let name = &*call.name.node;
        let count = call.arguments.len();
        if function.arity.as_ref().is_some_and(|arity| !arity.contains(&count)) {
            let message = format!("`{name}` takes {}, {count} given", arguments(&function.arity_text()));
            return Diagnostic::error(Code::ArgumentCount, message, span, "wrong number of arguments");
        }
        if !self.block.is_none_or(|kind| function.allowed_in(kind)) {
            let message = format!("`{name}` cannot be used in {}", kind_name(self.block));
            let allowed = format!("allowed in: {}", function.routes());
            return Diagnostic::error(Code::RouteKind, message, call.name.span, allowed);
        }
        for argument in &call.arguments {
            if let Err(diagnostic) = self.pure(argument) {
                self.diagnostics.push(diagnostic);
            }
        }
        let label = match self.modules.is_loaded(function.module) || function.module == "core" {
            true => format!("Kamailio has it (module {}), Olelo not yet", function.module),
            false => format!("module `{}` is not supported yet", function.module),
        };
        Diagnostic::error(Code::NotYet, format!("function `{name}` is not supported yet"), call.name.span, label)
    }
}

/// The error for a call with a number of arguments that none of the functions of this name takes.
fn wrong_count(call: &AstCall, candidates: &[(&FunctionDef, &str)]) -> Diagnostic {
    let least = candidates.iter().map(|(def, _)| def.arity().0).min().unwrap_or_default();
    let most = candidates.iter().map(|(def, _)| def.arity().1).max().unwrap_or_default();
    let wanted = match most {
        usize::MAX => format!("at least {least}"),
        _ if least == most => least.to_string(),
        _ => format!("{least} to {most}"),
    };
    let message = format!("`{}` takes {}, {} given", call.name.node, arguments(&wanted), call.arguments.len());
    // What is too much, or the name where something is missing.
    let diagnostic = match (call.arguments.get(most), call.arguments.last()) {
        (Some(first), Some(last)) => {
            Diagnostic::error(Code::ArgumentCount, message, first.span.to(last.span), "too many")
        }
        _ => Diagnostic::error(Code::ArgumentCount, message, call.name.span, "too few"),
    };
    candidates
        .iter()
        .fold(diagnostic, |diagnostic, (def, _)| diagnostic.help(format!("it is written `{}`", def.signature())))
}

/// `no arguments`, `1 argument`, `1 to 2 arguments`.
fn arguments(count: &str) -> String {
    match count {
        "0" => "no arguments".into(),
        _ => format!("{count} argument{}", if count == "1" || count.ends_with(" 1") { "" } else { "s" }),
    }
}

/// In a fixed order, so that the same configuration always gets the same suggestion.
fn sorted<'n>(names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names
}

/// What a kind of block is called in the script.
pub(super) const fn kind_name(kind: Option<RouteKind>) -> &'static str {
    match kind {
        Some(RouteKind::Request) => "a request_route",
        Some(RouteKind::Reply) => "a reply_route",
        Some(RouteKind::OnReply) => "an onreply_route",
        Some(RouteKind::Failure) => "a failure_route",
        Some(RouteKind::Branch) => "a branch_route",
        Some(RouteKind::OnSend) => "an onsend_route",
        Some(RouteKind::Event) => "an event_route",
        None => "this kind of route",
    }
}

fn route_names(mask: u16) -> String {
    let names = [
        (1, "request_route"),
        (2, "failure_route"),
        (4, "onreply_route[X]"),
        (8, "branch_route"),
        (16, "onsend_route"),
        (32, "reply_route"),
        (64, "event_route"),
    ];
    if mask & 127 == 127 {
        return "all kinds of routes".into();
    }
    let names: Vec<&str> = names.iter().filter(|(bit, _)| mask & bit != 0).map(|(_, name)| *name).collect();
    names.join(", ")
}

/// `$var(x)` where a variable object is needed.
pub(crate) struct SlotVariable(pub(crate) u32);

impl ScriptVariable for SlotVariable {
    fn get(&self, cx: &crate::RouteCx) -> Value {
        cx.vars.get(self.0)
    }
    fn set(&self, cx: &mut crate::RouteCx, value: Value) -> Result<(), crate::ScriptError> {
        cx.vars.set(self.0, if value.is_null() { Value::Int(0) } else { value });
        Ok(())
    }
}

/// A variable with transformations.
struct ReadOnly(Expression);

impl ScriptVariable for ReadOnly {
    fn get(&self, cx: &crate::RouteCx) -> Value {
        self.0.eval(cx)
    }
}
