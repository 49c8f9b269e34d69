//! Printing a message with its edits.
//!
//! All changes (queued edits, new Via, new Content-Length ..) become one list of changes, sorted by offset, which is
//! applied in one pass over the buffer. What is inserted inside a deleted range comes out nevertheless, and
//! overlapping deletions count as one, as in Kamailio.

use smallvec::SmallVec;

use crate::edit::{Addresses, Edit, Edits, Insert, Known, Position};
use crate::header::{HeaderName, Via};
use crate::{Message, ParseError, Str};

/// How a message is to be printed. The default prints it with its own edits and nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub struct PrintOptions<'a> {
    /// The new request-URI.
    pub request_uri: Option<&'a [u8]>,
    /// The value of a Via header to put before the first one: `SIP/2.0/UDP host;branch=..`.
    pub add_via: Option<&'a [u8]>,
    /// Whether the first value of the first Via header goes away (a reply that is sent on).
    pub remove_first_via: bool,
    /// What is added to the parameters of the received first Via (RFC 3261 18.2.1, RFC 3581).
    pub via_addition: ViaAddition<'a>,
    /// Edits of a branch and others, applied as if made after the message's own.
    pub layers: &'a [&'a Edits],
    /// What to do about Content-Length.
    pub content_length: ContentLength,
    /// What dynamic pieces stand for.
    pub addresses: Option<&'a Addresses>,
}

/// Parameters to add to the received first Via.
#[derive(Clone, Copy, Debug, Default)]
pub struct ViaAddition<'a> {
    /// The address the request came from, without brackets; takes the place of a `received` that is there.
    pub received: Option<&'a [u8]>,
    /// The port the request came from; takes the place of an `rport` that is there.
    pub rport: Option<u16>,
}

/// What to do about Content-Length when printing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContentLength {
    /// Write the new length when edits changed the length of the body; a missing header stays missing.
    #[default]
    WhenChanged,
    /// Also add the header when it is missing: the message goes over a stream.
    Required,
    /// Leave it alone.
    Keep,
}

/// One change: bytes `start..end` of the buffer make room for `piece`.
struct Change<'a> {
    start: u32,
    end: u32,
    /// How long `piece` is, when that was measured.
    length: u32,
    position: Position,
    piece: Piece<'a>,
}

impl Change<'_> {
    /// What changes are sorted by.
    fn key(&self) -> u64 {
        u64::from(self.start) << 8 | self.position as u64
    }
}

enum Piece<'a> {
    Insert(&'a Insert),
    Text(&'a [u8]),
    /// A Via header with this value.
    Via(&'a [u8]),
    /// A parameter `received` with this address, and a `;` before it when it is a new one.
    Received(bool, &'a [u8]),
    Number(Form, u32),
}

/// What stands around a number.
#[derive(Clone, Copy)]
enum Form {
    Plain,
    /// `rport=` before it, nothing or `;` after it.
    Rport,
    RportBefore,
    /// `;rport=` before it.
    RportAfter,
    /// A Content-Length header.
    Length,
}

impl Form {
    const fn around(self) -> (&'static [u8], &'static [u8]) {
        match self {
            Self::Plain => (b"", b""),
            Self::Rport => (b"rport=", b""),
            Self::RportBefore => (b"rport=", b";"),
            Self::RportAfter => (b";rport=", b""),
            Self::Length => (b"Content-Length: ", b"\r\n"),
        }
    }
}

type Changes<'a> = SmallVec<[Change<'a>; 16]>;

static NO_ADDRESSES: Addresses = Addresses { received: None, sent: None };

impl Piece<'_> {
    #[inline]
    fn write(&self, known: &Known<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Insert(Insert::Text(text)) => out.extend_from_slice(text),
            Self::Insert(insert) => insert.write(known, out),
            Self::Text(text) => out.extend_from_slice(text),
            Self::Via(value) => {
                out.extend_from_slice(b"Via: ");
                out.extend_from_slice(value);
                out.extend_from_slice(b"\r\n");
            }
            Self::Received(is_new, address) => {
                out.extend_from_slice(received(*is_new));
                out.extend_from_slice(address);
            }
            Self::Number(form, number) => {
                let (before, after) = form.around();
                out.extend_from_slice(before);
                out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
                out.extend_from_slice(after);
            }
        }
    }

    #[inline]
    fn len(&self, known: &Known<'_>) -> usize {
        match self {
            Self::Insert(insert) => insert.printed_len(known),
            Self::Text(text) => text.len(),
            Self::Via(value) => value.len() + 7,
            Self::Received(is_new, address) => received(*is_new).len() + address.len(),
            Self::Number(form, number) => {
                let (before, after) = form.around();
                before.len() + number.checked_ilog10().unwrap_or(0) as usize + 1 + after.len()
            }
        }
    }
}

