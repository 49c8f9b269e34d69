//! A request of anybody to anywhere is sent on: no authentication, no look at the sender's address, no destination that
//! the script chose, and the request-URI may be foreign.

use super::Check;
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn check(check: &mut Check<'_>) {
    let open = check.paths.relays.iter().find(|(_, state)| {
        let foreign = state.local != Some(true) && !state.chosen;
        foreign && !state.guarded && state.in_dialog != Some(true) && state.wants_answer()
    });
    let Some((span, _)) = open else { return };
    let message = "open relay: a request of anybody is sent to wherever it wants";
    let label = "can be reached with a foreign request-URI, without authentication or address check";
    check.diagnostics.push(Diagnostic::warning(Code::OpenRelay, message, *span, label).help(
        "refuse first what is neither from a known sender nor for this server: \
                   `if (from_uri != myself && uri != myself) { sl_send_reply(\"403\", \"Not relaying\"); exit; }`, \
                   and authenticate those who claim to be local (`auth_check`, `allow_source_address`)",
    ));
}
