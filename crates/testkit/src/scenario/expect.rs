//! Comparing what came with what a scenario expects.
//!
//! In expected texts `<any>` matches any text, `<name>` matches any text and stands for the same text from then on.

use std::collections::BTreeMap;

use sip::{Message, Str};

/// Names that matched, and what they matched.
type Known = BTreeMap<String, String>;

/// The next `<name>` in a text: start, end, name.
fn next_name(text: &str) -> Option<(usize, usize, &str)> {
    let mut from = 0;
    while let Some(open) = text[from..].find('<').map(|at| at + from) {
        let close = text[open..].find('>').map(|at| at + open)?;
        let name = &text[open + 1..close];
        if !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-')
        {
            return Some((open, close + 1, name));
        }
        from = open + 1;
    }
    None
}

/// Puts known texts in the place of their names.
pub(super) fn replace_known(text: &str, known: &Known) -> String {
    let mut text = text.to_owned();
    for (name, value) in known {
        text = text.replace(&format!("<{name}>"), value);
    }
    text
}

/// True when `text` is what `pattern` describes; remembers new names.
fn matches(pattern: &str, text: &str, known: &mut Known) -> bool {
    let pattern = replace_known(pattern, known);
    let mut found = Known::new();
    if match_rest(&pattern, text, &mut found) {
        known.extend(found);
        true
    } else {
        false
    }
}

fn match_rest(pattern: &str, text: &str, found: &mut Known) -> bool {
    let Some((open, close, name)) = next_name(pattern) else { return pattern == text };
    if name == "null" || name == "absent" {
        // `<null>` is what an empty variable prints.
        let Some(rest) = text.strip_prefix(&pattern[..close]) else { return false };
        return match_rest(&pattern[close..], rest, found);
    }
    let Some(rest) = text.strip_prefix(&pattern[..open]) else { return false };
    if let Some(value) = found.get(name).filter(|_| name != "any").cloned() {
        return rest.strip_prefix(&*value).is_some_and(|rest| match_rest(&pattern[close..], rest, found));
    }
    // The shortest text first.
    for end in rest.char_indices().map(|(at, _)| at).chain([rest.len()]) {
        let mut deeper = found.clone();
        if name != "any" {
            deeper.insert(name.to_owned(), rest[..end].to_owned());
        }
        if match_rest(&pattern[close..], &rest[end..], &mut deeper) {
            *found = deeper;
            return true;
        }
    }
    false
}

/// Compares a message: start line, the named headers in their order, the body when one is written.
pub(super) fn message(wanted: &str, got: &[u8], known: &mut Known) -> Result<(), String> {
    let got = Message::parse(Str::from(got)).map_err(|error| format!("this is no SIP message: {error}"))?;
    let wanted = wanted.strip_suffix('\n').unwrap_or(wanted);
    let (head, body) =
        wanted.split_once("\n\n").map_or((wanted.trim_end_matches('\n'), None), |(head, body)| (head, Some(body)));
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let start = got.start_line_text().to_text().trim_end().to_owned();
    if !matches(first, &start, known) {
        return Err(format!("expected `{first}`, got `{start}`"));
    }
    let mut used: Vec<(String, u32)> = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("`{line}` is no header"))?;
        let (name, value) = (name.trim(), value.trim());
        let all: Vec<_> = got.headers_with_name(name.as_bytes()).collect();
        if value == "<absent>" {
            match all.first() {
                Some(header) => return Err(format!("`{name}` should not be there, but is `{}`", got.body_of(header))),
                None => continue,
            }
        }
        // Headers of one name are matched in their order: one before the last match is not looked at again.
        let least = used.iter().find(|(used, _)| used.eq_ignore_ascii_case(name)).map_or(0, |(_, start)| *start);
        let bodies: Vec<(u32, String)> = all
            .into_iter()
            .filter(|header| header.start >= least)
            .map(|header| (header.end, got.body_of(header).to_text().into_owned()))
            .collect();
        match bodies.iter().find(|(_, body)| matches(value, body, known)) {
            Some((end, _)) => {
                used.retain(|(used, _)| !used.eq_ignore_ascii_case(name));
                used.push((name.to_owned(), *end));
            }
            None if bodies.is_empty() => return Err(format!("header `{name}: {value}` is missing")),
            None => return Err(format!("header `{name}`: expected `{value}`, got `{}`", bodies[0].1)),
        }
    }
    if let Some(body) = body.filter(|body| !body.is_empty()) {
        let text = got.body().to_text().replace('\r', "");
        if !matches(body, &text, known) {
            return Err(format!("body: expected `{body}`, got `{text}`"));
        }
    }
    Ok(())
}

const LEVELS: [&str; 8] = ["ALERT: ", "BUG: ", "CRITICAL: ", "ERROR: ", "WARNING: ", "NOTICE: ", "INFO: ", "DEBUG: "];

