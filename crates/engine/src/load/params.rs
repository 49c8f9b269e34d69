//! `modparam` lines: which module they are for, and whether the parameter exists and has the right type.

use language::ast::ConfigValue;
use language::diagnostic::{Code, Diagnostic};
use language::known::{self, State};
use language::span::{Span, Spanned};

use super::Loading;
use crate::module::ModuleDef;
use crate::params::{ParamKind, ParamSource};
use crate::posix_regex::{Flags, Regex};

impl Loading<'_> {
    /// A `modparam` line; `later`: the value has variables, so that its type is not known yet.
    pub(super) fn mod_param(
        &mut self,
        modules: &Spanned<String>,
        name: &Spanned<String>,
        value: &Spanned<ConfigValue>,
        later: bool,
    ) {
        let pattern = format!("^({})$", modules.node);
        let regex = match Regex::new(pattern.as_bytes(), Flags { ignore_case: true, lines: false }) {
            Ok(regex) => regex,
            Err(error) => {
                self.diagnostics.push(Diagnostic::error(
                    Code::Regex,
                    format!("wrong module pattern: {error}"),
                    modules.span,
                    "here",
                ));
                return;
            }
        };
        let matches = |name: &str| regex.is_match(name.as_bytes());
        let mut matched = self.removed.iter().any(|name| matches(name));
        for missing in self.missing.iter().filter(|name| matches(name)) {
            matched = true;
            self.diagnostics.extend(param_of_missing(missing, name, value));
        }
        for chosen in self.chosen.iter_mut().filter(|chosen| matches(chosen.def.name)) {
            matched = true;
            let Some(def) = chosen.def.params.iter().find(|def| def.name == name.node) else {
                self.diagnostics.push(unknown_param(chosen.def, name));
                continue;
            };
            let fits = matches!(
                (def.kind, &value.node),
                (ParamKind::Int, ConfigValue::Int(_))
                    | (ParamKind::String, ConfigValue::String(_))
                    | (ParamKind::Any, _)
            );
            if later {
                chosen.evaluated.push((chosen.params.len(), def.kind));
            }
            if fits || later {
                let (name, value) = (name.node.clone(), value.clone());
                chosen.params.push(ParamSource { name, value: value.node, span: value.span });
            } else {
                self.diagnostics.push(wrong_type(chosen.def.name, def.name, def.kind.name(), value.span));
            }
        }
        if !matched {
            let loaded = self.chosen.iter().map(|chosen| chosen.def.name);
            let all = loaded.chain(self.missing.iter().map(String::as_str));
            self.diagnostics.push(
                Diagnostic::error(
                    Code::NoModuleForParam,
                    format!("no loaded module matches `{}`", modules.node),
                    modules.span,
                    "load it before this line",
                )
                .did_you_mean(&modules.node, all),
            );
        }
    }
}

/// A parameter that a module does not have here.
fn unknown_param(module: &ModuleDef, name: &Spanned<String>) -> Diagnostic {
    let known = known::param(module.name, &name.node);
    let (name, module, span) = (&name.node, module, name.span);
    match known.map(|param| param.state) {
        Some(State::Current) => Diagnostic::error(
            Code::NotYet,
            format!("parameter `{name}` of module `{}` is not supported yet", module.name),
            span,
            "Kamailio has it, Olelo not yet",
        ),
        Some(State::Gone) => param_removed(module.name, name, span),
        None => Diagnostic::error(
            Code::UnknownParam,
            format!("module `{}` has no parameter `{name}`", module.name),
            span,
            "no such parameter",
        )
        .did_you_mean(name, module.params.iter().map(|def| def.name)),
    }
}

/// What is wrong with a parameter of a module that does not exist here yet; that the module is missing was said already.
fn param_of_missing(module: &str, name: &Spanned<String>, value: &Spanned<ConfigValue>) -> Option<Diagnostic> {
    let Some(known) = known::param(module, &name.node) else {
        return Some(
            Diagnostic::error(
                Code::UnknownParam,
                format!("module `{module}` has no parameter `{}`", name.node),
                name.span,
                "no such parameter",
            )
            .did_you_mean(&name.node, known::params_of(module)),
        );
    };
    match (known.state, known.kind, &value.node) {
        (State::Gone, ..) => Some(param_removed(module, &name.node, name.span)),
        (_, "int", ConfigValue::String(_)) => Some(wrong_type(module, &name.node, "a number", value.span)),
        (_, "str", ConfigValue::Int(_)) => Some(wrong_type(module, &name.node, "a string", value.span)),
        _ => None,
    }
}

fn param_removed(module: &str, name: &str, span: Span) -> Diagnostic {
    let message = format!("parameter `{name}` of module `{module}` does not exist any more: ignored");
    Diagnostic::warning(Code::Removed, message, span, "Kamailio removed it")
}

fn wrong_type(module: &str, name: &str, wanted: &str, span: Span) -> Diagnostic {
    let message = format!("wrong type for parameter `{name}` of module `{module}`");
    Diagnostic::error(Code::ParamValue, message, span, format!("`{name}` takes {wanted}"))
}
