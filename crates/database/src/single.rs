//! Finds the end of a statement, so that text of a script never runs as two.

/// True when `text` is a single statement of SQLite: nothing but blanks and comments follows the first `;`.
pub(crate) fn is_single(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut ended = false;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at + 1..];
        match byte {
            b'-' if rest.first() == Some(&b'-') => at += rest.iter().take_while(|byte| **byte != b'\n').count(),
            b'/' if rest.first() == Some(&b'*') => {
                at += 2 + rest[1..].windows(2).position(|pair| pair == b"*/").map_or(rest.len(), |end| end + 1);
            }
            _ if byte.is_ascii_whitespace() => {}
            b';' => ended = true,
            _ if ended => return false,
            b'\'' | b'"' | b'`' | b'[' => {
                // A doubled quote is the end of one text and the start of the next: the same for us.
                let close = if byte == b'[' { b']' } else { byte };
                at += rest.iter().position(|byte| *byte == close).map_or(rest.len(), |end| end + 1);
            }
            _ => {}
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_single;

    #[test]
    fn one_or_more() {
        for text in [
            "select 1",
            "select 1; ",
            "select ';' ; -- done; really",
            "select 'it''s; fine', \"a;b\", [c;d], `e;f` /* ; x */ from t;;",
            "",
            "/* never closed ; select",
        ] {
            assert!(is_single(text), "{text}");
        }
        for text in ["select 1; drop table t", "select ''; drop table t; --'", "select 1;/* */drop table t", "a;b"] {
            assert!(!is_single(text), "{text}");
        }
    }
}
