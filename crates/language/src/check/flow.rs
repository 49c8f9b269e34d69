//! Every way that a request can take through `request_route` and the routes it calls, without running anything.
//!
//! A [`State`] is what is known of a request at one point: which methods it can have, whether it was answered, whether
//! its sender was checked. A condition splits the states that reach it into those for which it holds and those for which
//! it does not; what a condition is about and is not understood goes both ways. The walk stays small because routes are
//! walked once for each state that enters them; a configuration with too many states is given up, in silence.

use std::collections::{BTreeSet, HashMap};

use super::condition::{
    self, ALL_METHODS, METHODS, NEED_NO_ANSWER, constant, is_destination, is_method, judges, knows_sender, method_bits,
    pattern_bits, text,
};
use super::effects::{self, Effects};
use super::model::Model;
use crate::ast::{BinaryOp, Block, Call, Case, Expr, ExprKind, Label, RouteKind, Statement, StatementKind, UnaryOp};
use crate::span::Span;

/// More states than this at one point: the walk ends.
const MAX_STATES: usize = 512;
/// Blocks in blocks, with those of the routes that are called there: the walk ends.
const MAX_DEPTH: usize = 300;
/// More statements walked than this: the walk ends.
const MAX_STEPS: usize = 400_000;

/// What is known of a request at one point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct State {
    /// Which methods it can have: a bit for each, the last one for all others.
    methods: u16,
    /// Answered, sent on or taken over.
    pub handled: bool,
    /// Its sender was checked.
    pub guarded: bool,
    /// Its destination was chosen by the script.
    pub chosen: bool,
    /// Where it stands depends on what was thought of the sender.
    pub judged: bool,
    /// The request-URI is one of ours.
    pub local: Option<bool>,
    /// The URI in From is one of ours.
    from_local: Option<bool>,
    /// It has a To tag.
    pub in_dialog: Option<bool>,
    /// What the last function said that matters here: `$rc` is above or below 0.
    succeeded: Option<bool>,
}

impl State {
    const START: Self = Self {
        methods: ALL_METHODS,
        handled: false,
        guarded: false,
        chosen: false,
        judged: false,
        local: None,
        from_local: None,
        in_dialog: None,
        succeeded: None,
    };

    /// Whether it is here only because its sender claims to be local.
    pub(super) fn claims_local(self) -> bool {
        self.from_local == Some(true)
    }

    /// Whether somebody waits for an answer.
    pub(super) const fn wants_answer(self) -> bool {
        self.methods & !NEED_NO_ANSWER != 0
    }

    /// The methods by name, when they are few.
    pub(super) fn method_names(self) -> Option<String> {
        let named = METHODS.iter().enumerate().filter(|(at, _)| self.methods & (1 << at) != 0);
        let names: Vec<&str> = named.map(|(_, name)| *name).collect();
        (self.methods & 0x8000 == 0 && (1..=3).contains(&names.len())).then(|| names.join(", "))
    }
}

type States = BTreeSet<State>;

/// What a route returned, as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Code {
    True,
    False,
    Unknown,
}

/// Where the script can end, and where a request can be sent on.
#[derive(Default)]
pub struct Paths {
    /// `exit`, `return 0` or the end of the route, with the states that get there.
    pub(super) ends: Vec<(Span, State)>,
    /// Calls that send the request on.
    pub(super) relays: Vec<(Span, State)>,
}

impl Paths {
    /// Walks all ways from the start of `request_route`. Nothing when there is none, or when it is too large.
    pub(super) fn of(model: &Model<'_>) -> Self {
        let mut routes: HashMap<&str, Vec<&Block>> = HashMap::new();
        for route in model.routes.iter().filter(|route| route.kind == RouteKind::Request) {
            routes.entry(route.name.as_ref().map_or("", |name| &name.node)).or_default().push(&route.body);
        }
        let Some(main) = routes.get("").cloned() else { return Self::default() };
        let mut walk =
            Walk { routes, memo: HashMap::new(), paths: Self::default(), steps: 0, depth: 0, gave_up: false };
        let mut states = States::from([State::START]);
        for block in &main {
            let mut out = Returns::default();
            states = walk.block(block, states, &mut out);
            let end = Span { start: block.span.end.saturating_sub(1), ..block.span };
            for (state, _) in out.0 {
                walk.paths.ends.push((end, state));
            }
        }
        let last = main.last().map_or(Span::default(), |block| block.span);
        let end = Span { start: last.end.saturating_sub(1), ..last };
        walk.paths.ends.extend(states.into_iter().map(|state| (end, state)));
        if walk.gave_up { Self::default() } else { walk.paths }
    }
}

