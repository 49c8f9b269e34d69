//! `async_task_data`: a route runs beside the request, on a made-up one.
//!
//! A group's workers are places: as many of its tasks run at once, the others stand in line, in their order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::variable::missing_inner;
use engine::{
    ArgSource, CallResult, CompileEnv, Diagnostic, Expression, InnerName, Return, RouteCx, ScriptError, ScriptType,
    Str, Value, function, variable,
};
use language::ast::Variable;
use tokio::sync::Semaphore;

use super::Async;

/// How many tasks may run and wait.
const MOST_TASKS: usize = 20_000;

struct Workers {
    name: String,
    places: Arc<Semaphore>,
}

/// The groups that the core parameters `async_workers` and `async_workers_group` define.
pub(super) struct Groups {
    list: Vec<Workers>,
    tasks: Arc<AtomicUsize>,
}

/// A name of a group in an argument; a constant one must exist.
pub struct Group(pub(super) Str);

impl ScriptType for Group {
    type Compiled = Expression;
    const KIND: &'static str = "group of workers";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        let expression = <Str as ScriptType>::compile(arg, env)?;
        if let (Some(arg), Some(name)) = (arg, expression.constant()) {
            let (name, groups) = (name.to_str().to_text().into_owned(), &env.core.settings.task_groups);
            if !groups.iter().any(|(group, _)| *group == name) {
                let message = format!("there is no group of workers `{name}`");
                let label = "define it with the core parameter `async_workers_group`";
                return Err(arg.error(message, label).did_you_mean(&name, groups.iter().map(|(group, _)| &**group)));
            }
        }
        Ok(expression)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        <Str as ScriptType>::eval(compiled, cx).map(Self)
    }
}

/// A name of a route that a task runs; there must be workers for it.
pub struct TaskRoute(pub(super) Str);

impl ScriptType for TaskRoute {
    type Compiled = Expression;
    const KIND: &'static str = "route";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        if let Some(arg) = arg
            && env.core.settings.task_groups.is_empty()
        {
            let message = "there are no workers for tasks";
            return Err(arg.error(message, "needs the core parameter `async_workers` or `async_workers_group`"));
        }
        <Str as ScriptType>::compile(arg, env)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        <Str as ScriptType>::eval(compiled, cx).map(Self)
    }
}

impl Groups {
    pub(super) fn new(groups: &[(String, u32)]) -> Self {
        let workers = |(name, workers): &(String, u32)| {
            let places = usize::try_from(*workers).unwrap_or(1).clamp(1, MOST_TASKS);
            Workers { name: name.clone(), places: Arc::new(Semaphore::new(places)) }
        };
        Self { list: groups.iter().map(workers).collect(), tasks: Arc::default() }
    }

    pub(super) fn first(&self) -> Result<&str, ScriptError> {
        let first = self.list.first().map(|group| &*group.name);
        first.ok_or_else(|| ScriptError::new("there are no workers for tasks: set the core parameter `async_workers`"))
    }

    pub(super) fn find(&self, name: &[u8]) -> Result<&str, ScriptError> {
        self.workers(name).map(|group| &*group.name)
    }

    fn workers(&self, name: &[u8]) -> Result<&Workers, ScriptError> {
        let found = self.list.iter().find(|group| group.name.as_bytes() == name);
        found.ok_or_else(|| {
            ScriptError::new(format!("there is no group of workers `{}`", String::from_utf8_lossy(name)))
        })
    }
}

/// Held while a task exists.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a task was given.
#[derive(Clone, Default)]
struct Task {
    data: Option<Str>,
    group: Option<Str>,
}

fn start(cx: &RouteCx, me: &Async, route: &Str, group: &[u8], data: &Str) -> CallResult {
    let workers = me.groups.workers(group)?;
    let no_route = || ScriptError::new(format!("there is no route[{route}]"));
    let program = cx.program().cloned().ok_or_else(no_route)?;
    let route = cx.find_route(route).ok_or_else(no_route)?;
    if me.groups.tasks.fetch_add(1, Ordering::Relaxed) >= MOST_TASKS {
        me.groups.tasks.fetch_sub(1, Ordering::Relaxed);
        return Err(ScriptError::new(format!("{MOST_TASKS} tasks wait already")));
    }
    let counted = Counted(me.groups.tasks.clone());
    let (core, places) = (cx.core.clone(), workers.places.clone());
    // A copy: the text may be a part of a received message, which would live as long.
    let task = Task { data: Some(Str::copy_from(data)), group: Some(Str::from(&*workers.name)) };
    cx.core.spawn(Box::pin(async move {
        let _counted = counted;
        let Ok(_place) = places.acquire_owned().await else { return };
        let mut cx = Box::new(RouteCx::faked(core));
        cx.set_program(program.clone());
        *cx.data::<Task>() = task;
        program.run(route, &mut cx).await;
        cx.flush();
    }));
    Ok(Return::TRUE)
}

/// Runs `route[routename]` beside the request, on a made-up one, with `$async(data)`; the script goes on at once. Needs
/// the core parameter `async_workers` or `async_workers_group`; it runs in the first group.
///
/// Returns 1; -1 when there is no such route, or too many tasks wait.
#[function(ANY)]
pub fn async_task_data(cx: &mut RouteCx, me: &Arc<Async>, routename: TaskRoute, data: Str) -> CallResult {
    let group = me.groups.first()?;
    start(cx, me, &routename.0, group.as_bytes(), &data)
}

/// The same in a group of workers, which must exist.
#[function(ANY)]
pub fn async_task_group_data(
    cx: &mut RouteCx,
    me: &Arc<Async>,
    routename: TaskRoute,
    groupname: Group,
    data: Str,
) -> CallResult {
    start(cx, me, &routename.0, &groupname.0, &data)
}

/// `data` or `gname`.
#[derive(Clone, Copy)]
pub enum Field {
    /// What the task was given.
    Data,
    /// Its group.
    Group,
}

impl InnerName for Field {
    type Compiled = Self;
    fn compile(variable: &Variable, _: &mut CompileEnv<'_>) -> Result<Self, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| missing_inner(variable))?;
        match &*inner.node {
            "data" => Ok(Self::Data),
            "gname" => Ok(Self::Group),
            name => {
                let message = format!("`$async` has no `{name}`");
                let error = Diagnostic::error(engine::Code::UnknownVariable, message, inner.span, "unknown");
                Err(error.did_you_mean(name, ["data", "gname"]))
            }
        }
    }
    fn eval(compiled: &Self, _: &RouteCx) -> Self {
        *compiled
    }
}

/// In a task: `$async(data)` is what it was given, `$async(gname)` the group of workers that it runs in; else `$null`.
#[variable("async")]
pub fn task_value(cx: &RouteCx, field: Field) -> Value {
    let task = cx.find_data::<Task>();
    let value = match field {
        Field::Data => task.and_then(|task| task.data.clone()),
        Field::Group => task.and_then(|task| task.group.clone()),
    };
    value.map_or(Value::Null, Value::Str)
}
