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

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn lines(body: &str) -> Vec<usize> {
        let text = format!("request_route {{\n{body}\nsend_reply(\"404\", \"Not Found\");\n}}\n");
        found(Code::EndsSilently, &text).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn an_end_without_a_word_is_found() {
        assert_eq!(lines("if ($rU == 1) exit;"), [2]);
        assert_eq!(
            lines("if (!lookup(\"location\")) {\n$var(rc) = $rc;\nswitch ($var(rc)) { case -1: exit; }\n}"),
            [4]
        );
        assert_eq!(lines("xlog(\"nobody here\"); if ($rU == 1) { xlog(\"end\"); exit; }"), [2]);
    }

    #[test]
    fn what_may_answer_or_is_announced_is_silent() {
        for body in [
            "if ($rU == 1) { my_own_reply(); exit; }",
            "if ($rU == 1) { route(ELSEWHERE); exit; }",
            "if ($rU == 1) { xlog(\"blocked $si\"); exit; }",
            "secf_check_ua(); if ($? == -2) { exit; }",
            "secf_check_from_hdr(); switch ($rc) { case -2: exit; case -3: exit; }",
            "lookup(\"location\"); if ($rc > 0 && $rc < 0) { exit; }",
        ] {
            assert_eq!(lines(body), [0; 0], "{body}");
        }
    }
}