/// The states in which a route returned.
#[derive(Clone, Default)]
struct Returns(BTreeSet<(State, Code)>);

struct Walk<'a> {
    routes: HashMap<&'a str, Vec<&'a Block>>,
    /// What a route makes of a state; `None` while it is being walked.
    memo: HashMap<(String, State), Option<Returns>>,
    paths: Paths,
    steps: usize,
    depth: usize,
    gave_up: bool,
}

/// States for which a condition holds, and for which it does not.
type Split = (States, States);

impl<'a> Walk<'a> {
    fn block(&mut self, block: &'a Block, states: States, returns: &mut Returns) -> States {
        self.statements(&block.statements, states, returns, &mut None)
    }

    /// Walks statements; `breaks` collects the states that leave a loop or switch.
    fn statements(
        &mut self,
        statements: &'a [Statement],
        mut states: States,
        returns: &mut Returns,
        breaks: &mut Option<States>,
    ) -> States {
        self.depth += 1;
        self.gave_up |= self.depth > MAX_DEPTH;
        let announced = condition::announce_silence(statements);
        let mut before: Option<&Statement> = None;
        for statement in statements {
            self.steps += states.len();
            if self.steps > MAX_STEPS || states.len() > MAX_STATES {
                self.gave_up = true;
            }
            if states.is_empty() || self.gave_up {
                break;
            }
            // `secf_check_ua(); if ($? == -2)`: the code is what the line above thinks of the sender.
            let verdict = before.is_some_and(condition::judges_statement) && condition::looks_at_code(statement);
            let unjudged: States = states.iter().filter(|state| !state.judged).copied().collect();
            if (announced || verdict) && !unjudged.is_empty() {
                let judged = states.into_iter().map(|state| State { judged: true, ..state }).collect();
                let out = self.statement(statement, judged, returns, breaks);
                states = out.into_iter().map(|state| State { judged: false, ..state }).collect();
            } else {
                states = self.statement(statement, states, returns, breaks);
            }
            before = Some(statement);
        }
        self.depth -= 1;
        states
    }

    fn statement(
        &mut self,
        statement: &'a Statement,
        states: States,
        returns: &mut Returns,
        breaks: &mut Option<States>,
    ) -> States {
        match &statement.kind {
            StatementKind::Expr(expr) => self.value(expr, states),
            StatementKind::If { condition, then, otherwise } => {
                let judges = judges(condition);
                let (yes, no) = self.test(condition, states);
                let yes = self.branch(&then.statements, yes, judges, returns, breaks);
                let no = match otherwise {
                    Some(block) => self.branch(&block.statements, no, judges, returns, breaks),
                    None => no,
                };
                union(yes, no)
            }
            StatementKind::While { condition, body } => {
                let (inside, mut out) = self.test(condition, states);
                let mut left = Some(States::new());
                let once = self.statements(&body.statements, inside, returns, &mut left);
                let (again, done) = self.test(condition, once);
                out.extend(done);
                out.extend(self.statements(&body.statements, again, returns, &mut left));
                out.extend(left.unwrap_or_default());
                out
            }
            StatementKind::Switch { on, cases } => self.switch(on, cases, states, returns),
            StatementKind::Break => {
                match breaks {
                    Some(breaks) => breaks.extend(states),
                    None => returns.0.extend(states.into_iter().map(|state| (state, Code::Unknown))),
                }
                States::new()
            }
            StatementKind::Return(value) => {
                let code = match value.as_ref().map(|value| (constant(value), value)) {
                    None => Code::True,
                    Some((Some(0), _)) => {
                        self.end(statement.span, &states);
                        return States::new();
                    }
                    Some((Some(number), _)) => {
                        if number > 0 {
                            Code::True
                        } else {
                            Code::False
                        }
                    }
                    Some((None, value)) => {
                        let states = self.value(value, states);
                        returns.0.extend(states.into_iter().map(|state| (state, Code::Unknown)));
                        return States::new();
                    }
                };
                returns.0.extend(states.into_iter().map(|state| (state, code)));
                States::new()
            }
            StatementKind::Exit(value) => {
                let states = match value {
                    Some(value) => self.value(value, states),
                    None => states,
                };
                self.end(statement.span, &states);
                States::new()
            }
            StatementKind::Drop(value) => {
                if let Some(value) = value {
                    self.value(value, states);
                }
                States::new()
            }
            StatementKind::Block(block) => self.statements(&block.statements, states, returns, breaks),
            StatementKind::Empty => states,
        }
    }

