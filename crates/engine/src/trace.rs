//! What is logged about a running script: each operation (`cfgtrace` of module `debugger`, or log level 3), and operations
//! and routes that take too long (`latency_limit_action`, `latency_limit_cfg`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;

use crate::function::routes;
use crate::log::Level;
use crate::program::{Op, Program, Target};
use crate::route_cx::RouteCx;
use crate::settings::Settings;
use crate::value::Value;

/// How lines of the trace look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceFormat {
    /// Their level: when the log has it off, nothing is written.
    pub level: Level,
    /// The word in front of the line, in place of the level's name.
    pub level_name: Option<String>,
    /// syslog facility; `None`: that of the log.
    pub facility: Option<u8>,
    /// What a line begins with.
    pub prefix: String,
    /// Without the name of the file.
    pub short: bool,
    /// The value that each assignment leaves is shown.
    pub values: bool,
}

impl Default for TraceFormat {
    fn default() -> Self {
        Self {
            level: Level::Error,
            level_name: None,
            facility: None,
            prefix: "*** cfgtrace:".into(),
            short: false,
            values: false,
        }
    }
}

/// Whether and how scripts are watched.
pub struct Watch {
    /// `cfgtrace`.
    trace: AtomicBool,
    /// How the lines of `cfgtrace` look; those that log level 3 causes are of that level.
    pub format: ArcSwap<TraceFormat>,
    /// `latency_limit_action` in microseconds; 0: none.
    limit_action: u128,
    /// `latency_limit_cfg` in microseconds; 0: none.
    limit_route: u128,
    /// `latency_log`.
    level: Level,
    /// `latency_cfg_log`.
    level_route: Level,
}

impl Watch {
    pub(crate) fn new(settings: &Settings) -> Self {
        let limit = |micros: i64| u128::try_from(micros).unwrap_or(0);
        Self {
            trace: AtomicBool::new(false),
            format: ArcSwap::default(),
            limit_action: limit(settings.latency_limit_action),
            limit_route: limit(settings.latency_limit_cfg),
            level: Level::from_number(settings.latency_log),
            level_route: Level::from_number(settings.latency_cfg_log),
        }
    }

    /// Switches the trace.
    pub fn set_trace(&self, on: bool) {
        self.trace.store(on, Ordering::Relaxed);
    }

    /// True when the trace is on.
    #[must_use]
    pub fn traces(&self) -> bool {
        self.trace.load(Ordering::Relaxed)
    }

    /// True when operations have to be looked at one by one.
    #[inline]
    pub(crate) fn is_on(&self, cx: &RouteCx) -> bool {
        self.traces() || self.limit_action > 0 || cx.core.log.enabled(Level::Debug)
    }

    /// True when operations that take long are told.
    pub(crate) const fn limits_actions(&self) -> bool {
        self.limit_action > 0
    }

    /// When the route of a message begins; `None`: nobody wants to know how long it takes.
    pub(crate) fn route_begins(&self, cx: &RouteCx) -> Option<Instant> {
        (self.limit_route > 0 || cx.core.log.enabled(self.level_route)).then(Instant::now)
    }

    /// The route of a message has ended, or waits.
    pub(crate) fn route_ended(&self, cx: &mut RouteCx, what: &str) {
        let Some(began) = cx.began.take() else { return };
        let micros = began.elapsed().as_micros();
        if self.limit_route > 0 && micros > self.limit_route {
            let line = format!("alert - {what} took too long [{micros} us]");
            cx.core.log.write_for(self.level, module_path!(), &line);
        }
        let line = format!("{what} executed in: {micros} usec");
        cx.core.log.write_for(self.level_route, module_path!(), &line);
    }
}

/// The name of the route that an operation belongs to, as `request_route=[NAME]`.
fn route_name(program: &Program, cx: &RouteCx, at: u32) -> String {
    let kind = match cx.kind.0 {
        routes::FAILURE => "failure_route",
        routes::TM_ONREPLY | routes::CORE_ONREPLY => "reply_route",
        routes::BRANCH => "branch_route",
        routes::ONSEND => "onsend_route",
        routes::EVENT => "event_route",
        _ => "request_route",
    };
    // Not the running one: behind a `return` that is the caller already.
    let of = program.routes.partition_point(|route| route.start <= at).checked_sub(1);
    let name = of.and_then(|of| program.routes.get(of)).map_or("", |route| route.name.as_str());
    let name = match (name, kind) {
        ("", "reply_route") => "DEFAULT_ONREPLY",
        ("", "onsend_route") => "DEFAULT_SEND",
        ("", _) => "DEFAULT_ROUTE",
        (name, _) => name,
    };
    format!("{kind}=[{name}]")
}

