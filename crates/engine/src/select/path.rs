//! The text of a select as parts.

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// `.name`
    Name(String),
    /// `["name"]`
    Key(String),
    /// `[1]`
    Index(i64),
}

/// Cuts `via[1].params["x"]` into its parts; `None` when it is malformed.
pub(super) fn parse(text: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let name = &rest[..end];
        if !name.is_empty() {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'*');
            if !name.bytes().all(is_name) {
                return None;
            }
            parts.push(Part::Name(name.to_owned()));
        } else if parts.is_empty() || !rest.starts_with('[') {
            return None;
        }
        rest = &rest[end..];
        while let Some(inner) = rest.strip_prefix('[') {
            rest = bracket(inner, &mut parts)?;
        }
        match rest.strip_prefix('.') {
            Some(next) => rest = next,
            None => return rest.is_empty().then_some(parts),
        }
    }
}

/// Reads what stands behind a `[`, and returns what follows the `]`.
fn bracket<'t>(inner: &'t str, parts: &mut Vec<Part>) -> Option<&'t str> {
    if let Some(quoted) = inner.trim_start().strip_prefix('"') {
        let (key, rest) = quoted.split_once('"')?;
        parts.push(Part::Key(key.to_owned()));
        return rest.trim_start().strip_prefix(']');
    }
    let (index, rest) = inner.split_once(']')?;
    // All of them: what stands there without any index, too.
    if index.trim() != "*" {
        parts.push(Part::Index(index.trim().parse().ok()?));
    }
    Some(rest)
}
