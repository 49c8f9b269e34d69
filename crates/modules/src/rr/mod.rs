//! Module `rr`: keeps this server on the path of dialogs (Record-Route) and routes by Route headers (RFC 3261 sections
//! 16.4, 16.6 and 16.12, RFC 5658).
//!
//! `record` adds Record-Route headers; which addresses they name is decided when the request is printed, for the socket it
//! leaves by (`sip::Condition`). `loose` is `loose_route()`; `route_set` the Route headers it works on; `direction` what
//! the parameters of our own Route say about the dialog. Other modules use [`Rr`].

mod arguments;
mod direction;
mod loose;
mod ours;
mod record;
mod route_set;
mod variables;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use engine::{
    CompileEnv, Creating, Diagnostic, Expression, Listeners, Module, ModuleDef, Params, RouteCx, ScriptError, Str,
};

pub use direction::Direction;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "rr",
    summary: "Record-Route and Route: keeps this server on the path of dialogs.",
    params: RrParams::DEFS,
    functions: &[
        record::ADD_RR_PARAM,
        direction::CHECK_ROUTE_PARAM,
        direction::IS_DIRECTION,
        loose::LOOSE_ROUTE,
        loose::LOOSE_ROUTE_MODE,
        loose::LOOSE_ROUTE_PRELOADED,
        record::RECORD_ROUTE,
        record::RECORD_ROUTE_ADVERTISED_ADDRESS,
        record::RECORD_ROUTE_PRESET,
        record::REMOVE_RECORD_ROUTE,
        loose::RR_NEXT_HOP_ROUTE,
    ],
    variables: &[variables::FTI, variables::RDIR, variables::ROUTE_URI, variables::TTI],
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `rr`.
#[derive(Params)]
pub struct RrParams {
    /// Writes `;lr=on` in place of `;lr`, for phones that lose a parameter without a value.
    #[param(default = false)]
    pub enable_full_lr: bool,
    /// Adds the From tag as `;ftag=`: by it later requests show their direction. `is_direction` needs it.
    #[param(default = true)]
    pub append_fromtag: bool,
    /// 0: one Record-Route; 1: two when the request leaves by another socket than it came by (RFC 5658), each with
    /// `;r2=on`; 2: always two. With 1 and 2 `loose_route` takes both away.
    #[param(default = 1)]
    pub enable_double_rr: i64,
    /// Writes the user of the received request-URI into the Record-Route.
    #[param(default = false)]
    pub add_username: bool,
    /// A variable with the user for `add_username`; without a value the request-URI's user is written.
    pub custom_user_avp: Str,
    /// Warns when no socket of ours fits the second of two Route headers.
    #[param(default = true)]
    pub enable_socket_mismatch_warning: bool,
    /// `loose_route` sets the sending socket (`$fs`) also for a single Route of ours, not only for double ones.
    #[param(default = false)]
    pub force_send_socket: bool,
    /// Writes `sip:` even when the request-URI is a `sips:` URI.
    #[param(default = false)]
    pub ignore_sips: bool,
    /// What `loose_route()` does, see `loose_route_mode`.
    #[param(default = 0)]
    pub loose_route_mode: i64,
    /// Writes the name of the socket as `;sn=`, and `loose_route` finds the sending socket by it.
    #[param(default = false)]
    pub sockname_mode: bool,
}

/// What runs when `loose_route` found our own Route: the message, and the parameters of that Route as
/// `;name=value;name=value`.
pub type OnLooseRoute = Arc<dyn Fn(&mut RouteCx, &Str) + Send + Sync>;

/// The started module.
pub struct Rr {
    params: RrParams,
    /// `custom_user_avp`, compiled.
    custom_user: Option<Expression>,
    callbacks: Listeners<OnLooseRoute>,
}

impl Module for Rr {}

impl Rr {
    /// Adds a parameter (`;name=value`) to the Record-Route headers that are added to this request, before or after this
    /// call; in a branch route to those of the branch. Without a Record-Route it goes nowhere.
    ///
    /// # Errors
    /// When the text would break the header.
    pub fn add_param(&self, cx: &mut RouteCx, param: Str) -> Result<(), ScriptError> {
        record::check_text(&param)?;
        if !param.is_empty() {
            cx.message.edits_mut().add_route_param(param);
        }
        Ok(())
    }

    /// Whether the request goes the way of the request that made the dialog, by `ftag` of our Route. Without `ftag`, and
    /// for replies: [`Direction::Downstream`].
    #[must_use]
    pub fn direction(&self, cx: &RouteCx) -> Direction {
        direction::of(cx)
    }

    /// The parameters of our own Route, as `;name=value;name=value`: that which `loose_route` took away, or the first
    /// Route of the message.
    #[must_use]
    pub fn route_params(&self, cx: &RouteCx) -> Option<Str> {
        direction::route_params(cx)
    }

    /// A parameter of our own Route; the empty text when it has no value.
    #[must_use]
    pub fn route_param(&self, cx: &RouteCx, name: &[u8]) -> Option<Str> {
        direction::route_param(cx, name)
    }

    /// Whether Record-Route headers carry the From tag, by which requests show their direction.
    #[must_use]
    pub const fn appends_from_tag(&self) -> bool {
        self.params.append_fromtag
    }

    /// Has `callback` run whenever `loose_route` found our Route, after it set the destinations.
    pub fn on_loose_route(&self, callback: OnLooseRoute) {
        self.callbacks.push(callback);
    }

    fn tell(&self, cx: &mut RouteCx, params: &Str) {
        for callback in self.callbacks.iter() {
            callback(cx, params);
        }
    }
}

/// What the module keeps with a message.
#[derive(Default)]
struct State {
    /// A Record-Route was added outside of a branch route.
    recorded: bool,
    /// The parameters of our own Route, and the buffer of the message they are of: applied edits make them void.
    found: Option<(Str, Str)>,
    /// The direction by them.
    direction: Option<Direction>,
    /// The next hop is from a Route header behind ours.
    next_hop: bool,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: RrParams = creating.params()?;
    let custom_user = if params.custom_user_avp.is_empty() {
        None
    } else {
        let mut env = CompileEnv::new(creating.core, creating.modules, creating.catalog);
        Some(env.variable_text(&params.custom_user_avp.to_text(), creating.span_of("custom_user_avp"))?)
    };
    Ok(Arc::new(Rr { params, custom_user, callbacks: Listeners::default() }))
}
