//! Module `xlog`: log lines with variables.

mod colors;
mod functions;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use engine::config_groups::LiveInt;
use engine::log::Level;
use engine::{Creating, Diagnostic, Format, Module, ModuleDef, Params, RouteCx, ScriptError, Str};

use colors::LevelColors;

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
        functions::XLOG_LEVEL,
        functions::XLOG_FACILITY,
        functions::XLOGL,
        functions::XLOGL_LEVEL,
        functions::XLOGL_FACILITY,
        functions::XLOGM,
        functions::XNOTICE,
        functions::XWARN,
    ],
    variables: &[colors::C],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `xlog`.
#[derive(Params)]
pub struct XlogParams {
    /// Texts must be shorter than this many bytes; a longer one is not written, and its function returns -1.
    #[param(default = 4096)]
    pub buf_size: usize,
    /// 1: `$C(..)` yields its escape sequence also when the log does not go to stderr.
    #[param(default = false)]
    pub force_color: bool,
    /// Colours of the log levels: `L_ERR=cr`, several separated by `;`; may repeat. They are checked and have no effect:
    /// they belong to the core's `log_color`, which has no meaning here.
    pub log_colors: Vec<LevelColors>,
    /// 1: `xlogl` and `xdbgl` write the name of the file in front of the line number.
    #[param(default = false)]
    pub long_format: bool,
    /// What stands in front of the text.
    #[param(default = "<script>: ".into())]
    pub prefix: Str,
    /// 1: variables in `prefix` are evaluated for each line.
    #[param(default = 0)]
    pub prefix_mode: i64,
    /// syslog facility of all lines (`LOG_LOCAL3`); default: that of the core.
    pub log_facility: Option<String>,
    /// Methods whose messages `xlogm` leaves out: a sum of method numbers; -1: all.
    #[param(default = -1)]
    pub methods_filter: i64,
    /// 1: a line end is added to the text (a line is ended in any case).
    #[param(default = false)]
    pub auto_newline: bool,
}

/// The started module.
pub struct Xlog {
    params: XlogParams,
    facility: Option<u8>,
    prefix: Option<Format>,
    methods_filter: LiveInt,
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
        let mut env = engine::CompileEnv::new(creating.core, creating.modules, creating.catalog);
        Some(env.format(&params.prefix.to_text(), span)?)
    } else {
        None
    };
    let methods_filter = creating.core.config.declare_int(
        "xlog",
        "methods_filter",
        "methods that xlogm leaves out",
        params.methods_filter,
        None,
    );
    Ok(Arc::new(Xlog { params, facility, prefix, methods_filter }))
}

impl Xlog {
    /// True when a line of this level would be written.
    fn enabled(&self, cx: &RouteCx, level: Level) -> bool {
        cx.core.log.enabled_for(level, module_path!())
    }

    /// True when `xlogm` leaves the message out.
    fn filtered(&self, cx: &RouteCx) -> bool {
        self.methods_filter.get() & i64::from(cx.message.method().id()) != 0
    }

    /// Writes a line; `place`: with the place in the script.
    fn write(
        &self,
        cx: &RouteCx,
        level: Level,
        facility: Option<u8>,
        place: bool,
        text: &Str,
    ) -> Result<(), ScriptError> {
        if text.len() >= self.params.buf_size {
            let (length, limit) = (text.len(), self.params.buf_size);
            return Err(ScriptError::new(format!("log line of {length} bytes not written: buf_size is {limit}")));
        }
        let mut line = cx.log_prefix().to_text().into_owned();
        match &self.prefix {
            Some(prefix) => line.push_str(&prefix.eval(cx).to_text()),
            None => line.push_str(&self.params.prefix.to_text()),
        }
        if let Some((number, file, _)) = cx.location().filter(|_| place) {
            if self.params.long_format {
                line.push_str(&format!("{file}:"));
            }
            line.push_str(&format!("{number}:"));
        }
        line.push_str(&text.to_text());
        cx.core.log.write_as(level, module_path!(), facility.or(self.facility), &line);
        Ok(())
    }
}
