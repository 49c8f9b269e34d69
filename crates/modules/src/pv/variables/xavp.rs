//! `$xavp(..)`, `$xavu(..)`, `$xavi(..)`: named values in two levels that live with the message.
//!
//! `$xavp(a)` is a stack: assigning without an index adds on top, with one it replaces. `$xavp(a=>b)` without an index
//! makes a new `a` that holds only `b`; `$xavp(a[0]=>b)` adds to the newest `a`.

use engine::variable::missing_inner;
use engine::xavp::{Xavps, Xlist, Xvalue};
use engine::{
    Code, CompileEnv, Diagnostic, Expression, Index, RouteCx, ScriptError, ScriptVariable, Str, Value, VariableDef,
};
use language::ast::Variable;

/// Which of the three.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// `$xavp`: stacks.
    Xavp,
    /// `$xavu`: one value per name.
    Xavu,
    /// `$xavi`: stacks, names without case.
    Xavi,
}

impl Family {
    /// Whether letters of either case are the same in names.
    pub const fn ignores_case(self) -> bool {
        matches!(self, Self::Xavi)
    }

    /// Its name in messages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Xavp => "XAVP",
            Self::Xavu => "XAVU",
            Self::Xavi => "XAVI",
        }
    }

    /// Its values.
    pub const fn list(self, xavps: &Xavps) -> &Xlist {
        match self {
            Self::Xavp => &xavps.xavp,
            Self::Xavu => &xavps.xavu,
            Self::Xavi => &xavps.xavi,
        }
    }

    /// Its values, to change them.
    pub const fn list_mut(self, xavps: &mut Xavps) -> &mut Xlist {
        match self {
            Self::Xavp => &mut xavps.xavp,
            Self::Xavu => &mut xavps.xavu,
            Self::Xavi => &mut xavps.xavi,
        }
    }
}

/// An index, perhaps in a variable.
enum IndexIn {
    Constant(Index),
    Variable(Expression),
}

impl IndexIn {
    fn eval(&self, cx: &RouteCx) -> Index {
        match self {
            Self::Constant(index) => *index,
            Self::Variable(expression) => Index::At(expression.eval(cx).to_int().unwrap_or(0)),
        }
    }
}

/// A name with its index.
struct Step {
    name: Str,
    index: IndexIn,
}

impl Step {
    fn compile(text: &str, variable: &Variable, family: Family, env: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let span = variable.inner.as_ref().map_or(variable.span, |inner| inner.span);
        let wrong = |message: String| {
            Diagnostic::error(Code::UnknownVariable, message, span, "write `name`, `name[0]=>name` or `name[*]`")
        };
        let text = text.trim();
        let (name, index) = match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
            None if text.contains(['[', ']']) => return Err(wrong(format!("`{text}`: a bracket is not closed"))),
            None => (text, IndexIn::Constant(Index::None)),
            Some(_) if family == Family::Xavu => return Err(wrong("`$xavu` has one value per name: no index".into())),
            Some((name, "*")) => (name, IndexIn::Constant(Index::All)),
            Some((name, index)) if index.starts_with('$') => (name, IndexIn::Variable(env.variable_text(index, span)?)),
            Some((name, index)) => {
                let at = index.trim().parse().map_err(|_| wrong(format!("`{index}` is no index")))?;
                (name, IndexIn::Constant(Index::At(at)))
            }
        };
        let name = name.trim();
        if name.is_empty() {
            return Err(wrong("a name is missing".into()));
        }
        Ok(Self { name: Str::from(name), index })
    }
}

/// A compiled `$xavp(root=>child)`.
pub struct XavpVariable {
    family: Family,
    root: Step,
    child: Option<Step>,
}

/// The position of an index in a list of values of one name: without an index and with `[*]` the newest.
fn find(list: &Xlist, name: &[u8], index: Index, ignore_case: bool) -> Option<usize> {
    let at = match index {
        Index::None | Index::All => 0,
        Index::At(at) => at,
    };
    list.find(name, at, ignore_case)
}

