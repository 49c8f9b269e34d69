//! A way through the request route that ends with neither reply, relay nor `drop`: the sender repeats its request until
//! it gives up, and nobody sees why.

use super::Check;
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn check(check: &mut Check<'_>) {
    let mut reported = Vec::new();
    for (span, state) in &check.paths.ends {
        // Inside of a dialog both sides notice that the other is silent.
        let expected = state.wants_answer() && state.in_dialog != Some(true);
        if state.handled || state.judged || !expected || reported.contains(span) {
            continue;
        }
        reported.push(*span);
        let label = match state.method_names() {
            Some(methods) => format!("no reply, relay or `drop` on a way to here ({methods})"),
            None => "no reply, relay or `drop` on a way to here".into(),
        };
        let message = "a request can end here without an answer";
        check.diagnostics.push(
            Diagnostic::warning(Code::EndsSilently, message, *span, label)
                .help("answer it, for example `sl_send_reply(\"404\", \"Not Found\")`, or write `drop` to say that silence is meant"),
        );
    }
}
