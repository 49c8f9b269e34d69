//! `#!ifdef`, `#!ifndef`, `#!ifexp`, `#!else`, `#!endif`.

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lexer::Lexer;
use crate::reader::Mark;
use crate::span::Span;
use crate::variable::is_name;

/// How deep conditions may nest.
const MAX_NESTING: usize = 512;

/// An open condition.
pub(crate) struct Condition {
    /// The directive.
    span: Span,
    /// `ifdef` ..
    word: &'static str,
    /// The text that follows counts.
    active: bool,
    /// The text around counts.
    around: bool,
    /// Its `#!else`.
    otherwise: Option<Span>,
}

/// Whether only blanks follow up to the end of the line.
pub(crate) fn ends_line(text: &[u8]) -> bool {
    matches!(text.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r')), None | Some(b'\n'))
}

fn known(word: &str) -> Option<&'static str> {
    ["ifdef", "ifndef", "ifexp", "else", "endif"].into_iter().find(|it| *it == word)
}

impl Lexer<'_> {
    /// Obeys a conditional directive; the position is behind its word. Skips what does not count.
    pub(crate) fn conditional(&mut self, word: &str, mark: Mark) {
        let Some(word) = known(word) else { return };
        let span = self.reader.span_from(mark);
        match word {
            "else" => self.otherwise(span),
            "endif" => {
                let cut = self.reader.rest().is_empty();
                self.endif(span, cut);
            }
            _ => {
                let holds = match word {
                    "ifexp" => self.condition_expression(mark),
                    _ => self.directive_name(word, mark).is_some_and(|name| self.defines.get(&name).is_some()),
                };
                self.open(word, span, holds != (word == "ifndef"));
            }
        }
        if self.conditions.last().is_some_and(|condition| !condition.active) {
            self.skip_inactive();
        }
    }

    fn condition_expression(&mut self, mark: Mark) -> bool {
        self.skip_line_blanks();
        let text = self.rest_of_line().value;
        match super::expression::evaluate(&text, &self.defines) {
            Ok(value) => value.is_true(),
            Err(reason) => {
                let span = self.reader.span_from(mark);
                let message = format!("wrong expression in `#!ifexp`: {reason}");
                self.report(Diagnostic::error(Code::Preprocessor, message, span, ""));
                false
            }
        }
    }

    fn open(&mut self, word: &'static str, span: Span, holds: bool) {
        if self.conditions.len() >= MAX_NESTING {
            let message = format!("more than {MAX_NESTING} nested conditions");
            self.report(Diagnostic::error(Code::UnbalancedIf, message, span, "reading stops here"));
            self.conditions.clear();
            self.reader.stop();
            return;
        }
        let around = self.conditions.last().is_none_or(|outer| outer.active);
        self.conditions.push(Condition { span, word, active: around && holds, around, otherwise: None });
    }

    fn otherwise(&mut self, span: Span) {
        let Some(condition) = self.conditions.last_mut() else {
            let message = "`#!else` without `#!ifdef`";
            self.report(Diagnostic::warning(Code::UnbalancedIf, message, span, "no condition is open here"));
            return;
        };
        condition.active = condition.around && !condition.active;
        if let Some(first) = condition.otherwise.replace(span) {
            let opened = condition.span;
            self.report(
                Diagnostic::warning(Code::UnbalancedIf, "a second `#!else`", span, "turns the condition round again")
                    .label(first, "the first one")
                    .label(opened, "for this condition"),
            );
        }
    }

    /// `cut`: the text ends right behind it, without a line break.
    fn endif(&mut self, span: Span, cut: bool) {
        self.last_endif_cut = cut;
        if self.conditions.pop().is_none() {
            self.lone_endifs.push(span);
        }
    }

    /// Skips text that does not count: only conditional directives are looked at, wherever they stand.
    fn skip_inactive(&mut self) {
        while self.conditions.last().is_some_and(|condition| !condition.active) {
            let mark = self.reader.mark();
            self.reader.take_while(|byte| byte != b'#' && byte != b'!');
            let left_out = self.reader.span_from(mark);
            self.skipped.push(left_out);
            let rest = self.reader.rest();
            if rest.is_empty() {
                if !self.reader.leave_file() {
                    return;
                }
                continue;
            }
            if rest.get(1) != Some(&b'!') {
                self.reader.skip(1);
                continue;
            }
            let length = rest[2..].iter().take_while(|&&byte| is_name(byte)).count();
            let word = std::str::from_utf8(&rest[2..2 + length]).ok().and_then(known);
            let ends = ends_line(&rest[2 + length..]);
            let cut = rest.len() == 2 + length;
            let span = self.reader.span_ahead(2 + length);
            match word {
                Some(word @ ("ifdef" | "ifndef" | "ifexp")) => self.open(word, span, false),
                Some("else") if ends => self.otherwise(span),
                Some("endif") if ends => self.endif(span, cut),
                Some(_) => self.commented_out = Some(span),
                None => {
                    // `#!!define` hides no directive that starts at its second byte.
                    self.reader.skip(1);
                    continue;
                }
            }
            self.reader.skip(2 + length);
        }
    }

    /// Complains about conditions that are open at the end, and about what closes none.
    ///
    /// Kamailio only counts: what is too much in one place may be missing in another, and a last line without a line
    /// break is not counted. Where its count is even, the mistakes are warnings.
    pub(crate) fn check_conditions(&mut self) {
        let (open, lone) = (self.conditions.len(), self.lone_endifs.len());
        let even = lone > 0 && (lone == open || (self.last_endif_cut && lone == open + 1));
        let severity = if even { Severity::Warning } else { Severity::Error };
        for span in std::mem::take(&mut self.lone_endifs) {
            let message = "`#!endif` without `#!ifdef`";
            let mistake = Diagnostic::error(Code::UnbalancedIf, message, span, "no condition is open here");
            self.report(Diagnostic { severity, ..mistake });
        }
        let Some(condition) = self.conditions.pop() else { return };
        self.conditions.clear();
        let message = format!("`#!{}` without `#!endif`", condition.word);
        let mut mistake = Diagnostic::error(
            Code::UnbalancedIf,
            message,
            condition.span,
            "this condition is open at the end of the file",
        );
        if let Some(comment) = self.commented_out {
            mistake = mistake.label(comment, "this is a comment, because text follows in its line");
        }
        self.report(Diagnostic { severity, ..mistake });
    }
}