    /// A branch of an `if`: judged while in it.
    fn branch(
        &mut self,
        statements: &'a [Statement],
        states: States,
        judges: bool,
        returns: &mut Returns,
        breaks: &mut Option<States>,
    ) -> States {
        if !judges {
            return self.statements(statements, states, returns, breaks);
        }
        let inside = states.into_iter().map(|state| State { judged: true, ..state }).collect();
        let out = self.statements(statements, inside, returns, breaks);
        out.into_iter().map(|state| State { judged: false, ..state }).collect()
    }

    fn end(&mut self, span: Span, states: &States) {
        self.paths.ends.extend(states.iter().map(|state| (span, *state)));
    }

    fn switch(&mut self, on: &'a Expr, cases: &'a [Case], states: States, returns: &mut Returns) -> States {
        let states = self.value(on, states);
        let by_method = is_method(on);
        if !by_method && condition::may_be_code(on) {
            return self.switch_on_code(on, cases, &states, returns);
        }
        let states = if knows_sender(on) { guarded(&states) } else { states };
        let mut rest = states;
        let mut entering: Vec<States> = Vec::new();
        for case in cases {
            let wanted = match &case.label {
                Some(Label::Value(value)) => text(value).filter(|_| by_method).map(method_bits),
                Some(Label::Regex(..)) | None => None,
            };
            entering.push(match wanted {
                Some(bits) => {
                    let entering = with_methods(&rest, bits);
                    rest = with_methods(&rest, !bits);
                    entering
                }
                None => rest.clone(),
            });
        }
        // Without a default, and with it when its case stands before others, the rest passes by.
        let out = if cases.iter().any(|case| case.label.is_none()) { States::new() } else { rest };
        self.cases(cases, entering, out, returns)
    }

    /// `switch ($rc)`: what failed enters by the cases below 0, what did not by those above. A script that names one
    /// code below 0 is taken to name all that are possible.
    fn switch_on_code(&mut self, on: &'a Expr, cases: &'a [Case], states: &States, returns: &mut Returns) -> States {
        let number = |case: &Case| match &case.label {
            Some(Label::Value(value)) => constant(value),
            _ => None,
        };
        let numbers: Vec<Option<i64>> = cases.iter().map(number).collect();
        let names_failure = numbers.iter().flatten().any(|number| *number < 0);
        let names_success = numbers.iter().flatten().any(|number| *number > 0);
        let fits = |state: &State, succeeds: bool| state.succeeded.is_none_or(|succeeded| succeeded == succeeds);
        // A variable that holds no code may have noted a check of the sender.
        let states: States = if names_failure || condition::is_code(on) { states.clone() } else { guarded(states) };
        let of = |wanted: &dyn Fn(&State) -> bool| states.iter().filter(|state| wanted(state)).copied().collect();
        let entering = numbers.iter().map(|number| match number {
            Some(number) if names_failure && *number != 0 => of(&|state| fits(state, *number > 0)),
            _ => states.clone(),
        });
        let has_default = cases.iter().any(|case| case.label.is_none());
        let passes = |state: &State| match state.succeeded {
            _ if has_default => false,
            Some(false) => !names_failure,
            Some(true) => !(names_failure && names_success),
            None => true,
        };
        let entering = entering.collect();
        let out = of(&passes);
        self.cases(cases, entering, out, returns)
    }

    /// Walks the cases of a switch; `out` passes all of them by.
    fn cases(&mut self, cases: &'a [Case], entering: Vec<States>, mut out: States, returns: &mut Returns) -> States {
        let mut falling = States::new();
        let mut left = Some(States::new());
        for (case, entering) in cases.iter().zip(entering) {
            falling.extend(entering);
            falling = self.statements(&case.body, falling, returns, &mut left);
        }
        out.extend(falling);
        out.extend(left.unwrap_or_default());
        out
    }

    /// Evaluates an expression for what it does.
    fn value(&mut self, expr: &'a Expr, states: States) -> States {
        match &expr.kind {
            ExprKind::Assign { target, value } => {
                let states = self.value(value, states);
                let chooses = matches!(&target.kind, ExprKind::Variable(variable) if is_destination(variable));
                states.into_iter().map(|state| State { chosen: state.chosen || chooses, ..state }).collect()
            }
            ExprKind::Binary { .. } | ExprKind::Unary { .. } | ExprKind::Call(_) | ExprKind::Block(_) => {
                let (yes, no) = self.test(expr, states);
                union(yes, no)
            }
            _ => states,
        }
    }

