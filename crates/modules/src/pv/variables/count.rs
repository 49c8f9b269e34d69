//! `$cnt(..)`: how many values a variable has.

use engine::{Code, CompileEnv, Diagnostic, InnerName, RouteCx, Value, variable};
use language::ast::Variable;
use language::variable::parse_variable;

use super::avp::{AvpKey, AvpName};
use super::xavp::{Family, XavpVariable};

/// How many values a variable has.
pub struct Count(usize);

/// The variable to count.
pub enum Counted {
    Avp(AvpKey),
    Xavp(XavpVariable),
}

impl InnerName for Count {
    type Compiled = Counted;
    fn compile(variable: &Variable, env: &mut CompileEnv<'_>) -> Result<Counted, Diagnostic> {
        let inner = variable.inner.as_ref().ok_or_else(|| engine::variable::missing_inner(variable))?;
        let counted = parse_variable(inner.node.trim(), inner.span)?;
        let family = match &*counted.name {
            "avp" => return AvpName::compile(&counted, env).map(Counted::Avp),
            "xavp" => Family::Xavp,
            "xavu" => Family::Xavu,
            "xavi" => Family::Xavi,
            name => {
                let message = format!("`$cnt(..)` cannot count `${name}`");
                return Err(Diagnostic::error(Code::UnknownVariable, message, inner.span, "an AVP or XAVP is needed"));
            }
        };
        XavpVariable::compile(&counted, family, env).map(Counted::Xavp)
    }
    fn eval(compiled: &Counted, cx: &RouteCx) -> Self {
        Self(match compiled {
            Counted::Avp(key) => AvpName::eval(key, cx).0.map_or(0, |key| cx.avps.values(&key).count()),
            Counted::Xavp(variable) => variable.count(cx),
        })
    }
}

/// How many values an AVP or XAVP has: `$cnt($avp(x))`, `$cnt($xavp(a=>b))`.
#[variable("cnt")]
pub fn cnt(_cx: &RouteCx, count: Count) -> Value {
    count.0.into()
}
