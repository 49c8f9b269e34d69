//! Iterators over headers (`hf_iterator_*`) and lines of the body (`bl_iterator_*`), and their variables.

use std::marker::PhantomData;
use std::ops::Range;

use engine::{CallResult, Return, RouteCx, ScriptError, Str, Value, function, variable};
use sip::Header;

/// At most so many of a kind at a time, as in Kamailio.
const MAX: usize = 4;

/// Where an iterator stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    BeforeFirst,
    /// At a header (its number), or a line (its offset in the body).
    At(usize),
    Ended,
}

/// The iterators of a message.
struct Iterators<K> {
    list: Vec<(Str, State)>,
    kind: PhantomData<K>,
}

impl<K> Default for Iterators<K> {
    fn default() -> Self {
        Self { list: Vec::new(), kind: PhantomData }
    }
}

/// Headers.
struct Headers;
/// Lines of the body.
struct Lines;

impl<K> Iterators<K> {
    fn start(&mut self, name: Str) -> CallResult {
        let named = self.list.iter().position(|(known, _)| *known == name);
        let slot = named.or_else(|| {
            if self.list.len() < MAX {
                self.list.push((Str::EMPTY, State::Closed));
                return Some(self.list.len() - 1);
            }
            self.list.iter().position(|(_, state)| *state == State::Closed)
        });
        let slot = slot.ok_or_else(|| format!("there are {MAX} iterators already"))?;
        self.list[slot] = (name, State::BeforeFirst);
        Ok(Return::TRUE)
    }

    fn find(&mut self, name: &Str) -> Result<&mut State, ScriptError> {
        let found = self.list.iter_mut().find(|(known, _)| known == name).map(|(_, state)| state);
        found.ok_or_else(|| format!("there is no iterator `{name}`").into())
    }

    fn end(&mut self, name: &Str) -> CallResult {
        *self.find(name)? = State::Closed;
        Ok(Return::TRUE)
    }
}

fn state<K: Send + 'static>(cx: &RouteCx, name: &Str) -> Option<State> {
    let iterators = cx.find_data::<Iterators<K>>()?;
    iterators.list.iter().find(|(known, _)| known == name).map(|(_, state)| *state)
}

/// The header at which an iterator stands.
fn header(cx: &RouteCx, name: &Str) -> Option<Header> {
    match state::<Headers>(cx, name)? {
        State::At(at) => cx.message.headers().get(at).copied(),
        _ => None,
    }
}

/// The line of the body at which an iterator stands, its end included.
fn line(cx: &RouteCx, name: &Str) -> Option<Range<usize>> {
    let State::At(start) = state::<Lines>(cx, name)? else { return None };
    let body = cx.message.body();
    let rest = body.get(start..).filter(|rest| !rest.is_empty())?;
    let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |newline| newline + 1);
    Some(start..start + length)
}

/// Queues `text` before or behind what an iterator stands at.
fn put(cx: &mut RouteCx, range: Option<Range<usize>>, behind: bool, text: Str) -> CallResult {
    let Some(range) = range else { return Ok(Return::FALSE) };
    if !text.is_empty() {
        cx.message.edits_mut().insert_before(if behind { range.end } else { range.start }, text);
    }
    Ok(Return::TRUE)
}

fn remove(cx: &mut RouteCx, range: Option<Range<usize>>) -> CallResult {
    let Some(range) = range else { return Ok(Return::FALSE) };
    cx.message.edits_mut().delete(range);
    Ok(Return::TRUE)
}

/// The same range in the message.
fn in_message(cx: &RouteCx, line: Option<Range<usize>>) -> Option<Range<usize>> {
    let start = cx.message.body_start();
    line.map(|line| start + line.start..start + line.end)
}

/// Starts an iterator over the headers of the message; `hf_iterator_next` moves it to the first one. There can be four at
/// a time. An iterator of that name starts anew.
#[function(ANY)]
pub fn hf_iterator_start(cx: &mut RouteCx, name: Str) -> CallResult {
    cx.data::<Iterators<Headers>>().start(name)
}

/// Ends an iterator over headers.
#[function(ANY)]
pub fn hf_iterator_end(cx: &mut RouteCx, name: Str) -> CallResult {
    cx.data::<Iterators<Headers>>().end(&name)
}

/// Moves an iterator to the next header. -1 when there is none.
#[function(ANY)]
pub fn hf_iterator_next(cx: &mut RouteCx, name: Str) -> CallResult {
    let count = cx.message.headers().len();
    let state = cx.data::<Iterators<Headers>>().find(&name)?;
    let next = match *state {
        State::BeforeFirst => 0,
        State::At(at) => at + 1,
        State::Closed | State::Ended => return Ok(Return::FALSE),
    };
    *state = if next < count { State::At(next) } else { State::Ended };
    Ok((next < count).into())
}

