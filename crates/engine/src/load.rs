//! From the text of a configuration to a server that is ready to start: parameters, modules, program. No I/O but reading
//! the files: this is also what `olelo check` runs.

mod evaluate;
mod order;
mod params;

use std::sync::Arc;

use hashbrown::HashMap;
use language::Source;
use language::ast::{Config, ConfigValue, ItemKind, Socket, SocketAddress};
use language::diagnostic::{Code, Diagnostic, Severity};
use language::known::{self, State};
use language::span::{SourceMap, Span, Spanned};

use crate::compile::{Catalog, CompileEnv, compile_routes};
use crate::config_groups::{ConfigError, ConfigGroups, GroupName};
use crate::core::{Alias, Core};
use crate::functions::CORE;
use crate::log::Log;
use crate::module::{Creating, Module, ModuleDef, Modules};
use crate::params::{ParamKind, ParamSource};
use crate::program::Program;
use crate::rpc::{RpcCommand, RpcDef, RpcTable};
use crate::settings::Settings;
use crate::value::Value;

/// What the program has to offer to a configuration.
#[derive(Clone, Copy)]
pub struct Offer {
    /// All modules.
    pub modules: &'static [&'static ModuleDef],
    /// RPC commands that need no module.
    pub rpc: &'static [&'static [RpcDef]],
}

/// A configuration that was understood.
pub struct Loaded {
    /// The core.
    pub core: Arc<Core>,
    /// The created modules.
    pub modules: Arc<Modules>,
    /// The program.
    pub program: Arc<Program>,
    /// `listen` lines.
    pub listen: Vec<Socket>,
}

/// The result of loading: a server when there was no error.
pub struct Outcome {
    /// The server.
    pub loaded: Option<Loaded>,
    /// All mistakes, warnings too.
    pub diagnostics: Vec<Diagnostic>,
    /// The files, to draw the mistakes.
    pub sources: Arc<SourceMap>,
}

impl Outcome {
    /// True when something prevents the start.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// A module that the configuration loads.
struct Chosen {
    def: &'static ModuleDef,
    span: Span,
    params: Vec<ParamSource>,
    /// Which of them have variables in their value (`modparamx`), and the type that they must get.
    evaluated: Vec<(usize, ParamKind)>,
}

/// Loads a configuration. `adjust` changes settings before anything uses them (command line options).
pub fn load(source: &Source<'_>, offer: &Offer, log: Arc<Log>, adjust: impl FnOnce(&mut Settings)) -> Outcome {
    let parsed = language::parse(source);
    // What a broken tree does not show is not missing.
    let lints = if parsed.has_errors() { Vec::new() } else { language::check::check(&parsed, source.reader) };
    let sources = Arc::new(parsed.sources);
    let mut loading = Loading {
        offer,
        diagnostics: parsed.diagnostics,
        settings: Settings::default(),
        chosen: Vec::new(),
        listen: Vec::new(),
        aliases: Vec::new(),
        custom: Vec::new(),
        missing: Vec::new(),
        removed: Vec::new(),
    };
    loading.collect(&parsed.config);
    adjust(&mut loading.settings);
    let loaded = loading.build(&parsed.config, &sources, log);
    let mut diagnostics = loading.diagnostics;
    diagnostics.extend(lints);
    let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    Outcome { loaded: loaded.filter(|_| !failed), diagnostics, sources }
}

/// Modules that may stand behind the ones that need them. Every other one must stand before, as in Kamailio.
const ANYWHERE: &[&str] = &["sl"];

/// A value of a group that the configuration declares.
type Custom = (String, Spanned<String>, Value, String);

struct Loading<'o> {
    offer: &'o Offer,
    diagnostics: Vec<Diagnostic>,
    settings: Settings,
    chosen: Vec<Chosen>,
    listen: Vec<Socket>,
    aliases: Vec<SocketAddress>,
    custom: Vec<Custom>,
    /// Modules that Kamailio has and that do not exist here yet.
    missing: Vec<String>,
    /// Modules that Kamailio has no longer.
    removed: Vec<String>,
}

