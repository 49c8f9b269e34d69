//! Runs checked kamailio.cfg programs, and defines what a module is made of.
//!
//! Start reading at [`module::ModuleDef`] (a module's table of contents), [`program::Program`] (what routes become and
//! the loop that runs them) and [`RouteCx`] (the state of one message). `compile/` turns the tree of `language` into a
//! program; `variables/`, `transformations/` and `functions/` are the core's own. No sockets here: messages come in
//! through [`receive::Engine`] and leave through [`transport::Network`].

// The macros name this crate by its own name, also here.
extern crate self as engine;

pub mod avp;
pub mod compile;
pub mod config_groups;
pub mod core;
pub mod core_counters;
mod expression;
pub mod forward;
pub mod function;
pub mod functions;
pub mod listeners;
pub mod load;
pub mod log;
pub mod module;
pub mod names;
mod our_via;
pub mod params;
pub mod posix_regex;
pub mod program;
pub mod receive;
pub mod reply;
pub mod route_cx;
mod routes_out;
pub mod rpc;
pub mod script_type;
mod select;
pub mod settings;
pub mod statistics;
pub mod substitution;
pub mod trace;
pub mod transformation;
pub mod value;
pub mod variable;
mod variables;
pub mod xavp;

#[cfg(test)]
mod tests;

pub use compile::CompileEnv;
pub use core::Core;

pub use expression::{EvalError, Expression, Format};
pub use function::{ArgDef, Call, CallResult, FunctionDef, Return, Routes, ScriptError, SyncCall, WaitCall};
pub use language::diagnostic::{Code, Diagnostic};
pub use listeners::Listeners;
pub use macros::{Params, function, rpc, transformation, variable};
pub use module::{BoxFuture, Creating, Module, ModuleDef, Modules, Stateless};
pub use params::{DbName, ParamDef, ParamSource, ParamType, Params};
pub use route_cx::{Branch, RouteCx};
pub use rpc::{RpcArguments, RpcDef, RpcFault, RpcResult, RpcValue};
pub use script_type::{ArgSource, ScriptType};
pub use sip::Str;
pub use transformation::{ScriptTransformation, TransformArg, TransformArgs, TransformationDef};
pub use value::Value;
pub use variable::{Index, InnerName, ScriptVariable, VariableDef};
