//! Module `sanity`: is a message well-formed?
//!
//! The core looks at what every message needs before the script (Via, From, To, Call-ID, CSeq); this module looks at
//! the rest on request, and answers.

mod checks;
mod credentials;
mod functions;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use engine::{Creating, Diagnostic, Module, ModuleDef, Params, Str};

use crate::sl::Sl;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "sanity",
    summary: "Checks whether messages are well-formed.",
    needs: &["sl"],
    params: SanityParams::DEFS,
    functions: &[functions::SANITY_CHECK, functions::SANITY_REPLY],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `sanity`.
#[derive(Params)]
pub struct SanityParams {
    /// The checks of `sanity_check()` without arguments, a sum: 1 version, 2 scheme of the request-URI, 4 required
    /// headers, 32 method in CSeq, 64 number in CSeq, 128 Content-Length, 256 Expires, 512 Proxy-Require, 1024 URIs, 2048
    /// credentials (only Digest is allowed), 4096 repeated tags, 8192 credentials (other schemes are allowed), 16384 first
    /// Via. 8 and 16 do nothing.
    #[param(default = 3047)]
    pub default_checks: i64,
    /// The URIs that check 1024 looks at, a sum: 1 request-URI, 2 From, 4 To, 8 Contact.
    #[param(default = 7)]
    pub uri_checks: i64,
    /// The extensions that Proxy-Require may name, separated by commas.
    pub proxy_require: Str,
    /// 1: a failed check ends the script; 0: `sanity_check` returns -1.
    #[param(default = true)]
    pub autodrop: bool,
    /// 1: a failed check sends no reply; `sanity_reply` does.
    #[param(default = false)]
    pub noreply: bool,
}

/// The started module.
pub struct Sanity {
    params: SanityParams,
    /// The words of `proxy_require`.
    extensions: Vec<Str>,
    sl: Arc<Sl>,
}

impl Module for Sanity {}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: SanityParams = creating.params()?;
    for (param, value, range) in [
        ("default_checks", params.default_checks, functions::MESSAGE_CHECKS),
        ("uri_checks", params.uri_checks, functions::URI_CHECKS),
    ] {
        if !range.contains(&value) {
            let message = format!("`{param}` must be from {} to {}", range.start(), range.end());
            return Err(Diagnostic::error(engine::Code::ParamValue, message, creating.span_of(param), "out of range"));
        }
    }
    let extensions = params.proxy_require.split(|&byte| byte == b',').map(|word| Str::from(word).trim());
    let extensions = extensions.filter(|word| !word.is_empty()).collect();
    let Some(sl) = creating.modules.get::<Sl>() else {
        let code = engine::Code::MissingDependency;
        return Err(Diagnostic::error(code, "module `sanity` needs module `sl`", creating.span, ""));
    };
    Ok(Arc::new(Sanity { params, extensions, sl }))
}