impl Loading<'_> {
    fn collect(&mut self, config: &Config) {
        for item in &config.items {
            match &item.kind {
                ItemKind::CoreParam { name, index, value } => {
                    match self.settings.apply_item(name, index.as_ref(), value) {
                        Ok(remark) => self.diagnostics.extend(remark),
                        Err(diagnostic) => self.diagnostics.push(diagnostic),
                    }
                }
                ItemKind::Listen(sockets) => self.listen.extend(sockets.iter().cloned()),
                ItemKind::Alias(aliases) => self.aliases.extend(aliases.iter().cloned()),
                ItemKind::LoadModule { name, evaluated, .. } => {
                    let name = if *evaluated { evaluate::file_name(name, &config.defines) } else { Ok(name.clone()) };
                    match name {
                        Ok(name) => self.load_module(&name),
                        Err(diagnostic) => self.diagnostics.push(diagnostic),
                    }
                }
                ItemKind::ModParam { modules, name, value, evaluated } => {
                    let later = *evaluated && matches!(&value.node, ConfigValue::String(text) if text.contains('$'));
                    self.mod_param(modules, name, value, later);
                }
                ItemKind::CustomParam { group, name, value, description } => {
                    let parsed = match &value.node {
                        ConfigValue::Int(number) => Value::Int(*number),
                        ConfigValue::String(text) | ConfigValue::Word(text) => Value::from(text.as_str()),
                    };
                    self.custom.push((
                        group.node.clone(),
                        name.clone(),
                        parsed,
                        description.clone().unwrap_or_default(),
                    ));
                }
                ItemKind::CfgEngine(name) if !matches!(&*name.node, "native" | "default") => {
                    self.not_yet(&format!("the script language `{}`", name.node), name.span);
                }
                // Modules are part of the program: paths have no meaning.
                ItemKind::LoadPath(_) | ItemKind::CfgEngine(_) | ItemKind::Flags(_) | ItemKind::AvpFlags(_) => {}
                ItemKind::Route(_) => {}
            }
        }
    }

    fn not_yet(&mut self, what: &str, span: Span) {
        self.diagnostics.push(Diagnostic::error(
            Code::NotYet,
            format!("{what} is not supported yet"),
            span,
            "Kamailio has it, Olelo not yet",
        ));
    }

    fn load_module(&mut self, written: &Spanned<String>) {
        let file = written.node.rsplit('/').next().unwrap_or_default();
        let name = file.strip_suffix(".so").unwrap_or(file);
        let span = written.span;
        if let Some(first) = self.chosen.iter().find(|chosen| chosen.def.name == name) {
            self.diagnostics.push(
                Diagnostic::error(
                    Code::DuplicateModule,
                    format!("module `{name}` is loaded twice"),
                    span,
                    "again here",
                )
                .label(first.span, "first here"),
            );
            return;
        }
        let Some(def) = self.offer.modules.iter().find(|def| def.name == name) else {
            let known = known::module(name);
            let diagnostic = match known {
                Some(module) if module.state == State::Current => {
                    self.missing.push(module.name.to_owned());
                    self.check_needs(name, &module.needs, span);
                    Diagnostic::error(
                        Code::NotYet,
                        format!("module `{name}` is not supported yet"),
                        span,
                        "Kamailio has it, Olelo not yet",
                    )
                }
                Some(module) => {
                    self.removed.push(module.name.to_owned());
                    let diagnostic = Diagnostic::warning(
                        Code::Removed,
                        format!("module `{name}` does not exist any more: not loaded"),
                        span,
                        "Kamailio removed it",
                    );
                    match module.replacement {
                        "" => diagnostic,
                        replacement => diagnostic.help(format!("module `{replacement}` does its work now")),
                    }
                }
                None => {
                    Diagnostic::error(Code::UnknownModule, format!("unknown module `{name}`"), span, "no such module")
                        .did_you_mean(name, known::modules())
                }
            };
            self.diagnostics.push(diagnostic);
            return;
        };
        self.check_needs(name, def.needs, span);
        self.chosen.push(Chosen { def, span, params: Vec::new(), evaluated: Vec::new() });
    }

    /// The modules that one needs must be loaded before it.
    fn check_needs(&mut self, name: &str, needs: &[&str], span: Span) {
        for needed in needs.iter().filter(|needed| !ANYWHERE.contains(needed)) {
            self.check_needed(name, needed, span);
        }
    }

    /// Complains when a module that another one needs is not loaded so far.
    fn check_needed(&mut self, name: &str, needed: &str, span: Span) {
        let is_loaded = self.chosen.iter().any(|chosen| chosen.def.name == needed);
        if !is_loaded && !self.missing.iter().any(|missing| missing == needed) {
            let message = format!("module `{name}` needs module `{needed}`");
            self.diagnostics.push(
                Diagnostic::error(Code::MissingDependency, message, span, "loaded without it")
                    .help(format!("add `loadmodule \"{needed}.so\"` before this line")),
            );
        }
    }

    /// `group.name = value`, then `group[1].name = value`.
    fn declare_custom(&mut self, config: &ConfigGroups) {
        for (group, name, value, doc) in self.custom.iter().filter(|(group, ..)| !group.contains('[')) {
            config.declare_own(group, &name.node, doc, value.clone());
        }
        for (written, name, value, _) in self.custom.iter().filter(|(group, ..)| group.contains('[')) {
            let changed = match GroupName::parse(written) {
                Some(group @ GroupName { instance: Some(instance), .. }) => config
                    .add_instance(&group.group, instance)
                    .and_then(|()| config.change(&group, &name.node, Some(value.clone()))),
                _ => Err(ConfigError::NoInstance),
            };
            if let Err(error) = changed {
                let (code, label) = match error {
                    ConfigError::NoInstances => (Code::NotYet, "Kamailio has it, Olelo not yet".to_owned()),
                    ConfigError::NotFound => (Code::UnknownVariable, "declare the group's own value, too".to_owned()),
                    ConfigError::NoInstance => (Code::UnknownVariable, "write `group[number]`".to_owned()),
                    ref other => (Code::CoreParamValue, other.to_string()),
                };
                let message = format!("`{written}.{}` cannot be set: {error}", name.node);
                self.diagnostics.push(Diagnostic::error(code, message, name.span, label));
            }
        }
    }

    fn build(&mut self, config: &Config, sources: &Arc<SourceMap>, log: Arc<Log>) -> Option<Loaded> {
        log.set_level(self.settings.debug);
        for (def, span) in self.chosen.iter().map(|chosen| (chosen.def, chosen.span)).collect::<Vec<_>>() {
            for needed in def.needs.iter().filter(|needed| ANYWHERE.contains(needed)) {
                self.check_needed(def.name, needed, span);
            }
        }
        let core = Core::new(self.settings.clone(), log);
        self.declare_custom(&core.config);
        let _ = core.defines.set(config.defines.clone());
        *core.aliases.write() = aliases(&self.aliases);
        let mut catalog = Catalog { missing: self.missing.clone(), ..Catalog::default() };
        catalog.add(&CORE);
        for chosen in &self.chosen {
            catalog.add(chosen.def);
        }
        let catalog = Arc::new(catalog);
        let _ = core.catalog.set(catalog.clone());
        let modules = self.create(&core, &catalog);
        self.log_prefix(&core, &modules, &catalog);
        let (program, mut mistakes) = compile_routes(config, sources.clone(), &core, &modules, &catalog);
        if modules.list.len() < self.chosen.len() {
            // Why a module could not be made was said already; that its functions lack it follows from that.
            mistakes.retain(|mistake| mistake.code != Code::MissingDependency);
        }
        self.diagnostics.extend(mistakes);
        // A broken file may have lost it.
        let broken = self.diagnostics.iter().any(|it| it.severity == Severity::Error && it.code.number() < "E0100");
        if program.request_route().is_none() && !broken {
            let span = Span::default();
            self.diagnostics.push(Diagnostic::warning(
                Code::UnknownRoute,
                "there is no request_route: all requests will be dropped",
                span,
                "",
            ));
        }
        let modules = Arc::new(modules);
        let _ = core.modules.set(modules.clone());
        core.rpc.store(Arc::new(self.rpc_table(&modules)));
        let program = Arc::new(program);
        core.program.store(Some(program.clone()));
        Some(Loaded { core, modules, program, listen: std::mem::take(&mut self.listen) })
    }

    fn create(&mut self, core: &Arc<Core>, catalog: &Catalog) -> Modules {
        let mut modules = Modules::default();
        modules.add_object(core.clone());
        let mut failed: HashMap<&str, ()> = HashMap::new();
        for at in self.creation_order() {
            let chosen = &mut self.chosen[at];
            let mistakes = evaluate::params(chosen, core, &modules, catalog);
            if !mistakes.is_empty() {
                failed.insert(chosen.def.name, ());
                self.diagnostics.extend(mistakes);
                continue;
            }
            if chosen.def.needs.iter().any(|needed| failed.contains_key(needed) || !modules.is_loaded(needed)) {
                failed.insert(chosen.def.name, ());
                continue;
            }
            let mut creating = Creating { core, modules: &modules, catalog, params: &chosen.params, span: chosen.span };
            match (chosen.def.create)(&mut creating) {
                Ok(module) => modules.add(chosen.def.name, module),
                Err(diagnostic) => {
                    let follows = diagnostic.code == Code::MissingDependency && !failed.is_empty();
                    failed.insert(chosen.def.name, ());
                    if !follows {
                        self.diagnostics.push(diagnostic);
                    }
                }
            }
        }
        modules
    }

    fn log_prefix(&mut self, core: &Arc<Core>, modules: &Modules, catalog: &Catalog) {
        let Some(prefix) = &self.settings.log_prefix else { return };
        let mut env = CompileEnv::new(core, modules, catalog);
        match env.format(&prefix.node, prefix.span) {
            Ok(format) => {
                let _ = core.log_prefix.set(format);
            }
            Err(diagnostic) => self.diagnostics.push(diagnostic),
        }
    }

    fn rpc_table(&self, modules: &Modules) -> RpcTable {
        let mut table = RpcTable::default();
        let of_modules = self.chosen.iter().map(|chosen| chosen.def.rpc);
        for def in self.offer.rpc.iter().copied().chain(of_modules).flatten() {
            if let Some(handler) = (def.bind)(modules) {
                table.commands.insert(
                    def.name.into(),
                    RpcCommand { doc: def.doc.into(), returns_array: def.returns_array, handler },
                );
            }
        }
        table
    }
}

