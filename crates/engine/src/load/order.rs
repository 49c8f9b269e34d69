//! In which order modules are created: their `loadmodule` lines may stand in another one.

use language::ast::{ConfigValue, FormatPiece};
use language::variable::parse_format;

use super::Loading;
use crate::params::ParamSource;

impl Loading<'_> {
    /// The modules as they can be created: what a module needs comes before it, and so do the modules whose variables and
    /// transformations its parameters name; otherwise as they are loaded.
    pub(super) fn creation_order(&self) -> Vec<usize> {
        let mut order = Vec::new();
        let mut visited = vec![false; self.chosen.len()];
        // Any `db_url` may name a database, wherever its module is loaded.
        for at in 0..self.chosen.len() {
            if self.chosen[at].def.name.starts_with("db_") {
                self.visit(at, &mut visited, &mut order);
            }
        }
        for at in 0..self.chosen.len() {
            self.visit(at, &mut visited, &mut order);
        }
        order
    }

    fn visit(&self, at: usize, visited: &mut [bool], order: &mut Vec<usize>) {
        if std::mem::replace(&mut visited[at], true) {
            return;
        }
        let chosen = &self.chosen[at];
        let names = names_in_params(&chosen.params);
        for (other, before) in self.chosen.iter().enumerate() {
            let def = before.def;
            let provides = |name: &String| {
                def.variables.iter().any(|variable| variable.names.contains(&name.as_str()))
                    || def.transformations.iter().any(|transformation| transformation.name == name)
            };
            if chosen.def.needs.contains(&def.name) || names.iter().any(provides) {
                self.visit(other, visited, order);
            }
        }
        order.push(at);
    }
}

/// The variables and transformations (`class.name`) that the values of parameters name.
fn names_in_params(params: &[ParamSource]) -> Vec<String> {
    let mut names = Vec::new();
    for param in params {
        let ConfigValue::String(text) = &param.value else { continue };
        if !text.contains('$') {
            continue;
        }
        for piece in parse_format(text, param.span).unwrap_or_default() {
            let FormatPiece::Variable(variable) = piece else { continue };
            names.extend(variable.transformations.iter().map(|step| format!("{}.{}", step.class, step.name)));
            names.push(variable.name);
        }
    }
    names
}
