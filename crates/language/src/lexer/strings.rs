//! String tokens: quotes, escapes, joining.

use super::Lexer;
use crate::diagnostic::{Code, Diagnostic};
use crate::reader::Mark;
use crate::span::Span;
use crate::token::{Kind, Token};

impl Lexer<'_> {
    pub(super) fn double_quoted(&mut self, mark: Mark) -> Token {
        let quote = self.reader.span_ahead(1);
        self.reader.skip(1);
        let mut value = Vec::new();
        loop {
            match self.reader.peek() {
                Some(b'\\') => self.escape(&mut value),
                Some(b'"') => {
                    self.reader.skip(1);
                    if self.reader.peek_past_blanks() != Some(b'"') {
                        break;
                    }
                    self.reader.skip_blanks();
                    self.reader.skip(1);
                }
                Some(_) => {
                    let run = self.reader.take_while(|byte| byte != b'"' && byte != b'\\');
                    value.extend_from_slice(run.as_bytes());
                }
                None => {
                    self.unclosed_string(quote, '"');
                    break;
                }
            }
        }
        self.string(&value, mark)
    }

    pub(super) fn single_quoted(&mut self, mark: Mark) -> Token {
        let quote = self.reader.span_ahead(1);
        self.reader.skip(1);
        let mut value = Vec::new();
        loop {
            match self.reader.peek() {
                Some(b'\'') => {
                    self.reader.skip(1);
                    break;
                }
                Some(_) => value.extend_from_slice(self.reader.take_while(|byte| byte != b'\'').as_bytes()),
                None => {
                    self.unclosed_string(quote, '\'');
                    break;
                }
            }
        }
        self.string(&value, mark)
    }

    fn string(&mut self, value: &[u8], mark: Mark) -> Token {
        let text = String::from_utf8_lossy(value).into_owned();
        let span = self.reader.span_from(mark);
        if self.first_long_string.is_none() && text.contains('\n') && self.sources.text(span).contains('\n') {
            self.first_long_string = Some(span);
        }
        let text = self.substitute(text, span);
        self.token(Kind::String, text, mark)
    }

    fn unclosed_string(&mut self, quote: Span, character: char) {
        let message = "this string is never closed";
        let text = format!("no closing `{character}` up to the end of the file");
        let mut mistake = Diagnostic::error(Code::Unterminated, message, quote, text);
        if let Some(long) = self.first_long_string {
            let start = Span { end: long.start + 1, ..long };
            mistake = mistake.label(start, "this string runs over several lines: is its closing quote missing?");
        }
        self.report(mistake);
    }

    /// A backslash and what belongs to it.
    fn escape(&mut self, value: &mut Vec<u8>) {
        let rest = self.reader.rest();
        let octal = rest[1..].iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
        let hex = rest[1..].iter().skip(1).take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
        let parse = |from: usize, digits: usize, radix| {
            std::str::from_utf8(&rest[from..from + digits])
                .ok()
                .and_then(|digits| u32::from_str_radix(digits, radix).ok())
                .map_or(0, |code| code as u8)
        };
        let (length, byte) = match rest.get(1) {
            Some(b'n') => (2, Some(b'\n')),
            Some(b'r') => (2, Some(b'\r')),
            Some(b't') => (2, Some(b'\t')),
            Some(b'a') => (2, Some(7)),
            Some(b'"') => (2, Some(b'"')),
            Some(b'\\') => (2, Some(b'\\')),
            Some(b'\n') => (2, None),
            Some(b'\r') if rest.get(2) == Some(&b'\n') => (3, None),
            Some(b'x') if hex > 0 => (2 + hex, Some(parse(2, hex, 16))),
            Some(b'0'..=b'7') if octal >= 2 => (1 + octal, Some(parse(1, octal, 8))),
            _ => (1, Some(b'\\')),
        };
        value.extend(byte);
        self.reader.skip(length);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::tokens;
    use super::*;

    fn string(text: &str) -> String {
        let found = tokens(text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, Kind::String);
        found[0].1.clone()
    }

    #[test]
    fn strings() {
        assert_eq!(string(r#""a\n\t\"\\\x41\x4\101\1\.\8\xg""#), "a\n\t\"\\A\u{4}A\\1\\.\\8\\xg");
        assert_eq!(string("\"a\\\nb\""), "ab");
        assert_eq!(string("\"a\nb\""), "a\nb");
        assert_eq!(string("\"a\" \n \"b\""), "ab");
        assert_eq!(string("'a\\n\"'"), "a\\n\"");
        assert_eq!(tokens("'a' 'b'").len(), 2);
        assert_eq!(tokens("\"a\" /* c */ \"b\"").len(), 2);
        assert_eq!(string("#!define X \"b\"\nX \"a\""), "ba");
    }
}
