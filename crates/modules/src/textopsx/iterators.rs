//! Iterators over the headers and over the lines of the body.
//!
//! An iterator belongs to the message it was started on. After `msg_apply_changes()` it must be started anew: what it
//! walked over is no more.

use std::ops::Range;

use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function, variable};

/// So many iterators of a kind may be in use at once.
const MAX_ITERATORS: usize = 4;

/// Where an iterator stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the first entry.
    Start,
    /// On an entry.
    At(usize),
    /// Behind the last entry, or ended.
    End,
}

/// One iterator.
pub(crate) struct Walk {
    name: Str,
    /// The buffer it was started on; empty when it was ended.
    buffer: Str,
    /// What it walks over.
    entries: Vec<Range<usize>>,
    place: Place,
}

/// The iterators of a message.
#[derive(Default)]
pub(crate) struct Walks(Vec<Walk>);

/// The iterators over headers.
#[derive(Default)]
struct HeaderWalks(Walks);

/// The iterators over body lines.
#[derive(Default)]
struct LineWalks(Walks);

impl Walks {
    /// Starts an iterator over these ranges of `buffer`.
    pub(crate) fn start(&mut self, name: Str, buffer: Str, entries: Vec<Range<usize>>) -> Result<(), ScriptError> {
        let walk = Walk { name, buffer, entries, place: Place::Start };
        let free = |old: &Walk| old.name == walk.name || old.buffer.is_empty();
        let same = self.0.iter().position(|old| old.name == walk.name);
        match same.or_else(|| self.0.iter().position(free)) {
            Some(at) => self.0[at] = walk,
            None if self.0.len() < MAX_ITERATORS => self.0.push(walk),
            None => return Err(ScriptError::new(format!("more than {MAX_ITERATORS} iterators are in use"))),
        }
        Ok(())
    }

    /// The iterator of a name.
    pub(crate) fn get(&self, name: &Str) -> Option<&Walk> {
        self.0.iter().find(|walk| walk.name == *name)
    }

    /// The iterator; an error when it was not started, or on a message that has changed since.
    pub(crate) fn find(&mut self, name: &Str, buffer: &Str) -> Result<&mut Walk, ScriptError> {
        let walk = self.0.iter_mut().find(|walk| walk.name == *name);
        let walk = walk.ok_or_else(|| ScriptError::new(format!("the iterator `{name}` was not started")))?;
        if walk.place != Place::End && !walk.is_on(buffer) {
            return Err(ScriptError::new(format!("the message has changed: start the iterator `{name}` again")));
        }
        Ok(walk)
    }

    /// Ends an iterator.
    pub(crate) fn end(&mut self, name: &Str) -> CallResult {
        let walk = self.0.iter_mut().find(|walk| walk.name == *name);
        let walk = walk.ok_or_else(|| ScriptError::new(format!("the iterator `{name}` was not started")))?;
        (walk.buffer, walk.place) = (Str::EMPTY, Place::End);
        walk.entries.clear();
        Ok(Return::TRUE)
    }
}

impl Walk {
    /// Whether `buffer` is the very one that the iterator was started on.
    pub(crate) fn is_on(&self, buffer: &Str) -> bool {
        self.buffer.as_ptr() == buffer.as_ptr() && self.buffer.len() == buffer.len()
    }

    /// Goes to the next entry; false when there is none.
    pub(crate) fn next(&mut self) -> bool {
        let next = match self.place {
            Place::Start => 0,
            Place::At(at) => at + 1,
            Place::End => return false,
        };
        self.place = if next < self.entries.len() { Place::At(next) } else { Place::End };
        self.place != Place::End
    }

    /// From the first entry to before it counts as a step, as in Kamailio.
    fn previous(&mut self) -> bool {
        self.place = match self.place {
            Place::Start | Place::At(0) => Place::Start,
            Place::At(at) => Place::At(at - 1),
            Place::End => return false,
        };
        true
    }

    /// The entry that it stands on.
    pub(crate) fn current(&self) -> Option<Range<usize>> {
        match self.place {
            Place::At(at) => self.entries.get(at).cloned(),
            Place::Start | Place::End => None,
        }
    }
}

