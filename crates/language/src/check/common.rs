//! What several lints ask about a configuration as a whole, and places inside of texts.

use super::model::Model;
use crate::ast::{ItemKind, RouteKind};
use crate::span::Span;

/// Whether another language sees the configuration's names: a script engine, or functions that run one.
pub(super) fn has_other_scripts(model: &Model<'_>) -> bool {
    model.modules.iter().any(|module| module.node.starts_with("app_"))
        || model.config.items.iter().any(|item| matches!(&item.kind, ItemKind::CfgEngine(_)))
}

/// Whether this is a whole configuration: parts for other files to include have no main block.
pub(super) fn is_whole(model: &Model<'_>) -> bool {
    model.routes.iter().any(|route| route.kind == RouteKind::Request && route.name.is_none())
}

/// Whether an `import_file` names a file that was not there: what it would bring is not known.
pub(super) fn misses_import(model: &Model<'_>) -> bool {
    model.sources.files.iter().any(|file| {
        let text = without_comments(&file.text);
        text.match_indices("import_file").any(|(at, word)| {
            let name = text[at + word.len()..].trim_start_matches([' ', '\t']).strip_prefix('"');
            let Some((name, _)) = name.and_then(|rest| rest.split_once('"')) else { return false };
            let span = Span { start: at as u32, end: (at + word.len()) as u32, ..Span::default() };
            let left_out = model.skipped.iter().any(|skipped| {
                model.sources.file(skipped.file).name == file.name
                    && skipped.start <= span.start
                    && span.end <= skipped.end
            });
            !left_out && !model.sources.files.iter().any(|file| file.name.ends_with(name))
        })
    })
}

/// Whether `inner` lies in `outer`.
pub(super) fn within(inner: Span, outer: Span) -> bool {
    inner.file == outer.file
        && inner.expansion == outer.expansion
        && outer.start <= inner.start
        && inner.end <= outer.end
}

/// The text with blanks in place of its comments, as long as before. A line of a directive is kept as it is.
pub(super) fn without_comments(text: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    let (mut at, mut line_start) = (0, true);
    while at < out.len() {
        let next = out.get(at + 1).copied();
        let end_of_line = |out: &[u8]| out[at..].iter().position(|&byte| byte == b'\n').map_or(out.len(), |n| at + n);
        let (end, blank) = match out[at] {
            b'#' | b'!' if next == Some(b'!') && line_start => (end_of_line(&out), false),
            b'#' => (end_of_line(&out), true),
            b'/' if next == Some(b'/') => (end_of_line(&out), true),
            b'/' if next == Some(b'*') => {
                let close = text[at..].find("*/").map_or(out.len(), |length| at + length + 2);
                (close, true)
            }
            b'"' => (closing_quote(&out, at, false), false),
            b'\'' => (closing_quote(&out, at, true), false),
            _ => (at + 1, false),
        };
        line_start = match out[at] {
            b'\n' => true,
            b' ' | b'\t' | b'\r' => line_start,
            _ => false,
        };
        if blank {
            out[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
        at = end;
    }
    // Only whole comments were replaced, so this is still UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

/// One past the quote that closes the one at `open`; one past that itself when none does (`'`: in its line).
fn closing_quote(text: &[u8], open: usize, in_line: bool) -> usize {
    let mut at = open + 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' if in_line => return open + 1,
            _ if byte == text[open] => return at + 1,
            _ => {}
        }
        at += 1;
    }
    open + 1
}

/// The words of a text: what could be names.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// What the lints say about a text with one of their codes.
#[cfg(test)]
pub(super) fn messages(code: crate::diagnostic::Code, text: &str) -> Vec<String> {
    struct Readable;
    impl crate::ReadFile for Readable {
        fn read(&self, path: &std::path::Path) -> std::io::Result<Vec<u8>> {
            match path.to_str() {
                Some("local.cfg") => Ok(b"modparam(\"sl\", \"default_code\", 501)\n".to_vec()),
                _ => Err(std::io::ErrorKind::NotFound.into()),
            }
        }
        fn is_world_readable(&self, _: &std::path::Path) -> bool {
            true
        }
    }
    let parsed = crate::parse(&crate::Source::text("kamailio.cfg", text, &Readable));
    assert!(!parsed.has_errors(), "{text}: {:?}", parsed.diagnostics);
    let found = super::check(&parsed, &Readable).into_iter().filter(|it| it.code == code);
    found.map(|it| [vec![it.message], it.help].concat().join("; ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_blanked_and_nothing_else() {
        let text = "#!define A \"x\" # kept\na = \"# no\" # yes\n// é\nb /* c\n d */ e 'it' # don't\nf \"g\\\"# h\"";
        let blanked = without_comments(text);
        assert_eq!(blanked.len(), text.len());
        let squeezed: Vec<&str> = blanked.split_whitespace().collect();
        let expected = "#!define A \"x\" # kept a = \"# no\" b e 'it' f \"g\\\"# h\"";
        assert_eq!(squeezed.join(" "), expected);
        assert_eq!(without_comments("a \" open # x"), "a \" open    ");
    }

    #[test]
    fn parts_are_exact_where_the_text_is() {
        let span = Span { start: 10, end: 15, ..Span::default() };
        assert_eq!(span.part("abc", 1..2), Span { start: 12, end: 13, ..span });
        assert_eq!(span.part("abcde", 1..2), Span { start: 11, end: 12, ..span });
        assert_eq!(span.part("a\nb\n", 1..2), span);
    }
}
