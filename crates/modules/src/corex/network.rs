//! `event_route[network:msg]`: the bytes of messages as they come and go.

use std::sync::Arc;

use engine::core::Intercept;
use engine::{CallResult, Expression, RouteCx, ScriptError, Value, function};
use language::ast::RouteKind;

/// Which way the message goes that `event_route[network:msg]` looks at.
#[derive(Default)]
struct Direction(Option<bool>);

/// Runs the route; what it leaves in `avp` takes the place of the bytes.
pub(super) fn intercept(avp: Option<Expression>, shortest: i64) -> Intercept {
    let shortest = usize::try_from(shortest).unwrap_or(0);
    Arc::new(move |core, incoming, data| {
        if data.len() < shortest {
            return None;
        }
        let program = core.program.load_full()?;
        let route = program.route(RouteKind::Event, "network:msg")?;
        let mut cx = RouteCx::faked(core.clone());
        cx.raw = Some(data.clone());
        cx.data::<Direction>().0 = Some(incoming);
        program.run_nested(route, &mut cx);
        if let Some(network) = core.network() {
            // Not by way of the core, which would run the route for what the route sends.
            network.send_all(&mut cx.outbox);
        }
        match avp.as_ref()?.eval(&cx) {
            Value::Str(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    })
}

/// In `event_route[network:msg]`: true when the message has arrived, false when it is about to be sent.
#[function(ANY)]
pub fn is_incoming(cx: &mut RouteCx) -> CallResult {
    match cx.find_data::<Direction>() {
        Some(Direction(Some(incoming))) => Ok((*incoming).into()),
        _ => Err(ScriptError::new("is_incoming() works in event_route[network:msg] only")),
    }
}
