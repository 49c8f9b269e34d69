//! Types of parameters.

use engine::params::ParamKind;
use engine::{Diagnostic, ParamSource, ParamType};
use language::ast::ConfigValue;

/// `breakpoint`: only 0 is possible.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBreakpoint;

impl ParamType for NoBreakpoint {
    const KIND: ParamKind = ParamKind::Int;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        match source.value {
            ConfigValue::Int(0) => Ok(()),
            _ => Err(source.error("breakpoints are not supported", "only 0 is possible")),
        }
    }
}

fn halves(source: &ParamSource) -> Result<(String, String), Diagnostic> {
    let mut text = String::new();
    text.assign(source)?;
    match text.split_once('=') {
        Some((module, value)) if !module.trim().is_empty() => Ok((module.trim().into(), value.trim().into())),
        _ => Err(source.error(format!("`{text}` names no module and value"), "write `module=value`")),
    }
}

/// `tm=3`
#[derive(Clone, Debug, Default)]
pub struct ModuleLevel {
    /// The module, or `core`.
    pub module: String,
    /// Its level.
    pub level: i64,
}

impl ParamType for ModuleLevel {
    const KIND: ParamKind = ParamKind::String;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        let (module, value) = halves(source)?;
        let level = value.parse().map_err(|_| source.error(format!("`{value}` is no log level"), "from -5 to 3"))?;
        *self = Self { module, level };
        Ok(())
    }
}

/// `tm=LOG_LOCAL3`
#[derive(Clone, Debug, Default)]
pub struct ModuleFacility {
    /// The module, or `core`.
    pub module: String,
    /// syslog's number.
    pub facility: u8,
}

impl ParamType for ModuleFacility {
    const KIND: ParamKind = ParamKind::String;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        let (module, value) = halves(source)?;
        let facility = engine::settings::facility_number(&value)
            .ok_or_else(|| source.error(format!("`{value}` is no syslog facility"), "LOG_DAEMON, LOG_LOCAL0 .."))?;
        *self = Self { module, facility };
        Ok(())
    }
}
