//! Module parameters: `#[derive(Params)]` makes a documented struct out of `modparam` lines.

use std::sync::Arc;

use language::ast::ConfigValue;
use language::diagnostic::{Code, Diagnostic};
use language::span::Span;
use sip::Str;

/// The type of a parameter as Kamailio has it: a string given for an int is an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParamKind {
    /// A number.
    Int,
    /// A string.
    String,
    /// Either.
    Any,
}

impl ParamKind {
    /// For messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "a number",
            Self::String => "a string",
            Self::Any => "a number or a string",
        }
    }
}

/// A parameter's descriptor.
#[derive(Clone, Copy, Debug)]
pub struct ParamDef {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: ParamKind,
    /// Its default as text, for the documentation.
    pub default: &'static str,
    /// What it does, its unit.
    pub doc: &'static str,
}

/// One `modparam` line.
#[derive(Clone, Debug)]
pub struct ParamSource {
    /// The parameter.
    pub name: String,
    /// Its value.
    pub value: ConfigValue,
    /// Where the value stands.
    pub span: Span,
}

impl ParamSource {
    /// An error at the value.
    #[must_use]
    pub fn error(&self, message: impl Into<String>, label: impl Into<String>) -> Diagnostic {
        Diagnostic::error(Code::ParamValue, message, self.span, label)
    }
}

/// A struct that holds a module's parameters.
pub trait Params: Default {
    /// All parameters.
    const DEFS: &'static [ParamDef];

    /// Applies one line; the name is one of [`Self::DEFS`].
    fn set(&mut self, source: &ParamSource) -> Result<(), Diagnostic>;
}

/// A field type of a parameter struct.
pub trait ParamType: Sized {
    /// What may be written in the configuration.
    const KIND: ParamKind;

    /// Takes one line's value: replaces, or appends for lists.
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic>;
}

fn wrong_type(source: &ParamSource, kind: ParamKind) -> Diagnostic {
    source.error(
        format!("parameter `{}` takes {}", source.name, kind.name()),
        format!("this is no {}", &kind.name()[2..]),
    )
}

fn int(source: &ParamSource) -> Result<i64, Diagnostic> {
    match source.value {
        ConfigValue::Int(number) => Ok(number),
        _ => Err(wrong_type(source, ParamKind::Int)),
    }
}

fn text(source: &ParamSource) -> Result<&str, Diagnostic> {
    match &source.value {
        ConfigValue::String(text) => Ok(text),
        _ => Err(wrong_type(source, ParamKind::String)),
    }
}

macro_rules! int_params {
    ($($int:ty),+) => {$(
        impl ParamType for $int {
            const KIND: ParamKind = ParamKind::Int;
            fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
                *self = Self::try_from(int(source)?).map_err(|_| {
                    source.error(format!("parameter `{}` must be from {} to {}", source.name, Self::MIN, Self::MAX), "out of range")
                })?;
                Ok(())
            }
        }
    )+};
}
int_params!(i64, i32, u32, u16, u8, usize);

impl ParamType for bool {
    const KIND: ParamKind = ParamKind::Int;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        *self = int(source)? != 0;
        Ok(())
    }
}

impl ParamType for String {
    const KIND: ParamKind = ParamKind::String;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        text(source)?.clone_into(self);
        Ok(())
    }
}

impl ParamType for Str {
    const KIND: ParamKind = ParamKind::String;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        *self = Self::from(text(source)?);
        Ok(())
    }
}

impl<T: ParamType + Default> ParamType for Option<T> {
    const KIND: ParamKind = T::KIND;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        self.get_or_insert_default().assign(source)
    }
}

/// The name of a table or column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DbName(Arc<str>);

impl From<&str> for DbName {
    fn from(name: &str) -> Self {
        Self(Arc::from(name))
    }
}

impl std::ops::Deref for DbName {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for DbName {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(self)
    }
}

impl ParamType for DbName {
    const KIND: ParamKind = ParamKind::String;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        let name = text(source)?;
        if !database::is_name(name) {
            return Err(
                source.error(format!("`{name}` is no name of a table or column"), "letters, digits, `_`, `$` and `-`")
            );
        }
        self.0 = Arc::from(name);
        Ok(())
    }
}

/// Every line adds one.
impl<T: ParamType + Default> ParamType for Vec<T> {
    const KIND: ParamKind = T::KIND;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        let mut value = T::default();
        value.assign(source)?;
        self.push(value);
        Ok(())
    }
}

/// All lines of a string parameter with their places: for those that a module reads itself, as they build on each other.
#[derive(Clone, Debug, Default)]
pub struct Lines(pub Vec<ParamSource>);

impl ParamType for Lines {
    const KIND: ParamKind = ParamKind::String;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        self.0.push(source.clone());
        Ok(())
    }
}

/// A number or a string, with its place: for parameters that a module reads itself.
#[derive(Clone, Debug)]
pub struct Raw(pub ParamSource);

impl Default for Raw {
    fn default() -> Self {
        Self(ParamSource { name: String::new(), value: ConfigValue::Int(0), span: Span::default() })
    }
}

impl ParamType for Raw {
    const KIND: ParamKind = ParamKind::Any;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        self.0 = source.clone();
        Ok(())
    }
}
