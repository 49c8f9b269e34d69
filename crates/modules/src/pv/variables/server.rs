//! The server itself: `$pp`, `$version(..)`, `$env(..)`, `$stat(..)`, `$ccp(..)`.

use engine::{Code, CompileEnv, Diagnostic, InnerName, RouteCx, ScriptError, Str, Value, variable};
use language::ast::Variable;

use super::names::inner_name;

/// The number of the process.
#[variable("pp")]
pub fn pp(_cx: &RouteCx) -> Value {
    std::process::id().into()
}

/// The core parameter `server_id`.
#[variable("sid")]
pub fn sid(cx: &RouteCx) -> Value {
    cx.core.settings.server_id.into()
}

fn environment(name: &Str) -> Value {
    std::env::var_os(&*name.to_text()).map(|value| value.into_encoded_bytes()).into()
}

/// An environment variable.
#[variable("env")]
pub fn environment_text(_cx: &RouteCx, name: Str) -> Value {
    environment(&name)
}

/// An environment variable as a number; a text that is none stays a text.
#[variable("envn")]
pub fn environment_number(_cx: &RouteCx, name: Str) -> Value {
    let value = environment(&name);
    match value.as_str().and_then(Str::parse_int) {
        Some(number) => Value::Int(number),
        None => value,
    }
}

/// The value of a statistic by name: `$stat(rcv_requests)`. `$null` when there is none such.
#[variable("stat")]
pub fn stat(cx: &RouteCx, name: Str) -> Value {
    cx.core.statistics.find(None, &name.to_text()).map(|statistic| statistic.value()).into()
}

/// How the version is shown.
#[derive(Clone, Copy, Debug)]
pub enum VersionForm {
    Number,
    Full,
}

inner_name!(VersionForm {
    "num" => Self::Number,
    "full" => Self::Full,
});

/// The version of the server: `num` as `1.2.3`, `full` with its name and the platform.
#[variable("version")]
pub fn version(_cx: &RouteCx, form: VersionForm) -> Value {
    let number = engine::core::VERSION;
    match form {
        VersionForm::Number => number.into(),
        VersionForm::Full => format!("olelo {number} ({})", engine::Core::platform()).into(),
    }
}

/// How the version is shown.
#[derive(Clone, Copy, Debug)]
pub enum ServerAttribute {
    Version,
    VersionNumber,
}

inner_name!(ServerAttribute {
    "ver" => Self::Version,
    "verval" => Self::VersionNumber,
});

/// The version of the server: `ver` as `1.2.3`, `verval` as the number 1002003.
#[variable("ksr")]
pub fn ksr(_cx: &RouteCx, attribute: ServerAttribute) -> Value {
    let version = engine::core::VERSION;
    match attribute {
        ServerAttribute::Version => version.into(),
        ServerAttribute::VersionNumber => {
            let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>();
            let parts = version.split('.').take(3).map(|part| digits(part).parse().unwrap_or(0));
            Value::Int(parts.fold(0, |sum: i64, part: i64| sum * 1000 + part))
        }
    }
}

/// A constant in `$K(name)`.
#[derive(Clone, Copy, Debug)]
pub struct Constant(i64);

inner_name!(Constant {
    "UDP" => Self(1),
    "TCP" => Self(2),
    "TLS" => Self(3),
    "SCTP" => Self(4),
    "WS" => Self(5),
    "WSS" => Self(6),
    "INET" => Self(2),
    "IPv4" => Self(2),
    "IP4" => Self(2),
    "INET6" => Self(10),
    "IPv6" => Self(10),
    "IP6" => Self(10),
});

/// The number of a protocol (`UDP`, `TCP`, `TLS`, `SCTP`, `WS`, `WSS`, as in `$prid`) or an address family (`IPv4`,
/// `IPv6`, as in `$af(id)`).
#[variable("K")]
pub fn k(_cx: &RouteCx, constant: Constant) -> Value {
    Value::Int(constant.0)
}

/// The parameter in `$ccp(group.name)`.
pub struct CustomParameter(Str, Str);

impl InnerName for CustomParameter {
    type Compiled = (Str, Str);
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<(Str, Str), Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| engine::variable::missing_inner(variable))?;
        let error = |message: String, label: &str| {
            Diagnostic::error(Code::UnknownVariable, message, inner.span, label)
                .help("declare it: `group.name = \"value\"`")
        };
        let (group, name) = inner
            .node
            .split_once('.')
            .ok_or_else(|| error(format!("`{}` is no parameter", inner.node), "write `group.name`"))?;
        if env.core.config.find(group, name).is_none() {
            return Err(error(format!("no parameter `{name}` in group `{group}`"), "not declared"));
        }
        Ok((Str::from(group), Str::from(name)))
    }
    fn eval(compiled: &(Str, Str), _: &RouteCx) -> Self {
        Self(compiled.0.clone(), compiled.1.clone())
    }
}

/// The value of a custom parameter: `$ccp(group.name)`. Assigning changes it for all messages; its type stays.
#[variable("ccp", set = set_ccp)]
pub fn ccp(cx: &RouteCx, parameter: CustomParameter) -> Value {
    let found = cx.core.config.find(&parameter.0.to_text(), &parameter.1.to_text());
    found.map(|parameter| parameter.value.read().clone()).unwrap_or_default()
}

fn set_ccp(cx: &mut RouteCx, parameter: CustomParameter, value: Value) -> Result<(), ScriptError> {
    let changed = cx.core.config.set(&parameter.0.to_text(), &parameter.1.to_text(), value);
    changed.map_err(|error| ScriptError::new(error.to_string()))
}