    fn test(&mut self, expr: &'a Expr, states: States) -> Split {
        match &expr.kind {
            ExprKind::Binary { op: BinaryOp::And, left, right } => {
                let (yes, mut no) = self.test(left, states);
                let (both, second) = self.test(right, yes);
                no.extend(second);
                (both, no)
            }
            ExprKind::Binary { op: BinaryOp::Or, left, right } => {
                let (mut yes, no) = self.test(left, states);
                let (second, neither) = self.test(right, no);
                yes.extend(second);
                (yes, neither)
            }
            ExprKind::Unary { op: UnaryOp::Not, operand } => {
                let (yes, no) = self.test(operand, states);
                (no, yes)
            }
            ExprKind::Unary { operand, .. } => {
                let states = self.value(operand, states);
                (states.clone(), states)
            }
            ExprKind::Binary { op, left, right } => self.comparison(*op, left, right, states),
            ExprKind::Call(call) => self.call(call, expr.span, states),
            ExprKind::Block(block) => {
                let mut returns = Returns::default();
                let mut states = self.block(block, states, &mut returns);
                states.extend(returns.0.into_iter().map(|(state, _)| state));
                (states.clone(), states)
            }
            ExprKind::Assign { .. } => {
                let states = self.value(expr, states);
                (states.clone(), states)
            }
            _ if knows_sender(expr) => (guarded(&states), states),
            _ => (states.clone(), states),
        }
    }

    fn comparison(&mut self, op: BinaryOp, left: &'a Expr, right: &'a Expr, states: States) -> Split {
        let states = self.value(left, states);
        let states = self.value(right, states);
        let negated = matches!(op, BinaryOp::NotEqual | BinaryOp::StringNotEqual | BinaryOp::IntNotEqual);
        let equality = negated || matches!(op, BinaryOp::Equal | BinaryOp::StringEqual | BinaryOp::IntEqual);
        let order = |split: Split| if negated { (split.1, split.0) } else { split };
        let myself = matches!(left.kind, ExprKind::Myself) || matches!(right.kind, ExprKind::Myself);
        if equality && myself {
            let operand = if matches!(left.kind, ExprKind::Myself) { right } else { left };
            return order(match &operand.kind {
                ExprKind::Operand(name) if name == "uri" => local(&states),
                ExprKind::Operand(name) if name == "from_uri" => from_local(&states),
                _ => (guarded(&states), states),
            });
        }
        if let (true, Some(wanted)) = (is_method(left), text(right)) {
            let bits = if op == BinaryOp::Match { pattern_bits(wanted) } else { Some(method_bits(wanted)) };
            if let Some(bits) = bits.filter(|_| equality || op == BinaryOp::Match) {
                return order((with_methods(&states, bits), with_methods(&states, !bits)));
            }
        }
        if let (true, Some(number)) = (condition::is_code(left), constant(right)) {
            let can = |holds: bool| -> States {
                let fits =
                    |state: &&State| state.succeeded.is_none_or(|it| condition::code_can_be(it, op, number, holds));
                states.iter().filter(fits).copied().collect()
            };
            return (can(true), can(false));
        }
        let is_null = |expr: &Expr| matches!(&expr.kind, ExprKind::Variable(variable) if variable.name == "null");
        if knows_sender(left) || knows_sender(right) {
            // `== $null` says that nothing is known of it.
            return match negated != (is_null(right) || is_null(left)) {
                true => (states.clone(), guarded(&states)),
                false => (guarded(&states), states),
            };
        }
        (states.clone(), states)
    }

    fn call(&mut self, call: &'a Call, span: Span, states: States) -> Split {
        let states = call.arguments.iter().fold(states, |states, argument| self.value(argument, states));
        let first = call.arguments.first();
        match (&*call.name.node, first.and_then(text)) {
            ("route", name) => return self.route(first, name, states),
            ("route_if_exists", Some(name)) if self.routes.contains_key(name) => {
                return self.route(first, Some(name), states);
            }
            ("is_method", Some(wanted)) if !wanted.contains('$') => {
                let bits = wanted.split('|').fold(0, |bits, name| bits | method_bits(name.trim()));
                return (with_methods(&states, bits), with_methods(&states, !bits));
            }
            ("has_totag", _) => {
                let known = |wanted: bool| {
                    let fits = states.iter().filter(|state| state.in_dialog != Some(!wanted));
                    fits.map(|state| State { in_dialog: Some(wanted), ..*state }).collect()
                };
                return (known(true), known(false));
            }
            ("is_myself" | "is_uri_host_local" | "is_domain_local" | "lookup_domain", _) => return local(&states),
            _ => {}
        }
        self.effects(call, span, states)
    }

