//! A statement behind one that ends the script, the route or the loop: it never runs.

use super::{Check, visit};
use crate::ast::{Statement, StatementKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::{SourceMap, Span};

pub(super) fn check(check: &mut Check<'_>) {
    let mut found = Vec::new();
    for route in &check.model.routes {
        visit::lists(&route.body.statements, &mut |statements| {
            let leaving = statements.iter().position(visit::leaves);
            let Some((leaving, behind)) = leaving.map(|at| (&statements[at], &statements[at + 1..])) else { return };
            // `exit; break;` is what people write at the end of a case: nothing is lost.
            let lost = behind.iter().any(|statement| !is_jump(statement));
            let Some(first) = behind.iter().find(|it| !matches!(it.kind, StatementKind::Empty)) else { return };
            if lost && stand_together(check.model.sources, leaving.span, first.span) {
                found.push((leaving, first));
            }
        });
    }
    for (leaving, first) in found {
        let message = "this statement never runs";
        let (shown, name) = last_jump(leaving);
        check.diagnostics.push(
            Diagnostic::warning(Code::Unreachable, message, head(first), "never runs")
                .label(shown, format!("`{name}` leaves here, always"))
                .help(format!("remove it, or put it before the `{name}`")),
        );
    }
}

fn is_jump(statement: &Statement) -> bool {
    matches!(
        statement.kind,
        StatementKind::Return(_)
            | StatementKind::Exit(_)
            | StatementKind::Drop(_)
            | StatementKind::Break
            | StatementKind::Empty
    )
}

/// Whether no line of the preprocessor stands between two statements, or in the first: with other defines the first may
/// not be there.
fn stand_together(sources: &SourceMap, first: Span, second: Span) -> bool {
    let (first, second) = (sources.surface(first), sources.surface(second));
    if first.file != second.file || first.end > second.start {
        return false;
    }
    let text = sources.text(Span { end: second.start, ..first });
    !text.contains("#!") && !text.contains("!!")
}

/// The last statement in it that leaves, with its word.
fn last_jump(statement: &Statement) -> (Span, &'static str) {
    let word = match &statement.kind {
        StatementKind::Return(_) => "return",
        StatementKind::Exit(_) => "exit",
        StatementKind::Drop(_) => "drop",
        StatementKind::Break => "break",
        _ => {
            let last = visit::inner(statement).into_iter().last().unwrap_or_default();
            return last.iter().find(|it| visit::leaves(it)).map_or((statement.span, "exit"), last_jump);
        }
    };
    (statement.span, word)
}

/// What to underline of a statement: the condition of one that holds others.
fn head(statement: &Statement) -> Span {
    match &statement.kind {
        StatementKind::If { condition, .. } | StatementKind::While { condition, .. } => condition.span,
        StatementKind::Switch { on, .. } => on.span,
        StatementKind::Block(block) => block.statements.first().map_or(statement.span, head),
        _ => statement.span,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use crate::diagnostic::Code;

    fn lines(body: &str) -> Vec<usize> {
        found(Code::Unreachable, &format!("request_route {{\n{body}\n}}\n")).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn what_stands_behind_a_jump_never_runs() {
        assert_eq!(lines("exit;\nxlog(\"a\");\nxlog(\"b\");"), [3]);
        assert_eq!(lines("if ($rU == 1) {\n return;\n xlog(\"a\");\n}"), [4]);
        assert_eq!(lines("if ($rU == 1) {\n exit;\n} else {\n drop;\n}\nxlog(\"a\");"), [7]);
        assert_eq!(lines("while ($var(i) > 0) {\n break;\n $var(i) = 1;\n}"), [4]);
        assert_eq!(lines("switch ($rU) {\n case 1:\n  break;\n  xlog(\"a\");\n}"), [5]);
        assert_eq!(lines("exit;\n;\nif ($rU == 1) {\n xlog(\"a\");\n}"), [4]);
    }

    #[test]
    fn further_jumps_and_conditional_ones_are_silent() {
        assert_eq!(lines("switch ($rU) {\n case 1:\n  exit;\n  break;\n}\ndrop;;\nexit;"), [0; 0]);
        assert_eq!(lines("if ($rU == 1) {\n exit;\n}\nxlog(\"a\");"), [0; 0]);
        assert_eq!(lines("switch ($rU) {\n case 1:\n  exit;\n default:\n  exit;\n}\nxlog(\"a\");"), [0; 0]);
        assert_eq!(lines("while ($var(i) > 0) {\n break;\n}\nxlog(\"a\");"), [0; 0]);
    }

    #[test]
    fn conditions_of_the_preprocessor_are_silent() {
        assert_eq!(lines("#!ifndef WITH_A\nexit;\n#!endif\nxlog(\"a\");"), [0; 0]);
        assert_eq!(lines("exit;\n#!ifdef WITH_A\nxlog(\"a\");\n#!else\nxlog(\"b\");\n#!endif\n"), [0; 0]);
        assert_eq!(lines("#!ifndef WITH_A\nexit;\nxlog(\"a\");\n#!endif\n"), [4]);
    }
}