/// Removes the value at an index (the newest without one) or all; a negative index removes nothing, as in Kamailio.
fn remove(list: &mut Xlist, name: &[u8], index: Index, ignore_case: bool) {
    match index {
        Index::All => {
            list.remove_all(name, ignore_case);
        }
        Index::At(..0) => {}
        Index::None | Index::At(_) => {
            if let Some(at) = find(list, name, index, ignore_case) {
                list.items.remove(at);
            }
        }
    }
}

impl XavpVariable {
    /// Compiles what stands in parentheses.
    pub fn compile(variable: &Variable, family: Family, env: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        if variable.index.is_some() {
            let message = format!("`${}` takes its index inside: `${0}(name[0])`", variable.name);
            return Err(Diagnostic::error(Code::UnknownVariable, message, variable.span, "unexpected index"));
        }
        let mut steps = inner.node.split("=>");
        let root = Step::compile(steps.next().unwrap_or_default(), variable, family, env)?;
        let child = steps.next().map(|text| Step::compile(text, variable, family, env)).transpose()?;
        if steps.next().is_some() {
            let message = format!("`${}` has two levels: `${0}(name=>name)`", variable.name);
            return Err(Diagnostic::error(Code::UnknownVariable, message, inner.span, "too many levels"));
        }
        Ok(Self { family, root, child })
    }

    /// How many values there are; without an index all count.
    pub fn count(&self, cx: &RouteCx) -> usize {
        let ignore_case = self.family.ignores_case();
        let count = |list: &Xlist, name: &[u8], index: Index| match index {
            Index::None | Index::All => list.count(name, ignore_case),
            Index::At(at) => usize::from(list.find(name, at, ignore_case).is_some()),
        };
        let list = self.family.list(&cx.xavps);
        let root_index = self.root.index.eval(cx);
        let Some(child) = &self.child else { return count(list, &self.root.name, root_index) };
        let child_index = child.index.eval(cx);
        let of = |value: &Xvalue| match value {
            Xvalue::List(inner) => count(inner, &child.name, child_index),
            Xvalue::Simple(_) => 0,
        };
        match root_index {
            Index::At(at) => list.get(&self.root.name, at, ignore_case).map_or(0, of),
            Index::None | Index::All => (0..list.count(&self.root.name, ignore_case))
                .filter_map(|at| list.get(&self.root.name, at as i64, ignore_case))
                .map(of)
                .sum(),
        }
    }

    fn set_root(&self, list: &mut Xlist, index: Index, value: Value) -> Result<(), ScriptError> {
        let (name, ignore_case) = (&self.root.name, self.family.ignores_case());
        if value.is_null() {
            remove(list, name, index, ignore_case);
            return Ok(());
        }
        let value = Xvalue::Simple(value);
        let place = match index {
            Index::None if self.family != Family::Xavu => None,
            Index::None => list.get_mut(name, 0, ignore_case),
            Index::At(at @ 0..) => match list.get_mut(name, at, ignore_case) {
                None => return Err(ScriptError::new(format!("there is no `{name}[{at}]` to replace"))),
                place => place,
            },
            Index::At(_) | Index::All => return Err(ScriptError::new("only `[0]`, `[1]` .. can be replaced")),
        };
        match place {
            Some(place) => *place = value,
            None => list.push(name.clone(), value),
        }
        Ok(())
    }

