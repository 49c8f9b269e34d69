//! From the tree of a configuration to a [`Program`].
//!
//! [`routes`](compile_routes) compiles all blocks; `statement.rs` lowers statements and conditions to operations,
//! [`CompileEnv`] resolves names: functions, variables, transformations, flags. All mistakes are collected.

mod attribute;
mod env;
mod operand;
mod statement;

pub(crate) use attribute::Attribute;
pub(crate) use env::SlotVariable;
pub use operand::{parse_net, uri_is_myself};

use std::sync::Arc;

use hashbrown::HashMap;
use language::ast::{Config, ItemKind, Mode, RouteBlock, RouteKind};
use language::diagnostic::{Code, Diagnostic};
use language::span::{SourceMap, Span};

use crate::core::Core;
use crate::function::{FunctionDef, Routes, routes};
use crate::module::{ModuleDef, Modules};
use crate::program::{CodeEffect, Op, Program, Route, RouteId};
use crate::transformation::TransformationDef;
use crate::variable::VariableDef;
use language::known;

/// All names that the core and the loaded modules define.
#[derive(Default)]
pub struct Catalog {
    /// Functions by name; several modules may have one name with other arities.
    pub functions: HashMap<&'static str, Vec<(&'static FunctionDef, &'static str)>>,
    /// Variables by name.
    pub variables: HashMap<&'static str, &'static VariableDef>,
    /// Transformations by `class.name`.
    pub transformations: HashMap<&'static str, &'static TransformationDef>,
    /// Event routes of the loaded modules and the core.
    pub event_routes: Vec<&'static str>,
    /// Modules that the configuration loads and that do not exist here yet.
    pub missing: Vec<String>,
}

impl Catalog {
    /// Adds what a module (or the core, with the name `core`) defines.
    pub fn add(&mut self, module: &'static ModuleDef) {
        for function in module.functions {
            self.functions.entry(function.name).or_default().push((function, module.name));
        }
        for variable in module.variables {
            for name in variable.names {
                self.variables.insert(name, variable);
            }
        }
        for transformation in module.transformations {
            self.transformations.insert(transformation.name, transformation);
        }
        self.event_routes.extend_from_slice(module.event_routes);
    }
}

/// What compiling functions, variables and transformations works with.
pub struct CompileEnv<'a> {
    /// The server.
    pub core: &'a Arc<Core>,
    /// The loaded modules.
    pub modules: &'a Modules,
    /// All names.
    pub catalog: &'a Catalog,
    /// In which kind of route the compiled text stands.
    pub kind: Routes,
    /// The block that it stands in; `None` for texts outside of blocks.
    pub(crate) block: Option<RouteKind>,
    /// Mistakes so far.
    pub diagnostics: Vec<Diagnostic>,
    /// How unknown `$x` are understood.
    pub mode: Mode,
    /// The files, to find the exact place of a part of a text.
    sources: Option<Arc<SourceMap>>,
    routes: HashMap<(RouteKind, String), RouteId>,
    flags: HashMap<String, i64>,
    /// Names of `avpflags`, in order.
    avp_flags: Vec<String>,
}

impl<'a> CompileEnv<'a> {
    /// An environment without routes: for format strings in module parameters and at run time.
    #[must_use]
    pub fn new(core: &'a Arc<Core>, modules: &'a Modules, catalog: &'a Catalog) -> Self {
        Self {
            core,
            modules,
            catalog,
            kind: Routes(routes::ANY),
            block: None,
            diagnostics: Vec::new(),
            mode: Mode::Kamailio,
            sources: None,
            routes: HashMap::new(),
            flags: HashMap::new(),
            avp_flags: Vec::new(),
        }
    }

    /// True when the configuration has this block.
    #[must_use]
    pub fn has_route(&self, kind: RouteKind, name: &str) -> bool {
        self.routes.contains_key(&(kind, name.to_owned()))
    }
}

