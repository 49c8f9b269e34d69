//! `loose_route()` and its relatives.

use engine::{CallResult, Return, RouteCx, Str, function};
use sip::Uri;

use super::direction::{params_of, remember, to_tag};
use super::ours::{is_ours, socket_of};
use super::route_set::{Malformed, RouteSet};
use super::{Rr, State};

/// The next hop is known.
const ROUTED: i32 = 1;
/// No Route, or one that cannot be read.
const FAILED: i32 = -1;
/// The only Route of an initial request was ours: the script finds the destination.
const PRELOADED: i32 = -3;
/// Bit of the mode: the request-URI is not asked whether the previous hop is a strict router.
const LOOSE_ONLY: i64 = 1;

/// The Route headers are no good; what was taken away so far stays away.
struct Failed;

impl From<Malformed> for Failed {
    fn from(_: Malformed) -> Self {
        Self
    }
}

/// `;r2=on`: one of two Route headers that we added together.
fn is_double(uri: &Uri) -> bool {
    uri.param("r2").is_some_and(|value| value.eq_ignore_case("on"))
}

fn parse(cx: &RouteCx, uri: Str) -> Result<Uri, Failed> {
    Uri::parse(uri.clone()).map_err(|error| {
        engine::log!(cx.core.log, Error, "{}: wrong URI in Route `{uri}`: {error}", cx.place());
        Failed
    })
}

impl Rr {
    /// Routes the request by its Route headers.
    fn route(&self, cx: &mut RouteCx, mode: i64) -> i32 {
        let mut routes = RouteSet::of(&cx.message);
        let Some(first) = routes.uri(0) else { return FAILED };
        cx.data::<State>().next_hop = false;
        let previous = if to_tag(cx).is_some() && mode & LOOSE_ONLY == 0 {
            let Ok(uri) = cx.parsed_request_uri() else { return FAILED };
            Some(uri).filter(|uri| is_ours(cx, uri))
        } else {
            None
        };
        let (result, own) = match previous {
            Some(uri) => (self.after_strict(cx, &mut routes), Some(uri)),
            None => self.after_loose(cx, &mut routes, first),
        };
        routes.queue_edits(cx);
        if let Some(own) = own {
            let params = params_of(&own);
            remember(cx, &own, params.clone());
            if result.is_ok() {
                self.tell(cx, &params);
            }
        }
        result.unwrap_or(FAILED)
    }

    /// The previous hop is a loose router (RFC 3261 section 16.4): our Route is the first one. Also gives the URI of our
    /// Route.
    fn after_loose(
        &self,
        cx: &mut RouteCx,
        routes: &mut RouteSet,
        first: Result<Str, Malformed>,
    ) -> (Result<i32, Failed>, Option<Uri>) {
        let first = match first.map_err(Failed::from).and_then(|first| parse(cx, first)) {
            Ok(first) => first,
            Err(failed) => return (Err(failed), None),
        };
        if !is_ours(cx, &first) {
            follow(cx, routes, 0, &first);
            return (Ok(ROUTED), None);
        }
        (self.after_own(cx, routes, &first), Some(first))
    }

    fn after_own(&self, cx: &mut RouteCx, routes: &mut RouteSet, own: &Uri) -> Result<i32, Failed> {
        routes.remove(0);
        let mut next = 1;
        if self.params.enable_double_rr != 0 && is_double(own) {
            if let Some(second) = routes.uri(1) {
                // The second one is ours even if it does not look so: a preset address may be one in front of a NAT.
                let second = second?;
                routes.remove(1);
                next = 2;
                let second = parse(cx, second)?;
                self.use_socket_of(cx, &second);
            }
        } else if self.params.force_send_socket {
            self.use_socket_of(cx, own);
        }
        let Some(uri) = routes.uri(next) else {
            // RFC 3261 section 16.5: the request-URI is the destination. Of an initial request it must be looked at first.
            return Ok(if to_tag(cx).is_some() { ROUTED } else { PRELOADED });
        };
        let uri = parse(cx, uri?)?;
        follow(cx, routes, next, &uri);
        cx.data::<State>().next_hop = true;
        Ok(ROUTED)
    }

