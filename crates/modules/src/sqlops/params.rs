//! The parameters of module `sqlops`.

use engine::params::{ParamKind, ParamSource, ParamType};
use engine::{Diagnostic, Params};
use language::ast::ConfigValue;
use language::span::Span;

/// The parameters of module `sqlops`.
#[derive(Params)]
pub struct SqlopsParams {
    /// A connection: `name=>url`. May be given several times; connections to one URL share its pool.
    pub sqlcon: Vec<ConnectionLine>,
    /// The name of a result. Those that the script names need not be declared. May be given several times.
    pub sqlres: Vec<ResultLine>,
    /// 0: the server does not start when a database cannot be reached; 1: it does, and tries again when it is asked.
    #[param(default = false)]
    pub connect_mode: bool,
    /// How many results may have names.
    #[param(default = 32)]
    pub results_maxsize: usize,
    /// How many bytes of a statement that failed are logged.
    #[param(default = 128)]
    pub log_buf_size: usize,
    /// Kamailio's buffer for transformations. Accepted so that configurations load; here texts have the length they
    /// need.
    #[param(default = 2048)]
    pub tr_buf_size: i64,
}

/// `name=>url`
#[derive(Clone, Debug, Default)]
pub struct ConnectionLine {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) span: Span,
}

impl ParamType for ConnectionLine {
    const KIND: ParamKind = ParamKind::String;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        let ConfigValue::String(text) = &source.value else {
            return Err(source.error("parameter `sqlcon` takes a string", "this is no string"));
        };
        let parts = text.split_once("=>").map(|(name, url)| (name.trim(), url.trim()));
        let Some((name, url)) = parts.filter(|(name, url)| !name.is_empty() && !url.is_empty()) else {
            return Err(
                source.error(format!("`{text}` is no connection"), "write `name=>mysql://user:password@host/db`")
            );
        };
        *self = Self { name: name.to_owned(), url: url.to_owned(), span: source.span };
        Ok(())
    }
}

/// The name of a result, and where it stands.
#[derive(Clone, Debug, Default)]
pub struct ResultLine(pub(super) String, pub(super) Span);

impl ParamType for ResultLine {
    const KIND: ParamKind = ParamKind::String;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        match &source.value {
            ConfigValue::String(text) if !text.trim().is_empty() => {
                *self = Self(text.trim().to_owned(), source.span);
                Ok(())
            }
            _ => Err(source.error("a result needs a name", "no name")),
        }
    }
}
