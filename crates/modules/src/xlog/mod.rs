//! Module `xlog`: log lines with variables.

mod functions;

use std::sync::Arc;

use engine::log::Level;
use engine::{Creating, Diagnostic, Module, ModuleDef, Params, RouteCx, Str};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "xlog",
    summary: "Log lines with variables.",
    params: XlogParams::DEFS,
    functions: &[
        functions::XALERT,
        functions::XBUG,
        functions::XCRIT,
        functions::XDBG,
        functions::XDBGL,
        functions::XERR,
        functions::XINFO,
        functions::XLOG,
        functions::XLOGL,
        functions::XLOGM,
        functions::XNOTICE,
        functions::XWARN,
    ],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `xlog`.
#[derive(Params)]
pub struct XlogParams {
    /// The longest line, in bytes; longer ones are cut.
    #[param(default = 4096)]
    pub buf_size: usize,
    /// Accepted; colours are not written to a file or syslog.
    #[param(default = 0)]
    pub force_color: i64,
    /// File, line and route name in every line: 1.
    #[param(default = 0)]
    pub long_format: i64,
    /// What stands in front of the text.
    #[param(default = "<script>: ".into())]
    pub prefix: String,
    /// 1: `prefix` may have variables, evaluated for each line.
    #[param(default = 0)]
    pub prefix_mode: i64,
    /// syslog facility of all lines (`LOG_LOCAL3`); default: that of the core.
    pub log_facility: Option<String>,
    /// Methods whose requests `xlogm` logs: a sum of method numbers; -1: all.
    #[param(default = -1)]
    pub methods_filter: i64,
    /// 1: a line end is added to the text (lines are ended in any case).
    #[param(default = 0)]
    pub auto_newline: i64,
}

/// The started module.
pub struct Xlog {
    params: XlogParams,
    facility: Option<u8>,
    prefix: Option<engine::Format>,
}

impl Module for Xlog {}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: XlogParams = creating.params()?;
    let facility = match &params.log_facility {
        Some(name) => Some(engine::settings::facility_number(name).ok_or_else(|| {
            Diagnostic::error(
                engine::Code::ParamValue,
                format!("`{name}` is no syslog facility"),
                creating.span_of("log_facility"),
                "LOG_DAEMON, LOG_LOCAL0 ..",
            )
        })?),
        None => None,
    };
    let prefix = if params.prefix_mode == 1 {
        let span = creating.span_of("prefix");
        Some(engine::CompileEnv::new(creating.core, creating.modules, creating.catalog).format(&params.prefix, span)?)
    } else {
        None
    };
    Ok(Arc::new(Xlog { params, facility, prefix }))
}

impl Xlog {
    /// True when a line of this level would be written.
    fn enabled(&self, cx: &RouteCx, level: Level) -> bool {
        cx.core.log.enabled(level)
    }

    fn write(&self, cx: &RouteCx, level: Level, facility: Option<u8>, long: bool, text: &Str) {
        let mut line = cx.log_prefix().to_text().into_owned();
        match &self.prefix {
            Some(prefix) => line.push_str(&prefix.eval(cx).to_text()),
            None => line.push_str(&self.params.prefix),
        }
        if (long || self.params.long_format == 1)
            && let Some((number, file, route)) = cx.location()
        {
            line.push_str(&format!("{file}:{number}:{route}: "));
        }
        let text = text.slice(..text.len().min(self.params.buf_size.saturating_sub(1)));
        line.push_str(&text.to_text());
        cx.core.log.write_with(level, facility.or(self.facility), &line);
    }
}