    fn effects(&mut self, call: &'a Call, span: Span, states: States) -> Split {
        let effects = effects::of(&call.name.node);
        if effects.unknown {
            return anything(&states);
        }
        if effects.relays {
            let to_given_host = !call.arguments.is_empty() && call.name.node != "t_relay";
            for state in &states {
                self.paths.relays.push((span, State { chosen: state.chosen || to_given_host, ..*state }));
            }
        }
        let after = |state: &State, yes: bool| State {
            handled: state.handled || effects.handles || (effects.absorbs && yes) || (effects.refuses && !yes),
            guarded: state.guarded || (effects.guards && yes),
            chosen: state.chosen || (effects.chooses && yes),
            succeeded: if effects == Effects::default() { state.succeeded } else { Some(yes) },
            ..*state
        };
        (
            states.iter().map(|state| after(state, true)).collect(),
            states.iter().map(|state| after(state, false)).collect(),
        )
    }

    fn route(&mut self, argument: Option<&'a Expr>, name: Option<&str>, states: States) -> Split {
        let number;
        let name = match (name, argument.map(|argument| &argument.kind)) {
            (Some(name), _) if !name.contains('$') => {
                if name == "0" {
                    ""
                } else {
                    name
                }
            }
            (None, Some(ExprKind::Int(value))) => {
                number = value.to_string();
                if number == "0" { "" } else { number.as_str() }
            }
            _ => return anything(&states),
        };
        // A route that is not here has an error of its own, or stands in a file that includes this one.
        let Some(blocks) = self.routes.get(name).cloned() else { return anything(&states) };
        let (mut yes, mut no) = (States::new(), States::new());
        let states: States = states.into_iter().map(|state| State { succeeded: None, ..state }).collect();
        for state in states {
            for (state, code) in self.enter(name, &blocks, state).0 {
                if code != Code::False {
                    yes.insert(State { succeeded: (code == Code::True).then_some(true), ..state });
                }
                if code != Code::True {
                    no.insert(State { succeeded: (code == Code::False).then_some(false), ..state });
                }
            }
        }
        (yes, no)
    }

    fn enter(&mut self, name: &str, blocks: &[&'a Block], state: State) -> Returns {
        let key = (name.to_owned(), state);
        match self.memo.get(&key) {
            Some(Some(returns)) => return returns.clone(),
            // A route that calls itself: the way through the inner call is one through the outer.
            Some(None) => return Returns::default(),
            None => {}
        }
        self.memo.insert(key.clone(), None);
        let mut returns = Returns::default();
        let mut states = States::from([state]);
        for block in blocks {
            states = self.block(block, states, &mut returns);
        }
        returns.0.extend(states.into_iter().map(|state| (state, Code::Unknown)));
        self.memo.insert(key, Some(returns.clone()));
        returns
    }
}

/// After something that may do anything.
fn anything(states: &States) -> Split {
    let after = states.iter().map(|state| State { handled: true, guarded: true, chosen: true, ..*state });
    let after: States = after.collect();
    (after.clone(), after)
}

fn union(mut one: States, other: States) -> States {
    one.extend(other);
    one
}

fn guarded(states: &States) -> States {
    states.iter().map(|state| State { guarded: true, ..*state }).collect()
}

fn with_methods(states: &States, bits: u16) -> States {
    let narrowed = states.iter().map(|state| State { methods: state.methods & bits, ..*state });
    narrowed.filter(|state| state.methods != 0).collect()
}

fn local(states: &States) -> Split {
    let known = |wanted: bool| {
        // What the script made of the URI is not what the sender wrote.
        let fits = states.iter().filter(|state| state.chosen || state.local != Some(!wanted));
        fits.map(|state| State { local: Some(wanted), ..*state }).collect()
    };
    (known(true), known(false))
}

fn from_local(states: &States) -> Split {
    let known = |wanted: bool| {
        let fits = states.iter().filter(|state| state.from_local != Some(!wanted));
        fits.map(|state| State { from_local: Some(wanted), ..*state }).collect()
    };
    (known(true), known(false))
}