    /// The previous hop is a strict router: it put our URI into the request-URI, and the last Route is the real one.
    fn after_strict(&self, cx: &mut RouteCx, routes: &mut RouteSet) -> Result<i32, Failed> {
        let mut next = 0;
        let mut uri = parse(cx, routes.uri(0).ok_or(Failed)??)?;
        if self.params.enable_double_rr != 0 && is_double(&uri) && is_ours(cx, &uri) {
            routes.remove(0);
            next = 1;
            self.use_socket_of(cx, &uri);
            uri = parse(cx, routes.uri(1).ok_or(Failed)??)?;
        }
        if uri.is_loose_route() {
            let last = routes.remove_last()?;
            cx.to.set_uri(parse(cx, last)?.text().clone());
            cx.to.set_destination(Some(uri.text().clone()));
        } else {
            routes.remove(next);
            cx.to.set_uri(uri.text().clone());
        }
        Ok(ROUTED)
    }

    /// The request shall leave by the socket that our Route names.
    fn use_socket_of(&self, cx: &mut RouteCx, uri: &Uri) {
        match socket_of(cx, uri, self.params.sockname_mode) {
            Some(socket) => cx.to.socket = Some(socket),
            None if self.params.enable_socket_mismatch_warning => {
                engine::log!(cx.core.log, Warning, "{}: no socket fits our Route `{uri}`", cx.place());
            }
            None => {}
        }
    }
}

/// Sends the request to the Route at `place`: it is the next hop, or, when it is a strict router, the request-URI; the
/// received request-URI then becomes the last Route (RFC 3261 section 16.6, step 6).
fn follow(cx: &mut RouteCx, routes: &mut RouteSet, place: usize, uri: &Uri) {
    if uri.is_loose_route() {
        cx.to.set_destination(Some(uri.text().clone()));
        return;
    }
    routes.remove(place);
    let target = cx.message.request_uri().cloned().unwrap_or_default();
    let end = cx.message.headers_end();
    cx.message.edits_mut().insert_before(end, [b"Route: <", &*target, b">\r\n"].concat());
    cx.to.set_uri(uri.text().clone());
}

/// Routes a request by its Route headers: takes our own away (both of double ones), and sets the next hop (`$du`) or, for
/// strict routers, the request-URI. To be used for requests within dialogs; what it allows for others should be checked.
///
/// Returns 1 (routed), -1 (no Route, or a malformed one), -3 (initial request whose only Route was ours: it is taken
/// away, and the script finds the destination). A Route that is not ours is followed as well.
#[function(REQUEST)]
pub fn loose_route(cx: &mut RouteCx, me: &Rr) -> CallResult {
    Ok(Return(me.route(cx, me.params.loose_route_mode)))
}

/// `loose_route` with a mode, as a sum: 1 does not ask whether the request-URI is ours and came from a strict router
/// (for servers whose Contact is our address); 2 does not look at flow tokens of module outbound (there are none yet).
#[function(REQUEST)]
pub fn loose_route_mode(cx: &mut RouteCx, me: &Rr, mode: i64) -> CallResult {
    Ok(Return(me.route(cx, mode)))
}

/// The same as `loose_route`, but returns 1 for an initial request whose only Route was ours, and -1 in all other cases.
#[function(REQUEST)]
pub fn loose_route_preloaded(cx: &mut RouteCx, me: &Rr) -> CallResult {
    Ok((me.route(cx, me.params.loose_route_mode) == PRELOADED).into())
}

/// True when `loose_route` took the next hop from a Route behind our own.
#[function(ANY)]
pub fn rr_next_hop_route(cx: &mut RouteCx) -> CallResult {
    Ok(cx.find_data::<State>().is_some_and(|state| state.next_hop).into())
}
