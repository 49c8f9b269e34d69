//! Module `counters`: counters for scripts, and the RPC commands that show them.

use std::collections::HashMap;
use std::sync::Arc;

use engine::statistics::Counter;
use engine::{
    ArgSource, CallResult, Code, CompileEnv, Creating, Diagnostic, Module, ModuleDef, Params, Return, RouteCx,
    ScriptError, ScriptType, function,
};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "counters",
    summary: "Counters for scripts, and the commands that show them.",
    params: CountersParams::DEFS,
    functions: &[CNT_ADD, CNT_INC, CNT_RESET],
    rpc: control::commands::COUNTERS,
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `counters`.
#[derive(Params)]
pub struct CountersParams {
    /// Declares a counter: `[group.]name`, then a blank or colon and a description; may repeat.
    pub script_counter: Vec<String>,
    /// The group of script counters that name none. Must stand before the `script_counter` lines that use it.
    #[param(default = "script".into())]
    pub script_cnt_grp_name: String,
}

/// The started module.
pub struct Counters {
    group: String,
    by_name: HashMap<(String, String), Counter>,
}

impl Module for Counters {}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: CountersParams = creating.params()?;
    let mut by_name = HashMap::new();
    for text in &params.script_counter {
        let (name, doc) = text.split_once([' ', ':']).unwrap_or((text, "custom script counter."));
        if name.is_empty() {
            return Err(Diagnostic::error(
                Code::ParamValue,
                "a counter needs a name",
                creating.span_of("script_counter"),
                "`[group.]name description`",
            ));
        }
        let (group, name) = name.split_once('.').unwrap_or((&params.script_cnt_grp_name, name));
        let counter = creating.core.statistics.counter(group, name, doc.trim());
        by_name.insert((group.to_owned(), name.to_owned()), counter);
    }
    Ok(Arc::new(Counters { group: params.script_cnt_grp_name, by_name }))
}

/// A counter that a `script_counter` line declares.
pub struct CounterName(Counter);

impl ScriptType for CounterName {
    type Compiled = Counter;
    const KIND: &'static str = "counter";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Counter, Diagnostic> {
        let arg = engine::script_type::required(arg)?;
        let text = arg.constant("a counter's name")?;
        let me: Arc<Counters> = env.module(arg.span())?;
        let (group, name) = text.split_once('.').unwrap_or((&me.group, &text));
        me.by_name.get(&(group.to_owned(), name.to_owned())).cloned().ok_or_else(|| {
            arg.error(format!("counter `{text}` is not declared"), "unknown")
                .did_you_mean(name, me.by_name.keys().map(|(_, name)| name.as_str()))
                .help(format!("declare it: modparam(\"counters\", \"script_counter\", \"{text}\")"))
        })
    }
    fn eval(compiled: &Counter, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled.clone()))
    }
}

/// Adds one to a counter.
#[function(REQUEST | FAILURE | ONREPLY | ONSEND)]
pub fn cnt_inc(_cx: &mut RouteCx, counter: CounterName) -> CallResult {
    counter.0.increment();
    Ok(Return::TRUE)
}

/// Adds a number to a counter.
#[function(REQUEST | FAILURE | ONREPLY | ONSEND)]
pub fn cnt_add(_cx: &mut RouteCx, counter: CounterName, number: i64) -> CallResult {
    counter.0.add(number);
    Ok(Return::TRUE)
}

/// Sets a counter to zero.
#[function(REQUEST | FAILURE | ONREPLY | ONSEND)]
pub fn cnt_reset(_cx: &mut RouteCx, counter: CounterName) -> CallResult {
    counter.0.reset();
    Ok(Return::TRUE)
}