/// Log records: a line that starts with a level, and the lines behind it that do not.
pub(super) fn records(text: &str) -> Vec<String> {
    let mut records: Vec<String> = Vec::new();
    for line in text.lines() {
        if LEVELS.iter().any(|level| line.starts_with(level) || line == level.trim_end()) || records.is_empty() {
            records.push(line.to_owned());
        } else if let Some(last) = records.last_mut() {
            last.push('\n');
            last.push_str(line);
        }
    }
    records
}

/// A record that the script or module acc wrote, without what stands between its level and its text. Other records are
/// none.
pub(super) fn said(record: &str) -> Option<String> {
    if record.contains("<script>: ") {
        return Some(record.replacen("<script>: ", "", 1));
    }
    let (level, text) = record.split_once(": ")?;
    // Kamailio names the place in its source code.
    let text = text.strip_prefix("acc [").and_then(|rest| rest.split_once("(): ")).map_or(text, |(_, text)| text);
    (text.starts_with("ACC: ") || is_call_record(text)).then(|| format!("{level}: {text}"))
}

/// The record of a call has no title: `start_time=1; end_time=2; duration=1; ..`, under any names.
fn is_call_record(text: &str) -> bool {
    let mut fields = text.split("; ");
    let is_field = |field: Option<&str>| {
        let name = field.and_then(|field| field.split_once('=')).map_or("", |(name, _)| name);
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    (0..3).all(|_| is_field(fields.next()))
}

/// Compares log lines; line ends and blanks at the end of a line do not count.
pub(super) fn log(wanted: &[String], got: &[String], known: &mut Known) -> Result<(), String> {
    let trim = |text: &str| {
        text.replace('\r', "").lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    };
    for (at, wanted) in wanted.iter().enumerate() {
        match got.get(at) {
            Some(got) if matches(&trim(wanted), &trim(got), known) => {}
            Some(got) => return Err(format!("log line {}: expected `{}`, got `{}`", at + 1, trim(wanted), trim(got))),
            None => return Err(format!("log line {}: expected `{wanted}`, got nothing more", at + 1)),
        }
    }
    match got.get(wanted.len()) {
        Some(more) => Err(format!("a log line that is not expected: `{}`", trim(more))),
        None => Ok(()),
    }
}

/// Compares a text line by line, without blanks at the ends of lines.
pub(super) fn text(wanted: &str, got: &str, known: &mut Known) -> Result<(), String> {
    let (wanted, got): (Vec<&str>, Vec<&str>) = (wanted.trim_end().lines().collect(), got.trim_end().lines().collect());
    for (at, wanted) in wanted.iter().enumerate() {
        // A line `...` stands for any further lines.
        if wanted.trim() == "..." {
            return Ok(());
        }
        match got.get(at) {
            Some(got)
                if matches(wanted.trim_end(), got, known) || matches(wanted.trim_end(), got.trim_end(), known) => {}
            Some(got) => return Err(format!("answer line {}: expected `{wanted}`, got `{got}`", at + 1)),
            None => return Err(format!("answer line {}: expected `{wanted}`, got nothing more", at + 1)),
        }
    }
    if got.len() > wanted.len() { Err(format!("the answer goes on: `{}`", got[wanted.len()])) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_script_and_accounting() {
        let said = |line: &str| said(line).unwrap_or_default();
        assert_eq!(said("ERROR: <script>: a"), "ERROR: a");
        assert_eq!(said("NOTICE: acc [acc.c:1]: f(): ACC: x"), "NOTICE: ACC: x");
        assert_eq!(said("NOTICE: acc [acc_cdr.c:1]: f(): s=1; e=2; d=1"), "NOTICE: s=1; e=2; d=1");
        assert_eq!(said("NOTICE: s=1; e=2; d=1; c=x y"), "NOTICE: s=1; e=2; d=1; c=x y");
        assert_eq!(said("NOTICE: s=1; e=2"), "");
        assert_eq!(said("NOTICE: server: a=1; b=2; c=3"), "");
    }

    #[test]
    fn names_match_and_are_remembered() {
        let mut known = Known::new();
        assert!(matches("<sip:a@b>;tag=<tag>", "<sip:a@b>;tag=77", &mut known));
        assert_eq!(known["tag"], "77");
        assert!(matches("x=<tag>", "x=77", &mut known));
        assert!(!matches("x=<tag>", "x=78", &mut known));
        assert!(matches("<any> b <any>", "a b c", &mut known));
        assert!(matches("v <null>", "v <null>", &mut known));
        assert!(!matches("v <null>", "v x", &mut known));
    }

    #[test]
    fn headers_are_compared_in_order() {
        let got = b"SIP/2.0 200 OK\r\nX: 1\r\nX: 2\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(message("SIP/2.0 200 OK\nX: 1\nX: 2\n", got, &mut Known::new()), Ok(()));
        assert!(message("SIP/2.0 200 OK\nX: 2\nX: 1\n", got, &mut Known::new()).is_err());
        assert!(message("SIP/2.0 200 OK\nX: <absent>\n", got, &mut Known::new()).is_err());
        assert_eq!(message("SIP/2.0 200 OK\nY: <absent>\n", got, &mut Known::new()), Ok(()));
    }
}
