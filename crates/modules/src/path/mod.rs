//! Module `path`: Path headers (RFC 3327), by which a proxy in front of a registrar stays on the way of what is later
//! sent to the registered phone.
//!
//! `add` inserts the header; `received` is its parameter with the address of the phone, and takes it out of the Route
//! header that the registrar made of our Path.

mod add;
mod received;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use engine::{Code, Creating, Diagnostic, Module, ModuleDef, Params, Str};

use crate::rr::Rr;
use received::Format;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "path",
    summary: "Path headers (RFC 3327) for proxies in front of a registrar.",
    params: PathParams::DEFS,
    functions: &[
        add::ADD_PATH,
        add::ADD_PATH_ADVERTISED_ADDRESS,
        add::ADD_PATH_RECEIVED,
        add::ADD_PATH_RECEIVED_ADVERTISED_ADDRESS,
    ],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `path`.
#[derive(Params)]
pub struct PathParams {
    /// `loose_route` (of module rr, which must be loaded before) takes the next hop from the received parameter of our
    /// Route.
    #[param(default = false)]
    pub use_received: bool,
    /// How the received parameter is written: 0 as an escaped SIP URI, 1 as `ip~port~number`, the form that
    /// `set_contact_alias` uses.
    #[param(default = 0)]
    pub received_format: i64,
    /// The name of the received parameter.
    #[param(default = "received".into())]
    pub received_name: Str,
    /// Adds two Path headers, each with `;r2=on`: the upper one for the socket the request leaves by, the lower one for
    /// the socket it came by.
    #[param(default = false)]
    pub enable_r2: bool,
    /// Writes the name of the socket as `;sn=`.
    #[param(default = false)]
    pub sockname_mode: bool,
}

/// The started module.
pub struct Path {
    params: PathParams,
    format: Format,
}

impl Module for Path {}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: PathParams = creating.params()?;
    let wrong = |param: &str, message: &str, label: &str| {
        Err(Diagnostic::error(Code::Argument, message, creating.span_of(param), label))
    };
    if params.received_name.is_empty() || !params.received_name.iter().all(|byte| sip::scan::is_token(*byte)) {
        return wrong("received_name", "`received_name` is no name of a parameter", "letters, digits, `-` ..");
    }
    // Kamailio takes every other number for 0.
    let format = if params.received_format == 1 { Format::Alias } else { Format::Uri };
    if params.use_received {
        let Some(rr) = creating.modules.get::<Rr>() else {
            let diagnostic = Diagnostic::error(
                Code::MissingDependency,
                "`use_received` needs module `rr`",
                creating.span_of("use_received"),
                "rr is not loaded before",
            );
            return Err(diagnostic.help("add `loadmodule \"rr.so\"` before this module"));
        };
        let name = params.received_name.clone();
        rr.on_loose_route(Arc::new(move |cx, params| received::route(cx, params, &name, format)));
    }
    Ok(Arc::new(Path { params, format }))
}
