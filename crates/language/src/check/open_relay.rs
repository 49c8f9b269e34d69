//! A request of anybody to anywhere is sent on: no authentication, no look at the sender's address, no destination that
//! the script chose, and the request-URI may be foreign.

use super::Check;
use super::flow::State;
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;

/// Modules of servers inside of a mobile network.
const IMS: &[&str] =
    &["ims_auth", "ims_icscf", "ims_ipsec_pcscf", "ims_isc", "ims_registrar_pcscf", "ims_registrar_scscf"];

pub(super) fn check(check: &mut Check<'_>) {
    let is_open = |(_, state): &&(Span, State)| {
        let foreign = state.local != Some(true) && !state.chosen;
        foreign && !state.guarded && state.in_dialog != Some(true) && state.wants_answer()
    };
    // One that needs no lie about the sender says more.
    let relays = || check.paths.relays.iter().filter(is_open);
    let open = relays().find(|(_, state)| !state.claims_local()).or_else(|| relays().next());
    let Some((span, state)) = open else { return };
    // Behind the first of these servers stand others of the same network, which have checked the sender.
    if check.model.modules.iter().any(|module| IMS.contains(&module.node)) {
        return;
    }
    let message = "open relay: a request of anybody is sent to wherever it wants";
    let label = if state.claims_local() {
        "can be reached with a foreign request-URI and any From of a local domain, which is not checked"
    } else {
        "can be reached with a foreign request-URI, without authentication or address check"
    };
    check.diagnostics.push(Diagnostic::warning(Code::OpenRelay, message, *span, label).help(
        "refuse first what is neither from a known sender nor for this server: \
                   `if (from_uri != myself && uri != myself) { sl_send_reply(\"403\", \"Not relaying\"); exit; }`, \
                   and authenticate those who claim to be local (`auth_check`, `allow_source_address`)",
    ));
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn labels(text: &str) -> Vec<String> {
        found(Code::OpenRelay, text).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn it_says_what_a_sender_has_to_do() {
        let [open] = &labels("request_route { t_relay(); }")[..] else { panic!("found") };
        assert!(open.contains("without authentication"), "{open}");
        let check = "if (from_uri != myself && uri != myself) { send_reply(\"403\", \"No\"); exit; }";
        let [open] = &labels(&format!("request_route {{ {check} t_relay(); }}"))[..] else { panic!("found") };
        assert!(open.contains("any From of a local domain"), "{open}");
    }

    #[test]
    fn every_code_of_a_failed_lookup_ends_the_request() {
        let text = |cases: &str| {
            format!(
                "request_route {{ if (!lookup(\"location\")) {{ $var(rc) = $rc; t_newtran(); switch ($var(rc)) {{ {cases} }} }} \
                 t_relay(); }}"
            )
        };
        let ends = "case -1: case -3: send_reply(\"404\", \"x\"); exit; case -2: send_reply(\"405\", \"x\"); exit;";
        assert_eq!(labels(&text(ends)), [""; 0]);
        assert_eq!(labels(&text("case -1: xlog(\"x\"); break;")).len(), 1);
    }

    #[test]
    fn servers_behind_others_are_silent() {
        assert_eq!(labels("loadmodule \"ims_isc.so\"\nrequest_route { t_relay(); }"), [""; 0]);
        assert_eq!(labels("request_route { if (my_own_check()) { t_relay(); } }"), [""; 0]);
    }
}
