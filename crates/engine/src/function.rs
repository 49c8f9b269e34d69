//! Script functions: descriptors, and what the compiler makes of a call.

use language::diagnostic::Diagnostic;

use crate::compile::CompileEnv;
use crate::module::BoxFuture;
use crate::route_cx::RouteCx;
use crate::script_type::ArgSource;

/// In which kinds of routes a function may stand; a set of bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Routes(pub u16);

impl Routes {
    /// True when both have a kind in common.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The bits of [`Routes`], for `#[function(REQUEST | FAILURE)]`.
pub mod routes {
    /// `request_route` and all `route[X]`.
    pub const REQUEST: u16 = 1;
    /// `failure_route[X]`.
    pub const FAILURE: u16 = 2;
    /// `onreply_route[X]`, armed by `t_on_reply`.
    pub const TM_ONREPLY: u16 = 4;
    /// `branch_route[X]`.
    pub const BRANCH: u16 = 8;
    /// `onsend_route`.
    pub const ONSEND: u16 = 16;
    /// `reply_route`, the unnamed `onreply_route`.
    pub const CORE_ONREPLY: u16 = 32;
    /// Both kinds of reply routes.
    pub const ONREPLY: u16 = 36;
    /// `event_route[X]`.
    pub const EVENT: u16 = 64;
    /// Requests made here (`event_route[tm:local-request]`).
    pub const LOCAL: u16 = 128;
    /// Everywhere.
    pub const ANY: u16 = 0xffff;
}

/// What a function returned: above 0 true, below 0 false, 0 ends the script.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Return(pub i32);

impl Return {
    /// 1.
    pub const TRUE: Self = Self(1);
    /// -1.
    pub const FALSE: Self = Self(-1);
    /// 0: the script ends.
    pub const STOP: Self = Self(0);
}

impl From<bool> for Return {
    fn from(value: bool) -> Self {
        if value { Self::TRUE } else { Self::FALSE }
    }
}

/// A function that cannot do what it should: logged with the place in the script; the function returns -1.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ScriptError {
    /// What went wrong.
    pub message: String,
}

impl ScriptError {
    /// An error.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl From<&str> for ScriptError {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}
impl From<String> for ScriptError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

/// What a script function yields.
pub type CallResult = Result<Return, ScriptError>;

/// A compiled call that runs on the spot.
pub trait SyncCall: Send + Sync {
    /// Runs it.
    fn call(&self, cx: &mut RouteCx) -> CallResult;
}

/// A compiled call that may wait; the message leaves its worker meanwhile.
pub trait WaitCall: Send + Sync {
    /// Runs it.
    fn call<'a>(&'a self, cx: &'a mut RouteCx) -> BoxFuture<'a, CallResult>;
}

/// Boxes a future where it will stay: the memory is there before the future is made, so that the compiler need not copy all
/// of it, which for the larger ones costs more than what they do.
pub fn boxed<'a, F: Future + Send + 'a>(make: impl FnOnce() -> F) -> BoxFuture<'a, F::Output> {
    let place = Box::<F>::new_uninit();
    let future: Box<F> = Box::write(place, make());
    Box::into_pin(future)
}

/// A compiled call.
pub enum Call {
    /// Runs on the spot.
    Sync(Box<dyn SyncCall>),
    /// May wait.
    Wait(Box<dyn WaitCall>),
}

/// Describes one argument.
#[derive(Clone, Copy, Debug)]
pub struct ArgDef {
    /// Its name in the documentation.
    pub name: &'static str,
    /// What it is: "string", "number", "location table".
    pub kind: &'static str,
    /// May be left out.
    pub optional: bool,
}

/// A function's descriptor, made by `#[function(..)]`.
#[derive(Clone, Copy)]
pub struct FunctionDef {
    /// Its name in scripts.
    pub name: &'static str,
    /// Its documentation.
    pub doc: &'static str,
    /// Where it may stand.
    pub routes: Routes,
    /// Its arguments.
    pub args: &'static [ArgDef],
    /// Any number of further arguments is allowed.
    pub variadic: bool,
    /// Turns checked arguments into a call (Kamailio's fixup).
    pub compile: fn(&[ArgSource<'_>], &mut CompileEnv<'_>) -> Result<Call, Diagnostic>,
}

impl FunctionDef {
    /// `save(table: location table, [flags: flags])`.
    #[must_use]
    pub fn signature(&self) -> String {
        let args: Vec<String> = self
            .args
            .iter()
            .map(|arg| {
                if arg.optional {
                    format!("[{}: {}]", arg.name, arg.kind)
                } else {
                    format!("{}: {}", arg.name, arg.kind)
                }
            })
            .collect();
        format!("{}({}{})", self.name, args.join(", "), if self.variadic { ", .." } else { "" })
    }

    /// Fewest and most arguments.
    #[must_use]
    pub fn arity(&self) -> (usize, usize) {
        let least = self.args.iter().filter(|arg| !arg.optional).count();
        (least, if self.variadic { usize::MAX } else { self.args.len() })
    }
}
