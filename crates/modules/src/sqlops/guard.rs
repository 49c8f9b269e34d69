//! A last look at a statement before it is sent.

use database::Scheme;

/// Refuses a text in quotes whose end has a backslash before it, for databases where a backslash is an ordinary
/// character in it: `{s.escape.common}` wrote it to escape a quote of the message, and here that quote ends the text,
/// so that what comes next would be read as SQL.
pub(crate) fn check(scheme: Scheme, text: &[u8]) -> Result<(), &'static str> {
    if scheme == Scheme::Mysql {
        return Ok(());
    }
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\'' | b'"' => {
                let mut backslashes = 0_usize;
                while let Some(inside) = bytes.next() {
                    if inside == byte {
                        if backslashes % 2 == 1 {
                            return Err("a quote with a backslash before it ends a text in this database; \
                                        write texts of messages with {sql.val.str}");
                        }
                        if bytes.next_if_eq(&byte).is_none() {
                            break;
                        }
                    }
                    backslashes = if inside == b'\\' { backslashes + 1 } else { 0 };
                }
            }
            b'-' if bytes.peek() == Some(&b'-') => while bytes.next_if(|byte| *byte != b'\n').is_some() {},
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_quotes() {
        for scheme in [Scheme::Sqlite, Scheme::Postgres] {
            assert!(check(scheme, br"select * from t where n='x\' or 1=1 --'").is_err());
            assert!(check(scheme, br#"select "x\" from t"#).is_err());
            assert!(check(scheme, br"select 'it''s' -- don\'t").is_ok());
            assert!(check(scheme, br"select 'x\\', '\\''', '\\'' or 1'").is_ok());
            assert!(check(scheme, br"select 'a\''b'").is_err());
        }
        assert!(check(Scheme::Mysql, br"select 'o\'x'").is_ok());
    }
}
