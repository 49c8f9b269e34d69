//! What a module is made of, and the modules of a running server.
//!
//! A module is one `const MODULE: ModuleDef`: its name, parameters, functions, variables, RPC commands, and `create`,
//! which turns checked parameters into the module's object. `create` does no I/O (a configuration check runs it);
//! sockets, tasks and databases belong into [`Module::start`].

use std::any::{Any, TypeId};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hashbrown::HashMap;
use language::diagnostic::{Code, Diagnostic};
use language::span::Span;

use crate::compile::Catalog;
use crate::core::Core;
use crate::function::FunctionDef;
use crate::params::{ParamDef, ParamSource, Params};
use crate::rpc::RpcDef;
use crate::transformation::TransformationDef;
use crate::variable::VariableDef;

/// A future in a box.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A module's table of contents.
pub struct ModuleDef {
    /// As in `loadmodule`.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Modules that must be loaded before this one.
    pub needs: &'static [&'static str],
    /// Its `modparam`s.
    pub params: &'static [ParamDef],
    /// Its script functions.
    pub functions: &'static [FunctionDef],
    /// Its pseudo-variables.
    pub variables: &'static [VariableDef],
    /// Its transformations.
    pub transformations: &'static [TransformationDef],
    /// Its RPC commands.
    pub rpc: &'static [RpcDef],
    /// Its event routes; a trailing `*` stands for any rest of the name.
    pub event_routes: &'static [&'static str],
    /// The tables that it reads or writes.
    pub tables: &'static [&'static database::TableDef],
    /// Makes the module's object from its parameters.
    pub create: fn(&mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic>,
}

impl ModuleDef {
    /// A module without anything: the base for `..ModuleDef::EMPTY`.
    pub const EMPTY: Self = Self {
        name: "",
        summary: "",
        needs: &[],
        params: &[],
        functions: &[],
        variables: &[],
        transformations: &[],
        rpc: &[],
        event_routes: &[],
        tables: &[],
        create: |_| Ok(Arc::new(Stateless)),
    };
}

/// The object of a module that keeps nothing.
pub struct Stateless;
impl Module for Stateless {}

/// A created module. Found by its type, see [`Modules::get`].
pub trait Module: Any + Send + Sync {
    /// Opens sockets, starts timers and tasks. Called once, in load order, after all modules were created, inside the
    /// runtime. An error ends the start of the server.
    fn start(self: Arc<Self>, _core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    /// Ends what `start` began; writes what must not be lost. Called in reverse order.
    fn stop(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

/// What [`ModuleDef::create`] works with.
pub struct Creating<'a> {
    /// The server's core.
    pub core: &'a Arc<Core>,
    /// Modules that were loaded before.
    pub modules: &'a Modules,
    /// All names of the core and the loaded modules: for formats in parameters.
    pub catalog: &'a Catalog,
    /// The module's `modparam` lines in file order.
    pub params: &'a [ParamSource],
    /// The `loadmodule` line.
    pub span: Span,
}

impl Creating<'_> {
    /// Fills a parameter struct; unknown names and wrong types were checked before.
    pub fn params<P: Params>(&self) -> Result<P, Diagnostic> {
        let mut params = P::default();
        for source in self.params {
            params.set(source)?;
        }
        Ok(params)
    }

    /// The database that the parameter `param` names; nothing is connected yet. The error stands at the parameter.
    pub fn database(&self, param: &str, url: &str) -> Result<database::Database, Diagnostic> {
        self.core.databases.get(url).map_err(|problem| {
            let label = if self.params.iter().any(|source| source.name == param) {
                "this database".to_owned()
            } else {
                format!("`{param}` is not set; its default names a database")
            };
            Diagnostic::error(Code::ParamValue, problem.0, self.span_of(param), label)
        })
    }

    /// Where the last `modparam` line of a parameter stands; the `loadmodule` line when it is not set.
    #[must_use]
    pub fn span_of(&self, param: &str) -> Span {
        self.params.iter().rev().find(|source| source.name == param).map_or(self.span, |source| source.span)
    }
}

/// The created modules, found by Rust type.
#[derive(Default)]
pub struct Modules {
    by_type: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    /// Name and object in load order.
    pub list: Vec<(&'static str, Arc<dyn Module>)>,
}

impl Modules {
    /// Adds a module.
    pub fn add(&mut self, name: &'static str, module: Arc<dyn Module>) {
        let any: Arc<dyn Any + Send + Sync> = module.clone();
        self.by_type.insert((*any).type_id(), any);
        self.list.push((name, module));
    }

    /// Adds an object that is no module but is found like one (the [`Core`]).
    pub fn add_object(&mut self, object: Arc<dyn Any + Send + Sync>) {
        self.by_type.insert((*object).type_id(), object);
    }

    /// The module of type `T`, when it is loaded.
    #[must_use]
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.by_type.get(&TypeId::of::<T>())?.clone().downcast().ok()
    }

    /// True when a module of this name is loaded.
    #[must_use]
    pub fn is_loaded(&self, name: &str) -> bool {
        self.list.iter().any(|(loaded, _)| *loaded == name)
    }
}
