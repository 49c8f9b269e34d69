//! The texts of the parameters: `name=i:1`, `alias=s:name;other=i:5`.

use engine::params::ParamKind;
use engine::{Diagnostic, ParamSource, ParamType, Str, Value};
use hashbrown::HashMap;
use language::ast::ConfigValue;

/// A name and its start value, written `name=i:1` or `name=s:text`.
#[derive(Debug, Default)]
pub struct StartValue {
    /// The variable.
    pub name: Str,
    /// Its value.
    pub value: Value,
}

fn text(source: &ParamSource) -> Result<&str, Diagnostic> {
    match &source.value {
        ConfigValue::String(text) => Ok(text),
        _ => Err(source.error(format!("parameter `{}` takes a string", source.name), "this is no string")),
    }
}

impl ParamType for StartValue {
    const KIND: ParamKind = ParamKind::String;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        let text = text(source)?;
        let wrong = || source.error(format!("wrong value `{text}`"), "write `name=i:1` or `name=s:text`");
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.trim().is_empty()).ok_or_else(wrong)?;
        let value = value.trim_start();
        self.name = Str::from(name.trim());
        self.value = match value.split_once(':') {
            Some(("s" | "S", value)) => Value::from(value),
            Some(("i" | "I", value)) => Value::Int(value.trim().parse().map_err(|_| wrong())?),
            _ => return Err(wrong()),
        };
        Ok(())
    }
}

/// AVP keys by alias, written `alias=s:name;other=i:5`.
#[derive(Debug, Default)]
pub struct Aliases(pub HashMap<String, Str>);

impl ParamType for Aliases {
    const KIND: ParamKind = ParamKind::String;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        for part in text(source)?.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let wrong = || source.error(format!("wrong AVP alias `{part}`"), "write `alias=s:name` or `alias=i:5`");
            let (alias, name) = part.split_once('=').ok_or_else(wrong)?;
            let (alias, name) = (alias.trim(), name.trim());
            let key = match name.split_once(':') {
                Some(("s" | "S", name)) => Str::from(name),
                Some(("i" | "I", number)) => {
                    super::variables::numbered_avp(number.trim().parse().map_err(|_| wrong())?)
                }
                _ => Str::from(name.strip_prefix("$avp(").and_then(|name| name.strip_suffix(')')).unwrap_or(name)),
            };
            if alias.is_empty() || key.is_empty() {
                return Err(wrong());
            }
            self.0.insert(alias.to_owned(), key);
        }
        Ok(())
    }
}