    fn set_child(&self, list: &mut Xlist, at: (Index, &Str, Index), value: Value) -> Result<(), ScriptError> {
        let (root_index, name, index) = at;
        let (root, ignore_case) = (&self.root.name, self.family.ignores_case());
        let single = self.family == Family::Xavu;
        if root_index == Index::None && !single && !value.is_null() {
            let items = vec![(name.clone(), Xvalue::Simple(value))];
            list.push(root.clone(), Xvalue::List(Xlist { items }));
            return Ok(());
        }
        let position = match root_index {
            Index::None => 0,
            Index::At(at @ 0..) => at,
            Index::At(_) | Index::All => return Ok(()),
        };
        let inner = match list.get_mut(root, position, ignore_case) {
            Some(Xvalue::List(inner)) => inner,
            _ if value.is_null() => return Ok(()),
            Some(place) if single => {
                *place = Xvalue::List(Xlist { items: vec![(name.clone(), Xvalue::Simple(value))] });
                return Ok(());
            }
            Some(Xvalue::Simple(_)) => return Err(ScriptError::new(format!("`{root}` is no list"))),
            None if single => {
                let items = vec![(name.clone(), Xvalue::Simple(value))];
                list.push(root.clone(), Xvalue::List(Xlist { items }));
                return Ok(());
            }
            // Nothing to add to: nothing is done, as in Kamailio.
            None => return Ok(()),
        };
        if value.is_null() {
            remove(inner, name, index, ignore_case);
            return Ok(());
        }
        let value = Xvalue::Simple(value);
        let place = match index {
            Index::None if !single => None,
            Index::None => inner.get_mut(name, 0, ignore_case),
            Index::At(at @ 0..) => match inner.get_mut(name, at, ignore_case) {
                None => return Ok(()),
                place => place,
            },
            Index::At(_) | Index::All => return Ok(()),
        };
        match place {
            Some(place) => *place = value,
            None => inner.push(name.clone(), value),
        }
        Ok(())
    }
}

impl ScriptVariable for XavpVariable {
    fn get(&self, cx: &RouteCx) -> Value {
        let (list, ignore_case) = (self.family.list(&cx.xavps), self.family.ignores_case());
        let Some(at) = find(list, &self.root.name, self.root.index.eval(cx), ignore_case) else { return Value::Null };
        let value = match (&self.child, &list.items[at].1) {
            (None, value) => Some(value),
            (Some(_), Xvalue::Simple(_)) => None,
            (Some(child), Xvalue::List(inner)) => {
                find(inner, &child.name, child.index.eval(cx), ignore_case).map(|at| &inner.items[at].1)
            }
        };
        match value {
            None => Value::Null,
            Some(Xvalue::Simple(value)) => value.clone(),
            // Kamailio shows an address in memory here.
            Some(Xvalue::List(_)) => Value::from("<<xavp>>"),
        }
    }

    fn set(&self, cx: &mut RouteCx, value: Value) -> Result<(), ScriptError> {
        let root_index = self.root.index.eval(cx);
        let child = self.child.as_ref().map(|child| (&child.name, child.index.eval(cx)));
        let list = self.family.list_mut(&mut cx.xavps);
        match child {
            None => self.set_root(list, root_index, value),
            Some((name, index)) => self.set_child(list, (root_index, name, index), value),
        }
    }
}

/// A value of a stack by name: `$xavp(a)`, or of a named list: `$xavp(a=>b)`. See the text of each `VariableDef`.
pub const XAVP: VariableDef = VariableDef {
    names: &["xavp"],
    doc: "Named values in two levels that live with the message: `$xavp(a)`, `$xavp(a=>b)`. Each name is a stack; `[n]` \
          behind a name is the n-th value, the newest is 0, `[-1]` the oldest. Assigning to `$xavp(a)` adds on top, to \
          `$xavp(a=>b)` adds a new `a` that holds `b`, to `$xavp(a[0]=>b)` adds `b` to the newest `a`, to \
          `$xavp(a[0]=>b[0])` replaces. `$null` removes the value, with `[*]` all of them.",
    writable: true,
    compile: |variable, env| Ok(Box::new(XavpVariable::compile(variable, Family::Xavp, env)?)),
};

/// One value per name: `$xavu(a)`, `$xavu(a=>b)`.
pub const XAVU: VariableDef = VariableDef {
    names: &["xavu"],
    doc: "Like `$xavp`, with one value per name: `$xavu(a)`, `$xavu(a=>b)`. Assigning replaces, `$null` removes.",
    writable: true,
    compile: |variable, env| Ok(Box::new(XavpVariable::compile(variable, Family::Xavu, env)?)),
};

/// Names without case: `$xavi(a)`, `$xavi(A=>b)`.
pub const XAVI: VariableDef = VariableDef {
    names: &["xavi"],
    doc: "Like `$xavp`, with names in which letters of either case are the same.",
    writable: true,
    compile: |variable, env| Ok(Box::new(XavpVariable::compile(variable, Family::Xavi, env)?)),
};