/// Compiles all routing blocks of a configuration.
pub fn compile_routes(
    config: &Config,
    sources: Arc<SourceMap>,
    core: &Arc<Core>,
    modules: &Modules,
    catalog: &Catalog,
) -> (Program, Vec<Diagnostic>) {
    let mut env = CompileEnv::new(core, modules, catalog);
    env.mode = config.mode;
    env.sources = Some(sources.clone());
    let blocks = collect_blocks(config, &mut env);
    let mut program = Program { sources, ..Program::default() };
    for (at, (kind, name, _)) in blocks.iter().enumerate() {
        env.routes.insert((*kind, name.clone()), RouteId(at as u32));
    }
    for (kind, name, parts) in &blocks {
        env.kind = mask(*kind);
        env.block = Some(*kind);
        let start = program.ops.len() as u32;
        let mut lowering = statement::Lowering::new(&mut env, &mut program);
        for block in parts {
            lowering.block(&block.body);
        }
        let temporaries = lowering.finish(parts.last().map_or(Span::default(), |block| block.body.span));
        program.routes.push(Route { kind: *kind, name: name.clone(), start, temporaries });
    }
    program.index = std::mem::take(&mut env.routes);
    program.request = program.route(RouteKind::Request, "");
    program.pre_routing = program.route(RouteKind::Event, "core:pre-routing");
    program.reply = program.route(RouteKind::Reply, "");
    program.on_send = program.route(RouteKind::OnSend, "");
    program.var_names.clone_from(&core.var_names.read());
    (program, env.diagnostics)
}

/// The routing blocks by kind and name: unnamed ones that repeat are joined, a repeated name is a mistake.
fn collect_blocks<'c>(config: &'c Config, env: &mut CompileEnv<'_>) -> Vec<(RouteKind, String, Vec<&'c RouteBlock>)> {
    let mut blocks: Vec<(RouteKind, String, Vec<&RouteBlock>)> = Vec::new();
    let mut flag_number = 0;
    for item in &config.items {
        match &item.kind {
            ItemKind::AvpFlags(names) => env.avp_flags.extend(names.iter().map(|name| name.node.clone())),
            ItemKind::Route(block) => add_block(block, &mut blocks, env),
            ItemKind::Flags(flags) => {
                for (name, number) in flags {
                    let number = number.as_ref().map_or(flag_number, |number| number.node);
                    env.flags.insert(name.node.clone(), number);
                    flag_number = number + 1;
                }
            }
            _ => {}
        }
    }
    blocks
}

fn add_block<'c>(
    block: &'c RouteBlock,
    blocks: &mut Vec<(RouteKind, String, Vec<&'c RouteBlock>)>,
    env: &mut CompileEnv<'_>,
) {
    let name = block.name.as_ref().map_or(String::new(), |name| name.node.clone());
    if block.kind == RouteKind::Event {
        check_event_name(block, &name, env);
    }
    match blocks.iter_mut().find(|(kind, other, _)| *kind == block.kind && *other == name) {
        Some((_, _, parts)) => {
            if !name.is_empty() {
                let first = parts[0].header;
                env.diagnostics.push(
                    Diagnostic::error(
                        Code::DuplicateRoute,
                        format!("route `{name}` is defined twice"),
                        block.header,
                        "again here",
                    )
                    .label(first, "first here"),
                );
            }
            parts.push(block);
        }
        None => blocks.push((block.kind, name, vec![block])),
    }
}