/// Moves an iterator to the previous header; before the first one its variables are `$null`. -1 behind the last one.
#[function(ANY)]
pub fn hf_iterator_prev(cx: &mut RouteCx, name: Str) -> CallResult {
    let state = cx.data::<Iterators<Headers>>().find(&name)?;
    *state = match *state {
        State::At(at) if at > 0 => State::At(at - 1),
        State::At(_) | State::BeforeFirst => State::BeforeFirst,
        State::Closed | State::Ended => return Ok(Return::FALSE),
    };
    Ok(Return::TRUE)
}

/// Removes the header at which an iterator stands. -1 when it stands at none.
#[function(ANY)]
pub fn hf_iterator_rm(cx: &mut RouteCx, name: Str) -> CallResult {
    let range = header(cx, &name).map(|header| header.range());
    remove(cx, range)
}

/// Puts `text` (headers, each with CRLF) behind the header at which an iterator stands. -1 when it stands at none.
#[function(ANY)]
pub fn hf_iterator_append(cx: &mut RouteCx, name: Str, text: Str) -> CallResult {
    let range = header(cx, &name).map(|header| header.range());
    put(cx, range, true, text)
}

/// Puts `text` (headers, each with CRLF) before the header at which an iterator stands. -1 when it stands at none.
#[function(ANY)]
pub fn hf_iterator_insert(cx: &mut RouteCx, name: Str, text: Str) -> CallResult {
    let range = header(cx, &name).map(|header| header.range());
    put(cx, range, false, text)
}

/// The name of the header at which an iterator stands; `$null` when it stands at none.
#[variable("hfitname")]
pub fn hfitname(cx: &RouteCx, name: Str) -> Value {
    header(cx, &name).map(|header| cx.message.name_of(&header)).into()
}

/// The value of the header at which an iterator stands; `$null` when it stands at none.
#[variable("hfitbody")]
pub fn hfitbody(cx: &RouteCx, name: Str) -> Value {
    header(cx, &name).map(|header| cx.message.body_of(&header)).into()
}

/// Starts an iterator over the lines of the body; `bl_iterator_next` moves it to the first one. There can be four at a
/// time. An iterator of that name starts anew.
#[function(ANY)]
pub fn bl_iterator_start(cx: &mut RouteCx, name: Str) -> CallResult {
    cx.data::<Iterators<Lines>>().start(name)
}

/// Ends an iterator over lines.
#[function(ANY)]
pub fn bl_iterator_end(cx: &mut RouteCx, name: Str) -> CallResult {
    cx.data::<Iterators<Lines>>().end(&name)
}

/// Moves an iterator to the next line of the body. -1 when there is none.
#[function(ANY)]
pub fn bl_iterator_next(cx: &mut RouteCx, name: Str) -> CallResult {
    let length = cx.message.body().len();
    let behind = line(cx, &name).map_or(length, |line| line.end);
    let state = cx.data::<Iterators<Lines>>().find(&name)?;
    let next = match *state {
        State::BeforeFirst => 0,
        State::At(_) => behind,
        State::Closed | State::Ended => return Ok(Return::FALSE),
    };
    *state = if next < length { State::At(next) } else { State::Ended };
    Ok((next < length).into())
}

/// Removes the line at which an iterator stands. -1 when it stands at none.
#[function(ANY)]
pub fn bl_iterator_rm(cx: &mut RouteCx, name: Str) -> CallResult {
    let range = in_message(cx, line(cx, &name));
    remove(cx, range)
}

/// Puts `text` behind the line at which an iterator stands. -1 when it stands at none.
#[function(ANY)]
pub fn bl_iterator_append(cx: &mut RouteCx, name: Str, text: Str) -> CallResult {
    let range = in_message(cx, line(cx, &name));
    put(cx, range, true, text)
}

/// Puts `text` before the line at which an iterator stands. -1 when it stands at none.
#[function(ANY)]
pub fn bl_iterator_insert(cx: &mut RouteCx, name: Str, text: Str) -> CallResult {
    let range = in_message(cx, line(cx, &name));
    put(cx, range, false, text)
}

/// The line at which an iterator stands, its end included; `$null` when it stands at none.
#[variable("blitval")]
pub fn blitval(cx: &RouteCx, name: Str) -> Value {
    line(cx, &name).map(|line| cx.message.body().slice(line)).into()
}
