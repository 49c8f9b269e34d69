//! What Kamailio has: names of modules, functions, parameters, variables. So that a name that Olelo lacks is reported
//! as such and not as a spelling mistake.

const MODULES: &str = include_str!("known/modules.tsv");
const FUNCTIONS: &str = include_str!("known/functions.tsv");
const PARAMS: &str = include_str!("known/params.tsv");
const VARIABLES: &str = include_str!("known/variables.tsv");
const TRANSFORMATIONS: &str = include_str!("known/transformations.tsv");
const CORE_PARAMS: &str = include_str!("known/core_params.tsv");
const CORE_FUNCTIONS: &str = include_str!("known/core_functions.tsv");
const EVENT_ROUTES: &str = include_str!("known/event_routes.tsv");

/// Whether Kamailio still has something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// In the newest release.
    Current,
    /// Removed or renamed.
    Gone,
}

fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    table.lines().map(|line| {
        let mut fields = line.split('\t');
        (fields.next().unwrap_or_default(), fields.next().unwrap_or_default(), fields.next().unwrap_or_default())
    })
}

fn state(text: &str) -> State {
    if text == "current" { State::Current } else { State::Gone }
}

/// A module of Kamailio.
#[must_use]
pub fn module(name: &str) -> Option<State> {
    rows(MODULES).find(|row| row.0 == name).map(|row| state(row.1))
}

/// The modules that have a function.
#[must_use]
pub fn function(name: &str) -> Vec<&'static str> {
    let mut modules: Vec<_> = rows(FUNCTIONS).filter(|row| row.0 == name).map(|row| row.1).collect();
    modules.extend(rows(CORE_FUNCTIONS).filter(|row| row.0 == name).map(|_| "core"));
    modules
}

/// A module's parameter.
#[must_use]
pub fn param(module: &str, name: &str) -> Option<State> {
    rows(PARAMS).find(|row| row.0 == module && row.1 == name).map(|row| state(row.2))
}

/// The modules that have a variable.
#[must_use]
pub fn variable(name: &str) -> Vec<&'static str> {
    rows(VARIABLES).filter(|row| row.0 == name).map(|row| row.1).collect()
}

/// The modules that have a transformation (`s.len`).
#[must_use]
pub fn transformation(name: &str) -> Vec<&'static str> {
    rows(TRANSFORMATIONS).filter(|row| row.0 == name).map(|row| row.1).collect()
}

/// A core parameter, with the name that it is an alias of (empty: none).
#[must_use]
pub fn core_param(name: &str) -> Option<&'static str> {
    rows(CORE_PARAMS).find(|row| row.0 == name).map(|row| row.1)
}

/// Every core parameter, for "did you mean".
pub fn core_params() -> impl Iterator<Item = &'static str> {
    rows(CORE_PARAMS).map(|row| row.0)
}

/// Every module, for "did you mean".
pub fn modules() -> impl Iterator<Item = &'static str> {
    rows(MODULES).map(|row| row.0)
}

/// Every event route (`<name>` stands for any text), with its module.
pub fn event_routes() -> impl Iterator<Item = (&'static str, &'static str)> {
    rows(EVENT_ROUTES).map(|row| (row.0, row.1))
}