/// An event route that no loaded module runs never runs: a warning, as Kamailio accepts it silently. One that the core or
/// a loaded module runs in Kamailio, and not here yet, is an error.
fn check_event_name(block: &RouteBlock, name: &str, env: &mut CompileEnv<'_>) {
    let matches = |known: &str| match known.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => known == name,
    };
    if env.catalog.event_routes.iter().any(|known| matches(known)) {
        return;
    }
    let span = block.name.as_ref().map_or(block.header, |name| name.span);
    let known = known::event_routes().find(|(known, _)| match known.split_once('<') {
        Some((prefix, _)) => name.starts_with(prefix),
        None => *known == name,
    });
    let is_loaded = |module: &str| {
        let missing = env.catalog.missing.iter().any(|missing| missing == module);
        missing || module == "core" || env.modules.is_loaded(module)
    };
    let diagnostic = match known {
        Some((_, module)) if is_loaded(module) => Diagnostic::error(
            Code::NotYet,
            format!("event_route[{name}] is not supported yet"),
            span,
            "Kamailio has it, Olelo not yet",
        ),
        Some((_, module)) => Diagnostic::warning(
            Code::UnknownEventRoute,
            format!("event_route[{name}] never runs: module `{module}` is not loaded"),
            span,
            "never run",
        ),
        None => Diagnostic::warning(
            Code::UnknownEventRoute,
            format!("no module runs event_route[{name}]"),
            span,
            "never run",
        )
        .did_you_mean(name, known::event_routes().map(|(name, _)| name)),
    };
    env.diagnostics.push(diagnostic);
}

/// The bit of a kind of route.
pub(crate) const fn mask(kind: RouteKind) -> Routes {
    match kind {
        RouteKind::Request => Routes(routes::REQUEST),
        RouteKind::Reply => Routes(routes::CORE_ONREPLY),
        RouteKind::OnReply => Routes(routes::TM_ONREPLY),
        RouteKind::Failure => Routes(routes::FAILURE),
        RouteKind::Branch => Routes(routes::BRANCH),
        RouteKind::OnSend => Routes(routes::ONSEND),
        // An event route may do what a request route may.
        RouteKind::Event => Routes(routes::EVENT | routes::REQUEST),
    }
}

impl Program {
    /// A readable listing (`olelo check --emit program`).
    #[must_use]
    pub fn listing(&self) -> String {
        use std::fmt::Write as _;
        let effect = |code: CodeEffect| match code {
            CodeEffect::Sets => "",
            CodeEffect::Keeps => " (keeps $rc)",
            CodeEffect::Clears => " (clears $rc)",
        };
        let mut out = String::new();
        for (at, op) in self.ops.iter().enumerate() {
            for route in self.routes.iter().filter(|route| route.start as usize == at) {
                let _ = writeln!(out, "{:?} [{}] ({} temporaries)", route.kind, route.name, route.temporaries);
            }
            let text = match op {
                Op::Call { code, .. } => format!("call{}", effect(*code)),
                Op::Wait { code, .. } => format!("call, may wait{}", effect(*code)),
                Op::CallRoute(route) => format!("route {}", self.routes[route.0 as usize].name),
                Op::CallRouteNamed(_) => "route by name".into(),
                Op::Assign { .. } => "assign".into(),
                Op::Evaluate(_) => "evaluate".into(),
                Op::SetTemporary(slot, _) => format!("t{slot} = value"),
                Op::CodeToTemporary { slot, exact } => {
                    format!("t{slot} = {}", if *exact { "exact code" } else { "code" })
                }
                Op::CodeFromTemporary(slot) => format!("code = t{slot}"),
                Op::ClearReturnCode => "$rc = 0".into(),
                Op::Test { otherwise, positive, .. } => {
                    format!("test{} else {otherwise}", if *positive { " >0" } else { "" })
                }
                Op::JumpUnlessCode(otherwise) => format!("test code else {otherwise}"),
                Op::Jump(to) => format!("jump {to}"),
                Op::SetCode(code) => format!("code = {code}"),
                Op::LoopGuard { exit, .. } => format!("loop guard else {exit}"),
                Op::Return(_) => "return".into(),
                Op::LeaveRoute => "leave route".into(),
                Op::Exit => "exit".into(),
                Op::Drop => "drop".into(),
            };
            let span = self.spans[at];
            let _ = writeln!(
                out,
                "  {at:5}  {text:24} ; {} {}",
                self.sources.location(span),
                self.sources.text(span).lines().next().unwrap_or_default()
            );
        }
        out
    }
}