/// What stands before the address in a parameter `received`.
const fn received(is_new: bool) -> &'static [u8] {
    if is_new { b";received=" } else { b"received=" }
}

impl Message {
    /// The message with all its edits, in a buffer of just the right size.
    pub fn print(&self, options: &PrintOptions<'_>) -> Vec<u8> {
        self.print_edits(options, |_| true)
    }

    fn print_edits(&self, options: &PrintOptions<'_>, wanted: fn(&Edit) -> bool) -> Vec<u8> {
        let mut known = Known { addresses: options.addresses.unwrap_or(&NO_ADDRESSES), params: SmallVec::new() };
        let mut changes = Changes::new();
        // It comes before nearly all others in the message, so it comes first here, and little has to be sorted.
        let uri_start = options.request_uri.zip(self.request_uri()).and_then(|(new, uri)| {
            let start = self.buffer().offset_of(uri)?;
            push(&mut changes, start, start + uri.len(), Position::Replace, Piece::Text(new));
            Some(start as u32)
        });
        let mut uri_is_edited = false;
        for edits in self.edit_layers(options) {
            for edit in edits.iter() {
                if edit.position == Position::RouteParam {
                    known.params.push(edit);
                } else if wanted(edit) {
                    let place = |offset: u32| (offset as usize).min(self.buffer().len());
                    let (start, end) = (place(edit.start), place(edit.end));
                    uri_is_edited |= uri_start == Some(edit.start) && edit.position == Position::Replace;
                    push(&mut changes, start, end, edit.position, Piece::Insert(&edit.insert));
                }
            }
        }
        if uri_is_edited {
            // What edits put in its place comes before it.
            changes.rotate_left(1);
        }
        self.change_via(options, &mut changes);
        sort(&mut changes);
        for change in &mut changes {
            change.length = change.piece.len(&known) as u32;
        }
        let (mut total, body) = self.measure(&changes);
        if options.content_length != ContentLength::Keep {
            let before = changes.len();
            self.change_content_length(body, options, &mut changes);
            if changes.len() != before {
                for change in changes.iter_mut().skip(before) {
                    change.length = change.piece.len(&known) as u32;
                }
                changes.sort_by_key(Change::key);
                total = self.measure(&changes).0;
            }
        }
        let buffer = self.buffer().as_bytes();
        let mut out = Vec::with_capacity(total);
        let mut at = 0;
        for change in &changes {
            let start = change.start as usize;
            if at < start {
                out.extend_from_slice(buffer.get(at..start).unwrap_or_default());
            }
            change.piece.write(&known, &mut out);
            at = at.max(start).max(change.end as usize);
        }
        out.extend_from_slice(buffer.get(at..).unwrap_or_default());
        out
    }

    /// Applies the queued edits (and what `options` say): the message becomes what would be sent (Kamailio's
    /// `msg_apply_changes`). A Record-Route that depends on where the message goes, and its parameters, stay queued.
    ///
    /// # Errors
    ///
    /// When the edits made something of it that is no message; the message is unchanged then.
    pub fn apply_edits(&mut self, options: &PrintOptions<'_>) -> Result<(), ParseError> {
        let mut next = Self::default();
        let printed = self.print_edits(options, |edit| !edit.waits());
        next.reparse(Str::from(printed))?;
        *next.edits_mut() = self.edits_mut().take_waiting(next.headers_start());
        *self = next;
        Ok(())
    }

    fn edit_layers<'a>(&'a self, options: &PrintOptions<'a>) -> impl Iterator<Item = &'a Edits> {
        std::iter::once(self.edits()).chain(options.layers.iter().copied())
    }

