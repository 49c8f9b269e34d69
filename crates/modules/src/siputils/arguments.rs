//! Arguments with a meaning of their own.

use engine::{ArgSource, CompileEnv, Diagnostic, Expression, RouteCx, ScriptError, ScriptType, Str, Value};

/// The text of an argument; `None` when it is a variable without a value, which a format would print as `<null>`.
pub struct Text(pub Option<Str>);

impl Text {
    /// The text; empty without a value.
    pub fn or_empty(self) -> Str {
        self.0.unwrap_or_default()
    }
}

impl ScriptType for Text {
    type Compiled = Expression;
    const KIND: &'static str = "string";
    fn compile(arg: Option<&ArgSource<'_>>, env: &mut CompileEnv<'_>) -> Result<Expression, Diagnostic> {
        Str::compile(arg, env)
    }
    fn eval(compiled: &Expression, cx: &RouteCx) -> Result<Self, ScriptError> {
        let value = match compiled {
            Expression::Format(format) => format.single().map_or_else(|| compiled.eval(cx), |single| single.eval(cx)),
            _ => compiled.eval(cx),
        };
        Ok(Self(match value {
            Value::Null => None,
            value => Some(value.into_str()),
        }))
    }
}

/// An option tag that Kamailio knows.
#[derive(Clone, Copy)]
pub struct OptionTag(pub &'static str);

const OPTION_TAGS: [&str; 6] = ["path", "100rel", "timer", "eventlist", "gruu", "outbound"];

impl ScriptType for OptionTag {
    type Compiled = &'static str;
    const KIND: &'static str = "option tag";
    fn compile(arg: Option<&ArgSource<'_>>, _: &mut CompileEnv<'_>) -> Result<Self::Compiled, Diagnostic> {
        let arg = engine::script_type::required(arg)?;
        let name = arg.constant("an option tag")?;
        OPTION_TAGS.into_iter().find(|tag| tag.eq_ignore_ascii_case(&name)).ok_or_else(|| {
            arg.error(format!("`{name}` is no known option tag"), "path, 100rel, timer, eventlist, gruu or outbound")
        })
    }
    fn eval(compiled: &Self::Compiled, _: &RouteCx) -> Result<Self, ScriptError> {
        Ok(Self(compiled))
    }
}