/// `alias` lines as the core keeps them.
#[must_use]
pub fn aliases(lines: &[SocketAddress]) -> Vec<Alias> {
    let of_line = |line: &SocketAddress| {
        let (port, protocol) = (line.port, line.protocol.as_deref().and_then(sip::Protocol::from_name));
        line.hosts.iter().map(move |host| Alias { host: host.node.to_lowercase(), port, protocol }).collect::<Vec<_>>()
    };
    lines.iter().flat_map(of_line).collect()
}

impl Loaded {
    /// Starts the modules in load order. The core must be attached to its network.
    pub async fn start(&self) -> Result<(), String> {
        for (name, module) in &self.modules.list {
            module.clone().start(&self.core).await.map_err(|error| format!("module `{name}`: {error}"))?;
        }
        for hook in self.core.hooks.after_start.iter() {
            hook(self.core.clone()).await;
        }
        if let Some(route) = self.program.route(language::ast::RouteKind::Event, "core:worker-one-init") {
            let mut cx = crate::RouteCx::faked(self.core.clone());
            self.program.run(route, &mut cx).await;
            Box::new(cx).flush();
        }
        Ok(())
    }

    /// Stops the modules in reverse order.
    pub async fn stop(&self) {
        self.core.stop();
        for (_, module) in self.modules.list.iter().rev() {
            let module: Arc<dyn Module> = module.clone();
            module.stop().await;
        }
    }
}
