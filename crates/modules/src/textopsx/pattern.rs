//! Shell patterns, as `fnmatch()` of the C library without flags.

use engine::{CallResult, RouteCx, Str, function};

/// Compares `value` with a shell pattern: `*` any text, `?` any character, `[a-z]`, `[!a-z]` and `[[:digit:]]` one of a
/// set, a backslash takes the next character as it is. `*` matches `/` and a leading dot, too. With `i` in `flags`
/// letters of either case are equal.
///
/// Returns 1 (the whole value matches) or -1.
#[function(ANY)]
pub(super) fn fnmatch(_cx: &mut RouteCx, value: Str, expr: Str, flags: Option<Str>) -> CallResult {
    let fold = flags.is_some_and(|flags| flags.iter().any(|flag| matches!(flag, b'i' | b'I')));
    Ok(matches(&value, &expr, fold).into())
}

/// Whether the pattern matches the whole text. Goes back to the last `*` only, so its time is bounded by the product of
/// both lengths.
fn matches(text: &[u8], pattern: &[u8], fold: bool) -> bool {
    let (mut at, mut next) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(next) == Some(&b'*') {
            star = Some((next + 1, at));
            next += 1;
            continue;
        }
        if at == text.len() && next == pattern.len() {
            return true;
        }
        match (text.get(at), one(pattern, next, text.get(at).copied(), fold)) {
            (Some(_), Some(behind)) => {
                at += 1;
                next = behind;
            }
            _ => match star {
                Some((behind, from)) if from < text.len() => {
                    star = Some((behind, from + 1));
                    (at, next) = (from + 1, behind);
                }
                _ => return false,
            },
        }
    }
}

/// When the character matches the element of the pattern at `next`: where the next element starts.
fn one(pattern: &[u8], next: usize, byte: Option<u8>, fold: bool) -> Option<usize> {
    let byte = byte?;
    let same = |other: u8| if fold { byte.eq_ignore_ascii_case(&other) } else { byte == other };
    match *pattern.get(next)? {
        b'?' => Some(next + 1),
        b'\\' => same(*pattern.get(next + 1)?).then_some(next + 2),
        b'[' => match set(pattern, next + 1, byte, fold) {
            Some((found, behind)) => found.then_some(behind),
            // A set that is not closed is no set.
            None => same(b'[').then_some(next + 1),
        },
        other => same(other).then_some(next + 1),
    }
}

/// A set behind its `[`: whether the character is in it, and where the pattern goes on. `None`: it is not closed.
fn set(pattern: &[u8], mut at: usize, byte: u8, fold: bool) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(at), Some(b'!' | b'^'));
    at += usize::from(negated);
    let cases = if fold { [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()] } else { [byte, byte] };
    let (mut found, mut first) = (false, true);
    loop {
        let current = *pattern.get(at)?;
        if current == b']' && !first {
            return Some((found != negated, at + 1));
        }
        first = false;
        if current == b'['
            && pattern.get(at + 1) == Some(&b':')
            && let Some((name, behind)) = named(pattern, at + 2, b':')
        {
            found |= cases.iter().any(|case| in_class(*case, name));
            at = behind;
            continue;
        }
        let (low, behind) = element(pattern, at)?;
        at = behind;
        let mut high = low;
        if pattern.get(at) == Some(&b'-') && pattern.get(at + 1).is_some_and(|end| *end != b']') {
            (high, at) = element(pattern, at + 1)?;
        }
        found |= cases.iter().any(|case| (low..=high).contains(case));
    }
}

/// One character of a set: `a`, `\a`, `[.a.]` or `[=a=]`.
fn element(pattern: &[u8], at: usize) -> Option<(u8, usize)> {
    match *pattern.get(at)? {
        b'\\' => pattern.get(at + 1).map(|byte| (*byte, at + 2)),
        b'[' if matches!(pattern.get(at + 1), Some(b'.' | b'=')) => {
            let (name, behind) = named(pattern, at + 2, *pattern.get(at + 1)?)?;
            match name {
                [byte] => Some((*byte, behind)),
                _ => None,
            }
        }
        byte => Some((byte, at + 1)),
    }
}

/// The text up to `mark` and `]`.
fn named(pattern: &[u8], at: usize, mark: u8) -> Option<(&[u8], usize)> {
    let rest = pattern.get(at..)?;
    let end = rest.windows(2).position(|pair| pair == [mark, b']'])?;
    Some((&rest[..end], at + end + 2))
}

fn in_class(byte: u8, name: &[u8]) -> bool {
    match name {
        b"alpha" => byte.is_ascii_alphabetic(),
        b"digit" => byte.is_ascii_digit(),
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"upper" => byte.is_ascii_uppercase(),
        b"lower" => byte.is_ascii_lowercase(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"punct" => byte.is_ascii_punctuation(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"graph" => byte.is_ascii_graphic(),
        b"cntrl" => byte.is_ascii_control(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Results seen from Kamailio 5.6.3 (those without flags).
    #[test]
    fn patterns() {
        for (text, pattern, want) in [
            ("abc", "a*", true),
            ("abc", "A*", false),
            ("a/b/c", "a*c", true),
            (".abc", "*", true),
            ("abc", "[a-b][!x]?", true),
            ("a*c", "a\\*c", true),
            ("abc", "a\\*c", false),
            ("abc", "", false),
            ("", "*", true),
            ("", "", true),
            ("a[c", "a[c", true),
            ("a]c", "a[]]c", true),
            ("a5c", "a[[:digit:]]c", true),
            ("abc", "a[^b]c", false),
            ("adc", "a[^b]c", true),
            ("abc", "a+(b)c", false),
            ("a-c", "a[a-]c", true),
            ("abc", "*c*", true),
            ("ab", "ab\\", false),
            ("a\\c", "a[\\]c", false),
            ("abc", "a[b-a]c", false),
            ("abc", "a[[.b.]]c", true),
            ("abc", "a[[=b=]]c", true),
            ("aXbXc", "*X*X?", true),
            ("abab", "*ab", true),
            ("abc", "???", true),
            ("abc", "????", false),
            ("", "?", false),
        ] {
            assert_eq!(matches(text.as_bytes(), pattern.as_bytes(), false), want, "{text} {pattern}");
        }
        assert!(matches(b"ABC", b"*b[a-d]", true) && matches(b"aBc", b"a[B]C", true));
        let long = vec![b'a'; 5000];
        assert!(!matches(&long, b"*a*a*a*a*a*a*b", false));
    }
}