/// Takes the entry away that an iterator stands on.
pub(crate) fn remove(cx: &mut RouteCx, entry: Option<Range<usize>>) -> Return {
    let Some(range) = entry else { return Return::FALSE };
    if !cx.message.edits().deletes(range.clone()) {
        cx.message.edits_mut().delete(range);
    }
    Return::TRUE
}

/// Adds a text behind the entry that an iterator stands on.
pub(crate) fn append(cx: &mut RouteCx, entry: Option<Range<usize>>, text: Str) -> Return {
    let Some(range) = entry else { return Return::FALSE };
    cx.message.edits_mut().insert_before(range.end, text);
    Return::TRUE
}

/// Adds a text before the entry that an iterator stands on: behind what was appended to the entry before it.
pub(crate) fn insert(cx: &mut RouteCx, entry: Option<Range<usize>>, text: Str) -> Return {
    let Some(range) = entry else { return Return::FALSE };
    cx.message.edits_mut().insert_after(range.start, text);
    Return::TRUE
}

fn header_walk<'a>(cx: &'a mut RouteCx, name: &Str) -> Result<&'a mut Walk, ScriptError> {
    let buffer = cx.message.buffer().clone();
    cx.data::<HeaderWalks>().0.find(name, &buffer)
}

fn line_walk<'a>(cx: &'a mut RouteCx, name: &Str) -> Result<&'a mut Walk, ScriptError> {
    let buffer = cx.message.buffer().clone();
    cx.data::<LineWalks>().0.find(name, &buffer)
}

/// Starts an iterator over the headers; it stands before the first one. Up to 4 can be in use, with different names. One
/// of the same name starts again.
///
/// Returns 1; -1 when there are too many.
#[function(ANY)]
pub(super) fn hf_iterator_start(cx: &mut RouteCx, iname: Str) -> CallResult {
    let headers = cx.message.headers().iter().map(sip::Header::range).collect();
    let buffer = cx.message.buffer().clone();
    cx.data::<HeaderWalks>().0.start(iname, buffer, headers)?;
    Ok(Return::TRUE)
}

/// Ends an iterator over headers.
///
/// Returns 1; -1 when it was never started.
#[function(ANY)]
pub(super) fn hf_iterator_end(cx: &mut RouteCx, iname: Str) -> CallResult {
    cx.data::<HeaderWalks>().0.end(&iname)
}

/// Goes to the next header; after the start to the first one. `$hfitname(iname)` and `$hfitbody(iname)` show it.
///
/// Returns 1; -1 when there is none left.
#[function(ANY)]
pub(super) fn hf_iterator_next(cx: &mut RouteCx, iname: Str) -> CallResult {
    Ok(header_walk(cx, &iname)?.next().into())
}

/// Goes back to the previous header; from the first one to before it, where `$hfitname(iname)` is `$null`.
///
/// Returns 1; -1 when the iterator stands behind the last header.
#[function(ANY)]
pub(super) fn hf_iterator_prev(cx: &mut RouteCx, iname: Str) -> CallResult {
    Ok(header_walk(cx, &iname)?.previous().into())
}

/// Takes away the header that the iterator stands on.
///
/// Returns 1; -1 when it stands on none.
#[function(ANY)]
pub(super) fn hf_iterator_rm(cx: &mut RouteCx, iname: Str) -> CallResult {
    let entry = header_walk(cx, &iname)?.current();
    Ok(remove(cx, entry))
}

/// Adds header lines (with `\r\n`) behind the header that the iterator stands on.
///
/// Returns 1; -1 when it stands on none.
#[function(ANY)]
pub(super) fn hf_iterator_append(cx: &mut RouteCx, iname: Str, htext: Str) -> CallResult {
    let entry = header_walk(cx, &iname)?.current();
    Ok(append(cx, entry, htext))
}

/// Adds header lines (with `\r\n`) before the header that the iterator stands on.
///
/// Returns 1; -1 when it stands on none.
#[function(ANY)]
pub(super) fn hf_iterator_insert(cx: &mut RouteCx, iname: Str, htext: Str) -> CallResult {
    let entry = header_walk(cx, &iname)?.current();
    Ok(insert(cx, entry, htext))
}

