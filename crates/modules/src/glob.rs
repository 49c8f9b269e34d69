//! Patterns of the shell, as `fnmatch(3)` reads them without flags: `*`, `?`, `[a-z]`, `[!a]`, `\x`.

/// True when the whole text fits. Takes time in proportion to both lengths multiplied, at most.
pub(crate) fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    // Behind the last `*`, and how much of the text it has eaten.
    let mut back: Option<(usize, usize)> = None;
    loop {
        let step = if at < pattern.len() { one(&pattern[at..], text.get(read).copied()) } else { Step::No };
        match step {
            Step::Star => {
                at += 1;
                back = Some((at, read));
                continue;
            }
            Step::Fits(length) => {
                at += length;
                read += 1;
                continue;
            }
            Step::No if at == pattern.len() && read == text.len() => return true,
            Step::No => {}
        }
        match back {
            Some((star, eaten)) if eaten < text.len() => {
                at = star;
                read = eaten + 1;
                back = Some((star, eaten + 1));
            }
            _ => return false,
        }
    }
}

enum Step {
    Star,
    /// So many bytes of the pattern are the next byte of the text.
    Fits(usize),
    No,
}

fn one(pattern: &[u8], byte: Option<u8>) -> Step {
    let fits = |is_same: bool, length: usize| if is_same { Step::Fits(length) } else { Step::No };
    match (pattern, byte) {
        ([b'*', ..], _) => Step::Star,
        (_, None) => Step::No,
        ([b'?', ..], _) => Step::Fits(1),
        ([b'\\', escaped, ..], Some(byte)) => fits(*escaped == byte, 2),
        ([b'[', ..], Some(byte)) => match bracket(pattern, byte) {
            Some((is_in, length)) => fits(is_in, length),
            // Not closed: it stands for itself.
            None => fits(byte == b'[', 1),
        },
        ([first, ..], Some(byte)) => fits(*first == byte, 1),
        ([], _) => Step::No,
    }
}

/// Whether a byte is in the set at the start of the pattern, and how long that is.
fn bracket(pattern: &[u8], byte: u8) -> Option<(bool, usize)> {
    let mut at = 1;
    let negated = matches!(pattern.get(at), Some(b'!' | b'^'));
    at += usize::from(negated);
    let start = at;
    let mut is_in = false;
    loop {
        let mut low = *pattern.get(at)?;
        if low == b']' && at > start {
            return Some((is_in != negated, at + 1));
        }
        if low == b'\\' {
            at += 1;
            low = *pattern.get(at)?;
        }
        at += 1;
        let mut high = low;
        if pattern.get(at) == Some(&b'-') && pattern.get(at + 1).is_some_and(|next| *next != b']') {
            high = pattern[at + 1];
            at += 2;
        }
        is_in |= (low..=high).contains(&byte);
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("*a*b*", "xxaxxbxx", true),
            ("?b", "ab", true),
            ("?", "", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]x]", "]", true),
            ("[a-]", "-", true),
            ("[a", "[a", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("+49*", "+4930", true),
            ("**", "anything/at.all", true),
        ] {
            assert_eq!(fits(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn takes_no_exponential_time() {
        assert!(!fits("*a".repeat(50).as_bytes(), "ab".repeat(2000).as_bytes()));
    }
}
