//! What Kamailio has: modules, functions, parameters, variables, event routes. Facts about its language, whether this
//! server has them or not: so that a name that is missing here is reported as such and not as a spelling mistake, and a
//! file that uses it is still checked.
//!
//! The tables under `known/` are generated from an inventory of Kamailio's documentation; [`effects`] is written by hand.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::LazyLock;

use crate::ast::RouteKind;

const MODULES: &str = include_str!("known/modules.tsv");
const FUNCTIONS: &str = include_str!("known/functions.tsv");
const PARAMS: &str = include_str!("known/params.tsv");
const VARIABLES: &str = include_str!("known/variables.tsv");
const TRANSFORMATIONS: &str = include_str!("known/transformations.tsv");
const CORE_PARAMS: &str = include_str!("known/core_params.tsv");
const CORE_FUNCTIONS: &str = include_str!("known/core_functions.tsv");
const REPEATABLE: &str = include_str!("known/repeatable.tsv");
const EVENT_ROUTES: &str = include_str!("known/event_routes.tsv");

type Row = Vec<&'static str>;

/// Rows of a table as fields; a missing field is empty.
fn rows(table: &'static str) -> impl Iterator<Item = Row> {
    table.lines().filter(|line| !line.is_empty()).map(|line| {
        let mut fields: Row = line.split('\t').collect();
        fields.resize(fields.len().max(6), "");
        fields
    })
}

fn group<K: Hash + Eq, V>(pairs: impl Iterator<Item = (K, V)>) -> HashMap<K, Vec<V>> {
    let mut map: HashMap<K, Vec<V>> = HashMap::new();
    for (key, value) in pairs {
        map.entry(key).or_default().push(value);
    }
    map
}

/// Whether Kamailio still has something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// In the newest release.
    Current,
    /// Removed or renamed.
    Gone,
}

fn state(text: &str) -> State {
    if text == "current" { State::Current } else { State::Gone }
}

/// A module of Kamailio.
#[derive(Clone, Debug)]
pub struct Module {
    /// As in `loadmodule`, without `.so`.
    pub name: &'static str,
    /// Still there, or gone.
    pub state: State,
    /// For a module that is gone: the one that does its work now; empty when there is none.
    pub replacement: &'static str,
    /// The modules that must be loaded before it.
    pub needs: Vec<&'static str>,
}

/// A function of a module of Kamailio.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its module, or `core`.
    pub module: &'static str,
    /// How many arguments it takes; `None` when that is not known (functions of the core).
    pub arity: Option<Vec<usize>>,
    routes: &'static str,
}

impl Function {
    /// Whether it may stand in this kind of block. An event route may do what a request route may.
    #[must_use]
    pub fn allowed_in(&self, kind: RouteKind) -> bool {
        let any_of = |names: &[&str]| self.routes.split(',').any(|route| names.contains(&route));
        match self.routes {
            "" | "any" => true,
            _ => match kind {
                RouteKind::Request => any_of(&["request"]),
                RouteKind::Reply => any_of(&["onreply", "core_onreply"]),
                RouteKind::OnReply => any_of(&["onreply", "tm_onreply"]),
                RouteKind::Failure => any_of(&["failure"]),
                RouteKind::Branch => any_of(&["branch"]),
                RouteKind::OnSend => any_of(&["onsend"]),
                RouteKind::Event => any_of(&["request", "event", "local", "branch_failure"]),
            },
        }
    }

    /// `request, failure`: where it may stand.
    #[must_use]
    pub fn routes(&self) -> String {
        self.routes.replace(',', ", ")
    }

    /// `1 to 2`, `0 or 2`: how many arguments it takes.
    #[must_use]
    pub fn arity_text(&self) -> String {
        match self.arity.as_deref() {
            None | Some([]) => "any number of".into(),
            Some([one]) => one.to_string(),
            Some([first, .., last]) if last - first + 1 == self.arity.as_ref().map_or(0, Vec::len) => {
                format!("{first} to {last}")
            }
            Some(several) => several.iter().map(usize::to_string).collect::<Vec<_>>().join(" or "),
        }
    }
}

fn arity(row: &Row) -> Vec<usize> {
    let number = |text: &str| text.trim().parse::<usize>().ok();
    if row[4].is_empty() {
        let (least, most) = (number(row[2]).unwrap_or(0), number(row[3]).unwrap_or(0));
        return (least..=most).collect();
    }
    row[4].split(',').filter_map(number).collect()
}

/// A parameter of a module of Kamailio.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Still there, or gone.
    pub state: State,
    /// `int`, `str`, or anything else when both or unknown.
    pub kind: &'static str,
}

/// A module of Kamailio by its name.
#[must_use]
pub fn module(name: &str) -> Option<&'static Module> {
    static MAP: LazyLock<HashMap<&'static str, Module>> = LazyLock::new(|| {
        let of_row = |row: Row| Module {
            name: row[0],
            state: state(row[1]),
            replacement: row[2],
            needs: row[3].split_whitespace().collect(),
        };
        rows(MODULES).map(|row| (row[0], of_row(row))).collect()
    });
    MAP.get(name)
}

/// The functions of a name: one for each module that has it.
#[must_use]
pub fn function(name: &str) -> &'static [Function] {
    static MAP: LazyLock<HashMap<&'static str, Vec<Function>>> = LazyLock::new(|| {
        let modules =
            rows(FUNCTIONS).map(|row| (row[0], Function { module: row[1], arity: Some(arity(&row)), routes: row[5] }));
        let core = rows(CORE_FUNCTIONS).map(|row| (row[0], Function { module: "core", arity: None, routes: "any" }));
        group(modules.chain(core))
    });
    MAP.get(name).map_or(&[], Vec::as_slice)
}

