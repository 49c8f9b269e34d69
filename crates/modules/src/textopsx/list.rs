//! Headers as lists: where their values and parameters stand in the buffer, and how one of them is cut out.

use std::ops::Range;

use engine::Str;
use sip::{EditId, Edits, Insert, Position};
use sip::{Header, Message};

/// One value of a list, or one parameter. Ranges count from the start of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// From behind the separator before it to the one after it.
    pub(super) whole: Range<usize>,
    /// Without blanks at either end.
    pub(super) text: Range<usize>,
}

/// A header line and what it lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List {
    /// The line with its line end.
    pub(super) line: Range<usize>,
    /// What it lists; of a list of values there is always one, if empty.
    pub(super) items: Vec<Item>,
}

/// The headers of that name with their comma-separated values.
pub(super) fn lists(message: &Message, name: &[u8]) -> Vec<List> {
    collect(message, name, |body| split(message.buffer(), body, b','))
}

/// The headers of that name with the parameters of their credentials: `Digest realm="x", nonce="y"`.
pub(super) fn credentials(message: &Message, name: &[u8]) -> Vec<List> {
    collect(message, name, |body| {
        let bytes = message.buffer().get(body.clone()).unwrap_or_default();
        let blank = |byte: &u8| byte.is_ascii_whitespace();
        let scheme = bytes.iter().position(blank).unwrap_or(bytes.len());
        let start = bytes[scheme..].iter().position(|byte| !blank(byte)).map_or(bytes.len(), |skip| scheme + skip);
        if start == bytes.len() { Vec::new() } else { split(message.buffer(), body.start + start..body.end, b',') }
    })
}

fn collect(message: &Message, name: &[u8], items: impl Fn(Range<usize>) -> Vec<Item>) -> Vec<List> {
    message
        .headers_with_name(name)
        .map(|header| List { line: header.range(), items: items(header.body_range()) })
        .collect()
}

/// The body range of the header whose line is `line`.
pub(super) fn body_of(message: &Message, line: &Range<usize>) -> Option<Range<usize>> {
    message.headers().iter().find(|header| header.range() == *line).map(Header::body_range)
}

/// Cuts `range` at every `separator` outside of quotes and angle brackets.
pub(super) fn split(buffer: &Str, range: Range<usize>, separator: u8) -> Vec<Item> {
    let bytes = buffer.get(range.clone()).unwrap_or_default();
    let (mut items, mut start) = (Vec::new(), 0);
    let (mut quoted, mut angle, mut at) = (false, false, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'<' if !quoted => angle = true,
            b'>' if !quoted => angle = false,
            byte if byte == separator && !quoted && !angle => {
                items.push(item(bytes, range.start, start..at));
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    items.push(item(bytes, range.start, start..bytes.len()));
    items
}

fn item(bytes: &[u8], base: usize, part: Range<usize>) -> Item {
    let (mut start, mut end) = (part.start, part.end);
    while end > start && bytes[end - 1].is_ascii_whitespace() {
        end -= 1;
    }
    while start < end && bytes[start].is_ascii_whitespace() {
        start += 1;
    }
    Item { whole: base + part.start..base + part.end, text: base + start..base + end }
}

/// The name in `name=value`: to the `=` or the end.
pub(super) fn name_range(buffer: &Str, param: &Range<usize>) -> Range<usize> {
    let bytes = buffer.get(param.clone()).unwrap_or_default();
    let end = bytes.iter().position(|byte| *byte == b'=').unwrap_or(bytes.len());
    let end = bytes[..end].trim_ascii_end().len();
    param.start..param.start + end
}

/// Whether `param` (`name=value`) has that name.
pub(super) fn is_named(buffer: &Str, param: &Item, name: &[u8]) -> bool {
    buffer.get(name_range(buffer, &param.text)).is_some_and(|found| found.eq_ignore_ascii_case(name))
}

/// Whether an edit took `range` away without putting anything in its place.
pub(super) fn removed(edits: &Edits, range: &Range<usize>) -> bool {
    !range.is_empty()
        && edits
            .iter()
            .any(|edit| edit.insert.is_empty() && edit.start as usize <= range.start && range.end <= edit.end as usize)
}

/// What is left of a list around an item: the nearest ones before and after it that no edit took away.
fn neighbours(edits: &Edits, items: &[Item], at: usize) -> (Option<usize>, Option<usize>) {
    let alive = |item: &Item| !removed(edits, &item.text);
    let before = items.iter().take(at).rposition(alive);
    let after = items.iter().skip(at + 1).position(alive).map(|found| at + 1 + found);
    (before, after)
}

/// Takes a value out of a list with one of the commas beside it; the last one takes the header with it.
pub(super) fn remove_value(edits: &mut Edits, list: &List, at: usize) {
    let Some(item) = list.items.get(at) else { return };
    let range = match neighbours(edits, &list.items, at) {
        (_, Some(after)) => {
            let start = if at == 0 { item.text.start } else { item.whole.start };
            start..list.items[after].whole.start
        }
        (Some(before), None) => list.items[before].whole.end..item.whole.end,
        (None, None) => list.line.clone(),
    };
    // A value written before would come out of the deleted range.
    if let Some(id) = earlier(edits, &item.text) {
        edits.remove(id);
    }
    edits.delete(range);
}

/// Takes a parameter out of credentials with one of the commas beside it.
pub(super) fn remove_credential(edits: &mut Edits, list: &List, at: usize) {
    let Some(item) = list.items.get(at) else { return };
    let range = match neighbours(edits, &list.items, at) {
        (Some(_), _) => item.whole.start.saturating_sub(1)..item.text.end,
        (None, Some(after)) => item.text.start..list.items[after].whole.start,
        (None, None) => item.text.clone(),
    };
    edits.delete(range);
}

/// Puts `text` in place of `range`; an earlier replacement of just this range is overwritten. False: the range was
/// taken away before.
pub(super) fn replace(edits: &mut Edits, range: Range<usize>, text: Str) -> bool {
    if let Some(id) = earlier(edits, &range) {
        if let Some(edit) = edits.get_mut(id) {
            edit.insert = Insert::Text(text);
        }
        return true;
    }
    if edits.deletes(range.clone()) {
        return false;
    }
    edits.replace(range, text);
    true
}

/// The replacement of just this range.
fn earlier(edits: &Edits, range: &Range<usize>) -> Option<EditId> {
    edits
        .iter()
        .find(|edit| {
            edit.position == Position::Replace
                && !range.is_empty()
                && edit.start as usize == range.start
                && edit.end as usize == range.end
                && !edit.insert.is_empty()
        })
        .map(sip::Edit::id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str, separator: u8) -> Vec<String> {
        let buffer = Str::from(body);
        let items = split(&buffer, 0..buffer.len(), separator);
        items.iter().map(|item| buffer.slice(item.text.clone()).to_string()).collect()
    }

    #[test]
    fn separators_in_quotes_and_brackets_do_not_count() {
        assert_eq!(texts("a, b ;x=\"1,2\\\",3\",<sip:u,v@h>;q", b','), ["a", "b ;x=\"1,2\\\",3\"", "<sip:u,v@h>;q"]);
        assert_eq!(texts("\"<\" <sip:u;x@h>;q ; r", b';'), ["\"<\" <sip:u;x@h>", "q", "r"]);
        assert_eq!(texts("", b','), [""]);
        assert_eq!(texts("\"open, ,\\", b','), ["\"open, ,\\"]);
        assert_eq!(texts(",,", b','), ["", "", ""]);
    }
}