/// Starts an iterator over the lines of the body; it stands before the first one. Up to 4 can be in use, with different
/// names. One of the same name starts again.
///
/// Returns 1; -1 when there are too many.
#[function(ANY)]
pub(super) fn bl_iterator_start(cx: &mut RouteCx, iname: Str) -> CallResult {
    let buffer = cx.message.buffer().clone();
    let mut start = cx.message.body_start();
    let end = start + cx.message.declared_body().len();
    let mut lines = Vec::new();
    while start < end {
        let rest = buffer.get(start..end).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == b'\n').map_or(end - start, |at| at + 1);
        lines.push(start..start + length);
        start += length;
    }
    cx.data::<LineWalks>().0.start(iname, buffer, lines)?;
    Ok(Return::TRUE)
}

/// Ends an iterator over body lines.
///
/// Returns 1; -1 when it was never started.
#[function(ANY)]
pub(super) fn bl_iterator_end(cx: &mut RouteCx, iname: Str) -> CallResult {
    cx.data::<LineWalks>().0.end(&iname)
}

/// Goes to the next line of the body; after the start to the first one. `$blitval(iname)` shows it.
///
/// Returns 1; -1 when there is none left.
#[function(ANY)]
pub(super) fn bl_iterator_next(cx: &mut RouteCx, iname: Str) -> CallResult {
    Ok(line_walk(cx, &iname)?.next().into())
}

/// Takes away the body line that the iterator stands on.
///
/// Returns 1; -1 when it stands on none.
#[function(ANY)]
pub(super) fn bl_iterator_rm(cx: &mut RouteCx, iname: Str) -> CallResult {
    let entry = line_walk(cx, &iname)?.current();
    Ok(remove(cx, entry))
}

/// Adds text (with `\r\n`) behind the body line that the iterator stands on.
///
/// Returns 1; -1 when it stands on none.
#[function(ANY)]
pub(super) fn bl_iterator_append(cx: &mut RouteCx, iname: Str, text: Str) -> CallResult {
    let entry = line_walk(cx, &iname)?.current();
    Ok(append(cx, entry, text))
}

/// Adds text (with `\r\n`) before the body line that the iterator stands on.
///
/// Returns 1; -1 when it stands on none.
#[function(ANY)]
pub(super) fn bl_iterator_insert(cx: &mut RouteCx, iname: Str, text: Str) -> CallResult {
    let entry = line_walk(cx, &iname)?.current();
    Ok(insert(cx, entry, text))
}

/// The header that the iterator of that name stands on.
fn header<'a>(cx: &'a RouteCx, name: &Str) -> Option<&'a sip::Header> {
    let walk = cx.find_data::<HeaderWalks>()?.0.get(name)?;
    match walk.place {
        Place::At(at) if walk.is_on(cx.message.buffer()) => cx.message.headers().get(at),
        _ => None,
    }
}

/// Name of the header that the iterator in parentheses stands on; `$null` when it stands on none.
#[variable("hfitname")]
pub(super) fn hfitname(cx: &RouteCx, iname: Str) -> Value {
    header(cx, &iname).map(|header| cx.message.name_of(header)).into()
}

/// Body of the header that the iterator in parentheses stands on; `$null` when it stands on none.
#[variable("hfitbody")]
pub(super) fn hfitbody(cx: &RouteCx, iname: Str) -> Value {
    header(cx, &iname).map(|header| cx.message.body_of(header)).into()
}

/// Body line, with its line end, that the iterator in parentheses stands on; `$null` when it stands on none.
#[variable("blitval")]
pub(super) fn blitval(cx: &RouteCx, iname: Str) -> Value {
    let walk = cx.find_data::<LineWalks>().and_then(|walks| walks.0.get(&iname));
    let walk = walk.filter(|walk| walk.is_on(cx.message.buffer()));
    walk.and_then(Walk::current).map(|range| cx.message.buffer().slice(range)).into()
}