/// What an operation does, in a word; `None` for those that nobody wrote.
fn op_name(program: &Program, at: u32) -> Option<&str> {
    let text = program.sources.text(*program.spans.get(at as usize)?);
    Some(match program.ops.get(at as usize)? {
        Op::Call { .. } | Op::Wait { .. } => {
            let end = text.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
            &text[..end.unwrap_or(text.len())]
        }
        Op::CallRoute(_) | Op::CallRouteNamed(_) => "route",
        Op::Assign { .. } => "assign",
        Op::Evaluate(_) => "evaluate",
        Op::Test { .. } if text.starts_with("case") => "case",
        Op::Test { .. } => match program.ops.get(at as usize + 1) {
            Some(Op::LoopGuard { .. }) => "while",
            _ => "if",
        },
        // The end of a block has no `return` of its own.
        Op::Return(_) => "return",
        Op::LeaveRoute => "break",
        Op::Exit => "exit",
        Op::Drop => "drop",
        Op::SetTemporary(..)
        | Op::CodeToTemporary { .. }
        | Op::JumpUnlessCode(_)
        | Op::Jump(_)
        | Op::SetCode(_)
        | Op::CodeFromTemporary(_)
        | Op::ClearReturnCode
        | Op::LoopGuard { .. } => return None,
    })
}

fn write(program: &Program, cx: &RouteCx, at: u32, more: &str) {
    let Some(name) = op_name(program, at) else { return };
    let log = &cx.core.log;
    let format = cx.core.watch.format.load();
    let traces = cx.core.watch.traces();
    let level = if traces { format.level } else { Level::Debug };
    if !log.enabled_for(level, "modules::debugger") {
        return;
    }
    let place = program.spans.get(at as usize).map(|span| program.sources.location(*span));
    let Some(place) = place else { return };
    let file = if format.short { String::new() } else { format!(" c=[{}]", place.file) };
    let route = route_name(program, cx, at);
    let line = format!("{} {route}{file} l={} n={name}{more}", format.prefix, place.line);
    let shown = format.level_name.as_deref().filter(|_| traces).unwrap_or_else(|| level.name());
    log.emit(level, shown, format.facility, &line);
}

/// An operation begins.
pub(crate) fn before(program: &Program, cx: &RouteCx, at: u32) -> Option<Instant> {
    write(program, cx, at, "");
    (cx.core.watch.limit_action > 0).then(Instant::now)
}

/// An operation has ended.
pub(crate) fn after(program: &Program, cx: &RouteCx, at: u32, began: Option<Instant>) {
    match program.ops.get(at as usize) {
        Some(Op::Call { .. } | Op::Wait { .. } | Op::Return(_) | Op::Evaluate(_)) => {
            write(program, cx, at, &format!(" r={}", cx.last_code))
        }
        // Where the script goes on says how a test went.
        Some(Op::Test { otherwise, .. }) => {
            write(program, cx, at, if cx.position == *otherwise { " r=0" } else { " r=1" });
        }
        Some(Op::Assign { .. }) if !cx.core.watch.format.load().values => {
            write(program, cx, at, &format!(" r={}", cx.last_code));
        }
        Some(Op::Assign { target, .. }) => {
            let value = match target {
                Target::Slot(slot) => cx.vars.get(*slot),
                Target::Variable(variable) => variable.get(cx),
            };
            let mut text = b" v=".to_vec();
            if let Value::Str(_) = value {
                text.push(b'"');
            }
            value.append_to(&mut text);
            if let Value::Str(_) = value {
                text.push(b'"');
            }
            write(program, cx, at, &format!("{} r={}", String::from_utf8_lossy(&text), cx.last_code));
        }
        _ => {}
    }
    let watch = &cx.core.watch;
    let Some(micros) = began.map(|began| began.elapsed().as_micros()).filter(|micros| *micros > watch.limit_action)
    else {
        return;
    };
    let name = op_name(program, at).unwrap_or("");
    let place = program.spans.get(at as usize).map(|span| program.sources.location(*span));
    let (file, line) = place.map_or(("", 0), |place| (place.file, place.line));
    let text = format!("alert - action [{name}] cfg [{file}:{line}] took too long [{micros} us]");
    cx.core.log.write_for(watch.level, module_path!(), &text);
}
