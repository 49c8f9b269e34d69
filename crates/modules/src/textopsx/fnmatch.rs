//! Patterns as a shell has them for file names.

use engine::{CallResult, RouteCx, Str, function};

/// True when `text` matches the pattern: `*` any text, `?` any character, `[a-z]` one of these, `[!a-z]` none of these, a
/// backslash takes the meaning of the next character. Flag `i`: letters of either case are the same.
#[function(ANY)]
pub fn fnmatch(_cx: &mut RouteCx, text: Str, pattern: Str, flags: Option<Str>) -> CallResult {
    let ignore_case = flags.is_some_and(|flags| flags.contains(&b'i'));
    Ok(matches(&text, &pattern, ignore_case).into())
}

/// Only the last star has to be tried again, so the work is bounded by the product of the lengths.
fn matches(text: &[u8], pattern: &[u8], ignore_case: bool) -> bool {
    let (mut at, mut next) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(next) == Some(&b'*') {
            next += 1;
            retry = Some((at, next));
            continue;
        }
        match text.get(at) {
            None if next == pattern.len() => return true,
            // Only stars, which were taken above, match nothing.
            None => return false,
            Some(byte) => {
                if let Some(length) = one(*byte, &pattern[next..], ignore_case) {
                    at += 1;
                    next += length;
                    continue;
                }
            }
        }
        match &mut retry {
            Some((from, behind)) => {
                *from += 1;
                (at, next) = (*from, *behind);
            }
            None => return false,
        }
    }
}

/// How much of the pattern the byte matches.
fn one(byte: u8, pattern: &[u8], ignore_case: bool) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'\\', escaped, ..] => same(byte, *escaped, ignore_case).then_some(2),
        [b'[', ..] => match set(byte, &pattern[1..], ignore_case) {
            Some((found, length)) => found.then_some(length + 1),
            // A bracket that is not closed stands for itself.
            None => (byte == b'[').then_some(1),
        },
        [literal, ..] => same(byte, *literal, ignore_case).then_some(1),
        [] => None,
    }
}

fn same(left: u8, right: u8, ignore_case: bool) -> bool {
    if ignore_case { left.eq_ignore_ascii_case(&right) } else { left == right }
}

/// Whether the byte is in the set, and how long the set is with its `]`; `None` when it does not end.
fn set(byte: u8, text: &[u8], ignore_case: bool) -> Option<(bool, usize)> {
    let negated = matches!(text.first(), Some(b'!' | b'^'));
    let start = usize::from(negated);
    let (mut at, mut found) = (start, false);
    let in_range = |low: u8, high: u8| {
        (low..=high).contains(&byte)
            || (ignore_case
                && ((low..=high).contains(&byte.to_ascii_lowercase())
                    || (low..=high).contains(&byte.to_ascii_uppercase())))
    };
    loop {
        match text.get(at..)? {
            [] => return None,
            [b']', ..] if at > start => return Some((found != negated, at + 1)),
            [b'[', b':', rest @ ..] => {
                let length = memchr::memmem::find(rest, b":]")?;
                found |= class(byte, &rest[..length]);
                at += length + 4;
            }
            [b'\\', escaped, ..] => {
                found |= same(byte, *escaped, ignore_case);
                at += 2;
            }
            [low, b'-', high, ..] if *high != b']' => {
                found |= in_range(*low, *high);
                at += 3;
            }
            [literal, ..] => {
                found |= same(byte, *literal, ignore_case);
                at += 1;
            }
        }
    }
}

fn class(byte: u8, name: &[u8]) -> bool {
    match name {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"cntrl" => byte.is_ascii_control(),
        b"digit" => byte.is_ascii_digit(),
        b"graph" => byte.is_ascii_graphic(),
        b"lower" => byte.is_ascii_lowercase(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"upper" => byte.is_ascii_uppercase(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        for (text, pattern, ignore_case, want) in [
            ("alice", "al*", false, true),
            ("alice", "AL*", false, false),
            ("alice", "AL*", true, true),
            ("alice", "?lice", false, true),
            ("alice", "[a-c]lice", false, true),
            ("alice", "[!a-c]lice", false, false),
            ("alice", "b*", false, false),
            ("a/b", "a*b", false, true),
            (".x", "*", false, true),
            ("", "", false, true),
            ("", "*", false, true),
            ("", "?", false, false),
            ("a*", "a\\*", false, true),
            ("ab", "a\\*", false, false),
            ("abcabd", "*ab?", false, true),
            ("]x", "[]a]x", false, true),
            ("a-", "a[x-]", false, true),
            ("[x", "[x", false, true),
            ("7", "[[:digit:]]", false, true),
            ("x", "[[:digit:]_]", false, false),
            ("B", "[a-c]", true, true),
            ("a]", "[a-]]", false, true),
        ] {
            assert_eq!(matches(text.as_bytes(), pattern.as_bytes(), ignore_case), want, "{text} {pattern}");
        }
        let text = "a".repeat(5000);
        assert!(!matches(text.as_bytes(), "*a*a*a*a*a*b".as_bytes(), false));
    }
}