/// The functions that a module has.
pub fn functions_of(module: &str) -> impl Iterator<Item = &'static str> {
    static MAP: LazyLock<HashMap<&'static str, Vec<&'static str>>> =
        LazyLock::new(|| group(rows(FUNCTIONS).map(|row| (row[1], row[0]))));
    MAP.get(module).into_iter().flatten().copied()
}

/// A module's parameter.
#[must_use]
pub fn param(module: &str, name: &str) -> Option<Param> {
    type Params = HashMap<&'static str, HashMap<&'static str, Param>>;
    static MAP: LazyLock<Params> = LazyLock::new(|| {
        let mut map = Params::new();
        for row in rows(PARAMS) {
            map.entry(row[0]).or_default().insert(row[1], Param { state: state(row[2]), kind: row[3] });
        }
        map
    });
    MAP.get(module).and_then(|params| params.get(name)).copied()
}

/// The parameters that a module has.
pub fn params_of(module: &str) -> impl Iterator<Item = &'static str> {
    static MAP: LazyLock<HashMap<&'static str, Vec<&'static str>>> =
        LazyLock::new(|| group(rows(PARAMS).filter(|row| row[2] == "current").map(|row| (row[0], row[1]))));
    MAP.get(module).into_iter().flatten().copied()
}

/// Whether a parameter may be given several times, each time adding something.
#[must_use]
pub fn is_repeatable(module: &str, name: &str) -> bool {
    static SET: LazyLock<HashSet<(&'static str, &'static str)>> =
        LazyLock::new(|| rows(REPEATABLE).map(|row| (row[0], row[1])).collect());
    SET.contains(&(module, name))
}

/// The modules that have a variable.
#[must_use]
pub fn variable(name: &str) -> &'static [&'static str] {
    static MAP: LazyLock<HashMap<&'static str, Vec<&'static str>>> =
        LazyLock::new(|| group(rows(VARIABLES).map(|row| (row[0], row[1]))));
    MAP.get(name).map_or(&[], Vec::as_slice)
}

/// The modules that have a transformation (`s.len`).
#[must_use]
pub fn transformation(name: &str) -> &'static [&'static str] {
    static MAP: LazyLock<HashMap<&'static str, Vec<&'static str>>> =
        LazyLock::new(|| group(rows(TRANSFORMATIONS).map(|row| (row[0], row[1]))));
    MAP.get(name).map_or(&[], Vec::as_slice)
}

/// A core parameter, with the name that it is an alias of (empty: none).
#[must_use]
pub fn core_param(name: &str) -> Option<&'static str> {
    static MAP: LazyLock<HashMap<&'static str, &'static str>> =
        LazyLock::new(|| rows(CORE_PARAMS).map(|row| (row[0], row[1])).collect());
    MAP.get(name).copied()
}

/// Every core parameter, for "did you mean".
pub fn core_params() -> impl Iterator<Item = &'static str> {
    rows(CORE_PARAMS).map(|row| row[0])
}

/// Every module, for "did you mean".
pub fn modules() -> impl Iterator<Item = &'static str> {
    rows(MODULES).map(|row| row[0])
}

/// Every event route (`<name>` stands for any text), with its module.
pub fn event_routes() -> impl Iterator<Item = (&'static str, &'static str)> {
    rows(EVENT_ROUTES).map(|row| (row[0], row[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_say_what_they_need_and_what_replaces_them() {
        assert_eq!(module("registrar").expect("known").needs, ["usrloc", "sl"]);
        let gone = module("mi_fifo").expect("known");
        assert_eq!((gone.state, gone.replacement), (State::Gone, "jsonrpcs"));
        for name in modules() {
            for needed in &module(name).expect("listed").needs {
                assert!(module(needed).is_some(), "{name} needs {needed}");
            }
            let replacement = module(name).expect("listed").replacement;
            assert!(replacement.is_empty() || module(replacement).is_some(), "{name}: {replacement}");
        }
        assert_eq!(modules().filter(|name| module(name).is_some_and(|it| it.state == State::Current)).count(), 257);
    }

    #[test]
    fn functions_have_arities_and_routes() {
        let [select] = function("ds_select_dst") else { panic!("one module has it") };
        assert_eq!((select.module, select.arity.as_deref()), ("dispatcher", Some(&[2, 3][..])));
        assert!(select.allowed_in(RouteKind::Request) && !select.allowed_in(RouteKind::Reply));
        assert_eq!(select.arity_text(), "2 to 3");
        assert_eq!(function("setflag")[0].module, "core");
        assert!(function("no_such_function").is_empty());
        assert!(function("lookup").len() > 1);
    }

    #[test]
    fn parameters_have_types() {
        assert_eq!(param("dispatcher", "list_file").expect("known").kind, "str");
        assert_eq!(param("dispatcher", "flags").expect("known").kind, "int");
        assert_eq!(param("fifo", "fifo_file").expect("known").state, State::Gone);
        assert!(param("dispatcher", "no_such").is_none());
        assert!(is_repeatable("htable", "htable") && !is_repeatable("htable", "db_url"));
        for row in rows(REPEATABLE) {
            assert!(param(row[0], row[1]).is_some(), "{} {}", row[0], row[1]);
        }
    }
}
