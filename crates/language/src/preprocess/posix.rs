//! POSIX extended regular expressions in the syntax of the `regex` crate.

use std::iter::Peekable;
use std::str::Chars;

/// Translates a POSIX extended regular expression; what has no counterpart is an error.
pub(crate) fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    // At the start of a branch a quantifier is an ordinary character.
    let mut at_start = true;
    while let Some(found) = chars.next() {
        let starts = matches!(found, '(' | '|' | '^');
        match found {
            '\\' => escape(&mut chars, &mut out)?,
            '[' => bracket(&mut chars, &mut out)?,
            '*' | '+' | '?' if at_start => {
                out.push('\\');
                out.push(found);
            }
            '{' => interval(&mut chars, &mut out, at_start),
            '}' => out.push_str("\\}"),
            _ => out.push(found),
        }
        at_start = starts;
    }
    Ok(out)
}

fn escape(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    match chars.next() {
        None => return Err("it ends with a backslash".to_owned()),
        Some(class @ ('w' | 'W' | 's' | 'S' | 'b' | 'B')) => out.extend(['\\', class]),
        Some('<') => out.push_str("\\b{start}"),
        Some('>') => out.push_str("\\b{end}"),
        Some(digit @ '1'..='9') => return Err(format!("the back reference `\\{digit}` is not supported")),
        Some(other) if other.is_ascii_punctuation() => out.extend(['\\', other]),
        Some(other) => out.push(other),
    }
    Ok(())
}

/// `[..]`, in which a backslash is an ordinary character.
fn bracket(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    if chars.next_if_eq(&']').is_some() {
        out.push_str("\\]");
    }
    while let Some(found) = chars.next() {
        match found {
            ']' => {
                out.push(']');
                return Ok(());
            }
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                // `[:alpha:]` up to its own bracket.
                for inner in chars.by_ref() {
                    out.push(inner);
                    if inner == ']' {
                        break;
                    }
                }
            }
            '[' | '\\' | '&' | '~' => out.extend(['\\', found]),
            _ => out.push(found),
        }
    }
    Err("a `[` is never closed".to_owned())
}

/// `{n,m}`; anything else is text.
fn interval(chars: &mut Peekable<Chars<'_>>, out: &mut String, at_start: bool) {
    let ahead: String = chars.clone().take(12).take_while(|&next| next.is_ascii_digit() || next == ',').collect();
    let mut after = chars.clone().skip(ahead.len());
    let numbers = ahead.split(',').count() <= 2 && ahead.bytes().any(|byte| byte.is_ascii_digit());
    if at_start || !numbers || after.next() != Some('}') {
        out.push_str("\\{");
        return;
    }
    let _ = chars.nth(ahead.len()); // the numbers and the brace
    let zero = if ahead.starts_with(',') { "0" } else { "" };
    out.push_str(&format!("{{{zero}{ahead}}}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn translations() {
        for (posix, rust) in [
            ("a{2}b{,3}{x", "a{2}b{0,3}\\{x"),
            ("[]a\\]", "[\\]a\\\\]"),
            ("[^[:digit:]&&x]", "[^[:digit:]\\&\\&x]"),
            ("(*a|+b)\\d\\.\\/", "(\\*a|\\+b)d\\.\\/"),
        ] {
            let translated = translate(posix).unwrap();
            assert_eq!(translated, rust);
            assert!(regex::Regex::new(&translated).is_ok(), "{translated}");
        }
        assert!(translate("[a").is_err() && translate("a\\").is_err() && translate("(a)\\1").is_err());
    }
}