    fn change_via<'a>(&'a self, options: &PrintOptions<'a>, changes: &mut Changes<'a>) {
        if let Some(value) = options.add_via {
            let at = self.header(HeaderName::Via).map_or(self.headers_start(), |header| header.start as usize);
            push(changes, at, at, Position::After, Piece::Via(value));
        }
        let adds_nothing = matches!(options.via_addition, ViaAddition { received: None, rport: None });
        if adds_nothing && !options.remove_first_via {
            return;
        }
        let Ok(Some(via)) = self.via() else { return };
        let Some(header) = self.header(HeaderName::Via) else { return };
        // What the script removed stays removed, and nothing is left to add parameters to.
        if self.edit_layers(options).any(|edits| edits.deletes(header.range())) {
            return;
        }
        let Some(via_start) = self.buffer().offset_of(&via.text) else { return };
        if options.remove_first_via {
            let value = header.body_range();
            let values = self.buffer().get(..value.end).unwrap_or_default();
            let range = match Via::second_value_start(values, via_start + via.text.len()) {
                Some(next) => value.start..next,
                None => header.range(),
            };
            push(changes, range.start, range.end, Position::Replace, Piece::Text(b""));
            return;
        }
        let range_of = |name: &str| {
            let params = via_start + via.params_start();
            via.params.range_of(name).map(|range| params + range.start..params + range.end)
        };
        let received = range_of("received");
        let sent_by_end = via_start + via.sent_by_end();
        if let Some(port) = options.via_addition.rport {
            let port = u32::from(port);
            match (range_of("rport"), &received) {
                (Some(range), _) => {
                    push(changes, range.start, range.end, Position::Replace, Piece::Number(Form::Rport, port));
                }
                (None, Some(before)) => {
                    push(changes, before.start, before.start, Position::Before, Piece::Number(Form::RportBefore, port));
                }
                (None, None) => {
                    push(changes, sent_by_end, sent_by_end, Position::Before, Piece::Number(Form::RportAfter, port));
                }
            }
        }
        if let Some(address) = options.via_addition.received {
            let is_new = received.is_none();
            let range = received.unwrap_or(sent_by_end..sent_by_end);
            push(changes, range.start, range.end, Position::Replace, Piece::Received(is_new, address));
        }
    }

    /// Adds what has to change about Content-Length now that the body will have `length` bytes.
    fn change_content_length<'a>(&'a self, length: usize, options: &PrintOptions<'a>, changes: &mut Changes<'a>) {
        let body_changed = length != self.buffer().len() - self.body_start();
        if !body_changed && options.content_length != ContentLength::Required {
            return;
        }
        let number = u32::try_from(length).unwrap_or(u32::MAX);
        let mut found = false;
        for header in self.headers_named(HeaderName::ContentLength) {
            // What the script removed stays removed.
            if self.edit_layers(options).any(|edits| edits.deletes(header.range())) {
                continue;
            }
            found = true;
            let range = header.body_range();
            // A length the script wrote itself is left as it is.
            if body_changed && !self.edit_layers(options).any(|edits| edits.touches(range.clone())) {
                push(changes, range.start, range.end, Position::Replace, Piece::Number(Form::Plain, number));
            }
        }
        if !found && options.content_length == ContentLength::Required {
            let at = self.headers_end();
            push(changes, at, at, Position::After, Piece::Number(Form::Length, number));
        }
    }

    /// The length of the printed message, and of its body.
    fn measure(&self, changes: &Changes<'_>) -> (usize, usize) {
        let body_start = self.body_start();
        let (mut total, mut body, mut at) = (0, 0, 0);
        for change in changes {
            let (start, end, length) = (change.start as usize, change.end as usize, change.length as usize);
            total += start.saturating_sub(at) + length;
            body += start.saturating_sub(at.max(body_start));
            if start >= body_start {
                body += length;
            }
            at = at.max(start).max(end);
        }
        let end = self.buffer().len();
        (total + end.saturating_sub(at), body + end.saturating_sub(at.max(body_start)))
    }
}

fn push<'a>(changes: &mut Changes<'a>, start: usize, end: usize, position: Position, piece: Piece<'a>) {
    changes.push(Change { start: start as u32, end: end as u32, length: 0, position, piece });
}

/// Sorts by offset and position, otherwise in the order given; those that want to be first have the newest first.
fn sort(changes: &mut Changes<'_>) {
    if !changes.is_sorted_by_key(Change::key) {
        changes.sort_by_key(Change::key);
    }
    let mut from = 0;
    while let Some(change) = changes.get(from) {
        if change.position != Position::First {
            from += 1;
            continue;
        }
        let key = change.key();
        let same = changes[from..].iter().take_while(|change| change.key() == key).count();
        changes[from..from + same].reverse();
        from += same;
    }
}

#[cfg(test)]
mod tests;
