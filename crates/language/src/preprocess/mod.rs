//! The `#!` directives. They belong to the lexer: one may stand in the middle of a statement.

mod define;
mod expression;
mod ifdef;
mod include;
mod posix;
mod subst;

pub(crate) use define::{Define, Defines};
pub(crate) use ifdef::Condition;
pub(crate) use subst::Rules;

use crate::ast::Mode;
use crate::diagnostic::{Code, Diagnostic};
use crate::lexer::Lexer;
use crate::reader::Mark;
use crate::token::Subst;
use crate::variable::is_name;

/// What a `#!` turned out to be.
pub(crate) enum Outcome {
    /// No directive: a comment, or two `!`.
    None,
    /// Done.
    Done,
    /// A statement of the grammar.
    Token(Subst),
}

/// Names of all directives, for "did you mean".
const NAMES: &[&str] = &[
    "define",
    "def",
    "trydefine",
    "trydef",
    "redefine",
    "redef",
    "undefine",
    "undef",
    "tryundefine",
    "tryundef",
    "defexp",
    "defexps",
    "defenv",
    "defenvs",
    "trydefenv",
    "trydefenvs",
    "ifdef",
    "ifndef",
    "ifexp",
    "else",
    "endif",
    "subst",
    "substdef",
    "substdefs",
    "include_file",
    "import_file",
    "KAMAILIO",
    "OPENSER",
    "SER",
    "MAXCOMPAT",
    "ALL",
];

impl Lexer<'_> {
    /// Obeys the directive whose `#!` or `!!` may be at the current position.
    pub(crate) fn directive(&mut self, mark: Mark) -> Outcome {
        let rest = self.reader.rest();
        if rest.get(1) != Some(&b'!') {
            return Outcome::None;
        }
        let shebang = rest[0] == b'#';
        let length = rest[2..].iter().take_while(|&&byte| is_name(byte)).count();
        let word = String::from_utf8_lossy(&rest[2..2 + length]).into_owned();
        let behind = &rest[2 + length..];
        let ends_line = ifdef::ends_line(behind);
        let directly = behind.is_empty() || behind.starts_with(b"\n") || behind.starts_with(b"\r\n");
        match word.as_str() {
            "KAMAILIO" | "OPENSER" | "SER" | "MAXCOMPAT" | "ALL" => {
                if !directly {
                    self.ignored_mode_line(&word, mark);
                    return if shebang { Outcome::None } else { Outcome::Done };
                }
                self.mode = match word.as_str() {
                    "KAMAILIO" | "OPENSER" => Mode::Kamailio,
                    "SER" => Mode::Ser,
                    _ => Mode::MaxCompat,
                };
            }
            "else" | "endif" if !ends_line => {
                self.commented_out = Some(self.reader.span_ahead(2 + length));
                return Outcome::None;
            }
            "subst" | "substdef" | "substdefs" => {
                self.reader.skip(2 + length);
                return Outcome::Token(match word.as_str() {
                    "subst" => Subst::Plain,
                    "substdef" => Subst::Define,
                    _ => Subst::DefineQuoted,
                });
            }
            "include_file" | "import_file" => {
                self.reader.skip(2 + length);
                self.include(&word, mark);
                return Outcome::Done;
            }
            name if NAMES.contains(&name) => {}
            name => {
                if shebang {
                    self.misspelt_directive(name, mark, length);
                }
                return Outcome::None;
            }
        }
        self.reader.skip(2 + length);
        match word.as_str() {
            "ifdef" | "ifndef" | "ifexp" | "else" | "endif" => self.conditional(&word, mark),
            "KAMAILIO" | "OPENSER" | "SER" | "MAXCOMPAT" | "ALL" => {}
            _ => self.define_directive(&word, mark),
        }
        Outcome::Done
    }

    fn ignored_mode_line(&mut self, word: &str, mark: Mark) {
        let _ = mark;
        let span = self.reader.span_ahead(2 + word.len());
        let message = format!("`#!{word}` is an ordinary comment here");
        let mistake = Diagnostic::warning(Code::Preprocessor, message, span, "text or blanks follow in this line");
        self.report(mistake.help("a mode line holds nothing else, not even a blank at its end"));
    }

    fn misspelt_directive(&mut self, name: &str, mark: Mark, length: usize) {
        let _ = mark;
        let known = NAMES.iter().copied();
        if name.len() >= 3 && crate::diagnostic::closest(name, known.clone()).is_some() {
            let span = self.reader.span_ahead(2 + length);
            let message = format!("`#!{name}` is no directive, so this line is a comment");
            self.report(Diagnostic::warning(Code::Preprocessor, message, span, "").did_you_mean(name, known));
        }
    }

    /// Skips blanks of the line.
    pub(crate) fn skip_line_blanks(&mut self) {
        self.reader.take_while(|byte| byte == b' ' || byte == b'\t');
    }

    /// The name a directive needs.
    pub(crate) fn directive_name(&mut self, directive: &str, mark: Mark) -> Option<String> {
        self.skip_line_blanks();
        let name = self.reader.take_while(|byte| is_name(byte) || byte == b'-').to_owned();
        let span = self.reader.span_from(mark);
        if name.is_empty() {
            let message = format!("`#!{directive}` needs a name");
            self.report(Diagnostic::error(Code::Preprocessor, message, span, "expected a name in this line"));
            return None;
        }
        if name.contains('-') {
            let message = format!("`-` is not allowed in a name: `{name}`");
            let right = name.replace('-', "_");
            let mistake = Diagnostic::error(Code::Preprocessor, message, span, "").help(format!("write `{right}`"));
            self.report(mistake.edit(name, right));
            return None;
        }
        Some(name)
    }
}
